# SPDX-License-Identifier: Apache-2.0
"""From the agenda to what is signed: what follows for each repository, and why another is left out before anything is signed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ceremony.core.agenda import entries, filling
from ceremony.core.agenda.items import NewItem
from ceremony.core.agenda.roots import Held
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, RootPlan
from ceremony.core.served import ServerKeys
from ceremony.core.specs import RepositoryKeys
from ceremony.errors import VerificationError
from tests.core.agenda.made import HELD, NOTARY, agenda_of, filled, fleet_of, item, public, reasons
from tests.core.dialects.forged import Signer, key_id, signed
from tests.core.published.made import (
    ALICE,
    APP,
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
    certified,
    pinned,
    read,
    role,
    root,
)
from tests.core.published.stock import signed as signed_by
from tests.core.published.stock import signed_root
from tests.fakes.fleet import CLI, GENERATE, TEAM, changing_plan
from tests.fakes.room import plan, repository

STOLEN = {"keys": ["ab" * 32], "reason": "stolen", "deliver-to": TEAM}
DAYS = {"root": "2035-06-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z", "targets": "2029-01-01T00:00:00Z"}
RENEWAL = changing_plan("renewal", expires={"root": DAYS["root"]}, backed_up=False)
ROTATION = changing_plan("rotation", compromised=STOLEN)
WIDE = certified(ROOT.key, "docker.io/acme/*")


def of(made, *served, stolen=(), new=(), trusted=None, **more):
    """Return what a plan makes of what is served."""
    fleet = fleet_of(*(read(one, trusted) for one in served))
    return filled(made, agenda_of(made, fleet, *(one.key for one in stolen), new=new), **more)


def test_a_renewal_changes_the_day_and_nothing_else():
    found = item(of(RENEWAL, Made()), APP)
    assert [draft.role for draft in found.drafts()] == ["root"]
    assert found.pins == (key_id(OLD_ROOT.listed),)
    assert public(ROOT.key.public) == set(found.root_ids())


def test_a_rotation_has_new_targets_and_a_root_that_names_their_key():
    found = item(of(ROTATION, Made(), stolen=[TARGETS, ALICE]), APP)
    assert [draft.role for draft in found.drafts()] == ["root", "targets"]
    text = b"".join(draft.payload for draft in found.drafts()).decode()
    assert key_id(NEW.listed) in text
    assert key_id(TARGETS.listed) not in text
    assert key_id(ALICE.listed) not in text


def test_whoever_does_not_sign_the_targets_cannot_take_a_signer_out_of_them():
    made = changing_plan("rotation", compromised=STOLEN, repositories=[{"name": APP}])
    stolen = [ALICE, TIMESTAMP]
    served = Made()
    served.server = ServerKeys(SNAPSHOT.key.public, OFFERED)
    found = item(of(made, served, stolen=stolen), APP)
    assert [draft.role for draft in found.drafts()] == ["root"]
    assert found.changes.remove == public(TIMESTAMP.key.public)
    assert (found.changes.timestamp, found.changes.snapshot) == (OFFERED, None)


@pytest.mark.parametrize(
    ("server", "snapshot"),
    [
        pytest.param(ServerKeys(SNAPSHOT.key.public, TIMESTAMP.key.public), None, id="the server has them"),
        pytest.param(ServerKeys(OFFERED, TIMESTAMP.key.public), OFFERED, id="a client held one"),
        pytest.param(None, None, id="the request says nothing of them"),
    ],
)
def test_a_new_root_names_the_online_keys_that_the_server_offers(server, snapshot):
    served = Made()
    served.server = server
    assert item(of(RENEWAL, served), APP).changes.snapshot == snapshot


def two_roots(*, first_until=datetime(2036, 1, 1, tzinfo=UTC), threshold=1):
    """Return a repository with two root keys, that of ROOT and another."""
    keys = [certified(ROOT.key, end=first_until), certified(OTHER.key)]
    made = Made()
    made.root, made.root_by = {1: root(1, keys, threshold=threshold)}, {1: keys}
    return made, pinned(*keys)


EXPIRED = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_root_key_whose_certificate_expired_does_not_count_for_a_new_root():
    made, trusted = two_roots(first_until=EXPIRED)
    left = reasons(of(RENEWAL, made, trusted=trusted))
    assert left == {APP: f"{APP}: lacks 1 signature of the root keys that it is to have"}
    both = (*HELD, Held("root-b", "2", OTHER.key.public))
    found = item(of(RENEWAL, made, trusted=trusted, held=both), APP)
    files = {"root": signed_root(found.published, found.changes, [ROOT.key, OTHER.key])}
    assert found.check(files, public(ROOT.key.public, OTHER.key.public), NOW) == 2


def test_one_more_signature_is_lacking_than_one():
    made, trusted = two_roots(threshold=2)
    assert "lacks 1 signature of the root keys that are published" in reasons(of(RENEWAL, made, trusted=trusted))[APP]
    assert "lacks 2 signatures" in reasons(of(RENEWAL, made, trusted=trusted, held=()))[APP]


def test_where_every_certificate_expired_nothing_can_follow():
    made = Made()
    old = certified(ROOT.key, end=EXPIRED)
    made.root, made.root_by = {1: root(1, [old])}, {1: [old]}
    left = reasons(of(changing_plan("renewal", expires=DAYS, backed_up=False), made, trusted=pinned(old)))
    assert left == {APP: f"{APP}: has root certificates that have expired, so nothing can follow its root any more"}


@pytest.mark.parametrize(
    ("served_root", "served_targets", "said"),
    [
        pytest.param("2020-01-01T00:00:00Z", None, "root: would be expired, since 2020-01-01 00:00:00 UTC", id="root"),
        pytest.param(None, "2020-01-01T00:00:00Z", "targets: would be expired, since 2020-01-01 00:00:00 UTC", id="targets"),
    ],
)
def test_what_would_be_expired_when_it_is_signed_is_left_out(served_root, served_targets, said):
    made = Made()
    made.root[2]["expires"] = served_root or made.root[2]["expires"]
    made.targets[5]["expires"] = served_targets or made.targets[5]["expires"]
    assert reasons(of(ROTATION, made, stolen=[TARGETS])) == {APP: f"{APP} {said}"}
    days = changing_plan("rotation", compromised=STOLEN, expires=DAYS)
    assert reasons(of(days, made, stolen=[TARGETS])) == {}


def test_expired_targets_are_no_matter_of_a_ceremony_that_does_not_sign_them():
    made = Made()
    made.targets[5]["expires"] = "2020-01-01T00:00:00Z"
    assert reasons(of(RENEWAL, made)) == {}


def test_targets_that_lose_a_key_and_are_not_signed_here_are_left_out():
    made = Made()
    made.root[2]["roles"]["targets"] = role(TARGETS, OTHER)
    made.root[2]["keys"][key_id(OTHER.listed)] = OTHER.listed
    kept = changing_plan("rotation", compromised=STOLEN, repositories=[{"name": APP}])
    left = reasons(of(kept, made, stolen=[OTHER]))
    assert left == {APP: f"{APP}: needs new targets, and no key for them is made here"}


def test_a_snapshot_that_nobody_here_could_sign_is_left_out():
    made = Made()
    made.server = ServerKeys(OFFERED, TIMESTAMP.key.public)
    fleet = fleet_of(read(made))
    agenda = replace(agenda_of(ROTATION, fleet, TARGETS.key), stolen=public(OFFERED, TARGETS.key.public))
    left = reasons(filled(ROTATION, agenda))
    assert left == {APP: f"{APP}: needs a new snapshot, and neither the server nor this ceremony has its key"}


def test_where_nothing_changes_only_who_was_asked_for_is_told():
    nothing = changing_plan("renewal", repositories=[{"name": APP}])
    assert reasons(of(nothing, Made())) == {APP: f"{APP}: is in the plan, and nothing changes in it"}
    same = changing_plan("renewal", expires={"certificate": "2030-01-01T00:00:00Z"}, backed_up=False)
    found = of(same, Made())
    assert (found.items, found.left_out) == ((), {})
    kept = changing_plan("rotation", compromised=STOLEN, repositories=[{"name": APP}])
    helpless = reasons(of(kept, Made(), stolen=[ALICE]))
    assert helpless == {APP: f"{APP}: is touched by a stolen key, and nothing that is signed here can help it"}


def test_a_key_that_was_made_and_is_not_listed_is_left_out():
    left = reasons(of(ROTATION, Made(), stolen=[TARGETS], keys={}))
    assert left == {APP: f"{APP}: gets a new targets key, and it is not listed"}


# --- new repositories ---


def with_prefix(*, threshold=1):
    made = Made()
    keys = [WIDE, certified(OTHER.key, "docker.io/acme/*")][: max(threshold, 1)]
    made.root, made.root_by = {1: root(1, keys, threshold=threshold)}, {1: keys}
    return made, pinned(*keys)


ADDS = changing_plan("renewal", expires=DAYS, repositories=[{"name": WEB, "targets": GENERATE}])
NEW_KEYS = {WEB: RepositoryKeys(NEW.key.public, OFFERED, OFFERED, ())}


def test_a_new_repository_needs_as_many_root_keys_in_the_room_as_it_names():
    made, trusted = with_prefix(threshold=2)
    left = reasons(of(ADDS, made, new=[WEB], trusted=trusted, keys=NEW_KEYS))
    assert left[WEB] == f"{WEB}: needs more root keys than are in the room"
    both = (*HELD, Held("root-b", "2", OTHER.key.public))
    found = of(ADDS, made, new=[WEB], trusted=trusted, keys=NEW_KEYS, held=both, private=(ROOT.key, OTHER.key))
    (new,) = (one for one in found.items if isinstance(one, NewItem))
    assert (new.spec.threshold, len(new.pins), new.spec.version) == (2, 2, 1)


@pytest.mark.parametrize("name", ["root", "targets"])
def test_a_new_repository_needs_days_of_its_own(name):
    days = {key: day for key, day in DAYS.items() if key != name}
    made, trusted = with_prefix()
    plan = changing_plan("renewal", expires=days, repositories=[{"name": WEB, "targets": GENERATE}])
    assert reasons(of(plan, made, new=[WEB], trusted=trusted, keys=NEW_KEYS))[WEB].endswith(f"the plan has no expires.{name}")


def test_a_new_repository_without_listed_keys_is_left_out():
    made, trusted = with_prefix()
    assert reasons(of(ADDS, made, new=[WEB], trusted=trusted))[WEB] == f"{WEB}: is new, and its keys are not listed"


def test_without_a_repository_to_be_like_there_is_no_root_for_a_new_one():
    fleet = {APP: VerificationError(APP, "is broken", hint="look")}
    left = reasons(filled(ADDS, agenda_of(ADDS, fleet, new=[WEB]), NEW_KEYS))
    assert left[WEB] == f"{WEB}: could have 0 of the 1 root keys that the others have"


# --- genesis ---


def test_nothing_is_left_out_of_a_genesis():
    root_plan = RootPlan(Algorithm.ECDSA_P256, ("root-a",), 1, Custody.TOKEN_WRAPPED, certificate="docker.io/acme/*")
    made = plan(repository(APP), repository(CLI), root=root_plan)
    agenda = entries.of_genesis(made)
    with pytest.raises(VerificationError, match=f"{CLI}: is not covered by certificates for docker.io/acme"):
        filling.fill(NOTARY, made, agenda, filling.Made({}, HELD), NOW)


# --- what was signed ---


def finished(found, *, roots=(ROOT.key,), targets=NEW.key):
    """Return the finished files of an item."""
    files = {"root": signed_root(found.published, found.changes, roots)}
    if len(found.drafts()) > 1:
        files["targets"] = signed_by(found.drafts()[1], targets)
    return files


def test_what_was_signed_is_judged_and_counted():
    found = item(of(ROTATION, Made(), stolen=[TARGETS]), APP)
    assert found.check(finished(found), public(ROOT.key.public), NOW) == 2


def test_a_signature_of_a_token_that_was_not_there_is_refused():
    made, trusted = two_roots()
    found = item(of(RENEWAL, made, trusted=trusted), APP)
    files = finished(found, roots=[ROOT.key, OTHER.key])
    with pytest.raises(VerificationError, match="root: is not signed by every key that it should be"):
        found.check(files, public(ROOT.key.public), NOW)
    with pytest.raises(VerificationError, match="root: is not signed by every key that it should be"):
        found.check(finished(found), public(ROOT.key.public, OTHER.key.public), NOW)


def test_another_writing_of_the_same_is_not_what_was_agreed():
    made, trusted = two_roots()
    both = (*HELD, Held("root-b", "2", OTHER.key.public))
    found = item(of(RENEWAL, made, trusted=trusted, held=both), APP)
    content = json.loads(found.drafts()[0].payload)
    content["roles"]["root"]["keyids"].reverse()
    signers = [Signer(key.key, content["keys"][key_id(key.listed)]) for key in (OLD_ROOT, certified(OTHER.key))]
    with pytest.raises(VerificationError, match="root: was signed over something else than was agreed"):
        found.check({"root": signed(content, signers)}, public(ROOT.key.public, OTHER.key.public), NOW)
