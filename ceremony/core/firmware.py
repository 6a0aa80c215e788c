# SPDX-License-Identifier: Apache-2.0
"""The firmware policy: what a YubiKey of a model and firmware may be used for, as data.

Each row of `POLICY` is one advisory of Yubico (YSA-…) or one thing that a firmware
lacks; `verdict` collects every row that applies and decides by the strictest.
A YubiKey's firmware cannot be updated, so a verdict never gets better. Whether
the firmware is really the one that is named is for `attestation` to prove;
asking two people to sign a deviation, and recording it, is for the steps.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from ceremony.core.keys import Algorithm
from ceremony.core.plan import Mode
from ceremony.errors import VerificationError


@dataclass(frozen=True, slots=True, order=True)
class Firmware:
    """A YubiKey's firmware version, each number one byte; the order is that of the versions."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> Firmware:
        """Return the version of a text such as `5.7.4`; raises VerificationError for any other."""
        found = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})", text)
        version = cls(*map(int, found.groups())) if found else None
        if version is None or str(version) != text or max(version.major, version.minor, version.patch) > 255:
            raise VerificationError(
                "firmware", f"is {text[:40]!r}, which is no version", hint="a version is three numbers: 5.7.4"
            )
        return version


class Series(StrEnum):
    """The series of a YubiKey, as far as advisories tell them apart."""

    STANDARD = "standard"
    FIPS = "fips"
    BIO = "bio"


class Purpose(StrEnum):
    """What the token is wanted for."""

    MAKE = "make"
    """A root key is made on the token (custody `token-only`)."""
    IMPORT = "import"
    """A root key that was made elsewhere is put on the token (custody `imported`)."""
    USE = "use"
    """A root key that is on the token already signs."""


class Decision(StrEnum):
    """What may be done."""

    ALLOW = "allow"
    DEVIATION = "deviation"
    """Only as a deviation that two people sign."""
    REFUSE = "refuse"


