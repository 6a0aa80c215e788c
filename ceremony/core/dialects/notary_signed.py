# SPDX-License-Identifier: Apache-2.0
"""One file of published Notary metadata: its signed part, who signed it, and what its kind says.

Reads what servers serve, of any age and from any client: Go's times with fractions,
names in any script, members that nobody knows. Signatures are over the canonical
form, so that is made here again, apart from what writes metadata. Unknown members
are named: Notary drops them when it writes again. A member whose name differs from a
known one only in case is refused, since Go would read it as that one.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from ceremony.core.canonical import Json, JsonObject, parse_loose
from ceremony.core.dialects.notary_listed import check_signature, read_key
from ceremony.core.published.values import ROLES, PublishedKey, RoleKeys
from ceremony.core.request import AGAIN, MAX_METADATA
from ceremony.errors import VerificationError

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_IN_ORDER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_GO_ESCAPED = re.compile("[<>&\u2028\u2029]")
_ESCAPED = re.compile(r'\\(?!["\\])')
_PAIRS = re.compile(r'\\["\\]')
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_DELEGATION = re.compile(r"targets(/[-a-z0-9_]+)+")
_SHOWN = 60
_NONE: Mapping[str, PublishedKey] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file that was parsed; nothing is verified yet but its form."""

    subject: str
    """Repository, role and version, as messages name them."""
    role: str
    version: int
    expires: str
    expires_at: datetime
    signed: JsonObject
    signatures: tuple[tuple[str, str, bytes], ...]
    """Key id, method, value."""
    payload: bytes
    """What the signatures are over."""
    data: bytes
    verified: dict[str, None] = field(default_factory=dict, compare=False, repr=False)
    """Key ids whose signatures verified already: an id is the digest of its key, and verifying is what reading costs."""

    def refused(self, what: str, *, hint: str = "") -> VerificationError:
        """Return the error that says what is wrong with the file."""
        return VerificationError(
            self.subject, what, hint=hint or f"clients refuse it; {AGAIN}, and ask the server's administrator"
        )


def canonical_form(value: Json, subject: str) -> bytes:
    """Return the canonical JSON that Notary signs; raises VerificationError, naming `subject`, for text that has none."""
    try:
        text = _ENCODER.encode(value)
        data = text.encode()
    except (ValueError, RecursionError) as error:
        raise VerificationError(subject, "has no canonical form", hint=AGAIN) from error
    if "\\" in text and _ESCAPED.search(_PAIRS.sub("", text)):
        raise VerificationError(subject, "holds a control character, which no client can sign", hint=AGAIN)
    return data


def read_signed(repository: str, role: str, data: bytes, version: int = 0) -> SignedFile:
    """Return a file of metadata.

    Raises VerificationError, naming repository, role and version, for what is no
    metadata of that role, or states another version than `version` (0: any).
    """
    subject = f"{repository} {role}" + (f" version {version}" if version else "")
    if len(data) > MAX_METADATA:
        raise VerificationError(subject, f"is longer than the {MAX_METADATA} bytes that are read", hint=AGAIN)
    whole = _object(parse_loose(data, subject), subject)
    signed = _object(whole.get("signed"), subject)
    stated, expires = signed.get("version"), signed.get("expires")
    if signed.get("_type") != role.partition("/")[0].capitalize():
        raise VerificationError(subject, f"is not metadata of {role}", hint=AGAIN)
    if type(stated) is not int or stated < 1:
        raise VerificationError(subject, "states no version", hint=AGAIN)
    if version and stated != version:
        what = f"states version {stated}: it was rolled back or exchanged" if stated < version else f"states version {stated}"
        raise VerificationError(subject, what, hint=AGAIN)
    return SignedFile(
        f"{repository} {role} version {stated}",
        role,
        stated,
        str(expires),
        _time(expires, subject),
        signed,
        tuple(_signature(item, subject) for item in array(whole.get("signatures"), subject)),
        canonical_form(signed, subject),
        data,
    )


def check_stored(file: SignedFile) -> None:
    """Check that a file is what a server makes of it: it encodes anew, and hashes that; raises VerificationError.

    Canonical text, signatures with their members in Go's order, and Go's escapes.
    """
    listed = [{"keyid": key_id, "method": method, "sig": b64encode(value).decode()} for key_id, method, value in file.signatures]
    text = f'{{"signed":{file.payload.decode()},"signatures":{_IN_ORDER.encode(listed)}}}'
    if _GO_ESCAPED.search(text):
        text = _GO_ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if text.encode() != file.data:
        raise file.refused("is not encoded as a server encodes it, so clients would refuse it", hint="it must not be published")


def signers_of(file: SignedFile, keys: Mapping[str, PublishedKey]) -> tuple[str, ...]:
    """Return the ids, of `keys`, whose signatures verify; a signature that does not is passed over, as clients do."""
    for key_id, method, value in file.signatures:
        if key_id in keys and key_id not in file.verified:
            try:
                check_signature(keys[key_id], method, file.payload, value, file.subject)
            except VerificationError:
                continue
            file.verified[key_id] = None
    return tuple(key_id for key_id in file.verified if key_id in keys)


def check_signed(file: SignedFile, role: RoleKeys, whose: str = "") -> tuple[str, ...]:
    """Return the key ids of a role that signed the file; raises VerificationError below its threshold.

    Counts key ids, as clients do; `whose` says in a message whose keys those are.
    """
    found = signers_of(file, role.by_id())
    if len(found) < role.threshold:
        counted = f"{len(found)} valid signature{'' if len(found) == 1 else 's'} of the {role.threshold} that it needs"
        raise file.refused(f"has {counted} by {whose or f'the {role.name} keys'}")
    return found


