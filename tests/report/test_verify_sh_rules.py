# SPDX-License-Identifier: Apache-2.0
"""verify.sh, rule by rule: the folders by which verify.html is judged too, each with one thing wrong and the rest made to fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ceremony.core import canonical
from tests.peers.verify_sh import SCRIPT, Verdict, verdict
from tests.report.sealed import (
    INVENTORY,
    Change,
    Files,
    Records,
    Sealed,
    chained,
    file_named,
    manifest,
    of_kind,
    person,
    sha,
    slug,
)
from tests.report.ssh_keys import KINDS, Bent, SshKey, key
from tests.report.test_verify_page_people import BENT, LISTED, signed_with
from tests.report.test_verify_page_rules import BEFORE, CLOSE, HEADS, MANIFESTS, PRODUCTION, more

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3
WIM_SIG = f"heads/0002.{slug('Wim')}.sig"
NOT_SEEN = "2 text that is not in normal form"
"""The one rule that needs Unicode's tables; the script says so."""


def alone(found: Verdict, said: str) -> None:
    """Assert that one thing failed, and how it was said."""
    assert [said in line for line in found.having("FAILED")] == [True], found.out
    assert found.code == FAILED


@pytest.mark.parametrize(
    ("exit_code", "change"), [pytest.param(*row[1:], id=name) for name, row in BEFORE.items() if name != NOT_SEEN]
)
def test_what_the_log_says_before_the_root_signs(exit_code: int, change: Change):
    found = verdict(Sealed().build(before=change))
    assert found.code == exit_code, found.out


def test_the_one_form_of_text_is_left_to_the_signatures():
    assert verdict(Sealed().build(before=BEFORE[NOT_SEEN][2])).code == VERIFIED
    assert "Unicode normal form C" in SCRIPT.read_text()


@pytest.mark.parametrize(("exit_code", "change"), [pytest.param(*row[1:], id=name) for name, row in CLOSE.items()])
def test_what_the_log_says_before_people_sign(exit_code: int, change: Change):
    found = verdict(Sealed().build(close=change))
    assert found.code == exit_code, found.out


@pytest.mark.parametrize("change", PRODUCTION.values(), ids=PRODUCTION.keys())
def test_a_production_stands_on_real_things(change: Change):
    made = Sealed("production")
    alone(verdict(made.build(before=change), made.signers()), "in a production")


