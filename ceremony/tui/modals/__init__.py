# SPDX-License-Identifier: Apache-2.0
"""Questions on the screen: each is a modal whose only output is the value that it is dismissed with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ceremony.tui.messages import (
    AskSecret,
    AskText,
    Await,
    Choose,
    Compare,
    Confirm,
    Question,
    Review,
    ShowSecret,
    Study,
)
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.modals.choose import ChooseModal
from ceremony.tui.modals.compare import CompareModal
from ceremony.tui.modals.confirm import confirm_modal
from ceremony.tui.modals.review import ReviewModal
from ceremony.tui.modals.secret import SecretModal
from ceremony.tui.modals.show_secret import ShowSecretModal
from ceremony.tui.modals.study import StudyModal
from ceremony.tui.modals.text import TextModal
from ceremony.tui.modals.wait import AwaitModal

_MODALS: Mapping[type[Question[Any]], Callable[[Any], QuestionModal[Any]]] = {
    AskText: TextModal,
    AskSecret: SecretModal,
    ShowSecret: ShowSecretModal,
    Choose: ChooseModal,
    Confirm: confirm_modal,
    Compare: CompareModal,
    Review: ReviewModal,
    Study: StudyModal,
    Await: AwaitModal,
}


def modal_for(question: Question[Any]) -> QuestionModal[Any]:
    """Return the modal that puts `question`."""
    return _MODALS[type(question)](question)
