# SPDX-License-Identifier: Apache-2.0
"""The root keys that a plan's `trusted-root` names: what a restored key must be one of.

How a trusted root is written and read is for `published.trusted` and the dialects; here
its keys are enough: a recovery follows no chain, and publishes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ceremony.core import dialects
from ceremony.core.dialects import sequel
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Plan
from ceremony.core.published.trusted import TrustedRoot, from_key_ids
from ceremony.errors import VerificationError


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The keys of a trusted root."""

    dialect: str
    key_ids: frozenset[str]
    fingerprints: frozenset[str]
    """SHA-256 over the DER SubjectPublicKeyInfo, hex."""

    def check(self, public: PublicKey) -> None:
        """Check that a root key is one of them, by its key id or fingerprint; raises VerificationError."""
        key_id = dialects.get(self.dialect).key_id(public)
        if not {public.sha256, key_id} & (self.fingerprints | self.key_ids):
            raise VerificationError(
                f"root key {public.sha256[:16]}",
                "is not one that the trusted root names",
                hint="look whether the backup is of the right ceremony, and trusted-root is what is published",
            )


def trusted_keys(plan: Plan, files: Mapping[str, bytes]) -> TrustedKeys | None:
    """Return the keys that a plan trusts: those of the files (path → bytes) that were brought for it, or the key ids it names.

    None when it names none, or a file that nobody brought. Raises VerificationError for a file that holds no root.
    """
    if files:
        return _keys(plan, sequel.get(plan.dialect).read_trusted(files))
    return _keys(plan, from_key_ids(plan.trusted_root)) if names_keys(plan.trusted_root) else None


def names_keys(trusted_root: str) -> bool:
    """Tell whether a plan's `trusted-root` is key ids, and not a path."""
    words = trusted_root.split(" ")
    return all(len(word) == 64 and set(word) <= set("0123456789abcdef") for word in words)


def _keys(plan: Plan, trusted: TrustedRoot) -> TrustedKeys:
    anchors = (*trusted.exact.values(), *trusted.others)
    return TrustedKeys(
        plan.dialect,
        frozenset(key_id for anchor in anchors for key_id in anchor.key_ids),
        frozenset(fingerprint for anchor in anchors for fingerprint in anchor.fingerprints),
    )
