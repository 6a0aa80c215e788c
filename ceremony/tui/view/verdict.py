# SPDX-License-Identifier: Apache-2.0
"""The audit's verdict, as a table of findings and as the state of each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited, Finding, Level, by_subject
from ceremony.core.ports import Readable
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui.text import visible
from ceremony.tui.view.tables import SHOWN, Page, SearchedRow, Table, bytes_text, facts_text, heading, row
from ceremony.tui.widgets.columns import Column

JUDGING = "judging ..."
_WORDS = {ExitCode.DONE: "VERIFIED", ExitCode.FAILED: "FAILED", ExitCode.INCOMPLETE: "INCOMPLETE"}
_GOOD = frozenset([_WORDS[ExitCode.DONE], Level.OK.name])
_MEANING = {
    ExitCode.DONE: "everything that was recorded is there, and is what was recorded",
    ExitCode.FAILED: "something that was recorded is not so any more; what it is stands below",
    ExitCode.INCOMPLETE: "nothing was found to be changed, and something is missing; what it is stands below",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the audit found."""

    code: ExitCode
    findings: tuple[Finding, ...]
    """What failed first, then what is missing, then what holds."""
    chained: int = 0
    """Records that chain, from the first."""
    recorded: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 that a record names, hex."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 of each file that was read, hex."""

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return _WORDS[self.code]

    def failed(self, path: str) -> bool:
        """Whether something about a file failed."""
        return any(finding.level is Level.FAILED and finding.subject == path for finding in self.findings)


Auditor = Callable[[Readable], Audited]
"""What an audit of a folder finds; raises CeremonyError for one that holds no log."""


def judge(folder: Readable, auditor: Auditor) -> Verdict:
    """Audit a folder; one whose log cannot even be read is a verdict too."""
    try:
        found = auditor(folder)
    except CeremonyError as error:
        return Verdict(ExitCode.FAILED, (Finding(Level.FAILED, bundle.LOG, error.message),))
    findings = tuple(by_subject(found.findings))
    return Verdict(found.verdict, findings, len(found.found.records), dict(found.past.files), dict(found.digests))


# --- findings --------------------------------------------------------------------

_FINDINGS = (Column("Level", 10), Column("About", 20, share=1), Column("Finding", 30, share=2))


def findings(verdict: Verdict | None) -> Table:
    """Return one row a finding, after a row that says what all of them come to; None while it is being judged."""
    if verdict is None:
        return _findings(f"Verdict, {JUDGING}", ())
    total = (verdict.word, "the whole folder", _MEANING[verdict.code])
    rows = (total, *((finding.level.name, finding.subject, finding.text) for finding in verdict.findings))
    return _findings(f"Verdict, {verdict.word}, {len(verdict.findings):,} findings", rows)


def _findings(title: str, listed: tuple[tuple[str, str, str], ...]) -> Table:
    texts = [f"{visible(about)}: {visible(text)}" for _, about, text in listed]
    return Table(
        title,
        _FINDINGS,
        [row(*cells, alarm=cells[0] not in _GOOD) for cells in listed],
        lambda number: f"{listed[number][0]}  {texts[number]}",
        lambda number: Page(f"Finding: {listed[number][0]}", texts[number]),
    )


# --- files -----------------------------------------------------------------------

_FILES = (Column("Path", 30, share=1), Column("Bytes", 11, right=True), Column("State", 12))
_BY_NAME = {bundle.LOG: "the log", bundle.MANIFEST: "the manifest"}


def files(folder: Readable, sizes: Mapping[str, int], verdict: Verdict | None) -> Table:
    """Return one row a file, those that are missing too; None while it is being judged."""
    missing = set(verdict.recorded) - set(sizes) if verdict else set()
    paths = sorted({*sizes, *missing}, key=str.encode)
    rows = [_file_row(path, sizes.get(path), _state(path, sizes, verdict)) for path in paths]
    wrong = sum(row.strong for row in rows)
    state = JUDGING if verdict is None else f"{wrong:,} not as recorded" if wrong else "all as they should be"
    return Table(
        f"Files, {len(paths):,}, {state}",
        _FILES,
        rows,
        lambda number: _file_detail(paths[number], rows[number].cells[2], verdict),
        lambda number: _file_page(folder, paths[number], sizes, verdict),
    )


def _file_row(path: str, size: int | None, state: str) -> SearchedRow:
    return row(path, "-" if size is None else f"{size:,}", state, alarm=state.isupper())


def _state(path: str, sizes: Mapping[str, int], verdict: Verdict | None) -> str:
    if verdict is None:
        return "judging"
    if path not in sizes:
        return "MISSING"
    if path in verdict.recorded:
        return _recorded_state(path, verdict)
    signature, head = bundle.signed_head(path)[0], bundle.head_number(path)
    kind = _BY_NAME.get(path) or ("a signature" if signature else "a head" if head else "NOT RECORDED")
    return "FAILED" if kind.islower() and verdict.failed(path) else kind


def _recorded_state(path: str, verdict: Verdict) -> str:
    if path not in verdict.digests:
        return "UNREADABLE"
    if verdict.digests[path] != verdict.recorded[path]:
        return "CHANGED"
    return "FAILED" if verdict.failed(path) else "as recorded"


def _digests(path: str, verdict: Verdict | None) -> list[tuple[str, str]]:
    if verdict is None:
        return []
    pairs = (("recorded", verdict.recorded.get(path)), ("SHA-256", verdict.digests.get(path)))
    return [(label, digest) for label, digest in pairs if digest]


def _file_detail(path: str, state: str, verdict: Verdict | None) -> str:
    return facts_text([("path", path), ("state", state), *_digests(path, verdict)])


def _file_page(folder: Readable, path: str, sizes: Mapping[str, int], verdict: Verdict | None) -> Page:
    text = _contents(folder.read, path, sizes.get(path))
    said = [finding.text for finding in verdict.findings if finding.subject == path] if verdict else []
    lines = [("State", _state(path, sizes, verdict)), *_digests(path, verdict), *(("Finding", text) for text in said)]
    return Page(path, "\n".join([facts_text(lines), "", heading("Contents"), text]))


def _contents(read: Callable[[str], bytes], path: str, size: int | None) -> str:
    if size is None:
        return "The file is not there."
    if size > SHOWN:
        return f"The file has {size:,} bytes; only files of at most {SHOWN:,} are shown."
    try:
        data = read(path)
    except CeremonyError as error:
        return visible(error.message)
    return bytes_text(data, lines=True) if _is_text(data) else f"{size:,} bytes that are not text."


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
