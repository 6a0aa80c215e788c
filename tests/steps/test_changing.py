# SPDX-License-Identifier: Apache-2.0
"""Whole renewals and rotations in memory, after a genesis that was published; judged by audit and by the next request."""

from __future__ import annotations

import json

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.errors import ExitCode
from tests.fakes.fleet import APP, CLI, GENERATE, TEAM, WEB, World, changing_plan
from tests.fakes.room import fast_seal  # noqa: F401 - a fixture for every test here

LATE = "2040-01-01T00:00:00Z"


def bad(ceremony):
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


def signed(ceremony, name, role):
    return json.loads(ceremony.folder.files[f"bundle/tuf/{name}/metadata/{role}.json"])["signed"]


def held(world, plan, *fresh, **more):
    ceremony = world.after(plan, *fresh, **more)
    assert ceremony.hold() is ExitCode.DONE
    assert bad(ceremony) == []
    return ceremony


def test_a_renewal_makes_the_root_last_longer_and_nothing_else():
    world = World()
    renewal = held(world, changing_plan("renewal", expires={"root": "2035-06-01T00:00:00Z"}, backed_up=False))
    for name in (APP, CLI):
        root = signed(renewal, name, "root")
        assert (root["version"], root["expires"]) == (2, "2035-06-01T00:00:00Z")
        assert f"bundle/tuf/{name}/metadata/targets.json" not in renewal.folder.files


def test_a_stolen_targets_key_goes_from_its_repository_and_the_others_are_left_alone():
    world = World()
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    stolen = world.key_id(APP)
    plan = changing_plan("rotation", compromised={"keys": [stolen], "reason": "laptop stolen", "deliver-to": TEAM})
    rotation = held(world, plan)
    root, targets = signed(rotation, APP, "root"), signed(rotation, APP, "targets")
    assert stolen not in json.dumps(root)
    assert (root["version"], targets["version"]) == (2, 3)
    assert list(targets["targets"]) == ["1.0"]
    assert f"bundle/tuf/{CLI}/metadata/root.json" not in rotation.folder.files
    assert f"deliver/{APP}/targets.key.age" in rotation.folder.files


def test_certificates_are_made_anew_before_they_expire():
    world = World()
    renewal = held(world, changing_plan("renewal", expires={"root": LATE, "certificate": LATE}, backed_up=False))
    assert signed(renewal, APP, "root")["roles"]["root"] != signed(world.genesis, APP, "root")["roles"]["root"]
    # Signed as the old key id and as the new one.
    file = json.loads(renewal.folder.files[f"bundle/tuf/{APP}/metadata/root.json"])
    assert len(file["signatures"]) == 2


def test_the_root_rotates_to_new_tokens_and_then_targets_under_it():
    world = World()
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-x", "root-y"], "threshold": 1, "custody": "token-only"}
    days = {"root": LATE, "certificate": LATE}
    first = held(world, changing_plan("rotation", new=new, expires=days, backed_up=False), "root-x", "root-y")
    world.server.publish(first.folder.files)
    stolen = world.key_id(CLI)
    plan = changing_plan(
        "rotation",
        tokens=["root-x"],
        compromised={"keys": [stolen], "reason": "stolen"},
        repositories=[{"name": CLI, "targets": GENERATE}],
    )
    world.genesis.rack = first.rack
    second = held(world, plan, ceremony="c2" * 16)
    assert signed(second, CLI, "root")["version"] == 3


def test_a_renewal_adds_a_repository_with_the_root_that_there_is():
    world = World()
    plan = changing_plan(
        "renewal",
        expires={"root": LATE, "certificate": LATE, "targets": "2029-01-01T00:00:00Z"},
        repositories=[{"name": WEB, "targets": GENERATE}],
    )
    renewal = held(world, plan, request=world.server.request([APP, CLI, WEB]))
    assert signed(renewal, WEB, "root")["version"] == 1
    assert signed(renewal, APP, "root")["version"] == 2


@pytest.mark.parametrize("typed", [pytest.param("none", id="none"), pytest.param("1", id="one"), pytest.param("all", id="all")])
def test_the_officer_strikes_out_tags_that_the_stolen_key_signed(typed):
    world = World()
    world.server.push(APP, {"good": "1"}, world.keys[APP])
    world.server.push(APP, {"evil": "2"}, world.keys[APP])
    plan = changing_plan(
        "rotation",
        compromised={"keys": [world.key_id(APP)], "reason": "stolen", "deliver-to": TEAM, "last-good": 2},
    )
    ceremony = world.after(plan)
    ceremony.operator.answers["strike"] = typed
    assert ceremony.hold() is ExitCode.DONE
    assert bad(ceremony) == []
    assert list(signed(ceremony, APP, "targets")["targets"]) == (["evil", "good"] if typed == "none" else ["good"])
