# SPDX-License-Identifier: Apache-2.0
"""What `lsblk` says of the block devices of this machine, as values.

`parse` reads the JSON of `lsblk --json --bytes --output NAME,...` with exactly the
columns of `COLUMNS` (util-linux 2.33 or later). The form of the answer is held to the
letter: a column that is missing or of another type is an error, for then it is not the
program that was asked. What a stick itself chooses (vendor, model, serial, label) may
be anything; it becomes text that can be shown and recorded, and never more than that.

Which of the devices can serve as a medium is for `media_judge` to say.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ceremony.errors import StorageError

COLUMNS: Final = (
    "NAME", "PATH", "MAJ:MIN", "TYPE", "RM", "RO", "HOTPLUG", "TRAN", "VENDOR", "MODEL", "SERIAL", "SIZE", "FSTYPE", "UUID",
    "LABEL", "MOUNTPOINT",
)  # fmt: skip
"""What `lsblk` is asked for, in its own words."""

LIMIT: Final = 1 << 20
"""Bytes of an answer: some thousand devices."""

_LONGEST = 128
_PATH = re.compile(r"/dev/[A-Za-z0-9_.:+@/-]{1,200}")
_NUMBER = re.compile(r"[0-9]{1,10}:[0-9]{1,10}")
_FLAGS = {True: True, False: False, "1": True, "0": False}
_HINT = "install util-linux 2.33 or later; this program understands no other answer"


@dataclass(frozen=True, slots=True)
class Node:
    """One block device, and what lies on it: partitions, or what was opened from it."""

    path: str
    number: str
    """Major and minor, as in `8:17`."""
    kind: str
    """`disk`, `part`, `crypt`, `lvm`, `loop`..."""
    size: int
    """Bytes."""
    removable: bool
    hotplug: bool
    read_only: bool
    transport: str
    """`usb`, `sata`, `nvme`...; empty where lsblk knows none, and for partitions."""
    model: str
    """Vendor and model."""
    serial: str
    file_system: str
    uuid: str
    label: str
    swap: bool
    """The kernel swaps to it now."""
    children: tuple[Node, ...]

    def family(self) -> Iterator[Node]:
        """Yield this device and everything on it."""
        yield self
        for child in self.children:
            yield from child.family()


def parse(answer: bytes) -> tuple[Node, ...]:
    """Return the devices at the top of lsblk's tree; raises StorageError for an answer of another form."""
    if len(answer) > LIMIT:
        raise _strange(f"says more than {LIMIT} bytes")
    try:
        top = json.loads(answer.decode(errors="replace"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise _strange("does not answer in JSON") from error
    match top:
        case {"blockdevices": list(devices)}:
            return tuple(_node(device, 0) for device in devices)
    raise _strange("names no 'blockdevices'")


def shown(text: str, longest: int = _LONGEST) -> str:
    """Return `text` as it can be shown and recorded: NFC, what cannot be printed as '?', at most `longest` characters."""
    clean = "".join(char if char.isprintable() else "?" for char in text.strip())
    return unicodedata.normalize("NFC", clean)[:longest].strip()


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _strange("says one thing twice")
    return found


def _node(fields: object, depth: int) -> Node:
    if not isinstance(fields, dict):
        raise _strange("names a device that is no object")
    children = fields.get("children", [])
    if not isinstance(children, list) or depth > 16:
        raise _strange("names devices that lie on one another without end")
    path, number = _text(fields, "path"), _text(fields, "maj:min").strip()
    if not _PATH.fullmatch(path) or ".." in path:
        raise _strange(f"names a device {path!r}")
    if not _NUMBER.fullmatch(number):
        raise _strange(f"gives {path} the number {number!r}")
    return Node(
        path=path,
        number=number,
        kind=shown(_text(fields, "type")),
        size=_size(fields),
        removable=_flag(fields, "rm"),
        hotplug=_flag(fields, "hotplug"),
        read_only=_flag(fields, "ro"),
        transport=shown(_text(fields, "tran")),
        model=_model(_text(fields, "vendor"), _text(fields, "model")),
        serial=shown(_text(fields, "serial")),
        file_system=shown(_text(fields, "fstype")),
        uuid=shown(_text(fields, "uuid")),
        label=shown(_text(fields, "label")),
        swap=_text(fields, "mountpoint") == "[SWAP]",
        children=tuple(_node(child, depth + 1) for child in children),
    )


def _model(vendor: str, model: str) -> str:
    repeats = model.strip().casefold().startswith(vendor.strip().casefold())
    return shown(" ".join((model if repeats else f"{vendor} {model}").split()))


def _text(fields: dict[str, object], name: str) -> str:
    match fields.get(name, 0):
        case None:
            return ""
        case str(text):
            return text
    raise _strange(f"does not say the {name} of a device")


def _flag(fields: dict[str, object], name: str) -> bool:
    match fields.get(name):
        # Until util-linux 2.32 a flag was the text of a number.
        case (bool() | str()) as value if value in _FLAGS:
            return _FLAGS[value]
    raise _strange(f"does not say whether a device is {name}")


def _size(fields: dict[str, object]) -> int:
    match fields.get("size"):
        case bool():
            pass
        case int(size) if size >= 0:
            return size
        case str(text) if re.fullmatch(r"[0-9]{1,19}", text):
            return int(text)
    raise _strange("does not say the size of a device")


def _strange(what: str) -> StorageError:
    return StorageError("lsblk", what, hint=_HINT)
