# SPDX-License-Identifier: Apache-2.0
"""Publish: a ceremony's new repositories, onto a server, each whole or not at all.

For each repository of `bundle/tuf/`: look at what the server has; send root and
targets together in one request; read both back, and see that the server's own
snapshot names those very bytes, as a client will. A server that has something
else is left alone. One that has exactly ours was published before, so an
interrupted `publish` goes on where it was. A bundle with a root alone waits for
its team, who signs the targets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from ceremony.core.plan_names import check_repository
from ceremony.core.served import check_encoding, check_snapshot, metadata_version
from ceremony.errors import CeremonyError, VerificationError
from ceremony.online.pool import WORKERS, Outcome, Progress, for_each
from ceremony.online.session import Remote, Session

_TUF = "bundle/tuf/"
_METADATA = re.compile(r"bundle/tuf/(.+)/metadata/([^/]+)\.json")
_GENESIS = frozenset({"root", "targets"})

Read = Callable[[str], bytes]
"""Gives the bytes of a file of the ceremony folder; called from several threads."""


class Published(StrEnum):
    """What became of a repository; the value is what the command prints."""

    DONE = "published"
    BEFORE = "published-before"
    READY = "would-publish"
    """A dry run found nothing against it."""
    WAITING = "waiting-for-team"


def publish(
    names: Iterable[str],
    read: Read,
    session: Session,
    *,
    practice: bool,
    dry_run: bool,
    progress: Progress,
    workers: int = WORKERS,
) -> Outcome[Published]:
    """Publish the repositories of a ceremony folder that holds files called `names`.

    Raises CeremonyError for a practice ceremony and a server that is not on loopback,
    a bundle with nothing or something strange in it, a server that cannot be reached,
    and StorageError for a folder that cannot be read. What fails for one repository
    is in the answer.
    """
    if practice and not session.server.loopback:
        raise CeremonyError(
            f"a practice ceremony is not published to {session.server.url}",
            hint="start a notary-server on this machine and publish to it: a loopback address, or localhost",
        )
    bundle = repositories(names)
    if not bundle:
        raise CeremonyError("the bundle holds no repository to publish", hint="give the folder of a ceremony that signed some")
    session.check_reachable()

    def work(gun: str) -> Published:
        return _publish_one(session.repository(gun), bundle[gun], read, dry_run=dry_run)

    return for_each(list(bundle), work, progress, workers)


def repositories(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return repository → role → path of all metadata in a bundle; raises VerificationError for other files in it, PlanRefused for an unsafe name."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(names):
        if not path.startswith(_TUF):
            continue
        match = _METADATA.fullmatch(path)
        if match is None:
            raise VerificationError(path, "is not metadata of a repository", hint="use the folder as the ceremony left it")
        check_repository(match[1], path)
        found.setdefault(match[1], {})[match[2]] = path
    return found


def _publish_one(remote: Remote, paths: Mapping[str, str], read: Read, *, dry_run: bool) -> Published:
    gun = remote.gun
    if "root" not in paths or not set(paths) <= _GENESIS:
        raise CeremonyError(
            f"{gun}: the bundle holds {', '.join(sorted(paths))}, and a root, alone or with targets, is what can be published",
            hint="use the program of the release that held the ceremony",
        )
    ours = {role: read(path) for role, path in paths.items()}
    for role, data in ours.items():
        check_encoding(data, gun, role)
    served = _served(remote, ours)
    if served:
        _check_snapshot(remote, served)
        return Published.BEFORE
    if "targets" not in ours:
        return Published.WAITING
    if dry_run:
        return Published.READY
    try:
        remote.post(ours)
    except CeremonyError:
        # The connection may have broken after the server took it all; only looking tells.
        if not _took(remote, ours):
            raise
    _check_published(remote, ours)
    return Published.DONE


def _served(remote: Remote, ours: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return those of our files that the server has; none when it knows nothing of the repository.

    Raises CeremonyError when it has something else.
    """
    root = remote.get("root.json")
    if root is None:
        return {}
    if root != ours["root"]:
        raise _moved_on(remote.gun, "root", root)
    if "targets" not in ours:
        return ours
    targets = remote.get("targets.json")
    if targets == ours["targets"]:
        return ours
    if targets is None or _version(targets, remote.gun) <= _version(ours["targets"], remote.gun):
        raise _moved_on(remote.gun, "targets", targets)
    return {"root": root}  # root and targets went in one request, and the team has signed since


def _version(targets: bytes, gun: str) -> int:
    return metadata_version(targets, gun, "targets")


def _moved_on(gun: str, role: str, theirs: bytes | None) -> CeremonyError:
    what = "is missing" if theirs is None else f"(version {metadata_version(theirs, gun, role)}) is not the one of this ceremony"
    return CeremonyError(
        f"{gun}: the server has moved on, its {role} {what}",
        hint="nothing was sent; to change a repository that the server knows, fetch it and hold a renewal or a rotation",
    )


def _took(remote: Remote, ours: Mapping[str, bytes]) -> bool:
    try:
        return bool(_served(remote, ours))
    except CeremonyError:
        return False


def _check_published(remote: Remote, ours: Mapping[str, bytes]) -> None:
    for role, data in ours.items():
        if remote.get(f"{role}.json") != data:
            raise VerificationError(
                f"{remote.gun}, {role}",
                "the server does not serve what was sent",
                hint="look at the server, or a cache before it, and run the command again",
            )
    _check_snapshot(remote, ours)


def _check_snapshot(remote: Remote, files: Mapping[str, bytes]) -> None:
    snapshot = remote.get("snapshot.json")
    if snapshot is None:
        raise VerificationError(f"{remote.gun}, snapshot", "the server made none", hint="tell the server's administrator")
    check_snapshot(snapshot, remote.gun, files)
