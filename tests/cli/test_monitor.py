# SPDX-License-Identifier: Apache-2.0
"""What the screen shows of the room: the air gap, and each medium that was put in."""

from __future__ import annotations

import shutil

import pytest

from ceremony.cli.monitor import RoomMonitor
from ceremony.core.ports import Gauge
from ceremony.volumes.media import FolderMedia
from tests.fakes.host import FakeHost

SHUT = Gauge("air gap", good=True, saw="shut")
OPEN = Gauge("air gap", good=False, saw="OPEN: eth0 is up")


@pytest.fixture
def media(tmp_path):
    """Two folders that were put in as volume a and courier."""
    for role in ("a", "courier"):
        (tmp_path / role).mkdir()
    found = FolderMedia({role: tmp_path / role for role in ("a", "courier")})
    return {role: found.open(role, *found.candidates(role)) for role in ("courier", "a")}


@pytest.mark.parametrize(("shut", "gauge"), [pytest.param(True, SHUT, id="shut"), pytest.param(False, OPEN, id="open")])
def test_says_whether_the_machine_is_cut_off(shut, gauge):
    host = FakeHost()
    host.gaps = [shut]
    assert RoomMonitor(host).look() == [gauge]


def test_says_which_media_are_in_and_which_are_gone(tmp_path, media):
    monitor = RoomMonitor(FakeHost())
    monitor.media = media
    assert monitor.look() == [SHUT, Gauge("volume a", good=True, saw="in"), Gauge("courier", good=True, saw="in")]
    shutil.rmtree(tmp_path / "a")
    assert monitor.look()[1] == Gauge("volume a", good=False, saw="GONE")
    assert monitor.look()[2] == Gauge("courier", good=True, saw="in")


def test_another_folder_in_its_place_is_not_the_medium(tmp_path, media):
    monitor = RoomMonitor(FakeHost())
    monitor.media = media
    (tmp_path / "other").mkdir()
    (tmp_path / "courier").rename(tmp_path / "away")
    (tmp_path / "other").rename(tmp_path / "courier")
    assert monitor.look()[2] == Gauge("courier", good=False, saw="GONE")
