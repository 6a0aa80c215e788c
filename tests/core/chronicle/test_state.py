# SPDX-License-Identifier: Apache-2.0
"""What the records so far say of a ceremony, whole, failed, interrupted."""

from __future__ import annotations

import json

import pytest

from ceremony.core.bundle import LOG
from ceremony.core.chronicle import Section, State, overview
from ceremony.core.chronicle.values import Called, Restored, StepState
from ceremony.core.ports import Deviation
from ceremony.errors import Stopped
from tests.core.chronicle.records import record
from tests.fakes.operator import ScriptedOperator
from tests.fakes.room import CEREMONY, Ceremony, fast_seal

__all__ = ["fast_seal"]


def read(ceremony: Ceremony) -> State:
    state = State()
    for line in ceremony.folder.files[LOG].splitlines():
        state.note(json.loads(line))
    return state


def noted(*records) -> State:
    state = State()
    for found in records:
        state.note(found)
    return state


def section(state: State, title: str) -> tuple[tuple[str, str], ...]:
    return next((found.lines for found in overview(state) if found.title == title), ())


def test_a_ceremony_that_was_never_begun_has_nothing_to_show():
    assert overview(State()) == ()


def test_knows_where_a_whole_genesis_ended():
    ceremony = Ceremony()
    ceremony.hold()
    state = read(ceremony)
    serial = ceremony.rack.devices["root-a"].serial
    assert (state.name, state.kind, state.mode, state.ceremony) == ("acme-root", "genesis", "practice", CEREMONY)
    assert set(state.steps.values()) == {StepState.DONE}
    assert list(state.steps) == [info.name for info in ceremony.steps]
    assert state.people["Wim"] == Called("witness", "key")
    assert state.names == {serial: "root-a"}
    assert state.locked == {serial} == set(state.roots)
    assert state.restored == {"a": Restored(2, 1), "b": Restored(2, 1)}
    assert state.signatures == {"certify": 1, "sign-root": 1, "sign-head": 1}
    assert (state.repositories.total, state.repositories.keys_made, state.repositories.delivered) == (1, 1, 1)
    assert state.answers == {"Ada": "agree", "Sam": "agree", "Wim": "agree"}
    assert state.closed
    assert not state.open_acts
    assert [found.title for found in overview(state)] == [
        *("Ceremony", "Steps", "People", "Machine", "Media", "Tokens", "Root keys", "Repositories"),
        *("Backups", "Signatures", "Comparisons", "Practice", "Custody", "Answers"),
    ]
    assert ("closed", "yes") in section(state, "Ceremony")
    assert section(state, "Root keys") == (("root-a", f"public key {state.roots[serial][:16]}, locked"),)
    assert section(state, "Media")[0] == ("volume a", "a folder, serial Fa")
    assert section(state, "Media")[2] == ("courier", "a folder, serial Fcourier")
    assert section(state, "Custody") == (
        ("token root-a", f"serial {serial}, Sam, bag or seal PRACTICE-0001"),
        ("volume a", "serial Fa, Ada, bag or seal PRACTICE-0002"),
        ("volume b", "serial Fb, Wim, bag or seal PRACTICE-0003"),
        ("the courier", "serial Fcourier, Ada, bag or seal PRACTICE-0004"),
    )
    assert section(state, "Practice") == (("stands in", "throw-away tokens"),)


