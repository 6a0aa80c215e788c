# SPDX-License-Identifier: Apache-2.0
"""What a step may see of the world: the ports; tokens' are in `token_ports`, those of files and media in `media_ports`, the values that pass through in `port_values` and `token_values`.

A step is a plain function over these protocols, so it never knows who answers: a
person before a screen, a headless run, or a test. Real implementations live in
`devices`, `volumes`, `host` and `tui`; working in-memory ones in `tests/fakes`.
All of them pass the same port tests.

Every method may raise the errors of `ceremony.errors` that its docstring names,
and no others. Paths are relative, with forward slashes. Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from ceremony.core.media_ports import Folder, LogWriter, Media, Readable, Reporter, Volume
from ceremony.core.port_values import (
    Change,
    Check,
    Deviation,
    Document,
    Errand,
    Gauge,
    Group,
    Listing,
    MediumIdentity,
    Option,
    Prompt,
    Summary,
    ToolFacts,
)
from ceremony.core.secret import Secret
from ceremony.core.token_ports import Piv, Token, TokenRack
from ceremony.core.token_values import (
    Attestation,
    KeyAttributes,
    KeyRequest,
    PinState,
    PivStanding,
    SlotKey,
    TokenIdentity,
    TokenKey,
    Tries,
)

__all__ = [
    "Attestation",
    "Change",
    "Check",
    "Clock",
    "Cosigner",
    "Deviation",
    "Differences",
    "Document",
    "Entropy",
    "Errand",
    "Folder",
    "Gauge",
    "Group",
    "Host",
    "KeyAttributes",
    "KeyRequest",
    "Listing",
    "LogWriter",
    "Media",
    "MediumIdentity",
    "Monitor",
    "Operator",
    "Option",
    "PinState",
    "Piv",
    "PivStanding",
    "Prompt",
    "Readable",
    "Reporter",
    "SelfTest",
    "SlotKey",
    "Summary",
    "Token",
    "TokenIdentity",
    "TokenKey",
    "TokenRack",
    "ToolFacts",
    "Tries",
    "Volume",
    "Watcher",
]

Found = TypeVar("Found")

# --- time and chance ---------------------------------------------------------


class Clock(Protocol):
    """The machine's clocks."""

    def utc(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    def mono_ns(self) -> int:
        """Return nanoseconds of the monotonic clock since this boot."""
        ...

    def boot(self) -> str:
        """Return the id of this boot; `mono_ns` of two records compares only within one."""
        ...


class Entropy(Protocol):
    """Where random bytes come from."""

    def bytes(self, count: int) -> bytes:
        """Return `count` bytes fit for keys."""
        ...


# --- the machine and its people ----------------------------------------------


class Host(Protocol):
    """The machine that the ceremony runs on."""

    def preflight(self, needed_bytes: int) -> Sequence[Check]:
        """Look at the machine; never raises: what cannot be seen did not pass."""
        ...

    def air_gap(self) -> Check:
        """Look whether the machine is cut off now: no interface up but loopback, no route, no radio; never raises."""
        ...

    def tool(self) -> ToolFacts:
        """Return version and digest of the program."""
        ...


class SelfTest(Protocol):
    """The program's test of itself: its own files, known answers, and what it needs of this machine."""

    def run(self) -> Sequence[Check]:
        """Return how every line of it came out; never raises: what ended in an error did not pass."""
        ...


class Monitor(Protocol):
    """What the screen shows of the room all the time; looked at from a thread of its own."""

    def look(self) -> Sequence[Gauge]:
        """Return every gauge as it stands now; never raises: what cannot be seen is not good."""
        ...


class Cosigner(Protocol):
    """How people sign with their own keys (SSHSIG)."""

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        """Return `person`'s armored SSHSIG over `message`; None when the person cannot sign here and now."""
        ...


class Differences(Protocol):
    """Everything that is about to be signed, as differences from what is published; nothing that changes is left out."""

    @property
    def names(self) -> Sequence[str]:
        """Return the names of all repositories, in the plan's order."""
        ...

    @property
    def groups(self) -> Sequence[Group]:
        """Return the differences with equal ones together, exceptions first; each exception by itself."""
        ...

    def of(self, number: int) -> Sequence[Change]:
        """Return the differences of one repository, in words."""
        ...

    def documents(self, number: int) -> Sequence[Document]:
        """Return what is to be signed for one repository, whole."""
        ...


class Operator(Protocol):
    """How a step speaks with people. Every method may raise Stopped: people can stop at any question."""

    def tell(self, text: str) -> None:
        """Say something that needs no answer."""
        ...

    def ask(self, prompt: Prompt, default: str = "") -> str:
        """Return a line of text."""
        ...

    def ask_secret(self, prompt: Prompt, retries_left: int | None = None) -> Secret:
        """Return what was typed without echo; `retries_left` is shown beside the question."""
        ...

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:
        """Show a secret once, to `prompt.who` alone; return when it was written down and wiped from the screen."""
        ...

    def choose(self, prompt: Prompt, options: Sequence[Option], now: Callable[[], Sequence[Option]] | None = None) -> str:
        """Return the key of the option that was chosen, never of one with a `trouble`.

        With `now`, the options come and go while people choose: it is called from this thread, again and again, and what it
        raises ends the question.
        """
        ...

    def confirm(self, prompt: Prompt, word: str = "") -> bool:
        """Return whether people agreed; with `word`, by typing it (acts that cannot be undone)."""
        ...

    def compare(self, prompt: Prompt, digest: str, people: tuple[str, str]) -> bool:
        """Return whether these two heard the same digest (hex), read aloud as words, group by group."""
        ...

    def review(self, prompt: Prompt, differences: Differences) -> bool:
        """Return whether people agreed to sign exactly this."""
        ...

    def study(self, prompt: Prompt, listing: Listing) -> bool:
        """Return whether people read a table, and it is what they expected."""
        ...

    def until(
        self, prompt: Prompt, look: Callable[[], Found | None], now: Callable[[], Sequence[Option]] | None = None
    ) -> Found | None:
        """Ask people to put something in or take it out; return what `look` sees as soon as it sees it, None when they give up.

        `look` is called from this thread, again and again; what it raises ends the wait. `now`, called after it, says what is
        there meanwhile, each with its `trouble`.
        """
        ...

    def waiting(self, what: str, seconds: int = 0) -> AbstractContextManager[None]:
        """Show, while the block runs, what is being waited for; `seconds` counts down how long a device waits for a touch."""
        ...

    def lend(self, what: str) -> AbstractContextManager[None]:
        """Give the terminal, while the block runs, to a program that speaks with a person itself; `what` stands above it.

        Raises CeremonyError where there is no terminal to lend. What was said there is gone from the screen afterwards.
        """
        ...

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far a long piece of work is; returns later when people paused it."""
        ...

    def deviations(self) -> Sequence[Deviation]:
        """Return, once each, the deviations that people noted since the last call."""
        ...


class Watcher(Protocol):
    """Who sees the ceremony pass: called from the worker, must not block."""

    def step(self, name: str, state: str) -> None:
        """Note that a step is now `running`, `done`, `skipped` or `failed`."""
        ...

    def recorded(self, line: bytes) -> None:
        """Note a raw line of the log, after it was synced."""
        ...

    def closed(self, summary: Summary) -> None:
        """Note what the ceremony left, once everything is written."""
        ...
