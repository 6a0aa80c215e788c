# SPDX-License-Identifier: Apache-2.0
"""The wheels of the kit: ours, and of `requirements.lock` what ours needs on this machine, not what only tests need.

    python wheels.py SOURCE KIT       SOURCE is the checkout as committed; prints how many bytes an installation may take

Runs in the environment of `requirements-build.lock`. What our wheel needs is read from the
wheels themselves (`Requires-Dist`, with markers and extras); what exactly is fetched, the
lock says, by hash. What comes as source is built here; `SOURCE_DATE_EPOCH` is its time.
"""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from said import KitError, run

PIP = [sys.executable, "-m", "pip"]
BUILD = [*PIP, "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
_ROOM = 48 << 20
"""For pip itself, and for what does not grow with the wheels."""


def main(source: Path, kit: Path) -> None:
    """Fill `wheels/` and `requirements.txt` of the kit."""
    wheels = kit / "wheels"
    wheels.mkdir()
    run([*BUILD, "--wheel-dir", str(wheels), str(source)])
    (own,) = wheels.iterdir()
    Collection(read_lock((source / "requirements.lock").read_text()), wheels).add(needs(metadata(own), frozenset()))
    names = sorted(path.name for path in wheels.iterdir())
    (kit / "requirements.txt").write_text("".join(line(wheels / name) for name in names))
    # Compiled modules are about as large as their source.
    print(2 * sum(unpacked(wheels / name) for name in names) + _ROOM)


def read_lock(text: str) -> dict[str, str]:
    """Return the entries of a lock by canonical name, each with its hashes, as pip reads them."""
    found: dict[str, str] = {}
    for entry in re.findall(r"^\S+==[^\n]*(?:\n[ \t]+--hash=[^\n]*)+", text, re.MULTILINE):
        found[canonicalize_name(entry.partition("==")[0])] = entry
    return found


def needs(of: Message, extras: frozenset[str]) -> list[Requirement]:
    """Return what a wheel needs on this machine, with some of its extras."""
    every = [Requirement(text) for text in of.get_all("Requires-Dist", [])]
    return [one for one in every if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras | {""})]


def metadata(wheel: Path) -> Message:
    """Return the metadata of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        return BytesParser().parsebytes(archive.read(name))


def unpacked(wheel: Path) -> int:
    """Return how many bytes the files of a wheel have."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(file.file_size for file in archive.infolist())


def line(wheel: Path) -> str:
    """Return the line of `requirements.txt` that pins this very file."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Collection:
    """The wheels so far, and what their needs were followed with."""

    def __init__(self, lock: dict[str, str], wheels: Path) -> None:
        self._lock, self._wheels = lock, wheels
        self._followed: dict[str, frozenset[str]] = {}

    def add(self, wanted: list[Requirement]) -> None:
        """Fetch what is wanted, and what that needs in turn."""
        while wanted:
            self._fetch({canonicalize_name(one.name) for one in wanted} - self._followed.keys())
            have = {parse_wheel_filename(path.name)[0]: path for path in self._wheels.iterdir()}
            after: list[Requirement] = []
            for one in wanted:
                name = canonicalize_name(one.name)
                before = self._followed.get(name)
                extras = (before or frozenset()) | one.extras
                if extras != before:
                    self._followed[name] = extras
                    after += needs(metadata(have[name]), extras)
            wanted = after

    def _fetch(self, names: set[str]) -> None:
        if not names:
            return
        if lacking := sorted(names - self._lock.keys()):
            raise KitError(f"requirements.lock lacks {', '.join(lacking)}; make it again")
        folder = self._wheels.with_name("wheels.fetched")
        wanted = folder / "wanted.txt"
        folder.mkdir()
        wanted.write_text("\n".join(self._lock[name] for name in sorted(names)) + "\n")
        run(
            [
                *PIP,
                "download",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "--require-hashes",
                "-d",
                str(folder),
                "-r",
                str(wanted),
            ]
        )
        wanted.unlink()
        for file in sorted(folder.iterdir()):
            if file.suffix == ".whl":
                file.rename(self._wheels / file.name)
            else:
                run([*BUILD, "--wheel-dir", str(self._wheels), str(file)])
                file.unlink()
        folder.rmdir()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except KitError as error:
        sys.exit(str(error))
