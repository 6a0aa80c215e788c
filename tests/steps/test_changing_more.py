# SPDX-License-Identifier: Apache-2.0
"""What a renewal or a rotation makes of each repository, case by case; every folder verifies."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.claims import ACTION as CLAIM
from ceremony.core.dialects import get
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import Custody, Mode
from ceremony.core.request import path_of
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey, make
from ceremony.errors import CeremonyError, ExitCode, TokenError, VerificationError
from ceremony.steps import agenda, impact, published_root, runner
from ceremony.steps.inventory import INVENTORY
from ceremony.steps.load_request import NAMED
from tests.core.dialects.forged import Signer, certificate, entry, key_id
from tests.core.published.made import ALICE, BOB, ROOT, Made, certified, delegations, pinned, read, root
from tests.fakes.device import FakeDevice
from tests.fakes.fleet import APP, CLI, GENERATE, TEAM, WEB, World, changing_plan, trusted
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.operator import ScriptedOperator
from tests.fakes.piv import yubikey
from tests.fakes.room import Ceremony, fast_seal, plan, repository
from tests.fakes.server import bare
from tests.fakes.token import FakeRack

__all__ = ["fast_seal"]

ROOT_DAY, CERTIFICATE_DAY, LATE = "2035-06-01T00:00:00Z", "2036-01-01T00:00:00Z", "2040-01-01T00:00:00Z"
IMPACT = "evidence/impact.json"


def bad(ceremony):
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


def held(world, made, *fresh, code=ExitCode.DONE, **more):
    """Hold a ceremony, and return it."""
    ceremony = world.after(made, *fresh, **more)
    assert ceremony.hold() is code
    assert bad(ceremony) == []
    return ceremony


def whole(ceremony, name, role="root"):
    return json.loads(ceremony.folder.files[f"bundle/tuf/{name}/metadata/{role}.json"])


def signed(ceremony, name, role="root"):
    return whole(ceremony, name, role)["signed"]


def ids(root, role="root"):
    return root["roles"][role]["keyids"]


def roles(ceremony, name):
    """Return the roles of which the bundle holds metadata of a repository."""
    place = f"bundle/tuf/{name}/metadata/"
    return sorted(path.removeprefix(place) for path in ceremony.folder.files if path.startswith(place))


def left_out(ceremony):
    return json.loads(ceremony.folder.files["evidence/left-out.json"])


def acts(ceremony, action):
    return [body["key"].partition("/")[0] for body in ceremony.bodies("result") if body["action"] == action]


def rotation(*stolen, reason="stolen", **more):
    """Return the plan of a rotation after these keys (ids) were stolen; new ones go to a team."""
    return changing_plan("rotation", compromised={"keys": list(stolen), "reason": reason, "deliver-to": TEAM}, **more)


def renewal(**settings):
    """Return the plan of a renewal of the root alone."""
    return changing_plan("renewal", **{"expires": {"root": ROOT_DAY}, "backed_up": False, **settings})


def new_root(*tokens, threshold=1, custody="token-only", **more):
    return {"algorithm": "ecdsa-p256", "tokens": list(tokens), "threshold": threshold, "custody": custody, **more}


def matters(ceremony, name):
    (one,) = [one for one in json.loads(ceremony.folder.files[IMPACT])["repositories"] if one["repository"] == name]
    return [advice["matter"] for advice in one["advice"]]


# --- root keys ---


@pytest.mark.parametrize(
    ("root_day", "certificate_day", "keeps"),
    [
        pytest.param(ROOT_DAY, LATE, True, id="its certificate outlives the new root"),
        pytest.param(LATE, LATE, False, id="its certificate does not"),
    ],
)
def test_a_token_that_signs_and_stays_keeps_its_key(root_day, certificate_day, keeps):
    world = World(APP)
    before = signed(world.genesis, APP)
    days = {"root": root_day, "certificate": certificate_day}
    plan = changing_plan("rotation", new=new_root("root-a", "root-x"), expires=days, backed_up=False)
    made = held(world, plan, "root-x")
    serials = {name: device.serial for name, device in made.rack.devices.items()}
    assert acts(made, "generate-key") == [serials["root-x"]]
    assert sorted(acts(made, "certify")) == sorted([serials["root-x"]] + ([] if keeps else [serials["root-a"]]))
    after = signed(made, APP)
    assert len(ids(after)) == 2
    assert set(ids(before)) <= set(ids(after)) if keeps else set(ids(before)).isdisjoint(ids(after))
    assert {entry["keyid"] for entry in whole(made, APP)["signatures"]} == {*ids(before), *ids(after)}
    assert len(made.rack.devices["root-a"].keys) == 1


def test_a_threshold_changes_alone():
    names = ("root-a", "root-b", "root-c")
    world = World(APP, tokens=names, threshold=1, custody=Custody.TOKEN_WRAPPED)
    before = signed(world.genesis, APP)
    plan = changing_plan(
        "rotation", tokens=names[:2], new=new_root(*names[:2], threshold=2, custody="token-wrapped"), backed_up=False
    )
    made = held(world, plan)
    after = signed(made, APP)
    assert set(ids(after)) < set(ids(before))
    assert (len(ids(after)), after["roles"]["root"]["threshold"]) == (2, 2)
    assert after["expires"] == before["expires"]
    # No key is made, so nothing is kept, locked or certified.
    ended = {body_step for body_step, state in made.operator.steps if state == "done"}
    assert ended.isdisjoint({"protector", "prepare", "root-keys", "back-up", "drill", "lock"})
    assert acts(made, "certify") == []
    world.server.publish(made.folder.files)
    held(world, renewal(tokens=names[:2]), ceremony="c2" * 16)


def test_the_certificate_of_a_token_that_is_not_there_stays_as_it_is():
    world = World(APP, tokens=("root-a", "root-b"), custody=Custody.TOKEN_ONLY)
    before = signed(world.genesis, APP)
    after = signed(held(world, renewal(tokens=["root-b"], expires={"root": LATE, "certificate": LATE})), APP)
    assert len(ids(after)) == 2
    (stays,) = set(ids(before)) & set(ids(after))
    pem = base64.b64decode(after["keys"][stays]["keyval"]["public"])
    assert SEQUEL.fingerprint(pem, "a key") == world.public_of("root-a").sha256


def test_certificates_that_last_long_enough_stay_and_nothing_is_left_out():
    # One of the two was renewed already: nobody asked for it, so it is not missed.
    world = World(APP, CLI)
    days = {"root": LATE, "certificate": LATE}
    first = held(world, changing_plan("renewal", expires=days, backed_up=False), request=world.server.request([APP]))
    world.server.publish(first.folder.files)
    again = changing_plan("renewal", expires={"certificate": LATE}, backed_up=False)
    second = held(world, again, ceremony="c2" * 16)
    assert roles(second, APP) == []
    assert roles(second, CLI) == ["root.json"]


def test_where_every_certificate_lasts_long_enough_there_is_nothing_to_sign():
    world = World(APP)
    ceremony = world.after(changing_plan("renewal", expires={"certificate": ROOT_DAY}, backed_up=False))
    ceremony.operator.answers["error:review"] = "stop"
    with pytest.raises(CeremonyError, match="there is nothing to sign"):
        ceremony.hold()


def test_two_root_keys_of_one_fleet_are_on_two_tokens():
    world = World(APP)
    other = Ceremony(
        plan=plan(repository(CLI), root=replace(world.genesis.plan.root, tokens=("root-z",))),
        request=world.server.request([CLI]),
        ceremony="c5" * 16,
    )
    assert other.hold() is ExitCode.DONE
    world.server.publish(other.folder.files)
    both = {**trusted(world.genesis), **trusted(other)}
    rack = FakeRack(*world.genesis.rack.devices.values(), *other.rack.devices.values())
    made = renewal(tokens=["root-a", "root-z"])
    renewed = held(world, made, rack=rack, trusted_root=both)
    for name in (APP, CLI):
        assert signed(renewed, name)["version"] == 2
        assert len(whole(renewed, name)["signatures"]) == 1
    alone = renewal()
    without = held(world, alone, trusted_root=both, code=ExitCode.FAILED)
    assert "lacks 1 signature of the root keys that are published" in left_out(without)[CLI]


# --- new repositories ---


def test_a_new_repository_that_a_prefix_covers_needs_no_certificate():
    world = World(APP, certificate="docker.io/acme/*")
    days = {"root": ROOT_DAY, "targets": "2029-01-01T00:00:00Z"}
    made = changing_plan("renewal", expires=days, repositories=[{"name": WEB, "targets": GENERATE}])
    renewal = held(world, made, request=world.server.request([APP, WEB]))
    assert acts(renewal, "certify") == []
    assert ids(signed(renewal, WEB)) == ids(signed(renewal, APP)) == ids(signed(world.genesis, APP))


def test_a_new_repository_that_no_prefix_covers_gets_a_certificate_of_its_own():
    world = World(APP, certificate="docker.io/acme/*")
    days = {"root": ROOT_DAY, "targets": "2029-01-01T00:00:00Z", "certificate": CERTIFICATE_DAY}
    made = changing_plan("renewal", expires=days, repositories=[{"name": CLI, "targets": GENERATE}])
    renewal = held(world, made, request=world.server.request([APP, CLI]))
    assert len(acts(renewal, "certify")) == 1
    assert set(ids(signed(renewal, CLI))).isdisjoint(ids(signed(renewal, APP)))
    assert ids(signed(renewal, APP)) == ids(signed(world.genesis, APP))


def test_a_new_repository_whose_team_signs_needs_no_day_for_its_targets():
    world = World(APP)
    days = {"root": ROOT_DAY, "certificate": CERTIFICATE_DAY}
    team = make(Algorithm.ECDSA_P256).public
    repositories = [{"name": WEB, "targets": {"source": "file", "path": "team.pem"}}]
    made = changing_plan("renewal", expires=days, repositories=repositories, files={"team.pem": team.pem}, backed_up=False)
    renewal = held(world, made, request=world.server.request([APP, WEB]))
    assert roles(renewal, WEB) == ["root.json"]
    assert ids(signed(renewal, WEB), "targets") == [get("notary").key_id(team)]


# --- keys of the server ---


def test_a_snapshot_key_that_a_client_held_comes_to_the_server():
    world = World(APP)
    fresh = world.server.hosted[APP].keys["snapshot"] = bare(make(Algorithm.ED25519))
    made = held(world, renewal())
    assert ids(signed(made, APP), "snapshot") == [key_id(fresh.listed)]
    assert ids(signed(made, APP), "timestamp") == ids(signed(world.genesis, APP), "timestamp")
    assert roles(made, APP) == ["root.json"]


def test_a_stolen_timestamp_key_is_replaced_by_the_one_that_the_server_offers():
    world = World(APP, CLI)
    stolen = ids(signed(world.genesis, APP), "timestamp")
    fresh = world.server.hosted[APP].keys["timestamp"] = bare(make(Algorithm.ED25519))
    made = held(world, rotation(*stolen))
    assert ids(signed(made, APP), "timestamp") == [key_id(fresh.listed)]
    # The targets key was not stolen: it stays, and nothing is delivered.
    assert (roles(made, APP), roles(made, CLI)) == (["root.json"], [])
    assert made.bodies("impact")[0]["roles"] == 1
    assert not [path for path in made.folder.files if path.startswith("deliver/")]


def test_a_stolen_timestamp_key_that_the_server_still_offers_is_left_out_with_advice():
    world = World(APP, CLI)
    stolen = ids(signed(world.genesis, APP), "timestamp")
    made = held(world, rotation(*stolen, world.key_id(CLI)), code=ExitCode.FAILED)
    assert "timestamp would have 0 keys left" in left_out(made)[APP]
    assert any("have the server make a new key for it, and fetch again" in told for told in made.operator.told)
    assert matters(made, APP) == ["server-key"]
    assert roles(made, CLI) == ["root.json", "targets.json"]


def test_a_snapshot_that_nobody_could_sign_leaves_its_repository_out():
    # A client holds the key of the snapshot, and the one that the server offers instead was stolen.
    world = World(APP, CLI)
    offered = world.server.hosted[APP].keys["snapshot"] = world.server.hosted[CLI].keys["timestamp"]
    world.server.hosted[CLI].keys["timestamp"] = bare(make(Algorithm.ED25519))
    made = rotation(key_id(offered.listed), world.key_id(APP))
    said = left_out(held(world, made, code=ExitCode.FAILED))
    assert list(said) == [APP]
    assert "needs a new snapshot, and neither the server nor this ceremony has its key" in said[APP]


# --- signers ---


def with_signers(*names):
    """Return a fleet in which alice and bob sign for app."""
    world = World(*names or (APP,))
    world.server.push(APP, {"1.0": "one"}, world.keys[APP], delegations=delegations(alice=ALICE, bob=BOB))
    return world


def delegated(ceremony):
    return {role["name"]: role["keyids"] for role in signed(ceremony, APP, "targets")["delegations"]["roles"]}


def test_the_delegation_of_a_stolen_signer_goes():
    made = held(with_signers(), rotation(key_id(ALICE.listed)))
    kept = [key_id(BOB.listed)]
    assert delegated(made) == {"targets/bob": kept, "targets/releases": kept}
    assert list(signed(made, APP, "targets")["targets"]) == ["1.0"]


def test_a_stolen_signer_gets_the_key_that_the_plan_names():
    fresh = make(Algorithm.ECDSA_P256).public
    repositories = [{"name": APP, "targets": GENERATE, "signers": [{"name": "alice", "key": "alice.pem"}]}]
    made = held(with_signers(), rotation(key_id(ALICE.listed), repositories=repositories, files={"alice.pem": fresh.pem}))
    own, kept = get("notary").key_id(fresh), key_id(BOB.listed)
    assert delegated(made) == {"targets/alice": [own], "targets/bob": [kept], "targets/releases": [kept, own]}


def test_a_signer_goes_where_the_plan_says_so():
    repositories = [{"name": APP, "targets": GENERATE, "remove-signers": ["alice"]}]
    made = held(with_signers(), changing_plan("renewal", repositories=repositories))
    assert delegated(made) == {"targets/bob": [key_id(BOB.listed)], "targets/releases": [key_id(BOB.listed)]}


def test_a_stolen_signer_stays_where_the_targets_key_is_not_here_and_that_is_told():
    world = with_signers(APP, CLI)
    made = rotation(key_id(ALICE.listed), world.key_id(CLI), repositories=[{"name": APP}])
    ceremony = held(world, made, code=ExitCode.FAILED)
    assert "is touched by a stolen key, and nothing that is signed here can help it" in left_out(ceremony)[APP]
    assert matters(ceremony, APP) == ["signer-and-targets-key-elsewhere"] * 2
    assert roles(ceremony, APP) == []


# --- targets ---


def test_a_team_that_brings_its_own_key_gets_the_root_and_signs_its_targets_itself():
    world = World(APP)
    team = make(Algorithm.ECDSA_P256).public
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    repositories = [{"name": APP, "targets": {"source": "file", "path": "team.pem"}}]
    stolen = {"keys": [world.key_id(APP)], "reason": "stolen"}
    plan = changing_plan("rotation", compromised=stolen, repositories=repositories, files={"team.pem": team.pem}, backed_up=False)
    made = held(world, plan)
    assert roles(made, APP) == ["root.json"]
    assert ids(signed(made, APP), "targets") == [get("notary").key_id(team)]
    assert "suspects" not in made.operator.keys  # nothing is struck out where nothing is signed
    assert matters(made, APP) == ["targets-key-elsewhere"]
    tasks = [task for errand in made.operator.summaries[-1].errands for task in errand.tasks]
    assert any("the team of one repository" in task for task in tasks)


def test_expired_targets_are_renewed():
    world = World(APP)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP], expires="2020-01-01T00:00:00Z")
    days = {"targets": "2029-01-01T00:00:00Z"}
    made = held(world, changing_plan("renewal", expires=days, repositories=[{"name": APP, "targets": GENERATE}]))
    targets = signed(made, APP, "targets")
    assert (targets["version"], targets["expires"], list(targets["targets"])) == (3, days["targets"], ["1.0"])
    assert any("expired at 2020-01-01" in told for told in made.operator.told)


def test_targets_that_would_be_expired_are_left_out_before_anything_is_signed():
    world = World(APP, CLI)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP], expires="2020-01-01T00:00:00Z")
    made = held(world, rotation(world.key_id(APP), world.key_id(CLI)), code=ExitCode.FAILED)
    assert "targets: would be expired, since 2020-01-01 00:00:00 UTC" in left_out(made)[APP]
    assert any("write expires.targets in the plan" in told for told in made.operator.told)
    assert roles(made, CLI) == ["root.json", "targets.json"]


def test_a_key_that_was_lost_is_replaced_without_an_impact():
    world = World(APP, CLI)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    lost = world.key_id(APP)
    made = held(world, changing_plan("rotation", repositories=[{"name": APP, "targets": GENERATE}]))
    assert lost not in json.dumps(signed(made, APP))
    assert list(signed(made, APP, "targets")["targets"]) == ["1.0"]
    assert (roles(made, CLI), made.bodies("impact")) == ([], [])
    assert IMPACT not in made.folder.files
    world.server.publish(made.folder.files)
    world.take_keys(made)
    world.server.push(APP, {"2.0": "two"}, world.keys[APP])
    held(world, renewal(), ceremony="c2" * 16)


# --- YubiKeys, and production ---


def in_production(world, **settings):
    """Return a renewal in production, whose plan names people's own keys."""
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    ceremony = world.after(renewal(**settings), media=media, substituted=False)
    ceremony.mode, ceremony.plan = Mode.PRODUCTION, renewal(people=ceremony.people, **settings)
    return ceremony


