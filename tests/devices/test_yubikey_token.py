# SPDX-License-Identifier: Apache-2.0
"""The `Token` port over a YubiKey's slot: what the port tests, which it passes too, do not say."""

from __future__ import annotations

import pytest
from yubikit.piv import PIN_POLICY, TOUCH_POLICY

from ceremony.core import software_key
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyRequest, PinState
from ceremony.core.secret import Secret
from ceremony.devices.yubikey_facts import MESSAGE_BYTES
from ceremony.errors import PinLocked, TokenError, VerificationError, WrongPin
from tests.devices.yubikeys import (
    AUTHENTICATE,
    GENERATE,
    IMPORT,
    MANAGEMENT_KEY,
    METADATA,
    OBJECT_9C,
    PIN,
    SLOT_9C,
    VERIFY,
    Desk,
    card,
    prepared,
)
from tests.fakes.yubikey import When
from tests.fakes.yubikey.apdu import tlv, tlvs
from tests.fakes.yubikey.keys import KeyType, SlotKey, generate

ECDSA = Scheme.ECDSA_SHA256
ROOT = KeyRequest("root", b"", Algorithm.ECDSA_P256, extractable=False)


def wanted(algorithm=Algorithm.ECDSA_P256, **policies):
    return KeyRequest("root", b"", algorithm, extractable=False, **policies)


@pytest.fixture
def token(desk):
    opened = prepared(desk)
    yield opened
    opened.close()


def only(firmware):
    """Return a prepared token with this firmware, and its card."""
    desk = Desk()
    there = card(1, firmware)
    desk.put(there)
    return prepared(desk), there


# --- the PIN ------------------------------------------------------------------------------


def test_reads_the_tries_without_spending_one(token, there):
    there.state.pin.left = 2
    before = there.count(VERIFY)
    assert token.pin_state() == PinState(retries_left=2, locked=False)
    assert there.state.pin.left == 2
    assert there.count(VERIFY) == before


def test_a_wrong_pin_says_how_many_tries_are_left_until_it_is_blocked(token, there):
    for left, words in ((2, "2 tries are left"), (1, "one try is left"), (0, "no tries are left")):
        with pytest.raises(WrongPin, match=f"the PIN is wrong; {words}") as wrong:
            token.unlock(Secret("000000"))
        assert wrong.value.retries_left == left
    assert token.pin_state() == PinState(retries_left=0, locked=True)
    before = there.count(VERIFY)
    with pytest.raises(PinLocked, match="the PIN is blocked"):
        token.unlock(Secret(PIN))
    assert there.count(VERIFY) == before


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        pytest.param("", "an empty PIN was not tried", id="empty"),
        pytest.param("12345", "6 to 8 letters, digits or signs, that one has not; it was not tried", id="short"),
        pytest.param("123456789", "it was not tried", id="long"),
        pytest.param("12345é", "it was not tried", id="not ascii"),
        pytest.param(b"\xff" * 7, "it was not tried", id="not text"),
    ],
)
def test_spends_no_try_on_what_cannot_be_a_pin(token, there, pin, said):
    before = there.count(VERIFY)
    with pytest.raises(TokenError, match=said) as refused:
        token.unlock(Secret(pin))
    assert not isinstance(refused.value, WrongPin)
    assert there.state.pin.left == 3
    assert there.count(VERIFY) == before
    for word in (pin, str(len(pin))):
        assert not word or str(word) not in refused.value.message.replace("6 to 8", "")


def test_holds_a_copy_of_the_pin_and_wipes_it(token):
    key, pin = token.generate(ROOT), Secret(PIN)
    token.unlock(pin)
    pin.wipe()
    verify(key.public, ECDSA, b"x", token.sign(key, ECDSA, [b"x"])[0])
    held = token._access._pin
    assert not token.forget_pin()
    assert held.reveal() == b""
    assert not token.forget_pin()


def test_closing_wipes_what_was_held(token):
    pin, management_key = token._access._pin, token._access._management_key
    token.close()
    assert pin.reveal() == management_key.reveal() == b""


def test_a_pin_that_was_changed_meanwhile_is_tried_once_and_then_never_again(token, there):
    key = token.generate(ROOT)
    there.state.pin.value = b"592716\xff\xff"
    with pytest.raises(WrongPin, match="2 tries are left"):
        token.sign(key, ECDSA, [b"1", b"2", b"3"])
    for _ in range(3):
        with pytest.raises(TokenError, match="is locked"):
            token.sign(key, ECDSA, [b"x"])
    assert there.state.pin.left == 2


