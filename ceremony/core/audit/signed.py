# SPDX-License-Identifier: Apache-2.0
"""People's signatures over heads, the quorum, and whose word the folder rests on (docs/formats.md, rules 8, 9 and 12).

The first record says who the people are and with which keys they sign; anyone can write
one. Signers are keys that an auditor brought: with them, a person of the first record
whom they list must have a key that they list, and only people whom they take count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ceremony.core import bundle, cosign
from ceremony.core.audit.records import last_head
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json
from ceremony.core.cosign import SshPublicKey
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.core.plan import Mode, Person, Role
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError, VerificationError


@dataclass(frozen=True, slots=True)
class _Present:
    """A person of the first record."""

    person: Person
    name: str
    """Of their signature files."""
    key: SshPublicKey | None
    """None for one that is no key."""


def check_signed(a: Audited, signers: Signers | None) -> None:
    """Check people, their signatures and the quorum; without signers people's keys are those that the folder names."""
    present = [_Present(person, bundle.slug(person.name), _key(person)) for person in people(a)]
    _check_apart(a, present)
    if signers is not None:
        _check_listed(a, present, signers)
    final = _check_signatures(a, present)
    counted = [one for one in final if signers is None or _taken(a, one, signers)] if a.past.closed else []
    met = a.past.closed and _check_quorum(a, present, counted, brought=signers is not None)
    _tell_anchor(a, len(counted), anchored=met and signers is not None)


def people(a: Audited) -> tuple[Person, ...]:
    """Return the people that the first record names; adds a finding for one that it does not name rightly."""
    listed = a.past.opened.get("people")
    found: list[Person] = []
    for entry in listed if isinstance(listed, list) else []:
        try:
            found.append(_person(entry))
        except (ValueError, KeyError, TypeError):
            a.failed("record 0", "names a person in a way that cannot be read")
    return tuple(found)


def _person(entry: Json) -> Person:
    if not isinstance(entry, dict):
        raise TypeError
    return Person(
        str(entry["name"]), Role(str(entry["role"])), str(entry["organisation"]), str(entry["key"]), entry["independent"] is True
    )


def _key(person: Person) -> SshPublicKey | None:
    try:
        return cosign.parse_public_key(person.key)
    except VerificationError:
        return None


def _check_apart(a: Audited, present: Sequence[_Present]) -> None:
    """Check that no two people have one key, or one name for their signature files."""
    for what, named in (("key", [_plain(one.person.key) for one in present]), ("name", [one.name for one in present])):
        first: dict[str, Person] = {}
        for one, value in zip(present, named, strict=True):
            other = first.setdefault(value, one.person) if value else one.person
            if other is not one.person:
                a.failed("record 0", f"{one.person.name} and {other.name} have one {what}")


def _plain(key: str) -> str:
    """Return a key without its comment."""
    return " ".join(key.split()[:2])


def _check_listed(a: Audited, present: Sequence[_Present], signers: Signers) -> None:
    for one in present:
        if signers.lists(one.name) and (one.key is None or not signers.lists_key(one.name, one.key)):
            a.failed("record 0", f"{one.person.name} has another key there than those that the signers list")


def _check_signatures(a: Audited, present: Sequence[_Present]) -> list[_Present]:
    """Check every signature, and return who signed the last head."""
    by_name = {one.name: one for one in present}
    final = bundle.head_number(last_head(a))
    found: list[_Present] = []
    for path in sorted(a.names):
        number, name = bundle.signed_head(path)
        if not number:
            continue
        one = by_name.get(name)
        if one is None or bundle.head(number) not in a.names:
            a.failed(path, "is a signature of nobody in the first record, or over no head")
        elif _holds(a, path, bundle.head(number), one.person) and number == final:
            found.append(one)
    return found


def _holds(a: Audited, path: str, statement: str, person: Person) -> bool:
    try:
        cosign.verify(a.read(path) or b"", a.folder.read(statement), cosign.parse_public_key(person.key), HEAD_NAMESPACE, path)
    except CeremonyError as error:
        a.failed(path, error.message)
        return False
    a.ok(path, f"{person.name} ({person.role}) signed it")
    return True


def _taken(a: Audited, one: _Present, signers: Signers) -> bool:
    """Tell whether the signers take a person's key, for the second of the close."""
    closed = next(record.utc for record in reversed(a.found.records) if record.kind == "close")
    at = datetime.fromisoformat(closed).astimezone(UTC)
    return one.key is not None and signers.takes(one.name, one.key, at)


def _check_quorum(a: Audited, present: Sequence[_Present], counted: Sequence[_Present], *, brought: bool) -> bool:
    """Return whether enough of those who count signed the last head."""
    quorum = _quorum(a)
    if quorum is None:
        return False
    result = cosign.quorum([one.person for one in present], quorum, [one.person for one in counted])
    if quorum and result.met:
        a.ok("quorum", f"{len(counted)} people signed the final head")
        return True
    whose = " of people whom the signers list" if brought else ""
    a.incomplete("quorum", f"the final head lacks signatures{whose} that the plan's quorum asks for")
    return False


def _quorum(a: Audited) -> Mapping[Role, int] | None:
    wanted = a.past.opened.get("quorum")
    rows = wanted.items() if isinstance(wanted, dict) else ()
    found = {Role(role): count for role, count in rows if role in set(Role) and type(count) is int}
    if len(found) < len(rows):
        a.failed("record 0", "names a quorum of unknown roles or numbers")
        return None
    return found


def _tell_anchor(a: Audited, signed: int, *, anchored: bool) -> None:
    """Say whose word the folder rests on."""
    if a.mode in set(Mode) and anchored:
        a.ok("mode", f"{a.mode.upper()}: {signed} people signed with keys that were brought from outside")
    elif a.mode == Mode.PRACTICE:
        a.ok("mode", "PRACTICE: judged by the practice people that its first record names")
    elif a.mode == Mode.PRODUCTION:
        a.incomplete("mode", "PRODUCTION: a folder cannot vouch for itself; its people's keys must come from outside it")
