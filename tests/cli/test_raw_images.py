# SPDX-License-Identifier: Apache-2.0
"""No plaintext key and no passphrase was ever on a file system: the raw images are searched, what was removed from them too.

A whole rehearsal lies on images: its work folder, both volumes, the courier, and the
place for temporary files. What must not be there is learned as whoever finds a
volume would learn it: from what the people know, with `age` and `openssl`, as
RECOVER.txt says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ceremony.cli.practice import SECRETS, PracticeSecrets, load
from tests.cli.test_recover import at_a_terminal, recipe
from tests.cli.test_secrets import forms, notary_key, number, of_pins_of, plain, three_words_of, unbroken
from tests.peers import on_images
from tests.peers.program import environment

PEER = Path(on_images.__file__)
SECONDS = 120


@dataclass(frozen=True)
class Raw:
    """A rehearsal that is over, and nothing of it mounted any more."""

    images: Mapping[str, bytes]
    """Where it lay → every byte of that file system."""
    people: PracticeSecrets
    volume: Path
    """A copy of what volume a holds, in memory."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raw]:
    there = tmp_path_factory.mktemp("raw")
    root, temporary = there / "r", there / "tmp"
    temporary.mkdir()
    on_images.mount(there / "tmp.img", temporary)
    mounted = [temporary]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        try:
            done = subprocess.run(
                [sys.executable, PEER, there, "rehearse", "--auto", "--out", root],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                env=environment({"TMPDIR": str(temporary)}),
                check=False,
            )
            mounted += [
                place for place in (root / "ceremony", *(root / "volumes").glob("*"), root / "courier") if place.is_mount()
            ]
            assert done.returncode == 0, done.stderr
            (found,) = (root / "volumes" / "a").iterdir()
            volume = Path(shutil.copytree(found, Path(memory) / "volume"))
        finally:
            for place in mounted:
                on_images.unmount(place)
        assert len(mounted) == 5
        images = {path.stem: path.read_bytes() for path in there.glob("*.img")}
        yield Raw(images, load(root / SECRETS), volume)


@pytest.fixture(scope="module")
def opened(raw: Raw) -> Path:
    """Open every backup as RECOVER.txt says; return the folder that holds what was in them."""
    first, *rest = recipe(raw.volume)
    at_a_terminal(first, raw.volume, raw.people.answers["passphrase"].text())
    for line in rest:
        if line.startswith("mkdir "):
            subprocess.run(["sh", "-c", line], cwd=raw.volume, check=True, timeout=SECONDS)
    unwrap = next(line for line in rest if line.startswith("openssl enc "))
    for folder in raw.volume.glob("root-*"):
        subprocess.run(["sh", "-c", unwrap], cwd=folder, check=True, timeout=SECONDS)
    return raw.volume


def private_keys(opened: Path) -> list[object]:
    """Return every private key that the backups hold."""
    roots = [serialization.load_der_private_key(openssl_der(path), None) for path in opened.glob("root-*/root-key.der")]
    repositories = [notary_key(path.read_bytes()) for path in (opened / "repositories").glob("*.key")]
    assert (len(roots), len(repositories)) == (3, 6)
    return [*roots, *repositories]


def openssl_der(path: Path) -> bytes:
    """Return a key as openssl writes it: what was unwrapped may have NUL bytes behind it."""
    command = ["openssl", "pkey", "-inform", "DER", "-in", path, "-outform", "DER"]
    return subprocess.run(command, check=True, capture_output=True, timeout=SECONDS).stdout


def wrapping_keys(opened: Path) -> list[bytes]:
    found = [bytes.fromhex(path.read_text()) for path in opened.glob("root-*/wrapping-key.hex")]
    assert [len(key) for key in found] == [32] * 3
    return found


def pkcs8(key: object) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def holding(images: Mapping[str, bytes], needles: list[bytes]) -> list[str]:
    assert needles
    return [place for place, data in images.items() for form in (data, unbroken(data)) if any(n in form for n in needles)]


def test_the_images_hold_what_the_rehearsal_left(raw):
    assert set(raw.images) == {"ceremony", "a", "b", "courier", "tmp"}
    for place in ("ceremony", "a", "b", "courier"):
        assert b'"kind":"close"' in raw.images[place]
    for place in ("a", "b"):
        assert (raw.volume / "private" / "repositories.age").read_bytes()[:2000] in raw.images[place]


def test_the_search_finds_what_was_removed(tmp_path):
    """A file that was written, synced and removed again is still in the image."""
    secret = bytes(range(7, 39)) * 4
    (tmp_path / "place").mkdir()
    on_images.mount(tmp_path / "x.img", tmp_path / "place")
    try:
        path = tmp_path / "place" / "secret"
        path.write_bytes(secret)
        subprocess.run(["sync", "-f", path], check=True, timeout=SECONDS)
        path.unlink()
    finally:
        on_images.unmount(tmp_path / "place")
    assert holding({"x": (tmp_path / "x.img").read_bytes()}, [secret]) == ["x"]


def test_no_private_key_is_in_any_image(raw, opened):
    secrets = [number(key) for key in private_keys(opened)] + [pkcs8(key) for key in private_keys(opened)]
    assert holding(raw.images, [form for secret in secrets for form in forms(secret)]) == []
    assert holding(raw.images, [b"PRIVATE KEY-----"]) == []


def test_no_private_key_of_a_person_is_in_any_image(raw):
    keys = [serialization.load_ssh_private_key(private.reveal(), None) for _, private in raw.people.people.values()]
    assert holding(raw.images, [form for key in keys for form in forms(number(key))]) == []


def test_no_wrapping_key_is_in_any_image(raw, opened):
    assert holding(raw.images, [form for key in wrapping_keys(opened) for form in forms(key)]) == []


def test_the_protectors_secret_is_in_no_image(raw, opened):
    secret = (opened / "identity.txt").read_bytes().strip()
    assert secret.startswith(b"AGE-SECRET-KEY-1")
    upper = {place: data.upper() for place, data in raw.images.items()}
    assert holding(upper, [secret, b"AGE-SECRET-KEY-1"]) == []
    assert holding(raw.images, forms(secret)) == []


def test_no_three_words_of_the_passphrase_are_in_any_image(raw):
    passphrase = raw.people.answers["passphrase"].text()
    words = three_words_of(passphrase)
    assert holding({place: plain(data) for place, data in raw.images.items()}, words) == []
    assert holding(raw.images, [*words, *forms(passphrase.encode())]) == []


def test_no_pin_is_in_any_image(raw):
    pins = [secret.text() for key, secret in raw.people.answers.items() if "pin:" in key]
    assert len(pins) == 6
    there = [(place, pin) for place, data in raw.images.items() for pin in pins if pin.encode() in data]
    assert [place for place, pin in there if any(pattern.search(raw.images[place]) for pattern in of_pins_of([pin]))] == []
