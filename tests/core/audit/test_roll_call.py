# SPDX-License-Identifier: Apache-2.0
"""Who was there, as answers to challenges show it: whatever else is put in the place of an answer is a failure with its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited, Level
from ceremony.core.bundle import LOG, slug
from ceremony.core.roll import NAMESPACE, ROLL_CALL, parse
from ceremony.errors import ExitCode
from tests.core.audit.test_consents import Files, Held, audited, claimed, wiped
from tests.core.audit.test_verdict import Records, texts
from tests.fakes.folder import FakeFolder
from tests.fakes.room import Ceremony, fast_seal
from tests.steps.test_refusals import hold

__all__ = ["fast_seal"]

Change = Callable[[Records, Files], Records | None]


def path(name: str, files: Mapping[str, bytes] | None = None) -> str:
    """Return the challenge that was put to somebody."""
    return next(one for one in files or claimed().files if one.startswith(ROLL_CALL) and one.endswith(f"-{slug(name)}.txt"))


def answer(name: str) -> str:
    return path(name).replace(".txt", ".sig")


def called(records: Records, name: str) -> dict:
    """Return the record of somebody's answer."""
    return next(r for r in records if r["kind"] == "roll-call" and r["body"]["name"] == name)


def failed(result: Audited, said: str) -> None:
    assert any(said in f"{f.subject}: {f.text}" for f in result.findings if f.level is Level.FAILED), texts(result)
    assert result.verdict is ExitCode.FAILED


def right(result: Audited) -> None:
    assert not [f for f in result.findings if f.level is Level.FAILED and ("roll" in f.text or "roll" in f.subject)], texts(
        result
    )


def test_the_answers_of_a_production_verify():
    result = audit(FakeFolder(files=dict(claimed().files)))
    right(result)
    assert "OK roll call: 3 answers, each to a challenge of its own, verify" in texts(result)


@pytest.mark.parametrize("absent", [(), ("Ada",), ("Ada", "Sam", "Wim")])
def test_typed_names_are_answers_in_a_practice(absent):
    result = audit(FakeFolder(files=dict(wiped(absent).files)))
    right(result)
    assert ("answers, each to a challenge" in texts(result)) == (len(absent) < 3)


# --- what was signed ---


def resigned(name: str, signer: str = "", namespace: str = NAMESPACE, **changes: str) -> Change:
    """Let whoever holds a key answer another challenge in the place of somebody's."""

    def change(_: Records, files: Files) -> None:
        said = replace(parse(files[path(name)], name), **changes)
        files[path(name)] = said.text()
        files[answer(name)] = claimed().keys.sign(signer or name, namespace, said.text()) or b""

    return change


def stripped(_: Records, files: Files) -> None:
    files[answer("Wim")] = b""


def no_text(_: Records, files: Files) -> None:
    files[path("Wim")] = b"Here!\n"


def swapped(_: Records, files: Files) -> None:
    files[answer("Ada")], files[answer("Wim")] = files[answer("Wim")], files[answer("Ada")]


def replayed(records: Records, files: Files) -> None:
    """Put the challenge that Ada answered to Wim."""
    resigned("Wim", challenge=parse(files[path("Ada")], "x").challenge)(records, files)


def replayed_whole(_: Records, files: Files) -> None:
    """Put Ada's challenge and answer in the place of Wim's."""
    files[path("Wim")], files[answer("Wim")] = files[path("Ada")], files[answer("Ada")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(resigned("Wim", ceremony="0c" * 16), "is not a challenge to Wim in this ceremony", id="another ceremony"),
        pytest.param(resigned("Wim", person="Ada"), "is not a challenge to Wim in this ceremony", id="another person"),
        pytest.param(resigned("Wim", signer="Ada"), "was made by another key", id="another person's key"),
        pytest.param(resigned("Wim", namespace="ceremony-head"), "is for another namespace", id="another namespace"),
        pytest.param(stripped, "is not an armored SSH signature", id="stripped"),
        pytest.param(no_text, "is not a ceremony-roll-call/v1 text", id="no text"),
        pytest.param(swapped, "was made by another key", id="swapped"),
        pytest.param(replayed, "repeats the challenge of evidence/roll-call/001", id="a challenge again"),
        pytest.param(replayed_whole, "repeats the challenge of evidence/roll-call/001", id="challenge and answer again"),
    ],
)
def test_an_answer_to_something_else_fails(change, said):
    failed(audited(change), said)


def test_the_answers_to_another_ceremony_fail():
    other = claimed("0c")

    def change(_: Records, files: Files) -> None:
        files.update({name: other.files[name] for name in files if name.startswith(ROLL_CALL)})

    result = audited(change)
    for name in ("Ada", "Sam", "Wim"):
        failed(result, f"is not a challenge to {name} in this ceremony")
        failed(result, f"{name} counts as present, and did not answer as this ceremony asks for")


# --- what the log says ---


