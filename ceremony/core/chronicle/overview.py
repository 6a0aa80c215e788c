# SPDX-License-Identifier: Apache-2.0
"""The state of a ceremony as lines for a screen: sections of label and value, those with nothing to say left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ceremony.core.chronicle.acts import SIGNED
from ceremony.core.chronicle.phrases import counted, short
from ceremony.core.chronicle.state import State
from ceremony.core.chronicle.values import Event, StepState
from ceremony.core.custody_list import called

Lines = Iterator[tuple[str, str]]

_OPEN_STEPS = (StepState.RUNNING, StepState.FAILED, StepState.STOPPED, StepState.AGAIN)


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under one title: a label, and what it says."""

    title: str
    lines: tuple[tuple[str, str], ...]


def overview(state: State) -> tuple[Section, ...]:
    """Return everything that people may want to know at a glance, in the order of the procedure."""
    sections = (
        ("Ceremony", _ceremony(state)),
        ("Now", _now(state)),
        ("Deviations", _deviations(state)),
        ("What went wrong", _faults(state)),
        ("Interruptions", _interruptions(state)),
        ("Steps", ((name, str(word)) for name, word in state.steps.items())),
        ("People", ((name, f"{called.role}, {called.how or 'not called yet'}") for name, called in state.people.items())),
        ("Machine", _machine(state)),
        ("Media", ((_medium(role), str(medium)) for role, medium in state.media.items())),
        ("Tokens", _tokens(state)),
        ("Root keys", _roots(state)),
        ("Repositories", _repositories(state)),
        ("Backups", _backups(state)),
        ("Signatures", _signatures(state)),
        ("Comparisons", _comparisons(state)),
        ("Practice", (("stands in", event.text.removeprefix("For practice: ")) for event in state.substitutions)),
        ("Custody", _custody(state)),
        ("Answers", iter(state.answers.items())),
    )
    made = (Section(title, tuple(lines)) for title, lines in sections)
    return tuple(section for section in made if section.lines)


def _ceremony(state: State) -> Lines:
    if not state.records:
        return
    yield "name", state.name
    yield "kind", f"{state.kind}, {state.dialect}"
    yield "mode", state.mode
    yield "facility", state.facility
    yield "id", state.ceremony
    yield "began", _time(state.began)
    yield "last record", _time(state.last)
    yield "log", f"{counted(state.records, 'record')}, {counted(state.files, 'file')} kept"
    yield "closed", "yes" if state.closed else "not yet"


def _now(state: State) -> Lines:
    if state.closed:
        return
    for name, word in state.steps.items():
        if word in _OPEN_STEPS:
            yield "step", f"{name}, {word}"
    for words in state.open_acts.values():
        yield "open act", words


def _deviations(state: State) -> Lines:
    for number, noted in enumerate(state.deviations, 1):
        yield str(number), f"{_time(noted.utc)}, noted by {noted.by}"
        yield "expected", noted.expected
        yield "happened", noted.happened
        yield "decided", noted.decided


def _faults(state: State) -> Lines:
    faults = {event.seq: _event(event) for event in (*state.errors, *state.wrong_pins)}
    for compared in state.comparisons:
        if not compared.same:
            faults[compared.seq] = _time(compared.utc), f"{compared.what} was not the same for {' and '.join(compared.by)}"
    yield from (faults[seq] for seq in sorted(faults))


def _interruptions(state: State) -> Lines:
    events = {event.seq: event for event in (*state.stops, *state.resumes, *state.set_aside)}
    yield from (_event(events[seq]) for seq in sorted(events))


def _machine(state: State) -> Lines:
    for name, checked in state.checks.items():
        yield name, f"{'passed' if checked.passed else 'FAILED'}: {checked.saw}"
        if not checked.passed:
            yield from ((label, said) for label, said in (("why", checked.why), ("put right", checked.hint)) if said)


def _tokens(state: State) -> Lines:
    for name, device in state.tokens.items():
        by = state.claimed.get(device.serial)
        yield name, str(device) + (f", hardware as {' and '.join(by)} claim" if by else "")


def _roots(state: State) -> Lines:
    for serial, digest in state.roots.items():
        known = (
            (state.published, "published before"),
            (state.restored_roots, "restored"),
            (state.locked, "locked"),
            (state.attested, "attested"),
            (state.brought, "made on the host, not attested"),
        )
        said = "".join(f", {word}" for serials, word in known if serial in serials)
        yield state.names.get(serial, serial), f"public key {short(digest)}{said}"


def _repositories(state: State) -> Lines:
    found = state.repositories
    if found.total:
        yield "in all", str(found.total)
        yield "keys made here", str(found.keys_made)
    if found.agreed_digest:
        yield "agreed", f"{counted(found.agreed_files, 'file')} to be signed, digest {short(found.agreed_digest)}"
    if found.left_out:
        yield "left out", str(found.left_out)
    if found.verified_signatures:
        yield "verified", counted(found.verified_signatures, "signature")
    if found.delivered:
        yield "for the teams", f"{counted(found.delivered, 'key')} encrypted"


def _backups(state: State) -> Lines:
    if state.source:
        yield "opened", state.source
    if state.keepers:
        yield "opened by", f"{state.shares_needed} of {counted(len(state.keepers), 'share')}, and a volume"
    for number, keeper in enumerate(state.keepers, start=1):
        yield f"share {number}", f"kept by {keeper}"
    if state.written:
        yield "written", f"{counted(len(state.written), 'file')}, on both volumes"
    for volume, restored in state.restored.items():
        keys = counted(restored.repository_keys, "repository key")
        yield f"volume {volume}", f"{counted(restored.files, 'backup')} restored, {keys}"


def _signatures(state: State) -> Lines:
    for action, number in state.signatures.items():
        yield SIGNED[action][1], counted(number, "signature")


def _comparisons(state: State) -> Lines:
    for compared in state.comparisons:
        yield compared.what, f"{'the same' if compared.same else 'NOT the same'}, heard by {' and '.join(compared.by)}"


def _custody(state: State) -> Lines:
    for (what, name, serial), kept in state.custody.items():
        yield called(what, name), f"serial {serial}, {kept}"


def _medium(role: str) -> str:
    return role if role == "courier" else f"volume {role}"


def _event(event: Event) -> tuple[str, str]:
    return _time(event.utc), event.text


def _time(utc: str) -> str:
    """Return a time of the log to the second, as people read it."""
    return f"{utc[:10]} {utc[11:19]} UTC" if utc else "not known"
