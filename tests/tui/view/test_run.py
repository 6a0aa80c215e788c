# SPDX-License-Identifier: Apache-2.0
"""The way into the view: refused where there is no screen and where there is no ceremony."""

from __future__ import annotations

import asyncio
import signal

import pytest

from ceremony.core.audit import audit
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui.view import run
from ceremony.tui.view.app import LeaveAsked
from ceremony.tui.view.run import conclude, run_view
from tests.fakes.folder import FakeFolder
from tests.tui.view.stage import a_folder, make_view


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "on_terminal", lambda: True)
    monkeypatch.setenv("TERM", "linux")


def test_refuses_where_there_is_no_screen(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with pytest.raises(CeremonyError, match="there is no terminal"):
        run_view(a_folder(), {}, name="f", auditor=audit)


def test_refuses_a_folder_without_a_log(terminal):
    with pytest.raises(CeremonyError, match=r"^there is no ceremony\.jsonl in this folder$") as refused:
        run_view(FakeFolder("f", {"README.txt": b""}), {}, name="f", auditor=audit)
    assert "the tar that the courier carried" in refused.value.hint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_the_view_to_leave(terminal, monkeypatch, number):
    async def stand_in(app):
        asked: asyncio.Queue[object] = asyncio.Queue()
        app.post_message = asked.put_nowait
        signal.raise_signal(number)
        assert isinstance(await asked.get(), LeaveAsked)

    before = signal.getsignal(number)
    monkeypatch.setattr(run.ViewApp, "run_async", stand_in)
    assert run_view(a_folder(), {}, name="f", auditor=audit) is ExitCode.INCOMPLETE
    assert signal.getsignal(number) is before


def test_raises_what_ended_the_screen():
    app = make_view(a_folder())
    app._exception = RuntimeError("the screen failed")
    app._fatal_error()
    with pytest.raises(RuntimeError, match="the screen failed"):
        conclude(app)
