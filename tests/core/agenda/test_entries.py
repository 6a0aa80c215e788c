# SPDX-License-Identifier: Apache-2.0
"""Which repositories are signed for, and where the keys of each come from."""

from __future__ import annotations

import pytest

from ceremony.core.agenda import entries
from ceremony.core.agenda.suspects import suspects
from ceremony.core.plan import Source
from ceremony.core.rotation.impact import Compromised, impact
from ceremony.errors import VerificationError
from tests.core.agenda.made import agenda_of, fleet_of, reasons
from tests.core.published.made import (
    ALICE,
    APP,
    BOB,
    NEW,
    OTHER,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    WEB,
    Made,
    certified,
    delegations,
    pinned,
    read,
    root,
    targets,
)
from tests.fakes.fleet import CLI, GENERATE, TEAM, changing_plan
from tests.fakes.room import plan, repository

STOLEN = {"keys": ["ab" * 32], "reason": "stolen", "deliver-to": TEAM}
DAY = {"root": "2035-06-01T00:00:00Z"}


def web():
    """Return another repository, none of whose keys but the online ones are those of app."""
    made = Made(WEB)
    own = certified(OTHER.key, WEB)
    made.root, made.root_by = {1: root(1, [own], targets=NEW)}, {1: [own]}
    made.targets, made.targets_by = {1: targets(1, {})}, {1: [NEW]}
    made.delegated = {}
    return read(made, pinned(own))


FLEET = fleet_of(read(Made()), web())


def sources(agenda):
    return {name: str(entry.plan.targets.source) for name, entry in agenda.entries.items()}


def test_a_genesis_is_for_the_repositories_of_its_plan():
    agenda = entries.of_genesis(plan(repository(APP), repository(CLI)))
    assert list(agenda.entries) == [APP, CLI]
    assert agenda.made_here() == {APP, CLI}
    assert {entry.asked for entry in agenda.entries.values()} == {True}


@pytest.mark.parametrize(
    ("stolen", "found"),
    [
        pytest.param([TARGETS], {APP: "generate"}, id="a targets key"),
        pytest.param([ALICE], {APP: "generate"}, id="a signer's key"),
        pytest.param([TIMESTAMP], {APP: "request", WEB: "request"}, id="a key of the server"),
        pytest.param([TARGETS, SNAPSHOT], {APP: "generate", WEB: "request"}, id="both"),
        pytest.param([], {}, id="none that anybody knows"),
    ],
)
def test_who_is_touched_by_a_stolen_key_is_signed_for(stolen, found):
    agenda = agenda_of(changing_plan("rotation", compromised=STOLEN), FLEET, *(one.key for one in stolen))
    assert sources(agenda) == found
    assert agenda.stolen == {one.key.public.sha256 for one in stolen}
    assert agenda.left_out == {}


def test_what_a_signer_delegates_further_is_no_reason_for_a_new_targets_key():
    made = Made()
    nested = delegations(deep=BOB)
    nested["roles"] = [{**nested["roles"][0], "name": "targets/alice/deep"}]
    made.delegated["targets/alice"][1]["delegations"] = nested
    made.targets[5]["delegations"] = delegations(alice=ALICE)
    made.delegated["targets/alice/deep"] = {1: targets(1, {})}
    made.delegated_by["targets/alice/deep"] = [BOB]
    agenda = agenda_of(changing_plan("rotation", compromised=STOLEN), fleet_of(read(made)), BOB.key)
    assert sources(agenda) == {APP: "request"}


def test_where_nobody_is_named_for_a_new_key_the_repository_is_left_out():
    bare = changing_plan("rotation", compromised={**STOLEN, "deliver-to": TEAM})
    agenda = agenda_of(bare, FLEET, TARGETS.key)
    assert agenda.entries[APP].plan.targets.deliver_to == TEAM
    nobody = changing_plan("rotation", compromised={"keys": ["ab" * 32], "reason": "stolen"})
    left = reasons(agenda_of(nobody, FLEET, TARGETS.key, SNAPSHOT.key))
    assert left == {APP: f"{APP}: gets a new targets key, and the plan does not say to whom it goes"}


