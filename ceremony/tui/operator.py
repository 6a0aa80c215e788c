# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the bridge: the ports `Operator` and `Watcher`, over messages and futures.

The worker thread calls; each question posts an `Asked` message and blocks on its
future; the app, on its own thread, completes the future with what a modal
returned. `stop` ends that: every open and every later question raises Stopped,
so the worker always comes to its end.

Where people stop outside of a question, the next `progress` raises Stopped, once:
long work reports progress where it can be left and resumed. `tell`, `waiting` and
the watcher's methods never raise, so that a stop can still be recorded and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any, TypeVar

from textual.message import Message

from ceremony.core.ports import Deviation, Differences, Found, Listing, Option, Prompt, Summary
from ceremony.core.secret import Secret
from ceremony.core.words import words
from ceremony.errors import CeremonyError, Stopped
from ceremony.tui.messages import (
    Asked,
    AskSecret,
    AskText,
    Await,
    Choose,
    Closed,
    Compare,
    Confirm,
    Noticed,
    Progressed,
    Question,
    Recorded,
    Review,
    ShowSecret,
    Sighted,
    StepChanged,
    Study,
    TerminalAsked,
    Told,
    WaitingEnded,
    WaitingStarted,
)

LOOK_EVERY = 0.5
"""Seconds between two looks at what people put in or take out."""

Answer = TypeVar("Answer")