def test_knows_what_happened_in_one_that_was_stopped_and_resumed():
    people = ScriptedOperator(
        answers={"compare:request": [False, True]},
        deviations=[Deviation("a red seal", "a blue seal", "went on", "Wim")],
        stop_at="generate:root-a",
    )
    ceremony = Ceremony(operator=people)
    people.secrets["pin:root-a"] = ["0000", "123456"]
    with pytest.raises(Stopped):
        ceremony.hold()
    stopped = read(ceremony)
    assert stopped.steps["root-keys"] is StepState.STOPPED
    assert section(stopped, "Now") == (("step", "root-keys, stopped"),)
    assert ("closed", "not yet") in section(stopped, "Ceremony")
    assert [label for label, _ in section(stopped, "Deviations")] == ["1", "expected", "happened", "decided"]
    faults = [text for _, text in section(stopped, "What went wrong")]
    serial = ceremony.rack.devices["root-a"].serial
    assert faults == [
        "Digest of the request was not the same for Ada and Wim",
        "Step load-request failed: people did not hear the same digest for the request",
        f"The PIN for token root-a (serial {serial}) was not taken; how many tries are left is not known",
    ]
    people.stop_at = ""
    ceremony.folder.files[LOG] += b'{"actor":"cere'
    ceremony.resume()
    resumed = read(ceremony)
    assert resumed.closed
    assert [text for _, text in section(resumed, "Interruptions")] == [
        "Stopped: people stopped the ceremony",
        "Resumed: 14 torn bytes were set aside",
    ]


def test_a_crash_in_the_middle_of_an_act_leaves_it_open_until_it_is_known_how_it_ended():
    act = {"action": "lock-key", "key": "T1"}
    begun = (record("begin", {}, step="lock"), record("intent", act, outcome="pending"))
    assert section(noted(*begun), "Now") == (("step", "lock, running"), ("open act", "locking the root key on token T1"))
    resumed = (*begun, record("resume", {"torn_bytes": 0}))
    assert noted(*resumed).steps == {"lock": StepState.STOPPED}
    failed = noted(*begun, record("result", act, outcome="fail"))
    assert (failed.open_acts, failed.locked) == ({}, set())
    assert noted(*begun, record("result", act)).locked == {"T1"}
    assert noted(*begun, record("result", {"action": "dance", "key": "x"})).open_acts


def test_what_was_torn_or_in_the_way_is_an_interruption():
    state = noted(
        record("set-aside", {"store": "volume a", "path": "p"}, seq=4), record("mended", {"volume": "b", "bytes": 3}, seq=2)
    )
    assert [text[:6] for _, text in section(state, "Interruptions")] == ["3 torn", "A file"]


def test_a_step_that_is_done_again_is_said_so():
    made = noted(record("end", {}, step="repository-keys"), record("again", {"step": "repository-keys", "why": "lost"}))
    assert section(made, "Now") == (("step", "repository-keys, to be done again"),)


def test_a_check_that_failed_stands_out_in_letters():
    assert section(noted(record("check", {"name": "clocks", "saw": "apart"}, outcome="fail")), "Machine") == (
        ("clocks", "FAILED: apart"),
    )


def test_a_token_of_software_and_a_stick_are_called_what_they_are():
    state = noted(
        record("token", {"name": "root-a", "serial": "T1", "manufacturer": "M", "model": "X", "firmware": "1", "software": True}),
        record("medium", {"role": "b", "serial": "S1", "model": "Stick"}),
        record("compared", {"what": "X", "same": False, "by": ["Ada", "Wim"]}, outcome="refused"),
    )
    assert section(state, "Tokens") == (("root-a", "serial T1, M X, firmware 1, made of software"),)
    assert section(state, "Media") == (("volume b", "Stick, serial S1"),)
    assert section(state, "Comparisons") == (("X", "NOT the same, heard by Ada and Wim"),)


def test_lines_with_nothing_to_say_are_left_out():
    assert [found.title for found in overview(noted(record("sung", {})))] == ["Ceremony"]
    assert Section("x", ()).lines == ()


def test_who_keeps_which_share_stands_with_the_backups():
    split = {"needed": 2, "custodians": ["Cara", "Cleo", "Cody"], "identifier": 7}
    state = noted(record("end", {"made": {"recipient": "age1", "shares": split}}, step="protector"))
    assert section(state, "Backups") == (
        ("opened by", "2 of 3 shares, and a volume"),
        ("share 1", "kept by Cara"),
        ("share 2", "kept by Cleo"),
        ("share 3", "kept by Cody"),
    )
