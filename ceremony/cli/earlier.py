# SPDX-License-Identifier: Apache-2.0
"""`rehearse --after DIR`: what a rehearsal takes over from an earlier one, which is copied and never changed.

A recovery takes its volumes, one of which is enough, what its people wrote down, and their
throw-away keys; the tokens are fresh, as after a loss. A renewal or a rotation takes its
tokens with their PINs, its volumes, which become the new ones, and all of its people.
What it published is read by `practice_after`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ceremony.cli.practice import PracticeSecrets, Rehearsal, load
from ceremony.core import keys
from ceremony.core.bundle import LOG, ROOT_CERTIFICATES, SITE, folder
from ceremony.core.keys import PublicKey
from ceremony.core.old_ceremony import root_certificates
from ceremony.core.plan import Kind, Plan, Site, SiteToken
from ceremony.core.plan_reader import read_site
from ceremony.core.secret import Secret
from ceremony.core.trusted_keys import TrustedKeys, trusted_keys
from ceremony.devices import softhsm
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps import resuming
from ceremony.steps.open_backup import PREFIX
from ceremony.volumes.store import FolderStore

_WRITTEN_DOWN = ("passphrase", "share:")
_HINT = "name the folder of a rehearsal, with everything that it left"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A rehearsal that was held before."""

    rehearsal: Rehearsal
    known: PracticeSecrets

    def answers(self, plan: Plan, site: Site | None) -> dict[str, Secret]:
        """Return what its people know, by the questions that ask for it now.

        In a recovery what they wrote down; else the PINs of its tokens, and never those of another token of that name.
        """
        if plan.kind is Kind.RECOVERY:
            return {f"{PREFIX}{key}": secret for key, secret in self._known(lambda key: key.startswith(_WRITTEN_DOWN))}
        names = self._tokens(site)
        return dict(self._known(lambda key: key.rpartition(":")[2] in names and not key.startswith(_WRITTEN_DOWN)))

    def _known(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Secret]]:
        return ((key, Secret(secret.reveal())) for key, secret in self.known.answers.items() if wanted(key))

    def _tokens(self, site: Site | None) -> set[str]:
        """Return the names of those of its tokens that are there again: copies of all, or the same hardware."""
        if site is None:
            return {key.removeprefix("pin:") for key in self.known.answers if key.startswith("pin:")}
        try:
            there = read_site((self.rehearsal.ceremony / SITE).read_bytes()).tokens
        except OSError as error:
            raise CeremonyError(f"{self.rehearsal.ceremony} cannot be read: {error.strerror}", hint=_HINT) from error
        return {name for name, token in site.tokens.items() if there.get(name) == token}

    def copy_volumes(self, to: Rehearsal, plan: Plan) -> None:
        """Copy those of its volumes that are there, synced; raises CeremonyError for no room.

        In a recovery they are the old ones, and one must be there; else they are the new ones, beside an empty one for
        one that is gone.
        """
        media, recovers = self.rehearsal.media(), plan.kind is Kind.RECOVERY
        there = [role for role in ("a", "b") if media[role].is_dir()]
        if recovers and not there:
            raise CeremonyError(f"{self.rehearsal.root} has no volume left", hint="a recovery needs one of the two")
        place = to.root / "old" if recovers else to.root / "volumes"
        with _copying(f"the volumes of {self.rehearsal.root}"):
            for role in there:
                own = self._own_backup(media[role]) if recovers else ""
                shutil.copytree(media[role] / own, place / role / own, symlinks=True, dirs_exist_ok=True)
            _sync(place)

    def _own_backup(self, volume: Path) -> str:
        """Return the folder on a volume with its own backup of root keys; empty when none is there.

        A volume may hold those of the rehearsals before it too, whose secrets its people do not know.
        """
        found = {path.parent.parent.name for path in volume.glob("ceremony-*/private/root-*.age")}
        log = self.rehearsal.ceremony / LOG
        own = folder(resuming.read_log(FolderStore(log.parent)).records[0].ceremony) if len(found) > 1 and log.is_file() else ""
        return own if own in found else ""

    def copy_tokens(self, to: Rehearsal, wanted: Sequence[str]) -> Mapping[str, SiteToken]:
        """Copy its tokens, synced, and return how a site names them; raises CeremonyError when one that is wanted is not there."""
        if not self.rehearsal.tokens.is_dir():
            raise CeremonyError(
                f"{self.rehearsal.root} has no throw-away tokens, and the plan signs with {', '.join(wanted)}",
                hint="name a rehearsal that has them; or --site, where its tokens are hardware",
            )
        with _copying(f"the tokens of {self.rehearsal.root}"):
            shutil.copytree(self.rehearsal.tokens, to.tokens)
            _sync(to.tokens)
        found = softhsm.existing(to.tokens)
        for name in wanted:
            if name not in found or f"pin:{name}" not in self.known.answers:
                raise CeremonyError(
                    f"{self.rehearsal.root} has no token {name}, and the plan signs with it",
                    hint=f"its tokens are {', '.join(found)}: name some of them in the plan's root.tokens",
                )
        return found

    def roots(self) -> Mapping[str, bytes]:
        """Return the public halves of its root keys (file name → PEM)."""
        found = sorted(self.rehearsal.ceremony.glob("evidence/tokens/*/public.pem"))
        try:
            return {f"{path.parent.name}.pem": path.read_bytes() for path in found}
        except OSError as error:
            raise CeremonyError(f"{self.rehearsal.ceremony} cannot be read: {error.strerror}", hint=_HINT) from error

    def certificates(self) -> Sequence[str]:
        """Return the certificates of its root keys, PEM."""
        place = self.rehearsal.ceremony
        paths = [*place.glob("bundle/keys/*.pem"), *place.glob(f"{ROOT_CERTIFICATES}*.pem")]
        try:
            return root_certificates((path.relative_to(place).as_posix(), path.read_bytes()) for path in sorted(paths))
        except OSError as error:
            raise CeremonyError(f"{place} cannot be read: {error.strerror}", hint=_HINT) from error

    def substitutions(self, plan: Plan) -> tuple[str, ...]:
        """Return what stands in for the real thing, as records say it."""
        if plan.kind is Kind.RECOVERY:
            return ("copies of the volumes of an earlier rehearsal for the old volumes",)
        return ("copies of the volumes of an earlier rehearsal for the volumes",)


