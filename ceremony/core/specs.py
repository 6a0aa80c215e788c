# SPDX-License-Identifier: Apache-2.0
"""What a ceremony signs, from what it made: a `RepositorySpec` for each repository of the plan.

Pure, so that the ceremony builds from its room what an audit builds again from
the bytes of a folder: plan, root keys, their certificates, repository keys. What
the bytes of metadata are is the dialects' part.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import Dialect, Draft, RepositorySpec, RootKey, Signer
from ceremony.core.keys import PublicKey, from_spki
from ceremony.core.plan import PER_REPOSITORY, Plan, Source
from ceremony.errors import VerificationError

FIRST_VERSION = 1
_END = "-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class RepositoryKeys:
    """The public keys of one repository."""

    targets: PublicKey
    snapshot: PublicKey
    timestamp: PublicKey
    signers: tuple[Signer, ...]


def repository_specs(
    plan: Plan,
    roots: Mapping[str, PublicKey],
    certificates: Mapping[str, Mapping[str, str]],
    keys: Mapping[str, RepositoryKeys],
) -> Sequence[RepositorySpec]:
    """Return the specification of every repository's metadata, in the plan's order.

    `roots` is serial → public key in the plan's order; `certificates` is serial → common
    name → PEM, empty where root keys are none. Raises KeyError for what is not among them.
    """
    shared: dict[str, tuple[RootKey, ...]] = {}
    specs = []
    for repository in plan.repositories:
        name = repository.name if plan.root.certificate == PER_REPOSITORY else plan.root.certificate
        if name not in shared:
            # One name at a time: ten thousand repositories have ten thousand certificates.
            shared = {name: tuple(RootKey(roots[s], certificates[s][name] if certificates else "") for s in roots)}
        own = keys[repository.name]
        specs.append(
            RepositorySpec(
                name=repository.name,
                version=FIRST_VERSION,
                root_keys=shared[name],
                threshold=plan.root.threshold,
                targets=own.targets,
                snapshot=own.snapshot,
                timestamp=own.timestamp,
                signers=own.signers,
                root_expires=plan.expires.root,
                targets_expires=plan.expires.targets,
            )
        )
    return specs


def made_here(plan: Plan) -> frozenset[str]:
    """Return the names of the repositories whose targets key is made in the ceremony: it signs their targets there."""
    return frozenset(r.name for r in plan.repositories if r.targets.source is Source.GENERATE)


def drafts(dialect: Dialect, plan: Plan, specs: Sequence[RepositorySpec]) -> Iterator[Draft]:
    """Yield everything that is signed, root before targets, in the plan's order."""
    own = made_here(plan)
    for spec in specs:
        yield dialect.root(spec)
        if spec.name in own:
            yield dialect.targets(spec)


def digest(listed: Iterator[Draft]) -> str:
    """Return SHA-256, hex, over the manifest lines of all drafts: what people agree to sign."""
    whole = hashlib.sha256()
    for draft in listed:
        whole.update(f"{hashlib.sha256(draft.payload).hexdigest()}  {draft.path}\n".encode())
    return whole.hexdigest()


def common_names(plan: Plan) -> Sequence[str]:
    """Return the common names that each root key certifies: the plan's prefix, or each repository's name."""
    if plan.root.certificate != PER_REPOSITORY:
        return [plan.root.certificate]
    return [repository.name for repository in plan.repositories]


def read_certificates(data: bytes, public: PublicKey, names: Sequence[str], subject: str) -> Mapping[str, str]:
    """Return common name → PEM of a file that holds a root's public key, then its certificates.

    Raises VerificationError, naming `subject`, for another key, another count or anything else in the file.
    """
    first, *pems = data.decode("ascii", "replace").replace(_END, _END + "\0").split("\0")
    head = public.pem.decode()
    found = [first.removeprefix(head), *pems]
    if not first.startswith(head) or found.pop() or len(found) != len(names):
        raise VerificationError(
            subject,
            f"does not hold the root's public key and {len(names)} certificates",
            hint="compare it with another copy",
        )
    return dict(zip(names, found, strict=True))


def read_repository_keys(listed: JsonObject, subject: str) -> Mapping[str, RepositoryKeys]:
    """Return the keys of every repository of a recorded list; raises VerificationError, naming `subject`, for any other."""
    try:
        return {name: _keys(entry) for name, entry in listed.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationError(subject, "is not a list of keys", hint="it was written by another program; stop") from error


def _keys(entry: Json) -> RepositoryKeys:
    members = _object(entry)
    signers = tuple(Signer(name, _public(key)) for name, key in _object(members["signers"]).items())
    return RepositoryKeys(_public(members["targets"]), _public(members["snapshot"]), _public(members["timestamp"]), signers)


def _public(entry: Json) -> PublicKey:
    return from_spki(base64.b64decode(str(_object(entry)["spki"]), validate=True))


def _object(value: Json) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError
    return value
