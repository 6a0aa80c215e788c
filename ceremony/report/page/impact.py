# SPDX-License-Identifier: Apache-2.0
"""Of a rotation, whom the stolen keys touch: each key, each repository, the tags that were struck out, and what has to be done."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from ceremony.core.chronicle import sentence
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import IMPACT, Material
from ceremony.report.page.parts import code, counted, more, note, record, section, table

_MOST, _TAGS = 100, 8


def impact(m: Material) -> Element | None:
    """Return the section; None for a ceremony in which no key was stolen."""
    found = m.json(IMPACT)
    if not len(found) and m.seq("impact") is None:
        return None
    keys, repositories = found.items("keys"), found.items("repositories")
    return section(
        "impact",
        "Stolen keys",
        _reason(m),
        _keys(found),
        more(_MOST, len(keys), IMPACT),
        el("h3", "Whom they touch"),
        table(
            ("Repository", "Can sign for", "Tags that the key set", "To know and to do"),
            [_repository(facts(one)) for one in repositories[:_MOST]],
            class_="impact",
        ),
        more(_MOST, len(repositories), IMPACT),
        _struck(m),
        _broken(found),
    )


def _reason(m: Material) -> Node:
    stolen = m.plan.change.compromised if m.plan and m.plan.change else None
    last_good = (
        f" The last good version or time is given as {stolen.last_good}." if stolen and stolen.last_good is not None else ""
    )
    told = m.latest.get(("impact", ""))
    return [
        el("p", f"The plan says why: {stolen.reason}.{last_good}") if stolen else None,
        el("p", f"{sentence(told.as_json())}. ", record(told.seq)) if told else None,
    ]


def _keys(found: Facts) -> Element:
    rows: list[tuple[Node, ...]] = []
    for item in found.items("keys")[:_MOST]:
        key = facts(item)
        ids = key.texts("key_ids")
        signs = f"{', '.join(key.texts('roles')[:12])} of {counted(key.count('repositories'), 'repository', 'repositories')}"
        before = len(key.items("signed_before"))
        past = f"; it signed {counted(before, 'earlier file')}" if before else ""
        rows.append(
            (
                [el("div", code(key.text("name"))), [el("div", "id ", code(one)) for one in ids[:3] if one != key.text("name")]],
                (signs if key.flag("signs") else "nothing that is published") + past,
            )
        )
    return table(("Stolen key", "Can sign for"), rows, class_="stolen")


def _repository(one: Facts) -> tuple[Node, ...]:
    tags = [facts(tag) for tag in one.items("tags")]
    suspect = [tag for tag in tags if tag.flag("suspect")]
    named = ", ".join(tag.text("tag") for tag in suspect[:_TAGS]) + (
        f" and {len(suspect) - _TAGS:,} more" if len(suspect) > _TAGS else ""
    )
    counts = f"{len(tags):,}, {len(suspect):,} of them suspect" + (f": {named}" if suspect else "") if tags else "none"
    return one.text("repository"), list(_places(one)), counts, list(_advice(one))


def _places(one: Facts) -> Iterator[Node]:
    for item in one.items("places")[:_TAGS]:
        place = facts(item)
        signer = f", signer {place.text('signer')}" if place.text("signer") else ""
        alone = ", which has no other key" if place.flag("only_key") else ""
        yield el("div", f"{place.text('role')}{signer}{alone}")


def _advice(one: Facts) -> Iterator[Node]:
    for item in one.items("advice")[:_TAGS]:
        said = facts(item)
        yield el("p", said.text("words"), "" if said.flag("here") else el("em", " Outside this ceremony."))


def _struck(m: Material) -> Node:
    path = m.made("impact").text("struck")
    struck = m.json(path) if path else Facts({})
    if not len(struck):
        return note("No tag was struck out.")
    rows = [(name, _tags(struck, name)) for name in list(struck)[:_MOST]]
    return [el("h3", "Tags that were struck out"), table(("Repository", "Tags"), rows), more(_MOST, len(struck), path)]


def _tags(struck: Facts, name: str) -> str:
    tags = struck.texts(name)
    left = len(tags) - _MOST
    return ", ".join(_tag(tag) for tag in tags[:_MOST]) + (f" and {left:,} more" if left > 0 else "")


def _tag(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return text


def _broken(found: Facts) -> Node:
    broken = found.items("broken")
    if not broken:
        return None
    rows = [(facts(one).text("repository"), facts(one).text("why")) for one in broken[:_MOST]]
    return [el("h3", "Could not be read"), table(("Repository", "Why"), rows), more(_MOST, len(broken), IMPACT)]
