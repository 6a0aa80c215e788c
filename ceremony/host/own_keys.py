# SPDX-License-Identifier: Apache-2.0
"""People sign with keys of their own (`ports.Cosigner`): each says where it is, `ssh-keygen` does the rest.

The plan names the public half. The private one is a file on the person's own medium (of
a FIDO key, what OpenSSH keeps of it), or is in an agent. It is compared before anything
is signed, and the signature is verified before it is given back. Passphrases, PINs and
touches are between the person and `ssh-keygen`, which the screen lends its terminal. A
person who cannot sign here and now says so; nobody else decides that, and no clock.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ceremony.core import consent, roll
from ceremony.core.cosign import SshPublicKey, parse_public_key, verify
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.core.plan import Person
from ceremony.core.ports import Operator, Option, Prompt
from ceremony.errors import CeremonyError, Stopped, VerificationError
from ceremony.host import key_file
from ceremony.host.ssh_keygen import environment, sign_on_terminal

AGENT_PROGRAM = "ssh-add"
_AGENT_SECONDS = 10
_WHAT = {roll.NAMESPACE: "answer the roll call", HEAD_NAMESPACE: "sign the final head"}
"""Namespace → what a person does by signing; what a consent is to, its text says."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a private key is: in a file, or, without one, in the agent."""

    file: Path | None = None

    def __str__(self) -> str:
        return str(self.file) if self.file else "the key in the agent"


class SystemCosigner:
    """`ports.Cosigner` over the keys that people bring; remembers, as long as it lives, where each person's is.

    `agent` is the socket of an SSH agent (`SSH_AUTH_SOCK`), empty for none.
    """

    def __init__(self, people: Iterable[Person], operator: Operator, *, agent: str = "") -> None:
        self._lines = {person.name: person.key for person in people}
        self._operator = operator
        self._agent = agent
        self._known: dict[str, _Way] = {}

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        """Return the armored SSHSIG of `person`, verified; None when they have no key in the plan, or cannot sign here and now.

        Whatever goes wrong is told, and asked about. Raises Stopped.
        """
        if not self._lines.get(person):
            return None
        key = parse_public_key(self._lines[person], f"key of {person}")
        trouble: CeremonyError | None = None
        while True:
            chosen = self._choose(person, key, _does(namespace, message), trouble)
            if chosen == "none":
                return None
            try:
                way = self._way(person, key, chosen)
                return self._signed(person, key, way, namespace, message)
            except Stopped:
                raise
            except CeremonyError as error:
                trouble = error

    def _choose(self, person: str, key: SshPublicKey, does: str, trouble: CeremonyError | None) -> str:
        known, held = self._known.get(person), self._held_by_agent(key)
        options = [
            *([Option("same", f"Sign with {known}")] if known else []),
            *([Option("agent", "Sign with the key in the agent")] if held and known != _Way() else []),
            Option("file", "Name another key file" if known else "Name the file of my key", "on a medium of your own"),
            Option("none", "I cannot sign here and now", "then it is taken as not signed"),
        ]
        detail = f"{trouble.message}. {trouble.hint}." if trouble else f"The key is {key.kind}, {key.fingerprint}."
        prompt = Prompt(f"sign:{person}", f"{person}: {does}", detail=detail, who=person, alarm=trouble is not None)
        return self._operator.choose(prompt, options)

    def _way(self, person: str, key: SshPublicKey, chosen: str) -> _Way:
        known = self._known.get(person)
        if chosen == "same" and known:
            return known
        way = _Way() if chosen == "agent" else _Way(self._file(person, key))
        self._known[person] = way
        return way

    def _file(self, person: str, key: SshPublicKey) -> Path:
        detail = (
            "The path of the private key, which stays where it is. ssh-keygen itself asks for its passphrase, or for a touch."
        )
        prompt = Prompt(f"key-file:{person}", f"{person}: where is your key?", detail=detail, who=person)
        return key_file.find(self._operator.ask(prompt).strip(), key)

    def _signed(self, person: str, key: SshPublicKey, way: _Way, namespace: str, message: bytes) -> bytes:
        with self._operator.lend(
            f"{person} signs with {way}.\nCtrl+C gives up; nothing that is typed here is seen by the ceremony."
        ):
            if way.file is None:
                with key_file.in_memory(key.line.encode()) as (path, keep):
                    armored = sign_on_terminal(path, namespace, message, called=str(way), keep=keep, agent=self._agent)
            else:
                with key_file.usable(way.file) as (path, keep):
                    armored = sign_on_terminal(path, namespace, message, called=str(way), keep=keep)
        verify(armored, message, key, namespace, f"signature of {person}")
        return armored

    def _held_by_agent(self, key: SshPublicKey) -> bool:
        """Tell whether the agent holds the private half; one that does not answer holds nothing."""
        if not self._agent:
            return False
        try:
            done = subprocess.run(
                [AGENT_PROGRAM, "-L"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_AGENT_SECONDS,
                env=environment(self._agent),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return any(_is(line, key) for line in done.stdout.splitlines())


def _does(namespace: str, message: bytes) -> str:
    """Return what a person does by signing."""
    if namespace == consent.NAMESPACE:
        return f"agree to {consent.parse(message, 'consent').words}"
    return _WHAT.get(namespace, f"sign for {namespace}")


def _is(line: str, key: SshPublicKey) -> bool:
    try:
        return parse_public_key(line) == key
    except VerificationError:
        return False
