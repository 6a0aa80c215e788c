# SPDX-License-Identifier: Apache-2.0
"""What a Notary client refuses: each member changed and signed again, each signature changed, any byte changed."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core.dialects import notary_client
from ceremony.core.keys import Algorithm, Scheme
from ceremony.errors import VerificationError
from tests.core.dialects.forged import (
    ALICE,
    ANOTHER,
    GOOD,
    GUN,
    NOW,
    ROOT,
    SERVER,
    TARGETS,
    Change,
    Signer,
    Where,
    assert_refused,
    certificate,
    check,
    entry,
    forged,
    good_root,
    good_targets,
    holder,
    key_id,
    member,
    signed,
)
from tests.vectors.known_keys import known

VECTORS = Path(__file__).parents[2] / "vectors/notary"


# --- what is good -------------------------------------------------------------


def test_takes_a_good_root_and_targets() -> None:
    assert check(GOOD) == {"ecdsa-p256", "ed25519"}


def test_a_root_may_come_alone() -> None:
    assert check({"root": GOOD["root"]}) == {"ecdsa-p256"}


def test_takes_what_other_libraries_wrote() -> None:
    files = {role: (VECTORS / f"{role}.json").read_bytes() for role in ("root", "targets")}
    found = notary_client.check("reg.example:5000/acme/app", files, NOW)
    assert [signature.public.algorithm for signature in found] == [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.ED25519]
    assert [signature.scheme for signature in found] == [Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA256, Scheme.ED25519]
    assert json.loads(found[0].payload) == json.loads(files["root"])["signed"]


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P384, Algorithm.RSA_3072])
def test_takes_each_algorithm_of_root_keys(algorithm: Algorithm) -> None:
    key = known(algorithm)
    root = Signer(key, entry(f"{algorithm.split('-', maxsplit=1)[0]}-x509", certificate(key)))
    assert check({"root": signed(good_root(root), [root])}) == {str(algorithm)}


def test_two_of_three_are_enough_for_a_threshold_of_two() -> None:
    third = Signer(known(Algorithm.RSA_3072), entry("rsa-x509", certificate(known(Algorithm.RSA_3072))))
    content = good_root(ROOT, ANOTHER, third, threshold=2)
    assert check({"root": signed(content, [ROOT, third])}) == {"ecdsa-p256", "rsa-3072"}
    assert check({"root": signed(content, [ROOT, ANOTHER, third])}) == {"ecdsa-p256", "ecdsa-p384", "rsa-3072"}
    assert_refused({"root": signed(content, [ANOTHER])}, "root", "has 1 valid signatures of the 2 that it needs$")


def test_a_signature_by_a_key_that_it_does_not_name_counts_for_nothing() -> None:
    assert check({"root": signed(good_root(), [ANOTHER, ROOT])}) == {"ecdsa-p256"}


def test_takes_text_that_go_escapes() -> None:
    def change(content: dict[str, Any]) -> None:
        content["delegations"]["roles"][0]["paths"] = ["<&>\u2028\u2029é"]

    files = forged("targets", change)
    assert b"\\u003c\\u0026\\u003e\\u2028\\u2029" in files["targets"]
    assert check(files) == {"ecdsa-p256", "ed25519"}


# --- each member, of the wrong type or gone -----------------------------------

OF_EVERY_TYPE: list[Any] = [None, True, 7, "text", [], {}]


def _walk(value: Any, where: Where = ()) -> Iterator[Where]:
    if where:
        yield where
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        yield from _walk(item, (*where, name))


PLACES = [(role, where) for role, content in (("root", good_root()), ("targets", good_targets())) for where in _walk(content)]
IDS = [f"{role} {'.'.join(str(name)[:9] for name in where)}" for role, where in PLACES]


@pytest.mark.parametrize(("role", "where"), PLACES, ids=IDS)
def test_refuses_a_member_of_another_type(role: str, where: Where) -> None:
    was = holder(good_root() if role == "root" else good_targets(), where)[where[-1]]
    for other in OF_EVERY_TYPE:
        if type(other) is not type(was):

            def change(content: Any, other: Any = other) -> None:
                holder(content, where)[where[-1]] = copy.deepcopy(other)

            assert_refused(forged(role, change), role, "")


@pytest.mark.parametrize(("role", "where"), PLACES, ids=IDS)
def test_refuses_a_member_that_is_gone(role: str, where: Where) -> None:
    if where[-1] == "private" or isinstance(where[-1], int):
        return  # null and nothing are the same there; what a list holds is told below

    def change(content: Any) -> None:
        del holder(content, where)[where[-1]]

    assert_refused(forged(role, change), role, "")


# --- each member, of the right type and wrong ---------------------------------


def _both(*changes: Change) -> Change:
    def change(content: Any) -> None:
        for one in changes:
            one(content)

    return change


def _list_key(table: str, listed: dict[str, Any], *roles: str, under: str = "") -> Change:
    """List a key, and let it be that of some roles."""

    def change(content: Any) -> None:
        held = content["delegations"] if table == "delegations" else content
        held["keys"][under or key_id(listed)] = listed
        for name in roles:
            held["roles"][name]["keyids"] = [under or key_id(listed)]

    return change


def _spki(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


P256 = known(Algorithm.ECDSA_P256).public
PRIVATE = {
    "keytype": "ecdsa",
    "keyval": {"private": base64.b64encode(b"secret").decode(), "public": base64.b64encode(P256.spki).decode()},
}
TIME = "is not a time"
ROOT_DAMAGES = [
    pytest.param(member("_type", to="Targets"), "is not of type Root", id="another type"),
    pytest.param(member("_type", to="root"), "is not of type Root", id="type in small letters"),
    pytest.param(member("version", to=0), "has no version from 1", id="version 0"),
    pytest.param(member("version", to=-1), "has no version from 1", id="version -1"),
    pytest.param(member("expires", to="2026-11-19T09:00:00Z"), "expired at 2026-11-19T09:00:00Z", id="expires now"),
    pytest.param(member("expires", to="1999-01-01T00:00:00Z"), "expired at 1999", id="expired"),
    pytest.param(member("expires", to=""), TIME, id="expires empty"),
    pytest.param(member("expires", to="2036-11-19"), TIME, id="expires a day"),
    pytest.param(member("expires", to="2036-11-19T00:00:00+00:00"), TIME, id="expires with an offset"),
    pytest.param(member("expires", to="2036-11-19T0:0:0Z"), TIME, id="expires with short numbers"),
    pytest.param(member("expires", to="2036-02-30T00:00:00Z"), TIME, id="expires on no day"),
    pytest.param(member("expires", to="9" * 500), "'9{60}' is not a time", id="expires a long text"),
    pytest.param(member("keys", to={}), "names the key .* for role root, and does not list it", id="no keys"),
    pytest.param(member("roles", to={}), "is not made as signed metadata is", id="no roles"),
    pytest.param(
        _list_key("", SERVER, under="0" * 64), "lists a key under the id '0{16}', which is not its own", id="another id"
    ),
    pytest.param(_list_key("", SERVER, under=key_id(SERVER).upper()), "which is not its own", id="an id in capitals"),
    pytest.param(_list_key("", entry("dsa", b"1")), "holds a key of the unknown type 'dsa'", id="unknown key type"),
    pytest.param(_list_key("", entry("ed25519-x509", certificate())), "unknown type 'ed25519-x509'", id="Ed25519 certificate"),
    pytest.param(_list_key("", PRIVATE), "holds a private key", id="a private key"),
    pytest.param(_list_key("", entry("ecdsa", "*")), "holds what is not base64", id="a key that is not base64"),
    pytest.param(_list_key("", entry("ecdsa", "é")), "holds what is not base64", id="a key that is not ASCII"),
    pytest.param(_list_key("", entry("ecdsa", "QR==")), "holds base64 in another form", id="a key with bits left over"),
    pytest.param(
        _list_key("", entry("ecdsa", P256.spki[:-1])), "a key that cannot be used .public key: is not a DER", id="short"
    ),
    pytest.param(
        _list_key("", entry("ecdsa", P256.pem)), "a key that cannot be used .public key: is not a DER", id="a key in PEM"
    ),
    pytest.param(_list_key("", entry("ed25519", bytes(31))), "a key that cannot be used .*32 bytes", id="Ed25519, 31 bytes"),
    pytest.param(_list_key("", entry("ed25519", P256.spki)), "a key that cannot be used .*32 bytes", id="Ed25519 that is none"),
    pytest.param(
        _list_key("", entry("ecdsa", _spki(ec.generate_private_key(ec.SECP521R1())))),
        "a key that cannot be used .*521",
        id="P-521",
    ),
    pytest.param(
        _list_key("", entry("rsa", _spki(rsa.generate_private_key(65537, 2048)))),
        "a key that cannot be used .*2048",
        id="RSA-2048",
    ),
    pytest.param(_list_key("", entry("rsa", P256.spki)), "calls a key rsa that is ecdsa-p256", id="a key under another type"),
    pytest.param(_list_key("", entry("rsa-x509", certificate())), "calls a key rsa-x509 that is ecdsa-p256", id="certificate so"),
    pytest.param(_list_key("", entry("ecdsa-x509", P256.spki)), "a root key that is not a certificate", id="no certificate"),
    pytest.param(_list_key("", entry("ecdsa", certificate())), "a key that cannot be used", id="a certificate for a plain key"),
    pytest.param(member("roles", "targets", "threshold", to=0), "has a threshold for targets that", id="threshold 0"),
    pytest.param(
        member("roles", "targets", "threshold", to=2), "has a threshold for targets that", id="threshold above the keys"
    ),
    pytest.param(member("roles", "root", "threshold", to=2), "has a threshold for root that", id="root threshold above the keys"),
    pytest.param(member("roles", "snapshot", "threshold", to=-1), "has a threshold for snapshot that", id="negative threshold"),
    pytest.param(member("roles", "timestamp", "keyids", to=[]), "has a threshold for timestamp that", id="a role without keys"),
    pytest.param(
        _both(member("roles", "snapshot", "keyids", to=[key_id(SERVER)] * 2), member("roles", "snapshot", "threshold", to=2)),
        "has a threshold for snapshot that its keys cannot meet",
        id="a key named twice",
    ),
    pytest.param(member("roles", "targets", "keyids", to=["0" * 64]), "names the key '0{16}' for role targets", id="unknown key"),
    pytest.param(
        member("roles", "targets", "keyids", to=[key_id(TARGETS.listed), "00"]),
        "names the key '00' for role targets",
        id="one unknown",
    ),
    pytest.param(_list_key("", ALICE, "root"), "names root key [0-9a-f]{16}, which is not a certificate", id="plain root key"),
    pytest.param(member("more", to="e\u0301"), "is not in Unicode normal form C", id="not NFC"),
    pytest.param(member("more", to=2**53), "is too large", id="a number that is too large"),
]


@pytest.mark.parametrize(("change", "says"), ROOT_DAMAGES)
def test_refuses_a_root_that_is_wrong_in_one_thing(change: Change, says: str) -> None:
    assert_refused(forged("root", change), "root", f".*({says})")


def _delegation(*where: str, to: object) -> Change:
    return member("delegations", "roles", 0, *where, to=to)


NAME = "has a delegation under the name"
TARGETS_DAMAGES = [
    pytest.param(member("_type", to="Root"), "is not of type Targets", id="another type"),
    pytest.param(member("version", to=0), "has no version from 1", id="version 0"),
    pytest.param(member("expires", to="2026-11-19T09:00:00Z"), "expired at", id="expires now"),
    pytest.param(_delegation("name", to="alice"), NAME, id="a name outside targets"),
    pytest.param(_delegation("name", to="targets"), NAME, id="targets itself"),
    pytest.param(_delegation("name", to="targets/"), NAME, id="no name"),
    pytest.param(_delegation("name", to="targets/a/b"), NAME, id="a name two levels down"),
    pytest.param(_delegation("name", to="targets/.."), NAME, id="a name that goes up"),
    pytest.param(_delegation("name", to="targets/Alice"), NAME, id="a name in capitals"),
    pytest.param(_delegation("name", to="targets/alice "), NAME, id="a name with a space"),
    pytest.param(_delegation("name", to="targets/" + "é" * 99), f"{NAME} 'targets/é{{52}}'", id="a long name"),
    pytest.param(_delegation("threshold", to=0), "has a delegation 'targets/alice' that no key can sign for", id="threshold 0"),
    pytest.param(_delegation("threshold", to=2), "has a delegation 'targets/alice' that no key can sign for", id="threshold 2"),
    pytest.param(_delegation("keyids", to=[]), "has a delegation 'targets/alice' that no key can sign for", id="no keys"),
    pytest.param(
        _delegation("keyids", to=["00"]), "names the key '00' for targets/alice, and does not list it", id="unknown key"
    ),
    pytest.param(_list_key("delegations", SERVER, under="0" * 64), "lists a key under the id '0{16}'", id="another id"),
    pytest.param(_list_key("delegations", PRIVATE), "holds a private key", id="a private key"),
    pytest.param(_list_key("delegations", entry("ecdsa", b"1")), "holds a key that cannot be used", id="a key that is none"),
]


@pytest.mark.parametrize(("change", "says"), TARGETS_DAMAGES)
def test_refuses_targets_that_are_wrong_in_one_thing(change: Change, says: str) -> None:
    assert_refused(forged("targets", change), "targets", f".*({says})")


def test_the_same_key_under_two_ids_is_one_key() -> None:
    again = Signer(ROOT.key, entry("ecdsa-x509", certificate(end=datetime(2037, 1, 1, tzinfo=UTC))))
    assert key_id(again.listed) != key_id(ROOT.listed)
    files = {"root": signed(good_root(ROOT, again, threshold=2), [ROOT, again])}
    assert_refused(files, "root", "has a threshold for root that its keys cannot meet$")
    assert check({"root": signed(good_root(ROOT, again), [ROOT, again])}) == {"ecdsa-p256"}


def test_targets_signed_by_the_root_key_alone_are_refused() -> None:
    assert_refused(forged("targets", lambda _: None, [ROOT]), "targets", "has 0 valid signatures of the 1 that it needs$")


def test_expiry_is_judged_to_the_second() -> None:
    last = datetime(2029, 11, 18, 23, 59, 59, tzinfo=UTC)
    assert check(GOOD, last)
    with pytest.raises(VerificationError, match=f"^{GUN} targets: expired at 2029-11-19T00:00:00Z$"):
        check(GOOD, last + timedelta(seconds=1))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@settings(max_examples=300)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_in_place_of_a_member_is_refused_in_words_or_good(place: tuple[str, Where], value: Any) -> None:
    role, where = place

    def change(content: Any) -> None:
        holder(content, where)[where[-1]] = value

    try:
        notary_client.check(GUN, forged(role, change), NOW)
    except VerificationError as error:
        subject = error.subject
    else:
        subject = f"{GUN} {role}"
    assert subject == f"{GUN} {role}"
