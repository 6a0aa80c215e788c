# SPDX-License-Identifier: Apache-2.0
"""Chains of our own, right but for one thing: the old and the new shape, and every rule of a link."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ObjectIdentifier

from ceremony.core.attestation import (
    Authorities,
    verify_attestation,
)
from ceremony.core.attestation.certificates import DEVICE, STATEMENT, Certificate, check_link
from ceremony.core.firmware import Firmware
from ceremony.core.keys import Algorithm
from ceremony.errors import VerificationError
from tests.core.attestation.chains import AT, CA, END, NEW, OLD, Chain, key, refused

F9 = re.escape(DEVICE)


# --- the two chains ---------------------------------------------------------------------


@pytest.mark.parametrize(("chain", "length"), [pytest.param(NEW, 3, id="from 5.7.4"), pytest.param(OLD, 1, id="up to 5.7.3")])
def test_a_chain_of_the_old_and_of_the_new_shape_verifies(chain: Chain, length: int) -> None:
    attested = chain.verify()
    assert len(attested.authorities) == length
    assert (attested.serial, attested.slot, attested.firmware) == (13078778, "9c", Firmware(5, 7, 4))


@pytest.mark.parametrize(
    ("words", "algorithm"),
    [("p256 root key", Algorithm.ECDSA_P256), ("p384 root key", Algorithm.ECDSA_P384), ("rsa-3072 k", Algorithm.RSA_3072)],
)
def test_the_key_is_of_any_algorithm_of_the_plan(words: str, algorithm: Algorithm) -> None:
    assert NEW.states(key=words).verify().public.algorithm is algorithm


def test_an_rsa_signature_without_the_null_parameters_is_taken() -> None:
    """Yubico's newest authorities, and F9 certificates from firmware 5.7.4, leave them out, on both sides."""
    statement, device, authorities = OLD.built()
    made = asn1.Certificate.load(device)
    for algorithm in (made["tbs_certificate"]["signature"], made["signature_algorithm"]):
        del algorithm["parameters"]
    made["signature_value"] = _signed(made["tbs_certificate"].dump(force=True))
    bare = made.dump(force=True)
    assert len(bare) == len(device) - 4
    assert verify_attestation(statement, bare, authorities, at=AT).serial == 13078778


def test_a_signature_algorithm_named_in_two_ways_is_refused() -> None:
    statement, device, authorities = OLD.built()
    made = asn1.Certificate.load(device)
    del made["signature_algorithm"]["parameters"]
    with pytest.raises(VerificationError, match=f"{F9}: its signature cannot be checked"):
        verify_attestation(statement, made.dump(force=True), authorities, at=AT)


def _signed(content: bytes) -> bytes:
    signature: bytes = key("rsa-2048 root").sign(content, padding.PKCS1v15(), hashes.SHA256())
    return signature


# --- links ----------------------------------------------------------------------------------

NO_SIGN = x509.KeyUsage(*[True, *[False] * 8])


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        pytest.param(NEW.states(issuer="Yubico PIV Attestation 2"), f"{STATEMENT}: names 'CN=Yubico PIV Attestation 2' as its issuer, "
                     f"which the {F9} is not", id="statement of another issuer"),
        pytest.param(NEW.under(0, issuer="Another"), "Test PIV Attestation A 1: names 'CN=Another'", id="authority of another issuer"),
        pytest.param(NEW.on(constraints=None), f"{F9}: is not a certificate that may issue", id="device with no constraints"),
        pytest.param(NEW.on(constraints=x509.BasicConstraints(ca=False, path_length=None)), f"{F9}: is not a certificate that may issue",
                     id="device that is no authority"),
        pytest.param(NEW.on(extensions=((NO_SIGN, True),)), f"{F9}: is not a certificate that may issue", id="device with another usage"),
        pytest.param(NEW.under(0, constraints=None), "Test PIV Attestation A 1: is not a certificate that may", id="authority that is none"),
        pytest.param(NEW.under(0, constraints=x509.BasicConstraints(ca=True, path_length=0)),
                     "Test PIV Attestation A 1: allows 0 authorities below it, and there are 1", id="authority with too short a path"),
        pytest.param(NEW.under(2, constraints=x509.BasicConstraints(ca=True, path_length=2)),
                     "Test Root 1: allows 2 authorities below it, and there are 3", id="root with too short a path"),
        pytest.param(NEW.states(constraints=CA), f"{STATEMENT}: is an authority's certificate", id="statement that is an authority"),
        pytest.param(NEW.states(digest=hashes.SHA384()), f"{STATEMENT}: is signed with 1.2.840.10045.4.3.3", id="statement with SHA-384"),
        pytest.param(NEW.on(digest=hashes.SHA512()), f"{F9}: is signed with 1.2.840.10045.4.3.4", id="device with SHA-512"),
        pytest.param(OLD.on(digest=hashes.SHA384()), f"{F9}: is signed with 1.2.840.113549.1.1.12", id="device with RSA and SHA-384"),
        pytest.param(OLD.on(key="rsa-1024 f9"), f"{STATEMENT}: is signed with 1.2.840.113549.1.1.11", id="device with a short RSA key"),
        pytest.param(NEW.on(key="p521 f9"), f"{STATEMENT}: is signed with 1.2.840.10045.4.3.2", id="device with another curve"),
        pytest.param(NEW.states(extensions=((x509.PolicyConstraints(0, None), True),)),
                     f"{STATEMENT}: has a critical extension 2.5.29.36 that is not known", id="statement with a critical extension"),
        pytest.param(NEW.under(0, extensions=((x509.InhibitAnyPolicy(0), True),)),
                     "Test PIV Attestation A 1: has a critical extension 2.5.29.54", id="authority with a critical extension"),
    ],
)  # fmt: skip
def test_a_link_that_does_not_hold_is_refused(chain: Chain, message: str) -> None:
    refused(chain, message)


