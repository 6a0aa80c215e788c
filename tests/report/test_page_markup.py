# SPDX-License-Identifier: Apache-2.0
"""HTML that is escaped by construction."""

from __future__ import annotations

import pytest

from ceremony.core.markdown import escape
from ceremony.report.page.markup import MOST, el, shown
from ceremony.report.page.parts import both, facts, listed, more, record, spoken, table


def html(*children: object) -> str:
    return "".join(el("p", *children).write())


def test_text_is_escaped():
    assert html("<b>", ' & "x" ', "'") == "<p>&lt;b&gt; &amp; &quot;x&quot; &#x27;</p>"


def test_children_are_elements_texts_and_lists_of_them():
    assert html(["a", None, [el("code", "b")]], (c for c in "cd")) == "<p>a<code>b</code>cd</p>"


def test_values_of_attributes_are_escaped():
    assert "".join(el("p", class_='a"><script>').write()) == '<p class="a&quot;&gt;&lt;script&gt;"></p>'


@pytest.mark.parametrize("tag", ["script", "img", "svg", "iframe", "object", "form", "link", "base", "x"])
def test_refuses_an_element_that_the_page_has_no_use_for(tag):
    with pytest.raises(KeyError, match=tag):
        el(tag)


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"onclick": "x"}, id="a handler"),
        pytest.param({"style": "x"}, id="a style"),
        pytest.param({"src": "x"}, id="a source"),
        pytest.param({"href": "javascript:alert(1)"}, id="a script as a link"),
        pytest.param({"href": "https://example.org"}, id="a link elsewhere"),
    ],
)
def test_refuses_an_attribute_that_could_load_or_run_anything(attributes):
    with pytest.raises(KeyError):
        el("a", "x", **attributes)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        pytest.param("Zürich 東京 ✓ 🎉", "Zürich 東京 ✓ 🎉", id="any script"),
        pytest.param("a\u202eb", "a\\u202eb", id="direction"),
        pytest.param("a\u200bb\xadc", "a\\u200bb\\xadc", id="no width"),
        pytest.param("a\x00\x1b\x7f\x9f", "a\\x00\\x1b\\x7f\\x9f", id="control"),
        pytest.param("a\nb\tc", "a\\x0ab\\x09c", id="lines"),
        pytest.param("a\ud800b", "a\\ud800b", id="half a pair"),
        pytest.param("a\xa0b\u3000c", "a\\xa0b\\u3000c", id="blanks"),
        pytest.param("a\U000e0041\U0010ffff", "a\\U000e0041\\U0010ffff", id="tags"),
    ],
)
def test_characters_that_draw_nothing_are_made_visible(text, drawn):
    assert shown(text) == drawn


def test_what_is_hidden_on_the_page_is_hidden_in_the_script_too():
    for code in (*range(0x20000), *range(0xE0000, 0xE0200)):
        character = chr(code)
        assert (shown(character) != character) is (escape(character) == f"(U+{code:04X})"), f"U+{code:04X}"


def test_of_a_long_text_the_beginning_is_shown():
    assert shown("x" * MOST) == "x" * MOST
    assert shown("x" * (MOST + 1)) == "x" * MOST + f" … ({MOST + 1:,} characters in all)"


def test_a_digest_is_shown_in_groups_and_what_is_none_as_it_is():
    assert "".join(el("p", both("00ff" * 2)).write()) == (
        '<p><code class="hex"><span>00ff00ff</span></code><span class="words"><span>aardvark Yucatan aardvark Yucatan</span></span></p>'
    )
    assert spoken("no hex") is None
    assert spoken("") is None
    assert both("") is None


def test_what_has_nothing_to_say_is_left_out():
    assert facts([("a", ""), ("b", None), ("c", [])]) is None
    assert more(3, 3, "x") is None


def test_a_table_names_its_columns_in_each_cell():
    assert '<td><span class="col">A</span>x</td>' in "".join(table(("A",), [("x",)]).write())
    with pytest.raises(ValueError, match="argument"):
        table(("A", "B"), [("x",)])


def test_few_names_are_listed_and_the_rest_counted():
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b"], 2) == "a, b"


def test_records_are_cited_by_number():
    assert "".join(record(7).write()) == '<span class="cite">record 7</span>'
    assert "".join(record(7, 1_000).write()) == '<span class="cite">records 7, 1,000</span>'
