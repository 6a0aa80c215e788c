# SPDX-License-Identifier: Apache-2.0
"""A proof file: one record, and all that shows that it stands in the log that people signed.

Canonical JSON, one line. Texts of several lines are lists of their lines, so that
`jq -r '.head[]'` gives back the statement, and `jq -r .record` the raw line, to the byte:

    {"head":["ceremony-head/v1",…],"number":2,"path":["<hex>",…],"proof":"ceremony-proof/v1",
     "record":"{…}","seq":31,"signatures":{"ada-example-b9f00a22":["-----BEGIN SSH SIGNATURE-----",…]}}

It is judged without the folder, as far as it goes: that this record is the one of this
number, in a log of this head, which these people signed. What the other records say,
and that nothing came after the head, it does not show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import bundle, canonical, proof, redacted
from ceremony.core.audit.brought import check_brought
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.log import Head, Recovered, Tail, lines, parse_head
from ceremony.core.past import Past
from ceremony.core.record import Record, parse_line
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError, ExitCode, StorageError, VerificationError

FORM = "ceremony-proof/v1"
MAX_PROOF = 1024 * 1024
"""Bytes of a proof that are read."""
SUBJECT = "proof"

_MEMBERS = frozenset(["head", "number", "path", "proof", "record", "seq", "signatures"])
_LAST_HEAD = 9999
_HINT = "use the proof as `ceremony audit DIR --prove` printed it"


class NoHead(CeremonyError):
    """No head covers the record yet."""

    exit_code = ExitCode.INCOMPLETE


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof file holds."""

    record: bytes
    """The raw line, newline included."""
    seq: int
    number: int
    """Of the head, as the folder numbers it; nobody signs that."""
    head: bytes
    path: tuple[str, ...]
    signatures: Mapping[str, bytes]
    """Name of the signature's file (slug of a person) → armored."""

    def text(self) -> bytes:
        """Return the file, newline included."""
        members: dict[str, Json] = {
            "proof": FORM,
            "record": self.record.decode().removesuffix("\n"),
            "seq": self.seq,
            "number": self.number,
            "head": _lines(self.head),
            "path": list(self.path),
            "signatures": {name: _lines(armored) for name, armored in self.signatures.items()},
        }
        return canonical.encode(members, SUBJECT) + b"\n"


def _lines(text: bytes) -> list[Json]:
    return [line.decode() for line in text.splitlines()]


def prove_record(a: Audited, seq: int) -> Proof:
    """Return the proof of record `seq` of an audited folder, or of an audited public copy that shows it.

    Raises CeremonyError for a folder that failed, and a record that is not there or withheld; NoHead when no head covers it.
    """
    if a.verdict is ExitCode.FAILED:
        raise CeremonyError("the folder does not verify, so it proves nothing", hint="run `ceremony audit` on it")
    raw = list(lines(a.log))[: a.found.tail.entries]
    if seq >= len(raw):
        raise CeremonyError(f"there is no record {seq}", hint=f"the log has records 0 to {len(raw) - 1}")
    if redacted.withheld_leaf(raw[seq], seq) is not None:
        raise CeremonyError(f"record {seq} is withheld in this copy", hint="name a record that the copy shows")
    number, head = max(((n, head) for n, head in _heads(a) if head.entries > seq), default=(0, None), key=lambda found: found[0])
    if head is None:
        raise NoHead(
            f"no head covers record {seq} yet", hint="go on with the ceremony: heads are stated at its gates and its end"
        )
    leaves = redacted.leaves(b"".join(raw[: head.entries]))
    signed = {name: path for path in a.names for n, name in [bundle.signed_head(path)] if n == number}
    return Proof(
        raw[seq], seq, number, head.text(), proof.prove(leaves, seq, head.entries),
        {name: a.folder.read(path) for name, path in signed.items()},
    )  # fmt: skip


