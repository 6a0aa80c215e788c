# SPDX-License-Identifier: Apache-2.0
"""Certificates: each root key certifies itself for what it is to sign; on a YubiKey that it was made on, for its slot too.

For a prefix, or for each repository. After a genesis, a key whose published certificate
is good for long enough makes none: a new one would be another key id.
"""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import bundle
from ceremony.core.agenda.roots import Held
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.certificates import CertificateRequest
from ceremony.steps import slot_certificate
from ceremony.steps.items import common_names, held
from ceremony.steps.room import Room
from ceremony.steps.root_keys import key_of, made_roots
from ceremony.steps.signing import sign_all
from ceremony.steps.tokens import yubikeys


def run(room: Room) -> JsonObject:
    """Make the root certificates, signed by the tokens, and write them beside each public key."""
    names = common_names(room)
    made = {root.serial: root for root in made_roots(room)}
    for root in held(room):
        path, wanted = bundle.root_public(root.serial), names.get(root.serial, ())
        if path not in room.journal.past.files and (wanted or root.serial in made):
            room.keep({path: root.public.pem + "".join(_certify(room, root, wanted)).encode()})
        if root.serial in made and root.token in yubikeys(room):
            slot_certificate.keep(room, made[root.serial])
    longest = max(names.values(), key=len, default=())
    return {"names": list[Json](longest) if len(longest) == 1 else [], "each": len(longest)}


def _certify(room: Room, root: Held, names: Sequence[str]) -> Sequence[str]:
    if not names:
        return ()
    token, key = key_of(room, root)
    began, until = slot_certificate.began(room), room.plan.expires.certificate
    requests = [CertificateRequest(root.public, name, began, until, room.journal.ceremony, room.practice) for name in names]
    bodies = [request.to_be_signed() for request in requests]
    signatures = sign_all(room, token, key, requests[0].scheme, action="certify", count=len(bodies), message=bodies.__getitem__)
    return [request.finish(tbs, signature) for request, tbs, signature in zip(requests, bodies, signatures, strict=True)]
