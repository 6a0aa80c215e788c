# SPDX-License-Identifier: Apache-2.0
"""Records that anybody could have written: every row is judged, nothing raises, and what is not shown is not met."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core.clauses import Clause, Holds, judge, limits
from tests.core.clauses.folders import Records, held, listing, told

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def _either(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)


JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, _either, max_leaves=6)
KINDS = sorted(
    {record["kind"] for record in listing(held("yubikey"))} | {"volume-out", "volume-whole", "deviation", "resume", "share"}
)


def rows(what: str, *changes: Any, **more: Any) -> tuple[Clause, ...]:
    """Judge a folder, and tell its limits too."""
    given_ = told(held(what), *changes, **more)
    assert limits(*given_)
    return judge(*given_)


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, {"x": 1}, [[1]], [None], True, "é", -1])
def test_no_member_of_any_type_raises(junk):
    """Every member of every body, one kind of record after the other, becomes something else."""
    for kind in {record["kind"] for record in listing(held("yubikey"))}:

        def change(records: Records, kind: str = kind) -> None:
            for record in records:
                if record["kind"] == kind:
                    record["body"] = {name: deepcopy(junk) for name in record["body"]}

        assert rows("yubikey", change)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_without_its_members_raises_or_is_more_than_before(kind):
    def empty(records: Records) -> None:
        for record in records:
            if record["kind"] == kind:
                record["body"] = {}

    before = {row.number for row in rows("shares") if row.finding is Holds.MET}
    after = {row.number for row in rows("shares", empty) if row.finding is Holds.MET}
    assert after <= before


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS) | TEXT,
            st.dictionaries(
                st.sampled_from(["action", "key", "made", "token", "name", "how", "files", "role", "by"]) | TEXT, JSON, max_size=5
            ),
            st.sampled_from(["ok", "fail", "refused", "pending"]),
            st.sampled_from(["protector", "root-keys", "tokens", "roll-call", "restore"]) | TEXT,
        ),
        max_size=12,
    )
)
def test_no_records_of_anybody_raise(written):
    first = listing(held("yubikey"))[0]

    def change(_: Records) -> Records:
        return [{**first, "kind": kind, "body": body, "outcome": outcome, "step": step} for kind, body, outcome, step in written]

    found = rows("yubikey", change)
    assert {row.row for row in found} == set(range(1, 32))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(TEXT, JSON, max_size=4),
    st.sampled_from(["keys", "signing", "shares", "tokens", "present", "custodian"]),
    JSON,
)
def test_nothing_that_a_step_made_raises(more, name, value):
    def change(records: Records) -> None:
        for record in records:
            if record["kind"] == "end":
                record["body"] = {"made": {**more, name: value}}

    assert rows("shares", change)


def test_a_signature_of_somebody_who_is_not_of_the_plan_counts_for_nobody():
    def other(records: Records) -> None:
        records[0]["body"]["people"] = [{"name": "Mallory", "role": "auditor", "independent": True}]

    found = {row.number: row.finding for row in rows("shares", other)}
    assert {found[number] for number in ("2a", "9i", "12j", "26c", "27")} == {Holds.NOT_MET}


def test_a_stray_file_answers_nothing():
    past, records, plan, names = told(held("yubikey"))
    stray = [*names, "evidence/tokens/1/attestation.pem", "deliver/x", "bundle/tuf/x/metadata/root.json"]
    assert judge(past, records, plan, stray) == judge(past, records, plan, names)
