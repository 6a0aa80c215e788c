# SPDX-License-Identifier: Apache-2.0
"""Names on media are those that vfat keeps as they are; mtools, which writes vfat, is the judge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.media_names import check_portable, refuse_clashes
from ceremony.errors import StorageError

GOOD = [
    "ceremony-00112233445566778899aabbccddeeff/ceremony.jsonl",
    "ceremony-00112233445566778899aabbccddeeff/private/root-12345678.age",
    "ceremony-00112233445566778899aabbccddeeff/set-aside/torn-1024-0123456789abcdef",
    "RECOVER.txt",
    ".hidden",
    "two words+and;more,[=].txt",
    "signs/!#$%&'()-@^_`{}~",
    "console/com10/lpt",
    "a" * 255,
]

CHANGED = [
    pytest.param("tuf/reg.example:5000/app", id="a GUN with a port"),
    *(pytest.param(f"a{char}b", id=f"the character {char}") for char in '<>"|?*'),
    pytest.param("a./b", id="a dot at the end"),
    pytest.param("a/b ", id="a space at the end"),
    pytest.param("a/ä", id="a letter that no code page need have"),
]
"""Names that vfat changes or refuses."""

DEVICES = ["CON", "aux.txt", "nul", "Prn.tar.gz", "com1", "LPT9/a", "conin$"]
"""Names that vfat keeps, and Windows does not."""


@pytest.mark.parametrize("path", GOOD)
def test_takes_a_name_that_vfat_keeps(path: str) -> None:
    assert "/".join(check_portable("stick", path)) == path


@pytest.mark.parametrize("path", [*CHANGED, *DEVICES, "a" * 256])
def test_refuses_a_name_that_vfat_cannot_hold(path: str) -> None:
    with pytest.raises(StorageError, match=r"stick: .* is a name that vfat cannot hold") as caught:
        check_portable("stick", path)
    assert caught.value.hint


def test_refuses_what_leads_out_of_any_folder() -> None:
    with pytest.raises(StorageError, match="is not a name for a file inside it"):
        check_portable("stick", "../a")


CLASHES = [
    pytest.param(["log", "LOG"], "'LOG' and 'log' are one name on vfat", id="two files"),
    pytest.param(["Private/a", "private/b"], "'private' and 'Private' are one name on vfat", id="two folders"),
]


@pytest.mark.parametrize(("paths", "says"), CLASHES)
def test_refuses_names_that_are_one_on_vfat(paths: list[str], says: str) -> None:
    with pytest.raises(StorageError, match=says):
        refuse_clashes("stick", paths)


def test_takes_names_that_are_apart() -> None:
    refuse_clashes("stick", ["a/b", "a/c", "b/a", "ab"])


# --- what vfat itself says -------------------------------------------------------


def _mtools(program: str, image: Path, *arguments: object) -> str:
    command = [program, "-i", str(image), *map(str, arguments)]
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=30, env=environment).stdout


def _through_vfat(tmp_path: Path, paths: list[str]) -> list[str]:
    """Copy files of these names to a new vfat image, and return the names that it lists."""
    source, image = tmp_path / "source", tmp_path / "vfat.img"
    for path in paths:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(b"")
    with image.open("wb") as file:
        file.truncate(4 << 20)
    subprocess.run(["/usr/sbin/mkfs.vfat", image], check=True, capture_output=True, timeout=30)
    _mtools("mcopy", image, "-s", "-b", "-D", "s", source, "::/")
    listed = _mtools("mdir", image, "-/", "-b", "::/").splitlines()
    return sorted(name.removeprefix("::/source/") for name in listed if not name.endswith("/"))


def test_vfat_keeps_every_name_that_is_taken(tmp_path: Path) -> None:
    assert _through_vfat(tmp_path, GOOD) == sorted(GOOD)


@pytest.mark.parametrize("path", CHANGED)
def test_vfat_changes_or_refuses_the_names_that_are_refused(tmp_path: Path, path: str) -> None:
    kept = _through_vfat(tmp_path, [path, "kept"])
    assert "kept" in kept
    assert path not in kept


@given(st.lists(st.text(alphabet="aAbB/. ", min_size=1), max_size=4))
def test_what_passes_is_apart_in_capitals_too(paths: list[str]) -> None:
    try:
        for path in paths:
            check_portable("stick", path)
        refuse_clashes("stick", paths)
    except StorageError:
        return
    assert len({path.upper() for path in paths}) == len(set(paths))
