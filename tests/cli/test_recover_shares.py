# SPDX-License-Identifier: Apache-2.0
"""A rehearsal on SoftHSM whose secret is split: killed twice, resumed, and opened again with `shamir`, `age` and `openssl` alone."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest

from ceremony.cli import practice
from tests.cli.test_recover import at_a_terminal, recipe
from tests.fakes.plans import FILES, REQUEST, bent
from tests.peers.program import environment, program
from tests.peers.request_folders import APP

SECONDS = 60
PLAN = bent(
    (f'request = "{REQUEST}"\n', ""),
    ('"token-only"', '"token-wrapped"'),
    ('[[repositories]]\nnames-from = "guns.txt"\n', f'[[repositories]]\nname = "{APP}/two"\n'),
)
"""Shares 2 of 3, kept by the three security officers."""


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished rehearsal; it was killed while shares were handed out, and when the repository keys were only backed up."""
    there = tmp_path_factory.mktemp("split")
    for name, data in {"plan.toml": PLAN, **FILES}.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(data)
    out = there / "r"
    command: tuple[object, ...] = ("rehearse", there / "plan.toml", "--auto", "--out", out)
    for die in (("typed-back:2", "protector"), ("end", "back-up")):
        done = program(*command, die=die)
        assert done.returncode == -signal.SIGKILL, done.stderr
        command = ("resume", out, "--auto")
    done = program(*command)
    assert done.returncode == 0, done.stderr
    return out


def shares(split: Path) -> list[str]:
    known = practice.load(split / practice.SECRETS).answers
    return [known[f"share:{number}"].text() for number in (1, 2, 3)]


def shamir(line: str, folder: Path, typed: Sequence[str]) -> tuple[str, str]:
    """Run a line of the recipe with the command of shamir-mnemonic; return the passphrase, and what else was said."""
    found = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, input="".join(f"{share}\n" for share in typed), text=True, capture_output=True,
        timeout=SECONDS, check=True, env=environment({"PATH": f"{found}:/usr/bin:/bin"}),
    )  # fmt: skip
    (passphrase,) = re.findall(r"^Your master secret is: ([0-9a-f]{32})$", done.stdout, re.MULTILINE)
    return passphrase, done.stdout


def volume(split: Path, role: str) -> Path:
    (there,) = (split / "volumes" / role).iterdir()
    return there


def test_what_was_resumed_audits(split):
    verdict = program("audit", split / "ceremony")
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize("role", ["a", "b"])
def test_the_recipe_opens_everything_with_two_shares(split, role, tmp_path):
    opened = Path(shutil.copytree(volume(split, role), tmp_path / "volume"))
    first, second, *rest = recipe(opened)
    assert first == "shamir recover"
    passphrase, _ = shamir(first, opened, shares(split)[1:])
    at_a_terminal(second, opened, passphrase)
    for line in (line for line in rest if line.startswith("mkdir ")):
        subprocess.run(["sh", "-c", line], cwd=opened, check=True, timeout=SECONDS)
    serials = [path.name for path in (split / "ceremony" / "evidence" / "tokens").iterdir()]
    assert len(serials) == 3
    for serial in serials:
        for line in (line for line in rest if line.startswith("openssl ")):
            shown = subprocess.run(["sh", "-c", line], cwd=opened / f"root-{serial}", check=True, capture_output=True)
        assert shown.stdout == (split / "ceremony" / "evidence" / "tokens" / serial / "public.pem").read_bytes()
    listed = json.loads((opened / "repositories" / "manifest.json").read_text())["repositories"]
    signed = json.loads((split / "ceremony" / "bundle" / "tuf" / APP / "metadata" / "root.json").read_bytes())["signed"]
    assert {name: entry["key"] for name, entry in listed.items()} == {APP: f"{signed['roles']['targets']['keyids'][0]}.key"}
    assert (opened / "repositories" / listed[APP]["key"]).read_bytes().startswith(b"-----BEGIN ")


def test_every_pair_of_shares_gives_the_same_passphrase(split, tmp_path):
    found = {shamir("shamir recover", tmp_path, pair)[0] for pair in combinations(shares(split), 2)}
    assert len(found) == 1


def test_the_tool_itself_tells_a_share_of_another_set(split, tmp_path):
    known = shares(split)
    _, said = shamir("shamir recover", tmp_path, [known[0], known[0], f"{known[1]} academic", known[2]])
    assert "Share already entered." in said
    assert "ERROR: Invalid mnemonic" in said


def test_the_recipe_says_how_many_shares_and_who_has_them(split):
    text = (volume(split, "a") / "RECOVER.txt").read_text()
    assert "2 of the 3 shares" in text
    assert "\n   1  Sofia\n   2  Sven\n   3  Sam\n" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("     ")) <= 88


def test_no_part_of_a_share_and_no_passphrase_is_on_any_medium(split, tmp_path):
    known = shares(split)
    passphrase, _ = shamir("shamir recover", tmp_path, known[:2])
    parts = [" ".join(found[i : i + 3]).encode() for share in known for found in [share.split()] for i in range(len(found) - 2)]
    places = [path for path in split.rglob("*") if path.is_file() and path.name != practice.SECRETS]
    assert len(places) > 50
    for path in places:
        data = path.read_bytes()
        assert not [part for part in (*parts, passphrase.encode(), bytes.fromhex(passphrase)) if part in data], path
