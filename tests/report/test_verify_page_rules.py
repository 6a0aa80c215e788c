# SPDX-License-Identifier: Apache-2.0
"""verify.html, rule by rule: folders that break one of them, sealed anew by people who sign what they should not."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest

from tests.peers.chromium import Browser, Page
from tests.report.sealed import (
    SERIAL,
    TOKENS,
    Change,
    Files,
    Records,
    Sealed,
    both,
    broken,
    file_named,
    head,
    manifest,
    of_kind,
    person,
    sha,
    slug,
)

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


def record(kind: str, /, **changes: object) -> Change:
    """Change members of the first record of a kind."""
    return lambda records, _: next(r for r in records if r["kind"] == kind).update(changes)


def body(kind: str, /, **changes: object) -> Change:
    return lambda records, _: of_kind(records, kind).update(changes)


def more(kind: str, /, **said: object) -> Change:
    return lambda records, _: records.append({"kind": kind, "body": said})


def insert(kind: str, /, **said: object) -> Change:
    """Add a record before the close, which counts it."""

    def change(records: Records, _: Files) -> None:
        records.insert(-1, {"kind": kind, "body": said})
        counts = records[-1]["body"]["counts"]
        counts[kind] = counts.get(kind, 0) + 1

    return change


def made(step: str, /, **said: object) -> Change:
    return lambda records, _: records.append({"kind": "end", "step": step, "body": {"made": said}})


def deep(levels: int) -> list:
    return [deep(levels - 1)] if levels > 1 else []


def result(**changes: object) -> Change:
    def change(records: Records, _: Files) -> None:
        next(r["body"] for r in records if r["kind"] == "result" and r["body"]["action"] == "sign-head").update(changes)

    return change


def test_a_small_folder_by_the_letter_is_verified(page: Page) -> None:
    assert page.verdict(Sealed().build()) == VERIFIED, page.lines()
    made_ = Sealed("production")
    assert page.verdict(made_.build()) == INCOMPLETE
    assert page.verdict(made_.build(), made_.signers()) == VERIFIED


# --- rules 2 to 5, 10 and 11: what stands in the log ---------------------------------------------

ASIDE = more("set-aside", store="folder", path="x.txt", to="y", bytes=1, sha256=sha(b"x"))
BEFORE: dict[str, tuple[int, int, Change]] = {
    "2 another version": (2, FAILED, record("token", v=2)),
    "2 a version that is true": (2, FAILED, record("token", v=True)),
    "2 another ceremony": (2, FAILED, record("token", ceremony="6f" * 16)),
    "2 a short salt": (2, FAILED, record("token", salt="00")),
    "2 a salt in capitals": (2, FAILED, record("token", salt="AB" * 16)),
    "2 a gap": (2, FAILED, record("token", seq=7)),
    "2 another line before": (2, FAILED, record("token", prev="0" * 64)),
    "2 a clock that ran backwards": (2, FAILED, lambda r, _: (r[1].update(mono_ns=50), r[2].update(mono_ns=49))),
    "2 a clock of another boot": (0, VERIFIED, lambda r, _: (r[1].update(mono_ns=50), r[2].update(mono_ns=49, boot="c"))),
    "2 a time of another form": (2, FAILED, record("token", utc="2026-11-19T09:00:00Z")),
    "2 a day that is none": (2, FAILED, record("token", utc="2026-02-30T09:00:00.000000Z")),
    "2 an hour that is none": (2, FAILED, record("token", utc="2026-02-20T24:00:00.000000Z")),
    "2 an outcome that is none": (2, FAILED, record("token", outcome="done")),
    "2 a body that is a list": (2, FAILED, record("token", body=[])),
    "2 a member more": (2, FAILED, record("token", more=1)),
    "2 an actor that is a number": (2, FAILED, record("token", actor=1)),
    "2 a number that is too large": (2, FAILED, body("token", n=2**53)),
    "2 the largest number": (0, VERIFIED, body("token", n=2**53 - 1, m=-(2**53) + 1)),
    "2 a fraction": (2, FAILED, body("token", n=1.5)),
    "2 a fraction that is whole": (2, FAILED, body("token", n=1.0)),
    "2 a control character": (2, FAILED, body("token", n="a\tb")),
    "2 a delete character": (2, FAILED, body("token", n="a\x7f")),
    "2 text that is not in normal form": (2, FAILED, body("token", n="e\u0301")),
    "2 a key that is not ASCII": (2, FAILED, body("token", é=1)),
    "2 keys that look like others": (0, VERIFIED, body("token", __proto__={"a": 1}, constructor=2, **{"10": 1, "9": 2, "": 3})),
    "2 text of any script": (0, VERIFIED, body("token", n="\u2028é\U0001f600\u202e", m='"\\/')),
    "2 nested as deep as may be": (0, VERIFIED, body("token", n=deep(62))),
    "2 nested too deep": (2, FAILED, body("token", n=deep(63))),
    "2 a line that is too long": (2, FAILED, body("token", n="x" * 65536)),
    "3 another form": (3, FAILED, body("open", form="ceremony/v2")),
    "3 another mode": (3, FAILED, body("open", mode="rehearsal")),
    "3 no mode": (3, FAILED, lambda r, _: r[0]["body"].pop("mode")),
    "3 no opening": (3, FAILED, record("open", kind="begin")),
    "3 opened twice": (3, FAILED, more("open", form="ceremony/v1", mode="practice")),
    "4 an act without a result": (4, FAILED, more("intent", action="wipe-token", key="1")),
    "4 a result of another key": (4, FAILED, both(more("intent", action="a", key="1"), more("result", action="a", key="2"))),
    "4 a result before its act": (4, FAILED, both(more("result", action="a", key="1"), more("intent", action="a", key="1"))),
    "4 a result that failed": (0, VERIFIED, both(more("intent", action="a", key="1"), lambda r, _: r.append({"kind": "result", "outcome": "fail", "body": {"action": "a", "key": "1"}}))),
    "5 a file that is not there": (5, FAILED, more("files", files={"x.txt": "0" * 64})),
    "5 a file of another digest": (5, FAILED, file_named("x.txt", digest="0" * 64)),
    "5 a file that nothing names": (5, FAILED, lambda _, f: f.update({"x.txt": b""})),
    "5 the later record counts": (0, VERIFIED, both(file_named("x.txt", digest="0" * 64), file_named("x.txt"))),
    "5 a file without a name": (5, FAILED, more("files", files={"": "0" * 64})),
    "5 files that are no object": (5, FAILED, more("files", files=["x.txt"])),
    "5 a file set aside": (0, VERIFIED, both(file_named("x.txt"), ASIDE, lambda _, f: f.update(y=f.pop("x.txt")))),
    "5 a file set aside, and there": (5, FAILED, both(file_named("x.txt"), ASIDE, lambda _, f: f.update(y=b"x"))),
    "5 a file set aside on a volume": (0, VERIFIED, more("set-aside", store="a", path="x.txt", to="y", bytes=1, sha256=sha(b"x"))),
    "7 a head of another log": (7, FAILED, file_named("heads/0003.txt", head(b"{}\n"))),
    "7 a head with a line more": (7, FAILED, file_named("heads/0003.txt", head(b"{}\n") + b"\n")),
    "8 a person who is a text": (8, FAILED, lambda r, _: r[0]["body"]["people"].append("Ada")),
    "8 people who are none": (8, FAILED, body("open", people="Ada")),
    "8 a person of an unknown role": (8, FAILED, person(2, role="king")),
    "8 two people of one key": (8, FAILED, lambda r, _: r[0]["body"]["people"][2].update(key=r[0]["body"]["people"][0]["key"] + " other")),
    "8 two people of one name": (8, FAILED, person(2, name="Ada")),
    "9 a quorum of nobody": (9, INCOMPLETE, body("open", quorum={})),
    "9 more people than signed": (9, INCOMPLETE, body("open", quorum={"witness": 2})),
    "9 a role that nobody has": (9, INCOMPLETE, body("open", quorum={"auditor": 1})),
    "9 a role that did not sign": (9, INCOMPLETE, body("open", quorum={"custodian": 1})),
    "9 an unknown role": (9, FAILED, body("open", quorum={"king": 0})),
    "9 nobody independent": (9, INCOMPLETE, person(1, independent=False)),
    "9 independent as a text": (9, INCOMPLETE, person(1, independent="yes")),
    "10 no root key": (10, FAILED, made("root-keys", keys=[])),
    "10 a root key that is a text": (10, FAILED, made("root-keys", keys=["x"])),
    "10 a root key that is no key": (10, FAILED, made("root-keys", keys=[{"serial": SERIAL, "spki": "AAAA"}])),
    "10 a root key that did not sign": (10, FAILED, lambda r, _: of_kind(r, "end")["made"]["keys"].append({**of_kind(r, "end")["made"]["keys"][0], "serial": "2"})),
    "10 a key that was found and did not sign": (10, FAILED, lambda r, f: made("tokens", signing=[{**of_kind(r, "end")["made"]["keys"][0], "serial": "2"}])(r, f)),
    "10 a key that was found alone": (0, VERIFIED, lambda r, f: record("end", step="tokens", body={"made": {"signing": of_kind(r, "end")["made"]["keys"]}})(r, f)),
    "10 a recovery's keys": (0, VERIFIED, both(lambda r, _: r[0]["body"]["plan"].update(kind="recovery"), record("end", step="restore"))),
    "10 another kind's keys": (10, FAILED, record("end", step="restore")),
    "10 a step that was made again": (10, FAILED, more("again", step="root-keys", why="lost")),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "exit_code", "change"), BEFORE.values(), ids=BEFORE.keys())
def test_what_the_log_says_before_the_root_signs(page: Page, rule: int, exit_code: int, change: Change) -> None:
    assert page.verdict(Sealed().build(before=change)) == exit_code, page.lines()
    if rule:
        broken(page, rule)


CLOSE: dict[str, tuple[int, int, Change]] = {
    "4 open acts": (4, FAILED, body("close", open_intents=1)),
    "4 open acts that are false": (4, FAILED, body("close", open_intents=False)),
    "4 other counts": (4, FAILED, lambda r, _: r[-1]["body"]["counts"].update(token=2)),
    "4 a count more": (4, FAILED, lambda r, _: r[-1]["body"]["counts"].update(medium=0)),
    "4 no counts": (4, FAILED, lambda r, _: r[-1]["body"].pop("counts")),
    "4 other deviations": (4, FAILED, body("close", deviations=0)),
    "4 another inventory": (4, FAILED, body("close", inventory="0" * 64)),
    "4 no report": (4, FAILED, lambda r, _: r[-1]["body"].pop("report")),
    "4 closed twice": (4, FAILED, lambda r, _: r.append(dict(r[-1]))),
    "4 something after the close": (4, FAILED, more("check", name="x", saw="y", hint="")),
    "4 no close": (4, INCOMPLETE, lambda r, _: r.pop()),
    "5 another report": (5, FAILED, body("close", report="0" * 64)),
    "5 no report": (5, FAILED, lambda _, f: f.pop("report.html")),
    "8 a signature of nobody": (8, FAILED, lambda _, f: f.update({"heads/0001.eve-00000000.sig": b"x"})),
    "8 a signature over no head": (8, FAILED, lambda _, f: f.update({f"heads/0007.{slug('Wim')}.sig": b"x"})),
    "10 no signature of the root": (10, FAILED, result(action="sign-bread")),
    "10 a signature over another head": (10, FAILED, result(head="0" * 64)),
    "10 a signature that is no base64": (10, FAILED, result(signature="!")),
    "10 a signature that is too short": (10, FAILED, result(signature="AAAA")),
    "10 another signature": (10, FAILED, result(signature=base64.b64encode(bytes(64)).decode())),
    "10 a signature that failed": (10, FAILED, lambda r, _: next(x for x in r if x["body"].get("head")).update(outcome="fail")),
    "10 something signed after the head": (10, FAILED, insert("result", action="sign-root", key="x")),
    "10 another head signature for openssl": (10, FAILED, lambda r, f: (f.update({f"{TOKENS}/head.sig": b"x"}), insert("files", files={f"{TOKENS}/head.sig": sha(b"x")})(r, f))),
    "10 another key for openssl": (10, FAILED, lambda r, f: (f.update({f"{TOKENS}/public.pem": b"x"}), insert("files", files={f"{TOKENS}/public.pem": sha(b"x")})(r, f))),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "exit_code", "change"), CLOSE.values(), ids=CLOSE.keys())
def test_what_the_log_says_before_people_sign(page: Page, rule: int, exit_code: int, change: Change) -> None:
    found = page.verdict(Sealed().build(close=change))
    if "no close" in page.text("#rules") and exit_code == INCOMPLETE:
        assert found == INCOMPLETE or "is named by no record" in page.text("#rules")
    else:
        assert found == exit_code, page.lines()
    broken(page, rule)


PRODUCTION: dict[str, Change] = {
    "something stood in": more("substitution", what="the request"),
    "a token in software": body("token", software=True),
    "a token of which nothing is said": lambda r, _: of_kind(r, "token").pop("software"),
    "a token of which a text is said": body("token", software="no"),
}


@pytest.mark.parametrize("change", PRODUCTION.values(), ids=PRODUCTION.keys())
def test_a_production_stands_on_real_things(page: Page, change: Change) -> None:
    made_ = Sealed("production")
    assert page.verdict(made_.build(before=change), made_.signers()) == FAILED
    assert broken(page, 11) == {11}


# --- rule 6: the manifest ---------------------------------------------------------------------------


def rewritten(change: Callable[[list[str]], list[str] | None]) -> Callable[[Files], None]:
    def after(files: Files) -> None:
        rows = files["MANIFEST.sha256"].decode().splitlines(keepends=True)
        files["MANIFEST.sha256"] = "".join(change(rows) or rows).encode("utf-8", "surrogateescape")

    return after


MANIFESTS = {
    "a line fewer": rewritten(lambda rows: rows[1:]),
    "a line twice": rewritten(lambda rows: [rows[0], *rows]),
    "another order": rewritten(lambda rows: [rows[1], rows[0], *rows[2:]]),
    "one blank": rewritten(lambda rows: [rows[0].replace("  ", " "), *rows[1:]]),
    "a star": rewritten(lambda rows: [rows[0].replace("  ", " *"), *rows[1:]]),
    "capitals": rewritten(lambda rows: [rows[0][:64].upper() + rows[0][64:], *rows[1:]]),
    "carriage returns": rewritten(lambda rows: [row.replace("\n", "\r\n") for row in rows]),
    "no newline at the end": rewritten(lambda rows: [*rows[:-1], rows[-1].rstrip()]),
    "an empty line": rewritten(lambda rows: [*rows, "\n"]),
    "a comment": rewritten(lambda rows: ["# files\n", *rows]),
    "a file that is not there": rewritten(lambda rows: [*rows, f"{'0' * 64}  zzz\n"]),
    "itself": rewritten(lambda rows: [f"{'0' * 64}  MANIFEST.sha256\n", *rows]),
    "another digest": rewritten(lambda rows: ["0" * 64 + rows[0][64:], *rows[1:]]),
    "no text": lambda files: files.update({"MANIFEST.sha256": b"\xff"}),
    "nothing": lambda files: files.update({"MANIFEST.sha256": b""}),
}


@pytest.mark.parametrize("after", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_the_manifest_has_one_form(page: Page, after: Callable[[Files], object]) -> None:
    assert page.verdict(Sealed().build(after=after)) == FAILED
    assert broken(page, 6) == {6}


def test_names_are_sorted_by_their_bytes(page: Page) -> None:
    def aside(number: int, to: str) -> Change:
        said = more("set-aside", store="folder", path=f"x{number}", to=to, bytes=1, sha256=sha(b"x"))
        return both(file_named(f"x{number}"), said, lambda _, files: files.update({to: files.pop(f"x{number}")}))

    # In UTF-16 the first of these comes before the second.
    files = Sealed().build(
        before=both(aside(1, "\U0001f600"), aside(2, "\uff5e"), aside(3, "\u00e9"), file_named("a.b"), file_named("a/b"))
    )
    assert page.verdict(files) == VERIFIED, page.lines()


# --- rule 7: heads -----------------------------------------------------------------------------------


def final(old: bytes, new: bytes) -> Callable[[Files], None]:
    """Change the last head, have it signed so, and named so in the manifest."""

    def after(files: Files) -> None:
        assert old in files["heads/0002.txt"]
        files["heads/0002.txt"] = files["heads/0002.txt"].replace(old, new, 1)

    return after


HEADS = {
    "a blank more": final(b"entries: ", b"entries:  "),
    "a zero in front": final(b"entries: ", b"entries: 0"),
    "carriage returns": final(b"\n", b"\r\n"),
    "another form": final(b"/v1", b"/v2"),
    "a line more": final(b"merkle", b"more: 1\nmerkle"),
    "another ceremony": final(b"5e5e5e", b"6e6e6e"),
    "capitals": final(b"5e5e5e", b"5E5E5E"),
    "other bytes": final(b"bytes: ", b"bytes: 1"),
    "more records": final(b"entries: 1", b"entries: 11"),
}


@pytest.mark.parametrize("after", HEADS.values(), ids=HEADS.keys())
def test_a_head_has_one_form_and_states_this_log(page: Page, after: Callable[[Files], None]) -> None:
    made_ = Sealed()

    def sign_and_name(files: Files) -> None:
        after(files)
        for name in ("Ada", "Wim"):
            files[f"heads/0002.{slug(name)}.sig"] = made_.sign(name, files["heads/0002.txt"])
        files["MANIFEST.sha256"] = manifest(files)

    assert page.verdict(made_.build(after=sign_and_name)) == FAILED
    assert broken(page, 7) == {7}
