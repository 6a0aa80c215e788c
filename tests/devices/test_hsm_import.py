# SPDX-License-Identifier: Apache-2.0
"""Keys that were made elsewhere, put on a real SoftHSM; openssl and OpenSC's pkcs11-tool are the judges."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ceremony.core import software_key
from ceremony.core.keys import Algorithm, Scheme, raw_to_der, verify
from ceremony.core.ports import KeyAttributes, KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices.hsm import HsmRack
from ceremony.devices.hsm_link import Said
from ceremony.devices.hsm_token import HsmToken
from ceremony.devices.hsm_wire import Fault
from ceremony.errors import TokenError, TokenLost
from tests.devices.test_hsm_lies import LyingLink, keys_as, lying
from tests.peers import openssl
from tests.peers.tpm import Tpm
from tests.vectors.known_keys import known

SCHEMES = {
    Algorithm.ECDSA_P256: Scheme.ECDSA_SHA256,
    Algorithm.ECDSA_P384: Scheme.ECDSA_SHA384,
    Algorithm.RSA_3072: Scheme.RSA_PSS_SHA256,
    Algorithm.RSA_4096: Scheme.RSA_PSS_SHA256,
    Algorithm.ED25519: Scheme.ED25519,
}
BROUGHT = KeyAttributes(local=False, sensitive=True, extractable=False, always_sensitive=False, never_extractable=False)
ROOT = KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=False)
KEY = known(Algorithm.ECDSA_P256)


class PickyLink(LyingLink):
    """A token that takes no private key in the clear."""

    def call(self, operation, **values):
        if operation == "put":
            self.sent.append(operation)
            raise Said(Fault.UNSUPPORTED, "TemplateInconsistent")
        return super().call(operation, **values)


def picky(token):
    return HsmToken(PickyLink(token._link), token.identity)


def seen(practice, name: str, kind: str) -> str:
    """Return what pkcs11-tool prints of the objects of a kind."""
    command = ["pkcs11-tool", "--module", practice.sites[name].module, "--token-label", name, "--login", "--pin", practice.pin]
    done = subprocess.run(
        [*command, "--list-objects", "--type", kind],
        env={"PATH": "/usr/bin:/bin", **practice.env},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_a_key_that_was_put_on_the_token_signs_and_is_told_from_one_made_there(token, own, tmp_path, algorithm):
    private, scheme = known(algorithm), SCHEMES[algorithm]
    key = token.import_key(replace(ROOT, algorithm=algorithm), private)
    assert (key.public, key.label, key.key_id) == (private.public, "root", b"\x01")
    assert key.attributes == BROUGHT
    assert token.find("root") == token.find_public(private.public) == key
    signature = token.sign(key, scheme, [b"metadata"])[0]
    verify(private.public, scheme, b"metadata", signature)
    der = raw_to_der(signature, algorithm) if algorithm.half else signature
    assert openssl.verifies(tmp_path, private.public.pem, scheme, b"metadata", der)
    shown = seen(own, "root-a", "privkey")
    assert re.search(r"Usage: +sign\n", shown)
    assert re.search(r"Access: +sensitive\n", shown)
    with pytest.raises(TokenError, match="does not let the key 'root' leave"):
        token.wrap(key, Secret(bytes(32)))
    assert token.generate(replace(ROOT, label="made")).attributes != BROUGHT


@pytest.mark.parametrize(
    ("algorithm", "mechanism"),
    [
        pytest.param(Algorithm.ECDSA_P256, "ECDSA", id="ecdsa"),
        pytest.param(Algorithm.RSA_3072, "SHA256-RSA-PKCS", id="rsa"),
    ],
)
def test_other_programs_sign_with_it_and_openssl_agrees(token, own, tmp_path, algorithm, mechanism):
    private = known(algorithm)
    token.import_key(replace(ROOT, algorithm=algorithm), private)
    (tmp_path / "public.pem").write_bytes(private.public.pem)
    (tmp_path / "message").write_bytes(b"metadata")
    (tmp_path / "digest").write_bytes(hashlib.sha256(b"metadata").digest())
    what = "digest" if mechanism == "ECDSA" else "message"
    files = ("--input-file", str(tmp_path / what), "--output-file", str(tmp_path / "signature"))
    form = ("--signature-format", "openssl") if algorithm.half else ()
    own.tool("root-a", "--sign", "--mechanism", mechanism, "--label", "root", *form, *files)
    verified = ("-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature", tmp_path / "message")
    assert b"OK" in openssl.openssl("dgst", "-sha256", *verified)


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072])
def test_a_token_that_takes_no_key_in_the_clear_is_given_it_wrapped(token, own, algorithm):
    private, scheme = known(algorithm), SCHEMES[algorithm]
    given = picky(token)
    key = given.import_key(replace(ROOT, algorithm=algorithm), private)
    assert given._link.sent == ["put", "carrier", "put_wrapped", "keys"]
    assert key.public == private.public
    assert key.attributes == BROUGHT
    verify(private.public, scheme, b"metadata", given.sign(key, scheme, [b"metadata"])[0])
    shown = seen(own, "root-a", "privkey")
    assert re.search(r"Usage: +sign\n", shown)
    assert seen(own, "root-a", "secrkey") == ""


def test_says_what_a_token_said_that_takes_a_key_neither_way(token):
    request = replace(ROOT, algorithm=Algorithm.ED25519)
    refusal = r"refused what it was asked \(TemplateInconsistent; wrapped: FunctionFailed\)"
    with pytest.raises(TokenError, match=refusal):
        picky(token).import_key(request, known(Algorithm.ED25519))
    assert token.find("root") is None
    assert token.import_key(request, known(Algorithm.ED25519)).attributes == BROUGHT


def test_a_carrier_opens_one_key_and_is_gone(token):
    key = {"label": "root", "key_id": "01", "kind": "ec", "public": {}}
    with pytest.raises(Said, match="no-key"):
        token._link.call("put_wrapped", **key, wrapped="00")
    token._link.call("carrier")
    with pytest.raises(Said):
        token._link.call("put_wrapped", **key, wrapped="00")
    with pytest.raises(Said, match="no-key"):
        token._link.call("put_wrapped", **key, wrapped="00")


def test_refuses_a_label_that_is_occupied(token):
    before = token.generate(ROOT)
    with pytest.raises(TokenError, match="already holds an object labelled 'root'"):
        token.import_key(replace(ROOT, key_id=b"\x02"), KEY)
    with pytest.raises(TokenError, match="already holds an object labelled 'root'"):
        token.import_key(ROOT, KEY)
    assert token.find("root") == before


def _public_half(own, folder: Path, key_id: str) -> None:
    (folder / "public.der").write_bytes(KEY.public.spki)
    own.tool("root-a", "--write-object", str(folder / "public.der"), "--type", "pubkey", "--id", key_id, "--label", "root")


def test_the_public_half_that_an_interrupted_import_left_makes_room(own, tmp_path):
    _public_half(own, tmp_path, "01")
    token = own.open("root-a")
    another = software_key.make(Algorithm.ECDSA_P256)
    assert token.import_key(ROOT, another).public == another.public
    token.close()
    assert seen(own, "root-a", "pubkey").count("Public Key Object") == 1


def test_the_public_half_of_somebody_elses_key_stays(own, tmp_path):
    _public_half(own, tmp_path, "02")
    token = own.open("root-a")
    with pytest.raises(TokenError, match="already holds an object labelled 'root'"):
        token.import_key(ROOT, KEY)
    token.close()
    assert seen(own, "root-a", "pubkey").count("Public Key Object") == 1


def test_a_private_half_that_the_token_refuses_takes_its_public_half_along(token, own):
    public = {"params": "06082a8648ce3d030107", "point": "04410400"}
    with pytest.raises(Said):
        token._link.call("put", label="root", key_id="01", kind="ec", public=public, private={"params": "00"})
    assert seen(own, "root-a", "pubkey") == ""


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        pytest.param(lambda _: {"keys": []}, "does not show the key 'root' that it was given", id="nothing"),
        pytest.param(lambda answer: {"keys": answer["keys"] * 2}, "more than one private key labelled 'root'", id="two"),
        pytest.param(keys_as(key_id="02"), "that it was given has another id", id="another id"),
        pytest.param(keys_as(local=True), "that it was given is called its own", id="local"),
        pytest.param(keys_as(sensitive=False), "that it was given is not sensitive", id="not sensitive"),
        pytest.param(keys_as(extractable=True), "that it was given reads EXTRACTABLE true", id="extractable"),
        pytest.param(keys_as(never_extractable=True), "is said never to have been extractable", id="never extractable"),
    ],
)
def test_refuses_a_key_that_does_not_read_as_one_that_was_given(token, lie, message):
    with pytest.raises(TokenError, match=message):
        lying(token, keys=lie).import_key(ROOT, KEY)


def test_refuses_another_key_than_it_gave(token):
    other = token.generate(replace(ROOT, label="other"))
    facts = token._link.call("keys", label=other.label)["keys"]
    with pytest.raises(TokenError, match="that it was given is another one"):
        lying(token, keys=lambda _: {"keys": [{**facts[0], "key_id": "01"}]}).import_key(ROOT, KEY)


def test_does_nothing_before_it_is_unlocked(own):
    token = own.open("root-a", unlocked=False)
    with pytest.raises(TokenError, match="is locked"):
        token.import_key(ROOT, KEY)
    token.close()


def test_a_full_token_is_not_asked_twice(token):
    class FullLink(LyingLink):
        def call(self, operation, **values):
            self.sent.append(operation)
            raise Said(Fault.FULL, "DeviceMemory")

    full = HsmToken(FullLink(token._link), token.identity)
    with pytest.raises(TokenError, match="has no room left"):
        full.import_key(ROOT, KEY)
    assert full._link.sent == ["put"]


def test_a_lost_token_is_lost(token):
    os.kill(token._link.pid, 9)
    with pytest.raises(TokenLost):
        token.import_key(ROOT, KEY)


def test_holds_no_pin_and_is_no_yubikey(token):
    assert token.forget_pin()
    assert token.piv is None
    assert token.import_key(ROOT, KEY).public == KEY.public


def test_a_tpm_takes_a_key_neither_way_and_nothing_is_left_on_it(tmp_path):
    with Tpm(tmp_path) as tpm:
        tpm.make_token("root-a", pin="654321")
        token = HsmRack({"root-a": tpm.site("root-a")}, tpm.env).open("root-a")
        token.unlock(Secret("654321"))
        with pytest.raises(TokenError, match=r"does not support .* \(AttributeValueInvalid; wrapped: FunctionNotSupported\)"):
            token.import_key(ROOT, KEY)
        assert token._link.call("keys", label=None) == {"keys": []}
        token.generate(ROOT)
        token.close()
