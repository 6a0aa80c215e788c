# SPDX-License-Identifier: Apache-2.0
"""How a ceremony ended, in words: what the last screen says, and the lines that stay on the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from ceremony.core.ports import Deviation, Summary
from ceremony.errors import CeremonyError, ExitCode, Stopped
from ceremony.tui.messages import Outcome
from ceremony.tui.modals.end import Ending, EndModal
from ceremony.tui.text import visible_lines

_TITLES = {
    ExitCode.DONE: "The ceremony is done",
    ExitCode.INCOMPLETE: "The ceremony is not complete; it can be resumed",
}
_UNSIGNED = "The ceremony is closed, and its quorum has not signed yet"

CLOSED = "The log is closed; everything is written, checked and copied, and the quorum signed the final head."
CLOSED_UNSIGNED = (
    "The log is closed; everything is written, checked and copied. The quorum has not signed the final head yet: until it has,"
    " the ceremony counts as incomplete. Who is missing signs when it is resumed, `ceremony resume DIR`, or on a machine of"
    " their own: `ceremony cosign DIR --key KEY`."
)
RESUME = (
    "To resume: `ceremony resume DIR`, where DIR is the ceremony folder. What was recorded stays, and what is done is not"
    " done a second time."
)


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


def title(outcome: Outcome, summary: Summary | None = None) -> str:
    """Return how it ended, as a heading."""
    if outcome.error is None and summary is not None and not summary.quorum_met:
        return _UNSIGNED
    return _TITLES.get(outcome.code, "The ceremony has failed")


def ending_panel(outcome: Outcome, facts: Facts, summary: Summary | None = None) -> EndModal:
    """Return the modal that is shown at the end; `summary` is what a ceremony that was closed leaves."""
    text, hint = _reason(outcome)
    if not text and summary is not None:
        text = CLOSED if summary.quorum_met else CLOSED_UNSIGNED
    resume = RESUME if summary is None and outcome.code != ExitCode.DONE and facts.records else ""
    return EndModal(
        Ending(
            title=title(outcome, summary),
            text=text,
            hint="" if resume and isinstance(outcome.error, Stopped) else hint,
            resume=resume,
            rows=(*_seen(facts), *(_left(summary) if summary is not None else ())),
            failed=outcome.error is not None,
            summary=summary,
        )
    )


def last_words(outcome: Outcome, summary: Summary | None = None) -> str:
    """Return what stays on the terminal once the screen is gone; nothing for an error that is raised again."""
    if outcome.unexpected is not None:
        return ""
    left = (f"Ceremony folder: {summary.folder}", f"Final head: sha256:{summary.digest}") if summary is not None else ()
    lines = (f"{title(outcome, summary)}.", *_reason(outcome), *left)
    return "\n".join(visible_lines(line) for line in lines if line)


def _seen(facts: Facts) -> tuple[tuple[str, str], ...]:
    lost = (("Too late", f"Noted too late for the log, write it on paper: {deviation.happened}") for deviation in facts.lost)
    return (
        ("Steps", f"{facts.done} of {facts.steps} done in this sitting"),
        ("Records", f"{facts.records:,} written in this sitting"),
        *lost,
    )


def _left(summary: Summary) -> tuple[tuple[str, str], ...]:
    return (
        ("Quorum", "met" if summary.quorum_met else "NOT met yet"),
        ("Signed by", ", ".join(summary.signed) or "nobody yet"),
        ("Folder", summary.folder),
        ("Copies", "\n".join(summary.copies) or "none"),
        ("Final head", f"{summary.head}: its words are on the next page"),
    )


def _reason(outcome: Outcome) -> tuple[str, str]:
    error = outcome.error
    if error is None:
        return "", ""
    if isinstance(error, CeremonyError):
        return error.message, error.hint
    kind = type(error).__name__
    return f"Something unexpected happened: {kind}: {error}", "nothing that was recorded is lost; go on with `ceremony resume`"