def on_yubikeys(*names):
    """Return a fleet whose root keys are on YubiKeys, and what opens them."""
    rack = FakeRack(*(yubikey(name) for name in names))
    world = World(APP, CLI, tokens=names, custody=Custody.TOKEN_ONLY, rack=rack)
    shown = world.genesis.operator.shown
    return world, {f"pin:{name}": rack.devices[name].card.pin.value for name in names if shown}


@pytest.mark.parametrize("mode", Mode)
def test_a_yubikey_signs_again(mode):
    world, pins = on_yubikeys("root-a", "root-b")
    production = mode is Mode.PRODUCTION
    ceremony = in_production(world, tokens=["root-b"]) if production else world.after(renewal(tokens=["root-b"]))
    ceremony.operator.secrets |= pins
    assert ceremony.hold() is ExitCode.DONE
    assert [finding for finding in bad(ceremony) if finding.level is Level.FAILED] == []
    assert [len(whole(ceremony, name)["signatures"]) for name in (APP, CLI)] == [1, 1]
    assert acts(ceremony, CLAIM) == ([world.genesis.rack.devices["root-b"].serial] if production else [])


def test_two_people_claim_a_token_that_signs_in_production():
    world = World(APP, rack=FakeRack(FakeDevice("root-a", software=False)))
    ceremony = in_production(world)
    assert ceremony.hold() is ExitCode.DONE
    findings = audit(ceremony.folder).findings
    assert [finding for finding in findings if finding.level is Level.FAILED] == []
    assert any("is hardware as Ada and Wim claim" in finding.text for finding in findings)
    (root,) = json.loads(ceremony.folder.files[INVENTORY])["root_keys"]
    assert root["settings"]["claimed_by"] == ["Ada", "Wim"]


