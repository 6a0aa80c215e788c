# SPDX-License-Identifier: Apache-2.0
"""A secret shows nothing, compares with nothing, is never pickled, and can be wiped."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.secret import Secret

WORD = "correct horse"


@dataclass(frozen=True)
class Holder:
    secret: Secret


SHOWN: list[tuple[str, Callable[[Secret], str]]] = [
    ("repr", repr),
    ("str", str),
    ("format", format),
    ("format with a width", lambda s: f"{s:>40}"),
    ("percent", lambda s: "%s %r" % (s, s)),  # noqa: UP031 - the old form is another way to leak
    ("in a list", lambda s: str([s])),
    ("in a dataclass", lambda s: repr(Holder(s))),
    ("in a log line", lambda s: logging.LogRecord("n", 10, "p", 1, "%s", (s,), None).getMessage()),
    ("in an error", lambda s: "".join(traceback.format_exception(RuntimeError(s)))),
]


@pytest.mark.parametrize("show", [pytest.param(show, id=name) for name, show in SHOWN])
def test_shows_nothing(show: Callable[[Secret], str]) -> None:
    text = show(Secret(WORD))
    assert WORD not in text
    assert "Secret(...)" in text


REFUSED: list[tuple[str, Callable[[Secret], object], str]] = [
    ("equal", lambda s: s == Secret(WORD), "compared only by what it opens"),
    ("equal to its text", lambda s: s == WORD, "compared only by what it opens"),
    ("not equal", lambda s: s != Secret(WORD), "compared only by what it opens"),
    ("found in a list", lambda s: s in [Secret(""), Secret(WORD)], "compared only by what it opens"),
    ("hash", hash, "unhashable"),
    ("pickle", pickle.dumps, "never pickled"),
    ("copy", copy.copy, "never pickled"),
    ("deepcopy", copy.deepcopy, "never pickled"),
    ("json", json.dumps, "not JSON serializable"),
    ("bytes", bytes, "cannot convert"),  # type: ignore[list-item] # that it is refused is the point
    ("length", len, "has no len"),  # type: ignore[list-item] # that it is refused is the point
    ("its members", vars, "__dict__"),
]


@pytest.mark.parametrize(("act", "says"), [pytest.param(act, says, id=name) for name, act, says in REFUSED])
def test_refuses_what_could_leak_it(act: Callable[[Secret], object], says: str) -> None:
    with pytest.raises(TypeError, match=says) as caught:
        act(Secret(WORD))
    assert WORD not in str(caught.value)


@given(st.text())
def test_gives_back_text(text: str) -> None:
    assert Secret(text).text() == text
    assert Secret(text).reveal() == text.encode()


@given(st.binary())
def test_gives_back_bytes(data: bytes) -> None:
    assert Secret(data).reveal() == data
    assert Secret(bytearray(data)).reveal() == data


def test_keeps_a_copy_of_its_own() -> None:
    given_bytes = bytearray(b"1234")
    secret = Secret(given_bytes)
    given_bytes[0] = 0
    assert secret.reveal() == b"1234"


def test_wipes_its_copy_where_it_stands() -> None:
    class Watched(bytearray):
        """Tells what it held when it was cleared."""

        last = b""

        def clear(self) -> None:
            Watched.last = bytes(self)
            super().clear()

    secret = Secret("1234")
    secret._value = Watched(secret._value)
    secret.wipe()
    assert Watched.last == bytes(4)
    assert secret.reveal() == b""
    secret.wipe()
    assert secret.text() == ""
