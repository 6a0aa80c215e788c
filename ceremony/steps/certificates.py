# SPDX-License-Identifier: Apache-2.0
"""Certificates: each root key certifies itself, once for a prefix, or once for each repository; on a YubiKey, for its slot too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ceremony.core import bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.specs import common_names, read_certificates
from ceremony.steps import slot_certificate
from ceremony.steps.access import unlocked
from ceremony.steps.room import Room
from ceremony.steps.root_keys import MadeRoot, made_roots, own_key
from ceremony.steps.signing import sign_all
from ceremony.steps.tokens import yubikeys


def run(room: Room) -> JsonObject:
    """Make the root certificates, signed by the tokens, and write them beside each public key."""
    names = common_names(room.plan)
    for root in made_roots(room):
        path = bundle.root_public(root.serial)
        if path not in room.journal.past.files:
            room.keep({path: root.public.pem + "".join(_certify(room, root, names)).encode()})
        if root.token in yubikeys(room):
            slot_certificate.keep(room, root)
    return {"names": list[Json](names) if len(names) == 1 else [], "each": len(names)}


def certificates(room: Room) -> Mapping[str, Mapping[str, str]]:
    """Return serial → common name → PEM, from the recorded files."""
    names = common_names(room.plan)
    paths = {root: bundle.root_public(root.serial) for root in made_roots(room)}
    return {root.serial: read_certificates(room.recorded(path), root.public, names, path) for root, path in paths.items()}


def _certify(room: Room, root: MadeRoot, names: Sequence[str]) -> Sequence[str]:
    token = unlocked(room, root.token)
    key = own_key(room, token)
    requests = [slot_certificate.request(room, root, name) for name in names]
    bodies = [request.to_be_signed() for request in requests]
    signatures = sign_all(room, token, key, requests[0].scheme, action="certify", count=len(bodies), message=bodies.__getitem__)
    return [request.finish(tbs, signature) for request, tbs, signature in zip(requests, bodies, signatures, strict=True)]
