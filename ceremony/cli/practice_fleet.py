# SPDX-License-Identifier: Apache-2.0
"""A fleet that is made up: what a renewal or a rotation is rehearsed on when nothing was brought.

The repositories that the plan takes for published, or three under a practice name, with
two versions of targets each, tagged, and roots by throw-away keys on the tokens that
sign. Where a file of the plan gives the public half of a stolen key, it may sign targets
too, beside a throw-away key that does: all but the last of made-up repositories have it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from ceremony.cli.practice_roots import PracticeRoots
from ceremony.cli.practice_server import Offer, PracticeServer, key_files, request_files
from ceremony.cli.practice_values import Subject, trusted_files
from ceremony.core import canonical, keys, software_key
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import Draft, RepositorySpec, RootKey, Signature, notary
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import PER_REPOSITORY, Kind, Plan, RepositoryPlan, Source
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError

INVENTED = ("app", "web", "tools")
_PLACE = "practice.invalid/"
_YEARS, _SOON = timedelta(days=3650), timedelta(days=90)
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class _Days:
    """When what is published ends: what the plan changes, soon; the rest, later than anything that it says."""

    root: datetime
    certificate: datetime
    targets: datetime

    @classmethod
    def of(cls, plan: Plan, now: datetime) -> _Days:
        said = plan.change.expires if plan.change else {}
        late, soon = max([now + _YEARS, *said.values()]), now + _SOON
        root = soon if {"root", "certificate"} & said.keys() else late
        return cls(root, soon if "certificate" in said else late, soon if "targets" in said else root)


def made_up(plan: Plan, roots: PracticeRoots, server: PracticeServer, now: datetime) -> Subject:
    """Return a made-up fleet as the subject of a renewal or a rotation; raises TokenError."""
    names, days = published_names(plan), _Days.of(plan, now)
    certified = roots.certified(names, now, days.certificate)
    specs = [_spec(name, certified[name], roots.threshold, server, days) for name in names]
    stolen = _stolen(plan)
    drafts = [_root(spec.made, stolen if _has_stolen(plan, n, len(names)) else ()) for n, spec in enumerate(specs)]
    files = roots.finished([(draft, spec.made.root_keys) for draft, spec in zip(drafts, specs, strict=True)])
    offers: dict[str, Offer] = {}
    trusted: dict[str, Mapping[str, bytes]] = {}
    for spec, root in zip(specs, files, strict=True):
        made = spec.made
        targets = list(_targets(plan, spec))
        history = server.published(made.name, {"root": [(made.version, root)], "targets": targets}, now)
        offers[made.name] = Offer(key_files({"snapshot": made.snapshot, "timestamp": made.timestamp}), history)
        trusted[made.name] = {"root": root, "targets": targets[-1][1]}
    added = [repository.name for repository in plan.repositories if repository.name not in offers]
    offers |= {name: Offer(key_files(server.new_keys())) for name in added}
    what = (
        "a fleet that was made up for the request, signed by throw-away root keys on the tokens of the root",
        "the roots of that fleet for the trusted root",
    )
    return Subject(plan, request_files(offers), trusted_files(trusted), what, made_up=True)


def published_names(plan: Plan) -> list[str]:
    """Return the repositories that a plan takes for published; where it names none, three that nobody has."""
    named = [repository.name for repository in plan.repositories if _is_published(plan, repository)]
    if named:
        return named
    certificate = plan.root.certificate
    place = _PLACE if certificate == PER_REPOSITORY else certificate.removesuffix("*")
    taken = {repository.name for repository in plan.repositories}
    return [f"{place}{name}" for name in INVENTED if f"{place}{name}" not in taken]


def _is_published(plan: Plan, repository: RepositoryPlan) -> bool:
    # A renewal may add repositories, and those alone have targets keys of their own in its plan.
    return plan.kind is Kind.ROTATION or repository.targets.source is Source.REQUEST


def _has_stolen(plan: Plan, number: int, count: int) -> bool:
    """Tell whether a repository is one that the stolen keys may sign for: one that the plan does not name may be spared."""
    return any(_is_published(plan, repository) for repository in plan.repositories) or number + 1 < count


def _stolen(plan: Plan) -> Sequence[PublicKey]:
    """Return the stolen keys whose public halves files of the plan give, and that a ceremony could have made."""
    named = plan.change.compromised.keys if plan.change and plan.change.compromised else ()
    found = [_public(plan.files[name]) for name in named if name in plan.files]
    return [public for public in found if public is not None]


def _public(pem: bytes) -> PublicKey | None:
    try:
        return keys.from_crypto(x509.load_pem_x509_certificate(pem).public_key()) if _CERTIFICATE in pem else keys.from_pem(pem)
    except (VerificationError, ValueError):
        return None  # it is of another size or kind: a key of the fleet stands in for it


@dataclass(frozen=True, slots=True)
class _Made:
    """One repository as it is published, and the key that signs its targets."""

    made: RepositorySpec
    key: SoftwareKey


def _spec(name: str, roots: tuple[RootKey, ...], threshold: int, server: PracticeServer, days: _Days) -> _Made:
    key, online = software_key.make(Algorithm.ECDSA_P256), server.new_keys()
    spec = RepositorySpec(
        name=name,
        version=1,
        root_keys=roots,
        threshold=threshold,
        targets=key.public,
        snapshot=online["snapshot"],
        timestamp=online["timestamp"],
        signers=(),
        root_expires=days.root,
        targets_expires=days.targets,
    )
    return _Made(spec, key)


def _root(spec: RepositorySpec, stolen: Sequence[PublicKey]) -> Draft:
    """Return the root, in which the stolen keys stand beside the targets key."""
    draft = notary.DIALECT.root(spec)
    signed = canonical.parse_object(draft.payload)
    listed, role = _inner(signed, "keys"), _inner(_inner(signed, "roles"), "targets")
    for public in stolen:
        key_id, entry = notary.key_entry(public)
        listed[key_id] = canonical.parse(entry.encode())
        ids = role["keyids"]
        role["keyids"] = list[Json](sorted({*map(str, ids if isinstance(ids, list) else ()), key_id}))
    return replace(draft, payload=canonical.encode_trusted(signed))


def _targets(plan: Plan, spec: _Made) -> Iterator[tuple[int, bytes]]:
    """Yield two versions of targets, each with a tag more; the first is the last good one of the plan."""
    good = plan.change.compromised.last_good if plan.change and plan.change.compromised else None
    first = good if isinstance(good, int) else 1
    tags: JsonObject = {}
    for number in range(2):
        version = first + number
        tags[f"1.{number}"] = _tag(f"{spec.made.name} 1.{number}")
        draft = notary.DIALECT.targets(replace(spec.made, version=version))
        signed = canonical.parse_object(draft.payload)
        signed["targets"] = tags
        payload = canonical.encode_trusted(signed)
        public = spec.key.public
        value = spec.key.sign(notary.DIALECT.scheme(public.algorithm), payload)
        signature = Signature(notary.DIALECT.key_id(public), public.algorithm, value)
        yield version, notary.DIALECT.assemble(replace(draft, payload=payload), [signature])


def _tag(text: str) -> Json:
    digest: Json = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"hashes": {"sha256": digest}, "length": len(text)}


def _inner(value: JsonObject, name: str) -> JsonObject:
    found = value[name]
    return found if isinstance(found, dict) else {}
