# SPDX-License-Identifier: Apache-2.0
"""Three verifiers that share no code give one exit code: the audit, verify.sh, and the page in a browser.

A few cases of each kind of attack, and what nobody attacked. Where an audit reads what the
scripts do not (`docs/formats.md`, "What an audit decides") the case says what the rules
alone lead to, and the scripts have to agree on that.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from ceremony.core.bundle import LOG, MANIFEST
from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.attacks.bases import base
from tests.attacks.cases import Case, cases, chance
from tests.attacks.judging import whole
from tests.attacks.kinds import BITS, MODES
from tests.attacks.test_attacks import untouched
from tests.peers.chromium import Browser, Page
from tests.peers.verify_sh import verdict as by_script

FEW = 24 if os.environ.get("CEREMONY_ATTACKS") == "all" else 3


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


ALWAYS = (
    "S plus the order",
    "an empty ",
    "a count that is true",
    "sign-head of another digest",
    "a key twice, once escaped, record 1",
)
"""Names of cases that told verifiers apart, or are most likely to: these are compared in every run."""


def sample(kind: str, count: int) -> list[Case]:
    """Return so many cases of a kind, from all over it: of both modes in turn where few are wanted."""
    modes = MODES[kind]
    chosen = modes if count > 3 else [modes[list(MODES).index(kind) % len(modes)]]
    found: list[Case] = []
    for mode in chosen:
        ours = base(mode)
        made = cases(kind, ours)
        if kind in BITS or kind.endswith("at every byte"):
            step = (
                1
                + len(ours.files[LOG] if "the log" in kind else ours.files[MANIFEST] if "manifest" in kind else bytes(900))
                // count
            )
            found += itertools.islice(made, chance(kind).randrange(step), step * count, step)
        else:
            every = list(made)
            found += chance(kind).sample(every, min(count, len(every)))
            known = [case for case in every if case.name.startswith(ALWAYS) and case not in found]
            found += known[:: 1 if count > 3 else max(1, len(known) // 6)]
    return found


NOT_NORMAL = ("NFD text",)
"""What verify.sh says of itself that it leaves to the signatures: it has no tables of Unicode. Only who signs it all can do it."""


def disagreements(case: Case, page: Page) -> str:
    """Return who says something else than the rules; nothing when all say what they should."""
    audited, script = int(whole(case)), by_script(case.files, case.signers or None).code
    browser = page.verdict(case.files, case.signers)
    signed = case.kind.startswith("insiders") and case.name.startswith(NOT_NORMAL)
    wanted = (case.wanted, ExitCode.DONE if signed else case.rules, case.rules)
    if (audited, script, browser) == wanted:
        return ""
    said = f"audit {audited}, verify.sh {script}, page {browser}, not {', '.join(str(int(code)) for code in wanted)}"
    return f"{case.kind}, {case.base.mode}, {case.name}: {said}"


@pytest.mark.parametrize("mode", list(Mode))
def test_the_verifiers_agree_on_what_nobody_attacked(page, mode):
    assert disagreements(untouched(mode), page) == ""


def test_the_verifiers_agree_on_a_production_without_signers(page):
    ours = base(Mode.PRODUCTION)
    assert disagreements(Case("none", "no signers", ours, ours.files, b"", ExitCode.INCOMPLETE, ExitCode.INCOMPLETE), page) == ""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", MODES)
def test_the_verifiers_agree_on_every_attack(kind, page, record_property):
    tried = sample(kind, FEW)
    found = [said for case in tried if (said := disagreements(case, page))]
    record_property("agreement", [kind, len(tried), len(found)])
    assert found == []
    assert tried
