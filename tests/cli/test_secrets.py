# SPDX-License-Identifier: Apache-2.0
"""After a whole rehearsal, nothing secret is in the clear but in the one file that is there for it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ceremony.cli.practice import SECRETS, load
from ceremony.core import backup
from ceremony.core.dialects import notary_keys
from ceremony.core.secret import Secret
from ceremony.errors import VerificationError


@dataclass(frozen=True)
class Known:
    """What must not be seen."""

    pins: tuple[str, ...]
    passphrase: str
    identity: bytes
    keys: tuple[bytes, ...]
    """The secret numbers and seeds of private keys, and the wrapping keys: 32 bytes each."""


@pytest.fixture(scope="module")
def known(rehearsed) -> Known:
    """Open everything that can be opened with what the rehearsal's people know."""
    people = load(rehearsed.root / SECRETS)
    (volume,) = (rehearsed.root / "volumes" / "a").iterdir()
    passphrase = people.answers["passphrase"]
    identity = backup.open_identity((volume / "private" / "identity.age").read_bytes(), passphrase)
    keys = [number(serialization.load_ssh_private_key(private.reveal(), None)) for _, private in people.people.values()]
    for path in (volume / "private").glob("r*.age"):
        _, contents = backup.unpack(backup.decrypt(path.read_bytes(), identity, path.name), path.name)
        keys += [number(notary_key(data)) for name, data in contents.items() if name.endswith(".key")]
        keys += [bytes.fromhex(data.decode()) for name, data in contents.items() if name.endswith(".hex")]
    assert (len(set(keys)), {len(key) for key in keys}) == (6 + 6 + 3, {32})  # people, repositories, root tokens
    pins = [secret.text() for key, secret in people.answers.items() if "pin:" in key]
    assert len(set(pins)) == 6
    return Known(tuple(pins), passphrase.text(), identity.reveal(), tuple(keys))


def notary_key(pem: bytes) -> object:
    return serialization.load_der_private_key(notary_keys.read(pem, "key").pkcs8(), None)


def number(key: object) -> bytes:
    """Return what is secret of a private key: the number of an elliptic curve's, the seed of an Ed25519 key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.private_bytes_raw()


@pytest.fixture(scope="module")
def places(rehearsed) -> Mapping[str, bytes]:
    """Everything that others may get to see: by where it is."""
    found = {
        str(path.relative_to(rehearsed.root)): path.read_bytes()
        for folder in ("ceremony", "courier", "volumes", "tokens")
        for path in (rehearsed.root / folder).rglob("*")
        if path.is_file()
    }
    shown = {f"process {number}": data for number, data in enumerate(sorted(rehearsed.run.seen))}
    streams = {"standard output": rehearsed.run.stdout.encode(), "standard error": rehearsed.run.stderr.encode()}
    return found | shown | streams


def holding(places: Mapping[str, bytes], needles: Iterable[bytes]) -> list[str]:
    """Return the places that hold any of these."""
    wanted = [needle for needle in needles if needle]
    assert wanted
    return [place for place, data in places.items() if any(needle in data for needle in wanted)]


def of_pins(known: Known) -> list[re.Pattern[bytes]]:
    return of_pins_of(known.pins)


def of_pins_of(pins: Iterable[str]) -> list[re.Pattern[bytes]]:
    # Eight digits are found by chance in a megabyte of hexadecimal; a PIN would stand by itself.
    return [re.compile(rb"(?<![0-9a-f])" + pin.encode() + rb"(?![0-9a-f])") for pin in pins]


def three_words(known: Known) -> list[bytes]:
    return three_words_of(known.passphrase)


def three_words_of(passphrase: str) -> list[bytes]:
    words = passphrase.split()
    assert len(words) == 16
    return [" ".join(words[at : at + 3]).encode() for at in range(len(words) - 2)]


def plain(data: bytes) -> bytes:
    return b" ".join(data.lower().split())


def forms(secret: bytes) -> list[bytes]:
    """Return how a secret could be written: as it is, in hexadecimal, or somewhere in base64 of something larger."""
    inside = [base64.b64encode(secret[shift : shift + 27]) for shift in range(3)]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *inside]


def unbroken(data: bytes) -> bytes:
    """Return text without its line ends, and without those that JSON writes."""
    return data.replace(b"\r", b"").replace(b"\n", b"").replace(b"\\n", b"")


def test_the_search_finds_what_is_there(rehearsed, known):
    theirs = (rehearsed.root / SECRETS).read_bytes()
    assert all(pattern.search(theirs) for pattern in of_pins(known))
    assert all(words in plain(theirs) for words in three_words(known))
    assert all(any(form in unbroken(theirs) for form in forms(key)) for key in known.keys[:6])


def test_the_processes_were_seen(rehearsed):
    shown = b"\n".join(rehearsed.run.seen).replace(b"\0", b" ")
    assert b"-m ceremony rehearse --auto" in shown
    assert b"-m ceremony.devices.hsm_worker" in shown
    assert b"ssh-keygen -Y sign" in shown
    assert b"SOFTHSM2_CONF=" in shown


def test_no_pin_is_anywhere(known, places):
    patterns = of_pins(known)
    assert [place for place, data in places.items() if any(pattern.search(data) for pattern in patterns)] == []


def test_no_three_words_of_the_passphrase_are_anywhere(known, places):
    normal = {place: plain(data) for place, data in places.items()}
    assert holding(normal, three_words(known)) == []


def test_the_protectors_secret_is_nowhere(known, places):
    assert known.identity.startswith(b"AGE-SECRET-KEY-1")
    assert holding({place: data.upper() for place, data in places.items()}, [known.identity, b"AGE-SECRET-KEY-"]) == []


def test_no_private_key_and_no_wrapping_key_is_anywhere(known, places):
    needles = [form for key in known.keys for form in forms(key)]
    assert holding(places, needles) == []
    assert holding({place: unbroken(data) for place, data in places.items()}, needles) == []
    assert holding(places, [b"PRIVATE KEY-----"]) == []


@pytest.mark.parametrize("function", ["sha256", "sha512", "sha1", "md5"])
def test_no_hash_of_a_pin_or_of_the_passphrase_is_anywhere(known, places, function):
    secrets = [*known.pins, known.passphrase, f"{known.passphrase}\n", *(f"{pin}\n" for pin in known.pins)]
    digests = [hashlib.new(function, secret.encode()).digest() for secret in secrets]
    written = [form for digest in digests for form in (digest, digest.hex().encode(), base64.b64encode(digest))]
    assert holding(places, written) == []


def test_what_its_people_know_is_in_no_folder_that_leaves(places):
    assert [place for place in places if SECRETS.partition(".")[0] in place] == []


def test_a_wrong_passphrase_opens_nothing(rehearsed, known):
    (volume,) = (rehearsed.root / "volumes" / "b").iterdir()
    wrong = Secret(" ".join(reversed(known.passphrase.split())))
    with pytest.raises(VerificationError, match="does not open with this passphrase"):
        backup.open_identity((volume / "private" / "identity.age").read_bytes(), wrong)
