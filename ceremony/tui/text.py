# SPDX-License-Identifier: Apache-2.0
"""Text from outside, made fit for a screen and for the log.

A name in a plan, a server's answer or a paste may hold escape sequences, marks
that turn the reading direction, or a million characters. `visible` shows such
characters as what they are; `typed_line` takes from a person only what the log
can hold (canonical JSON: normal form C, no control characters). Markup is not
dealt with here: no widget of this package interprets any.
"""

from __future__ import annotations

import unicodedata

_SHOWN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
"""Unicode categories that draw nothing, or something else than they are."""


def visible(text: str) -> str:
    """Return `text` with every control or format character, line ends too, as its Python escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if _is_hidden(char) else char for char in text)


def visible_lines(text: str) -> str:
    """Return `text` as `visible` does, with its line feeds kept."""
    return "\n".join(visible(line) for line in text.split("\n"))


def typed_line(text: str) -> str:
    """Return what a person typed or pasted as one plain line: normal form C, without control characters."""
    return unicodedata.normalize("NFC", "".join(char for char in text if not _is_hidden(char)))


def _is_hidden(char: str) -> bool:
    category = unicodedata.category(char)
    return category in _SHOWN or (category == "Zs" and char != " ")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode() if char > "\xff" or char < " " else f"\\x{ord(char):02x}"
