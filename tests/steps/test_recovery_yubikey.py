# SPDX-License-Identifier: Apache-2.0
"""A root key that comes back to a YubiKey gets a certificate beside it, as it has where it is made: stock programs find it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509

from ceremony.core import keys
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import token_evidence
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody
from ceremony.errors import ExitCode, TokenError
from tests.fakes.device import FakeDevice
from tests.fakes.folder import fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume, deaths
from tests.fakes.recovery import OldMedia, after, held, key_ids, old_volumes, publics, recovery_plan
from tests.fakes.room import Ceremony
from tests.fakes.token import FakeRack


def wrong(ceremony: Ceremony) -> list[str]:
    return [f"{f.subject}: {f.text}" for f in audit(ceremony.folder).findings if f.level is not Level.OK]


def to_yubikeys(genesis: Ceremony, *names: str) -> Ceremony:
    names = names or ("new-a",)
    rack = FakeRack(*(FakeDevice(name, kind="yubikey") for name in names))
    return after(genesis, recovery_plan(*names, trusted_root=key_ids(genesis)), rack=rack)


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072])
def test_the_slot_has_a_certificate_by_which_stock_programs_find_the_restored_key(algorithm):
    genesis = held(algorithm=algorithm)
    recovery = to_yubikeys(genesis)
    assert recovery.hold() is ExitCode.DONE
    assert wrong(recovery) == []
    device = recovery.rack.devices["new-a"]
    certificate = x509.load_der_x509_certificate(device.card.certificates["9c"])
    assert certificate.subject == certificate.issuer
    assert sorted(part.value for part in certificate.subject) == ["PRACTICE", "root"]
    certificate.verify_directly_issued_by(certificate)
    assert keys.from_crypto(certificate.public_key()) == publics(genesis)["root-a"]
    kept = recovery.folder.files[token_evidence(device.serial, "certificate.pem")]
    assert x509.load_pem_x509_certificate(kept) == certificate


def test_it_runs_for_ten_years_whatever_the_earlier_ceremony_planned():
    recovery = to_yubikeys(held())
    recovery.hold()
    certificate = x509.load_der_x509_certificate(recovery.rack.devices["new-a"].card.certificates["9c"])
    began = datetime.fromisoformat(recovery.bodies("open")[0]["utc"]).replace(microsecond=0)
    assert certificate.not_valid_before_utc == began
    assert certificate.not_valid_after_utc == datetime(began.year + 10, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_only_yubikeys_get_one():
    genesis = held("root-a", "root-b")
    rack = FakeRack(FakeDevice("new-a", kind="yubikey"), FakeDevice("new-b", serial="pkcs11"))
    recovery = after(genesis, recovery_plan("new-a", "new-b", trusted_root=key_ids(genesis)), rack=rack)
    assert recovery.hold() is ExitCode.DONE
    assert wrong(recovery) == []
    serials = [device.serial for device in recovery.rack.devices.values()]
    (made,) = [body["made"] for body in recovery.bodies("end") if "proven" in body["made"]]
    assert made == {"proven": serials, "certified": serials[:1]}


def test_another_certificate_that_came_into_the_slot_is_left_alone():
    recovery = to_yubikeys(held())
    card = recovery.rack.devices["new-a"].card
    recovery.operator.answers |= {"check:restore": lambda _: card.certificates.update({"9c": b"another"}) or True}
    recovery.operator.answers["error:prove"] = "stop"
    with pytest.raises(TokenError, match="holds another certificate in slot 9c"):
        recovery.hold()
    assert card.certificates == {"9c": b"another"}


def mortal(fate: Fate, genesis: Ceremony) -> Ceremony:
    volumes = {role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")}
    media = OldMedia(*old_volumes(genesis), volumes=volumes)
    rack = MortalRack(fate, FakeRack(FakeDevice("new-a", kind="yubikey")))
    return after(genesis, media=media, rack=rack, folder=MortalFolder(fate))


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_is_resumed_after_a_kill_at_any_act_around_the_certificate(when):
    genesis = held(custody=Custody.IMPORTED)
    whole = Fate()
    assert mortal(whole, genesis).hold() is ExitCode.DONE
    stored = whole.trace.index("store_certificate")
    for act in deaths(stored - 12, stored + 6, when):
        fate = Fate()
        ceremony = mortal(fate, genesis)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        try:
            ceremony.hold()
        except Killed:
            fate.live()
            assert ceremony.resume() is ExitCode.DONE, place
        else:
            assert when == "within", place  # acts on a token have no middle
        assert wrong(ceremony) == [], place
        card = ceremony.rack.devices["new-a"].card
        assert list(card.slots) == list(card.certificates) == ["9c"], place
        results = [body for body in ceremony.bodies("result") if body["action"] == "store-certificate"]
        assert len(results) == 1, place
