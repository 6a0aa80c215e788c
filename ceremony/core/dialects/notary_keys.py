# SPDX-License-Identifier: Apache-2.0
"""Private repository keys in the form that `notary key import` takes: PEM PKCS#8 with three headers, unencrypted.

Unencrypted, because the import then encrypts the key itself under the team's own
passphrase, and because a key encrypted with HMAC-SHA-256 imports silently and is
never found again. Without `path` the import fails.

Ed25519 keys are not as RFC 8410 has them: Notary is older, and uses an OID of its
own and an octet string of public key, seed and public key. The usual form imports
without a word and is never found when signing.
"""

from __future__ import annotations

import base64
import binascii

from asn1crypto import core

from ceremony.core import software_key
from ceremony.core.keys import Algorithm
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError

_ED25519 = "1.3.6.1.4.1.11591.15.1"
_ED25519_DER = bytes(core.ObjectIdentifier(_ED25519).dump())
_RFC8410 = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the seed in a PKCS#8 Ed25519 key (RFC 8410, section 7)."""
_HALF = 32
_LINE = 64
_BEGIN, _END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


class _Algorithm(core.Sequence):  # type: ignore[misc]  # asn1crypto carries no types
    _fields = [("algorithm", core.ObjectIdentifier)]  # noqa: RUF012 - asn1crypto's idiom


class _PrivateKeyInfo(core.Sequence):  # type: ignore[misc]  # asn1crypto carries no types
    _fields = [("version", core.Integer), ("algorithm", _Algorithm), ("private_key", core.OctetString)]  # noqa: RUF012 - asn1crypto's idiom


def write(repository: str, key_id: str, key: SoftwareKey) -> bytes:
    """Return the key of a repository as its team imports it, ASCII."""
    der = _own_form(key) if key.public.algorithm is Algorithm.ED25519 else key.pkcs8()
    headers = f"gun: {repository}\npath: {key_id}\nrole: targets\n"
    text = base64.b64encode(der).decode()
    body = "\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return f"{_BEGIN}\n{headers}\n{body}\n{_END}\n".encode()


def read(data: bytes, subject: str) -> SoftwareKey:
    """Return the key that `write` wrote; raises VerificationError, naming `subject`, for anything else."""
    if not data.startswith(_BEGIN.encode()):
        raise _refused(subject)
    try:
        body = data.partition(b"\n\n")[2].removesuffix(f"\n{_END}\n".encode())
        der = base64.b64decode(body.replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise _refused(subject) from error
    return from_der(der, subject)


def from_der(der: bytes, subject: str) -> SoftwareKey:
    """Return the key of an unencrypted PKCS#8, Notary's own form of Ed25519 too; raises VerificationError, naming `subject`."""
    return _from_own_form(der, subject) if _is_own_form(der) else software_key.from_pkcs8(der)


def _own_form(key: SoftwareKey) -> bytes:
    public = key.public.raw_ed25519
    info = {"version": 0, "algorithm": {"algorithm": _ED25519}, "private_key": public + key.pkcs8()[-_HALF:] + public}
    return bytes(_PrivateKeyInfo(info).dump())


def _is_own_form(der: bytes) -> bool:
    return _ED25519_DER in der[:32]


def _from_own_form(der: bytes, subject: str) -> SoftwareKey:
    try:
        private = bytes(_PrivateKeyInfo.load(der, strict=True)["private_key"].native)
    except (ValueError, TypeError) as error:
        raise _refused(subject) from error
    key = software_key.from_pkcs8(_RFC8410 + private[_HALF : 2 * _HALF])
    public = key.public.raw_ed25519
    if private != public + private[_HALF : 2 * _HALF] + public:
        raise _refused(subject)
    return key


def _refused(subject: str) -> VerificationError:
    return VerificationError(subject, "is not a repository key as notary imports it", hint="it is damaged, or of another kind")
