# SPDX-License-Identifier: Apache-2.0
"""Every vector says where it comes from, and is what its generator writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent.name for path in HERE.glob("*/generate.py"))


def test_no_folder_of_vectors_lacks_a_generator() -> None:
    assert sorted(path.name for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__") == FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_vectors_are_what_their_generator_writes(folder: str) -> None:
    done = subprocess.run([sys.executable, HERE / folder / "generate.py", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_vectors_say_where_they_come_from(folder: str) -> None:
    text = (HERE / folder / "README.md").read_text()
    assert "\nOrigin: " in text
    named = [path.name for path in (HERE / folder).iterdir() if path.suffix in {".json", ".pem"}]
    assert named
    assert all(name in text or "<algorithm>" in text for name in named)
