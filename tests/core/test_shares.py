# SPDX-License-Identifier: Apache-2.0
"""Shares: made as SLIP-39 says, every quorum of them opens, and each thing that can be wrong with one is told apart."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic import combine_mnemonics, shamir
from shamir_mnemonic.wordlist import WORDLIST

from ceremony.core.secret import Secret
from ceremony.core.shares import Gathering, ShareSet, Split, check_quorums, check_words, make
from ceremony.errors import VerificationError
from tests.fakes.host import CountingEntropy

VECTORS = Path(__file__).parent.parent / "vectors" / "slip39"
MADE = json.loads((VECTORS / "sets.json").read_text())
PUBLISHED = json.loads((VECTORS / "published.json").read_text())
KEEPERS = ("Ada", "Bob", "Cleo")


class DealtEntropy:
    """The bytes that a test gives, in their order, and not one more."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def bytes(self, count: int) -> bytes:
        assert count <= len(self.data)
        dealt, self.data = self.data[:count], self.data[count:]
        return dealt


def fresh(needed: int = 2, keepers: tuple[str, ...] = KEEPERS, seed: str = "entropy") -> Split:
    return make(needed, keepers, CountingEntropy(seed))


def same_identifier(of: Split, seed: str) -> Split:
    """Return another set that has, by chance, the identifier of this one."""
    chance = CountingEntropy(seed).bytes(64)
    return make(of.of.needed, of.of.keepers, DealtEntropy(chance[:16] + of.of.identifier.to_bytes(2) + chance[16:]))


def words(split: Split, number: int) -> str:
    return split.shares[number - 1].text()


OF = fresh().of


# --- how they are made --------------------------------------------------------------


@pytest.mark.parametrize("vector", MADE, ids=lambda vector: f"{vector['needed']} of {len(vector['shares'])}")
def test_makes_the_shares_of_the_specification_from_our_own_chance_alone(vector):
    entropy = DealtEntropy(bytes.fromhex(vector["secret"]) + vector["identifier"].to_bytes(2) + bytes.fromhex(vector["chance"]))
    split = make(vector["needed"], [f"keeper {i}" for i in range(len(vector["shares"]))], entropy)
    assert [share.text() for share in split.shares] == vector["shares"]
    assert (split.passphrase.text(), split.of.identifier, entropy.data) == (vector["secret"], vector["identifier"], b"")


@pytest.mark.parametrize("vector", PUBLISHED, ids=lambda vector: vector["what"])
def test_the_library_opens_the_published_vectors_and_refuses_the_wrong_ones(vector):
    try:
        secret = combine_mnemonics(vector["shares"], b"TREZOR").hex()
    except shamir.MnemonicError:
        secret = ""
    assert secret == vector["secret"]


def test_leaves_the_library_with_its_own_chance():
    theirs = shamir.RANDOM_BYTES
    fresh()
    assert shamir.RANDOM_BYTES is theirs
    with pytest.raises(AssertionError):
        make(2, KEEPERS, DealtEntropy(bytes(20)))
    assert shamir.RANDOM_BYTES is theirs


@pytest.mark.parametrize(("needed", "total"), [(2, 2), (2, 3), (3, 3), (3, 5), (4, 7)])
def test_every_quorum_opens_in_any_order_and_nothing_less_does(needed, total):
    keepers = tuple(f"k{i}" for i in range(total))
    split = fresh(needed, keepers)
    for numbers in combinations(range(1, total + 1), needed):
        gathering = Gathering(split.of)
        for number in reversed(numbers):
            assert gathering.missing
            gathering.take(words(split, number), number)
        assert not gathering.missing
        assert gathering.passphrase().text() == split.passphrase.text()
        assert combine_mnemonics([words(split, number) for number in numbers]).hex() == split.passphrase.text()
    gathering = Gathering(split.of)
    for number in range(1, needed):
        gathering.take(words(split, number), number)
    with pytest.raises(VerificationError, match="do not fit together"):
        gathering.passphrase()


