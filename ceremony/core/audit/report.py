# SPDX-License-Identifier: Apache-2.0
"""The report: made again from the folder, it is byte for byte the one that is there."""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited
from ceremony.core.ports import Reporter


def check_report(a: Audited, reporter: Reporter | None) -> None:
    """Check the report of a closed log, where there is somebody who can make it again."""
    if reporter is None or not a.past.closed or bundle.REPORT not in a.names:
        return
    if a.read(bundle.REPORT) != reporter.page(a.folder):
        a.failed(bundle.REPORT, "is not what this folder says when the report is made again")
    else:
        a.ok(bundle.REPORT, "says what this folder says: it was made again")
