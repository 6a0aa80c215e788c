# SPDX-License-Identifier: Apache-2.0
"""The report in a real browser without a network: its own policy lets its style in, and it prints."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ceremony.report.page import page
from tests.fakes.folder import FakeFolder
from tests.report.folders import held

BROWSER = (
    *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--no-pdf-header-footer"),
)


def printed(html: bytes, folder: Path) -> tuple[bytes, str]:
    """Return the page as PDF, and what the browser said of it."""
    (folder / "report.html").write_bytes(html)
    options = [f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={folder / 'report.pdf'}"]
    done = subprocess.run(
        [*BROWSER, *options, (folder / "report.html").as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    return (folder / "report.pdf").read_bytes(), "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("kind", ["genesis", "production"])
def test_the_page_prints_and_breaks_no_rule_of_its_own_policy(kind, tmp_path):
    pdf, said = printed(page(FakeFolder(files=held(kind))), tmp_path)
    assert said == ""
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5


def test_another_style_is_not_let_in(tmp_path):
    _, said = printed(page(FakeFolder(files=held("genesis"))).replace(b"body{margin:0}", b"body{margin:1px}"), tmp_path)
    assert "violates the following Content Security Policy directive" in said