def test_a_share_has_twenty_words_and_the_passphrase_128_bits():
    split = fresh()
    assert {len(share.text().split()) for share in split.shares} == {20}
    assert re.fullmatch("[0-9a-f]{32}", split.passphrase.text())


def test_two_sets_have_nothing_in_common():
    one, two = fresh(seed="one"), fresh(seed="two")
    assert one.of.identifier != two.of.identifier
    assert one.passphrase.text() != two.passphrase.text()


def test_shows_nothing_and_forgets():
    split = fresh()
    shown = repr(split) + repr(Gathering(split.of))
    assert not any(word in shown for word in words(split, 1).split())
    split.wipe()
    assert [secret.text() for secret in (split.passphrase, *split.shares)] == ["", "", "", ""]


def test_a_set_with_a_quorum_that_does_not_open_is_never_shown():
    split = fresh()
    bad = "shares: do not give back the secret that was split"
    with pytest.raises(VerificationError, match=bad):
        check_quorums(replace(split, passphrase=Secret("00" * 16)))
    for stranger in (fresh(seed="another"), same_identifier(split, "a collision")):
        with pytest.raises(VerificationError, match=bad):
            check_quorums(replace(split, shares=(*split.shares[:2], stranger.shares[2])))
    check_quorums(split)


# --- what is recorded ---------------------------------------------------------------


def test_what_is_recorded_is_read_back():
    of = fresh().of
    assert of.record() == {"identifier": of.identifier, "needed": 2, "custodians": ["Ada", "Bob", "Cleo"]}
    assert ShareSet.of_record(of.record()) == of


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="nothing"),
        pytest.param([1, 2], id="a list"),
        pytest.param({}, id="empty"),
        pytest.param({"identifier": "7", "needed": 2, "custodians": ["A", "B"]}, id="an identifier in letters"),
        pytest.param({"identifier": 7, "needed": None, "custodians": ["A", "B"]}, id="no number needed"),
        pytest.param({"identifier": 7, "needed": 2, "custodians": "AB"}, id="keepers that are no list"),
        pytest.param({"identifier": 7, "needed": 1, "custodians": ["A", "B"]}, id="one is enough"),
        pytest.param({"identifier": 7, "needed": 3, "custodians": ["A", "B"]}, id="more than there are"),
    ],
)
def test_refuses_a_record_of_another_kind(value):
    with pytest.raises(VerificationError, match="protector: does not say how its secret was split"):
        ShareSet.of_record(value)


# --- what is wrong with one ----------------------------------------------------------


def swapped(text: str, one: int, two: int) -> str:
    found = text.split()
    found[one], found[two] = found[two], found[one]
    return " ".join(found)