# --- signing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pin_policy", "each"),
    [pytest.param("always", [VERIFY, AUTHENTICATE], id="always"), pytest.param("once", [AUTHENTICATE], id="once")],
)
def test_a_signature_costs_the_fewest_commands(token, there, pin_policy, each):
    key = token.generate(wanted(pin_policy=pin_policy))
    token.unlock(Secret(PIN))
    start = there.count()
    for batch in token.sign_stream(key, ECDSA, [[b"1", b"2"], [b"3"]]):
        assert batch
    assert there.apdus[start:] == each * 3


def test_a_token_that_is_opened_again_reads_its_slot_once_before_it_signs(desk, token, there):
    key = token.generate(ROOT)
    token.close()
    again = desk.open(1)
    again.unlock(Secret(PIN))
    start = there.count()
    again.sign(key, ECDSA, [b"1"])
    again.sign(key, ECDSA, [b"2"])
    assert there.apdus[start:] == [METADATA, VERIFY, AUTHENTICATE, VERIFY, AUTHENTICATE]
    again.close()


def test_signs_nothing_before_it_is_asked_for(token, there):
    key = token.generate(ROOT)
    start = there.count()
    stream = token.sign_stream(key, ECDSA, [[b"1"], [b"2"], [b"3"]])
    assert there.count() == start
    next(stream)
    stream.close()
    assert there.apdus[start:].count(AUTHENTICATE) == 1


@pytest.mark.parametrize("scheme", [Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384])
@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384])
def test_digests_longer_and_shorter_than_the_order_are_signed_as_the_standard_says(token, algorithm, scheme):
    key = token.generate(wanted(algorithm))
    verify(key.public, scheme, b"x", token.sign(key, scheme, [b"x"])[0])


def test_gives_a_signature_as_it_was_made(token, there):
    key = token.generate(ROOT)
    there.fault(AUTHENTICATE, When.WRONG_SIGNATURE, nth=2)
    first, second, third = token.sign(key, ECDSA, [b"1", b"2", b"3"])
    verify(key.public, ECDSA, b"1", first)
    verify(key.public, ECDSA, b"3", third)
    with pytest.raises(VerificationError):
        verify(key.public, ECDSA, b"2", second)


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ED25519])
def test_refuses_what_cannot_be_a_signature(token, there, algorithm):
    key = token.generate(wanted(algorithm))
    there.lies[AUTHENTICATE] = lambda apdu, data, status: (tlv(0x7C, tlv(0x82, b"junk")), status)
    scheme = ECDSA if algorithm.half else Scheme.ED25519
    with pytest.raises(TokenError, match=f"gave 4 bytes that are not a signature of {algorithm}"):
        token.sign(key, scheme, [b"x"])


def test_ed25519_signs_as_much_as_fits_a_command_and_refuses_more(token, there):
    key = token.generate(wanted(Algorithm.ED25519))
    longest = b"x" * MESSAGE_BYTES
    verify(key.public, Scheme.ED25519, longest, token.sign(key, Scheme.ED25519, [longest])[0])
    before = there.count()
    with pytest.raises(TokenError, match=f"cannot sign {MESSAGE_BYTES + 1} bytes with ed25519: a YubiKey takes {MESSAGE_BYTES}"):
        token.sign(key, Scheme.ED25519, [longest + b"x"])
    assert there.count() == before


@pytest.mark.parametrize("spoil", ["another", "none"])
def test_refuses_to_sign_with_another_key_than_it_holds(desk, token, there, spoil):
    key = token.generate(ROOT)
    token.close()
    del there.state.keys[SLOT_9C]
    if spoil == "another":
        held = SlotKey(
            KeyType.ECCP256,
            generate(KeyType.ECCP256, "x", 1),
            generated=True,
            pin_policy=PIN_POLICY.ALWAYS,
            touch_policy=TOUCH_POLICY.NEVER,
        )
        there.state.keys[SLOT_9C] = held
    again = desk.open(1)
    again.unlock(Secret(PIN))
    with pytest.raises(TokenError, match="holds no private key labelled '9c'"):
        again.sign(key, ECDSA, [b"x"])
    assert again.find_public(key.public) is None
    again.close()


