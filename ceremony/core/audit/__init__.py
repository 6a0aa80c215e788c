# SPDX-License-Identifier: Apache-2.0
"""The verdict over a whole ceremony folder, from its bytes alone.

Every check adds findings; none stops the others. What was recorded and is not so
any more is FAILED; what an unfinished ceremony has not written yet is INCOMPLETE;
FAILED wins. A folder cannot vouch for itself: a production folder is never better
than INCOMPLETE without signers, the keys of its people from outside it. A practice
folder is judged by the practice people that its first record names.

- `verdict`   what was read, and the findings
- `records`   form and chain of the log, files, manifest
- `heads`     head statements, and the root's signatures over them
- `signed`    people's signatures over them, the quorum, and whose word the folder rests on
- `origin`    that the inputs are those that the first record binds, and say what it says
- `made`      plan, certificates and keys, read again
- `published` which repositories are signed for, worked out again from plan and request, and what the log tells of them
- `agenda`    what should have been signed for them, and what was left out
- `metadata`  the bundle: made again from those, and its signatures
- `attested`  that root keys on YubiKeys were made there, in this ceremony
- `claimed`   whose word it is that a token is hardware, in production
- `consents`  that what needs two people was agreed to by both, with their own keys
- `roll_call` that those who answered the roll call with a key did, each to a challenge of this ceremony
- `yubikeys`  what the log tells of YubiKeys: firmware, factory values
- `recovered` that restored keys are those of an earlier ceremony's backup, proven and published
- `machine`   that in production no machine was used that failed a check, but for what the plan waives
- `self_tested` that in production the program had tested itself
- `order`     that what had to happen happened, one after the other
- `volumes`   that nothing was begun while a volume was out, and that what took its place was restored from
- `handed_out` that everything was taken by somebody who was present
- `closing`   what the close record says
- `report`    that the report says what the folder says

The checks stand in one list, the cheap ones first. `audit` makes all of them; `judge`
stops at the first that fails, for who asks nothing but whether to trust a folder.

Beside it, what is published of a folder, and judged without it: `redacting` makes a public
copy, `redacted` verifies one; `proofs` does both for single records; `brought` judges the
signatures over either.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ceremony.core.agenda.roots import Held
from ceremony.core.audit.attested import check_attested
from ceremony.core.audit.claimed import check_claimed
from ceremony.core.audit.closing import check_close
from ceremony.core.audit.consents import check_consents
from ceremony.core.audit.handed_out import check_custody
from ceremony.core.audit.heads import check_heads, held, root_keys
from ceremony.core.audit.machine import check_machine
from ceremony.core.audit.made import read_made_plan
from ceremony.core.audit.metadata import check_metadata
from ceremony.core.audit.order import check_order
from ceremony.core.audit.origin import check_origin
from ceremony.core.audit.records import check_files, check_log, check_manifest
from ceremony.core.audit.recovered import check_recovered
from ceremony.core.audit.report import check_report
from ceremony.core.audit.roll_call import check_roll_call
from ceremony.core.audit.self_tested import check_self_test
from ceremony.core.audit.signed import check_signed
from ceremony.core.audit.verdict import Audited, begin
from ceremony.core.audit.volumes import check_volumes
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Plan
from ceremony.core.ports import Readable, Reporter
from ceremony.core.signers import Signers
from ceremony.errors import ExitCode


class _Looked:
    """A folder that is looked at, what the caller brought, and what several checks need: read when it is first asked for."""

    def __init__(self, audited: Audited, signers: Signers | None, reporter: Reporter | None) -> None:
        self.audited = audited
        self.signers = signers
        self.reporter = reporter

    @cached_property
    def plan(self) -> Plan | None:
        """The plan that the folder holds; None when it is none."""
        return read_made_plan(self.audited)

    @cached_property
    def roots(self) -> dict[str, PublicKey]:
        """Serial → root key that was made, or restored."""
        return root_keys(self.audited)

    @cached_property
    def held(self) -> tuple[Held, ...]:
        """All root keys that were in the room."""
        return held(self.audited, self.roots)


_CHECKS: tuple[Callable[[_Looked], None], ...] = (
    lambda it: check_log(it.audited),
    lambda it: check_files(it.audited),
    lambda it: check_manifest(it.audited),
    lambda it: check_close(it.audited),
    lambda it: check_custody(it.audited),
    lambda it: check_volumes(it.audited),
    lambda it: check_heads(it.audited, {root.serial: root.public for root in it.held}),
    lambda it: check_signed(it.audited, it.signers),
    lambda it: check_roll_call(it.audited),
    lambda it: check_consents(it.audited),
    lambda it: check_origin(it.audited, it.plan),
    lambda it: check_machine(it.audited, it.plan),
    lambda it: check_self_test(it.audited),
    lambda it: check_order(it.audited, it.plan, it.roots),
    lambda it: check_attested(it.audited, it.plan, it.roots),
    lambda it: check_claimed(it.audited, it.plan),
    lambda it: check_recovered(it.audited, it.plan, it.roots),
    lambda it: check_report(it.audited, it.reporter),
    lambda it: check_metadata(it.audited, it.plan, it.held),
)
"""Every check of an audit, those that cost little first; each adds its findings, and none rests on another."""


def audit(folder: Readable, signers: Signers | None = None, *, reporter: Reporter | None = None) -> Audited:
    """Return everything that was found.

    `signers` are people's keys from outside the folder; `reporter` makes the report again, which is compared.

    Raises CeremonyError when the folder holds no log at all.
    """
    it = _Looked(begin(folder), signers, reporter)
    for check in _CHECKS:
        check(it)
    return it.audited


def judge(folder: Readable, signers: Signers | None = None, *, reporter: Reporter | None = None) -> ExitCode:
    """Return the verdict of `audit` and nothing else, as soon as it is known: nothing is worse than what failed.

    Raises CeremonyError when the folder holds no log at all.
    """
    it = _Looked(begin(folder), signers, reporter)
    for check in _CHECKS:
        if it.audited.verdict is ExitCode.FAILED:
            break
        check(it)
    return it.audited.verdict