def earlier(path: Path | None, plan: Plan) -> Earlier | None:
    """Return the rehearsal that was named; raises CeremonyError for what is none, and when a plan needs one or takes none."""
    if path is None:
        if plan.kind is Kind.RECOVERY:
            raise CeremonyError(
                "a recovery is rehearsed after a rehearsal whose volumes it opens, and none was named",
                hint="hold `ceremony rehearse` first, then name its folder with --after",
            )
        return None
    if plan.kind is Kind.GENESIS:
        raise CeremonyError(f"--after is not for a {plan.kind}: it makes its own beginning", hint="leave --after away")
    rehearsal = Rehearsal(path)
    return Earlier(rehearsal, load(rehearsal.secrets))


def trusted_in_practice(
    files: Mapping[str, bytes], plan: Plan, before: Earlier | None
) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """Return the trusted root of a recovery (path → bytes), and what is recorded of it when it stands in for the plan's.

    Where the plan trusts none of the earlier rehearsal's root keys, as the plan of a production does, those stand in.
    Other kinds follow what is published: see `practice_after.trusted_after`.
    """
    if before is None or plan.kind is not Kind.RECOVERY:
        return files, ()
    own = before.roots()
    trusted = trusted_keys(plan, files)
    publics = [keys.from_pem(data) for data in own.values()]
    if not own or (trusted is not None and any(_names(trusted, public, before) for public in publics)):
        return files, ()
    return own, ("the root keys of the earlier rehearsal for the trusted root",)


def _names(trusted: TrustedKeys, public: PublicKey, before: Earlier) -> bool:
    try:
        trusted.check(public, before.certificates())
    except VerificationError:
        return False
    return True


@contextmanager
def _copying(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CeremonyError(f"{what} cannot be copied: {error.strerror or error}", hint="make room, then try again") from error


def _sync(place: Path) -> None:
    for path in (place, place.parent, *place.rglob("*")):
        if not path.is_symlink():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
