# SPDX-License-Identifier: Apache-2.0
"""The same attacks on a ceremony that real programs made: a rehearsal on SoftHSM, with the real report and verifier."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from ceremony.report import Report
from tests.attacks.bases import Base
from tests.attacks.cases import Case, cases, chance
from tests.attacks.judging import quick, whole
from tests.attacks.kinds import BITS, KINDS
from tests.fakes.cosigner import FakeCosigner
from tests.peers.chromium import Browser, Page
from tests.peers.verify_sh import verdict as by_script

RAW = [
    *("cut the log at every byte", "cut a head at every byte", "cut a signature at every byte", "cut the manifest at every byte"),
    *("cut another file", *BITS, "add bytes", "swap two files' contents", "delete, duplicate, swap or move a record"),
]
"""Kinds that need nobody's keys."""
ENOUGH = 40


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Base:
    place = tmp_path_factory.mktemp("rehearsal") / "out"
    subprocess.run(
        [sys.executable, "-m", "ceremony", "rehearse", "--auto", "--out", place], check=True, capture_output=True, timeout=250
    )
    folder = place / "ceremony"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return Base(Mode.PRACTICE, files, FakeCosigner(()), {}, Report())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


def some(kind: str, rehearsed: Base) -> list[Case]:
    step = 1 + sum(map(len, rehearsed.files.values())) // (20 * ENOUGH) if kind in BITS or "every byte" in kind else 1
    made = itertools.islice(cases(kind, rehearsed), chance(kind).randrange(step), None, step)
    found = list(itertools.islice(made, 20 * ENOUGH))
    return chance(kind).sample(found, min(ENOUGH, len(found)))


def code_of_the_audit(files: Mapping[str, bytes], rehearsed: Base) -> ExitCode:
    return whole(Case("none", "", rehearsed, files, b"", ExitCode.DONE, ExitCode.DONE))


def test_the_rehearsal_is_accepted_and_no_attack_on_it_is(rehearsed, page, record_property):
    assert code_of_the_audit(rehearsed.files, rehearsed) is ExitCode.DONE
    assert (by_script(rehearsed.files).code, page.verdict(rehearsed.files)) == (0, 0)
    count, compared, wrong = 0, 0, []
    for kind in RAW:
        assert kind in KINDS.keys() | BITS.keys()
        for number, case in enumerate(some(kind, rehearsed)):
            count += 1
            if quick(case) is not case.wanted:
                wrong.append(f"{kind}, {case.name}")
            if number < 1:
                compared += 1
                said = (int(whole(case)), by_script(case.files).code, page.verdict(case.files))
                if said != (case.wanted,) * 3:
                    wrong.append(f"{kind}, {case.name}: {said}")
    record_property("attacks", ["on a rehearsal with SoftHSM", count, 0])
    record_property("agreement", ["on a rehearsal with SoftHSM", compared, 0])
    assert wrong == []


def test_a_report_that_says_less_is_refused_by_the_audit(rehearsed):
    page = rehearsed.files["report.html"]
    assert (
        code_of_the_audit({**rehearsed.files, "report.html": page.replace(b"Deviations", b"Deviation")}, rehearsed)
        is ExitCode.FAILED
    )
