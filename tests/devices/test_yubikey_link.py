# SPDX-License-Identifier: Apache-2.0
"""Cards that are pulled, put back and exchanged; what is never written to a log."""

from __future__ import annotations

import logging

import pytest
from smartcard.Exceptions import CardConnectionException

from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices.yubikey_pcsc import silence
from ceremony.errors import TokenAbsent, TokenError, TokenLost, WrongPin
from tests.devices.yubikeys import AUTHENTICATE, GENERATE, MANAGEMENT_KEY, PIN, card, prepared
from tests.fakes.yubikey import When

ROOT = KeyRequest("root", b"", Algorithm.ECDSA_P256, extractable=False)
ECDSA = Scheme.ECDSA_SHA256


@pytest.fixture
def token(desk):
    opened = prepared(desk)
    yield opened
    opened.close()


@pytest.fixture
def key(token):
    return token.generate(ROOT)


def _back(desk, there):
    there.insert()
    token = desk.open(1)
    token.unlock(Secret(PIN))
    token.piv.authorise(Secret(MANAGEMENT_KEY))
    return token


@pytest.mark.parametrize(
    ("when", "made"), [pytest.param(When.BEFORE, False, id="before"), pytest.param(When.AFTER, True, id="after")]
)
def test_pulled_while_it_makes_a_key_it_is_lost_and_shows_later_whether_it_did(desk, there, token, when, made):
    there.fault(GENERATE, when)
    with pytest.raises(TokenLost, match="token 1: stopped answering"):
        token.generate(ROOT)
    again = _back(desk, there)
    assert (again.find("") is not None) is made
    assert (again.piv.standing().occupied == ("9c",)) is made


def test_pulled_while_it_signs_it_is_lost_in_the_middle_of_a_stream(there, token, key):
    there.fault(AUTHENTICATE, When.BEFORE, nth=3)
    stream = token.sign_stream(key, ECDSA, ([b"%d" % number] for number in range(5)))
    for number in range(2):
        verify(key.public, ECDSA, b"%d" % number, next(stream)[0])
    with pytest.raises(TokenLost, match="stopped answering"):
        next(stream)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda token, key: token.pin_state(), id="pin_state"),
        pytest.param(lambda token, key: token.unlock(Secret(PIN)), id="unlock"),
        pytest.param(lambda token, key: token.find("root"), id="find"),
        pytest.param(lambda token, key: token.find_public(key.public), id="find_public"),
        pytest.param(lambda token, key: token.piv.standing(), id="standing"),
        pytest.param(lambda token, key: token.piv.authorise(Secret(MANAGEMENT_KEY)), id="authorise"),
        pytest.param(lambda token, key: token.piv.wipe(), id="wipe"),
    ],
)
def test_what_was_lost_stays_lost_also_when_the_card_is_back(there, token, key, use):
    there.pull()
    with pytest.raises(TokenLost):
        token.find("root")
    there.insert()
    before = there.count()
    for _ in range(2):
        with pytest.raises(TokenLost, match="stopped answering"):
            use(token, key)
    assert there.count() == before  # it was not spoken to


def test_the_reader_of_a_lost_token_is_free_for_the_one_that_comes_back(desk, there, token):
    there.pull()
    with pytest.raises(TokenLost):
        token.find("root")
    there.insert()
    assert desk.open(1).identity.serial == "1"


def test_put_back_between_two_commands_it_was_lost_all_the_same(there, token, key):
    there.pull()
    there.insert()
    with pytest.raises(TokenLost, match="stopped answering"):
        token.sign(key, ECDSA, [b"x"])


def test_one_fault_on_the_way_is_enough_to_be_lost(there, token, key):
    def fault(*_):
        del there.lies[AUTHENTICATE]
        raise CardConnectionException("transaction failed")

    there.lies[AUTHENTICATE] = fault
    with pytest.raises(TokenLost, match="stopped answering"):  # who knows what it did
        token.sign(key, ECDSA, [b"x"])
    with pytest.raises(TokenLost):
        token.find("root")


def test_what_the_reader_did_not_notice_the_card_does(desk, there, token, key):
    desk.plugs[0].reader.notices = False
    there.pull()
    there.insert()
    # It answers, but has forgotten its PIN and that PIV was selected: a refusal, looked at as every other.
    with pytest.raises(TokenError) as refused:
        token.sign(key, ECDSA, [b"x"])
    assert not isinstance(refused.value, TokenLost)
    verify(key.public, ECDSA, b"x", token.sign(key, ECDSA, [b"x"])[0])


