# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit --paper`: a new file, outside the folder that it is about, and nothing more is found by writing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceremony.cli.audit_paper import write_paper
from ceremony.cli.folder import open_folder
from ceremony.core import redacted
from ceremony.core.audit import audit
from ceremony.core.bundle import PLAN
from ceremony.errors import CeremonyError
from tests.core.clauses.folders import held
from tests.fakes.folder import FakeFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a finished practice on disk."""
    home = tmp_path / "ceremony"
    for path, data in held("practice").items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(data)
    return home


def test_writes_the_paper_of_a_folder(folder, tmp_path):
    with open_folder(folder) as reader:
        result = audit(reader)
        before = list(result.findings)
        write_paper(tmp_path / "paper.md", result, ["OK it verifies"], folder=folder)
    assert result.findings == before
    text = (tmp_path / "paper.md").read_text()
    assert text.startswith("# Working paper of the auditor\n\n**PRACTICE")
    assert "| 1 | OK it verifies |" in text
    assert "1 of 2 keys" not in text
    assert "One key of 2 is enough to sign a root" in text  # the plan was read


def test_a_folder_whose_plan_is_none_has_a_paper(folder, tmp_path):
    (folder / PLAN).write_text("no plan")
    with open_folder(folder) as reader:
        result = audit(reader)
        write_paper(tmp_path / "paper.md", result, [], folder=folder)
    assert "does not verify" in (tmp_path / "paper.md").read_text()


def test_refuses_to_overwrite_a_file(folder, tmp_path):
    (tmp_path / "paper.md").write_text("notes of an auditor")
    with open_folder(folder) as reader, pytest.raises(CeremonyError, match="exists already"):
        write_paper(tmp_path / "paper.md", audit(reader), [], folder=folder)
    assert (tmp_path / "paper.md").read_text() == "notes of an auditor"


def test_refuses_a_public_copy_whose_rows_nothing_would_answer(folder, tmp_path):
    with open_folder(folder) as reader:
        result = audit(reader)
        result.folder = FakeFolder(files={redacted.LOG: b""})
        with pytest.raises(CeremonyError, match="is a public copy, from which records are withheld"):
            write_paper(tmp_path / "paper.md", result, [], folder=folder)
    assert not (tmp_path / "paper.md").exists()


@pytest.mark.parametrize("name", ["paper.md", "evidence/paper.md", "../ceremony/paper.md"])
def test_refuses_a_file_in_the_folder_that_it_is_about(folder, name):
    with open_folder(folder) as reader, pytest.raises(CeremonyError, match="would lie in the folder that it is about"):
        write_paper(folder / name, audit(reader), [], folder=folder)
    assert not list(folder.rglob("paper.md"))
