# SPDX-License-Identifier: Apache-2.0
"""The request of a ceremony: read from the folder that `fetch` made, or made up for a rehearsal without one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.core import software_key
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Plan, RepositoryPlan, Source
from ceremony.core.request import (
    INDEX,
    MAX_INDEX,
    Repository,
    Request,
    StoredFile,
    build_index,
    check_file,
    check_names,
    check_size,
    parse_index,
    path_of,
    store,
)
from ceremony.core.served import check_new, keys_for
from ceremony.errors import CeremonyError, StorageError, VerificationError

_SERVER = "https://practice.invalid"
_HINT = "name the folder that `ceremony fetch` made"


def read_request(path: Path, plan: Plan) -> Mapping[str, bytes]:
    """Return the files of a request folder (path → bytes), checked against its index and the plan; raises CeremonyError.

    The ceremony checks the request again, in the room; what cannot be held is refused here, before anything is made.
    """
    try:
        with open_folder(path) as folder:
            request, files = _read(folder)
    except StorageError as error:
        raise CeremonyError(error.message, hint=_HINT) from error
    if plan.request and plan.request != request.digest:
        raise VerificationError(
            "request",
            f"has the digest {request.digest}, not the one that the plan names",
            hint="bring the request that the plan was made for",
        )
    names = [repository.name for repository in plan.repositories if _roles(repository)]
    check_new(request, names)
    keys_for(request, {digest: files[path_of(digest)] for digest in request.files()}, names)
    return files


def takes_request(plan: Plan) -> bool:
    """Tell whether any key of a plan comes from a request."""
    return any(_roles(repository) for repository in plan.repositories)


def practice_request(plan: Plan) -> Mapping[str, bytes]:
    """Return a request with throw-away public keys for every repository that takes one from a request; may be empty."""
    repositories: dict[str, Repository] = {}
    files: dict[str, bytes] = {}
    for repository in plan.repositories:
        roles = _roles(repository)
        keys: dict[str, StoredFile] = {}
        for role in roles:
            data = _public_key()
            keys[role] = store(repository.name, role, 0, data)
            files[keys[role].path] = data
        if keys:
            repositories[repository.name] = Repository(keys=keys, metadata={})
    return {INDEX: build_index(_SERVER, repositories), **files} if repositories else {}


def _read(folder: FolderReader) -> tuple[Request, dict[str, bytes]]:
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


def _public_key() -> bytes:
    raw = software_key.make(Algorithm.ED25519).public.raw_ed25519
    return json.dumps({"keytype": "ed25519", "keyval": {"public": base64.b64encode(raw).decode(), "private": None}}).encode()
