# SPDX-License-Identifier: Apache-2.0
"""The trusted root: what a plan's `trusted-root` means, and what a request's roots must follow.

It comes from a ceremony's bundle or a client's trust folder (roots of repositories by
name), from one root.json, from certificates or public keys, or from key ids. A root
that is known whole is an exact starting point, and no older version passes. Of keys
alone, the oldest root that they sign is where the way to the newest begins. Reading
the bytes is the dialects' part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ceremony.core.published.values import RoleKeys
from ceremony.errors import VerificationError

_KEY_IDS = re.compile(r"[0-9a-f]{64}(?:[ \n]+[0-9a-f]{64})*")
_IN_FOLDER = re.compile(r"(?:^|.*/)tuf/(?P<repository>.+)/metadata/(?P<role>root|targets)\.json")


@dataclass(frozen=True, slots=True)
class Anchor:
    """One thing that is trusted."""

    repository: str = ""
    """Whose root it is; empty where that is not known."""
    root: bytes = b""
    """The root file; empty where only keys are known."""
    targets_version: int = 0
    """The version of targets that was published beside the root; 0 when not known. Older ones are rolled back."""
    key_ids: frozenset[str] = frozenset()
    fingerprints: frozenset[str] = frozenset()
    """SHA-256 over the keys' DER SubjectPublicKeyInfo, hex."""
    threshold: int = 0
    """How many of the keys must sign; 0 when not known, and then the root's own threshold holds."""

    def among(self, role: RoleKeys) -> RoleKeys:
        """Return a root role with those of its keys alone that are trusted."""
        keys = tuple(key for key in role.keys if key.key_id in self.key_ids or key.fingerprint in self.fingerprints)
        return RoleKeys(role.name, keys, max(role.threshold, self.threshold))


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """Everything that is trusted."""

    exact: Mapping[str, Anchor]
    """By repository."""
    others: tuple[Anchor, ...]
    """Keys that any repository's root may start from; where they are certificates, only one that they are for."""

    def anchors(self, repository: str) -> Iterator[Anchor]:
        """Yield what may start the chain of a repository: its own root and nothing else, when there is one."""
        if repository in self.exact:
            yield self.exact[repository]
        else:
            yield from self.others


def from_key_ids(text: str) -> TrustedRoot:
    """Return the trusted root that is key ids, hex, a blank between two; raises VerificationError for anything else."""
    if not _KEY_IDS.fullmatch(text.strip()):
        raise VerificationError(
            "trusted-root", "is not key ids of 64 hexadecimal digits", hint="write key ids with a blank between two, or a path"
        )
    return TrustedRoot({}, (Anchor(key_ids=frozenset(text.split())),))


def of_plan(trusted_root: str, files: Mapping[str, bytes], read: Callable[[Mapping[str, bytes]], TrustedRoot]) -> TrustedRoot:
    """Return what a plan's `trusted-root` means: the files (path → bytes) that were brought for it, or the key ids that it is.

    `read` is the dialect's reader of files. Raises VerificationError when there is nothing to trust.
    """
    if files:
        return read(files)
    if trusted_root:
        return from_key_ids(trusted_root)
    raise VerificationError(
        "trusted-root", "is missing, so nothing published can be verified", hint="name an earlier bundle, a root.json, or key ids"
    )


def folders(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, bytes]]:
    """Return repository → role → bytes of the roots and targets in a bundle or a trust folder (path → bytes)."""
    found: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        match = _IN_FOLDER.fullmatch(path)
        if match:
            found.setdefault(match["repository"], {})[match["role"]] = data
    return {repository: roles for repository, roles in found.items() if "root" in roles}