@pytest.mark.parametrize(
    ("settings", "touched"),
    [
        pytest.param({"expires": DAY}, True, id="another day for the root"),
        pytest.param({"expires": {"certificate": DAY["root"]}}, True, id="other certificates"),
        pytest.param({"expires": {"targets": DAY["root"]}}, False, id="another day for the targets"),
        pytest.param({}, False, id="nothing"),
    ],
)
def test_every_repository_is_touched_where_every_root_changes(settings, touched):
    made = changing_plan("renewal", **settings)
    assert entries.touches_all(made) is touched
    agenda = agenda_of(made, FLEET)
    assert list(agenda.entries) == ([APP, WEB] if touched else [])
    assert {entry.asked for entry in agenda.entries.values()} <= {False}


def test_a_genesis_touches_nothing_that_is_published():
    assert not entries.touches_all(plan())


def test_the_plan_s_repositories_come_first_and_as_it_says():
    made = changing_plan("renewal", expires=DAY, repositories=[{"name": WEB, "targets": GENERATE}])
    agenda = agenda_of(made, FLEET)
    assert [(entry.name, entry.here, entry.asked) for entry in agenda.entries.values()] == [
        (WEB, True, True),
        (APP, False, False),
    ]
    assert agenda.made_here() == {WEB}
    assert entries.elsewhere(changing_plan("renewal", repositories=[{"name": WEB}, {"name": APP, "targets": GENERATE}])) == {WEB}


@pytest.mark.parametrize(
    ("kind", "targets_key", "new", "said"),
    [
        pytest.param("renewal", GENERATE, (), "the request holds nothing about it", id="not fetched"),
        pytest.param("rotation", GENERATE, (CLI,), "is not published yet, so there is nothing to rotate", id="new"),
        pytest.param("renewal", {"source": "request"}, (CLI,), "the plan names no targets key for it", id="no key"),
    ],
)
def test_what_the_plan_names_and_cannot_be_is_left_out(kind, targets_key, new, said):
    made = changing_plan(kind, repositories=[{"name": CLI, "targets": targets_key}])
    assert said in reasons(agenda_of(made, FLEET, new=new))[CLI]


def test_a_new_repository_that_the_server_does_not_know_is_added_in_a_renewal():
    made = changing_plan("renewal", repositories=[{"name": CLI, "targets": GENERATE}])
    (entry,) = agenda_of(made, FLEET, new=[CLI]).entries.values()
    assert (entry.published, entry.plan.snapshot.source) == (None, Source.REQUEST)


def test_what_is_broken_is_left_out_with_its_reason():
    fleet = fleet_of(read(Made()), **{WEB: VerificationError(WEB, "is broken", hint="look")})
    agenda = agenda_of(changing_plan("renewal", expires=DAY), fleet)
    assert (list(agenda.entries), reasons(agenda)) == ([APP], {WEB: f"{WEB}: is broken"})


@pytest.mark.parametrize(
    ("repositories", "tags"),
    [
        pytest.param([], ["2.0", "1.0", "é<>"], id="the targets are signed here"),
        pytest.param([{"name": APP}], [], id="they are not"),
        pytest.param([{"name": CLI, "targets": GENERATE}], ["2.0", "1.0", "é<>"], id="another is left out"),
    ],
)
def test_only_what_is_signed_here_can_be_struck_out(repositories, tags):
    made = changing_plan("rotation", compromised=STOLEN, repositories=repositories)
    found = impact(FLEET, (Compromised("x", fingerprint=TARGETS.key.public.sha256),), elsewhere=entries.elsewhere(made))
    agenda = entries.of_change(made, frozenset(FLEET), FLEET, found)
    assert [one.tag for one in suspects(agenda, found)] == tags


def test_what_is_left_out_is_not_struck_out_from():
    made = changing_plan("rotation", compromised={"keys": ["ab" * 32], "reason": "stolen"})
    found = impact(FLEET, (Compromised("x", fingerprint=TARGETS.key.public.sha256),))
    agenda = entries.of_change(made, frozenset(FLEET), FLEET, found)
    assert list(suspects(agenda, found)) == []
