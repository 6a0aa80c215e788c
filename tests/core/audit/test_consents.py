# SPDX-License-Identifier: Apache-2.0
"""An act that two people agreed to with their keys: whatever else is put in the place of a consent is a failure with its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import pytest

from ceremony.core import consent
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited, Level
from ceremony.core.bundle import LOG
from ceremony.core.claims import ACTION as CLAIM
from ceremony.core.consent import CONSENTS, NAMESPACE, parse
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, Mode, RootPlan
from ceremony.errors import ExitCode
from tests.core.audit.test_verdict import Records, rechained, texts
from tests.fakes import room
from tests.fakes.cosigner import FakeCosigner
from tests.fakes.folder import FakeFolder, FakeMedia, FakeVolume, fake_identity
from tests.fakes.room import Ceremony, fast_seal, plan, repository
from tests.fakes.token import fake_rack
from tests.steps.test_prepare import occupied

__all__ = ["fast_seal"]

Files = dict[str, bytes]


@dataclass(frozen=True)
class Held:
    """A finished ceremony, and the keys of its people."""

    files: Mapping[str, bytes]
    keys: FakeCosigner


@lru_cache(maxsize=2)
def claimed(ceremony: str = "c0") -> Held:
    """Return a production on two tokens that two people claim as hardware."""
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    tokens = ("root-a", "root-b")
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        made = plan(repository("docker.io/acme/app"), root=RootPlan(Algorithm.ECDSA_P256, tokens, 1, Custody.TOKEN_WRAPPED))
        rack = fake_rack(*tokens, software=False)
        held = Ceremony(plan=made, mode=Mode.PRODUCTION, media=media, rack=rack, ceremony=ceremony * 16)
        assert held.hold() is ExitCode.DONE
    return Held(dict(held.folder.files), held.cosigner)


@lru_cache(maxsize=2)
def wiped(absent: tuple[str, ...] = ()) -> Held:
    """Return a practice that wiped a YubiKey."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        held = occupied("9c")
        held.operator.answers["occupied:root-a"] = "wipe"
        held.operator.secrets = {}
        held.cosigner.absent = set(absent)
        assert held.hold() in (ExitCode.DONE, ExitCode.INCOMPLETE)
    return Held(dict(held.folder.files), held.cosigner)


def record(records: Records, action: str = CLAIM, at: int = 0) -> dict:
    """Return the record of an act that names two people."""
    return [r for r in records if r["body"].get("action") == action and r["kind"] == consent.NEEDED[action]][at]


def records_of(files: Mapping[str, bytes]) -> Records:
    return [json.loads(line) for line in files[LOG].splitlines()]


def path(number: int) -> str:
    """Return the text of a consent, by its number."""
    return next(name for name in sorted(claimed().files) if name.startswith(f"{CONSENTS}{number:03}-") and name.endswith(".txt"))


def audited(change: Callable[[Records, Files], Records | None], held: Held | None = None) -> Audited:
    """Audit a folder of which log and files were changed, as those who keep the log could have: digests and chain are made anew."""
    base = dict((held or claimed()).files)

    def bend(records: Records) -> Records:
        before = dict(base)
        records = change(records, base) or records
        for name in before.keys() | base.keys():
            if before.get(name) != base.get(name) and name != LOG:
                for listed in [r["body"]["files"] for r in records if r["kind"] == "files" and name in r["body"]["files"]]:
                    listed.pop(name)
                    if name in base:
                        listed[name] = hashlib.sha256(base[name]).hexdigest()
        return records

    made = bend(records_of(base))
    return rechained(lambda _: made, base)


def told(result: Audited) -> list[str]:
    """Return what is said of consents, failures alone."""
    words = (
        "consent",
        "did not agree",
        "needs two people",
        "of the two",
        "earlier act",
        "stale",
        "beginning of this log",
        CONSENTS,
    )
    return [f.text for f in result.findings if f.level is Level.FAILED and any(word in f.text for word in words)]


def failed(result: Audited, said: str) -> None:
    assert any(said in text for text in told(result)), f"{said!r} is not among {told(result)} of\n{texts(result)}"
    assert result.verdict is ExitCode.FAILED


def resigned(files: Files, number: int, signer: str = "", namespace: str = NAMESPACE, **changes: object) -> None:
    """Let whoever holds a key sign another text in the place of a consent."""
    name = path(number)
    said = replace(parse(files[name], name), **changes)
    files[name] = said.text()
    files[name.replace(".txt", ".sig")] = claimed().keys.sign(signer or said.person, namespace, said.text()) or b""


# --- as it is ---


