# SPDX-License-Identifier: Apache-2.0
"""Programs that others wrote see, through a real pcscd, what the virtual YubiKey holds, and it holds what they made."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from ykman.piv import sign_certificate_builder
from yubikit.piv import DEFAULT_MANAGEMENT_KEY, KEY_TYPE, PIN_POLICY, SLOT, TOUCH_POLICY, PivSession

from tests.fakes.yubikey import Authority, VirtualYubiKey, When, connection
from tests.peers.pcscd import SmartCards

ONE, OTHER = 11111111, 22222222
PIN = "123456"
YKMAN = Path(sys.executable).with_name("ykman")
YKCS11, OPENSC = "libykcs11.so.2", "opensc-pkcs11.so"
DIGEST = hashlib.sha256(b"what is signed").digest()
PREHASHED = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
CONNECTED = """
import sys
from smartcard.System import readers
card = readers()[0].createConnection()
card.connect()
for line in sys.stdin:
    try:
        data, sw1, sw2 = card.transmit(list(bytes.fromhex(line)))
        print(bytes(data).hex(), f"{sw1:02x}{sw2:02x}", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""
SELECT, SERIAL, SIGN = "00a4040005a000000308", "00f8000000", f"0087119e267c2482008120{DIGEST.hex()}00"


def prepared(authority: Authority, serial: int, firmware: str) -> VirtualYubiKey:
    """Return a card with a key in 9c, and the certificate that makes PKCS#11 programs see it; all made by yubikit."""
    card = VirtualYubiKey(serial, firmware, authority=authority)
    session = PivSession(connection(card))
    session.authenticate(DEFAULT_MANAGEMENT_KEY)
    public = session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.ALWAYS, TOUCH_POLICY.CACHED)
    session.generate_key(SLOT.CARD_AUTH, KEY_TYPE.ECCP256, PIN_POLICY.NEVER, TOUCH_POLICY.ALWAYS)
    session.verify_pin(PIN)
    name = x509.Name.from_rfc4514_string(f"CN=root {serial}")
    builder = x509.CertificateBuilder(name, name, public, x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    made = sign_certificate_builder(session, SLOT.SIGNATURE, KEY_TYPE.ECCP256, builder)
    session.put_certificate(SLOT.SIGNATURE, made)
    return card


def public(card: VirtualYubiKey, slot: int = 0x9C) -> ec.EllipticCurvePublicKey:
    key = card.state.keys[slot].private.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


@pytest.fixture(scope="module")
def cards() -> tuple[VirtualYubiKey, VirtualYubiKey]:
    authority = Authority()
    return prepared(authority, ONE, "5.7.4"), prepared(authority, OTHER, "5.4.3")


@pytest.fixture(scope="module")
def room(cards: tuple[VirtualYubiKey, VirtualYubiKey]) -> Iterator[SmartCards]:
    """Return a room that no test may leave otherwise than it was."""
    with SmartCards(*cards) as opened:
        yield opened


def out(room: SmartCards, *arguments: object) -> str:
    done = room.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ykman_lists_the_cards(room: SmartCards) -> None:
    assert out(room, YKMAN, "list").splitlines() == [
        f"YubiKey 5C (5.7.4) [CCID] Serial: {ONE}",
        f"YubiKey 5C (5.4.3) [CCID] Serial: {OTHER}",
    ]


def test_ykman_tells_how_a_card_stands(room: SmartCards) -> None:
    told = out(room, YKMAN, "--device", OTHER, "piv", "info")
    assert "PIV version:              5.4.3" in told
    assert "PIN tries remaining:      3/3" in told
    assert "Management key algorithm: TDES" in told
    assert "WARNING: Using default PIN!" in told
    assert "Slot 9C (SIGNATURE):" in told
    assert f"CN=root {OTHER}" in told


def test_a_card_holds_what_ykman_makes(room: SmartCards, tmp_path: Path) -> None:
    file = tmp_path / "public.pem"
    piv = [YKMAN, "--device", OTHER, "piv"]
    key = ["-m", DEFAULT_MANAGEMENT_KEY.hex(), "-P", PIN]
    out(room, *piv, "keys", "generate", *key, "-a", "ECCP384", "--pin-policy", "ONCE", "--touch-policy", "CACHED", "9a", file)
    out(room, *piv, "certificates", "generate", *key, "-s", "CN=made by ykman", "9a", file)
    card = room.card(OTHER)
    session = PivSession(connection(card))
    told, certificate = session.get_slot_metadata(SLOT.AUTHENTICATION), session.get_certificate(SLOT.AUTHENTICATION)
    assert (told.key_type, told.pin_policy, told.touch_policy) == (KEY_TYPE.ECCP384, PIN_POLICY.ONCE, TOUCH_POLICY.CACHED)
    assert told.public_key == serialization.load_pem_public_key(file.read_bytes()) == certificate.public_key()
    assert certificate.subject == x509.Name.from_rfc4514_string("CN=made by ykman")
    certificate.verify_directly_issued_by(certificate)


def test_ykman_attests_a_key(room: SmartCards, cards: tuple[VirtualYubiKey, VirtualYubiKey], tmp_path: Path) -> None:
    out(room, YKMAN, "--device", ONE, "piv", "keys", "attest", "9c", tmp_path / "statement.pem")
    statement = x509.load_pem_x509_certificate((tmp_path / "statement.pem").read_bytes())
    statement.verify_directly_issued_by(PivSession(connection(cards[0])).get_certificate(SLOT.ATTESTATION))
    assert statement.public_key() == public(cards[0])


@pytest.mark.parametrize("module", [YKCS11, OPENSC])
@pytest.mark.parametrize("place", [0, 1])
def test_pkcs11_programs_find_each_key_and_sign_with_it(
    room: SmartCards, cards: tuple[VirtualYubiKey, VirtualYubiKey], tmp_path: Path, module: str, place: int
) -> None:
    tool = ["pkcs11-tool", "--module", module, "--slot-index", place, "--login", "--pin", PIN]
    listed = out(room, *tool, "--list-objects")
    assert "Private Key Object" in listed
    assert f"CN=root {cards[place].serial}" in listed
    (tmp_path / "digest").write_bytes(DIGEST)
    files = ["--input-file", tmp_path / "digest", "--output-file", tmp_path / "signature"]
    out(room, *tool, "--sign", "--id", "02", "--mechanism", "ECDSA", "--signature-format", "openssl", *files)
    public(cards[place]).verify((tmp_path / "signature").read_bytes(), DIGEST, PREHASHED)


def test_tells_what_reached_a_card(room: SmartCards) -> None:
    before = room.count(ONE, 0x20)
    assert room.run(YKMAN, "--device", ONE, "piv", "access", "change-pin", "-P", "000000", "-n", "111111").returncode != 0
    assert room.card(ONE).state.pin.left == 2
    assert out(room, YKMAN, "--device", ONE, "piv", "access", "change-pin", "-P", PIN, "-n", PIN)
    assert room.count(ONE, 0x24) == 2
    assert (room.count(ONE, 0x20), room.card(ONE).state.pin.left) == (before, 3)
    assert room.count(ONE) == len(room.apdus(ONE)) > 2


def test_reaches_nothing_of_the_machine_but_its_files(room: SmartCards, tmp_path: Path) -> None:
    assert [line.split(":")[1].strip() for line in out(room, "ip", "-o", "link").splitlines()] == ["lo"]
    assert room.run("pkill", "-9", "scdaemon").returncode == 1
    assert out(room, "sh", "-c", "pwd; cat; echo $FROM_HERE") == f"{Path.cwd()}\n\n"
    done = room.run("sh", "-c", "pwd; cat; echo $FROM_HERE", env={"FROM_HERE": "yes"}, cwd=tmp_path, typed="typed\n")
    assert done.stdout == f"{tmp_path}\ntyped\nyes\n"
    assert out(room, "ls", "/run") == "pcscd\n"


class Program:
    """A program in the room that keeps a connection open."""

    def __init__(self, room: SmartCards) -> None:
        command = room.command(sys.executable, "-c", CONNECTED)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begins(self, apdu: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{apdu}\n")
        self._process.stdin.flush()

    def says(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def sends(self, apdu: str) -> str:
        self.begins(apdu)
        return self.says()

    def ends(self) -> None:
        self._process.communicate()


@pytest.fixture
def busy(cards: tuple[VirtualYubiKey, VirtualYubiKey]) -> Iterator[tuple[SmartCards, Program]]:
    """Return a room that a test may leave as it likes, and a program with a connection to ONE."""
    with SmartCards(*cards) as room:
        program = Program(room)
        assert program.sends(SELECT).endswith("9000")
        yield room, program
        program.ends()


def test_a_card_waits_for_a_finger(busy: tuple[SmartCards, Program], cards: tuple[VirtualYubiKey, VirtualYubiKey]) -> None:
    room, program = busy
    room.finger(ONE, "off")
    assert program.sends(SIGN) == "6982"
    room.finger(ONE, "asked")
    for _ in range(2):
        program.begins(SIGN)
        room.asks(ONE)
        room.touch(ONE)
        data, status = program.says().split()
        assert status == "9000"
        public(cards[0], 0x9E).verify(bytes.fromhex(data)[4:], DIGEST, PREHASHED)
    room.finger(ONE, "on")
    room.later(15)
    assert program.sends(SIGN).endswith(" 9000")
    assert (room.touches(ONE), room.count(ONE, 0x87)) == (3, 4)


def test_cards_change_places(busy: tuple[SmartCards, Program]) -> None:
    room, program = busy
    here, there = room.reader(ONE), room.reader(OTHER)
    room.swap(ONE, OTHER)
    assert (room.reader(ONE), room.reader(OTHER)) == (there, here)
    # Once the service has seen a card go, the connection to it stays dead.
    assert program.sends(SERIAL) == program.sends(SELECT) == "CardConnectionException"
    room.pull(ONE)
    listed = out(room, "pkcs11-tool", "--module", YKCS11, "--list-token-slots")
    assert (str(ONE) in listed, str(OTHER) in listed) == (False, True)
    room.put(ONE)
    assert str(ONE) in out(room, "pkcs11-tool", "--module", YKCS11, "--list-token-slots")


def test_a_card_is_pulled_while_it_signs(busy: tuple[SmartCards, Program]) -> None:
    room, program = busy
    room.fault(ONE, 0x87, When.BEFORE, nth=2)
    assert program.sends(SIGN).endswith(" 9000")
    assert program.sends(SIGN) == "CardConnectionException"
    with SmartCards(room.card(ONE)) as later:
        assert later.card(ONE).state.keys.keys() == room.card(ONE).state.keys.keys()
        with pytest.raises(RuntimeError, match=r"^pull: KeyError"):
            later.pull(OTHER)


def test_a_program_that_is_missing_is_a_failure(
    cards: tuple[VirtualYubiKey, VirtualYubiKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.peers.pcscd._SBIN", "")
    with (
        pytest.raises(FileNotFoundError, match="programs are missing: unshare, nsenter, mount, ip, setpriv, pcscd"),
        SmartCards(*cards),
    ):
        pass


def test_a_machine_that_grants_no_namespaces_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.peers.pcscd._PROBE", "echo not here >&2; false")
    with pytest.raises(RuntimeError, match="neither this user nor root may make namespaces here: not here"), SmartCards():
        pass


def test_holds_more_cards_than_a_reader_has_slots() -> None:
    authority = Authority()
    serials = [ONE, OTHER, 33333333]
    with SmartCards(*(VirtualYubiKey(serial, authority=authority) for serial in serials)) as room:
        for serial in serials:
            said = out(room, YKMAN, "--reader", room.reader(serial), "info")
            assert f"Serial number: {serial}" in said
        assert len({room.reader(serial) for serial in serials}) == 3
