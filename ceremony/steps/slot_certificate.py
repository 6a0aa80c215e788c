# SPDX-License-Identifier: Apache-2.0
"""The certificate in a YubiKey's slot: an extra one, for `root`, by which stock Notary and PKCS#11 programs find the key.

Clients trust the certificates of the repositories, never this one. Its signature is in
the log, so a resumed ceremony builds the same certificate and sees whether it is there.
What it says is in `ceremony.core.slot_certificate`.
"""

from __future__ import annotations

from datetime import datetime

from ceremony.core import bundle, slot_certificate
from ceremony.core.attestation import from_pem
from ceremony.errors import TokenError
from ceremony.steps.access import authorised, unlocked
from ceremony.steps.room import Room, sha256
from ceremony.steps.root_keys import MadeRoot, own_key
from ceremony.steps.signing import sign_all
from ceremony.steps.standing import piv_of

ACTION, SIGN = slot_certificate.STORE, "certify-slot"


def began(room: Room) -> datetime:
    """Return when the ceremony began: from then on its certificates are valid."""
    return datetime.fromisoformat(str(room.journal.past.opened["utc"]))


def keep(room: Room, root: MadeRoot) -> None:
    """Make the certificate for `root` and put it beside the key; raises TokenError for a slot with another one."""
    token = unlocked(room, root.token)
    key = own_key(room, token)
    wanted = slot_certificate.request(room.plan, root.public, began(room), room.journal.ceremony, practice=room.practice)
    body = wanted.to_be_signed()
    (signature,) = sign_all(room, token, key, wanted.scheme, action=SIGN, count=1, message=lambda _: body)
    path = bundle.token_evidence(root.serial, slot_certificate.FILE)
    pem = wanted.finish(body, signature).encode()
    room.keep({path: pem})
    _store(room, root, from_pem(pem, path))


def _store(room: Room, root: MadeRoot, certificate: bytes) -> None:
    token = unlocked(room, root.token)
    there = piv_of(token).certificate()
    if there == certificate:
        if room.journal.result(ACTION, root.serial) is None:
            room.journal.finish(ACTION, root.serial, {"found": True, "sha256": sha256(certificate)})
        return
    if there is not None:
        raise TokenError(
            root.serial,
            f"holds another certificate in slot {token.identity.slot}",
            hint="stop, and look at the token; nothing is overwritten",
        )
    piv = authorised(room, root.token)
    with room.journal.intent(ACTION, root.serial, slot=token.identity.slot, sha256=sha256(certificate)) as result:
        with room.operator.waiting(f"{root.token} to take its certificate"):
            piv.store_certificate(certificate)
        result["sha256"] = sha256(certificate)
