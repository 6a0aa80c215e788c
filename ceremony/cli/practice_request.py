# SPDX-License-Identifier: Apache-2.0
"""The request of a ceremony: read from the folder that `fetch` made, or made up for a rehearsal without one."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from ceremony.cli.folder import open_folder
from ceremony.core import software_key
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Plan, Source
from ceremony.core.request import (
    INDEX,
    Repository,
    StoredFile,
    build_index,
    check_file,
    check_names,
    check_size,
    parse_index,
    path_of,
    store,
)
from ceremony.errors import CeremonyError

_SERVER = "https://practice.invalid"


def read_request(path: Path) -> Mapping[str, bytes]:
    """Return the files of a request folder (path → bytes), checked against its index; raises CeremonyError."""
    with open_folder(path) as folder:
        names = folder.names()
        if INDEX not in names:
            raise CeremonyError(f"{path} holds no {INDEX}", hint="name the folder that `ceremony fetch` made")
        index = folder.read(INDEX)
        request = parse_index(index)
        check_names(request, names)
        files = {INDEX: index}
        for digest, file in request.files().items():
            check_size(file, folder.sizes[path_of(digest)])
            files[path_of(digest)] = folder.read(path_of(digest))
            check_file(file, files[path_of(digest)])
    return files


def practice_request(plan: Plan) -> Mapping[str, bytes]:
    """Return a request with throw-away public keys for every repository that takes one from a request; may be empty."""
    repositories: dict[str, Repository] = {}
    files: dict[str, bytes] = {}
    for repository in plan.repositories:
        roles = [role for role, key in repository.keys().items() if key.source is Source.REQUEST]
        keys: dict[str, StoredFile] = {}
        for role in roles:
            data = _public_key()
            keys[role] = store(repository.name, role, 0, data)
            files[keys[role].path] = data
        if keys:
            repositories[repository.name] = Repository(keys=keys, metadata={})
    return {INDEX: build_index(_SERVER, repositories), **files} if repositories else {}


def _public_key() -> bytes:
    raw = software_key.make(Algorithm.ED25519).public.raw_ed25519
    return json.dumps({"keytype": "ed25519", "keyval": {"public": base64.b64encode(raw).decode(), "private": None}}).encode()
