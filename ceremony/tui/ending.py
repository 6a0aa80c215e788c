# SPDX-License-Identifier: Apache-2.0
"""How a ceremony ended, in words: the last panel, and the line that stays on the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from ceremony.core.ports import Deviation
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui.messages import Outcome
from ceremony.tui.modals.panel import PanelModal

_TITLES = {
    ExitCode.DONE: "The ceremony is done",
    ExitCode.INCOMPLETE: "The ceremony is not complete; it can be resumed",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the screen saw of the ceremony."""

    done: int
    """Steps done or skipped in this sitting."""
    steps: int
    records: int
    """Records written in this sitting."""
    lost: tuple[Deviation, ...] = ()
    """Deviations that were noted after the last record."""


def title(outcome: Outcome) -> str:
    """Return how it ended, as a heading."""
    return _TITLES.get(outcome.code, "The ceremony has failed")


def ending_panel(outcome: Outcome, facts: Facts) -> PanelModal:
    """Return the panel that is shown at the end."""
    text, hint = _reason(outcome)
    lines = [
        *([text, ""] if text else []),
        f"Steps done in this sitting: {facts.done} of {facts.steps}",
        f"Records written in this sitting: {facts.records:,}",
        *(f"Noted too late for the log, write it on paper: {deviation.happened}" for deviation in facts.lost),
    ]
    return PanelModal(title(outcome), "\n".join(lines), hint=hint, failed=outcome.error is not None)


def last_words(outcome: Outcome) -> str:
    """Return what stays on the terminal once the screen is gone; nothing for an error that is raised again."""
    if outcome.unexpected is not None:
        return ""
    text, hint = _reason(outcome)
    return "\n".join(line for line in (f"{title(outcome)}.", text, hint) if line)


def _reason(outcome: Outcome) -> tuple[str, str]:
    error = outcome.error
    if error is None:
        return "", ""
    if isinstance(error, CeremonyError):
        return error.message, error.hint
    kind = type(error).__name__
    return f"Something unexpected happened: {kind}: {error}", "nothing that was recorded is lost; go on with `ceremony resume`"