@pytest.mark.parametrize("after", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_the_manifest_has_one_form(after: Callable[[Files], object]):
    alone(verdict(Sealed().build(after=after)), "MANIFEST.sha256: is not in its one form")


@pytest.mark.parametrize("after", HEADS.values(), ids=HEADS.keys())
def test_a_head_has_one_form_and_states_this_log(after: Callable[[Files], None]):
    made = Sealed()

    def sign_and_name(files: Files) -> None:
        after(files)
        for name in ("Ada", "Wim"):
            files[f"heads/0002.{slug(name)}.sig"] = made.sign(name, files["heads/0002.txt"])
        files["MANIFEST.sha256"] = manifest(files)

    found = verdict(made.build(after=sign_and_name))
    assert found.code == FAILED
    assert {line.split(":")[0] for line in found.having("FAILED")} == {"heads/0002.txt"}


# --- what is missing while a ceremony goes on ---------------------------------------------


def unclosed(records: Records, _: Files) -> None:
    records.pop()


def without(*paths: str) -> Callable[[Files], None]:
    def after(files: Files) -> None:
        for path in paths:
            del files[path]

    return after


def torn(files: Files) -> None:
    files["ceremony.jsonl"] += b'{"actor'
    for path in ("MANIFEST.sha256", "report.html", *(path for path in files if path.startswith("heads/0002"))):
        files.pop(path, None)


FINAL = ("heads/0002.txt", f"heads/0002.{slug('Ada')}.sig", WIM_SIG)
MISSING: dict[str, tuple[Change, Callable[[Files], None], str]] = {
    "2 the rest of a line": (unclosed, torn, "its last line is torn (7 bytes); 12 records before it chain"),
    "4 the close": (unclosed, without("report.html", "MANIFEST.sha256", *FINAL), "there is no close record"),
    "5 a file not yet recorded": (unclosed, lambda files: None, "report.html: is named by no record"),
    "6 the manifest": (lambda r, f: None, without("MANIFEST.sha256"), "MANIFEST.sha256: is not written yet"),
    "7 the last head": (lambda r, f: None, without("MANIFEST.sha256", *FINAL), "heads/0002.txt: is not written yet"),
    "9 a signature": (lambda r, f: None, without(WIM_SIG), "quorum: the final head lacks signatures"),
}


@pytest.mark.parametrize(("close", "after", "said"), MISSING.values(), ids=MISSING.keys())
def test_what_is_not_written_yet_is_incomplete(close: Change, after: Callable[[Files], None], said: str):
    found = verdict(Sealed().build(close=close, after=after))
    assert (found.code, found.having("FAILED")) == (INCOMPLETE, []), found.out
    assert any(said in line for line in found.having("INCOMPLETE")), found.out


def test_a_torn_line_after_the_close_fails():
    def after(files: Files) -> None:
        files["ceremony.jsonl"] += b"{"
        files["MANIFEST.sha256"] = manifest(files)

    alone(verdict(Sealed().build(after=after)), "goes on after its close record")


# --- rule 2: bytes of the log ------------------------------------------------------------------

LINES: dict[str, Callable[[bytes], bytes]] = {
    "a blank after a colon": lambda line: line.replace(b'":', b'": ', 1),
    "a blank at the end": lambda line: line.replace(b"\n", b" \n"),
    "carriage returns": lambda line: line.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda line: b"\xef\xbb\xbf" + line,
    "an empty line": lambda line: b"\n" + line,
    "a NUL": lambda line: line.replace(b"a bag", b"a\0bag"),
    "DEL": lambda line: line.replace(b"a bag", b"a\x7fbag"),
    "U+0085": lambda line: line.replace(b"a bag", b"a\xc2\x85bag"),
    "no UTF-8": lambda line: line.replace(b"a bag", b"a\xffbag"),
    "half a surrogate": lambda line: line.replace(b"a bag", b"a\xed\xa0\x80bag"),
    "too long for its character": lambda line: line.replace(b"a bag", b"a\xc1\xa1bag"),
    "an escaped newline": lambda line: line.replace(b"a bag", b"a\\nbag"),
    "an escaped letter": lambda line: line.replace(b"a bag", b"\\u0061 bag"),
    "an escaped control character": lambda line: line.replace(b"a bag", b"a\\u001bbag"),
    "an escaped DEL": lambda line: line.replace(b"a bag", b"a\\u007fbag"),
    "an escaped slash": lambda line: line.replace(b"a bag", b"a\\/bag"),
    "a key twice": lambda line: line.replace(b'"expected":', b'"expected":1,"expected":'),
    "another order": lambda line: line.replace(b'"decided":"go on","expected":"a bag"', b'"expected":"a bag","decided":"go on"'),
    "a key that is not ASCII": lambda line: line.replace(b'"a box"', '"a box","é":1'.encode()),
    "a fraction": lambda line: line.replace(b'"a box"', b"1.5"),
    "a fraction of nothing": lambda line: line.replace(b'"a box"', b"1.0"),
    "an exponent": lambda line: line.replace(b'"a box"', b"1e2"),
    "a large exponent": lambda line: line.replace(b'"a box"', b"1E+20"),
    "2^53": lambda line: line.replace(b'"a box"', b"9007199254740992"),
    "-2^53": lambda line: line.replace(b'"a box"', b"-9007199254740992"),
    "a number of 30 digits": lambda line: line.replace(b'"a box"', b"1" * 30),
    "nought below nought": lambda line: line.replace(b'"a box"', b"-0"),
    "a zero in front": lambda line: line.replace(b'"a box"', b"01"),
    "no number": lambda line: line.replace(b'"a box"', b"nan"),
    "infinity": lambda line: line.replace(b'"a box"', b"1e1000"),
    "65 levels": lambda line: line.replace(b'"a box"', b"[" * 63 + b"]" * 63),
    "two objects": lambda line: line.replace(b"\n", b"{}\n"),
    "no object": lambda _: b"[]\n",
    "a line of 65,537 bytes": lambda line: line.replace(b"a bag", b"x" * (65_537 - len(line) + 5)),
}
FINE: dict[str, Callable[[bytes], bytes]] = {
    "2^53 - 1": lambda line: line.replace(b'"a box"', b"[9007199254740991,-9007199254740991,0]"),
    "64 levels": lambda line: line.replace(b'"a box"', b"[" * 62 + b"]" * 62),
    "brackets and numbers in a text": lambda line: line.replace(
        b"a box", b"[" * 99 + b'1.5e3 -0 01 99999999999999999999 \\\\\\" {'
    ),
    "any letter": lambda line: line.replace(b"a box", "é 😀 ￿ \u2028 \u00a0 \u202e ÿ".encode()),
    "a line of 65,536 bytes": lambda line: line.replace(b"a bag", b"x" * (65_536 - len(line) + 5)),
}


def with_line(change: Callable[[bytes], bytes]) -> Files:
    """Return a folder whose deviation was written in another form, and everything after it made to fit."""
    at = next(i for i, r in enumerate(Sealed().said()) if r["kind"] == "deviation")

    def after(files: Files) -> None:
        rows = files["ceremony.jsonl"].splitlines(keepends=True)
        bent = change(rows[at])
        assert bent != rows[at]
        rows[at] = bent
        files["ceremony.jsonl"] = b"".join(rows)

    return Sealed().build(after=after)


@pytest.mark.parametrize("change", LINES.values(), ids=LINES.keys())
def test_a_line_in_any_other_form_is_no_record(change: Callable[[bytes], bytes]):
    found = verdict(with_line(change))
    first = found.having("FAILED")[0]
    assert first.startswith("ceremony.jsonl: record 4 "), found.out
    assert "names the hash" not in first
    assert found.code == FAILED


@pytest.mark.parametrize("change", FINE.values(), ids=FINE.keys())
def test_a_line_in_its_one_form_is_a_record_however_odd(change: Callable[[bytes], bytes]):
    found = verdict(with_line(change))
    # The next record still names the line that stood here.
    assert found.having("FAILED")[0] == "ceremony.jsonl: record 5 does not name the hash of the line before it", found.out


@pytest.mark.parametrize("log", [b"", b"\n", b"x", b"{}\n", b"\0" * 100, b"[" * 100_000 + b"\n", b"\xff\n"])
def test_what_is_no_log_fails(log: bytes):
    found = verdict(Sealed().build(after=lambda files: files.update({"ceremony.jsonl": log})))
    assert found.code == FAILED
    assert "ceremony.jsonl: does not begin with the record that opens a ceremony" in found.having("FAILED")


def test_no_log_at_all_fails():
    found = verdict({"README.txt": b""})
    assert (found.code, found.lines) == (FAILED, ["FAILED      ceremony.jsonl: is not in this folder", "FAILED"])
    assert verdict({}).code == FAILED


@pytest.mark.parametrize(
    ("utc", "code"),
    [
        pytest.param("2028-02-29T23:59:59.999999Z", VERIFIED, id="a leap day"),
        pytest.param("2027-02-29T23:59:59.999999Z", FAILED, id="no leap day"),
        pytest.param("2026-00-10T00:00:00.000000Z", FAILED, id="no month"),
        pytest.param("2026-13-10T00:00:00.000000Z", FAILED, id="a thirteenth month"),
        pytest.param("2026-04-31T00:00:00.000000Z", FAILED, id="a 31st of April"),
        pytest.param("2026-04-30T24:00:00.000000Z", FAILED, id="24 o'clock"),
        pytest.param("2026-04-30T23:59:60.000000Z", FAILED, id="a leap second"),
        pytest.param("2026-04-30T23:59:59.00000Z", FAILED, id="five digits"),
        pytest.param("2026-04-30T23:59:59.000000+00:00", FAILED, id="an offset"),
        pytest.param("2026-04-30 23:59:59.000000Z", FAILED, id="a blank"),
    ],
)
def test_a_time_has_one_form(utc: str, code: int):
    assert verdict(Sealed().build(before=lambda r, _: r[1].update(utc=utc))).code == code


def test_digests_are_compared_as_text():
    """Both are nought as numbers, or too large for one."""
    for was, other in (("0e" + "1" * 62, "0e" + "2" * 62), ("9e" + "9" * 62, "8e" + "9" * 62)):
        records = Sealed().said()
        assert chained([{**records[0], "prev": was}]) != chained([{**records[0], "prev": other}])
        found = verdict(Sealed().build(before=lambda r, _, was=was: r[0].update(prev=was)))
        assert "ceremony.jsonl: record 0 does not name the hash of the line before it" in found.having("FAILED")
    made = file_named("x", b"x", digest="0x" + "0" * 62)
    alone(verdict(Sealed().build(before=made)), "x: is not the file that was recorded")


def test_every_act_needs_its_own_result_later():
    acts = [("intent", "a", "b c"), ("intent", "a b", "c"), ("result", "a", "b c")]

    def before(records: Records, _: Files) -> None:
        records.extend({"kind": kind, "body": {"action": action, "key": key_}} for kind, action, key_ in acts)

    alone(verdict(Sealed().build(before=before)), "was closed with an open act: a b c")


# --- rules 8, 9 and 12 ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hashed", [b"sha256", b"sha512"])
def test_takes_signatures_of_every_kind_of_key(kind: str, hashed: bytes):
    wim = key(kind)
    assert verdict(signed_with(wim, lambda message: wim.sign(message, Bent(hash=hashed)))).code == VERIFIED


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "sk-ecdsa-sha2-nistp256@openssh.com"])
@pytest.mark.parametrize("bent", BENT.values(), ids=BENT.keys())
def test_refuses_signatures_in_any_other_form(kind: str, bent: Bent):
    wim = key(kind)
    alone(verdict(signed_with(wim, lambda message: wim.sign(message, bent))), WIM_SIG)


