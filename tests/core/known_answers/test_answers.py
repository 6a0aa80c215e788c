# SPDX-License-Identifier: Apache-2.0
"""Every known answer holds; changed, or asked of a verifier that takes everything, it does not, and is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from ceremony.core import attestation, backup, canonical, certificates, cosign, keys, log, plan_lint, roca, second_opinion, words
from ceremony.core.dialects import notary
from ceremony.core.known_answers import HINT, Answer, answers, flipped, judge
from ceremony.core.known_answers.answer import from_base64, same
from ceremony.core.known_answers.key_values import MESSAGE
from ceremony.errors import VerificationError

ALL = {answer.name: answer for answer in answers()}
BY_NAME = pytest.mark.parametrize("answer", ALL.values(), ids=ALL)
TAKEN = "what was damaged was taken for right"


def refused(answer: Answer, message: str) -> None:
    with pytest.raises(VerificationError, match=message) as said:
        judge(answer)
    assert (said.value.subject, said.value.hint) == (answer.name, HINT)


@BY_NAME
def test_holds_and_was_asked_both_ways(answer):
    assert judge(answer) == len(list(answer.wrong())) >= 1
    assert answer.source


def test_every_answer_has_a_name_of_its_own():
    assert len(ALL) == len(answers()) >= 40


@BY_NAME
def test_a_verifier_that_takes_everything_does_not_pass(answer):
    refused(replace(answer, take=lambda *_: None), TAKEN)


@BY_NAME
def test_a_verifier_that_refuses_everything_does_not_pass(answer):
    refused(replace(answer, take=lambda *_: same(1, 2)), r"what is right was refused \(answer: is another than the known one\)")


@BY_NAME
def test_any_part_that_is_changed_makes_another_answer(answer):
    for parts in answer.wrong():
        refused(replace(answer, good=parts), "what is right was refused")


VERIFIERS: list[tuple[object, str, Callable[..., object], tuple[str, ...]]] = [
    (keys, "verify", lambda *_: None, ("ECDSA P-256, SHA-256", "Ed25519", "RSA-PSS, SHA-256", "RSA PKCS #1, SHA-256")),
    (certificates, "verify", lambda *_: None, ("root certificate, its signature",)),
    (second_opinion, "verify", lambda *_: None, ("ECDSA P-384, SHA-384, second library", "Ed25519, second library")),
    (cosign, "verify", lambda *_: None, ("SSH signature, Ed25519", "SSH signature, FIDO key")),
    (canonical, "parse", lambda data, _: orjson.loads(data.replace(b"\xff", b"0")), ("canonical JSON, read",)),
    (log, "read", log.recover, ("log and its chain",)),
    (words, "check_words", lambda _: None, ("words of a passphrase",)),
    (roca, "check_no_roca", lambda *_: None, ("RSA keys of faulty chips",)),
    (backup, "decrypt", lambda *_: MESSAGE, ("age file, opened",)),
    (plan_lint, "lint", lambda *_, **__: (), ("plan, read and judged",)),
    (notary.Notary, "check", lambda *_: [0, 0, 0], ("Notary client's rules",)),
    (
        attestation, "verify_attestation",
        lambda *_, at, real=attestation.verify_attestation, good=ALL["attestation of a YubiKey"]: real(*good.good[:2], _[2], at=at),
        ("attestation of a YubiKey",),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("place", "verifier", "yes", "names"), VERIFIERS, ids=[verifier for _, verifier, _, _ in VERIFIERS])
def test_a_verifier_of_the_program_that_says_yes_to_everything_is_told(place, verifier, yes, names, monkeypatch):
    monkeypatch.setattr(place, verifier, yes)
    for name in names:
        refused(ALL[name], f"{TAKEN}|what is right was refused")


def test_each_damaged_plan_is_refused_for_what_was_damaged():
    answer, said = ALL["plan, read and judged"], []
    for parts in answer.wrong():
        with pytest.raises(Exception, match=r".") as refusal:
            answer.take(*parts)
        said.append(str(refusal.value).split(":")[0])
    assert said == [
        *("repositories[0].names-from", "pin", "plan", "root.threshold", "root.threshold", "root.tokens", "expires.targets"),
        *("root.algorithm", "people", "repositories[0].names-from"),
    ]


def test_one_bit_in_the_middle_is_what_is_changed():
    assert flipped(b"abc") == b"acc"
    assert flipped(flipped(b"abc")) == b"abc"


def test_base64_may_stand_on_several_lines():
    assert from_base64("\nYW\nJj\n") == b"abc"
