# SPDX-License-Identifier: Apache-2.0
"""Origin: plan, site and approvals are those that the first record binds, and whose word the folder rests on."""

from __future__ import annotations

import hashlib

from ceremony.core import bundle
from ceremony.core.audit.heads import plan
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Mode


def check_origin(a: Audited) -> None:
    """Check the inputs against the first record, and say what anchors the folder."""
    opened = a.past.opened
    _same(a, bundle.PLAN, plan(a).get("sha256"))
    _same(a, bundle.SITE, opened.get("site_sha256"))
    approvals = opened.get("approvals")
    for name, digest in approvals.items() if isinstance(approvals, dict) else ():
        _same(a, bundle.APPROVALS + name, digest)
    if a.mode == Mode.PRACTICE:
        a.ok("mode", "PRACTICE: judged by the practice people that its first record names")
    elif a.mode == Mode.PRODUCTION:
        a.incomplete("mode", "PRODUCTION: a folder cannot vouch for itself; its people's keys must come from outside it")


def _same(a: Audited, path: str, digest: object) -> None:
    data = a.read(path)  # says so when it is not there: all of it was written before the first record
    if data is not None and hashlib.sha256(data).hexdigest() != digest:
        a.failed(path, "is not the one that the first record binds")
