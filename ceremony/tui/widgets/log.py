# SPDX-License-Identifier: Apache-2.0
"""The ceremony log as it grows: one short line a record, cut at the width, for reading along."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import RichLog

from ceremony.core import canonical
from ceremony.core.canonical import Json
from ceremony.errors import VerificationError
from ceremony.tui.text import visible

_BAD = frozenset(["fail", "refused"])


def short_line(line: bytes) -> Text:
    """Return a raw log line as number, time, outcome, step, kind and actor; one that cannot be read says so."""
    try:
        record = canonical.parse_loose(line, "record")
    except VerificationError as error:
        return Text(visible(f"a record that cannot be shown: {error}"), style="bold")
    if not isinstance(record, dict):
        return Text("a record that cannot be shown: it is not an object", style="bold")
    seq, utc, kind, step, actor, outcome = (
        _text(record.get(name)) for name in ("seq", "utc", "kind", "step", "actor", "outcome")
    )
    text = Text(f"{seq:>4} {utc[11:19]:8} {outcome:7} {step or '-'} {kind} ({actor})", no_wrap=True)
    if outcome in _BAD:
        text.stylize("bold reverse", 14, 14 + len(outcome))
    return text


def _text(value: Json) -> str:
    return visible(value if isinstance(value, str) else "" if value is None else str(value))


class LogView(RichLog):
    """The records, the newest at the end."""

    BORDER_TITLE = "Log"

    def __init__(self) -> None:
        super().__init__(wrap=False, markup=False, highlight=False, min_width=0)
        self.count = 0

    def add(self, line: bytes) -> None:
        """Add a raw line of the log."""
        self.count += 1
        self.border_title = f"Log, {self.count:,} records"
        self.write(short_line(line), shrink=False)
