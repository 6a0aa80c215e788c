# SPDX-License-Identifier: Apache-2.0
"""The chain of a repository's roots, from a trusted one to the newest, by the rules of Notary clients.

Each root is one version after the one before it, signed by the threshold of that one's
root keys and by its own (`trustpinning.ValidateRoot`). A root key counts when its
certificate is for the repository, is no CA's and not over SHA-1; ids are counted, as
clients do. Days are not judged here: a root that expired may be followed by its
renewal, which clients and servers take (measured). They do not once its certificates
expired: then nothing can follow, and the caller says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ceremony.core.dialects.notary_listed import fingerprint_of
from ceremony.core.dialects.notary_signed import SignedFile, check_signed, read_signed, root_roles, signers_of
from ceremony.core.published.trusted import Anchor, TrustedRoot, folders
from ceremony.core.published.values import PublishedKey, RoleKeys
from ceremony.core.request import AGAIN
from ceremony.errors import VerificationError

_BEGIN = b"-----BEGIN "
ELSEWHERE = "do not sign over it; find out with the server's administrator where this root comes from"


@dataclass(frozen=True, slots=True)
class Root:
    """A root and its roles; what it is signed by was judged by whoever made the chain."""

    file: SignedFile
    roles: Mapping[str, RoleKeys]

    @property
    def version(self) -> int:
        """The version that it states."""
        return self.file.version


def read_root(repository: str, data: bytes, version: int = 0, known: Mapping[str, PublishedKey] | None = None) -> Root:
    """Return a root, its form checked; raises VerificationError, naming repository, role and version.

    Keys that are `known` by their ids are not read anew.
    """
    file = read_signed(repository, "root", data, version)
    return Root(file, root_roles(file, known or {}))


def usable(root: Root, repository: str) -> RoleKeys:
    """Return the root role with the keys that clients count for this repository; raises VerificationError when there is none."""
    role = countable(root.roles["root"], repository)
    if not role.keys:
        raise root.file.refused(_why_none(root.roles["root"]), hint=ELSEWHERE)
    return role


def countable(role: RoleKeys, repository: str) -> RoleKeys:
    """Return a root role with those of its keys alone that clients count for this repository."""
    keys = tuple(k for k in role.keys if k.certificate and not k.certificate.fault and k.certificate.covers(repository))
    return RoleKeys(role.name, keys, role.threshold)


def countable_on(role: RoleKeys, repository: str, now: datetime) -> RoleKeys:
    """Return a root role with those of its keys that clients, and a server, count on a day."""
    keys = countable(role, repository).keys
    valid = tuple(k for k in keys if k.certificate and k.certificate.not_before <= now < k.certificate.not_after)
    return RoleKeys(role.name, valid, role.threshold)


def _why_none(role: RoleKeys) -> str:
    for key in role.keys:
        if key.certificate is None:
            return "has a root key that is not a certificate"
        if key.certificate.fault:
            return f"has a root certificate that {key.certificate.fault}"
    names = ", ".join(sorted({repr(key.certificate.common_name[:60]) for key in role.keys if key.certificate}))
    return f"has root certificates for {names or 'nothing'}, and is another repository's"


def follow(repository: str, versions: Sequence[tuple[int, bytes]], trusted: TrustedRoot) -> tuple[Root, ...]:
    """Return the roots from the trusted one to the newest, each verified by the one before it.

    `versions` are version and bytes, ascending. Raises VerificationError, naming
    repository, role and version, for a chain that is broken, rolled back or another's.
    """
    roots = [read_root(repository, data, version) for version, data in versions]
    for root in roots:
        usable(root, repository)
    chain = list(_start(repository, roots, trusted))
    for root in roots:
        if root.version > chain[-1].version:
            check_next_root(chain[-1].version, usable(chain[-1], repository), root, repository)
            chain.append(root)
    return tuple(chain)


def check_next_root(version: int, role: RoleKeys, newer: Root, repository: str) -> None:
    """Check that a root may follow the one of this version and countable root role; raises VerificationError, naming repository, role and version."""
    if newer.version != version + 1:
        raise newer.file.refused(f"does not follow version {version}: the versions between them are missing", hint=AGAIN)
    check_signed(newer.file, role, f"the root keys of version {version}")
    check_signed(newer.file, usable(newer, repository), "its own root keys")


def _start(repository: str, roots: Sequence[Root], trusted: TrustedRoot) -> Sequence[Root]:
    for anchor in trusted.anchors(repository):
        if anchor.repository:
            return (_exact(repository, roots, anchor),)
        for root in roots:
            role = anchor.among(usable(root, repository))
            if role.keys and len(signers_of(root.file, role.by_id())) >= role.threshold:
                check_signed(root.file, usable(root, repository), "its own root keys")
                return (root,)
    raise VerificationError(
        f"{repository} root version {roots[-1].version}",
        "does not chain to the trusted root: no version that was brought is signed by it",
        hint=ELSEWHERE,
    )


def _exact(repository: str, roots: Sequence[Root], anchor: Anchor) -> Root:
    known = next((root for root in roots if root.file.data == anchor.root), None) or read_root(repository, anchor.root)
    if roots[-1].version < known.version:
        raise roots[-1].file.refused(
            f"is older than version {known.version} of the trusted root: it was rolled back", hint=ELSEWHERE
        )
    # Where the server has that version, its bytes are what its snapshot names: signatures may stand otherwise there.
    start = next((root for root in roots if root.version == known.version), known)
    if start.file.payload != known.file.payload:
        raise start.file.refused("is not the root of that version that is trusted", hint=ELSEWHERE)
    check_signed(start.file, usable(start, repository), "its own root keys")
    return start


def read_trusted(files: Mapping[str, bytes]) -> TrustedRoot:
    """Return the trusted root that files (path → bytes) hold.

    A bundle or a trust folder gives the roots of its repositories; else each file is
    one root.json, or PEM: certificates or public keys. Raises VerificationError,
    naming the file, for anything else, and when there is nothing.
    """
    found = folders(files)
    if found:
        exact = {name: _anchor(name, roles["root"], roles.get("targets", b"")) for name, roles in found.items()}
        shared = {(anchor.key_ids, anchor.threshold): anchor for anchor in exact.values()}
        return TrustedRoot(exact, tuple(_keys_of(anchor) for anchor in shared.values()))
    anchors = [_single(path, data) for path, data in files.items()]
    if not anchors:
        raise VerificationError("trusted-root", "holds no root", hint="name an earlier bundle, a root.json, or key ids")
    return TrustedRoot({a.repository: a for a in anchors if a.repository}, tuple(_keys_of(anchor) for anchor in anchors))


def _keys_of(anchor: Anchor) -> Anchor:
    return Anchor(key_ids=anchor.key_ids, fingerprints=anchor.fingerprints, threshold=anchor.threshold)


def _anchor(repository: str, data: bytes, targets: bytes = b"") -> Anchor:
    root = read_root(repository, data)
    role = root.roles["root"]
    version = read_signed(repository, "targets", targets).version if targets else 0
    return Anchor(repository, data, version, frozenset(role.by_id()), role.fingerprints(), role.threshold)


def _single(path: str, data: bytes) -> Anchor:
    if _BEGIN in data:
        return _pem(path, data)
    anchor = _anchor(f"trusted-root {path}", data)
    names = {key.certificate.common_name for key in read_root(path, data).roles["root"].keys if key.certificate}
    own = names.pop() if len(names) == 1 else "*"
    # A root does not say whose it is; certificates for one name do, those for a prefix do not.
    return Anchor("" if own.endswith("*") else own, data, 0, anchor.key_ids, anchor.fingerprints, anchor.threshold)


def _pem(path: str, data: bytes) -> Anchor:
    subject = f"trusted-root {path}"
    fingerprints: set[str] = set()
    for block in data.split(_BEGIN)[1:]:
        fingerprints.add(fingerprint_of(_BEGIN + block, subject))
    return Anchor(fingerprints=frozenset(fingerprints))
