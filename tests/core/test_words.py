# SPDX-License-Identifier: Apache-2.0
"""Digests and passphrases as PGP words, judged by phrases that others published."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from ceremony.core import pgp_words
from ceremony.core.words import check_words, normalise_passphrase, passphrase, words
from ceremony.errors import VerificationError
from tests.fakes.host import CountingEntropy

PUBLISHED = [
    pytest.param(
        "E582 94F2 E9A2 2748 6E8B 061B 31CC 528F D7FA 3F19",
        "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa "
        "afflict bravado chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless",
        id="the fingerprint of the list's own description",
    ),
    pytest.param(
        "D1D4 64C0 04F0 0FB5 C9A4 C8D8 E433 E7FB 7FF5 6256",
        "stairway souvenir flytrap recipe adrift upcoming artist positive spearhead Pandora "
        "spaniel stupendous tonic concurrent transit Wichita lockup visitor flagpole escapade",
        id="its second example",
    ),
    pytest.param(
        "EA5B81C564988C73EE90DEE9BAF1E07233CDE511",
        "Trojan exodus minnow resistor flytrap narrative offload hurricane tycoon millionaire tactics ultimate "
        "shadow vacancy tapeworm holiness chisel sandalwood topmost Babylon",
        id="a fingerprint of the pgp-words program",
    ),
]


@pytest.mark.parametrize(("digest", "phrase"), PUBLISHED)
def test_says_a_digest_in_the_published_words(digest: str, phrase: str) -> None:
    assert " ".join(words(digest)) == phrase


def test_both_lists_are_the_published_ones() -> None:
    # The digest is of the list in the word list header of the DNSSEC root's key ceremonies.
    listed = "".join(f"{word}\n" for word in pgp_words.EVEN + pgp_words.ODD)
    assert hashlib.sha256(listed.encode()).hexdigest() == "7e5237abee2c4ed4374b29a853b0ac3ac108a0ea11e8c7f50f6dc667402a49b6"
    assert len({word.lower() for word in pgp_words.EVEN + pgp_words.ODD}) == 512


@pytest.mark.parametrize("text", [pytest.param("abc", id="half a byte"), pytest.param("xy", id="no hex")])
def test_refuses_a_digest_that_is_not_hex(text: str) -> None:
    with pytest.raises(VerificationError, match="digest: is not hexadecimal"):
        words(text)


def test_a_passphrase_is_16_words_of_128_bits_in_lower_case() -> None:
    entropy = CountingEntropy()
    phrase = passphrase(entropy).text()
    assert entropy.taken == 16
    assert phrase == " ".join(words(CountingEntropy().bytes(16).hex())).lower()
    assert len(phrase.split(" ")) == 16
    check_words(phrase)


def test_takes_a_passphrase_in_any_case_and_spacing() -> None:
    phrase = passphrase(CountingEntropy()).text()
    typed = "  " + phrase.title().replace(" ", "  \t") + "\n"
    check_words(typed)
    assert normalise_passphrase(typed) == phrase


def test_names_the_place_of_a_word_that_is_not_in_the_list_and_not_the_word() -> None:
    typed = passphrase(CountingEntropy()).text().split()
    typed[4] = "secrett"
    with pytest.raises(VerificationError, match="word 5 is not in the list of words") as caught:
        check_words(" ".join(typed))
    assert "secrett" not in f"{caught.value} {caught.value.hint}"


def _swapped(typed: list[str]) -> list[str]:
    return [*typed[:6], typed[7], typed[6], *typed[8:]]


def _missed(typed: list[str]) -> list[str]:
    return typed[:6] + typed[7:]


def _twice(typed: list[str]) -> list[str]:
    return typed[:6] + typed[5:]


@pytest.mark.parametrize(
    ("mistake", "place"),
    [
        pytest.param(_swapped, 7, id="swapped with its neighbour"),
        pytest.param(_missed, 7, id="left out"),
        pytest.param(_twice, 7, id="typed twice"),
    ],
)
def test_finds_words_that_stand_at_a_wrong_place(mistake: Callable[[list[str]], list[str]], place: int) -> None:
    typed = passphrase(CountingEntropy()).text().split()
    with pytest.raises(VerificationError, match=f"word {place} cannot stand at this place"):
        check_words(" ".join(mistake(typed)))


@pytest.mark.parametrize(
    ("count", "says"),
    [pytest.param(0, "has 0 words, not 16", id="nothing"), pytest.param(15, "has 15 words, not 16", id="the last left out")],
)
def test_counts_the_words(count: int, says: str) -> None:
    typed = passphrase(CountingEntropy()).text().split()
    with pytest.raises(VerificationError, match=says):
        check_words(" ".join(typed[:count]))
