# SPDX-License-Identifier: Apache-2.0
"""The log on an old volume: what it tells of the backup there, and what is no such log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache

import pytest

from ceremony.core import canonical
from ceremony.core.bundle import IDENTITY, LOG, REPOSITORIES
from ceremony.core.old_ceremony import read_old
from ceremony.core.trusted_keys import names_keys
from ceremony.errors import VerificationError
from tests.fakes import recovery, room


@lru_cache(maxsize=2)
def log(*, shares: bool = False) -> bytes:
    """Return the log that a genesis left on its volumes."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        genesis = recovery.held("root-a", "root-b", protect=recovery.SHARES if shares else None)
    return genesis.folder.files[LOG]


def changed(change: Callable[[dict], None], kind: str, step: str = "") -> bytes:
    """Return the log with the records of a kind changed, chained anew."""
    lines: list[bytes] = []
    for line in log().splitlines():
        record = json.loads(line)
        if record["kind"] == kind and record["step"] == (step or record["step"]):
            change(record)
        record["prev"] = hashlib.sha256(lines[-1]).hexdigest() if lines else record["prev"]
        lines.append(canonical.encode(record) + b"\n")
    return b"".join(lines)


def test_tells_what_belongs_to_the_backup_and_how_it_opens():
    old = read_old(log(), "volume")
    assert (old.ceremony, old.name, old.dialect, old.mode) == (room.CEREMONY, "acme-root", "notary", "practice")
    assert (old.closed, old.custodian, old.shares) == (True, "Sam", None)
    assert old.entries == len(log().splitlines())
    assert old.sha256 == hashlib.sha256(log()).hexdigest()
    assert set(old.files) == {IDENTITY, REPOSITORIES, *(root.path for root in old.roots)}
    assert len(old.roots) == 2


def test_tells_whose_shares_open_it():
    old = read_old(log(shares=True), "volume")
    assert old.shares is not None
    assert (old.custodian, old.shares.needed, old.shares.keepers) == ("", 2, ("Carla", "Cem", "Chen"))


def test_a_torn_last_line_leaves_a_ceremony_that_was_not_closed():
    torn = log()[:-5]
    old = read_old(torn, "volume")
    assert (old.closed, old.entries) == (False, len(log().splitlines()) - 1)
    assert old.sha256 == hashlib.sha256(log()[: log().rindex(b"\n", 0, -1) + 1]).hexdigest()


def bad_spki(record: dict) -> None:
    record["body"]["made"]["keys"][0]["spki"] = "AAAA"


def no_serial(record: dict) -> None:
    record["body"]["made"]["keys"][0].pop("serial")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(lambda: b"", "volume: is not the log of a ceremony", id="empty"),
        pytest.param(lambda: b"{}\n", "volume: is not the log of a ceremony", id="no record"),
        pytest.param(lambda: log() + b"x", "volume: is damaged at record", id="something behind the close"),
        pytest.param(lambda: log()[:-9] + b"\n\n", "volume: is damaged at record", id="a broken line"),
        pytest.param(
            lambda: b"".join(log().splitlines(keepends=True)[:20]), "is of a ceremony that wrote no backup", id="no protector yet"
        ),
        pytest.param(
            lambda: changed(lambda r: r.update(outcome="fail"), "result", "protector"), "wrote no backup", id="none written"
        ),
        pytest.param(
            lambda: changed(lambda r: r.update(body={}), "intent"), "does not say what one of its kind says", id="a bare record"
        ),
        pytest.param(lambda: changed(bad_spki, "end", "root-keys"), "names a root key that cannot be read", id="no key"),
        pytest.param(lambda: changed(no_serial, "end", "root-keys"), "names a root key that cannot be read", id="no serial"),
    ],
)
def test_what_is_no_log_of_a_backup_is_refused(data, said):
    with pytest.raises(VerificationError, match=said):
        read_old(data(), "volume")


def test_a_list_of_root_keys_that_is_none_names_none():
    for value in ("keys", {}, ["key"]):
        made = changed(lambda r, value=value: r["body"]["made"].update(keys=value), "end", "root-keys")
        assert read_old(made, "volume").roots == ()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("ab" * 32, True),
        (f"{'ab' * 32} {'cd' * 32}", True),
        ("bundle", False),
        ("", False),
        ("AB" * 32, False),
        ("ab" * 31, False),
    ],
)
def test_key_ids_are_told_from_a_path(text, ids):
    assert names_keys(text) is ids
