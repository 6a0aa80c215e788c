# SPDX-License-Identifier: Apache-2.0
"""Every record gets a sentence: those of a real ceremony a good one, those of a stranger some."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.bundle import LOG
from ceremony.core.chronicle import State, overview, sentence
from ceremony.core.chronicle.acts import unfinished
from ceremony.core.chronicle.words import _WORDS
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, RootPlan
from ceremony.core.ports import Check, Deviation
from ceremony.errors import CeremonyError, Stopped
from tests.core.chronicle.records import KINDS, jsons, record
from tests.fakes.host import FakeHost
from tests.fakes.operator import ScriptedOperator
from tests.fakes.room import Ceremony, fast_seal, plan

__all__ = ["fast_seal"]


def told(ceremony: Ceremony) -> list[str]:
    state, sentences = State(), []
    for line in ceremony.folder.files[LOG].splitlines():
        found = json.loads(line)
        state.note(found)
        sentences.append(sentence(found, state.names))
        assert "does not know" not in sentences[-1], found
        assert sentences[-1] == sentences[-1].strip(), found
    return sentences


def test_tells_a_whole_genesis_record_by_record():
    ceremony = Ceremony()
    ceremony.hold()
    sentences = told(ceremony)
    serial = ceremony.rack.devices["root-a"].serial
    assert sentences[0] == "The practice ceremony acme-root began, a genesis, at vault"
    for said in (
        "For practice: throw-away tokens",
        "Step preflight began",
        "Check passed: network, no interface is up but lo",
        "Sam, security-officer, answered with a key",
        "Volume a is a folder in its place, serial Fa",
        "The courier is a folder in its place, serial Fcourier",
        "Digest of the request, compared by Ada and Wim: the same",
        "Sam typed the passphrase back: the same",
        f"Token root-a (serial {serial}) was unlocked with its PIN",
        f"About to begin: making the root key on token root-a (serial {serial}), ecdsa-p256, labelled acme-root",
        f"Token root-a (serial {serial}) locked its root key: it leaves the token no more",
        f"Token root-a (serial {serial}) wrapped its root key for the backups",
        f"Token root-a (serial {serial}) signed 1 certificate",
        f"About to begin: signing root files with token root-a (serial {serial}), 1 of them",
        f"Token root-a (serial {serial}) signed 1 root file",
        f"Token root-a (serial {serial}) signed the head of the log",
        "Volume b was opened again: 2 backups restored, 1 repository key among them",
        "2 signatures of 1 repository verified",
        "Ada agrees that this is a true record",
        "The log was closed with 3 answers and 0 deviations",
    ):
        assert said in sentences, "\n".join(sentences)
    assert {kind for kind in _WORDS if kind in KINDS} == set(_WORDS), "a kind without a stranger's test"


def test_tells_what_went_wrong_and_what_was_gone_on_with():
    people = ScriptedOperator(
        answers={"compare:request": [False, True], "answer:Sam": "do-not-agree", "reason:Sam": "the door was open"},
        deviations=[Deviation("a red seal", "a blue seal", "went on", "Wim")],
        stop_at="generate:root-a",
    )
    host = FakeHost([Check("network", passed=False, saw="eth0 is up", hint="unplug it")])
    ceremony = Ceremony(operator=people, host=host)
    people.secrets["pin:root-a"] = ["0000", "123456"]
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.folder.files[LOG] += b'{"actor":"cere'
    people.stop_at = ""
    people.answers["answer:Wim"] = "agree-with-exceptions"
    ceremony.resume()
    sentences = told(ceremony)
    serial = ceremony.rack.devices["root-a"].serial
    for said in (
        "Check failed: network, eth0 is up",
        "Wim noted a deviation: expected a red seal; happened a blue seal; decided went on",
        "Digest of the request, compared by Ada and Wim: not the same",
        "Step load-request failed: people did not hear the same digest for the request",
        f"The PIN for token root-a (serial {serial}) was not taken; how many tries are left is not known",
        "Stopped: people stopped the ceremony",
        "Resumed: 14 torn bytes were set aside",
        "Sam does not agree: the door was open",
        "Wim agrees, with the noted exceptions",
        "The log was closed with 3 answers and 1 deviation",
    ):
        assert said in sentences, "\n".join(sentences)


def test_tells_a_failure_that_people_did_not_try_again():
    ceremony = Ceremony(operator=ScriptedOperator(answers={"review": False, "error:review": "stop"}))
    with pytest.raises(CeremonyError):
        ceremony.hold()
    sentences = told(ceremony)
    assert sentences[-1] == "Stopped: people stopped after: people did not agree to what would be signed"


def test_tells_a_custody_without_backups_of_the_root():
    ceremony = Ceremony(plan=plan(root=RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b"), 1, Custody.TOKEN_ONLY)))
    ceremony.hold()
    assert not [said for said in told(ceremony) if "locked its" in said or "wrapped its" in said]


@pytest.mark.parametrize(
    ("kind", "body", "outcome", "said"),
    [
        pytest.param("error", {"message": "unforeseen: KeyError", "at": "m:7"}, "fail", "Step s failed: unforeseen: KeyError, at m:7", id="unforeseen"),
        pytest.param("resume", {"torn_bytes": 0}, "ok", "Resumed: the log was whole", id="resumed whole"),
        pytest.param("resume", {"torn_bytes": 1}, "ok", "Resumed: 1 torn byte was set aside", id="resumed torn"),
        pytest.param("again", {"step": "x", "why": "y"}, "ok", "Step x is done again: y", id="again"),
        pytest.param("roll-call", {"name": "Ada", "role": "witness", "how": "absent"}, "fail", "Ada, witness, did not answer", id="absent"),
        pytest.param("roll-call", {"name": "Ada", "role": "witness", "how": "typed name"}, "ok", "Ada, witness, answered by typed name", id="typed"),
        pytest.param("medium", {"role": "a", "model": "Stick", "serial": "S1"}, "ok", "Volume a is Stick, serial S1", id="a stick"),
        pytest.param("medium", {"role": "b", "model": "Stick", "serial": "S2", "replaces": "S1"}, "ok", "Volume b is Stick, serial S2, in the place of S1", id="another stick"),
        pytest.param("volume-out", {"role": "b", "serial": "S1", "why": "Stick S1: is full"}, "fail", "Volume b, serial S1, is out: Stick S1: is full", id="a stick that failed"),
        pytest.param("volume-whole", {"role": "b", "serial": "S2", "files": 4}, "ok", "Volume b, serial S2, is up to date, byte for byte: the log and 4 files", id="a stick in its place"),
        pytest.param("volume-whole", {"role": "courier", "serial": "S2", "files": 0}, "ok", "The courier, serial S2, is in", id="another courier"),
        pytest.param("mended", {"volume": "b", "bytes": 3}, "ok", "3 torn bytes at the end of the log on volume b were set aside there", id="mended"),
        pytest.param("typed-back", {"what": "passphrase", "same": False}, "ok", "Ada typed the passphrase back: not the same", id="typed otherwise"),
        pytest.param("typed-back", {"what": "share 2", "same": True}, "ok", "Ada typed share 2 back: the same", id="a share"),
        pytest.param("share", {"number": 2, "taken": True}, "ok", "Ada typed share 2: taken", id="a share that fits"),
        pytest.param("share", {"number": 2, "taken": False}, "refused", "Ada typed share 2: not taken", id="a share that does not"),
        pytest.param("login", {"token": "T1", "retries_left": None}, "fail", "The PIN for token T1 was not taken; how many tries are left is not known", id="tells nothing"),
        pytest.param("login", {"token": "T1", "retries_left": 1}, "fail", "A wrong PIN for token T1; one try is left", id="last try"),
        pytest.param("login", {"token": "T1", "retries_left": 0}, "fail", "A wrong PIN for token T1; no tries are left", id="no try"),
        pytest.param("compared", {"what": "X", "same": True}, "ok", "X, compared by people: the same", id="an older comparison"),
        pytest.param("custody", {"what": "volume", "name": "a", "serial": "S1", "holder": "Bea", "seal": "1234567"}, "ok", "Bea takes volume a, serial S1, bag or seal 1234567", id="a volume that is taken"),
        pytest.param("custody", {"what": "token", "name": "root-a", "serial": "T1", "holder": "Bea", "seal": ""}, "ok", "Bea takes token root-a, serial T1, no bag or seal", id="a token in no bag"),
        pytest.param("custody", {"what": "courier", "name": "courier", "serial": "S2", "holder": "Bea", "seal": "7"}, "ok", "Bea takes the courier, serial S2, bag or seal 7", id="a courier that is taken"),
        pytest.param("set-aside", {"store": "volume a", "path": "p"}, "ok", "A file that an interruption left, p in volume a, was set aside", id="set aside"),
        pytest.param("reopened", {"volume": "a", "repository_keys": 2}, "ok", "2 repository keys were opened from volume a", id="reopened"),
        pytest.param("files", {"files": {"a": "", "b": "", "c": "", "d": ""}}, "ok", "4 files were kept: a, b, c and 1 more", id="files"),
        pytest.param("intent", {"action": "dance", "key": "k"}, "pending", "About to begin: the act 'dance' on 'k', which this program does not know", id="unknown intent"),
        pytest.param("result", {"action": "dance", "key": "k"}, "ok", "Done: the act 'dance' on 'k', which this program does not know", id="unknown result"),
        pytest.param("result", {"action": "lock-key", "key": "T1"}, "fail", "Failed: locking the root key on token T1", id="failed act"),
        pytest.param("result", {"action": "certify", "key": "T1/0", "interrupted": True}, "fail", "Interrupted, and to be done again: signing certificates with token T1", id="interrupted"),
        pytest.param("result", {"action": "generate-key", "key": "T1", "found": True, "public_sha256": "ab"}, "ok", "Token T1 held its root key, made before the interruption, public key ab", id="found"),
        pytest.param("sung", {}, "ok", "A record of the kind 'sung', which this program does not know", id="unknown kind"),
        pytest.param("", {}, "ok", "A record of the kind 'nothing', which this program does not know", id="no kind"),
    ],
)  # fmt: skip
def test_tells_a_record(kind, body, outcome, said):
    assert sentence(record(kind, body, outcome=outcome, actor="Ada")) == said


def test_an_answer_that_is_not_there_is_named_when_it_is_open():
    assert unfinished("answer", "Ada", {}) == "the answer of Ada"


@given(st.sampled_from(KINDS), jsons, jsons, st.sampled_from(["ok", "fail", "pending", "x"]))
def test_a_strangers_record_of_a_known_kind_gets_words_and_lines(kind, body, step, outcome):
    found = {"kind": kind, "body": body, "step": step, "outcome": outcome}
    state = State()
    assert sentence(found)
    state.note(found)
    state.note(found)
    assert overview(state)


@given(st.dictionaries(st.text(max_size=9), jsons))
def test_any_object_gets_words_and_lines(found):
    state = State()
    assert sentence(found)
    state.note(found)
    assert overview(state)