# --- touch --------------------------------------------------------------------------------


def test_a_touch_that_does_not_come_is_said_and_spends_nothing(token, there):
    key = token.generate(wanted(touch_policy="always"))
    there.finger = False
    with pytest.raises(TokenError, match="token 1: was not touched in time; nothing was spent") as refused:
        token.sign(key, ECDSA, [b"x"])
    assert refused.value.hint == "sign again, and touch it while it blinks"
    assert there.state.pin.left == 3
    there.finger = True
    verify(key.public, ECDSA, b"x", token.sign(key, ECDSA, [b"x"])[0])


def test_a_touch_is_missing_in_the_middle_of_a_stream_and_what_came_before_is_good(token, there):
    key = token.generate(wanted(touch_policy="always"))
    fingers = iter([True, False])
    there.finger = lambda: next(fingers)
    stream = token.sign_stream(key, ECDSA, [[b"1"], [b"2"]])
    verify(key.public, ECDSA, b"1", next(stream)[0])
    with pytest.raises(TokenError, match="was not touched in time"):
        next(stream)


def test_one_touch_holds_for_a_burst_where_it_is_cached(token, there):
    key = token.generate(wanted(touch_policy="cached"))
    there.clock = lambda: 1000.0
    token.sign(key, ECDSA, [b"%d" % number for number in range(20)])
    assert there.touches == 1


def test_the_same_refusal_without_touch_policy_is_not_called_a_touch(token, there):
    key = token.generate(wanted(touch_policy="never"))
    there.lies[AUTHENTICATE] = lambda *_: (b"", 0x6982)
    with pytest.raises(TokenError, match="refused the command: a PIN, key or touch is missing"):
        token.sign(key, ECDSA, [b"x"])


# --- making and importing keys ----------------------------------------------------------------


@pytest.mark.parametrize("touch", ["never", "cached", "always"])
@pytest.mark.parametrize("pin", ["once", "always"])
def test_makes_a_key_with_the_policies_of_the_plan(token, there, pin, touch):
    key = token.generate(wanted(pin_policy=pin, touch_policy=touch))
    held = there.state.keys[SLOT_9C]
    assert (held.pin_policy, held.touch_policy) == (PIN_POLICY[pin.upper()], TOUCH_POLICY[touch.upper()])
    assert (key.label, key.key_id, key.attributes, key.touch_policy) == ("9c", b"", None, touch)
    (shown,) = token.piv.standing().keys
    assert (shown.origin, shown.pin_policy, shown.touch_policy) == ("generated", pin, touch)
    assert shown.public_sha256 == key.public.sha256


@pytest.mark.parametrize("policies", [{"pin_policy": "never"}, {"pin_policy": "default"}, {"touch_policy": "default"}])
def test_refuses_a_policy_that_no_plan_has(token, there, policies):
    before = there.count()
    with pytest.raises(TokenError, match="makes no key with PIN policy"):
        token.generate(wanted(**policies))
    assert there.count() == before


def put(token, request=ROOT):
    return token.import_key(request, software_key.make(request.algorithm))


@pytest.mark.parametrize(
    "make", [pytest.param(lambda token: token.generate(ROOT), id="generate"), pytest.param(put, id="import")]
)
@pytest.mark.parametrize(
    ("what", "said"), [("key", "slot 9c already holds a key"), ("certificate", "slot 9c already holds a certificate")]
)
def test_refuses_an_occupied_slot_and_leaves_it_as_it_is(token, there, make, what, said):
    if what == "key":
        token.generate(ROOT)
    else:
        there.state.objects[OBJECT_9C] = b"p\0q\1\0\xfe\0"
    before, made = there.saved(), there.count(GENERATE, IMPORT)
    with pytest.raises(TokenError, match=said) as refused:
        make(token)
    assert refused.value.hint.startswith("nothing was made")
    assert there.saved() == before
    assert there.count(GENERATE, IMPORT) == made


@pytest.mark.parametrize(
    "make", [pytest.param(lambda token: token.generate(ROOT), id="generate"), pytest.param(put, id="import")]
)
def test_makes_no_key_without_the_management_key(desk, make):
    token = desk.open(1)
    with pytest.raises(TokenError, match="was not given its management key"):
        make(token)
    token.close()


