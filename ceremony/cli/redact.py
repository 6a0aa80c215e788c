# SPDX-License-Identifier: Apache-2.0
"""`ceremony redact`: make a public copy of a ceremony folder, with personal data withheld, that still verifies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.core import redacted
from ceremony.core.audit import audit
from ceremony.core.audit.redacting import redact
from ceremony.errors import StorageError
from ceremony.report import Report
from ceremony.volumes.store import FolderStore


@click.command("redact")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The copy; must not exist.")
@click.option("--named", multiple=True, metavar="NAME", help="Somebody who agreed to be named; may be given for several.")
def redact_command(folder: Path, *, out: Path, named: Sequence[str]) -> None:
    """Make a public copy of a ceremony folder, in which only those are named who agreed to it.

    DIR is the folder, or the tar that the courier carries. Records that tell of anybody else
    are withheld, and so is what people wrote in words of their own; `ceremony audit` verifies
    the copy all the same. Each record says who was at the keyboard: name at least that person.
    """
    with open_folder(folder) as reader:
        audited = audit(reader, reporter=Report())
        copy = redact(audited, named)
        made = {redacted.LOG: copy.log, redacted.NOTE: copy.note}
        FolderStore.create(out).write(CopiedFiles(made, reader, {path: audited.digests[path] for path in copy.kept}))
    click.echo(
        f"{out}: {copy.entries - copy.withheld} of {copy.entries} records are shown, {copy.withheld} withheld; "
        f"{len(copy.kept)} files are copied, {copy.left_out} left out",
        err=True,
    )


class CopiedFiles(Mapping[str, bytes]):
    """The files of a copy, each read when it is written: a bundle may be larger than memory."""

    def __init__(self, made: Mapping[str, bytes], reader: FolderReader, kept: Mapping[str, str]) -> None:
        self._made, self._reader, self._kept = made, reader, kept

    def __getitem__(self, path: str) -> bytes:
        if path in self._made:
            return self._made[path]
        data = self._reader.read(path)
        if hashlib.sha256(data).hexdigest() != self._kept[path]:
            raise StorageError(
                self._reader.name, f"{path} changed while it was copied", hint="copy it again, from a folder at rest"
            )
        return data

    def __iter__(self) -> Iterator[str]:
        yield from self._made
        yield from self._kept

    def __len__(self) -> int:
        return len(self._made) + len(self._kept)
