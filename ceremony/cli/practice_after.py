# SPDX-License-Identifier: Apache-2.0
"""What an earlier rehearsal left in public: what is published after it, and from what that is trusted.

Its request, with its bundle on top, is what a server would serve if the bundle had been
published. Where the request was made for practice, the keys of that server are kept, and
the next request can be made here. A repository that waits for its team stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.cli.practice_request import by_digest
from ceremony.cli.practice_server import Offer, PracticeServer, key_files, request_files
from ceremony.cli.practice_values import Subject, trusted_files
from ceremony.core import bundle
from ceremony.core.dialects import notary_sequel, sequel
from ceremony.core.plan import Plan
from ceremony.core.published.trusted import TrustedRoot, folders
from ceremony.core.published.values import Served
from ceremony.core.request import INDEX, check_file, check_names, parse_index
from ceremony.core.served import metadata_version
from ceremony.core.trusted_keys import trusted_keys
from ceremony.errors import CeremonyError, StorageError, VerificationError

_HINT = "name the folder of a rehearsal, with everything that it left"

Metadata = dict[str, Sequence[tuple[int, bytes]]]
"""Role → versions and bytes, ascending."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a finished rehearsal left in public."""

    name: str
    """Where it is, as messages name it."""
    request: Mapping[str, bytes]
    """Path in the request → bytes; empty where it had none."""
    made: Mapping[str, Mapping[str, bytes]]
    """Repository → role → bytes of the root and targets that it signed."""
    before: Mapping[str, bytes]
    """Path → bytes of what it trusted itself."""

    def trusted(self) -> dict[str, bytes]:
        """Return the trusted root (path → bytes) of whatever follows: what it signed, else what it trusted.

        A root without targets may wait for its team, so the one before it is trusted where there is one.
        """
        histories = self.histories()
        sure = {name: _for_sure(roles, histories.get(name, {})) for name, roles in self.made.items()}
        known = {**folders(self.before), **sure}
        return trusted_files(known) if known else dict(self.before)

    def histories(self) -> dict[str, Metadata]:
        """Return what its request says was published before: repository → role → versions and bytes, ascending."""
        if not self.request:
            return {}
        request = parse_index(self.request[INDEX])
        data = by_digest(request, self.request)
        return {
            name: {
                role: [(file.version, data[file.sha256]) for file in versions] for role, versions in repository.metadata.items()
            }
            for name, repository in request.repositories.items()
        }


def _for_sure(made: Mapping[str, bytes], history: Metadata) -> Mapping[str, bytes]:
    """Return what was published for sure of a repository that `made` was signed for."""
    return made if "targets" in made or not history else {role: history[role][-1][1] for role in ("root", "targets")}


def read_left(ceremony: Path) -> Left:
    """Return what a rehearsal's ceremony folder holds; raises CeremonyError for one that is not finished or not readable."""
    try:
        with open_folder(ceremony) as folder:
            if bundle.MANIFEST not in folder.sizes:
                raise CeremonyError(
                    f"{ceremony.parent} is not finished", hint="let it end first: ceremony resume, and the folder's name"
                )
            request = _below(folder, bundle.REQUEST)
            if request:
                _check(request)
            made = folders(_below(folder, "bundle/"))
            return Left(str(ceremony.parent), request, made, _below(folder, bundle.TRUSTED_ROOT))
    except StorageError as error:
        raise CeremonyError(error.message, hint=_HINT) from error


def _below(folder: FolderReader, place: str) -> dict[str, bytes]:
    return {path.removeprefix(place): folder.read(path) for path in folder.names() if path.startswith(place)}


def _check(files: Mapping[str, bytes]) -> None:
    request = parse_index(files[INDEX])
    check_names(request, files)
    for file in request.files().values():
        check_file(file, files[file.path])


def trusted_after(plan: Plan, files: Mapping[str, bytes], left: Left) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """Return the trusted root of a rehearsal (path → bytes), and what is recorded of it when it stands in for the plan's.

    Where the plan trusts none of the root keys of the earlier rehearsal, as the plan of a production does, its roots stand in.
    """
    own = left.trusted()
    if not own:
        return files, ()
    theirs, mine = trusted_keys(plan, files), trusted_keys(plan, own)
    if theirs and mine and (theirs.key_ids & mine.key_ids or theirs.fingerprints & mine.fingerprints):
        return files, ()
    return own, ("the roots of an earlier rehearsal for the trusted root",)


def after(left: Left, plan: Plan, trusted: Mapping[str, bytes], server: PracticeServer, now: datetime) -> Subject:
    """Return what a rehearsal without a request is held about after an earlier one; raises CeremonyError where that was a server's."""
    if not left.request:
        raise CeremonyError(
            f"{left.name} holds no request, so what is published after it is not known",
            hint="run `ceremony fetch`, and name the folder with --request",
        )
    root = sequel.get(plan.dialect).read_trusted(left.trusted())
    request = parse_index(left.request[INDEX])
    data = by_digest(request, left.request)
    offers: dict[str, Offer] = {}
    waiting: list[str] = []
    for name, before in left.histories().items():
        served = _served(left.made.get(name, {}), name, before, root, server, now)
        if name in left.made and served is before:
            waiting.append(name)
        if served:
            keys = {role: data[file.sha256] for role, file in request.repositories[name].keys.items()}
            offers[name] = Offer(keys, served)
    added = [repository.name for repository in plan.repositories if repository.name not in offers]
    offers |= {name: Offer(key_files(server.new_keys())) for name in added}
    if not any(offer.history for offer in offers.values()):
        raise CeremonyError(
            f"nothing that {left.name} signed can be published: all of it waits for its teams",
            hint="leave --after away, for a fleet that is made up; or name another rehearsal",
        )
    return Subject(
        plan,
        request_files(offers),
        trusted,
        ("the bundle of an earlier rehearsal, published by a practice server, for the request",),
        made_up=True,
        warnings=tuple(f"what {left.name} signed for {name} waits for its team, and is not published" for name in waiting),
    )


def _served(
    made: Mapping[str, bytes], name: str, before: Metadata, trusted: TrustedRoot, server: PracticeServer, now: datetime
) -> Metadata:
    """Return what a server serves of a repository once it was published; `before` itself where it cannot be yet, or nothing was made."""
    history = before | {role: [*before.get(role, ()), (metadata_version(data, name, role), data)] for role, data in made.items()}
    if not made or "targets" not in history:
        return before
    served = server.published(name, history, now)
    try:
        notary_sequel.SEQUEL.read(Served(name, served, None), trusted, now)
    except VerificationError:
        return before
    return served
