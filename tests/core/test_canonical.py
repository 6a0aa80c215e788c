# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: the same bytes as two independent encoders, and nothing else is taken."""

from __future__ import annotations

import unicodedata

import pytest
import rfc8785
from hypothesis import assume, example, given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical

from ceremony.core.canonical import MAX_DEPTH, MAX_INTEGER, Json, encode, encode_trusted, parse, parse_loose, parse_object
from ceremony.errors import VerificationError

SMILE = "\U0001f600"


def _plain(text: str) -> bool:
    return not any(unicodedata.category(c) == "Cc" for c in text) and unicodedata.is_normalized("NFC", text)


TEXTS = (
    st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(lambda text: unicodedata.normalize("NFC", text)).filter(_plain)
)
KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
LEAVES = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=30)


# --- two judges ---------------------------------------------------------------


@given(VALUES)
@example({"b": 1, "a": "<>&\u2028\u2029", "A": [None, True, False], "\\": '"'})
@example([MAX_INTEGER, -MAX_INTEGER, 0, "é", SMILE, "\ufffe"])
def test_writes_what_rfc_8785_and_securesystemslib_write(value: Json) -> None:
    data = encode(value)
    assert data == rfc8785.dumps(value)
    assert data == str(encode_canonical(value)).encode()
    assert data == encode_trusted(value)


@given(VALUES)
def test_reads_back_what_it_wrote(value: Json) -> None:
    data = encode(value)
    assert parse(data) == value
    assert encode(parse(data)) == data
    assert parse_loose(data) == value


@given(VALUES)
def test_reads_the_same_value_from_any_spacing_only_when_told(value: Json) -> None:
    spaced = b" " + encode(value) + b"\n"
    assert parse_loose(spaced) == value
    with pytest.raises(VerificationError, match="is not in canonical form"):
        parse(spaced)


# --- what is not canonical ----------------------------------------------------

NOT_CANONICAL = [
    pytest.param(b'{"a": 1}', id="a space after the colon"),
    pytest.param(b'{"a":1} ', id="a space at the end"),
    pytest.param(b'\n{"a":1}', id="a newline before"),
    pytest.param(b'{"a":1}\r\n', id="CRLF"),
    pytest.param(b'{"a":\t1}', id="a tab"),
    pytest.param(b'{"b":1,"a":2}', id="keys in another order"),
    pytest.param(b'{"aa":1,"a":2}', id="the longer key first"),
    pytest.param(b'"\\u0061"', id="an escaped letter"),
    pytest.param(b'"\\/"', id="an escaped slash"),
    pytest.param(b'"\\u003c"', id="what Go escapes"),
    pytest.param(b'"\\u00e9"', id="an escaped letter that is not ASCII"),
    pytest.param(b'"\\ud83d\\ude00"', id="an escaped pair of surrogates"),
    pytest.param(b"-0", id="minus zero"),
]


@pytest.mark.parametrize("data", NOT_CANONICAL)
def test_refuses_another_form_of_a_good_value(data: bytes) -> None:
    assert encode(parse_loose(data)) != data
    with pytest.raises(VerificationError, match="file x: is not in canonical form") as caught:
        parse(data, "file x")
    assert caught.value.subject == "file x"


NOT_JSON = [
    pytest.param(b"", "Expecting value", id="nothing"),
    pytest.param(b"{", "Expecting property name", id="cut off"),
    pytest.param(b'{"a":1}{"a":1}', "Extra data", id="two values"),
    pytest.param(b'{"a":1,}', "trailing comma|Expecting property name|Illegal", id="a comma too many"),
    pytest.param(b"{'a':1}", "Expecting property name", id="single quotes"),
    pytest.param(b'{"a":1,"a":1}', "a key stands twice", id="duplicate key"),
    pytest.param(b'[{"a":{"b":1,"b":2}}]', "a key stands twice", id="duplicate key inside"),
    pytest.param(b'{"a":1,"\\u0061":1}', "a key stands twice", id="duplicate key, once escaped"),
    pytest.param(b"1.0", "1.0 is not an integer", id="float"),
    pytest.param(b'{"a":[1.5]}', "1.5 is not an integer", id="a float inside"),
    pytest.param(b"1e2", "1e2 is not an integer", id="exponent"),
    pytest.param(b"1." + b"0" * 5000, r"1\.0{58} is not an integer", id="a long float"),
    pytest.param(b"NaN", "NaN is not an integer", id="NaN"),
    pytest.param(b"Infinity", "Infinity is not an integer", id="infinity"),
    pytest.param(b"-Infinity", "-Infinity is not an integer", id="minus infinity"),
    pytest.param(b"01", "Extra data", id="leading zero"),
    pytest.param(b"+1", "Expecting value", id="plus"),
    pytest.param(b"9" * 5000, "Exceeds the limit", id="thousands of digits"),
    pytest.param(b"\xef\xbb\xbf{}", "BOM", id="byte order mark"),
    pytest.param('{"a":1}'.encode("utf-16"), "codec can't decode", id="UTF-16"),
    pytest.param(b'"\xff"', "codec can't decode", id="not UTF-8"),
    pytest.param(b'"\xed\xa0\x80"', "codec can't decode", id="a surrogate in UTF-8"),
    pytest.param(b'"\xc0\x80"', "codec can't decode", id="an overlong form"),
    pytest.param(b'"a\nb"', "Invalid control character", id="a raw newline in text"),
    pytest.param(b"[" * 200_000, "recursion", id="brackets without end"),
    pytest.param(b'{"a":' * 200_000, "recursion", id="braces without end"),
    pytest.param(b"/* */ 1", "Expecting value", id="a comment"),
]


