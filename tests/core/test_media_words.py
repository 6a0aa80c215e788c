# SPDX-License-Identifier: Apache-2.0
"""How a medium is shown beside others."""

from __future__ import annotations

import pytest

from ceremony.core.media_words import bytes_in_words, listed, shown
from ceremony.core.ports import MediumIdentity, Option

STICK = MediumIdentity(
    serial="4C53", device="/dev/sdb", model="SanDisk Ultra", size=31 * 10**9, free=-1, folder=False,
    partition="/dev/sdb1", file_system="vfat", uuid="1B7F-0001", label="BACKUP A",
)  # fmt: skip
FOLDER = MediumIdentity("", "/tmp/a", "folder", 10**9, 999, folder=True, note="it is one", trouble="it is full")


def test_shows_what_tells_a_medium_apart_and_what_is_wrong_with_it() -> None:
    detail = "31.0 GB, vfat, label 'BACKUP A', /dev/sdb1"
    assert shown(STICK) == Option("4C53//dev/sdb1", "SanDisk Ultra, serial 4C53", detail)
    assert shown(FOLDER) == Option("", "folder", "1.0 GB, 999 bytes free, /tmp/a, it is one", "it is full")


def test_lists_those_that_can_serve_first_and_else_as_they_came() -> None:
    assert [option.label for option in listed([FOLDER, STICK, FOLDER])] == ["SanDisk Ultra, serial 4C53", "folder", "folder"]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
        (15_728_640, "15.7 MB"), (31_914_983_424, "31.9 GB"), (2 * 10**12, "2.0 TB"), (5 * 10**15, "5000.0 TB"),
    ],
)  # fmt: skip
def test_tells_bytes_as_they_are_printed_on_sticks(count: int, words: str) -> None:
    assert bytes_in_words(count) == words
