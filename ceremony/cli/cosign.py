# SPDX-License-Identifier: Apache-2.0
"""`ceremony cosign`: sign the final head of a closed ceremony, later or on a machine of one's own.

For somebody who was not there at the close, or could not sign. The folder is audited
first, and nothing is signed when anything in it fails. Only people of the first record
sign, with the key that it names; their signature is one file more in `heads/`, and
nothing else is changed. On stdout: the path of that file in the folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.core import bundle, cosign, words
from ceremony.core.audit import audit
from ceremony.core.audit.heads import opened_plan
from ceremony.core.audit.records import last_head
from ceremony.core.audit.signed import check_signed, people
from ceremony.core.audit.verdict import Audited, Level, begin, by_subject
from ceremony.core.log import HEAD_NAMESPACE, parse_head
from ceremony.core.plan import Person
from ceremony.errors import CeremonyError, ExitCode, VerificationError
from ceremony.host.key_file import MAX_KEY, public_half
from ceremony.host.ssh_keygen import sign_with_key
from ceremony.report import Report
from ceremony.volumes.store import FolderStore

WORD = "sign"
_WORDS_IN_A_LINE = 8
_PATH = click.Path(path_type=Path)


class Unfinished(CeremonyError):
    """A folder whose ceremony is not at its end: there is nothing to sign yet."""

    exit_code = ExitCode.INCOMPLETE


@dataclass(frozen=True, slots=True)
class _Head:
    """What is signed, and by whom it can be."""

    path: str
    text: bytes
    people: tuple[Person, ...]
    names: frozenset[str]
    """The folder's files as they were found."""

    def of(self, person: Person) -> str:
        """Return the path of a person's signature."""
        return bundle.head_signature(bundle.head_number(self.path), person.name)


@click.command("cosign")
@click.argument("folder", type=_PATH, metavar="DIR")
@click.option("--key", type=_PATH, metavar="KEY", help="Your private key, or its .pub with an agent.")
@click.option("--signature", type=_PATH, metavar="FILE", help="What ssh-keygen -Y sign -n ceremony-head wrote elsewhere.")
def cosign_command(folder: Path, *, key: Path | None, signature: Path | None) -> int:
    """Sign the final head of a closed ceremony. DIR is the ceremony folder; nothing else in it is changed."""
    if (key is None) == (signature is None):
        raise click.UsageError("name one of --key and --signature")
    if folder.is_file():
        hint = f"unpack it into an empty folder (mkdir signed, tar -xf {folder.name} -C signed), and name that folder"
        raise CeremonyError(f"{folder} is a file; a signature is added to a folder", hint=hint)
    with open_folder(folder) as reader:
        head = _final_head(folder, reader)
    source = str(key or signature)
    armored = _brought(signature) if signature else b""
    person = _owner(public_half(key).blob if key else cosign.public_key_of(armored, source), head.people, source)
    signed = head.of(person) in head.names
    if key and not signed:
        armored = _signed(key, head)
    if armored:
        cosign.verify(armored, head.text, cosign.parse_public_key(person.key), HEAD_NAMESPACE, source)
    if signed:
        click.echo(f"{_plain(person.name)} has signed this head already; nothing was changed", err=True)
    else:
        FolderStore(folder).write({head.of(person): armored})
        click.echo(f"{_plain(person.name)} ({person.role}) signed {head.path}", err=True)
    _tell_quorum(folder)
    click.echo(head.of(person))
    return ExitCode.DONE


def _final_head(folder: Path, reader: FolderReader) -> _Head:
    """Audit the folder, show what there is to sign, and return it; raises CeremonyError for a folder that nobody should sign."""
    found = audit(reader, reporter=Report())
    if found.verdict is ExitCode.FAILED:
        worst = next(by_subject(found.findings))
        hint = "run `ceremony audit` on it; nothing was signed"
        raise CeremonyError(f"{folder} does not verify: {worst.subject}: {worst.text}", hint=hint)
    path = last_head(found)
    if not found.past.closed or path not in found.names:
        what = "it has no final head yet" if found.past.closed else "its log has no close record"
        raise Unfinished(f"there is nothing to sign in {folder}: {what}", hint=f"finish it first: ceremony resume {folder}")
    text = reader.read(path)
    _show(found, path, text)
    return _Head(path, text, people(found), found.names)


def _show(found: Audited, path: str, text: bytes) -> None:
    plan, records, head = opened_plan(found), found.found.records, parse_head(text, path)
    spoken = words.words(head.digest)
    rows: Sequence[str] = (
        f"{found.mode.upper()}: {plan.get('name')}, {plan.get('kind')}, {plan.get('dialect')}",
        f"at {plan.get('facility')}, from {records[0].utc} to {records[-1].utc}",
        f"{path} states all {head.entries} records of the log:",
        f"sha256:{head.digest}",
        *(" ".join(spoken[at : at + _WORDS_IN_A_LINE]) for at in range(0, len(spoken), _WORDS_IN_A_LINE)),
    )
    for row in rows:
        click.echo(_plain(row), err=True)


def _owner(blob: bytes, listed: Sequence[Person], source: str) -> Person:
    """Return whose key it is, of the first record; raises VerificationError, naming `source`, for nobody's."""
    for person in listed:
        if person.key and cosign.parse_public_key(person.key).blob == blob:
            return person
    raise VerificationError(
        source, "is the key of nobody whom the first record names", hint="sign with the key that the plan names for you"
    )


def _signed(key: Path, head: _Head) -> bytes:
    """Return a signature by a key, once whoever is at a terminal wants it."""
    if sys.stdin.isatty():
        click.echo(
            "Compare the words with those that you heard or wrote down. What you sign, you say is a true record.", err=True
        )
        if click.prompt(f"Type {WORD} to sign it", default="", show_default=False, err=True).strip() != WORD:
            raise CeremonyError("it was not signed", hint=f"type {WORD} to sign")
    return sign_with_key(key, HEAD_NAMESPACE, head.text)


def _brought(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_KEY)
    except OSError as error:
        hint = f"name the file that ssh-keygen -Y sign -n {HEAD_NAMESPACE} wrote"
        raise CeremonyError(f"{file} cannot be read ({error.strerror})", hint=hint) from error


def _tell_quorum(folder: Path) -> None:
    """Say who has signed by now, and whether the quorum is met."""
    with open_folder(folder) as reader:
        found = begin(reader)
        check_signed(found, None)
        number = bundle.head_number(last_head(found))
        signed = [p.name for p in people(found) if bundle.head_signature(number, p.name) in found.names]
    met = any(finding.subject == "quorum" and finding.level is Level.OK for finding in found.findings)
    click.echo(f"signed by {_plain(', '.join(signed))}", err=True)
    click.echo("the quorum is met" if met else "the quorum is not met yet", err=True)


def _plain(text: str) -> str:
    """Return a text of the log as one line that cannot steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
