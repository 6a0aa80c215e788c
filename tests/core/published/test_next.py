# SPDX-License-Identifier: Apache-2.0
"""What may follow: what the changes say and nothing else, to the letter; and the judge of it, for each thing that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ceremony.core.dialects import RootKey
from ceremony.core.dialects import Signer as DockerSigner
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.port_values import Change
from ceremony.core.published.changes import Changes, needs_root, needs_snapshot, needs_targets, root_key
from ceremony.core.published.differences import entry_words
from ceremony.core.published.values import Published, signer
from ceremony.core.served import ServerKeys
from ceremony.core.software_key import SoftwareKey, make
from ceremony.errors import VerificationError
from tests.core.dialects.forged import Signer, certificate, key_id, signed
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
    ROOT_DAYS,
    SNAPSHOT,
    TARGETS,
    TARGETS_DAYS,
    TIMESTAMP,
    Made,
    certified,
    delegations,
    read,
    role,
    root,
    tag,
)
from tests.core.published.stock import content, signed_root
from tests.core.published.stock import signed as signed_by

END = datetime(2034, 2, 3, 4, 5, 6, tzinfo=UTC)


def gone(*keys: Signer) -> frozenset[str]:
    return frozenset(one.key.public.sha256 for one in keys)


def root_of(one: Signer | SoftwareKey, name: str = APP, **options: Any) -> RootKey:
    key = one.key if isinstance(one, Signer) else one
    return RootKey(key.public, certificate(key, name, **options).decode())


ROTATION = Changes(remove=gone(TARGETS), targets=NEW.key.public)


def files_for(
    published: Published, changes: Changes, roots: Sequence[SoftwareKey] = (ROOT.key,), targets: SoftwareKey | None = None
) -> dict[str, bytes]:
    """Return what the changes make, signed; the targets by the new key, or the old one."""
    files = {}
    if needs_root(published, changes):
        files["root"] = signed_root(published, changes, roots)
    if needs_targets(published, changes) and not changes.elsewhere:
        own = targets or (NEW.key if changes.targets == NEW.key.public else TARGETS.key)
        files["targets"] = signed_by(SEQUEL.next_targets(published, changes), own)
    return files


def judged(changes: Changes, made: Made | None = None, **options: Any) -> dict[tuple[str, str], tuple[str, str]]:
    """Return role and field → before and after, of good files for the changes."""
    published = read(made or Made())
    files = files_for(published, changes, **options)
    found: Sequence[Change] = SEQUEL.check_next(published, files, changes, NOW)
    assert {change.repository for change in found} <= {APP}
    return {(change.role, change.field): (change.before, change.after) for change in found}


def next_root(changes: Changes, made: Made | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SEQUEL.next_root(read(made or Made()), changes).payload)
    return found


def next_targets(changes: Changes, made: Made | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SEQUEL.next_targets(read(made or Made()), changes).payload)
    return found


# --- what is made -------------------------------------------------------------


def test_what_the_changes_do_not_say_stays_to_the_letter() -> None:
    made = Made()
    assert next_root(Changes()) == {**made.root[2], "version": 3}
    assert next_targets(Changes()) == {**made.targets[5], "version": 6}
    draft = SEQUEL.next_targets(read(made), Changes())
    assert (draft.repository, draft.role, draft.path) == (APP, "targets", f"bundle/tuf/{APP}/metadata/targets.json")
    assert SEQUEL.next_root(read(made), Changes()).path == f"bundle/tuf/{APP}/metadata/root.json"


def test_the_order_of_keys_and_unusual_flags_stay() -> None:
    made = Made()
    first, second = certified(NEW.key), certified(OTHER.key)
    keys = [first, OLD_ROOT, second]
    made.root[2] = root(2, keys)
    made.root[2]["roles"]["root"]["keyids"] = ids = [key_id(one.listed) for one in keys]
    made.root_by[2] = [OLD_ROOT, first]
    made.root[2]["consistent_snapshot"] = True
    assert next_root(Changes(), made)["roles"]["root"]["keyids"] == ids
    assert next_root(Changes(), made)["consistent_snapshot"] is True


def test_unknown_members_and_spare_keys_are_not_written_again_and_are_told() -> None:
    made = Made()
    made.root[2]["comment"] = "x"
    made.root[2]["keys"][key_id(OTHER.listed)] = OTHER.listed
    made.targets[5]["more"] = {}
    assert next_root(Changes(), made) == {**root(2), "version": 3}
    found = judged(Changes(root_expires=END, targets_expires=END), made)
    assert found["root", "comment"] == found["targets", "more"] == ("in the metadata", "")
    assert found["root", f"key {key_id(OTHER.listed)}"] == ("in the metadata", "")


def test_a_key_goes_from_every_role() -> None:
    made = Made()
    stolen = OTHER
    made.root[2]["keys"][key_id(stolen.listed)] = stolen.listed
    for name in ("targets", "snapshot", "timestamp"):
        made.root[2]["roles"][name]["keyids"].append(key_id(stolen.listed))
    made.root[2]["roles"]["mirror"] = role(stolen)
    made.root[2]["roles"]["spare"] = role(stolen, SNAPSHOT)
    made.targets[5]["delegations"] = delegations(alice=ALICE, eve=stolen)
    changes = Changes(remove=gone(stolen))
    assert needs_root(read(made), changes)
    assert needs_targets(read(made), changes)
    made_root = next_root(changes, made)
    assert key_id(stolen.listed) not in json.dumps(made_root)
    assert set(made_root["roles"]) == {"root", "targets", "snapshot", "timestamp", "spare"}
    assert key_id(stolen.listed) not in json.dumps(next_targets(changes, made))
    found = judged(changes, made)
    assert found["root", "mirror keys"][1] == found["targets", "targets/eve keys"][1] == ""


def test_new_keys_take_the_place_of_all_others() -> None:
    made = Made()
    made.root[2]["keys"][key_id(OTHER.listed)] = OTHER.listed
    made.root[2]["roles"]["targets"] = role(TARGETS, OTHER, threshold=2)
    made.targets_by[5] = [TARGETS, OTHER]
    changes = Changes(targets=NEW.key.public, snapshot=SNAPSHOT.key.public, timestamp=OFFERED)
    found = next_root(changes, made)
    assert found["roles"]["targets"] == role(NEW)
    assert found["roles"]["snapshot"] == role(SNAPSHOT)
    assert key_id(OTHER.listed) not in found["keys"]
    assert judged(changes, made)["root", "targets threshold"] == ("2", "1")


def test_days_are_written_in_utc_by_the_second() -> None:
    there = END.astimezone(datetime.fromisoformat("2034-01-01T00:00:00+05:00").tzinfo) + timedelta(microseconds=7)
    changes = Changes(root_expires=there, targets_expires=there)
    assert (next_root(changes)["expires"], next_targets(changes)["expires"]) == ("2034-02-03T04:05:06Z",) * 2
    found = judged(changes)
    assert found["root", "expires"] == (ROOT_DAYS, "2034-02-03T04:05:06Z")
    assert found["targets", "expires"] == (TARGETS_DAYS, "2034-02-03T04:05:06Z")


def test_a_rotation_of_targets_differs_in_that_alone() -> None:
    found = judged(ROTATION)
    assert set(found) == {("root", "version"), ("root", "targets keys"), ("targets", "version")}
    assert found["root", "version"] == ("2", "3")
    assert key_id(NEW.listed) in found["root", "targets keys"][1]


@pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.RSA_3072, Algorithm.ECDSA_P384])
def test_each_algorithm_can_be_the_new_targets_key(algorithm: Algorithm) -> None:
    key = make(algorithm)
    assert ("root", "targets keys") in judged(Changes(targets=key.public), targets=key)


def test_tags_are_struck_out_and_others_stay() -> None:
    found = judged(Changes(strike=frozenset({"é<>"})))
    assert found["targets", "tag é<>"][1] == ""
    assert set(found) == {("targets", "version"), ("targets", "tag é<>")}


def test_signers_go_come_and_get_new_keys() -> None:
    changes = Changes(
        remove_signers=frozenset({"bob"}),
        signers=(DockerSigner("alice", NEW.key.public), DockerSigner("carol", OTHER.key.public)),
    )
    found = {one["name"]: one["keyids"] for one in next_targets(changes)["delegations"]["roles"]}
    new, other = key_id(NEW.listed), key_id(OTHER.listed)
    assert found == {"targets/alice": [new], "targets/releases": [new, other], "targets/carol": [other]}
    words = judged(changes)
    assert words["targets", "targets/carol paths"] == ("", "''")
    assert words["targets", "targets/bob keys"][1] == ""


def test_a_key_that_two_signers_share_stays_with_the_other() -> None:
    made = Made()
    made.targets[5]["delegations"] = delegations(alice=ALICE, bob=ALICE)
    changes = Changes(remove_signers=frozenset({"bob"}))
    found = {one["name"]: one["keyids"] for one in next_targets(changes, made)["delegations"]["roles"]}
    assert found["targets/releases"] == [key_id(ALICE.listed)]
    judged(changes, made)


def test_the_first_signer_makes_releases_too() -> None:
    made = Made()
    made.targets[5]["delegations"] = delegations()
    made.delegated, made.delegated_by = {}, {}
    changes = Changes(signers=(DockerSigner("alice", NEW.key.public), DockerSigner("bob", NEW.key.public)))
    found = {one["name"]: one["keyids"] for one in next_targets(changes, made)["delegations"]["roles"]}
    assert found["targets/releases"] == [key_id(NEW.listed)]
    assert len(found) == 3
    judged(changes, made)


def test_the_last_signer_takes_releases_along() -> None:
    changes = Changes(remove_signers=frozenset({"alice", "bob"}))
    assert next_targets(changes)["delegations"] == {"keys": {}, "roles": []}
    judged(changes)


def test_a_delegation_that_nobody_could_sign_for_stays_as_it_is() -> None:
    made = Made()
    made.targets[5]["delegations"]["roles"].append({"name": "targets/empty", "paths": ["a", "b"], "keyids": [], "threshold": 1})
    assert next_targets(Changes(), made) == {**made.targets[5], "version": 6}
    judged(Changes(targets_expires=END), made)


def test_root_keys_change_with_their_threshold() -> None:
    one, two = make(Algorithm.ECDSA_P384), make(Algorithm.ECDSA_P256)
    changes = Changes(root_keys=(root_of(one), root_of(two)), threshold=2)
    found = judged(changes, roots=[ROOT.key, one, two])
    assert found["root", "root threshold"] == ("1", "2")
    assert "ecdsa-p384, certificate for docker.io/acme/app until 2036-01-01 00:00:00 UTC" in found["root", "root keys"][1]


def test_who_signs_a_root_is_told_under_every_id() -> None:
    new = make(Algorithm.ECDSA_P256)
    again = root_of(ROOT, end=datetime(2037, 1, 1, tzinfo=UTC))
    changes = Changes(root_keys=(again, root_of(new)), threshold=2)
    signers = SEQUEL.root_signers(read(Made()), changes)
    by = {one.fingerprint: one for one in signers.keys}
    assert (by[ROOT.key.public.sha256].old_ids, len(by[ROOT.key.public.sha256].key_ids)) == ((key_id(OLD_ROOT.listed),), 2)
    assert (by[new.public.sha256].old_ids, len(by[new.public.sha256].new_ids)) == ((), 1)
    assert (signers.old_threshold, signers.new_threshold) == (1, 2)
    assert signers.missing({ROOT.key.public.sha256}) == (0, 1)
    assert signers.missing(()) == (1, 2)
    assert signers.missing(by.keys()) == (0, 0)


def test_a_published_root_key_can_be_named_again() -> None:
    key = read(Made()).root.roles["root"].keys[0]
    assert root_key(key) == RootKey(ROOT.key.public, certificate(ROOT.key).decode())
    assert root_key(read(Made()).root.roles["targets"].keys[0]).certificate == ""
    changes = Changes(root_keys=(root_key(key),), root_expires=END)
    assert set(judged(changes)) == {("root", "version"), ("root", "expires")}


def test_what_is_needed_follows_from_the_changes() -> None:
    published = read(Made())
    needs = [
        (Changes(), False, False),
        (ROTATION, True, True),
        (Changes(threshold=1), True, False),
        (Changes(remove=gone(ALICE)), False, True),
        (Changes(remove=gone(OLD_ROOT)), True, False),
        (Changes(remove=gone(TARGETS)), True, True),
        (Changes(strike=frozenset({"1.0"})), False, True),
        (Changes(snapshot=OFFERED), True, False),
    ]
    for changes, wants_root, wants_targets in needs:
        assert (needs_root(published, changes), needs_targets(published, changes)) == (wants_root, wants_targets)
    assert not needs_snapshot(published, Changes())
    assert needs_snapshot(published, Changes(snapshot=OFFERED))
    assert needs_snapshot(replace(published, server=None), Changes(snapshot=OFFERED))
    assert not needs_snapshot(replace(published, server=ServerKeys(OFFERED, OFFERED)), Changes(snapshot=OFFERED))


def test_the_name_of_a_signer_is_that_of_its_delegation() -> None:
    names = ["targets/alice", "targets/releases", "targets", "targets/alice/sub", "root"]
    assert [signer(name) for name in names] == ["alice", "", "", "", ""]


# --- what cannot be made ------------------------------------------------------

CANNOT = [
    pytest.param(
        Changes(remove=gone(TARGETS)), "root: targets would have 0 keys left of the 1 that it needs", id="no targets key"
    ),
    pytest.param(Changes(remove=gone(ROOT)), "root: root would have 0 keys left of the 1", id="no root key"),
    pytest.param(Changes(remove=gone(TIMESTAMP)), "root: timestamp would have 0 keys left", id="no timestamp key"),
    pytest.param(Changes(threshold=2), "root: root would have 1 key left of the 2 that it needs", id="threshold"),
    pytest.param(
        Changes(root_keys=(root_of(NEW), root_of(NEW, end=END)), threshold=2),
        "root: root would have 1 key left of the 2",
        id="one key twice",
    ),
    pytest.param(
        Changes(remove=gone(NEW), targets=NEW.key.public), "root: the new targets key is one that should go", id="a stolen key"
    ),
    pytest.param(
        Changes(remove=gone(NEW), snapshot=NEW.key.public), "root: the new snapshot key is one", id="a stolen snapshot key"
    ),
    pytest.param(
        Changes(remove=gone(NEW), timestamp=NEW.key.public), "root: the new timestamp key is one", id="a stolen timestamp key"
    ),
    pytest.param(Changes(remove=gone(NEW), root_keys=(root_of(NEW),)), "root: the new root key is one", id="a stolen root key"),
    pytest.param(Changes(root_keys=(RootKey(NEW.key.public),)), "root: a new root key has no certificate", id="no certificate"),
]


@pytest.mark.parametrize(("changes", "says"), CANNOT)
def test_a_root_that_nobody_could_use_is_not_made(changes: Changes, says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{APP} {says}") as caught:
        SEQUEL.next_root(read(Made()), changes)
    assert caught.value.hint
    with pytest.raises(VerificationError, match=f"^{APP} {says}"):
        SEQUEL.root_signers(read(Made()), changes)


CANNOT_SIGN = [
    pytest.param(Changes(strike=frozenset({"9.9"})), "has no tag '9.9' to strike out", id="no such tag"),
    pytest.param(Changes(remove_signers=frozenset({"eve"})), "has no signer 'eve' to remove", id="no such signer"),
    pytest.param(
        Changes(remove_signers=frozenset({"bob"}), signers=(DockerSigner("bob", NEW.key.public),)),
        "the signer bob both goes and comes",
        id="goes and comes",
    ),
    pytest.param(
        Changes(remove=gone(NEW), signers=(DockerSigner("bob", NEW.key.public),)),
        "the new key of bob is one that should go",
        id="stolen",
    ),
]


@pytest.mark.parametrize(("changes", "says"), CANNOT_SIGN)
def test_targets_that_cannot_be_are_not_made(changes: Changes, says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{APP} targets: {says}"):
        SEQUEL.next_targets(read(Made()), changes)


def test_a_delegation_that_would_miss_its_threshold_is_told() -> None:
    made = Made()
    made.targets[5]["delegations"]["roles"][2]["threshold"] = 2
    made.delegated_by["targets/releases"] = [ALICE, BOB]
    with pytest.raises(VerificationError, match=r"^docker.io/acme/app targets: targets/releases would have 1 key left of the 2"):
        SEQUEL.next_targets(read(made), Changes(remove=gone(ALICE)))


# --- the judge ----------------------------------------------------------------

Do = Callable[[dict[str, Any]], object]
EVERYTHING = Changes(
    remove=gone(TARGETS),
    targets=NEW.key.public,
    remove_signers=frozenset({"bob"}),
    strike=frozenset({"2.0"}),
    root_expires=END,
)


def put(*where: str | int, to: object) -> Do:
    def change(found: dict[str, Any]) -> None:
        holder: Any = found
        for name in where[:-1]:
            holder = holder[name]
        holder[where[-1]] = to

    return change


def tampered(name: str, change: Do) -> dict[str, bytes]:
    """Return good files with one signed part changed, and signed again by who should sign it."""
    files = files_for(read(Made()), EVERYTHING)
    found = content(files[name])
    change(found)
    return files | {name: signed(found, [OLD_ROOT] if name == "root" else [NEW])}


def refused(
    files: dict[str, bytes], says: str, changes: Changes = EVERYTHING, now: datetime = NOW, made: Made | None = None
) -> None:
    with pytest.raises(VerificationError, match=f"^{APP}{says}") as caught:
        SEQUEL.check_next(read(made or Made()), files, changes, now)
    assert caught.value.hint


def test_untampered_files_are_good() -> None:
    SEQUEL.check_next(read(Made()), tampered("root", lambda _: None), EVERYTHING, NOW)
    SEQUEL.check_next(read(Made()), tampered("targets", lambda _: None), EVERYTHING, NOW)


def also(listed: Signer, *roles: str) -> Do:
    def change(found: dict[str, Any]) -> None:
        found["keys"][key_id(listed.listed)] = listed.listed
        for name in roles:
            found["roles"][name]["keyids"].append(key_id(listed.listed))

    return change


def also_delegated(listed: Signer, *numbers: int) -> Do:
    def change(found: dict[str, Any]) -> None:
        found["delegations"]["keys"][key_id(listed.listed)] = listed.listed
        for number in numbers:
            found["delegations"]["roles"][number]["keyids"].append(key_id(listed.listed))

    return change


ROOTS = [
    pytest.param(put("version", to=4), " root version 4: does not follow version 2", id="version"),
    pytest.param(put("expires", to="2034-02-03T04:05:07Z"), " root: changes its days otherwise", id="days"),
    pytest.param(put("consistent_snapshot", to=True), " root: changes its consistent_snapshot", id="consistent"),
    pytest.param(also(OTHER, "targets"), " root: changes its role targets otherwise than was agreed", id="one key more"),
    pytest.param(also(OTHER, "snapshot"), " root: changes its role snapshot", id="one snapshot key more"),
    pytest.param(also(certified(OTHER.key), "root"), " root: changes its role root", id="one root key more"),
    pytest.param(also(TARGETS, "targets"), " root: still lists key .*, which should be gone", id="the stolen key"),
    pytest.param(also(TARGETS), " root: still lists key .*, which should be gone", id="the stolen key without a role"),
    pytest.param(
        also(certified(TARGETS.key)), " root: still lists key .*, which should be gone", id="the stolen key as a certificate"
    ),
    pytest.param(also(OTHER), " root: holds what nobody asked for: key", id="a spare key"),
    pytest.param(put("comment", to="x"), " root: holds what nobody asked for: comment", id="a member"),
    pytest.param(put("roles", "mirror", to=role(SNAPSHOT)), " root: changes its role mirror", id="a role"),
    pytest.param(put("roles", "root", "threshold", to=0), " root version 3: has no threshold for root", id="no threshold"),
]


@pytest.mark.parametrize(("change", "says"), ROOTS)
def test_a_root_with_one_thing_otherwise_is_refused(change: Do, says: str) -> None:
    refused(tampered("root", change), says)


TARGETS_FAULTS = [
    pytest.param(put("version", to=7), " targets: changes its version otherwise", id="version"),
    pytest.param(put("expires", to="2030-01-01T00:00:00Z"), " targets: changes its days otherwise", id="days"),
    pytest.param(put("targets", "new", to=tag("x")), " targets: changes its tag 'new' otherwise", id="a tag more"),
    pytest.param(
        put("targets", "2.0", to=tag("two")), " targets: changes its tag '2.0' otherwise", id="a tag that was struck out"
    ),
    pytest.param(put("targets", "1.0", to=tag("one")), " targets: changes its tag '1.0'", id="a tag's value"),
    pytest.param(put("targets", "é<>", "custom", to=1), " targets: changes its tag 'é<>'", id="a tag's custom"),
    pytest.param(lambda found: found["targets"].pop("1.0"), " targets: changes its tag '1.0'", id="a tag less"),
    pytest.param(also_delegated(OTHER, 0), " targets: changes its delegation targets/alice", id="a signer's key more"),
    pytest.param(also_delegated(BOB, 1), " targets: changes its delegation targets/releases", id="a key that goes"),
    pytest.param(also_delegated(TARGETS), " targets: still lists key", id="the stolen key"),
    pytest.param(put("delegations", "roles", 0, "paths", to=["x"]), " targets: changes its delegation targets/alice", id="paths"),
    pytest.param(
        lambda found: found["delegations"]["roles"].pop(0), " targets: changes its delegation targets/alice", id="a signer less"
    ),
    pytest.param(put("more", to=1), " targets: holds what nobody asked for: more", id="a member"),
]


@pytest.mark.parametrize(("change", "says"), TARGETS_FAULTS)
def test_targets_with_one_thing_otherwise_are_refused(change: Do, says: str) -> None:
    refused(tampered("targets", change), says)


def test_a_file_that_is_missing_or_too_many_is_refused() -> None:
    files = files_for(read(Made()), EVERYTHING)
    refused({"root": files["root"]}, ": has the files root, and the changes make root, targets")
    refused({}, ": has the files none, and the changes make root, targets")
    refused(files, ": has the files root, targets, and the changes make none", Changes())


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("root", b'{"signed"', b'{ "signed"', id="a space"),
        pytest.param("targets", b"\\u003c", b"<", id="what Go escapes"),
        pytest.param("targets", b'"version":6}', b'"version": 6}', id="a space inside"),
        pytest.param("root", b'"method":"ecdsa"', b'"method":"ECDSA"', id="a method in capitals"),
        pytest.param("root", b'"sig":"', b'"more":1,"sig":"', id="a member more"),
    ],
)
def test_a_form_that_a_server_would_not_store_is_refused(name: str, old: bytes, new: bytes) -> None:
    files = files_for(read(Made()), EVERYTHING)
    assert old in files[name]
    says = f" {name} version [36]: is not encoded as a server encodes it, so clients would refuse it"
    refused(files | {name: files[name].replace(old, new, 1)}, says)


def test_signatures_that_are_not_enough_are_refused() -> None:
    files = files_for(read(Made()), EVERYTHING)
    targets_part = content(files["targets"])
    refused(files | {"targets": signed(targets_part, [TARGETS])}, " targets version 6: has 0 valid signatures of the 1")
    refused(
        files | {"targets": signed(targets_part, [NEW, TARGETS])},
        " targets: carries a signature by .*, which is none of its keys",
    )
    root_part = content(files["root"])
    refused(
        files | {"root": signed(root_part, [OTHER])}, " root version 3: has 0 valid signatures of the 1 .* root keys of version 2"
    )
    refused(files | {"root": signed(root_part, [OLD_ROOT, OTHER])}, " root: carries a signature by .*, which is none of its keys")


def test_new_root_keys_have_to_sign_too() -> None:
    new = make(Algorithm.ECDSA_P256)
    changes = Changes(root_keys=(root_of(new),))
    published = read(Made())
    refused(files_for(published, changes), " root version 3: has 0 valid signatures of the 1 that it needs by its own", changes)
    assert judged(changes, roots=[ROOT.key, new])


def test_another_certificate_than_agreed_is_refused() -> None:
    new = make(Algorithm.ECDSA_P256)
    published, changes = read(Made()), Changes(root_keys=(root_of(new),))
    other = Changes(root_keys=(root_of(new, end=END),))
    refused(files_for(published, other, [ROOT.key, new]), " root: changes its role root otherwise", changes)


def test_days_that_are_over_are_refused() -> None:
    past = NOW - timedelta(days=1)
    root_changes, targets_changes = Changes(root_expires=past), Changes(targets_expires=past)
    refused(files_for(read(Made()), root_changes), " root: expired at 2026-11-18T09:00:00Z", root_changes)
    refused(files_for(read(Made()), targets_changes), " targets: expired at 2026-11-18T09:00:00Z", targets_changes)


def test_a_published_root_that_expired_can_be_renewed() -> None:
    made = Made()
    made.root[2]["expires"] = "2026-01-01T00:00:00Z"
    assert judged(Changes(root_expires=END), made)["root", "expires"][0] == "2026-01-01T00:00:00Z"


def test_nothing_can_follow_a_root_whose_certificates_expired() -> None:
    published, changes = read(Made()), Changes(root_keys=(root_of(ROOT, end=datetime(2040, 1, 1, tzinfo=UTC)),))
    late = datetime(2036, 5, 1, tzinfo=UTC)
    says = " root: version 2 has expired certificates, so nothing can follow it any more"
    refused(files_for(published, changes), says, changes, now=late)
    early = Changes(root_keys=(root_of(ROOT, start=datetime(2030, 1, 1, tzinfo=UTC)),))
    refused(files_for(published, early), " root version 3: has 0 valid signatures .* valid now", early)


def test_targets_that_stay_must_verify_under_the_new_root() -> None:
    """A root alone that takes the key of published targets away is what no client survives."""
    made = Made()
    made.root[2]["keys"][key_id(OTHER.listed)] = OTHER.listed
    made.root[2]["roles"]["targets"] = role(TARGETS, OTHER)
    changes = Changes(root_expires=END)
    files = files_for(read(made), changes)
    found = content(files["root"])
    found["roles"]["targets"] = role(OTHER)  # type: ignore[index]  # it is an object
    refused({"root": signed(found, [OLD_ROOT])}, " targets version 5: has 0 valid signatures", changes, made=made)


def test_a_root_whose_targets_are_signed_elsewhere_waits_alone() -> None:
    changes = replace(EVERYTHING, elsewhere=True)
    files = files_for(read(Made()), changes)
    assert set(files) == {"root"}
    found = SEQUEL.check_next(read(Made()), files, changes, NOW)
    assert {change.field for change in found} == {"version", "expires", "targets keys"}


def test_only_targets_can_change() -> None:
    changes = Changes(strike=frozenset({"1.0"}))
    files = files_for(read(Made()), changes)
    assert set(files) == {"targets"}
    SEQUEL.check_next(read(Made()), files, changes, NOW)


# --- snapshots ----------------------------------------------------------------


def with_snapshot(
    change: Do = lambda _: None, by: Signer = SNAPSHOT, expires: datetime = END
) -> tuple[Published, dict[str, bytes]]:
    made = Made()
    made.server = ServerKeys(OFFERED, TIMESTAMP.key.public)
    published = read(made)
    files = files_for(published, EVERYTHING)
    found = json.loads(SEQUEL.next_snapshot(published, files, expires).payload)
    change(found)
    return published, files | {"snapshot": signed(found, [by])}


def test_a_snapshot_names_the_new_files_and_keeps_the_others() -> None:
    published, files = with_snapshot()
    SEQUEL.check_next(published, files, EVERYTHING, NOW)
    found = content(files["snapshot"])
    assert (found["version"], found["expires"]) == (8, "2034-02-03T04:05:06Z")
    before = content(published.files["snapshot"])
    assert found["meta"]["targets/alice"] == before["meta"]["targets/alice"]  # type: ignore[index]  # they are objects
    assert SEQUEL.next_snapshot(published, files, END).payload == SEQUEL.next_snapshot(published, {**files}, END).payload


SNAPSHOTS = [
    pytest.param({"by": TIMESTAMP}, " snapshot version 8: has 0 valid signatures", id="another's signature"),
    pytest.param({"change": put("version", to=9)}, " snapshot version 8: states version 9", id="version"),
    pytest.param({"change": put("meta", "root", to={})}, " snapshot version 8: does not name the bytes of root", id="no root"),
    pytest.param(
        {"change": put("meta", "targets", "hashes", to={"sha256": "AAAA"})},
        " snapshot version 8: names other bytes",
        id="other targets",
    ),
    pytest.param({"expires": NOW}, " snapshot: expired at 2026-11-19T09:00:00Z", id="days"),
]


@pytest.mark.parametrize(("options", "says"), SNAPSHOTS)
def test_a_snapshot_with_one_thing_wrong_is_refused(options: dict[str, Any], says: str) -> None:
    published, files = with_snapshot(**options)
    with pytest.raises(VerificationError, match=f"^{APP}{says}"):
        SEQUEL.check_next(published, files, EVERYTHING, NOW)


def test_a_snapshot_is_not_taken_where_the_server_makes_it() -> None:
    _, files = with_snapshot()
    refused(files, ": has the files root, snapshot, targets, and the changes make root, targets")


# --- words --------------------------------------------------------------------


def test_an_entry_is_told_in_full() -> None:
    assert entry_words(b"") == ""
    entry = {"length": 5, "hashes": {"sha256": "AAAA", "md5": "*", "sha1": "QR=="}, "custom": {"é": 1}, "other": None}
    words = entry_words(json.dumps(entry).encode())
    assert words == "5 bytes, md5 '*', sha1 'QR==', sha256 000000, custom {\"é\": 1}, other null"