def test_another_card_put_in_is_named_when_it_is_opened_again(desk, token):
    desk.plugs[0].reader.card = card(2)
    with pytest.raises(TokenLost, match="token 1: stopped answering"):
        token.find("root")
    with pytest.raises(TokenAbsent, match="no reader holds YubiKey 1; there is 2"):
        desk.open(1)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda token, key: token.sign(key, ECDSA, [b"x"]), id="sign"),
        pytest.param(lambda token, key: token.generate(ROOT), id="generate"),
        pytest.param(lambda token, key: token.unlock(Secret(PIN)), id="unlock"),
        pytest.param(lambda token, key: token.piv.change_pin(Secret(PIN), Secret("592716")), id="change_pin"),
        pytest.param(lambda token, key: token.piv.wipe(), id="wipe"),
        pytest.param(lambda token, key: token.piv.store_certificate(b"0"), id="store_certificate"),
    ],
)
def test_another_card_in_its_place_is_named_and_nothing_is_done_to_it(desk, token, key, use):
    desk.plugs[0].reader.notices = False
    other = card(2)
    before = other.saved()
    desk.plugs[0].reader.card = other
    for _ in range(2):
        with pytest.raises(
            TokenLost, match="token 1: was taken out; in its place is YubiKey 2, to which nothing was done"
        ) as lost:
            use(token, key)
    assert lost.value.hint == "put YubiKey 1 back, then try again"
    assert other.saved() == before


def test_exchanged_while_it_signs_another_card_signs_nothing(desk, there, token, key):
    desk.plugs[0].reader.notices = False
    other = card(2)
    other.state.keys[0x9C] = there.state.keys[0x9C]  # even with the same key in it
    other.state.pin = there.state.pin
    stream = token.sign_stream(key, ECDSA, [[b"1"], [b"2"], [b"3"]])
    next(stream)
    desk.plugs[0].reader.card = other
    with pytest.raises(TokenLost, match="in its place is YubiKey 2"):
        next(stream)
    assert other.count(AUTHENTICATE) == 0


def test_goes_on_after_a_refusal_with_what_it_was_given(there, token, key):
    with pytest.raises(WrongPin):
        token.piv.change_pin(Secret("000000"), Secret("592716"))
    # The card has forgotten PIN and management key, we have not.
    verify(key.public, ECDSA, b"x", token.sign(key, ECDSA, [b"x"])[0])
    token.piv.store_certificate(b"0\x03\x02\x01\x01")


def test_compares_the_serial_after_every_refusal(there, token, key):
    before = there.count(0xF8)
    for _ in range(2):
        with pytest.raises(WrongPin):
            token.piv.change_puk(Secret("00000000"), Secret("59271688"))
    assert there.count(0xF8) == before + 2


def test_closing_never_raises(there, token):
    there.pull()
    token.close()
    token.close()
    with pytest.raises(TokenLost, match="was closed"):
        token.pin_state()


def test_an_answer_that_makes_no_sense_is_an_error_of_the_token(there, token, key):
    there.lies[AUTHENTICATE] = lambda apdu, data, status: (b"\x7c\x01", status)
    with pytest.raises(TokenError, match="token 1: refused what it was asked") as refused:
        token.sign(key, ECDSA, [b"x"])
    assert not isinstance(refused.value, TokenLost)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(0x6A84, "has no room left", id="6A84"),
        pytest.param(0x6581, "could not write to its memory", id="6581"),
        pytest.param(0x6F00, "refused what it was asked (status 6f00)", id="6F00"),
        pytest.param(0x6F42, "refused what it was asked (status 6f42)", id="unknown"),
    ],
)
def test_a_refusal_is_said_in_words(there, token, status, said):
    there.lies[GENERATE] = lambda *_: (b"", status)
    with pytest.raises(TokenError) as refused:
        token.generate(ROOT)
    assert said in refused.value.message


# --- logs ---------------------------------------------------------------------------------


class Everything(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=0)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture
def everything():
    handler, root = Everything(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(1)
    talkers = [
        logging.getLogger(name) for name in ("yubikit", "ykman", "fido2", "yubikit.core.smartcard", "ykman.pcsc", "fido2.pcsc")
    ]
    for logger in talkers:
        logger.setLevel(1)
    yield handler.said
    for logger in talkers:
        logger.setLevel(logging.NOTSET)
    root.removeHandler(handler)
    root.setLevel(before)


def test_no_pin_and_no_key_is_ever_logged_whatever_the_level(everything, desk):
    token = prepared(desk)
    key = token.generate(ROOT)
    token.sign(key, ECDSA, [b"x"])
    token.close()
    said = "\n".join(everything).lower()
    assert said  # the capture works: yubikit's own words are there
    for secret in (PIN, PIN.encode().hex(), "123456", b"123456".hex(), "73019265", MANAGEMENT_KEY.hex(), "0102030405060708"):
        assert secret not in said


@pytest.mark.parametrize(
    "name", ["yubikit.core.smartcard", "yubikit.core.otp", "ykman.pcsc", "ykman.hid.linux", "fido2.hid", "fido2.pcsc"]
)
def test_what_libraries_log_of_the_traffic_is_dropped(everything, name):
    silence()
    silence()
    logging.getLogger(name).setLevel(1)
    logging.getLogger(name).log(5, "SEND: 00200080%s", PIN.encode().hex())
    logging.getLogger(name).debug("a word")
    logging.getLogger(name).setLevel(logging.NOTSET)
    assert everything == ["a word"]
    assert len(logging.getLogger(name).filters) == 1


def test_nothing_of_ykman_is_loaded():
    import subprocess
    import sys

    code = "import sys, ceremony.devices.rack; print([name for name in sys.modules if name.split('.')[0] == 'ykman'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
