# SPDX-License-Identifier: Apache-2.0
"""The history of a key: each ceremony names the one before it, from the key's birth to now, and nothing was made elsewhere.

`previous` in a ceremony's first record is `first`, or the `sha256` line of the last head of the
ceremony before it: the SHA-256 of that whole log, closed. So the ceremonies of a key stand in one
line; a gap, a fork, or a root that is published and stands in no ceremony of the line, shows.

Each ceremony is audited by itself before; here they are only laid side by side.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited, Finding, Level, by_subject
from ceremony.core.request import INDEX, Repository, Request, parse_index
from ceremony.errors import CeremonyError

FIRST = "first"

_ROOT = re.compile(r"bundle/tuf/(.+)/metadata/root\.json")
_SUBJECT = "history"

Root = tuple[str, str]
"""A repository, and the SHA-256 of one version of its root, hex."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A ceremony of the history, as far as the others concern it."""

    place: str
    """Where it was read, as findings name it."""
    ceremony: str
    """Its id; empty when its log does not begin."""
    kind: str
    mode: str
    began: str
    """UTC of its first record."""
    previous: str
    """What its first record says of the ceremony before it."""
    head: str
    """SHA-256 of its log, hex: what its last head states when it is closed."""
    closed: bool
    verdict: Level
    worst: str
    """What is worst of what was found in it; empty when all of it holds."""
    roots: frozenset[Root]
    """Those that it signed."""
    requested: frozenset[Root]
    """Those that were published when it was held."""


def chapter(place: str, a: Audited) -> Chapter:
    """Return what the history has to know of an audited ceremony."""
    plan = a.past.opened.get("plan")
    first = a.found.records[0] if a.found.records else None
    worst = next((f for f in by_subject(a.findings) if f.level is not Level.OK), None)
    roots = ((match[1], digest) for path, digest in a.digests.items() if (match := _ROOT.fullmatch(path)))
    return Chapter(
        place=place,
        ceremony=first.ceremony if first else "",
        kind=str(plan.get("kind", "")) if isinstance(plan, dict) else "",
        mode=a.mode,
        began=first.utc if first else "",
        previous=str(a.past.opened.get("previous", "")),
        head=hashlib.sha256(a.log).hexdigest(),
        closed=a.past.closed,
        verdict=Level(a.verdict),
        worst=f"{worst.subject}: {worst.text}" if worst else "",
        roots=frozenset(roots),
        requested=_requested(a),
    )


def _requested(a: Audited) -> frozenset[Root]:
    path = bundle.REQUEST + INDEX
    if path not in a.digests:
        return frozenset()
    try:
        return frozenset(_versions(parse_index(a.folder.read(path)).repositories))
    except CeremonyError:
        return frozenset()  # the audit of that ceremony says so


def _versions(repositories: Mapping[str, Repository]) -> Iterable[Root]:
    return ((name, file.sha256) for name, found in repositories.items() for file in found.metadata.get("root", ()))


def in_order(chapters: Sequence[Chapter]) -> Sequence[Chapter]:
    """Return the ceremonies as they follow one another, each once; those that follow nothing come last, by their times."""
    by_time = sorted(_each_once(chapters), key=lambda one: (one.began, one.ceremony))
    found = [one for one in by_time if one.previous == FIRST]
    for one in found:  # it grows meanwhile
        found += [other for other in by_time if one.closed and other.previous == one.head and other not in found]
    return [*found, *(one for one in by_time if one not in found)]


def _each_once(chapters: Iterable[Chapter]) -> Sequence[Chapter]:
    """Return one of each log: a folder and its tar are one ceremony."""
    return list({(one.ceremony, one.head): one for one in reversed(list(chapters))}.values())


