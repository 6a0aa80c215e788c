# SPDX-License-Identifier: Apache-2.0
"""What `ceremony audit` is given beside a folder: signers, copies of the log, the history of the key, what is published.

A volume is a copy too: its `ceremony-<id>` folder holds the log, live while the ceremony was
held, and the tar, written at its end. A mounted volume is taken for that folder of it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.cli.practice_request import read_files
from ceremony.cli.server import read_file
from ceremony.core import signers
from ceremony.core.audit.copies import Copy
from ceremony.core.audit.history import Chapter, chapter
from ceremony.core.audit.verdict import Audited
from ceremony.core.bundle import LOG, RECOVER, folder
from ceremony.core.request import Request
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError, StorageError

_FOLDER = re.compile("ceremony-[0-9a-f]{32}")
_TAR = re.compile(r"ceremony-[0-9a-f]{32}\.tar")
_NO_CEREMONY = "name a ceremony folder, the tar of one, or a volume"


@dataclass(frozen=True, slots=True)
class Target:
    """What is audited: a folder or tar, and where its log is once more."""

    path: Path
    beside: Path | None = None
    """The folder on the volume that holds both."""


def shown(path: Path) -> str:
    """Return a path as one printable line: a name may hold anything."""
    return "".join(char if char.isprintable() else "?" for char in unicodedata.normalize("NFC", str(path)))


def read_signers(path: Path) -> Signers:
    """Return the signers of a file; raises StorageError, and VerificationError for a line that is refused."""
    return signers.parse(read_file(path, signers.MAX_SIGNERS), shown(path))


def locate(path: Path) -> Target:
    """Return what is audited at a path: itself, or the tar on a volume; raises CeremonyError for a volume without one."""
    with _told(path):
        places = _on_volume(path)
        if len(places) > 1:
            raise CeremonyError(f"{shown(path)} holds {len(places)} ceremonies", hint="name the folder of one of them")
        place = places[0] if places else path
        tar = _tar_of(place)
        if tar is not None:
            return Target(tar, place)
        if places or _is_volume(place):
            raise CeremonyError(
                f"{shown(place)} holds no tar of its ceremony, which is written at its end",
                hint="audit the ceremony folder, and name this volume with --copy",
            )
        return Target(path)


def log_of(place: Path) -> Copy:
    """Return the log of a folder, or of a tar of one; raises CeremonyError when it holds none."""
    with open_folder(place) as reader:
        if LOG not in reader.sizes:
            raise CeremonyError(f"{shown(place)} holds no {LOG}", hint=_NO_CEREMONY)
        return Copy(shown(place), reader.read(LOG))


def copies_at(path: Path, ceremony: str) -> Sequence[Copy]:
    """Return the copies of the log at a path: a folder, a tar, or a volume, whose log and tar are two; raises CeremonyError."""
    with _told(path):
        places = _on_volume(path)
        own = [place for place in places if place.name == folder(ceremony)]
        if places and not own:
            raise CeremonyError(f"{shown(path)} holds nothing of ceremony {ceremony}", hint="name a volume of this ceremony")
        place = own[0] if own else path
        tar = _tar_of(place)
    return [log_of(place), *([log_of(tar)] if tar else [])]


def _on_volume(path: Path) -> list[Path]:
    """Return the folders of ceremonies on a mounted volume; none for anything else."""
    if not path.is_dir() or os.path.lexists(path / LOG):
        return []
    return sorted(child for child in path.iterdir() if _FOLDER.fullmatch(child.name) and os.path.lexists(child / LOG))


def _is_volume(place: Path) -> bool:
    return place.is_dir() and any((place / name).exists() for name in (RECOVER, "private"))


def _tar_of(place: Path) -> Path | None:
    """Return the tar beside a log; None when there is none."""
    if not place.is_dir() or not os.path.lexists(place / LOG):
        return None
    return next((child for child in sorted(place.iterdir()) if _TAR.fullmatch(child.name)), None)


def chapters(path: Path, judge: Callable[[FolderReader], Audited]) -> Sequence[Chapter]:
    """Return the ceremonies right in a folder, each audited by `judge`; raises CeremonyError for anything else in it."""
    with _told(path):
        children = sorted(path.iterdir())
    found = [child for child in children if child.with_suffix("") not in children or not child.name.endswith(".tar.sha256")]
    if not found:
        raise CeremonyError(f"{shown(path)} holds no ceremony", hint="put the folders and tars of the key's ceremonies there")
    return [_chapter(child, judge) for child in found]


def _chapter(path: Path, judge: Callable[[FolderReader], Audited]) -> Chapter:
    target = locate(path)
    with open_folder(target.path) as reader:
        if LOG not in reader.sizes:
            raise CeremonyError(f"{shown(path)} is neither a ceremony folder nor the tar of one", hint="move it elsewhere")
        return chapter(shown(path), judge(reader))


def read_published(path: Path) -> Request:
    """Return what `ceremony fetch` brought, or a trust folder holds, each file checked; raises CeremonyError."""
    with open_folder(path) as reader:
        request, _ = read_files(reader)
        return request


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(shown(path), f"cannot be read ({error.strerror})", hint=_NO_CEREMONY) from error
