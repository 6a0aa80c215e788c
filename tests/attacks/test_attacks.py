# SPDX-License-Identifier: Apache-2.0
"""No attack is accepted: every case ends as the rules say, with exit code 1 or 3.

Of each byte of a log one bit is flipped, that whose turn it is; with `CEREMONY_ATTACKS=all`
(`scripts/attack`) every bit. How many cases there were is told at the end of a run over this folder.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.attacks.bases import base
from tests.attacks.cases import Case, cases, chance
from tests.attacks.judging import quick, whole
from tests.attacks.kinds import BITS, KINDS, MODES

EVERY = os.environ.get("CEREMONY_ATTACKS") == "all"
LARGE = {
    "cut the log at every byte": 4,
    "flip a bit of the log": 16 if EVERY else 4,
    "flip a bit of another file": 4 if EVERY else 1,
    "flip a bit of the manifest": 2 if EVERY else 1,
    "flip a bit of a head": 2 if EVERY else 1,
    "flip a bit of a signature": 4 if EVERY else 2,
}
"""Kinds of very many cases → into how many tests they are split, so that workers share them."""
LONG = ("cut the log at every byte", "flip a bit of the log", "flip a bit of another file")
"""Kinds of which a practice has every case, and a production one in ten, unless all are wanted."""
SHARDS = [
    pytest.param(kind, mode, part, id=f"{kind}, {mode}" + (f", {part}" if kind in LARGE else ""))
    for kind, modes in MODES.items()
    for mode in modes
    for part in range(LARGE.get(kind, 1))
]


def untouched(mode: Mode) -> Case:
    ours = base(mode)
    return Case("none", "nothing was done", ours, ours.files, ours.signers, ExitCode.DONE, ExitCode.DONE)


def every(kind: str, mode: Mode) -> Iterator[Case]:
    return cases(kind, base(mode), every=EVERY)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_nobody_attacked_is_accepted(mode):
    assert quick(untouched(mode)) is whole(untouched(mode)) is ExitCode.DONE


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kind", "mode", "part"), SHARDS)
def test_no_attack_is_accepted(kind, mode, part, record_property):
    count, accepted, wrong = 0, 0, []
    stride = 1 if EVERY or mode is Mode.PRACTICE or kind not in LONG else 10
    for case in itertools.islice(every(kind, mode), part * stride, None, LARGE.get(kind, 1) * stride):
        code = quick(case)
        count += 1
        accepted += code is ExitCode.DONE
        if code is not case.wanted or code is ExitCode.DONE:
            wrong.append(f"{case.name}: {code}, not {case.wanted}")
    record_property("attacks", [kind, count, accepted])
    assert wrong == []
    assert count


@pytest.mark.parametrize("kind", MODES)
def test_the_audit_that_stops_early_says_what_the_whole_one_says(kind):
    """Some of each kind: what is quick must not be another judge."""
    for mode in MODES[kind]:
        start = chance(f"{kind} {mode}").randrange(3)
        for case in itertools.islice(every(kind, mode), start, 60, 10):
            assert quick(case) is whole(case), case.name


def test_every_kind_has_a_name_of_its_own_and_is_tried():
    assert MODES.keys() == KINDS.keys() | BITS.keys()
    assert not KINDS.keys() & BITS.keys()
    assert len(MODES) >= 45
