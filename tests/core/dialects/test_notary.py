# SPDX-License-Identifier: Apache-2.0
"""Notary metadata byte for byte, judged by securesystemslib and by files that other libraries wrote."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from ceremony.core.canonical import encode
from ceremony.core.dialects import Draft, RepositorySpec, RootKey, Signature, Signer
from ceremony.core.dialects.notary import DIALECT, go_encoding
from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.core.software_key import SoftwareKey
from tests.peers import openssl
from tests.vectors.known_keys import known

VECTORS = Path(__file__).parents[2] / "vectors/notary"
GUN = "reg.example:5000/acme/app"
P256, P384, RSA_3072, RSA_4096, ED25519 = (known(algorithm) for algorithm in Algorithm)
ONE = RootKey(P256.public, (VECTORS / "root-p256.pem").read_text())
TWO = RootKey(P384.public, (VECTORS / "root-p384.pem").read_text())
SPEC = RepositorySpec(
    name=GUN,
    version=1,
    root_keys=(ONE, TWO),
    threshold=2,
    targets=ED25519.public,
    snapshot=P256.public,
    timestamp=RSA_3072.public,
    signers=(Signer("alice", P384.public), Signer("bob", RSA_4096.public)),
    root_expires=datetime(2036, 11, 19, tzinfo=UTC),
    targets_expires=datetime(2029, 11, 19, tzinfo=UTC),
)


def _signature(key: SoftwareKey, key_id: str, draft: Draft) -> Signature:
    return Signature(key_id, key.public.algorithm, key.sign(DIALECT.scheme(key.public.algorithm), draft.payload))


def _files(spec: RepositorySpec = SPEC) -> dict[str, bytes]:
    root, targets = DIALECT.root(spec), DIALECT.targets(spec)
    roots = [_signature(key, DIALECT.root_key_id(named), root) for key, named in ((P256, ONE), (P384, TWO))]
    return {
        "root": DIALECT.assemble(root, roots),
        "targets": DIALECT.assemble(targets, [_signature(ED25519, DIALECT.key_id(ED25519.public), targets)]),
    }


def _signed(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(draft.payload)
    return found


# --- two encodings ------------------------------------------------------------


@pytest.mark.parametrize("role", ["root", "targets"])
def test_writes_the_same_bytes_as_other_libraries(role: str) -> None:
    assert _files()[role] == (VECTORS / f"{role}.json").read_bytes()


@pytest.mark.parametrize("draft", [DIALECT.root(SPEC), DIALECT.targets(SPEC)], ids=["root", "targets"])
def test_signs_over_canonical_json(draft: Draft) -> None:
    assert draft.payload == str(encode_canonical(_signed(draft))).encode()
    assert (draft.repository, draft.path) == (GUN, f"bundle/tuf/{GUN}/metadata/{draft.role}.json")


ESCAPES = [
    pytest.param("<", rb"\u003c", id="less than"),
    pytest.param(">", rb"\u003e", id="greater than"),
    pytest.param("&", rb"\u0026", id="ampersand"),
    pytest.param("\u2028", rb"\u2028", id="line separator"),
    pytest.param("\u2029", rb"\u2029", id="paragraph separator"),
    pytest.param("/'+=", b"/'+=", id="what Go leaves"),
    pytest.param("\u2027\u202a\u007e", "\u2027\u202a~".encode(), id="neighbours"),
    pytest.param("é\U0001f600", "é\U0001f600".encode(), id="other text"),
    pytest.param('"\\', b'\\"\\\\', id="what canonical JSON escapes"),
]


@pytest.mark.parametrize(("text", "written"), ESCAPES)
def test_writes_files_as_go_does(text: str, written: bytes) -> None:
    signature = Signature("00ff", Algorithm.ED25519, b"\x00\xff\xfe")
    expected = b'{"signed":{"a":"' + written + b'"},"signatures":[{"keyid":"00ff","method":"eddsa","sig":"AP/+"}]}'
    assert go_encoding(encode({"a": text}), [signature]) == expected


METHODS = [
    pytest.param(Algorithm.ECDSA_P256, "ecdsa", id="P-256"),
    pytest.param(Algorithm.ECDSA_P384, "ecdsa", id="P-384"),
    pytest.param(Algorithm.RSA_3072, "rsapss", id="RSA-3072"),
    pytest.param(Algorithm.RSA_4096, "rsapss", id="RSA-4096"),
    pytest.param(Algorithm.ED25519, "eddsa", id="Ed25519"),
]


@pytest.mark.parametrize(("algorithm", "method"), METHODS)
def test_names_the_method_of_each_algorithm(algorithm: Algorithm, method: str) -> None:
    file = json.loads(go_encoding(b"{}", [Signature("00", algorithm, b"1")]))
    assert file == {"signed": {}, "signatures": [{"keyid": "00", "method": method, "sig": "MQ=="}]}


@given(st.dictionaries(st.text("ab<>&"), st.text(st.characters(exclude_categories=["Cc", "Cs"])).filter(lambda t: t.isascii())))
def test_a_file_holds_what_was_signed(content: dict[str, str]) -> None:
    payload = encode(dict(content))
    data = go_encoding(payload, [])
    assert json.loads(data) == {"signed": content, "signatures": []}
    assert not set(data) & set(b"<>&")
    assert go_encoding(b"{}", []) == b'{"signed":{},"signatures":[]}'


# --- keys ---------------------------------------------------------------------


def _id(key_type: str, public: bytes) -> str:
    listed = {"keytype": key_type, "keyval": {"private": None, "public": base64.b64encode(public).decode()}}
    return hashlib.sha256(str(encode_canonical(listed)).encode()).hexdigest()


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_id_is_the_hash_of_the_canonical_key(algorithm: Algorithm) -> None:
    public = known(algorithm).public
    raw = public.raw_ed25519 if algorithm is Algorithm.ED25519 else public.spki
    key_type = algorithm.split("-", maxsplit=1)[0]
    assert DIALECT.key_id(public) == _id(key_type, raw)
    listed = _signed(DIALECT.root(replace(SPEC, targets=public)))["keys"][DIALECT.key_id(public)]
    assert listed == {"keytype": key_type, "keyval": {"private": None, "public": base64.b64encode(raw).decode()}}


def test_a_root_key_is_its_certificate() -> None:
    for key in (ONE, TWO):
        assert DIALECT.root_key_id(key) == _id("ecdsa-x509", key.certificate.encode())
    rsa = RootKey(RSA_3072.public, "any text")
    assert DIALECT.root_key_id(rsa) == _id("rsa-x509", b"any text")
    assert DIALECT.root_key_id(replace(ONE, certificate=TWO.certificate)) == DIALECT.root_key_id(TWO)


def test_every_algorithm_signs_over_sha_256() -> None:
    assert {algorithm: DIALECT.scheme(algorithm) for algorithm in Algorithm} == {
        Algorithm.ECDSA_P256: Scheme.ECDSA_SHA256,
        Algorithm.ECDSA_P384: Scheme.ECDSA_SHA256,
        Algorithm.RSA_3072: Scheme.RSA_PSS_SHA256,
        Algorithm.RSA_4096: Scheme.RSA_PSS_SHA256,
        Algorithm.ED25519: Scheme.ED25519,
    }


def test_a_root_key_is_never_ed25519() -> None:
    assert DIALECT.root_algorithms == set(Algorithm) - {Algorithm.ED25519}
    assert DIALECT.repository_algorithms == set(Algorithm)
    assert DIALECT.needs_certificate
    assert DIALECT.name == "notary"


# --- root ---------------------------------------------------------------------


def test_the_order_of_root_keys_makes_no_difference() -> None:
    assert DIALECT.root(replace(SPEC, root_keys=(TWO, ONE))) == DIALECT.root(SPEC)


def test_root_names_each_role_its_keys_and_threshold() -> None:
    signed = _signed(DIALECT.root(SPEC))
    roots = sorted([DIALECT.root_key_id(ONE), DIALECT.root_key_id(TWO)])
    assert signed["roles"] == {
        "root": {"keyids": roots, "threshold": 2},
        "targets": {"keyids": [DIALECT.key_id(ED25519.public)], "threshold": 1},
        "snapshot": {"keyids": [DIALECT.key_id(P256.public)], "threshold": 1},
        "timestamp": {"keyids": [DIALECT.key_id(RSA_3072.public)], "threshold": 1},
    }
    assert signed["keys"].keys() == {key for role in signed["roles"].values() for key in role["keyids"]}
    assert (signed["_type"], signed["version"], signed["consistent_snapshot"]) == ("Root", 1, False)
    assert signed["expires"] == "2036-11-19T00:00:00Z"


def test_a_key_of_two_roles_is_listed_once() -> None:
    signed = _signed(DIALECT.root(replace(SPEC, root_keys=(ONE, ONE), threshold=1, timestamp=P256.public)))
    assert len(signed["keys"]) == 3
    assert signed["roles"]["root"]["keyids"] == [DIALECT.root_key_id(ONE)]
    assert signed["roles"]["snapshot"] == signed["roles"]["timestamp"]


# --- targets ------------------------------------------------------------------


def _delegations(signers: Sequence[tuple[str, PublicKey]]) -> dict[str, Any]:
    spec = replace(SPEC, signers=tuple(Signer(name, public) for name, public in signers))
    found: dict[str, Any] = _signed(DIALECT.targets(spec))["delegations"]
    return found


def test_targets_without_signers_delegate_nothing() -> None:
    assert _delegations([]) == {"keys": {}, "roles": []}


def test_a_signer_is_two_roles_as_docker_makes_it() -> None:
    key = DIALECT.key_id(P256.public)
    assert _delegations([("alice", P256.public)]) == {
        "keys": {key: {"keytype": "ecdsa", "keyval": {"private": None, "public": base64.b64encode(P256.public.spki).decode()}}},
        "roles": [
            {"keyids": [key], "name": "targets/alice", "paths": [""], "threshold": 1},
            {"keyids": [key], "name": "targets/releases", "paths": [""], "threshold": 1},
        ],
    }


def test_every_signer_may_sign_releases() -> None:
    found = _delegations([("alice", P256.public), ("bob", ED25519.public)])
    keys = sorted([DIALECT.key_id(P256.public), DIALECT.key_id(ED25519.public)])
    assert [role["name"] for role in found["roles"]] == ["targets/alice", "targets/bob", "targets/releases"]
    assert found["roles"][2]["keyids"] == keys
    assert sorted(found["keys"]) == keys


def test_a_key_of_two_signers_is_listed_once() -> None:
    found = _delegations([("alice", P256.public), ("bob", P256.public)])
    assert len(found["keys"]) == 1
    assert found["roles"][2]["keyids"] == [DIALECT.key_id(P256.public)]


def test_targets_are_empty_at_first() -> None:
    signed = _signed(DIALECT.targets(replace(SPEC, version=7)))
    assert (signed["_type"], signed["version"], signed["targets"]) == ("Targets", 7, {})
    assert signed["expires"] == "2029-11-19T00:00:00Z"


# --- what clients and teams get -----------------------------------------------


def test_what_it_writes_passes_the_clients_rules() -> None:
    counted = DIALECT.check(GUN, _files(), datetime(2027, 1, 1, tzinfo=UTC))
    assert {signature.public for signature in counted} == {P256.public, P384.public, ED25519.public}


def test_pinning_names_the_root_certificates_of_each_repository() -> None:
    one, two = DIALECT.root_key_id(ONE), DIALECT.root_key_id(TWO)
    (path, data), *rest = DIALECT.pinning({GUN: (one, two), "reg.example:5000/acme/other": (two,)}).items()
    assert (path, rest) == ("bundle/trust-pinning.json", [])
    assert data.endswith(b"\n")
    assert json.loads(data) == {
        "trust_pinning": {
            "certs": {
                GUN: [DIALECT.root_key_id(ONE), DIALECT.root_key_id(TWO)],
                "reg.example:5000/acme/other": [DIALECT.root_key_id(TWO)],
            },
            "disable_tofu": True,
        }
    }


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_delivered_key_is_pem_with_the_three_headers(algorithm: Algorithm) -> None:
    key = known(algorithm)
    data = DIALECT.delivery(GUN, key)
    lines = data.decode().splitlines()
    assert lines[:5] == [
        "-----BEGIN PRIVATE KEY-----", f"gun: {GUN}", f"path: {DIALECT.key_id(key.public)}", "role: targets", "",
    ]  # fmt: skip
    assert DIALECT.read_delivery(data, "backup").pkcs8() == key.pkcs8()
    if algorithm is not Algorithm.ED25519:  # Notary has a form of its own for it; tests of the stock client judge it
        assert openssl.public_key("\n".join([lines[0], *lines[5:], ""]).encode()) == key.public.pem


PUBLIC = [known(algorithm).public for algorithm in Algorithm]
SIGNERS = st.lists(st.builds(Signer, st.text("abz09._-", min_size=1, max_size=9), st.sampled_from(PUBLIC)), max_size=4)
SPECS = st.builds(
    replace,
    st.just(SPEC),
    version=st.integers(1, 10**9),
    threshold=st.integers(1, 2),
    root_keys=st.sampled_from([(ONE,), (TWO, ONE), (ONE, TWO)]),
    targets=st.sampled_from(PUBLIC),
    snapshot=st.sampled_from(PUBLIC),
    timestamp=st.sampled_from(PUBLIC),
    signers=SIGNERS.map(tuple),
)


@given(SPECS)
def test_any_repository_is_signed_over_canonical_json(spec: RepositorySpec) -> None:
    for draft in (DIALECT.root(spec), DIALECT.targets(spec)):
        assert draft.payload == str(encode_canonical(_signed(draft))).encode()
    signed = _signed(DIALECT.root(spec))
    assert signed["keys"].keys() == {key for role in signed["roles"].values() for key in role["keyids"]}
    delegations = _signed(DIALECT.targets(spec))["delegations"]
    assert delegations["keys"].keys() == {key for role in delegations["roles"] for key in role["keyids"]}
