# SPDX-License-Identifier: Apache-2.0
"""Renewals and rotations that cannot be, or not for every repository: what is told, what is left out, and how it ends."""

from __future__ import annotations

import json

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.plan import Custody
from ceremony.errors import CeremonyError, ExitCode, TokenError, VerificationError
from tests.fakes.fleet import APP, CLI, GENERATE, TEAM, WEB, World, changing_plan, trusted
from tests.fakes.operator import ScriptedOperator
from tests.fakes.room import fast_seal  # noqa: F401 - a fixture for every test here

STOP = {f"error:{step}": "stop" for step in ("load-request", "impact", "tokens", "review", "certificates")}
LATE = {"root": "2035-06-01T00:00:00Z"}


def stops(world, plan, *fresh, match, error=CeremonyError, **more):
    """Hold a ceremony that ends with an error, and return it."""
    answers = more.pop("answers", {})
    ceremony = world.after(plan, *fresh, operator=ScriptedOperator(answers={**STOP, **answers}), **more)
    with pytest.raises(error, match=match):
        ceremony.hold()
    assert not any(path.startswith("bundle/tuf") for path in ceremony.folder.files)
    return ceremony


def bad(ceremony):
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


def left_out(ceremony):
    return json.loads(ceremony.folder.files["evidence/left-out.json"])


def goes_on_without(world, plan, *fresh, **more):
    """Hold a ceremony that leaves something out, and return what it says of each."""
    ceremony = world.after(plan, *fresh, **more)
    assert ceremony.hold() is ExitCode.FAILED
    assert bad(ceremony) == []
    assert "left-out.json" in " ".join(task for errand in ceremony.operator.summaries[-1].errands for task in errand.tasks)
    return left_out(ceremony)


def renewal(**more):
    return changing_plan("renewal", **{"expires": LATE, "backed_up": False, **more})


def rotation(world, *names, **more):
    keys = [world.key_id(name) for name in names] or ["ab" * 32]
    return changing_plan("rotation", compromised={"keys": keys, "reason": "stolen", **more.pop("compromised", {})}, **more)


def test_a_key_that_signs_nothing_is_told_and_nothing_is_signed():
    world = World()
    ceremony = stops(world, rotation(world, compromised={"deliver-to": TEAM}), match="there is nothing to sign")
    shown = ceremony.operator.question("impact").listing
    assert [row[4] for row in shown.rows] == ["ab" * 32]
    (recorded,) = ceremony.bodies("impact")
    assert (recorded["unknown"], recorded["repositories"]) == (1, 0)


def test_a_root_that_does_not_chain_is_refused():
    stops(World(), renewal(), trusted_root=trusted(World().genesis), match="root", error=VerificationError)


def test_one_broken_repository_is_named_and_the_others_go_on():
    world = World(APP, CLI, WEB)
    world.server.hosted[CLI].history["targets"][1] = world.server.hosted[WEB].newest("targets")
    said = goes_on_without(world, renewal())
    assert list(said) == [CLI]


def test_people_can_stop_where_one_is_broken():
    world = World(APP, CLI)
    world.server.hosted[CLI].history["targets"][1] = world.server.hosted[APP].newest("targets").replace(b"2029", b"2028")
    stops(world, renewal(), answers={"broken": False}, match=CLI, error=VerificationError)


def test_a_rolled_back_root_is_refused():
    world = World(APP)
    first = world.after(renewal())
    assert first.hold() is ExitCode.DONE
    stops(world, renewal(), trusted_root=trusted(first), match="older than version 2", error=VerificationError)


def test_another_repositorys_root_is_refused():
    world = World(APP, CLI)
    world.server.hosted[APP].history = world.server.hosted[CLI].history
    said = goes_on_without(world, renewal())
    assert list(said) == [APP]


def test_a_token_without_a_published_root_key_is_refused():
    world = World()
    stops(world, renewal(tokens=["empty"]), "empty", match="holds no root key that is published", error=TokenError)


def test_too_few_root_keys_are_told_before_anything_is_signed():
    world = World(APP, tokens=("root-a", "root-b", "root-c"), threshold=2, custody=Custody.TOKEN_ONLY)
    stops(world, renewal(tokens=["root-b"]), match="lacks 1 signature of the root keys that are published")
    ceremony = world.after(renewal(tokens=["root-c", "root-b"]))
    assert ceremony.hold() is ExitCode.DONE
    assert bad(ceremony) == []


def test_a_new_key_that_would_go_to_nobody_is_not_made():
    world = World(APP, CLI)
    plan = rotation(world, APP, CLI, repositories=[{"name": APP, "targets": GENERATE}])
    said = goes_on_without(world, plan)
    assert "does not say to whom it goes" in said[CLI]


def test_an_impact_that_people_did_not_expect_stops_it():
    world = World(APP, CLI)
    plan = rotation(world, APP, compromised={"deliver-to": TEAM})
    stops(world, plan, answers={"impact": False}, match="impact is not what people expected")


def test_suspect_tags_that_people_did_not_expect_stop_it():
    world = World(APP, CLI)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    plan = rotation(world, APP, compromised={"deliver-to": TEAM})
    stops(world, plan, answers={"suspects": False}, match="suspect tags are not what people expected")


