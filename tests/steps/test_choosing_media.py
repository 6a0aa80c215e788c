# SPDX-License-Identifier: Apache-2.0
"""Sticks that look alike: each is chosen by what tells it from the others, and none has two roles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.ports import MediumIdentity
from ceremony.errors import ExitCode
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.room import Ceremony


class Sticks:
    """Sticks on the table, each of which could be any of the three media."""

    def __init__(self, *identities: MediumIdentity) -> None:
        self.volumes = {identity.partition or identity.serial: FakeVolume(identity) for identity in identities}

    def candidates(self, _role: str) -> list[MediumIdentity]:
        return [volume.identity for volume in self.volumes.values()]

    def open(self, _role: str, identity: MediumIdentity) -> FakeVolume:
        return self.volumes[identity.partition or identity.serial]


def stick(serial: str, partition: str = "", **facts: object) -> MediumIdentity:
    return replace(fake_identity(serial, device=f"/dev/{serial}", folder=False), partition=partition, **facts)


@pytest.fixture
def ceremony() -> Ceremony:
    return Ceremony()


def test_a_stick_that_has_a_role_is_not_offered_for_another_and_the_last_one_is_the_courier(ceremony):
    ceremony.media = Sticks(stick("S1"), stick("S2"), stick("S3"))
    ceremony.operator.answers |= {"medium:a": "S2", "medium:b": "S3"}
    assert ceremony.hold() is ExitCode.DONE
    assert [option.key for option in ceremony.operator.question("medium:b").options] == ["S1", "S3"]
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
    assert told["S1//dev/sda1"] == "1000000000 bytes, 1000000000 free, vfat, ONE, /dev/S1"
    assert told["S1//dev/sda2"] == "1000000000 bytes, /dev/S1, it was used before"
    assert [option.key for option in ceremony.operator.question("medium:b").options] == ["S2", "S3"]


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
