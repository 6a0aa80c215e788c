# SPDX-License-Identifier: Apache-2.0
"""Preparing a YubiKey: what is in its way, what the factory set, and what nobody does to it by accident."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core import software_key
from ceremony.core.consent import parse
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, RootPlan
from ceremony.core.ports import Prompt
from ceremony.errors import CeremonyError, ExitCode, PinLocked, TokenError, WrongPin
from ceremony.steps import standing
from tests.fakes.device import FakeDevice, Slotted
from tests.fakes.piv import prepared, yubikey
from tests.fakes.room import Ceremony, plan
from tests.fakes.token import FakeRack
from tests.steps.test_order import up_to
from tests.steps.test_yubikey_genesis import acts, failed, on_yubikeys, wrong

KEY = Slotted(software_key.make(Algorithm.ECDSA_P256), "imported")


def occupied(slot: str, *, certificate: bool = False, key: bool = True) -> Ceremony:
    """Return a ceremony on a prepared YubiKey with something in a slot."""
    slots, certificates = ({slot: replace(KEY)} if key else {}), ({slot: b"certificate"} if certificate else {})
    return on_yubikeys(prepared("root-a", slots=slots, certificates=certificates))


def device_of(ceremony: Ceremony) -> FakeDevice:
    return ceremony.rack.devices["root-a"]


def prepare(ceremony: Ceremony) -> None:
    """Hold the ceremony up to the end of the step, and no further."""
    ceremony.operator.answers["check:prepare"] = [False]
    failed(ceremony, "prepare", "people did not see what Prepare tokens should show", CeremonyError)


# --- what is in the way ---


@pytest.mark.parametrize(
    ("ceremony", "what"),
    [
        pytest.param(occupied("9c"), r"9c with a key \(ECCP256, imported\)$", id="a key"),
        pytest.param(occupied("9c", key=False, certificate=True), "9c with a certificate$", id="a certificate alone"),
        pytest.param(occupied("9c", certificate=True), r"9c with a key \(ECCP256, imported\) and a certificate$", id="both"),
    ],
)
def test_an_occupied_slot_is_refused_and_left_as_it_is(ceremony, what):
    card = device_of(ceremony).card
    before = dict(card.slots), dict(card.certificates)
    failed(ceremony, "prepare", f"its slot is occupied: {what}")
    assert (card.slots, card.certificates) == before
    assert "wipe" not in device_of(ceremony).calls
    asked = ceremony.operator.question("occupied:root-a")
    assert asked.prompt.alarm
    assert [option.key for option in asked.options] == ["stop", "wipe"]


def test_an_occupied_slot_is_wiped_once_two_people_typed_the_serial():
    ceremony = occupied("9c", certificate=True)
    device = device_of(ceremony)
    ceremony.operator.answers["occupied:root-a"] = "wipe"
    del ceremony.operator.secrets["pin:root-a"], ceremony.operator.secrets["puk:root-a"]
    del ceremony.operator.secrets["management-key:root-a"]
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    first, second = (ceremony.operator.question(key) for key in ("wipe:root-a", "wipe:root-a:second"))
    assert first.word == second.word == device.serial
    assert (first.prompt.who, second.prompt.who) == ("Ada", "Wim")
    (intent,) = [body for body in ceremony.bodies("intent") if body["action"] == "wipe-token"]
    consents = intent.pop("consents")
    assert intent == {"action": "wipe-token", "key": device.serial, "occupied": ["9c"], "by": ["Ada", "Wim"]}
    assert [parse(ceremony.folder.files[path], path).words for path in consents] == [f"wipe token {device.serial}"] * 2
    assert acts(ceremony)[:3] == ["wipe-token", "set-tries", "set-pin"]
    assert device.card.slots["9c"].origin == "generated"


@pytest.mark.parametrize(
    ("unwilling", "who"),
    [pytest.param("wipe:root-a", "Ada", id="one"), pytest.param("wipe:root-a:second", "Wim", id="the other")],
)
def test_nothing_is_wiped_while_one_of_the_two_does_not_agree(unwilling, who):
    ceremony = occupied("9c")
    ceremony.operator.answers |= {"occupied:root-a": "wipe", unwilling: False}
    failed(ceremony, "prepare", f"{who} did not agree: Wipe root-a", CeremonyError)
    assert "wipe" not in device_of(ceremony).calls
    assert "9c" in device_of(ceremony).card.slots


def test_nobody_wipes_a_token_alone():
    ceremony = occupied("9c")
    ceremony.operator.answers["occupied:root-a"] = "wipe"
    room = up_to(ceremony, "prepare")
    room.journal.past.ended["roll-call"] = {"present": ["Ada"]}
    from ceremony.steps import prepare as step

    with pytest.raises(CeremonyError, match="for two people to decide, and only Ada is here: Wipe root-a"):
        step.run(room)
    assert "wipe" not in device_of(ceremony).calls


def test_a_token_that_says_it_was_wiped_and_was_not_is_not_used():
    ceremony = occupied("9c")
    device_of(ceremony).card.keeps.add("wipe")
    ceremony.operator.answers["occupied:root-a"] = "wipe"
    failed(ceremony, "prepare", "was wiped, and does not read as empty")


@pytest.mark.parametrize("after", [False, True], ids=["before it acted", "after it acted"])
def test_a_token_that_is_pulled_while_it_is_wiped_is_looked_at_again(after):
    ceremony = occupied("9c")
    device_of(ceremony).lose_at(1, "wipe", after=after)
    ceremony.operator.answers["occupied:root-a"] = "wipe"
    ceremony.operator.secrets = {}
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    results = [body for body in ceremony.bodies("result") if body["action"] == "wipe-token"]
    found = {"action": "wipe-token", "key": device_of(ceremony).serial}
    assert results == ([{**found, "found": True}] if after else [{**found, "interrupted": True}, found])


def test_other_slots_can_be_left_as_they_are():
    ceremony = occupied("9d")
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert ceremony.bodies("left-alone") == [{"token": device_of(ceremony).serial, "slots": ["9d"]}]
    assert sorted(device_of(ceremony).card.slots) == ["9c", "9d"]


def test_other_slots_can_be_wiped():
    ceremony = occupied("9d")
    ceremony.operator.answers["others:root-a"] = "wipe"
    ceremony.operator.secrets = {}
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert list(device_of(ceremony).card.slots) == ["9c"]


def test_people_can_stop_because_of_other_slots():
    ceremony = occupied("9d")
    ceremony.operator.answers["others:root-a"] = "stop"
    failed(ceremony, "prepare", r"its other slots hold 9d with a key \(ECCP256, imported\)$")
    asked = ceremony.operator.question("others:root-a")
    assert asked.prompt.title.startswith("root-a, token ")
    assert (
        asked.prompt.detail
        == "leave them when you know who put them there; else wipe it, or stop, and begin a new ceremony with an empty token"
    )


def test_an_occupied_label_of_another_token_is_refused_early():
    first = Ceremony(plan=plan(root=RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b"), 1, Custody.TOKEN_ONLY)))
    first.hold()
    ceremony = Ceremony(plan=first.plan, rack=FakeRack(*first.rack.devices.values()))
    failed(ceremony, "prepare", "already holds a key labelled 'acme-root'")


# --- what is blocked ---


def blocked(*, pin: bool = False, puk: bool = False) -> Ceremony:
    ceremony = on_yubikeys(prepared("root-a"))
    card = device_of(ceremony).card
    card.pin.wrong, card.puk.wrong = 5 * pin, 5 * puk
    return ceremony


@pytest.mark.parametrize(
    ("ceremony", "error", "match", "options"),
    [
        pytest.param(blocked(pin=True), PinLocked, "the PIN is blocked", ["stop", "unblock", "wipe"], id="the PIN"),
        pytest.param(blocked(puk=True), PinLocked, "the PUK is blocked", ["stop", "wipe"], id="the PUK"),
        pytest.param(
            blocked(pin=True, puk=True), TokenError, "its PIN and its PUK are blocked: nobody", ["stop", "wipe"], id="both"
        ),
    ],
)
def test_what_is_blocked_is_said_and_nothing_is_tried(ceremony, error, match, options):
    failed(ceremony, "prepare", match, error)
    asked = ceremony.operator.question("blocked:root-a")
    assert match in asked.prompt.title
    assert [option.key for option in asked.options if option.key not in options] == []
    assert {option.key for option in asked.options} == set(options)
    assert not {"unlock", "unblock_pin", "wipe"} & set(device_of(ceremony).calls)
    assert any("BLOCKED, no try left" in text for text in ceremony.operator.told)


def test_a_blocked_token_can_be_wiped():
    ceremony = blocked(pin=True, puk=True)
    ceremony.operator.answers["blocked:root-a"] = "wipe"
    ceremony.operator.secrets = {}
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []


def test_a_blocked_pin_can_be_unblocked_with_the_puk():
    ceremony = blocked(pin=True)
    ceremony.operator.answers["blocked:root-a"] = "unblock"
    del ceremony.operator.secrets["pin:root-a"]
    assert ceremony.hold() is ExitCode.DONE
    assert wrong(ceremony) == []
    assert device_of(ceremony).card.pin.value == ceremony.operator.shown["pin:root-a"]
    assert ceremony.operator.question("puk:root-a").retries_left == 5


# --- what the factory set ---


def test_factory_values_are_used_only_once_the_word_was_typed():
    ceremony = on_yubikeys()
    ceremony.operator.answers["factory:root-a"] = False
    failed(ceremony, "prepare", "its factory values were not used")
    asked = ceremony.operator.question("factory:root-a")
    assert asked.word == "FACTORY"
    assert "its PIN and PUK and management key are the factory's" in asked.prompt.detail
    assert not {"unlock", "authorise", "change_pin", "change_puk"} & set(device_of(ceremony).calls)


@pytest.mark.parametrize(
    ("own", "done"),
    [
        pytest.param({"pin"}, ["set-puk", "set-management-key"], id="all but the PIN"),
        pytest.param({"puk"}, ["set-pin", "set-management-key"], id="all but the PUK"),
        pytest.param({"key"}, ["set-tries", "set-pin", "set-puk"], id="all but the management key"),
        pytest.param({"pin", "puk"}, ["set-management-key"], id="the management key"),
        pytest.param({"pin", "puk", "key"}, [], id="nothing"),
    ],
)
def test_only_what_is_the_factory_s_is_replaced(own, done):
    card = prepared("root-a").card
    fresh = yubikey("root-a").card
    for name in own:
        setattr(fresh, {"key": "management_key"}.get(name, name), getattr(card, {"key": "management_key"}.get(name, name)))
    ceremony = on_yubikeys(FakeDevice("root-a", kind="yubikey", card=fresh))
    prepare(ceremony)
    assert acts(ceremony) == done
    assert ceremony.operator.keys.count("factory:root-a") == bool(done)


def test_a_management_key_that_was_set_before_is_asked_for_to_set_the_tries():
    ceremony = on_yubikeys(yubikey("root-a", management_key=prepared("x").card.management_key))
    assert ceremony.hold() is ExitCode.DONE
    assert acts(ceremony)[:3] == ["set-tries", "set-pin", "set-puk"]
    assert ceremony.operator.keys.count("management-key:root-a") == 1
    assert ceremony.operator.question("management-key:root-a").method == "ask_secret"


def test_tries_that_are_as_they_should_be_are_left():
    device = yubikey("root-a")
    device.card.pin.total = device.card.puk.total = 5
    ceremony = on_yubikeys(device)
    prepare(ceremony)
    assert acts(ceremony) == ["set-pin", "set-puk", "set-management-key"]


def test_a_fresh_pin_with_one_try_left_is_not_used_by_accident():
    ceremony = on_yubikeys()
    device = device_of(ceremony)
    device.card.pin.wrong = 2
    ceremony.operator.answers[f"last-try:{device.serial}"] = False
    failed(ceremony, "prepare", "was left with its last PIN try unspent")
    assert ceremony.operator.question(f"last-try:{device.serial}").word == "LAST"
    assert "unlock" not in device.calls
    assert device.card.pin.wrong == 2


def test_a_fresh_puk_with_one_try_left_is_not_used_by_accident():
    device = yubikey("root-a", pin=prepared("x").card.pin)
    device.card.puk.wrong = 2
    ceremony = on_yubikeys(device)
    ceremony.operator.answers[f"last-try:{device.serial}:puk"] = False
    failed(ceremony, "prepare", "was left with its last PUK try unspent")
    assert "blocks it for good" in ceremony.operator.question(f"last-try:{device.serial}:puk").prompt.detail
    assert "change_puk" not in device.calls


@pytest.mark.parametrize(
    ("keeps", "match"),
    [
        pytest.param("change_pin", "still has the factory's PIN$", id="the PIN"),
        pytest.param("change_puk", "still has the factory's PUK$", id="the PUK"),
        pytest.param("set_management_key", "still has the factory's management key$", id="the management key"),
        pytest.param("set_tries", "does not show 5 tries, as they were set", id="the tries"),
    ],
)
def test_what_does_not_read_as_it_was_set_is_noticed(keeps, match):
    ceremony = on_yubikeys()
    device_of(ceremony).card.keeps.add(keeps)
    failed(ceremony, "prepare", match)


def test_a_device_that_lies_about_its_factory_pin_loses_one_try_and_no_more():
    ceremony = on_yubikeys(yubikey("root-a", pin=replace(prepared("x").card.pin, factory="314159")))
    failed(ceremony, "prepare", "the PIN is wrong; 4 tries are left", WrongPin)
    assert device_of(ceremony).card.pin.wrong == 1


# --- new secrets ---


def test_people_can_think_of_a_pin_and_a_puk_of_their_own():
    ceremony = on_yubikeys()
    ceremony.operator.answers |= {"new-pin:root-a": "own", "new-puk:root-a": "own"}
    ceremony.operator.secrets = {"pin:root-a": "correct", "puk:root-a": "h0rse ok"}
    assert ceremony.hold() is ExitCode.DONE
    card = device_of(ceremony).card
    assert (card.pin.value, card.puk.value) == ("correct", "h0rse ok")
    assert not {"pin:root-a", "puk:root-a"} & set(ceremony.operator.shown)
    assert ceremony.operator.question("new-pin:root-a").options[0].key == "generated"
    assert ceremony.operator.question("new-pin:root-a").prompt.who == "custodian of its PIN"


def test_a_pin_that_anybody_would_try_is_refused_in_words_that_do_not_repeat_it():
    ceremony = on_yubikeys()
    ceremony.operator.answers["new-pin:root-a"] = "own"
    ceremony.operator.secrets["pin:root-a"] = ["123456", "777777", "correct"]
    assert ceremony.hold() is ExitCode.DONE
    said = [text for text in ceremony.operator.told if text.startswith("PIN: ")]
    assert [text.split(":")[1] for text in said] == [" is a factory value", " is one character, repeated"]
    assert not [text for text in said if "777777" in text]


def test_a_pin_that_was_not_typed_twice_the_same_is_not_set():
    ceremony = on_yubikeys()
    ceremony.operator.answers["new-pin:root-a"] = "own"
    ceremony.operator.secrets["pin:root-a"] = ["correct", "horse99", "battery", "staple9", "correct", "correkt"]
    failed(ceremony, "prepare", "no new PIN for root-a was typed twice", CeremonyError)
    assert ceremony.operator.told.count("The two were not the same.") == 3
    assert [body["same"] for body in ceremony.bodies("typed-back") if body["what"] == "PIN of root-a"] == [False] * 3
    assert "change_pin" not in device_of(ceremony).calls


@pytest.mark.parametrize(
    ("key", "what", "method"),
    [
        pytest.param("puk:root-a", "PUK", "change_puk", id="the PUK"),
        pytest.param("management-key:root-a", "management key", "set_management_key", id="the management key"),
    ],
)
def test_what_was_shown_and_is_not_typed_back_is_not_set(key, what, method):
    ceremony = on_yubikeys()
    ceremony.operator.answers[key] = [lambda _: True, "nonsense", "00" * 24, "00"]
    failed(ceremony, "prepare", f"the new {what} of root-a was not typed back", CeremonyError)
    assert method not in device_of(ceremony).calls


def test_a_typing_mistake_is_forgiven():
    ceremony = on_yubikeys()

    def right(prompt: Prompt) -> str:
        return ceremony.operator.shown[prompt.key].upper().replace(" ", "-")

    ceremony.operator.answers["management-key:root-a"] = [lambda _: True, "zz", right]
    assert ceremony.hold() is ExitCode.DONE
    assert "That is not what was shown. 2 tries are left before a new one is made." in ceremony.operator.told


# --- at close ---


@pytest.mark.parametrize(
    ("what", "named"),
    [("pin", "PIN"), ("puk", "PUK"), ("management_key", "management key")],
    ids=["PIN", "PUK", "management key"],
)
def test_a_ceremony_is_not_closed_while_a_yubikey_has_a_factory_value(what, named):
    ceremony = on_yubikeys(yubikey("root-a"), prepared("root-b"))
    card, mine = ceremony.rack.devices["root-b"].card, yubikey("x").card

    def set_back(_: object) -> bool:
        setattr(card, what, getattr(mine, what))
        return True

    ceremony.operator.answers["check:export"] = set_back
    failed(ceremony, "close", f"still has the factory's {named}$")
    assert "sign-head" not in acts(ceremony, "intent")
    setattr(card, what, getattr(prepared("root-b").card, what))
    assert ceremony.resume() is ExitCode.DONE
    assert wrong(ceremony) == []


# --- what only a YubiKey can do ---


def test_a_token_that_is_no_yubikey_is_told_so():
    room = Ceremony().begin()
    with pytest.raises(TokenError, match="is no YubiKey"):
        standing.read(room, room.rack.open("root-a"))


def test_a_yubikey_does_not_keep_a_key_that_must_leave():
    ceremony = on_yubikeys(yubikey("root-a"), custody=Custody.TOKEN_WRAPPED)
    failed(ceremony, "tokens", "is a YubiKey, whose keys cannot leave it to be backed up")
