# SPDX-License-Identifier: Apache-2.0
"""What a dialect must do: say how one trust system names keys, writes metadata and checks it.

A dialect is one module of this package with a constant `DIALECT`, named by
the module: `dialect = "notary"` in a plan means
`ceremony.core.dialects.notary`. Adding one is adding a file; nothing else knows
their names. Steps handle `RepositorySpec` and `Draft`, never a format.

A dialect signs nothing. `root` and `targets` give the exact bytes to be signed,
`assemble` puts signatures to them, and `check` judges the finished files as a
client would, from their bytes alone, by code that did not write them.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType

from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import PlanRefused


@dataclass(frozen=True, slots=True)
class RootKey:
    """A root key as a repository's metadata names it."""

    public: PublicKey
    certificate: str = ""
    """PEM, where the dialect's root keys are certificates; one for this repository, or for a prefix."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A delegated publisher and its public key."""

    name: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class RepositorySpec:
    """All that a repository's root and targets metadata say; times are aware UTC."""

    name: str
    version: int
    root_keys: tuple[RootKey, ...]
    threshold: int
    targets: PublicKey
    snapshot: PublicKey
    timestamp: PublicKey
    signers: tuple[Signer, ...]
    root_expires: datetime
    targets_expires: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """Metadata about to be signed."""

    repository: str
    role: str
    path: str
    """Where the finished file goes in the ceremony folder."""
    payload: bytes
    """The exact bytes that each signature is over."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in wire form, by the key that the metadata calls `key_id`."""

    key_id: str
    algorithm: Algorithm
    value: bytes


@dataclass(frozen=True, slots=True)
class DetachedSignature:
    """A signature as it stands in a finished file, with what it is over: for a second library to judge."""

    public: PublicKey
    scheme: Scheme
    payload: bytes
    value: bytes


class Dialect(ABC):
    """One trust system's formats."""

    name: str
    root_algorithms: frozenset[Algorithm]
    repository_algorithms: frozenset[Algorithm]
    needs_certificate: bool
    """Whether root keys are certificates."""

    @abstractmethod
    def scheme(self, algorithm: Algorithm) -> Scheme:
        """Return how a key of this algorithm signs metadata."""

    @abstractmethod
    def key_id(self, public: PublicKey) -> str:
        """Return the key id of a repository key, hex."""

    @abstractmethod
    def root_key_id(self, key: RootKey) -> str:
        """Return the key id of a root key, hex."""

    @abstractmethod
    def path(self, repository: str, role: str) -> str:
        """Return where a role's metadata stands in the ceremony folder."""

    @abstractmethod
    def root(self, spec: RepositorySpec) -> Draft:
        """Return a repository's root metadata, ready to be signed."""

    @abstractmethod
    def targets(self, spec: RepositorySpec) -> Draft:
        """Return a repository's targets metadata, ready to be signed."""

    @abstractmethod
    def assemble(self, draft: Draft, signatures: Sequence[Signature]) -> bytes:
        """Return the finished file, byte for byte as clients and servers of this trust system write it."""

    @abstractmethod
    def check(self, repository: str, files: Mapping[str, bytes], now: datetime) -> Sequence[DetachedSignature]:
        """Judge a repository's finished files (role → bytes) as a fresh client would at `now`.

        Returns every signature that was counted. Raises VerificationError, naming
        repository and role, for anything that a client would refuse.
        """

    @abstractmethod
    def pinning(self, pins: Mapping[str, Sequence[str]]) -> Mapping[str, bytes]:
        """Return the files (path → bytes) that tell consumers what to pin, repository → ids of its root keys; may be none."""

    @abstractmethod
    def delivery(self, repository: str, key: SoftwareKey) -> bytes:
        """Return a private repository key in the form that its team imports; the caller encrypts it at once."""

    @abstractmethod
    def read_delivery(self, data: bytes, subject: str) -> SoftwareKey:
        """Return the key that `delivery` wrote; raises VerificationError, naming `subject`, for anything else."""


def names() -> tuple[str, ...]:
    """Return the dialects that there are, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if hasattr(_module(m.name), "DIALECT")))


def get(name: str) -> Dialect:
    """Return the dialect that a plan names; raises PlanRefused for one that does not exist."""
    if name not in names():
        raise PlanRefused("dialect", f"{name!r} is not a dialect", hint=f"write one of: {', '.join(names())}")
    found: Dialect = _module(name).DIALECT
    return found


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
