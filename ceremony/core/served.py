# SPDX-License-Identifier: Apache-2.0
"""What a Notary server serves, read strictly: its public keys, its metadata's versions, what its snapshot names.

A server's public key for a repository (`GET /v2/<gun>/_trust/tuf/snapshot.key`,
`timestamp.key`) is what a request brings into the room; the root then names it.
Nothing here judges signatures, and no spacing of JSON is refused: these bytes
are Go's, not ours. Notary's key types and `_type`s: facts of its `tuf/data`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ceremony.core import canonical
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.keys import Algorithm, PublicKey, from_raw_ed25519, from_spki
from ceremony.core.request import AGAIN, MAX_KEY, MAX_METADATA, Request, check_file
from ceremony.errors import VerificationError

_TYPES = {
    "ecdsa": {Algorithm.ECDSA_P256, Algorithm.ECDSA_P384},
    "rsa": {Algorithm.RSA_3072, Algorithm.RSA_4096},
    "ed25519": {Algorithm.ED25519},
}

_GO = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_GO_IN_ORDER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_GO_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The public keys that a server uses for one repository."""

    snapshot: PublicKey
    timestamp: PublicKey


def keys_for(request: Request, files: Mapping[str, bytes], guns: Iterable[str]) -> dict[str, ServerKeys]:
    """Return the server's keys for each of `guns`.

    `files` gives the bytes of a file by its digest, hex. Raises VerificationError,
    naming the repository or the file, when one is missing, changed, or not a key.
    """
    return {gun: ServerKeys(_key(request, files, gun, "snapshot"), _key(request, files, gun, "timestamp")) for gun in guns}


def _key(request: Request, files: Mapping[str, bytes], gun: str, role: str) -> PublicKey:
    repository = request.repositories.get(gun)
    if repository is None or role not in repository.keys:
        what = "holds nothing about" if repository is None else f"holds no {role} key for"
        raise VerificationError("request", f"{what} {gun}", hint=f"{AGAIN}; name {gun} there")
    file = repository.keys[role]
    data = files.get(file.sha256)
    if data is None:
        raise VerificationError(file.subject, "is missing", hint=AGAIN)
    check_file(file, data)
    return server_key(data, gun, role)


def check_new(request: Request, guns: Iterable[str]) -> None:
    """Check that the server knew none of `guns` yet; raises VerificationError, naming the first that it knew."""
    for gun in guns:
        repository = request.repositories.get(gun)
        if repository is not None and repository.known:
            raise VerificationError(
                "request",
                f"the server has metadata of {gun} already",
                hint="a genesis makes new repositories only; take this one out of the plan",
            )


def server_key(data: bytes, gun: str, role: str) -> PublicKey:
    """Return the public key in a server's `<role>.key` for repository `gun`.

    Raises VerificationError, naming both, for what is longer than 64 KiB, is not
    Notary's JSON of one bare public key, or is a key that no dialect takes.
    """
    subject = f"{gun}, {role} key of the server"
    if len(data) > MAX_KEY:
        raise _refused(subject, f"is {len(data)} bytes, and a key is never more than {MAX_KEY}")
    key = _object(data, subject)
    keyval = key.get("keyval")
    if (
        set(key) != {"keytype", "keyval"}
        or not isinstance(keyval, dict)
        or not {"public"} <= set(keyval) <= {"private", "public"}
    ):
        raise _refused(subject, "does not have the members of a Notary public key")
    if keyval.get("private") is not None:
        raise _refused(subject, "carries a private half, which must never leave the server")
    keytype, public = key["keytype"], keyval["public"]
    if not isinstance(keytype, str) or keytype not in _TYPES:
        raise _refused(subject, f"has the type {str(keytype)[:40]!r}, and only {', '.join(_TYPES)} can be used")
    found = _public(keytype, public, subject)
    if found.algorithm not in _TYPES[keytype]:
        raise _refused(subject, f"says {keytype}, and is {found.algorithm}")
    return found


def _public(keytype: str, public: Json, subject: str) -> PublicKey:
    try:
        raw = base64.b64decode(public if isinstance(public, str) else "?", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _refused(subject, "is not base64") from error
    try:
        return from_raw_ed25519(raw) if keytype == "ed25519" else from_spki(raw)
    except VerificationError as error:
        raise _refused(subject, error.message.removeprefix("public key: ")) from error


def metadata_version(data: bytes, gun: str, role: str) -> int:
    """Return the version that a piece of metadata states; signatures are not looked at.

    Raises VerificationError, naming repository and role, for what is longer than
    10 MiB, is not JSON, or is not metadata of that role.
    """
    version = _signed(data, gun, role).get("version")
    if type(version) is not int or version < 1:
        raise _refused(f"{gun}, {role} of the server", "does not state a version")
    return version


def check_encoding(data: bytes, gun: str, role: str) -> None:
    """Check that metadata is encoded as a server would encode it again (Go's `encoding/json`), before it is sent.

    Raises VerificationError, naming repository and role: a server takes other bytes
    too, and then every client fails, and the version cannot be sent again.
    """
    value = _object(data, f"{gun}, {role}")
    signatures = value.get("signatures")
    listed = [
        {name: _at(signature, name) for name in ("keyid", "method", "sig")}
        for signature in (signatures if isinstance(signatures, list) else [])
    ]
    again = f'{{"signed":{_GO.encode(value.get("signed"))},"signatures":{_GO_IN_ORDER.encode(listed)}}}'
    if again.translate(_GO_ESCAPES).encode() != data:
        raise VerificationError(
            f"{gun}, {role}",
            "is not encoded as a Notary server encodes, so clients would refuse it",
            hint="it was not sent; publish the folder as the ceremony left it",
        )


def named(listing: bytes, gun: str, role: str) -> dict[str, str]:
    """Return role → SHA-256, hex, of the files that a server's snapshot or timestamp (`role`) names; signatures are not looked at.

    Clients ask for files by these digests. Raises VerificationError, naming repository and
    role, for what is not metadata of that role, or states a digest that is none.
    """
    meta = _signed(listing, gun, role).get("meta")
    found = {}
    for name in meta if isinstance(meta, dict) else ():
        stated = _at(meta, name, "hashes", "sha256")
        try:
            digest = base64.b64decode(stated if isinstance(stated, str) else "", validate=True)
        except (ValueError, binascii.Error):
            digest = b""
        if len(digest) != hashlib.sha256().digest_size:
            raise _refused(f"{gun}, {role} of the server", f"names no bytes for {name[:40]!r}")
        found[name] = digest.hex()
    return found


def _at(value: Json, *path: str) -> Json:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _signed(data: bytes, gun: str, role: str) -> JsonObject:
    subject = f"{gun}, {role} of the server"
    if len(data) > MAX_METADATA:
        raise _refused(subject, f"is {len(data)} bytes, more than the {MAX_METADATA} that are read")
    signed = _object(data, subject).get("signed")
    if not isinstance(signed, dict) or signed.get("_type") != role.partition("/")[0].capitalize():
        raise _refused(subject, "is not metadata of that role")
    return signed


def _object(data: bytes, subject: str) -> JsonObject:
    try:
        value = canonical.parse_loose(data, subject)
    except VerificationError as error:
        raise _refused(subject, error.message.removeprefix(f"{subject}: ")) from error
    if not isinstance(value, dict):
        raise _refused(subject, "is not a JSON object")
    return value


def _refused(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint=f"{AGAIN}; if it stays so, tell the server's administrator")
