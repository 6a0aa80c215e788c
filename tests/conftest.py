# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: property tests are judged by their answers, and no YubiKey is touched that nobody named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ceremony", deadline=None)
settings.load_profile("ceremony")

COVERING = {"core", "steps"}
"""The folders whose tests are to reach every branch of what they are named after, with no help from others."""
HUNDREDFOLD = re.compile(r"at_any_(act|record|byte)|wherever_it_was_killed|again_and_again|no_flipped_bit|every_byte")
"""In the names of tests that go through the same hundreds of times, and would take twice as long with each line counted."""

ROOTS = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "yubico"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a physical YubiKey be named; its tests are there only then."""
    parser.addoption("--yubikey", type=int, metavar="SERIAL", help="a factory-fresh YubiKey to test with; it is wiped afterwards")
    parser.addoption("--yubikey-roots", type=Path, default=ROOTS, metavar="PATH", help="the authorities' certificates, PEM")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests of a physical YubiKey out unless one was named."""
    return True if collection_path.name == "test_physical_yubikey.py" and config.getoption("--yubikey") is None else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count coverage where it is held to something, and once."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] not in COVERING or HUNDREDFOLD.search(item.name):
            item.add_marker("no_cover")


@pytest.fixture
def yubikey(pytestconfig: pytest.Config) -> int:
    """Return the serial of the YubiKey that was named."""
    serial = pytestconfig.getoption("--yubikey")
    if serial is None:
        pytest.fail("name a factory-fresh YubiKey with --yubikey SERIAL; it is wiped afterwards")
    return int(serial)


@pytest.fixture
def yubikey_roots(pytestconfig: pytest.Config) -> Path:
    """Return where the authorities' certificates are."""
    path = pytestconfig.getoption("--yubikey-roots")
    assert isinstance(path, Path)
    return path
