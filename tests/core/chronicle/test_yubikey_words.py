# SPDX-License-Identifier: Apache-2.0
"""What is recorded of YubiKeys, in sentences, and what of it stands in the overview."""

from __future__ import annotations

import json

import pytest

from ceremony.core.bundle import LOG
from ceremony.core.chronicle import State, overview, sentence
from ceremony.core.plan import Custody
from tests.core.chronicle.records import record
from tests.fakes.piv import prepared, yubikey
from tests.fakes.room import Ceremony, fast_seal
from tests.steps.test_yubikey_genesis import on_yubikeys

__all__ = ["fast_seal"]
EUCLEAK = "YSA-2024-03: who holds the token can recover an ECDSA key from it (EUCLEAK, firmware below 5.7.0)"
ROOT = "token root-a (serial 10661186)"


def told(ceremony: Ceremony) -> tuple[State, list[str]]:
    """Return the state and the sentences of a ceremony's log; none of them may be the one for what is not known."""
    state, sentences = State(), []
    for line in ceremony.folder.files[LOG].splitlines():
        found = json.loads(line)
        state.note(found)
        sentences.append(sentence(found, state.names))
        assert "does not know" not in sentences[-1], found
        assert sentences[-1] == sentences[-1].strip(), found
    return state, sentences


def test_tells_a_genesis_on_a_yubikey():
    ceremony = on_yubikeys()
    ceremony.hold()
    state, sentences = told(ceremony)
    public = ceremony.rack.devices["root-a"].card.slots["9c"].private.public.sha256[:16]
    for said in (
        f"The firmware of {ROOT} may be used: new root: attested under Yubico Attestation Root 1",
        f"T{ROOT[1:]}: tries left PIN 3 of 3, PUK 3 of 3; the factory's: PIN and PUK and management key; occupied slots: none",
        f"About to begin: setting how many tries the PIN and the PUK of {ROOT} have, 5 and 5",
        f"The number of tries for PIN and PUK of {ROOT} was set",
        "custodian of its PIN typed the PIN of root-a back: the same",
        f"The PIN of {ROOT} was set",
        f"The PUK of {ROOT} was set",
        f"The management key of {ROOT} was set",
        f"T{ROOT[1:]}: tries left PIN 5 of 5, PUK 5 of 5; the factory's: nothing; occupied slots: none",
        f"About to begin: making the root key on {ROOT}, ecdsa-p256, in slot 9c, which is empty",
        f"T{ROOT[1:]} attests that its key {public} was made in its slot 9c, under Test Root 1, which is not Yubico's: practice only",
        f"About to begin: signing a challenge with {ROOT}",
        f"T{ROOT[1:]} signed a challenge over the log with its root key",
        f"T{ROOT[1:]} signed 1 certificate for its slot",
        f"About to begin: putting a certificate into the slot of {ROOT}",
        f"T{ROOT[1:]} took the certificate for its slot",
        f"T{ROOT[1:]}: tries left PIN 5 of 5, PUK 5 of 5; the factory's: nothing; occupied slots: 9c",
    ):
        assert said in sentences, "\n".join(sentences)
    lines = {found.title: found.lines for found in overview(state)}
    assert lines["Root keys"] == (("root-a", f"public key {public}, attested"),)
    assert ("certificates for its slot", "1 signature") in lines["Signatures"]
    assert not state.open_acts


def test_tells_what_people_decided_about_a_token():
    ceremony = on_yubikeys(prepared("root-a", firmware="5.4.3", slots=dict(_held())))
    ceremony.operator.answers["occupied:root-a"] = "wipe"
    ceremony.operator.secrets = {}
    ceremony.hold()
    _, sentences = told(ceremony)
    for said in (
        f"The firmware of {ROOT} may be used only as a deviation: {EUCLEAK}",
        f"Ada and Wim accepted the firmware of {ROOT}",
        f"About to begin: wiping {ROOT}, which holds 9c, as Ada and Wim want",
        f"T{ROOT[1:]} was wiped",
    ):
        assert said in sentences, "\n".join(sentences)
    assert any(said.startswith("Ada and Wim noted a deviation: expected a YubiKey whose firmware is sound") for said in sentences)


