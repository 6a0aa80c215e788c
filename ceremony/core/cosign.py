# SPDX-License-Identifier: Apache-2.0
"""What people sign with their own keys: SSH signatures (PROTOCOL.sshsig), and the quorum of a plan.

A signature is armored SSHSIG as `ssh-keygen -Y sign` writes it. `verify` takes a
signature only when it is byte for byte what that program writes for the values in
it: `ssh-keygen -Y verify` itself takes trailing junk and other encodings, so that one
signature has many encodings; here it has one. Keys are ssh-ed25519, ecdsa-sha2-nistp256,
-384 and -521, ssh-rsa of 2048 bits or more, and the two kinds on FIDO security keys
(`sk-`, see `security_key`), which must have been touched. Making signatures is left to
`ssh-keygen`, in `ceremony.host`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ceremony.core import security_key
from ceremony.core.plan import Person, Role
from ceremony.core.security_key import SecurityKey
from ceremony.core.sshwire import NotSshData, Reader, mpint, string
from ceremony.errors import VerificationError

SshCryptoKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_SECURITY_KEYS = (security_key.ED25519, security_key.ECDSA)
KEY_TYPES = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"),
    *_SECURITY_KEYS,
)
_CURVE_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),  # RFC 5656, section 6.2.1
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_RSA_HASHES: dict[str, hashes.HashAlgorithm] = {"rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512()}  # RFC 8332
_MIN_RSA_BITS = 2048

_BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
_END = b"-----END SSH SIGNATURE-----\n"
_LINE = 70
"""Characters of base64 in a line, as `ssh-keygen` breaks them."""
_PREAMBLE = b"SSHSIG"
_VERSION = (1).to_bytes(4)


@dataclass(frozen=True, slots=True)
class SshPublicKey:
    """An OpenSSH public key; equal when type and key are, whatever the comment."""

    kind: str
    """The key type of the wire, `ssh-ed25519` and so on."""
    blob: bytes
    """The key as in RFC 4253, section 6.6."""
    comment: str = field(default="", compare=False)

    @property
    def fingerprint(self) -> str:
        """The fingerprint that `ssh-keygen -l` prints: `SHA256:` and unpadded base64."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as one line, without its comment: what `allowed_signers` and age recipients take."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True, slots=True)
class _Signature:
    """The fields of an SSHSIG blob (PROTOCOL.sshsig, section 2); the reserved one is empty."""

    public_key: bytes
    namespace: bytes
    hash_algorithm: bytes
    format: str
    value: bytes
    trailer: bytes
    """Flags and counter of a security key (PROTOCOL.u2f); empty for every other key."""

    def armored(self) -> bytes:
        """Return the one armored form that `ssh-keygen` writes."""
        blob = b"".join(
            (
                _PREAMBLE,
                _VERSION,
                string(self.public_key),
                string(self.namespace),
                string(b""),
                string(self.hash_algorithm),
                string(string(self.format.encode()) + string(self.value) + self.trailer),
            )
        )
        text = base64.b64encode(blob)
        lines = b"".join(text[i : i + _LINE] + b"\n" for i in range(0, len(text), _LINE))
        return _BEGIN + lines + _END


