# SPDX-License-Identifier: Apache-2.0
"""No plaintext key, passphrase or share was ever on a file system: raw images are searched, what was removed from them too.

A whole rehearsal lies on images: its work folder, both volumes, the courier, and the
place for temporary files. They are looked at before it begins, while the secret is
handed out, once the backups are written, and when it is over. What must not be there
is learned as whoever finds a volume would learn it: with what the people know, as
RECOVER.txt says. The one file that holds it in the clear, the rehearsal's
`practice-secrets.json`, lies on none of the images.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from shamir_mnemonic import Share

from ceremony.cli.plan_files import EXAMPLE
from ceremony.cli.practice import SECRETS, PracticeSecrets, load
from tests.cli.test_secrets import notary_key, number, of_pins_of
from tests.peers import needles, on_images
from tests.peers.needles import Needle
from tests.peers.program import environment
from tests.peers.recipe import Known, Recipe, Shell, follow

SECONDS = 120
PLACES = ("ceremony", "a", "b", "courier", "tmp")
LOOKS = {"before": ("begin", "preflight"), "handed out": ("typed-back", "protector"), "backed up": ("end", "back-up")}
"""Name → the record after which the images are looked at."""
OVER = "over"
SHARES = (
    ('custody = "token-wrapped"', 'custody = "imported"'),
    ('protect = "passphrase"', 'protect = "shares"\nshares = { needed = 2, total = 3 }'),
    *(
        ("[close]", f'[[people]]\nname = "{name}"\nrole = "custodian"\norganisation = "Acme"\nkey = ""\n\n[close]')
        for name in ("Cleo Example", "Cyril Example")
    ),
)
"""What another plan says than the example."""


@dataclass(frozen=True)
class Raw:
    """A rehearsal that is over, and nothing of it mounted any more."""

    images: Mapping[str, bytes]
    """When and where, `over: a` → every byte of that file system that is not in a block of zeros."""
    people: PracticeSecrets
    media: str
    """The kind of its media's file systems."""
    folder: Path
    """Where its images lie."""
    keys: Mapping[str, object]
    """What it is of → each private key that the backups hold."""
    wrapping_keys: Sequence[bytes]
    identity: str

    @property
    def shares(self) -> Sequence[str]:
        return [secret.text() for key, secret in self.people.answers.items() if key.startswith("share:")]


