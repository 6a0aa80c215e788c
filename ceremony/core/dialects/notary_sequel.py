# SPDX-License-Identifier: Apache-2.0
"""The sequel of the Notary dialect: what its modules do, under the names that steps know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ceremony.core.dialects import Draft, notary_chain, notary_judge, notary_listed, notary_next, notary_published
from ceremony.core.dialects.notary_signed import read_signed
from ceremony.core.dialects.sequel import Opened, Sequel
from ceremony.core.port_values import Change
from ceremony.core.published.changes import Changes, RootSigners
from ceremony.core.published.differences import State
from ceremony.core.published.trusted import TrustedRoot
from ceremony.core.published.values import Published, Served


class NotarySequel(Sequel):
    """Notary v1."""

    def read(self, served: Served, trusted: TrustedRoot, now: datetime) -> Published:
        """Return what is published of a repository."""
        return notary_published.read(served, trusted, now)

    def read_trusted(self, files: Mapping[str, bytes]) -> TrustedRoot:
        """Return the trusted root that files hold."""
        return notary_chain.read_trusted(files)

    def fingerprint(self, pem: bytes, subject: str) -> str:
        """Return the fingerprint of a certificate or public key."""
        return notary_listed.fingerprint_of(pem, subject)

    def root_signers(self, published: Published, changes: Changes) -> RootSigners:
        """Return whose signatures the next root needs."""
        return notary_next.root_signers(published, changes)

    def next_root(self, published: Published, changes: Changes) -> Draft:
        """Return the next root."""
        return notary_next.next_root(published, changes)

    def next_targets(self, published: Published, changes: Changes) -> Draft:
        """Return the next targets."""
        return notary_next.next_targets(published, changes)

    def next_snapshot(self, published: Published, files: Mapping[str, bytes], expires: datetime) -> Draft:
        """Return the next snapshot."""
        return notary_next.next_snapshot(published, files, expires)

    def outlook(self, published: Published, drafts: Sequence[Draft]) -> State:
        """Return the state that drafts would make."""
        return notary_judge.outlook(published, drafts)

    def stated(self, repository: str, files: Mapping[str, bytes]) -> State:
        """Return what root and targets say."""
        return notary_judge.stated(repository, files)

    def opened(self, repository: str, role: str, data: bytes) -> Opened:
        """Return what a finished file holds."""
        file = read_signed(repository, role, data)
        return Opened(file.payload, {key_id: value for key_id, _, value in file.signatures})

    def check_next(self, published: Published, files: Mapping[str, bytes], changes: Changes, now: datetime) -> Sequence[Change]:
        """Judge finished files that are to follow what is published."""
        return notary_judge.check_next(published, files, changes, now)


SEQUEL = NotarySequel()
