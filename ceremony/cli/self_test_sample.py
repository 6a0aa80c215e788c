# SPDX-License-Identifier: Apache-2.0
"""The sample ceremony folder that ships with the program: a practice that verifies, and its damaged twins, which must not.

`scripts/make-sample` makes it anew. The report in it is not made again here: its words may
change with every release, and what it says is for the tests.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ceremony.cli.folder import FolderReader
from ceremony.core import bundle, roll
from ceremony.core.audit import audit, judge
from ceremony.core.audit.verdict import Level
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


@dataclass(frozen=True, slots=True)
class Twin:
    """The sample, damaged, and what an audit must say of it: other checks may refuse it too, and do not count."""

    what: str
    """How a table tells of it."""
    damage: Damage
    says: str
    """A pattern of what the one check that is asked here finds, as `subject: text`."""


def is_refused(files: Files, twin: Twin) -> str:
    """Return what was seen of a damaged twin that is refused, by the check that is asked; raises VerificationError for one that is not."""
    audited = audit(_reader(twin.damage(files)))
    if audited.verdict is not ExitCode.FAILED:
        raise VerificationError("its damaged twin", f"was audited with exit code {audited.verdict}, not 1", hint=HINT)
    failed = [f"{finding.subject}: {finding.text}" for finding in audited.findings if finding.level is Level.FAILED]
    if not any(re.search(twin.says, said) for said in failed):
        raise VerificationError("its damaged twin", f"was refused, and not by the check that must see {twin.what}", hint=HINT)
    return "audited, exit code 1, as it must"


def bit_of_the_log(files: Files) -> Files:
    """Change one digit of the time of the middle record, which is as well formed as before."""
    log = _log(files)
    middle = len(log) // 2
    place = log[middle].index(b'Z"') - 1
    log[middle] = _other(log[middle], place)
    return {**files, bundle.LOG: b"".join(log)}


def record_cut_out(files: Files) -> Files:
    """Cut one record out of the middle of the log."""
    log = _log(files)
    del log[len(log) // 2]
    return {**files, bundle.LOG: b"".join(log)}


def signed_file(files: Files) -> Files:
    """Change one bit of the first metadata that was signed."""
    path = min(path for path in files if path.startswith(_METADATA))
    return {**files, path: flipped(files[path])}


def head_statement(files: Files) -> Files:
    """Change one digit of the first head, which nobody signed."""
    path = bundle.head(1)
    return {**files, path: _other(files[path], len(files[path]) - 2)}


def head_signature(files: Files) -> Files:
    """Put one person's signature of the last head in the place of another's."""
    signatures = _head_signatures(files)
    return {**files, signatures[-1]: files[signatures[-2]]}


def bit_of_a_head_signature(files: Files) -> Files:
    """Change a person's signature of the last head."""
    path = _head_signatures(files)[-1]
    return {**files, path: _armored(files[path])}


def roll_call_answer(files: Files) -> Files:
    """Change the signature of the first answer to the roll call."""
    path = min(path for path in files if path.startswith(roll.ROLL_CALL) and path.endswith(".sig"))
    return {**files, path: _armored(files[path])}


def root_signature_of_a_head(files: Files) -> Files:
    """Change the root's signature of a head, in the last record that holds one, and chain the records after it anew."""
    log = _log(files)
    number = max(number for number, line in enumerate(log) if b'"action":"sign-head"' in line and _SIGNATURE in line)
    line = _other(log[number], log[number].index(_SIGNATURE) + len(_SIGNATURE) + _INSIDE)
    for place in range(number, len(log)):
        before, log[place] = log[place], line
        line = b"".join(log[place + 1 : place + 2]).replace(_sha256(before), _sha256(log[place]))
    return {**files, bundle.LOG: b"".join(log)}


def root_signature_of_metadata(files: Files) -> Files:
    """Change the root's signature of the first root metadata."""
    path = min(path for path in files if path.startswith(_METADATA) and path.endswith("/root.json"))
    return {**files, path: _other(files[path], files[path].index(_SIG) + len(_SIG) + _INSIDE)}


TWINS = (
    Twin(
        "a bit of its log changed", bit_of_the_log, r"^ceremony\.jsonl: record \d+: does not name the hash of the line before it$"
    ),
    Twin("a record cut out", record_cut_out, r"^ceremony\.jsonl: record \d+: stands where record \d+ should$"),
    Twin("a bit of a signed file changed", signed_file, r"^bundle/tuf/.+: is not the file that was recorded$"),
    Twin("a bit of a head changed", head_statement, r"^heads/0001\.txt: does not state this log$"),
    Twin("a signature exchanged", head_signature, r"^heads/.+: was made by another key than "),
    Twin("a person's signature changed", bit_of_a_head_signature, r"^heads/.+: does not verify with "),
    Twin("an answer to the roll changed", roll_call_answer, r"^record \d+: evidence/roll-call/.+: does not verify with "),
    Twin(
        "the root's signature changed",
        root_signature_of_a_head,
        r"^heads/.+: the signature of token .+ does not hold: .+: does not verify with ",
    ),
    Twin("metadata's signature changed", root_signature_of_metadata, r" root: does not verify with "),
)
"""The twins that are tried, one for each check that must not let its damage pass."""


def _log(files: Files) -> list[bytes]:
    return files[bundle.LOG].splitlines(keepends=True)


def _sha256(line: bytes) -> bytes:
    return hashlib.sha256(line).hexdigest().encode()


def _head_signatures(files: Files) -> list[str]:
    return sorted(path for path in files if bundle.signed_head(path)[0])


def _armored(signature: bytes) -> bytes:
    """Change one character of the last line of base64, which is of the signature's value alone."""
    return _other(signature, signature.rindex(b"\n-----END") - _INSIDE)


def _other(data: bytes, place: int) -> bytes:
    """Put another digit, hex or of base64, in the place of one: what is read stays well formed."""
    other = b"0" if data[place : place + 1] != b"0" else b"1"
    return data[:place] + other + data[place + 1 :]


def _reader(files: Files) -> FolderReader:
    return FolderReader("sample", {path: len(data) for path, data in files.items()}, lambda path, _: files[path])


_NEWLINE = b"\n"
_METADATA = "bundle/tuf/"
_SIGNATURE, _SIG = b'"signature":"', b'"sig":"'
_INSIDE = 10
"""Characters from the end of a value, so that what is changed is none that only fills up."""
