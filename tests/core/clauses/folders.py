# SPDX-License-Identifier: Apache-2.0
"""Folders of ceremonies for the rows: as they were held, and with records and names changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache

import pytest

from ceremony.core import bundle
from ceremony.core.clauses import Clause, judge
from ceremony.core.keys import Algorithm
from ceremony.core.log import recover
from ceremony.core.machine_checks import MATTERS
from ceremony.core.past import Past
from ceremony.core.plan import BackupPlan, Custody, Mode, Person, Plan, Role, RootPlan
from ceremony.core.plan_reader import read_plan
from ceremony.core.record import Outcome, Record
from ceremony.errors import ExitCode
from tests.core.audit import test_recovered
from tests.fakes import room
from tests.fakes.fleet import World, changing_plan
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.piv import yubikey
from tests.fakes.plans import sourced
from tests.fakes.room import PEOPLE, Ceremony, plan, repository
from tests.fakes.token import FakeRack, fake_rack

Files = Mapping[str, bytes]
Records = list[dict]
Change = Callable[[Records], Records | None]

APP = "docker.io/acme/app"
AUDITOR = Person("Aude", Role.AUDITOR, "Auditors", "", independent=True)
OWN = object()
"""The plan of the folder itself."""


def _held(ceremony: Ceremony, code: ExitCode = ExitCode.DONE) -> Files:
    assert ceremony.hold() is code
    return dict(ceremony.folder.files)


@lru_cache(maxsize=16)
def held(what: str) -> Files:
    """Return the files of a finished ceremony."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        if what == "recovery":
            return test_recovered.held()
        if what in ("renewal", "rotation"):
            return _held(_changing(what))
        return _held(_genesis(what))


def _genesis(what: str) -> Ceremony:
    tokens = ("root-a", "root-b")
    people = (*PEOPLE, AUDITOR)
    custody = {"yubikey": Custody.TOKEN_ONLY, "imported": Custody.IMPORTED}.get(what, Custody.TOKEN_WRAPPED)
    made = replace(plan(repository(APP), root=RootPlan(Algorithm.ECDSA_P256, tokens, 1, custody)), people=people)
    if what == "shares":
        keepers = tuple(Person(name, Role.CUSTODIAN, "Acme", "") for name in ("Cem", "Cyd", "Cas"))
        made = replace(made, backup=BackupPlan("shares", 2, 3), people=(*people, *keepers))
    made = sourced(made)
    if what == "yubikey":
        return Ceremony(plan=made, rack=FakeRack(*map(yubikey, tokens)))
    if what == "practice":
        return Ceremony(plan=made, rack=fake_rack(*tokens))
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    return Ceremony(plan=made, mode=Mode.PRODUCTION, media=media, rack=fake_rack(*tokens, software=False))


def _changing(what: str) -> Ceremony:
    world = World()
    late = {"root": "2035-06-01T00:00:00Z"}
    if what == "renewal":
        return world.after(changing_plan("renewal", expires=late, backed_up=False))
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-x"], "threshold": 1, "custody": "token-only"}
    expires = {**late, "certificate": "2036-01-01T00:00:00Z"}
    return world.after(changing_plan("rotation", new=new, expires=expires), "root-x")


def judged(
    what: str, *changes: Change, gone: tuple[str, ...] = (), fit: bool = True, read: Plan | object | None = OWN
) -> dict[str, Clause]:
    """Return number → clause of a folder; `gone` are files, or beginnings of their names, that are not in it."""
    files = held(what)
    clauses = judge(*told(files, fitted if fit else unlooked, *changes, gone=gone, read=read))
    return {clause.number: clause for clause in clauses}