@pytest.fixture(
    scope="module", params=[pytest.param("ext4", id="a passphrase, on ext4"), pytest.param("exfat", id="shares, on exfat")]
)
def raw(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Raw:
    there = tmp_path_factory.mktemp("raw")
    root, media = there / "r", request.param
    try:
        rehearse(there, root, media)
        people = load(root / SECRETS)
        (volume,) = (root / "volumes" / "a").glob("ceremony-*")
        keys, wrapping_keys, identity = opened(volume, people, tmp_path_factory.mktemp("opened"))
    finally:
        mounted = on_images.unmount_rehearsal(there, root)
        on_images.unmount(there / "tmp", there / "tmp.img")
    assert mounted == 4
    images = {f"{OVER}: {place}": there / f"{place}.img" for place in PLACES}
    images |= {f"{look}: {place}": there / look / f"{place}.img" for look in LOOKS for place in PLACES}
    data = {when: needles.without_zeros(path.read_bytes()) for when, path in images.items()}
    return Raw(data, people, media, there, keys, wrapping_keys, identity)


def rehearse(there: Path, root: Path, media: str) -> None:
    """Hold the rehearsal on images, looked at again and again."""
    (there / "tmp").mkdir()
    on_images.mount(there / "tmp.img", there / "tmp")
    options = ["--exfat"] if media == "exfat" else []
    for name, record in LOOKS.items():
        options += ["--look", name, *record]
    plan: list[object] = []
    if media == "exfat":
        shutil.copytree(EXAMPLE.parent, there / "plan")
        plan = [there / "plan" / EXAMPLE.name]
        source = EXAMPLE.read_text()
        for old, new in SHARES:
            assert old in source
            source = source.replace(old, new)
        (there / "plan" / EXAMPLE.name).write_text(source)
    done = subprocess.run(
        [sys.executable, on_images.__file__, there, *options, "--", "rehearse", *plan, "--auto", "--out", root],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
        env=environment({"TMPDIR": str(there / "tmp")}), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def opened(volume: Path, people: PracticeSecrets, folder: Path) -> tuple[Mapping[str, object], Sequence[bytes], str]:
    """Open every backup as RECOVER.txt says; return the private keys, the wrapping keys, and the protector's identity."""
    answers = {key: secret.text() for key, secret in people.answers.items()}
    known = Known(answers.get("passphrase", ""), [answers[key] for key in ("share:2", "share:3") if key in answers])
    recipe = Recipe.read(volume / "RECOVER.txt")
    with Shell(folder, volume, recipe.programs) as shell:
        follow(shell, recipe, known)
        there = shell.memory("recover")
        keys = {path.parent.name: root_key(path) for path in there.glob("root-*/root-key.der")}
        keys |= {path.name: notary_key(path.read_bytes()) for path in there.glob("repositories/*.key")}
        wrapping_keys = [bytes.fromhex(path.read_text()) for path in there.glob("root-*/wrapping-key.hex")]
        identity = (there / "identity.txt").read_text().strip()
    assert len(keys) == 3 + 6
    assert [len(key) for key in wrapping_keys] == ([] if known.shares else [32] * 3)
    return keys, wrapping_keys, identity


def root_key(path: Path) -> object:
    """Return a root key as openssl reads it: what was unwrapped may have NUL bytes behind it."""
    command = ["openssl", "pkey", "-inform", "DER", "-in", path, "-outform", "DER"]
    der = subprocess.run(command, check=True, capture_output=True, timeout=SECONDS).stdout
    return serialization.load_der_private_key(der, None)


# --- what must not be there ---------------------------------------------------------


FORMS = {"PKCS#8": serialization.PrivateFormat.PKCS8, "SEC1": serialization.PrivateFormat.TraditionalOpenSSL}


def of_key(what: str, key: object) -> Iterator[Needle]:
    """Yield the forms of a private key: its number, its DER, and so what PEM holds."""
    yield from needles.of_number(f"number of {what}", number(key))
    for form, encoding in FORMS.items():
        if form == "SEC1" and isinstance(key, ed25519.Ed25519PrivateKey):
            continue
        der = key.private_bytes(serialization.Encoding.DER, encoding, serialization.NoEncryption())
        pem = key.private_bytes(serialization.Encoding.PEM, encoding, serialization.NoEncryption())
        yield from needles.of_bytes(f"{form} of {what}", der)
        yield Needle(f"{form} of {what}, PEM", b"".join(pem.splitlines()[1:-1]), "text")


def of_secret(raw: Raw) -> Iterator[Needle]:
    """Yield the forms of what opens `identity.age`, and of each share of it."""
    if not raw.shares:
        yield from needles.of_words("the passphrase", raw.people.answers["passphrase"].text(), 3)
        return
    secret = passphrase_of(raw.shares[:2])
    assert secret == passphrase_of(raw.shares[1:])
    yield from needles.of_number("the secret that was split", bytes.fromhex(secret))
    for place, share in enumerate(raw.shares, start=1):
        yield from needles.of_words(f"share {place}", share, 4)
        yield from needles.of_number(f"value of share {place}", Share.from_mnemonic(share).value)


def passphrase_of(shares: Sequence[str]) -> str:
    """Return what the command of shamir-mnemonic makes of shares."""
    command = [str(Path(sys.executable).with_name("shamir")), "recover"]
    typed = "".join(f"{share}\n" for share in shares)
    done = subprocess.run(command, input=typed, text=True, capture_output=True, check=True, timeout=SECONDS)
    (secret,) = re.findall(r"^Your master secret is: ([0-9a-f]{32})$", done.stdout, re.MULTILINE)
    return secret


@pytest.fixture(scope="module")
def unseen(raw: Raw) -> Sequence[Needle]:
    """Everything that must be on no image, in every form."""
    people = {
        name: serialization.load_ssh_private_key(private.reveal(), None) for name, (_, private) in raw.people.people.items()
    }
    return [
        *(needle for what, key in (raw.keys | people).items() for needle in of_key(what, key)),
        *(needle for place, key in enumerate(raw.wrapping_keys) for needle in needles.of_number(f"wrapping key {place}", key)),
        *needles.of_age_identity("the protector's identity", raw.identity),
        *of_secret(raw),
        *needles.ANY,
    ]


# --- the search ---------------------------------------------------------------------


def test_the_images_hold_what_the_rehearsal_left(raw):
    assert len(raw.images) == len(PLACES) * 4
    for place in ("ceremony", "a", "b"):
        assert b'"kind":"close"' in raw.images[f"{OVER}: {place}"]
        assert b'"kind":"close"' not in raw.images[f"backed up: {place}"]
        assert b'"step":"back-up"' in raw.images[f"backed up: {place}"]
    assert b'"kind":"typed-back"' in raw.images["handed out: ceremony"]
    assert b'"kind":"close"' in raw.images[f"{OVER}: courier"]
    for place in ("a", "b"):
        assert b"age-encryption.org/v1" in raw.images[f"backed up: {place}"]
        assert b"age-encryption.org/v1" not in raw.images[f"before: {place}"]


def test_no_secret_is_in_any_image_in_any_form_at_any_time(raw, unseen):
    assert len({needle.what for needle in unseen}) == len(unseen) > 400
    assert needles.found(raw.images, unseen) == []


def test_no_pin_is_in_any_image(raw):
    pins = [secret.text() for key, secret in raw.people.answers.items() if "pin:" in key]
    assert len(pins) == 6
    there = [(place, pin) for place, data in raw.images.items() for pin in pins if pin.encode() in data]
    assert [place for place, pin in there if any(pattern.search(raw.images[place]) for pattern in of_pins_of([pin]))] == []


# --- the search can fail --------------------------------------------------------------


def planted(raw: Raw, folder: Path, files: Mapping[str, bytes]) -> bytes:
    """Return the image of volume a once files were written to it, synced, and removed again."""
    image, place = folder / "a.img", folder / "place"
    shutil.copy(raw.folder / "a.img", image)
    place.mkdir()
    on_images.mount_again(image, place, raw.media)
    try:
        for name, data in files.items():
            (place / name).write_bytes(data)
        subprocess.run(["sync", "-f", place], check=True, timeout=SECONDS)
        for name in files:
            (place / name).unlink()
    finally:
        on_images.unmount(place, image)
    return needles.without_zeros(image.read_bytes())


def test_every_form_of_every_secret_is_found_when_it_was_there_for_a_moment(raw, unseen, tmp_path):
    data = planted(raw, tmp_path, {"notes.txt": b"\r\n".join(b"x" + needle.data + b"\xff" for needle in unseen)})
    assert needles.found({"a": data}, unseen) == [f"a: {needle.what}" for needle in sorted(unseen, key=lambda n: n.read)]


def test_a_secret_as_people_and_programs_write_it_is_found(raw, unseen, tmp_path):
    what, key = next(iter(raw.keys.items()))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    words = (raw.shares or [raw.people.answers["passphrase"].text()])[-1].split()
    written = {
        f"number of {what}, base64": pem,
        f"number of {what}, bytes": key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "the protector's identity, as it is": f"# created\r\n{raw.identity}\r\n".encode("utf-16-le"),
        "words from 3": repr(words[2:7]).encode(),
        "words from 9": "\r\n".join(f"{place}. {word.upper()}" for place, word in enumerate(words[8:12], start=9)).encode(),
    }
    for place, (expected, data) in enumerate(written.items()):
        (tmp_path / str(place)).mkdir()
        found = needles.found({"a": planted(raw, tmp_path / str(place), {"leak": data})}, unseen)
        assert any(expected in what for what in found), expected
