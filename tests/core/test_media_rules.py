# SPDX-License-Identifier: Apache-2.0
"""Which names a file on a medium may have, and which media may stand side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.media_rules import check_path, refuse_shared_devices, shares_device
from ceremony.core.ports import MediumIdentity
from ceremony.errors import StorageError


def _medium(serial: str, device: str, *, folder: bool = False) -> MediumIdentity:
    return MediumIdentity(serial=serial, device=device, model="stick", size=1, free=1, folder=folder)


SHARED = [
    pytest.param(_medium("1", "/dev/sda"), _medium("2", "/dev/sda"), id="two partitions of one stick"),
    pytest.param(_medium("1", "/dev/sda"), _medium("1", "/dev/sdb"), id="one serial"),
    pytest.param(_medium("1", "/r/a", folder=True), _medium("2", "/r/a/b", folder=True), id="a folder inside the other"),
    pytest.param(_medium("1", "/r/a/b", folder=True), _medium("2", "/r/a", folder=True), id="a folder around the other"),
    pytest.param(_medium("1", "/", folder=True), _medium("2", "/a", folder=True), id="the whole machine"),
]


@pytest.mark.parametrize(("first", "second"), SHARED)
def test_refuses_two_media_that_are_one(first: MediumIdentity, second: MediumIdentity) -> None:
    with pytest.raises(StorageError, match="courier: is on the same device as b") as caught:
        refuse_shared_devices({"a": _medium("0", "/dev/sdz"), "b": first, "courier": second})
    assert caught.value.store == "courier"


def test_takes_media_that_are_apart() -> None:
    refuse_shared_devices(
        {
            "a": _medium("1", "/dev/sda"),
            "b": _medium("2", "/dev/sda/else"),
            "courier": _medium("3", "/r/ab", folder=True),
            "d": _medium("4", "/r/a", folder=True),
        }
    )


def test_two_without_any_serial_are_told_apart_by_their_device() -> None:
    refuse_shared_devices({"a": _medium("", "/dev/sda"), "b": _medium("", "/dev/sdb")})


def test_tells_with_which_medium_another_shares_its_device() -> None:
    chosen = {"a": _medium("1", "/dev/sda"), "b": _medium("2", "/dev/sdb")}
    assert shares_device(_medium("3", "/dev/sdb"), chosen) == "is on the same device as b (/dev/sdb, serial 3)"
    assert shares_device(_medium("3", "/dev/sdc"), chosen) == ""


def test_takes_names_of_any_language() -> None:
    assert check_path("stick", "tuf/reg.example:5000/ä b/root.json") == ("tuf", "reg.example:5000", "ä b", "root.json")


@given(st.text(alphabet="a./\\\n\x7f\ud800é"))
def test_every_name_is_safe_or_refused(path: str) -> None:
    try:
        parts = check_path("stick", path)
    except StorageError:
        return
    assert "/".join(parts) == path
    assert all(part not in {"", ".", ".."} for part in parts)
    assert path.encode().isascii() or "é" in path
    assert not set(path) & set("\\\n\x7f\ud800")
