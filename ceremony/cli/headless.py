# SPDX-License-Identifier: Apache-2.0
"""The headless operator: answers every question of a rehearsal itself and prints the steps as they pass.

Practice only. It knows what the rehearsal's people know (PINs, and what was shown
to them), agrees, types the words, never tries a secret twice and never wipes a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

import click

from ceremony.core import words
from ceremony.core.ports import Deviation, Differences, Found, Listing, Option, Prompt, Summary
from ceremony.core.procedure import StepInfo
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from ceremony.tui.text import visible

FIRST = 20
"""Changes or rows that are printed; more are counted."""
_REFUSALS = ("retry:", "last-try:", "unblock:", "wipe:")
"""How the keys of questions begin that spend a try or destroy something."""


class HeadlessOperator:
    """`Operator` and `Watcher` without people; `secrets` is key → what the rehearsal's people know."""

    def __init__(self, secrets: Mapping[str, Secret], steps: Sequence[StepInfo]) -> None:
        self._secrets = secrets
        self._titles = {info.name: info.title for info in steps}
        self._numbers = {info.name: number for number, info in enumerate(steps, 1)}

    def tell(self, text: str) -> None:
        """Print it."""
        _say(f"    {text}")

    def ask(self, prompt: Prompt, default: str = "") -> str:
        """Take the default."""
        _say(f"    {prompt.title}: {default}")
        return default

    def ask_secret(self, prompt: Prompt, retries_left: int | None = None) -> Secret:  # noqa: ARG002 - the port's signature
        """Give what the rehearsal knows; raises CeremonyError for what it does not."""
        if prompt.key not in self._secrets:
            raise CeremonyError(
                f"this rehearsal cannot answer {prompt.title!r} by itself", hint="leave --auto away: a person must type it"
            )
        return Secret(self._secrets[prompt.key].reveal())

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:  # noqa: ARG002 - never printed
        """Say that it was shown; whoever wraps this operator has kept it."""
        _say(f"    {prompt.title}: shown to {prompt.who}")

    def choose(
        self,
        prompt: Prompt,
        options: Sequence[Option],
        now: Callable[[], Sequence[Option]] | None = None,  # noqa: ARG002 - it takes what is there
    ) -> str:
        """Take the first option; after an error, stop."""
        chosen = options[-1] if prompt.key.startswith("error:") else options[0]
        _say(f"    {prompt.title} {chosen.label}")
        return chosen.key

    def confirm(self, prompt: Prompt, word: str = "") -> bool:
        """Agree; but never to try a secret again, nor to wipe a token."""
        agreed = not prompt.key.startswith(_REFUSALS)
        _say(f"    {prompt.title}: {word or 'yes' if agreed else 'no'}")
        return agreed

    def compare(self, prompt: Prompt, digest: str, people: tuple[str, str]) -> bool:  # noqa: ARG002 - nobody reads
        """Print the digest as people would hear it."""
        _say(f"    {prompt.title}: {' '.join(words.words(digest)[:4])} ...")
        return True

    def review(self, prompt: Prompt, differences: Differences) -> bool:
        """Print the changes, exceptions first."""
        _say(f"    {prompt.title}: {prompt.detail}")
        for group in differences.groups[:FIRST]:
            change, number = group.change, len(group.members)
            where = change.repository if number == 1 else f"{number} repositories"
            _say(f"      {where}  {change.role} {change.field}: {change.after or 'removed'}")
        if len(differences.groups) > FIRST:
            _say(f"      and {len(differences.groups) - FIRST} more")
        return True

    def study(self, prompt: Prompt, listing: Listing) -> bool:
        """Print how many rows there are, and the first of them."""
        number = len(listing.rows)
        _say(f"    {prompt.title}: {number:,} {'row' if number == 1 else 'rows'}")
        for row in listing.rows[:FIRST]:
            _say(f"      {'  '.join(visible(cell) for cell in row if cell)}")
        if number > FIRST:
            _say(f"      and {number - FIRST:,} more")
        return True

    def until(
        self,
        prompt: Prompt,  # noqa: ARG002 - nobody is asked
        look: Callable[[], Found | None],
        now: Callable[[], Sequence[Option]] | None = None,  # noqa: ARG002 - and nobody is shown anything
    ) -> Found | None:
        """Look once: nobody is there to put anything in."""
        return look()

    @contextmanager
    def waiting(self, what: str, seconds: int = 0) -> Iterator[None]:
        """Wait; say so where a token may wait for a finger."""
        if seconds:
            _say(f"    touch {what}, if it blinks")
        yield

    def lend(self, what: str) -> AbstractContextManager[None]:
        """Raise CeremonyError: there is nobody for a program to speak with."""
        raise CeremonyError(f"nobody is there: {what}", hint="leave --auto away: a person must be at the keyboard")

    def progress(self, what: str, done: int, total: int) -> None:
        """Print the end of long work."""
        if done == total:
            _say(f"    {what}: {done}")

    def deviations(self) -> Sequence[Deviation]:
        """Return none: nobody notes any."""
        return ()

    def step(self, name: str, state: str) -> None:
        """Print a step as it begins, and when it failed."""
        if state == "running":
            _say(f"[{self._numbers.get(name, 0):>2}/{len(self._numbers)}] {self._titles.get(name, name)}")
        elif state == "failed":
            _say(f"    {name} failed")

    def recorded(self, line: bytes) -> None:
        """Let the log speak for itself."""

    def closed(self, summary: Summary) -> None:
        """Print who signed, and what is left to do."""
        _say(f"    signed by {', '.join(summary.signed) or 'nobody'}")
        for errand in summary.errands:
            for task in errand.tasks:
                _say(f"    {errand.person}: {task}")


def _say(text: str) -> None:
    click.echo(text, err=True)