@pytest.mark.parametrize(
    ("kind", "bent", "said"),
    [
        pytest.param("ecdsa-sha2-nistp256", Bent(long_numbers=True), "another than their one form", id="longer numbers"),
        pytest.param("sk-ssh-ed25519@openssh.com", Bent(flags=0), "nobody touched", id="nobody touched"),
        pytest.param("sk-ecdsa-sha2-nistp256@openssh.com", Bent(flags=4), "nobody touched", id="a PIN alone"),
        pytest.param("ssh-rsa", Bent(format="ssh-rsa"), "with another hash", id="RSA with SHA-1"),
        pytest.param("sk-ssh-ed25519@openssh.com", Bent(format="ssh-ed25519"), "format of another key", id="as another kind"),
    ],
)
def test_refuses_what_only_some_kinds_can_get_wrong(kind: str, bent: Bent, said: str):
    wim = key(kind)
    alone(verdict(signed_with(wim, lambda message: wim.sign(message, bent))), said)


def test_a_signature_by_another_key_over_something_else_or_by_a_short_one_fails():
    one, other, short = key("ssh-ed25519"), SshKey("ssh-ed25519"), key("ssh-rsa", 1024)
    alone(verdict(signed_with(one, other.sign)), "was made by another key")
    alone(verdict(signed_with(one, lambda message: one.sign(message + b"x"))), "does not verify")
    alone(verdict(signed_with(short, short.sign)), "whose key in the first record is none")