def other(text: str, place: int) -> str:
    """Return the text with another word of the list at a place, counted from 1."""
    found = text.split()
    found[place - 1] = next(word for word in WORDLIST if word != found[place - 1])
    return " ".join(found)


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        pytest.param(lambda text: "", "share 2: has 0 words, not 20", id="nothing"),
        pytest.param(lambda text: " ".join(text.split()[:-1]), "share 2: has 19 words, not 20", id="one left out"),
        pytest.param(lambda text: f"{text} academic", "share 2: has 21 words, not 20", id="one too many"),
        pytest.param(lambda text: text.replace(" ", "", 1), "share 2: word 1 is not in the list of words", id="a space left out"),
        pytest.param(lambda text: f"{text}x", "share 2: word 20 is not in the list", id="a slip of a finger"),
        pytest.param(lambda text: f"1 {text}", "share 2: word 1 is not in the list", id="with its number"),
        pytest.param(lambda text: f"\u202e{text}\x00", "share 2: word 1 is not in the list", id="hostile characters"),
        pytest.param(lambda text: "aardvark " * 16, "share 2: word 1 is not in the list", id="a passphrase"),
        pytest.param(lambda text: other(text, 7), "share 2: does not add up", id="another word"),
        pytest.param(lambda text: other(other(other(text, 1), 9), 20), "share 2: does not add up", id="three other words"),
        pytest.param(lambda text: swapped(text, 4, 5), "share 2: does not add up", id="two swapped"),
        pytest.param(lambda text: PUBLISHED[1]["shares"][0], "share 2: does not add up", id="a published one, wrong checksum"),
        pytest.param(lambda text: PUBLISHED[2]["shares"][0], "share 2: does not add up", id="a published one, wrong padding"),
        pytest.param(lambda text: PUBLISHED[8]["shares"][0], "share 2: is of another set", id="of another program"),
        pytest.param(lambda text: words(fresh(seed="before"), 2), "share 2: is of another set", id="of another ceremony"),
        pytest.param(lambda text: words(fresh(), 3), "share 2: is share 3, which Cleo keeps", id="of another custodian"),
        pytest.param(lambda text: words(fresh(), 1), "share 2: is share 1, which was typed already", id="the same one twice"),
    ],
)
def test_tells_what_is_wrong_with_a_share_and_repeats_none_of_it(bend, message):
    split = fresh()
    gathering = Gathering(split.of)
    gathering.take(words(split, 1), 1)
    typed = bend(words(split, 2))
    with pytest.raises(VerificationError, match=f"^{re.escape(message)}") as refused:
        gathering.take(typed, 2)
    assert gathering.taken == (1,)
    error = refused.value
    said = f"{error.message} {error.hint} {error.__cause__!r} {error.__context__!r}"
    ordinary = {"word", "already", "list", "another", "was", "is", "it", "paper"}
    secret = {word for word in typed.split() if len(word) > 2} - ordinary
    assert not [word for word in secret if re.search(rf"\b{re.escape(word)}\b", said)]
    gathering.take(words(split, 2), 2)
    assert gathering.passphrase().text() == split.passphrase.text()


def test_a_share_of_a_set_that_needs_more_or_has_more_is_of_another_set():
    split = fresh()
    wider = DealtEntropy(bytes(16) + split.of.identifier.to_bytes(2) + bytes(range(100)))
    more = make(2, ("A", "B", "C", "D"), wider)
    deeper = make(3, KEEPERS, DealtEntropy(bytes(16) + split.of.identifier.to_bytes(2) + bytes(range(100))))
    for text in (words(more, 4), words(deeper, 1)):
        with pytest.raises(VerificationError, match="share 1: is of another set"):
            Gathering(split.of).take(text, 1)


def test_any_case_and_any_spacing_is_the_same_share():
    split = fresh()
    gathering = Gathering(split.of)
    gathering.take(f"\t {words(split, 1).upper()} \n", 1)
    gathering.take(words(split, 3).replace(" ", "  "), 3)
    assert gathering.passphrase().text() == split.passphrase.text()


def test_a_stranger_with_the_same_identifier_is_told_apart_by_one_share_more():
    split = fresh()
    stranger = same_identifier(split, "a collision")
    gathering = Gathering(split.of)
    gathering.take(words(stranger, 1), 1)
    gathering.take(words(split, 2), 2)
    assert gathering.missing == 0
    with pytest.raises(VerificationError, match="shares: those of number 1, 2 do not fit together") as refused:
        gathering.passphrase()
    assert "one more custodian" in refused.value.hint
    gathering.take(words(split, 3), 3)
    assert gathering.passphrase().text() == split.passphrase.text()
    assert gathering.taken == (2, 3)


def test_words_are_checked_without_asking_whose_they_are():
    check_words(words(fresh(), 1), "share 1")
    with pytest.raises(VerificationError, match="share 1: has 2 words"):
        check_words("academic academic", "share 1")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(WORDLIST) | st.text(max_size=8), max_size=40).map(" ".join))
def test_whatever_is_typed_is_taken_or_refused_in_words(text):
    with pytest.raises(VerificationError):
        Gathering(OF).take(text, 1)