@dataclass(frozen=True, slots=True)
class QuorumResult:
    """What a quorum still lacks."""

    missing: Mapping[Role, int]
    """How many people of each role, for the roles that lack any."""
    independent_missing: bool
    """Nobody among those who signed is independent."""

    @property
    def met(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and not self.independent_missing


def parse_public_key(line: str, subject: str = "key") -> SshPublicKey:
    """Return the key of one line `type base64 [comment]`, as in a `.pub` file.

    Raises VerificationError, naming `subject`, for anything else: options before the
    type, other key types, RSA below 2048 bits, another encoding of a key.
    """
    words = line.strip().split(" ", 2)
    kind = words[0]
    if kind not in KEY_TYPES or len(words) < 2 or len(line.strip().splitlines()) != 1:
        raise VerificationError(subject, "is not an OpenSSH public key", hint=_TAKEN)
    try:
        blob = base64.b64decode(words[1], validate=True)
    except ValueError as error:
        raise VerificationError(subject, "is not an OpenSSH public key: its base64 is damaged", hint=_TAKEN) from error
    key = SshPublicKey(kind, blob, words[2] if len(words) > 2 else "")
    crypto = _load_any(key, subject)
    if words[1] != key.line.partition(" ")[2]:
        raise VerificationError(subject, "is not in the one encoding of its key", hint=_TAKEN)
    if isinstance(crypto, rsa.RSAPublicKey) and crypto.key_size < _MIN_RSA_BITS:
        raise VerificationError(subject, f"is RSA of {crypto.key_size} bits, fewer than {_MIN_RSA_BITS}", hint=_TAKEN)
    return key


_TAKEN = f"bring one line of a .pub file, one of {', '.join(KEY_TYPES)}"


def _load_any(key: SshPublicKey, subject: str) -> SshCryptoKey | SecurityKey:
    if key.kind not in _SECURITY_KEYS:
        return _load(key, subject)
    try:
        return security_key.read(key.kind, key.blob)
    except (ValueError, NotSshData) as error:
        raise VerificationError(subject, "is not an OpenSSH public key: its fields do not make one", hint=_TAKEN) from error


def _load(key: SshPublicKey, subject: str) -> SshCryptoKey:
    try:
        crypto = serialization.load_ssh_public_key(key.line.encode())
        again = crypto.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    except (ValueError, NotImplementedError, UnsupportedAlgorithm) as error:  # cryptography's second: a compressed point
        raise VerificationError(subject, "is not an OpenSSH public key: its fields do not make one", hint=_TAKEN) from error
    if not isinstance(crypto, SshCryptoKey) or again != key.line:
        raise VerificationError(subject, "is not in the one encoding of its key", hint=_TAKEN)
    return crypto


def claimed_key(armored: bytes, subject: str = "signature") -> SshPublicKey:
    """Return the key that an armored SSHSIG says it was made by; that it was, `verify` checks.

    Raises VerificationError, naming `subject`, for a signature that is not in its one form, or names no key.
    """
    blob = _parse(armored, subject).public_key
    try:
        kind = Reader(blob).text()
    except NotSshData as error:
        raise VerificationError(
            subject, "names no OpenSSH public key", hint="use the file that ssh-keygen -Y sign wrote"
        ) from error
    return parse_public_key(f"{kind} {base64.b64encode(blob).decode()}", subject)


def verify(armored: bytes, message: bytes, key: SshPublicKey, namespace: str, subject: str = "signature") -> None:
    """Check an armored SSHSIG over `message` by `key` for `namespace`.

    Raises VerificationError, naming `subject`, for a signature that is not in its one
    form, of another key or namespace, over a hash other than SHA-256 and SHA-512, by
    RSA with SHA-1, by a security key that nobody touched, or that does not verify.
    """
    signature = _parse(armored, subject)
    if signature.public_key != key.blob:
        raise VerificationError(subject, f"was made by another key than {key.fingerprint}", hint="sign with the key of the plan")
    if signature.namespace != namespace.encode():
        raise VerificationError(
            subject,
            f"is for another namespace than {namespace}",
            hint=f"sign again with ssh-keygen -Y sign -n {namespace}",
        )
    if signature.hash_algorithm not in (b"sha256", b"sha512"):
        raise VerificationError(
            subject, "is over a hash other than sha256 and sha512", hint="sign again with a current ssh-keygen"
        )
    digest = hashlib.new(signature.hash_algorithm.decode(), message).digest()
    # PROTOCOL.sshsig, section 3: what the key itself signs.
    signed = _PREAMBLE + string(signature.namespace) + string(b"") + string(signature.hash_algorithm) + string(digest)
    crypto = _load_any(key, subject)
    if isinstance(crypto, SecurityKey):
        if signature.format == key.kind and not security_key.touched(signature.trailer):
            raise VerificationError(
                subject, "was made by a security key that nobody touched", hint="sign again, and touch the key when it blinks"
            )
        signed, crypto = crypto.signed(signature.trailer, signed), crypto.crypto
    _verify_value(crypto, key, signature, signed, subject)


def public_key_of(armored: bytes, subject: str = "signature") -> bytes:
    """Return the public key that an armored SSHSIG says made it, as on the wire; raises VerificationError unless it has its one form."""
    return _parse(armored, subject).public_key


def _parse(armored: bytes, subject: str) -> _Signature:
    if not armored.startswith(_BEGIN) or _END.rstrip() not in armored:
        raise VerificationError(subject, "is not an armored SSH signature", hint="use the file that ssh-keygen -Y sign wrote")
    text = armored[len(_BEGIN) :].partition(_END.rstrip())[0]
    try:
        signature = _fields(base64.b64decode(text))
    except (binascii.Error, NotSshData) as error:
        raise VerificationError(
            subject, f"is not an SSH signature ({error})", hint="use the file that ssh-keygen -Y sign wrote"
        ) from error
    if signature.armored() != armored:
        raise VerificationError(
            subject,
            "is not its own re-encoding",
            hint="the signature was changed or something was added; use the file that ssh-keygen -Y sign wrote",
        )
    return signature


def _fields(blob: bytes) -> _Signature:
    reader = Reader(blob)
    if reader.take(len(_PREAMBLE)) != _PREAMBLE or reader.take(len(_VERSION)) != _VERSION:
        raise NotSshData("it is not of version 1")
    public_key, namespace, _reserved = reader.string(), reader.string(), reader.string()
    hash_algorithm, value = reader.string(), Reader(reader.string())
    format_, made = value.text(), value.string()
    trailer = value.take(security_key.TRAILER) if format_ in _SECURITY_KEYS else b""
    return _Signature(public_key, namespace, hash_algorithm, format_, made, trailer)


def _verify_value(crypto: SshCryptoKey, key: SshPublicKey, signature: _Signature, signed: bytes, subject: str) -> None:
    try:
        if isinstance(crypto, rsa.RSAPublicKey):
            _verify_rsa(crypto, signature, signed, subject)
            return
        if signature.format != key.kind:
            raise VerificationError(subject, f"is in a format that is not {key.kind}", hint="sign again with ssh-keygen")
        if isinstance(crypto, ec.EllipticCurvePublicKey):
            crypto.verify(_ecdsa_der(signature.value), signed, ec.ECDSA(_CURVE_HASHES[crypto.curve.name]))
        else:
            crypto.verify(signature.value, signed)
    except (InvalidSignature, NotSshData) as error:
        raise VerificationError(
            subject, f"does not verify with {key.fingerprint}", hint="the signature or what was signed has been changed"
        ) from error


def _verify_rsa(crypto: rsa.RSAPublicKey, signature: _Signature, signed: bytes, subject: str) -> None:
    chosen = _RSA_HASHES.get(signature.format)
    if chosen is None:
        raise VerificationError(
            subject, "is by RSA with a hash other than SHA-256 and SHA-512", hint="sign again with a current ssh-keygen"
        )
    crypto.verify(signature.value, signed, padding.PKCS1v15(), chosen)


def _ecdsa_der(value: bytes) -> bytes:
    reader = Reader(value)
    r, s = reader.mpint(), reader.mpint()
    if mpint(r) + mpint(s) != value:
        raise NotSshData("its numbers have more than one form")
    return encode_dss_signature(r, s)


def quorum(people: Sequence[Person], needed: Mapping[Role, int], signers: Iterable[Person]) -> QuorumResult:
    """Return what is missing of `needed` among `signers` whose signatures were verified.

    Only signers who are among `people` count; two of one role with one key count once.
    """
    counted = {(person.role, _one_key(person)): person for person in signers if person in people}
    missing = {
        role: count - present
        for role, count in needed.items()
        if (present := sum(person.role is role for person in counted.values())) < count
    }
    return QuorumResult(missing, not any(person.independent for person in counted.values()))


def _one_key(person: Person) -> str:
    """Return what tells people apart: the key without its comment, or the name of who has none."""
    return " ".join(person.key.split()[:2]) or person.name
