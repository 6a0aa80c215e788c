# SPDX-License-Identifier: Apache-2.0
"""A recovery that is killed at any act is resumed to a folder that audits, with the right key on each token, once."""

from __future__ import annotations

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.plan import Custody
from ceremony.errors import CeremonyError, ExitCode, Stopped, TokenLost, VerificationError
from tests.fakes.folder import fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume, deaths
from tests.fakes.recovery import (
    SHARES,
    OldMedia,
    after,
    flip,
    held,
    key_ids,
    old_volumes,
    publics,
    recovery_plan,
    root_path,
    spoil,
)
from tests.fakes.room import Ceremony
from tests.fakes.token import fake_rack


def mortal(fate: Fate, genesis: Ceremony, *tokens: str) -> Ceremony:
    volumes = {role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")}
    tokens = tokens or ("new-a",)
    return after(
        genesis,
        recovery_plan(*tokens, trusted_root=key_ids(genesis)),
        media=OldMedia(*old_volumes(genesis), volumes=volumes),
        rack=MortalRack(fate, fake_rack(*tokens)),
        folder=MortalFolder(fate),
    )


def resume_to_the_end(ceremony: Ceremony, wanted: list[object], place: str) -> None:
    assert ceremony.resume() is ExitCode.DONE, place
    assert [f for f in audit(ceremony.folder).findings if f.level is not Level.OK] == [], place
    assert list(publics(ceremony).values()) == wanted, place
    assert all(len(device.keys) == 1 for device in ceremony.rack.devices.values()), place


@pytest.mark.parametrize(
    ("custody", "when"),
    [
        (Custody.TOKEN_WRAPPED, "before"),
        (Custody.TOKEN_WRAPPED, "within"),
        (Custody.TOKEN_WRAPPED, "after"),
        (Custody.IMPORTED, "before"),
        (Custody.IMPORTED, "after"),
    ],
)
def test_is_resumed_wherever_it_was_killed(custody, when):
    genesis = held(custody=custody)
    wanted = list(publics(genesis).values())
    whole = Fate()
    assert mortal(whole, genesis).hold() is ExitCode.DONE
    first = next(act for act, what in enumerate(whole.trace) if what.startswith("append"))
    for act in deaths(first + 1, whole.acts, when):
        fate = Fate()
        ceremony = mortal(fate, genesis)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        try:
            ceremony.hold()
        except Killed:
            fate.live()
            resume_to_the_end(ceremony, wanted, place)
        else:
            assert when == "within", place  # acts on a token have no middle


@pytest.mark.parametrize("method", ["unwrap", "lock", "sign"])
@pytest.mark.parametrize("late", [True, False], ids=["just after", "just before"])
def test_a_token_that_is_lost_around_an_act_is_put_back_and_the_step_goes_on(method, late):
    genesis = held("root-a", "root-b")
    recovery = after(genesis, recovery_plan("new-a", "new-b", trusted_root=key_ids(genesis)))
    recovery.rack.devices["new-b"].lose_at(1, method, after=late)
    assert recovery.hold() is ExitCode.DONE
    assert list(publics(recovery).values()) == list(publics(genesis).values())
    assert [f for f in audit(recovery.folder).findings if f.level is not Level.OK] == []


def test_a_choice_that_was_begun_is_not_asked_again():
    genesis = held("root-a", "root-b", "root-c")
    recovery = after(genesis, recovery_plan("new-a", "new-b", trusted_root=key_ids(genesis)))
    wanted = publics(genesis)
    recovery.operator.answers |= {"which:new-a": wanted["root-c"].sha256, "which:new-b": wanted["root-a"].sha256}
    recovery.rack.devices["new-b"].lose_at(1, "unwrap", after=True)
    recovery.operator.answers["error:restore"] = "stop"
    with pytest.raises(TokenLost):
        recovery.hold()
    asked = len(recovery.operator.keys)
    resume_to_the_end(recovery, [wanted["root-c"], wanted["root-a"]], "after the loss")
    assert not [key for key in recovery.operator.keys[asked:] if key.startswith("which:")]
    assert "The key was restored to new-b before the interruption: it is there." in recovery.operator.told


def test_the_old_backup_is_opened_again_with_its_shares_after_an_interruption():
    genesis = held(protect=SHARES)
    recovery = after(genesis)
    recovery.operator.stop_at = "check:prove"
    with pytest.raises(Stopped):
        recovery.hold()
    recovery.operator.stop_at = ""
    asked = len(recovery.operator.keys)
    resume_to_the_end(recovery, list(publics(genesis).values()), "after a stop")
    assert [key for key in recovery.operator.keys[asked:] if key.startswith("old-share:")] == ["old-share:1", "old-share:2"]
    assert {"volume": "old", "repository_keys": 2} in recovery.bodies("reopened")


def interrupted(genesis: Ceremony) -> Ceremony:
    """Return a recovery that was stopped after its backup was opened."""
    recovery = after(genesis, recovery_plan("new-a", "new-b", trusted_root=key_ids(genesis)))
    recovery.operator.stop_at = "restore:new-a"
    with pytest.raises(Stopped):
        recovery.hold()
    recovery.operator.stop_at = ""
    recovery.operator.answers["error:restore"] = "stop"
    return recovery


def test_a_volume_that_gives_less_than_before_is_refused_after_an_interruption():
    genesis = held("root-a", "root-b")
    recovery = interrupted(genesis)
    recovery.media.old = [spoil(genesis, root_path(genesis, "root-b"), flip)]
    with pytest.raises(VerificationError, match=r"does not give what it gave before: .*private/root-.*\.age: is damaged"):
        recovery.resume()


def test_a_volume_without_the_old_ceremony_is_refused_after_an_interruption():
    genesis = held("root-a", "root-b")
    recovery = interrupted(genesis)
    (old,) = old_volumes(genesis)
    old.files = {path: data for path, data in old.files.items() if not path.endswith("identity.age")}
    recovery.media.old = [old]
    with pytest.raises(CeremonyError, match="holds no backup of ceremony c0c0"):
        recovery.resume()