def said_of(person: str, **changes: object) -> Change:
    return lambda records, _: called(records, person)["body"].update(changes)


def outcome(records: Records, _: Files) -> None:
    called(records, "Sam")["outcome"] = "fail"


def uncalled(records: Records, _: Files) -> Records:
    return [r for r in records if r is not called(records, "Sam")]


def forgotten(records: Records, files: Files) -> None:
    """Let no record and no file tell of Wim's answer."""
    for name in (path("Wim"), answer("Wim")):
        files.pop(name)
        for r in records:
            if r["kind"] == "files":
                r["body"]["files"].pop(name, None)


def no_answer(records: Records, files: Files) -> None:
    name = answer("Wim")
    files.pop(name)
    for r in records:
        if r["kind"] == "files":
            r["body"]["files"].pop(name, None)


def twice(records: Records, _: Files) -> Records:
    """Let Wim be called twice, and answer once."""
    at = records.index(called(records, "Wim")) + 1
    return [*records[:at], records[at - 1], *records[at:]]


def kept_again(records: Records, _: Files) -> Records:
    """Name the files once more at the end: those that are there now are the later ones."""
    files = next(r for r in records if r["kind"] == "files" and path("Wim") in r["body"]["files"])
    return [*records[:-1], files, records[-1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(said_of("Wim", how="typed name"), "takes a typed name of Wim for an answer, in a production", id="typed"),
        pytest.param(said_of("Wim", how="absent"), "Wim counts as present, and did not answer", id="absent"),
        pytest.param(said_of("Wim", how=None), "Wim counts as present, and did not answer", id="no answer at all"),
        pytest.param(said_of("Wim", name="Eve"), "calls Eve, whom the first record does not name so", id="a stranger"),
        pytest.param(said_of("Wim", role="auditor"), "calls Wim, whom the first record does not name so", id="another role"),
        pytest.param(outcome, "Sam counts as present, and did not answer", id="an answer that failed"),
        pytest.param(uncalled, "Sam counts as present, and did not answer", id="never called"),
        pytest.param(forgotten, "says that Wim answered with a key, and no challenge was kept before it", id="no challenge"),
        pytest.param(no_answer, "was not kept before record", id="no answer kept"),
        pytest.param(twice, "says that Wim answered with a key, and no challenge was kept before it", id="one answer, twice"),
        pytest.param(kept_again, "was not kept before record", id="other files later on"),
    ],
)
def test_a_roll_that_tells_of_another_answer_fails(change, said):
    failed(audited(change), said)


def test_a_roll_without_names_is_a_finding():
    def change(records: Records, _: Files) -> None:
        called(records, "Wim")["body"].clear()

    failed(audited(change), "Wim counts as present, and did not answer")


def test_nobody_is_missed_where_nobody_is_listed():
    def change(records: Records, _: Files) -> None:
        next(r for r in records if r["kind"] == "end" and r["step"] == "roll-call")["body"]["made"]["present"] = "all"

    right(audited(change))


def test_a_typed_name_of_a_practice_is_none_in_a_production():
    def change(records: Records, _: Files) -> None:
        records[0]["body"]["mode"] = "production"

    failed(audited(change, wiped(("Ada", "Sam", "Wim"))), "takes a typed name of Wim for an answer, in a production")


# --- a roll that was called again ---


def again() -> Held:
    """Return a practice in which the roll was called twice: Wim did not answer at first."""
    ceremony = Ceremony()
    ceremony.cosigner.absent = {"Wim"}
    ceremony.operator.answers["name:Wim"] = "nobody"
    hold(ceremony, Exception, "cannot meet the quorum", "roll-call")
    ceremony.cosigner.absent = set()
    assert ceremony.resume() is ExitCode.DONE
    return Held(dict(ceremony.folder.files), ceremony.cosigner)


def test_a_roll_that_was_called_again_has_new_challenges_and_verifies():
    held = again()
    result = audit(FakeFolder(files=dict(held.files)))
    right(result)
    assert "5 answers, each to a challenge of its own, verify" in texts(result)
    records = [json.loads(line) for line in held.files[LOG].splitlines()]
    assert [r["body"]["how"] for r in records if r["kind"] == "roll-call"] == ["key", "key", "absent", "key", "key", "key"]


def test_who_answered_once_and_not_the_last_time_does_not_count():
    held = again()

    def change(records: Records, _: Files) -> None:
        last = [r for r in records if r["kind"] == "roll-call" and r["body"]["name"] == "Sam"][-1]
        last["body"]["how"] = "absent"

    failed(audited(change, held), "Sam counts as present, and did not answer")


def test_a_challenge_that_nobody_answered_counts_for_the_next_one_alone():
    """Killed after the files and before their record, a person is called again: the last challenge is theirs."""
    held = again()

    def change(records: Records, _: Files) -> Records:
        first = called(records, "Ada")
        return [r for r in records if r is not first]

    right(audited(change, held))
