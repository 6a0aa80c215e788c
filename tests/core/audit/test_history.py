# SPDX-License-Identifier: Apache-2.0
"""The history of a key: ceremonies laid side by side, and what is published beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.history import Chapter, chapter, check_history, check_published, in_order
from ceremony.core.audit.verdict import Finding, Level
from ceremony.core.bundle import LOG
from ceremony.core.plan import Mode
from ceremony.core.request import INDEX, Repository, Request, build_index, store
from tests.core.audit.test_signed_logs import held
from tests.core.audit.test_tampering import fast_seal, whole
from tests.core.audit.test_verdict import Records, edit, of_kind, rechained
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]

APP, WEB = "docker.io/acme/app", "docker.io/acme/web"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def held_on(day: int, previous: str, **changes: object) -> Chapter:
    """Return the ceremony of a day of November, whose log has the digest of `log <day>`."""
    one = Chapter(
        place=f"dir/{day:02}", ceremony=f"{day:02}" * 16, kind="renewal" if day > 1 else "genesis", mode="production",
        began=f"2026-11-{day:02}T09:00:00.000000Z", previous=previous, head=digest(f"log {day}"), closed=True,
        verdict=Level.OK, worst="", roots=frozenset({(APP, digest(f"root {day}"))}), requested=frozenset(),
    )  # fmt: skip
    return replace(one, **changes)


ONE = held_on(1, "first")
TWO = held_on(2, ONE.head)
THREE = held_on(3, TWO.head)
WHOLE = (ONE, TWO, THREE)
GAP = "follows a ceremony that is not there, or not closed"


def said(findings: Sequence[Finding], *levels: Level) -> list[str]:
    return [f"{f.level.name} {f.subject}: {f.text}" for f in findings if f.level in (levels or tuple(Level))]


def bad(chapters: Sequence[Chapter], own: Chapter = ONE) -> list[str]:
    return [f.text for f in check_history(chapters, own) if f.level is not Level.OK]


# --- what holds ---------------------------------------------------------------------


@pytest.mark.parametrize("order", [WHOLE, WHOLE[::-1], (TWO, THREE, ONE)], ids=["in order", "backwards", "mixed"])
def test_a_whole_history_is_a_timeline(order):
    findings = check_history(order, TWO)
    assert said(findings) == [
        *(f"OK ceremony {one.ceremony}: {one.kind}, production, began {one.began}; its log ends as {one.head}" for one in WHOLE),
        "OK history: 3 ceremonies follow one another without a gap",
    ]
    assert list(in_order(order)) == list(WHOLE)


def test_one_ceremony_is_a_history():
    assert bad([ONE]) == []


def test_a_folder_and_its_tar_are_one_ceremony():
    again = replace(TWO, place="dir/02.tar")
    assert bad([*WHOLE, again]) == []
    assert len(in_order([*WHOLE, again])) == 3


def test_the_last_ceremony_may_be_unfinished():
    last = replace(THREE, closed=False, verdict=Level.INCOMPLETE, worst="ceremony.jsonl: there is no close record")
    assert bad([ONE, TWO, last], last) == ["dir/03 does not verify: ceremony.jsonl: there is no close record"]
    assert "it is not closed" in check_history([ONE, TWO, last], last)[2].text


def test_a_clock_that_was_wrong_does_not_change_the_order():
    early = replace(THREE, began="1999-01-01T00:00:00.000000Z")
    assert list(in_order([early, TWO, ONE])) == [ONE, TWO, early]
    assert bad([early, TWO, ONE]) == []


# --- what does not --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chapters", "wanted"),
    [
        pytest.param((TWO, THREE), [f"{TWO.ceremony} {GAP}: its log ends as {ONE.head}"], id="the first is gone"),
        pytest.param((ONE, THREE), [f"{THREE.ceremony} {GAP}: its log ends as {TWO.head}"], id="one in the middle is gone"),
        pytest.param((ONE, replace(TWO, closed=False), THREE), [f"{THREE.ceremony} {GAP}"], id="one was never closed"),
        pytest.param((ONE, replace(TWO, head="0" * 64), THREE), [f"{THREE.ceremony} {GAP}"], id="another log in the middle"),
        pytest.param((ONE, replace(TWO, previous="")), ["its log ends as nothing"], id="it names none"),
        pytest.param(
            (ONE, TWO, held_on(4, ONE.head)),
            [f"{TWO.ceremony} and {'04' * 16} follow the same ceremony, whose log ends as {ONE.head}"],
            id="a fork",
        ),
        pytest.param(
            (ONE, TWO, held_on(3, "first")), [f"{ONE.ceremony} and {THREE.ceremony} each say that they are the first"], id="two first"
        ),
        pytest.param(
            (ONE, replace(TWO, previous=THREE.head), THREE),
            [f"{TWO.ceremony} and {THREE.ceremony} follow one another in a ring"],
            id="a ring beside the first",
        ),
        pytest.param(
            (replace(ONE, previous=THREE.head), TWO, THREE),
            ["none of its ceremonies is the first", "follow one another in a ring"],
            id="a ring",
        ),
        pytest.param((ONE, replace(TWO, previous=TWO.head)), [f"{TWO.ceremony} follow one another in a ring"], id="itself"),
        pytest.param(
            (ONE, TWO, replace(held_on(3, TWO.head), ceremony=TWO.ceremony)),
            [f"dir/02 and dir/03 hold different logs of ceremony {TWO.ceremony}"],
            id="two logs of one ceremony",
        ),
        pytest.param((ONE, replace(TWO, mode="practice")), ["not of one mode, but of practice and production"], id="a practice"),
        pytest.param((ONE, replace(TWO, mode="")), ["not of one mode, but of none and production"], id="no mode"),
        pytest.param((TWO,), ["does not hold this ceremony", "none of its ceremonies", GAP], id="not this one"),
        pytest.param((replace(ONE, head="0" * 64),), [f"does not hold this ceremony, {ONE.ceremony}, as it is"], id="another log of it"),
        pytest.param(
            (ONE, replace(TWO, verdict=Level.FAILED, worst="x: was changed")), ["dir/02 does not verify: x: was changed"], id="one fails"
        ),
    ],
)  # fmt: skip
def test_a_history_with_a_gap_a_fork_or_a_ring_fails(chapters, wanted):
    findings = check_history(chapters, ONE)
    failed = [f.text for f in findings if f.level is Level.FAILED]
    assert all(any(text in line for line in failed) for text in wanted), failed
    assert len([f for f in findings if f.subject.startswith("ceremony ")]) == len(in_order(chapters))


def test_a_ring_is_told_once_and_what_hangs_on_it_is_none():
    four = held_on(4, THREE.head)
    told = bad([ONE, replace(TWO, previous=THREE.head), THREE, four])
    assert len([text for text in told if "ring" in text]) == 1
    assert any(text.startswith(f"{TWO.ceremony} and {THREE.ceremony} follow one another in a ring") for text in told)


# --- what is published ------------------------------------------------------------------


def published(*roots: tuple[str, int, str]) -> Request:
    """Return what was fetched: repository, version and what the root says; the size is that of this text."""
    found: dict[str, Repository] = {}
    for name, version, text in roots:
        have = found.get(name, Repository({}, {})).metadata.get("root", ())
        found[name] = Repository({}, {"root": (*have, store(name, "root", version, text.encode()))})
    return Request("https://notary.example", found, "sha256:" + "0" * 64)


def test_every_version_of_every_root_was_made_in_the_history():
    assert said(check_published(WHOLE, published((APP, 1, "root 1"), (APP, 2, "root 2"), (APP, 3, "root 3")))) == [
        "OK published: 3 root versions of 1 repositories were made in the history, or before it began"
    ]


def test_a_version_that_the_history_made_and_went_over_is_none_that_is_missed():
    assert said(check_published(WHOLE, published((APP, 3, "root 3"))), Level.FAILED) == []


def test_what_was_published_when_the_first_ceremony_was_held_belongs_to_it():
    began = replace(ONE, requested=frozenset({(WEB, digest("old"))}))
    assert said(check_published([began, TWO], published((WEB, 7, "old"))), Level.FAILED) == []
    later = replace(TWO, requested=frozenset({(WEB, digest("old"))}))  # what a later one found is no beginning
    assert len(said(check_published([ONE, later], published((WEB, 7, "old"))), Level.FAILED)) == 1


@pytest.mark.parametrize(
    ("roots", "which"),
    [
        pytest.param([(APP, 4, "root 4")], f"version 4 of {APP}", id="a later version"),
        pytest.param([(APP, 1, "root 1"), (APP, 2, "other"), (APP, 3, "root 3")], f"version 2 of {APP}", id="one between"),
        pytest.param([(WEB, 1, "root 1")], f"version 1 of {WEB}", id="of another repository"),
    ],
)
def test_a_root_that_was_made_elsewhere_shows(roots, which):
    assert said(check_published(WHOLE, published(*roots))) == [
        f"FAILED published: root {which} belongs to no ceremony of the history: it was made elsewhere"
    ]


def test_nothing_that_is_published_shows_nothing():
    assert said(check_published(WHOLE, published())) == ["INCOMPLETE published: holds no root of any repository"]


# --- what a folder says of itself ---------------------------------------------------------


def test_a_chapter_is_read_from_its_folder():
    files = whole()
    found = chapter("dir/one", audit(FakeFolder(files=files)))
    first = json.loads(files[LOG].splitlines()[0])
    path = f"bundle/tuf/{APP}/metadata/root.json"
    assert (found.place, found.ceremony, found.kind, found.mode) == ("dir/one", first["ceremony"], "genesis", "practice")
    assert (found.began, found.previous, found.closed, found.verdict) == (first["utc"], "first", True, Level.OK)
    assert found.head == hashlib.sha256(files[LOG]).hexdigest()
    last = max(name for name in files if name.startswith("heads/") and name.endswith(".txt"))
    assert f"\nsha256: {found.head}\n".encode() in files[last]
    assert (APP, hashlib.sha256(files[path]).hexdigest()) in found.roots
    assert len(found.roots) == 2
    assert found.worst == ""
    assert found.requested == frozenset()
    assert bad([found], found) == []


def test_two_real_ceremonies_follow_one_another():
    one = chapter("one", audit(FakeFolder(files=whole())))

    def follow(records: Records) -> None:
        of_kind(records, "open")["previous"] = one.head
        for record in records:
            record["ceremony"] = "0d" * 16

    two = chapter("two", rechained(follow))
    assert (two.previous, two.verdict) == (one.head, Level.FAILED)
    assert [f.text for f in check_history([two, one], one) if f.level is Level.FAILED] == [f"two does not verify: {two.worst}"]


def test_what_was_published_before_is_read_from_the_request():
    known = Repository({}, {"root": (store(APP, "root", 1, b"old"),)})
    index = build_index("https://notary.example", {APP: known})
    files = {**whole(), f"evidence/request/{INDEX}": index}
    assert chapter("x", audit(FakeFolder(files=files))).requested == {(APP, hashlib.sha256(b"old").hexdigest())}
    files = {**whole(), f"evidence/request/{INDEX}": b"{"}
    assert chapter("x", audit(FakeFolder(files=files))).requested == frozenset()


@pytest.mark.parametrize("log", [pytest.param(b"", id="an empty log"), pytest.param(b"no log\n", id="no log")])
def test_a_folder_without_a_record_is_a_chapter_that_fails(log):
    found = chapter("dir/x", audit(FakeFolder(files={LOG: log})))
    assert (found.ceremony, found.kind, found.mode, found.closed, found.verdict) == ("", "", "", False, Level.FAILED)
    texts = bad([found], found)
    assert "none of its ceremonies is the first: the beginning is not there" in texts
    assert any(text.startswith("dir/x does not verify: ") for text in texts)


def test_a_plan_that_is_a_text_has_no_kind():
    assert chapter("x", rechained(edit("open", plan="a plan"))).kind == ""


def test_a_production_without_signers_is_as_incomplete_in_a_history_as_by_itself():
    found = chapter("x", audit(FakeFolder(files=dict(held(mode=Mode.PRODUCTION)))))
    (text,) = bad([found], found)
    assert text.startswith("x does not verify: mode: PRODUCTION")
