# SPDX-License-Identifier: Apache-2.0
"""Signatures of people by the real `ssh-keygen -Y sign` (PROTOCOL.sshsig): `ports.Cosigner`.

`KeyFileCosigner` signs with key files that people brought; `ssh-keygen` speaks with
the person itself, on the terminal, so a passphrase or a FIDO key's PIN never passes
through here. `PracticeCosigner` signs with throw-away keys that are held in memory and
reach `ssh-keygen` as an anonymous file descriptor, never as a file. Nothing is
verified here: who uses a signature verifies it, with `core.cosign`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError

PROGRAM = "ssh-keygen"
_SECONDS = 60
"""How long a signature with a key in memory may take."""


@dataclass(frozen=True, slots=True)
class PracticeKey:
    """A throw-away Ed25519 key of a person in a rehearsal."""

    public: str
    """The OpenSSH public key, one line without its end."""
    private: Secret
    """The private key in OpenSSH's own format, unencrypted."""


def make_practice_keys(names: Iterable[str]) -> dict[str, PracticeKey]:
    """Make a throw-away key for each name; the public lines carry the comment `practice`."""
    return {name: _make_practice_key() for name in names}


def _make_practice_key() -> PracticeKey:
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    text = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    return PracticeKey(f"{public.decode()} practice", Secret(text))


class PracticeCosigner:
    """`ports.Cosigner` over practice keys by name; for practice only."""

    def __init__(self, keys: Mapping[str, PracticeKey]) -> None:
        self._keys = dict(keys)

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        """Return the armored SSHSIG of `person`, None for one without a practice key; raises CeremonyError."""
        key = self._keys.get(person)
        if key is None:
            return None
        fd = os.memfd_create("practice-key", os.MFD_CLOEXEC)
        try:
            os.fchmod(fd, 0o600)  # ssh-keygen refuses keys that others may read
            os.write(fd, key.private.reveal())
            command = _command(f"/proc/self/fd/{fd}", namespace)
            return _run(command, message, f"the practice key of {person}", keep=(fd,), timeout=_SECONDS)
        finally:
            os.close(fd)


class KeyFileCosigner:
    """`ports.Cosigner` over key files by person: private keys, or public ones whose private half an agent holds."""

    def __init__(self, keys: Mapping[str, Path]) -> None:
        self._keys = dict(keys)

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        """Return the armored SSHSIG of `person`, None for one without a key file; raises CeremonyError."""
        path = self._keys.get(person)
        return None if path is None else sign_with_key(path, namespace, message)


def sign_with_key(path: Path, namespace: str, message: bytes) -> bytes:
    """Return the armored SSHSIG over `message` by the key at `path`; `ssh-keygen` asks for its passphrase on the terminal.

    Raises CeremonyError when the key cannot be used; what `ssh-keygen` says of it stands on stderr.
    """
    if not path.is_file():
        raise CeremonyError(f"there is no key at {path}", hint="name the private key file, or the .pub file of a key in an agent")
    return _run(_command(str(path.absolute()), namespace), message, str(path))


def _command(key: str, namespace: str) -> list[str]:
    return [PROGRAM, "-Y", "sign", "-q", "-n", namespace, "-f", key]


def _run(command: Sequence[str], message: bytes, key: str, *, keep: tuple[int, ...] = (), timeout: float | None = None) -> bytes:
    # A key file's owner is spoken with on the terminal; with a key in memory there is nothing to say to anyone.
    stderr = subprocess.PIPE if keep else None
    try:
        done = subprocess.run(
            command, input=message, stdout=subprocess.PIPE, stderr=stderr, pass_fds=keep, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        raise CeremonyError(f"{PROGRAM} is not installed", hint="install the package openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise CeremonyError(f"{PROGRAM} did not end within {_SECONDS} seconds", hint="try again") from error
    if done.returncode != 0 or not done.stdout:
        said = (done.stderr or b"").decode(errors="replace").strip().splitlines()
        raise CeremonyError(
            f"{PROGRAM} did not sign with {key} (exit {done.returncode})" + (f": {said[-1]}" if said else ""),
            hint="check the passphrase, and the key file's owner and mode",
        )
    return done.stdout
