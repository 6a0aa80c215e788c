# SPDX-License-Identifier: Apache-2.0
"""Somebody at the keyboard of a rehearsal, who knows only what stands on the screen and in `practice-secrets.json`.

person = Person(terminal, root)
person.instead("PIN of root-a", person.mistypes)     # once; the next time as usual
person.walk()                                        # to the last panel, which is left open

A question is known by the title on its frame. Each reaction waits for what its keys
do, and returns when the question has gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.peers.terminal import Terminal

Reaction = Callable[[str], None]

END = r"The ceremony (is done|is not complete|has failed)"
GROUPS = 8
"""Of a digest in a comparison; two people tick each."""
SHARE = r"Share \d+"
EXPECTED = "Y  as expected"
"""Stands below every table that people read."""
EXCEPTIONS = 40
"""Differences in the review of the example plan that stand alone, at most."""

_FRAME = re.compile(r"┏━+ (.+?) ━")


def title(screen: str) -> str:
    """Return the title of the frame on top, empty without one; frames below it stand higher."""
    return next(iter(_FRAME.findall(screen)[-1:]), "")


class Person:
    """Answers every question, and remembers the titles of all."""

    def __init__(self, terminal: Terminal, root: Path) -> None:
        self.terminal = terminal
        self.titles: list[str] = []
        self.words: list[str] = []
        """The passphrase, as it was read from the screen."""
        self.shares: dict[str, list[str]] = {}
        """Each share, as it was read from the screen, by the key of its question."""
        self._secrets = root / "practice-secrets.json"
        self._instead: dict[str, Reaction] = {}
        self._usual: Mapping[str, Reaction] = {
            r"PIN of root-.": self.gives_pin,
            r"A new (PIN|PUK) for root-.": self.agrees,
            r"New .* of root-.": self.notes_down,
            r"Type the new .* of root-. back|Management key of root-.": self.gives_token_secret,
            r"Use the factory values of root-.": self.types_word,
            r"Passphrase of the backups": self.writes_down,
            rf"{SHARE} of \d+": self.writes_share_down,
            rf"Type share \d+ back|{SHARE}$": self.gives_share,
            r"Type the passphrase back|Passphrase(,|:)": self.gives_passphrase,
            r"Make the root key on root-.": self.types_word,
            r"Put in root-.": self._gone,
            r"Digest of the request|Root key of root-.|The (final )?head( after .*)?": self.compares,
            r"What will be signed": self.reviews,
            r"Is root-. the token|Try the PIN": self.agrees,
            r".*: is (it so|that right)\?": self.agrees,
            r"(Who takes|Bag or seal of) (token root-.|volume .|the courier)\?": self.agrees,
            r"Which medium|Who types a share|.*was this ceremony held as recorded|Error": self.agrees,
        }

    def instead(self, question: str, reaction: Reaction) -> None:
        """React differently, once, to the next question whose title begins with this."""
        self._instead[question] = reaction

    def walk(self, to: str = END) -> str:
        """Answer everything until a title matches `to`; return that screen, its question unanswered."""
        while True:
            screen = self.terminal.until(lambda screen: title(screen) != "")
            asked = title(screen)
            self.titles.append(asked)
            if re.match(to, asked):
                return screen
            assert not re.match(END, asked), f"it ended too early:\n{screen}"
            self._reaction(asked, screen)(asked)

    def _reaction(self, asked: str, screen: str) -> Reaction:
        for begins in self._instead:
            if asked.startswith(begins):
                return self._instead.pop(begins)
        for pattern, reaction in self._usual.items():
            if re.match(pattern, asked):
                return reaction
        if EXPECTED in screen:
            return self.studies
        raise AssertionError(f"nobody knows what to do:\n{screen}")

    # --- what people do ---

    def presses(self, *keys: str) -> Reaction:
        """Return the reaction that presses these keys."""

        def press(asked: str) -> None:
            self.terminal.keys(*keys)
            self._gone(asked)

        return press

    def agrees(self, asked: str) -> None:
        """Press Enter: yes, or the option that is marked."""
        self.presses("Enter")(asked)

    def refuses(self, asked: str) -> None:
        """Press N."""
        self.presses("n")(asked)

    def types_word(self, asked: str) -> None:
        """Type the word that the screen names."""
        found = re.search(r"Type (\S+) to agree", self.terminal.screen())
        assert found, self.terminal.screen()
        self.terminal.type(found[1])
        self.agrees(asked)

    def gives_pin(self, asked: str) -> None:
        """Type the PIN of the token that the title names."""
        self.types_secret(asked, self._answer(f"pin:{asked.rpartition(' ')[2]}"))

    def mistypes(self, asked: str) -> None:
        """Type a PIN that is wrong in its last digit."""
        pin = self._answer(f"pin:{asked.rpartition(' ')[2]}")
        self.types_secret(asked, f"{pin[:-1]}{(int(pin[-1]) + 1) % 10}")

    def gives_passphrase(self, asked: str, and_then: str = "") -> None:
        """Type the passphrase; with a key that follows at once, before anything else can be asked."""
        self.types_secret(asked, self._answer("passphrase"), and_then)

    def types_secret(self, asked: str, secret: str, and_then: str = "") -> None:
        """Type a secret, of which the screen shows nothing."""
        self.terminal.until("nothing typed yet")
        self.terminal.type(secret)
        screen = self.terminal.until("typed, not shown")
        assert secret not in screen
        self.terminal.keys("Enter", *([and_then] if and_then else []))
        self.terminal.until(lambda screen: title(screen) != asked or "nothing typed yet" in screen)

    def writes_down(self, asked: str) -> None:
        """Cover projector and camera, read the words from the screen, wipe them."""
        self.words = self._reads(self.passphrase())
        self.agrees(asked)

    def writes_share_down(self, asked: str) -> None:
        """Cover projector and camera, read the words of a share from the screen, wipe them."""
        self.shares[_share_of(asked)] = self._reads(self._answer(_share_of(asked)).split())
        self.agrees(asked)

    def _reads(self, words: list[str]) -> list[str]:
        """Return those of the words that the screen showed in their places, once it is covered, until they are wiped."""
        assert not shown(words, self.terminal.until("it is covered, show it"))
        self.terminal.keys("Enter")
        read = shown(words, self.terminal.until("it is written down, wipe it"))
        self.terminal.keys("Enter")
        self.terminal.until("yes, go on")
        assert not shown(words, self.terminal.history())
        return read

    def gives_share(self, asked: str) -> None:
        """Type the share that the title names."""
        self.types_secret(asked, self._answer(_share_of(asked)))

    def notes_down(self, asked: str) -> None:
        """Cover projector and camera, read the new secret of a token from the screen, wipe it."""
        secret = self._answer(_key_of(asked)).split()
        assert not shown_together(secret, self.terminal.until("it is covered, show it"))
        self.terminal.keys("Enter")
        assert shown_together(secret, self.terminal.until("it is written down, wipe it"))
        self.terminal.keys("Enter")
        self.terminal.until("yes, go on")
        assert not shown_together(secret, self.terminal.history())
        self.agrees(asked)

    def gives_token_secret(self, asked: str) -> None:
        """Type a secret of the token that the title names."""
        self.types_secret(asked, self._answer(_key_of(asked)))

    def compares(self, asked: str) -> None:
        """Hear every group, as two people who tick it with a key each, and say that all are the same."""
        for _ in range(GROUPS):
            self.terminal.keys("1", "2")
        self.terminal.keys("y")
        self._gone(asked)

    def reviews(self, asked: str) -> None:
        """Look at every difference that stands alone, then agree."""
        self.terminal.keys(*["Down"] * EXCEPTIONS, "y")
        self._gone(asked)

    def studies(self, asked: str) -> None:
        """Look at a table from its first row to its last, and say that it is what was expected."""
        self.terminal.keys("End", "Home", "y")
        self._gone(asked)

    def until_asked(self, heading: str) -> str:
        """Return the screen as soon as the frame on top has this title."""
        return self.terminal.until(lambda screen: title(screen) == heading)

    def looks_at(self, key: str, heading: str) -> None:
        """Open a screen of one's own over the question, and close it again."""
        asked = title(self.terminal.screen())
        self.terminal.keys(key)
        self.until_asked(heading)
        self.terminal.keys("Escape")
        self.until_asked(asked)

    def records_deviation(self, expected: str, happened: str, decided: str, by: str) -> None:
        """Record a deviation, from the key to the frame's end."""
        self.terminal.keys("F8")
        self.terminal.until("Record a deviation")
        labels = ("What was expected", "What happened", "What was decided", "Decided by")
        for label, line in zip(labels, (expected, happened, decided, by), strict=True):
            self.terminal.until(re.compile(rf"{label}.*\n.*┏").search)  # the field below it has the focus
            self.terminal.type(line)
            self.terminal.until(line)
            self.terminal.keys("Enter")
        self._gone("Record a deviation")

    def stops(self, key: str = "C-q") -> None:
        """Stop the ceremony, from the key to the last panel."""
        self.terminal.keys(key)
        self.decides_to_stop()

    def decides_to_stop(self) -> None:
        """Answer the question whether to stop, as soon as it is asked."""
        self.terminal.until("Stop the ceremony?")
        self.terminal.keys("y")
        self.terminal.until(lambda screen: re.match(END, title(screen)) is not None)

    def passphrase(self) -> list[str]:
        """Return the words of the passphrase, as the rehearsal keeps them."""
        return self._answer("passphrase").split()

    def _gone(self, asked: str) -> None:
        self.terminal.until(lambda screen: title(screen) != asked)

    def _answer(self, question: str) -> str:
        answer = json.loads(self._secrets.read_text())["answers"][question]
        assert isinstance(answer, str)
        return answer


