# SPDX-License-Identifier: Apache-2.0
"""The old volume of a recovery is let go as soon as its backups are open, so that it can go back to where it is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ceremony.core.ports import Prompt
from ceremony.errors import ExitCode, Stopped, StorageError
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.recovery import OLD, OldMedia, after, held, old_volumes
from tests.fakes.room import Ceremony

FREE = "memory old-Fa is not needed any more: it can be taken out."


def noting(recovery: Ceremony, question: str, what: Callable[[], object]) -> list[object]:
    """Return a list to which what is then the case is added when a question is put."""
    seen: list[object] = []
    recovery.operator.answers[question] = lambda _: seen.append(what()) or True
    return seen


def test_the_old_volume_is_let_go_when_its_backups_are_open():
    genesis = held()
    (old,) = old_volumes(genesis)
    recovery = after(genesis, old=[old])
    seen = noting(recovery, "check:open-backup", lambda: old.released)
    recovery.operator.answers["check:tokens"] = lambda _: old.unplug()
    assert recovery.hold() is ExitCode.DONE
    assert seen == [True]
    assert old.pulled == 1
    assert recovery.operator.told.count(FREE) == 1


def test_after_an_interruption_it_is_asked_for_again_and_let_go_again():
    genesis = held()
    (old,) = old_volumes(genesis)
    recovery = after(genesis, old=[old])
    recovery.operator.stop_at = "restore:new-a"
    with pytest.raises(Stopped):
        recovery.hold()
    recovery.operator.stop_at = ""
    seen = noting(recovery, "restore:new-a", lambda: old.released)
    assert recovery.resume() is ExitCode.DONE
    assert {"volume": "old", "repository_keys": 2} in recovery.bodies("reopened")
    assert seen == [True]
    assert recovery.operator.told.count(FREE) == 2


def test_one_that_holds_no_backup_is_let_go_too_and_nothing_is_said_of_it():
    genesis = held()
    empty = FakeVolume(fake_identity("empty"))
    recovery = after(genesis, old=[empty])
    recovery.operator.answers["error:open-backup"] = "stop"
    with pytest.raises(StorageError, match="holds no backup of another ceremony"):
        recovery.hold()
    assert empty.released
    assert not [told for told in recovery.operator.told if "can be taken out" in told]


def test_one_that_was_pulled_too_early_is_missed_by_nobody():
    genesis = held()
    (old,) = old_volumes(genesis)
    recovery = after(genesis, old=[old])

    def lost() -> None:
        raise StorageError(old.name, "the device is gone", hint="plug it in again")

    old.release = lost
    assert recovery.hold() is ExitCode.DONE


def test_one_of_this_ceremony_s_own_two_stays_in():
    genesis = held()
    recovery = after(genesis, old=[])
    own = recovery.media.volumes["b"]
    own.files |= genesis.media.volumes["a"].files
    recovery.media.others = [own.identity]  # it has a role: as an old volume alone it cannot serve
    recovery.media.look = lambda role: OldMedia.look(recovery.media, role)
    seen = noting(recovery, "check:open-backup", lambda: own.released)
    assert recovery.hold() is ExitCode.DONE
    assert seen == [False]
    assert {path for path in own.files if path.startswith(OLD)} == {
        path for path in genesis.media.volumes["a"].files if path.startswith(OLD)
    }


def test_of_several_old_volumes_people_choose_and_see_what_cannot_serve():
    genesis = held()
    recovery = after(genesis, old=old_volumes(genesis, "a", "b"))
    recovery.media.others = [fake_identity("dead")]
    recovery.operator.answers["medium:old"] = "old-Fb"
    assert recovery.hold() is ExitCode.DONE
    asked = recovery.operator.question("medium:old")
    assert asked.prompt.title == "Which medium is the old volume?"
    assert [(option.key, bool(option.trouble)) for option in asked.options] == [
        ("old-Fa", False),
        ("old-Fb", False),
        ("dead", True),
    ]
    assert recovery.bodies("backup-opened")[0]["volume"] == "old-Fb"


def test_what_is_plugged_in_is_shown_while_an_old_volume_is_waited_for():
    genesis = held()
    (old,) = old_volumes(genesis)
    recovery = after(genesis, old=[])
    recovery.media.others = [fake_identity("dead")]

    def put_in(_: Prompt) -> bool:
        recovery.media.old.append(old)
        return True

    recovery.operator.answers["insert:old"] = put_in
    assert recovery.hold() is ExitCode.DONE
    assert [option.trouble for option in recovery.operator.question("insert:old").options] == ["it is write-protected"]
