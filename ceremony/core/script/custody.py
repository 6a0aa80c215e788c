# SPDX-License-Identifier: Apache-2.0
"""The custody sheet: a row for each thing that there is to keep, with its seals, and who holds it from here on.

Tokens and media are in the log as well (`core.custody_list`), as people say it at the end; papers
are not, and what was sealed before the day is on this sheet alone.

It follows the plan: a token has its envelopes, a backup its paper or its shares, a
recovery the old volumes. The plan does not say which tokens are YubiKeys; where one
may be, there is a row for each of its three secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ceremony.core.plan import Custody, Kind, Plan
from ceremony.core.procedure import keeps_backups
from ceremony.core.script.document import Field, Form, Items, Section, Space, Table

OLD_PAPERS, SPARE = 3, 3
"""Rows for papers that open an old backup, whose number no plan tells; and for what no plan knows of."""

_HEADER = ("What", "Serial, or number", "Bag, seal before", "Bag, seal after", "Held by", "Initials")
_WIDTHS = (22, 17, 17, 17, 17, 10)
_REST = ("this script, filled in", "head sheet", "film of the room")


def sheet(plan: Plan) -> Section:
    """Return the custody sheet of a plan."""
    groups = [
        ("Tokens", [(f"token {name}", "") for name in tokens(plan)]),
        ("Media", [(name, "") for name in ("volume A", "volume B", "courier")]),
        ("Envelopes of tokens", [(secret, "") for secret in _secrets(plan)]),
        ("Papers that open the backups", list(_papers(plan))),
        ("Of the earlier ceremony", [(name, "") for name in _old(plan)]),
    ]
    checked = Form(fields=(Field("Time (UTC)"), Field("Checked, initials", Space.INITIALS), Field("and", Space.INITIALS)))
    below = [Section(title, (_table(rows),)) for title, rows in groups if rows]
    rest = Section("What else there is to keep", (_table((name, "") for name in (*_REST, *[""] * SPARE)), checked))
    return Section("Custody sheet", (Items(tuple(_rules(plan))),), (*below, rest), page=True)


def tokens(plan: Plan) -> tuple[str, ...]:
    """Return the names of all tokens that are needed: those that sign, then those that root keys come to."""
    return tuple(dict.fromkeys((*plan.signing_tokens, *plan.key_tokens)))


def bags(plan: Plan) -> int:
    """Return how many bags are needed: one for each token and each medium."""
    return len(tokens(plan)) + 3 + (plan.kind is Kind.RECOVERY)


def envelopes(plan: Plan) -> int:
    """Return how many envelopes are needed: one for each secret on paper."""
    return sum(1 for _ in (*_secrets(plan), *_papers(plan)))


def _table(rows: Iterable[tuple[str, str]]) -> Table:
    return Table(_HEADER, tuple((what, "", "", "", holder, "") for what, holder in rows), _WIDTHS)


def _secrets(plan: Plan) -> Iterator[str]:
    for name in tokens(plan):
        yield f"PIN of {name}"
        if _may_be_yubikey(plan, name):
            yield from (f"PUK of {name}", f"management key of {name}")


def _may_be_yubikey(plan: Plan, name: str) -> bool:
    """Tell whether a token may be a YubiKey: none can wrap the key that is made on it."""
    wrapped = plan.root.threshold > 0 and plan.root.custody is Custody.TOKEN_WRAPPED
    return not (wrapped and name in plan.key_tokens)


def _papers(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each paper that opens the new backups, and who keeps it."""
    if not keeps_backups(plan):
        return
    keepers = [person.name for person in plan.keepers()]
    if plan.backup.protect != "shares":
        yield "passphrase", keepers[0] if keepers else ""
        return
    for number in range(1, plan.backup.total + 1):
        yield f"share {number} of {plan.backup.total}", keepers[number - 1] if number <= len(keepers) else ""


def _old(plan: Plan) -> Iterator[str]:
    if plan.kind is Kind.RECOVERY:
        yield from ("old volume that was opened", "other old volume")
        yield from ["old passphrase, or share no."] * OLD_PAPERS


def _rules(plan: Plan) -> Iterator[str]:
    yield "Write a seal's number down before it is broken, and the new one before the bag is closed."
    yield "Who takes a token or a medium, and its seal, is recorded on the screen too, in the last step: the same names and numbers."
    if any(_may_be_yubikey(plan, name) for name in tokens(plan)):
        yield "A YubiKey has three envelopes: PIN, PUK, management key. Of any other token strike out the last two."
    yield "No envelope lies where its token lies, and nobody keeps all the envelopes of one token."
    yield "The two volumes go to two different places."
    if keeps_backups(plan):
        yield "A paper that opens the backups lies apart from both volumes, and from every other such paper."
    if plan.kind is Kind.RECOVERY or (plan.root.threshold and plan.root.custody is not Custody.TOKEN_ONLY):
        yield "No volume is kept where a token is: it gives the root key, as the token does."
    if plan.kind is Kind.RECOVERY:
        yield "What is left of the earlier ceremony is kept as safe as before, or destroyed: it holds the same keys."
