# SPDX-License-Identifier: Apache-2.0
"""A volume of years ago, a vfat stick, in the hands of somebody who has RECOVER.txt, its secret, and no `ceremony`.

The ceremony was held, and published, with repositories that have a port and long
paths in their names. The recipe's own lines are typed at a terminal; the keys that
come out sign, and stock clients and openssl take what they sign.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ceremony.cli import practice
from tests.fakes.plans import REQUEST, bent, ssh
from tests.peers import on_images
from tests.peers.notary import PASSPHRASE, NotaryServer, notary
from tests.peers.openssl import openssl
from tests.peers.program import environment, program
from tests.peers.recipe import Known, Recipe, Shell, follow, remove

WITH_PORT = "reg.example:5000/acme/app"
ED25519 = "reg.example:5000/acme/tools"
LONG = "reg.example:5000/acme/" + "/".join(f"level-{step:02}" for step in range(26))
SECONDS = 120
ONLINE = 'snapshot = { source = "request" }\ntimestamp = { source = "request" }\n'
_START, _END = '[[repositories]]\nname = "docker.io/acme/app"', "[backup]"


@dataclass(frozen=True)
class Asked:
    """How the backups are protected, how the root keys are kept, and which volume is found."""

    protect: str
    custody: str
    role: str


@dataclass(frozen=True)
class Found:
    """A volume, years later; what is published is on a server."""

    asked: Asked
    image: Path
    volume: Path
    """The ceremony's folder on it."""
    written: Path
    """What the ceremony wrote on it."""
    people: practice.PracticeSecrets
    server: NotaryServer

    @property
    def known(self) -> Known:
        answers = {key: secret.text() for key, secret in self.people.answers.items()}
        if self.asked.protect == "shares":
            return Known(shares=[answers["share:1"], answers["share:3"]], new=PASSPHRASE)
        return Known(passphrase=answers["passphrase"], new=PASSPHRASE)


def plan(asked: Asked, digest: str) -> bytes:
    deliver = f'deliver-to = "{ssh(1)}"'
    repositories = (
        f'[[repositories]]\nnames = ["{WITH_PORT}", "{LONG}"]\ntargets = {{ source = "generate", {deliver} }}\n{ONLINE}\n'
        f'[[repositories]]\nname = "{ED25519}"\ntargets = {{ source = "generate", algorithm = "ed25519", {deliver} }}\n{ONLINE}\n'
    )
    whole = bent(
        (REQUEST, digest),
        ('"root-a", "root-b", "root-c"', '"root-a", "root-b"'),
        ('custody = "token-only"', f'custody = "{asked.custody}"\ncertificate = "reg.example:5000/*"'),
    ).decode()
    before, after = whole[: whole.index(_START)], whole[whole.index(_END) :]
    if asked.protect == "passphrase":
        after = after.replace('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"')
    return f"{before}{repositories}{after}".encode()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(Asked("passphrase", "imported", "a"), id="a passphrase, imported"),
        pytest.param(Asked("shares", "token-wrapped", "b"), id="2 of 3 shares, wrapped"),
    ],
)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    asked: Asked = request.param
    there = tmp_path_factory.mktemp("vfat")
    root, image, place = there / "r", there / "stick.img", there / "stick"
    place.mkdir()
    with NotaryServer(there) as server:
        fetched = program("fetch", WITH_PORT, LONG, ED25519, "--server", server.url, "--out", there / "request")
        assert fetched.returncode == 0, fetched.stderr
        (there / "plan.toml").write_bytes(plan(asked, fetched.stdout.strip()))
        hold(there, "rehearse", there / "plan.toml", "--auto", "--request", there / "request", "--out", root, server=server)
        carry_over(there / f"{asked.role}.img", image, place)
        on_images.mount_again(image, place, "vfat", writable=False)
        try:
            (volume,) = place.iterdir()
            yield Found(asked, image, volume, there / "written", practice.load(root / practice.SECRETS), server)
        finally:
            on_images.unmount(place, image)


