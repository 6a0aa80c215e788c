# SPDX-License-Identifier: Apache-2.0
"""Whole recoveries in memory, after a genesis in memory: from one old volume and its secret to fresh tokens."""

from __future__ import annotations

import hashlib
import json

import pytest

from ceremony.core import backup, bundle
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.dialects import get
from ceremony.core.keys import Algorithm, der_to_raw, verify
from ceremony.core.plan import Custody, KeyPlan, Source
from ceremony.core.ports import KeyAttributes, KeyRequest
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, ExitCode, TokenError, VerificationError
from tests.fakes.device import FakeDevice
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.recovery import (
    APP,
    CLI,
    LATER,
    LATEST,
    OLD,
    SHARES,
    OldMedia,
    after,
    after_production,
    held,
    held_in_production,
    key_ids,
    known_secrets,
    old_volumes,
    protector,
    publics,
    recovery_plan,
    stops,
)
from tests.fakes.room import CEREMONY, Ceremony, plan, repository
from tests.fakes.token import FakeRack
from tests.vectors.known_keys import known

ROOTS = ("root-a", "root-b", "root-c")
NEW = ("new-a", "new-b", "new-c")
RESTORED = KeyAttributes(local=False, sensitive=True, extractable=False, always_sensitive=False, never_extractable=False)


def bad(ceremony):
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


@pytest.mark.parametrize(
    ("genesis", "roots"),
    [
        pytest.param({}, 1, id="one wrapped root"),
        pytest.param({"algorithm": Algorithm.ECDSA_P384}, 1, id="P-384"),
        pytest.param({"algorithm": Algorithm.RSA_3072}, 1, id="RSA-3072"),
        pytest.param({"custody": Custody.IMPORTED}, 1, id="an imported root"),
        pytest.param({"protect": SHARES}, 1, id="shares"),
        pytest.param({"protect": SHARES, "custody": Custody.IMPORTED}, 1, id="shares, an imported root"),
        pytest.param({}, 3, id="three roots"),
    ],
)
def test_every_key_comes_back_and_the_folder_audits(genesis, roots):
    before = held(*ROOTS[:roots], **genesis)
    recovery = after(before, recovery_plan(*NEW[:roots], trusted_root=key_ids(before)))
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert list(publics(recovery).values()) == list(publics(before).values())
    for device in recovery.rack.devices.values():
        (key,) = device.keys
        assert key.shown.attributes == RESTORED
        assert key.private.public == key.shown.public


def test_a_yubikey_takes_a_key_that_was_wrapped_and_it_is_imported_from_then_on():
    genesis = held()
    rack = FakeRack(FakeDevice("new-a", kind="yubikey"))
    recovery = after(genesis, rack=rack)
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert publics(recovery)["new-a"] == publics(genesis)["root-a"]
    settings = json.loads(recovery.folder.files["evidence/inventory.json"])["root_keys"][0]["settings"]
    assert (settings["custody"], settings["attested"]) == ("imported", False)
    assert "wrapped.bin" in recovery.media.volumes["a"].files[f"ceremony-{LATER}/RECOVER.txt"].decode()
    again = after(recovery, recovery_plan("newer-a", trusted_root=key_ids(genesis)), ceremony=LATEST)
    assert again.hold() is ExitCode.DONE
    assert bad(again) == []


def test_the_restored_key_signs_a_challenge_that_its_published_half_verifies():
    genesis = held()
    recovery = after(genesis)
    recovery.hold()
    (public,) = publics(genesis).values()
    serial, files = recovery.rack.devices["new-a"].serial, recovery.folder.files
    text, signature = (files[bundle.token_evidence(serial, f"challenge.{end}")] for end in ("txt", "sig"))
    verify(public, get("notary").scheme(public.algorithm), text, der_to_raw(signature, public.algorithm))
    assert f"origin: ceremony/{LATER}".encode() in text


def test_a_token_that_has_another_private_half_than_it_shows_is_found_out():
    recovery = after(held())
    open_ = recovery.rack.open

    def opened(name):
        token = open_(name)
        unwrap = token.unwrap

        def lies(*arguments):
            shown = unwrap(*arguments)
            token.device.keys[-1].private = known(Algorithm.ECDSA_P256)
            return shown

        token.unwrap = lies
        return token

    recovery.rack.open = opened
    recovery.operator.answers["error:prove"] = "stop"
    with pytest.raises(VerificationError, match="challenge signed by"):
        recovery.hold()


