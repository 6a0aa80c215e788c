# SPDX-License-Identifier: Apache-2.0
"""Tables out of what anybody could have written: they never raise, and lose nothing."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ceremony.core.audit import audit
from ceremony.core.bundle import LOG
from ceremony.core.chronicle import State
from ceremony.tui.view import chronicle, keys
from ceremony.tui.view.pager import wrapped
from ceremony.tui.view.tables import SHOWN, Table, bytes_text
from ceremony.tui.view.verdict import files, findings, judge
from tests.core.chronicle.records import KINDS, jsons, record
from tests.fakes.folder import FakeFolder

LINES = st.lists(
    st.binary(max_size=40).map(lambda data: data + b"\n")
    | st.builds(lambda kind, body: json.dumps(record(kind, {"made": body, "plan": body})).encode() + b"\n", st.sampled_from(KINDS), jsons),
    max_size=6,
)  # fmt: skip


def look(table: Table) -> None:
    """Look at every row as the screen does."""
    for number, row in enumerate(table.rows):
        assert len(row.cells) == len(table.columns)
        assert isinstance(table.detail(number), str)
        assert table.page(number).text.isprintable() or "\n" in table.page(number).text


@given(LINES)
def test_any_log_is_told(lines):
    read = chronicle.read(b"".join(lines))
    for table in (chronicle.timeline(read), chronicle.timeline(read, 1), chronicle.deviations(read), chronicle.devices(read)):
        look(table)
    look(chronicle.summary(read))


@given(
    st.binary(max_size=60) | jsons.map(lambda value: json.dumps({"root_keys": [value], "repository_keys": {"a": value}}).encode())
)
def test_any_inventory_is_told(data):
    look(keys.keys(data, State()))


@given(st.binary(max_size=60))
def test_any_folder_is_judged(data):
    folder = FakeFolder("f", {LOG: data, "heads/0001.txt": data})
    verdict = judge(folder, audit)
    look(findings(verdict))
    look(files(folder, {LOG: len(data), "heads/0001.txt": len(data)}, verdict))


def test_a_log_that_is_too_long_is_shown_to_its_limit():
    read = chronicle.read(b"x\n" * 10, most=4)
    assert (len(read.entries), read.rest) == (4, 12)
    assert chronicle.timeline(read).title == "Timeline, 4 lines of the log, 4 DAMAGED, and 12 bytes more that are not shown"


def test_a_sentence_that_is_too_long_is_whole_on_its_page():
    line = json.dumps(record("stop", {"why": "y" * 5_000})).encode() + b"\n"
    table = chronicle.timeline(chronicle.read(line))
    assert len(table.detail(0)) < 2_500
    assert f"Stopped: {'y' * 5_000}" in table.page(0).text


@given(st.text(), st.integers(2, 9))
def test_a_line_is_cut_and_nothing_is_lost(line, width):
    parts = list(wrapped(line, width))
    assert "".join(parts) == line
    assert all(cell_len(part) <= width for part in parts)


def test_a_line_is_cut_behind_a_space_where_there_is_one():
    assert list(wrapped("one two three", 8)) == ["one two ", "three"]


def test_what_is_too_much_is_counted():
    assert bytes_text(b"x" * (SHOWN + 7), lines=True).endswith("x\n... and 7 bytes more")
