# SPDX-License-Identifier: Apache-2.0
"""A few frozen screens, at both sizes: drawn again and compared byte for byte.

They hold for one version of textual (see `conftest`). After a wanted change:
`pytest tests/tui/test_snapshots.py --snapshot-update`, and look at each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from ceremony.core.plan import Mode
from ceremony.core.ports import Operator, Option, Prompt, Watcher
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode, StorageError
from ceremony.tui.messages import Await
from ceremony.tui.modals import _MODALS
from ceremony.tui.modals.wait import AwaitModal
from tests.fakes.differences import GivenDifferences
from tests.tui.conftest import SNAPSHOTS_OF, check_snapshot_update
from tests.tui.demo import CHANGES, DIGEST, IMPACT, PEOPLE, STEPS, SUMMARY, WORDS, Room, impact, record
from tests.tui.hands import Hands
from tests.tui.stage import PATIENCE, make_app, screen_text

Compare = Callable[..., bool]


def sign(operator: Operator) -> object:
    return operator.confirm(Prompt("sign", "Sign the metadata?", "12 repositories, each root signed by root-a.", "everybody"))


def fail(_operator: Operator) -> object:
    raise StorageError("volume a", "took 512 of 1,024 bytes", hint="put in another stick and resume")


STICKS = [
    Option("1", "Kingston DataTraveler 4C530001", "32 GB, empty"),
    Option("2", "Kingston DataTraveler 4C530002", "32 GB, empty"),
]
PLUGGED = [
    Option("1", "Kingston DataTraveler, serial 4C530001", "31.0 GB, ext4, label 'BACKUP A', /dev/sdb1"),
    Option("2", "SanDisk Ultra, serial 4C530002", "31.9 GB, vfat, label 'BACKUP B', /dev/sdc1"),
    Option(
        "9",
        "Generic Flash Disk, serial 9",
        "8.0 GB, ntfs, label 'HOLIDAY', /dev/sdd1",
        "its file system is ntfs; use one of ext4, vfat",
    ),
]
BACK = Prompt("put-back:a", "Put volume a back in", "The very same one: Kingston DataTraveler 4C530001.")
STRANGERS = [
    Option(
        "2",
        "SanDisk Ultra, serial 4C530002",
        "31.9 GB, vfat, label 'BACKUP B', /dev/sdc1",
        "it is on the same device as volume b (/dev/sdc, serial 4C530002)",
    ),
    Option("9", "Generic Flash Disk, serial 9", "8.0 GB, vfat, /dev/sdd1", "it is not volume a, which has serial 4C530001"),
]
RETRY = [
    Option("retry", "Try again", "the step begins once more"),
    Option("stop", "Stop here", "the ceremony can be resumed later"),
]
ALARM = Prompt("error", "token 5f3c21: stopped answering", "put it back, then try again", alarm=True)
PIN = Prompt("pin", "PIN of root-a", "Token root-a, serial 5f3c21", "Ada Example")
REVIEW = Prompt("review", "All that is about to be signed", "New repositories: 12.", "everybody")


SCREENS = [
    pytest.param(sign, (), id="confirm"),
    pytest.param(lambda o: o.confirm(Prompt("make", "Make the root key", "It cannot be undone."), "GENERATE"), ("G",), id="word"),
    pytest.param(
        lambda o: o.ask(Prompt("name", "Who is at the keyboard?", "The name, as the plan has it."), "Ada"), (), id="text"
    ),
    pytest.param(lambda o: o.choose(Prompt("medium", "Which medium is volume a?"), STICKS), ("down",), id="choose"),
    pytest.param(
        lambda o: o.choose(Prompt("medium", "Which medium is volume a?"), PLUGGED, lambda: PLUGGED), ("down",), id="choose-media"
    ),
    pytest.param(lambda o: o.choose(ALARM, RETRY), (), id="alarm"),
    pytest.param(
        lambda o: o.compare(Prompt("head", "The head of the log", "Everybody reads along."), DIGEST, PEOPLE),
        ("1", "2", "1", "2", "1"),
        id="compare",
    ),
    pytest.param(lambda o: o.review(REVIEW, GivenDifferences(CHANGES)), ("down",), id="review"),
    pytest.param(lambda o: o.review(REVIEW, GivenDifferences(CHANGES)), ("tab", "down"), id="review-repositories"),
    pytest.param(lambda o: o.review(REVIEW, GivenDifferences(CHANGES)), ("j",), id="review-json"),
    pytest.param(lambda o: o.study(IMPACT, impact(2_000)), ("down",) * 2, id="study"),
    pytest.param(lambda o: o.study(IMPACT, impact(2_000)), ("s",) * 3 + ("r",), id="study-sorted"),
    pytest.param(lambda o: o.study(IMPACT, impact(2_000)), ("/", *"alice"), id="study-filtered"),
    pytest.param(lambda o: o.ask_secret(PIN, 3), ("1",), id="secret"),
    pytest.param(lambda o: o.ask_secret(PIN, 1), (), id="secret-last-try"),
    pytest.param(lambda o: o.show_secret(Prompt("p", "The passphrase", who="Carol"), Secret(WORDS)), (), id="cover"),
    pytest.param(
        lambda o: o.show_secret(Prompt("p", "The passphrase", who="Carol"), Secret(WORDS)), ("enter",), id="show-secret"
    ),
    pytest.param(
        lambda o: o.show_secret(Prompt("p", "The passphrase", who="Carol"), Secret(WORDS)), ("enter", "enter"), id="wiped"
    ),
    pytest.param(lambda o: o.until(Prompt("insert", "Put in volume b", "Serial 4C530002."), lambda: None), (), id="await"),
    pytest.param(lambda o: o.until(BACK, lambda: None, lambda: STRANGERS), (), id="await-media"),
    pytest.param(lambda o: o.until(BACK, lambda: None, list), (), id="await-nothing"),
    pytest.param(sign, ("f1",), id="help"),
    pytest.param(sign, ("f8",), id="deviation"),
    pytest.param(sign, ("f9",), id="state"),
    pytest.param(sign, ("ctrl+q",), id="stop"),
    pytest.param(fail, (), id="error"),
    pytest.param(lambda o: None, (), id="end"),
    pytest.param(lambda o: None, ("tab",), id="end-head"),
    pytest.param(lambda o: None, ("tab", "tab"), id="end-next"),
]


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a wait show no seconds, however slow the machine is."""
    monkeypatch.setitem(_MODALS, Await, lambda question: AwaitModal(question, now=Hands()))


