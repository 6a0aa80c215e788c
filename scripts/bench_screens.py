# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of the screens: from a key pressed to the screen drawn, and from the start to the first screen.

    python scripts/bench_screens.py [REPOSITORIES]

Keys are pressed by Textual's Pilot; "drawn" is when the app hands a new picture to the
terminal's driver. The peer is Textual's own table with as many rows, on its own, in the
same run. The first screen is timed with the real program on a pseudo-terminal, beside an
empty Textual app.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, ClassVar

from ceremony.tui.app import CeremonyApp
from ceremony.tui.view.app import ViewApp

# isort: split
# The screens come first: they say, before textual is loaded, how many pictures a second it draws.
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from ceremony.core.bundle import LOG
from ceremony.core.log import Tail
from ceremony.core.plan import Mode
from ceremony.core.ports import Change, Document, Group, Listing, Operator, Prompt, Watcher
from ceremony.core.procedure import StepInfo
from ceremony.core.record import Outcome, Record
from ceremony.core.review import grouped
from ceremony.errors import ExitCode

PRESSES = 200
STEPS = (StepInfo("review", "Review", "everybody", "This is what we are about to sign.", "Read it.", "It is the plan.", 10),)
EMPTY = "from textual.app import App\nclass Empty(App):\n    def on_mount(self): self.sub_title = 'x'\nEmpty().run()\n"
STARTS = 5
QUIET = 0.1
"""Seconds without a picture after which a key has had its effect."""


