# SPDX-License-Identifier: Apache-2.0
"""A root key that its YubiKey does not attest as the plan wants it is never used, and a firmware that is not sound never by accident."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core import bundle
from ceremony.core.attestation import Authorities
from ceremony.core.bundle import token_evidence
from ceremony.core.consent import parse
from ceremony.core.firmware import Firmware, Purpose, Series, Verdict, verdict
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, Mode
from ceremony.errors import CeremonyError, ExitCode, TokenError, VerificationError
from ceremony.steps import firmware, root_keys
from ceremony.steps.firmware import ACTION
from tests.core.attestation.chains import NEW, OLD
from tests.core.attestation.chains import pem as as_pem
from tests.fakes.piv import yubikey
from tests.fakes.room import Ceremony
from tests.steps.test_order import up_to
from tests.steps.test_yubikey_genesis import acts, failed, on_yubikeys, wrong

SERIAL = "10661186"
"""Of the YubiKey that stands in for root-a."""


def attesting(**says: str) -> Ceremony:
    """Return a ceremony whose YubiKey attests something else: `_7` is the extension 7."""
    return on_yubikeys(yubikey("root-a", attests={arc.removeprefix("_"): value for arc, value in says.items()}))


@pytest.mark.parametrize(
    ("ceremony", "match"),
    [
        pytest.param(attesting(_7="020401020304"), f"its serial is 16909060, not {SERIAL}", id="another serial"),
        pytest.param(attesting(_8="0203"), "its PIN policy is once, not always", id="another PIN policy"),
        pytest.param(attesting(_8="0301"), "its touch policy is never, not cached", id="another touch policy"),
        pytest.param(attesting(_3="050701"), "its firmware is 5.7.1, and that of the device certificate 5.7.4", id="firmware"),
        pytest.param(
            attesting(_9="01"), "claims the form factor USB-C keychain, and attests USB-A keychain", id="another form factor"
        ),
        pytest.param(attesting(_9="83"), "claims the FIPS series False, and attests True", id="another series"),
    ],
)
def test_a_key_that_is_attested_otherwise_is_not_used(ceremony, match):
    failed(ceremony, "root-keys", match, VerificationError)
    assert ceremony.bodies("attested") == []
    assert not ceremony.folder.exists(token_evidence(SERIAL, bundle.ATTESTATION))
    assert "challenge" not in acts(ceremony, "intent")


def test_a_key_that_was_put_there_is_not_attested():
    ceremony = on_yubikeys()
    device = ceremony.rack.devices["root-a"]

    def exchange(_: object) -> bool:
        device.lose_at(1, "attest")
        return True

    def imported(_: object) -> str:
        device.card.slots["9c"] = replace(device.card.slots["9c"], origin="imported")
        ceremony.operator.answers["error:root-keys"] = "stop"
        return "retry"

    ceremony.operator.answers |= {"generate:root-a": exchange, "error:root-keys": imported}
    failed(ceremony, "root-keys", "holds an imported key, which no device attests")


def test_authorities_that_did_not_issue_the_device_s_certificate_are_no_proof():
    ceremony = on_yubikeys()
    ceremony.authority_files = {"other.pem": b"".join(as_pem(one.der) for one in OLD.built()[2].certificates.values())}
    failed(ceremony, "root-keys", "which is no pinned authority for PIV devices", VerificationError)


def test_without_any_authorities_nothing_is_made():
    ceremony = on_yubikeys()
    ceremony.authority_files = {}
    failed(ceremony, "tokens", "the site brings no certificates of Yubico's")
    assert "yubico-roots" in ceremony.bodies("error")[0]["hint"]


def test_without_any_authorities_a_key_is_not_made_either():
    ceremony = on_yubikeys()
    room = up_to(ceremony, "root-keys")
    room.authorities = None
    with pytest.raises(TokenError, match="the site brings no certificates of Yubico's"):
        root_keys.run(room)
    assert "generate" not in ceremony.rack.devices["root-a"].calls


def test_a_practice_says_that_another_authority_than_yubico_attests():
    ceremony = on_yubikeys()
    ceremony.hold()
    (body,) = ceremony.bodies("attested")
    assert (body["token"], body["serial"], body["slot"], body["pinned"]) == ("root-a", SERIAL, "9c", False)
    assert body["authorities"] == [link.name for link in NEW.authorities]
    assert any(
        text.endswith("attested under Test Root 1, which is not Yubico's: practice only.") for text in ceremony.operator.told
    )


def test_what_yubico_attests_is_said_without_reserve(monkeypatch):
    monkeypatch.setattr(Authorities, "pinned", lambda *_: True)
    ceremony = on_yubikeys()
    ceremony.hold()
    assert ceremony.bodies("attested")[0]["pinned"] is True
    assert any(text.endswith("attested under Test Root 1.") for text in ceremony.operator.told)


def test_production_takes_no_other_authority_though_it_were_handed_over():
    ceremony = on_yubikeys()
    room = up_to(ceremony, "root-keys")
    room.mode = Mode.PRODUCTION
    with pytest.raises(VerificationError, match="is attested under Test Root 1, which is not Yubico's"):
        root_keys.run(room)


def test_the_attestation_that_was_kept_is_looked_at_again_after_an_interruption():
    ceremony = on_yubikeys()
    path = token_evidence(SERIAL, bundle.DEVICE)
    other = as_pem(on_other_device())
    ceremony.operator.answers["compare:root:root-a"] = lambda _: ceremony.folder.files.update({path: other}) or False
    failed(ceremony, "root-keys", "people did not hear the same digest", CeremonyError)
    ceremony.operator.answers = {"error:root-keys": "stop"}
    with pytest.raises(VerificationError, match="is not the file that was recorded"):
        ceremony.resume()
    assert ceremony.rack.devices["root-a"].calls.count("attest") == 1


def on_other_device() -> bytes:
    return NEW.on(key="p256 another f9").built()[1]


def test_a_challenge_whose_signature_does_not_verify_is_refused():
    ceremony = on_yubikeys()
    ceremony.rack.devices["root-a"].spoil_signature(1)
    failed(ceremony, "root-keys", f"challenge signed by {SERIAL}: does not verify", VerificationError)
    assert not ceremony.folder.exists(token_evidence(SERIAL, bundle.CHALLENGE_SIGNATURE))


# --- firmware ---


def test_the_verdict_over_a_firmware_is_recorded_and_told():
    ceremony = on_yubikeys(yubikey("root-a", firmware="5.7.4"))
    ceremony.hold()
    (body,) = ceremony.bodies("firmware")
    assert body == {
        "token": SERIAL, "decision": "allow", "reasons": ["new root: attested under Yubico Attestation Root 1"],
    }  # fmt: skip
    assert any("firmware 5.7.4: new root" in text for text in ceremony.operator.told)


def test_a_firmware_that_cannot_do_it_is_refused():
    ceremony = on_yubikeys(yubikey("root-a", firmware="5.4.3"))
    ceremony.plan = replace(ceremony.plan, root=replace(ceremony.plan.root, algorithm=Algorithm.RSA_3072))
    failed(ceremony, "tokens", r"its firmware 5.4.3 must not be used for this: no such key: .* has no Ed25519, RSA-3072")
    assert ceremony.bodies("firmware")[0]["decision"] == "refuse"


def test_a_firmware_that_is_not_sound_is_used_only_as_a_deviation_of_two_people():
    ceremony = on_yubikeys(yubikey("root-a", firmware="5.4.3"))
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    first, second = (ceremony.operator.question(key) for key in ("firmware:root-a", "firmware:root-a:second"))
    assert first.word == second.word == "DEVIATION"
    assert (first.prompt.who, second.prompt.who) == ("Ada", "Wim")
    (body,) = ceremony.bodies("deviation")
    assert body["by"] == ["Ada", "Wim"]
    assert "EUCLEAK" in body["happened"]
    (accepted,) = [result for result in ceremony.bodies("result") if result["action"] == ACTION]
    said = [parse(ceremony.folder.files[path], path) for path in accepted["consents"]]
    assert [(one.person, one.act) for one in said] == [(name, f"accept-firmware {accepted['key']}") for name in ("Ada", "Wim")]
    assert ceremony.bodies("close")[0]["deviations"] == 1


def test_a_deviation_that_was_decided_on_is_not_asked_about_again():
    ceremony = on_yubikeys(yubikey("root-a", firmware="5.4.3"))
    ceremony.operator.answers["check:tokens"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE
    assert len(ceremony.bodies("deviation")) == 1
    assert ceremony.operator.keys.count("firmware:root-a") == 1


def test_a_firmware_that_is_not_sound_is_not_used_when_one_of_two_does_not_want_it():
    ceremony = on_yubikeys(yubikey("root-a", firmware="5.4.3"))
    ceremony.operator.answers["firmware:root-a:second"] = False
    failed(ceremony, "tokens", "Wim did not agree: Use root-a, serial 10661186, though its firmware 5.4.3", CeremonyError)
    assert ceremony.bodies("deviation") == []


@pytest.mark.parametrize(
    ("card", "series", "decision"),
    [
        pytest.param({"firmware": "5.7.1"}, Series.STANDARD, "allow", id="standard"),
        pytest.param({"firmware": "5.7.1", "fips": True}, Series.FIPS, "deviation", id="FIPS"),
        pytest.param({"firmware": "5.7.1", "form_factor": "USB-A Bio"}, Series.BIO, "deviation", id="Bio"),
    ],
)
def test_the_series_decides_with_the_firmware(card, series, decision):
    device = yubikey("root-a", **card)
    assert firmware.series(device.identity()) is series
    ceremony = on_yubikeys(device)
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert ceremony.bodies("firmware")[0]["decision"] == decision


@pytest.mark.parametrize(
    ("custody", "purpose"),
    [
        pytest.param(Custody.TOKEN_ONLY, Purpose.MAKE, id="a key that the token makes"),
        pytest.param(Custody.IMPORTED, Purpose.IMPORT, id="a key that is put there"),
    ],
)
def test_a_firmware_is_judged_for_what_the_plan_wants_of_it(custody, purpose, monkeypatch):
    judged = []

    def noting(*asked: object, mode: Mode) -> Verdict:
        judged.append((*asked, mode))
        return verdict(*asked, mode=mode)

    monkeypatch.setattr(firmware, "verdict", noting)
    on_yubikeys(custody=custody).hold()
    assert judged == [(Series.STANDARD, Firmware(5, 7, 4), Algorithm.ECDSA_P256, purpose, Mode.PRACTICE)]
