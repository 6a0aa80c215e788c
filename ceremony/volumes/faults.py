# SPDX-License-Identifier: Apache-2.0
"""What the operating system says of a file, as a sentence and a hint."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ceremony.errors import StorageError

_ANOTHER = "use another medium; nothing was tried again on this one"
_TABLE = {
    errno.ENOSPC: ("there is no room left", "make room or use a larger medium"),
    errno.EDQUOT: ("there is no room left for this user", "make room or use a larger medium"),
    errno.EFBIG: ("a file became larger than allowed", "raise the limit on file sizes, or use another medium"),
    errno.EROFS: ("it is read-only", "unlock or remount it, or use another medium"),
    errno.EACCES: ("this user may not use it", "give this user the right to read and write it"),
    errno.EPERM: ("this user may not change it", "give this user the right to write it"),
    errno.EIO: ("the device failed", _ANOTHER),
    errno.ENXIO: ("the device is gone", "plug it in again; nothing was tried again"),
    errno.ENODEV: ("the device is gone", "plug it in again; nothing was tried again"),
    errno.ENOENT: ("it is not there", "look whether the right medium is plugged in"),
    errno.EEXIST: ("it exists already", "nothing is overwritten; use an empty place, or set the old file aside"),
    errno.ENOTUNIQ: ("its name stands there in other letters", "nothing is overwritten; capital letters are small ones on vfat"),
    errno.ENOTDIR: ("a file or a link stands where a folder should be", "use a place without links; nothing is overwritten"),
    errno.EISDIR: ("it is a folder, not a file", "use another name"),
    errno.ELOOP: ("it is a link, not a file", "use a place without links; links are not followed"),
    errno.ENAMETOOLONG: ("its name is too long for this medium", "use a medium with longer names"),
    errno.EINVAL: ("its name or form is not possible on this medium", "use another medium"),
    errno.EMFILE: ("too many files are open", "raise the limit on open files"),
}


@contextmanager
def told(store: str, path: str = "") -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that names `store`, and `path` where there is one."""
    try:
        yield
    except OSError as error:
        raise storage_error(store, path, error) from error


def storage_error(store: str, path: str, error: OSError) -> StorageError:
    """Return the sentence and hint for an error of the operating system."""
    what, hint = _TABLE.get(error.errno or 0, (f"the system says: {error.strerror or error}", _ANOTHER))
    return StorageError(store, f"{path}: {what}" if path else what, hint=hint)
