# SPDX-License-Identifier: Apache-2.0
"""A request, rehearsed on throw-away tokens: each repository as it is published, under a practice root.

What a request brought is judged as in the room. Then every repository gets one root more,
by throw-away root keys, with throw-away keys in the place of the server's; its targets,
tags and delegations stay as they were fetched, byte for byte. So the plan of a production
is rehearsed on its own fleet before the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ceremony.cli.practice_request import by_digest
from ceremony.cli.practice_roots import PracticeRoots
from ceremony.cli.practice_server import History, Offer, PracticeServer, key_files, request_files
from ceremony.cli.practice_stolen import Chosen
from ceremony.cli.practice_values import Subject, trusted_files
from ceremony.core.dialects import sequel
from ceremony.core.plan import Plan
from ceremony.core.published.changes import Changes
from ceremony.core.published.reading import Fleet, usable
from ceremony.core.published.values import Published, PublishedKey
from ceremony.core.request import INDEX, KEY_ROLES, Repository, Request, parse_index
from ceremony.core.rotation.impact import Compromised

_YEARS = timedelta(days=3650)
WHAT = (
    "a root by throw-away root keys on the tokens of the root for that of each repository of the request",
    "throw-away keys for the server's",
    "those roots for the trusted root",
)


def mirrored(
    plan: Plan, files: Mapping[str, bytes], fleet: Fleet, roots: PracticeRoots, server: PracticeServer, now: datetime
) -> Subject:
    """Return the repositories of a request (path → bytes), as `fleet` read them, under a practice root; raises TokenError.

    What cannot be relied on is left out.
    """
    request = parse_index(files[INDEX])
    bytes_of = by_digest(request, files)
    read = usable(fleet)
    until = max([now + _YEARS, *(published.root.expires_at for published in read.values()), *_said(plan)])
    certified = roots.certified(list(read), now, until)
    online = {name: server.new_keys() for name in read}
    follows = sequel.get(plan.dialect)
    drafts = [
        follows.next_root(
            published,
            Changes(
                root_keys=certified[name],
                threshold=roots.threshold,
                snapshot=online[name]["snapshot"],
                timestamp=online[name]["timestamp"],
            ),
        )
        for name, published in read.items()
    ]
    made = roots.finished([(draft, certified[draft.repository]) for draft in drafts])
    offers: dict[str, Offer] = {}
    trusted: dict[str, Mapping[str, bytes]] = {}
    for (name, published), root in zip(read.items(), made, strict=True):
        history = {**_history(request.repositories[name], bytes_of), "root": [(published.root.version + 1, root)]}
        offers[name] = Offer(key_files(online[name]), server.published(name, history, now))
        trusted[name] = {"root": root, "targets": published.files["targets"]}
    offers |= {name: Offer(key_files(server.new_keys())) for name in _unknown(request)}
    return Subject(plan, request_files(offers), trusted_files(trusted), WHAT, made_up=True)


def _said(plan: Plan) -> list[datetime]:
    return list(plan.change.expires.values()) if plan.change else []


def _history(repository: Repository, files: Mapping[str, bytes]) -> History:
    return {role: [(file.version, files[file.sha256]) for file in versions] for role, versions in repository.metadata.items()}


def _unknown(request: Request) -> list[str]:
    return [name for name, repository in request.repositories.items() if not repository.known]


def in_its_place(before: Fleet, after: Fleet) -> Chosen:
    """Return what stands in for a stolen key that signs in the one fleet and not in its mirror: the key in its place there."""
    places: dict[str, tuple[str, str]] = {}
    for name, published in usable(before).items():
        for role in ("root", *KEY_ROLES):
            for key in published.root.roles[role].keys:
                for known in (key.key_id, key.fingerprint):
                    places.setdefault(known, (name, role))

    def chosen(one: Compromised) -> tuple[str, PublishedKey] | None:
        place = places.get(one.key_id) or places.get(one.fingerprint)
        return None if place is None else (place[0], _first(usable(after)[place[0]], place[1]))

    return chosen


def _first(published: Published, role: str) -> PublishedKey:
    return published.root.roles[role].keys[0]
