# SPDX-License-Identifier: Apache-2.0
"""Claims: in production, a token whose root key is not attested is hardware by the word of two people, and of nobody else."""

from __future__ import annotations

from ceremony.core import claims
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Custody, Kind, Mode, Plan


def check_claimed(a: Audited, plan: Plan | None) -> None:
    """Say whose word it is that a token is hardware; adds a failure for one that nobody, or one person alone, claimed."""
    if a.mode != Mode.PRODUCTION or plan is None:
        return
    present = a.past.ended.get("roll-call", {}).get("present")
    recorded = a.past.ended.get("tokens", {}).get("tokens")
    for name, row in recorded.items() if isinstance(recorded, dict) else ():
        token = row if isinstance(row, dict) else {}
        # What is restored, or signs again, was made in another ceremony: this one attests it no more than what is imported.
        elsewhere = plan.kind is Kind.RECOVERY or name in plan.signing_tokens
        custody = Custody.IMPORTED if elsewhere else plan.root.custody
        serial = str(token.get("serial"))
        if claims.attests(str(token.get("kind")), custody):
            continue
        by = claims.claimants(a.past.results.get((claims.ACTION, serial), {}).get("by"))
        if by and isinstance(present, list) and set(by) <= set(map(str, present)):
            a.ok(f"token {serial}", f"is hardware as {' and '.join(by)} claim; nothing attests it")
        else:
            a.failed(f"token {serial}", "nothing attests that it is hardware, and no two people who were there claim it")
