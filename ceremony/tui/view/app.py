# SPDX-License-Identifier: Apache-2.0
"""The app: tabs of tables, a search, one row in full; it ends with the audit's exit code.

One worker thread reads the log, then audits the folder; what it found arrives as
messages. Nothing here writes, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.scrollbar import ScrollBar

from ceremony.core.audit import audit
from ceremony.core.ports import Readable
from ceremony.errors import ExitCode
from ceremony.tui.modals.panel import PanelModal
from ceremony.tui.pauses import settle
from ceremony.tui.theme import THEME, WholeCells
from ceremony.tui.view.bars import Detail, TabBar, ViewHeader
from ceremony.tui.view.pager import Pager
from ceremony.tui.view.reading import TABS, Broke, Judged, Leavable, Opened, Tables, first_tables, read_and_judge
from ceremony.tui.view.rows import Rows
from ceremony.tui.view.verdict import Auditor, Verdict
from ceremony.tui.widgets import too_small
from ceremony.tui.widgets.entry import LineEntry
from ceremony.tui.widgets.keys import KeyLine, help_text
from ceremony.tui.widgets.listing import Listing
from ceremony.tui.widgets.search import SearchTable


@dataclass(eq=False)
class LeaveAsked(Message):
    """The process was told to end (SIGINT)."""


_SEARCH_KEYS = (
    Binding("enter", "keep", "Keep", key_display="Enter"),
    Binding("escape", "clear", "Show all", key_display="Esc"),
)
NO_ROW = "There is no such row."


class ViewApp(App[ExitCode], inherit_bindings=False):
    """A folder on the screen; its result is what the audit says."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["../app.tcss", "view.tcss"]
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "show_tab(0)", "Tab", key_display="1-7", tooltip="Go to a tab", id="view.tab"),
        *(Binding(str(number), f"show_tab({number - 1})", "Tab", show=False) for number in range(2, len(TABS) + 1)),
        Binding("slash", "search", "Filter", key_display="/", tooltip="Show only rows that hold a text", id="view.search"),
        Binding("f1", "help", "Help", key_display="F1", tooltip="Show the keys", id="view.help", priority=True),
        Binding("q,Q", "leave", "Quit", key_display="Q", tooltip="Leave with the verdict's exit code", id="view.leave"),
        Binding(
            "ctrl+q,ctrl+c", "leave", "Quit", key_display="Ctrl+Q", tooltip="Leave, from anywhere", show=False, priority=True
        ),
    ]

    def __init__(self, folder: Readable, sizes: Mapping[str, int], *, name: str, auditor: Auditor = audit) -> None:
        super().__init__()
        self._auditor = auditor
        self.crash: BaseException | None = None
        """What nobody foresaw."""
        self.verdict: Verdict | None = None
        self._folder = Leavable(folder, dict(sizes))
        self._header = ViewHeader(name)
        self._bar = TabBar(TABS)
        self._tables = dict(first_tables(self._folder))
        self._listings = {name: Listing(self._tables[name].columns) for name in TABS}
        self._detail = Detail()
        self._search = SearchTable(Rows((), gap=1, empty="", on_mark=self._show_detail))
        self._current = 0
        self._page = Pager()
        self._keys = KeyLine(())

    def compose(self) -> ComposeResult:
        """Two lines, the table, the row of the cursor, the search, the keys."""
        yield self._header
        yield self._bar
        yield self._search
        yield self._detail
        yield self._page
        yield self._keys
        yield too_small.TooSmall()

    def on_mount(self) -> None:
        """Set the colours, then read and judge."""
        ScrollBar.renderer = WholeCells
        self.register_theme(THEME)
        self.theme = THEME.name
        self._take(self._tables)
        self._show_only(self._search)
        self.run_worker(self._work, name="view", thread=True, exit_on_error=False)

    def on_resize(self) -> None:
        """Say on every screen whether the terminal is too small, once the app has taken its new size."""
        self.call_next(self._fit_all)

    def _fit_all(self) -> None:
        for screen in self.screen_stack:
            screen.set_class(self.size.width < too_small.WIDTH or self.size.height < too_small.HEIGHT, "too-small")

    def _fatal_error(self) -> None:
        # Textual would print a traceback with the values of all variables.
        self.crash = self._exception
        self._close_messages_no_wait()

    # --- the worker thread ---

    def _work(self) -> None:
        read_and_judge(self._folder, self._auditor, self.post_message)

    @on(Opened)
    def show_log(self, message: Opened) -> None:
        """Show what was read."""
        self._header.name_it(message.title, message.mode)
        self._take(message.tables)
        self.call_after_refresh(settle)

    @on(Judged)
    def show_verdict(self, message: Judged) -> None:
        """Show what the audit found."""
        self.verdict = message.verdict
        self._header.judge(message.verdict.word)
        self._take(message.tables)
        self.call_after_refresh(settle)

    def _take(self, tables: Tables) -> None:
        """Take newer tables in the place of some; search and mark stay."""
        self._tables.update(tables)
        for name, table in tables.items():
            self._listings[name].take(table.rows.__getitem__, [row.searched for row in table.rows])
        if self._tab in tables:
            self._turn()

    @on(Broke)
    def end(self, message: Broke) -> None:
        """Leave; the error is raised where the view was opened."""
        self.crash = message.error
        self.action_leave()

    # --- rows ---

    @property
    def _tab(self) -> str:
        return TABS[self._current]

    def _turn(self) -> None:
        self._search.turn_to(self._listings[self._tab])
        self.entitle()

    @on(SearchTable.Filtered)
    def entitle(self) -> None:
        """Say what the table is, or how many of its rows match."""
        found = self._search.found("rows")
        self._search.border_title = Content(f"{self._tab}, {found}" if found else self._tables[self._tab].title)

    def _show_detail(self, number: int | None) -> None:
        self._detail.show(NO_ROW if number is None else self._tables[self._tab].detail(number))

    @on(Rows.Chosen)
    def show_page(self, message: Rows.Chosen) -> None:
        """Show a row in full."""
        self._page.show(self._tables[self._tab].page(message.number))
        self._show_only(self._page)

    @on(Pager.Closed)
    def close_page(self) -> None:
        """Go back to the table."""
        self._show_only(self._search)

    def _show_only(self, widget: SearchTable | Pager) -> None:
        """Show the table, or a row in full."""
        self._search.display = self._detail.display = widget is self._search
        self._page.display = widget is self._page
        widget.focus()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Name the keys that work there."""
        if isinstance(event.widget, LineEntry):
            self._keys.show(_SEARCH_KEYS)
        elif isinstance(event.widget, Rows | Pager):
            self._keys.show([key for key in [*event.widget.BINDINGS, *self.BINDINGS] if isinstance(key, Binding)])

    # --- what people ask for ---

    @on(TabBar.Clicked)
    def take_click(self, message: TabBar.Clicked) -> None:
        """Go where the mouse was."""
        self.action_show_tab(message.number)

    def action_show_tab(self, number: int) -> None:
        """Show a tab."""
        self._current = number
        self._bar.show(number)
        self._turn()
        self._show_only(self._search)

    @on(Rows.Aside)
    def show_tab_beside(self, message: Rows.Aside) -> None:
        """Show the tab beside this one."""
        self.action_show_tab((self._current + message.tabs) % len(TABS))

    def action_search(self) -> None:
        """Open the filter of this tab."""
        self._show_only(self._search)
        self._search.action_open_filter()

    def action_help(self) -> None:
        """Show the keys that work now."""
        if len(self.screen_stack) == 1:
            here = [active.binding for active in self.screen.active_bindings.values()]
            self.push_screen(PanelModal("Keys", help_text(here)))
            self._fit_all()

    @on(LeaveAsked)
    def action_leave(self) -> None:
        """Leave with what the audit says; before it has said anything, as something that is not complete."""
        self._folder.left = True
        code = self.verdict.code if self.verdict else ExitCode.INCOMPLETE
        self.exit(code, return_code=int(code))