def test_a_token_that_nobody_claims_signs_nothing_in_production():
    world = World(APP, rack=FakeRack(FakeDevice("root-a", software=False)))
    ceremony = in_production(world)
    ceremony.operator.answers |= {"claim:root-a:second": False, "error:tokens": "stop"}
    with pytest.raises(CeremonyError):
        ceremony.hold()
    assert acts(ceremony, "sign-root") == []


def test_the_root_moves_from_one_yubikey_to_another():
    world, pins = on_yubikeys("root-a", "root-b")
    days = {"root": LATE, "certificate": LATE}
    plan = changing_plan("rotation", tokens=["root-a"], new=new_root("root-a", "root-x"), expires=days, backed_up=False)
    rack = FakeRack(*world.genesis.rack.devices.values(), yubikey("root-x"))
    ceremony = world.after(plan, rack=rack)
    ceremony.operator.secrets |= pins
    assert ceremony.hold() is ExitCode.DONE
    assert bad(ceremony) == []
    assert len(ids(signed(ceremony, APP))) == 2
    assert acts(ceremony, "generate-key") == [rack.devices["root-x"].serial]


def test_two_tokens_with_one_root_key_count_once():
    world = World(APP)
    copy = FakeDevice("root-b", keys=list(world.genesis.rack.devices["root-a"].keys))
    ceremony = world.after(renewal(tokens=["root-a", "root-b"]), rack=FakeRack(*world.genesis.rack.devices.values(), copy))
    ceremony.operator.answers["error:tokens"] = "stop"
    with pytest.raises(TokenError, match="holds the same root key as root-a"):
        ceremony.hold()


