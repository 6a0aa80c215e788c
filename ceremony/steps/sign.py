# SPDX-License-Identifier: Apache-2.0
"""Sign: each token signs every repository's root in one pass, the new repository keys sign their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ceremony.core.canonical import JsonObject
from ceremony.core.dialects import Draft, RepositorySpec, Signature
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.access import unlocked
from ceremony.steps.drill import fill_keyring
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots, own_key
from ceremony.steps.signing import sign_all
from ceremony.steps.specs import digest, repository_specs
from ceremony.steps.volumes import check_backups

FILES_AT_ONCE = 200


def run(room: Room) -> JsonObject:
    """Sign what was agreed and write the finished files; raises VerificationError when it is no longer that."""
    if "drill" not in room.journal.past.ended:
        raise CeremonyError(
            "nothing is signed before its backups were restored", hint="the drill comes first; resume the ceremony"
        )
    check_backups(room)
    specs = repository_specs(room)
    if digest(room, specs) != room.result("review")["digest"]:
        raise VerificationError(
            "metadata", "is not what people agreed to sign", hint="stop; the folder was changed since the review"
        )
    fill_keyring(room)
    roots = [room.dialect.root(spec) for spec in specs]
    signatures = root_signatures(room, roots)
    files = 0
    for start in range(0, len(specs), FILES_AT_ONCE):
        part = range(start, min(start + FILES_AT_ONCE, len(specs)))
        finished = {p: data for i in part for p, data in finish(room, specs[i], roots[i], [s[i] for s in signatures]).items()}
        # What is recorded stays as it is: an RSA signature made again would be another one.
        room.keep({path: data for path, data in finished.items() if path not in room.journal.past.files})
        files += len(finished)
        room.operator.progress("metadata written", part.stop, len(specs))
    return {"files": files}


def root_signatures(room: Room, roots: Sequence[Draft]) -> Sequence[Sequence[bytes]]:
    """Return, for each root key in the plan's order, its signature over each repository's root."""
    signed = []
    for root in made_roots(room):
        token = unlocked(room, root.token)
        scheme = room.dialect.scheme(root.public.algorithm)
        key = own_key(room, token)
        signed.append(
            sign_all(room, token, key, scheme, action="sign-root", count=len(roots), message=lambda i: roots[i].payload)
        )
    return signed


def finish(room: Room, spec: RepositorySpec, root: Draft, signatures: Sequence[bytes]) -> Mapping[str, bytes]:
    """Return a repository's finished files (path → bytes): its root, and its targets when its key is made here.

    `signatures` are those over the root, in the order of the root keys.
    """
    by_root = [
        Signature(room.dialect.root_key_id(key), key.public.algorithm, value)
        for key, value in zip(spec.root_keys, signatures, strict=True)
    ]
    files = {root.path: room.dialect.assemble(root, by_root)}
    if spec.name in room.keyring.keys:
        targets = room.dialect.targets(spec)
        files[targets.path] = room.dialect.assemble(targets, [_targets_signature(room, spec, targets)])
    return files


def _targets_signature(room: Room, spec: RepositorySpec, draft: Draft) -> Signature:
    key = room.keyring.keys[spec.name]
    algorithm = key.public.algorithm
    return Signature(room.dialect.key_id(key.public), algorithm, key.sign(room.dialect.scheme(algorithm), draft.payload))
