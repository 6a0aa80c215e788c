# SPDX-License-Identifier: Apache-2.0
"""Load request: what came in is what the plan names, and, after a genesis, what is published follows the trusted root.

Whoever fetched it cannot choose what the root signs: every signature, every root from
the trusted one on, is verified here again. A repository that does not verify is
named and left out, and people decide whether the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ceremony.core import bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.plan import Source
from ceremony.core.ports import Prompt
from ceremony.core.published.reading import broken, usable
from ceremony.core.request import Request, check_names, path_of
from ceremony.core.served import ServerKeys, check_new, keys_for
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.agenda import fleet, recorded_request
from ceremony.steps.leaving_out import NAMED, go_on_without
from ceremony.steps.room import Room, writable


def run(room: Room) -> JsonObject:
    """Check the request that was copied into the folder before the first record.

    Raises VerificationError for another digest than the plan's, a repository that it
    does not hold, a key that is none, and when nothing that is published can be used.
    """
    request = _request(room)
    if room.plan.request and room.plan.request != request.digest and not room.journal.past.opened.get("substituted-request"):
        raise VerificationError(
            "request",
            f"has the digest {request.digest}, not the one that the plan names",
            hint="bring the request that the plan was made for",
        )
    if room.plan.change is None:
        server_keys(room, _asked(room))
    digest = request.digest.removeprefix("sha256:")
    if not room.compare(Prompt("compare:request", "Digest of the request"), digest):
        raise CeremonyError(
            "people did not hear the same digest for the request", hint="read it again from the paper that came with it"
        )
    found = _published(room, request) if room.plan.change is not None else {}
    room.journal.record("request", {"digest": request.digest, **found})
    return {"digest": request.digest}


def server_keys(room: Room, names: Sequence[str]) -> Mapping[str, ServerKeys]:
    """Return the server's keys of repositories that it does not know yet."""
    if not names:
        return {}
    request = _request(room)
    check_new(request, names)
    files = {digest: room.recorded(bundle.REQUEST + path_of(digest)) for digest in request.files()}
    return keys_for(request, files, names)


def _asked(room: Room) -> Sequence[str]:
    return [r.name for r in room.plan.repositories if any(key.source is Source.REQUEST for key in r.keys().values())]


def _published(room: Room, request: Request) -> JsonObject:
    """Verify what is published, tell what people should know of it, and return what is recorded."""
    found = fleet(room, request)
    good, bad = usable(found), broken(found)
    new = len(request.repositories) - len(found)
    if bad and not good and not new:
        raise next(iter(bad.values()))
    room.operator.tell(f"{len(good)} repositories verify from the trusted root on; {new} are new.")
    noted = [f"{name} {note.role}: {note.words}" for name, one in good.items() for note in one.notes]
    for words in noted[:NAMED]:
        room.operator.tell(writable(words))
    if len(noted) > NAMED:
        room.operator.tell(f"{len(noted) - NAMED} more such things are in the review.")
    if bad:
        go_on_without(room, bad, "broken")
    listed: list[Json] = [{"repository": name, "why": writable(error.message)} for name, error in list(bad.items())[:NAMED]]
    return {"repositories": len(good), "new": new, "broken": len(bad), **({"named": listed} if bad else {})}


def _request(room: Room) -> Request:
    request = recorded_request(room)
    check_names(request, [path.removeprefix(bundle.REQUEST) for path in room.folder.names() if path.startswith(bundle.REQUEST)])
    return request
