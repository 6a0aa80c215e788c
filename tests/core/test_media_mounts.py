# SPDX-License-Identifier: Apache-2.0
"""Mount points are any bytes; the kernel's own escapes are the only ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.media_mounts import Mount, parse
from ceremony.errors import StorageError

LINE = b"64 27 8:17 / %b rw,nosuid,nodev,noexec shared:1 - ext4 /dev/sdb1 rw,errors=remount-ro\n"


def test_reads_the_example_of_proc_5() -> None:
    line = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
    assert parse(line) == (Mount("98:0", "/mnt1", "/mnt2", read_only=False),)


def test_reads_many_and_none() -> None:
    assert [mount.point for mount in parse(LINE % b"/a" + LINE % b"/b")] == ["/a", "/b"]
    assert parse(b"") == ()


READ_ONLY = [
    pytest.param(b"1 2 8:17 / /a ro,nosuid - ext4 /dev/sdb1 rw\n", id="this mount"),
    pytest.param(b"1 2 8:17 / /a rw,nosuid - ext4 /dev/sdb1 ro,errors=remount-ro\n", id="the file system, after an error"),
]


@pytest.mark.parametrize("line", READ_ONLY)
def test_tells_what_is_read_only(line: bytes) -> None:
    assert parse(line)[0].read_only


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_every_name_comes_back(name: bytes) -> None:
    written = name
    for byte in (b"\\", b" ", b"\t", b"\n"):
        written = written.replace(byte, b"\\%03o" % byte[0])
    (mount,) = parse(LINE % (b"/" + written))
    assert mount.point.encode("utf-8", "surrogateescape") == b"/" + name


STRANGE = [
    pytest.param(b"junk\n", id="no fields"),
    pytest.param(b"1 2 8:17 / /a rw ext4 /dev/sdb1 rw\n", id="no dash"),
    pytest.param(b"1 2 8:17 / - ext4 /dev/sdb1 rw\n", id="too few before it"),
    pytest.param(b"1 2 8:17 / /a rw - ext4 /dev/sdb1\n", id="too few after it"),
]


@pytest.mark.parametrize("line", STRANGE)
def test_refuses_another_form(line: bytes) -> None:
    with pytest.raises(StorageError, match="a line that is not understood"):
        parse(line)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except StorageError:
        return
