# SPDX-License-Identifier: Apache-2.0
"""The terminal is lent when nothing else is on the screen, or refused; on a real terminal: tests/terminal/test_lent.py."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event

import pytest

from ceremony.core.ports import Operator
from ceremony.errors import CeremonyError, Stopped
from ceremony.tui import terminal
from ceremony.tui.app import CeremonyApp
from ceremony.tui.messages import TerminalAsked
from ceremony.tui.modals.confirm import ConfirmModal
from ceremony.tui.modals.end import EndModal
from ceremony.tui.modals.panel import PanelModal
from ceremony.tui.operator import TuiOperator
from tests.fakes.operator import ScriptedOperator
from tests.tui.stage import PATIENCE, PROMPT, on_stage

KEYS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


@contextmanager
def suspended(_: CeremonyApp) -> Iterator[None]:
    """Do as the screen library does with a terminal, without one."""
    yield


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is written to the terminal, which every screen can lend now."""
    written: list[str] = []
    monkeypatch.setattr(CeremonyApp, "suspend", suspended)
    monkeypatch.setattr(terminal, "_write", written.append)
    return written


def borrow(operator: Operator) -> None:
    """Borrow the terminal."""
    with operator.lend("ssh-keygen asks"):
        pass


def test_the_script_lends_a_terminal() -> None:
    operator = ScriptedOperator()
    borrow(operator)
    assert operator.lent == ["ssh-keygen asks"]


@pytest.mark.anyio
async def test_a_screen_without_a_terminal_of_its_own_lends_none() -> None:
    def refused(operator: Operator) -> str:
        with pytest.raises(CeremonyError) as caught:
            borrow(operator)
        return caught.value.message

    async with on_stage(refused, lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["this screen has no terminal to lend", True]
        assert not show.app.lent


@pytest.mark.anyio
async def test_the_terminal_is_lent_once_people_closed_what_they_opened(written: list[str]) -> None:
    opened = Event()

    def wait(_: Operator) -> None:
        opened.wait(PATIENCE)

    def look(operator: Operator) -> list[bool]:
        with operator.lend("ssh-keygen asks"):
            return [show.app.lent]

    async with on_stage(wait, look) as show:
        await show.press("f1")
        await show.modal(PanelModal)
        opened.set()
        await show.until(lambda: len(show.app._waiting) == 1)
        assert written == []
        await show.press("escape")
        await show.modal(EndModal)
        assert show.answers == [None, [True]]
        assert not show.app.lent
        assert "ssh-keygen asks\n\n" in written[0]


@pytest.mark.anyio
async def test_people_who_stop_before_the_terminal_is_lent_keep_it(written: list[str]) -> None:
    opened = Event()

    def wait(_: Operator) -> None:
        opened.wait(PATIENCE)

    async with on_stage(wait, borrow) as show:
        await show.press("f1")
        await show.modal(PanelModal)
        opened.set()
        await show.until(lambda: len(show.app._waiting) == 1)
        show.app.operator.stop()
        outcome = await show.outcome()
        assert isinstance(outcome.error, Stopped)
        assert written == []


@pytest.mark.anyio
async def test_nobody_is_waited_for_who_stopped_at_the_last_moment(written: list[str]) -> None:
    stopped: Future[None] = Future()
    stopped.set_exception(Stopped("stopped", hint="resume"))
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        show.app._lend(TerminalAsked("ssh-keygen asks", stopped))
        assert len(written) == 2
        assert not show.app.lent


def test_a_loan_ends_with_the_screen() -> None:
    operator = TuiOperator(lambda _: False)
    with pytest.raises(Stopped):
        borrow(operator)


def test_a_loan_is_given_back_whatever_happens_meanwhile() -> None:
    asked: list[TerminalAsked] = []

    def grant(message: object) -> bool:
        assert isinstance(message, TerminalAsked)
        asked.append(message)
        operator.complete(message.answer, None)
        return True

    operator = TuiOperator(grant)
    with pytest.raises(KeyError), operator.lend("ssh-keygen asks"):
        assert not asked[0].back.is_set()
        raise KeyError
    assert asked[0].back.is_set()


@pytest.mark.parametrize(
    ("other", "ends"),
    [
        pytest.param(True, ("\x1b[?1049h\x1b[H\x1b[2J", "\x1b[2J\x1b[?1049l"), id="on another screen"),
        pytest.param(False, (terminal.CLEAR, terminal.CLEAR), id="on a screen that was cleared"),
    ],
)
def test_a_page_of_its_own_is_gone_afterwards(
    other: bool, ends: tuple[str, str], monkeypatch: pytest.MonkeyPatch, written: list[str]
) -> None:
    monkeypatch.setattr(terminal, "_has_other_screen", lambda: other)
    before = [signal.getsignal(number) for number in KEYS]
    with terminal.lent("Ada signs with /media/\x1b]0;x\x07.\nCtrl+C gives up."):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGQUIT)
        signal.raise_signal(signal.SIGTSTP)
    assert [signal.getsignal(number) for number in KEYS] == before
    assert written == [f"{ends[0]}Ada signs with /media/?]0;x?.\nCtrl+C gives up.\n\n", ends[1]]
