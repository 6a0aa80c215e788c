# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit DIR --prove SEQ`, and the same command with the proof that it printed in place of the folder."""

from __future__ import annotations

from pathlib import Path

import click

from ceremony.core.audit.proofs import MAX_PROOF, audit_proof, prove_record
from ceremony.core.audit.verdict import Audited
from ceremony.core.signers import Signers
from ceremony.errors import ExitCode, StorageError


def print_proof(audited: Audited, seq: int) -> ExitCode:
    """Print the proof of a record of an audited folder, or public copy, on standard output: one line of JSON.

    Returns DONE, also where the folder is INCOMPLETE: a proof is judged by its own signers.

    Raises CeremonyError when the folder failed, there is no such record to show, or no head covers it yet.
    """
    proof = prove_record(audited, seq)
    click.echo(proof.text().decode(), nl=False)
    people = ", ".join(sorted(proof.signatures)) or "nobody"
    click.echo(f"record {seq} is in the log that head {proof.number} states, signed by {people}", err=True)
    return ExitCode.DONE


def is_proof(path: Path) -> bool:
    """Tell whether a path is a plain file that begins as a proof does; raises StorageError for one that cannot be read."""
    return path.is_file() and _read(path, 1) == b"{"


def check_proof(path: Path, signers: Signers | None) -> Audited:
    """Return what was found in a proof file; raises CeremonyError for what is none."""
    return audit_proof(_read(path, MAX_PROOF + 1), signers)


def _read(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise StorageError(str(path), f"cannot be read ({error.strerror})", hint="look whether it is the right file") from error
