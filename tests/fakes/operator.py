# SPDX-License-Identifier: Apache-2.0
"""People in memory: an Operator and Watcher that answers from a script and remembers all that was said.

With no script it behaves as willing people do: agrees, types the word, hears the
same digest, takes the first option and the default, writes a secret down and can
type it back. What it cannot know (a PIN nobody gave it) is a failed test that
names the key.

    people = ScriptedOperator(secrets={"pin:root-a": ["0000", "1234"]}, answers={"name": "Ada"})
    people = ScriptedOperator(answers={"sign": Stopped("people stopped", hint="resume")})

An answer is a value, an error to raise, a function of the prompt that returns
one of these, or a list of any of them, used in turn (the last one stays).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ceremony.core.ports import Deviation, Differences, Found, Listing, Option, Prompt, Summary
from ceremony.core.secret import Secret
from ceremony.errors import Stopped

PATIENCE = 8
"""How often people are asked the same before a test has failed: an error that is tried again for ever ends here."""
Kind = TypeVar("Kind", str, bool)
Plain = str | bool | Exception
Answer = Plain | Callable[[Prompt], Plain] | Sequence[Plain | Callable[[Prompt], Plain]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was put."""

    method: str
    prompt: Prompt
    word: str = ""
    digest: str = ""
    options: tuple[Option, ...] = ()
    people: tuple[str, str] = ("", "")
    differences: Differences | None = None
    listing: Listing | None = None
    retries_left: int | None = None
    default: str = ""