class Many:
    """Differences of many repositories, three of which stand alone."""

    def __init__(self, count: int) -> None:
        self.names: Sequence[str] = tuple(f"docker.io/acme/app-{number:05}" for number in range(count))
        self.groups: Sequence[Group] = grouped(map(self.of, range(count)), count)

    def of(self, number: int) -> Sequence[Change]:
        name, odd = self.names[number], number % (len(self.names) // 3) == 1
        fields = {"version": "1", "expires": "2036-11-19T00:00:00Z", "targets key": "a key of its own, made here"}
        changes = [Change(name, "root", field, "", after) for field, after in fields.items()]
        return [*changes, Change(name, "targets", "signer", "", "alice")] if odd else changes

    def documents(self, number: int) -> Sequence[Document]:
        return (Document(f"bundle/tuf/{self.names[number]}/metadata/root.json", b"", b'{"version":1}' * 100),)


class Held:
    """A folder that holds a log, and nothing else."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._log = b"".join(lines)

    def names(self) -> Sequence[str]:
        return [LOG]

    def read(self, _path: str) -> bytes:
        return self._log


class Timed:
    """Mixed into an app: notes when it hands a picture to the driver."""

    drawn: ClassVar[list[float]] = []

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)  # type: ignore[misc]
        self.drawn.append(time.perf_counter())


class TimedCeremony(Timed, CeremonyApp):
    CSS_PATH = str(Path(sys.modules[CeremonyApp.__module__].__file__ or "").with_name(CeremonyApp.CSS_PATH))


class TimedView(Timed, ViewApp):
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        Path(sys.modules[ViewApp.__module__].__file__ or "").parent / path for path in ViewApp.CSS_PATH
    ]


class Peer(Timed, App[None]):
    """Textual's own table, alone."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("repository", "role", "field", "before", "after")
        table.add_rows((f"docker.io/acme/app-{n:05}", "root", "version", "-", "1") for n in range(self._count))


async def pressed(app: Any, pilot: Pilot[Any], keys: Sequence[str]) -> float:
    """Press the keys, one after the other; return the 95th percentile of the milliseconds until each was drawn."""
    took = []
    for number in range(PRESSES):
        app.drawn = []
        start = time.perf_counter()
        await pilot.press(keys[number % len(keys)])
        while not app.drawn:
            await asyncio.sleep(0.001)
        took.append((burst(app.drawn) - start) * 1000)
    return statistics.quantiles(took, n=20)[18]


def burst(drawn: Sequence[float]) -> float:
    """Return when the last picture of the first burst was drawn: later ones show the clock's next second, not the key."""
    last = drawn[0]
    for each in drawn[1:]:
        if each - last > QUIET:
            break
        last = each
    return last


def records(count: int) -> Sequence[bytes]:
    """Return a log of `count` records."""
    tail, made = Tail(), []
    for seq in range(count):
        body: dict[str, Any] = {"name": f"check {seq}", "saw": "a file was read back", "hint": ""}
        utc = datetime(2026, 11, 19, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        record = Record(
            ceremony="be" * 16, seq=seq, prev=tail.last, salt="00" * 16, utc=utc, mono_ns=seq, boot="b", kind="check",
            step="sign", actor="ceremony", recorded_by="Ada", outcome=Outcome.OK, body=body,
        )  # fmt: skip
        made.append(record.line())
        tail = tail.follow(record, made[-1])
    return made


@asynccontextmanager
async def stage(work: Callable[[Operator, Watcher], ExitCode]) -> AsyncIterator[tuple[Any, Pilot[Any]]]:
    app = TimedCeremony(title="bench", mode=Mode.PRACTICE, steps=STEPS, work=work, clock=lambda: datetime.now(UTC))
    async with app.run_test(size=(120, 40)) as pilot:
        for ticking in app.query("HeaderLine, StatusView"):
            for timer in tuple(ticking._timers):
                timer.stop()  # a second that passes draws a picture, too, which no key asked for
        yield app, pilot


async def review(count: int, keys: Sequence[str], before: Sequence[str] = ()) -> float:
    """Return how long keys take in the review of `count` repositories."""

    def work(operator: Operator, _watcher: Watcher) -> ExitCode:
        operator.review(Prompt("review", "All that is about to be signed"), Many(count))
        return ExitCode.DONE

    async with stage(work) as (app, pilot):
        while len(app.screen_stack) < 2:
            await pilot.pause()
        await pilot.press(*before)
        return await pressed(app, pilot, keys)


async def study(count: int, keys: Sequence[str], before: Sequence[str] = ()) -> float:
    """Return how long keys take in a table of `count` rows."""
    rows = [(f"docker.io/acme/app-{n:05}", "targets", f"{n % 40} signed, {n % 7} suspect", f"{n:016x}") for n in range(count)]

    def work(operator: Operator, _watcher: Watcher) -> ExitCode:
        operator.study(Prompt("impact", "What the stolen keys can sign"), Listing(("Repository", "Role", "Tags", "Key"), rows))
        return ExitCode.DONE

    async with stage(work) as (app, pilot):
        while len(app.screen_stack) < 2:
            await pilot.pause()
        await pilot.press(*before)
        return await pressed(app, pilot, keys)


async def log(count: int, keys: Sequence[str], before: Sequence[str] = ()) -> float:
    """Return how long keys take in a log of `count` records, while a step is in hand."""
    lines = records(count)

    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        watcher.step("review", "running")
        for line in lines:
            watcher.recorded(line)
        operator.tell("all shown")
        operator.confirm(Prompt("go", "Go on?"))
        while not app.operator.stopping:
            time.sleep(0.01)
        return ExitCode.DONE

    async with stage(work) as (app, pilot):
        while len(app.screen_stack) < 2:
            await pilot.pause(0.05)
        await pilot.press("enter")
        app.query_one("LogView").focus()
        await pilot.press(*before)
        took = await pressed(app, pilot, keys)
        app.operator.stop()
        return took


async def view(count: int, keys: Sequence[str], before: Sequence[str] = ()) -> float:
    """Return how long keys take in the view of a folder with `count` records, once it was judged."""
    lines = records(count)
    app = TimedView(Held(lines), {LOG: sum(map(len, lines))}, name="bench")
    async with app.run_test(size=(120, 40)) as pilot:
        while app.verdict is None:
            await pilot.pause(0.05)
        await pilot.press(*before)
        return await pressed(app, pilot, keys)


async def peer(count: int) -> float:
    """Return how long the peer takes."""
    app = Peer(count)
    async with app.run_test(size=(120, 40)) as pilot:
        return await pressed(app, pilot, ("down", "pagedown", "up", "ctrl+end", "ctrl+home"))


def first_paint(command: Sequence[str], until: bytes) -> float:
    """Return the seconds from the start of a program to `until` on its terminal."""
    start = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        os.execv(command[0], list(command))
    seen = b""
    while until not in seen and select.select([terminal], [], [], 20)[0]:
        seen += os.read(terminal, 1 << 16)
    took = time.perf_counter() - start
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(terminal)
    return took


def starts() -> None:
    """Print how long the first screen takes."""
    ours, empty = [], []
    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as folder:
        for number in range(STARTS):
            out = f"{folder}/{number}"
            ours.append(first_paint([sys.executable, "-m", "ceremony", "rehearse", "--out", out], b"Procedure"))
            empty.append(first_paint([sys.executable, "-c", EMPTY], b"\x1b[?25l"))
    mine, theirs = statistics.median(ours), statistics.median(empty)
    print(
        f"start   {mine:10.2f} s to the first screen   empty app {theirs:6.2f} s   ratio {mine / theirs:.2f}   (at most: 1.5 s)"
    )


def screens(count: int) -> None:
    """Print how long a key takes until it is drawn, at the 95th percentile."""
    moves = ("down", "right", "up", "end", "home")
    tabs = ("down", "pagedown", "up", "end", "home", "tab", "shift+tab")
    typed = ("r", "e", "a", "backspace", "backspace", "backspace")
    alone = asyncio.run(peer(count))
    for name, took in (
        ("review, differences", asyncio.run(review(count, moves))),
        ("review, repositories", asyncio.run(review(count, moves, ("tab",)))),
        ("review, filter", asyncio.run(review(count, ("a", "p", "p", "backspace", "backspace", "backspace"), ("tab", "/")))),
        ("table", asyncio.run(study(count, moves))),
        ("table, sorted", asyncio.run(study(count, moves, ("s", "s", "s", "r")))),
        ("table, filter", asyncio.run(study(count, ("a", "p", "p", "backspace", "backspace", "backspace"), ("/",)))),
        ("log", asyncio.run(log(count, moves))),
        ("log, filter", asyncio.run(log(count, typed, ("/",)))),
        ("view, timeline", asyncio.run(view(count, tabs, ("2",)))),
        ("view, filter", asyncio.run(view(count, typed, ("2", "/")))),
    ):
        print(f"key     {took:10.1f} ms p95, {name:22} table alone {alone:6.1f} ms   ratio {took / alone:.2f}   (at most: 50 ms)")
    starts()


if __name__ == "__main__":
    screens(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
