# SPDX-License-Identifier: Apache-2.0
"""Sign: each token signs every repository's root in one pass, the new repository keys sign their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import specs
from ceremony.core.agenda.items import Item
from ceremony.core.agenda.roots import Held
from ceremony.core.canonical import JsonObject
from ceremony.core.dialects import Draft, Signature
from ceremony.core.procedure import keeps_backups
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.drill import fill_keyring
from ceremony.steps.items import drafts, filled, held
from ceremony.steps.room import Room
from ceremony.steps.root_keys import key_of
from ceremony.steps.signing import sign_all
from ceremony.steps.volumes import check_backups

FILES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class RootDraft:
    """A root that is signed, and under which ids each root key's signature stands in it."""

    item: int
    draft: Draft
    key_ids: Mapping[str, Sequence[str]]
    """By fingerprint."""


def run(room: Room) -> JsonObject:
    """Sign what was agreed and write the finished files; raises VerificationError when it is no longer that."""
    if keeps_backups(room.plan):
        if "drill" not in room.journal.past.ended:
            raise CeremonyError(
                "nothing is signed before its backups were restored", hint="the drill comes first; resume the ceremony"
            )
        check_backups(room)
        fill_keyring(room)
    items = filled(room).items
    if specs.digest(drafts(items)) != room.result("review")["digest"]:
        raise VerificationError(
            "metadata", "is not what people agreed to sign", hint="stop; the folder was changed since the review"
        )
    roots = root_drafts(items)
    signatures = root_signatures(room, roots)
    files = 0
    for start in range(0, len(items), FILES_AT_ONCE):
        part = range(start, min(start + FILES_AT_ONCE, len(items)))
        finished = {path: data for i in part for path, data in finish(room, items[i], signatures.get(i, ())).items()}
        # What is recorded stays as it is: an RSA signature made again would be another one.
        room.keep({path: data for path, data in finished.items() if path not in room.journal.past.files})
        files += len(finished)
        room.operator.progress("metadata written", part.stop, len(items))
    room.signed = items
    return {"files": files}


def root_drafts(items: Sequence[Item]) -> Sequence[RootDraft]:
    """Return the root of each item that makes one."""
    roots = [(number, draft) for number, item in enumerate(items) for draft in item.drafts() if draft.role == "root"]
    # Most repositories of a fleet have the same root keys: equal ones are one object.
    known: dict[tuple[tuple[str, Sequence[str]], ...], Mapping[str, Sequence[str]]] = {}
    ids = (items[number].root_ids() for number, _ in roots)
    return [
        RootDraft(number, draft, known.setdefault(tuple(found.items()), found))
        for (number, draft), found in zip(roots, ids, strict=True)
    ]


def root_signatures(room: Room, roots: Sequence[RootDraft]) -> Mapping[int, Sequence[Signature]]:
    """Return, by the number of its item, the signatures over each root: of every root key in the room that it is for."""
    signed: dict[int, list[Signature]] = {}
    for root in held(room):
        own = [one for one in roots if root.public.sha256 in one.key_ids]
        for one, value in zip(own, _signed(room, root, own), strict=True):
            key_ids = one.key_ids[root.public.sha256]
            signed.setdefault(one.item, []).extend(Signature(k, root.public.algorithm, value) for k in key_ids)
    return signed


def _signed(room: Room, root: Held, roots: Sequence[RootDraft]) -> Sequence[bytes]:
    if not roots:
        return ()
    token, key = key_of(room, root)
    scheme = room.dialect.scheme(root.public.algorithm)
    return sign_all(room, token, key, scheme, action="sign-root", count=len(roots), message=lambda i: roots[i].draft.payload)


def finish(room: Room, item: Item, signatures: Sequence[Signature]) -> Mapping[str, bytes]:
    """Return an item's finished files (path → bytes): its root with these signatures, and its targets when they are signed here."""
    files = {}
    for draft in item.drafts():
        by = signatures if draft.role == "root" else [_targets_signature(room, item, draft)]
        files[draft.path] = room.dialect.assemble(draft, by)
    return files


def _targets_signature(room: Room, item: Item, draft: Draft) -> Signature:
    key = room.keyring.keys[item.name]
    algorithm = key.public.algorithm
    return Signature(room.dialect.key_id(key.public), algorithm, key.sign(room.dialect.scheme(algorithm), draft.payload))
