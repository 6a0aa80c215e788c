# SPDX-License-Identifier: Apache-2.0
"""A stranger's JSON object, read member by member."""

from __future__ import annotations

import pytest

from ceremony.core.canonical import Json
from ceremony.core.chronicle.facts import as_text, facts

FACTS = facts(
    {"text": "t", "nothing": None, "yes": True, "one": "true", "three": 3, "less": -3, "list": [1, "a"], "object": {"a": 1}}
)


def deep(levels: int) -> Json:
    value: Json = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("text", "t"),
        ("nothing", ""),
        ("missing", ""),
        ("yes", "true"),
        ("three", "3"),
        ("list", '[1, "a"]'),
        ("object", '{"a": 1}'),
    ],
)
def test_every_member_has_a_text(name, text):
    assert FACTS.text(name) == text


def test_what_cannot_be_written_has_one_too():
    assert as_text(["\ud800"]) == '["\ud800"]'
    assert as_text(deep(100_000)) == "something nested too deep to be shown"


def test_a_member_of_another_type_is_none():
    assert (FACTS.number("three"), FACTS.number("less"), FACTS.number("yes"), FACTS.number("text")) == (3, -3, None, None)
    assert (FACTS.count("three"), FACTS.count("less"), FACTS.count("missing")) == (3, 0, 0)
    assert (FACTS.flag("yes"), FACTS.flag("one"), FACTS.flag("three"), FACTS.flag("missing")) == (True, False, False, False)
    assert (FACTS.items("list"), FACTS.items("text"), FACTS.texts("list")) == ((1, "a"), (), ("1", "a"))
    assert (list(FACTS.inner("object")), len(FACTS.inner("list")), len(facts([1]))) == (["a"], 0, 0)
