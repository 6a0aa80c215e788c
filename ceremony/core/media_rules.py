# SPDX-License-Identifier: Apache-2.0
"""What every medium is held to: which names a file may have, and which media may stand side by side.

Pure: the names and identities are judged here, the devices themselves are looked at
in `ceremony.volumes`.
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
        for other, earlier in seen.items():
            if _shared(identity, earlier):
                raise StorageError(
                    role,
                    f"is on the same device as {other} ({identity.device}, serial {identity.serial})",
                    hint="bring another medium: each has to survive the loss of the other",
                )
        seen[role] = identity


def _shared(one: MediumIdentity, other: MediumIdentity) -> bool:
    if one.device == other.device or one.serial == other.serial:
        return True
    first, second = one.device.rstrip("/") + "/", other.device.rstrip("/") + "/"
    return one.folder and other.folder and (first.startswith(second) or second.startswith(first))
