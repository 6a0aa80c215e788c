# SPDX-License-Identifier: Apache-2.0
"""A repository's metadata as a server serves it right now: what it names, and whether it belongs together.

For whoever brings it: each file is parsed once, and a push in the middle is noticed.
Signatures, and everything else that a client looks at, are judged by the dialects.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ceremony.core.canonical import Json, JsonObject, parse_loose
from ceremony.core.request import AGAIN, MAX_METADATA, MAX_NAME
from ceremony.errors import VerificationError

_STEP = re.compile(r"[-a-z0-9_]+")


class Torn(VerificationError):
    """The files that a server serves do not belong together: somebody pushed just now, or clients refuse them all."""


@dataclass(frozen=True, slots=True)
class ServedFile:
    """One file; nothing is verified but its form."""

    role: str
    version: int
    data: bytes
    signed: JsonObject

    def delegations(self) -> tuple[str, ...]:
        """Return the names of the roles that it delegates to, those that can be asked for; others the dialects refuse."""
        roles = _at(self.signed, "delegations", "roles")
        names = [_at(role, "name") for role in roles] if isinstance(roles, list) else []
        return tuple(name for name in names if isinstance(name, str) and _is_below(name, self.role))

    def names(self, role: str) -> bool:
        """Tell whether a snapshot or timestamp says anything of a role."""
        return _at(self.signed, "meta", role) is not None


def read_served(data: bytes, gun: str, role: str, version: int = 0) -> ServedFile:
    """Return a file of a role of repository `gun`.

    Raises VerificationError, naming both, for what is no metadata of that role, or
    states another version than `version` (0: any).
    """
    subject = f"{gun}, {role} of the server"
    if len(data) > MAX_METADATA:
        raise _refused(subject, f"is {len(data)} bytes, more than the {MAX_METADATA} that are read")
    try:
        signed = _at(parse_loose(data, subject), "signed")
    except VerificationError as error:
        raise _refused(subject, error.message.removeprefix(f"{subject}: ")) from error
    if not isinstance(signed, dict) or signed.get("_type") != role.partition("/")[0].capitalize():
        raise _refused(subject, "is not metadata of that role")
    stated = signed.get("version")
    if type(stated) is not int or stated < 1:
        raise _refused(subject, "does not state a version")
    if version and stated != version:
        raise _refused(subject, f"states version {stated} where version {version} was asked for")
    return ServedFile(role, stated, data, signed)


def check_together(gun: str, files: Mapping[str, ServedFile]) -> None:
    """Check that the timestamp names this snapshot, and the snapshot exactly these files (by role); raises Torn.

    Of a repository without a timestamp or snapshot there is nothing to compare.
    """
    listed = {"root", "targets", *files} - {"snapshot", "timestamp"}
    for lists, roles in (("timestamp", {"snapshot"}), ("snapshot", listed)):
        for role in sorted(roles) if lists in files else ():
            stated = _at(files[lists].signed, "meta", role, "hashes", "sha256")
            if role not in files or stated != base64.b64encode(hashlib.sha256(files[role].data).digest()).decode():
                raise torn(gun, role, lists)


def torn(gun: str, role: str, lists: str = "snapshot") -> Torn:
    """Return the error for a role whose bytes are not those that the snapshot, or `lists`, names."""
    return Torn(
        f"{gun}, {role}",
        f"the server's {lists} names other bytes than those that it serves, so every client will refuse them",
        hint="fetch it again; if it stays so, tell the server's administrator, and do not sign with it until it is settled",
    )


def _is_below(name: str, role: str) -> bool:
    above, _, step = name.rpartition("/")
    return above == role and len(name) <= MAX_NAME and _STEP.fullmatch(step) is not None


def _at(value: Json, *path: str) -> Json:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _refused(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint=f"{AGAIN}; if it stays so, tell the server's administrator")
