# SPDX-License-Identifier: Apache-2.0
"""A whole rehearsal with custody `imported` on SoftHSM, and its backups in the hands of age, tar and openssl alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ceremony.cli import practice
from tests.cli.conftest import Rehearsed
from tests.cli.test_recover import SECONDS, at_a_terminal, recipe
from tests.peers.openssl import openssl
from tests.peers.program import ROOT, program, watch

EXAMPLE = ROOT / "ceremony" / "cli" / "example"


@pytest.fixture(scope="module")
def held(tmp_path_factory) -> Rehearsed:
    folder = tmp_path_factory.mktemp("imported")
    shutil.copytree(EXAMPLE, folder / "plan")
    plan = folder / "plan" / "plan.toml"
    source = plan.read_text()
    assert 'custody = "token-wrapped"' in source
    plan.write_text(source.replace('custody = "token-wrapped"', 'custody = "imported"'))
    run = watch("rehearse", plan, "--auto", "--out", folder / "r")
    assert run.returncode == 0, run.stderr
    return Rehearsed(folder / "r", run)


@pytest.fixture(params=["a", "b"])
def volume(request, held, tmp_path):
    """A copy of what one volume holds."""
    (there,) = (held.root / "volumes" / request.param).iterdir()
    return Path(shutil.copytree(there, tmp_path / "volume"))


def serials(held: Rehearsed) -> list[str]:
    return sorted(path.name for path in (held.ceremony / "evidence" / "tokens").iterdir())


def test_the_folder_audits_and_says_of_every_root_key_that_it_was_made_on_the_host(held):
    done = program("audit", held.ceremony)
    assert done.returncode == 0, done.stdout + done.stderr
    keys = json.loads((held.ceremony / "evidence" / "inventory.json").read_text())["root_keys"]
    assert sorted(key["device"]["serial"] for key in keys) == serials(held)
    for key in keys:
        settings = key["settings"]
        assert (settings["custody"], settings["made"], settings["attested"]) == ("imported", "on the host", False)
        read = settings["attributes"]
        assert (read["local"], read["never_extractable"], read["sensitive"], read["extractable"]) == (False, False, True, False)
    assert "nothing can attest" in held.run.stderr


def test_no_process_showed_a_private_key(held, volume):
    opened = _opened(held, volume)
    for folder in opened:
        der = (folder / "root-key.der").read_bytes()
        # SEC1 private key inside PKCS#8: the number itself stands behind this prefix.
        start = der.index(bytes.fromhex("020101") + b"\x04\x20") + 5
        number = der[start : start + 32]
        assert not any(number.hex().encode() in seen or number in seen for seen in held.run.seen)
        for path in held.root.rglob("*"):
            if path.is_file() and "tokens" not in path.relative_to(held.root).parts[0]:
                assert number not in path.read_bytes(), path


def _opened(held: Rehearsed, volume: Path) -> list[Path]:
    """Follow the recipe to the unpacked root keys."""
    passphrase = practice.load(held.root / practice.SECRETS).answers["passphrase"].text()
    first, *rest = recipe(volume)
    at_a_terminal(first, volume, passphrase)
    for line in (line for line in rest if line.startswith("mkdir ")):
        subprocess.run(["sh", "-c", line], cwd=volume, check=True, timeout=SECONDS)
    return [volume / f"root-{serial}" for serial in serials(held)]


def test_the_recipe_on_each_volume_gives_the_keys_that_signed(held, volume, tmp_path):
    lines = recipe(volume)
    (shows,) = [line for line in lines if line.startswith("openssl ")]
    for serial, folder in zip(serials(held), _opened(held, volume), strict=True):
        shown = subprocess.run(["sh", "-c", shows], cwd=folder, check=True, capture_output=True, timeout=SECONDS).stdout
        assert shown == (held.ceremony / "evidence" / "tokens" / serial / "public.pem").read_bytes()
        (tmp_path / "message").write_bytes(b"it is I")
        signature = tmp_path / "signature"
        openssl("dgst", "-sha256", "-sign", folder / "root-key.der", "-keyform", "DER", "-out", signature, tmp_path / "message")
        (tmp_path / "public.pem").write_bytes(shown)
        openssl("dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", signature, tmp_path / "message")
        head = held.ceremony / "heads" / "0004.txt"
        evidence = held.ceremony / "evidence" / "tokens" / serial / "head.sig"
        openssl("dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", evidence, head)
        assert json.loads((folder / "manifest.json").read_text())["serial"] == serial
    assert {path.name for path in (volume / "private").iterdir()} == {
        "identity.age", "repositories.age", *(f"root-{serial}.age" for serial in serials(held)),
    }  # fmt: skip
