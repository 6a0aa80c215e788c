# SPDX-License-Identifier: Apache-2.0
"""What a PIN, a PUK and a management key may be, and that no message says what was typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.piv import (
    FACTORY,
    FACTORY_MANAGEMENT_KEY,
    Code,
    check_code,
    make_code,
    management_key_bytes,
    read_management_key,
    write_management_key,
)
from ceremony.core.secret import Secret
from ceremony.errors import VerificationError
from tests.fakes.host import CountingEntropy


def test_knows_what_the_factory_sets():
    assert FACTORY == {Code.PIN: "123456", Code.PUK: "12345678"}
    assert FACTORY_MANAGEMENT_KEY.hex() == "0102030405060708" * 3


@pytest.mark.parametrize(
    ("code", "text"),
    [
        pytest.param(Code.PIN, "314159", id="six digits"),
        pytest.param(Code.PIN, "a b~c!7", id="seven characters, a space and signs among them"),
        pytest.param(Code.PIN, "27182818", id="eight digits"),
        pytest.param(Code.PIN, "12345687", id="nearly a run"),
        pytest.param(Code.PUK, "27182818", id="a PUK"),
    ],
)
def test_takes_a_pin_or_puk_that_fits(code, text):
    check_code(code, Secret(text))


@pytest.mark.parametrize(
    ("code", "text", "match"),
    [
        pytest.param(Code.PIN, "31415", "PIN: does not have 6 to 8 characters", id="short"),
        pytest.param(Code.PIN, "314159265", "PIN: does not have 6 to 8 characters", id="long"),
        pytest.param(Code.PIN, "", "PIN: does not have 6 to 8 characters", id="nothing"),
        pytest.param(Code.PUK, "314159", "PUK: does not have 8 characters", id="a PUK of six"),
        pytest.param(Code.PIN, "pässwd", "PIN: has a character that is not plain ASCII", id="not ASCII"),
        pytest.param(Code.PIN, "pass\twd", "PIN: has a character that is not plain ASCII", id="a control character"),
        pytest.param(Code.PIN, "123456", "PIN: is a factory value", id="the factory's PIN"),
        pytest.param(Code.PIN, "12345678", "PIN: is a factory value", id="the factory's PUK as a PIN"),
        pytest.param(Code.PUK, "12345678", "PUK: is a factory value", id="the factory's PUK"),
        pytest.param(Code.PIN, "777777", "PIN: is one character, repeated", id="repeated"),
        pytest.param(Code.PIN, "456789", "PIN: is a plain run", id="ascending"),
        pytest.param(Code.PUK, "87654321", "PUK: is a plain run", id="descending"),
        pytest.param(Code.PIN, "abcdefg", "PIN: is a plain run", id="letters"),
    ],
)
def test_refuses_a_pin_or_puk_without_saying_what_was_typed(code, text, match):
    with pytest.raises(VerificationError, match=match) as said:
        check_code(code, Secret(text))
    assert "that nobody guesses" in said.value.hint
    assert not text or text not in said.value.message + said.value.hint


def test_makes_eight_digits_that_fit():
    entropy = CountingEntropy()
    made = {make_code(code, entropy).text() for code in (*Code, *Code)}
    assert len(made) == 4
    assert all(len(text) == 8 and text.isdigit() for text in made)


def test_makes_another_one_when_chance_gives_what_everybody_knows():
    numbers = iter([12345678, 11111111, 98765432, 31415926])

    class Chance:
        def bytes(self, count: int) -> bytes:
            return next(numbers).to_bytes(count)

    assert make_code(Code.PIN, Chance()).text() == "31415926"


@given(st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_a_management_key_is_read_as_it_was_written(key):
    written = write_management_key(Secret(key))
    assert all(len(group) == 4 for group in written.text().split(" "))
    for typed in (written.text(), written.text().upper(), written.text().replace(" ", "-"), f"  {key.hex()} "):
        assert read_management_key(Secret(typed), len(key)).reveal() == key


@pytest.mark.parametrize(
    ("typed", "match"),
    [
        pytest.param("", "does not have 48 digits", id="nothing"),
        pytest.param("00" * 23, "does not have 48 digits", id="short"),
        pytest.param("0" * 47, "does not have 48 digits", id="half a byte missing"),
        pytest.param("00" * 32, "does not have 48 digits", id="long"),
        pytest.param("0g" * 24, "is not hexadecimal", id="a letter beyond f"),
        pytest.param("٠" * 48, "is not hexadecimal", id="other digits"),
    ],
)
def test_refuses_what_is_no_management_key_without_saying_what_was_typed(typed, match):
    with pytest.raises(VerificationError, match=f"management key: {match}") as said:
        read_management_key(Secret(typed), 24)
    assert "48 hexadecimal digits" in said.value.hint
    assert said.value.__cause__ is None


@pytest.mark.parametrize(("algorithm", "size"), [("TDES", 24), ("AES128", 16), ("AES192", 24), ("AES256", 32)])
def test_knows_how_long_a_management_key_is(algorithm, size):
    assert management_key_bytes(algorithm) == size
