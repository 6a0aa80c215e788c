# SPDX-License-Identifier: Apache-2.0
"""Whom a question is for, in words: roles and custodians with their article, names as they are; what of a step cannot be undone."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from ceremony.core.ports import Prompt
from ceremony.core.step_words import STEPS
from ceremony.tui.modals.confirm import ConfirmModal
from ceremony.tui.who import at_its_beginning, in_a_sentence
from ceremony.tui.widgets.step import DANGER, StepPanel
from tests.tui.stage import on_stage, screen_text

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("who", "within", "first"),
    [
        ("custodian of its PIN", "the custodian of its PIN", "The custodian of its PIN"),
        ("custodian of its management key", "the custodian of its management key", "The custodian of its management key"),
        ("operator", "the operator", "The operator"),
        ("security-officer", "the security-officer", "The security-officer"),
        ("everybody", "everybody", "everybody"),
        ("de Boer", "de Boer", "de Boer"),
        ("", "", ""),
    ],
)
def test_roles_and_custodians_have_an_article_and_names_have_none(who, within, first):
    assert (in_a_sentence(who), at_its_beginning(who)) == (within, first)


@pytest.mark.parametrize(("who", "said"), [("custodian of its PIN", "For the custodian of its PIN"), ("Ada", "For Ada")])
async def test_a_question_says_whom_it_is_for(who: str, said: str) -> None:
    async with on_stage(lambda o: o.confirm(Prompt("pin:root-a", "PIN of root-a", who=who))) as show:
        await show.modal(ConfirmModal)
        assert said in show.text()
        await show.press("y")
        await show.outcome()


class Paper(App[None]):
    """The step in hand, and nothing else."""

    def compose(self) -> ComposeResult:
        """The step."""
        yield StepPanel()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prepare", "What is done to a YubiKey in this step cannot be undone; a PKCS#11 token is only looked at."),
        ("root-keys", DANGER),
        ("tokens", ""),
    ],
)
async def test_a_step_says_what_of_it_cannot_be_undone(name: str, said: str) -> None:
    paper = Paper()
    async with paper.run_test(size=(60, 24)) as pilot:
        paper.query_one(StepPanel).show(STEPS[name])
        await pilot.pause()
        text = " ".join(screen_text(paper).replace("│", " ").split())
        assert (said in text, "cannot be undone" in text) == (True, bool(said))
