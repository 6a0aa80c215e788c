# SPDX-License-Identifier: Apache-2.0
"""A secret, shown once, to one person alone.

Three stages: cover projector and camera; the words; the words are gone, and were
they written down? The words are drawn from the `Secret` only in the second stage,
and leave the screen when anything else comes on top of it; whenever they leave, the
terminal's saved lines are erased too. There is nothing to select, copy or capture:
the app has no command for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.secret import Secret
from ceremony.tui.fit import fit
from ceremony.tui.messages import ShowSecret
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.scrollback import wipe_scrollback
from ceremony.tui.text import visible
from ceremony.tui.who import at_its_beginning

COLUMNS = 3
LONGEST = 100
"""Cells of a name that are shown: two lines of it."""
AIRY = 6
"""Rows up to which an empty line between them fits into 24 lines."""


class Stage(Enum):
    """What the person is asked to do."""

    COVER = "Cover the projector.\nCover the camera.\nEverybody else turns away, and says so."
    WRITE = "Write this down exactly as it stands{}."
    WRITTEN = (
        "It is off the screen. The terminal was told to forget its saved lines.\n"
        "Uncover the projector and the camera.\n\n"
        "Was it written down, and compared once more?"
    )


class SecretWords(Widget):
    """The words, numbered, in a grid; nothing unless a secret is lent to it."""

    def __init__(self) -> None:
        super().__init__()
        self._secret: Secret | None = None

    def lend(self, secret: Secret | None) -> None:
        """Draw this secret; None draws nothing, and keeps nothing."""
        self._secret = secret
        self.refresh(layout=True)

    def render(self) -> Content:
        """Read down the columns, as people do on paper."""
        if self._secret is None:
            return Content("")
        words = [visible(word) for word in self._secret.text().split()]
        rows = -(-len(words) // COLUMNS)
        width = max((len(word) for word in words), default=0)
        if len(words) < 2:
            return Content("".join(words))
        gap = "\n\n" if rows <= AIRY else "\n"
        cells = [f"{number:>2} {word:<{width}}" for number, word in enumerate(words, start=1)]
        return Content(gap.join("    ".join(cells[row::rows]) for row in range(rows)))


class ShowSecretModal(QuestionModal[None]):
    """Enter goes on from stage to stage; at the end B goes back to the first."""

    AUTO_FOCUS = ".words"
    DEFAULT_CSS = """
    ShowSecretModal .person {
        background: $accent;
        color: $background;
        text-style: bold;
        text-align: center;
        width: 100%;
        padding: 1 4;
        margin: 1 0 0 0;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", "go on", key_display="Enter", tooltip="Go on to the next stage", id="show-secret.on"),
        Binding("b,B", "go_back", "show it again", key_display="B", tooltip="Show the secret again", id="show-secret.back"),
    ]

    def __init__(self, question: ShowSecret) -> None:
        super().__init__(replace(question.prompt, who=fit(question.prompt.who, LONGEST)))
        self._secret: Secret | None = question.secret
        self._stage = Stage.COVER
        keeper = at_its_beginning(self._prompt.who) or "Its keeper"
        self._person = Static(f"{keeper} alone looks at the screen.", classes="person", markup=False)
        self._instruction = Static(classes="must", markup=False)
        self._words = SecretWords()
        self._place = VerticalScroll(self._words, classes="words")

    def body(self) -> Iterable[Widget]:
        """Show the person's name, the stage's instruction, and the place of the words."""
        yield self._person
        yield self._instruction
        yield self._place

    def on_mount(self) -> None:
        """Begin with covered eyes."""
        self._enter(Stage.COVER)

    def on_screen_suspend(self) -> None:
        """Take the words away when another screen comes on top, and begin again afterwards."""
        if self._stage is Stage.WRITE:
            self._enter(Stage.COVER)

    def on_unmount(self) -> None:
        """Keep nothing."""
        self._secret = None
        if self._stage is Stage.WRITE:
            wipe_scrollback(self.app)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to go back only where there is something behind."""
        return self._stage is Stage.WRITTEN if action == "go_back" else super().check_action(action, parameters)

    def action_go_on(self) -> None:
        """Go to the next stage; after the last one the question is answered."""
        if self.has_class("too-small"):
            self.app.bell()
        elif self._stage is Stage.COVER:
            self._enter(Stage.WRITE)
        elif self._stage is Stage.WRITE:
            self._enter(Stage.WRITTEN)
        else:
            self._secret = None
            self.answer(None)

    def action_go_back(self) -> None:
        """Show the secret again, from the first stage on."""
        self._enter(Stage.COVER)

    def _enter(self, stage: Stage) -> None:
        if self._stage is Stage.WRITE:
            wipe_scrollback(self.app)
        self._stage = stage
        self._person.display = stage is Stage.COVER
        numbers = ", with its numbers" if self._secret is not None and len(self._secret.text().split()) > 1 else ""
        self._instruction.update(stage.value.format(numbers))
        self._words.lend(self._secret if stage is Stage.WRITE else None)
        self._place.display = stage is Stage.WRITE
        self._place.focus()
        words = {Stage.COVER: "it is covered, show it", Stage.WRITE: "it is written down, wipe it", Stage.WRITTEN: "yes, go on"}
        on, back = self.keys()
        line = [Binding(on.key, on.action, words[stage], key_display=on.key_display)]
        self._key_line.show([*line, back] if stage is Stage.WRITTEN else line)
