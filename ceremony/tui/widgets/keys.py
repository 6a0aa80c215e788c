# SPDX-License-Identifier: Apache-2.0
"""Keys in words, made from bindings: the line under a question, and the text of the help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static


class KeyLine(Static):
    """The bindings of a screen that are to be seen, key first."""

    def __init__(self, bindings: Sequence[Binding]) -> None:
        super().__init__(classes="keys", markup=False)
        self.show(bindings)

    def show(self, bindings: Sequence[Binding]) -> None:
        """Show these bindings instead."""
        parts: list[tuple[str, str] | str] = []
        for binding in bindings:
            if binding.show:
                parts += [(f" {binding.key_display or binding.key} ", "bold reverse"), f" {binding.description}   "]
        self.update(Content.assemble(*parts))


def help_text(bindings: Iterable[Binding]) -> str:
    """Return one line for each binding that has an explanation, key first."""
    lines: dict[str, str] = {}
    for binding in bindings:
        if binding.tooltip:
            lines.setdefault(binding.id or binding.action, f"{binding.key_display or binding.key:<9} {binding.tooltip}")
    return "\n".join(lines.values())