def test_a_root_key_that_no_ceremony_signs_with_is_passed_over():
    private = rsa.generate_private_key(65537, 2048)
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    old, kept = SoftwareKey(PublicKey(Algorithm.RSA_3072, spki), private), certified(ROOT.key)
    made = Made(APP)
    made.root = {1: root(1, [Signer(old, entry("rsa-x509", certificate(old))), kept])}
    made.root_by = {1: [kept]}
    room = World(APP).after(renewal()).begin()
    room.fleet = {APP: read(made, pinned(kept))}
    token = FakeRack(FakeDevice("root-z")).open("root-z")
    token.unlock(Secret(b"123456"))
    assert len(room.fleet[APP].root.roles["root"].keys) == 2
    assert published_root.find(token, room) is None


# --- what is told ---


def test_of_very_many_things_to_know_the_first_are_told_and_the_others_counted():
    names = [f"docker.io/acme/r{number:02}" for number in range(NAMED + 2)]
    world = World(*names)
    for name in names:
        world.server.push(name, {}, world.keys[name], expires="2020-01-01T00:00:00Z")
    made = held(world, renewal())
    assert sum("expired at 2020-01-01" in told for told in made.operator.told) == NAMED
    assert "2 more such things are in the review." in made.operator.told
    for name in names[1:]:
        world.server.hosted[name].history["targets"][1] = world.server.hosted[names[0]].newest("targets")
    few = held(world, renewal(), code=ExitCode.FAILED, ceremony="c2" * 16)
    assert few.bodies("request")[0]["broken"] == NAMED + 1
    assert len(few.bodies("request")[0]["named"]) == NAMED
    assert "and 1 more" in few.operator.question("left-out").prompt.detail
    assert len(left_out(few)) == NAMED + 1


