# SPDX-License-Identifier: Apache-2.0
"""Lines that scroll in a place that stays: when their number changes, nothing around them is laid out anew."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView


class SteadyView(ScrollView, inherit_bindings=False):
    """As many lines as it is told; it draws those in sight."""

    def set_height(self, lines: int) -> None:
        """Take notice of how many lines there are now."""
        size = Size(0, lines)
        bar = self.styles.overflow_y == "scroll" or lines > self.container_size.height
        if bar != self.show_vertical_scrollbar:
            self.virtual_size = size
            return
        # Set without a word: the library lays the whole screen out anew, though only the bar's handle changes.
        self.set_reactive(SteadyView.virtual_size, size)
        if bar:
            self.vertical_scrollbar.window_virtual_size = lines