def check_history(chapters: Sequence[Chapter], own: Chapter) -> Sequence[Finding]:
    """Return what is found of the ceremonies of a history, `own` being the one under audit: first the timeline, in their order."""
    ordered = in_order(chapters)
    findings = [_told(one) for one in ordered]
    findings += [
        _worse(one.verdict, f"{one.place} does not verify: {one.worst}")
        for one in sorted(chapters, key=lambda one: one.place)
        if one.verdict is not Level.OK
    ]
    failed = [*_beginnings(ordered), *_links(ordered), *_cycles(ordered), *_twice(ordered), *_modes(ordered)]
    if (own.ceremony, own.head) not in {(one.ceremony, one.head) for one in ordered}:
        failed.append(f"does not hold this ceremony, {_id(own)}, as it is here")
    findings += [_worse(Level.FAILED, text) for text in failed]
    if not failed:
        findings.append(Finding(Level.OK, _SUBJECT, f"{len(ordered)} ceremonies follow one another without a gap"))
    return findings


def _told(one: Chapter) -> Finding:
    end = f"its log ends as {one.head}" if one.closed else "it is not closed"
    return Finding(
        Level.OK, f"ceremony {_id(one)}", f"{one.kind or 'no kind'}, {one.mode or 'no mode'}, began {one.began}; {end}"
    )


def _worse(level: Level, text: str) -> Finding:
    return Finding(level, _SUBJECT, text)


def _id(one: Chapter) -> str:
    return one.ceremony or one.place


def _beginnings(ordered: Sequence[Chapter]) -> Iterable[str]:
    first = [_id(one) for one in ordered if one.previous == FIRST]
    if not first:
        yield "none of its ceremonies is the first: the beginning is not there"
    elif len(first) > 1:
        yield f"{' and '.join(first)} each say that they are the first"


def _links(ordered: Sequence[Chapter]) -> Iterable[str]:
    heads = {one.head for one in ordered if one.closed}
    followers: dict[str, list[str]] = {}
    for one in ordered:
        if one.previous != FIRST:
            followers.setdefault(one.previous, []).append(_id(one))
            if one.previous not in heads:
                yield f"{_id(one)} follows a ceremony that is not there, or not closed: its log ends as {one.previous or 'nothing'}"
    for previous, names in followers.items():
        if len(names) > 1:
            yield f"{' and '.join(names)} follow the same ceremony, whose log ends as {previous}"


def _cycles(ordered: Sequence[Chapter]) -> Iterable[str]:
    """Say which ceremonies follow one another in a ring: each names one that is there, and none is the first."""
    before = {one.head: one.previous for one in ordered if one.closed}
    told: set[str] = set()
    for one in ordered:
        seen: list[str] = []
        at = one.head
        while at in before and at not in seen and at not in told:
            seen.append(at)
            at = before[at]
        if at in seen:
            told.update(ring := seen[seen.index(at) :])
            yield f"{' and '.join(_id(other) for other in ordered if other.head in ring)} follow one another in a ring"


def _twice(ordered: Sequence[Chapter]) -> Iterable[str]:
    places: dict[str, list[str]] = {}
    for one in ordered:
        places.setdefault(one.ceremony, []).append(one.place)
    for ceremony, found in places.items():
        if ceremony and len(found) > 1:
            yield f"{' and '.join(found)} hold different logs of ceremony {ceremony}"


def _modes(ordered: Sequence[Chapter]) -> Iterable[str]:
    if len(modes := sorted({one.mode for one in ordered})) > 1:
        yield f"its ceremonies are not of one mode, but of {' and '.join(mode or 'none' for mode in modes)}"


def check_published(chapters: Sequence[Chapter], published: Request) -> Sequence[Finding]:
    """Return whether each version of a root that is published was made in the history, or before it began."""
    first = [one for one in chapters if one.previous == FIRST]
    known = frozenset[Root]().union(*(one.roots for one in chapters), *(one.requested for one in first))
    versions = [(name, file) for name, found in sorted(published.repositories.items()) for file in found.metadata.get("root", ())]
    findings = [
        Finding(
            Level.FAILED,
            "published",
            f"root version {file.version} of {name} belongs to no ceremony of the history: it was made elsewhere",
        )
        for name, file in versions
        if (name, file.sha256) not in known
    ]
    if not versions:
        findings.append(Finding(Level.INCOMPLETE, "published", "holds no root of any repository"))
    elif not findings:
        repositories = len({name for name, _ in versions})
        said = f"{len(versions)} root versions of {repositories} repositories were made in the history, or before it began"
        findings.append(Finding(Level.OK, "published", said))
    return findings
