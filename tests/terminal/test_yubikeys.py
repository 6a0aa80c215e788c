# SPDX-License-Identifier: Apache-2.0
"""A genesis on virtual YubiKeys behind a real pcscd, typed: prepared in the room, touched, pulled while it signs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.yubikey import Authority, VirtualYubiKey, When
from tests.peers.pcscd import SmartCards
from tests.peers.program import command, environment
from tests.peers.terminal import Terminal
from tests.terminal.conftest import Audit, ChangedPlan, Records
from tests.terminal.person import Person, not_on_a_console, title

SERIALS = (20461001, 20461002)
GENERAL_AUTHENTICATE = 0x87


AUTHORITY = Authority()


@pytest.fixture
def room() -> Iterator[SmartCards]:
    with SmartCards(*(VirtualYubiKey(serial, authority=AUTHORITY) for serial in SERIALS)) as cards:
        yield cards


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "authorities.pem").write_bytes(AUTHORITY.pem)
    tokens = "".join(f'[tokens.root-{n}]\nyubikey = {serial}\nslot = "9c"\n' for n, serial in zip("ab", SERIALS, strict=True))
    path = tmp_path / "site.toml"
    path.write_text(f'yubico-roots = "authorities.pem"\n{tokens}')
    return path


def test_a_genesis_on_yubikeys_is_typed_touched_and_survives_a_pulled_card(
    room: SmartCards, site: Path, plan: ChangedPlan, root: Path, records: Records, audit: Audit
) -> None:
    path = plan('tokens = ["root-a", "root-b", "root-c"]', 'tokens = ["root-a", "root-b"]')
    path.write_text(path.read_text().replace("threshold = 2", "threshold = 1").replace('"token-wrapped"', '"token-only"', 1))
    for serial in SERIALS:
        room.finger(serial, "asked")
    run = room.command(
        *command("rehearse", path, "--site", site, "--out", root, light=True), env={"PYTHONPATH": environment()["PYTHONPATH"]}
    )
    with Terminal(run=run, term="linux") as terminal:
        terminal.until("PRACTICE")
        person = Person(terminal, root)
        person.walk("Make the root key on root-a")
        person.types_word("Make the root key on root-a")
        for token, serial in zip(("root-a", "root-b"), SERIALS, strict=True):
            room.asks(serial)
            terminal.until(f"TOUCH {token}, serial {serial} NOW")
            room.touch(serial)
            room.finger(serial, "on")
            person.walk(f"Root key of {token}")
            person.compares(f"Root key of {token}")
            if token == "root-a":
                person.walk("Make the root key on root-b")
                person.types_word("Make the root key on root-b")
        person.walk("Sign: is it so|What will be signed")
        room.fault(SERIALS[1], GENERAL_AUTHENTICATE, When.BEFORE, nth=3)
        person.reviews("What will be signed")
        assert str(SERIALS[1]) in person.walk("Error")
        room.put(SERIALS[1])
        person.agrees(title(terminal.screen()))
        assert "The ceremony is done" in person.walk()
        terminal.keys("Enter")
        assert terminal.ended() == 0
    assert audit() == 0
    assert not_on_a_console(person.terminal.screens) == set()
    assert [record["body"]["pinned"] for record in records("attested")] == [False, False]
    assert len(records("error")) == 1
