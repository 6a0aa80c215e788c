# SPDX-License-Identifier: Apache-2.0
"""Load request: what came in is what the plan names, and it is about these repositories."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core import bundle
from ceremony.core.canonical import JsonObject
from ceremony.core.plan import Source
from ceremony.core.ports import Prompt
from ceremony.core.request import INDEX, Request, check_names, parse_index, path_of
from ceremony.core.served import ServerKeys, check_new, keys_for
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.room import Room


def run(room: Room) -> JsonObject:
    """Check the request that was copied into the folder before the first record.

    Raises VerificationError for another digest than the plan's, a repository that it
    does not hold, or a key that is none.
    """
    request = _request(room)
    if room.plan.request and room.plan.request != request.digest and not room.journal.past.opened.get("substituted-request"):
        raise VerificationError(
            "request",
            f"has the digest {request.digest}, not the one that the plan names",
            hint="bring the request that the plan was made for",
        )
    server_keys(room)
    digest = request.digest.removeprefix("sha256:")
    if not room.compare(Prompt("compare:request", "Digest of the request"), digest):
        raise CeremonyError(
            "people did not hear the same digest for the request", hint="read it again from the paper that came with it"
        )
    room.journal.record("request", {"digest": request.digest})
    return {"digest": request.digest}


def server_keys(room: Room) -> Mapping[str, ServerKeys]:
    """Return the server's keys of every repository of the plan that takes them from the request."""
    names = [r.name for r in room.plan.repositories if any(key.source is Source.REQUEST for key in r.keys().values())]
    if not names:
        return {}
    request = _request(room)
    check_new(request, names)
    files = {digest: room.recorded(bundle.REQUEST + path_of(digest)) for digest in request.files()}
    return keys_for(request, files, names)


def _request(room: Room) -> Request:
    request = parse_index(room.recorded(bundle.REQUEST + INDEX))
    check_names(request, [path.removeprefix(bundle.REQUEST) for path in room.folder.names() if path.startswith(bundle.REQUEST)])
    return request
