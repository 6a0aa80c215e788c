# SPDX-License-Identifier: Apache-2.0
"""What lsblk says is read to the letter; what a stick says of itself is text, and never more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.media_lsblk import COLUMNS, LIMIT, Node, parse, shown
from ceremony.errors import StorageError


def device(**changed: object) -> dict[str, Any]:
    """A stick as lsblk of util-linux 2.38 names it."""
    return {
        "name": "sdb", "path": "/dev/sdb", "maj:min": "8:16", "type": "disk", "rm": True, "ro": False, "hotplug": True,
        "tran": "usb", "vendor": "SanDisk ", "model": "Ultra", "serial": "4C530001", "size": 15728640, "fstype": "ext4",
        "uuid": "1b7f", "label": None, "mountpoint": None,
    } | changed  # fmt: skip


def answer(*devices: object) -> bytes:
    return json.dumps({"blockdevices": devices}).encode()


STICK = Node(
    path="/dev/sdb", number="8:16", kind="disk", size=15728640, removable=True, hotplug=True, read_only=False,
    transport="usb", model="SanDisk Ultra", serial="4C530001", file_system="ext4", uuid="1b7f", label="", swap=False,
    children=(),
)  # fmt: skip


def test_reads_a_stick() -> None:
    assert parse(answer(device())) == (STICK,)
    assert set(device()) == {column.lower() for column in COLUMNS}


MODELS = [
    pytest.param("SanDisk ", "Ultra  USB 3.0 ", "SanDisk Ultra USB 3.0", id="both"),
    pytest.param("Kingston", "kingston DataTraveler", "kingston DataTraveler", id="a model that repeats its maker"),
    pytest.param(None, "Ultra", "Ultra", id="no maker"),
    pytest.param("SanDisk", None, "SanDisk", id="no model"),
    pytest.param(None, None, "", id="neither"),
]


@pytest.mark.parametrize(("vendor", "model", "name"), MODELS)
def test_names_a_stick_by_maker_and_model(vendor: str | None, model: str | None, name: str) -> None:
    assert parse(answer(device(vendor=vendor, model=model)))[0].model == name


def test_reads_no_devices_at_all() -> None:
    assert parse(answer()) == ()


def test_reads_the_flags_and_sizes_of_older_programs() -> None:
    assert parse(answer(device(rm="1", ro="0", hotplug="1", size="15728640"))) == (STICK,)


def test_reads_what_lies_on_a_device() -> None:
    crypt = device(path="/dev/mapper/secret", type="crypt", **{"maj:min": "254:0"})
    part = device(path="/dev/sdb1", type="part", mountpoint="[SWAP]", children=[crypt])
    (disk,) = parse(answer(device(children=[part])))
    assert [(node.path, node.kind, node.swap) for node in disk.family()] == [
        ("/dev/sdb", "disk", False),
        ("/dev/sdb1", "part", True),
        ("/dev/mapper/secret", "crypt", False),
    ]


def _deep(depth: int) -> dict[str, Any]:
    return device(children=[_deep(depth - 1)] if depth else [])


FIELDS = [
    pytest.param(device(path="/etc/passwd"), "names a device '/etc/passwd'", id="a path elsewhere"),
    pytest.param(device(path="/dev/../etc/passwd"), r"names a device '/dev/\.\./etc/passwd'", id="a path that leads out"),
    pytest.param(device(path="/dev/sdb -o suid"), "names a device", id="a path with an option"),
    pytest.param(device(path="/dev/sd\nb"), "names a device", id="a path with a newline"),
    pytest.param(device(path=None), "names a device ''", id="no path"),
    pytest.param(device(**{"maj:min": "8"}), "gives /dev/sdb the number '8'", id="half a number"),
    pytest.param(device(rm=None), "whether a device is rm", id="a flag left out"),
    pytest.param(device(rm=[]), "whether a device is rm", id="a flag that is a list"),
    pytest.param(device(hotplug="yes"), "whether a device is hotplug", id="a flag in words"),
    pytest.param(device(ro=1), "whether a device is ro", id="a flag as a number"),
    pytest.param(device(size=-1), "does not say the size", id="a size below nothing"),
    pytest.param(device(size=True), "does not say the size", id="a size that is a flag"),
    pytest.param(device(size="15M"), "does not say the size", id="a size for people"),
    pytest.param(device(size=None), "does not say the size", id="no size"),
    pytest.param(device(serial=4), "does not say the serial", id="a serial as a number"),
    pytest.param({k: v for k, v in device().items() if k != "label"}, "does not say the label", id="a column left out"),
    pytest.param(device(children={}), "lie on one another", id="children that are no list"),
    pytest.param(_deep(20), "lie on one another without end", id="very deep"),
    pytest.param("sdb", "a device that is no object", id="a name alone"),
]


@pytest.mark.parametrize(("said", "says"), FIELDS)
def test_refuses_another_form(said: object, says: str) -> None:
    with pytest.raises(StorageError, match=says) as caught:
        parse(answer(said))
    assert caught.value.store == "lsblk"
    assert caught.value.hint


ANSWERS = [
    pytest.param(b"", "does not answer in JSON", id="nothing"),
    pytest.param(b"NAME MAJ:MIN RM\nsdb 8:16 1\n", "does not answer in JSON", id="a table"),
    pytest.param(b"[" * 100_000, "does not answer in JSON", id="brackets"),
    pytest.param(b"[]", "names no 'blockdevices'", id="a list"),
    pytest.param(b'{"blockdevices": 1}', "names no 'blockdevices'", id="a number"),
    pytest.param(b'{"blockdevices": [], "blockdevices": []}', "says one thing twice", id="twice"),
    pytest.param(b" " * (LIMIT + 1), "says more than 1048576 bytes", id="too much"),
]


@pytest.mark.parametrize(("said", "says"), ANSWERS)
def test_refuses_what_is_no_answer(said: bytes, says: str) -> None:
    with pytest.raises(StorageError, match=says):
        parse(said)


HOSTILE = [
    pytest.param("4C53\x1b[2J\x07", "4C53?[2J?", id="escape sequences"),
    pytest.param("4C53\n0001", "4C53?0001", id="a newline"),
    pytest.param("\u202e1000", "?1000", id="right to left"),
    pytest.param("e\u0301", "é", id="not composed"),
    pytest.param("  4C53  ", "4C53", id="padded"),
    pytest.param("\ud800", "?", id="half a surrogate pair"),
    pytest.param("9" * 4000, "9" * 128, id="very long"),
]


@pytest.mark.parametrize(("said", "read"), HOSTILE)
def test_what_a_stick_says_of_itself_can_be_shown(said: str, read: str) -> None:
    (node,) = parse(answer(device(serial=said, label=said, vendor=None, model=said, fstype=said, uuid=said)))
    assert (node.serial, node.label, node.file_system, node.uuid) == (read,) * 4
    assert node.model.isprintable()


def test_takes_bytes_that_are_not_utf_8() -> None:
    (node,) = parse(answer(device(label="LABEL")).replace(b"LABEL", b"\xff\xfe"))
    assert node.label == "\N{REPLACEMENT CHARACTER}" * 2


@given(st.text())
def test_all_that_is_shown_is_printable(text: str) -> None:
    clean = shown(text)
    assert clean.isprintable()
    assert len(clean) <= 128
    assert shown(clean) == clean


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_is_read_or_refused(said: object) -> None:
    for form in (said, {"blockdevices": said}, {"blockdevices": [device(children=[said])]}):
        try:
            parse(json.dumps(form).encode())
        except StorageError:
            continue
