# SPDX-License-Identifier: Apache-2.0
"""`lsblk` on a machine with USB sticks: the real one's answer, in which the loop devices of a test are such sticks.

What differs from a real stick is what a loop device cannot have: that it is a disk, removable,
on USB, and what the stick says of itself. File systems are looked for with blkid, as udev does.

    python usb_lsblk.py STICKS --json ...       # STICKS: JSON, {"/dev/loop3": {"serial": ..., "model": ...}}
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_USB = {"type": "disk", "rm": True, "hotplug": True, "tran": "usb"}


def main(sticks: Path, arguments: list[str]) -> None:
    plugged: dict[str, dict[str, object]] = json.loads(sticks.read_text())
    done = subprocess.run(["lsblk", *arguments], stdout=subprocess.PIPE, check=True)
    # The real one writes a mount point as it is, UTF-8 or not.
    answer = json.loads(done.stdout.decode(errors="replace"))
    for device in answer["blockdevices"]:
        if device["path"] in plugged:
            device.update(_USB | plugged[device["path"]])
            for node in (device, *device.get("children", [])):
                _probe(node)
    json.dump(answer, sys.stdout)


def _probe(node: dict[str, Any]) -> None:
    done = subprocess.run(["blkid", "-p", "-o", "export", node["path"]], stdout=subprocess.PIPE, text=True, check=False)
    facts = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    for name, key in (("fstype", "TYPE"), ("uuid", "UUID"), ("label", "LABEL")):
        node[name] = re.sub(r"\\(.)", r"\1", facts[key]) if key in facts else None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
