# SPDX-License-Identifier: Apache-2.0
"""A rehearsal on virtual YubiKeys behind a real pcscd, killed, and taken up from its folder and the cards alone."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from ceremony.core import bundle
from tests.cli.test_yubico_roots import PLAN
from tests.fakes.plans import FILES
from tests.fakes.yubikey import Authority, VirtualYubiKey
from tests.peers.pcscd import SmartCards
from tests.peers.program import command, environment

SERIALS = {"root-a": 13078711, "root-b": 13078712, "root-c": 13078713}


def site(folder: Path, authority: Authority) -> None:
    """Write the files that a rehearsal on these YubiKeys begins with."""
    for name, data in {"plan.toml": PLAN, "yubico/own.pem": authority.pem, **FILES}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    tokens = "".join(f'[tokens.{name}]\nyubikey = {serial}\nslot = "9c"\n' for name, serial in SERIALS.items())
    (folder / "site.toml").write_text(f'yubico-roots = "yubico"\n{tokens}')


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        pytest.param("result", "prepare", id="tries were set, and so PIN and PUK are the factory's"),
        pytest.param("intent", "root-keys", id="a key is about to be made"),
        pytest.param("attested", "root-keys", id="a key was attested, and its evidence is not written"),
    ],
)
def test_what_was_killed_goes_on_without_the_site_file_and_verifies(tmp_path, kind, step):
    authority = Authority(between=2)
    site(tmp_path, authority)
    python = {"PYTHONPATH": environment()["PYTHONPATH"]}
    cards = [VirtualYubiKey(serial, authority=authority) for serial in SERIALS.values()]
    with SmartCards(*cards) as room:
        begun = ("rehearse", tmp_path / "plan.toml", "--auto", "--site", tmp_path / "site.toml", "--out", tmp_path / "r")
        died = room.run(*command(*begun, die=(kind, step)), env=python)
        assert died.returncode == -signal.SIGKILL or died.returncode == 128 + signal.SIGKILL, died.stderr
        (tmp_path / "site.toml").unlink()
        shutil.rmtree(tmp_path / "yubico")
        resumed = room.run(*command("resume", tmp_path / "r", "--auto", light=True), env=python)
        assert resumed.returncode == 0, resumed.stderr
        folder = tmp_path / "r" / "ceremony"
        judged = room.run(*command("audit", folder), env=python)
        assert judged.returncode == 0, judged.stdout
    assert judged.stdout.count("which is not Yubico's: practice only") == len(SERIALS)
    assert (folder / bundle.YUBICO_ROOTS / "own.pem").read_bytes() == authority.pem
    keys = json.loads((folder / "evidence" / "inventory.json").read_text())["root_keys"]
    assert [(key["settings"]["attested"], key["settings"]["pinned"], key["settings"]["slot"]) for key in keys] == [
        (True, False, "9c")
    ] * 3
