# SPDX-License-Identifier: Apache-2.0
"""Claims in an audit: whose word it is that a token is hardware, and a failure where it is nobody's, or one person's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.audit.claimed import check_claimed
from ceremony.core.audit.verdict import Audited, Level, begin
from ceremony.core.claims import ACTION
from ceremony.core.plan import Custody, Kind, Mode
from tests.core.audit.test_signed_logs import failed, held
from tests.core.audit.test_verdict import Records, rechained, result_of, texts
from tests.fakes.room import plan

NOBODY = "nothing attests that it is hardware, and no two people who were there claim it"


def without(records: Records) -> Records:
    return [record for record in records if record["body"].get("action") != ACTION]


def absent(records: Records) -> None:
    """Let Wim, who claimed, not have been there."""
    for record in records:
        if record["kind"] == "end" and record["step"] == "roll-call":
            record["body"]["made"]["present"].remove("Wim")


def uncalled(records: Records) -> None:
    for record in records:
        if record["kind"] == "end" and record["step"] == "roll-call":
            record["body"]["made"]["present"] = "Ada and Wim"


def test_a_claim_is_told_as_the_word_of_those_who_gave_it():
    result = rechained(lambda _: None, held(mode=Mode.PRODUCTION))
    assert "is hardware as Ada and Wim claim; nothing attests it" in texts(result)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without, id="never"),
        pytest.param(result_of(ACTION, by=["Ada"]), id="by one person"),
        pytest.param(result_of(ACTION, by=["Ada", "Ada"]), id="by one person twice"),
        pytest.param(result_of(ACTION, by="Ada and Wim"), id="by a text"),
        pytest.param(result_of(ACTION, by=["Ada", "Mallory"]), id="by a stranger"),
        pytest.param(absent, id="by somebody who was not there"),
        pytest.param(uncalled, id="with a roll that is none"),
        pytest.param(result_of(ACTION, key="another"), id="of another token"),
    ],
)
def test_a_production_whose_token_nobody_claimed_fails(change):
    failed(rechained(change, held(mode=Mode.PRODUCTION)), NOBODY)


def test_a_practice_needs_no_claim():
    assert "claim" not in texts(rechained(lambda _: None, held()))


def with_tokens(tokens: object) -> Audited:
    """Return a folder of a production that claims nothing, with this list of tokens; nothing was checked yet."""

    def change(records: Records) -> Records:
        for record in records:
            if record["kind"] == "end" and record["step"] == "tokens":
                record["body"]["made"]["tokens"] = tokens
        return without(records)

    return begin(rechained(change, held(mode=Mode.PRODUCTION)).folder)


@pytest.mark.parametrize(
    ("custody", "recovery", "level"),
    [
        pytest.param(Custody.TOKEN_ONLY, False, None, id="its key is attested"),
        pytest.param(Custody.IMPORTED, False, Level.FAILED, id="its key was made elsewhere"),
        pytest.param(Custody.TOKEN_ONLY, True, Level.FAILED, id="its key was restored"),
    ],
)
def test_a_yubikey_needs_a_claim_where_its_key_is_not_attested(custody, recovery, level):
    base = plan()
    made = replace(base, root=replace(base.root, custody=custody), kind=Kind.RECOVERY if recovery else Kind.GENESIS)
    result = with_tokens({"root-a": {"kind": "yubikey", "serial": "7"}})
    check_claimed(result, made)
    assert [finding.level for finding in result.findings] == ([level] if level else [])


@pytest.mark.parametrize(
    ("tokens", "subjects"),
    [
        pytest.param({"root-a": "hardware"}, ["token None"], id="a row that is none"),
        pytest.param([], [], id="a list that is none"),
    ],
)
def test_a_list_that_makes_no_sense_is_nobody_s_word(tokens, subjects):
    result = with_tokens(tokens)
    check_claimed(result, plan())
    assert [finding.subject for finding in result.findings] == subjects


def test_without_a_plan_there_is_nothing_to_say():
    result = with_tokens({"root-a": {}})
    check_claimed(result, None)
    assert result.findings == []