@pytest.mark.parametrize("typed", ["2", "0", "x", "1-", "2-1", "1,,1", "-1", "9999999999"])
def test_numbers_that_mean_nothing_are_asked_again(typed):
    world = World(APP)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    ceremony = world.after(rotation(world, APP, compromised={"deliver-to": TEAM}))
    ceremony.operator.answers["strike"] = [typed, "1"]
    assert ceremony.hold() is ExitCode.DONE
    assert any("is not numbers from 1 to 1" in text for text in ceremony.operator.told)
    assert ceremony.bodies("impact")[0]["struck"] == 1


def test_a_new_repository_that_the_request_does_not_name_is_left_out():
    world = World(APP)
    expires = {"root": LATE["root"], "targets": "2029-01-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z"}
    said = goes_on_without(world, renewal(expires=expires, backed_up=True, repositories=[{"name": WEB, "targets": GENERATE}]))
    assert "the request holds nothing about it" in said[WEB]


@pytest.mark.parametrize(
    ("expires", "repository", "says"),
    [
        pytest.param(LATE, {"targets": GENERATE}, "needs new root certificates", id="no day for certificates"),
        pytest.param(
            {"root": LATE["root"], "certificate": "2036-01-01T00:00:00Z"},
            {"targets": GENERATE},
            "has no expires.targets",
            id="targets",
        ),
        pytest.param(
            {"root": LATE["root"], "certificate": "2036-01-01T00:00:00Z"}, {}, "names no targets key for it", id="no targets key"
        ),
    ],
)
def test_a_new_repository_that_the_plan_does_not_describe_is_left_out(expires, repository, says):
    world = World(APP)
    plan = renewal(expires=expires, backed_up=True, repositories=[{"name": WEB, **repository}])
    said = goes_on_without(world, plan, request=world.server.request([APP, WEB]))
    assert says in said[WEB]


def test_a_rotation_adds_no_repository():
    world = World(APP)
    plan = rotation(world, APP, compromised={"deliver-to": TEAM}, repositories=[{"name": WEB, "targets": GENERATE}])
    said = goes_on_without(world, plan, request=world.server.request([APP, WEB]))
    assert "nothing to rotate" in said[WEB]


def test_a_repository_in_which_nothing_changes_is_left_out():
    world = World(APP, CLI)
    plan = rotation(world, APP, compromised={"deliver-to": TEAM}, repositories=[{"name": CLI}])
    assert "nothing changes in it" in goes_on_without(world, plan)[CLI]


def test_a_prefix_that_does_not_cover_a_repository_leaves_it_out():
    world = World(APP, CLI)
    days = {"root": "2035-06-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z"}
    new = {
        "algorithm": "ecdsa-p256",
        "tokens": ["x", "y"],
        "threshold": 1,
        "custody": "token-only",
        "certificate": "docker.io/acme/*",
    }
    plan = changing_plan("rotation", new=new, expires=days, backed_up=False)
    said = goes_on_without(world, plan, "x", "y")
    assert "not covered by certificates for docker.io/acme/*" in said[CLI]


def test_a_signer_that_is_not_there_cannot_be_removed():
    world = World(APP, CLI)
    plan = changing_plan("renewal", expires=LATE, repositories=[{"name": APP, "targets": GENERATE, "remove-signers": ["bob"]}])
    assert "no signer 'bob'" in goes_on_without(world, plan)[APP]


def test_a_stolen_root_key_needs_new_root_keys():
    world = World(APP)
    root = json.loads(world.genesis.folder.files[f"bundle/tuf/{APP}/metadata/root.json"])["signed"]["roles"]["root"]["keyids"]
    plan = changing_plan("rotation", compromised={"keys": root, "reason": "stolen", "deliver-to": TEAM})
    stops(world, plan, match="0 keys left of the 1", error=VerificationError)


def test_a_request_that_is_not_the_plans_is_refused():
    world = World(APP)
    stops(world, renewal(request="sha256:" + "ab" * 32), substituted=False, match="not the one that the plan names")


def test_without_a_trusted_root_nothing_is_signed():
    stops(World(APP), renewal(), trusted_root={}, match="nothing published can be verified", error=VerificationError)


def test_tags_that_were_chosen_by_mistake_are_chosen_again():
    world = World(APP)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    ceremony = world.after(rotation(world, APP, compromised={"deliver-to": TEAM}))
    ceremony.operator.answers |= {"strike": ["all", "none"], "strike-sure": [False, True]}
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.bodies("impact")[0]["struck"] == 0
    assert [asked.prompt.detail for asked in ceremony.operator.asked if asked.prompt.key == "strike-sure"] == [
        f"{APP}:1.0",
        "Each of them is signed again.",
    ]


def test_people_can_stop_before_anything_is_made_where_a_stolen_key_would_stay():
    world = World(APP, CLI)
    plan = rotation(world, APP, CLI, repositories=[{"name": APP, "targets": GENERATE}])
    ceremony = stops(world, plan, answers={"left-out": False}, match="does not say to whom it goes", error=VerificationError)
    assert "repository-keys" not in [step for step, _ in ceremony.operator.steps]
