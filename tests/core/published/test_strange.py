# SPDX-License-Identifier: Apache-2.0
"""Strange metadata: whatever stands anywhere, and any byte changed, is read or refused in words; nothing else happens."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.published.changes import Changes
from ceremony.errors import VerificationError
from tests.core.published.made import NOW, Made, pinned, read
from tests.core.published.test_next import ROTATION, files_for

STRANGE: list[Any] = [None, True, -1, 2**70, "", "text", "é\u0301\u2028", [], [None], [[]], {}, {"a": {}}]
Where = tuple[str | int, ...]


def _walk(value: Any, where: Where = ()) -> Iterator[Where]:
    if where:
        yield where
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        yield from _walk(item, (*where, name))


def _parts(made: Made) -> dict[str, Any]:
    return {
        "root": made.root[2],
        "older root": made.root[1],
        "targets": made.targets[5],
        "alice": made.delegated["targets/alice"][1],
    }


PLACES = [(part, where) for part, content in _parts(Made()).items() for where in _walk(content)]


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_anything_anywhere_is_read_or_refused(strange: Any) -> None:
    for part, where in PLACES:
        made = Made()
        holder = _parts(made)[part]
        for name in where[:-1]:
            holder = holder[name]
        holder[where[-1]] = copy.deepcopy(strange)
        with suppress(VerificationError):
            published = read(made)
            SEQUEL.next_targets(published, Changes())
            SEQUEL.next_root(published, Changes())


GOOD = Made().served()
ROLES = sorted(GOOD.metadata)


@settings(max_examples=300)
@given(st.sampled_from(ROLES), st.integers(min_value=0), st.integers(0, 255))
def test_any_byte_changed_is_refused_or_means_the_same(role: str, place: int, byte: int) -> None:
    version, data = GOOD.metadata[role][-1]
    at = place % len(data)
    changed = data[:at] + bytes([byte]) + data[at + 1 :]
    metadata = {**GOOD.metadata, role: [*GOOD.metadata[role][:-1], (version, changed)]}
    with suppress(VerificationError):
        SEQUEL.read(type(GOOD)(GOOD.repository, metadata, GOOD.server), pinned(), NOW)
        # The timestamp alone is named by no hash: its signature decides, and that is over what it means.
        assert changed == data or role == "timestamp"


PUBLISHED = read(Made())
FINISHED = files_for(PUBLISHED, ROTATION)


@settings(max_examples=300)
@given(st.sampled_from(sorted(FINISHED)), st.integers(min_value=0), st.integers(0, 255))
def test_any_byte_changed_in_what_is_to_be_published_is_refused(role: str, place: int, byte: int) -> None:
    data = FINISHED[role]
    at = place % len(data)
    changed = data[:at] + bytes([byte]) + data[at + 1 :]
    if changed == data:
        SEQUEL.check_next(PUBLISHED, FINISHED, ROTATION, NOW)
        return
    with pytest.raises(VerificationError):
        SEQUEL.check_next(PUBLISHED, FINISHED | {role: changed}, ROTATION, NOW)
