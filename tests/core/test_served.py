# SPDX-License-Identifier: Apache-2.0
"""What a server serves: its keys, whatever their spacing; and nothing that only looks like one."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.keys import Algorithm, PublicKey, from_crypto
from ceremony.core.request import Repository, build_index, parse_index, store
from ceremony.core.served import check_encoding, check_new, keys_for, metadata_version, named, server_key
from ceremony.core.software_key import make
from ceremony.errors import VerificationError

APP = "docker.io/acme/app"
OTHER = "docker.io/acme/other"
ED25519 = make(Algorithm.ED25519).public
P256 = make(Algorithm.ECDSA_P256).public


def wire(key: PublicKey, keytype: str) -> bytes:
    """Write a key as Go does."""
    raw = key.raw_ed25519 if key.algorithm is Algorithm.ED25519 else key.spki
    return b'{"keytype":"%s","keyval":{"public":"%s","private":null}}' % (keytype.encode(), base64.b64encode(raw))


@pytest.mark.parametrize(
    ("key", "keytype"),
    [
        pytest.param(ED25519, "ed25519", id="ed25519"),
        pytest.param(P256, "ecdsa", id="p256"),
        pytest.param(make(Algorithm.ECDSA_P384).public, "ecdsa", id="p384"),
        pytest.param(make(Algorithm.RSA_3072).public, "rsa", id="rsa"),
    ],
)
def test_reads_a_servers_key_whatever_its_spacing(key, keytype):
    data = wire(key, keytype)
    loose = json.loads(data)
    del loose["keyval"]["private"]
    for form in (data, json.dumps(json.loads(data), indent=2).encode(), b"\n " + data + b"\n", json.dumps(loose).encode()):
        assert server_key(form, APP, "snapshot") == key


def changed(**fields: object) -> bytes:
    value = json.loads(wire(ED25519, "ed25519"))
    value["keyval"] |= fields.pop("keyval", {})
    return json.dumps(value | fields).encode()


PUBLIC = base64.b64encode(ED25519.raw_ed25519).decode()
NOT_KEYS = [
    pytest.param(b"", "is not the JSON that was expected", id="empty"),
    pytest.param(wire(ED25519, "ed25519")[:60], "is not the JSON that was expected", id="truncated"),
    pytest.param(b"[]", "is not a JSON object", id="a-list"),
    pytest.param(b" " * 65_537, "is 65537 bytes, and a key is never more than 65536", id="huge"),
    pytest.param(b"{}", "does not have the members of a Notary public key", id="no-members"),
    pytest.param(changed(extra=1), "does not have the members of a Notary public key", id="more-members"),
    pytest.param(changed(keyval={"extra": 1}), "does not have the members of a Notary public key", id="more-members-inside"),
    pytest.param(b'{"keytype":"ed25519","keyval":[]}', "does not have the members", id="keyval-a-list"),
    pytest.param(b'{"keytype":"ed25519","keyval":{"private":null}}', "does not have the members", id="no-public"),
    pytest.param(changed(keyval={"private": "AAAA"}), "carries a private half", id="private"),
    pytest.param(changed(keytype=7), "has the type '7', and only ecdsa, rsa, ed25519 can be used", id="type-a-number"),
    pytest.param(wire(P256, "ecdsa-x509"), "has the type 'ecdsa-x509'", id="x509"),
    pytest.param(changed(keytype="x" * 999), "has the type 'xxxx", id="long-type"),
    pytest.param(changed(keyval={"public": 7}), "is not base64", id="public-a-number"),
    pytest.param(changed(keyval={"public": "****"}), "is not base64", id="not-base64"),
    pytest.param(changed(keyval={"public": "ä"}), "is not base64", id="not-ascii"),
    pytest.param(changed(keyval={"public": PUBLIC[:-4]}), "is not", id="base64-cut"),
    pytest.param(
        changed(keyval={"public": base64.b64encode(bytes(31)).decode()}), "is not an Ed25519 public key of 32 bytes", id="short"
    ),
    pytest.param(wire(ED25519, "ecdsa"), "is not a DER public key", id="raw-called-ecdsa"),
    pytest.param(wire(P256, "rsa"), "says rsa, and is ecdsa-p256", id="ecdsa-called-rsa"),
    pytest.param(
        changed(keytype="ecdsa", keyval={"public": base64.b64encode(P256.spki + b"\0").decode()}), "is not", id="trailing-byte"
    ),
]


@pytest.mark.parametrize(("data", "message"), NOT_KEYS)
def test_refuses_a_key_that_is_none(data, message):
    with pytest.raises(VerificationError) as refused:
        server_key(data, APP, "timestamp")
    assert refused.value.subject == f"{APP}, timestamp key of the server"
    assert message in refused.value.message
    assert len(refused.value.message) < 200
    assert "ceremony fetch" in refused.value.hint


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP521R1()), rsa.generate_private_key(65537, 2048)], ids=["p521", "rsa-2048"]
)
def test_refuses_a_key_that_no_dialect_takes(key):
    with pytest.raises(VerificationError):
        from_crypto(key.public_key())
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with pytest.raises(VerificationError, match=f"^{APP}, snapshot key of the server: "):
        server_key(json.dumps({"keytype": "ecdsa", "keyval": {"public": spki}}).encode(), APP, "snapshot")


@given(
    st.binary(max_size=99)
    | st.dictionaries(st.text(), st.none() | st.text() | st.dictionaries(st.text(), st.text())).map(json.dumps).map(str.encode)
)
def test_nothing_but_our_errors_comes_of_rubbish(data):
    with pytest.raises(VerificationError):
        server_key(data, APP, "snapshot")
    with pytest.raises(VerificationError):
        metadata_version(data, APP, "root")


# --- a whole request ---------------------------------------------------------


def a_request(*guns: str):
    files, repositories = {}, {}
    for gun in guns:
        keys = {}
        for role in ("snapshot", "timestamp"):
            data = wire(make(Algorithm.ED25519).public, "ed25519")
            keys[role] = store(gun, role, 0, data)
            files[keys[role].sha256] = data
        repositories[gun] = Repository(keys, {})
    return parse_index(build_index("https://notary.example", repositories)), files


def test_gives_the_keys_of_each_repository():
    request, files = a_request(APP, OTHER)
    keys = keys_for(request, files, [APP])
    assert list(keys) == [APP]
    assert keys[APP].snapshot == server_key(files[request.repositories[APP].keys["snapshot"].sha256], APP, "snapshot")
    assert keys[APP].timestamp != keys[APP].snapshot


def test_names_the_repository_that_the_request_lacks():
    request, files = a_request(APP)
    with pytest.raises(VerificationError, match=f"^request: holds nothing about {OTHER}$") as refused:
        keys_for(request, files, [APP, OTHER])
    assert OTHER in refused.value.hint
    without = {APP: Repository({"snapshot": request.repositories[APP].keys["snapshot"]}, {})}
    request = parse_index(build_index("https://notary.example", without))
    with pytest.raises(VerificationError, match=f"^request: holds no timestamp key for {APP}$"):
        keys_for(request, files, [APP])


def test_names_the_file_that_is_missing_or_changed():
    request, files = a_request(APP)
    key = request.repositories[APP].keys["snapshot"]
    with pytest.raises(VerificationError, match=rf"^request files/{key.sha256}\.json \({APP}, snapshot key\): is missing$"):
        keys_for(request, {}, [APP])
    with pytest.raises(VerificationError, match=rf"\({APP}, snapshot key\): is 1 bytes and not 103$"):
        keys_for(request, files | {key.sha256: b"x"}, [APP])


def test_a_genesis_wants_repositories_that_the_server_does_not_know():
    root = store(APP, "root", 1, b"root")
    request = parse_index(
        build_index("https://notary.example", {APP: Repository({}, {"root": (root,)}), OTHER: Repository({}, {})})
    )
    check_new(request, [OTHER, "docker.io/acme/unheard-of"])
    with pytest.raises(VerificationError, match=f"^request: the server has metadata of {APP} already$"):
        check_new(request, [OTHER, APP])


# --- metadata ----------------------------------------------------------------


def test_reads_the_version_of_metadata():
    for role, kind in {"root": "Root", "targets": "Targets", "targets/releases": "Targets", "snapshot": "Snapshot"}.items():
        assert metadata_version(json.dumps({"signed": {"_type": kind, "version": 7}}).encode(), APP, role) == 7


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"<html>", "is not the JSON that was expected", id="a-page"),
        pytest.param(b"[]", "is not a JSON object", id="a-list"),
        pytest.param(b"{}", "is not metadata of that role", id="no-signed"),
        pytest.param(b'{"signed":{"_type":"Targets","version":1}}', "is not metadata of that role", id="another-role"),
        pytest.param(b'{"signed":{"_type":"Root"}}', "does not state a version", id="no-version"),
        pytest.param(b'{"signed":{"_type":"Root","version":0}}', "does not state a version", id="version-0"),
        pytest.param(b'{"signed":{"_type":"Root","version":true}}', "does not state a version", id="version-a-bool"),
        pytest.param(b" " * (10 * 2**20 + 1), "is 10485761 bytes, more than the 10485760 that are read", id="huge"),
    ],
)
def test_refuses_metadata_that_is_none(data, message):
    with pytest.raises(VerificationError, match=rf"^{APP}, root of the server: .*{message}"):
        metadata_version(data, APP, "root")


GO = b'{"signed":{"_type":"Root","a":"\\u003c\\u0026\\u003e\\u2028","z":1},"signatures":[{"keyid":"k","method":"ecdsa","sig":"s"}]}'


def test_takes_the_encoding_of_go():
    check_encoding(GO, APP, "root")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GO.replace(b",", b", "), id="spaces"),
        pytest.param(GO.replace(b"\\u003c", b"<"), id="unescaped"),
        pytest.param(GO.replace(b"\\u2028", "\u2028".encode()), id="unescaped-line-separator"),
        pytest.param(GO.replace(b'"a":"\\u003c\\u0026\\u003e\\u2028","z":1', b'"z":1,"a":"x"'), id="order-inside"),
        pytest.param(b'{"signatures":[],"signed":{}}', id="order"),
        pytest.param(GO.replace(b'"keyid":"k","method":"ecdsa"', b'"method":"ecdsa","keyid":"k"'), id="order-of-a-signature"),
        pytest.param(GO[:-1] + b',"more":1}', id="more-members"),
        pytest.param(GO + b"\n", id="newline"),
        pytest.param(b'{"signed":{}}', id="no-signatures"),
    ],
)
def test_refuses_an_encoding_that_a_server_would_change(data):
    with pytest.raises(VerificationError, match=f"^{APP}, root: is not encoded as a Notary server encodes"):
        check_encoding(data, APP, "root")


def snapshot(meta: object) -> bytes:
    return json.dumps({"signed": {"_type": "Snapshot", "meta": meta}}).encode()


def test_tells_which_bytes_a_snapshot_names():
    digests = {role: hashlib.sha256(role.encode()).digest() for role in ("root", "targets/alice")}
    meta = {role: {"hashes": {"sha256": base64.b64encode(digest).decode()}} for role, digest in digests.items()}
    assert named(snapshot(meta), APP, "snapshot") == {role: digest.hex() for role, digest in digests.items()}
    assert named(snapshot(None), APP, "snapshot") == named(snapshot({}), APP, "snapshot") == {}


@pytest.mark.parametrize("entry", [[], {"hashes": None}, {"hashes": {"sha256": "AAAA"}}, {"hashes": {"sha256": "?"}}])
def test_refuses_a_snapshot_that_names_no_bytes(entry):
    with pytest.raises(VerificationError, match=f"^{APP}, snapshot of the server: names no bytes for 'root'$"):
        named(snapshot({"root": entry}), APP, "snapshot")
    with pytest.raises(VerificationError, match=f"^{APP}, snapshot of the server: is not metadata of that role"):
        named(b"{}", APP, "snapshot")
