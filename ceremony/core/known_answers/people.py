# SPDX-License-Identifier: Apache-2.0
"""Known answers of people's signatures (SSHSIG), of every kind of key that is common, a FIDO key that was touched among them."""

from __future__ import annotations

from ceremony.core import cosign
from ceremony.core.known_answers.answer import Answer
from ceremony.core.known_answers.key_values import MESSAGE
from ceremony.core.known_answers.people_values import (
    SSH_ECDSA,
    SSH_ECDSA_KEY,
    SSH_ED25519,
    SSH_ED25519_KEY,
    SSH_FIDO,
    SSH_FIDO_KEY,
    SSH_RSA,
    SSH_RSA_KEY,
)
from ceremony.core.log import HEAD_NAMESPACE


def _signed(line: bytes, message: bytes, armored: bytes, namespace: bytes) -> None:
    key = cosign.parse_public_key(line.decode("ascii", "replace"), "answer")
    cosign.verify(armored, message, key, namespace.decode("ascii", "replace"), "answer")


def _answer(name: str, source: str, line: bytes, armored: bytes) -> Answer:
    namespace = HEAD_NAMESPACE.encode()
    bad = (
        (line, MESSAGE, armored + b"\n", namespace),  # something behind it
        (line, MESSAGE, armored, b"ceremony-plan"),
        (line, MESSAGE, SSH_ED25519 if armored != SSH_ED25519 else SSH_RSA, namespace),  # of another key
    )
    return Answer(f"SSH signature, {name}", source, _signed, (line, MESSAGE, armored, namespace), bad)


ANSWERS = (
    _answer("Ed25519", "ssh-keygen", SSH_ED25519_KEY, SSH_ED25519),
    _answer("ECDSA", "ssh-keygen", SSH_ECDSA_KEY, SSH_ECDSA),
    _answer("RSA", "ssh-keygen", SSH_RSA_KEY, SSH_RSA),
    _answer("FIDO key", "PROTOCOL.u2f", SSH_FIDO_KEY, SSH_FIDO),
)
