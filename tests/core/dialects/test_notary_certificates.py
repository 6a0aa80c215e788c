# SPDX-License-Identifier: Apache-2.0
"""What a Notary client refuses of a root certificate, in a root that is signed as if it were good."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ceremony.core.certificates import pem
from ceremony.core.dialects import notary_client
from ceremony.core.dialects.notary_certificates import RootCertificate
from ceremony.core.keys import Algorithm
from ceremony.errors import VerificationError
from tests.core.dialects.forged import END, GUN, NOW, START, Signer, certificate, entry, good_root, signed
from tests.peers import openssl
from tests.vectors.known_keys import known

P256, P384, RSA, ED25519 = (known(a) for a in (Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072, Algorithm.ED25519))
SECOND = timedelta(seconds=1)


def _check(text: bytes, repository: str = GUN, now: datetime = NOW) -> None:
    root = Signer(P256, entry("ecdsa-x509", text))
    notary_client.check(repository, {"root": signed(good_root(root), [root])}, now)


def _der(text: bytes) -> bytes:
    return load_pem_x509_certificate(text).public_bytes(Encoding.DER)


def _changed(old: str, new: str) -> bytes:
    der = _der(certificate())
    assert bytes.fromhex(old) in der
    return pem(der.replace(bytes.fromhex(old), bytes.fromhex(new))).encode()


# --- good ---------------------------------------------------------------------

LONG = "registry.example:5000/" + "a" * 200
GOOD: list[tuple[str, Callable[[], bytes], str]] = [
    ("for this repository", certificate, GUN),
    ("for a prefix", lambda: certificate(name="docker.io/acme/*"), GUN),
    ("for a prefix that ends within a word", lambda: certificate(name="docker.io/acme/a*"), GUN),
    ("for a prefix that is the whole name", lambda: certificate(name=f"{GUN}*"), GUN),
    ("for a name of 222 characters", lambda: certificate(name=LONG), LONG),
    ("with no word on CAs", lambda: certificate(ca=None), GUN),
    ("with a chain behind it", lambda: certificate() + certificate(RSA, "some CA", ca=True), GUN),
]


@pytest.mark.parametrize(("make", "repository"), [pytest.param(make, name, id=title) for title, make, name in GOOD])
def test_takes_a_root_certificate(make: Callable[[], bytes], repository: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library that makes it for this test warns of long names
        text = make()
    _check(text, repository)


@pytest.mark.parametrize("now", [START, END - SECOND])
def test_takes_it_from_its_first_to_its_last_second(now: datetime) -> None:
    RootCertificate(certificate(), "root").check(GUN, "root", now)


# --- refused ------------------------------------------------------------------


def _over_sha1(folder: Path) -> bytes:
    (folder / "key.pem").write_bytes(P256.pkcs8_pem())
    options = ("-days", "3650", "-set_serial", "7", "-subj", "/CN=docker.io\\/acme\\/app", "-addext", "basicConstraints=CA:FALSE")
    return openssl.openssl("req", "-x509", "-new", "-key", folder / "key.pem", "-sha1", *options)


def test_refuses_a_certificate_over_sha_1(tmp_path: Path) -> None:
    found = RootCertificate(_over_sha1(tmp_path), "root")
    assert found.common_name == GUN
    at = found._until - SECOND
    with pytest.raises(VerificationError, match=r"^root: has a root certificate signed over SHA-1$"):
        found.check(GUN, "root", at)


FOR = "has a root certificate for "
NONE = "holds a root key that is not a certificate"
OWN = "has a root certificate that its own key did not sign"
REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("for another repository", lambda: certificate(name="docker.io/acme/other"), f"{FOR}'docker.io/acme/other'"),
    ("for a part of the name", lambda: certificate(name="docker.io/acme"), f"{FOR}'docker.io/acme'"),
    ("for more than the name", lambda: certificate(name=f"{GUN}/x"), f"{FOR}'{GUN}/x'"),
    ("for the name in capitals", lambda: certificate(name=GUN.upper()), FOR),
    ("for a prefix of others", lambda: certificate(name="docker.io/other/*"), f"{FOR}'docker.io/other/\\*'"),
    ("for two stars", lambda: certificate(name="docker.io/acme/**"), FOR),
    ("for a star within", lambda: certificate(name="docker.io/*/app"), FOR),
    ("for everything", lambda: certificate(name="*"), f"{FOR}'\\*'"),
    ("for nothing", lambda: certificate(name=""), f"{FOR}''"),
    ("expired", lambda: certificate(end=NOW), "has a root certificate that is not valid now"),
    ("not valid yet", lambda: certificate(start=NOW + SECOND), "has a root certificate that is not valid now"),
    ("of a CA", lambda: certificate(ca=True), "has a root certificate of a CA"),
    ("signed by another key", lambda: certificate(issuer=P384), OWN),
    ("signed by a key of another kind", lambda: certificate(issuer=RSA), OWN),
    ("of another key", lambda: certificate(P384), "is 64 bytes, which no ecdsa-p384|does not verify with key"),
    ("of an RSA key", lambda: certificate(RSA), "calls a key ecdsa-x509 that is rsa-3072"),
    ("of an Ed25519 key", lambda: certificate(ED25519), "calls a key ecdsa-x509 that is ed25519"),
    ("nothing", bytes, NONE),
    ("text", lambda: b"certificate", NONE),
    ("in DER", lambda: _der(certificate()), NONE),
    ("a public key in PEM", lambda: P256.public.pem, NONE),
    ("cut off", lambda: certificate()[:200], NONE),
    ("of a version that there is not", lambda: _changed("a003020102", "a003020105"), NONE),
    ("of a curve that nobody knows", lambda: _changed("2a8648ce3d030107", "2a8648ce3d030177"), NONE),
    ("of an algorithm that nobody knows", lambda: _changed("2a8648ce3d0201", "2a8648ce3d0211"), NONE),
    ("signed in a way that nobody knows", lambda: _changed("2a8648ce3d040302", "2a8648ce3d040372"), NONE),
    ("with a name that is not text", lambda: _changed("0c12646f636b65722e696f", "0c12ff6f636b65722e696f"), NONE),
    (
        "with a changed name",
        lambda: _changed("646f636b65722e696f2f61636d652f617070", "646f636b65722e696f2f61636d652f61707a"),
        FOR,
    ),
    ("with a changed time", lambda: _changed("3336303130313030303030305a", "3337303130313030303030305a"), OWN),
]


@pytest.mark.parametrize(("make", "says"), [pytest.param(make, says, id=title) for title, make, says in REFUSED])
def test_refuses_a_root_certificate(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{GUN} root: ({says})") as caught:
        _check(make())
    assert caught.value.subject == f"{GUN} root"
    assert caught.value.hint


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=2))
@example([(0, 0x31)])
def test_a_changed_certificate_is_refused_or_says_the_same(changes: list[tuple[int, int]]) -> None:
    good = certificate()
    der = bytearray(_der(good))
    for place, byte in changes:
        der[place % len(der)] = byte
    text = pem(bytes(der)).encode()
    try:
        _check(text)
    except VerificationError as error:
        subject = error.subject
    else:
        # One bit string may count bits at its end, which are zero, as unused.
        one, other = load_pem_x509_certificate(text), load_pem_x509_certificate(good)
        subject = f"{GUN} root"
        assert (one.tbs_certificate_bytes, one.signature) == (other.tbs_certificate_bytes, other.signature)
    assert subject == f"{GUN} root"


@given(st.binary() | st.binary().map(lambda data: pem(data).encode()))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(VerificationError, match=f"^root: {NONE}$"):
        RootCertificate(data, "root")


def test_a_key_listed_as_certificate_in_base64_is_found_again() -> None:
    listed = entry("ecdsa-x509", certificate())
    assert RootCertificate(base64.b64decode(listed["keyval"]["public"]), "root").public == P256.public
