# SPDX-License-Identifier: Apache-2.0
"""The report under audit: it is there, as the close names it, and says what the folder says; gates were heard."""

from __future__ import annotations

import hashlib

import pytest

from ceremony.core.audit import audit
from ceremony.core.bundle import REPORT, manifest
from ceremony.errors import ExitCode
from tests.core.audit.test_signed_logs import failed, refiled
from tests.core.audit.test_tampering import fast_seal, whole
from tests.core.audit.test_verdict import Records, edit, of_kind, rechained, texts
from tests.fakes.folder import FakeFolder
from tests.fakes.reporter import FakeReporter

__all__ = ["fast_seal"]


def test_a_report_that_says_what_the_folder_says_is_told():
    assert f"OK {REPORT}: says what this folder says" in texts(audit(FakeFolder(files=whole()), reporter=FakeReporter()))
    assert REPORT not in texts(audit(FakeFolder(files=whole())))


def test_another_report_fails_even_where_the_close_names_it():
    other = b"<p>all is well</p>"

    def named(records: Records) -> None:
        of_kind(records, "close")["report"] = hashlib.sha256(other).hexdigest()

    failed(refiled({}, named), "report.html: is not the file that was recorded")
    files = {path: data for path, data in whole().items() if path != REPORT}
    result = audit(FakeFolder(files={**files, REPORT: other}), reporter=FakeReporter())
    failed(result, "report.html: is not what this folder says when the report is made again")


def test_a_report_that_is_gone_fails():
    files = {path: data for path, data in whole().items() if path != REPORT}
    result = audit(FakeFolder(files=files), reporter=FakeReporter())
    failed(result, "report.html: is recorded, and is not there")


def test_a_manifest_without_the_report_fails():
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in whole().items() if path != REPORT}
    assert manifest(digests)
    failed(
        rechained(lambda _: None, whole(), **{"MANIFEST.sha256": manifest(digests)}), "and the folder do not agree on report.html"
    )


@pytest.mark.parametrize("change", [edit("compared", same=False), edit("compared", digest="0" * 64)], ids=["differed", "no head"])
def test_a_gate_whose_head_nobody_heard_fails(change):
    def first(records: Records) -> None:
        gate = [r for r in records if r["kind"] == "compared" and r["step"] == "roll-call"]
        change(gate)

    result = rechained(first)
    failed(result, "step roll-call ended, and no head of the log was compared then")
    assert result.verdict is ExitCode.FAILED
