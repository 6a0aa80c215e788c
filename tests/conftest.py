# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: property tests are judged by their answers, and no YubiKey is touched that nobody named."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
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
    for item in items:
        if not _covers(item) or HUNDREDFOLD.search(item.name):
            item.add_marker("no_cover")


def _covers(item: pytest.Item) -> bool:
    return item.path.relative_to(Path(__file__).parent).parts[0] in COVERING


_remembered: list[str] = []
"""The tests that ran untraced since what functions remember was forgotten."""


def _forget() -> None:
    """Let functions that remember their answers find them again, traced: which test comes first is chance."""
    for name, module in list(sys.modules.items()):
        if name.startswith(tuple(f"ceremony.{covered}." for covered in COVERING)):
            for value in vars(module).values():
                getattr(value, "cache_clear", int)()
    _remembered.clear()


@contextmanager
def _untraced(*, wanted: bool) -> Iterator[None]:
    """Trace nothing. pytest-cov alone does not see to it: in a worker, the tracer of its own start goes on under the one that it stops."""
    main, threads = sys.gettrace(), threading.gettrace()
    if wanted:
        sys.settrace(None)
        threading.settrace(None)
    try:
        yield
    finally:
        if wanted:
            sys.settrace(main)
            threading.settrace(threads)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Set up untraced what covers nothing; what hundredfold tests share with others is counted."""
    with _untraced(wanted=not _covers(item)):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Run untraced what counts no coverage; inside of pytest-cov's own hook."""
    uncounted = item.get_closest_marker("no_cover") is not None
    if uncounted:
        _remembered.append(item.nodeid)
    elif _remembered:
        _forget()
    with _untraced(wanted=uncounted):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Take down untraced what was set up so."""
    with _untraced(wanted=not _covers(item)):
        return (yield)


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