def test_people_can_stop_where_something_is_left_out():
    world = World(APP, CLI)
    ceremony = world.after(rotation(world.key_id(APP), repositories=[{"name": CLI}]))
    ceremony.operator.answers |= {"left-out": False, "error:review": "stop"}
    with pytest.raises(VerificationError, match=f"{CLI}: is in the plan, and nothing changes in it"):
        ceremony.hold()
    assert not any(path.startswith("bundle/tuf") for path in ceremony.folder.files)


def test_a_root_key_that_is_for_no_repository_certifies_nothing():
    world = World(CLI)
    new = new_root("x", "y", certificate="docker.io/acme/*")
    days = {"root": ROOT_DAY, "certificate": CERTIFICATE_DAY}
    ceremony = world.after(changing_plan("rotation", new=new, expires=days, backed_up=False), "x", "y")
    ceremony.operator.answers["error:review"] = "stop"
    with pytest.raises(VerificationError, match="is not covered by certificates for docker"):
        ceremony.hold()
    assert acts(ceremony, "certify") == []


def test_a_token_whose_repositories_do_not_change_signs_only_the_head():
    world = World(APP)
    other = Ceremony(
        plan=plan(repository(CLI), root=replace(world.genesis.plan.root, tokens=("root-z",))),
        request=world.server.request([CLI]),
        ceremony="c5" * 16,
    )
    assert other.hold() is ExitCode.DONE
    world.server.publish(other.folder.files)
    both = {**trusted(world.genesis), **trusted(other)}
    rack = FakeRack(*world.genesis.rack.devices.values(), *other.rack.devices.values())
    made = held(world, rotation(world.key_id(APP), tokens=["root-a", "root-z"]), rack=rack, trusted_root=both)
    first, second = (rack.devices[name].serial for name in ("root-a", "root-z"))
    assert (acts(made, "sign-root"), acts(made, "sign-head")) == ([first], [first, second])


