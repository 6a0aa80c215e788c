# SPDX-License-Identifier: Apache-2.0
"""USB sticks for the tests that want them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.usb import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("only root makes loop devices; CI is root, and never skips this")
    with Hub(tmp_path) as hub:
        yield hub
