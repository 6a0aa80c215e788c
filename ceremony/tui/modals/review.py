# SPDX-License-Identifier: Apache-2.0
"""All that is about to be signed: what differs, exceptions first, and every repository; the marked one in full below.

Nobody can agree before they have looked: each exception must have been marked
once, or passed by the mark while it was in sight; where there are more than
`SINGLY`, the mark must have reached the last of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.review import SINGLY
from ceremony.tui import differences as shown
from ceremony.tui.fit import fit
from ceremony.tui.messages import Review
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.pauses import settle
from ceremony.tui.widgets.pane import Passage, PassagePane
from ceremony.tui.widgets.search import SearchTable
from ceremony.tui.widgets.table import LineTable

AROUND = 6
"""Cells of frame and padding at both sides."""


def _key(keys: str, action: str, label: str, display: str, tooltip: str, *, show: bool = True, priority: bool = False) -> Binding:
    return Binding(
        keys, action, label, key_display=display, tooltip=tooltip, id=f"review.{display}", show=show, priority=priority
    )


class ReviewModal(QuestionModal[bool]):
    """The arrows move, Tab changes the table, Y agrees to sign exactly this, N does not."""

    AUTO_FOCUS = "LineTable"
    DEFAULT_CSS = """
    ReviewModal .counts { height: 1; text-style: bold; }
    ReviewModal .pane { border-top: solid $foreground; border-title-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("tab,shift+tab", "other_table", "repositories", "Tab", "Show the differences, or all repositories", priority=True),
        _key("slash", "open_filter", "filter", "/", "Show only rows that hold a text"),
        _key("escape", "clear_filter", "all rows", "Esc", "Show all rows again", show=False),
        _key("j,J", "other_form", "JSON", "J", "Show the marked row in words, or as JSON"),
        _key("y,Y", "agree", "sign this", "Y", "Agree to sign exactly this, once every exception was looked at"),
        _key("n,N", "refuse", "refuse", "N", "Do not agree"),
        _key("up", "move(-1)", "up", "Up", "Mark the row above", show=False),
        _key("down", "move(1)", "down", "Down", "Mark the row below", show=False),
        _key("pageup", "scroll_detail(-1)", "text before", "PgUp", "Scroll the text below back", show=False, priority=True),
        _key("pagedown", "scroll_detail(1)", "more text", "PgDn", "Scroll the text below on", show=False, priority=True),
    ]

    def __init__(self, question: Review) -> None:
        super().__init__(question.prompt)
        self._differences = question.differences
        show = self._show_row
        self._groups = SearchTable(LineTable(shown.GROUP_COLUMNS, empty="No difference matches.", on_mark=show))
        self._repositories = SearchTable(LineTable(shown.REPOSITORY_COLUMNS, empty="No repository matches.", on_mark=show))
        self._open = self._groups
        self._fields = shown.exceptions(self._differences)
        self._exceptions = sum(group.exception for group in self._differences.groups)
        self._as_json = False
        self._keys: list[Binding] = []
        self._counts = Static(classes="counts", markup=False)
        self._pane = PassagePane(classes="pane", more=" (PgDn: more)", back=" (PgUp: back)")

    def content(self) -> Iterable[Widget]:
        """Keep what was told to one line: the tables need the room."""
        self.said = fit(" ".join(self.said.split()), max(3, self.app.size.width - AROUND))
        return super().content()

    def body(self) -> Iterable[Widget]:
        """Count, list, and leave room for the marked row in full."""
        yield self._counts
        yield self._groups
        yield self._repositories
        yield self._pane

    def on_mount(self) -> None:
        """Fill both tables; open the differences."""
        differences, fields, seen = self._differences, self._fields, self._groups.table.seen
        self._groups.table.show(lambda n: shown.group_row(differences, n, n in seen), shown.group_texts(differences))
        self._repositories.table.show(
            lambda n: shown.repository_row(differences, n, fields.get(n, "")), shown.repository_texts(differences, fields)
        )
        self._repositories.display = False
        self._show_all()
        self.call_after_refresh(settle)

    # --- keys ---

    def name_scrolling(self) -> None:
        """Name the keys that work now."""
        self._show_keys()

    def _show_keys(self) -> None:
        keys = [self._now(key) for key in self.keys()]
        if keys != self._keys:
            self._keys = keys
            self._key_line.show(keys)

    def _now(self, key: Binding) -> Binding:
        """Return a key as it is called now."""
        if key.action == "other_table" and self._open is self._repositories:
            return replace(key, description="differences")
        if key.action == "other_form" and self._as_json:
            return replace(key, description="words")
        if key.action in {"open_filter", "clear_filter"}:
            return replace(key, show=self._open.filtering == (key.action == "clear_filter"))
        return key

    def action_move(self, rows: int) -> None:
        """Move in the open table, whatever has the focus."""
        self._open.table.action_move(rows)

    def action_other_table(self) -> None:
        """Change between the differences and the repositories."""
        self._open.display = False
        self._open = self._repositories if self._open is self._groups else self._groups
        self._open.display = True
        self._open.table.focus()
        self._show_all()

    def action_open_filter(self) -> None:
        """Open the filter of the open table."""
        self._open.action_open_filter()

    def action_clear_filter(self) -> None:
        """Take the filter of the open table away."""
        self._open.action_clear_filter()

    def action_other_form(self) -> None:
        """Change between words and JSON."""
        self._as_json = not self._as_json
        self._show_all()

    def action_scroll_detail(self, pages: int) -> None:
        """Scroll what is asked before the pane on the way down, after it on the way up."""
        details = [*self.query(".detail").results(VerticalScroll)]
        ahead = any(detail.scroll_offset.y < detail.max_scroll_y for detail in details)
        if (pages > 0 and ahead) or not self._pane.scroll_pages(pages):
            super().action_scroll_detail(pages)

    def action_agree(self) -> None:
        """Agree, once people have looked."""
        unseen = self._unseen()
        if not unseen:
            self.answer(result=True)
            return
        was = "1 exception was" if unseen == 1 else f"{unseen:,} exceptions were"
        how = "go to the end of the list" if self._exceptions > SINGLY else "mark each with the arrows"
        there = how.capitalize() if self._open is self._groups else f"Tab, then {how}"
        self.note(f"{was} not looked at yet. {there}.")

    def action_refuse(self) -> None:
        """Do not agree."""
        self.answer(result=False)

    def _unseen(self) -> int:
        table = self._groups.table
        if self._exceptions > SINGLY and table.furthest >= self._exceptions - 1:
            return 0
        return self._exceptions - sum(number < self._exceptions for number in table.seen)

    # --- what is shown ---

    @on(SearchTable.Filtered)
    def show_counts(self) -> None:
        """Count what matches, and name the key that shows all rows again."""
        self._count()
        self._show_keys()

    def _show_all(self) -> None:
        self._show_row()
        self._show_keys()

    def _show_row(self, _number: int | None = None) -> None:
        title, passages = self._marked()
        self._pane.show(passages, title)
        if self._note.display and not self._unseen():
            self.note("")
        self._count()

    def _marked(self) -> tuple[str, Sequence[Passage]]:
        """Return what the pane shows, and its title."""
        number, differences = self._open.table.number, self._differences
        if number is None:
            return "Nothing is marked", ()
        group = differences.groups[number] if self._open is self._groups else None
        first = group.members[0] if group else number
        if self._as_json:
            more = f", the first of {len(group.members):,}" if group and len(group.members) > 1 else ""
            return f"As JSON: {differences.names[first]}{more}", shown.json_passages(differences, first)
        return "In words", shown.group_passages(differences, group) if group else shown.repository_passages(differences, number)

    def _count(self) -> None:
        total, unseen = len(self._differences.names), self._unseen()
        if self._open is self._repositories:
            found = self._open.found("repositories")
            text = (
                f"{found}."
                if found
                else f"{_counted(total, 'repository', 'repositories')}, {len(self._fields):,} with exceptions."
            )
        else:
            found = self._open.found("differences")
            exceptions = f"{_counted(self._exceptions, 'exception')}{f' ({unseen:,} to look at)' if unseen else ''}"
            rules = _counted(len(self._differences.groups) - self._exceptions, "rule")
            text = f"{found}; {exceptions}." if found else f"{exceptions.capitalize()}, then {rules}, in {total:,} repositories."
        counts = fit(text, max(3, self.app.size.width - AROUND))
        if counts != self._counts.content:
            self._counts.update(counts, layout=False)


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}" if number else f"no {many or f'{one}s'}"
