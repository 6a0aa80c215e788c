# SPDX-License-Identifier: Apache-2.0
"""Work on many repositories side by side: while one waits for the disk, or has a signature verified, others go on.

For work that reads and judges; whatever is recorded, asked or shown stays in the thread of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

THREADS = 4
TOGETHER = 8
"""Items that a thread takes at once: to hand one over costs as much as a part of its work."""
AT_ONCE = THREADS * TOGETHER * 4
"""Items that are begun before the first of them is given back."""


def side_by_side(act: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
    """Yield what `act` returns for each item, in their order; raises what `act` raises, when it comes to that item's share."""
    left = iter(items)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="repositories") as pool:
        while batch := list(islice(left, AT_ONCE)):
            shares = [batch[start : start + TOGETHER] for start in range(0, len(batch), TOGETHER)]
            for done in pool.map(partial(_each, act), shares):
                yield from done


def _each(act: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    return [act(item) for item in items]
