# SPDX-License-Identifier: Apache-2.0
"""Folders in the place of media: told apart, refused when full, read-only, missing or the same one twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from ceremony.core.media_judge import LEAST_FREE
from ceremony.core.media_rules import refuse_shared_devices
from ceremony.errors import StorageError
from ceremony.volumes.media import FolderMedia


def _media(root: Path, **folders: str) -> FolderMedia:
    for name in set(folders.values()):
        (root / name).mkdir(exist_ok=True)
    return FolderMedia({role: root / name for role, name in folders.items()})


def test_tells_size_and_room(tmp_path: Path) -> None:
    (identity,) = _media(tmp_path, a="a").candidates("a")
    assert identity.size >= identity.free > 0
    assert identity.device == str(tmp_path / "a")


def test_the_same_folder_twice_is_refused_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "other-name").symlink_to(tmp_path / "stick")
    media = FolderMedia({"a": tmp_path / "stick", "b": tmp_path / "other-name"})
    with pytest.raises(StorageError, match="b: is on the same device as a"):
        refuse_shared_devices({role: media.candidates(role)[0] for role in ("a", "b")})


def test_three_folders_stand_side_by_side(tmp_path: Path) -> None:
    media = _media(tmp_path, a="a", b="b", courier="courier")
    refuse_shared_devices({role: media.candidates(role)[0] for role in ("a", "b", "courier")})


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="it is not there"):
        FolderMedia({"a": tmp_path / "missing"}).candidates("a")


def test_a_file_is_no_medium(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(StorageError, match="where a folder should be"):
        FolderMedia({"a": tmp_path / "a"}).candidates("a")


def test_a_role_without_a_folder_cannot_be_opened(tmp_path: Path) -> None:
    media = _media(tmp_path, a="a")
    with pytest.raises(StorageError, match="b: has no folder"):
        media.open("b", media.candidates("a")[0])


def test_old_folders_are_only_read_so_they_may_be_full_or_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(name.encode())
    media = FolderMedia({"a": tmp_path / "a"}, old=[tmp_path / "x", tmp_path / "y"])
    first, second = media.candidates("old")
    facts = _statvfs(tmp_path, {"f_flag": os.ST_RDONLY, "f_bavail": 0})
    monkeypatch.setattr(os, "statvfs", lambda _: facts)
    assert media.open("old", second).read("file") == b"y"
    shutil.rmtree(tmp_path / "x")
    media = FolderMedia({}, old=[tmp_path / "y"])
    with pytest.raises(StorageError, match=r"old: the folder folder-.* is not there any more"):
        media.open("old", first)


def _statvfs(path: Path, changed: Mapping[str, int]) -> os.statvfs_result:
    names = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail", "f_flag", "f_namemax")
    real = os.statvfs(path)
    return os.statvfs_result([changed.get(name, getattr(real, name)) for name in names])


UNFIT = [
    pytest.param({"f_flag": os.ST_RDONLY}, "is read-only", id="mounted read-only"),
    pytest.param({"f_frsize": 1, "f_bavail": LEAST_FREE - 1}, "is full: 262143 bytes are free", id="full"),
]


@pytest.mark.parametrize(("changed", "says"), UNFIT)
def test_refuses_to_open_what_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: Mapping[str, int], says: str
) -> None:
    media = _media(tmp_path, a="a")
    facts = _statvfs(tmp_path, changed)
    monkeypatch.setattr(os, "statvfs", lambda path: facts)
    with pytest.raises(StorageError, match=says):
        media.open("a", media.candidates("a")[0])


def test_notices_that_another_folder_came_back(tmp_path: Path) -> None:
    media = _media(tmp_path, a="a")
    volume = media.open("a", media.candidates("a")[0])
    volume.reopen()
    (tmp_path / "a").rename(tmp_path / "first")
    (tmp_path / "a").mkdir()
    with pytest.raises(StorageError, match="another folder came back"):
        volume.reopen()
    with pytest.raises(StorageError, match=r"is not the folder .* any more"):
        media.open("a", volume.identity)


def test_a_folder_is_present_while_it_is_there(tmp_path: Path) -> None:
    with_folder = _media(tmp_path, a="a")
    volume = with_folder.open("a", with_folder.look("a")[0])
    volume.write({"x": b"1"})
    volume.release()
    assert volume.present()
    (tmp_path / "a").rename(tmp_path / "away")
    assert not volume.present()
    (tmp_path / "a").mkdir()
    assert not volume.present()
    with_folder.close()
