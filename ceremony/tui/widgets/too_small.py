# SPDX-License-Identifier: Apache-2.0
"""What stands over everything while the terminal is too small to show it whole."""

from __future__ import annotations

from textual.widgets import Static

WIDTH = 80
HEIGHT = 24


class TooSmall(Static):
    """Says so in words; each screen holds one, and shows it while it has the class `too-small`."""

    def __init__(self) -> None:
        super().__init__(f"The terminal is too small. Make it at least {WIDTH} by {HEIGHT}; nothing is lost.", markup=False)
