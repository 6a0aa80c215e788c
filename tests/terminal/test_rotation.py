# SPDX-License-Identifier: Apache-2.0
"""The example of a rotation, typed from the first screen to the last: the impact is read, a suspect tag struck out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ceremony.cli.plan_files import EXAMPLE
from tests.terminal.conftest import Audit, Begin
from tests.terminal.person import Person

ROTATION = EXAMPLE.parent / "rotation.toml"


def strikes_first(person: Person) -> Callable[[str], None]:
    """Return the reaction that strikes out the first of the suspect tags."""

    def strike(asked: str) -> None:
        person.terminal.keys("Escape")
        person.terminal.until(lambda screen: "┃ none " not in screen)
        person.terminal.type("1")
        person.terminal.until("┃ 1 ")
        person.agrees(asked)

    return strike


@pytest.mark.parametrize("size", [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40")])
def test_a_rotation_is_typed_from_the_first_screen_to_the_last(
    begin: Begin, audit: Audit, records: Callable[[str], list[dict[str, Any]]], root: Path, size: tuple[int, int]
) -> None:
    with begin(ROTATION, term="xterm-256color", size=size) as person:
        person.instead("Which of these tags go?", strikes_first(person))
        impact = person.walk("Whom the stolen keys touch")
        assert "practice.invalid/app" in impact
        assert "The ceremony is done" in person.walk()
        person.terminal.keys("Enter")
        assert person.terminal.ended() == 0
    assert audit() == 0
    (found,) = records("impact")
    assert found["body"]["struck"] == 1
