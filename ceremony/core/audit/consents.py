# SPDX-License-Identifier: Apache-2.0
"""Consents: every act that needs two people was agreed to by both, with their own keys, for this act alone, before it was done.

The record of the act names the two and their texts (`core.consent`). A text was kept
before that record, is of this ceremony and of the log as it was when they were asked,
with no step begun, ended, failed or resumed since, names the act and one of the two, is
named by no other act, and its signature verifies with that person's key of the first
record. In practice somebody who answered the roll call by a typed name has no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ceremony.core import claims, consent, roll
from ceremony.core.audit.answers import TEXT, fault, kept_before, recorded_at, signed
from ceremony.core.audit.signed import people
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json
from ceremony.core.plan import Mode, Person
from ceremony.core.record import Outcome, Record
from ceremony.errors import VerificationError

_NAMED = 2


@dataclass(slots=True)
class _Acts:
    """What is known while the log is walked."""

    audited: Audited
    people: Mapping[str, Person]
    when: Mapping[str, int]
    """Path → the record that names it."""
    roll: dict[str, str] = field(default_factory=dict)
    """Name → how they answered so far."""
    used: set[str] = field(default_factory=set)
    """Texts that an act has named."""


def check_consents(a: Audited) -> None:
    """Check that each recorded act that needs two people has the consent of both."""
    acts = _Acts(a, {person.name: person for person in people(a)}, recorded_at(a))
    for record in a.found.records:
        if record.kind == "roll-call":
            acts.roll[str(record.body.get("name"))] = str(record.body.get("how"))
        elif consent.NEEDED.get(str(record.body.get("action"))) == record.kind and record.outcome is not Outcome.FAIL:
            _check_act(acts, record)


def _check_act(acts: _Acts, record: Record) -> None:
    a, subject = acts.audited, f"record {record.seq}"
    act = consent.act(str(record.body.get("action")), str(record.body.get("key")))
    by = claims.claimants(record.body.get("by"))
    if len(by) != _NAMED:
        a.failed(subject, f"{act} needs two people, and does not name two")
        return
    given: set[str] = set()
    listed = record.body.get("consents")
    before = len(a.findings)
    for path in listed if isinstance(listed, list) else []:
        try:
            given.add(_given(acts, record, act, by, path))
        except VerificationError as error:
            a.failed(subject, error.message)
    for name in by:
        if name not in given and _has_key(acts, name):
            a.failed(subject, f"{act}: {name} did not agree to it with their own key")
    if len(a.findings) == before:
        how = "with their own keys" if len(given) == _NAMED else "and have no keys in this practice"
        a.ok(subject, f"{act}: {' and '.join(by)} agreed to it, {how}")


def _has_key(acts: _Acts, name: str) -> bool:
    return acts.audited.mode != Mode.PRACTICE or acts.roll.get(name) != roll.TYPED


def _given(acts: _Acts, record: Record, act: str, by: tuple[str, ...], path: Json) -> str:
    """Return whose consent to an act a file holds; raises VerificationError for one that is nobody's, or not to this act."""
    if not isinstance(path, str) or not path.startswith(consent.CONSENTS) or not path.endswith(TEXT):
        raise fault(act, f"names {path!r}, which is no consent")
    if path in acts.used:
        raise fault(path, "was given to an earlier act: a consent is good for one")
    acts.used.add(path)
    kept_before(acts.when, path, record.seq)
    said = consent.parse(acts.audited.read(path) or b"", path)
    if (said.ceremony, said.act) != (record.ceremony, act):
        raise fault(path, f"is not a consent to {act} in this ceremony")
    _check_moment(acts, record, path, said)
    person = acts.people.get(said.person)
    if said.person not in by or person is None:
        raise fault(path, f"is of {said.person}, who is not one of the two")
    signed(acts.audited, path, person, consent.NAMESPACE)
    return said.person


def _check_moment(acts: _Acts, record: Record, path: str, said: consent.Consent) -> None:
    """Check that a consent states this log, as it was shortly before it was kept and before the act."""
    records = acts.audited.found.records
    if said.entries > acts.when[path] or records[said.entries].prev != said.chain:
        raise fault(path, "does not state the beginning of this log")
    since = next((one for one in records[said.entries : record.seq] if one.kind in consent.BREAKS), None)
    if since is not None:
        raise fault(path, f"is stale: record {since.seq} ({since.kind}) came between it and the act")