def told(
    files: Files, *changes: Change, gone: tuple[str, ...] = (), read: Plan | object | None = OWN
) -> tuple[Past, list[Record], Plan | None, list[str]]:
    """Return what the rows are judged by."""
    records: Records = deepcopy(list(_log(files[bundle.LOG])))
    for change in changes:
        changed = change(records)
        records = records if changed is None else changed
    written = [_record({**record, "seq": seq}) for seq, record in enumerate(records)]
    past = Past()
    for record in written:
        past.note_untrusted(record)
    names = [path for path in files if not (gone and path.startswith(gone))]
    return past, written, plan_of(files) if read is OWN else read, names  # type: ignore[return-value] - OWN or a plan


def plan_of(files: Files) -> Plan:
    """Return the plan of a folder."""
    return _plan(files[bundle.PLAN], tuple((p, data) for p, data in files.items() if p.startswith(bundle.PLAN_FILES)))


@lru_cache(maxsize=16)
def _plan(source: bytes, files: tuple[tuple[str, bytes], ...]) -> Plan:
    return read_plan(source, {path.removeprefix(bundle.PLAN_FILES): data for path, data in files})


@lru_cache(maxsize=16)
def _log(data: bytes) -> tuple[dict, ...]:
    return tuple(record.as_json() for record in recover(data).records)


def _record(record: dict) -> Record:
    return Record(**{k: v for k, v in record.items() if k not in ("v", "outcome")}, outcome=Outcome(record["outcome"]))


# --- changes ---


def fitted(records: Records) -> Records:
    """Give the computer every check that a real one has; the one of a practice has a network alone."""
    i = next(i for i, record in enumerate(records) if record["kind"] == "check")
    there = {record["body"]["name"] for record in records if record["kind"] == "check"}
    more = [{**records[i], "body": {"name": name, "saw": "", "hint": ""}} for name in MATTERS if name not in there]
    return [*records[: i + 1], *more, *records[i + 1 :]]


def unlooked(records: Records) -> Records:
    """Leave the computer no check but that of its network."""
    return [record for record in records if record["kind"] != "check" or record["body"]["name"] == "network"]


def _is(record: dict, kind: str, wanted: Mapping[str, object]) -> bool:
    said = {**record, **record["body"]} if isinstance(record["body"], dict) else record
    return record["kind"] == kind and all(said.get(name) == v for name, v in wanted.items())


def without(kind: str, **wanted: object) -> Change:
    """Drop the records of a kind whose members, or members of their bodies, are these."""
    return lambda records: [record for record in records if not _is(record, kind, wanted)]


def saying(kind: str, changes: Mapping[str, object], **wanted: object) -> Change:
    """Change the bodies of such records."""

    def change(records: Records) -> None:
        found = [record for record in records if _is(record, kind, wanted)]
        assert found, (kind, wanted)
        for record in found:
            record["body"].update(changes)

    return change


def being(kind: str, changes: Mapping[str, object], **wanted: object) -> Change:
    """Change members of such records beside the body."""

    def change(records: Records) -> None:
        found = [record for record in records if _is(record, kind, wanted)]
        assert found, (kind, wanted)
        for record in found:
            record.update(changes)

    return change


def made(step: str, **changes: object) -> Change:
    """Change what a step made."""

    def change(records: Records) -> None:
        next(r for r in records if r["kind"] == "end" and r["step"] == step)["body"]["made"].update(changes)

    return change


def adding(kind: str, body: Mapping[str, object], *, before: str = "close", **members: object) -> Change:
    """Put a record before the first of another kind."""

    def change(records: Records) -> Records:
        i = next(i for i, record in enumerate(records) if record["kind"] == before)
        new = {**records[i], "kind": kind, "outcome": "ok", "body": dict(body), **members}
        return [*records[:i], new, *records[i:]]

    return change


def still_open(records: Records) -> Records:
    """Take the close away."""
    return records[:-1]


def nothing(_: Records) -> Records:
    """Take everything away."""
    return []


def every(records: Records, kind: str) -> list[dict]:
    """Return the bodies of a kind."""
    return [record["body"] for record in records if record["kind"] == kind]


def listing(files: Files) -> list[dict]:
    """Return the records of a folder as JSON."""
    return [json.loads(line) for line in files[bundle.LOG].splitlines()]