def _heads(a: Audited) -> Sequence[tuple[int, Head]]:
    paths = [path for path in a.names if bundle.head_number(path)]
    return [(bundle.head_number(path), parse_head(a.folder.read(path), path)) for path in paths]


def parse(data: bytes) -> Proof:
    """Return what a proof file holds, its final newline optional; raises VerificationError for anything that is none."""
    if len(data) > MAX_PROOF:
        raise VerificationError(SUBJECT, f"is longer than the {MAX_PROOF} bytes that are read", hint=_HINT)
    value = canonical.parse_object(data.removesuffix(b"\n"), SUBJECT)
    if value.keys() != _MEMBERS or value["proof"] != FORM:
        raise VerificationError(SUBJECT, f"does not have the members of a {FORM}", hint=_HINT)
    record, signatures = value["record"], value["signatures"]
    if not isinstance(record, str) or not isinstance(signatures, dict):
        raise VerificationError(SUBJECT, "has a member of the wrong type", hint=_HINT)
    seq, number = _count(value, "seq", canonical.MAX_INTEGER), _count(value, "number", _LAST_HEAD)
    if not all(bundle.signed_head(_signature(number, name))[0] for name in signatures):
        raise VerificationError(SUBJECT, "has a signature under a name that no person can have", hint=_HINT)
    return Proof(
        record.encode() + b"\n", seq, number, _text(value["head"]), tuple(_texts(value["path"])),
        {name: _text(armored) for name, armored in signatures.items()},
    )  # fmt: skip


def _count(value: JsonObject, name: str, highest: int) -> int:
    number = value[name]
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= highest:
        raise VerificationError(SUBJECT, f"its {name} is not a number from 0 to {highest}", hint=_HINT)
    return number


def _texts(value: Json) -> list[str]:
    if not isinstance(value, list):
        raise VerificationError(SUBJECT, "has a text where a list of texts should be", hint=_HINT)
    found = [text for text in value if isinstance(text, str)]
    if found != value:
        raise VerificationError(SUBJECT, "has a list with something else than text", hint=_HINT)
    return found


def _text(value: Json) -> bytes:
    return "".join(f"{line}\n" for line in _texts(value)).encode()


def _signature(number: int, name: str) -> str:
    return bundle.head(number).replace(".txt", f".{name}.sig")


@dataclass(frozen=True, slots=True)
class _Files:
    """A proof as if it were a folder: its head, and the signatures over it."""

    files: Mapping[str, bytes]

    def names(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise StorageError(SUBJECT, f"holds no {path}", hint=_HINT)
        return self.files[path]


def audit_proof(data: bytes, signers: Signers | None = None) -> Audited:
    """Return everything that was found in a proof file; its `found` has the one record. Raises VerificationError for no proof."""
    given = parse(data)
    files = {bundle.head(given.number): given.head}
    files |= {_signature(given.number, name): armored for name, armored in given.signatures.items()}
    subject = f"record {given.seq}"
    record = parse_line(given.record, subject)
    a = Audited(_Files(files), frozenset(files), given.record, Recovered((record,), Tail(entries=1), b"", None), Past())
    _check_record(a, given, record, parse_head(given.head, bundle.head(given.number)))
    check_brought(a, given.number, signers)
    return a


def _check_record(a: Audited, given: Proof, record: Record, head: Head) -> None:
    subject = f"record {given.seq}"
    if record.seq != given.seq:
        a.failed(subject, f"says that it is record {record.seq}")
    if record.ceremony != head.ceremony:
        a.failed(subject, "is of another ceremony than the head")
    try:
        proof.check(proof.leaf(given.record), given.seq, head.entries, given.path, head.merkle)
    except VerificationError as error:
        a.failed(subject, error.message)
        return
    a.ok(subject, f"is in the log whose first {head.entries} records the head states")
    if given.seq == head.entries - 1 and hashlib.sha256(given.record).hexdigest() != head.chain:
        a.failed(subject, "is not the line that the head names last")
