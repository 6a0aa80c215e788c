# SPDX-License-Identifier: Apache-2.0
"""Where a repository stands between a ceremony and its server: what to send, and whether anything may be sent at all.

Compares three states: what the server served when the ceremony's request was fetched,
what the ceremony signed, and what the server serves now. A server takes a root whose
targets key is another one without the targets that this key signed, and every client
then fails; so root and targets go together whenever that key changes, and a root goes
alone only where it does not. There newer targets of the team do no harm: the same key
signed them, and they stay. Anything else that changed since the request is somebody
else's, and is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from ceremony.core.dialects.notary_chain import Root, check_next_root, read_root, usable
from ceremony.core.dialects.notary_signed import SignedFile, check_signed, read_signed, signers_of
from ceremony.core.published.values import RoleKeys
from ceremony.core.served import metadata_version
from ceremony.errors import CeremonyError

RESIGN = "`ceremony publish DIR --server URL --resign-targets KEYFILE`"
AFRESH = "nothing was sent; fetch it again, and hold a small ceremony for what is left alone here"
TEAM = f"nothing was sent; whoever holds its new targets key runs {RESIGN}; or fetch it again, and hold a small ceremony"


class MovedOn(CeremonyError):
    """The server has something else than when the ceremony's request was fetched; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Case:
    """One repository of a bundle; files by role."""

    repository: str
    ours: Mapping[str, bytes]
    """What the ceremony signed: a root, and targets unless they stay, or their team signs them."""
    before: Mapping[str, bytes] = field(default_factory=dict)
    """The newest root and targets of the ceremony's request; empty for a repository that the server did not know."""


class Course(Enum):
    """What there is to do."""

    SEND = auto()
    PUBLISHED = auto()
    """The server has it already."""
    WAIT = auto()
    """For its team, who signs the targets."""
    RESIGN = auto()
    """Only targets that are signed anew can go on from here."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer."""

    course: Course
    send: Mapping[str, bytes] = field(default_factory=dict)
    """What goes to the server, in one request: all of it, or with RESIGN and WAIT, what goes with the new targets."""
    why: str = ""
    """With RESIGN: what happened, as a sentence without its subject."""


def standing(case: Case, served: Mapping[str, bytes]) -> Standing:
    """Return what is to be done, given the newest root and targets of the server, and as `ours` its root of our version.

    Raises MovedOn for a repository that must not be touched, VerificationError for
    bytes that a client would refuse.
    """
    root, targets = served.get("root"), served.get("targets")
    if root is None and not case.before:
        return Standing(Course.SEND, case.ours) if "targets" in case.ours else Standing(Course.WAIT)
    if root is None:
        raise moved_on(case, "root", None)
    if root == case.ours["root"]:
        return _after_ours(case, targets)
    if case.before and root == case.before["root"]:
        return _before_ours(case, targets)
    if served.get("ours") == case.ours["root"]:
        return Standing(Course.PUBLISHED)  # and another ceremony followed
    raise moved_on(case, "root", root)


def moved_on(case: Case, role: str, theirs: bytes | None, hint: str = AFRESH) -> MovedOn:
    """Return the error that says what the server has instead."""
    gun = case.repository
    what = "is missing" if theirs is None else f"(version {metadata_version(theirs, gun, role)}) is not the one of this ceremony"
    return MovedOn(f"{gun}: the server has moved on, its {role} {what}", hint=hint)


def targets_role(case: Case) -> RoleKeys:
    """Return whom the new root wants targets to be signed by."""
    return read_root(case.repository, case.ours["root"]).roles["targets"]


def _after_ours(case: Case, targets: bytes | None) -> Standing:
    """Judge the targets of a server that has our root already."""
    if targets is None:
        raise moved_on(case, "targets", None)
    ours = case.ours.get("targets")
    if targets == ours:
        return Standing(Course.PUBLISHED)
    theirs = read_signed(case.repository, "targets", targets)
    role = targets_role(case)
    signed = len(signers_of(theirs, role.by_id())) >= role.threshold
    if signed and (ours is None or theirs.version > read_signed(case.repository, "targets", ours).version):
        return Standing(Course.PUBLISHED)  # root and targets went in one request, and the team has signed since
    if signed or not case.before:
        raise moved_on(case, "targets", targets)
    if ours is not None and targets == case.before["targets"]:
        return Standing(Course.SEND, {"targets": ours})
    return Standing(Course.RESIGN, {}, "the server has the new root, and not the targets that it needs: every client fails")


def _before_ours(case: Case, targets: bytes | None) -> Standing:
    """Judge the targets of a server that has the root of the request still."""
    if targets is None:
        raise moved_on(case, "targets", None)
    name = case.repository
    old, new = read_root(name, case.before["root"]), read_root(name, case.ours["root"])
    check_next_root(old.version, usable(old, name), new, name)
    theirs = read_signed(name, "targets", targets)
    moved = targets != case.before["targets"]
    if moved:
        _check_newer(case, old, theirs)
    if "targets" in case.ours and moved:
        before = read_signed(name, "targets", case.before["targets"]).version
        why = f"the server has moved on, its targets (version {theirs.version}) are newer than those of the ceremony's request (version {before})"
        return Standing(Course.RESIGN, {"root": case.ours["root"]}, why)
    if "targets" in case.ours:
        check_signed(read_signed(name, "targets", case.ours["targets"]), new.roles["targets"])
        return Standing(Course.SEND, case.ours)
    if _signers(old.roles["targets"]) != _signers(new.roles["targets"]):
        return Standing(Course.WAIT, {"root": case.ours["root"]})
    return Standing(Course.SEND, {"root": case.ours["root"]})


def _check_newer(case: Case, old: Root, theirs: SignedFile) -> None:
    """Check that targets, which are not those of the request, follow them by the key that is published."""
    if theirs.version <= read_signed(case.repository, "targets", case.before["targets"]).version:
        raise moved_on(
            case, "targets", theirs.data, "nothing was sent; it was rolled back or exchanged: tell the server's administrator"
        )
    check_signed(theirs, old.roles["targets"])


def _signers(role: RoleKeys) -> tuple[frozenset[str], int]:
    return frozenset(role.by_id()), role.threshold
