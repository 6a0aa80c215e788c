# SPDX-License-Identifier: Apache-2.0
"""Back up: every private key that could be lost, encrypted to the protector, on both volumes, read back.

A root key that was made on the host is on them already (`import_key`): no such key is on a token without its backup.
"""

from __future__ import annotations

from ceremony.core import backup, bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.plan import Custody
from ceremony.core.ports import TokenKey
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.access import unlocked
from ceremony.steps.open_backup import refill
from ceremony.steps.recover_text import recover_text
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots, own_key, rows

WRAPPING_KEY_BYTES = 32


def run(room: Room) -> JsonObject:
    """Write the backups to both volumes; raises StorageError when one of them did not give back what it took."""
    if room.recovers:
        refill(room)
    elif room.result("repository-keys")["made"] != len(room.keyring.keys):
        raise CeremonyError("the repository keys are not in memory", hint="resume the ceremony: they are made again")
    recipient = str(room.result("protector")["recipient"])
    files: dict[str, bytes] = {}
    for root in made_roots(room):
        if root.custody is Custody.TOKEN_WRAPPED:
            files[bundle.root_backup(root.serial)] = backup.encrypt(_wrapped(room, root.token), recipient)
        elif room.recovers:
            files[bundle.root_backup(root.serial)] = backup.encrypt(_restored(room, root.serial, root.public.sha256), recipient)
    for row in rows(room.result("restore")["carried"]) if room.recovers else ():
        files[str(row["file"])] = backup.encrypt(_restored(room, str(row["serial"]), str(row["sha256"])), recipient)
    if room.keyring.keys:
        files[bundle.REPOSITORIES] = backup.encrypt(_repositories(room), recipient)
    backups = sorted([*files, *_there(room)])
    with room.operator.waiting("both volumes to take the backups"):
        room.on_volumes({**files, bundle.RECOVER: recover_text(room, backups).encode()})
    if room.recovers:
        room.keyring.drop()  # from here on the drill opens the new backups
    return {"files": list[Json](backups)}


def _there(room: Room) -> list[str]:
    if room.recovers or room.plan.root.custody is not Custody.IMPORTED:
        return []
    return [bundle.root_backup(root.serial) for root in made_roots(room)]


def _restored(room: Room, serial: str, sha256: str) -> bytes:
    """Return the backup of a root key as the old one held it; it is not on a token that wraps it."""
    root = room.keyring.roots[sha256]
    manifest: JsonObject = {
        "kind": "root-key",
        "ceremony": room.journal.ceremony,
        "serial": serial,
        "label": room.plan.name,
        "algorithm": root.public.algorithm,
        "public_sha256": sha256,
    }
    return backup.pack(manifest, root.contents())


def _wrapped(room: Room, name: str) -> bytes:
    token = unlocked(room, name)
    key = own_key(room, token)
    wrapping_key = Secret(room.entropy.bytes(WRAPPING_KEY_BYTES))
    try:
        # An attempt of its own: after an interruption the key is wrapped again, under another wrapping key.
        attempt = f"{token.identity.serial}/{room.journal.past.counts.get('intent', 0)}"
        with room.journal.intent("wrap-key", attempt, mechanism="AES-KWP", public_sha256=key.public.sha256, host_could_read=True):
            blob = token.wrap(key, wrapping_key)
        _check(blob, wrapping_key, key)
        manifest: JsonObject = {
            "kind": "root-key",
            "ceremony": room.journal.ceremony,
            "serial": token.identity.serial,
            "label": key.label,
            "algorithm": key.public.algorithm,
            "public_sha256": key.public.sha256,
            "wrapping": "AES-KWP (RFC 5649)",
        }
        contents = {backup.WRAPPED: blob, backup.WRAPPING_KEY: wrapping_key.reveal().hex().encode() + b"\n"}
        return backup.pack(manifest, contents)
    finally:
        wrapping_key.wipe()


def _check(blob: bytes, wrapping_key: Secret, key: TokenKey) -> None:
    opened = backup.unwrap(blob, wrapping_key, f"root key {key.public.sha256[:16]}")
    if opened.public != key.public:
        raise VerificationError(f"root key {key.public.sha256[:16]}", "was wrapped as another key", hint="do not use this token")


def _repositories(room: Room) -> bytes:
    listed: JsonObject = {}
    contents: dict[str, bytes] = {}
    for name, key in room.keyring.keys.items():
        key_id = room.dialect.key_id(key.public)
        listed[name] = {"key": f"{key_id}.key", "algorithm": key.public.algorithm, "public_sha256": key.public.sha256}
        contents[f"{key_id}.key"] = room.dialect.delivery(name, key)
    manifest: JsonObject = {"kind": "repository-keys", "ceremony": room.journal.ceremony, "repositories": listed}
    return backup.pack(manifest, contents)
