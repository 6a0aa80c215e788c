# SPDX-License-Identifier: Apache-2.0
"""What the records so far say of the ceremony, built one by one; a record that says nonsense changes little and breaks nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ceremony.core import self_test
from ceremony.core.canonical import Json
from ceremony.core.chronicle.acts import SIGNED, unfinished
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.core.chronicle.values import (
    Called,
    Checked,
    Compared,
    Device,
    Event,
    Kept,
    Medium,
    Noted,
    Repositories,
    Restored,
    StepState,
)
from ceremony.core.chronicle.words import sentence
from ceremony.core.record import Outcome


@dataclass(slots=True)
class State:
    """Where a ceremony stands."""

    name: str = ""
    kind: str = ""
    dialect: str = ""
    mode: str = ""
    facility: str = ""
    ceremony: str = ""
    """Its id, hex."""
    began: str = ""
    """UTC of the first record."""
    last: str = ""
    """UTC of the last record."""
    records: int = 0
    files: int = 0
    """Files of the ceremony folder that records name."""
    steps: dict[str, StepState] = field(default_factory=dict)
    people: dict[str, Called] = field(default_factory=dict)
    checks: dict[str, Checked] = field(default_factory=dict)
    media: dict[str, Medium] = field(default_factory=dict)
    """By role."""
    tokens: dict[str, Device] = field(default_factory=dict)
    """By the plan's name."""
    names: dict[str, str] = field(default_factory=dict)
    """Token serial → the plan's name."""
    roots: dict[str, str] = field(default_factory=dict)
    """Token serial → SHA-256 of its root key's public half, hex."""
    locked: set[str] = field(default_factory=set)
    """Serials of the tokens whose root key was locked."""
    attested: set[str] = field(default_factory=set)
    """Serials of the YubiKeys that attested their root key."""
    brought: set[str] = field(default_factory=set)
    """Serials of the tokens whose root key was made on the host."""
    published: set[str] = field(default_factory=set)
    """Serials of the tokens whose root key was published before."""
    restored_roots: set[str] = field(default_factory=set)
    """Serials of the tokens whose root key was restored from an old backup."""
    source: str = ""
    """Which ceremony's backup was opened, in words; empty when none was."""
    claimed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Token serial → who claims that it is hardware."""
    repositories: Repositories = field(default_factory=Repositories)
    shares_needed: int = 0
    keepers: tuple[str, ...] = ()
    """Who keeps share 1, 2, ... of the backups' secret; nobody when it was not split."""
    written: dict[str, str] = field(default_factory=dict)
    """Path on both volumes → SHA-256, hex."""
    restored: dict[str, Restored] = field(default_factory=dict)
    """By volume."""
    signatures: dict[str, int] = field(default_factory=dict)
    """Signatures by root keys, by action."""
    comparisons: list[Compared] = field(default_factory=list)
    deviations: list[Noted] = field(default_factory=list)
    errors: list[Event] = field(default_factory=list)
    wrong_pins: list[Event] = field(default_factory=list)
    substitutions: list[Event] = field(default_factory=list)
    set_aside: list[Event] = field(default_factory=list)
    """Files and torn tails that an interruption left."""
    stops: list[Event] = field(default_factory=list)
    resumes: list[Event] = field(default_factory=list)
    open_acts: dict[tuple[str, str], str] = field(default_factory=dict)
    """Action and key → in words: begun, and their end is not recorded."""
    custody: dict[tuple[str, str, str], Kept] = field(default_factory=dict)
    """What it is (`token`, `volume`, `courier`), its name and its serial → who takes it."""
    answers: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    def note(self, record: Mapping[str, Json]) -> None:
        """Take in one record: the JSON object of a line."""
        whole = Facts(record)
        self.records += 1
        self.last = whole.text("utc")
        take = _TAKE.get(whole.text("kind"))
        if take is not None:
            take(self, whole, whole.inner("body"))

    def event(self, whole: Facts) -> Event:
        """Return a record as something that happened."""
        return Event(whole.count("seq"), whole.text("utc"), whole.text("step"), sentence(whole.value, self.names))

    def interrupt(self) -> None:
        """Mark what was running as stopped."""
        for name, state in self.steps.items():
            if state is StepState.RUNNING:
                self.steps[name] = StepState.STOPPED


