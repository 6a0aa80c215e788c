# SPDX-License-Identifier: Apache-2.0
"""The script for paper as a file: nothing from anywhere, nothing of a plan but text, the same bytes every time, what the Markdown says."""

import base64
import hashlib
import html
import re
from dataclasses import replace

import pytest

from ceremony.core.plan import Mode
from ceremony.core.plan_lint import lint
from ceremony.core.procedure import procedure
from ceremony.core.script import document, script
from ceremony.core.words import words
from ceremony.report.script import for_paper
from ceremony.report.script.style import css
from tests.fakes.plans import NOW, ROTATION, RULES, read

EVIL = '</style><script>alert(1)</script> <img src="https://evil.example/x"> & \u202etxt\u2066 \u3164\n## Sign-off'


def made(plan):
    return laid_out(plan, lint(plan, RULES, now=NOW, mode=Mode.PRACTICE))


def laid_out(plan, warnings=()):
    return document(plan, procedure(plan, needs_certificate=True), warnings)


def page(plan):
    return for_paper(made(plan)).decode()


def evil():
    plan = read()
    people = tuple(replace(person, name=EVIL, organisation=EVIL) for person in plan.people)
    repositories = tuple(replace(one, name=EVIL) for one in plan.repositories)
    return replace(plan, name=EVIL, facility=EVIL, previous=EVIL, people=people, repositories=repositories)


def test_is_one_file_that_asks_for_nothing():
    text = page(read())
    assert text.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')
    assert not re.findall(r"<(?:script|link|img|iframe|object|form|a)\b|https?:|url\(|@import|@font-face|\son\w+=", text)
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    style = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert len(style) == 1
    assert html.unescape(policy[1]) == f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"


def test_is_the_same_file_every_time():
    assert page(read()) == page(read())
    assert page(read()) != page(read(("Acme, vault", "Acme, cellar")))


def test_shows_the_digest_of_the_plan_as_hex_and_words():
    plan = read()
    text = page(plan)
    for group in range(8):
        spoken = "".join(f"<span>{word}</span>" for word in words(plan.sha256)[group * 4 : group * 4 + 4])
        assert f"<li><code>{plan.sha256[group * 8 : group * 8 + 8]}</code>{spoken}</li>" in text
    assert f"<title>Script of the ceremony acme-root, plan {plan.sha256[:8]}</title>" in text


def test_the_foot_of_each_page_names_plan_and_digest_and_counts_pages():
    style = css("acme-root", "0123456789abcdef" * 4)
    assert '@bottom-left{content:"acme-root";' in style
    assert '@bottom-right{content:"plan 01234567 89abcdef, page " counter(page) " of " counter(pages);' in style
    assert not re.search(r"@page\{[^@]*size", style)


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        pytest.param('a"b', r'"a\000022b"', id="quote"),
        pytest.param("a\\b.c", r'"a\00005cb\00002ec"', id="backslash, dot"),
        pytest.param("</style>", r'"\00003c\00002fstyle\00003e"', id="the end of the style"),
        pytest.param("a\nb\u202e", r'"a\00005cx0ab\00005cu202e"', id="what is not drawn, as its escape"),
        pytest.param("東", r'"\006771"', id="letters of the world"),
    ],
)
def test_a_name_is_a_string_of_the_style_and_nothing_else(name, quoted):
    assert f"@bottom-left{{content:{quoted};" in css(name, "00" * 32)


def test_nothing_in_a_plan_can_be_more_than_text():
    text, plain = for_paper(laid_out(evil())).decode(), for_paper(laid_out(read())).decode()

    def tags(one):
        return re.findall("<[^>]+>", re.sub('content="default-src[^"]*"', "", one))

    assert tags(text) == tags(plain)
    assert text.count("<style>") == text.count("</style>") == 1
    assert not set(text) & {"\u202e", "\u2066", "\u3164", "\r", "\x1b"}
    assert "\\u202etxt\\u2066 \\u3164\\x0a## Sign-off" in html.unescape(text)


def words_of(text):
    return re.findall(r"[\w:/.@-]+", text)


@pytest.mark.parametrize("source", [None, ROTATION], ids=["genesis", "rotation"])
def test_page_and_markdown_say_the_same(source):
    plan = read(source=source) if source else read()
    steps = procedure(plan, needs_certificate=True)
    warnings = lint(plan, RULES, now=NOW, mode=Mode.PRACTICE)
    body = re.sub("<head>.*</head>", "", page(plan), flags=re.DOTALL)
    said = set(words_of(html.unescape(re.sub("<[^>]+>", " ", body))))
    markdown = re.sub(r"\\(.)", r"\1", script(plan, steps, warnings))
    written = {
        word.strip("_") for word in words_of(re.sub("_{4,}|[|☐*]|---|```text|```|^#+ |^- ", " ", markdown, flags=re.MULTILINE))
    }
    # Numbers of groups are drawn by the style; on paper there are lines for notes, which a file has no need of.
    assert {word.strip(".:") for word in written} - {word.strip(".:") for word in said} <= {
        "sha256",
        plan.sha256,
        "Group",
        "Four",
        "heard",
        "",
    }
    assert {word.strip(".:") for word in said} - {word.strip(".:") for word in written} <= {"Notes", ""}