def half_way(question: Callable[[Operator], object]) -> Callable[[Operator, Watcher], ExitCode]:
    """Return work that stands in the middle of a ceremony, at `question`."""

    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        for seq, info in enumerate(STEPS[:13]):
            watcher.step(info.name, "skipped" if info.name == "load-request" else "done")
            watcher.recorded(record(seq, info.name))
        watcher.step(STEPS[13].name, "running")
        operator.tell("root-a is unlocked.")
        question(operator)
        watcher.closed(SUMMARY)
        return ExitCode.DONE

    return work


@pytest.mark.parametrize(("question", "keys"), SCREENS)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_screen_is_drawn_as_before(
    snap_compare: Compare, question: Callable[[Operator], object], keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    async def arrive(pilot: Pilot[Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(pilot.app.screen_stack) < 2 or "GONE" not in screen_text(pilot.app):
                await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(make_app(half_way(question), mode=Mode.PRODUCTION, monitor=Room()), terminal_size=size, run_before=arrive)


def test_a_practice_looks_different(snap_compare: Compare) -> None:
    async def arrive(pilot: Pilot[Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(pilot.app.screen_stack) < 2:
                await pilot.pause()

    assert snap_compare(make_app(half_way(sign)), terminal_size=(80, 24), run_before=arrive)


def test_snapshots_are_updated_only_with_the_version_that_draws_them() -> None:
    check_snapshot_update(updating=True, installed=SNAPSHOTS_OF)
    check_snapshot_update(updating=False, installed="1.0")
    with pytest.raises(pytest.UsageError, match=f"snapshots are drawn with textual {SNAPSHOTS_OF}, this is 1.0"):
        check_snapshot_update(updating=True, installed="1.0")