def _open(state: State, whole: Facts, body: Facts) -> None:
    plan = body.inner("plan")
    state.name, state.kind, state.dialect, state.facility = (
        plan.text(member) for member in ("name", "kind", "dialect", "facility")
    )
    state.mode, state.ceremony, state.began = body.text("mode"), whole.text("ceremony"), whole.text("utc")
    for item in body.items("people"):
        person = facts(item)
        state.people[person.text("name")] = Called(person.text("role"))


def _begin(state: State, whole: Facts, _: Facts) -> None:
    state.steps[whole.text("step")] = StepState.RUNNING


def _end(state: State, whole: Facts, body: Facts) -> None:
    step, made = whole.text("step"), body.inner("made")
    state.steps[step] = StepState.DONE
    if step == "repository-keys":
        state.repositories = replace(state.repositories, total=made.count("repositories"), keys_made=made.count("made"))
    elif step == "protector":
        split = made.inner("shares")
        state.shares_needed, state.keepers = split.count("needed"), split.texts("custodians")
    elif step == "export":
        state.repositories = replace(state.repositories, delivered=made.count("delivered"))


def _error(state: State, whole: Facts, _: Facts) -> None:
    state.steps[whole.text("step")] = StepState.FAILED
    state.errors.append(state.event(whole))


def _again(state: State, _: Facts, body: Facts) -> None:
    state.steps[body.text("step")] = StepState.AGAIN


def _stop(state: State, whole: Facts, _: Facts) -> None:
    state.interrupt()
    state.stops.append(state.event(whole))


def _resume(state: State, whole: Facts, body: Facts) -> None:
    state.interrupt()
    state.resumes.append(state.event(whole))
    if body.count("torn_bytes"):
        state.set_aside.append(state.event(whole))


def _close(state: State, _: Facts, body: Facts) -> None:
    state.closed = True
    state.steps["close"] = StepState.DONE
    answers = body.inner("answers")
    state.answers.update({name: answers.text(name) for name in answers})


def _files(state: State, _: Facts, body: Facts) -> None:
    state.files += len(body.inner("files"))


def _roll_call(state: State, _: Facts, body: Facts) -> None:
    state.people[body.text("name")] = Called(body.text("role"), body.text("how"))


def _check(state: State, whole: Facts, body: Facts) -> None:
    passed = whole.text("outcome") == Outcome.OK
    state.checks[body.text("name")] = Checked(passed, body.text("saw"), body.text("why"), body.text("hint"))


def _self_test(state: State, whole: Facts, body: Facts) -> None:
    state.checks[self_test.KIND] = Checked(whole.text("outcome") == Outcome.OK, self_test.told(body.value))


def _medium(state: State, _: Facts, body: Facts) -> None:
    state.restored.pop(body.text("role"), None)  # what takes a place is another medium
    state.media[body.text("role")] = Medium(body.text("serial"), body.text("model"), body.flag("folder"))


def _token(state: State, _: Facts, body: Facts) -> None:
    serial, maker, model, firmware = (body.text(member) for member in ("serial", "manufacturer", "model", "firmware"))
    state.tokens[body.text("name")] = Device(serial, maker, model, firmware, body.flag("software"))
    state.names[serial] = body.text("name")


def _login(state: State, whole: Facts, _: Facts) -> None:
    if whole.text("outcome") != Outcome.OK:
        state.wrong_pins.append(state.event(whole))


