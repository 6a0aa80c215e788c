# SPDX-License-Identifier: Apache-2.0
"""Publish: what a ceremony signed, onto a server, each repository whole or not at all.

For each repository of `bundle/tuf/`: compare what the server has with what it had when
the ceremony's request was fetched; send what follows, in one request; then read it all
back and judge it as clients do, those that cached the request's root and fresh ones. A
repository that moved on since is left alone and named. One that has exactly ours was
published before, so an interrupted `publish` goes on where it was. A new targets key that
only a team holds waits for that team, whose own `publish` signs the targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ceremony.core.dialects.notary_resign import Decided, resign
from ceremony.core.dialects.notary_standing import TEAM, Case, Course, MovedOn, Standing, standing, targets_role
from ceremony.core.dialects.notary_visit import visit
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import CeremonyError
from ceremony.online.pool import WORKERS, Failure, Progress, for_each
from ceremony.online.publish_cases import Read, cases
from ceremony.online.publish_client import look, newer_targets, served_to_clients
from ceremony.online.session import Remote, Session

_AGAIN = "the server took nothing of ours; run the command again, and it says how to go on"


class Published(StrEnum):
    """What became of a repository; the value is what the command prints."""

    DONE = "published"
    BEFORE = "published-before"
    READY = "would-publish"
    """A dry run found nothing against it."""
    WAITING = "waiting-for-team"
    RESIGNED = "published-resigned"
    """Root and targets, the targets signed anew by the team's key."""
    WOULD_RESIGN = "would-resign"
    """A dry run signed them anew, and sent nothing."""


@dataclass(frozen=True, slots=True)
class Resigning:
    """The keys of a team that signs targets anew, and what it decided."""

    keys: tuple[SoftwareKey, ...]
    decided: Decided = field(default_factory=Decided)

    def key(self, case: Case) -> SoftwareKey | None:
        """Return the key that a repository's new root names for its targets, None when it is none of these."""
        wanted = targets_role(case).fingerprints()
        return next((key for key in self.keys if key.public.sha256 in wanted), None)


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of all repositories."""

    done: Mapping[str, Published]
    failures: tuple[Failure, ...]
    told: tuple[str, ...]
    """Sentences about what was done, each naming its repository."""
    left: int
    """How many name other targets keys than those that sign anew, and were not looked at."""


@dataclass(frozen=True, slots=True)
class _Became:
    what: Published
    told: tuple[str, ...] = ()


def publish(
    names: Iterable[str],
    read: Read,
    session: Session,
    *,
    practice: bool,
    dry_run: bool,
    now: datetime,
    progress: Progress,
    resigning: Resigning | None = None,
    workers: int = WORKERS,
) -> Publication:
    """Publish the repositories of a ceremony folder that holds files called `names`; with `resigning`, those of its keys alone.

    `now` is aware UTC. Raises CeremonyError for a practice ceremony and a server that is
    not on loopback, a bundle with nothing or something strange in it, keys that no new
    root names, a server that cannot be reached, and StorageError for a folder that cannot
    be read. What fails for one repository is in the answer.
    """
    if practice and not session.server.loopback:
        raise CeremonyError(
            f"a practice ceremony is not published to {session.server.url}",
            hint="start a notary-server on this machine and publish to it: a loopback address, or localhost",
        )
    bundle = cases(names, read)
    session.check_reachable()

    def work(gun: str) -> _Became | None:
        case = bundle.case(gun)
        key = resigning.key(case) if resigning is not None else None
        if resigning is not None and key is None:
            return None
        one = _One(session.repository(gun), case, now, dry_run=dry_run)
        return one.publish() if resigning is None or key is None else one.publish_by(key, resigning.decided)

    outcome = for_each(list(bundle.paths), work, progress, workers)
    became = {gun: found for gun, found in outcome.done.items() if found is not None}
    if resigning is not None and not became and not outcome.failures:
        raise CeremonyError(
            "no new root of the bundle names this key for its targets", hint="look which key --resign-targets names"
        )
    return Publication(
        {gun: found.what for gun, found in became.items()},
        outcome.failures,
        tuple(sentence for found in became.values() for sentence in found.told),
        len(outcome.done) - len(became),
    )


@dataclass(frozen=True, slots=True)
class _One:
    """One repository, at its server."""

    remote: Remote
    case: Case
    now: datetime
    dry_run: bool

    def publish(self) -> _Became:
        """Publish what the ceremony signed; raises MovedOn where that can not go on without other targets."""
        served = look(self.remote, self.case)
        found = standing(self.case, served)
        if found.course is Course.RESIGN:
            raise MovedOn(f"{self.case.repository}: {found.why}", hint=TEAM)
        return self._follow(found, served)

    def publish_by(self, key: SoftwareKey, decided: Decided) -> _Became:
        """Publish with targets that the team signs anew, where that is what it takes."""
        served = look(self.remote, self.case)
        found = standing(self.case, served)
        if found.course not in (Course.RESIGN, Course.WAIT) or not self.case.before:
            return self._follow(found, served)
        versions = newer_targets(self.remote, self.case, served["targets"])
        made = resign(self.case, versions, key, decided, self.now)
        if self.dry_run:
            return _Became(Published.WOULD_RESIGN, made.told)
        self._send({**found.send, "targets": made.targets}, served)
        return _Became(Published.RESIGNED, made.told)

    def _follow(self, found: Standing, served: Mapping[str, bytes]) -> _Became:
        if found.course is Course.WAIT:
            return _Became(Published.WAITING)
        if found.course is Course.PUBLISHED:
            return _Became(Published.BEFORE, self._visit(self.case.ours))
        if self.dry_run:
            return _Became(Published.READY)
        return _Became(Published.DONE, self._send(found.send, served))

    def _send(self, files: Mapping[str, bytes], before: Mapping[str, bytes]) -> tuple[str, ...]:
        """Send files in one request, to a server that had `before`; returns what people should know."""
        try:
            self.remote.post(files)
        except CeremonyError:
            # The connection may have broken after the server took it all; only looking tells.
            after = self._look_again(before)
            if any(after.get(role) != data for role, data in files.items()):
                if after != before:
                    raise MovedOn(f"{self.case.repository}: somebody published while this was under way", hint=_AGAIN) from None
                raise
        return self._visit(files)

    def _look_again(self, before: Mapping[str, bytes]) -> Mapping[str, bytes]:
        try:
            return look(self.remote, self.case)
        except CeremonyError:
            return before

    def _visit(self, sent: Mapping[str, bytes]) -> tuple[str, ...]:
        """Judge as a client; returns what people should know of targets that the ceremony did not sign."""
        published = visit(self.case, sent, served_to_clients(self.remote, self.case), self.now)
        targets = published.targets
        if targets.expires_at > self.now:
            return ()
        return (
            f"{self.case.repository}: its targets expired at {targets.expires}; clients refuse them until its team signs again",
        )
