# SPDX-License-Identifier: Apache-2.0
"""What the tests of fetch and publish share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ceremony.online.address import server_at
from ceremony.online.session import Session
from tests.online.faults import QUICK, Answer, Asked, FaultServer, Store
from tests.peers.notary import NotaryServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NotaryServer]:
    with NotaryServer(tmp_path) as running:
        yield running


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def open_to() -> Iterator[Callable[..., Session]]:
    """Open sessions that do not really pause, and close them."""
    with ExitStack() as stack:

        def opened(url: str, **options) -> Session:
            options = {"patience": QUICK, "sleep": lambda _seconds: None} | options
            return stack.enter_context(Session(server_at(url), **options))

        yield opened


@pytest.fixture
def faulty() -> Iterator[Callable[..., FaultServer]]:
    """Start fault servers, and stop them."""
    with ExitStack() as stack:

        def started(answer: Callable[[Asked], Answer], **options) -> FaultServer:
            return stack.enter_context(FaultServer(answer, **options))

        yield started
