# SPDX-License-Identifier: Apache-2.0
"""Getting into a YubiKey: tries are shown and never spent by accident, a blocked PIN has one way out, nothing is held for long."""

from __future__ import annotations

import pytest

from ceremony.errors import CeremonyError, ExitCode, PinLocked, Stopped, TokenError, TokenLost, VerificationError, WrongPin
from ceremony.steps import access
from tests.fakes.device import FakeDevice
from tests.fakes.piv import prepared
from tests.fakes.room import Ceremony
from tests.steps.test_order import up_to
from tests.steps.test_yubikey_genesis import acts, failed, on_yubikeys, wrong


def ready() -> tuple[Ceremony, FakeDevice]:
    """Return a ceremony on a YubiKey that was prepared before the day."""
    device = prepared("root-a")
    return on_yubikeys(device), device


def block(ceremony: Ceremony, device: FakeDevice, *, puk: int = 0) -> None:
    """Have the PIN blocked just before the root key is to be made."""

    def act(_: object) -> bool:
        device.card.pin.wrong, device.card.puk.wrong = 5, puk
        return True

    ceremony.operator.answers["check:prepare"] = act


# --- the PIN ---


def test_a_wrong_pin_is_asked_for_again_with_the_tries_that_are_left():
    ceremony, device = ready()
    ceremony.operator.secrets["pin:root-a"] = ["000000", "314159"]
    assert ceremony.hold() is ExitCode.DONE
    assert [asked.retries_left for asked in ceremony.operator.asked if asked.prompt.key == "pin:root-a"][:3] == [5, 4, 5]
    assert {"token": device.serial, "retries_left": 4} in ceremony.bodies("login")


def test_the_last_pin_try_is_not_spent_by_accident():
    ceremony, device = ready()
    device.card.pin.wrong = 4
    ceremony.operator.answers[f"last-try:{device.serial}"] = False
    failed(ceremony, "root-keys", "was left with its last PIN try unspent")
    assert device.card.pin.left == 1
    assert "unlock" not in device.calls


