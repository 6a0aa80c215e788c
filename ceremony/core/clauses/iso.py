# SPDX-License-Identifier: Apache-2.0
"""ISO 21188:2018, from which WebTrust derives: row 15, answered by rows 4, 9 and 12. Told from memory."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core.clauses.values import Clause, Holds

ANSWERED_BY = (4, 9, 12)
_SOURCE = "ISO 21188:2018"


def judge(others: Sequence[Clause]) -> tuple[Clause, ...]:
    """Return the two parts of row 15, from the rows that answer it."""
    rows = [clause for clause in others if clause.row in ANSWERED_BY]
    lacking = [clause.number for clause in rows if clause.finding is Holds.NOT_MET]
    beyond = [clause.number for clause in rows if clause.finding is Holds.OUTSIDE]
    if lacking:
        finding, why = Holds.NOT_MET, f"Not met are rows {', '.join(lacking)}, which stand for it."
    else:
        finding, why = Holds.MET, "No part of rows 4, 9 and 12, which stand for it, is not met."
    demand = "The controls that WebTrust has too, as far as a log can show them"
    rest = f"Outside are rows {', '.join(beyond)}, and whatever of it those rows do not hold."
    return (
        Clause("15a", _SOURCE, demand, finding, why, checked=False),
        Clause("15b", _SOURCE, "The rest of these controls", Holds.OUTSIDE, rest, checked=False),
    )