def _key_of(asked: str) -> str:
    """Return under which question the rehearsal keeps a token's secret, by a title that names both."""
    found = re.search(r"(PIN|PUK|management key) of (root-.)", asked, re.IGNORECASE)
    assert found, asked
    return f"{found[1].lower().replace(' ', '-')}:{found[2]}"


def _share_of(asked: str) -> str:
    """Return under which question the rehearsal keeps the share that a title names."""
    found = re.search(r"share (\d+)", asked, re.IGNORECASE)
    assert found, asked
    return f"share:{found[1]}"


def shown_together(parts: list[str], screen: str) -> bool:
    """Return whether all parts of a secret stand on a screen."""
    return all(re.search(rf"\b{part}\b", screen) for part in parts)


def shown(words: list[str], screen: str) -> list[str]:
    """Return which of the words of a secret stand on a screen, with their numbers before them."""
    return [word for number, word in enumerate(words, start=1) if re.search(rf"\b{number} {word}\b", screen)]


def not_on_a_console(screens: list[str]) -> set[str]:
    """Return the characters that a text console's fonts lack: all but Latin 1, box drawing, and four blocks."""
    drawn = {char for screen in screens for char in screen if char != "\n"}
    return {
        char for char in drawn if not (char.isprintable() and char <= "\xff") and not "─" <= char <= "╿" and char not in "█░▀▄"
    }
