# SPDX-License-Identifier: Apache-2.0
"""A rehearsal's folder: throw-away tokens, folders as media, throw-away keys for the people, and what they know.

    DIR/ceremony/               the ceremony folder
    DIR/volumes/a, volumes/b    folders in the volumes' place
    DIR/courier
    DIR/old/a, old/b            in a recovery: copies of the volumes of the rehearsal before it
    DIR/tokens/                 SoftHSM tokens
    DIR/practice-secrets.json   PINs, passphrases, people's keys and those of a server, of the rehearsal

`practice-secrets.json` exists in practice only. It is replaced whole, so a crash
leaves the old one or the new one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ceremony.core.ports import Entropy, Operator, Prompt
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError

SECRETS = "practice-secrets.json"
PIN_DIGITS = 8
_HINT = "name the folder of a rehearsal, with everything that it left"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The places of a rehearsal."""

    root: Path

    @property
    def ceremony(self) -> Path:
        """The ceremony folder."""
        return self.root / "ceremony"

    @property
    def tokens(self) -> Path:
        """Where the throw-away tokens live."""
        return self.root / "tokens"

    @property
    def secrets(self) -> Path:
        """What the rehearsal's people know."""
        return self.root / SECRETS

    def media(self) -> Mapping[str, Path]:
        """Return role → the folder that stands in for a medium."""
        return {"a": self.root / "volumes" / "a", "b": self.root / "volumes" / "b", "courier": self.root / "courier"}

    def old(self) -> Sequence[Path]:
        """Return the folders that stand in for the volumes of an earlier ceremony: those that are there."""
        return [path for path in (self.root / "old" / "a", self.root / "old" / "b") if path.is_dir()]

    def make(self) -> None:
        """Make the folder, synced; raises CeremonyError when it exists or cannot be made."""
        if not str(self.root.absolute()).isprintable():
            raise CeremonyError(
                f"{self.root} cannot be used: its name is not plain text", hint="name a folder in printable UTF-8"
            )
        try:
            self.root.mkdir(mode=0o700)
        except FileExistsError as error:
            raise CeremonyError(f"{self.root} exists already", hint="name a new folder; nothing is overwritten") from error
        except OSError as error:
            raise self._not_made(error) from error
        try:
            for path in (self.ceremony, *self.media().values()):
                path.mkdir(parents=True)
            for path in (self.root.parent, self.root, self.root / "volumes"):
                _sync(path)
        except OSError as error:
            self.remove()
            raise self._not_made(error) from error

    def remove(self) -> None:
        """Remove what `make` made, when the rehearsal cannot be begun; never raises."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _not_made(self, error: OSError) -> CeremonyError:
        return CeremonyError(f"{self.root} cannot be made: {error.strerror}", hint="name a folder that you can write to")


@dataclass(slots=True)
class PracticeSecrets:
    """What the people of a rehearsal know: question key → secret, each person's private key, and those of its practice server."""

    path: Path
    answers: dict[str, Secret] = field(default_factory=dict, repr=False)
    people: dict[str, tuple[str, Secret]] = field(default_factory=dict, repr=False)
    """Name → public key line, and the OpenSSH private key."""
    servers: dict[str, Secret] = field(default_factory=dict, repr=False)
    """Fingerprint of the public half → a key of the practice server, PKCS#8 PEM; none where a request was brought."""

    def save(self) -> None:
        """Write the file, readable by its owner only, synced; raises CeremonyError."""
        data = {
            "practice": "PRACTICE ONLY: no such file exists in production",
            "answers": {key: secret.text() for key, secret in self.answers.items()},
            "people": {name: {"public": public, "private": private.text()} for name, (public, private) in self.people.items()},
            "servers": {fingerprint: private.text() for fingerprint, private in self.servers.items()},
        }
        partial = self.path.with_suffix(".part")
        try:
            partial.unlink(missing_ok=True)  # torn by a crash
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(descriptor)
            partial.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            raise CeremonyError(f"{self.path} cannot be written: {error.strerror}", hint="make room, then resume") from error


def load(path: Path) -> PracticeSecrets:
    """Return what a rehearsal's file holds; raises CeremonyError when it is not there, or not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        answers = {key: Secret(_text(value)) for key, value in data["answers"].items()}
        people = {name: (_text(entry["public"]), Secret(_text(entry["private"]))) for name, entry in data["people"].items()}
        servers = {fingerprint: Secret(_text(value)) for fingerprint, value in data.get("servers", {}).items()}
    except OSError as error:
        raise CeremonyError(f"{path} cannot be read: {error.strerror}", hint=_HINT) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CeremonyError(f"{path} is not what a rehearsal left", hint=_HINT) from error
    return PracticeSecrets(path, answers, people, servers)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def new_pins(names: Sequence[str], entropy: Entropy) -> Mapping[str, tuple[Secret, Secret]]:
    """Return a user PIN and an SO PIN of digits for each token."""
    return {name: (_digits(entropy), _digits(entropy)) for name in names}


def _digits(entropy: Entropy) -> Secret:
    return Secret(f"{int.from_bytes(entropy.bytes(16)) % 10**PIN_DIGITS:0{PIN_DIGITS}}")


class Remembering:
    """An operator of a rehearsal: whatever is shown to people is kept, so that a resumed rehearsal knows it."""

    def __init__(self, operator: Operator, secrets: PracticeSecrets) -> None:
        self._operator, self._secrets = operator, secrets
        self.tell, self.ask, self.ask_secret = operator.tell, operator.ask, operator.ask_secret
        self.choose, self.confirm, self.compare = operator.choose, operator.confirm, operator.compare
        self.review, self.study = operator.review, operator.study
        self.waiting, self.progress = operator.waiting, operator.progress
        self.until, self.deviations, self.lend = operator.until, operator.deviations, operator.lend

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:
        """Keep the secret, then show it."""
        self._secrets.answers[prompt.key] = Secret(secret.reveal())
        self._secrets.save()
        self._operator.show_secret(prompt, secret)
