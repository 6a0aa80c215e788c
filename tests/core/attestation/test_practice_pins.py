# SPDX-License-Identifier: Apache-2.0
"""Which other authorities than Yubico's a practice takes, and that nobody takes them for Yubico's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ceremony.core.attestation import (
    PINS,
    Attested,
    Authorities,
    attested_json,
    from_pem,
    practice_pins,
    to_pem,
    verify_attestation,
)
from ceremony.core.plan import Mode
from ceremony.errors import VerificationError
from tests.core.attestation.chains import (
    AT,
    CA,
    END,
    NEW,
    OLD,
    START,
    Chain,
    Link,
    der,
    key,
    named,
    pem,
    real,
    yubico,
    yubico_files,
)

ROOT = Link("Virtual Root", "p256 virtual root")
ISSUER = Link("Virtual Issuer", "p256 virtual issuer")


def files(*links: tuple[Link, Link]) -> dict[str, bytes]:
    """Return a file with a certificate for each link, issued by the other."""
    return {"virtual.pem": b"".join(pem(link.made(over)) for link, over in links)}


def brought(chain: Chain) -> dict[str, bytes]:
    """Return the authorities of a chain, as a site brings them."""
    _, _, authorities = chain.built()
    return {"virtual.pem": b"".join(pem(authorities.certificate(pin).der) for pin in authorities.pins)}


def others(given: dict[str, bytes]) -> dict[str, str]:
    """Return name → issuer of the pins that are not Yubico's."""
    pins = practice_pins(given)
    assert pins[: len(PINS)] == PINS
    return {pin.name: pin.issuer for pin in pins[len(PINS) :]}


@pytest.mark.parametrize("chain", [NEW, OLD], ids=["new", "old"])
@pytest.mark.parametrize("more", [{}, yubico_files()], ids=["alone", "beside Yubico's"])
def test_a_practice_takes_another_chain_and_says_so(chain: Chain, more: dict[str, bytes]) -> None:
    statement, device, _ = chain.built()
    authorities = Authorities.of_site({**more, **brought(chain)}, Mode.PRACTICE)
    attested = verify_attestation(statement, device, authorities, at=AT)
    assert attested.authorities == tuple(link.name for link in chain.authorities)
    assert not authorities.pinned(attested)


def test_a_production_takes_yubicos_alone() -> None:
    statement, device, _ = NEW.built()
    authorities = Authorities.of_site({**yubico_files(), **brought(NEW)}, Mode.PRODUCTION)
    with pytest.raises(VerificationError, match="was issued by 'CN=Test PIV Attestation A 1', which is no pinned authority"):
        verify_attestation(statement, device, authorities, at=AT)
    with pytest.raises(VerificationError, match=r"^virtual\.pem: none of the pinned Yubico roots is there"):
        Authorities.of_site(brought(NEW), Mode.PRODUCTION)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("serial", [13078778, 15938791])
def test_yubicos_own_chain_is_pinned_in_every_mode(serial: int, mode: Mode) -> None:
    authorities = Authorities.of_site({**yubico_files(), **brought(NEW)}, mode)
    assert authorities.pinned(verify_attestation(*real(serial), authorities, at=AT))


def test_a_chain_is_not_pinned_when_one_of_its_authorities_is_not() -> None:
    statement, device, made = NEW.built()
    authorities = Authorities.of_site({**yubico_files(), **brought(NEW)}, Mode.PRACTICE)
    attested = verify_attestation(statement, device, made, at=AT)
    mixed = replace(attested, authorities=("Test PIV Attestation A 1", "Yubico Attestation Root 1"))
    assert not authorities.pinned(mixed)
    assert authorities.pinned(replace(attested, authorities=("Yubico Attestation Root 1",)))


def test_the_chain_is_exported_from_the_issuer_to_the_root() -> None:
    statement, device, authorities = NEW.built()
    attested = verify_attestation(statement, device, authorities, at=AT)
    exported = x509.load_pem_x509_certificates(authorities.chain_pem(attested))
    assert [der(pem) for pem in map(_armored, exported)] == [authorities.certificate(pin).der for pin in authorities.pins]


def _armored(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


# --- which others -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param(files((ROOT, ROOT)), {"Virtual Root": ""}, id="a root"),
        pytest.param(files((ISSUER, ROOT), (ROOT, ROOT)), {"Virtual Issuer": "Virtual Root", "Virtual Root": ""}, id="a chain"),
        pytest.param(files((ISSUER, ROOT)), {}, id="no root"),
        pytest.param(files((ISSUER, ROOT), (ROOT, ISSUER)), {}, id="a ring"),
        pytest.param(files((replace(ROOT, constraints=None),) * 2), {}, id="no authority"),
        pytest.param(files((replace(ROOT, constraints=x509.BasicConstraints(ca=False, path_length=None)),) * 2), {}, id="no CA"),
        pytest.param(
            files((replace(ROOT, subject=x509.Name([*named("Virtual Root"), *named("more")])), ROOT)), {}, id="a name of two parts"
        ),
        pytest.param(
            files((replace(ISSUER, issuer="Yubico Attestation Root 1"), ROOT)),
            {"Virtual Issuer": "Yubico Attestation Root 1"},
            id="below Yubico's root, by its word alone",
        ),
        pytest.param(files((replace(ROOT, name="Yubico PIV Preview CA"),) * 2), {}, id="preview devices"),
        pytest.param(
            files((replace(ROOT, extensions=((x509.InhibitAnyPolicy(0), True),)),) * 2), {}, id="a critical extension"
        ),
        pytest.param(files((ROOT, ROOT), (replace(ROOT, digest=hashes.SHA512()),) * 2), {"Virtual Root": ""}, id="a name twice"),
    ],
)  # fmt: skip
def test_another_authority_counts_when_its_chain_ends_in_a_root_that_is_there(
    given: dict[str, bytes], names: dict[str, str]
) -> None:
    assert others(given) == names


