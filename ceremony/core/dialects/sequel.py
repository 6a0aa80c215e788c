# SPDX-License-Identifier: Apache-2.0
"""What a dialect must do beyond a genesis: read what is published, and say what may follow it.

A sequel is the constant `SEQUEL` of a module `<dialect>_sequel` of this package.
It signs nothing. `read` judges a server's bytes by the client's rules;
`next_root` and `next_targets` give the exact bytes to be signed, which the dialect's
`assemble` finishes; `check_next` judges the finished files, by code that did not write
them, as a client that cached what is published and as a fresh one.
"""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ceremony.core.dialects import Draft, names
from ceremony.core.port_values import Change
from ceremony.core.published.changes import Changes, RootSigners
from ceremony.core.published.differences import State
from ceremony.core.published.trusted import TrustedRoot
from ceremony.core.published.values import Published, Served
from ceremony.errors import PlanRefused


@dataclass(frozen=True, slots=True)
class Opened:
    """A finished file: what its signatures are over, and each of them."""

    payload: bytes
    signatures: Mapping[str, bytes]
    """Key id → value, in wire form."""


class Sequel(ABC):
    """One trust system's rules for what follows."""

    @abstractmethod
    def read(self, served: Served, trusted: TrustedRoot, now: datetime) -> Published:
        """Return what is published of a repository; raises VerificationError, naming repository, role and version."""

    @abstractmethod
    def read_trusted(self, files: Mapping[str, bytes]) -> TrustedRoot:
        """Return the trusted root that files (path → bytes) hold; raises VerificationError, naming the file."""

    @abstractmethod
    def fingerprint(self, pem: bytes, subject: str) -> str:
        """Return SHA-256, hex, over the SubjectPublicKeyInfo of a certificate or public key; raises VerificationError."""

    @abstractmethod
    def root_signers(self, published: Published, changes: Changes) -> RootSigners:
        """Return whose signatures the next root needs; raises VerificationError as `next_root`."""

    @abstractmethod
    def next_root(self, published: Published, changes: Changes) -> Draft:
        """Return the next root, ready to be signed; raises VerificationError, naming repository and role, when a role is left without enough keys."""

    @abstractmethod
    def next_targets(self, published: Published, changes: Changes) -> Draft:
        """Return the next targets, ready to be signed; raises VerificationError, naming repository and role, for what cannot be."""

    @abstractmethod
    def next_snapshot(self, published: Published, files: Mapping[str, bytes], expires: datetime) -> Draft:
        """Return the next snapshot over finished files (role → bytes), for a server that does not hold its key."""

    @abstractmethod
    def outlook(self, published: Published, drafts: Sequence[Draft]) -> State:
        """Return the state that drafts would make, before anything is signed: what people review."""

    @abstractmethod
    def stated(self, repository: str, files: Mapping[str, bytes]) -> State:
        """Return what root and, where it is there, targets say (role → bytes); verifies nothing.

        Raises VerificationError for what is no metadata of that role, and KeyError without a root.
        """

    @abstractmethod
    def opened(self, repository: str, role: str, data: bytes) -> Opened:
        """Return what a finished file holds; verifies nothing; raises VerificationError for what is no metadata of that role."""

    @abstractmethod
    def check_next(self, published: Published, files: Mapping[str, bytes], changes: Changes, now: datetime) -> Sequence[Change]:
        """Judge finished files (role → bytes) that are to follow what is published, at `now`.

        Returns every difference. Raises VerificationError, naming repository and role, for
        what a client that cached the published root, or a fresh one, would refuse; for a
        key that should have gone and stands anywhere; for a difference that `changes` does
        not say, and for one that it says and is not there.
        """


def get(name: str) -> Sequel:
    """Return the sequel of a dialect that a plan names; raises PlanRefused when there is none."""
    if name not in names() or importlib.util.find_spec(f"{__package__}.{name}_sequel") is None:
        raise PlanRefused(
            "dialect", f"what {name!r} publishes cannot be read", hint="only a genesis can be held with this dialect"
        )
    found: Sequel = importlib.import_module(f"{__package__}.{name}_sequel").SEQUEL
    return found
