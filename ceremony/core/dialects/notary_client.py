# SPDX-License-Identifier: Apache-2.0
"""The rules of a Notary v1 client, over finished files: what it would refuse, we refuse first.

Written from the client's behaviour, and from nothing in `notary`: it parses the
bytes afresh, finds each key id by hashing the key that it names, and counts
signatures by distinct keys. A fresh client starts at the root's own keys
(trust on first use); pinned key ids are compared by the caller.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from ceremony.core.canonical import Json, JsonObject, encode, parse_loose
from ceremony.core.dialects import DetachedSignature
from ceremony.core.keys import PublicKey, Scheme, from_crypto, from_raw_ed25519, from_spki, verify
from ceremony.errors import VerificationError

_HINT = "a client would refuse it; nothing may be carried out"
_SCHEMES = {"ecdsa": Scheme.ECDSA_SHA256, "rsapss": Scheme.RSA_PSS_SHA256, "eddsa": Scheme.ED25519}
_METHOD_OF = {"ecdsa": "ecdsa", "ecdsa-x509": "ecdsa", "rsa": "rsapss", "rsa-x509": "rsapss", "ed25519": "eddsa"}
_ROLES = ("root", "snapshot", "targets", "timestamp")


def check(repository: str, files: Mapping[str, bytes], now: datetime) -> Sequence[DetachedSignature]:
    """Judge root, and targets when there is one; see `Dialect.check`."""
    root = _Metadata(f"{repository} root", files["root"], "Root", now)
    keys = _keys(root)
    roles = {role: _role(root, role, keys) for role in _ROLES}
    _check_certificates(repository, root, roles["root"][0], now)
    counted = root.signed_by(*roles["root"])
    if "targets" in files:
        targets = _Metadata(f"{repository} targets", files["targets"], "Targets", now)
        _check_delegations(targets)
        counted += targets.signed_by(*roles["targets"])
    return counted


class _Metadata:
    """One finished file, parsed from its bytes: the signed part, the signatures, and what they are over."""

    def __init__(self, subject: str, data: bytes, kind: str, now: datetime) -> None:
        self.subject = subject
        whole = _object(parse_loose(data, subject), subject)
        self.signed = _object(whole.get("signed"), subject)
        self.signatures = _list(whole.get("signatures"), subject)
        self.payload = encode(self.signed, subject)
        if self.signed.get("_type") != kind:
            raise self.refused(f"is not of type {kind}")
        version = self.signed.get("version")
        if not isinstance(version, int) or version < 1:
            raise self.refused("has no version from 1")
        if _time(self.signed.get("expires"), subject) <= now:
            raise self.refused(f"expired at {self.signed.get('expires')}")

    def refused(self, what: str) -> VerificationError:
        """Return the error that says what a client would refuse."""
        return VerificationError(self.subject, what, hint=_HINT)

    def signed_by(self, keys: Mapping[str, _Key], threshold: int) -> list[DetachedSignature]:
        """Return a verified signature by each distinct key of the role; raises below `threshold`."""
        counted: dict[str, DetachedSignature] = {}
        for item in self.signatures:
            entry = _object(item, self.subject)
            key_id, method, value = (str(entry.get(name)) for name in ("keyid", "method", "sig"))
            key = keys.get(key_id)
            if key is None:
                continue
            if method != key.method:
                raise self.refused(f"names method {method} with a key for {key.method}")
            signature = DetachedSignature(key.public, _SCHEMES[method], self.payload, _base64(value, self.subject))
            verify(key.public, signature.scheme, self.payload, signature.value, self.subject)
            counted[key.public.sha256] = signature
        if len(counted) < threshold:
            raise self.refused(f"has {len(counted)} valid signatures of the {threshold} that it needs")
        return list(counted.values())


class _Key:
    """A key of the root's key table."""

    def __init__(self, entry: JsonObject, subject: str) -> None:
        self.key_type = str(entry.get("keytype"))
        self.text = str(_object(entry.get("keyval"), subject).get("public"))
        method = _METHOD_OF.get(self.key_type)
        if method is None:
            raise VerificationError(subject, f"holds a key of the unknown type {self.key_type!r}", hint=_HINT)
        self.method = method
        raw = _base64(self.text, subject)
        self.certificate = _certificate(raw, subject) if self.key_type.endswith("-x509") else None
        self.public = self._public(raw)

    def _public(self, raw: bytes) -> PublicKey:
        if self.certificate is not None:
            return from_crypto(self.certificate.public_key())
        return from_raw_ed25519(raw) if self.key_type == "ed25519" else from_spki(raw)

    def key_id(self) -> str:
        """Return the id that the key must be listed under."""
        canonical = encode({"keytype": self.key_type, "keyval": {"private": None, "public": self.text}})
        return hashlib.sha256(canonical).hexdigest()


