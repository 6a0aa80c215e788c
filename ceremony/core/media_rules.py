# SPDX-License-Identifier: Apache-2.0
"""What every medium is held to: which names a file may have, and which media may stand side by side.

Pure: the names and identities are judged here, the devices themselves are looked at
in `ceremony.volumes`. Whether a device can serve at all is for `media_judge`, what
vfat makes of a name for `media_names`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ceremony.core.ports import MediumIdentity
from ceremony.errors import StorageError

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\\\\]")


def check_path(store: str, path: str) -> tuple[str, ...]:
    """Return the parts of a relative path with forward slashes.

    Raises StorageError, naming `store`, for a path that is absolute or empty, has an
    empty part, `.` or `..`, or holds a backslash, a control character or half a surrogate pair.
    """
    parts = tuple(path.split("/"))
    if _UNSAFE.search(path) or not all(parts) or not {".", ".."}.isdisjoint(parts):
        raise StorageError(
            store,
            f"{path!r} is not a name for a file inside it",
            hint="use names with forward slashes, without '..', backslashes and control characters",
        )
    return parts


def refuse_shared_devices(media: Mapping[str, MediumIdentity]) -> None:
    """Refuse media, by role, of which two are one physical device, or one folder inside another.

    Raises StorageError that names both roles: a backup that is there once is not there twice.
    """
    seen: dict[str, MediumIdentity] = {}
    for role, identity in media.items():
        shared = shares_device(identity, seen)
        if shared:
            raise StorageError(role, shared, hint="bring another medium: each has to survive the loss of the other")
        seen[role] = identity


def shares_device(identity: MediumIdentity, chosen: Mapping[str, MediumIdentity]) -> str:
    """Return, as the end of a sentence, with which medium of `chosen`, by role, `identity` shares a device; empty for none."""
    for role, other in chosen.items():
        if _shared(identity, other):
            return f"is on the same device as {role} ({identity.device}, serial {identity.serial})"
    return ""


def _shared(one: MediumIdentity, other: MediumIdentity) -> bool:
    # Two without a serial of any kind are told apart by nothing but their device.
    if one.device == other.device or (one.serial and one.serial == other.serial):
        return True
    first, second = one.device.rstrip("/") + "/", other.device.rstrip("/") + "/"
    return one.folder and other.folder and (first.startswith(second) or second.startswith(first))
