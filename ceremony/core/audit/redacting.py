# SPDX-License-Identifier: Apache-2.0
"""Make a public copy of an audited folder (see `ceremony.core.redacted`): what is withheld, and which files are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import bundle, redacted
from ceremony.core.audit.signed import people
from ceremony.core.audit.verdict import Audited
from ceremony.core.log import lines, parse_head
from ceremony.core.past import Past
from ceremony.core.plan import Person
from ceremony.core.record import Record
from ceremony.core.withheld import Traces, own_words
from ceremony.errors import CeremonyError, ExitCode

_KEPT = ("bundle/", "evidence/tokens/")


@dataclass(frozen=True, slots=True)
class Copy:
    """What a public copy is made of."""

    log: bytes
    note: bytes
    kept: tuple[str, ...]
    """Paths of the files that are copied; `Audited.digests` has what they were when they were judged."""
    entries: int
    withheld: int
    """Of the entries."""
    left_out: int
    """Files of the folder, besides the log, that are not copied."""


def redact(a: Audited, named: Collection[str]) -> Copy:
    """Return a copy of an audited folder in which, of its people, only `named` (names of the first record) can be found.

    Raises CeremonyError for a folder that failed, for names that are nobody's, and when nothing would be left to show.
    """
    if a.verdict is ExitCode.FAILED:
        raise CeremonyError("the folder does not verify", hint="run `ceremony audit` on it; nothing was copied")
    there = people(a)
    _refuse_unknown(there, named)
    traces = Traces(person for person in there if person.name not in named)
    log: list[bytes] = []
    shown = Past()
    for record, line in zip(a.found.records, lines(a.log), strict=False):  # what is torn is no record
        if own_words(record) or traces.within(line):
            log.append(redacted.stub(line, record.seq))
        else:
            log.append(line)
            shown.note(record)
    visible = sum(shown.counts.values())
    if not visible:
        raise _nothing_left(a.found.records)
    kept = _kept(a, traces, shown.files, {bundle.slug(name) for name in named})
    hidden = len(log) - visible
    return Copy(b"".join(log), redacted.note(len(log), hidden), kept, len(log), hidden, len(a.names) - 1 - len(kept))


def _refuse_unknown(there: Sequence[Person], named: Collection[str]) -> None:
    names = [person.name for person in there]
    unknown = sorted(set(named) - set(names))
    if unknown:
        raise CeremonyError(f"nobody in this ceremony is called {unknown[0]}", hint=f"its people are {', '.join(names)}")


def _nothing_left(records: Sequence[Record]) -> CeremonyError:
    names = list(dict.fromkeys(record.recorded_by for record in records))
    return CeremonyError(
        f"every record would be withheld: each says who was at the keyboard, {' or '.join(names)}",
        hint="ask them whether they may be named, then add " + " ".join(f'--named "{name}"' for name in names),
    )


def _kept(a: Audited, traces: Traces, recorded: Mapping[str, str], named: Collection[str]) -> tuple[str, ...]:
    """Return which files are copied: public ones that a record that is shown names, the last head, signatures of `named` (slugs)."""
    kept = {path for path in a.names if _is_public(path) and _is_recorded(a, path, recorded, traces)}
    last = _last_head(a)
    if last:
        kept.add(bundle.head(last))
    for path in a.names:
        number, name = bundle.signed_head(path)
        if name in named and bundle.head(number) in kept:
            kept.add(path)
    return tuple(sorted(kept, key=str.encode))


def _is_public(path: str) -> bool:
    return path in (bundle.README, bundle.VERIFIER) or bundle.head_number(path) > 0 or path.startswith(_KEPT)


def _is_recorded(a: Audited, path: str, recorded: Mapping[str, str], traces: Traces) -> bool:
    """Tell whether a file is the one that a record that is shown names, and nobody can be found in it."""
    if path not in recorded:
        return False
    data = a.read(path)
    return data is not None and a.digests[path] == recorded[path] and not traces.within(path.encode() + b"\n" + data)


def _last_head(a: Audited) -> int:
    """Return the number of the highest head when it states the whole log, else 0; every head was judged before."""
    number = bundle.highest_head(a.names)
    stated = parse_head(a.folder.read(bundle.head(number)), bundle.head(number)).entries if number else 0
    return number if stated == len(a.found.records) else 0
