# SPDX-License-Identifier: Apache-2.0
"""`rehearse --after DIR`: what a rehearsal takes over from an earlier one, which is copied and never changed.

A recovery takes its volumes, one of which is enough, what its people wrote down, and their
throw-away keys; the tokens are fresh, as after a loss.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ceremony.cli.practice import PracticeSecrets, Rehearsal, load
from ceremony.core import keys
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Kind, Plan
from ceremony.core.secret import Secret
from ceremony.core.trusted_keys import TrustedKeys, trusted_keys
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.open_backup import PREFIX

_WRITTEN_DOWN = ("passphrase", "share:")
_HINT = "name the folder of a rehearsal, with everything that it left"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A rehearsal that was held before."""

    rehearsal: Rehearsal
    known: PracticeSecrets

    def answers(self) -> dict[str, Secret]:
        """Return what its people wrote down, by the questions that ask for it now."""
        return {
            f"{PREFIX}{key}": Secret(secret.reveal())
            for key, secret in self.known.answers.items()
            if key.startswith(_WRITTEN_DOWN)
        }

    def copy_volumes(self, to: Rehearsal) -> None:
        """Copy those of its volumes that are there, synced; raises CeremonyError when there is none, or no room."""
        media = self.rehearsal.media()
        there = [role for role in ("a", "b") if media[role].is_dir()]
        if not there:
            raise CeremonyError(f"{self.rehearsal.root} has no volume left", hint="a recovery needs one of the two")
        try:
            for role in there:
                shutil.copytree(media[role], to.root / "old" / role, symlinks=True)
            _sync(to.root / "old")
        except OSError as error:
            raise CeremonyError(
                f"the volumes of {self.rehearsal.root} cannot be copied: {error.strerror or error}",
                hint="make room, then try again",
            ) from error

    def roots(self) -> Mapping[str, bytes]:
        """Return the public halves of its root keys (file name → PEM)."""
        found = sorted(self.rehearsal.ceremony.glob("evidence/tokens/*/public.pem"))
        try:
            return {f"{path.parent.name}.pem": path.read_bytes() for path in found}
        except OSError as error:
            raise CeremonyError(f"{self.rehearsal.ceremony} cannot be read: {error.strerror}", hint=_HINT) from error

    def substitutions(self) -> tuple[str, ...]:
        """Return what stands in for the real thing, as records say it."""
        return ("copies of the volumes of an earlier rehearsal for the old volumes",)


def earlier(path: Path | None, plan: Plan) -> Earlier | None:
    """Return the rehearsal that was named; raises CeremonyError for what is none, and when a plan needs one or takes none."""
    if path is None:
        if plan.kind is Kind.RECOVERY:
            raise CeremonyError(
                "a recovery is rehearsed after a rehearsal whose volumes it opens, and none was named",
                hint="hold `ceremony rehearse` first, then name its folder with --after",
            )
        return None
    if plan.kind is not Kind.RECOVERY:
        raise CeremonyError(f"--after is not for a {plan.kind}: it makes its own beginning", hint="leave --after away")
    rehearsal = Rehearsal(path)
    return Earlier(rehearsal, load(rehearsal.secrets))


def trusted_in_practice(
    files: Mapping[str, bytes], plan: Plan, before: Earlier | None
) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """Return the trusted root of a rehearsal (path → bytes), and what is recorded of it when it stands in for the plan's.

    Where the plan trusts none of the earlier rehearsal's root keys, as the plan of a production does, those stand in.
    """
    if before is None:
        return files, ()
    own = before.roots()
    trusted = trusted_keys(plan, files)
    publics = [keys.from_pem(data) for data in own.values()]
    if not own or (trusted is not None and any(_names(trusted, public) for public in publics)):
        return files, ()
    return own, ("the root keys of the earlier rehearsal for the trusted root",)


def _names(trusted: TrustedKeys, public: PublicKey) -> bool:
    try:
        trusted.check(public)
    except VerificationError:
        return False
    return True


def _sync(folder: Path) -> None:
    for path in (folder, folder.parent, *folder.rglob("*")):
        if not path.is_symlink():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
