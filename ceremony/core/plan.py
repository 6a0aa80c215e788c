# SPDX-License-Identifier: Apache-2.0
"""The plan and the site as values: what was decided before the day (design, section 5).

These are what a TOML file means once it was read and linted; every field is
present, names are expanded, times are aware UTC. Reading is in `plan_reader`,
the judgement over a whole plan in `plan_lint`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ceremony.core.keys import Algorithm

PER_REPOSITORY = "per-repository"
"""What `[root] certificate` says when each repository has a certificate of its own."""


class Kind(StrEnum):
    """What a ceremony is for."""

    GENESIS = "genesis"
    RENEWAL = "renewal"
    ROTATION = "rotation"
    RECOVERY = "recovery"


class Mode(StrEnum):
    """Fixed in the first record; a practice can never become a production."""

    PRACTICE = "practice"
    PRODUCTION = "production"


class Custody(StrEnum):
    """How a root key is kept (design, section 6)."""

    TOKEN_ONLY = "token-only"
    TOKEN_WRAPPED = "token-wrapped"
    IMPORTED = "imported"


class Source(StrEnum):
    """Where a repository's key comes from."""

    GENERATE = "generate"
    FILE = "file"
    REQUEST = "request"


class Role(StrEnum):
    """What a person does in the room."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    SECURITY_OFFICER = "security-officer"
    WITNESS = "witness"
    AUDITOR = "auditor"
    CUSTODIAN = "custodian"


@dataclass(frozen=True, slots=True)
class RootPlan:
    """The root key: `[root]`."""

    algorithm: Algorithm
    tokens: tuple[str, ...]
    threshold: int
    custody: Custody
    certificate: str = PER_REPOSITORY
    """Notary: `per-repository`, or a prefix ending in `*`."""
    pin_policy: str = "always"
    touch_policy: str = "cached"


@dataclass(frozen=True, slots=True)
class ExpiresPlan:
    """`[expires]`: absolute UTC."""

    root: datetime
    certificate: datetime
    targets: datetime


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """Where one role's key of a repository comes from."""

    source: Source
    algorithm: Algorithm = Algorithm.ECDSA_P256
    """For `generate`."""
    path: str = ""
    """For `file`: a PEM public key, relative to the plan."""
    deliver_to: str = ""
    """For `generate`: the OpenSSH public key that the private key is encrypted to."""


@dataclass(frozen=True, slots=True)
class SignerPlan:
    """A delegated publisher."""

    name: str
    path: str
    """Its PEM public key, relative to the plan."""


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """One repository; `names` and `names-from` were expanded."""

    name: str
    targets: KeyPlan
    snapshot: KeyPlan
    timestamp: KeyPlan
    signers: tuple[SignerPlan, ...] = ()
    section: int = 0
    """Which of `[[repositories]]` named it, from 0: what messages point to."""
    remove_signers: tuple[str, ...] = ()
    """Names of signers that go, in kinds other than genesis."""

    def keys(self) -> Mapping[str, KeyPlan]:
        """Return where the key of each role comes from."""
        return {"targets": self.targets, "snapshot": self.snapshot, "timestamp": self.timestamp}


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """`[backup]`."""

    protect: str
    """`passphrase` or `shares`."""
    needed: int = 1
    total: int = 1


@dataclass(frozen=True, slots=True)
class Person:
    """One of `[[people]]`."""

    name: str
    role: Role
    organisation: str
    key: str
    """OpenSSH public key, one line; may be empty in practice only."""
    independent: bool = False


