# SPDX-License-Identifier: Apache-2.0
"""What two people decide, both sign: with keys of their own, each for one act, and an interruption takes neither's place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ceremony.core import consent, cosign, roll
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG, slug
from ceremony.core.claims import ACTION as CLAIM
from ceremony.core.consent import CONSENTS, NAMESPACE, parse
from ceremony.core.log import read
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, ExitCode, VerificationError
from tests.fakes.cosigner import FakeCosigner
from tests.fakes.folder import FakeMedia, fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume
from tests.fakes.room import Ceremony, fast_seal
from tests.fakes.token import fake_rack
from tests.steps.test_claiming import claims, production
from tests.steps.test_prepare import device_of, occupied
from tests.steps.test_refusals import hold

__all__ = ["fast_seal"]

ADA, WIM = (f"{CONSENTS}{number}-{slug(name)}" for number, name in (("001", "Ada"), ("002", "Wim")))
Sign = Callable[[FakeCosigner, str, bytes], bytes | None]


class Bent(FakeCosigner):
    """The keys of others; for a consent, one of them does something else."""

    def __init__(self, keys: FakeCosigner, person: str, instead: Sign) -> None:
        self.keys, self.person, self.instead = keys, person, instead

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        if (person, namespace) == (self.person, NAMESPACE):
            return self.instead(self.keys, person, message)
        return self.keys.sign(person, namespace, message)

    def elsewhere(self, person: str, namespace: str, message: bytes) -> bytes:
        return self.keys.elsewhere(person, namespace, message)


def bend(ceremony: Ceremony, instead: Sign, person: str = "Wim") -> Ceremony:
    """Let one person do something else than to sign that they agree."""
    ceremony.cosigner = Bent(ceremony.cosigner, person, instead)
    return ceremony


def wiped() -> Ceremony:
    """Return a practice that wipes a YubiKey."""
    ceremony = occupied("9c")
    ceremony.operator.answers["occupied:root-a"] = "wipe"
    ceremony.operator.secrets = {}
    return ceremony


def kept(ceremony: Ceremony) -> list[str]:
    return sorted(path for path in ceremony.folder.files if path.startswith(CONSENTS))


def wiping(ceremony: Ceremony) -> list[dict]:
    return [body for body in ceremony.bodies("intent") if body["action"] == consent.WIPE_TOKEN]


def not_right(ceremony: Ceremony) -> list[str]:
    """Return what audit has against a folder, besides that nobody brought keys from outside it."""
    return [f"{f.subject}: {f.text}" for f in audit(ceremony.folder).findings if f.level is not Level.OK and f.subject != "mode"]


# --- with keys ---


def test_both_sign_for_the_act_and_for_the_log_as_it_was_when_they_were_asked():
    ceremony = production()
    assert ceremony.hold() is ExitCode.DONE
    (claim,) = claims(ceremony)
    assert (claim["by"], claim["consents"]) == (["Ada", "Wim"], [f"{ADA}.txt", f"{WIM}.txt"])
    assert kept(ceremony) == [f"{name}.{end}" for name in (ADA, WIM) for end in ("sig", "txt")]
    records = read(ceremony.folder.files[LOG]).records
    for name, person in ((ADA, "Ada"), (WIM, "Wim")):
        text = ceremony.folder.files[f"{name}.txt"]
        said = parse(text, name)
        assert (said.ceremony, said.act, said.person) == (ceremony.ceremony, f"claim-hardware {claim['key']}", person)
        assert records[said.entries].prev == said.chain
        assert records[said.entries].kind == "files"
        assert records[said.entries + 1].body.get("action") == CLAIM
        key = cosign.parse_public_key(ceremony.cosigner.line(person))
        cosign.verify(ceremony.folder.files[f"{name}.sig"], text, key, NAMESPACE)
    assert not_right(ceremony) == []


def test_each_signs_after_the_word_that_they_typed():
    ceremony = production()
    typed_first: list[tuple[str, str]] = []

    def look(keys: FakeCosigner, person: str, message: bytes) -> bytes | None:
        typed_first.append((person, ceremony.operator.keys[-1]))
        return keys.sign(person, NAMESPACE, message)

    bend(bend(ceremony, look), look, "Ada")
    assert ceremony.hold() is ExitCode.DONE
    assert typed_first == [("Ada", "claim:root-a"), ("Wim", "claim:root-a:second")]


def test_a_wipe_is_signed_for_before_it_is_announced():
    ceremony = wiped()
    assert ceremony.hold() is ExitCode.DONE
    (intent,) = wiping(ceremony)
    assert intent["consents"] == [f"{ADA}.txt", f"{WIM}.txt"]
    assert {parse(ceremony.folder.files[path], path).act for path in intent["consents"]} == {f"wipe-token {intent['key']}"}
    assert not_right(ceremony) == []


def test_every_act_is_signed_for_anew():
    ceremony = production("root-a", "root-b")
    assert ceremony.hold() is ExitCode.DONE
    listed = [path for claim in claims(ceremony) for path in claim["consents"]]
    assert [path[len(CONSENTS) :][:3] for path in listed] == ["001", "002", "003", "004"]
    assert len({ceremony.folder.files[path] for path in listed}) == 4
    assert not_right(ceremony) == []


# --- without ---


def nothing(_: FakeCosigner, __: str, ___: bytes) -> None:
    return None


@pytest.mark.parametrize("person", ["Ada", "Wim"])
def test_who_cannot_sign_in_a_production_has_not_agreed(person):
    ceremony = bend(production(), nothing, person)
    hold(
        ceremony, CeremonyError, f"^{person} did not sign that they agree: root-a, serial .* is a device and no program", "tokens"
    )
    assert (claims(ceremony), kept(ceremony)) == ([], [])


@pytest.mark.parametrize("person", ["Ada", "Wim"])
def test_nor_has_who_answered_a_practice_s_roll_call_with_a_key(person):
    ceremony = bend(wiped(), nothing, person)
    hold(ceremony, CeremonyError, f"^{person} did not sign that they agree: Wipe root-a", "prepare")
    assert (wiping(ceremony), kept(ceremony)) == ([], [])
    assert "wipe" not in device_of(ceremony).calls


def test_who_has_no_key_in_a_practice_types_the_word():
    ceremony = wiped()
    ceremony.cosigner.absent = {"Ada", "Sam", "Wim"}
    assert ceremony.hold() is ExitCode.INCOMPLETE
    assert {body["how"] for body in ceremony.bodies("roll-call")} == {roll.TYPED}
    (intent,) = wiping(ceremony)
    assert (intent["by"], intent["consents"]) == (["Ada", "Wim"], [])
    assert not_right(ceremony) == ["quorum: the final head lacks signatures that the plan's quorum asks for"]


def test_one_of_the_two_can_have_a_key_in_a_practice():
    ceremony = wiped()
    ceremony.cosigner.absent = {"Ada"}
    assert ceremony.hold() is ExitCode.DONE
    (intent,) = wiping(ceremony)
    assert intent["consents"] == [f"{CONSENTS}001-{slug('Wim')}.txt"]
    assert not_right(ceremony) == []


def test_a_signature_over_something_else_is_no_consent():
    ceremony = bend(production(), lambda keys, person, message: keys.sign(person, NAMESPACE, message + b"\n"))
    hold(ceremony, VerificationError, "^consent of Wim: does not verify", "tokens")
    assert (claims(ceremony), kept(ceremony)) == ([], [])


def test_another_person_s_signature_is_no_consent():
    ceremony = bend(production(), lambda keys, _, message: keys.sign("Sam", NAMESPACE, message))
    hold(ceremony, VerificationError, "^consent of Wim: was made by another key", "tokens")


def test_who_signed_is_asked_again_when_the_other_one_did_not_agree_at_first():
    ceremony = production()
    ceremony.operator.answers["claim:root-a:second"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.cosigner.signed.count(("Ada", NAMESPACE)) == 2
    assert len(kept(ceremony)) == 4
    assert not_right(ceremony) == []


# --- interrupted ---


def mortal(fate: Fate) -> Ceremony:
    """Return a production that can be killed at any act."""
    media = FakeMedia({role: MortalVolume(fate, fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    rack = MortalRack(fate, fake_rack("root-a", software=False))
    return Ceremony(plan=production().plan, mode=Mode.PRODUCTION, folder=MortalFolder(fate), media=media, rack=rack)


def test_killed_between_the_two_signatures_nobody_has_agreed_to_anything():
    ceremony = mortal(Fate())
    dies = [Killed("the second signature")]

    def die(keys: FakeCosigner, person: str, message: bytes) -> bytes | None:
        if dies:
            raise dies.pop()
        return keys.sign(person, NAMESPACE, message)

    bend(ceremony, die)
    with pytest.raises(Killed):
        ceremony.hold()
    assert kept(ceremony) == []
    assert ceremony.resume() is ExitCode.DONE
    assert [ceremony.operator.keys.count(key) for key in ("claim:root-a", "claim:root-a:second")] == [2, 2]
    assert (len(claims(ceremony)), len(kept(ceremony))) == (1, 4)
    assert not_right(ceremony) == []


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_killed_at_any_act_around_a_claim_it_is_made_once_by_two_who_were_asked_after_that(when):
    whole = Fate()
    ceremony = mortal(whole)
    assert ceremony.hold() is ExitCode.DONE
    first = min(place for place, what in enumerate(whole.trace) if CONSENTS in what)
    for act in range(first, first + 12):
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        with pytest.raises(Killed):
            ceremony.hold()
        fate.live()
        assert ceremony.resume() is ExitCode.DONE, place
        assert not_right(ceremony) == [], place
        (claim,) = claims(ceremony)
        records = read(ceremony.folder.files[LOG]).records
        resumed = next(record.seq for record in records if record.kind == "resume")
        claimed = next(record.seq for record in records if record.body.get("action") == CLAIM)
        said = [parse(ceremony.folder.files[path], path) for path in claim["consents"]]
        assert [one.person for one in said] == claim["by"], place
        assert all((one.entries > resumed) == (claimed > resumed) for one in said), place
