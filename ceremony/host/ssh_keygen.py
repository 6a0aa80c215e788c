# SPDX-License-Identifier: Apache-2.0
"""Signatures of people by the real `ssh-keygen -Y sign` (PROTOCOL.sshsig): `ports.Cosigner`.

`KeyFileCosigner` signs with key files that people brought; `ssh-keygen` speaks with
the person itself, on the terminal, so a passphrase or a FIDO key's PIN never passes
through here (`own_keys` asks each person for theirs). `PracticeCosigner` signs with throw-away keys that are held in memory and
reach `ssh-keygen` as an anonymous file descriptor, never as a file. Nothing is
verified here: who uses a signature verifies it, with `core.cosign`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from ceremony.host.key_file import in_memory

PROGRAM = "ssh-keygen"
_SECONDS = 60
"""How long a signature with a key in memory may take."""
_STDERR = 2
_KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "TERM")
"""Variables that OpenSSH's programs get: none that names a program to ask with, a library or an agent."""


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
        with in_memory(key.private.reveal()) as (path, keep):
            return _run(_command(path, namespace), message, f"the practice key of {person}", keep=keep, timeout=_SECONDS)


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


def sign_on_terminal(
    key: str, namespace: str, message: bytes, *, called: str, keep: tuple[int, ...] = (), agent: str = ""
) -> bytes:
    """Return the armored SSHSIG over `message` by the key at the path `key`; `ssh-keygen` has the terminal until it ends.

    `called` is how people know the key, `keep` are file descriptors that it inherits, `agent` is the socket of the only agent that it may ask. Raises
    CeremonyError, which repeats its last words: the terminal that showed them is gone by then.
    """
    with _in_memory("message") as given, _in_memory("signature") as armored:
        given.write(message)
        given.seek(0)
        code, said = _speak(_command(key, namespace), given, armored, keep, environment(agent))
        armored.seek(0)
        return _made(armored.read(), code, said, called, hint="try again, or choose another key")


def _in_memory(name: str) -> BinaryIO:
    return os.fdopen(os.memfd_create(name, os.MFD_CLOEXEC), "w+b")


def _speak(
    command: Sequence[str], given: BinaryIO, taken: BinaryIO, keep: tuple[int, ...], env: Mapping[str, str]
) -> tuple[int, bytes]:
    """Run a program that speaks with a person; return how it ended, and what it said besides its questions."""
    leader, follower = os.openpty()  # where its errors go: it tells of a touch only on a terminal, and pipes are none
    try:
        try:
            program = subprocess.Popen(command, stdin=given, stdout=taken, stderr=follower, pass_fds=keep, env=env)
        finally:
            os.close(follower)
        with program:
            said = _passed_on(leader)
            return program.wait(), said
    except FileNotFoundError as error:
        raise _missing() from error
    finally:
        os.close(leader)


def _passed_on(leader: int) -> bytes:
    """Return what is said on a terminal until all who could speak have ended, and show it meanwhile."""
    said = b""
    with suppress(OSError):  # EIO: the other side is closed
        while data := os.read(leader, 4096):
            said += data
            with suppress(OSError):  # our own terminal may be gone
                os.write(_STDERR, data)
    return said


def environment(agent: str = "") -> dict[str, str]:
    """Return the environment of OpenSSH's programs: nothing but what they need, and the agent's socket if there is one."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "SSH_AUTH_SOCK": agent} if agent else kept


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
        raise _missing() from error
    except subprocess.TimeoutExpired as error:
        raise CeremonyError(f"{PROGRAM} did not end within {_SECONDS} seconds", hint="try again") from error
    hint = "check the passphrase, and the key file's owner and mode"
    return _made(done.stdout, done.returncode, done.stderr or b"", key, hint=hint)


def _made(armored: bytes, code: int, said: bytes, key: str, *, hint: str) -> bytes:
    """Return the signature; raises CeremonyError when there is none."""
    if code == 0 and armored:
        return armored
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    words = "".join(f": {''.join(char for char in line.strip() if char.isprintable())}" for line in last)
    raise CeremonyError(f"{PROGRAM} did not sign with {key} (exit {code}){words}", hint=hint)


def _missing() -> CeremonyError:
    return CeremonyError(f"{PROGRAM} is not installed", hint="install the package openssh-client")
