# SPDX-License-Identifier: Apache-2.0
"""The trusted root that a plan or `--trusted-root` names, from disk: a bundle or trust folder, a root.json, certificates or public keys.

What the files mean is the dialects' business; key ids stand in the plan, or the option, itself.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from ceremony.core.dialects import sequel
from ceremony.core.plan import Mode, Plan
from ceremony.core.published.trusted import TrustedRoot, from_key_ids
from ceremony.core.trusted_keys import names_keys
from ceremony.errors import PlanRefused

MAX_FILE = 8 * 1024 * 1024
"""Bytes of one file."""
MAX_FILES = 50_000
_FIELD = "trusted-root"
_NAMES = ("root.json", "targets.json")
_SINGLE = (".json", ".pem", ".crt", ".cer")


def load_trusted_root(plan_path: Path, plan: Plan, mode: Mode) -> dict[str, bytes]:
    """Return the files (path → bytes) of a plan's `trusted-root`, relative to the plan; none for key ids, or when it names none.

    Of a folder, only what can be a root is read. A practice is held without one that is not there. Raises PlanRefused, whose
    field is `trusted-root`.
    """
    if not plan.trusted_root or names_keys(plan.trusted_root):
        return {}
    return _load(plan_path.parent / plan.trusted_root, needed=mode is not Mode.PRACTICE)


def trusted_root_of(text: str, dialect: str) -> TrustedRoot:
    """Return what the option `--trusted-root` trusts: key ids with blanks between them, or what is at a path.

    Raises PlanRefused, whose field is `trusted-root`, and VerificationError for files that hold no root.
    """
    words = " ".join(text.split())
    return from_key_ids(words) if names_keys(words) else sequel.get(dialect).read_trusted(_load(Path(text), needed=True))


def _load(place: Path, *, needed: bool) -> dict[str, bytes]:
    try:
        if place.is_dir():
            return _folder(place)
        return {place.name: _read(place)}
    except FileNotFoundError as error:
        if not needed:
            return {}
        raise PlanRefused(_FIELD, f"{place} is not there", hint="bring it, or write key ids that you trust") from error
    except OSError as error:
        raise PlanRefused(_FIELD, f"{place} cannot be read ({error.strerror})", hint="correct its permissions") from error


def _folder(place: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for path in _found(place):
        if len(files) == MAX_FILES:
            raise PlanRefused(_FIELD, f"{place} holds more than {MAX_FILES} files", hint="name the bundle of one ceremony")
        files[path.relative_to(place).as_posix()] = _read(path)
    if not files:
        raise PlanRefused(_FIELD, f"{place} holds no root", hint="name an earlier bundle, a root.json, or key ids")
    return files


def _found(place: Path) -> Iterator[Path]:
    """Yield the metadata of a bundle or trust folder; of a folder without, the files right in it."""
    metadata = sorted(path for path in place.rglob("*.json") if path.name in _NAMES and "tuf" in path.relative_to(place).parts)
    yield from metadata or sorted(path for path in place.iterdir() if path.suffix in _SINGLE)


def _read(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise PlanRefused(_FIELD, f"{path} is not a plain file", hint="name a file, or a folder of files")
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise PlanRefused(_FIELD, f"{path} is longer than the {MAX_FILE} bytes that are read", hint="name the right file")
    return data
