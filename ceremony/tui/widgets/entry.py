# SPDX-License-Identifier: Apache-2.0
"""Where people type: a line of text, and a secret that leaves no trace.

`SecretEntry` is no Input: an Input keeps what was typed in an attribute, posts it
in messages and lets it be selected and copied. Here it is one buffer, which is
wiped when it is taken or dropped, and never drawn, not even as dots, since their
number would be seen by the camera.
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from ceremony.core.secret import Secret
from ceremony.tui.text import typed_line, visible

MAX_LINE = 500
"""Characters of a line: more than any name or sentence, and a record still holds it."""
MAX_SECRET = 1000
"""Characters of a secret: more than any passphrase or share."""


class LineEntry(Input):
    """A line of plain text; control characters are left out, and a paste that is too long is refused in words."""

    class Refused(Message):
        """More was typed or pasted than a line holds."""

    def __init__(self, value: str = "", *, id: str | None = None) -> None:  # noqa: A002 - the library's own name for it
        super().__init__(typed_line(value), id=id, max_length=MAX_LINE, select_on_focus=False)
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """Replace a part of the line, as typing and pasting do; `text` is made plain first."""
        super().replace(typed_line(text), start, end)

    def restricted(self) -> None:
        """Say so, instead of a bell."""
        self.post_message(self.Refused())

    def taken(self) -> str:
        """Return the line, as the log can hold it."""
        return typed_line(self.value).strip()


class SecretEntry(Widget, can_focus=True):
    """A secret as it is typed; nothing of it is drawn."""

    class Refused(Message):
        """What was pasted was not taken; `why` says so in words."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray(4 * MAX_SECRET)  # never grows, so that no copy is left where it was
        self._ends: list[int] = []

    @property
    def empty(self) -> bool:
        """Whether nothing was typed."""
        return not self._ends

    def render(self) -> Content:
        """Say whether there is something, never how much."""
        return Content("nothing typed yet" if self.empty else "typed, not shown")

    def take(self) -> Secret:
        """Return what was typed, and forget it."""
        part = self._buffer[: self._end()]
        secret = Secret(part)
        part[:] = bytes(len(part))
        self.wipe()
        return secret

    def wipe(self) -> None:
        """Overwrite and forget what was typed."""
        self._buffer[:] = bytes(len(self._buffer))
        self._ends.clear()
        self.refresh()

    def on_unmount(self) -> None:
        """Leave nothing behind, however the question ended."""
        self.wipe()

    def on_key(self, event: events.Key) -> None:
        """Take printable characters and backspace; every other key is for the question."""
        if event.is_printable and event.character:
            self._add(event.character)
        elif event.key == "backspace" and self._ends:
            end = self._ends.pop()
            self._buffer[self._end() : end] = bytes(end - self._end())
            self.refresh()
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Take a paste whole, or not at all."""
        event.stop()
        text = event.text.strip("\r\n")
        if len(self._ends) + len(text) > MAX_SECRET:
            self.post_message(self.Refused(f"The paste is longer than a secret, {MAX_SECRET:,} characters; nothing was taken."))
        elif text != visible(text):
            self.post_message(self.Refused("The paste holds control characters or line ends; nothing was taken."))
        else:
            for char in text:
                self._add(char)

    def _add(self, char: str) -> None:
        if len(self._ends) >= MAX_SECRET:
            self.post_message(self.Refused(f"A secret has at most {MAX_SECRET:,} characters."))
            return
        data = char.encode()
        start = self._end()
        self._buffer[start : start + len(data)] = data
        self._ends.append(start + len(data))
        self.refresh()

    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0
