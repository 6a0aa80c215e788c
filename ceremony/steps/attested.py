# SPDX-License-Identifier: Apache-2.0
"""Attested: a YubiKey proves offline that its root key was made on it, and the key signs a challenge over this ceremony's log.

The attestation says that the key was made on this device, in this slot, under these
policies, but not when. That the slot was empty before is in the log, and that the key
was there afterwards the challenge shows. All of it is evidence in the folder, which
openssl alone can check. A key that was put on a YubiKey is not attested; it signs the
challenge too.
"""

from __future__ import annotations

import base64

from ceremony.core import bundle
from ceremony.core.attestation import (
    Attested,
    Authorities,
    attested_json,
    check_binding,
    from_pem,
    to_pem,
    verify_attestation,
)
from ceremony.core.challenge import challenge
from ceremony.core.firmware import Firmware
from ceremony.core.keys import raw_to_der, verify
from ceremony.core.plan import Custody
from ceremony.core.ports import Token, TokenKey
from ceremony.errors import TokenError, VerificationError
from ceremony.steps.room import Room, sha256
from ceremony.steps.signing import touched
from ceremony.steps.standing import piv_of

ACTION = "challenge"


def authorities(room: Room, serial: str) -> Authorities:
    """Return what attestations are verified against; raises TokenError when the site brings none."""
    if room.authorities is None:
        raise TokenError(
            serial,
            "what it attests cannot be verified: the site brings no certificates of Yubico's",
            hint='write yubico-roots = "yubico/" in the site file: the folder with the PEM files of developers.yubico.com/PKI',
        )
    return room.authorities


def prove(room: Room, token: Token, key: TokenKey) -> None:
    """Have a YubiKey's root key attested, unless it was put there, and have it sign a challenge; keep the evidence.

    Raises VerificationError, naming what does not hold.
    """
    if room.plan.root.custody is not Custody.IMPORTED:
        _attest(room, token, key)
    sign_challenge(room, token, key)


def _attest(room: Room, token: Token, key: TokenKey) -> None:
    identity = token.identity
    trusted = authorities(room, identity.serial)
    paths = {name: bundle.token_evidence(identity.serial, name) for name in (bundle.ATTESTATION, bundle.DEVICE)}
    kept = all(path in room.journal.past.files for path in paths.values())
    if kept:  # what a YubiKey attests again are other bytes
        statement, device = (from_pem(room.recorded(path), path) for path in paths.values())
    else:
        with room.operator.waiting(f"{identity.name} to attest its key"):
            given = piv_of(token).attest()
        statement, device = given.statement, given.device
    attested = verify_attestation(statement, device, trusted, at=room.clock.utc())
    _check(room, token, key, attested, pinned=trusted.pinned(attested))
    if kept:
        return
    body = attested_json(attested, token=identity.name, pinned=trusted.pinned(attested))
    room.journal.record("attested", body)
    whose = "" if trusted.pinned(attested) else ", which is not Yubico's: practice only"
    room.operator.tell(
        f"{identity.name}: its key was made in slot {attested.slot} of YubiKey {attested.serial}, firmware {attested.firmware}, "
        f"PIN policy {attested.pin_policy}, touch policy {attested.touch_policy}; attested under {attested.authorities[-1]}{whose}."
    )
    room.keep(
        {
            paths[bundle.ATTESTATION]: to_pem(statement, bundle.ATTESTATION),
            paths[bundle.DEVICE]: to_pem(device, bundle.DEVICE),
            bundle.token_evidence(identity.serial, bundle.AUTHORITIES): trusted.chain_pem(attested),
        }
    )


def _check(room: Room, token: Token, key: TokenKey, attested: Attested, *, pinned: bool) -> None:
    identity, root = token.identity, room.plan.root
    check_binding(
        attested,
        public=key.public,
        serial=int(identity.serial),
        slot=identity.slot,
        firmware=Firmware.parse(identity.firmware),
        pin_policy=root.pin_policy,
        touch_policy=root.touch_policy,
    )
    said = attested_json(attested, token=identity.name, pinned=pinned)
    pairs = (("form factor", said["form_factor"], identity.form_factor), ("FIPS series", said["fips"], identity.fips))
    for what, attests, claimed in pairs:
        if attests != claimed:
            raise VerificationError(
                f"token {identity.serial}",
                f"claims the {what} {str(claimed) or 'nothing'}, and attests {str(attests) or 'nothing'}",
                hint="do not use this token; record a deviation",
            )
    if not pinned and not room.practice:
        raise VerificationError(
            f"token {identity.serial}",
            f"is attested under {attested.authorities[-1]}, which is not Yubico's",
            hint="a production takes only what Yubico attests; use another token",
        )


def sign_challenge(room: Room, token: Token, key: TokenKey) -> None:
    """Have a root key sign a challenge over this log, once, and keep it; raises VerificationError unless its public half verifies it."""
    identity, public = token.identity, key.public
    text_path, signature_path = (
        bundle.token_evidence(identity.serial, name) for name in (bundle.CHALLENGE, bundle.CHALLENGE_SIGNATURE)
    )
    if text_path not in room.journal.past.files:
        text = challenge(room.journal.head(), serial=identity.serial, slot=identity.slot, public=public)
        room.keep({text_path: text})
    text = room.recorded(text_path)
    done = room.journal.result(ACTION, identity.serial)
    if done is None:
        scheme = room.dialect.scheme(public.algorithm)
        with room.journal.intent(ACTION, identity.serial, challenge=sha256(text), scheme=scheme) as result:
            with touched(room, token, key, f"{identity.name} to sign a challenge"):
                (value,) = token.sign(key, scheme, [text])
            verify(public, scheme, text, value, f"challenge signed by {identity.serial}")
            result.update(
                {"challenge": sha256(text), "public_sha256": public.sha256, "signature": base64.b64encode(value).decode()}
            )
        done = room.journal.result(ACTION, identity.serial) or {}
    value = base64.b64decode(str(done["signature"]))
    # As openssl takes it: an ECDSA signature as DER, the others as they are.
    room.keep({signature_path: raw_to_der(value, public.algorithm) if public.algorithm.half else value})