@pytest.mark.parametrize(("data", "says"), NOT_JSON)
def test_refuses_what_is_not_json_of_this_kind(data: bytes, says: str) -> None:
    for reader in (parse, parse_loose, parse_object):
        with pytest.raises(VerificationError, match=f"^file x: is not the JSON that was expected .*({says})"):
            reader(data, "file x")


# --- what cannot be written ---------------------------------------------------


def _nested(levels: int, *, objects: bool = False) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = {"a": value} if objects else [value]
    return value


REFUSED = [
    pytest.param("a\x00b", "holds a control character", id="NUL"),
    pytest.param("a\nb", "holds a control character", id="newline"),
    pytest.param("\x7f", "holds a control character", id="DEL"),
    pytest.param("\x85", "holds a control character", id="C1"),
    pytest.param("\ud800", "holds a control character", id="lone high surrogate"),
    pytest.param("a\udfff", "holds a control character", id="lone low surrogate"),
    pytest.param("e\u0301", "is not in Unicode normal form C", id="e and an accent"),
    pytest.param("\u212b", "is not in Unicode normal form C", id="the sign for angstrom"),
    pytest.param({"é": 1}, "the key 'é' is not plain ASCII", id="a key that is not ASCII"),
    pytest.param({"a\tb": 1}, "holds a control character", id="a tab in a key"),
    pytest.param([{"a": ["\x01"]}], "holds a control character", id="deep inside"),
    pytest.param(2**53, "a number of 54 bits is too large", id="2**53"),
    pytest.param(-(2**53), "a number of 54 bits is too large", id="-2**53"),
    pytest.param(10**5000, "a number of 16610 bits is too large", id="a number of 5001 digits"),
    pytest.param(1.5, "a float cannot be written", id="float"),
    pytest.param((1,), "a tuple cannot be written", id="tuple"),
    pytest.param([b"x"], "a bytes cannot be written", id="bytes"),
    pytest.param(_nested(MAX_DEPTH + 1), "is nested deeper than 64 levels", id="a list too deep"),
    pytest.param(_nested(MAX_DEPTH + 1, objects=True), "is nested deeper than 64 levels", id="an object too deep"),
    pytest.param(_nested(100_000), "is nested deeper than 64 levels", id="a list without end"),
    pytest.param("é" * 100 + "\n", "é'? holds a control character", id="long text is shown in part"),
]


@pytest.mark.parametrize(("value", "says"), REFUSED)
def test_refuses_to_write(value: Json, says: str) -> None:
    with pytest.raises(VerificationError, match=says) as caught:
        encode(value, "record 7")
    assert caught.value.subject == "record 7"
    assert len(caught.value.message) < 200


REFUSED_BYTES = [
    pytest.param('{"é":1}'.encode(), "is not plain ASCII", id="a key that is not ASCII"),
    pytest.param('{"a":"é\x85"}'.encode(), "holds a control character", id="a control character above ASCII"),
    pytest.param('{"a":"e\u0301"}'.encode(), "normal form C", id="not in normal form"),
    pytest.param(b'"\\u0000"', "holds a control character", id="an escaped NUL"),
    pytest.param(b'"\\n"', "holds a control character", id="an escaped newline"),
    pytest.param(b'"\\ud800"', "holds a control character", id="an escaped lone surrogate"),
    pytest.param('"e\u0301"'.encode(), "is not in Unicode normal form C", id="e and an accent"),
    pytest.param(b"9007199254740992", "is too large", id="2**53"),
    pytest.param(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "is nested deeper", id="65 levels"),
    pytest.param(b"[" * 900 + b"]" * 900, "is nested deeper", id="900 levels"),
]


@pytest.mark.parametrize(("data", "says"), REFUSED_BYTES)
def test_refuses_to_read_what_it_would_not_write(data: bytes, says: str) -> None:
    parse_loose(data)
    with pytest.raises(VerificationError, match=says):
        parse(data)


@pytest.mark.parametrize("objects", [False, True])
def test_takes_the_deepest_nesting_that_is_allowed(objects: bool) -> None:
    value = _nested(MAX_DEPTH, objects=objects)
    assert parse(encode(value)) == value


@given(st.text())
def test_writes_exactly_the_text_within_the_limits(text: str) -> None:
    if _plain(text):
        assert parse(encode(text)) == text
    else:
        with pytest.raises(VerificationError, match=r"control character|normal form C"):
            encode(text)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"a"', b"null"])
def test_wants_an_object_where_one_is_expected(data: bytes) -> None:
    parse(data)
    with pytest.raises(VerificationError, match="log: is not a JSON object"):
        parse_object(data, "log")
    assert parse_object(b'{"a":1}') == {"a": 1}


@given(st.binary() | st.text().map(str.encode) | VALUES.map(encode).flatmap(lambda d: st.permutations(list(d)).map(bytes)))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    for reader in (parse, parse_loose, parse_object):
        try:
            value = reader(data)
        except VerificationError:
            continue
        if reader is not parse_loose:
            assert encode(value) == data


@given(VALUES, st.data())
def test_a_changed_byte_is_refused_or_another_value(value: Json, data: st.DataObject) -> None:
    good = encode(value)
    place = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[place] = data.draw(st.integers(0, 255))
    assume(changed != good)
    try:
        found = parse(bytes(changed))
    except VerificationError:
        return
    assert encode(found) == changed
    assert encode(found) != good
