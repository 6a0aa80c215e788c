# SPDX-License-Identifier: Apache-2.0
"""Restore: the root keys of the opened backup come to the tokens of the plan.

With as many tokens as keys, each token takes the key at its place in the old log's
order; with fewer, people choose for each token, and the keys that are put on none are
carried over to the new backups. A wrapped key is unwrapped inside a PKCS#11 token,
and may leave it until its new backups were drilled; on a YubiKey, which unwraps nothing,
and for a key that was made on the host, it is put on the token as custody `imported` says.

The intent states the public half before the token is touched, so an interrupted restore
is finished when that key is there, and done once more when it is not: the backup still has it.
"""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.custody import attributes_json, check_restored
from ceremony.core.plan import Custody
from ceremony.core.ports import KeyRequest, Option, Prompt, Token, TokenKey
from ceremony.core.record import Outcome
from ceremony.core.root_backup import RootBackup
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps import import_key
from ceremony.steps.access import unlocked
from ceremony.steps.open_backup import refill
from ceremony.steps.room import Room
from ceremony.steps.root_keys import RESTORE, key_id, key_label, own_key, public_json, read_public, refuse_occupied, rows

WORD = "RESTORE"


def run(room: Room) -> JsonObject:
    """Restore a root key to each token; raises TokenError for an occupied one, VerificationError for a key that does not fit."""
    left = {str(row["sha256"]): row for row in rows(room.result("open-backup")["roots"])}
    _refuse_too_many(room, len(left))
    if len(left) > len(room.plan.key_tokens):
        room.operator.tell(
            f"The backup holds {len(left)} root keys: those that no token takes are carried over to the new backups."
        )
    restored: list[Json] = []
    refill(room)
    in_order = len(left) == len(room.plan.key_tokens)
    for name in room.plan.key_tokens:
        token = unlocked(room, name)
        row = left.pop(_begun(room, token) or (next(iter(left)) if in_order else _choose(room, name, left)))
        custody = _custody(room.keyring.roots[str(row["sha256"])], token)
        key = _restored(room, token, name, row, custody)
        check_restored(key, read_public(row), custody, locked=False)
        if not room.compare(Prompt(f"compare:root:{name}", f"Root key of {name}"), key.public.sha256):
            raise CeremonyError(
                f"people did not hear the same digest for the root key of {name}", hint="read it again, group by group"
            )
        room.keep({bundle.token_evidence(token.identity.serial, "public.pem"): key.public.pem})
        restored.append({"token": name, "serial": token.identity.serial, **public_json(key.public), "custody": custody})
    carried: list[Json] = [{**row, "file": bundle.carried_backup(sha256)} for sha256, row in left.items()]
    return {"keys": restored, "carried": carried}


def _refuse_too_many(room: Room, keys: int) -> None:
    tokens = len(room.plan.key_tokens)
    if tokens > keys:
        raise VerificationError(
            "root.tokens",
            f"names {tokens} tokens, and the backup holds {'one root key' if keys == 1 else f'{keys} root keys'}",
            hint="take the other old volume, or hold the ceremony from a plan with fewer tokens",
        )


def _begun(room: Room, token: Token) -> str:
    """Return which key, by the SHA-256 of its public half, was to come to this token before an interruption; empty for none."""
    act = (RESTORE, token.identity.serial)
    body = room.journal.result(*act) or room.journal.past.open_intents.get(act, {})
    return str(body.get("public_sha256", ""))


def _choose(room: Room, name: str, left: dict[str, JsonObject]) -> str:
    options = [
        Option(sha256, f"the key that was on token {row['serial']}", f"{row['algorithm']}, public key {sha256[:16]}")
        for sha256, row in left.items()
    ]
    return room.operator.choose(Prompt(f"which:{name}", f"Which root key does {name} take?"), options)


def _custody(backup: RootBackup, token: Token) -> Custody:
    return Custody.IMPORTED if token.piv is not None else backup.custody


def _restored(room: Room, token: Token, name: str, row: JsonObject, custody: Custody) -> TokenKey:
    serial, sha256 = token.identity.serial, str(row["sha256"])
    key = token.find(key_label(room))
    if room.journal.result(RESTORE, serial) is not None:
        return own_key(room, token)
    begun = room.journal.interrupted(RESTORE, serial)
    if begun and key is not None and key.public.sha256 == sha256:
        own = own_key(room, token)
        room.operator.tell(f"The key was restored to {name} before the interruption: it is there.")
        room.journal.finish(RESTORE, serial, {"found": True, **_facts(own)})
        return own
    facts = _place(room, token, name, key)
    if begun:
        room.operator.tell(f"No key was restored to {name} before the interruption. It is restored now.")
        room.journal.finish(RESTORE, serial, {"interrupted": True}, outcome=Outcome.FAIL)
    _confirm(room, name, row, token)
    request = _request(room, row, custody)
    facts = {**facts, "algorithm": request.algorithm, "public_sha256": sha256, "from": str(row["serial"]), "custody": custody}
    with room.journal.intent(RESTORE, serial, **facts) as result:
        with room.operator.waiting(f"{name} to take its key"):
            made = _take(token, request, room.keyring.roots[sha256], custody)
        result.update(_facts(made))
    return made


def _place(room: Room, token: Token, name: str, key: TokenKey | None) -> JsonObject:
    if token.piv is None:
        refuse_occupied(room, token, key)
    return import_key.place(room, token, name, key)


def _confirm(room: Room, name: str, row: JsonObject, token: Token) -> None:
    detail = (
        f"The root key that was on token {row['serial']}, public key {str(row['sha256'])[:16]}, comes to {name}, "
        f"serial {token.identity.serial}. This computer has it in memory, and the log says so."
    )
    if not room.operator.confirm(Prompt(f"restore:{name}", f"Restore the root key to {name}", detail=detail), word=WORD):
        raise CeremonyError(
            f"the root key for {name} was not confirmed", hint="nothing was restored; try this step again when everybody agrees"
        )


def _request(room: Room, row: JsonObject, custody: Custody) -> KeyRequest:
    return KeyRequest(
        key_label(room),
        key_id(room),
        read_public(row).algorithm,
        extractable=custody is Custody.TOKEN_WRAPPED,
        pin_policy=room.root.pin_policy,
        touch_policy=room.root.touch_policy,
    )


def _take(token: Token, request: KeyRequest, backup: RootBackup, custody: Custody) -> TokenKey:
    if custody is Custody.TOKEN_WRAPPED:
        return token.unwrap(request, backup.public, backup.wrapped, backup.secret)
    return token.import_key(request, backup.private())


def _facts(key: TokenKey) -> JsonObject:
    return {"public_sha256": key.public.sha256, "attributes": attributes_json(key.attributes), "attested": False}
