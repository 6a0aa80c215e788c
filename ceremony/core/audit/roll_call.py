# SPDX-License-Identifier: Apache-2.0
"""Roll call: whoever answered with a key did, to a challenge of this ceremony; in production everybody who was present.

A challenge is a file that was kept just before the record of its answer: the last one of
that person (by the name of the file) that no earlier record took. It is of this ceremony
and that person, and no two are the same; the answer beside it verifies with that
person's key of the first record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ceremony.core import bundle, roll
from ceremony.core.audit.answers import TEXT, fault, kept_before, recorded_at, signed
from ceremony.core.audit.signed import people
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Mode, Person
from ceremony.core.record import Outcome, Record
from ceremony.errors import VerificationError

_NUMBER = 4
"""Characters of a file's name before the person's: three digits and a dash."""


@dataclass(slots=True)
class _Roll:
    """What is known while the log is walked."""

    audited: Audited
    people: Mapping[str, Person]
    when: Mapping[str, int]
    """Path → the record that names it."""
    put: dict[str, str] = field(default_factory=dict)
    """Name of a person's files → the last challenge that no record took."""
    challenges: dict[str, str] = field(default_factory=dict)
    """Challenge → the file that put it."""
    answered: set[str] = field(default_factory=set)
    """Who answered, the last time they were called, so that they count as present."""
    keys: int = 0
    """How many answers verified."""


def check_roll_call(a: Audited) -> None:
    """Check each answer to the roll call, and that whoever counts as present gave one."""
    called = _Roll(a, {person.name: person for person in people(a)}, recorded_at(a))
    for record in a.found.records:
        files = record.body.get("files")
        if record.kind == "files" and isinstance(files, dict):
            _note_challenges(called, files)
        elif record.kind == "roll-call":
            _check_answer(called, record)
    present = a.past.ended.get("roll-call", {}).get("present")
    for name in present if isinstance(present, list) else []:
        if name not in called.answered:
            a.failed("roll call", f"{name} counts as present, and did not answer as this ceremony asks for")
    if called.keys:
        a.ok("roll call", f"{called.keys} answers, each to a challenge of its own, verify")


def _note_challenges(called: _Roll, files: Mapping[str, object]) -> None:
    for path in files:
        if path.startswith(roll.ROLL_CALL) and path.endswith(TEXT):
            called.put[path.removeprefix(roll.ROLL_CALL).removesuffix(TEXT)[_NUMBER:]] = path
            try:
                said = roll.parse(called.audited.read(path) or b"", path)
            except VerificationError as error:
                called.audited.failed(path, error.message)
                continue
            if called.challenges.setdefault(said.challenge, path) != path:
                called.audited.failed(path, f"repeats the challenge of {called.challenges[said.challenge]}")


def _check_answer(called: _Roll, record: Record) -> None:
    """Check one record of the roll, and note whether that person counts as present from now on."""
    name, how = (str(record.body.get(member)) for member in ("name", "how"))
    called.answered.discard(name)
    try:
        person = called.people.get(name)
        if person is None or person.role != record.body.get("role"):
            raise fault("roll call", f"calls {name}, whom the first record does not name so")
        if how == roll.KEY:
            _check_key(called, record, person)
        elif how == roll.TYPED and called.audited.mode != Mode.PRACTICE:
            raise fault("roll call", f"takes a typed name of {name} for an answer, in a production")
    except VerificationError as error:
        called.audited.failed(f"record {record.seq}", error.message)
        return
    if how in (roll.KEY, roll.TYPED) and record.outcome is Outcome.OK:
        called.answered.add(name)


def _check_key(called: _Roll, record: Record, person: Person) -> None:
    path = called.put.pop(bundle.slug(person.name), None)
    if path is None:
        raise fault("roll call", f"says that {person.name} answered with a key, and no challenge was kept before it")
    kept_before(called.when, path, record.seq)
    said = roll.parse(called.audited.read(path) or b"", path)
    if (said.ceremony, said.person) != (record.ceremony, person.name):
        raise fault(path, f"is not a challenge to {person.name} in this ceremony")
    signed(called.audited, path, person, roll.NAMESPACE)
    called.keys += 1
