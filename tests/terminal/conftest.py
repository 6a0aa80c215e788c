# SPDX-License-Identifier: Apache-2.0
"""What the tests in a terminal share: a rehearsal that is begun, and what it left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ceremony.cli.plan_files import EXAMPLE
from tests.peers.program import program
from tests.peers.terminal import Terminal
from tests.terminal.person import Person

Begin = Callable[..., AbstractContextManager[Person]]
ChangedPlan = Callable[[str, str], Path]
Records = Callable[[str], list[dict[str, Any]]]
Audit = Callable[[], int]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return where the rehearsal's folder will be."""
    return tmp_path / "r"


@pytest.fixture
def begin(root: Path) -> Begin:
    """Return a function that begins the rehearsal in a terminal of some kind, up to the first screen."""

    @contextmanager
    def begin(*arguments: object, first: str = "PRACTICE", **kind: Any) -> Iterator[Person]:
        with Terminal("rehearse", *arguments, "--out", root, **kind) as terminal:
            terminal.until(first)
            yield Person(terminal, root)

    return begin


@pytest.fixture
def resume(root: Path) -> Begin:
    """Return a function that resumes the rehearsal in a terminal, up to the first screen."""

    @contextmanager
    def resume(**kind: Any) -> Iterator[Person]:
        with Terminal("resume", root, **kind) as terminal:
            terminal.until("PRACTICE")
            yield Person(terminal, root)

    return resume


@pytest.fixture
def plan(tmp_path: Path) -> ChangedPlan:
    """Return a function that copies the example plan with one text in another's place."""

    def plan(old: str, new: str) -> Path:
        copy = tmp_path / "plan"
        shutil.copytree(EXAMPLE.parent, copy)
        path = copy / EXAMPLE.name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return path

    return plan


@pytest.fixture
def records(root: Path) -> Records:
    """Return a function that reads the records of one kind from the log."""

    def records(kind: str) -> list[dict[str, Any]]:
        lines = (root / "ceremony" / "ceremony.jsonl").read_bytes().splitlines()
        return [record for record in map(json.loads, lines) if record["kind"] == kind]

    return records


@pytest.fixture
def audit(root: Path) -> Audit:
    """Return a function that audits the ceremony folder."""

    def audit() -> int:
        done = program("audit", root / "ceremony")
        assert done.stderr == ""
        return done.returncode

    return audit
