# SPDX-License-Identifier: Apache-2.0
"""A team's private key in a file: what `notary key import` takes, what Notary keeps and exports, or plain PKCS#8, PEM.

Headers (`gun`, `path`, `role`) may stand before the key. Encrypted, it is PKCS#8 too
(RFC 5958 under PBES2), and opened by the second library: the first does not read
what Go encrypted. A file holds one key.
"""

from __future__ import annotations

import base64
import binascii
import re

from Crypto.IO import PKCS8
from Crypto.Util.asn1 import DerNull, DerObjectId, DerOctetString, DerSequence

from ceremony.core.dialects import notary_keys
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)-----END \1-----", re.DOTALL)
_HEADERS = re.compile(r"(?:[A-Za-z-]+: [^\n]*\n)+\n")
_PLAIN, _ENCRYPTED = "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"
_RSA = "1.2.840.113549.1.1.1"
_HINT = "give the key as `notary key export` writes it for one key, or as PKCS#8 in PEM"


def is_encrypted(data: bytes, subject: str) -> bool:
    """Tell whether a key file wants a passphrase; raises VerificationError, naming `subject`, for what is no key file."""
    return _block(data, subject)[0] == _ENCRYPTED


def read(data: bytes, subject: str, passphrase: Secret | None = None) -> SoftwareKey:
    """Return the key of a file, opened with its passphrase where it is encrypted; raises VerificationError, naming `subject`."""
    kind, der = _block(data, subject)
    if kind == _ENCRYPTED:
        der = _opened(der, subject, passphrase or Secret(b""))
    try:
        return notary_keys.from_der(der, subject)
    except VerificationError as error:
        raise VerificationError(subject, "holds no private key that signs targets", hint=_HINT) from error


def _block(data: bytes, subject: str) -> tuple[str, bytes]:
    found = _PEM.findall(data.decode("utf-8", "replace").replace("\r\n", "\n"))
    kinds = {_PLAIN, _ENCRYPTED}
    if len(found) != 1 or found[0][0] not in kinds:
        what = f"holds {len(found)} keys, and one is wanted" if len(found) > 1 else "is no private key in PEM, PKCS#8"
        raise VerificationError(subject, what, hint=_HINT)
    kind, body = found[0]
    try:
        return kind, base64.b64decode("".join(_HEADERS.sub("", body, count=1).split()), validate=True)
    except binascii.Error as error:
        raise VerificationError(subject, "is damaged", hint=_HINT) from error


def _opened(der: bytes, subject: str, passphrase: Secret) -> bytes:
    try:
        oid, key, parameters = PKCS8.unwrap(der, passphrase.reveal())
    except (ValueError, TypeError, IndexError) as error:
        raise VerificationError(
            subject, "does not open with this passphrase", hint="type the passphrase of the key; or the file is damaged"
        ) from error
    # RFC 8017, appendix A.1: RSA keys have parameters, and they are NULL; the second library leaves them out.
    algorithm = [DerObjectId(oid), *([parameters] if parameters else [DerNull()] if oid == _RSA else [])]
    return bytes(DerSequence([0, DerSequence(algorithm), DerOctetString(key)]).encode())
