# SPDX-License-Identifier: Apache-2.0
"""The ceremony whose backup is opened, as its own log on the volume tells of it.

A log cannot vouch for itself: it says which files belong to the backup and what is
in them, so that what is damaged, missing or of another ceremony is told apart. Whether
its root keys are the published ones, only the plan's `trusted-root` says.

Beside the backup a volume has a copy of the ceremony's folder, written after the close:
the certificates of the root keys are in it. Nothing vouches for that copy.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.keys import PublicKey, from_spki
from ceremony.core.log import Recovered, recover
from ceremony.core.past import Past
from ceremony.core.shares import ShareSet
from ceremony.errors import VerificationError

PRIVATE = "private/"
_HOLDS_CERTIFICATES = re.compile(f"(?:bundle/keys/root-|{bundle.ROOT_CERTIFICATES})[^/]+\\.pem")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n")
_HINT = "take the other old volume; RECOVER.txt says how a backup is opened without its log"


@dataclass(frozen=True, slots=True)
class OldRoot:
    """A root key of the old ceremony, and where its backup is."""

    serial: str
    """Of the token that it was on."""
    public: PublicKey
    path: str
    """Of its backup, in the ceremony's folder on the volume."""


@dataclass(frozen=True, slots=True)
class OldCeremony:
    """What the log on an old volume says."""

    ceremony: str
    """Its id, hex."""
    name: str
    """Its plan's."""
    dialect: str
    mode: str
    began: str
    """UTC of its first record."""
    entries: int
    sha256: str
    """Of the log, as far as it is whole, hex: what its head states."""
    closed: bool
    recipient: str
    """The public half of its protector."""
    custodian: str
    """Who keeps the passphrase; empty when the secret was split."""
    shares: ShareSet | None
    roots: tuple[OldRoot, ...]
    """Those whose backup it wrote, in its own order."""
    files: Mapping[str, str]
    """Path → SHA-256, hex, of every encrypted file that it wrote to its volumes, as it was written last."""


def read_old(data: bytes, subject: str) -> OldCeremony:
    """Return what a log says of its ceremony's backup; raises VerificationError, naming `subject`, for a damaged or other log."""
    found = recover(data)
    past = _past(found, subject)
    made = past.ended.get("protector", {})
    opened = past.opened.get("plan")
    plan = opened if isinstance(opened, dict) else {}
    files = {path: digest for path, digest in past.written.items() if path.startswith(PRIVATE)}
    split = made.get("shares")
    if "recipient" not in made or bundle.IDENTITY not in files:
        raise VerificationError(subject, "is of a ceremony that wrote no backup", hint="take a volume of the ceremony that did")
    return OldCeremony(
        ceremony=found.tail.ceremony,
        name=str(plan.get("name", "")),
        dialect=str(plan.get("dialect", "")),
        mode=str(past.opened.get("mode", "")),
        began=found.records[0].utc,
        entries=len(found.records),
        sha256=hashlib.sha256(data[: found.tail.size]).hexdigest(),
        closed=past.closed,
        recipient=str(made["recipient"]),
        custodian=str(made.get("custodian", "")),
        shares=None if split is None else ShareSet.of_record(split),
        roots=tuple(root for root in _roots(past, subject) if root.path in files),
        files=files,
    )


def root_certificates(files: Iterable[tuple[str, bytes]]) -> Sequence[str]:
    """Return the certificates of root keys, PEM, each once, that the files (path, bytes) of a ceremony's folder hold."""
    found = (_CERTIFICATE.findall(data) for path, data in files if _HOLDS_CERTIFICATES.fullmatch(path))
    return list(dict.fromkeys(pem.decode() for pems in found for pem in pems))


def copied_certificates(tar: bytes, subject: str) -> Sequence[str]:
    """Return those of the copy of a ceremony's folder; raises VerificationError, naming `subject`, when it cannot be read."""
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            return root_certificates((member.name, _contents(archive, member)) for member in archive)
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise VerificationError(subject, "cannot be read", hint="it is damaged; take the other old volume") from error


def _contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() and _HOLDS_CERTIFICATES.fullmatch(member.name) else None
    return file.read() if file else b""


def _past(found: Recovered, subject: str) -> Past:
    """Return what the records tell; raises VerificationError where they are not a log from its beginning on."""
    if not found.records or found.records[0].kind != "open":
        raise VerificationError(subject, "is not the log of a ceremony", hint=_HINT)
    # A power cut leaves a piece of one line; anything more is damage, and the records behind it are not known.
    if b"\n" in found.torn or (found.torn and found.records[-1].kind == "close"):
        raise VerificationError(subject, f"is damaged at record {len(found.records)}", hint=_HINT)
    past = Past()
    for record in found.records:
        if not past.note_untrusted(record):
            raise _unreadable(subject, f"record {record.seq} does not say what one of its kind says")
    return past


def _roots(past: Past, subject: str) -> Iterator[OldRoot]:
    made = past.ended.get("root-keys") or past.ended.get("restore") or {}
    for row in _rows(made.get("keys")):
        yield _root(row, bundle.root_backup(str(row.get("serial"))), subject)
    for row in _rows(made.get("carried")):
        yield _root(row, str(row.get("file")), subject)


def _rows(listed: Json) -> Sequence[JsonObject]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _root(row: JsonObject, path: str, subject: str) -> OldRoot:
    try:
        return OldRoot(str(row["serial"]), from_spki(base64.b64decode(str(row["spki"]))), path)
    except (KeyError, ValueError, VerificationError) as error:
        raise _unreadable(subject, "names a root key that cannot be read") from error


def _unreadable(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint="it was written by another program; take the other old volume")
