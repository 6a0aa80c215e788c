# SPDX-License-Identifier: Apache-2.0
"""The script as Markdown: the file that every ceremony folder keeps, and that can be printed anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from ceremony.core import words
from ceremony.core.markdown import BLANK, escape, first, table
from ceremony.core.script.document import (
    Block,
    Cue,
    Digest,
    Document,
    Facts,
    Form,
    Guidance,
    Heard,
    Items,
    Paragraph,
    Section,
    Space,
    Table,
)

_BLANKS = {Space.INITIALS: BLANK[:8], Space.SHORT: BLANK, Space.LONG: BLANK * 2, Space.LINE: BLANK * 4}


def as_markdown(document: Document) -> str:
    """Return a script as Markdown."""
    return "\n".join(_document(document))


def _document(document: Document) -> Iterator[str]:
    yield from (f"# {escape(document.title)}", "", first(document.subtitle), "")
    for block in document.blocks:
        yield from _block(block)
    for section in document.sections:
        yield from _section(section, 2)


def _section(section: Section, depth: int) -> Iterator[str]:
    aside = f" ({escape(section.aside)})" if section.aside else ""
    yield from (f"{'#' * depth} {escape(section.title)}{aside}", "")
    for block in section.blocks:
        yield from _block(block)
    for below in section.sections:
        yield from _section(below, depth + 1)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield from (first(block.text), "")
        case Items():
            yield from (*(f"- {first(text)}" for text in block.texts), "")
        case Facts():
            yield from table(("", ""), block.rows)
        case Table():
            yield from table([escape(name) for name in block.header], block.rows)
        case Digest():
            yield from _digest(block.hex)
        case Guidance():
            yield from (*(_cue(cue, text) for cue, text in block.lines), "")
        case Form():
            yield from (" ".join(_form(block)), "")
        case Heard():
            yield from table(("Group", "Four words, as heard"), ((str(number), "") for number in range(1, block.groups + 1)))
        case _:
            pass  # empty lines are for paper


def _digest(digest: str) -> Iterator[str]:
    spoken = words.words(digest)
    yield from ("```text", f"sha256 {digest}", "")
    for at in range(0, len(spoken), 4):
        yield f"{at // 4 + 1}  {digest[2 * at : 2 * at + 8]}  {' '.join(spoken[at : at + 4])}"
    yield from ("```", "")


def _cue(cue: Cue, text: str) -> str:
    return f"- **{escape(text)}**" if cue is Cue.BUT else f"- **{cue}:** {escape(text)}"


def _form(form: Form) -> Iterator[str]:
    if form.label:
        yield f"{escape(form.label)}:"
    for choice in form.choices:
        yield f"☐ {escape(choice.text)}" + (" ____" if choice.numbered else "")
    for field in form.fields:
        yield (f"{escape(field.label)}: " if field.label else "") + _BLANKS[field.space]
