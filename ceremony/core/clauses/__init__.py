# SPDX-License-Identifier: Apache-2.0
"""What standards want of a key ceremony, row by row, and the records and files that answer it.

`judge` reads a log as it stands: of any kind, still open, incomplete, or from
somebody who wrote what they liked. It never raises, and it never says more than
the log and the names of the files show: that these are true and whole is for
`core.audit` and for people; a row that rests on something else is outside. The
rows are those of 31 sources; parts of a row that are judged apart have letters.
Practice is judged as production is.

- `values`         a clause as it was judged
- `seen`           a log as the rows ask it
- `rows`           a clause before it is judged, and how a judgement is said
- `shared`         what several standards want in the same way
- `cab_keys`       CA/B Baseline Requirements on making and keeping keys: 1 to 5
- `cab_records`    the same on records, and CA/B Network Security Requirements: 6 to 8
- `etsi`           ETSI EN 319 411-1 and 319 401: 9 to 11
- `webtrust`       WebTrust for CAs, Mozilla's root store policy: 12 to 14
- `iso`            ISO 21188: 15
- `practice`       IANA, Juicebox, PyPI/PSF: 16 to 18
- `tuf`            PEP 458, TUF, Docker and Notary, Sigstore: 19 to 22
- `nist_controls`  NIST SP 800-53: 23 to 28
- `nist_keys`      NIST SP 800-57, 800-130/152 and FIPS 140: 29 to 31
- `limits`         what no log can show, and what this program cannot do
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ceremony.core.clauses import (
    cab_keys,
    cab_records,
    etsi,
    iso,
    nist_controls,
    nist_keys,
    practice,
    tuf,
    webtrust,
)
from ceremony.core.clauses import limits as told
from ceremony.core.clauses.limits import UNPROVABLE
from ceremony.core.clauses.seen import see
from ceremony.core.clauses.values import MOST_LISTED, Clause, Holds
from ceremony.core.past import Past
from ceremony.core.plan import Plan
from ceremony.core.record import Record

__all__ = ["MOST_LISTED", "UNPROVABLE", "Clause", "Holds", "judge", "limits"]

_BEFORE = (*cab_keys.ROWS, *cab_records.ROWS, *etsi.ROWS, *webtrust.ROWS)
_AFTER = (*practice.ROWS, *tuf.ROWS, *nist_controls.ROWS, *nist_keys.ROWS)


def judge(past: Past, records: Sequence[Record], plan: Plan | None, names: Collection[str]) -> tuple[Clause, ...]:
    """Return every row, in the order of their numbers.

    `past` is what `records` tell, `plan` the folder's plan where it can be read, `names` the paths of all its files.
    """
    seen = see(past, records, plan, names)
    before = tuple(row.of(seen) for row in _BEFORE)
    return (*before, *iso.judge(before), *(row.of(seen) for row in _AFTER))


def limits(past: Past, records: Sequence[Record], plan: Plan | None, names: Collection[str]) -> tuple[str, ...]:
    """Return what to know of this ceremony's keys and custody, a sentence each; it takes what `judge` takes."""
    return tuple(told.limits(see(past, records, plan, names)))
