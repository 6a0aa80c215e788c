# SPDX-License-Identifier: Apache-2.0
"""Every known answer holds; changed, or asked of a verifier that takes everything, it does not, and is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from ceremony.core import attestation, backup, canonical, certificates, cosign, keys, log, plan_lint, roca, second_opinion, words
from ceremony.core.attestation import PINS, Authorities, authorities, practice_pins
from ceremony.core.attestation.certificates import Certificate, pem_certificates
from ceremony.core.dialects import notary
from ceremony.core.known_answers import HINT, Answer, answers, devices, flipped, judge
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


def test_a_root_or_targets_with_another_signature_is_refused_for_its_signature():
    answer, said = ALL["Notary client's rules"], []
    for parts in answer.bad[-2:]:
        with pytest.raises(VerificationError, match=r" does not verify with key ") as refusal:
            answer.take(*parts)
        said.append(refusal.value.subject.split()[-1])
    assert said == ["root", "targets"]


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


DAMAGED = [
    "attestation statement: its signature does not verify",
    "device certificate (slot F9): its signature does not verify",
    "authority.pem: the certificate 'Known Answer Root' has SHA-256",
    "authority.pem: none of the pinned Yubico roots is there",
]


def test_each_damaged_attestation_is_refused_by_the_verifier_that_it_stands_for():
    answer, said = ALL["attestation of a YubiKey"], []
    for parts in answer.bad[1:]:
        with pytest.raises(VerificationError, match=r".") as refusal:
            answer.take(*parts)
        said.append(str(refusal.value))
    assert [refusal[: len(start)] for refusal, start in zip(said, DAMAGED, strict=True)] == DAMAGED


def by_name_alone(_, files, pins):
    """Read authorities as a program does that compares no fingerprint."""
    (text,) = files.values()
    ((_, der),) = pem_certificates(text, "authority")
    return Authorities(pins, {pins[0].name: Certificate.read(der, "authority")})


def test_authorities_that_are_known_by_name_alone_are_told(monkeypatch):
    monkeypatch.setattr(Authorities, "read", classmethod(by_name_alone))
    refused(ALL["attestation of a YubiKey"], TAKEN)


def test_a_program_that_ships_another_pin_is_told(monkeypatch):
    known = next(iter(practice_pins(devices._site(devices.AUTHORITY))[len(PINS) :]))
    monkeypatch.setattr(authorities, "PINS", (*PINS, known))
    refused(ALL["authority that is not Yubico's"], TAKEN)


def test_links_of_a_chain_that_are_not_checked_are_told(monkeypatch):
    monkeypatch.setattr(attestation, "check_link", lambda *_, **__: None)
    refused(ALL["attestation of a YubiKey"], TAKEN)


def test_a_program_that_trusts_the_authorities_of_a_practice_in_a_production_is_told(monkeypatch):
    monkeypatch.setattr(Authorities, "of_site", classmethod(lambda cls, files, _: cls.read(files, practice_pins(files))))
    refused(ALL["authority that is not Yubico's"], TAKEN)


def test_one_bit_in_the_middle_is_what_is_changed():
    assert flipped(b"abc") == b"acc"
    assert flipped(flipped(b"abc")) == b"abc"


def test_base64_may_stand_on_several_lines():
    assert from_base64("\nYW\nJj\n") == b"abc"
