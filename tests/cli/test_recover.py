# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal leaves, in the hands of public tools alone: the volumes' recipe, the certificates, the manifest."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ceremony.cli import practice
from tests.peers.openssl import openssl

SECONDS = 60


@pytest.fixture(params=["a", "b"])
def volume(request, rehearsed, tmp_path):
    """A copy of what one volume holds, as its finder would make it."""
    (there,) = (rehearsed.root / "volumes" / request.param).iterdir()
    return Path(shutil.copytree(there, tmp_path / "volume"))


def recipe(volume: Path) -> list[str]:
    """Return the commands of RECOVER.txt from the copy on: the lines that are indented by five, joined where they go on."""
    text = (volume / "RECOVER.txt").read_text().replace("\\\n", " ")
    lines = [" ".join(line.split()) for line in text.splitlines() if line.startswith("     ")]
    copy = ["umask 077", "cp -r . /dev/shm/recover", "cd /dev/shm/recover", "chmod -R u+rwX ."]
    assert lines[: len(copy)] == copy
    return lines[len(copy) :]


def at_a_terminal(line: str, folder: Path, answer: str) -> None:
    """Run a shell's line at a terminal; type `answer` when something is asked."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvp("sh", ["sh", "-c", line])
    shown, answered, until = b"", False, time.monotonic() + SECONDS
    try:
        while time.monotonic() < until:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # so a terminal ends (Linux)
                break
            if not answered and b"passphrase" in shown:
                os.write(terminal, answer.encode() + b"\n")
                answered = True
    finally:
        os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert (code, answered) == (0, True), shown


def test_the_recipe_on_each_volume_opens_everything_that_it_holds(rehearsed, volume):
    passphrase = practice.load(rehearsed.root / practice.SECRETS).answers["passphrase"].text()
    first, *rest = recipe(volume)
    at_a_terminal(first, volume, passphrase)
    opens = [line for line in rest if line.startswith("mkdir ")]
    unwrap = [line for line in rest if line.startswith("openssl ")]
    assert len(unwrap) == 2
    for line in opens:
        subprocess.run(["sh", "-c", line], cwd=volume, check=True, timeout=SECONDS)
    serials = [path.name for path in (rehearsed.ceremony / "evidence" / "tokens").iterdir()]
    assert sorted(path.name for path in volume.iterdir() if path.is_dir()) == sorted(
        ["private", "repositories", *(f"root-{serial}" for serial in serials)]
    )
    for serial in serials:
        shown = [
            subprocess.run(["sh", "-c", line], cwd=volume / f"root-{serial}", check=True, capture_output=True) for line in unwrap
        ]
        public = rehearsed.ceremony / "evidence" / "tokens" / serial / "public.pem"
        assert shown[-1].stdout == public.read_bytes()
        manifest = json.loads((volume / f"root-{serial}" / "manifest.json").read_text())
        assert manifest["serial"] == serial
    keys_fit(rehearsed.ceremony, volume / "repositories")


def keys_fit(ceremony: Path, opened: Path) -> None:
    """Compare each repository's key with the targets key that its root names."""
    listed = json.loads((opened / "manifest.json").read_text())["repositories"]
    assert len(listed) == 6
    for name, entry in listed.items():
        root = json.loads((ceremony / "bundle" / "tuf" / name / "metadata" / "root.json").read_bytes())["signed"]
        assert f"{root['roles']['targets']['keyids'][0]}.key" == entry["key"]
        assert (opened / entry["key"]).read_bytes().startswith(b"-----BEGIN ")
    assert {path.name for path in opened.iterdir()} == {"manifest.json", *(entry["key"] for entry in listed.values())}


def test_a_volume_holds_what_it_should_and_both_hold_the_same(rehearsed):
    (a,), (b,) = ((rehearsed.root / "volumes" / role).iterdir() for role in ("a", "b"))
    held = {str(path.relative_to(a)): path.read_bytes() for path in a.rglob("*") if path.is_file()}
    assert held == {str(path.relative_to(b)): path.read_bytes() for path in b.rglob("*") if path.is_file()}
    serials = [path.name for path in (rehearsed.ceremony / "evidence" / "tokens").iterdir()]
    assert set(held) == {
        "RECOVER.txt", "ceremony.jsonl", f"{a.name}.tar", "private/identity.age", "private/repositories.age",
        *(f"private/root-{serial}.age" for serial in serials),
    }  # fmt: skip
    assert held["ceremony.jsonl"] == (rehearsed.ceremony / "ceremony.jsonl").read_bytes()
    assert held[f"{a.name}.tar"] == rehearsed.tar.read_bytes()


def test_the_ceremony_folder_has_the_layout_of_docs_formats(rehearsed):
    names = {str(path.relative_to(rehearsed.ceremony)) for path in rehearsed.ceremony.rglob("*") if path.is_file()}
    patterns = [
        r"ceremony\.jsonl", r"heads/000[1-5]\.txt", r"heads/0005\.[a-z0-9-]+\.sig", r"report\.html", r"verify\.sh",
        r"bundle/tuf/.+/metadata/(root|targets|targets/[a-z]+)\.json", r"bundle/keys/root-[0-9a-f]{16}\.pem",
        r"bundle/trust-pinning\.json", r"deliver/.+/targets\.key\.age",
        r"evidence/plan\.toml", r"evidence/site\.toml", r"evidence/script\.md", r"evidence/plan-files/.+",
        r"evidence/request/index\.json", r"evidence/request/files/[0-9a-f]{64}\.json", r"evidence/repositories-\d+\.json",
        r"evidence/inventory\.json", r"evidence/roll-call/\d{3}-[a-z0-9-]+\.(txt|sig)",
        r"evidence/tokens/[0-9a-f]{16}/(public\.pem|head\.sig)", r"README\.txt", r"MANIFEST\.sha256",
    ]  # fmt: skip
    unknown = {name for name in names if not any(re.fullmatch(pattern, name) for pattern in patterns)}
    missing = {pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in names)}
    assert (unknown, missing) == (set(), set())


def test_sha256sum_takes_the_manifest(rehearsed):
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "MANIFEST.sha256"], cwd=rehearsed.ceremony, check=True)


def test_tar_unpacks_what_the_courier_carries_into_the_folder(rehearsed, tmp_path):
    subprocess.run(["tar", "-x", "-f", rehearsed.tar, "-C", tmp_path], check=True)
    subprocess.run(["diff", "-r", rehearsed.ceremony, tmp_path], check=True)


def test_practice_stands_in_every_certificate(rehearsed):
    keys = sorted((rehearsed.ceremony / "bundle" / "keys").iterdir())
    assert len(keys) == 3
    for path in keys:
        certificates = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", path.read_text(), re.DOTALL)
        assert len(certificates) == 7
        for certificate in certificates:
            names = openssl("x509", "-noout", "-subject", "-issuer", "-nameopt", "RFC2253", stdin=certificate.encode()).decode()
            assert len(re.findall(r"\bO=PRACTICE\b", names)) == 2, names


def test_openssl_verifies_the_root_keys_signatures_over_the_head(rehearsed):
    for token in (rehearsed.ceremony / "evidence" / "tokens").iterdir():
        head = rehearsed.ceremony / "heads" / "0004.txt"
        openssl("dgst", "-sha256", "-verify", token / "public.pem", "-signature", token / "head.sig", head)