def _keys(root: _Metadata) -> dict[str, _Key]:
    table = {
        key_id: _Key(_object(entry, root.subject), root.subject)
        for key_id, entry in _object(root.signed.get("keys"), root.subject).items()
    }
    for key_id, key in table.items():
        if key.key_id() != key_id:
            raise root.refused(f"lists a key under the id {key_id[:16]}, which is not its own")
    return table


def _role(root: _Metadata, name: str, keys: Mapping[str, _Key]) -> tuple[dict[str, _Key], int]:
    role = _object(_object(root.signed.get("roles"), root.subject).get(name), root.subject)
    threshold = role.get("threshold")
    chosen = {str(key_id): keys[str(key_id)] for key_id in _list(role.get("keyids"), root.subject) if key_id in keys}
    distinct = {key.public.sha256 for key in chosen.values()}
    if not isinstance(threshold, int) or threshold < 1 or len(distinct) < threshold:
        raise root.refused(f"has a threshold for {name} that its keys cannot meet")
    return chosen, threshold


def _check_certificates(repository: str, root: _Metadata, keys: Mapping[str, _Key], now: datetime) -> None:
    for key_id, key in keys.items():
        if key.certificate is None:
            raise root.refused(f"names root key {key_id[:16]}, which is not a certificate")
        names = key.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        common_name = str(names[0].value) if names else ""
        prefix = common_name.removesuffix("*") if common_name.endswith("*") else None
        if common_name != repository and (prefix is None or not repository.startswith(prefix)):
            raise root.refused(f"has a root certificate for {common_name!r}")
        if not key.certificate.not_valid_before_utc <= now < key.certificate.not_valid_after_utc:
            raise root.refused("has a root certificate that is not valid now")
        if isinstance(key.certificate.signature_hash_algorithm, hashes.SHA1):
            raise root.refused("has a root certificate signed over SHA-1")
        _check_own_signature(root, key.certificate)


def _check_own_signature(root: _Metadata, certificate: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise root.refused("has a root certificate that its own key did not sign") from error


def _check_delegations(targets: _Metadata) -> None:
    delegations = _object(targets.signed.get("delegations"), targets.subject)
    keys = _object(delegations.get("keys"), targets.subject)
    for item in _list(delegations.get("roles"), targets.subject):
        role = _object(item, targets.subject)
        known = [key_id for key_id in _list(role.get("keyids"), targets.subject) if key_id in keys]
        if role.get("threshold") != 1 or not known or not str(role.get("name")).startswith("targets/"):
            raise targets.refused(f"has a delegation {role.get('name')!r} that no key can sign for")
    for key_id, entry in keys.items():
        if _Key(_object(entry, targets.subject), targets.subject).key_id() != key_id:
            raise targets.refused(f"lists a signer's key under the id {key_id[:16]}, which is not its own")


def _certificate(pem: bytes, subject: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise VerificationError(subject, "holds a root key that is not a certificate", hint=_HINT) from error


def _object(value: Json, subject: str) -> JsonObject:
    if not isinstance(value, dict):
        raise VerificationError(subject, "is not made as signed metadata is", hint=_HINT)
    return value


def _list(value: Json, subject: str) -> list[Json]:
    if not isinstance(value, list):
        raise VerificationError(subject, "is not made as signed metadata is", hint=_HINT)
    return value


def _time(value: Json, subject: str) -> datetime:
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise VerificationError(subject, f"{value!r} is not a time", hint=_HINT) from error


def _base64(text: str, subject: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise VerificationError(subject, "holds what is not base64", hint=_HINT) from error
