# SPDX-License-Identifier: Apache-2.0
"""Preflight on this machine's own kernel: in namespaces of their own, where an interface, a route or a tmpfs can be made.

What the looks see there they are asked by themselves: the checks that are made of them pass in no such namespace, wherever tests run.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ceremony.host.machine_readers import readers

SHOW = """
import ctypes, json, pathlib, sys
from ceremony.host import machine_disk, machine_memory, machine_network
root, work = pathlib.Path("/"), pathlib.Path(sys.argv[1])
if sys.argv[2:] == ["traced"]:
    assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0
looks = {"network": machine_network.interfaces, "routes": machine_network.routes, "debugger": machine_memory.debugger}
seen = {name: look(root) for name, look in looks.items()}
print(json.dumps(seen | {"work folder": machine_disk.work_folder(root, work)}))
"""
SYSTEM = "PATH=/usr/sbin:/usr/bin:/sbin:/bin; mount -t sysfs none /sys && ip link set lo up && "


def seen_after(command: str, work: Path) -> dict[str, tuple[bool, str]]:
    """Return what is seen once `command` was run in namespaces of its own."""
    unshare = shutil.which("unshare") or "unshare"
    look = [unshare, "--map-root-user", "--mount", "--net", "sh", "-c", f'{SYSTEM}{command} && exec "$0" -c "$1" "$2"']
    ran = subprocess.run([*look, sys.executable, SHOW, str(work)], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return {name: (passed, saw) for name, (passed, saw) in json.loads(ran.stdout).items()}


VETH = "ip link add v0 type veth peer name v1"
CASES = [
    pytest.param("true", "network", True, "no interface is up but lo", id="nothing but lo"),
    pytest.param("true", "routes", True, "no route but through lo", id="no route"),
    pytest.param(VETH, "network", True, "no interface is up but lo", id="a cable that nobody switched on"),
    pytest.param(f"{VETH} && ip link set v0 up", "network", False, "up: v0 (", id="an interface that is up"),
    pytest.param(
        f"{VETH} && ip addr add 192.0.2.1/24 dev v0 && ip link set v0 up && ip link set v1 up",
        "routes",
        False,
        "routes through v0",
        id="a route",
    ),
    pytest.param(
        f"{VETH} && ip link set v0 up && ip link set v1 up && ip -6 route add 2001:db8::/32 dev v0",
        "routes",
        False,
        "v0",
        id="an IPv6 route",
    ),
    pytest.param(
        'mount -t tmpfs none "$2"', "work folder", True, "in memory (tmpfs): nothing of it stays", id="a work folder in memory"
    ),
]


@pytest.mark.parametrize(("command", "name", "passed", "saw"), CASES)
def test_sees_what_the_kernel_has(tmp_path: Path, command: str, name: str, passed: bool, saw: str) -> None:
    came_out, told = seen_after(command, tmp_path)[name]
    assert (came_out, saw in told) == (passed, True), told


@pytest.mark.parametrize(
    ("traced", "passed"), [pytest.param((), True, id="alone"), pytest.param(("traced",), False, id="traced")]
)
def test_sees_a_debugger(tmp_path: Path, traced: tuple[str, ...], passed: bool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SHOW, str(tmp_path), *traced], capture_output=True, text=True, check=True, timeout=60
    )
    came_out, told = json.loads(ran.stdout)["debugger"]
    assert (came_out, told.startswith("attached: " if traced else "none is attached")) == (passed, True), told


GAP = """
import json, pathlib
from ceremony.host import memory
from ceremony.host.clocks import SystemClock
from ceremony.host.preflight import SystemHost
check = SystemHost(pathlib.Path("/"), clock=SystemClock(), protection=memory.UNPROTECTED).air_gap()
print(json.dumps([check.passed, check.saw, check.hint]))
"""


@pytest.mark.parametrize(
    ("namespaces", "saw"),
    [
        # Root of the machine is told that it is another network; root of a container, nothing.
        pytest.param(
            ("--net",), "whole network of this machine|not every network of this machine|not every process", id="network"
        ),
        pytest.param(("--net", "--pid", "--fork", "--mount-proc"), "not every process of this machine", id="processes too"),
    ],
)
def test_a_container_without_a_network_is_not_cut_off(namespaces: tuple[str, ...], saw: str) -> None:
    unshare = shutil.which("unshare") or "unshare"
    ran = subprocess.run(
        [unshare, "--map-root-user", "--mount", *namespaces, sys.executable, "-c", GAP],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    passed, told, hint = json.loads(ran.stdout)
    assert not passed
    assert re.fullmatch(rf"cannot be seen \(.*({saw}).*\)", told), told
    assert hint.startswith("begin again as root, outside of every container")


def test_sees_who_is_connected_to_pcscd(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as client:
        listening.bind(str(tmp_path / "pcscd.comm"))
        listening.listen()
        client.connect(str(tmp_path / "pcscd.comm"))
        connection, _ = listening.accept()
        with connection:
            passed, saw = readers(Path("/"))
    assert not passed
    assert "connected to pcscd" in saw
