# SPDX-License-Identifier: Apache-2.0
"""What crosses from the worker to the screen: the questions, and the messages that carry all the rest.

The worker thread that walks the ceremony never touches a widget. It posts these
messages; the app alone acts on them. A question is a frozen value that knows the
type of its answer; it travels in `Asked`, beside the future that the worker
blocks on. No message shows a secret in its `repr`: what a question shows or
asks for is a `Secret`, and a future shows only the type of its result.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Generic, TypeVar

from textual.message import Message

from ceremony.core.ports import Differences, Gauge, Listing, Option, Prompt, Summary
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, ExitCode

Answer = TypeVar("Answer")


# --- questions ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """Something that people must answer before the worker goes on."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class AskText(Question[str]):
    """A line of text."""

    default: str = ""


@dataclass(frozen=True, slots=True)
class AskSecret(Question[Secret]):
    """A PIN or passphrase."""

    retries_left: int | None = None


@dataclass(frozen=True, slots=True)
class ShowSecret(Question[None]):
    """A secret to be written down by one person."""

    secret: Secret


@dataclass(frozen=True, slots=True)
class Choose(Question[str]):
    """One of several options, by its key."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Confirm(Question[bool]):
    """Yes or no; with a word, yes is that word, typed."""

    word: str = ""


@dataclass(frozen=True, slots=True)
class Compare(Question[bool]):
    """A digest (hex) that everybody hears."""

    digest: str
    words: tuple[str, ...]
    """One a byte."""
    people: tuple[str, str]
    """Who tick each group."""


@dataclass(frozen=True, slots=True)
class Review(Question[bool]):
    """All that is about to be signed."""

    differences: Differences


@dataclass(frozen=True, slots=True)
class Study(Question[bool]):
    """A table that people read."""

    listing: Listing


@dataclass(frozen=True, slots=True)
class Await(Question[None]):
    """Something is to be put in or taken out, and is noticed by itself; the only answer is that people give up."""

    options: tuple[Option, ...] | None = None
    """What is there meanwhile; None where nobody looks at anything else."""


# --- from the worker ---------------------------------------------------------


@dataclass(eq=False)
class Asked(Message):
    """The worker waits for `answer`."""

    question: Question[Any]
    answer: Future[Any]


@dataclass(eq=False)
class TerminalAsked(Message):
    """The worker wants the terminal for another program: it is lent once `answer` is set, until `back` is."""

    what: str
    answer: Future[None]
    back: Event = field(default_factory=Event)


@dataclass(eq=False)
class Noticed(Message):
    """What the question that waits for `answer` asked for was seen: nobody needs to answer any more."""

    answer: Future[Any]


@dataclass(eq=False)
class Sighted(Message):
    """What there is now, while the question that waits for `answer` is open; the newest replaces those before it."""

    answer: Future[Any]
    options: tuple[Option, ...]

    def can_replace(self, message: Message) -> bool:
        """Give way to a later look for the same question."""
        return isinstance(message, Sighted) and message.answer is self.answer


@dataclass(eq=False)
class Closed(Message):
    """The ceremony was closed, and left this."""

    summary: Summary


@dataclass(eq=False)
class StepChanged(Message):
    """A step is now `running`, `done`, `skipped` or `failed`."""

    name: str
    state: str


@dataclass(eq=False)
class Recorded(Message):
    """A raw line of the log was synced."""

    line: bytes


@dataclass(eq=False)
class Told(Message):
    """Something that needs no answer."""

    text: str


@dataclass(eq=False)
class Progressed(Message):
    """How far a long piece of work is; the newest of a flood replaces those before it."""

    what: str
    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        """Give way to a later message about the same work."""
        return isinstance(message, Progressed) and message.what == self.what


@dataclass(eq=False)
class WaitingStarted(Message):
    """The worker waits for a touch, a medium, a long command."""

    what: str
    seconds: int = 0
    """How long a device waits for a touch; 0 for a wait that needs nobody."""


@dataclass(eq=False)
class WaitingEnded(Message):
    """What `WaitingStarted` named has come."""

    what: str


@dataclass(eq=False)
class Gauged(Message):
    """How the room stands now; the newest replaces those before it."""

    gauges: tuple[Gauge, ...]

    def can_replace(self, message: Message) -> bool:
        """Give way to a later look."""
        return isinstance(message, Gauged)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work ended: its code, and the error that ended it."""

    code: ExitCode
    error: BaseException | None = None

    @property
    def unexpected(self) -> BaseException | None:
        """The error, when it is none that the program foresaw."""
        return None if isinstance(self.error, CeremonyError) else self.error


@dataclass(eq=False)
class CeremonyEnded(Message):
    """The worker has ended; nothing follows."""

    outcome: Outcome


# --- from the process -------------------------------------------------------------


@dataclass(eq=False)
class StopAsked(Message):
    """The process was interrupted (SIGINT): the same question as Ctrl+Q."""


@dataclass(eq=False)
class EndAsked(Message):
    """The process was told to end (SIGTERM): nobody is asked any more."""
