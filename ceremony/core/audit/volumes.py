# SPDX-License-Identifier: Apache-2.0
"""Volumes: nothing was begun while one was out, and what left the room was restored from, each one."""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited

_BACKUPS = ("a", "b")


def check_volumes(a: Audited) -> None:
    """Check what the log tells of media that failed, and of those that took their place."""
    out: dict[str, int] = {}
    for record in a.found.records:
        role = str(record.body.get("role"))
        if record.kind == "volume-out":
            out[role] = record.seq
        elif record.kind == "volume-whole":
            out.pop(role, None)
        elif record.kind in ("intent", "close") and out:
            act = "closes the log" if record.kind == "close" else f"begins {record.body.get('action')}"
            named = ", ".join(f"{name} (record {seq})" for name, seq in sorted(out.items()))
            a.failed(f"record {record.seq}", f"{act} while a medium was out: {named}")
    if not a.past.closed or not a.past.written:
        return
    for role in _BACKUPS:
        medium = a.past.media.get(role, {}).get("serial")
        if medium is None or a.past.restored.get(role) != medium:
            a.failed(bundle.LOG, f"the backups were not restored from the medium that is volume {role} in the end")