def key_table(file: SignedFile, entries: Json, known: Mapping[str, PublishedKey] = _NONE) -> dict[str, PublishedKey]:
    """Return the keys of a key table by id; raises VerificationError. Those that are `known` by their ids are not read anew."""
    listed = _object(entries, file.subject)
    return {key_id: read_key(key_id, entry, file.subject, known.get(key_id)) for key_id, entry in listed.items()}


def role_keys(file: SignedFile, name: str, role: Json, keys: Mapping[str, PublishedKey]) -> RoleKeys:
    """Return whom a role must be signed by; raises VerificationError for a key that is not listed, or no threshold."""
    members = _object(role, file.subject)
    key_ids = tuple(dict.fromkeys(_texts(members.get("keyids"), file.subject)))
    threshold = members.get("threshold")
    for key_id in key_ids:
        if key_id not in keys:
            raise file.refused(f"names the key {key_id[:16]!r} for {name[:_SHOWN]}, and does not list it")
    if type(threshold) is not int or threshold < 1:
        raise file.refused(f"has no threshold for {name[:_SHOWN]}")
    paths = tuple(_texts(members.get("paths", []), file.subject))
    return RoleKeys(name, tuple([keys[key_id] for key_id in key_ids]), threshold, paths)


def root_roles(file: SignedFile, known: Mapping[str, PublishedKey] = _NONE) -> dict[str, RoleKeys]:
    """Return the roles of a root, the four that every client wants among them; raises VerificationError. `known` as in `key_table`."""
    keys = key_table(file, file.signed.get("keys"), known)
    roles = _object(file.signed.get("roles"), file.subject)
    for name in ROLES:
        if name not in roles:
            raise file.refused(f"says nothing of the role {name}")
    if not isinstance(file.signed.get("consistent_snapshot"), bool):
        raise file.refused("does not say whether its snapshots are consistent")
    return {name: role_keys(file, name, role, keys) for name, role in sorted(roles.items())}


def delegations_of(file: SignedFile) -> tuple[RoleKeys, ...]:
    """Return the delegations that targets, or a delegation's own metadata, makes; raises VerificationError."""
    delegations = file.signed.get("delegations")
    if delegations is None:
        return ()
    members = _object(delegations, file.subject)
    keys = key_table(file, members.get("keys"))
    found: dict[str, RoleKeys] = {}
    for item in array(members.get("roles"), file.subject):
        name = _object(item, file.subject).get("name")
        if not isinstance(name, str) or not _DELEGATION.fullmatch(name) or name.rpartition("/")[0] != file.role:
            raise file.refused(f"makes a delegation under the name {str(name)[:_SHOWN]!r}")
        if name in found:
            raise file.refused(f"makes the delegation {name[:_SHOWN]} twice")
        found[name] = role_keys(file, name, item, keys)
    return tuple(found.values())


def tags_of(file: SignedFile) -> dict[str, bytes]:
    """Return the entry of each tag, canonical JSON; raises VerificationError for one that is none."""
    found = {}
    for name, entry in _object(file.signed.get("targets"), file.subject).items():
        members = _object(entry, file.subject)
        hashes = _object(members.get("hashes"), file.subject)
        if type(members.get("length")) is not int or not all(isinstance(value, str) for value in hashes.values()):
            raise file.refused(f"has the tag {name[:_SHOWN]!r}, which is not made as tags are")
        found[name] = canonical_form(entry, file.subject)
    return found


def unknown_members(file: SignedFile, known: Collection[str]) -> tuple[str, ...]:
    """Return the members of the signed part that no client knows; raises VerificationError for one that Go would take for another."""
    unknown = tuple(sorted(file.signed.keys() - set(known)))
    for name in unknown:
        if name.casefold() in known:
            raise file.refused(f"has the member {name[:_SHOWN]!r} beside the one that it would be taken for")
    return unknown


def _signature(item: Json, subject: str) -> tuple[str, str, bytes]:
    members = _object(item, subject)
    key_id, method, value = _texts([members.get(name) for name in ("keyid", "method", "sig")], subject)
    try:
        return key_id, method.lower(), b64decode(value, validate=True)
    except (ValueError, binascii.Error) as error:
        raise VerificationError(subject, "has a signature that is not base64", hint=AGAIN) from error


def _object(value: Json, subject: str) -> JsonObject:
    if not isinstance(value, dict):
        raise _wrong_type(subject)
    return value


def array(value: Json, subject: str) -> list[Json]:
    """Return a JSON list; Go writes an empty one as null; raises VerificationError for anything else."""
    if value is not None and not isinstance(value, list):
        raise _wrong_type(subject)
    return value or []


def _texts(value: Json, subject: str) -> list[str]:
    items = array(value, subject)
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        raise _wrong_type(subject)
    return texts


def _wrong_type(subject: str) -> VerificationError:
    return VerificationError(subject, "is not made as signed metadata is", hint=AGAIN)


def _time(value: Json, subject: str) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise VerificationError(subject, f"expires at {str(value)[:_SHOWN]!r}, which is not a time", hint=AGAIN)
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise VerificationError(subject, f"expires at {value!r}, which is not a time", hint=AGAIN) from error
