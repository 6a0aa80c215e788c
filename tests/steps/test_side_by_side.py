# SPDX-License-Identifier: Apache-2.0
"""Work that is done side by side comes back in order, a few at a time, and its first error with it; large fleets are let be."""

from __future__ import annotations

import gc
import threading

import pytest

from ceremony.errors import StorageError
from ceremony.steps import agenda
from ceremony.steps.side_by_side import AT_ONCE, THREADS, TOGETHER, side_by_side
from tests.fakes.fleet import APP, World, changing_plan
from tests.fakes.room import fast_seal  # noqa: F401 - a fixture for every test here


@pytest.mark.parametrize("count", [0, 1, TOGETHER + 1, AT_ONCE, 2 * AT_ONCE + 3])
def test_results_come_in_the_order_of_the_items(count):
    assert list(side_by_side(lambda number: number * 2, range(count))) == [2 * number for number in range(count)]


def test_several_are_done_at_the_same_time():
    meeting = threading.Barrier(THREADS)

    def meet(number):
        if number % TOGETHER == 0:
            meeting.wait(timeout=60)
        return number

    assert list(side_by_side(meet, range(THREADS * TOGETHER))) == list(range(THREADS * TOGETHER))


def test_no_more_is_begun_than_is_asked_for_soon():
    begun = []
    results = side_by_side(begun.append, range(10 * AT_ONCE))
    next(results)
    results.close()
    assert len(begun) <= AT_ONCE


def test_an_error_is_raised_after_what_came_before_it():
    def act(number):
        if number == AT_ONCE:
            raise StorageError("folder", "is gone", hint="put it back")
        return number

    seen = []
    with pytest.raises(StorageError, match="is gone"):
        seen.extend(side_by_side(act, range(2 * AT_ONCE)))
    assert seen == list(range(AT_ONCE))


@pytest.mark.parametrize("large", [0, 1])
def test_a_large_fleet_is_kept_from_the_collector_of_garbage(large, monkeypatch):
    monkeypatch.setattr(agenda, "LARGE", large)
    room = World(APP).after(changing_plan("renewal", expires={"root": "2035-06-01T00:00:00Z"}, backed_up=False)).begin()
    before = gc.get_freeze_count()
    try:
        assert list(agenda.fleet(room)) == [APP]
        assert (gc.get_freeze_count() > before) == (large == 0)
    finally:
        gc.unfreeze()
