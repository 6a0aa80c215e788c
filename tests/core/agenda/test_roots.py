# SPDX-License-Identifier: Apache-2.0
"""The root keys of a repository from now on, and which certificates are made anew for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ceremony.core.agenda.entries import Entry
from ceremony.core.agenda.roots import Held, Member, Roots, RootSet, root_keys, sibling, wanted
from ceremony.core.plan import RepositoryPlan
from ceremony.core.published.values import RoleKeys
from ceremony.errors import VerificationError
from tests.core.agenda.made import HELD, agenda_of, fleet_of
from tests.core.published.made import APP, OTHER, ROOT, WEB, Made, certified, pinned, read, root
from tests.fakes.fleet import CLI, GENERATE, changing_plan
from tests.fakes.plans import read as plan_of

SOON, LATER = "2035-06-01T00:00:00Z", "2040-01-01T00:00:00Z"
TWO = (*HELD, Held("root-b", "2", OTHER.key.public))
WIDE, WIDE_TOO = (certified(one.key, "docker.io/acme/*") for one in (ROOT, OTHER))


def entry_of(*roots, name=APP, threshold=1):
    """Return a repository with these root keys."""
    roots = roots or (certified(ROOT.key, name),)
    made = Made(name)
    made.root, made.root_by = {1: root(1, roots, threshold=threshold)}, {1: roots}
    found = read(made, pinned(*roots))
    agenda = agenda_of(changing_plan("renewal", expires={"root": SOON}), fleet_of(found))
    return agenda.entries[name]


def set_of(plan, entry, held=HELD, *, certifies=True, like=None):
    return Roots(plan, held, certifies, like).of(entry)


def made(found):
    """Return fingerprint → common name of what is made; empty for what stays."""
    return {member.public.sha256: member.common_name for member in found.members}


ROOT_KEY, OTHER_KEY = ROOT.key.public.sha256, OTHER.key.public.sha256


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        pytest.param({"root": SOON}, {}, id="another day for the root alone"),
        pytest.param({"certificate": SOON}, {}, id="it lasts long enough"),
        pytest.param({"certificate": LATER}, {ROOT_KEY: APP}, id="it does not last long enough"),
        pytest.param({"root": SOON, "certificate": LATER}, {ROOT_KEY: APP}, id="a renewal is as long as it says"),
    ],
)
def test_a_renewal_certifies_anew_what_does_not_last(expires, expected):
    assert made(set_of(changing_plan("renewal", expires=expires), entry_of())) == expected


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        pytest.param({"root": SOON, "certificate": LATER}, "", id="it outlives the new root"),
        pytest.param({"root": LATER, "certificate": LATER}, APP, id="it does not"),
        pytest.param({"certificate": LATER}, APP, id="it does not outlive the published root"),
    ],
)
def test_a_rotation_keeps_what_outlives_the_root(expires, expected):
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-b"], "threshold": 2, "custody": "token-only"}
    found = set_of(changing_plan("rotation", new=new, expires=expires), entry_of(), TWO)
    assert made(found) == {ROOT_KEY: expected, OTHER_KEY: APP}
    assert found.threshold == 2


def test_a_prefix_of_a_new_root_is_for_what_it_covers():
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-b"], "threshold": 1, "custody": "imported", "certificate": "docker.io/*"}
    plan = changing_plan("rotation", new=new, expires={"root": LATER, "certificate": LATER})
    assert made(set_of(plan, entry_of(), TWO)) == {OTHER_KEY: "docker.io/*"}
    with pytest.raises(VerificationError, match=f"{CLI}: is not covered by certificates for docker.io"):
        set_of(plan, entry_of(name=CLI), TWO)


def test_a_new_key_without_a_day_for_its_certificate_is_refused():
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-b"], "threshold": 1, "custody": "imported"}
    with pytest.raises(VerificationError, match=f"{APP}: needs new root certificates, and the plan does not say until when"):
        set_of(changing_plan("rotation", new=new), entry_of(), TWO)


def test_who_is_not_in_the_room_keeps_the_certificate_that_there_is():
    entry = entry_of(certified(ROOT.key), certified(OTHER.key))
    found = set_of(changing_plan("renewal", expires={"certificate": LATER}), entry)
    assert made(found) == {ROOT_KEY: APP, OTHER_KEY: ""}
    assert wanted([found, found]) == {"1": (APP,)}
    # With nobody in the room who could certify, nothing changes.
    assert set_of(changing_plan("renewal", expires={"certificate": LATER}), entry, ()) == RootSet()


def test_of_two_certificates_of_one_key_the_one_that_lasts_longer_counts():
    long = certified(ROOT.key, end=datetime(2045, 1, 1, tzinfo=UTC))
    entry = entry_of(certified(ROOT.key), long)
    assert set_of(changing_plan("renewal", expires={"certificate": LATER}), entry) == RootSet()


def test_the_root_that_most_have_is_the_one_of_new_repositories():
    a, b, c = entry_of(), entry_of(certified(OTHER.key, WEB), name=WEB), entry_of(certified(OTHER.key, CLI), name=CLI)
    agenda = agenda_of(changing_plan("renewal", expires={"root": SOON}), fleet_of(a.published, b.published, c.published))
    assert sibling(agenda).fingerprints() == {OTHER_KEY}
    assert sibling(replace(agenda, entries={})) is None


def test_of_equal_roots_the_one_with_a_prefix_is_taken():
    single, wide = entry_of(), entry_of(WIDE, name=WEB)
    agenda = agenda_of(changing_plan("renewal", expires={"root": SOON}), fleet_of(single.published, wide.published))
    (key,) = sibling(agenda).keys
    assert key.certificate.common_name == "docker.io/acme/*"


NEW = "docker.io/acme/new"
ADDS = {"repositories": [{"name": NEW, "targets": GENERATE}]}


def new_entry(name=NEW):
    return Entry(RepositoryPlan(name, *(3 * [changing_plan("renewal", **ADDS).repositories[0].targets])))


def role_of(*roots, threshold=1) -> RoleKeys:
    return entry_of(*roots, threshold=threshold).published.root.roles["root"]


@pytest.mark.parametrize(
    ("roots", "expires", "held", "name", "expected"),
    [
        pytest.param([WIDE], {"root": SOON}, (), NEW, {ROOT_KEY: ""}, id="a prefix that covers it"),
        pytest.param([WIDE], {"root": SOON, "certificate": LATER}, HELD, NEW, {ROOT_KEY: "docker.io/acme/*"}, id="one to renew"),
        pytest.param([WIDE], {"certificate": LATER}, HELD, CLI, {ROOT_KEY: CLI}, id="a prefix that does not"),
        pytest.param(
            [certified(ROOT.key)], {"root": SOON, "certificate": LATER}, HELD, NEW, {ROOT_KEY: NEW}, id="certificates for one"
        ),
        pytest.param(
            [certified(ROOT.key), certified(OTHER.key)],
            {"root": SOON, "certificate": LATER},
            HELD,
            NEW,
            {ROOT_KEY: NEW},
            id="as far as there can be",
        ),
        pytest.param([WIDE, WIDE_TOO], {}, HELD, NEW, {ROOT_KEY: "", OTHER_KEY: ""}, id="no day at all"),
    ],
)
def test_a_new_repository_gets_the_root_that_the_others_have(roots, expires, held, name, expected):
    plan = changing_plan("renewal", expires=expires, **ADDS)
    found = set_of(plan, new_entry(name), held, like=role_of(*roots))
    assert (made(found), found.threshold) == (expected, 1)


def test_a_new_repository_whose_root_keys_are_too_few_is_refused():
    like = role_of(certified(ROOT.key), certified(OTHER.key), threshold=2)
    plan = changing_plan("renewal", expires={"root": SOON, "certificate": LATER}, **ADDS)
    with pytest.raises(VerificationError, match="could have 1 of the 2 root keys that the others have"):
        set_of(plan, new_entry(), like=like)


def test_where_root_keys_are_no_certificates_none_are_made():
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-b"], "threshold": 1, "custody": "token-only"}
    rotation = changing_plan("rotation", new=new, expires={"root": SOON})
    assert made(set_of(rotation, entry_of(), TWO, certifies=False)) == {ROOT_KEY: "", OTHER_KEY: ""}
    renewal = changing_plan("renewal", expires={"certificate": LATER}, **ADDS)
    assert set_of(renewal, entry_of(), certifies=False) == RootSet()
    assert made(set_of(renewal, new_entry(), certifies=False, like=role_of(WIDE))) == {ROOT_KEY: ""}


def test_a_genesis_makes_all_its_certificates():
    plan = plan_of()
    held = tuple(Held(name, name, ROOT.key.public) for name in plan.root.tokens)
    found = set_of(plan, Entry(plan.repositories[0]), held)
    assert [member.common_name for member in found.members] == 3 * [plan.repositories[0].name]
    assert found.threshold == 2


def test_a_certificate_that_was_not_made_is_missed():
    members = RootSet((Member(ROOT.key.public, "PEM"), Member(OTHER.key.public, serial="2", common_name=APP)))
    certificates = {"2": {APP: "made"}}
    assert [key.certificate for key in root_keys(members, certificates)] == ["PEM", "made"]
    with pytest.raises(KeyError, match=APP):
        root_keys(members, {"2": {}})
