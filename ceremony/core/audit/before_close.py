# SPDX-License-Identifier: Apache-2.0
"""A ceremony folder as it stood just before its log was closed: what the report is made from.

A finished folder holds more than the report could know: the `close` record, which names
the report's digest, the final head, people's signatures, the manifest, the report itself.
Seen through this view they are not there, so the same page can be made again at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import bundle
from ceremony.core.log import lines, recover
from ceremony.core.past import Past
from ceremony.core.ports import Readable
from ceremony.errors import StorageError


def as_before_close(folder: Readable) -> Readable:
    """Return a folder without its `close` record, whatever follows it, and every file that no record before it names.

    Of a log that is not closed, the longest valid prefix is there. Raises StorageError when the folder holds no log, or
    cannot be read.
    """
    log, past, size = folder.read(bundle.LOG), Past(), 0
    # What is torn is no record.
    for record, line in zip(recover(log).records, lines(log), strict=False):
        if record.kind == "close":
            break
        past.note_untrusted(record)
        size += len(line)
    named = past.files.keys() | {bundle.LOG}
    return _View(folder, log[:size], tuple(name for name in folder.names() if name in named))


class _View:
    """Implements `ports.Readable`."""

    def __init__(self, folder: Readable, log: bytes, names: Sequence[str]) -> None:
        self._folder, self._log, self._names, self._there = folder, log, names, frozenset(names)

    def names(self) -> Sequence[str]:
        """Return the paths of the files that were there, sorted bytewise."""
        return self._names

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; raises StorageError for one that was not there."""
        if path not in self._there:
            raise StorageError("folder", f"{path} was not there before the close", hint="no record before the close names it")
        return self._log if path == bundle.LOG else self._folder.read(path)