def hold(images: Path, *arguments: object, server: NotaryServer) -> None:
    """Hold the ceremony with its media on exfat, and publish what the courier carries."""
    root = images / "r"
    try:
        done = subprocess.run(
            [sys.executable, on_images.__file__, images, "--exfat", "--", *map(str, arguments)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, env=environment(), check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (tar,) = (root / "courier").glob("*.tar")
        published = program("publish", tar, "--server", server.url)
        assert published.returncode == 0, published.stderr
    finally:
        on_images.unmount_rehearsal(images, root)


def carry_over(volume: Path, stick: Path, place: Path) -> None:
    """Copy a volume to a vfat stick, by mtools, which change each name that vfat does not keep as it is."""
    on_images.mount_again(volume, place, "exfat", writable=False)
    try:
        shutil.copytree(place, stick.with_name("written"))
        on_images.fill_vfat(stick, place)
    finally:
        on_images.unmount(place, volume)


@dataclass(frozen=True)
class Recovered:
    """What the recipe gave."""

    recipe: Recipe
    shown: Mapping[str, str]
    """Serial → what was printed for its root key."""
    signed: Mapping[str, bytes]
    """Serial → its root key's signature over `MESSAGE`."""
    trust: Path
    """What notary imported."""
    left: Sequence[str]
    """What was left in memory after the last line."""


MESSAGE = b"we are still who we were"


@pytest.fixture(scope="module")
def recovered(found: Found, tmp_path_factory: pytest.TempPathFactory) -> Recovered:
    there = tmp_path_factory.mktemp("recovered")
    recipe = Recipe.read(found.volume / "RECOVER.txt")
    with Shell(there, found.volume, recipe.programs) as shell:
        shown = follow(shell, recipe, found.known)
        signed = {
            serial: openssl(
                "dgst", "-sha256", "-keyform", "DER", "-sign", shell.memory(f"recover/root-{serial}/root-key.der"), stdin=MESSAGE
            )
            for serial in shown
        }
        shutil.copytree(shell.memory("recover/trust/private"), there / "trust" / "private")
        remove(shell, recipe)
        left = [path.name for path in shell.memory(".").iterdir()]
    return Recovered(recipe, shown, signed, there / "trust", left)


def published_roots(found: Found) -> set[bytes]:
    """Return the public halves of the root keys that the server has, of every repository the same, PEM."""
    halves = set()
    for name in (WITH_PORT, LONG, ED25519):
        root = json.loads(found.server.get(name, "root.json") or b"")["signed"]
        pems = [base64.b64decode(root["keys"][key]["keyval"]["public"]) for key in root["roles"]["root"]["keyids"]]
        halves |= {openssl("x509", "-noout", "-pubkey", stdin=pem) for pem in pems}
    return halves


def test_the_names_are_as_long_as_they_may_be():
    assert (len(LONG), LONG.count("/")) == (255, 27)


# --- what a Windows reader sees ---------------------------------------------------------

NOT_ON_WINDOWS = re.compile(r'[<>:"\\|?*\x00-\x1f\x7f-\xff]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def test_every_file_is_on_vfat_under_its_name_and_with_its_bytes(found):
    subprocess.run(["diff", "-r", found.written, found.volume.parent], check=True, timeout=60)
    assert {path.name for path in (found.volume / "private").iterdir()} > {"identity.age", "repositories.age"}
    subprocess.run(["fsck.vfat", "-n", found.image], check=True, capture_output=True, timeout=60)


def test_no_name_on_the_stick_is_one_that_windows_refuses(found):
    done = subprocess.run(
        ["mdir", "-/", "-b", "-i", found.image, "::"], check=True, capture_output=True, text=True, timeout=60
    )  # fmt: skip
    paths = [line.removeprefix("::/").removesuffix("/") for line in done.stdout.splitlines()]
    assert len(paths) == len(list(found.volume.parent.rglob("*"))) == 9
    assert [part for path in paths for part in path.split("/") if NOT_ON_WINDOWS.search(part)] == []
    assert max(len(f"D:\\{path}") for path in paths) < 260
    assert len({path.lower() for path in paths}) == len(paths)


def test_what_vfat_cannot_hold_is_inside_the_tar(found):
    (tar,) = found.volume.glob("*.tar")
    with tarfile.open(tar) as archive:
        names = archive.getnames()
    assert f"bundle/tuf/{LONG}/metadata/root.json" in names
    assert f"bundle/tuf/{WITH_PORT}/metadata/targets.json" in names


# --- the recipe --------------------------------------------------------------------------


def test_the_recipe_needs_what_it_names_and_explains_what_is_to_be_filled_in(found, recovered):
    programs = ["age", "tar", "openssl", "notary"] + (["shamir"] if found.asked.protect == "shares" else [])
    assert recovered.recipe.programs == programs
    typed = {word for line in recovered.recipe.lines for word in re.findall(r"(?:^|[|] |&& )([a-z]+)", line)}
    assert typed == {*programs, "umask", "cp", "cd", "chmod", "mkdir", "rm"}
    prose = "\n".join(line for line in recovered.recipe.text.splitlines() if not line.startswith(" " * 5))
    assert recovered.recipe.placeholders == {"<serial>", "<key id>"}
    assert "folders root-<serial>" in prose
    assert "manifest.json says which <key id>" in prose
    assert max(map(len, prose.splitlines())) <= 88


def test_the_recovered_root_keys_are_those_that_were_published(found, recovered):
    assert len(recovered.shown) == 2
    for shown in recovered.shown.values():
        ours, published, *_ = re.findall(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\n", shown, re.DOTALL)
        assert ours == published
    halves = {shown[: shown.index("-----END") + len("-----END PUBLIC KEY-----\n")] for shown in recovered.shown.values()}
    assert {half.encode() for half in halves} == published_roots(found)


def test_the_recovered_root_keys_sign(found, recovered, tmp_path):
    (tmp_path / "message").write_bytes(MESSAGE)
    halves = published_roots(found)
    for serial, signature in recovered.signed.items():
        (half,) = [half for half in halves if half.decode() in recovered.shown[serial]]
        (tmp_path / "public.pem").write_bytes(half)
        (tmp_path / "signature").write_bytes(signature)
        openssl("dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature", tmp_path / "signature", tmp_path / "message")


@pytest.mark.parametrize("name", [WITH_PORT, LONG, ED25519], ids=["a port", "a long path", "Ed25519"])
def test_a_recovered_repository_key_signs_for_stock_clients(found, recovered, tmp_path, name):
    before = found.server.get(name, "root.json")
    (tmp_path / "image").write_bytes(b"an image")
    trust = Path(shutil.copytree(recovered.trust, tmp_path / "trust"))
    notary("add", "-p", name, "v1", str(tmp_path / "image"), server=found.server.url, trust=trust)
    assert "v1" in notary("list", name, server=found.server.url, trust=tmp_path / "fresh").stdout
    assert found.server.get(name, "root.json") == before


def test_what_notary_imported_is_encrypted(recovered):
    keys = list((recovered.trust / "private").iterdir())
    assert len(keys) == 3
    assert all(b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in path.read_bytes() for path in keys)


def test_nothing_is_left_after_the_last_line(recovered):
    assert recovered.left == []