def test_an_impact_without_a_stolen_key_is_none():
    with pytest.raises(CeremonyError, match="the plan names no stolen key"):
        impact.run(World(APP).after(renewal()).begin())


def test_the_files_of_a_request_are_read_when_they_are_asked_for():
    world = World(APP)
    room = world.after(renewal()).begin()
    files = agenda.RecordedFiles(room, agenda.recorded_request(room))
    assert len(files) == len(list(files)) == len([path for path in world.server.request() if path != "index.json"])
    assert {path_of(digest): data for digest, data in files.items()} == {
        path: data for path, data in world.server.request().items() if path != "index.json"
    }


def test_a_root_key_that_is_gone_from_its_token_signs_nothing():
    world = World(APP)
    ceremony = world.after(renewal())
    ceremony.operator.answers |= {
        "review": lambda _: ceremony.rack.devices["root-a"].keys.clear() or True,
        "error:sign": "stop",
    }
    with pytest.raises(TokenError, match=f"does not hold root key {world.public_of('root-a').sha256[:16]} any more"):
        ceremony.hold()
    assert acts(ceremony, "sign-root") == []


class Mistaken(ScriptedOperator):
    """People in whose ceremony a team's own key is taken for the one that was made for another repository."""

    def step(self, name: str, state: str) -> None:
        super().step(name, state)
        if (name, state) == ("back-up", "running"):
            self.room.keyring.keys = {APP: self.team}


def test_a_key_that_is_in_no_backup_signs_nothing():
    world = World(APP, CLI)
    team = make(Algorithm.ECDSA_P256)
    repositories = [{"name": APP, "targets": {"source": "file", "path": "team.pem"}}]
    plan = rotation(world.key_id(APP), world.key_id(CLI), repositories=repositories, files={"team.pem": team.public.pem})
    ceremony = world.after(plan, operator=Mistaken(answers={"error:drill": "stop"}))
    ceremony.operator.room, ceremony.operator.team = ceremony.begin(), team
    with pytest.raises(VerificationError, match=f"does not hold the key for {CLI}, of 1 that lack"):
        runner.hold(ceremony.operator.room, ceremony.steps, ceremony.operator)
    assert acts(ceremony, "sign-root") == []
