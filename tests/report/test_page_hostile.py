# SPDX-License-Identifier: Apache-2.0
"""Folders that strangers wrote: whatever a plan, a device or a log says is text on the page, and nothing makes it fail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core.bundle import LOG, PLAN
from ceremony.core.dialects.notary_signed import canonical_form
from ceremony.report.page import page
from tests.core.chronicle.records import KINDS as RECORDS
from tests.core.chronicle.records import jsons, record
from tests.fakes.folder import FakeFolder
from tests.report.folders import Files, held
from tests.report.outline import Outline, outline

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(2)></style></title><b class=evil>&lt;"
HIDDEN = "a\u202eb\u200bc\ufeffd\u2028e\U000e0041"
"""What is legal in a log and draws nothing, or something else."""
KINDS = ("genesis", "on_yubikeys", "production", "rotation", "recovered", "deviated")
STRUCTURE = {"kind", "step", "outcome", "boot", "utc", "ceremony", "prev", "salt"}
"""Members of a record that its own form, or the reader's, fixes."""


def chained(records: list[dict[str, Any]]) -> bytes:
    """Return a log of these records, each in its form and in its place."""
    lines: list[bytes] = []
    for number, one in enumerate(records):
        prev = hashlib.sha256(lines[-1]).hexdigest() if lines else "0" * 64
        whole = {**one, "seq": number, "prev": prev, "mono_ns": number}
        lines.append(json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    return b"".join(lines)


def records_of(files: Files) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[LOG].splitlines()]


def planted(value: Any, put: Callable[[str], str]) -> Any:
    """Return a value with every text in it, names of members too, replaced."""
    if isinstance(value, dict):
        return {put(name): planted(item, put) for name, item in value.items()}
    if isinstance(value, list):
        return [planted(item, put) for item in value]
    return put(value) if isinstance(value, str) else value


def bodies(value: Any, put: Callable[[str], str]) -> Any:
    """Return a value with every text in it replaced; the names of members stay."""
    if isinstance(value, dict):
        return {name: bodies(item, put) for name, item in value.items()}
    if isinstance(value, list):
        return [bodies(item, put) for item in value]
    return put(value) if isinstance(value, str) else value