def test_extensions_that_are_not_critical_and_a_usage_for_signing_change_nothing() -> None:
    signs = x509.KeyUsage(*[*[False] * 5, True, *[False] * 3])
    plain = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\0")
    chain = NEW.states(extensions=((x509.InhibitAnyPolicy(0), False), (plain, False))).on(
        extensions=((signs, True),), constraints=CA
    )
    assert chain.verify().serial == 13078778


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_authority_whose_key_did_not_sign_is_refused(place: int) -> None:
    """The names fit, the pins fit, and the signature is of another key with the same name."""
    statement, device, _ = NEW.built()
    _, _, others = replace(NEW, authorities=tuple(replace(link, key=f"p256 other {n}" if n <= place else link.key)
                                                  for n, link in enumerate(NEW.authorities))).built()  # fmt: skip
    with pytest.raises(
        VerificationError, match=f"{F9}: its signature does not verify with the key of the Test PIV Attestation A 1"
    ):
        verify_attestation(statement, device, others, at=AT)


def test_a_device_certificate_that_its_owner_made_is_refused() -> None:
    """Pitfall 35: slot F9 can be overwritten; the chain then leads to somebody's private authority."""
    statement, device, _ = replace(NEW, authorities=tuple(replace(a, name=f"Mine {a.name}") for a in NEW.authorities)).built()
    with pytest.raises(VerificationError, match=f"{F9}: was issued by 'CN=Mine Test PIV .*the one that Yubico put there"):
        verify_attestation(statement, device, NEW.built()[2], at=AT)
    theirs = NEW.on(key="p256 owner").built()
    with pytest.raises(VerificationError, match=f"{STATEMENT}: its signature does not verify with the key of the {F9}"):
        verify_attestation(NEW.built()[0], theirs[1], theirs[2], at=AT)


@pytest.mark.parametrize(
    ("authority", "why"),
    [
        ("Yubico PIV Preview CA", "it is a preview device"),
        ("Yubico U2F Root CA Serial 457200631", "it is a YubiKey 4 from before"),
    ],
)
def test_a_preview_device_and_a_too_old_one_are_refused_by_name(authority: str, why: str) -> None:
    statement, device, _ = OLD.under(0, name=authority).built()
    with pytest.raises(VerificationError, match=f"'CN={authority}', which is no pinned authority for PIV devices; {why}"):
        verify_attestation(statement, device, OLD.built()[2], at=AT)


def test_a_statement_of_a_key_that_a_slot_signed_is_refused() -> None:
    """A key in a slot is attested, and can sign what looks like a statement; its own statement makes it no authority."""
    inner = NEW.states(name="YubiKey PIV Attestation 9a", key="p256 slot 9a")
    forged = replace(NEW, statement=replace(NEW.statement, issuer="YubiKey PIV Attestation 9a")).statement
    _, device, authorities = inner.built()
    with pytest.raises(VerificationError, match=f"{STATEMENT}: names 'CN=YubiKey PIV Attestation 9a' as its issuer"):
        verify_attestation(forged.made(inner.statement), device, authorities, at=AT)
    with pytest.raises(VerificationError, match=f"{F9}: was issued by 'CN=Yubico PIV Attestation', which is no pinned"):
        verify_attestation(forged.made(inner.statement), inner.built()[0], authorities, at=AT)


def test_an_intermediate_that_the_site_did_not_bring_is_named() -> None:
    statement, device, whole = NEW.built()
    kept = {name: certificate for name, certificate in whole.certificates.items() if "Intermediate" not in name}
    with pytest.raises(VerificationError, match="Test Intermediate A 1: is not among the certificates that the site brings"):
        verify_attestation(statement, device, Authorities(whole.pins, kept), at=AT)


@pytest.mark.parametrize(
    ("chain", "at", "message"),
    [
        pytest.param(
            NEW.on(end=AT - timedelta(days=1)), AT, f"{F9}: has expired on 2026-11-18, not on 2026-11-19", id="device, expired"
        ),
        pytest.param(
            NEW.states(start=AT + timedelta(days=1)), AT, f"{STATEMENT}: is valid only from 2026-11-20", id="statement, not yet"
        ),
        pytest.param(NEW.under(2, end=AT - timedelta(days=1)), AT, "Test Root 1: has expired", id="root, expired"),
        pytest.param(NEW, END + timedelta(days=1), "has expired on 2052-04-17", id="all, expired"),
    ],
)
def test_each_certificate_must_be_valid_at_the_ceremony(chain: Chain, at: datetime, message: str) -> None:
    refused(chain, message, at)


def test_dates_without_end_are_read() -> None:
    ends = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    chain = NEW.states(end=ends).on(end=ends)
    for place in range(3):
        chain = chain.under(place, end=ends)
    assert chain.verify(datetime(2199, 1, 1, tzinfo=UTC)).serial == 13078778


def test_a_certificate_of_version_1_is_refused() -> None:
    made = asn1.Certificate.load(NEW.built()[1])
    made["tbs_certificate"]["version"] = "v1"
    del made["tbs_certificate"]["extensions"]
    with pytest.raises(VerificationError, match=r"is not an X\.509 version 3"):
        Certificate.read(made.dump(force=True), DEVICE)


def test_a_link_names_what_is_below_it() -> None:
    statement, device, _ = NEW.built()
    leaf, f9 = Certificate.read(statement, STATEMENT), Certificate.read(device, DEVICE)
    check_link(leaf, f9, below=0)
    with pytest.raises(VerificationError, match=f"{F9}: allows 0 authorities below it, and there are 1"):
        check_link(leaf, f9, below=1)
