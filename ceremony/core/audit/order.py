# SPDX-License-Identifier: Apache-2.0
"""Order: every step of the procedure ended, one after the other, and every act was announced before it was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import get
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Custody, Kind, Plan
from ceremony.core.procedure import keeps_backups, procedure
from ceremony.core.record import Outcome, Record
from ceremony.errors import PlanRefused

ANNOUNCED = frozenset(
    [
        *("wipe-token", "set-tries", "set-pin", "set-puk", "set-management-key", "unblock-pin", "generate-key", "import-key"),
        *(
            "challenge",
            "certify-slot",
            "store-certificate",
            "restore-key",
            "lock-key",
            "wrap-key",
            "certify",
            "sign-root",
            "sign-head",
        ),
        "write-volumes",
    ]
)
"""Actions that change a device or a volume: an intent comes first."""


def check_order(a: Audited, plan: Plan | None, roots: Mapping[str, PublicKey]) -> None:
    """Check what came after what, and what was read back from the tokens; `roots` is serial → root key."""
    _check_announced(a)
    if plan is None or not a.past.closed:
        return
    _check_steps(a, plan)
    if plan.kind is Kind.RECOVERY:
        _check_restored(a, recovers=True)
        return
    if keeps_backups(plan):
        _check_restored(a)
    if plan.root.custody is Custody.IMPORTED:
        _check_backed_up(a)
    _check_tokens(a, plan, roots)


def _check_announced(a: Audited) -> None:
    begun: set[tuple[str, str]] = set()
    for record in a.found.records:
        act = (str(record.body.get("action")), str(record.body.get("key")))
        if record.kind == "intent":
            begun.add(act)
        elif record.kind == "result" and act[0] in ANNOUNCED:
            if act not in begun:
                a.failed(f"record {record.seq}", f"is the result of {act[0]} {act[1]}, which was not announced")
            begun.discard(act)


def _check_steps(a: Audited, plan: Plan) -> None:
    try:
        steps = procedure(plan, needs_certificate=get(plan.dialect).needs_certificate)
    except PlanRefused as error:
        a.failed(bundle.PLAN, error.message)
        return
    wanted = [step.name for step in steps if step.name != "close"]
    ended: list[str] = []
    for record in a.found.records:
        if record.kind == "end":
            ended.append(record.step)
        elif record.kind == "again":
            ended = [step for step in ended if step != record.body.get("step")]
    missing = [step for step in wanted if step not in ended]
    for step in missing:
        a.failed(bundle.LOG, f"is closed, and step {step} never ended")
    _check_gates(a, [step.name for step in steps if step.gate])
    if not missing and ended != wanted:
        a.failed(bundle.LOG, "its steps did not end in the order of the plan's procedure, once each")


def _check_gates(a: Audited, gates: Iterable[str]) -> None:
    """Check that after each of these steps a head of the log was heard, and was the same for everybody."""
    for step in gates:
        if step not in a.past.heard:
            a.failed(bundle.LOG, f"step {step} ended, and no head of the log was compared then")


def _check_restored(a: Audited, *, recovers: bool = False) -> None:
    restored: set[str] = set()
    for record in a.found.records:
        if record.kind == "end" and record.step == "back-up":
            restored.clear()  # what was restored before was another backup
        elif record.kind == "restored" and record.outcome is Outcome.OK:
            restored.add(str(record.body.get("volume")))
        elif record.kind == "medium":
            restored.discard(str(record.body.get("role")))  # it took the place of the one that was restored from
        elif _begins(record, "sign-root") or (recovers and _begins(record, "lock-key")):
            break
    what = "before the restored keys were kept" if recovers else "before the root signed"
    for role in sorted({"a", "b"} - restored):
        a.failed(bundle.LOG, f"volume {role} was not restored {what}")


def _check_backed_up(a: Audited) -> None:
    """Check that no key was put on a token before its backup was on both volumes."""
    written: set[str] = set()
    for record in a.found.records:
        done = record.kind == "result" and record.outcome is Outcome.OK and record.body.get("action") == "write-volumes"
        files = record.body.get("files") if done else None
        written |= files.keys() if isinstance(files, dict) else set()
        serial = str(record.body.get("key"))
        if _begins(record, "import-key") and bundle.root_backup(serial) not in written:
            a.failed(f"record {record.seq}", f"puts a key on token {serial} whose backup was not on both volumes")


def _begins(record: Record, action: str) -> bool:
    return record.kind == "intent" and record.body.get("action") == action


def _check_tokens(a: Audited, plan: Plan, roots: Mapping[str, PublicKey]) -> None:
    rows = a.past.ended.get("root-keys", {}).get("keys")
    named = [row.get("token") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if named != list(plan.key_tokens) or len(roots) != len(named):
        a.failed(bundle.LOG, "its root keys are not on the tokens of the plan, one each")
    made = "import-key" if plan.root.custody is Custody.IMPORTED else "generate-key"
    for serial, public in roots.items():
        if public.algorithm is not plan.root.algorithm:
            a.failed(f"token {serial}", f"its root key is {public.algorithm}; the plan asks for {plan.root.algorithm}")
        if a.past.results.get((made, serial), {}).get("public_sha256") != public.sha256:
            a.failed(f"token {serial}", f"its root key is not the one that was {'put' if made == 'import-key' else 'made'} on it")
        locked = a.past.results.get(("lock-key", serial))
        if plan.root.custody is Custody.TOKEN_WRAPPED and (locked is None or not reads_locked(locked)):
            a.failed(f"token {serial}", "its root key was not locked, or did not read so afterwards")


def reads_locked(result: JsonObject) -> bool:
    """Return whether a key read back as locked."""
    attributes: Json = result.get("attributes")
    return isinstance(attributes, dict) and attributes.get("extractable") is False
