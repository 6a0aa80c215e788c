# SPDX-License-Identifier: Apache-2.0
"""In production a token that attests nothing is hardware by the word of two people, which log, inventory and screens repeat."""

from __future__ import annotations

import json

import pytest

from ceremony.core.bundle import slug
from ceremony.core.chronicle import State, overview, sentence
from ceremony.core.claims import ACTION
from ceremony.core.consent import CONSENTS
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, Mode, RootPlan
from ceremony.errors import CeremonyError, ExitCode
from ceremony.steps import claiming
from ceremony.steps.inventory import INVENTORY
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.room import Ceremony, fast_seal, plan
from tests.fakes.token import fake_rack
from tests.steps.test_refusals import hold
from tests.steps.test_yubikey_genesis import on_yubikeys

__all__ = ["fast_seal"]


def production(*tokens: str) -> Ceremony:
    """Return a ceremony in production, on tokens that say a vendor made them."""
    tokens = tokens or ("root-a",)
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    made = plan(root=RootPlan(Algorithm.ECDSA_P256, tokens, 1, Custody.TOKEN_WRAPPED))
    return Ceremony(plan=made, mode=Mode.PRODUCTION, media=media, rack=fake_rack(*tokens, software=False))


def claims(ceremony: Ceremony) -> list[dict]:
    """Return the claims that were recorded."""
    return [body for body in ceremony.bodies("result") if body["action"] == ACTION]


def test_two_people_claim_a_token_that_attests_nothing():
    ceremony = production()
    assert ceremony.hold() is ExitCode.DONE
    serial = ceremony.bodies("token")[0]["serial"]
    consents = [f"{CONSENTS}{number}-{slug(name)}.txt" for number, name in (("001", "Ada"), ("002", "Wim"))]
    assert claims(ceremony) == [{"action": ACTION, "key": serial, "by": ["Ada", "Wim"], "consents": consents}]
    for key, who in (("claim:root-a", "Ada"), ("claim:root-a:second", "Wim")):
        asked = ceremony.operator.question(key)
        assert (asked.word, asked.prompt.who) == (claiming.WORD, who)
    settings = json.loads(ceremony.folder.files[INVENTORY])["root_keys"][0]["settings"]
    assert settings["claimed_by"] == ["Ada", "Wim"]


def test_a_claim_is_told():
    ceremony = production()
    ceremony.hold()
    state, sentences = State(), []
    for line in ceremony.operator.lines:
        state.note(json.loads(line))
        sentences.append(sentence(json.loads(line), state.names))
    serial = ceremony.bodies("token")[0]["serial"]
    assert f"Ada and Wim claim that token root-a (serial {serial}) is hardware; nothing attests it" in sentences
    (tokens,) = [section for section in overview(state) if section.title == "Tokens"]
    ((name, said),) = tokens.lines
    assert name == "root-a"
    assert said.endswith(", hardware as Ada and Wim claim")


@pytest.mark.parametrize(
    ("key", "who"),
    [pytest.param("claim:root-a", "Ada", id="the first"), pytest.param("claim:root-a:second", "Wim", id="the second")],
)
def test_without_both_of_them_nothing_is_made(key, who):
    ceremony = production()
    ceremony.operator.answers[key] = False
    hold(ceremony, CeremonyError, f"^{who} did not agree: root-a, serial .* is a device and no program", "tokens")
    assert claims(ceremony) == []
    assert "generate:root-a" not in ceremony.operator.keys


def test_a_claim_is_asked_for_once():
    ceremony = production("root-a", "root-b")
    ceremony.operator.answers["claim:root-b"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE
    assert [ceremony.operator.keys.count(f"claim:{name}") for name in ("root-a", "root-b")] == [1, 2]
    assert len(claims(ceremony)) == 2


@pytest.mark.parametrize(
    ("custody", "asked"),
    [
        pytest.param(Custody.TOKEN_ONLY, [], id="which will be attested"),
        pytest.param(Custody.IMPORTED, ["claim:root-a", "claim:root-a:second"], id="which nothing attests"),
    ],
)
def test_a_yubikey_is_claimed_for_a_key(custody, asked):
    ceremony = on_yubikeys(custody=custody)
    room = ceremony.begin()
    room.mode = Mode.PRODUCTION
    claiming.claim(room, ceremony.rack.open("root-a").identity, custody)
    assert ceremony.operator.keys == asked


def test_nobody_claims_anything_in_practice():
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    assert claims(ceremony) == []
    assert "claimed_by" not in json.loads(ceremony.folder.files[INVENTORY])["root_keys"][0]["settings"]
