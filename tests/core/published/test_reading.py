# SPDX-License-Identifier: Apache-2.0
"""Reading what is published: what a client would refuse is named by repository, role and version."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ceremony.core.dialects import notary_listed, notary_signed
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm, from_spki
from ceremony.core.published import reading
from ceremony.core.published.trusted import Anchor, TrustedRoot
from ceremony.core.published.values import Published
from ceremony.core.request import KEY_ROLES, Repository, Request, build_index, parse_index, store
from ceremony.core.served import ServerKeys
from ceremony.errors import VerificationError
from tests.core.dialects.forged import Signer, certificate, entry, key_id, signed, write
from tests.core.published.made import (
    ALICE,
    APP,
    BOB,
    NEW,
    NOW,
    OFFERED,
    OLD_ROOT,
    OTHER,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    WEB,
    Made,
    bare,
    certified,
    delegations,
    pinned,
    read,
    role,
    root,
    tag,
    targets,
)
from tests.peers import openssl
from tests.vectors.known_keys import known

Do = Callable[[Made], object]


def put(place: Callable[[Made], Any], *where: str | int, to: object) -> Do:
    """Change a member of a signed part."""

    def change(made: Made) -> None:
        holder = place(made)
        for name in where[:-1]:
            holder = holder[name]
        holder[where[-1]] = to

    return change


def newest_root(made: Made) -> Any:
    return made.root[2]


def newest_targets(made: Made) -> Any:
    return made.targets[5]


def alice(made: Made) -> Any:
    return made.delegated["targets/alice"][1]


def gone(place: Callable[[Made], Any], *where: str | int) -> Do:
    """Take a member of a signed part away."""

    def change(made: Made) -> None:
        holder = place(made)
        for name in where[:-1]:
            holder = holder[name]
        del holder[where[-1]]

    return change


def raw(name: str, version: int, data: bytes) -> Do:
    def change(made: Made) -> None:
        made.raw[name, version] = data

    return change


def refused(made: Made, says: str, trusted: TrustedRoot | None = None) -> None:
    with pytest.raises(VerificationError, match=f"^{says}") as caught:
        read(made, trusted)
    assert caught.value.hint


# --- what is good -------------------------------------------------------------


def test_reads_everything_of_a_repository() -> None:
    published = read(Made())
    assert (published.repository, published.root.version, published.root.trusted_since) == (APP, 2, 1)
    assert (published.snapshot_version, published.timestamp_version) == (7, 9)
    assert published.root.expires_at == datetime(2036, 11, 19, 15, 55, 44, 458082, tzinfo=UTC)
    assert published.targets.expires_at == datetime(2029, 11, 18, 23, tzinfo=UTC)
    assert [(tag.name, tag.since) for tag in published.targets.tags] == [("1.0", 5), ("2.0", 3), ("é<>", 5)]
    assert (
        published.targets.tags[2].entry
        == json.dumps(tag("three", custom={"a": [1, None]}), sort_keys=True, separators=(",", ":")).encode()
    )
    assert [(r.version, [c.name for c in r.changes]) for r in published.targets.history] == [
        (2, ["1.0"]),
        (3, ["2.0", "gone"]),
        (5, ["1.0", "gone", "é<>"]),
    ]
    assert {r.signed_by for r in published.targets.history} == {(key_id(TARGETS.listed),)}
    assert [role.name for role in published.roles()][:4] == ["root", "snapshot", "targets", "timestamp"]
    assert list(published.delegated) == ["targets/alice", "targets/releases"]
    assert (published.root.signed_by, published.targets.signed_by) == ((key_id(OLD_ROOT.listed),), (key_id(TARGETS.listed),))
    assert published.notes == ()
    assert read(Made()).root.roles["root"].keys[0] is read(Made()).root.roles["root"].keys[0]  # fleets are large


def test_an_older_version_by_a_key_that_no_root_names_is_read_and_attributed_to_nobody() -> None:
    made = Made()
    made.targets_by[2] = [OTHER]
    assert next(release.signed_by for release in read(made).targets.history) == ()


def test_a_targets_key_of_an_earlier_root_is_known() -> None:
    made = Made()
    made.root[1] = root(1, targets=OTHER)
    made.targets_by[2] = [OTHER]
    assert next(release.signed_by for release in read(made).targets.history) == (key_id(OTHER.listed),)


def test_a_key_that_an_earlier_delegation_named_is_known() -> None:
    made = Made()
    made.targets[3]["delegations"] = delegations(alice=OTHER)
    made.delegated["targets/alice"] = {1: targets(1, {"a": tag("a")}), 2: targets(2, {"a": tag("a")})}
    served = made.served()
    older = (1, signed(made.delegated["targets/alice"][1], [OTHER]))
    metadata = {**served.metadata, "targets/alice": [older, *served.metadata["targets/alice"][1:]]}
    found = SEQUEL.read(replace(served, metadata=metadata), pinned(), NOW)
    assert [r.signed_by for r in found.delegated["targets/alice"].history] == [(key_id(OTHER.listed),), (key_id(ALICE.listed),)]


def test_nested_delegations_are_read() -> None:
    made = Made()
    alice(made)["delegations"] = {"keys": {key_id(BOB.listed): BOB.listed}, "roles": [{"name": "targets/alice/sub", **role(BOB)}]}
    assert [r.name for r in read(made).roles()][-1] == "targets/alice/sub"
    assert [r.paths for r in read(made).roles()][-1] == ()


def test_a_delegation_without_delegations_of_its_own_is_good() -> None:
    made = Made()
    del alice(made)["delegations"]
    alice(made)["targets"] = {}
    assert read(made).delegated["targets/alice"].delegations == ()


def test_a_new_root_key_is_followed() -> None:
    made = Made()
    new = certified(NEW.key)
    made.root[2] = root(2, [new])
    made.root_by[2] = [OLD_ROOT, new]
    assert read(made).root.roles["root"].keys[0].key_id == key_id(new.listed)
    assert read(made, pinned(new)).root.trusted_since == 2


def test_a_certificate_for_a_prefix_and_one_for_another_name_may_stand_together() -> None:
    made = Made()
    wide, other = certified(NEW.key, "docker.io/acme/*"), certified(OTHER.key, WEB)
    made.root[2] = root(2, [wide, other])
    made.root_by[2] = [OLD_ROOT, wide]
    assert read(made).root.version == 2


@pytest.mark.parametrize(
    "signer",
    [
        pytest.param(certified(known(Algorithm.ECDSA_P384)), id="P-384"),
        pytest.param(certified(known(Algorithm.RSA_3072)), id="RSA"),
    ],
)
def test_reads_each_kind_of_root_key(signer: Signer) -> None:
    made = Made()
    made.root = {1: root(1, [signer])}
    made.root_by = {1: [signer]}
    found = read(made, pinned(signer)).root.roles["root"].keys[0]
    assert found.kind == str(signer.key.public.algorithm)
    assert from_spki(found.spki) == signer.key.public


def test_names_members_and_keys_that_are_not_written_again() -> None:
    made = Made()
    newest_root(made)["comment"] = "x"
    newest_root(made)["keys"][key_id(OTHER.listed)] = OTHER.listed
    newest_targets(made)["more"] = 1
    published = read(made)
    assert published.root.dropped == ("comment", f"key {key_id(OTHER.listed)}")
    assert published.targets.dropped == ("more",)


# --- notes --------------------------------------------------------------------


def test_days_that_are_over_are_notes() -> None:
    made = Made()
    made.root[2]["expires"] = made.targets[5]["expires"] = alice(made)["expires"] = "2026-11-19T09:00:00Z"
    assert [(note.role, note.words.split(";")[0]) for note in read(made).notes] == [
        ("root", "version 2 expired at 2026-11-19T09:00:00Z"),
        ("targets", "version 5 expired at 2026-11-19T09:00:00Z"),
        ("targets/alice", "its version 1 expired at 2026-11-19T09:00:00Z"),
    ]


def test_certificates_that_are_over_stop_everything_and_are_told() -> None:
    (stuck, left) = (read(Made(), now=datetime(2037, 1, 1, tzinfo=UTC)).notes)[2:4]
    assert "clients that cached version 1 cannot follow any more" in stuck.words
    assert "has to be deleted at the server" in left.words


def test_an_intermediate_roots_certificate_that_is_over_leaves_old_caches_behind() -> None:
    made = Made()
    short = certified(ROOT.key, end=NOW - timedelta(days=1))
    made.root[1] = root(1, [short])
    made.root_by = {1: [short], 2: [short, OLD_ROOT]}
    (note,) = read(made, pinned(short)).notes
    assert note.words.startswith("clients that cached version 1 cannot follow")


def test_online_keys_that_the_server_does_not_hold_are_notes() -> None:
    made = Made()
    made.server = ServerKeys(OFFERED, OFFERED)
    assert [note.role for note in read(made).notes] == ["snapshot", "timestamp"]
    made.server = None
    assert read(made).notes == ()
    assert not read(made).server_holds("snapshot")


def test_a_signers_metadata_that_does_not_verify_is_a_note() -> None:
    made = Made()
    made.delegated_by["targets/alice"] = [OTHER]
    published = read(made)
    assert [note.role for note in published.notes] == ["targets/alice"]
    assert "targets/alice" not in published.delegated


# --- chains -------------------------------------------------------------------


def test_a_gap_in_the_roots_is_refused() -> None:
    made = Made()
    made.root[4], made.root_by[4] = root(4), [OLD_ROOT]
    refused(made, f"{APP} root version 4: does not follow version 2")


def test_a_root_that_its_predecessor_did_not_sign_is_refused() -> None:
    made = Made()
    new = certified(NEW.key)
    made.root[2], made.root_by[2] = root(2, [new]), [new]
    refused(made, f"{APP} root version 2: has 0 valid signatures of the 1 that it needs by the root keys of version 1")


def test_a_root_that_its_own_keys_did_not_sign_is_refused() -> None:
    made = Made()
    new = certified(NEW.key)
    made.root[2], made.root_by[2] = root(2, [new]), [OLD_ROOT]
    refused(made, f"{APP} root version 2: has 0 valid signatures of the 1 that it needs by its own root keys")


def test_a_threshold_that_the_first_root_misses_is_refused() -> None:
    made = Made()
    second = certified(NEW.key)
    made.root = {1: root(1, [OLD_ROOT, second], threshold=2)}
    refused(made, f"{APP} root version 1: does not chain to the trusted root", pinned(OLD_ROOT, second))
    # One pinned key is not enough for a root that wants two, though both signed: a client that pins counts so too.
    made.root_by[1] = [OLD_ROOT, second]
    refused(made, f"{APP} root version 1: does not chain to the trusted root", pinned(OLD_ROOT))
    assert read(made, pinned(OLD_ROOT, second)).root.version == 1


def test_another_repositorys_root_is_refused() -> None:
    refused(Made(WEB), f"{WEB} root version 1: has root certificates for 'docker.io/acme/app', and is another repository's")


def test_a_root_of_no_trusted_key_is_refused() -> None:
    refused(Made(), f"{APP} root version 2: does not chain to the trusted root", pinned(OTHER))


def exact(made: Made, version: int, targets_version: int = 0) -> TrustedRoot:
    data = dict(made.served().metadata["root"])[version]
    return TrustedRoot({APP: Anchor(APP, data, targets_version)}, ())


def test_a_root_that_is_known_whole_is_where_the_chain_starts() -> None:
    assert read(Made(), exact(Made(), 1)).root.trusted_since == 1
    assert read(Made(), exact(Made(), 2)).root.trusted_since == 2


def test_a_root_older_than_the_trusted_one_is_refused() -> None:
    made = Made()
    trusted = exact(made, 2)
    del made.root[2]
    refused(made, f"{APP} root version 1: is older than version 2 of the trusted root: it was rolled back", trusted)


def test_another_root_under_the_trusted_version_is_refused() -> None:
    made = Made()
    trusted = exact(made, 2)
    made.root[2]["expires"] = "2036-01-01T00:00:00Z"
    refused(made, f"{APP} root version 2: is not the root of that version that is trusted", trusted)


def test_a_trusted_root_must_be_signed_all_the_same() -> None:
    made = Made()
    data = signed(made.root[2], [OTHER])
    trusted = TrustedRoot({APP: Anchor(APP, data)}, ())
    assert read(made, trusted).files["root"] != data
    made.root_by[2] = [OTHER]
    refused(made, f"{APP} root version 2: has 0 valid signatures of the 1 that it needs by its own root keys", trusted)


def test_a_trusted_root_that_was_not_brought_is_taken_as_it_is() -> None:
    made = Made()
    trusted = exact(made, 1)
    del made.root[1]
    assert read(made, trusted).root.trusted_since == 1


def test_a_gap_after_the_trusted_root_is_refused() -> None:
    made = Made()
    trusted = exact(made, 1)
    made.root = {3: root(3)}
    made.root_by[3] = [OLD_ROOT]
    refused(made, f"{APP} root version 3: does not follow version 1", trusted)


def test_targets_older_than_those_seen_before_are_refused() -> None:
    refused(Made(), f"{APP} targets version 5: is older than version 6, which was seen before", exact(Made(), 1, 6))
    assert read(Made(), exact(Made(), 1, 5)).targets.version == 5


def test_a_trusted_threshold_holds_though_the_root_asks_for_less() -> None:
    anchor = Anchor(key_ids=frozenset({key_id(OLD_ROOT.listed)}), threshold=2)
    refused(Made(), f"{APP} root version 2: does not chain", TrustedRoot({}, (anchor,)))


# --- each file ----------------------------------------------------------------

CA = certified(ROOT.key, ca=True)
ROOTS = [
    pytest.param(gone(newest_root, "roles", "snapshot"), "root version 2: says nothing of the role snapshot", id="no snapshot"),
    pytest.param(put(newest_root, "consistent_snapshot", to="no"), "root version 2: does not say whether", id="consistent"),
    pytest.param(put(newest_root, "version", to=1), "root version 2: states version 1: it was rolled back", id="older version"),
    pytest.param(put(newest_root, "version", to=3), "root version 2: states version 3", id="newer version"),
    pytest.param(put(newest_root, "version", to=True), "root version 2: states no version", id="no version"),
    pytest.param(put(newest_root, "_type", to="Targets"), "root version 2: is not metadata of root", id="another type"),
    pytest.param(put(newest_root, "expires", to="soon"), "root version 2: expires at 'soon', which is not a time", id="no time"),
    pytest.param(put(newest_root, "expires", to=7), "root version 2: expires at '7', which is not a time", id="number"),
    pytest.param(
        put(newest_root, "expires", to="2036-13-19T00:00:00Z"), "root version 2: expires at '2036-13-19T00:00:00Z'", id="no month"
    ),
    pytest.param(
        put(newest_root, "expires", to="0001-01-01T00:00:00+23:59"), "root version 2: expires at '0001", id="before all time"
    ),
    pytest.param(put(newest_root, "keys", to=[]), "root version 2: is not made as signed metadata is", id="keys a list"),
    pytest.param(put(newest_root, "roles", "root", to=[]), "root version 2: is not made as signed", id="role a list"),
    pytest.param(put(newest_root, "roles", "root", "keyids", to="x"), "root version 2: is not made as signed", id="ids a text"),
    pytest.param(put(newest_root, "roles", "root", "keyids", to=[1]), "root version 2: is not made as signed", id="ids numbers"),
    pytest.param(
        put(newest_root, "roles", "root", "threshold", to=0), "root version 2: has no threshold for root", id="threshold"
    ),
    pytest.param(
        put(newest_root, "roles", "root", "keyids", to=["ab" * 32]),
        "root version 2: names the key 'abababababababab' for root, and does not list it",
        id="unlisted key",
    ),
    pytest.param(
        lambda made: made.root.update({2: root(2, [bare(ROOT.key)])}),
        "root version 2: has a root key that is not a certificate",
        id="bare root key",
    ),
    pytest.param(
        lambda made: made.root.update({2: root(2, [CA])}), "root version 2: has a root certificate that is a CA's", id="CA"
    ),
    pytest.param(
        put(newest_root, "roles", "root", "keyids", to=[]),
        "root version 2: has root certificates for nothing",
        id="no root keys",
    ),
    pytest.param(put(newest_root, "Keys", to={}), "root version 2: has the member 'Keys' beside the one", id="other case"),
    pytest.param(raw("root", 2, b"{"), "root version 2: is not the JSON that was expected", id="no JSON"),
    pytest.param(raw("root", 2, b"[]"), "root version 2: is not made as signed metadata is", id="a list"),
    pytest.param(raw("root", 2, b"{}"), "root version 2: is not made as signed metadata is", id="nothing"),
    pytest.param(raw("root", 2, b" " * (10 * 1024 * 1024 + 1)), "root version 2: is longer than the 10485760 bytes", id="long"),
]


@pytest.mark.parametrize(("change", "says"), ROOTS)
def test_refuses_a_root_with_one_thing_wrong(change: Do, says: str) -> None:
    made = Made()
    change(made)
    refused(made, f"{APP} {says}")


def listing(listed: object, under: str = "ab" * 32) -> Do:
    return put(newest_root, "keys", under, to=listed)


KEYS = [
    pytest.param(listing([]), "lists a key that is not made as keys are", id="a list"),
    pytest.param(listing({"keytype": "ecdsa"}), "lists a key that is not made as keys are", id="no public half"),
    pytest.param(listing({"keytype": 1, "keyval": {"public": ""}}), "lists a key that is not made as keys are", id="no type"),
    pytest.param(
        listing({"keytype": "ecdsa", "keyval": {"public": "", "private": "x"}}), "lists a private key", id="a private key"
    ),
    pytest.param(listing(OTHER.listed), "lists a key under the id 'abababababababab', which is not its own", id="another id"),
    pytest.param(listing(entry("ecdsa", "*")), "lists the key 'abababababababab', which cannot be read", id="no base64"),
    pytest.param(listing(entry("ecdsa", "QR==")), "lists the key .*, which cannot be read", id="bits left over"),
    pytest.param(listing(entry("ecdsa", b"x")), "lists the key .*, which cannot be read", id="no key"),
    pytest.param(listing(entry("rsa", OTHER.key.public.spki)), "lists the key .*, which cannot be read", id="another type"),
    pytest.param(listing(entry("dsa", OTHER.key.public.spki)), "lists the key .*, which cannot be read", id="unknown type"),
    pytest.param(listing(entry("ed25519", bytes(31))), "lists the key .*, which cannot be read", id="short"),
    pytest.param(listing(entry("ecdsa-x509", b"no certificate")), "lists the key .*, which cannot be read", id="no certificate"),
    pytest.param(
        listing(entry("rsa-x509", certificate(OTHER.key))),
        "lists the key .*, which cannot be read",
        id="certificate of another type",
    ),
]


@pytest.mark.parametrize(("change", "says"), KEYS)
def test_refuses_a_key_that_is_none(change: Do, says: str) -> None:
    made = Made()
    change(made)
    refused(made, f"{APP} root version 2: {says}")


def signature(change: Callable[[Any], object]) -> Do:
    """Change the signatures of the newest root, once it is signed."""

    def done(made: Made) -> None:
        whole = json.loads(signed(made.root[2], [OLD_ROOT]))
        change(whole["signatures"])
        made.raw["root", 2] = write(whole)

    return done


MISSED = "has 0 valid signatures of the 1 that it needs by the root keys of version 1"
SIGNATURES = [
    pytest.param(signature(lambda found: found.clear()), MISSED, id="none"),
    pytest.param(signature(lambda found: found[0].update(sig="AAAA")), MISSED, id="short"),
    pytest.param(signature(lambda found: found[0].update(sig=base64.b64encode(bytes(64)).decode())), MISSED, id="zeros"),
    pytest.param(signature(lambda found: found[0].update(method="rsapss")), MISSED, id="method of another key"),
    pytest.param(signature(lambda found: found[0].update(method="eddsa")), MISSED, id="method of yet another key"),
    pytest.param(signature(lambda found: found[0].update(method="hmac")), MISSED, id="unknown method"),
    pytest.param(signature(lambda found: found[0].update(sig="*")), "has a signature that is not base64", id="no base64"),
    pytest.param(signature(lambda found: found[0].pop("sig")), "is not made as signed metadata is", id="no value"),
    pytest.param(signature(lambda found: found.append(1)), "is not made as signed metadata is", id="a number"),
]


@pytest.mark.parametrize(("change", "says"), SIGNATURES)
def test_refuses_a_signature_that_is_none(change: Do, says: str) -> None:
    made = Made()
    change(made)
    refused(made, f"{APP} root version 2: {says}")


def test_a_bad_signature_beside_a_good_one_is_passed_over_as_clients_do() -> None:
    made = Made()
    signature(lambda found: found.insert(0, {**found[0], "sig": "AAAA"}))(made)
    assert read(made).root.version == 2


def test_methods_are_read_in_any_case() -> None:
    made = Made()
    signature(lambda found: found[0].update(method="ECDSA"))(made)
    assert read(made).root.version == 2


TARGETS_FAULTS = [
    pytest.param(put(newest_targets, "targets", to=[]), "targets version 5: is not made as signed", id="tags a list"),
    pytest.param(put(newest_targets, "targets", "1.0", to=[]), "targets version 5: is not made as signed", id="tag a list"),
    pytest.param(
        put(newest_targets, "targets", "1.0", "length", to="5"), "targets version 5: has the tag '1.0', which is not", id="length"
    ),
    pytest.param(
        put(newest_targets, "targets", "1.0", "hashes", to={"sha256": 1}), "targets version 5: has the tag '1.0'", id="hash"
    ),
    pytest.param(
        put(newest_targets, "delegations", "roles", 0, "name", to="other"),
        "targets version 5: makes a delegation under the name 'other'",
        id="name",
    ),
    pytest.param(
        put(newest_targets, "delegations", "roles", 0, "name", to="targets/a/b"),
        "targets version 5: makes a delegation under the name 'targets/a/b'",
        id="another's child",
    ),
    pytest.param(
        put(newest_targets, "delegations", "roles", 0, "name", to=7), "targets version 5: makes a delegation under", id="number"
    ),
    pytest.param(
        put(newest_targets, "delegations", "roles", 0, "name", to="targets/bob"),
        "targets version 5: makes the delegation targets/bob twice",
        id="twice",
    ),
    pytest.param(put(newest_targets, "delegations", to=[]), "targets version 5: is not made as signed", id="delegations a list"),
    pytest.param(put(newest_targets, "TARGETS", to={}), "targets version 5: has the member 'TARGETS' beside", id="other case"),
    pytest.param(
        lambda made: made.targets_by.update({5: [OTHER]}),
        "targets version 5: has 0 valid signatures of the 1 that it needs by the targets keys",
        id="another's signature",
    ),
    pytest.param(raw("targets", 3, b"{}"), "targets version 3: is not made as signed metadata is", id="an older version"),
]


@pytest.mark.parametrize(("change", "says"), TARGETS_FAULTS)
def test_refuses_targets_with_one_thing_wrong(change: Do, says: str) -> None:
    made = Made()
    change(made)
    refused(made, f"{APP} {says}")


def online(name: str, change: Callable[[Any], object]) -> Do:
    return lambda made: made.online.update({name: change})


ONLINE = [
    pytest.param(
        online("timestamp", lambda c: c["meta"]["snapshot"]["hashes"].update(sha256="AAAA")),
        "timestamp version 9: names other bytes for snapshot than those of version 7",
        id="another snapshot",
    ),
    pytest.param(
        online("snapshot", lambda c: c["meta"]["targets"]["hashes"].update(sha512="AAAA")),
        "snapshot version 7: names other bytes for targets than those of version 5",
        id="other targets",
    ),
    pytest.param(
        online("snapshot", lambda c: c["meta"].pop("root")), "snapshot version 7: does not name the bytes of root", id="no root"
    ),
    pytest.param(
        online("snapshot", lambda c: c["meta"]["root"].update(hashes={"md5": "AAAA"})),
        "snapshot version 7: does not name the bytes of root",
        id="no known hash",
    ),
    pytest.param(
        online("snapshot", lambda c: c["meta"]["targets/alice"]["hashes"].update(sha256="AAAA")),
        "snapshot version 7: names other bytes for targets/alice",
        id="another signer's",
    ),
    pytest.param(
        lambda made: made.online_by.update(snapshot=[TIMESTAMP]),
        "snapshot version 7: has 0 valid signatures of the 1 that it needs by the snapshot keys",
        id="snapshot by another key",
    ),
    pytest.param(
        lambda made: made.online_by.update(timestamp=[SNAPSHOT]),
        "timestamp version 9: has 0 valid signatures of the 1 that it needs by the timestamp keys",
        id="timestamp by another key",
    ),
]


@pytest.mark.parametrize(("change", "says"), ONLINE)
def test_refuses_what_does_not_fit_together(change: Do, says: str) -> None:
    made = Made()
    change(made)
    refused(made, f"{APP} {says}")


@pytest.mark.parametrize("name", ["root", "targets", "snapshot", "timestamp"])
def test_refuses_a_repository_of_which_a_role_was_not_brought(name: str) -> None:
    served = Made().served()
    metadata = {other: files for other, files in served.metadata.items() if other != name}
    with pytest.raises(VerificationError, match=f"^{APP} {name}: was not brought"):
        SEQUEL.read(replace(served, metadata=metadata), pinned(), NOW)


def test_a_signer_that_the_snapshot_does_not_name_is_passed_over() -> None:
    made = Made()
    made.online["snapshot"] = lambda content: content["meta"].pop("targets/alice")
    published = read(made)
    assert "targets/alice" not in published.delegated
    assert published.notes == ()


@pytest.mark.parametrize("text", ['"\\ud800"', '"a\\nb"', '"\\u0001"'])
def test_text_that_nobody_can_sign_is_refused(text: str) -> None:
    with pytest.raises(VerificationError, match=r"^here: (has no canonical form|holds a control character)"):
        notary_signed.canonical_form(json.loads(text), "here")


def test_canonical_text_is_what_go_signs() -> None:
    assert notary_signed.canonical_form({"é": 'a"\\n', "b": 1}, "here") == '{"b":1,"é":"a\\"\\\\n"}'.encode()


# --- keys ---------------------------------------------------------------------


def test_signatures_of_every_kind_verify_and_none_under_another_message() -> None:
    payload = b"payload"
    rsa_key, odd = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP521R1())
    for private, method, name in ((rsa_key, "rsapkcs1v15", "rsa-2048"), (odd, "ecdsa", "ecdsa-secp521r1")):
        spki = _spki(private)
        key = notary_listed.listed(name.split("-", maxsplit=1)[0], base64.b64encode(spki).decode())
        assert key.kind == name
        value = _sign(private, payload)
        notary_listed.check_signature(key, method, payload, value, "here")
        with pytest.raises(VerificationError, match=r"^here: has a signature that does not verify with key"):
            notary_listed.check_signature(key, method, b"other", value, "here")


def test_a_key_that_is_known_is_the_same_only_when_it_is_listed_as_it_was() -> None:
    known = notary_listed.listed("ecdsa", str(OTHER.listed["keyval"]["public"]))
    assert notary_listed.read_key(known.key_id, OTHER.listed, "here", known) is known
    private = {**OTHER.listed, "keyval": {**OTHER.listed["keyval"], "private": "x"}}
    for other, says in ((TARGETS.listed, "which is not its own"), (private, "lists a private key")):
        with pytest.raises(VerificationError, match=says):
            notary_listed.read_key(known.key_id, other, "here", known)


def _spki(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _sign(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, payload: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(payload, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(private.sign(payload, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(66) + s.to_bytes(66)


def test_a_certificate_is_passed_over_for_what_it_is() -> None:
    chain = certificate(ROOT.key) + certificate(OTHER.key)
    assert notary_listed.certified(chain.decode()).certificate.fault == "stands with another that is not a CA's"  # type: ignore[union-attr]  # it has one
    with_ca = certificate(ROOT.key) + certificate(OTHER.key, ca=True)
    assert notary_listed.certified(with_ca.decode()).certificate.fault == ""  # type: ignore[union-attr]  # it has one
    nameless = notary_listed.certified(certificate(ROOT.key, "").decode()).certificate
    assert nameless is not None
    assert (nameless.common_name, nameless.covers(APP)) == ("", False)
    assert not notary_listed.certified(certificate(ROOT.key, "*").decode()).certificate.covers(APP)  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        pytest.param(("ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha1"), "is signed over SHA-1", id="SHA-1"),
        pytest.param(("rsa:1024", "-sha256"), "is for an RSA key of 1024 bits", id="RSA-1024"),
    ],
)
def test_a_certificate_that_is_too_weak_is_passed_over(options: tuple[str, ...], fault: str, tmp_path: Path) -> None:
    leaf = ("-addext", "basicConstraints=critical,CA:FALSE", "-nodes", "-subj", "/CN=app", "-keyout", tmp_path / "key.pem")
    pem = openssl.openssl("req", "-x509", "-newkey", *options, *leaf)
    certificate = notary_listed.certified(pem.decode()).certificate
    assert certificate is not None
    assert certificate.fault == fault


def test_a_method_of_another_kind_of_key_counts_for_nothing() -> None:
    key = read(Made()).root.roles["targets"].keys[0]
    for method in ("rsapss", "rsapkcs1v15", "eddsa"):
        with pytest.raises(VerificationError, match=r"^here: has a signature that does not verify"):
            notary_listed.check_signature(key, method, b"", b"", "here")
    other = notary_listed.listed("ed25519", base64.b64encode(known(Algorithm.ED25519).public.raw_ed25519).decode())
    with pytest.raises(VerificationError, match=r"^here: has a signature that does not verify"):
        notary_listed.check_signature(other, "ecdsa", b"", b"", "here")


# --- whole requests -----------------------------------------------------------


def wire(public: Signer) -> bytes:
    return json.dumps(public.listed).encode()


def request(*fleet: Made) -> tuple[Request, dict[str, bytes]]:
    """Return a request and its files by digest."""
    files: dict[str, bytes] = {}
    repositories: dict[str, Repository] = {}
    for made in fleet:
        metadata = {}
        for name, versions in made.served().metadata.items():
            stored = [(store(made.gun, name, version, data), data) for version, data in versions]
            files |= {file.sha256: data for file, data in stored}
            metadata[name] = tuple(file for file, _ in stored)
        keys = {name: store(made.gun, name, 0, wire(one)) for name, one in zip(KEY_ROLES, (SNAPSHOT, TIMESTAMP), strict=True)}
        files |= {keys["snapshot"].sha256: wire(SNAPSHOT), keys["timestamp"].sha256: wire(TIMESTAMP)}
        repositories[made.gun] = Repository(keys, metadata)
    new = "docker.io/acme/new"
    repositories[new] = Repository(repositories[fleet[0].gun].keys, {})
    return parse_index(build_index("https://notary.example", repositories)), files


def wide(gun: str, **options: Any) -> Made:
    """Return a repository whose root certificate is for a prefix."""
    made = Made(gun)
    signer = WIDE
    made.root = {1: root(1, [signer], **options)}
    made.root_by = {1: [signer]}
    return made


WIDE = certified(ROOT.key, "docker.io/acme/*")


def fleet_of(
    *fleet: Made, trusted: TrustedRoot | None = None, change: Callable[[dict[str, bytes], Request], object] | None = None
) -> reading.Fleet:
    index, files = request(*fleet)
    if change:
        change(files, index)
    seen: list[tuple[int, int]] = []
    found = reading.read(index, files, trusted or pinned(OLD_ROOT, WIDE), SEQUEL, NOW, lambda done, of: seen.append((done, of)))
    assert seen[-1] == (len(fleet), len(fleet))
    return found


def test_reads_every_repository_that_the_server_knows() -> None:
    found = fleet_of(Made())
    assert list(found) == [APP]
    published = found[APP]
    assert isinstance(published, Published)
    assert published.server == ServerKeys(SNAPSHOT.key.public, TIMESTAMP.key.public)


def test_a_broken_repository_is_named_and_the_others_are_read() -> None:
    bad = wide(WEB)
    bad.targets_by[5] = [OTHER]
    found = fleet_of(Made(), bad)
    assert list(reading.usable(found)) == [APP]
    assert [(name, error.subject) for name, error in reading.broken(found).items()] == [(WEB, f"{WEB} targets version 5")]


def test_a_file_that_is_missing_or_changed_is_named() -> None:
    def missing(files: dict[str, bytes], index: Request) -> None:
        del files[index.repositories[APP].metadata["targets"][0].sha256]

    def changed(files: dict[str, bytes], index: Request) -> None:
        files[index.repositories[APP].metadata["root"][1].sha256] = b"x"

    assert "targets version 2): is missing" in reading.broken(fleet_of(Made(), change=missing))[APP].message
    assert "root version 2): is 1 bytes" in reading.broken(fleet_of(Made(), change=changed))[APP].message


def test_a_servers_key_of_the_wrong_kind_is_named() -> None:
    index, files = request(Made())
    for data in (wire(OLD_ROOT), b"{}"):
        repository = index.repositories[APP]
        file = store(APP, "snapshot", 0, data)
        keys = {**repository.keys, "snapshot": file}
        other = replace(index, repositories={APP: replace(repository, keys=keys)})
        error = reading.read(other, {**files, file.sha256: data}, pinned(), SEQUEL, NOW)[APP]
        assert isinstance(error, VerificationError)
        assert error.subject == f"{APP}, snapshot key of the server"


def test_a_request_without_server_keys_can_be_read() -> None:
    index, files = request(Made())
    other = replace(index, repositories={APP: replace(index.repositories[APP], keys={})})
    found = reading.read(other, files, pinned(), SEQUEL, NOW)[APP]
    assert isinstance(found, Published)
    assert found.server is None


def test_one_root_for_two_repositories_is_refused_unless_it_is_known_whose_it_is() -> None:
    found = fleet_of(wide(APP), wide(WEB), wide("docker.io/acme/third", targets=TARGETS, threshold=1))
    assert [error.message.split(",")[0] for error in reading.broken(found).values()] == [
        f"{APP} root version 1: is the root of {WEB} too",
        f"docker.io/acme/third root version 1: is the root of {APP} too",
        f"{WEB} root version 1: is the root of {APP} too",
    ]
    data = wide(APP).served().metadata["root"][0][1]
    ids = frozenset({key_id(WIDE.listed)})
    trusted = TrustedRoot({APP: Anchor(APP, data, 0, ids)}, (Anchor(key_ids=ids),))
    assert list(reading.broken(fleet_of(wide(APP), wide(WEB), trusted=trusted))) == [WEB]