def test_an_authority_whose_issuers_name_has_two_parts_is_left_alone() -> None:
    two = x509.Name([*named("Virtual Root"), *named("more")])
    builder = x509.CertificateBuilder(two, named("Virtual Issuer"), key("p256 issuer").public_key(), 1, START, END)
    made = builder.add_extension(CA, critical=True).sign(key("p256 virtual root"), hashes.SHA256())
    assert others({"a.pem": _armored(made), **files((ROOT, ROOT))}) == {"Virtual Root": ""}


def test_yubicos_authorities_for_other_uses_are_left_alone_where_they_cannot_be_read() -> None:
    assert all("SD" not in name for name in others(yubico_files()))
    assert yubico().certificates.keys() == {pin.name for pin in PINS}


@pytest.mark.parametrize("name", [pin.name for pin in PINS])
def test_a_pinned_name_with_other_bytes_is_refused_in_a_practice_too(name: str) -> None:
    given = {**yubico_files(), **files((replace(ROOT, name=name),) * 2)}
    assert name not in others(given)
    with pytest.raises(
        VerificationError, match=rf"^virtual\.pem: the certificate '{name}' has SHA-256 [0-9a-f]{{64}}, which is not"
    ):
        Authorities.of_site(given, Mode.PRACTICE)


def test_of_two_authorities_with_one_name_the_second_is_refused() -> None:
    given = {"a.pem": pem(ROOT.made(ROOT)), "b.pem": pem(replace(ROOT, digest=hashes.SHA384()).made(ROOT))}
    with pytest.raises(VerificationError, match=r"^b\.pem: the certificate 'Virtual Root' has SHA-256"):
        Authorities.of_site(given, Mode.PRACTICE)


def test_a_file_that_is_not_pem_is_refused_by_name() -> None:
    with pytest.raises(VerificationError, match=r"^x\.pem: is not an X\.509 certificate that can be read"):
        practice_pins({"x.pem": b"x"})


# --- as the log and the evidence hold it ------------------------------------------------


def test_a_record_says_what_was_attested() -> None:
    attested = verify_attestation(*real(13078778), yubico(), at=AT)
    assert attested_json(attested, token="root-a", pinned=True) == {
        "token": "root-a",
        "serial": "13078778",
        "slot": "9c",
        "public_sha256": attested.public.sha256,
        "firmware": "5.2.6",
        "pin_policy": "always",
        "touch_policy": "always",
        "form_factor": "USB-C keychain",
        "fips": False,
        "authorities": ["Yubico PIV Root CA Serial 263751"],
        "pinned": True,
    }


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("series", [True, False])
def test_a_record_calls_a_device_fips_that_says_so_or_is_certified(series: bool, certified: bool) -> None:
    attested: Attested = verify_attestation(*real(13078778), yubico(), at=AT)
    attested = replace(attested, fips_series=series, fips_certified=certified)
    assert attested_json(attested, token="a", pinned=True)["fips"] is (series or certified)


def test_a_record_of_an_old_device_leaves_empty_what_it_does_not_say() -> None:
    attested = replace(verify_attestation(*real(13078778), yubico(), at=AT), serial=None, form_factor=None)
    body = attested_json(attested, token="a", pinned=True)
    assert (body["serial"], body["form_factor"]) == ("", "")


def test_a_certificate_comes_back_from_the_pem_that_openssl_takes() -> None:
    statement, _ = real(13078778)
    text = to_pem(statement, "attestation.pem")
    assert from_pem(text, "attestation.pem") == statement
    with pytest.raises(VerificationError, match=r"^x: is not an X\.509 certificate"):
        to_pem(b"no", "x")


@pytest.mark.parametrize(
    "change", [lambda t: t + b"\n", lambda t: b"# of root-a\n" + t, lambda t: t + t, lambda t: t.replace(b"\n", b"\r\n")]
)
def test_a_pem_in_any_other_form_is_refused(change: Callable[[bytes], bytes]) -> None:
    text = to_pem(real(13078778)[0], "s")
    with pytest.raises(VerificationError, match=r"^attestation\.pem: is not one certificate in the one form that is accepted"):
        from_pem(change(text), "attestation.pem")
