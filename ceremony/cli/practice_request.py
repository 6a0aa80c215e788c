# SPDX-License-Identifier: Apache-2.0
"""The request of a ceremony: read from the folder that `fetch` made, or made up for a rehearsal without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.cli.practice_server import Offer, PracticeServer, key_file, request_files
from ceremony.cli.practice_stolen import unknown
from ceremony.cli.server import progress
from ceremony.cli.trust_folders import as_request, is_trust_folder
from ceremony.core.dialects import sequel
from ceremony.core.plan import Kind, Plan, RepositoryPlan, Source
from ceremony.core.published.reading import Fleet, broken, read
from ceremony.core.published.trusted import TrustedRoot, from_key_ids
from ceremony.core.request import (
    INDEX,
    MAX_INDEX,
    Request,
    check_file,
    check_names,
    check_size,
    parse_index,
    path_of,
)
from ceremony.core.served import check_new, keys_for
from ceremony.core.trusted_keys import names_keys
from ceremony.errors import CeremonyError, StorageError, VerificationError

CHANGES = (Kind.RENEWAL, Kind.ROTATION)
"""The kinds that change what is published."""
MANY = 100
"""Repositories whose reading takes so long that its progress is shown."""
_HINT = "name the folder that `ceremony fetch` made"


def read_request(path: Path, plan: Plan) -> Mapping[str, bytes]:
    """Return the files of a request folder (path → bytes), checked against its index and the plan; raises CeremonyError.

    The ceremony checks the request again, in the room; a genesis that cannot be held is refused here, before anything is
    made. Of what is published already, `judge_request` judges.
    """
    try:
        with open_folder(path) as folder:
            request, files = read_files(folder)
    except StorageError as error:
        raise CeremonyError(error.message, hint=_HINT) from error
    if plan.request and plan.request != request.digest:
        raise VerificationError(
            "request",
            f"has the digest {request.digest}, not the one that the plan names",
            hint="bring the request that the plan was made for",
        )
    if plan.kind not in CHANGES:
        names = [repository.name for repository in plan.repositories if _roles(repository)]
        check_new(request, names)
        keys_for(request, by_digest(request, files), names)
    return files


def by_digest(request: Request, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the bytes of a request's files (path → bytes) by their digests."""
    return {digest: files[path_of(digest)] for digest in request.files()}


def trusted_by(plan: Plan, files: Mapping[str, bytes]) -> TrustedRoot | None:
    """Return what a plan trusts: the files (path → bytes) that were brought for it, or its key ids; None for neither.

    Raises VerificationError for files that hold no root.
    """
    if files:
        return sequel.get(plan.dialect).read_trusted(files)
    return from_key_ids(plan.trusted_root) if names_keys(plan.trusted_root) else None


def judge_fleet(plan: Plan, files: Mapping[str, bytes], trusted: Mapping[str, bytes], now: datetime) -> Fleet:
    """Return what a request (path → bytes) says is published, verified from the trusted root: files (path → bytes), or key ids.

    The ceremony judges it again, in the room. Raises VerificationError when there is nothing to
    trust, and when every repository is broken.
    """
    root = trusted_by(plan, trusted)
    if root is None:
        raise VerificationError(
            "trusted-root", "is missing, so nothing published can be verified", hint="name a bundle, a root.json, or key ids"
        )
    request = parse_index(files[INDEX])
    known = sum(repository.known for repository in request.repositories.values())
    with progress("verifying", known) if known >= MANY else nullcontext() as show:
        fleet = read(request, by_digest(request, files), root, sequel.get(plan.dialect), now, _seen(show))
    faults = broken(fleet)
    if fleet and len(faults) == len(fleet):
        first = next(iter(faults.values()))
        what = "the one repository" if len(faults) == 1 else f"all {len(faults)} repositories"
        raise VerificationError("request", f"{what} of it cannot be relied on; {first.message}", hint=first.hint)
    return fleet


def _seen(show: Callable[[str, int, int], None] | None) -> Callable[[int, int], None]:
    return lambda done, total: show("", done, total) if show else None


def warnings_of(plan: Plan, fleet: Fleet) -> tuple[str, ...]:
    """Return what people should know of a fleet before anything is made: what is broken, and stolen keys that sign for nothing."""
    faults = [f"{error.message}: nothing is signed for this repository" for error in broken(fleet).values()]
    return (*faults, *(f"the stolen key {one.name} signs for nothing that is published" for one in unknown(plan, fleet)))


def takes_request(plan: Plan) -> bool:
    """Tell whether anything of a plan comes from a request: a key, or what is published."""
    return plan.kind in CHANGES or any(_roles(repository) for repository in plan.repositories)


def practice_request(plan: Plan, server: PracticeServer | None = None) -> Mapping[str, bytes]:
    """Return a request with throw-away public keys for every repository that takes one from a request; may be empty.

    The private halves are kept by `server`.
    """
    keeper = server or PracticeServer()
    roles = {repository.name: _roles(repository) for repository in plan.repositories}
    return request_files(
        {name: Offer({role: key_file(keeper.new_key()) for role in wanted}) for name, wanted in roles.items() if wanted}
    )


def read_files(folder: FolderReader) -> tuple[Request, dict[str, bytes]]:
    """Return a request and its files (path → bytes), each checked against the index; a trust folder is one too. Raises CeremonyError."""
    if is_trust_folder(folder):
        return as_request(folder)
    if INDEX not in folder.sizes:
        raise CeremonyError(f"{folder.name} holds no {INDEX}", hint=_HINT)
    if folder.sizes[INDEX] > MAX_INDEX:
        raise CeremonyError(f"{folder.name}: {INDEX} is longer than the {MAX_INDEX} bytes that are read", hint=_HINT)
    files = {INDEX: folder.read(INDEX)}
    request = parse_index(files[INDEX])
    check_names(request, folder.names())
    for digest, file in request.files().items():
        check_size(file, folder.sizes[path_of(digest)])
        files[path_of(digest)] = folder.read(path_of(digest))
        check_file(file, files[path_of(digest)])
    return request, files


def _roles(repository: RepositoryPlan) -> list[str]:
    return [role for role, key in repository.keys().items() if key.source is Source.REQUEST]