class TuiOperator:
    """Asks people through `post`, which queues a message for the app and says whether the app still takes any."""

    def __init__(self, post: Callable[[Message], bool]) -> None:
        self._post = post
        self._lock = Lock()
        self._open: set[Future[Any]] = set()
        self._stopping = False
        self._told_to_stop = False
        self._deviations: list[Deviation] = []
        self._going = Event()
        self._going.set()

    # --- for the app's thread ---

    @property
    def stopping(self) -> bool:
        """Whether people decided to stop."""
        return self._stopping

    def stop(self) -> None:
        """Make every open and every later question raise Stopped; what is paused goes on, to its stop."""
        self._going.set()
        with self._lock:
            self._stopping = True
            still_open = tuple(self._open)
        for future in still_open:
            self.complete(future, _stopped())

    @property
    def paused(self) -> bool:
        """Whether long work is held at its next report of progress."""
        return not self._going.is_set()

    def pause(self, *, paused: bool) -> None:
        """Hold long work at its next report of progress, or let it go on; never once people stopped."""
        if paused and not self._stopping:
            self._going.clear()
        else:
            self._going.set()

    def complete(self, future: Future[Any], answer: object) -> None:
        """Give the worker its answer, or the error to raise; the first one counts."""
        with self._lock:
            if future not in self._open:
                return
            self._open.remove(future)
        if isinstance(answer, CeremonyError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def note(self, deviation: Deviation) -> None:
        """Keep a deviation for the worker's next call to `deviations`."""
        with self._lock:
            self._deviations.append(deviation)

    # --- Operator, for the worker's thread ---

    def tell(self, text: str) -> None:
        """Say something that needs no answer."""
        self._post(Told(text))

    def ask(self, prompt: Prompt, default: str = "") -> str:
        """Return a line of text."""
        return self._put(AskText(prompt, default))

    def ask_secret(self, prompt: Prompt, retries_left: int | None = None) -> Secret:
        """Return what was typed without echo."""
        return self._put(AskSecret(prompt, retries_left))

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:
        """Show a secret once, to `prompt.who` alone."""
        self._put(ShowSecret(prompt, secret))

    def choose(self, prompt: Prompt, options: Sequence[Option], now: Callable[[], Sequence[Option]] | None = None) -> str:
        """Return the key of the option that was chosen; `now` is asked twice a second what can be chosen meanwhile."""
        future = self._ask(Choose(prompt, tuple(options)))
        if now is None:
            return self._answer(future)
        try:
            while not wait([future], timeout=LOOK_EVERY).done:
                self._post(Sighted(future, tuple(now())))
            return self._answer(future)
        finally:
            self.complete(future, None)
            self._post(Noticed(future))

    def confirm(self, prompt: Prompt, word: str = "") -> bool:
        """Return whether people agreed."""
        return self._put(Confirm(prompt, word))

    def compare(self, prompt: Prompt, digest: str, people: tuple[str, str]) -> bool:
        """Return whether these two heard the same digest."""
        return self._put(Compare(prompt, digest, tuple(words(digest)), people))

    def review(self, prompt: Prompt, differences: Differences) -> bool:
        """Return whether people agreed to sign exactly this."""
        return self._put(Review(prompt, differences))

    def study(self, prompt: Prompt, listing: Listing) -> bool:
        """Return whether people read a table, and it is what they expected."""
        return self._put(Study(prompt, listing))

    def until(
        self, prompt: Prompt, look: Callable[[], Found | None], now: Callable[[], Sequence[Option]] | None = None
    ) -> Found | None:
        """Return what `look` sees, asked about twice a second while the question is open; None when people give up."""
        future = self._ask(Await(prompt, tuple(now()) if now else None))
        try:
            while (found := look()) is None:
                if now is not None:
                    self._post(Sighted(future, tuple(now())))
                if wait([future], timeout=LOOK_EVERY).done:
                    self._answer(future)
                    return None
            return found
        finally:
            self.complete(future, None)
            self._post(Noticed(future))

    @contextmanager
    def lend(self, what: str) -> Iterator[None]:
        """Have the screen taken away while the block runs; raises Stopped when people stopped before."""
        back = Event()
        self._answer(self._request(lambda answer: TerminalAsked(what, answer, back)))
        try:
            yield
        finally:
            back.set()

    @contextmanager
    def waiting(self, what: str, seconds: int = 0) -> Iterator[None]:
        """Show what is being waited for while the block runs."""
        self._post(WaitingStarted(what, seconds))
        try:
            yield
        finally:
            self._post(WaitingEnded(what))

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far long work is, and stay here while it is paused; raises Stopped, once, when people stopped meanwhile.

        Work that is done is not held: there is nothing left of it to go on with.
        """
        self._post(Progressed(what, done, total))
        if done < total:
            self._going.wait()
        if self._stopping and not self._told_to_stop:
            raise self._stop_worker()

    def deviations(self) -> Sequence[Deviation]:
        """Return, once each, the deviations that people noted since the last call."""
        with self._lock:
            noted, self._deviations = self._deviations, []
        return noted

    # --- Watcher, for the worker's thread ---

    def step(self, name: str, state: str) -> None:
        """Show that a step changed its state."""
        self._post(StepChanged(name, state))

    def recorded(self, line: bytes) -> None:
        """Show a line of the log."""
        self._post(Recorded(line))

    def closed(self, summary: Summary) -> None:
        """Show what the ceremony left."""
        self._post(Closed(summary))

    # --- the bridge ---

    def _put(self, question: Question[Answer]) -> Answer:
        return self._answer(self._ask(question))

    def _ask(self, question: Question[Answer]) -> Future[Answer]:
        return self._request(lambda future: Asked(question, future))

    def _request(self, message: Callable[[Future[Answer]], Message]) -> Future[Answer]:
        future: Future[Answer] = Future()
        with self._lock:
            if self._stopping:
                raise self._stop_worker()
            self._open.add(future)
        if not self._post(message(future)):
            self.complete(future, _stopped())
        return future

    def _answer(self, future: Future[Answer]) -> Answer:
        try:
            return future.result()
        except Stopped:
            self._told_to_stop = True
            raise

    def _stop_worker(self) -> Stopped:
        self._told_to_stop = True
        return _stopped()


def _stopped() -> Stopped:
    return Stopped("people stopped the ceremony", hint="go on later with `ceremony resume`")
