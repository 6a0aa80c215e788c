# SPDX-License-Identifier: Apache-2.0
"""The format of public copies: what stands for a withheld record, and what a copy says of itself."""

from __future__ import annotations

import hashlib

import pytest

from ceremony.core import proof, redacted

LINE = b'{"actor":"ceremony"}\n'


def test_a_withheld_line_is_its_leaf_and_its_number():
    leaf = hashlib.sha256(b"\0" + LINE).hexdigest()
    stub = redacted.stub(LINE, 31)
    assert stub == f'{{"leaf":"{leaf}","seq":31}}\n'.encode()
    assert redacted.withheld_leaf(stub, 31) == bytes.fromhex(leaf)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(LINE, id="a record"),
        pytest.param(b'{"leaf":"%s","seq":7}\n' % (b"ab" * 32), id="another number"),
        pytest.param(b'{"leaf":"%s","seq":03}\n' % (b"ab" * 32), id="a number with a zero"),
        pytest.param(b'{"leaf":"%s","seq":3}\n' % (b"AB" * 32), id="upper case"),
        pytest.param(b'{"leaf":"%s","seq":3}\n' % (b"ab" * 31), id="too short"),
        pytest.param(b'{"leaf":"%s","seq":3}' % (b"ab" * 32), id="no newline"),
        pytest.param(b'{"leaf":"%s","seq":3}\r\n' % (b"ab" * 32), id="a carriage return"),
        pytest.param(b'{"leaf":"%s", "seq":3}\n' % (b"ab" * 32), id="a blank"),
        pytest.param(b'{"leaf":"%s","line":"","seq":3}\n' % (b"ab" * 32), id="another member"),
    ],
)
def test_no_other_line_stands_for_a_withheld_record(line):
    assert redacted.withheld_leaf(line, 3) is None


def test_a_line_counts_the_same_whether_it_is_withheld_or_not():
    lines = [b"%d\n" % seq for seq in range(9)]
    hidden = b"".join(redacted.stub(line, seq) if seq % 3 else line for seq, line in enumerate(lines))
    assert redacted.leaves(hidden) == redacted.leaves(b"".join(lines)) == [proof.leaf(line) for line in lines]


def test_what_a_copy_says_of_itself_is_part_of_its_form():
    # A copy is judged by this text for as long as anybody keeps it: another text is another form.
    assert redacted.FORM == "ceremony-redacted/v1"
    note = redacted.note(120, 17)
    assert note.startswith(b"ceremony-redacted/v1\n")
    assert b"\nrecords in the log: 120\nwithheld: 17\n" in note
    assert hashlib.sha256(note).hexdigest() == "f8bd4239c798abbde55f6ecb930430528cc7fc9e0af181f840c1a4d8104e8e8d"
