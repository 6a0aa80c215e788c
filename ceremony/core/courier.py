# SPDX-License-Identifier: Apache-2.0
"""What a courier carries out: nothing private in the clear, and no backup. Pure: names and bytes in, VerificationError out.

A private key is looked for by what stands before it in every form that this program and the
programs around it write: PEM, OpenSSH, age. The only age files that leave are the deliveries, each encrypted
to its team alone. A secret in a form of its own is not found here; tests look for those.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence

from ceremony.core import bundle
from ceremony.errors import VerificationError

_PRIVATE = "private/"
_AGE, _DELIVERY = ".age", "targets.key.age"
_MARKS = (b"PRIVATE KEY-----", b"AGE-SECRET-KEY-1", b"age-secret-key-1")
_HINT = "do not carry it out; look at how it came there"


def refuse_private(files: Iterable[tuple[str, bytes]], where: str) -> Sequence[str]:
    """Check files (path → bytes) of a ceremony folder; raises VerificationError, naming `where` and the file, for a private one.

    Returns sentences about what cannot be refused any more: what people typed into the log.
    """
    said: list[str] = []
    for path, data in files:
        if path.startswith(_PRIVATE) or (path.endswith(_AGE) and not path.endswith(_DELIVERY)):
            raise VerificationError(f"{where}, {path}", "is a backup, and those stay on the volumes", hint=_HINT)
        if any(mark in data for mark in _MARKS):
            if path != bundle.LOG:
                raise VerificationError(f"{where}, {path}", "holds a private key in the clear", hint=_HINT)
            said.append(
                f"{where}, {path}: something that was typed looks like a private key; if it is one, it is known from now on"
            )
    return said


def members(tar: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a tar; raises VerificationError, naming `where`, when it cannot be read or holds anything but files."""
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for member in archive:
                found = archive.extractfile(member)
                if found is None:
                    raise VerificationError(f"{where}, {member.name}", "is no plain file", hint=_HINT)
                yield member.name, found.read()
    except tarfile.TarError as error:
        raise VerificationError(where, f"is not a tar: {error}", hint="the medium cannot be trusted; use another one") from error


def besides(names: Sequence[str], ours: Sequence[str]) -> Sequence[str]:
    """Return what stands on a courier besides our files; raises VerificationError for what belongs on a volume."""
    others = [name for name in names if name not in ours]
    for name in others:
        if f"/{_PRIVATE}" in f"/{name}" and name.endswith(_AGE):
            raise VerificationError(name, "is a backup on the courier, and those stay on the volumes", hint=_HINT)
    return others
