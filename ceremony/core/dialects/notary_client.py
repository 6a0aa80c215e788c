# SPDX-License-Identifier: Apache-2.0
"""The rules of a Notary v1 client, over finished files: what it would refuse, we refuse first.

Written from the client's behaviour, and from nothing in `notary`: it parses the
bytes afresh, wants every member to be of its type, finds each key id by hashing
the key that it names, and counts signatures by distinct keys. A fresh client
starts at the root's own keys (trust on first use); pinned key ids are compared
by the caller. What a root certificate must be is in `notary_certificates`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ceremony.core.canonical import Json, JsonObject, encode, parse_loose
from ceremony.core.dialects import DetachedSignature
from ceremony.core.dialects.notary_certificates import HINT, RootCertificate
from ceremony.core.keys import PublicKey, Scheme, from_raw_ed25519, from_spki, verify
from ceremony.errors import VerificationError

_SCHEMES = {"ecdsa": Scheme.ECDSA_SHA256, "rsapss": Scheme.RSA_PSS_SHA256, "eddsa": Scheme.ED25519}
_METHOD_OF = {"ecdsa": "ecdsa", "ecdsa-x509": "ecdsa", "rsa": "rsapss", "rsa-x509": "rsapss", "ed25519": "eddsa"}
_ROLES = ("root", "snapshot", "targets", "timestamp")
_DELEGATION = re.compile(r"targets/(?!\.{1,2}$)[-a-z0-9._]+")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def check(repository: str, files: Mapping[str, bytes], now: datetime) -> Sequence[DetachedSignature]:
    """Judge root, and targets when there is one; see `Dialect.check`."""
    root = _Metadata(f"{repository} root", files.get("root", b""), "Root", now)
    root.flag("consistent_snapshot")
    keys = _keys(root, root.object("keys"))
    roles = {role: _role(root, role, keys) for role in _ROLES}
    for key_id, key in roles["root"][0].items():
        if key.certificate is None:
            raise root.refused(f"names root key {key_id[:16]}, which is not a certificate")
        key.certificate.check(repository, root.subject, now)
    counted = root.signed_by(*roles["root"])
    if "targets" in files:
        targets = _Metadata(f"{repository} targets", files["targets"], "Targets", now)
        targets.object("targets")
        _check_delegations(targets)
        counted += targets.signed_by(*roles["targets"])
    return counted


class _Metadata:
    """One finished file, parsed from its bytes: the signed part, the signatures, and what they are over."""

    def __init__(self, subject: str, data: bytes, kind: str, now: datetime) -> None:
        self.subject = subject
        whole = _object(parse_loose(data, subject), subject)
        self.signed = _object(whole.get("signed"), subject)
        self.signatures = [_texts(item, ("keyid", "method", "sig"), subject) for item in _list(whole.get("signatures"), subject)]
        self.payload = encode(self.signed, subject)
        if data != _as_stored(self.payload, self.signatures):
            raise self.refused("is not in the form that a server stores")
        if self.signed.get("_type") != kind:
            raise self.refused(f"is not of type {kind}")
        if _number(self.signed.get("version"), subject) < 1:
            raise self.refused("has no version from 1")
        if _time(self.signed.get("expires"), subject) <= now:
            raise self.refused(f"expired at {self.signed.get('expires')}")

    def refused(self, what: str) -> VerificationError:
        """Return the error that says what a client would refuse."""
        return VerificationError(self.subject, what, hint=HINT)

    def object(self, name: str) -> JsonObject:
        """Return a member of the signed part that is an object."""
        return _object(self.signed.get(name), self.subject)

    def flag(self, name: str) -> None:
        """Check that a member of the signed part is true or false."""
        if not isinstance(self.signed.get(name), bool):
            raise _wrong_type(self.subject)

    def signed_by(self, keys: Mapping[str, _Key], threshold: int) -> list[DetachedSignature]:
        """Return a verified signature by each distinct key of the role; raises below `threshold`."""
        counted: dict[str, DetachedSignature] = {}
        for key_id, method, value in self.signatures:
            key = keys.get(key_id)
            if key is None:
                continue
            if method != key.method:
                raise self.refused(f"names method {method[:60]!r} with a key for {key.method}")
            signature = DetachedSignature(key.public, _SCHEMES[method], self.payload, _base64(value, self.subject))
            verify(key.public, signature.scheme, self.payload, signature.value, self.subject)
            counted[key.public.sha256] = signature
        if len(counted) < threshold:
            raise self.refused(f"has {len(counted)} valid signatures of the {threshold} that it needs")
        return list(counted.values())


def _as_stored(payload: bytes, signatures: Sequence[tuple[str, ...]]) -> bytes:
    """Return what a server makes of the file: it encodes anew, and clients compare that hash with what they get."""
    listed = [dict(zip(("keyid", "method", "sig"), item, strict=True)) for item in signatures]
    text = f'{{"signed":{payload.decode()},"signatures":{json.dumps(listed, separators=(",", ":"), ensure_ascii=False)}}}'
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text).encode(errors="surrogatepass")


class _Key:
    """A key of a key table."""

    def __init__(self, entry: JsonObject, subject: str) -> None:
        pair = _object(entry.get("keyval"), subject)
        (self.key_type,) = _texts(entry, ("keytype",), subject)
        (self.text,) = _texts(pair, ("public",), subject)
        if pair.get("private") is not None:
            raise VerificationError(subject, "holds a private key", hint=HINT)
        method = _METHOD_OF.get(self.key_type)
        if method is None:
            raise VerificationError(subject, f"holds a key of the unknown type {self.key_type[:60]!r}", hint=HINT)
        self.method = method
        raw = _base64(self.text, subject)
        self.certificate = RootCertificate(raw, subject) if self.key_type.endswith("-x509") else None
        self.public = self.certificate.public if self.certificate else self._public(raw, subject)
        if self.public.algorithm.split("-")[0] != self.key_type.split("-")[0]:
            raise VerificationError(subject, f"calls a key {self.key_type} that is {self.public.algorithm}", hint=HINT)

    def _public(self, raw: bytes, subject: str) -> PublicKey:
        try:
            return from_raw_ed25519(raw) if self.key_type == "ed25519" else from_spki(raw)
        except VerificationError as error:
            raise VerificationError(subject, f"holds a key that cannot be used ({error})", hint=HINT) from error

    def key_id(self) -> str:
        """Return the id that the key must be listed under."""
        canonical = encode({"keytype": self.key_type, "keyval": {"private": None, "public": self.text}})
        return hashlib.sha256(canonical).hexdigest()


def _keys(file: _Metadata, entries: JsonObject) -> dict[str, _Key]:
    table = {key_id: _Key(_object(entry, file.subject), file.subject) for key_id, entry in entries.items()}
    for key_id, key in table.items():
        if key.key_id() != key_id:
            raise file.refused(f"lists a key under the id {key_id[:16]!r}, which is not its own")
    return table


def _role(root: _Metadata, name: str, keys: Mapping[str, _Key]) -> tuple[dict[str, _Key], int]:
    role = _object(root.object("roles").get(name), root.subject)
    chosen = _named(root, f"role {name}", role, keys)
    threshold = _number(role.get("threshold"), root.subject)
    distinct = {key.public.sha256 for key in chosen.values()}
    if threshold < 1 or len(distinct) < threshold:
        raise root.refused(f"has a threshold for {name} that its keys cannot meet")
    return chosen, threshold


def _named(file: _Metadata, who: str, role: JsonObject, keys: Mapping[str, _Key]) -> dict[str, _Key]:
    chosen: dict[str, _Key] = {}
    for key_id in _strings(role.get("keyids"), file.subject):
        if key_id not in keys:
            raise file.refused(f"names the key {key_id[:16]!r} for {who}, and does not list it")
        chosen[key_id] = keys[key_id]
    return chosen


def _check_delegations(targets: _Metadata) -> None:
    delegations = targets.object("delegations")
    keys = _keys(targets, _object(delegations.get("keys"), targets.subject))
    for item in _list(delegations.get("roles"), targets.subject):
        role = _object(item, targets.subject)
        (name,) = _texts(role, ("name",), targets.subject)
        if not _DELEGATION.fullmatch(name):
            raise targets.refused(f"has a delegation under the name {name[:60]!r}")
        _strings(role.get("paths"), targets.subject)
        if not _named(targets, name, role, keys) or _number(role.get("threshold"), targets.subject) != 1:
            raise targets.refused(f"has a delegation {name[:60]!r} that no key can sign for")


def _wrong_type(subject: str) -> VerificationError:
    return VerificationError(subject, "is not made as signed metadata is", hint=HINT)


def _object(value: Json, subject: str) -> JsonObject:
    if not isinstance(value, dict):
        raise _wrong_type(subject)
    return value


def _list(value: Json, subject: str) -> list[Json]:
    if not isinstance(value, list):
        raise _wrong_type(subject)
    return value


def _number(value: Json, subject: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(subject)
    return value


def _strings(value: Json, subject: str) -> list[str]:
    texts = [item for item in _list(value, subject) if isinstance(item, str)]
    if texts != value:
        raise _wrong_type(subject)
    return texts


def _texts(value: Json, names: Sequence[str], subject: str) -> tuple[str, ...]:
    entry = _object(value, subject)
    return tuple(_strings([entry.get(name) for name in names], subject))


def _time(value: Json, subject: str) -> datetime:
    try:
        time = datetime.strptime(str(value), _TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise VerificationError(subject, f"{str(value)[:60]!r} is not a time", hint=HINT) from error
    if time.strftime(_TIME) != value:  # strptime also takes one digit where two are written
        raise VerificationError(subject, f"{str(value)[:60]!r} is not a time", hint=HINT)
    return time


def _base64(text: str, subject: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise VerificationError(subject, "holds what is not base64", hint=HINT) from error
    if base64.b64encode(data).decode() != text:  # a server would write the bits that are left over as zeros
        raise VerificationError(subject, "holds base64 in another form than a server stores", hint=HINT)
    return data