def _compared(state: State, whole: Facts, body: Facts) -> None:
    state.comparisons.append(
        Compared(
            whole.count("seq"),
            whole.text("utc"),
            body.text("what"),
            body.text("digest"),
            body.texts("by"),
            body.flag("same"),
        )
    )


def _backup_opened(state: State, _: Facts, body: Facts) -> None:
    state.source = f"{body.text('plan')}, ceremony {body.text('ceremony')}"


def _attested(state: State, _: Facts, body: Facts) -> None:
    state.attested.add(body.text("serial"))


def _deviation(state: State, whole: Facts, body: Facts) -> None:
    texts = (body.text(member) for member in ("expected", "happened", "decided"))
    state.deviations.append(Noted(whole.count("seq"), whole.text("utc"), whole.text("actor"), *texts))


def _substitution(state: State, whole: Facts, _: Facts) -> None:
    state.substitutions.append(state.event(whole))


def _set_aside(state: State, whole: Facts, _: Facts) -> None:
    state.set_aside.append(state.event(whole))


def _restored(state: State, _: Facts, body: Facts) -> None:
    state.restored[body.text("volume")] = Restored(len(body.items("files")), body.count("repository_keys"))


def _custody(state: State, whole: Facts, body: Facts) -> None:
    what, name, serial = (body.text(member) for member in ("what", "name", "serial"))
    state.custody[what, name, serial] = Kept(whole.count("seq"), body.text("holder"), body.text("seal"))


def _root_found(state: State, _: Facts, body: Facts) -> None:
    state.roots[body.text("serial")] = body.text("sha256")
    state.published.add(body.text("serial"))


def _agreed(state: State, _: Facts, body: Facts) -> None:
    state.repositories = replace(
        state.repositories,
        total=body.count("repositories"),
        agreed_files=body.count("files"),
        agreed_digest=body.text("digest"),
        left_out=body.count("left_out"),
    )


def _verified(state: State, _: Facts, body: Facts) -> None:
    state.repositories = replace(state.repositories, verified_signatures=body.count("signatures"))


def _intent(state: State, _: Facts, body: Facts) -> None:
    action, key = body.text("action"), body.text("key")
    state.open_acts[action, key] = unfinished(action, key, state.names)


def _result(state: State, whole: Facts, body: Facts) -> None:
    action, key = body.text("action"), body.text("key")
    state.open_acts.pop((action, key), None)
    if whole.text("outcome") != Outcome.OK:
        return
    if action in SIGNED:
        state.signatures[action] = state.signatures.get(action, 0) + (body.count("count") if action != "sign-head" else 1)
    elif action in {"generate-key", "import-key", "restore-key"}:
        state.roots[key] = body.text("public_sha256")
        if action == "import-key":
            state.brought.add(key)
        elif action == "restore-key":
            state.restored_roots.add(key)
    elif action == "claim-hardware":
        state.claimed[key] = body.texts("by")
    elif action == "lock-key":
        state.locked.add(key)
    elif action == "write-volumes":
        files = body.inner("files")
        state.written.update({path: files.text(path) for path in files})
    elif action == "answer":
        state.answers[key] = body.text("answer")


_TAKE: Mapping[str, Callable[[State, Facts, Facts], None]] = {
    "open": _open,
    "begin": _begin,
    "end": _end,
    "error": _error,
    "again": _again,
    "stop": _stop,
    "resume": _resume,
    "close": _close,
    "files": _files,
    "roll-call": _roll_call,
    "check": _check,
    self_test.KIND: _self_test,
    "medium": _medium,
    "token": _token,
    "login": _login,
    "authorised": _login,
    "compared": _compared,
    "attested": _attested,
    "backup-opened": _backup_opened,
    "deviation": _deviation,
    "substitution": _substitution,
    "set-aside": _set_aside,
    "mended": _set_aside,
    "restored": _restored,
    "custody": _custody,
    "root-found": _root_found,
    "agreed": _agreed,
    "verified": _verified,
    "intent": _intent,
    "result": _result,
}