def test_tells_what_was_left_alone_and_what_was_not_taken():
    ceremony = on_yubikeys(prepared("root-a", slots={"9d": _held()["9c"]}))
    ceremony.operator.secrets["management-key:root-a"] = ["11" * 24, bytes(range(50, 74)).hex()]
    ceremony.operator.secrets["pin:root-a"] = ["000000", "314159"]
    ceremony.hold()
    state, sentences = told(ceremony)
    for said in (
        f"What is in other slots of {ROOT} is left alone: 9d",
        f"A wrong management key for {ROOT}; it spends no try",
        f"T{ROOT[1:]} took its management key",
        f"A wrong PIN for {ROOT}; 4 tries are left",
    ):
        assert said in sentences, "\n".join(sentences)
    assert [event.text for event in state.wrong_pins] == [sentences[event.seq] for event in state.wrong_pins]
    assert len(state.wrong_pins) == 2


def test_tells_a_key_that_was_put_on_a_yubikey():
    ceremony = on_yubikeys(yubikey("root-a"), custody=Custody.IMPORTED)
    ceremony.hold()
    state, sentences = told(ceremony)
    public = ceremony.rack.devices["root-a"].card.slots["9c"].private.public.sha256[:16]
    assert f"About to begin: putting the root key on {ROOT}, ecdsa-p256, in slot 9c, which is empty" in sentences
    assert f"The root key was put on {ROOT}, public key {public}; nothing attests where it was made" in sentences
    lines = {found.title: found.lines for found in overview(state)}
    assert lines["Root keys"] == (("root-a", f"public key {public}, made on the host, not attested"),)


def test_tells_a_token_that_is_no_yubikey():
    ceremony = Ceremony()
    ceremony.hold()
    _, sentences = told(ceremony)
    serial = ceremony.rack.devices["root-a"].serial
    assert f"Token root-a (serial {serial}) has nothing labelled acme-root" in sentences


def _held() -> dict:
    from ceremony.core import software_key
    from ceremony.core.keys import Algorithm
    from tests.fakes.device import Slotted

    return {"9c": Slotted(software_key.make(Algorithm.ECDSA_P256))}


@pytest.mark.parametrize(
    ("kind", "body", "outcome", "said"),
    [
        pytest.param("firmware", {"token": "T1", "decision": "refuse", "reasons": ["a", "b"]}, "refused", "The firmware of token T1 must not be used: a; b", id="refused"),
        pytest.param("firmware", {"token": "T1", "decision": "dance", "reasons": []}, "ok", "The firmware of token T1 was judged 'dance': ", id="a stranger's verdict"),
        pytest.param("attested", {"serial": "7", "slot": "9c", "public_sha256": "ab", "pinned": True, "authorities": ["A", "R"]}, "ok", "Token 7 attests that its key ab was made in its slot 9c, under R", id="attested under Yubico"),
        pytest.param("attested", {}, "ok", "Token  attests that its key  was made in its slot , under nobody, which is not Yubico's: practice only", id="attested by nobody"),
        pytest.param("result", {"action": "set-pin", "key": "T1", "found": True}, "ok", "The PIN of token T1 was found set, after the interruption", id="a PIN that was found set"),
        pytest.param("result", {"action": "wipe-token", "key": "T1", "found": True}, "ok", "Token T1 was found wiped, after the interruption", id="found wiped"),
        pytest.param("result", {"action": "unblock-pin", "key": "T1"}, "ok", "The PIN of token T1 was unblocked with its PUK", id="unblocked"),
        pytest.param("result", {"action": "unblock-pin", "key": "T1", "found": True}, "ok", "The PIN of token T1 was found unblocked, after the interruption", id="found unblocked"),
        pytest.param("result", {"action": "unblock-pin", "key": "T1"}, "fail", "Failed: unblocking the PIN of token T1 with its PUK", id="not unblocked"),
        pytest.param("result", {"action": "import-key", "key": "T1", "found": True, "public_sha256": "ab"}, "ok", "The root key was put on token T1 before the interruption, public key ab; nothing attests where it was made", id="found put there"),
        pytest.param("result", {"action": "store-certificate", "key": "T1", "found": True}, "ok", "Token T1 held the certificate for its slot", id="a certificate that was found"),
        pytest.param("intent", {"action": "wipe-token", "key": "T1", "by": ["A", "B"]}, "pending", "About to begin: wiping token T1, which holds nothing, as A and B want", id="wiping an empty token"),
        pytest.param("result", {"action": "set-puk", "key": "T1", "interrupted": True}, "fail", "Interrupted, and to be done again: setting the PUK of token T1", id="interrupted"),
    ],
)  # fmt: skip
def test_tells_a_record(kind, body, outcome, said):
    assert sentence(record(kind, body, outcome=outcome)) == said
