# SPDX-License-Identifier: Apache-2.0
"""Plan and site files on disk: read with what they name, judged, and written once.

Everything that a plan names lies below its folder: a link that leads out of it is
refused, as is what is not a plain file. Approvals lie beside it: `plan.toml` has
its own in `plan.approvals/`. What the bytes mean is the core's business.
"""

from __future__ import annotations

import os
import re
import stat
from datetime import datetime
from pathlib import Path

from ceremony.core import dialects
from ceremony.core.plan import Kind, Mode, Plan, Site
from ceremony.core.plan_lint import DialectRules, PlanWarning, lint
from ceremony.core.plan_reader import MAX_PLAN, files_named, read_plan, read_site
from ceremony.errors import CeremonyError, PlanRefused, StorageError

EXAMPLE = Path(__file__).with_name("example") / "plan.toml"
"""The plan that `rehearse` holds when none is named, and that `plan new` writes."""
EXAMPLES = {Kind.GENESIS: EXAMPLE} | {
    kind: EXAMPLE.with_name(f"{kind}.toml") for kind in (Kind.RENEWAL, Kind.ROTATION, Kind.RECOVERY)
}
"""The plan that `plan new` writes, by kind."""
MAX_FILE = MAX_PLAN
"""Bytes of a file that a plan names."""
MAX_APPROVAL = 64 * 1024
"""Bytes of an approval."""
MAX_AUTHORITIES, MAX_AUTHORITY = 32, 256 * 1024
"""Files of authorities' certificates, and bytes of one; those that Yubico publishes are three, of 18 KiB at most."""

_ROOTS = "yubico-roots"
_PKI = "put the PEM files of developers.yubico.com/PKI there"


def load_plan(path: Path) -> tuple[Plan, dict[str, bytes]]:
    """Return the plan of a file, and its approvals (armored SSHSIG by file name), which nobody verified yet.

    Raises PlanRefused for what cannot be read, and for what `read_plan` refuses.
    """
    source = _read(path, str(path), MAX_PLAN)
    named = {name: _below(path.parent, name) for name in files_named(source)}
    plan = read_plan(source, {name: data for name, data in named.items() if data is not None})
    return plan, _approvals(path)


def load_site(path: Path) -> Site:
    """Return the site of a file; raises PlanRefused for what cannot be read, and for what `read_site` refuses."""
    return read_site(_read(path, str(path), MAX_PLAN))


def load_authorities(path: Path, site: Site) -> dict[str, bytes]:
    """Return the certificates that a site file at `path` brings for its YubiKeys, PEM by file name; nobody judged them yet.

    Nothing is read for a site without a YubiKey. Raises PlanRefused, whose field is `yubico-roots`.
    """
    if not site.yubico_roots or not any(token.yubikey for token in site.tokens.values()):
        return {}
    place = path.parent / site.yubico_roots
    try:
        files = sorted(file for file in place.iterdir() if file.suffix == ".pem") if place.is_dir() else [place]
    except OSError as error:
        raise PlanRefused(
            _ROOTS, f"{place} cannot be read ({error.strerror})", hint="correct the folder's permissions"
        ) from error
    if not files:
        raise PlanRefused(_ROOTS, f"{place} holds no file whose name ends in .pem", hint=_PKI)
    if len(files) > MAX_AUTHORITIES:
        raise PlanRefused(_ROOTS, f"{place} holds more than {MAX_AUTHORITIES} files", hint=_PKI)
    return {_file_name(file): _authority(file) for file in files}


def _file_name(file: Path) -> str:
    """Return the name under which the ceremony keeps a file; raises PlanRefused for one that not every medium takes."""
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", file.name):
        raise PlanRefused(_ROOTS, f"{str(file)!r} is no name for every medium", hint="rename it: letters, digits, . _ -")
    return file.name


def _authority(file: Path) -> bytes:
    try:
        return _read(file, str(file), MAX_AUTHORITY)
    except PlanRefused as refused:
        raise PlanRefused(_ROOTS, refused.message, hint=refused.hint) from refused


def judge(plan: Plan, *, now: datetime, mode: Mode) -> tuple[PlanWarning, ...]:
    """Return the warnings about a plan by the rules of its dialect; raises PlanRefused."""
    dialect = dialects.get(plan.dialect)
    rules = DialectRules(dialect.root_algorithms, dialect.repository_algorithms, dialect.needs_certificate)
    return lint(plan, rules, now=now, mode=mode)


def approvals_folder(path: Path) -> Path:
    """Return where the approvals of a plan file lie."""
    return path.with_name(f"{path.stem}.approvals")


def create(path: Path, data: bytes) -> None:
    """Write a new file and sync it; raises CeremonyError when it exists, StorageError when it cannot be written."""
    try:
        file = path.open("xb")
    except FileExistsError as error:
        raise CeremonyError(f"{path} exists already", hint="name another file; nothing is overwritten") from error
    except FileNotFoundError as error:
        raise StorageError(str(path), "its folder is not there", hint="make the folder first") from error
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder unless it is there; raises StorageError when it cannot be made."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> StorageError:
    return StorageError(str(path), f"cannot be written ({error.strerror})", hint="name a place that you can write to")


def _below(folder: Path, name: str) -> bytes | None:
    """Return the bytes of a file that a plan names; None when there is none."""
    try:
        home = folder.resolve(strict=True)
        real = (folder / name).resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:
        raise PlanRefused(name, "cannot be found: its links lead nowhere", hint="put the file itself there") from error
    if not real.is_relative_to(home):
        raise PlanRefused(name, "is a link that leads out of the plan's folder", hint="put the file itself there")
    return _read(real, name, MAX_FILE)


def _read(path: Path, name: str, limit: int) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PlanRefused(name, "is not a plain file", hint="name a file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise PlanRefused(name, "is not there", hint="correct the path") from error
    except OSError as error:
        raise PlanRefused(name, f"cannot be read ({error.strerror})", hint="correct its permissions") from error
    if len(data) > limit:
        raise PlanRefused(name, f"is longer than the {limit} bytes that are read", hint="name the right file")
    return data


def _approvals(path: Path) -> dict[str, bytes]:
    found = sorted(approvals_folder(path).glob("*.sig"))
    return {file.name: _read(file, str(file), MAX_APPROVAL) for file in found}