@dataclass(frozen=True, slots=True)
class CompromisedPlan:
    """`[compromised]` of a rotation: what was stolen."""

    keys: tuple[str, ...]
    """Key ids, or paths of certificates or public keys, relative to the plan."""
    reason: str
    last_good: int | datetime | None = None
    """The last version of targets, or the last time, that is known to be good."""
    deliver_to: str = ""
    """To whom the new keys of affected repositories are encrypted that `[[repositories]]` does not name."""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """What the kinds other than genesis say of the root that there is."""

    tokens: tuple[str, ...]
    """Those that sign or, in a recovery, those to restore to."""
    expires: Mapping[str, datetime]
    """What changes of `root`, `certificate`, `targets`."""
    new_root: RootPlan | None = None
    """`[root.new]` of a rotation."""
    compromised: CompromisedPlan | None = None


@dataclass(frozen=True, slots=True)
class Waiver:
    """A check of the machine that need not pass: one of `[preflight] waive`."""

    check: str
    """Its name, as records name it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan.

    In kinds other than genesis `change` holds what they say of the root, and `root` (that of
    `[root.new]`), `expires` and `backup` hold, where the plan says nothing, a threshold of 0,
    times long past and no protector: nothing can be signed or kept by mistake.
    """

    name: str
    kind: Kind
    dialect: str
    facility: str
    previous: str
    """`first`, or the sha256 of the last head of the ceremony before this one."""
    request: str
    """`sha256:<hex>`, or empty."""
    trusted_root: str
    root: RootPlan
    expires: ExpiresPlan
    repositories: tuple[RepositoryPlan, ...]
    backup: BackupPlan
    people: tuple[Person, ...]
    quorum: Mapping[Role, int]
    source: bytes
    """The TOML file, byte for byte."""
    files: Mapping[str, bytes]
    """Every file that the plan names, by the path it names it with."""
    change: ChangePlan | None = None
    """None in a genesis."""
    waivers: tuple[Waiver, ...] = ()
    """What the machine need not pass at preflight, in the order of the plan."""

    @property
    def sha256(self) -> str:
        """The digest of the TOML file, hex."""
        return hashlib.sha256(self.source).hexdigest()

    @property
    def key_tokens(self) -> tuple[str, ...]:
        """The names of the tokens that root keys come to in this ceremony: made on them, put on them, or restored to them."""
        if self.kind is Kind.RECOVERY and self.change:
            return self.change.tokens
        # A token that signs and stays keeps the key that it has.
        return tuple(name for name in self.root.tokens if name not in self.signing_tokens)

    @property
    def signing_tokens(self) -> tuple[str, ...]:
        """The names of the tokens whose root keys are there already, and sign what follows what is published."""
        return self.change.tokens if self.change and self.kind in (Kind.RENEWAL, Kind.ROTATION) else ()

    def custodians(self) -> tuple[Person, ...]:
        """Return who keeps the secrets: the custodians; without one, the security officers."""
        named = tuple(p for p in self.people if p.role is Role.CUSTODIAN)
        return named or tuple(p for p in self.people if p.role is Role.SECURITY_OFFICER)

    def keepers(self) -> tuple[Person, ...]:
        """Return who is shown the secret of the backups: a share each, in their order; of a passphrase, the first custodian."""
        return self.custodians()[: self.backup.total] if self.backup.protect else ()

    def recorder(self) -> str:
        """Return who is at the keyboard: the administrator, the operator, or whoever is named first."""
        for role in (Role.ADMINISTRATOR, Role.OPERATOR):
            for person in self.people:
                if person.role is role:
                    return person.name
        return self.people[0].name


@dataclass(frozen=True, slots=True)
class SiteToken:
    """Which hardware a token's name stands for: a YubiKey's serial and slot, or a PKCS#11 URI and module."""

    yubikey: int = 0
    slot: str = ""
    pkcs11: str = ""
    """RFC 7512."""
    module: str = ""
    """Path of the PKCS#11 module."""


@dataclass(frozen=True, slots=True)
class Site:
    """The hardware in the room."""

    tokens: Mapping[str, SiteToken]
    volumes: Mapping[str, str]
    """Serials for `a` and `b`; may be empty."""
    yubico_roots: str
    source: bytes
    """The TOML file, byte for byte."""