class ScriptedOperator:
    """Answers by `prompt.key`; every list below grows as the ceremony speaks."""

    def __init__(
        self,
        *,
        answers: Mapping[str, Answer] | None = None,
        secrets: Mapping[str, str | Sequence[str]] | None = None,
        stop_at: str = "",
        deviations: Sequence[Deviation] = (),
    ) -> None:
        self.answers = dict(answers or {})
        self.secrets = dict(secrets or {})
        self.stop_at = stop_at
        self.shown: dict[str, str] = {}
        """Secrets that were shown, by `prompt.key`: what people wrote down."""
        self.asked: list[Asked] = []
        self.told: list[str] = []
        self.waited: list[str] = []
        self.lent: list[str] = []
        self.progressed: list[tuple[str, int, int]] = []
        self.steps: list[tuple[str, str]] = []
        self.lines: list[bytes] = []
        self.summaries: list[Summary] = []
        self._turns: dict[str, int] = {}
        self._deviations = list(deviations)

    @property
    def keys(self) -> list[str]:
        """The keys of all questions, in the order they were put."""
        return [asked.prompt.key for asked in self.asked]

    def question(self, key: str) -> Asked:
        """Return the last question with this key."""
        found = [asked for asked in self.asked if asked.prompt.key == key]
        assert found, f"nobody asked {key!r}; asked were {self.keys}"
        return found[-1]

    def note(self, deviation: Deviation) -> None:
        """Note a deviation, as a person does with F8."""
        self._deviations.append(deviation)

    # --- Operator ---

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, prompt: Prompt, default: str = "") -> str:
        return self._text(Asked("ask", prompt, default=default), default)

    def ask_secret(self, prompt: Prompt, retries_left: int | None = None) -> Secret:
        self._put(Asked("ask_secret", prompt, retries_left=retries_left))
        known = {**self.shown, **self.secrets}
        given = self.answers.get(prompt.key, known.get(prompt.key))
        if given is None:
            raise AssertionError(f"nobody knows the secret {prompt.key!r}; known are {sorted(known)}")
        return Secret(self._is(str, prompt, self._turn(prompt, given)))

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:
        self._put(Asked("show_secret", prompt))
        self._turn(prompt, self.answers.get(prompt.key, True))
        self.shown[prompt.key] = secret.text()

    def choose(self, prompt: Prompt, options: Sequence[Option], now: Callable[[], Sequence[Option]] | None = None) -> str:
        assert self.keys.count(prompt.key) < PATIENCE, f"{prompt.key!r} was asked {PATIENCE} times: {prompt.title}"
        chosen = self._text(Asked("choose", prompt, options=tuple(options)), options[0].key)
        offered = [option.key for option in (now() if now else options) if not option.trouble]
        assert chosen in offered, f"{chosen!r} is not an option of {prompt.key!r}: {offered}"
        return chosen

    def confirm(self, prompt: Prompt, word: str = "") -> bool:
        return self._yes(Asked("confirm", prompt, word=word))

    def compare(self, prompt: Prompt, digest: str, people: tuple[str, str]) -> bool:
        return self._yes(Asked("compare", prompt, digest=digest, people=people))

    def review(self, prompt: Prompt, differences: Differences) -> bool:
        return self._yes(Asked("review", prompt, differences=differences))

    def study(self, prompt: Prompt, listing: Listing) -> bool:
        short = [row for row in listing.rows if len(row) != len(listing.columns)]
        assert not short, f"{prompt.key!r} has rows that are not as long as its columns: {short[:3]}"
        return self._yes(Asked("study", prompt, listing=listing))

    def until(
        self, prompt: Prompt, look: Callable[[], Found | None], now: Callable[[], Sequence[Option]] | None = None
    ) -> Found | None:
        """Look; do what the script says (a function that plugs something in), and look again. Without a script, give up."""
        while (found := look()) is None:
            assert self.keys.count(prompt.key) < PATIENCE, f"{prompt.key!r} was waited for {PATIENCE} times"
            self._put(Asked("until", prompt, options=tuple(now()) if now else ()))
            if not self._turn(prompt, self.answers.get(prompt.key, False)):
                return None
        return found

    @contextmanager
    def lend(self, what: str) -> Iterator[None]:
        self.lent.append(what)
        yield

    @contextmanager
    def waiting(self, what: str, seconds: int = 0) -> Iterator[None]:
        self.waited.append(f"{what} ({seconds} s)" if seconds else what)
        yield

    def progress(self, what: str, done: int, total: int) -> None:
        self.progressed.append((what, done, total))

    def deviations(self) -> Sequence[Deviation]:
        noted, self._deviations = self._deviations, []
        return noted

    # --- Watcher ---

    def step(self, name: str, state: str) -> None:
        self.steps.append((name, state))

    def recorded(self, line: bytes) -> None:
        self.lines.append(line)

    def closed(self, summary: Summary) -> None:
        self.summaries.append(summary)

    # --- the script ---

    def _put(self, asked: Asked) -> None:
        self.asked.append(asked)
        if self.stop_at and asked.prompt.key == self.stop_at:
            raise Stopped("people stopped the ceremony", hint="`ceremony resume` goes on from here")

    def _text(self, asked: Asked, otherwise: str) -> str:
        self._put(asked)
        return self._is(str, asked.prompt, self._turn(asked.prompt, self.answers.get(asked.prompt.key, otherwise)))

    def _yes(self, asked: Asked) -> bool:
        self._put(asked)
        return self._is(bool, asked.prompt, self._turn(asked.prompt, self.answers.get(asked.prompt.key, True)))

    def _turn(self, prompt: Prompt, given: Answer) -> Plain:
        if isinstance(given, Sequence) and not isinstance(given, str):
            turn = self._turns.get(prompt.key, 0)
            self._turns[prompt.key] = turn + 1
            given = given[min(turn, len(given) - 1)]
        answer = given(prompt) if callable(given) else given
        if isinstance(answer, Exception):
            raise answer
        return answer

    @staticmethod
    def _is(kind: type[Kind], prompt: Prompt, answer: Plain) -> Kind:
        assert isinstance(answer, kind), f"the answer to {prompt.key!r} must be a {kind.__name__}, not {answer!r}"
        return answer
