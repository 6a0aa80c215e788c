# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal is held about: what was brought, what an earlier rehearsal left, or what is made up in its place.

A renewal or a rotation changes what is published under a root key that is in the room.

    a request, and its root's tokens (of an earlier rehearsal, or hardware)   it is held on what was brought
    a request, and no token of its root                                       on that, under a practice root
    an earlier rehearsal, and no request                                      on its bundle, as if it had been published
    nothing                                                                   on a fleet that is made up

Whatever stands in for the real thing is a record of the ceremony.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ceremony.cli.practice_after import Left, after, trusted_after
from ceremony.cli.practice_fleet import made_up
from ceremony.cli.practice_mirror import in_its_place, mirrored
from ceremony.cli.practice_request import (
    CHANGES,
    by_digest,
    judge_fleet,
    practice_request,
    takes_request,
    trusted_by,
    warnings_of,
)
from ceremony.cli.practice_roots import practice_roots
from ceremony.cli.practice_server import PracticeServer
from ceremony.cli.practice_stolen import stood_in
from ceremony.cli.practice_values import Subject, trusted_files
from ceremony.core import dialects
from ceremony.core.plan import Plan
from ceremony.core.ports import Entropy, TokenRack
from ceremony.core.published.reading import Fleet
from ceremony.core.request import INDEX, parse_index
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError


@dataclass(frozen=True, slots=True)
class Given:
    """What was brought to a rehearsal, judged as far as it can be before anything is made."""

    plan: Plan
    request: Mapping[str, bytes] | None
    """Path → bytes of what `fetch` brought; None where nothing was."""
    trusted: Mapping[str, bytes]
    left: Left | None = None
    """What an earlier rehearsal left, in kinds that go on from what it published."""
    hardware: bool = False
    """Whether tokens are hardware: nothing is put on it that people did not ask for."""
    fleet: Fleet | None = None
    """What the request says is published."""
    substitutions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judged(given: Given, now: datetime) -> Given:
    """Return what was given with its trusted root and what is published; raises CeremonyError for what nothing can be held on."""
    if given.plan.kind not in CHANGES:
        return given
    if given.left is not None:
        trusted, words = trusted_after(given.plan, given.trusted, given.left)
        given = replace(given, trusted=trusted, substitutions=words)
    if given.request is not None:
        return _judged(given, given.request, now)
    if given.hardware and given.left is None:
        raise CeremonyError(
            f"a {given.plan.kind} on hardware needs a request: what is published under the root keys that it holds",
            hint="run `ceremony fetch`, and name its folder with --request; or leave --site away",
        )
    return given


def _judged(given: Given, request: Mapping[str, bytes], now: datetime) -> Given:
    if trusted_by(given.plan, given.trusted) is None:
        words = (*given.substitutions, "the oldest roots of the request for the trusted root")
        given = replace(given, trusted=_oldest(request), substitutions=words)
    fleet = judge_fleet(given.plan, request, given.trusted, now)
    return replace(given, fleet=fleet, warnings=warnings_of(given.plan, fleet))


def _oldest(files: Mapping[str, bytes]) -> dict[str, bytes]:
    request = parse_index(files[INDEX])
    data = by_digest(request, files)
    known = {name: one.metadata["root"][0] for name, one in request.repositories.items() if one.known}
    return trusted_files({name: {"root": data[file.sha256]} for name, file in known.items()})


def subject(
    given: Given, rack: TokenRack, answers: Mapping[str, Secret], server: PracticeServer, entropy: Entropy, now: datetime
) -> Subject:
    """Return what the rehearsal is held about; its keys of a server are kept by `server`.

    `rack` has the tokens and `answers` their PINs, for a practice root. Raises CeremonyError.
    """
    plan = given.plan
    if plan.kind not in CHANGES:
        return _of_genesis(given, server)
    if given.request is not None and given.fleet is not None and (given.left is not None or given.hardware):
        return _with(given, Subject(plan, given.request, given.trusted))
    if given.request is None and given.left is not None:
        return _with(given, _known(after(given.left, plan, given.trusted, server, now), now))
    with practice_roots(rack, plan.signing_tokens, answers, dialects.get(plan.dialect), entropy) as roots:
        if given.request is None or given.fleet is None:
            return _with(given, _known(made_up(plan, roots, server, now), now))
        mirror = mirrored(plan, given.request, given.fleet, roots, server, now)
    places = in_its_place(given.fleet, _fleet(mirror, now))
    return _with(given, stood_in(mirror, _fleet(mirror, now), places))


def _of_genesis(given: Given, server: PracticeServer) -> Subject:
    if given.request is not None:
        return Subject(given.plan, given.request, given.trusted)
    words = ("throw-away keys for the keys of the request",) if takes_request(given.plan) else ()
    return Subject(given.plan, practice_request(given.plan, server), given.trusted, words, made_up=True)


def _known(made: Subject, now: datetime) -> Subject:
    return stood_in(made, _fleet(made, now))


def _fleet(made: Subject, now: datetime) -> Fleet:
    return judge_fleet(made.plan, made.request, made.trusted, now)


def _with(given: Given, made: Subject) -> Subject:
    return replace(
        made,
        substitutions=(*made.substitutions, *given.substitutions),
        warnings=(*given.warnings, *made.warnings),
    )