def test_both_acts_of_a_production_are_told_as_agreed_to():
    result = audit(FakeFolder(files=dict(claimed().files)))
    assert told(result) == []
    assert texts(result).count("Ada and Wim agreed to it, with their own keys") == 2


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        pytest.param((), "with their own keys", id="with keys"),
        pytest.param(("Ada", "Sam", "Wim"), "and have no keys in this practice", id="by the word alone"),
        pytest.param(("Ada",), "and have no keys in this practice", id="one of them by the word alone"),
    ],
)
def test_so_is_that_of_a_practice(absent, said):
    result = audit(FakeFolder(files=dict(wiped(absent).files)))
    assert told(result) == []
    assert f"Ada and Wim agreed to it, {said}" in texts(result)


# --- the log names something else ---


def named(**changes: object) -> Callable[[Records, Files], None]:
    return lambda records, _: record(records)["body"].update(changes)


def forgotten(records: Records, _: Files) -> None:
    del record(records)["body"]["consents"]


def one_twice(records: Records, _: Files) -> None:
    body = record(records)["body"]
    body["consents"] = [body["consents"][0]] * 2


def of_the_first(records: Records, _: Files) -> None:
    record(records, at=1)["body"]["consents"] = record(records)["body"]["consents"]


def kept_later(records: Records, _: Files) -> Records:
    """Move the record of the files behind the act."""
    at = next(i for i, r in enumerate(records) if r["kind"] == "files" and path(1) in r["body"]["files"])
    files = records.pop(at)
    after = next(i for i, r in enumerate(records) if r["body"].get("action") == CLAIM) + 1
    return [*records[:after], files, *records[after:]]


def kept_again(records: Records, _: Files) -> Records:
    """Name the files once more behind the act: those that are there now are the later ones."""
    files = next(r for r in records if r["kind"] == "files" and path(1) in r["body"]["files"])
    return [*records[:-1], files, records[-1]]


def unkept_signature(records: Records, files: Files) -> None:
    files.pop(path(1).replace(".txt", ".sig"))
    for r in records:
        if r["kind"] == "files":
            r["body"]["files"].pop(path(1).replace(".txt", ".sig"), None)


def between(kind: str) -> Callable[[Records, Files], Records]:
    """Put a record between the consents and the act."""

    def change(records: Records, _: Files) -> Records:
        at = next(i for i, r in enumerate(records) if r["body"].get("action") == CLAIM)
        bodies = {"end": {"made": {}}, "error": {"message": "x", "hint": "y"}, "stop": {"why": "x"}}
        return [*records[:at], {**records[at], "kind": kind, "body": bodies.get(kind, {})}, *records[at:]]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(named(consents=[]), "Ada did not agree to it with their own key", id="none"),
        pytest.param(forgotten, "Wim did not agree to it with their own key", id="no list"),
        pytest.param(named(consents="all"), "Wim did not agree to it with their own key", id="a text"),
        pytest.param(named(consents=[7]), "names 7, which is no consent", id="a number"),
        pytest.param(named(consents=["evidence/plan.toml"]), "'evidence/plan.toml', which is no consent", id="another file"),
        pytest.param(named(consents=[f"{CONSENTS}001-x.sig"]), "001-x.sig', which is no consent", id="a signature alone"),
        pytest.param(named(consents=[f"{CONSENTS}009-x.txt"]), "was not kept before record", id="one that is not there"),
        pytest.param(one_twice, "was given to an earlier act: a consent is good for one", id="one person's twice"),
        pytest.param(of_the_first, "was given to an earlier act: a consent is good for one", id="those of another act"),
        pytest.param(kept_later, "was not kept before record", id="later than the act"),
        pytest.param(kept_again, "was not kept before record", id="other files later than the act"),
        pytest.param(unkept_signature, "was not kept before record", id="a signature that is not there"),
        pytest.param(named(by=["Ada"]), "needs two people, and does not name two", id="one person's act"),
        pytest.param(named(by=["Ada", "Ada"]), "needs two people, and does not name two", id="one person twice"),
        pytest.param(named(by=["Ada", "Wim", "Sam"]), "needs two people, and does not name two", id="three people's"),
        pytest.param(named(by="Ada and Wim"), "needs two people, and does not name two", id="a text for people"),
        pytest.param(named(by=["Ada", "Sam"]), "is of Wim, who is not one of the two", id="another person's"),
        pytest.param(named(by=["Ada", "Eve"]), "Eve did not agree to it with their own key", id="a stranger's"),
        pytest.param(named(key="77"), "is not a consent to claim-hardware 77 in this ceremony", id="of another token"),
        *(
            pytest.param(between(kind), f"is stale: record {{seq}} ({kind}) came between", id=f"asked before {kind}")
            for kind in sorted(consent.BREAKS - {"resume"})
        ),
    ],
)
def test_a_log_that_tells_of_another_consent_fails(change, said):
    at = next(i for i, r in enumerate(records_of(claimed().files)) if r["body"].get("action") == CLAIM)
    failed(audited(change), said.replace("{seq}", str(at)))


