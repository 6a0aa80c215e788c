# SPDX-License-Identifier: Apache-2.0
"""The root keys that a plan's `trusted-root` names: what a restored key must be one of.

How a trusted root is written and read is for `published.trusted` and the dialects; here
its keys are enough: a recovery follows no chain, and publishes nothing.

Where root keys are certificates, what is published are the key ids of those. Such an id
is a digest over the certificate, and so over its key: it names the key, wherever the
certificate comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ceremony.core import dialects
from ceremony.core.dialects import RootKey, sequel
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

    def check(self, public: PublicKey, certificates: Iterable[str] = ()) -> None:
        """Check that a root key is one of them: by its fingerprint, by its key id, or by that of one of `certificates` (PEM).

        Raises VerificationError.
        """
        own = {public.sha256, dialects.get(self.dialect).key_id(public)}
        if own.isdisjoint(self.fingerprints | self.key_ids) and not self.certified(public, certificates):
            raise VerificationError(
                f"root key {public.sha256[:16]}",
                "is not one that the trusted root names",
                hint="look whether the backup is of the right ceremony, and trusted-root is what is published; the key id of a "
                "certificate counts where the old volume has the copy of its folder",
            )

    def certified(self, public: PublicKey, certificates: Iterable[str]) -> Mapping[str, str]:
        """Return key id → PEM of those certificates that are of a root key, and whose key id is one of these.

        Raises VerificationError for one that has such a key id and cannot be read.
        """
        dialect, rules = dialects.get(self.dialect), sequel.get(self.dialect)
        found = {dialect.root_key_id(RootKey(public, pem)): pem for pem in certificates}
        return {
            key_id: pem
            for key_id, pem in found.items()
            if key_id in self.key_ids and rules.fingerprint(pem.encode(), f"certificate {key_id[:16]}") == public.sha256
        }


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