def test_a_pin_is_held_no_longer_than_its_step_even_when_that_fails():
    ceremony, device = ready()
    ceremony.operator.answers["compare:root:root-a"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE
    # Asked for in root-keys twice, then in certificates, sign and close.
    assert ceremony.operator.keys.count("pin:root-a") == 5
    assert device.calls.count("forget_pin") >= 5


def test_a_token_that_was_lost_at_the_end_of_a_step_holds_no_pin():
    ceremony, device = ready()
    room = up_to(ceremony, "root-keys")
    access.unlocked(room, "root-a")
    device.lose_at(1, "forget_pin")
    access.forget_pins(room)
    assert room.unlocked == set()
    with pytest.raises(TokenLost):
        room.tokens["root-a"].pin_state()


def test_another_token_stays_unlocked():
    ceremony = Ceremony()
    room = up_to(ceremony, "root-keys")
    access.unlocked(room, "root-a")
    access.forget_pins(room)
    assert room.unlocked == {"root-a"}


# --- a blocked PIN ---


def test_a_blocked_pin_stays_blocked_when_people_leave_it():
    ceremony, device = ready()
    block(ceremony, device)
    failed(ceremony, "root-keys", "the PIN is blocked", PinLocked)
    asked = ceremony.operator.question("unblock:root-a")
    assert [option.key for option in asked.options] == ["leave", "unblock"]
    assert asked.options[1].detail == "the PUK has 5 of 5 tries left"
    assert "unblock_pin" not in device.calls


@pytest.mark.parametrize("own", [False, True], ids=["a PIN that is made", "a PIN that is thought of"])
def test_a_blocked_pin_is_unblocked_with_the_puk(own):
    ceremony, device = ready()
    block(ceremony, device)
    ceremony.operator.answers["unblock:root-a"] = "unblock"
    del ceremony.operator.secrets["pin:root-a"]
    if own:
        ceremony.operator.answers["new-pin:root-a"] = "own"
        ceremony.operator.secrets["pin:root-a"] = "correct"
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert device.card.pin.value == ("correct" if own else ceremony.operator.shown["pin:root-a"])
    assert acts(ceremony)[0] == "unblock-pin"
    assert ceremony.operator.question("puk:root-a").prompt.who == "custodian of its PUK"


def test_a_wrong_puk_can_be_tried_again_with_the_same_new_pin():
    ceremony, device = ready()
    block(ceremony, device)
    ceremony.operator.answers["unblock:root-a"] = "unblock"
    del ceremony.operator.secrets["pin:root-a"]
    ceremony.operator.secrets["puk:root-a"] = ["99999999", "27182818"]
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert [a.retries_left for a in ceremony.operator.asked if a.prompt.key == "puk:root-a"] == [5, 4]
    assert ceremony.operator.question("retry:puk:root-a").prompt.alarm
    results = [body for body in ceremony.bodies("result") if body["action"] == "unblock-pin"]
    act = {"action": "unblock-pin", "key": device.serial}
    assert results == [{**act, "puk_tries_left": 4}, act]


def test_people_can_give_up_after_a_wrong_puk():
    ceremony, device = ready()
    block(ceremony, device)
    ceremony.operator.answers |= {"unblock:root-a": "unblock", "retry:puk:root-a": False}
    del ceremony.operator.secrets["pin:root-a"]
    ceremony.operator.secrets["puk:root-a"] = "99999999"
    failed(ceremony, "root-keys", "the PUK is wrong; 4 tries are left", WrongPin)
    assert device.card.puk.left == 4


def test_the_last_puk_try_is_not_spent_by_accident():
    ceremony, device = ready()
    block(ceremony, device, puk=4)
    ceremony.operator.answers |= {"unblock:root-a": "unblock", f"last-try:{device.serial}:puk": False}
    del ceremony.operator.secrets["pin:root-a"]
    failed(ceremony, "root-keys", "was left with its last PUK try unspent")
    assert ceremony.operator.question(f"last-try:{device.serial}:puk").word == "LAST"
    assert device.card.puk.left == 1


def test_a_puk_that_is_spent_leaves_a_clear_sentence():
    ceremony, device = ready()
    block(ceremony, device, puk=4)
    ceremony.operator.answers["unblock:root-a"] = "unblock"
    del ceremony.operator.secrets["pin:root-a"]
    ceremony.operator.secrets["puk:root-a"] = "99999999"
    failed(ceremony, "root-keys", "its PIN and its PUK are blocked: nobody can use its keys any more")
    assert ceremony.operator.keys.count("puk:root-a") == 1


def test_with_pin_and_puk_blocked_nothing_is_asked_for():
    ceremony, device = ready()
    block(ceremony, device, puk=5)
    failed(ceremony, "root-keys", "its PIN and its PUK are blocked: nobody can use its keys any more")
    assert not {"unblock:root-a", "puk:root-a", "pin:root-a"} & set(ceremony.operator.keys)


@pytest.mark.parametrize("after", [False, True], ids=["before it acted", "after it acted"])
def test_a_token_that_is_pulled_while_its_pin_is_unblocked_tells_how_that_ended(after):
    ceremony, device = ready()
    block(ceremony, device)
    device.lose_at(1, "unblock_pin", after=after)
    ceremony.operator.answers["unblock:root-a"] = "unblock"
    del ceremony.operator.secrets["pin:root-a"]
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    results = [body for body in ceremony.bodies("result") if body["action"] == "unblock-pin"]
    act = {"action": "unblock-pin", "key": device.serial}
    assert results == ([{**act, "found": True}] if after else [{**act, "interrupted": True}, act])


# --- the management key ---


def test_a_wrong_management_key_is_asked_for_again_and_spends_nothing():
    ceremony, device = ready()
    ceremony.operator.secrets["management-key:root-a"] = ["11" * 24, device.card.management_key.hex(" ", 2).upper()]
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    retry = ceremony.operator.question("retry:management-key:root-a").prompt
    assert "the management key is wrong; this spends no tries" in retry.detail
    assert ceremony.bodies("authorised") == [{"token": device.serial}] * 2


@pytest.mark.parametrize(
    ("typed", "error", "match", "tried"),
    [
        pytest.param("11" * 24, TokenError, "the management key is wrong", 1, id="a wrong one"),
        pytest.param("11" * 23, VerificationError, "management key: does not have 48 digits", 0, id="a short one"),
    ],
)
def test_people_can_give_up_after_a_wrong_management_key(typed, error, match, tried):
    ceremony, device = ready()
    ceremony.operator.secrets["management-key:root-a"] = typed
    ceremony.operator.answers["retry:management-key:root-a"] = False
    failed(ceremony, "root-keys", match, error)
    assert device.calls.count("authorise") == tried
    assert device.card.slots == {}


def test_a_management_key_of_another_algorithm_has_its_own_length():
    ceremony, device = ready()
    device.card.management_type, device.card.management_key = "AES256", bytes(range(32))
    ceremony.operator.secrets["management-key:root-a"] = bytes(range(32)).hex()
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []


def test_a_token_that_is_pulled_while_its_management_key_is_checked_is_put_back():
    ceremony, device = ready()
    device.lose_at(1, "authorise")
    assert ceremony.hold() is ExitCode.DONE
    assert [body["message"] for body in ceremony.bodies("error")] == [f"token {device.serial}: stopped answering"]
    assert "retry:management-key:root-a" not in ceremony.operator.keys


def test_the_management_key_is_given_once_while_the_token_stays_open():
    ceremony, _ = ready()
    room = up_to(ceremony, "root-keys")
    piv = access.authorised(room, "root-a")
    assert access.authorised(room, "root-a") is piv
    assert ceremony.operator.keys.count("management-key:root-a") == 1


# --- the wrong one ---


def test_another_yubikey_in_the_place_of_the_one_that_was_read_aloud_is_refused():
    ceremony, _ = ready()
    ceremony.operator.answers["generate:root-a"] = Stopped("people stopped", hint="resume")
    with pytest.raises(Stopped):
        ceremony.hold()
    other = prepared("root-a")
    other.serial = "99999999"
    ceremony.rack.devices["root-a"] = other
    ceremony.operator.answers = {"error:root-keys": "stop"}
    with pytest.raises(CeremonyError, match="token 99999999: is not root-a of this ceremony, which has serial"):
        ceremony.resume()
    assert not {"unlock", "authorise", "generate"} & set(other.calls)
