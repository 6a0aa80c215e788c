# SPDX-License-Identifier: Apache-2.0
"""The verifiers of a release: their digests stand where an auditor finds them, for one that comes with the suspect proves nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ceremony.core.bundle import VERIFIER
from ceremony.report import Report
from ceremony.steps.readme_text import README_TEXT

ROOT = Path(__file__).parents[2]
VERIFIERS = [ROOT / "ceremony" / "report" / name for name in (VERIFIER, "verify.html")]


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda path: path.name)
def test_the_digest_of_a_verifier_stands_in_the_readme_and_in_the_release_notes(page, verifier):
    digest = hashlib.sha256(verifier.read_bytes()).hexdigest()
    assert f"{digest}  {verifier.name}" in (ROOT / page).read_text(), f"write into {page}: {digest}  {verifier.name}"


def test_the_shell_script_that_a_folder_gets_is_the_one_of_the_release():
    assert Report().verifier() == VERIFIERS[0].read_bytes()


def test_the_readme_of_a_folder_says_how_to_verify_it_in_five_commands_or_fewer():
    commands = [
        line
        for line in README_TEXT.splitlines()
        if line.startswith("  ") and line.split()[0] in ("apt-get", "sha256sum", "sh", "echo")
    ]
    assert 0 < len(commands) <= 5
    assert any(command.strip() == "sh verify.sh -s SIGNERS DIR" for command in commands)
    assert "by a verifier\nthat you did not get from this folder" in README_TEXT