_STRICTNESS = (Decision.ALLOW, Decision.DEVIATION, Decision.REFUSE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the policy: where it applies, what it decides, why."""

    source: str
    """The advisory's id, or a word of ours where there is none."""
    first: Firmware
    last: Firmware
    """`first` and `last` belong to the range."""
    decision: Decision
    reason: str
    """What a person reads."""
    series: AbstractSet[Series] = frozenset(Series)
    algorithms: AbstractSet[Algorithm] = frozenset(Algorithm)
    purposes: AbstractSet[Purpose] = frozenset(Purpose)
    modes: AbstractSet[Mode] = frozenset(Mode)

    def applies(self, series: Series, firmware: Firmware, algorithm: Algorithm, purpose: Purpose, mode: Mode) -> bool:
        """Return whether this row concerns that use of that token."""
        return (
            self.first <= firmware <= self.last
            and series in self.series
            and algorithm in self.algorithms
            and purpose in self.purposes
            and mode in self.modes
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says of one use of one token."""

    decision: Decision
    rows: tuple[Row, ...]
    """Every row that applies, the strictest first."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """One sentence for each row, after its source: `YSA-2024-03: …`."""
        return tuple(f"{row.source}: {row.reason}" for row in self.rows)


NEWEST_KNOWN = Firmware(5, 7, 4)
"""The newest firmware that the policy was written for; above it, a verdict says so."""

_OLDEST, _ANY_LATER = Firmware(0, 0, 0), Firmware(255, 255, 255)
_ECDSA = frozenset({Algorithm.ECDSA_P256, Algorithm.ECDSA_P384})
_RSA = frozenset({Algorithm.RSA_3072, Algorithm.RSA_4096})
_NEW_KEYS = frozenset({Purpose.MAKE, Purpose.IMPORT})
_LATER_FIXED = frozenset({Series.FIPS, Series.BIO})
_EUCLEAK = "who holds the token can recover an ECDSA key from it"

POLICY: tuple[Row, ...] = (
    Row("no attestation", _OLDEST, Firmware(4, 2, 255), Decision.REFUSE, "the firmware, below 4.3.0, cannot attest a key"),
    # On-chip generation only: RSA keys that were imported, and ECC, are not affected. Nobody knows how a key got there that is used.
    Row(
        "YSA-2017-01",
        Firmware(4, 2, 0),
        Firmware(4, 3, 4),
        Decision.REFUSE,
        "RSA keys that the chip makes can be factored (ROCA)",
        algorithms=_RSA,
        purposes=frozenset({Purpose.MAKE, Purpose.USE}),
    ),
    Row(
        "YSA-2019-02",
        Firmware(4, 4, 2),
        Firmware(4, 4, 2),
        Decision.REFUSE,
        "keys and signatures are made with too little randomness after power-up",
    ),
    Row(
        "YSA-2019-02",
        Firmware(4, 4, 4),
        Firmware(4, 4, 4),
        Decision.REFUSE,
        "keys and signatures are made with too little randomness after power-up",
    ),
    Row(
        "no metadata",
        _OLDEST,
        Firmware(5, 2, 255),
        Decision.REFUSE,
        "the firmware, below 5.3.0, cannot tell whether its PIN, PUK and management key are the factory's",
        modes=frozenset({Mode.PRODUCTION}),
    ),
    Row(
        "no metadata",
        _OLDEST,
        Firmware(5, 2, 255),
        Decision.ALLOW,
        "a production would refuse the firmware, below 5.3.0: it cannot tell whether its PIN, PUK and management key are the factory's",
        modes=frozenset({Mode.PRACTICE}),
    ),
    Row(
        "YSA-2024-03",
        _OLDEST,
        Firmware(5, 6, 255),
        Decision.DEVIATION,
        f"{_EUCLEAK} (EUCLEAK, firmware below 5.7.0)",
        series=frozenset({Series.STANDARD}),
        algorithms=_ECDSA,
        purposes=_NEW_KEYS,
    ),
    Row(
        "YSA-2024-03",
        _OLDEST,
        Firmware(5, 7, 1),
        Decision.DEVIATION,
        f"{_EUCLEAK} (EUCLEAK, FIPS and Bio firmware below 5.7.2)",
        series=_LATER_FIXED,
        algorithms=_ECDSA,
        purposes=_NEW_KEYS,
    ),
    # A root key that exists must be able to sign the root that replaces it.
    Row(
        "YSA-2024-03",
        _OLDEST,
        Firmware(5, 6, 255),
        Decision.ALLOW,
        f"{_EUCLEAK} (EUCLEAK, firmware below 5.7.0); replace the key",
        series=frozenset({Series.STANDARD}),
        algorithms=_ECDSA,
        purposes=frozenset({Purpose.USE}),
    ),
    Row(
        "YSA-2024-03",
        _OLDEST,
        Firmware(5, 7, 1),
        Decision.ALLOW,
        f"{_EUCLEAK} (EUCLEAK, FIPS and Bio firmware below 5.7.2); replace the key",
        series=_LATER_FIXED,
        algorithms=_ECDSA,
        purposes=frozenset({Purpose.USE}),
    ),
    Row(
        "no such key",
        _OLDEST,
        Firmware(5, 6, 255),
        Decision.REFUSE,
        "the firmware, below 5.7.0, has no Ed25519, RSA-3072 or RSA-4096",
        algorithms=_RSA | {Algorithm.ED25519},
    ),
    Row("old root", Firmware(5, 7, 0), Firmware(5, 7, 3), Decision.ALLOW, "attested under Yubico PIV Root CA Serial 263751"),
    Row("new root", Firmware(5, 7, 4), _ANY_LATER, Decision.ALLOW, "attested under Yubico Attestation Root 1"),
    Row(
        "newer",
        Firmware(5, 7, 5),
        _ANY_LATER,
        Decision.ALLOW,
        f"the firmware is newer than {NEWEST_KNOWN}, the newest that this policy knows; look for advisories since",
    ),
)


def verdict(series: Series, firmware: Firmware, algorithm: Algorithm, purpose: Purpose, *, mode: Mode) -> Verdict:
    """Return what may be done with a token of that series and firmware, and why; the strictest row decides."""
    rows = [row for row in POLICY if row.applies(series, firmware, algorithm, purpose, mode)]
    rows.sort(key=lambda row: _STRICTNESS.index(row.decision), reverse=True)
    return Verdict(rows[0].decision, tuple(rows))
