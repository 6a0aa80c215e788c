# SPDX-License-Identifier: Apache-2.0
"""Private key files that people bring on media of their own: found, and compared with the public half that is wanted.

No secret is read out of them: the public half stands in the clear in OpenSSH's own
format (PROTOCOL.key), and beside older ones in a file whose name ends in `.pub`.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ceremony.core.cosign import SshPublicKey, parse_public_key
from ceremony.core.sshwire import NotSshData, Reader
from ceremony.errors import CeremonyError, VerificationError

MAX_KEY = 64 * 1024
"""Bytes of a key file; RSA keys of 16384 bits need 13 KiB."""

_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
_OTHER = re.compile(rb"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----")
"""How PEM and PKCS#8 files begin, which say nothing of their public half."""
_MAGIC = b"openssh-key-v1\0"
_ANOTHER = "name the file of this very key, as it is on your own medium"


def find(text: str, wanted: SshPublicKey) -> Path:
    """Return the path of the private half of `wanted`, which `text` names, or names by the `.pub` file beside it.

    Raises CeremonyError for what cannot be read, is no private key, or is that of another key.
    """
    if not text:
        raise CeremonyError("no file was named", hint=_ANOTHER)
    path = Path(text).absolute()
    if path.suffix == ".pub":
        path = path.with_suffix("")
    found = _public_half(path)
    if found != wanted:
        raise CeremonyError(f"{path} is the private half of {found.fingerprint}, not of {wanted.fingerprint}", hint=_ANOTHER)
    return path


def public_half(path: Path) -> SshPublicKey:
    """Return the public half that a private key file states, or that a `.pub` file is; raises CeremonyError."""
    if path.suffix == ".pub":
        return parse_public_key(_read(path).decode(errors="replace"), str(path))
    return _public_half(path)


@contextmanager
def usable(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield a path under which `ssh-keygen` takes the key, and the file descriptors that belong to it; raises CeremonyError.

    On a vfat stick every file is open to everybody, and `ssh-keygen` refuses such a key: then it gets a copy in memory.
    """
    if not _open_to_others(path):
        yield str(path), ()
        return
    data = _read(path)
    if not data.startswith(_BEGIN):
        hint = f"close it to others (chmod 600), or bring it in OpenSSH's own format (ssh-keygen -p -f {path.name})"
        raise CeremonyError(f"{path} can be read by others, and ssh-keygen refuses it then", hint=hint)
    with in_memory(data) as copy:
        yield copy


@contextmanager
def in_memory(data: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield a path of a file in memory, which only this process and those that inherit its descriptor have, and that descriptor."""
    fd = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        os.fchmod(fd, 0o600)  # ssh-keygen refuses keys that others may read
        os.write(fd, data)
        yield f"/proc/self/fd/{fd}", (fd,)
    finally:
        os.close(fd)


def _public_half(path: Path) -> SshPublicKey:
    data = _read(path)
    if data.startswith(_BEGIN):
        return _stated(data, path)
    if not _OTHER.match(data):
        raise CeremonyError(f"{path} is no private key", hint=_ANOTHER)
    beside = path.with_name(f"{path.name}.pub")
    try:
        return parse_public_key(_read(beside).decode(errors="replace"), str(beside))
    except CeremonyError as error:
        raise CeremonyError(
            f"{path} does not say which key it is: {error.message}",
            hint=f"bring its .pub file too, or bring it in OpenSSH's own format (ssh-keygen -p -f {path.name})",
        ) from error


def _stated(data: bytes, path: Path) -> SshPublicKey:
    """Return the public half that a private key in OpenSSH's own format states."""
    try:
        blob = _public_blob(base64.b64decode(data.removeprefix(_BEGIN).partition(_END)[0]))
        return parse_public_key(f"{Reader(blob).text()} {base64.b64encode(blob).decode()}", str(path))
    except (ValueError, NotSshData, VerificationError) as error:
        raise CeremonyError(f"{path} is a damaged private key", hint=_ANOTHER) from error


def _public_blob(data: bytes) -> bytes:
    """Return the public key of PROTOCOL.key, section 1; raises NotSshData."""
    reader = Reader(data)
    magic = reader.take(len(_MAGIC))
    for _ in ("cipher", "kdf", "its options"):
        reader.string()
    if magic != _MAGIC or int.from_bytes(reader.take(4)) != 1:
        raise NotSshData("it is of another version")
    return reader.string()


def _open_to_others(path: Path) -> bool:
    """Tell whether `ssh-keygen` would refuse a key for its mode: it looks only at files of its own user."""
    about = path.stat()
    return about.st_uid == os.getuid() and bool(about.st_mode & 0o077)


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CeremonyError(f"{path} is not a plain file", hint=_ANOTHER)
        with path.open("rb") as file:
            data = file.read(MAX_KEY + 1)
    except FileNotFoundError as error:
        raise CeremonyError(f"there is no file at {path}", hint="put your own medium in, and name the file on it") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such path can be"
        raise CeremonyError(
            f"{path} cannot be read ({reason})", hint="correct its owner and mode, or name another file"
        ) from error
    if len(data) > MAX_KEY:
        raise CeremonyError(f"{path} is longer than the {MAX_KEY} bytes of a key", hint=_ANOTHER)
    return data
