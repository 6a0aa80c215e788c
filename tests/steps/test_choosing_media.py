# SPDX-License-Identifier: Apache-2.0
"""Sticks that look alike: each is chosen by what tells it from the others, and none has two roles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.ports import MediumIdentity
from ceremony.errors import ExitCode, StorageError
from ceremony.steps import runner
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.operator import ScriptedOperator
from tests.fakes.room import Ceremony


class Sticks:
    """Sticks on the table, each of which could be any of the three media."""

    def __init__(self, *identities: MediumIdentity) -> None:
        self.volumes = {identity.partition or identity.serial: FakeVolume(identity) for identity in identities}

    def look(self, _role: str) -> list[MediumIdentity]:
        return [volume.identity for volume in self.volumes.values() if volume.plugged]

    def candidates(self, role: str) -> list[MediumIdentity]:
        return [identity for identity in self.look(role) if not identity.trouble]

    def open(self, _role: str, identity: MediumIdentity) -> FakeVolume:
        return self.volumes[identity.partition or identity.serial]

    def close(self) -> None:
        """Let nothing go: nothing is mounted."""


def stick(serial: str, partition: str = "", **facts: object) -> MediumIdentity:
    return replace(fake_identity(serial, device=f"/dev/{serial}", folder=False), partition=partition, **facts)


def offered(ceremony: Ceremony, question: str) -> list[str]:
    """Return the keys of what could be chosen."""
    return [option.key for option in ceremony.operator.question(question).options if not option.trouble]


def listed(ceremony: Ceremony, question: str) -> list[tuple[str, str]]:
    """Return what stood on the screen: each medium, and why it cannot serve."""
    return [(option.label, option.trouble) for option in ceremony.operator.question(question).options]


def refused(ceremony: Ceremony, match: str) -> None:
    """Hold the ceremony, whose people stop at the first error of the step; no medium was written to."""
    ceremony.operator.answers["error:volumes"] = "stop"
    with pytest.raises(StorageError, match=match):
        ceremony.hold()
    assert not any(volume.files for volume in ceremony.media.volumes.values())


@pytest.fixture
def ceremony() -> Ceremony:
    return Ceremony()


def test_a_stick_that_has_a_role_is_not_offered_for_another_and_the_last_one_is_the_courier(ceremony):
    ceremony.media = Sticks(stick("S1"), stick("S2"), stick("S3"))
    ceremony.operator.answers |= {"medium:a": "S2", "medium:b": "S3"}
    assert ceremony.hold() is ExitCode.DONE
    assert offered(ceremony, "medium:b") == ["S1", "S3"]
    assert listed(ceremony, "medium:b")[2:] == [
        ("memory, serial S2", "it is on the same device as volume a (/dev/S2, serial S2)")
    ]
    assert [body["serial"] for body in ceremony.bodies("medium")] == ["S2", "S3", "S1"]


def test_two_partitions_of_one_stick_are_two_things_to_choose_and_one_device(ceremony):
    ceremony.media = Sticks(
        stick("S1", "/dev/sda1", label="ONE", file_system="vfat"),
        stick("S1", "/dev/sda2", free=-1, note="it was used before"),
        stick("S2"),
        stick("S3"),
    )
    ceremony.operator.answers |= {"medium:a": "S1//dev/sda2", "medium:b": "S2"}
    assert ceremony.hold() is ExitCode.DONE
    told = {option.key: option.detail for option in ceremony.operator.question("medium:a").options}
    assert told["S1//dev/sda1"] == "1.0 GB, 1.0 GB free, vfat, label 'ONE', /dev/sda1"
    assert told["S1//dev/sda2"] == "1.0 GB, /dev/sda2, it was used before"
    assert offered(ceremony, "medium:b") == ["S2", "S3"]


def test_sticks_that_go_in_one_after_the_other_are_waited_for(ceremony):
    sticks = ceremony.media = Sticks(stick("S1"))
    waiting = [stick("S2"), stick("S3")]

    def put(_: object) -> bool:
        identity = waiting.pop(0)
        sticks.volumes[identity.serial] = FakeVolume(identity)
        return True

    ceremony.operator.answers |= {"insert:b": put, "insert:courier": put}
    assert ceremony.hold() is ExitCode.DONE
    assert [body["serial"] for body in ceremony.bodies("medium")] == ["S1", "S2", "S3"]


def test_what_is_plugged_in_and_cannot_serve_is_shown_with_the_reason_while_one_is_waited_for(ceremony):
    sticks = ceremony.media = Sticks(
        stick("S1", label="HOLIDAY", file_system="ntfs", trouble="its file system is ntfs"), stick("S2"), stick("S3")
    )

    def put(_: object) -> bool:
        sticks.volumes["S4"] = FakeVolume(stick("S4"))
        return True

    ceremony.operator.answers |= {"medium:a": "S2", "insert:courier": put}
    assert ceremony.hold() is ExitCode.DONE
    assert listed(ceremony, "medium:a") == [
        ("memory, serial S2", ""),
        ("memory, serial S3", ""),
        ("memory, serial S1", "its file system is ntfs"),
    ]
    assert listed(ceremony, "insert:courier") == [
        ("memory, serial S1", "its file system is ntfs"),
        ("memory, serial S2", "it is on the same device as volume a (/dev/S2, serial S2)"),
        ("memory, serial S3", "it is on the same device as volume b (/dev/S3, serial S3)"),
    ]


def test_a_stick_that_is_pulled_as_it_is_chosen_is_not_taken(ceremony):
    sticks = ceremony.media = Sticks(stick("S1"), stick("S2"), stick("S3"), stick("S4"))

    class Hasty(ScriptedOperator):
        def choose(self, prompt, options, now=None):
            chosen = super().choose(prompt, options, now)
            if self.keys.count("medium:a") == 1:
                sticks.volumes["S1"].unplug()
                assert now is not None
                assert [option.key for option in now()] == ["S2", "S3", "S4"]
            return chosen

    ceremony.operator = Hasty(answers={"medium:a": ["S1", "S2"]})
    ceremony.__post_init__()
    assert ceremony.hold() is ExitCode.DONE
    assert [body["serial"] for body in ceremony.bodies("medium")] == ["S2", "S3", "S4"]


# --- no device has two roles ---


TWICE = [
    pytest.param((stick("S1", "/dev/sda1"), stick("S1", "/dev/sda2")), "b", "volume a", id="two partitions of one device"),
    pytest.param((stick("S1"),), "b", "volume a", id="one stick twice"),
    pytest.param((stick("S1"), stick("S2")), "courier", "volume a", id="the courier is volume a"),
    pytest.param((stick("S1"), stick("S2", "/dev/sdb1"), stick("S2", "/dev/sdb2")), "courier", "volume b", id="on volume b"),
]


@pytest.mark.parametrize(("sticks", "role", "other"), TWICE)
def test_a_device_that_has_a_role_is_refused_for_another(ceremony, sticks, role, other):
    ceremony.media = Sticks(*sticks)
    ceremony.operator.answers |= {"medium:b": "S2//dev/sdb1"}
    refused(ceremony, r"(volume b|the courier): no medium that could serve is here")
    why = [trouble for _, trouble in listed(ceremony, f"insert:{role}")]
    assert len(why) == len(sticks)
    assert all(trouble.startswith("it is on the same device as volume") for trouble in why)
    assert any(f"as {other} (" in trouble for trouble in why)


FOLDERS = [
    pytest.param("b", "a", "/media/Fa", id="one folder twice"),
    pytest.param("b", "a", "/media/Fa/inside", id="one folder in another"),
    pytest.param("courier", "b", "/media/Fb", id="the courier is volume b"),
]


@pytest.mark.parametrize(("role", "other", "place"), FOLDERS)
def test_a_folder_that_has_a_role_is_refused_for_another(ceremony, role, other, place):
    ceremony.media = FakeMedia()
    ceremony.media.volumes[role] = FakeVolume(fake_identity(f"F{role}", device=place))
    refused(ceremony, f"{role}: is on the same device as {other} ")


def test_a_stick_that_the_site_does_not_name_is_not_taken_and_the_reason_is_shown(ceremony):
    ceremony.media = Sticks(stick("S1"), stick("S2"))
    room = ceremony.begin()
    room.site_volumes = {"a": "S9"}
    ceremony.operator.answers["error:volumes"] = "stop"
    with pytest.raises(StorageError, match="volume a: no medium S9 is here"):
        runner.hold(room, ceremony.steps, ceremony.operator)
    assert {trouble for _, trouble in listed(ceremony, "insert:a")} == {"the site file names serial S9 as volume a"}