def changed(files: Files, log: list[dict[str, Any]], **more: bytes) -> Outline:
    return outline(page(FakeFolder(files={**files, LOG: chained(log), **more})))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where each text of a value is."""
    if isinstance(value, str):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from leaves(item, (*path, name))


def put_at(value: Any, path: tuple[Any, ...], text: str) -> None:
    for name in path[:-1]:
        value = value[name]
    value[path[-1]] = text


# --- markup -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [MARKUP, HIDDEN], ids=["markup", "hidden"])
def test_markup_in_every_text_of_the_log_at_once_is_text(kind, text):
    log = [
        {name: item if name in STRUCTURE else bodies(item, lambda said: f"{said}{text}") for name, item in one.items()}
        for one in records_of(held(kind))
    ]
    told = changed(held(kind), log).words()
    assert ("<script>alert(1)</script>" if text == MARKUP else "a\\u202eb\\u200bc\\ufeffd\\u2028e\\U000e0041") in told
    replaced = [{**one, "body": bodies(one["body"], lambda _: text)} for one in records_of(held(kind))]
    changed(held(kind), replaced)


@pytest.mark.parametrize("kind", ["genesis", "rotation"])
def test_markup_in_one_text_of_each_record_after_the_other_is_text(kind):
    """Plant it where everything else of a record is as it should be: in its first text, in its second, and so on."""
    original = records_of(held(kind))
    for turn in range(8):
        log = records_of(held(kind))
        for one in log[:-1]:
            places = list(leaves({"actor": one["actor"], "body": one["body"]}))
            put_at(one, places[turn % len(places)], MARKUP)
        assert log != original
        changed(held(kind), log)


@pytest.mark.parametrize("kind", KINDS)
def test_markup_in_names_of_files_and_members_is_text(kind):
    log = [{**one, "body": planted(one["body"], lambda said: f"{said}{MARKUP}")} for one in records_of(held(kind))]
    changed(held(kind), log)


JSON_FILES = ("evidence/inventory.json", "evidence/impact.json", "evidence/left-out.json", "evidence/struck-1.json")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("put", [lambda said: f"{said}{MARKUP}", lambda _: HIDDEN], ids=["markup", "hidden"])
def test_markup_in_the_evidence_is_text(kind, put):
    files = dict(held(kind))
    files["evidence/left-out.json"] = b'{"docker.io/acme/lost":"why"}\n'
    log = records_of(files)
    for path in JSON_FILES:
        if path in files:
            value = bodies(json.loads(files[path]), put)
            files[path] = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    named = {path: "" for path in files if path != LOG}
    log.insert(len(log) - 1, {**log[-2], "kind": "files", "step": "close", "outcome": "ok", "body": {"files": named}})
    text = changed(files, log).words()
    assert "Left out" in text


def test_markup_in_the_plan_is_text():
    files = dict(held("rotation"))
    files[PLAN] = files[PLAN].replace(b'"laptop stolen"', json.dumps(MARKUP).encode())
    text = outline(page(FakeFolder(files=files))).words()
    assert "<script>alert(1)</script>" in text


def test_markup_in_what_is_published_and_signed_is_text():
    files = dict(held("rotation"))
    path = "bundle/tuf/docker.io/acme/app/metadata/targets.json"
    file = json.loads(files[path])
    file["signed"]["targets"][MARKUP] = {"hashes": {"sha256": MARKUP}, "length": 3, MARKUP: MARKUP}
    files[path] = canonical_form(file, "targets")
    text = outline(page(FakeFolder(files=files))).words()
    assert f"targets tag {MARKUP.split('>', maxsplit=1)[0]}" in text


def test_a_repository_named_with_markup_is_text():
    files = dict(held("genesis"))
    log = records_of(files)
    for path in [path for path in files if path.startswith("bundle/tuf/docker.io/acme/app/")]:
        other = path.replace("acme/app", f"acme/{MARKUP.replace('/', '')}")
        files[other] = files[path]
        log.insert(-1, {**log[-2], "kind": "files", "outcome": "ok", "body": {"files": {other: ""}}})
    assert "5 repositories signed for" in changed(files, log).words()


# --- nonsense -------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(RECORDS), jsons, st.sampled_from(["ok", "fail", "refused", "pending"])), max_size=8))
def test_no_record_makes_the_page_fail(said):
    log = [record("open", {})]
    for kind, body, outcome in said:
        log.append(record(kind, {"body": body} if not isinstance(body, dict) else body, outcome=outcome))
    outline(page(FakeFolder(files={LOG: chained(log)})))


NONSENSE: Mapping[str, Any] = {
    "nothing": None,
    "a number": 7,
    "a text": "x",
    "a list": ["x", 7, None, {"a": []}],
    "an object": {"a": {"b": [1]}},
    "true": True,
}


@pytest.mark.parametrize("kind", ["genesis", "on_yubikeys", "rotation", "recovered"])
@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
def test_members_of_other_types_make_nothing_fail(kind, value):
    for log in (
        [{**one, "body": dict.fromkeys(one["body"], value)} for one in records_of(held(kind))],
        [
            {**one, "body": {n: dict.fromkeys(m, value) if isinstance(m, dict) else m for n, m in one["body"].items()}}
            for one in records_of(held(kind))
        ],
        [{**one, "body": {}} for one in records_of(held(kind))],
    ):
        changed(held(kind), log)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]\n", b'{"root_keys":[7,{"settings":7,"device":[]}],"repository_keys":[]}\n', b"\xff"]
)
@pytest.mark.parametrize("kind", ["genesis", "rotation"])
def test_evidence_that_cannot_be_read_makes_nothing_fail(kind, data):
    files = {path: data if path != LOG else held(kind)[path] for path in held(kind)}
    outline(page(FakeFolder(files=files)))
    for path in (PLAN, "evidence/inventory.json", "evidence/request/index.json", "heads/0001.txt"):
        outline(page(FakeFolder(files={**held(kind), path: data})))


def test_a_file_that_is_not_there_makes_nothing_fail():
    files = held("rotation")
    outline(page(FakeFolder(files={LOG: files[LOG]})))


def test_another_dialect_lists_what_cannot_be_told():
    log = records_of(held("genesis"))
    log[0]["body"]["plan"]["dialect"] = "scroll"
    assert "The metadata of these cannot be told here: docker.io/acme/app" in changed(held("genesis"), log).words()


def test_a_very_long_log_makes_a_page_of_sane_size():
    log = records_of(held("genesis"))
    one = next(r for r in log if r["kind"] == "files")
    flood = [{**one, "step": "sign", "actor": str(n), "body": {"files": {f"{n}": "0"}}} for n in range(2_000)]
    apart = [record("deviation", {"expected": "x" * 30_000}, step=f"s{n}") for n in range(400)]
    made = page(FakeFolder(files={LOG: chained([*log[:-1], *flood, *apart])}))
    assert "and 1,999 more like it" in outline(made).words()
    assert "and 300 more, see ceremony.jsonl" in outline(made).words()
    assert len(made) < 1_500_000
