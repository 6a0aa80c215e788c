# SPDX-License-Identifier: Apache-2.0
"""What every folder promises (ports.Folder, ports.Volume), held against the fakes and the real ones alike."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ceremony.core.ports import Folder, Media, Volume
from ceremony.errors import StorageError
from ceremony.volumes.media import FolderMedia, FolderVolume, identify
from ceremony.volumes.store import FolderStore
from ceremony.volumes.usb import UsbVolume
from tests.fakes.folder import FakeFolder, FakeMedia, FakeVolume, fake_identity
from tests.peers.usb import Hub


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UsbVolume]:
    with Hub(tmp_path_factory.mktemp("usb")) as hub, hub.media() as media:
        hub.stick(mib=32)
        yield media.open("a", media.candidates("a")[0])


FOLDERS: dict[str, Callable[[Path], Folder]] = {
    "FakeFolder": lambda path: FakeFolder(),
    "FakeVolume": lambda path: FakeVolume(fake_identity("F1")),
    "FolderStore": FolderStore,
    "FolderVolume": lambda path: FolderVolume(path, identify(path)),
}


@pytest.fixture(params=[*FOLDERS, "UsbVolume"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param != "UsbVolume":
        return FOLDERS[request.param](tmp_path)
    stick: UsbVolume = request.getfixturevalue("stick")
    for entry in stick.path.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return stick


def test_gives_back_what_was_written(folder: Folder) -> None:
    files = {"log": b"one\n", "a/b/c": bytes(range(256)), "a/b/d": b"", "a/e": b"x" * 3_000_000, "a/f": b"y" * (2 << 20)}
    folder.write(files)
    assert {name: folder.read(name) for name in folder.names()} == files
    assert {name: folder.size(name) for name in files} == {name: len(data) for name, data in files.items()}


def test_lists_all_files_sorted_bytewise(folder: Folder) -> None:
    folder.write(dict.fromkeys(["b", "a-b", "a/b", "a.b", "D/z", "z", "c/1"], b""))
    assert list(folder.names()) == ["D/z", "a-b", "a.b", "a/b", "b", "c/1", "z"]


def test_a_folder_of_the_machine_takes_names_of_any_language(tmp_path: Path) -> None:
    for folder in (FolderStore(tmp_path), FakeFolder()):
        folder.write({"reg.example:5000/é": b"1", "b": b"", "B": b""})
        assert list(folder.names()) == ["B", "b", "reg.example:5000/é"]


def test_an_empty_folder_has_no_names_and_takes_no_files(folder: Folder) -> None:
    folder.write({})
    assert list(folder.names()) == []


def test_tells_whether_a_file_or_folder_is_there(folder: Folder) -> None:
    folder.write({"a/b/c": b"1"})
    there = ["a", "a/b", "a/b/c", "a/b/c/d", "a/x", "x/y", "b"]
    assert [folder.exists(path) for path in there] == [True, True, True, False, False, False, False]


def test_never_overwrites_and_leaves_none_of_a_refused_write(folder: Folder) -> None:
    folder.write({"b/old": b"old"})
    with pytest.raises(StorageError, match=r"b/old.* exists already"):
        folder.write({"a/new": b"1", "b/old": b"2", "c/new": b"3"})
    assert {name: folder.read(name) for name in folder.names()} == {"b/old": b"old"}


def test_writes_a_stream_and_tells_its_digest(folder: Folder) -> None:
    chunks = [b"a" * 70_000, b"", b"b"]
    assert folder.write_stream("x/big.tar", iter(chunks)) == hashlib.sha256(b"".join(chunks)).hexdigest()
    assert folder.read("x/big.tar") == b"".join(chunks)
    with pytest.raises(StorageError, match=r"x/big\.tar.* exists already"):
        folder.write_stream("x/big.tar", [b""])


def test_leaves_nothing_of_a_stream_whose_source_failed(folder: Folder) -> None:
    def source() -> Iterator[bytes]:
        yield b"half"
        raise StorageError("elsewhere", "could not be read", hint="")

    with pytest.raises(StorageError, match="elsewhere: could not be read"):
        folder.write_stream("x", source())
    assert not folder.exists("x")


def test_appends_to_a_file_that_it_makes(folder: Folder) -> None:
    for data in (b"", b"one\n", b"two\n"):
        folder.append("log/live", data)
    assert folder.read("log/live") == b"one\ntwo\n"


def test_truncates_to_a_length(folder: Folder) -> None:
    folder.write({"log": b"one\ntor"})
    folder.truncate("log", 4)
    assert folder.read("log") == b"one\n"


def test_never_makes_a_file_longer_by_truncating(folder: Folder) -> None:
    folder.write({"log": b"one"})
    with pytest.raises(StorageError, match="log has fewer than the 4 bytes to keep"):
        folder.truncate("log", 4)
    assert folder.read("log") == b"one"


def test_removes_one_file(folder: Folder) -> None:
    folder.write({"a": b"1", "b": b"2"})
    folder.remove("a")
    assert list(folder.names()) == ["b"]


def test_sets_a_file_aside(folder: Folder) -> None:
    folder.write({"a/torn": b"1"})
    folder.set_aside("a/torn", "aside/torn")
    assert {name: folder.read(name) for name in folder.names()} == {"aside/torn": b"1"}


def test_sets_nothing_aside_over_something_else(folder: Folder) -> None:
    folder.write({"torn": b"1", "taken": b"2"})
    with pytest.raises(StorageError, match=r"taken.* exists already"):
        folder.set_aside("torn", "taken")
    assert (folder.read("torn"), folder.read("taken")) == (b"1", b"2")


MISSING = ["read", "size", "remove", "truncate", "set_aside"]


@pytest.mark.parametrize("operation", MISSING)
def test_says_that_a_file_is_not_there(folder: Folder, operation: str) -> None:
    arguments: dict[str, list[object]] = {"truncate": [0], "set_aside": ["aside"]}
    with pytest.raises(StorageError, match=r"nowhere.* is not there") as caught:
        getattr(folder, operation)("nowhere", *arguments.get(operation, []))
    assert caught.value.store == folder.name
    assert caught.value.hint


PATHS = [
    pytest.param("", id="empty"),
    pytest.param("/etc/passwd", id="absolute"),
    pytest.param("../outside", id="above"),
    pytest.param("a/../../outside", id="above, further down"),
    pytest.param("a/./b", id="a dot"),
    pytest.param("a//b", id="an empty part"),
    pytest.param("a/", id="a slash at the end"),
    pytest.param("a\\b", id="a backslash"),
    pytest.param("a\nb", id="a newline"),
    pytest.param("a\x00b", id="a nought"),
    pytest.param("a\x7fb", id="delete"),
    pytest.param("a\udc80b", id="not UTF-8"),
]


@pytest.mark.parametrize("path", PATHS)
def test_refuses_names_that_lead_elsewhere(folder: Folder, path: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: folder.write({path: b""}),
        lambda: folder.write_stream(path, []),
        lambda: folder.read(path),
        lambda: folder.exists(path),
        lambda: folder.size(path),
        lambda: folder.append(path, b""),
        lambda: folder.truncate(path, 0),
        lambda: folder.remove(path),
        lambda: folder.set_aside(path, "b"),
    ]
    for call in calls:
        with pytest.raises(StorageError, match="is not a name for a file inside it"):
            call()
    folder.write({"a": b""})
    with pytest.raises(StorageError, match="is not a name for a file inside it"):
        folder.set_aside("a", path)
    assert list(folder.names()) == ["a"]


# --- volumes and media ----------------------------------------------------------

ROLES = ("a", "b", "courier")


def _fake(_: Path) -> Iterator[Media]:
    yield FakeMedia()


def _folders(root: Path) -> Iterator[Media]:
    for role in ROLES:
        (root / role).mkdir()
    yield FolderMedia({role: root / role for role in ROLES})


def _sticks(root: Path) -> Iterator[Media]:
    with Hub(root) as hub, hub.media() as media:
        for role in ROLES:
            hub.stick(serial=f"4C53-{role}")
        yield media


@pytest.fixture(params=[_fake, _folders, _sticks], ids=["FakeMedia", "FolderMedia", "UsbMedia"])
def media(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Media]:
    yield from request.param(tmp_path)


def opened(media: Media) -> dict[str, Volume]:
    """Open one medium for each role."""
    return {role: media.open(role, media.candidates(role)[0]) for role in ROLES}


def test_opens_what_it_showed(media: Media) -> None:
    volumes = opened(media)
    for role, volume in volumes.items():
        assert volume.identity.serial in {identity.serial for identity in media.look(role)}
        volume.write({"who": role.encode()})
        volume.reopen()
    assert {role: volume.read("who") for role, volume in volumes.items()} == {role: role.encode() for role in ROLES}
    assert len({volume.name for volume in volumes.values()}) == 3
    assert len({volume.identity.serial for volume in volumes.values()}) == 3


def test_shows_what_could_serve_and_says_of_everything_else_why_not(media: Media) -> None:
    for role in ROLES:
        seen, serving = media.look(role), list(media.candidates(role))
        # But for what is free on a disk, which changes between two looks.
        assert [replace(identity, free=0) for identity in serving] == [
            replace(identity, free=0) for identity in seen if not identity.trouble
        ]
        assert serving
    opened(media)
    for role in ROLES:
        assert len([identity for identity in media.look(role) if not identity.trouble]) == 1, "the others have a role by now"


def test_a_role_without_a_medium_has_no_candidates(tmp_path: Path) -> None:
    for kind in (_fake, _folders):
        (media,) = kind(tmp_path)
        assert list(media.look("d")) == list(media.candidates("d")) == []


def test_nothing_is_read_or_written_between_letting_go_and_opening_again(media: Media) -> None:
    volume = opened(media)["a"]
    volume.write({"log": b"one\n"})
    for _ in range(2):
        volume.release()
        assert volume.present(), "it was not pulled"
        calls: list[Callable[[], object]] = [
            lambda: volume.read("log"),
            lambda: volume.exists("log"),
            lambda: volume.size("log"),
            volume.names,
            lambda: volume.write({"new": b""}),
            lambda: volume.write_stream("new", [b""]),
            lambda: volume.truncate("log", 0),
            lambda: volume.set_aside("log", "aside"),
            lambda: volume.remove("log"),
        ]
        for call in calls:
            with pytest.raises(StorageError, match="was let go") as caught:
                call()
            assert caught.value.store == volume.name
    volume.reopen()
    volume.append("log", b"two\n")
    assert {name: volume.read(name) for name in volume.names()} == {"log": b"one\ntwo\n"}


def test_a_log_that_was_let_go_is_written_to_no_more_until_it_is_opened_anew(media: Media) -> None:
    volume = opened(media)["a"]
    volume.append("log", b"one\n")
    volume.release()
    for _ in range(2):
        with pytest.raises(StorageError):
            volume.append("log", b"two\n")
    again = media.open("a", volume.identity)
    again.append("log", b"two\n")
    assert again.read("log") == b"one\ntwo\n"


def test_lets_everything_go_at_the_end(media: Media) -> None:
    volumes = opened(media)
    media.close()
    for volume in volumes.values():
        with pytest.raises(StorageError, match="was let go"):
            volume.names()
    media.close()


def test_refuses_to_open_a_medium_that_is_not_there(media: Media) -> None:
    with pytest.raises(StorageError, match=r"the medium gone is gone|is not the folder gone any more|it is not plugged in"):
        media.open("a", fake_identity("gone"))
