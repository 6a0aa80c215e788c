# SPDX-License-Identifier: Apache-2.0
"""The forger is no bungler: with every key what it makes verifies, so that what it lacks is keys when it is refused."""

from __future__ import annotations

import pytest

from ceremony.core.audit import audit
from ceremony.core.bundle import LOG, README, REPORT
from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.attacks.bases import NAMES, Base, Held, base
from tests.attacks.forger import ALL, EVERYBODY, NOBODY, Change, Keys, Records, forge
from tests.attacks.judging import parsed


def verdict(base: Base, files: dict[str, bytes]) -> ExitCode:
    return audit(Held(files), parsed(base.signers), reporter=base.reporter).verdict


def salted(records: Records) -> None:
    records[2]["salt"] = "5a" * 16


def deviation(records: Records) -> None:
    body = {"expected": "a", "happened": "b", "decided": "c"}
    records.insert(20, {**records[20], "kind": "deviation", "body": body})


def later(records: Records) -> None:
    records[-1]["utc"] = "2026-12-24T09:00:00.000000Z"


def nothing(records: Records) -> None:
    pass


CHANGES: dict[str, Change] = {"a salt": salted, "a record more": deviation, "the time of the close": later}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("keys", [NOBODY, EVERYBODY, ALL], ids=["nobody", "everybody", "all"])
def test_what_is_made_anew_without_a_change_is_what_was(mode, keys):
    assert forge(base(mode), nothing, keys) == base(mode).files


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_with_every_key_it_verifies_and_without_it_does_not(mode, change):
    ours = base(mode)
    forged = forge(ours, change, ALL)
    assert forged[LOG] != ours.files[LOG]
    assert verdict(ours, forged) is ExitCode.DONE
    assert verdict(ours, forge(ours, change, NOBODY)) is ExitCode.FAILED


@pytest.mark.parametrize("mode", list(Mode))
def test_a_file_that_was_changed_is_what_the_log_names_then(mode):
    ours = base(mode)
    files = forge(ours, keys=ALL, files={README: b"hello\n"})
    assert files[README] == b"hello\n"
    assert files[REPORT] != ours.files[REPORT]
    assert verdict(ours, files) is ExitCode.DONE


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("lacking", NAMES)
def test_one_key_that_is_lacking_is_enough_to_be_refused(mode, lacking):
    keys = Keys(people=tuple(name for name in NAMES if name != lacking), tokens=True)
    assert verdict(base(mode), forge(base(mode), salted, keys)) is ExitCode.FAILED


@pytest.mark.parametrize("mode", list(Mode))
def test_what_the_root_s_head_does_not_cover_needs_no_token(mode):
    """The people's signatures are what states the end: this is why all of them count, and the token's alone does not."""
    assert verdict(base(mode), forge(base(mode), later, EVERYBODY)) is ExitCode.DONE
    assert verdict(base(mode), forge(base(mode), salted, EVERYBODY)) is ExitCode.FAILED
