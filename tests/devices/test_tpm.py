# SPDX-License-Identifier: Apache-2.0
"""A PKCS#11 token that really locks: a TPM, in software, behind the real adapter and the steps' own way to unlock."""

from __future__ import annotations

import pytest

from ceremony.core import second_opinion, software_key
from ceremony.core.custody import check_made
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.plan import Custody, SiteToken
from ceremony.core.ports import KeyAttributes, KeyRequest, PinState
from ceremony.core.secret import Secret
from ceremony.devices.hsm import HsmRack
from ceremony.devices.inventory import list_tokens
from ceremony.errors import PinLocked, TokenError, TokenLost, WrongPin
from ceremony.steps.access import unlocked
from tests.fakes.operator import ScriptedOperator
from tests.fakes.room import Ceremony
from tests.peers.tpm import NO_SERIAL, WRONG_PINS, Tpm

PIN = "654321"
WRONG = "111111"

SCHEMES = {
    Algorithm.ECDSA_P256: (Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384),
    Algorithm.ECDSA_P384: (Scheme.ECDSA_SHA384, Scheme.ECDSA_SHA256),
    Algorithm.RSA_3072: (Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256),
}
BORN_LOCKED = KeyAttributes(local=True, sensitive=True, extractable=False, always_sensitive=True, never_extractable=True)
UNTOLD = PinState(retries_left=None, locked=False, initialised=True)
BLOCKED = PinState(retries_left=0, locked=True, initialised=True)
MESSAGES = [b"message %d" % number for number in range(40)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a TPM with two tokens that no test of this module locks."""
    with Tpm(tmp_path_factory.mktemp("shared")) as tpm:
        for label in ("root-a", "root-b"):
            tpm.make_token(label, pin=PIN)
        yield tpm


@pytest.fixture
def tpm(tmp_path):
    """Return a TPM with two tokens that a test may lock."""
    with Tpm(tmp_path) as own:
        for label in ("root-a", "root-b"):
            own.make_token(label, pin=PIN)
        yield own


def rack(tpm: Tpm) -> HsmRack:
    return HsmRack({name: tpm.site(name) for name in ("root-a", "root-b")}, tpm.env)


@pytest.fixture
def token(shared):
    opened = rack(shared).open("root-a")
    opened.unlock(Secret(PIN))
    yield opened
    opened.close()


def refuse(token, pin: str, error: type[TokenError], match: str) -> TokenError:
    with pytest.raises(error, match=match) as refused:
        token.unlock(Secret(pin))
    return refused.value


# --- who it is ---


def test_tells_a_tpm_in_software_from_one_in_a_chip(token):
    assert token.identity.software
    assert (token.identity.manufacturer, token.identity.model.split()) == ("IBM", ["SW", "TPM"])


def test_every_token_of_a_tpm_has_the_same_serial_so_a_site_names_them_by_label(shared):
    (listed,) = list_tokens([shared.module], shared.env)
    initialised = [one.identity for one in listed.tokens if one.initialised]
    assert [(one.serial, one.label) for one in initialised] == [(NO_SERIAL, "root-a"), (NO_SERIAL, "root-b")]
    assert all(one.software for one in initialised)
    by_serial = SiteToken(pkcs11=f"pkcs11:serial={NO_SERIAL}", module=shared.module)
    with pytest.raises(TokenError, match="3 tokens match") as refused:
        HsmRack({"root-a": by_serial}, shared.env).open("root-a")
    assert refused.value.hint == "name it by its serial; where serials are the same, by its label (token=) too"


# --- keys ---


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_makes_a_key_that_never_leaves_and_signs_with_it(token, algorithm):
    key = token.generate(KeyRequest(f"key-{algorithm}", b"\x01\x02", algorithm, extractable=False))
    assert key.public.algorithm is algorithm
    assert key.attributes == BORN_LOCKED
    check_made(key, algorithm, Custody.TOKEN_ONLY, locked=False)
    assert token.find(key.label) == token.find_public(key.public) == key
    assert token.lock(key) == key
    for scheme in SCHEMES[algorithm]:
        for message, signature in zip(MESSAGES, token.sign(key, scheme, MESSAGES), strict=True):
            verify(key.public, scheme, message, signature)
            if scheme is not Scheme.RSA_PKCS1_SHA256:
                second_opinion.verify(key.public, scheme, message, signature, "signature")


@pytest.mark.parametrize(
    ("algorithm", "cause"),
    [
        pytest.param(Algorithm.RSA_4096, "AttributeValueInvalid", id="rsa-4096"),
        pytest.param(Algorithm.ED25519, "MechanismInvalid", id="ed25519"),
    ],
)
def test_says_which_keys_a_tpm_cannot_make(token, algorithm, cause):
    with pytest.raises(TokenError, match=rf"does not support what it was asked \({cause}\)") as refused:
        token.generate(KeyRequest("none", b"\x01", algorithm, extractable=False))
    assert refused.value.hint == "choose an algorithm and a custody that this token can do"
    assert token.find("none") is None


def test_cannot_hold_custody_token_wrapped(token):
    with pytest.raises(TokenError, match="does not support what it was asked") as refused:
        token.generate(KeyRequest("wrapped", b"\x01", Algorithm.ECDSA_P256, extractable=True))
    assert "custody" in refused.value.hint
    assert token.find("wrapped") is None
    made = token.generate(KeyRequest("stays", b"\x01", Algorithm.ECDSA_P256, extractable=False))
    with pytest.raises(TokenError, match="does not support what it was asked"):
        token.wrap(made, Secret(bytes(32)))


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.RSA_3072])
def test_cannot_hold_custody_imported_and_keeps_nothing_of_a_key_that_it_refused(token, algorithm):
    label = f"brought-{algorithm}"
    with pytest.raises(TokenError, match=r"does not support what it was asked \(AttributeValueInvalid") as refused:
        token.import_key(KeyRequest(label, b"\x01", algorithm, extractable=False), software_key.make(algorithm))
    assert "custody" in refused.value.hint
    assert token.find(label) is None


def test_has_room_for_one_key_at_a_time_and_a_second_one_is_a_lost_token(tpm):
    opened = rack(tpm).open("root-a")
    opened.unlock(Secret(PIN))
    for label in ("first", "second"):
        opened.generate(KeyRequest(label, label.encode(), Algorithm.ECDSA_P256, extractable=False))
        if label == "first":
            opened.close()
            opened = rack(tpm).open("root-a")
            opened.unlock(Secret(PIN))
    first = opened.find("first")
    with pytest.raises(TokenLost, match=r"stopped answering \(GeneralError\)"):
        opened.sign(first, Scheme.ECDSA_SHA256, [b"message"])
    opened.close()
    # The process was killed, so what it had loaded is still there, until somebody takes it away.
    again = rack(tpm).open("root-a")
    with pytest.raises(TokenLost):
        again.unlock(Secret(PIN))
    again.close()
    tpm.flush()
    again = rack(tpm).open("root-a")
    again.unlock(Secret(PIN))
    (signature,) = again.sign(first, Scheme.ECDSA_SHA256, [b"message"])
    verify(first.public, Scheme.ECDSA_SHA256, b"message", signature)
    again.close()
    assert tpm.wrong_pins() == 0


# --- a PIN that locks ---


def test_three_wrong_pins_lock_the_token_and_nothing_is_tried_on_it_any_more(tpm):
    token = rack(tpm).open("root-a")
    for tries in range(1, WRONG_PINS + 1):
        assert token.pin_state() == UNTOLD
        wrong = refuse(token, WRONG, WrongPin, "the PIN is wrong; the token does not tell how many tries are left")
        assert wrong.retries_left is None
        assert tpm.wrong_pins() == tries
    # That the third was the last is told to whoever tries a fourth: a TPM sets none of PKCS#11's flags.
    assert tpm.locked()
    assert token.pin_state() == UNTOLD
    for _ in range(2):
        locked = refuse(token, PIN, PinLocked, "the PIN is blocked")
        assert locked.hint == "its custodian can unblock it with the PUK or SO PIN; nothing was tried here"
        assert token.pin_state() == BLOCKED
    token.close()
    assert tpm.wrong_pins() == WRONG_PINS


def test_a_locked_token_that_is_opened_again_is_still_locked_and_spends_nothing(tpm):
    token = rack(tpm).open("root-a")
    for _ in range(WRONG_PINS):
        refuse(token, WRONG, WrongPin, "the PIN is wrong")
    token.close()
    token = rack(tpm).open("root-a")
    assert token.pin_state() == UNTOLD
    refuse(token, PIN, PinLocked, "the PIN is blocked")
    token.close()
    assert tpm.wrong_pins() == WRONG_PINS
    tpm.unlock_all()
    token = rack(tpm).open("root-a")
    token.unlock(Secret(PIN))
    token.close()


def test_a_right_pin_gives_no_try_back(tpm):
    token = rack(tpm).open("root-a")
    refuse(token, WRONG, WrongPin, "the PIN is wrong")
    token.unlock(Secret(PIN))
    assert tpm.wrong_pins() == 1
    for _ in range(WRONG_PINS - 1):
        refuse(token, WRONG, WrongPin, "the PIN is wrong")
    refuse(token, PIN, PinLocked, "the PIN is blocked")
    token.close()


def test_wrong_pins_of_one_token_lock_every_token_of_its_tpm(tpm):
    first, second = (rack(tpm).open(name) for name in ("root-a", "root-b"))
    for _ in range(WRONG_PINS):
        refuse(first, WRONG, WrongPin, "the PIN is wrong")
    refuse(second, PIN, PinLocked, "the PIN is blocked")
    first.close()
    second.close()
    # What PKCS#11 offers for a forgotten PIN is locked with it: only the TPM's owner, or time, helps.
    assert not tpm.so_unblocks("root-a", pin=PIN)
    tpm.unlock_all()
    assert tpm.so_unblocks("root-a", pin="777777")


# --- as the steps do it ---


def room_with(tpm: Tpm, operator: ScriptedOperator):
    ceremony = Ceremony(operator=operator)
    ceremony.operator.secrets.pop("pin:root-a", None)
    ceremony.rack = rack(tpm)
    room = ceremony.begin()
    return ceremony, room


def close(room) -> None:
    for token in room.tokens.values():
        token.close()


def test_people_who_give_up_after_one_wrong_pin_have_spent_one(tpm):
    people = ScriptedOperator(answers={"pin:root-a": WRONG, "retry:pin:root-a": False})
    ceremony, room = room_with(tpm, people)
    with pytest.raises(WrongPin):
        unlocked(room, "root-a")
    assert people.keys == ["pin:root-a", "retry:pin:root-a"]
    assert tpm.wrong_pins() == 1
    assert not tpm.locked()
    people.answers["pin:root-a"] = PIN
    assert unlocked(room, "root-a").identity.serial == NO_SERIAL
    close(room)
    assert [(body["token"], body["retries_left"]) for body in ceremony.bodies("login")] == [(NO_SERIAL, None)] * 2


def test_a_pin_that_locks_ends_in_a_clear_sentence_and_nothing_is_spent_after(tpm):
    people = ScriptedOperator(answers={"pin:root-a": WRONG})
    ceremony, room = room_with(tpm, people)
    with pytest.raises(PinLocked, match=rf"^token {NO_SERIAL}: the PIN is blocked$") as refused:
        unlocked(room, "root-a")
    assert refused.value.hint == "its custodian can unblock it with the PUK or SO PIN; nothing was tried here"
    assert people.keys == ["pin:root-a", "retry:pin:root-a"] * WRONG_PINS + ["pin:root-a"]
    detail = people.question("retry:pin:root-a").prompt.detail
    assert detail == (
        f"Token {NO_SERIAL}: the PIN is wrong; the token does not tell how many tries are left. "
        "Compare the serial on the token with the PIN's envelope."
    )
    assert tpm.wrong_pins() == WRONG_PINS
    assert len(ceremony.bodies("login")) == WRONG_PINS + 1
    # The right PIN is not asked for any more, and so not tried.
    asked = len(people.asked)
    people.answers["pin:root-a"] = PIN
    with pytest.raises(PinLocked):
        unlocked(room, "root-a")
    assert len(people.asked) == asked
    assert tpm.wrong_pins() == WRONG_PINS
    assert "root-a" not in room.unlocked
    close(room)
    # Once its owner unlocked the TPM, the same room goes on with the token opened anew.
    room.tokens.clear()
    tpm.unlock_all()
    assert unlocked(room, "root-a").pin_state() == UNTOLD
    close(room)
