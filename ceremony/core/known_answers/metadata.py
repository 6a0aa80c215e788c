# SPDX-License-Identifier: Apache-2.0
"""Known answers of the Notary dialect: key ids, the file that Go writes, the client's judgement of metadata, and a root certificate."""

from __future__ import annotations

from datetime import UTC, datetime

from ceremony.core import certificates, keys
from ceremony.core.dialects import RootKey, Signature, notary
from ceremony.core.keys import Algorithm
from ceremony.core.known_answers.answer import Answer, flipped, same
from ceremony.core.known_answers.key_values import ED25519_SPKI, P256_SPKI, RSA_SPKI
from ceremony.core.known_answers.metadata_values import CERTIFICATE, CERTIFICATE_SIGNATURE, ROOT, TARGETS

_REPOSITORY = "reg.example:5000/acme/app"
_NOW = datetime(2026, 11, 19, tzinfo=UTC)
_IDS = (
    ("ECDSA", P256_SPKI, b"1cfcd043e59485498f889827aabaa95236a34c795746a4c90928a1652da7a12a"),
    ("Ed25519", ED25519_SPKI, b"5bebcf7228cbec5ee8a092ac03478fc8b27ee3014de14651c220b38df90eda42"),
    ("RSA", RSA_SPKI, b"173dc746f2d7e90f9f1ca3d543e7f69ab01067cffc90e4fbeedc659fd0ada84d"),
)
_CERTIFICATE_ID = b"78f447e440ed5b52ab1a539e4b6973682a60f67318cfab9776fa018ef4e36181"
_PAYLOAD = '{"a":"<&>\u2028"}'.encode()
_FILE = (
    b'{"signed":{"a":"\\u003c\\u0026\\u003e\\u2028"},"signatures":[{"keyid":"'
    + _IDS[0][2]
    + b'","method":"ecdsa","sig":"AAECAw=="}]}'
)
_SIG = b'"sig":"'
_REQUEST = certificates.CertificateRequest(
    public=keys.from_spki(P256_SPKI),
    common_name="docker.io/acme/*",
    not_before=_NOW,
    not_after=datetime(2046, 11, 19, tzinfo=UTC),
    ceremony="0123456789abcdef0123456789abcdef",
    practice=False,
)


def _signed_otherwise(file: bytes) -> bytes:
    """Return a file with another signature: what it says is as before, so that nothing but its verifier can tell."""
    place = file.index(_SIG) + len(_SIG) + 10
    return file[:place] + (b"A" if file[place : place + 1] != b"A" else b"B") + file[place + 1 :]


def _key_id(spki: bytes, key_id: bytes) -> None:
    same(notary.DIALECT.key_id(keys.from_spki(spki)).encode(), key_id)


def _root_key_id(certificate: bytes, key_id: bytes) -> None:
    key = RootKey(keys.from_spki(P256_SPKI), certificate.decode("ascii", "replace"))
    same(notary.DIALECT.root_key_id(key).encode(), key_id)


def _go(payload: bytes, file: bytes) -> None:
    signature = Signature(_IDS[0][2].decode(), Algorithm.ECDSA_P256, bytes(range(4)))
    same(notary.go_encoding(payload, [signature]), file)


def _client(root: bytes, targets: bytes) -> None:
    counted = notary.DIALECT.check(_REPOSITORY, {"root": root, "targets": targets}, _NOW)
    same(len(counted), 3)


def _certificate(signature: bytes, certificate: bytes) -> None:
    same(_REQUEST.finish(_REQUEST.to_be_signed(), signature).encode(), certificate)


def _signed(signature: bytes) -> None:
    _REQUEST.finish(_REQUEST.to_be_signed(), signature)


ANSWERS = (
    *(Answer(f"Notary key id, {name}", "securesystemslib", _key_id, (spki, key_id)) for name, spki, key_id in _IDS),
    Answer("Notary key id, certificate", "securesystemslib", _root_key_id, (CERTIFICATE, _CERTIFICATE_ID)),
    Answer("Notary file as Go writes it", "encoding/json", _go, (_PAYLOAD, _FILE)),
    Answer(
        "Notary client's rules", "securesystemslib and PyCryptodome", _client, (ROOT, TARGETS),
        (
            (TARGETS, ROOT), (ROOT, flipped(ROOT)), (ROOT + b"\n", TARGETS),
            (ROOT.replace(b'"threshold":2', b'"threshold":1'), TARGETS), (_signed_otherwise(ROOT), TARGETS), (ROOT, _signed_otherwise(TARGETS)),
        ),
    ),
    Answer("root certificate, built", "RFC 5280", _certificate, (CERTIFICATE_SIGNATURE, CERTIFICATE)),
    Answer("root certificate, its signature", "RFC 5280", _signed, (CERTIFICATE_SIGNATURE,)),
)  # fmt: skip
