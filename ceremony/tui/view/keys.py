# SPDX-License-Identifier: Apache-2.0
"""The keys that a ceremony made or names, from its inventory; before there is one, the root keys that the log tells of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from ceremony.core import canonical
from ceremony.core.chronicle import State
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.errors import VerificationError
from ceremony.tui.text import visible_lines
from ceremony.tui.view.tables import Page, Table, facts_text, heading, row
from ceremony.tui.widgets.columns import Column

INVENTORY = "evidence/inventory.json"

_COLUMNS = (
    Column("Role", 8),
    Column("Token or repository", 20, share=2),
    Column("Algorithm", 11),
    Column("Made", 12),
    Column("SHA-256 of the public key", 16, share=3),
)


@dataclass(frozen=True, slots=True)
class _Key:
    role: str
    name: str
    made: str
    facts: Facts
    attested: str = ""
    """Whether an attestation shows where a root key was made, in words; empty for the others."""


def keys(inventory: bytes | None, state: State) -> Table:
    """Return one row a key; `inventory` is the file's bytes, None when it cannot be read or is not there."""
    listed, where = _listed(inventory, state)
    return Table(
        f"Keys, {len(listed):,} {where}",
        _COLUMNS,
        [
            row(key.role, key.name, key.facts.text("algorithm"), key.made, key.facts.text("public_sha256"), more=_searched(key))
            for key in listed
        ],
        lambda number: facts_text(_lines(listed[number])[1:5]),
        lambda number: _page(listed[number]),
    )


def _listed(inventory: bytes | None, state: State) -> tuple[list[_Key], str]:
    if inventory is None:
        return list(_from_log(state)), f"told by the log; there is no {INVENTORY} yet"
    try:
        found = facts(canonical.parse_loose(inventory, INVENTORY))
    except VerificationError:
        return list(_from_log(state)), f"told by the log; {INVENTORY} cannot be read"
    return [*_roots(found, state), *_repositories(found)], f"in {INVENTORY}"


def _from_log(state: State) -> Iterator[_Key]:
    for serial, digest in state.roots.items():
        name = f"{state.names.get(serial, '')} {serial}".strip()
        yield _Key("root", name, "on its token", facts({"public_sha256": digest}))


def _roots(found: Facts, state: State) -> Iterator[_Key]:
    for item in found.items("root_keys"):
        key = facts(item)
        serial = key.inner("device").text("serial")
        name = f"{state.names.get(serial, '')} {serial}".strip()
        yield _Key(key.text("role"), name, _made(key.inner("settings")), key, _attested(key.inner("settings")))


def _made(settings: Facts) -> str:
    if settings.text("made") == "on the host":
        return "on the host"
    return "on its token" if settings.flag("attested") or settings.inner("attributes").flag("local") else "elsewhere"


def _attested(settings: Facts) -> str:
    if not settings.flag("attested"):
        return "no"
    whose = "" if settings.flag("pinned") else ", by an authority that is not Yubico's"
    return f"yes, in slot {settings.text('slot')}, firmware {settings.text('firmware')}{whose}"


def _repositories(found: Facts) -> Iterator[_Key]:
    listed = found.inner("repository_keys")
    for name in listed:
        key = listed.inner(name)
        yield _Key(key.text("role"), name, "here" if key.flag("made_here") else "by its team", key)


def _searched(key: _Key) -> str:
    return f"{key.facts.text('id')} {key.facts.inner('settings').text('custody')}"


def _lines(key: _Key) -> list[tuple[str, str]]:
    lines = [
        ("Role", key.role),
        ("Of", key.name),
        ("Public key", key.facts.text("public_sha256")),
        ("Key id", key.facts.text("id")),
        ("Custody", key.facts.inner("settings").text("custody")),
        ("Attested", key.attested),
        ("Made", key.made),
        ("Algorithm", key.facts.text("algorithm")),
    ]
    return [(label, value) for label, value in lines if value]


def _page(key: _Key) -> Page:
    pretty = json.dumps(dict(key.facts.value), indent=2, ensure_ascii=False)
    text = "\n".join([facts_text(_lines(key)), "", heading("As the inventory has it"), visible_lines(pretty)])
    return Page(f"{key.role} key of {key.name}", text)
