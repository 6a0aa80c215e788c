# SPDX-License-Identifier: Apache-2.0
"""Whole genesis ceremonies on YubiKeys: what they leave, who is asked for what, and that a kill anywhere loses nothing."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from cryptography import x509

from ceremony.cli.headless import HeadlessOperator
from ceremony.cli.practice import PracticeSecrets, Remembering
from ceremony.core import bundle, keys
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG, token_evidence
from ceremony.core.keys import Algorithm, Scheme
from ceremony.core.plan import Custody, RootPlan
from ceremony.errors import CeremonyError, ExitCode, Stopped, TokenError
from ceremony.steps import runner
from tests.fakes.folder import FakeMedia, fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume, deaths
from tests.fakes.piv import prepared, yubikey, yubikey_rack
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import FakeDevice, FakeRack

APP = "docker.io/acme/app"


def root(*tokens: str, custody: Custody = Custody.TOKEN_ONLY, **changes: object) -> RootPlan:
    return RootPlan(Algorithm.ECDSA_P256, tokens or ("root-a",), 1, custody, **changes)


def on_yubikeys(*devices: FakeDevice, custody: Custody = Custody.TOKEN_ONLY, **changes: object) -> Ceremony:
    """Return a ceremony whose root keys are on these devices; the people know the secrets of those that were prepared."""
    devices = devices or (yubikey("root-a"),)
    ceremony = Ceremony(
        plan=plan(repository(APP), root=root(*(device.name for device in devices), custody=custody, **changes)),
        rack=FakeRack(*devices),
    )
    for device in devices:
        card, name = device.card, device.name
        known = {"pin": card.pin, "puk": card.puk}
        ceremony.operator.secrets |= {f"{what}:{name}": code.value for what, code in known.items() if code.value != code.factory}
        if card.management_key.hex() != "0102030405060708" * 3:
            ceremony.operator.secrets[f"management-key:{name}"] = card.management_key.hex()
    return ceremony


def failed(ceremony: Ceremony, step: str, match: str, error: type[CeremonyError] = TokenError) -> None:
    """Hold the ceremony; it must fail in `step` with these words, and people stop there."""
    ceremony.operator.answers.setdefault(f"error:{step}", "stop")
    with pytest.raises(error, match=match):
        ceremony.hold()
    assert ceremony.bodies("error")


def wrong(ceremony: Ceremony) -> list:
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


def acts(ceremony: Ceremony, kind: str = "result") -> list[str]:
    """Return the actions of the acts on tokens, in order."""
    return [body["action"] for body in ceremony.bodies(kind) if body["action"] not in {"write-volumes", "answer"}]


WHOLE = [
    *("set-tries", "set-pin", "set-puk", "set-management-key", "generate-key", "challenge"),
    *("certify", "certify-slot", "store-certificate", "sign-root", "sign-head"),
]


def test_a_genesis_on_fresh_yubikeys_sets_their_secrets_and_ends_with_a_folder_that_audits():
    ceremony = on_yubikeys(yubikey("root-a"), yubikey("root-b"), yubikey("root-c"))
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert Counter(acts(ceremony)) == Counter(3 * WHOLE)
    shown = ceremony.operator.shown
    for name, device in ceremony.rack.devices.items():
        card = device.card
        assert (card.pin.value, card.puk.value) == (shown[f"pin:{name}"], shown[f"puk:{name}"])
        assert card.management_key.hex() == shown[f"management-key:{name}"].replace(" ", "")
        assert (card.pin.total, card.puk.total, card.pin.wrong, card.puk.wrong) == (5, 5, 0, 0)
        assert list(card.slots) == list(card.certificates) == ["9c"]
    everything = b"".join(ceremony.folder.files.values()) + "".join(ceremony.operator.told).encode()
    everything += repr(ceremony.operator.asked).encode()
    secrets = [value for key, value in shown.items() if not key.startswith("passphrase")]
    assert len(set(secrets)) == 9
    assert not [secret for secret in secrets if secret.encode() in everything]


def test_a_genesis_on_a_yubikey_that_was_prepared_before_takes_it_as_it_is():
    ceremony = on_yubikeys(prepared("root-a"))
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert acts(ceremony) == WHOLE[4:]
    assert "factory:root-a" not in ceremony.operator.keys
    assert ceremony.operator.keys.count("management-key:root-a") == 1
    # Held for one step at a time: making the key, certifying, signing, and the head.
    assert ceremony.operator.keys.count("pin:root-a") == 4
    assert ceremony.bodies("authorised") == [{"token": ceremony.rack.devices["root-a"].serial}]


@pytest.mark.parametrize(
    ("algorithm", "slot"),
    [
        pytest.param(Algorithm.ECDSA_P256, "9a", id="P-256 in 9a"),
        pytest.param(Algorithm.ECDSA_P384, "82", id="P-384 in a retired slot"),
        pytest.param(Algorithm.RSA_3072, "9c", id="RSA-3072"),
    ],
)
def test_other_keys_and_slots_do_as_well(algorithm, slot):
    ceremony = on_yubikeys(yubikey("root-a", slot=slot))
    ceremony.plan = plan(repository(APP), root=RootPlan(algorithm, ("root-a",), 1, Custody.TOKEN_ONLY))
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert list(ceremony.rack.devices["root-a"].card.slots) == [slot]


def test_a_yubikey_beside_another_token_is_prepared_alone():
    ceremony = on_yubikeys(yubikey("root-a"), FakeDevice("root-b"))
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    serial = ceremony.rack.devices["root-b"].serial
    assert {"token": serial, "label": "acme-root", "occupied": False} in ceremony.bodies("standing")
    assert not ceremony.folder.exists(token_evidence(serial, bundle.CHALLENGE))


def test_a_key_that_was_put_on_a_yubikey_is_not_attested_and_signs_the_challenge():
    ceremony = on_yubikeys(yubikey("root-a"), custody=Custody.IMPORTED)
    ceremony.authority_files = {}
    assert ceremony.hold() is ExitCode.DONE
    device = ceremony.rack.devices["root-a"]
    assert device.card.slots["9c"].origin == "imported"
    assert ceremony.bodies("attested") == []
    assert not ceremony.folder.exists(token_evidence(device.serial, bundle.ATTESTATION))
    assert ceremony.folder.exists(token_evidence(device.serial, bundle.CHALLENGE_SIGNATURE))
    assert wrong(ceremony) == []


# --- the evidence ---


def test_the_evidence_is_what_openssl_takes():
    ceremony = on_yubikeys()
    ceremony.hold()
    device = ceremony.rack.devices["root-a"]
    public = device.card.slots["9c"].private.public
    read = {name: ceremony.folder.files[token_evidence(device.serial, name)] for name in (
        "public.pem", bundle.ATTESTATION, bundle.DEVICE, bundle.AUTHORITIES, bundle.CHALLENGE, bundle.CHALLENGE_SIGNATURE,
    )}  # fmt: skip
    assert keys.from_pem(read["public.pem"]) == public
    raw = keys.der_to_raw(read[bundle.CHALLENGE_SIGNATURE], public.algorithm)
    keys.verify(public, Scheme.ECDSA_SHA256, read[bundle.CHALLENGE], raw)
    chain = [
        x509.load_pem_x509_certificate(read[bundle.ATTESTATION]),
        x509.load_pem_x509_certificate(read[bundle.DEVICE]),
        *x509.load_pem_x509_certificates(read[bundle.AUTHORITIES]),
    ]
    for child, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
        child.verify_directly_issued_by(issuer)
    records = [json.loads(line) for line in ceremony.folder.files[LOG].splitlines()]
    entries = int(read[bundle.CHALLENGE].split(b"entries: ")[1].split()[0])
    made = next(r["seq"] for r in records if r["kind"] == "result" and r["body"]["action"] == "generate-key")
    assert made < entries


def test_the_slot_was_shown_empty_before_its_key_was_made():
    ceremony = on_yubikeys()
    ceremony.hold()
    serial = ceremony.rack.devices["root-a"].serial
    intent = next(body for body in ceremony.bodies("intent") if body["action"] == "generate-key")
    assert intent == {
        "action": "generate-key", "key": serial, "algorithm": "ecdsa-p256",
        "slot": "9c", "slot_empty": True, "pin_policy": "always", "touch_policy": "cached",
    }  # fmt: skip
    assert f"Slot 9c of root-a, serial {serial}, is empty." in ceremony.operator.told
    assert [body["keys"] for body in ceremony.bodies("standing")[:-1]] == [[], [], []]


def test_the_slot_has_a_certificate_by_which_stock_programs_find_the_key():
    ceremony = on_yubikeys()
    ceremony.hold()
    device = ceremony.rack.devices["root-a"]
    certificate = x509.load_der_x509_certificate(device.card.certificates["9c"])
    assert certificate.subject == certificate.issuer
    assert sorted(part.value for part in certificate.subject) == ["PRACTICE", "root"]
    certificate.verify_directly_issued_by(certificate)
    assert keys.from_crypto(certificate.public_key()) == device.card.slots["9c"].private.public
    kept = ceremony.folder.files[token_evidence(device.serial, "certificate.pem")]
    assert x509.load_pem_x509_certificate(kept) == certificate


def test_another_certificate_in_the_slot_is_left_alone():
    ceremony = on_yubikeys()
    card = ceremony.rack.devices["root-a"].card
    ceremony.operator.answers["check:root-keys"] = lambda _: card.certificates.update({"9c": b"another"}) or True
    failed(ceremony, "certificates", "holds another certificate in slot 9c")
    assert card.certificates == {"9c": b"another"}


# --- touch ---


@pytest.mark.parametrize(
    ("policy", "batches", "waits"),
    [
        pytest.param("always", 70, 1 + 1 + 1 + 70 + 1, id="always: one signature a touch"),
        pytest.param("cached", 2, 1 + 1 + 1 + 2 + 1, id="cached: bursts"),
        pytest.param("never", 1, 0, id="never"),
    ],
)
def test_people_see_each_touch_that_the_token_waits_for(policy, batches, waits):
    ceremony = on_yubikeys(touch_policy=policy)
    names = [f"docker.io/acme/app{number:02}" for number in range(70)]
    made = root(touch_policy=policy, certificate="docker.io/acme/*")
    ceremony = Ceremony(plan=plan(*map(repository, names), root=made), rack=yubikey_rack("root-a"))
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert acts(ceremony).count("sign-root") == batches
    device = ceremony.rack.devices["root-a"]
    assert ceremony.operator.waited.count(f"root-a, serial {device.serial} (15 s)") == waits
    assert set(device.card.touched) == {policy}


def test_a_token_that_was_not_touched_can_be_tried_again():
    ceremony = on_yubikeys()
    ceremony.rack.devices["root-a"].lose_at(4, "sign")
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []


# --- headless ---


def headless(ceremony: Ceremony, tmp_path) -> tuple:
    """Return a room whose questions nobody answers, and what the rehearsal remembers."""
    known = PracticeSecrets(tmp_path / "practice-secrets.json")
    people = HeadlessOperator(known.answers, ceremony.steps)
    room = ceremony.begin()
    room.operator = Remembering(people, known)
    return room, people, known


def test_a_headless_rehearsal_prepares_fresh_yubikeys_and_remembers_what_it_set(tmp_path):
    ceremony = on_yubikeys(yubikey("root-a"), yubikey("root-b"))
    room, people, known = headless(ceremony, tmp_path)
    assert runner.hold(room, ceremony.steps, people) is ExitCode.DONE
    assert wrong(ceremony) == []
    for name, device in ceremony.rack.devices.items():
        assert known.answers[f"pin:{name}"].text() == device.card.pin.value
        assert known.answers[f"puk:{name}"].text() == device.card.puk.value
        assert known.answers[f"management-key:{name}"].text().replace(" ", "") == device.card.management_key.hex()


def test_a_headless_rehearsal_wipes_nothing(tmp_path):
    other = on_yubikeys()
    other.hold()
    ceremony = on_yubikeys(other.rack.devices["root-a"])
    card = other.rack.devices["root-a"].card
    before = dict(card.slots)
    room, people, _ = headless(ceremony, tmp_path)
    with pytest.raises(TokenError, match="its slot is occupied: 9c"):
        runner.hold(room, ceremony.steps, people)
    assert card.slots == before
    assert "wipe" not in other.rack.devices["root-a"].calls


def test_people_can_stop_at_any_question_and_go_on_later():
    def ceremony() -> Ceremony:
        made = on_yubikeys(yubikey("root-a", firmware="5.4.3"))
        made.operator.answers["new-puk:root-a"] = "own"
        made.operator.secrets["puk:root-a"] = "h0rse ok"
        return made

    whole = ceremony()
    whole.hold()
    for key in dict.fromkeys(whole.operator.keys):
        stopped = ceremony()
        stopped.operator.stop_at = key
        with pytest.raises(Stopped):
            stopped.hold()
        stopped.operator.stop_at = ""
        assert stopped.resume() is ExitCode.DONE, key
        assert wrong(stopped) == [], key


# --- killed anywhere ---


def mortal(fate: Fate, *, custody: Custody = Custody.TOKEN_ONLY) -> Ceremony:
    media = FakeMedia({role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")})
    rack = MortalRack(fate, yubikey_rack("root-a"))
    return Ceremony(plan=plan(repository(APP), root=root(custody=custody)), folder=MortalFolder(fate), media=media, rack=rack)


def whole_life() -> Fate:
    fate = Fate()
    assert mortal(fate).hold() is ExitCode.DONE
    return fate


def resumed(ceremony: Ceremony, place: str) -> None:
    assert ceremony.resume() is ExitCode.DONE, place
    assert wrong(ceremony) == [], place
    card = ceremony.rack.devices["root-a"].card
    assert list(card.slots) == list(card.certificates) == ["9c"], place
    assert card.pin.value == ceremony.operator.shown["pin:root-a"], place
    assert (card.pin.total, card.puk.total) == (5, 5), place


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_is_resumed_after_a_kill_at_any_act_on_the_way_to_the_token_and_back(when):
    whole = whole_life()
    first, last = whole.trace.index("set_tries") - 6, whole.trace.index("store_certificate") + 6
    for act in deaths(first, last, when):
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        try:
            ceremony.hold()
        except Killed:
            fate.live()
            resumed(ceremony, place)
        else:
            assert when == "within", place  # acts on a token have no middle


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_key_that_is_put_on_a_yubikey_is_resumed_after_a_kill_too(when):
    whole = Fate()
    assert mortal(whole, custody=Custody.IMPORTED).hold() is ExitCode.DONE
    begun = whole.trace.index("import_key")
    for act in deaths(begun - 4, begun + 14, when):
        fate = Fate()
        ceremony = mortal(fate, custody=Custody.IMPORTED)
        fate.die_at(act, when)
        with pytest.raises(Killed):
            ceremony.hold()
        fate.live()
        resumed(ceremony, f"killed {when} act {act}: {whole.trace[act]}")


def test_what_was_done_before_a_kill_is_found_out_and_not_done_twice():
    for name, action in (
        ("set_tries", "set-tries"),
        ("change_pin", "set-pin"),
        ("change_puk", "set-puk"),
        ("set_management_key", "set-management-key"),
        ("generate", "generate-key"),
        ("store_certificate", "store-certificate"),
    ):
        whole = whole_life()
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(whole.trace.index(name), "after")
        with pytest.raises(Killed):
            ceremony.hold()
        fate.live()
        resumed(ceremony, name)
        assert acts(ceremony, "intent").count(action) == 1, name
        (result,) = [body for body in ceremony.bodies("result") if body["action"] == action]
        assert result["found"] is True, name


def test_what_was_not_done_before_a_kill_is_recorded_as_interrupted():
    whole = whole_life()
    fate = Fate()
    ceremony = mortal(fate)
    fate.die_at(whole.trace.index("change_pin"), "before")
    with pytest.raises(Killed):
        ceremony.hold()
    fate.live()
    first = ceremony.operator.shown["pin:root-a"]
    resumed(ceremony, "change_pin")
    assert ceremony.operator.shown["pin:root-a"] != first
    results = [body for body in ceremony.bodies("result") if body["action"] == "set-pin"]
    assert [body.get("interrupted") for body in results] == [True, None]


def test_a_key_that_came_into_the_slot_without_an_open_intent_is_not_taken_for_ours():
    ceremony = on_yubikeys()
    other = on_yubikeys()
    other.hold()
    theirs = other.rack.devices["root-a"].card.slots["9c"]
    card = ceremony.rack.devices["root-a"].card
    ceremony.operator.answers["check:prepare"] = lambda _: card.slots.update({"9c": theirs}) or True
    failed(ceremony, "root-keys", "already holds a key in slot 9c")


def test_a_certificate_that_came_into_the_slot_is_in_the_way_too():
    ceremony = on_yubikeys()
    card = ceremony.rack.devices["root-a"].card
    ceremony.operator.answers["check:prepare"] = lambda _: card.certificates.update({"9c": b"x"}) or True
    failed(ceremony, "root-keys", "already holds a certificate in slot 9c")


def test_another_key_in_the_slot_than_the_log_knows_is_refused():
    ceremony = on_yubikeys()
    other = on_yubikeys()
    other.hold()
    card = ceremony.rack.devices["root-a"].card
    theirs = other.rack.devices["root-a"].card.slots["9c"]
    ceremony.operator.answers["check:certificates"] = lambda _: card.slots.update({"9c": theirs}) or True
    failed(ceremony, "sign", "holds another key than the log says in slot 9c")


def test_an_empty_slot_is_no_key_of_ours():
    ceremony = on_yubikeys()
    card = ceremony.rack.devices["root-a"].card
    ceremony.operator.answers["check:certificates"] = lambda _: card.slots.clear() or True
    failed(ceremony, "sign", "does not hold the root key of this ceremony")
