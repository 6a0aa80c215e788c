# SPDX-License-Identifier: Apache-2.0
"""Characters that draw nothing, or something else than they are: the report and what is printed make them visible.

One list for all of them, and not by a library's categories, which every release of Python
knows better: the same bytes make the same page. Controls and formats, marks of direction,
blanks that are none, what is not drawn, private use, half pairs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)


def made_visible(text: str, as_what: Callable[[int], str]) -> str:
    """Return text with each character that draws nothing as what `as_what` says of its code point."""
    # Ascii that prints is most of what there is, and no release of Python disagrees about it.
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(lambda match: as_what(ord(match[0])), text)