def test_a_consent_from_before_an_interruption_is_stale():
    files = claimed().files
    at = next(i for i, r in enumerate(records_of(files)) if r["body"].get("action") == CLAIM)

    def change(records: Records, _: Files) -> Records:
        body = {"tool": {}, "site_sha256": "", "torn_bytes": 0, "torn_sha256": "", "torn_file": ""}
        return [*records[:at], {**records[at], "kind": "resume", "step": "resume", "body": body}, *records[at:]]

    failed(audited(change), f"is stale: record {at} (resume) came between it and the act")


# --- people signed something else ---


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"act": "wipe-token 1"}, "is not a consent to claim-hardware", id="another act"),
        pytest.param({"ceremony": "0c" * 16}, "is not a consent to claim-hardware", id="another ceremony"),
        pytest.param({"chain": "0" * 64}, "does not state the beginning of this log", id="another log"),
        pytest.param({"entries": 1}, "does not state the beginning of this log", id="another moment"),
        pytest.param({"entries": 10**9}, "does not state the beginning of this log", id="a log that is longer"),
        pytest.param({"person": "Sam"}, "is of Sam, who is not one of the two", id="another person"),
        pytest.param({"person": "Eve", "signer": "Ada"}, "is of Eve, who is not one of the two", id="a stranger"),
        pytest.param({"signer": "Sam"}, "was made by another key", id="another person's key"),
        pytest.param({"signer": "Wim"}, "was made by another key", id="the other one's key"),
        pytest.param({"namespace": "ceremony-head"}, "is for another namespace", id="another namespace"),
    ],
)
def test_a_text_that_was_signed_for_something_else_fails(changes, said):
    result = audited(lambda _, files: resigned(files, 1, **changes))
    assert any(said in text.text for text in result.findings if text.level is Level.FAILED), texts(result)
    failed(result, "Ada did not agree to it with their own key")


def swapped(_: Records, files: Files) -> None:
    first, second = (path(number).replace(".txt", ".sig") for number in (1, 2))
    files[first], files[second] = files[second], files[first]


def stripped(_: Records, files: Files) -> None:
    files[path(1).replace(".txt", ".sig")] = b""


def no_text(_: Records, files: Files) -> None:
    files[path(1)] = b"I agree\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(swapped, "was made by another key", id="swapped"),
        pytest.param(stripped, "is not an armored SSH signature", id="stripped"),
        pytest.param(no_text, "is not a ceremony-consent/v1 text", id="no text"),
    ],
)
def test_a_signature_that_is_not_of_that_text_fails(change, said):
    result = audited(change)
    assert said in texts(result)
    failed(result, "did not agree to it with their own key")


def test_a_file_that_is_gone_fails():
    files = dict(claimed().files)
    del files[path(1)]
    failed(audit(FakeFolder(files=files)), "Ada did not agree to it with their own key")


def test_the_consents_of_another_ceremony_with_the_same_people_fail():
    other = claimed("0c")

    def change(_: Records, files: Files) -> None:
        for name in [name for name in files if name.startswith(CONSENTS)]:
            files[name] = other.files[name]

    result = audited(change)
    assert told(result).count(f"{path(1)}: is not a consent to claim-hardware {serial()} in this ceremony") == 1


def serial() -> str:
    return str(record(records_of(claimed().files))["body"]["key"])


def test_a_consent_to_one_token_is_none_to_another():
    def change(records: Records, _: Files) -> None:
        one, other = (record(records, at=at)["body"] for at in (0, 1))
        one["key"], other["key"] = other["key"], one["key"]

    assert sum("is not a consent to claim-hardware" in text for text in told(audited(change))) == 4


def test_somebody_whom_the_first_record_does_not_name_agrees_to_nothing():
    def change(records: Records, files: Files) -> None:
        record(records)["body"]["by"] = ["Eve", "Wim"]
        resigned(files, 1, person="Eve", signer="Ada")

    failed(audited(change), "is of Eve, who is not one of the two")


# --- practice ---


def unsigned(records: Records, files: Files) -> None:
    record(records, consent.WIPE_TOKEN)["body"]["consents"] = []


def test_who_answered_a_practice_with_a_key_agrees_with_it():
    failed(audited(unsigned, wiped()), "Ada did not agree to it with their own key")


def test_a_practice_called_a_production_asks_for_keys():
    def change(records: Records, _: Files) -> None:
        records[0]["body"]["mode"] = "production"

    failed(audited(change, wiped(("Ada", "Sam", "Wim"))), "Wim did not agree to it with their own key")


def test_an_act_that_came_to_nothing_needs_nobody():
    """A result that failed, as a resumed ceremony writes it, names nobody."""

    def change(records: Records, _: Files) -> None:
        claim = record(records, at=1)
        claim["outcome"] = "fail"
        claim["body"] = {"action": CLAIM, "key": claim["body"]["key"], "interrupted": True}

    assert told(audited(change)) == []


def test_whatever_is_written_about_an_act_is_a_finding():
    for junk in (None, 1, "x", [], {}, [[1]], True, [None, {}]):
        result = audited(named(by=junk, consents=junk, key=junk))
        assert result.verdict is ExitCode.FAILED