def test_slots_do_not_disturb_one_another(desk, token, there):
    first = token.generate(ROOT)
    token.close()
    other = desk.open(1, "82")
    other.unlock(Secret(PIN))
    other.piv.authorise(Secret(MANAGEMENT_KEY))
    second = other.generate(ROOT)
    assert (first.label, second.label) == ("9c", "82")
    assert other.find_public(first.public) is None
    verify(second.public, ECDSA, b"x", other.sign(second, ECDSA, [b"x"])[0])
    assert set(there.state.keys) == {0x82, SLOT_9C, 0xF9}
    other.close()


@pytest.mark.parametrize(
    "make", [pytest.param(lambda token, request: token.generate(request), id="generate"), pytest.param(put, id="import")]
)
@pytest.mark.parametrize("algorithm", [Algorithm.RSA_3072, Algorithm.RSA_4096, Algorithm.ED25519])
def test_old_firmware_refuses_new_keys_before_anything_is_done(make, algorithm):
    token, there = only("5.4.3")
    before = there.count(GENERATE, IMPORT)
    with pytest.raises(TokenError, match=f"cannot hold {algorithm} with firmware 5.4.3"):
        make(token, wanted(algorithm))
    assert there.count(GENERATE, IMPORT) == before
    token.close()


def test_old_firmware_makes_and_takes_the_other_keys():
    token, there = only("5.3.0")
    token.generate(wanted(Algorithm.ECDSA_P384))
    there.state.keys.pop(SLOT_9C)
    assert put(token).public == token.find("root").public
    token.close()


def test_refuses_to_import_a_key_of_another_algorithm(token):
    with pytest.raises(TokenError, match="was given a key of ecdsa-p384, not ecdsa-p256"):
        token.import_key(ROOT, software_key.make(Algorithm.ECDSA_P384))


def metadata(**changed):
    """Return a lie about slot 9c: these tags of its metadata, with these values."""

    def lie(apdu, data, status):
        if apdu[3] != SLOT_9C or status != 0x9000:
            return data, status
        fields = tlvs(data) | {int(tag[1:]): value for tag, value in changed.items()}
        return b"".join(tlv(tag, value) for tag, value in fields.items()), status

    return lie


OTHER = tlv(
    0x86,
    bytes.fromhex("04")
    + bytes.fromhex(
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    ),
)


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        pytest.param({"_3": b"\2"}, "shows in slot 9c a key that was imported", id="origin"),
        pytest.param({"_2": b"\2\3"}, "a key that has PIN policy once", id="pin policy"),
        pytest.param({"_2": b"\3\1"}, "a key that has touch policy never", id="touch policy"),
        pytest.param({"_4": OTHER}, "a key that is another one than it gave", id="public key"),
        pytest.param({"_1": b"\x14"}, "refused what it was asked", id="algorithm"),
        pytest.param({"_2": b"\x09\x09"}, "refused what it was asked", id="no policy"),
    ],
)
def test_a_key_that_does_not_read_back_as_it_was_made_is_refused(token, there, lie, said):
    there.lies[METADATA] = metadata(**lie)
    with pytest.raises(TokenError, match=said):
        token.generate(ROOT)


def test_an_imported_key_that_reads_as_made_there_is_refused(token, there):
    there.lies[METADATA] = metadata(_3=b"\1")
    with pytest.raises(TokenError, match="shows in slot 9c a key that was generated"):
        put(token)


def test_a_key_that_is_not_shown_after_it_was_made_is_refused(token, there):
    there.lies[METADATA] = lambda apdu, data, status: (b"", 0x6A88) if apdu[3] == SLOT_9C else (data, status)
    with pytest.raises(TokenError, match="does not show the key in slot 9c"):
        token.generate(ROOT)


def test_a_key_that_no_dialect_takes_is_said_and_found_by_nobody(token, there):
    private = generate(KeyType.RSA2048, "other", 1)
    there.state.keys[SLOT_9C] = SlotKey(
        KeyType.RSA2048, private, generated=True, pin_policy=PIN_POLICY.ALWAYS, touch_policy=TOUCH_POLICY.NEVER
    )
    with pytest.raises(TokenError, match="the key in slot 9c is RSA2048, which no dialect takes"):
        token.find("root")
    assert token.find_public(software_key.make(Algorithm.ECDSA_P256).public) is None