def test_the_new_volumes_hold_everything_that_the_old_ones_did_under_the_new_secret():
    genesis = held()
    recovery = after(genesis)
    recovery.hold()
    assert recovery.operator.shown["passphrase"] != genesis.operator.shown["passphrase"]
    old_files = genesis.media.volumes["a"].files
    _, old = backup.unpack(backup.decrypt(old_files[f"{OLD}/{bundle.REPOSITORIES}"], protector(genesis)[0], "x"), "x")
    for role in ("a", "b"):
        files = {path.removeprefix(f"ceremony-{LATER}/"): data for path, data in recovery.media.volumes[role].files.items()}
        identity = backup.open_identity(files[bundle.IDENTITY], Secret(recovery.operator.shown["passphrase"]))
        manifest, contents = backup.unpack(backup.decrypt(files[bundle.REPOSITORIES], identity, "x"), "x")
        assert contents == old
        assert (manifest["ceremony"], sorted(manifest["repositories"])) == (LATER, [APP, CLI])


def test_nothing_on_the_old_volume_changes_and_nothing_secret_is_recorded_or_kept():
    genesis = held(protect=SHARES)
    (old,) = old_volumes(genesis)
    before = dict(old.files)
    recovery = after(genesis, old=[old])
    recovery.hold()
    assert old.files == before
    everything = b"".join(recovery.folder.files.values()) + "\n".join(recovery.operator.told).encode()
    everything += repr(recovery.operator.asked).encode()
    for text in known_secrets(genesis).values():
        words = text.split()
        assert " ".join(words[3:7]).encode() not in everything
    assert b"PRIVATE KEY" not in everything
    assert b"AGE-SECRET-KEY" not in everything


def test_the_log_names_the_ceremony_that_it_came_from():
    genesis = held()
    recovery = after(genesis)
    recovery.hold()
    (opened,) = recovery.bodies("backup-opened")
    assert (opened["ceremony"], opened["plan"], opened["closed"]) == (CEREMONY, "acme-root", True)
    assert opened["head"] == hashlib.sha256(genesis.folder.files[LOG]).hexdigest()
    assert (opened["trusted"], opened["repository_keys"], opened["left_out"]) == (True, 2, {})
    inventory = json.loads(recovery.folder.files["evidence/inventory.json"])
    settings = inventory["root_keys"][0]["settings"]
    assert settings["made"] == "in an earlier ceremony, and restored from its backup"
    assert settings["custody"] == "token-wrapped"
    assert settings["attributes_locked"]["extractable"] is False
    assert sorted(inventory["repository_keys"]) == [APP, CLI]


def test_an_old_volume_serves_as_a_new_one_too():
    genesis = held()
    volumes = {role: FakeVolume(fake_identity(f"F{role}")) for role in ("b", "courier")}
    volumes["a"] = genesis.media.volumes["a"]
    there = dict(volumes["a"].files)
    recovery = after(genesis, media=OldMedia(volumes=volumes))
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert {path: volumes["a"].files[path] for path in there} == there
    assert f"ceremony-{LATER}/private/identity.age" in volumes["a"].files


def test_a_recovery_follows_a_recovery():
    genesis = held("root-a", "root-b")
    first = after(genesis, recovery_plan("new-a", "new-b", trusted_root=key_ids(genesis), backup=SHARES))
    assert first.hold() is ExitCode.DONE
    again = after(first, recovery_plan("newer-a", "newer-b", trusted_root=key_ids(genesis)), ceremony=LATEST)
    assert again.hold() is ExitCode.DONE
    assert bad(again) == []
    assert list(publics(again).values()) == list(publics(genesis).values())