@pytest.mark.parametrize("junk", [b"", b"\n", b"\0" * 300, b"x" * 200_000, b"-----BEGIN SSH SIGNATURE-----\n", b"\xff" * 9])
def test_junk_in_the_place_of_a_signature_fails(junk: bytes):
    found = verdict(Sealed().build(after=lambda files: files.update({WIM_SIG: junk})))
    assert {line.split(":")[0] for line in found.having("FAILED")} == {WIM_SIG}


def test_a_head_numbered_nought_is_none():
    files = Sealed().build(after=lambda files: files.update({"heads/0000.txt": b"", f"heads/0000.{slug('Wim')}.sig": b""}))
    assert sorted(verdict(files).having("FAILED"))[1:] == [
        "heads/0000.txt: is named by no record",
        f"heads/0000.{slug('Wim')}.sig: is named by no record",
    ]


@pytest.mark.parametrize(
    "name", ["Ada Example", "ÄDA", "--", "é", "İ", "A" * 60, "a\\b", "x" * 39 + " y", "'; touch x; '", "$(id)", "*"]
)
def test_everybody_is_found_by_the_name_of_their_file(name: str):
    def rename(files: Files) -> None:
        files[f"heads/0002.{slug(name)}.sig"] = files.pop(WIM_SIG)

    found = verdict(Sealed().build(before=person(1, name=name), after=rename))
    assert found.code == VERIFIED, found.out


@pytest.mark.parametrize(("exit_code", "text"), LISTED.values(), ids=LISTED.keys())
def test_only_people_whom_the_signers_list_count(exit_code: int, text: Callable[[Sealed], str]):
    made = Sealed("production")
    found = verdict(made.build(), text(made).encode())
    assert found.code == exit_code, found.out


def test_signers_are_asked_for_a_practice_too():
    made = Sealed()
    assert verdict(made.build(), b"").code == INCOMPLETE
    assert verdict(made.build(), made.signers()).code == VERIFIED
    assert verdict(made.build(), b"#" * (2**20 + 1)).code == FAILED


def test_the_inventory_that_counts_is_the_last_recorded():
    def before(records: Records, files: Files) -> None:
        files[INVENTORY] = b"[1]"
        more("files", files={INVENTORY: sha(b"[1]")})(records, files)

    def close(records: Records, _: Files) -> None:
        of_kind(records, "close")["inventory"] = sha(b"[1]")

    assert verdict(Sealed().build(before=before, close=close)).code == VERIFIED
    alone(verdict(Sealed().build(before=before)), "close: its inventory is not what the log holds")


def test_the_table_of_lines_says_what_the_program_says_of_them():
    from ceremony.errors import VerificationError

    line = chained(Sealed().said()).splitlines(keepends=True)[4]
    for name, change in {**LINES, **FINE}.items():
        bent = change(line)
        if name.startswith("a line of") or not bent.endswith(b"}\n") or bent.startswith(b"\n"):
            continue
        try:
            canonical.parse_object(bent[:-1])
        except VerificationError:
            assert name in LINES, name
        else:
            assert name in FINE, name
