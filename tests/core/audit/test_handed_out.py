# SPDX-License-Identifier: Apache-2.0
"""The custody list in an audit: everything that was used is taken once, by somebody who was present, in a bag of its own."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from ceremony.core.audit import audit
from ceremony.core.canonical import Json
from ceremony.errors import ExitCode
from tests.core.audit.test_tampering import fast_seal, whole
from tests.core.audit.test_verdict import Records, rechained, texts
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]

Change = Callable[[Records], Records | None]


def custody(records: Records, name: str) -> dict:
    return next(record for record in records if record["kind"] == "custody" and record["body"]["name"] == name)


def counted(records: Records) -> Records:
    """Have the close count what the log holds, so that nothing else is wrong."""
    kinds = [record["kind"] for record in records[:-1]]
    records[-1]["body"]["counts"] = {kind: kinds.count(kind) for kind in kinds}
    return records


def saying(name: str, **members: Json) -> Change:
    return lambda records: custody(records, name)["body"].update(members)


def without(*names: str) -> Change:
    return lambda records: [r for r in records if r["kind"] != "custody" or r["body"]["name"] not in names]


def lacking(name: str, member: str) -> Change:
    def change(records: Records) -> None:
        del custody(records, name)["body"][member]

    return change


def twice(name: str, **members: Json) -> Change:
    def change(records: Records) -> Records:
        more = deepcopy(custody(records, name))
        more["body"].update(members)
        return [*records[:-1], more, records[-1]]

    return change


def medium(records: Records, role: str, serial: str) -> dict:
    found = deepcopy(next(r for r in records if r["kind"] == "medium" and r["body"]["role"] == role))
    found["body"]["serial"] = serial
    return found


def replaced(*, early: bool, taken: bool) -> Change:
    """Volume b was replaced after it was taken; what takes its place is taken too, or before it is in, or never."""

    def change(records: Records) -> Records:
        new = medium(records, "b", "F2")
        more = deepcopy(custody(records, "b"))
        more["body"]["serial"] = "F2"
        added = [more, new] if early else [new, more]
        return [*records[:-1], *(added if taken else [new]), records[-1]]

    return change


def judged(change: Change) -> tuple[ExitCode, str]:
    def made(records: Records) -> Records:
        return counted(change(records) or records)

    result = rechained(made)
    return result.verdict, texts(result)


CASES: list[tuple[str, Change, str]] = [
    ("a token that nobody took", without("root-a"), "FAILED ceremony.jsonl: is closed, and nobody took token root-a, serial"),
    ("a volume that nobody took", without("b"), "is closed, and nobody took volume b, serial Fb"),
    ("a courier that nobody took", without("courier"), "is closed, and nobody took the courier, serial Fcourier"),
    ("no list at all", without("root-a", "a", "b", "courier"), "is closed, and nobody took volume a"),
    ("somebody who was absent", saying("a", holder="Mallory"), "says that Mallory takes something, who was not present"),
    ("somebody who is a list", saying("a", holder=[]), "says that [] takes something, who was not present"),
    ("nobody", saying("a", holder=""), "who was not present"),
    ("a number that is none", saying("a", seal=7), "holds no number of a bag or seal, nor an empty one"),
    (
        "one bag for two",
        saying("b", seal="practice-0001"),
        "token root-a and volume b are said to be in one bag, or under one seal",
    ),
    ("the same twice", twice("a", seal=""), "says once more who takes the same"),
    ("the same twice, by another", twice("a", holder="Wim", seal=""), "says once more who takes the same"),
    ("something else", saying("a", serial="F9"), "says who takes something that was not used in this ceremony"),
    ("a thing of another kind", saying("a", what="token"), "says who takes something that was not used in this ceremony"),
    ("what took its place", replaced(early=False, taken=False), "is closed, and nobody took volume b, serial F2"),
    ("before it was in", replaced(early=True, taken=True), "says who takes something that was not used in this ceremony"),
    *(
        (f"no {member}", lacking("a", member), "does not say what a record of its kind says")
        for member in ("what", "name", "serial", "holder", "seal")
    ),
]


@pytest.mark.parametrize(("change", "said"), [pytest.param(change, said, id=name) for name, change, said in CASES])
def test_refuses_a_log_with(change, said):
    verdict, found = judged(change)
    assert verdict is ExitCode.FAILED
    assert said in found


def test_a_whole_list_is_told_with_what_is_in_no_bag():
    assert "OK custody: each of 4 tokens and media is taken by somebody who was present\n" in texts(
        audit(FakeFolder(files=dict(whole())))
    )
    _, found = judged(saying("a", seal=""))
    assert "OK custody: each of 4 tokens and media is taken by somebody who was present; 1 without a bag or a seal" in found
    assert "bag, or under one seal" not in judged(lambda r: [custody(r, name)["body"].update(seal="") for name in "ab"] and r)[1]


def test_who_takes_both_volumes_is_told():
    _, found = judged(lambda r: [custody(r, name)["body"].update(holder="Wim") for name in "ab"] and r)
    assert "; Wim takes both volumes" in found


def test_a_volume_that_was_replaced_after_it_was_taken_may_have_had_the_same_bag():
    _, found = judged(replaced(early=False, taken=True))
    assert "each of 4 tokens and media is taken" in found
    assert "not used in this ceremony" not in found
    assert "one bag" not in found


@pytest.mark.parametrize(
    ("present", "said"),
    [
        pytest.param("Ada", "who was not present", id="a text"),
        pytest.param(["Ada", 7], "takes something, who was", id="a number"),
    ],
)
def test_a_roll_that_cannot_be_read_makes_nobody_present(present, said):
    def change(records: Records) -> None:
        next(r for r in records if r["kind"] == "end" and r["step"] == "roll-call")["body"]["made"]["present"] = present

    assert said in judged(change)[1]


@pytest.mark.parametrize("tokens", [[], "root-a", {"root-a": "5f3c"}, {"root-a": []}])
def test_tokens_that_cannot_be_read_are_not_what_was_taken(tokens):
    def change(records: Records) -> None:
        next(r for r in records if r["kind"] == "end" and r["step"] == "tokens")["body"]["made"]["tokens"] = tokens

    assert "says who takes something that was not used in this ceremony" in judged(change)[1]


def test_a_log_that_is_not_closed_yet_misses_nothing():
    result = rechained(lambda records: without("b", "courier")(records[:-1]))
    assert "nobody took" not in texts(result)
    assert "OK custody" not in texts(result)