def test_with_fewer_tokens_people_choose_and_the_other_keys_are_carried_over():
    genesis = held(*ROOTS)
    wanted = publics(genesis)["root-b"]
    recovery = after(genesis, recovery_plan("new-a", trusted_root=key_ids(genesis)))
    recovery.operator.answers["which:new-a"] = wanted.sha256
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert publics(recovery) == {"new-a": wanted}
    labels = [option.label for option in recovery.operator.question("which:new-a").options]
    assert labels == [f"the key that was on token {device.serial}" for device in genesis.rack.devices.values()]
    carried = [bundle.carried_backup(publics(genesis)[name].sha256) for name in ("root-a", "root-c")]
    assert all(f"ceremony-{LATER}/{path}" in recovery.media.volumes["b"].files for path in carried)
    again = after(recovery, recovery_plan(*NEW, trusted_root=key_ids(genesis)), ceremony=LATEST)
    assert again.hold() is ExitCode.DONE
    assert bad(again) == []
    assert set(publics(again).values()) == set(publics(genesis).values())


def test_a_ceremony_that_made_no_repository_key_gives_its_root_back():
    brought = repository(APP, targets=KeyPlan(Source.FILE, path="k.pem"))
    genesis = Ceremony(plan=plan(brought, files={"k.pem": known(Algorithm.ECDSA_P256).public.pem}))
    assert genesis.hold() is ExitCode.DONE
    recovery = after(genesis)
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert not any(path.endswith("repositories.age") for path in recovery.media.volumes["a"].files)


def test_a_practice_without_a_trusted_root_says_that_nothing_vouches():
    recovery = after(held(), recovery_plan("new-a"))
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert "nothing outside the volume says" in "".join(recovery.operator.told)
    assert recovery.bodies("backup-opened")[0]["trusted"] is False


def test_the_trusted_root_may_be_a_bundle():
    genesis = held()
    files = {path.removeprefix("bundle/"): data for path, data in genesis.folder.files.items() if path.startswith("bundle/tuf/")}
    recovery = after(genesis, recovery_plan("new-a", trusted_root="bundle"), trusted_root=files)
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert "the trusted root names it" in "".join(finding.text for finding in audit(recovery.folder).findings)


def test_a_production_is_recovered_in_a_production():
    genesis = held_in_production()
    recovery = after_production(genesis, key_ids(genesis))
    assert recovery.hold() is ExitCode.DONE
    assert [finding.subject for finding in bad(recovery)] == ["mode"]


# --- restoring -----------------------------------------------------------------------------


def test_more_tokens_than_keys_are_refused():
    genesis = held()
    recovery = after(genesis, recovery_plan("new-a", "new-b", trusted_root=key_ids(genesis)))
    stops(recovery, VerificationError, r"root\.tokens: names 2 tokens, and the backup holds one root key", "restore")
    genesis = held("root-a", "root-b")
    recovery = after(genesis, recovery_plan(*NEW, trusted_root=key_ids(genesis)))
    stops(recovery, VerificationError, r"root\.tokens: names 3 tokens, and the backup holds 2 root keys", "restore")


def test_nothing_is_restored_before_people_typed_the_word():
    recovery = after(held())
    recovery.operator.answers["restore:new-a"] = False
    stops(recovery, CeremonyError, "the root key for new-a was not confirmed", "restore")
    assert recovery.operator.question("restore:new-a").word == "RESTORE"


def test_a_digest_that_was_heard_otherwise_is_read_again():
    recovery = after(held())
    recovery.operator.answers["compare:root:new-a"] = [False, True]
    assert recovery.hold() is ExitCode.DONE
    assert "did not hear the same digest for the root key of new-a" in recovery.operator.question("error:restore").prompt.title
    assert len(recovery.rack.devices["new-a"].keys) == 1


def test_a_token_whose_label_is_occupied_is_refused():
    recovery = after(held())
    private = known(Algorithm.ECDSA_P256)
    device = recovery.rack.devices["new-a"]
    token = recovery.rack.open("new-a")
    token.unlock(Secret("123456"))
    token.import_key(KeyRequest("acme-recovery", b"x", Algorithm.ECDSA_P256, extractable=False), private)
    recovery.operator.answers["error:prepare"] = "stop"
    with pytest.raises(TokenError, match="already holds a key labelled 'acme-recovery'"):
        recovery.hold()
    assert [key.private for key in device.keys] == [private]
