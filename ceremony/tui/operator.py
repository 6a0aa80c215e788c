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
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any, TypeVar

from textual.message import Message

from ceremony.core.ports import Change, Deviation, Option, Prompt
from ceremony.core.secret import Secret
from ceremony.core.words import words
from ceremony.errors import Stopped
from ceremony.tui.messages import (
    Asked,
    AskSecret,
    AskText,
    Choose,
    Compare,
    Confirm,
    Progressed,
    Question,
    Recorded,
    Review,
    ShowSecret,
    StepChanged,
    Told,
    WaitingEnded,
    WaitingStarted,
)

LAST_TRY_WORD = "LAST"
"""What is typed to agree to spend the last try of a PIN."""

LAST_TRY = "If it is wrong again, it is blocked. Esc stops the ceremony here, and spends no try."

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

    # --- for the app's thread ---

    @property
    def stopping(self) -> bool:
        """Whether people decided to stop."""
        return self._stopping

    def stop(self) -> None:
        """Make every open and every later question raise Stopped."""
        with self._lock:
            self._stopping = True
            still_open = tuple(self._open)
        for future in still_open:
            self.complete(future, _stopped())

    def complete(self, future: Future[Any], answer: object) -> None:
        """Give the worker its answer, or the error to raise; the first one counts."""
        with self._lock:
            if future not in self._open:
                return
            self._open.remove(future)
        if isinstance(answer, Stopped):
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
        """Return what was typed without echo; the last try is asked for only after people agreed, in words, to spend it."""
        if retries_left == 1:
            self._agree_to_last_try(prompt)
        return self._put(AskSecret(prompt, retries_left))

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:
        """Show a secret once, to `prompt.who` alone."""
        self._put(ShowSecret(prompt, secret))

    def choose(self, prompt: Prompt, options: Sequence[Option]) -> str:
        """Return the key of the option that was chosen."""
        return self._put(Choose(prompt, tuple(options)))

    def confirm(self, prompt: Prompt, word: str = "") -> bool:
        """Return whether people agreed."""
        return self._put(Confirm(prompt, word))

    def compare(self, prompt: Prompt, digest: str) -> bool:
        """Return whether everybody heard the same digest."""
        return self._put(Compare(prompt, digest, tuple(words(digest))))

    def review(self, prompt: Prompt, changes: Sequence[Change]) -> bool:
        """Return whether people agreed to sign exactly these changes."""
        return self._put(Review(prompt, tuple(changes)))

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show what is being waited for while the block runs."""
        self._post(WaitingStarted(what))
        try:
            yield
        finally:
            self._post(WaitingEnded(what))

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far long work is; raises Stopped, once, when people stopped meanwhile."""
        self._post(Progressed(what, done, total))
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

    # --- the bridge ---

    def _put(self, question: Question[Answer]) -> Answer:
        future: Future[Answer] = Future()
        with self._lock:
            if self._stopping:
                raise self._stop_worker()
            self._open.add(future)
        if not self._post(Asked(question, future)):
            self.complete(future, _stopped())
        try:
            return future.result()
        except Stopped:
            self._told_to_stop = True
            raise

    def _stop_worker(self) -> Stopped:
        self._told_to_stop = True
        return _stopped()

    def _agree_to_last_try(self, prompt: Prompt) -> None:
        asked = "\n".join(part for part in (prompt.title, prompt.detail) if part)
        warning = replace(prompt, title="This is the last try", detail=f"{asked}\n\n{LAST_TRY}")
        if not self._put(Confirm(warning, LAST_TRY_WORD)):
            raise Stopped("people chose not to spend the last try", hint="find what is right, then go on with `ceremony resume`")


def _stopped() -> Stopped:
    return Stopped("people stopped the ceremony", hint="go on later with `ceremony resume`")
