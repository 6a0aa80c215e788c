# SPDX-License-Identifier: Apache-2.0
"""Custody `imported`: made in memory, on both volumes before it is on its token, and never lost on the way."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from ceremony.core import backup, software_key
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, KeyPlan, RootPlan, Source
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, ExitCode, StorageError, TokenError, VerificationError
from ceremony.steps import drill, import_key
from ceremony.steps.access import unlocked
from tests.fakes.device import FakeKey, Slotted
from tests.fakes.folder import FakeMedia, fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume, deaths
from tests.fakes.piv import yubikey_rack
from tests.fakes.room import CEREMONY, Ceremony, plan, repository
from tests.fakes.token import FakeRack, FakeToken, fake_rack
from tests.steps.test_order import up_to
from tests.vectors.known_keys import known

APP = "docker.io/acme/app"
STOP = {"error:root-keys": "stop", "error:tokens": "stop", "error:prepare": "stop"}


def root(*tokens: str, threshold: int = 1, algorithm: Algorithm = Algorithm.ECDSA_P256) -> RootPlan:
    return RootPlan(algorithm, tokens or ("root-a",), threshold, Custody.IMPORTED)


def imported(**changes: object) -> Ceremony:
    return Ceremony(plan=plan(repository(APP), root=root()), **changes)


def wrong(ceremony: Ceremony) -> list:
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


def acts(ceremony: Ceremony, action: str) -> list[dict]:
    """Return kind and body of each intent and result of an action, in order."""
    records = [json.loads(line) for line in ceremony.folder.files[LOG].splitlines()]
    return [
        {"kind": record["kind"], "outcome": record["outcome"], **record["body"]}
        for record in records
        if record["body"].get("action") == action
    ]


def restored(ceremony: Ceremony, role: str, serial: str) -> software_key.SoftwareKey:
    """Return the root key that a volume holds, as whoever has the passphrase gets it."""
    files = ceremony.media.volumes[role].files
    folder = f"ceremony-{CEREMONY}/private"
    identity = Secret(files[f"{folder}/identity.age"].split(b"\n", 2)[2])
    _, contents = backup.unpack(backup.decrypt(files[f"{folder}/root-{serial}.age"], identity, "backup"), "backup")
    return backup.root_key(contents, "backup")


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(plan(repository(APP), root=root()), id="one token"),
        pytest.param(plan(repository(APP), root=root("root-a", "root-b", "root-c", threshold=2)), id="2 of 3"),
        pytest.param(plan(repository(APP), root=root(algorithm=Algorithm.ECDSA_P384)), id="P-384"),
        pytest.param(plan(repository(APP), root=root(algorithm=Algorithm.RSA_3072)), id="RSA-3072"),
        pytest.param(
            plan(
                repository(APP, targets=KeyPlan(Source.FILE, path="keys/app.pem")),
                root=root(),
                files={"keys/app.pem": known(Algorithm.ECDSA_P256).public.pem},
            ),
            id="nothing else to back up",
        ),
    ],
)
def test_a_genesis_with_imported_keys_ends_with_a_folder_that_audits_and_backups_that_restore(made):
    ceremony = Ceremony(plan=made)
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert "lock" not in [name for name, _ in ceremony.operator.steps]
    for device in ceremony.rack.devices.values():
        (key,) = device.keys
        assert key.shown.key_id.hex() == CEREMONY
        for role in ("a", "b"):
            assert restored(ceremony, role, device.serial).public == key.shown.public
    assert len({device.keys[0].shown.public for device in ceremony.rack.devices.values()}) == len(made.root.tokens)


def test_the_key_is_on_both_volumes_before_it_is_announced_and_announced_before_it_is_on_the_token():
    ceremony = imported()
    ceremony.hold()
    serial = ceremony.rack.devices["root-a"].serial
    public = ceremony.rack.devices["root-a"].keys[0].shown.public.sha256
    intent, result = acts(ceremony, "import-key")
    common = {"action": "import-key", "key": serial, "public_sha256": public}
    said = {"label": "acme-root", "algorithm": "ecdsa-p256", "host_made": True}
    assert intent == {"kind": "intent", "outcome": "pending", **common, **said}
    read = {"local": False, "sensitive": True, "extractable": False, "always_sensitive": False, "never_extractable": False}
    assert result == {"kind": "result", "outcome": "ok", **common, "attributes": read, "attested": False}
    kinds = [
        (record["kind"], record["body"].get("action")) for record in map(json.loads, ceremony.folder.files[LOG].splitlines())
    ]
    at = kinds.index(("intent", "import-key"))
    assert kinds[at - 2 : at + 2] == [
        ("intent", "write-volumes"), ("result", "write-volumes"), ("intent", "import-key"), ("result", "import-key"),
    ]  # fmt: skip
    assert ceremony.operator.question("generate:root-a").word == "GENERATE"
    (root_key,) = json.loads(ceremony.folder.files["evidence/inventory.json"])["root_keys"]
    assert (root_key["settings"]["custody"], root_key["settings"]["attested"]) == ("imported", False)


def test_the_volumes_and_their_recipe_list_the_root_key_and_the_drill_restores_it():
    ceremony = imported()
    ceremony.hold()
    path = f"private/root-{ceremony.rack.devices['root-a'].serial}.age"
    assert [body["files"] for body in ceremony.bodies("restored")] == [["private/repositories.age", path]] * 2
    recipe = ceremony.media.volumes["a"].files[f"ceremony-{CEREMONY}/RECOVER.txt"].decode()
    assert path in recipe
    assert "openssl pkey -inform DER -in root-key.der -pubout" in recipe
    assert "wrap" not in recipe


def test_age_and_openssl_open_the_backup_as_the_recipe_says(tmp_path):
    ceremony = imported()
    ceremony.hold()
    serial = ceremony.rack.devices["root-a"].serial
    files = ceremony.media.volumes["b"].files
    folder = f"ceremony-{CEREMONY}"
    for path, data in files.items():
        (tmp_path / path.removeprefix(f"{folder}/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.removeprefix(f"{folder}/")).write_bytes(data)
    # What sealed the identity here is no age file (`quicken`); opening the real one is in tests/core/test_backup.py.
    (tmp_path / "identity.txt").write_bytes(files[f"{folder}/private/identity.age"].split(b"\n", 2)[2])
    text = (tmp_path / "RECOVER.txt").read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("     ")]
    (opens,) = [line for line in lines if f"root-{serial}" in line]
    (shows,) = [line for line in lines if line.startswith("openssl")]
    subprocess.run(["sh", "-c", opens], cwd=tmp_path, check=True, timeout=60)
    shown = subprocess.run(
        ["sh", "-c", shows], cwd=tmp_path / f"root-{serial}", check=True, capture_output=True, timeout=60
    ).stdout
    assert shown == ceremony.folder.files[f"evidence/tokens/{serial}/public.pem"]


def test_no_private_key_is_in_the_folder_the_log_or_in_the_clear_on_a_volume():
    ceremony = imported()
    ceremony.hold()
    (key,) = ceremony.rack.devices["root-a"].keys
    number = key.private._private.private_numbers().private_value.to_bytes(32)
    for store in (ceremony.folder, *ceremony.media.volumes.values()):
        for path, data in store.files.items():
            assert number not in data, path
            assert number.hex().encode() not in data, path


# --- crashes ------------------------------------------------------------------


def mortal(fate: Fate) -> Ceremony:
    media = FakeMedia({role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")})
    return imported(folder=MortalFolder(fate), media=media, rack=MortalRack(fate, fake_rack("root-a")))


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_is_resumed_after_a_kill_at_any_act_and_no_key_is_without_its_backup(when):
    whole = Fate()
    assert mortal(whole).hold() is ExitCode.DONE
    # From the protector to the drill; before and after them, nothing depends on the custody (tests/steps/test_resume.py).
    begun, ended = (next(i for i, what in enumerate(whole.trace) if part in what) for part in ("identity.age", "bundle/keys/"))
    assert "import_key" in whole.trace[begun:ended]
    for act in deaths(begun, ended, when):
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        try:
            ceremony.hold()
        except Killed:
            fate.live()
            assert ceremony.resume() is ExitCode.DONE, place
        else:
            assert when == "within", place  # acts on a token have no middle
            continue
        assert wrong(ceremony) == [], place
        (key,) = ceremony.rack.devices["root-a"].keys
        for role in ("a", "b"):
            assert restored(ceremony, role, ceremony.rack.devices["root-a"].serial).public == key.shown.public, place


def killed_at(what: str, when: str) -> Ceremony:
    whole = Fate()
    mortal(whole).hold()
    fate = Fate()
    ceremony = mortal(fate)
    fate.die_at(whole.trace.index(what), when)
    with pytest.raises(Killed):
        ceremony.hold()
    fate.live()
    return ceremony


def test_a_key_that_is_on_the_token_after_a_crash_is_taken_for_the_one_announced():
    ceremony = killed_at("import_key", "after")
    (key,) = ceremony.rack.devices["root-a"].keys
    assert ceremony.resume() is ExitCode.DONE
    assert [held.shown for held in ceremony.rack.devices["root-a"].keys] == [key.shown]
    results = [act for act in acts(ceremony, "import-key") if act["kind"] == "result"]
    assert [(result["found"], result["public_sha256"]) for result in results] == [(True, key.shown.public.sha256)]
    assert "The key was put on root-a before the interruption" in "".join(ceremony.operator.told)


def test_a_key_that_never_came_to_the_token_is_made_again_and_its_backup_is_set_aside():
    ceremony = killed_at("import_key", "before")
    assert ceremony.rack.devices["root-a"].keys == []
    assert ceremony.resume() is ExitCode.DONE
    first, ended, second, result = acts(ceremony, "import-key")
    assert (ended["kind"], ended["outcome"], ended["interrupted"]) == ("result", "fail", True)
    assert first["public_sha256"] != second["public_sha256"] == result["public_sha256"]
    serial = ceremony.rack.devices["root-a"].serial
    aside = [body for body in ceremony.bodies("set-aside") if body["path"].endswith(f"root-{serial}.age")]
    assert [body["store"] for body in aside] == ["volume a", "volume b"]
    assert "No key was put on root-a before the interruption" in "".join(ceremony.operator.told)


def test_another_key_where_the_announced_one_should_be_is_refused():
    ceremony = killed_at("import_key", "after")
    device = ceremony.rack.devices["root-a"]
    other = software_key.make(Algorithm.ECDSA_P256)
    device.keys[0] = FakeKey(replace(device.keys[0].shown, public=other.public), other)
    ceremony.operator.answers |= STOP
    with pytest.raises(TokenError, match="already holds a key labelled 'acme-root'"):
        ceremony.resume()
    assert device.keys[0].private is other


def test_another_key_than_the_log_says_is_refused_when_the_step_begins_again():
    ceremony = imported()
    room = up_to(ceremony, "repository-keys")
    device = ceremony.rack.devices["root-a"]
    token = room.tokens["root-a"]
    assert import_key.imported(room, token, "root-a") == device.keys[0].shown
    other = software_key.make(Algorithm.ECDSA_P256)
    device.keys[0] = FakeKey(replace(device.keys[0].shown, public=other.public), other)
    with pytest.raises(TokenError, match="does not hold the root key that the log says was put on it"):
        import_key.imported(room, token, "root-a")
    device.keys.clear()
    with pytest.raises(TokenError, match="does not hold the root key that the log says was put on it"):
        import_key.imported(room, token, "root-a")


# --- YubiKeys ---------------------------------------------------------------------


def on_yubikey(*tokens: str, rack: FakeRack | None = None, **changes: object) -> Ceremony:
    roots = root(*tokens)
    return Ceremony(plan=plan(repository(APP), root=roots), rack=rack or yubikey_rack(*roots.tokens), **changes)


def test_a_genesis_on_yubikeys_ends_with_a_folder_that_audits_and_keys_that_nothing_attests():
    ceremony = on_yubikey("root-a", "root-b")
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert ceremony.bodies("attested") == []
    for device in ceremony.rack.devices.values():
        held = device.card.slots["9c"]
        assert (held.origin, held.pin_policy, held.touch_policy) == ("imported", "always", "cached")
        for role in ("a", "b"):
            assert restored(ceremony, role, device.serial).public == held.private.public
    for settings in (key["settings"] for key in json.loads(ceremony.folder.files["evidence/inventory.json"])["root_keys"]):
        assert (settings["made"], settings["attested"], settings["attributes"]) == ("on the host", False, None)


def test_the_log_says_that_the_slot_was_shown_empty_and_nothing_of_attributes():
    ceremony = on_yubikey()
    ceremony.hold()
    device = ceremony.rack.devices["root-a"]
    public = device.card.slots["9c"].private.public.sha256
    common = {"action": "import-key", "key": device.serial, "public_sha256": public}
    place = {"slot": "9c", "slot_empty": True, "pin_policy": "always", "touch_policy": "cached"}
    intent, result = acts(ceremony, "import-key")
    said = {"kind": "intent", "outcome": "pending", "algorithm": "ecdsa-p256", "host_made": True}
    assert intent == {**said, **common, **place}
    assert result == {"kind": "result", "outcome": "ok", **common, "attributes": None, "attested": False}


@pytest.mark.parametrize("holds", [pytest.param("key", id="a key"), pytest.param("certificate", id="a certificate")])
def test_an_occupied_slot_is_refused_before_anything_is_made(holds):
    ceremony = on_yubikey()
    room = up_to(ceremony, "root-keys")
    card = ceremony.rack.devices["root-a"].card
    if holds == "key":
        card.slots["9c"] = Slotted(known(Algorithm.ECDSA_P256))
    else:
        card.certificates["9c"] = b"somebody's"
    with pytest.raises(TokenError, match="already holds a key or certificate in slot 9c"):
        import_key.imported(room, unlocked(room, "root-a"), "root-a")
    assert acts(ceremony, "import-key") == []
    assert not any("/root-" in path for path in ceremony.media.volumes["a"].files)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_a_yubikey_is_given_its_key_loses_none(when):
    def ceremony(fate: Fate) -> Ceremony:
        return on_yubikey(rack=MortalRack(fate, yubikey_rack("root-a")))

    whole = Fate()
    ceremony(whole).hold()
    fate = Fate()
    crashed = ceremony(fate)
    fate.die_at(whole.trace.index("import_key"), when)
    with pytest.raises(Killed):
        crashed.hold()
    fate.live()
    assert crashed.resume() is ExitCode.DONE
    assert wrong(crashed) == []
    device = crashed.rack.devices["root-a"]
    assert restored(crashed, "b", device.serial).public == device.card.slots["9c"].private.public


# --- refusals -----------------------------------------------------------------


def test_an_occupied_label_is_refused_before_anything_is_made():
    ceremony = imported()
    device = ceremony.rack.devices["root-a"]
    token = ceremony.rack.open("root-a")
    token.unlock(Secret("123456"))
    before = token.generate(KeyRequest("acme-root", b"\x01", Algorithm.ECDSA_P256, extractable=False))
    ceremony.operator.answers |= STOP
    with pytest.raises(TokenError, match="already holds a key labelled 'acme-root'"):
        ceremony.hold()
    assert [key.shown for key in device.keys] == [before]
    assert acts(ceremony, "import-key") == []
    assert not any("/root-" in path for path in ceremony.media.volumes["a"].files)


def test_nothing_is_made_before_people_typed_the_word():
    ceremony = imported()
    ceremony.operator.answers |= {"generate:root-a": False, **STOP}
    with pytest.raises(CeremonyError, match="the root key for root-a was not confirmed"):
        ceremony.hold()
    assert ceremony.rack.devices["root-a"].keys == []
    assert not any("/root-" in path for path in ceremony.media.volumes["a"].files)


def test_a_token_that_shows_another_key_than_it_was_given_is_refused(monkeypatch):
    def swapped(self, request, private):
        return take(self, request, software_key.make(private.public.algorithm))

    take = FakeToken.import_key
    monkeypatch.setattr(FakeToken, "import_key", swapped)
    ceremony = imported()
    ceremony.operator.answers |= STOP
    with pytest.raises(VerificationError, match=r"root key [0-9a-f]{16}: is not the one that root-a shows"):
        ceremony.hold()


def test_a_token_that_cannot_sign_with_what_it_was_given_is_refused():
    ceremony = imported()
    ceremony.rack.devices["root-a"].spoil_signature(1)
    ceremony.operator.answers |= STOP
    with pytest.raises(VerificationError, match=r"root key [0-9a-f]{16}: does not verify"):
        ceremony.hold()
    (act,) = acts(ceremony, "import-key")
    assert act["kind"] == "intent"


def test_a_backup_that_was_exchanged_on_a_volume_is_found_in_the_drill():
    ceremony = imported()
    room = up_to(ceremony, "drill")
    volume = ceremony.media.volumes["b"]
    path = next(path for path in volume.files if "/root-" in path)
    volume.files[path] = volume.files[path][:-1] + b"\0"
    with pytest.raises(StorageError, match=r"memory Fb: private/root-.* is not there as it was written"):
        drill.run(room)
