# SPDX-License-Identifier: Apache-2.0
"""The trusted root: what each form of it means, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ceremony.core.dialects import sequel
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.published.trusted import TrustedRoot, from_key_ids
from ceremony.errors import PlanRefused, VerificationError
from tests.core.dialects.forged import certificate, key_id
from tests.core.published.made import ALICE, APP, OLD_ROOT, OTHER, ROOT, WEB, Made, certified, read, root


def files_of(made: Made) -> dict[str, bytes]:
    served = made.served().metadata
    return {name: served[name][-1][1] for name in ("root", "targets")}


def bundle(*fleet: Made, prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}tuf/{made.gun}/metadata/{name}.json": data for made in fleet for name, data in files_of(made).items()}


@pytest.mark.parametrize("prefix", ["", "bundle/", "earlier/bundle/"])
def test_a_bundle_gives_the_roots_of_its_repositories(prefix: str) -> None:
    trusted = SEQUEL.read_trusted(bundle(Made(), prefix=prefix) | {f"{prefix}trust-pinning.json": b"{}"})
    assert set(trusted.exact) == {APP}
    assert (trusted.exact[APP].targets_version, trusted.exact[APP].threshold) == (5, 1)
    assert read(Made(), trusted).root.trusted_since == 2


def test_a_bundles_root_keys_hold_for_other_repositories_that_their_certificates_are_for() -> None:
    wide = certified(ROOT.key, "docker.io/acme/*")
    fleet = [Made(), Made(WEB)]
    for made in fleet:
        made.root, made.root_by = {1: root(1, [wide])}, {1: [wide]}
    trusted = SEQUEL.read_trusted(bundle(fleet[0]))
    assert list(trusted.anchors(APP)) == [trusted.exact[APP]]
    assert read(fleet[1], trusted).repository == WEB


def test_a_targets_file_without_its_root_is_nothing() -> None:
    with pytest.raises(
        VerificationError, match=r"trusted-root tuf/docker.io/acme/app/metadata/targets.json root: is not metadata of root"
    ):
        SEQUEL.read_trusted({f"tuf/{APP}/metadata/targets.json": files_of(Made())["targets"]})


def test_one_root_file_is_its_repositorys_when_its_certificates_say_so() -> None:
    trusted = SEQUEL.read_trusted({"root.json": files_of(Made())["root"]})
    assert set(trusted.exact) == {APP}
    assert read(Made(), trusted).root.trusted_since == 2


def test_one_root_file_for_a_prefix_is_its_keys() -> None:
    wide = certified(ROOT.key, "docker.io/acme/*")
    made = Made()
    made.root, made.root_by = {1: root(1, [wide])}, {1: [wide]}
    trusted = SEQUEL.read_trusted({"root.json": files_of(made)["root"]})
    assert trusted.exact == {}
    assert read(made, trusted).root.version == 1


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(certificate(ROOT.key), id="certificate"),
        pytest.param(ROOT.key.public.pem, id="public key"),
        pytest.param(OTHER.key.public.pem + certificate(ROOT.key), id="several"),
    ],
)
def test_certificates_and_public_keys_are_keys(pem: bytes) -> None:
    assert read(Made(), SEQUEL.read_trusted({"root.pem": pem})).root.trusted_since == 1


def test_a_public_key_of_an_algorithm_that_no_ceremony_makes_has_a_fingerprint() -> None:
    for private in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP521R1())):
        pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert len(SEQUEL.fingerprint(pem, "here")) == 64
    assert SEQUEL.fingerprint(certificate(ROOT.key), "here") == ROOT.key.public.sha256


NOT_KEYS = [
    pytest.param(b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", id="empty certificate"),
    pytest.param(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", id="no key"),
    pytest.param(ROOT.key.pkcs8_pem(), id="a private key"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("pem", NOT_KEYS)
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^here: holds no certificate or public key that can be read"):
        SEQUEL.fingerprint(pem, "here")


def test_a_certificate_of_a_key_that_no_root_may_have_is_refused() -> None:
    from ceremony.core.keys import Algorithm
    from tests.vectors.known_keys import known

    with pytest.raises(VerificationError, match="holds no certificate or public key that can be read"):
        SEQUEL.fingerprint(certificate(known(Algorithm.ED25519)), "here")


def test_files_that_are_no_root_are_refused_by_name() -> None:
    with pytest.raises(VerificationError, match=r"^trusted-root root.json root: is not the JSON"):
        SEQUEL.read_trusted({"root.json": b"x"})
    with pytest.raises(VerificationError, match=r"^trusted-root root.pem: holds no certificate"):
        SEQUEL.read_trusted({"root.pem": b"-----BEGIN X-----"})
    with pytest.raises(VerificationError, match=r"^trusted-root: holds no root"):
        SEQUEL.read_trusted({})


def test_key_ids_are_trusted_by_themselves() -> None:
    trusted = from_key_ids(f"{key_id(ALICE.listed)} {key_id(OLD_ROOT.listed)}")
    assert read(Made(), trusted).root.trusted_since == 1
    assert isinstance(trusted, TrustedRoot)


@pytest.mark.parametrize("text", ["", "ab", "AB" * 32, "ab" * 33, f"{'ab' * 32},{'cd' * 32}"])
def test_what_is_no_key_id_is_refused(text: str) -> None:
    with pytest.raises(VerificationError, match=r"^trusted-root: is not key ids of 64 hexadecimal digits"):
        from_key_ids(text)


def test_a_dialect_has_a_sequel_by_its_name() -> None:
    assert sequel.get("notary") is SEQUEL


@pytest.mark.parametrize("name", ["none", "notary_next", "../notary"])
def test_a_dialect_without_a_sequel_is_refused(name: str) -> None:
    with pytest.raises(PlanRefused, match=f"^dialect: what '{name}' publishes cannot be read"):
        sequel.get(name)
