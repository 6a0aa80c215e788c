# SPDX-License-Identifier: Apache-2.0
"""The lines that a terminal keeps above its screen: erased once something left the screen that nobody may scroll back to.

The sequence is `ESC [ 3 J` (xterm, "erase saved lines"; tmux clears its history
with it). A Linux console erases the screen with them, so all of it is drawn again.
"""

from __future__ import annotations

from typing import Any

from textual.app import App

ERASE_SAVED_LINES = "\x1b[3J"


def wipe_scrollback(app: App[Any]) -> None:
    """Erase the terminal's saved lines as soon as the screen was drawn anew, then draw the screen once more."""
    app.call_after_refresh(_erase, app)


def _erase(app: App[Any]) -> None:
    driver = app._driver  # noqa: SLF001 - textual has no public way to send a sequence that is not drawn
    if driver is not None:
        driver.write(ERASE_SAVED_LINES)
        driver.flush()
        app.refresh()
