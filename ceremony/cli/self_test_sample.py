# SPDX-License-Identifier: Apache-2.0
"""The sample ceremony folder that ships with the program: a practice that verifies, and its damaged twins, which must not.

`scripts/make-sample` makes it anew. The report in it is not made again here: its words may
change with every release, and what it says is for the tests.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from ceremony.cli.folder import FolderReader
from ceremony.core import bundle, record
from ceremony.core.audit import judge
from ceremony.core.known_answers import HINT, flipped
from ceremony.errors import ExitCode, VerificationError

SAMPLE = Path(__file__).with_name("sample") / "ceremony.tar.gz"

Files = Mapping[str, bytes]
Damage = Callable[[Files], Files]


def read(path: Path = SAMPLE) -> Files:
    """Return the files of the sample by their paths in it; raises VerificationError when it cannot be read."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            found = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
            return {name: file.read() for name, file in found.items() if file}
    except (OSError, EOFError, tarfile.TarError) as error:
        raise VerificationError(path.name, f"cannot be read ({type(error).__name__})", hint=HINT) from error


def verifies(files: Files) -> str:
    """Return what was seen of a sample that verifies; raises VerificationError."""
    verdict = judge(_reader(files))
    if verdict is not ExitCode.DONE:
        raise VerificationError("the sample folder", f"was audited with exit code {verdict}, not 0", hint=HINT)
    return f"{len(files)} files, {files[bundle.LOG].count(_NEWLINE)} records: audited, exit code 0"


def is_refused(files: Files, damage: Damage) -> str:
    """Return what was seen of a damaged twin that is refused; raises VerificationError for one that is not."""
    verdict = judge(_reader(damage(files)))
    if verdict is not ExitCode.FAILED:
        raise VerificationError("its damaged twin", f"was audited with exit code {verdict}, not 1", hint=HINT)
    return "audited, exit code 1, as it must"


def byte_of_the_log(files: Files) -> Files:
    """Change one bit in the middle of the log."""
    return {**files, bundle.LOG: flipped(files[bundle.LOG])}


def signed_file(files: Files) -> Files:
    """Change one bit of the first metadata that was signed."""
    path = min(path for path in files if path.startswith("bundle/tuf/"))
    return {**files, path: flipped(files[path])}


def record_cut_out(files: Files) -> Files:
    """Cut one record out of the middle of the log."""
    lines = files[bundle.LOG].splitlines(keepends=True)
    middle = len(lines) // 2
    return {**files, bundle.LOG: b"".join(lines[:middle] + lines[middle + 1 :])}


def head_signature(files: Files) -> Files:
    """Put one person's signature of the last head in the place of another's."""
    signatures = sorted(path for path in files if bundle.signed_head(path)[0])
    return {**files, signatures[-1]: files[signatures[-2]]}


DAMAGES: Mapping[str, Damage] = {
    "a bit of its log changed": byte_of_the_log,
    "a bit of a signed file changed": signed_file,
    "a record cut out": record_cut_out,
    "a signature exchanged": head_signature,
}
"""What is done to the twins, by how a table tells of it."""


def made(files: Files) -> datetime:
    """Return when the sample was made, aware UTC: no earlier than most of this release; raises VerificationError."""
    first = record.parse_line(files[bundle.LOG].split(_NEWLINE, 1)[0] + _NEWLINE, "record 0")
    return datetime.fromisoformat(first.utc)


def _reader(files: Files) -> FolderReader:
    return FolderReader("sample", {path: len(data) for path, data in files.items()}, lambda path, _: files[path])


_NEWLINE = b"\n"
