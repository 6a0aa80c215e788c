# SPDX-License-Identifier: Apache-2.0
"""What the log already tells is the same whether it was just written or read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.past import FOLDER, Past
from ceremony.core.record import FIRST_PREV, Outcome, Record

BLANK = Record("0" * 32, 0, FIRST_PREV, "0" * 32, "", 0, "", "", "sign", "", "", Outcome.OK, {})


def _record(kind: str, body: JsonObject, *, step: str = "sign", outcome: Outcome = Outcome.OK) -> Record:
    return BLANK._replace(kind=kind, body=body, step=step, outcome=outcome)


def _past(*records: Record) -> Past:
    past = Past()
    for record in records:
        past.note(record)
    return past


ACT: JsonObject = {"action": "generate-key", "key": "root-a"}


def test_knows_nothing_at_first() -> None:
    assert _past() == Past({}, {}, {}, {}, {}, {}, closed=False)


def test_remembers_what_opened_and_that_it_closed() -> None:
    past = _past(_record("open", {"form": "ceremony/v1"}), _record("close", {"report": "aa"}))
    assert (past.opened, past.closed) == ({"form": "ceremony/v1"}, True)
    assert not _past(_record("open", {})).closed


def test_an_intent_is_open_until_its_result() -> None:
    intent = _record("intent", ACT, outcome=Outcome.PENDING)
    assert _past(intent).open_intents == {("generate-key", "root-a"): ACT}
    done = _past(intent, _record("result", ACT | {"spki": "00"}))
    assert done.open_intents == {}
    assert done.results == {("generate-key", "root-a"): ACT | {"spki": "00"}}


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.REFUSED])
def test_a_result_that_failed_closes_its_intent_and_gives_nothing(outcome: Outcome) -> None:
    past = _past(_record("intent", ACT), _record("result", ACT, outcome=outcome))
    assert (past.open_intents, past.results) == ({}, {})


def test_a_result_without_an_intent_is_a_result() -> None:
    assert _past(_record("result", ACT)).results == {("generate-key", "root-a"): ACT}


def test_the_latest_result_of_an_act_counts() -> None:
    past = _past(_record("result", ACT | {"n": 1}), _record("result", ACT | {"n": 2}))
    assert past.results == {("generate-key", "root-a"): ACT | {"n": 2}}


def test_remembers_every_file_by_its_latest_digest() -> None:
    past = _past(_record("files", {"files": {"a": "00", "b": "11"}}), _record("files", {"files": {"b": "22"}}))
    assert past.files == {"a": "00", "b": "22"}
    assert _past(_record("files", {"files": []})).files == {}


def test_a_file_that_was_set_aside_has_another_name() -> None:
    files = _record("files", {"files": {"a": "00"}})
    aside: JsonObject = {"store": FOLDER, "path": "a", "to": "evidence/set-aside/a", "sha256": "33"}
    assert _past(files, _record("set-aside", aside)).files == {"evidence/set-aside/a": "33"}
    assert _past(_record("set-aside", aside)).files == {"evidence/set-aside/a": "33"}
    assert _past(files, _record("set-aside", aside | {"store": "volume a"})).files == {"a": "00"}


def test_a_step_ended_until_it_is_done_again() -> None:
    end = _record("end", {"made": {"n": 1}}, step="tokens")
    assert _past(end).ended == {"tokens": {"n": 1}}
    assert _past(end, _record("again", {"step": "tokens"}, step="resume")).ended == {}
    assert _past(_record("again", {"step": "tokens"})).ended == {}
    assert _past(_record("end", {"made": None}, step="tokens")).ended == {"tokens": {}}


def test_counts_records_by_kind_and_takes_unknown_kinds() -> None:
    past = _past(_record("note", {}), _record("note", {"files": 1}), _record("close", {"report": "aa"}))
    assert past.counts == {"note": 2, "close": 1}


WRITTEN: JsonObject = {"action": "write-volumes", "key": "x", "files": {"x": "00"}}
MEDIA: JsonObject = {"role": "b", "serial": "S1"}


def test_knows_what_is_on_both_volumes_until_it_is_written_anew() -> None:
    done = _record("result", WRITTEN)
    assert _past(done).written == {"x": "00"}
    assert _past(done, _record("intent", WRITTEN)).written == {}
    assert _past(done, _record("intent", WRITTEN), done).written == {"x": "00"}
    assert _past(_record("result", WRITTEN, outcome=Outcome.FAIL)).written == {}
    assert _past(_record("result", WRITTEN | {"files": 1})).written == {}


def test_knows_which_medium_has_a_role_and_whether_it_is_out() -> None:
    medium, out, whole = (_record(kind, MEDIA | {"why": "full"}) for kind in ("medium", "volume-out", "volume-whole"))
    past = _past(medium, out)
    assert (past.media["b"]["serial"], past.out, past.failed) == ("S1", {"b": "full"}, {"S1"})
    assert (_past(medium, out, whole).out, _past(medium, out, whole).failed) == ({}, set())
    other = [_record(kind, {"role": "b", "serial": "S2"}) for kind in ("medium", "volume-whole")]
    assert (_past(medium, out, *other).out, _past(medium, out, *other).failed) == ({}, {"S1"})


def test_knows_from_which_medium_the_backups_were_restored() -> None:
    restored = _record("restored", {"volume": "b"})
    assert _past(_record("medium", MEDIA), restored).restored == {"b": "S1"}
    assert _past(restored).restored == {"b": ""}
    anew = _record("end", {"made": {}}, step="back-up")
    assert _past(_record("medium", MEDIA), restored, anew).restored == {}


MISSING = [
    pytest.param("intent", ACT, id="intent"),
    pytest.param("result", ACT, id="result"),
    pytest.param("files", {"files": {}}, id="files"),
    pytest.param("set-aside", {"store": FOLDER, "path": "a", "to": "b", "sha256": "00"}, id="set aside"),
    pytest.param("end", {"made": {}}, id="end"),
    pytest.param("again", {"step": "sign"}, id="again"),
    pytest.param("medium", {"role": "a"}, id="medium"),
    pytest.param("volume-out", {"role": "a", "serial": "S1", "why": "full"}, id="volume out"),
    pytest.param("volume-whole", {"role": "a", "serial": "S1"}, id="volume whole"),
    pytest.param("restored", {"volume": "a"}, id="restored"),
]


@pytest.mark.parametrize(("kind", "body"), MISSING)
def test_a_body_that_lacks_a_member_is_told_from_a_whole_one(kind: str, body: dict[str, Json]) -> None:
    assert Past().note_untrusted(_record(kind, body))
    for name in body:
        less = {other: value for other, value in body.items() if other != name}
        assert not Past().note_untrusted(_record(kind, less))
        with pytest.raises(KeyError, match=name):
            Past().note(_record(kind, less))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=4
)
MEMBERS = st.sampled_from(["action", "key", "files", "store", "path", "to", "sha256", "made", "step", "role", "serial", "why"])
KINDS = st.sampled_from(
    [
        "open",
        "intent",
        "result",
        "files",
        "set-aside",
        "end",
        "again",
        "medium",
        "volume-out",
        "volume-whole",
        "restored",
        "close",
    ]
)


@given(KINDS, st.dictionaries(MEMBERS, JSON | st.just(FOLDER)), st.sampled_from(Outcome))
def test_any_body_is_taken_or_said_to_lack_something(kind: str, body: dict[str, Json], outcome: Outcome) -> None:
    past = Past()
    past.note_untrusted(_record(kind, body, outcome=outcome))
    assert past.counts == {kind: 1}
