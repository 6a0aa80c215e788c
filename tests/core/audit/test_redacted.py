# SPDX-License-Identifier: Apache-2.0
"""Public copies: nobody who was not named is in any byte of one, what is shown verifies, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import json
import random

import pytest

from ceremony.core import canonical, proof, redacted
from ceremony.core.audit import audit
from ceremony.core.audit.redacted import audit_copy, is_copy
from ceremony.core.audit.redacting import redact
from ceremony.core.audit.verdict import Audited, Level
from ceremony.core.bundle import LOG, MANIFEST, README, slug
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, ExitCode
from tests.core.audit.public_copies import EVERYBODY, copy, judged, lines, people, recounted, signers, with_lines
from tests.core.audit.test_signed_logs import held
from tests.core.audit.test_tampering import fast_seal
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]

SEED = 20261119


def texts(result: Audited) -> str:
    return "\n".join(f"{finding.level.name} {finding.subject}: {finding.text}" for finding in result.findings)


def verdict(files) -> ExitCode:
    return judged(files, signers()).verdict


def failed(files, said: str) -> None:
    result = judged(files, signers())
    assert said in texts(result)
    assert result.verdict is ExitCode.FAILED


def withheld(line: bytes) -> bool:
    return line.startswith(b'{"leaf":')


def number(files, kind: str) -> int:
    """Return the number of the first record of a kind that is shown."""
    return next(seq for seq, line in enumerate(lines(files)) if not withheld(line) and json.loads(line)["kind"] == kind)


# --- what is withheld ------------------------------------------------------------------


@pytest.mark.parametrize("named", [("Ada",), ("Ada", "Wim"), EVERYBODY])
def test_nobody_who_was_not_named_is_in_any_byte_of_a_copy(named):
    files = copy(*named)
    everything = b"\n".join(path.encode() + b"\n" + data for path, data in files.items())
    for name, key in people().items():
        blob = base64.b64decode(key.split()[1])
        found = [
            f'"{name}"'.encode() in everything,
            slug(name).encode() in everything,
            key.split()[1].encode() in everything,
            base64.b64encode(blob[-32:]).rstrip(b"=")[2:-2] in everything.replace(b"\n", b""),
            blob in everything,
            blob.hex().encode() in everything.lower(),
            base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=") in everything,
            hashlib.sha256(blob).hexdigest()[:16].encode() in everything.lower(),
        ]
        assert any(found) is (name in named), name


def test_words_that_people_wrote_are_withheld_even_when_everybody_is_named():
    log = held(Mode.PRACTICE)[LOG]
    records = [json.loads(line) for line in log.splitlines()]
    assert not any(map(withheld, lines(copy(*EVERYBODY))))
    a = audit(FakeFolder(files=held(Mode.PRACTICE)))
    a.found.records[7].body["reason"] = "the clock was late"
    made = redact(a, EVERYBODY)
    assert [seq for seq, line in enumerate(made.log.splitlines(keepends=True)) if withheld(line)] == [7]
    assert (made.entries, made.withheld) == (len(records), 1)


def test_who_takes_a_thing_is_withheld_with_its_bag_unless_they_are_named():
    taken = [r["body"] for r in map(json.loads, held(Mode.PRACTICE)[LOG].splitlines()) if r["kind"] == "custody"]
    assert [body["holder"] for body in taken] == ["Sam", "Ada", "Wim", "Ada"]
    log = b"".join(lines(copy("Ada")))
    assert [body["name"] for body in taken if f'"seal":"{body["seal"]}"'.encode() in log] == ["a", "courier"]


def test_a_copy_is_the_same_every_time():
    first, again = (redact(audit(FakeFolder(files=held(Mode.PRACTICE))), ["Ada"]) for _ in range(2))
    assert first == again


def test_what_is_shown_is_what_was_recorded_and_files_are_copies():
    files, whole = copy("Ada"), held(Mode.PRACTICE)
    shown = 0
    for line, raw in zip(lines(files), whole[LOG].splitlines(keepends=True), strict=True):
        assert withheld(line) or line == raw
        shown += not withheld(line)
    assert 0 < shown < len(lines(files))
    assert all(whole[path] == data for path, data in files.items() if path not in {redacted.LOG, redacted.NOTE})
    assert {README, "verify.sh", "bundle/trust-pinning.json", "heads/0001.txt"} <= files.keys()
    assert [path for path in files if path.endswith(".sig") and path.startswith("heads/")] == [
        path for path in whole if path.endswith(f".{slug('Ada')}.sig")
    ]
    for path in (MANIFEST, LOG, "report.html"):
        assert path not in files
    for prefix in ("deliver/", "evidence/plan", "evidence/roll-call/", "evidence/approvals/", "evidence/request/"):
        assert not any(path.startswith(prefix) for path in files)


def test_a_file_that_tells_of_somebody_is_left_out():
    whole = dict(held(Mode.PRACTICE))
    a = audit(FakeFolder(files=whole))
    a.folder.files[README] = whole[README] + b"\nSam was there"
    a.past.files[README] = hashlib.sha256(a.folder.files[README]).hexdigest()
    for record in a.found.records:
        listed = record.body.get("files")
        if record.kind == "files" and README in listed:
            listed[README] = a.past.files[README]
    assert README not in redact(a, ["Ada"]).kept
    assert README in redact(a, ["Ada", "Sam"]).kept


def test_a_file_that_changed_since_it_was_recorded_is_left_out():
    a = audit(FakeFolder(files=held(Mode.PRACTICE)))
    a.folder.files[README] = b"something else"
    assert README not in redact(a, ["Ada"]).kept


def test_a_copy_without_whoever_was_at_the_keyboard_is_refused():
    a = audit(FakeFolder(files=held(Mode.PRACTICE)))
    with pytest.raises(CeremonyError, match="every record would be withheld: each says who was at the keyboard, Ada") as caught:
        redact(a, ["Wim"])
    assert caught.value.hint == 'ask them whether they may be named, then add --named "Ada"'


def test_a_name_that_is_nobodys_is_refused():
    with pytest.raises(CeremonyError, match="nobody in this ceremony is called Eve") as caught:
        redact(audit(FakeFolder(files=held(Mode.PRACTICE))), ["Ada", "Eve"])
    assert caught.value.hint == "its people are Ada, Sam, Wim"


def test_a_folder_that_failed_is_not_copied():
    with pytest.raises(CeremonyError, match="the folder does not verify"):
        redact(audit(FakeFolder(files={**held(Mode.PRACTICE), README: b"changed"})), ["Ada"])


def test_a_folder_without_its_last_head_makes_a_copy_that_is_incomplete():
    last = max(path for path in held(Mode.PRACTICE) if path.startswith("heads/") and path.endswith(".txt"))
    whole = {path: data for path, data in held(Mode.PRACTICE).items() if not path.startswith(last[:-4])}
    a = audit(FakeFolder(files={path: data for path, data in whole.items() if path != MANIFEST}))
    assert a.verdict is ExitCode.INCOMPLETE
    made = redact(a, ["Ada"])
    files = {redacted.LOG: made.log, redacted.NOTE: made.note, **{path: whole[path] for path in made.kept}}
    assert last not in files
    result = judged(files, signers())
    assert result.verdict is ExitCode.INCOMPLETE
    assert "INCOMPLETE heads: none states the whole log" in texts(result)


def test_a_ceremony_that_has_no_head_yet_makes_a_copy_without_one():
    log = b"".join(held(Mode.PRACTICE)[LOG].splitlines(keepends=True)[:6])
    recorded = {path for line in log.splitlines() for path in json.loads(line)["body"].get("files", {})}
    a = audit(FakeFolder(files={LOG: log, **{path: held(Mode.PRACTICE)[path] for path in recorded}}))
    assert a.verdict is ExitCode.INCOMPLETE
    made = redact(a, ["Ada"])
    assert (made.entries, made.kept) == (6, ())


# --- what verifies -------------------------------------------------------------------


def test_a_copy_verifies_with_keys_from_outside():
    result = judged(copy("Ada"), signers())
    assert result.verdict is ExitCode.DONE
    entries, shown = len(lines(copy("Ada"))), sum(not withheld(line) for line in lines(copy("Ada")))
    assert f"OK ceremony-redacted.jsonl: {shown} of {entries} records are shown, {entries - shown} are withheld" in texts(result)
    assert f"states the first {entries} records; its bytes and sha256 cannot be judged" in texts(result)
    assert "OK signers: 1 of those whom they list signed its head" in texts(result)
    assert "OK mode: PRACTICE: a record says what stands in for the real thing" in texts(result)
    assert len(result.found.records) == shown


def test_a_copy_cannot_vouch_for_itself():
    result = judged(copy("Ada"))
    assert result.verdict is ExitCode.INCOMPLETE
    assert "INCOMPLETE signers: it cannot vouch for itself" in texts(result)


def test_a_practice_copy_that_shows_its_first_record_is_judged_by_it():
    result = judged(copy(*EVERYBODY))
    assert (result.verdict, result.mode) == (ExitCode.DONE, Mode.PRACTICE)
    assert "PRACTICE: judged by the practice people that its first record names" in texts(result)
    assert "cannot be judged" not in texts(result)


def test_a_production_copy_needs_keys_from_outside_even_when_it_shows_everybody():
    files = copy(*EVERYBODY, mode=Mode.PRODUCTION)
    assert judged(files).verdict is ExitCode.INCOMPLETE
    assert judged(files, signers(mode=Mode.PRODUCTION)).verdict is ExitCode.DONE


def test_a_production_copy_says_that_its_mode_cannot_be_seen():
    result = judged(copy("Ada", mode=Mode.PRODUCTION), signers(mode=Mode.PRODUCTION))
    assert result.verdict is ExitCode.DONE
    assert "OK mode: record 0, which says whether it was a practice, is withheld" in texts(result)


@pytest.mark.parametrize(
    ("brought", "level", "said"),
    [
        pytest.param(signers(["Wim"]), Level.INCOMPLETE, "nobody whom they list signed its head", id="of others"),
        pytest.param(
            signers(options='valid-before="20200101Z" '), Level.INCOMPLETE, "at which the signers do not take its key", id="too late"
        ),
        pytest.param(
            signers(options='valid-after="20200101Z",valid-before="20990101Z" '), Level.OK, "1 of those", id="in time"
        ),
    ],
)  # fmt: skip
def test_only_signatures_of_people_whom_the_signers_take_count(brought, level, said):
    result = judged(copy("Ada"), brought)
    assert result.verdict == level
    assert said in texts(result)


def test_somebody_whom_the_signers_list_with_another_key_fails():
    other = signers(["Wim"]).lines[0].key.line
    from ceremony.core.signers import parse

    result = judged(copy("Ada"), parse(f"{slug('Ada')} {other}\n".encode()))
    assert result.verdict is ExitCode.FAILED
    assert "was made by another key than those that the signers list" in texts(result)


# --- what does not -------------------------------------------------------------------


def test_no_flipped_bit_in_a_copy_is_accepted():
    chance = random.Random(SEED)
    files, cases = copy("Ada"), 0
    for path, data in files.items():
        for at in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(12))}:
            flipped = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
            assert verdict({**files, path: flipped}) is not ExitCode.DONE, (path, at)
            cases += 1
    assert cases > 200


def test_no_flipped_bit_in_any_line_is_accepted():
    chance = random.Random(SEED)
    files = copy("Ada")
    for place, line in enumerate(lines(files)):
        for at in {len(line) - 1, *(chance.randrange(len(line)) for _ in range(2))}:
            flipped = line[:at] + bytes([line[at] ^ (1 << chance.randrange(8))]) + line[at + 1 :]
            changed = with_lines(files, [*lines(files)[:place], flipped, *lines(files)[place + 1 :]])
            assert verdict(changed) is ExitCode.FAILED, (place, at)


def test_every_byte_of_a_withheld_line_counts():
    files, chance = copy("Ada"), random.Random(SEED)
    place = next(seq for seq, line in enumerate(lines(files)) if withheld(line))
    line = lines(files)[place]
    for at in range(len(line)):
        flipped = line[:at] + bytes([line[at] ^ (1 << chance.randrange(8))]) + line[at + 1 :]
        changed = with_lines(files, [*lines(files)[:place], flipped, *lines(files)[place + 1 :]])
        assert verdict(changed) is ExitCode.FAILED, at


def test_no_line_can_be_dropped_doubled_or_swapped():
    files, there = copy("Ada"), lines(copy("Ada"))
    for place, line in enumerate(there):
        dropped, doubled = [*there[:place], *there[place + 1 :]], [*there[:place], line, *there[place:]]
        swapped = [*there[:place], *reversed(there[place : place + 2]), *there[place + 2 :]]
        for changed in (dropped, doubled, *([swapped] if place + 1 < len(there) else [])):
            assert verdict(recounted(with_lines(files, changed))) is not ExitCode.DONE, place


def test_no_lines_can_be_numbered_anew_after_one_was_dropped_or_swapped():
    files, there = copy("Ada"), lines(copy("Ada"))
    places = [seq for seq in range(len(there) - 1) if withheld(there[seq]) and withheld(there[seq + 1])]
    assert places
    for seq in places:
        first, second = (json.loads(line)["leaf"] for line in there[seq : seq + 2])
        swapped = [f'{{"leaf":"{leaf}","seq":{seq + i}}}\n'.encode() for i, leaf in enumerate([second, first])]
        failed(with_lines(files, [*there[:seq], *swapped, *there[seq + 2 :]]), "does not state these lines")


def test_a_copy_cannot_be_cut_or_lengthened():
    files, there = copy("Ada"), lines(copy("Ada"))
    for count in range(len(there)):
        assert verdict(recounted(with_lines(files, there[:count]))) is ExitCode.FAILED, count
    more = [*there, redacted.stub(b"more", len(there))]
    failed(recounted(with_lines(files, more)), "heads/0005.txt: is named by no record that is shown")
    assert verdict(with_lines(files, [*there[:-1], there[-1][:-1]])) is ExitCode.FAILED


def test_more_can_be_withheld_later_and_it_still_verifies():
    files, there = copy("Ada"), lines(copy("Ada"))
    place = next(seq for seq in range(1, len(there)) if not withheld(there[seq]) and not withheld(there[seq + 1]))
    fewer = [*there[:place], redacted.stub(there[place], place), *there[place + 1 :]]
    assert verdict(recounted(with_lines(files, fewer))) in {ExitCode.DONE, ExitCode.FAILED}  # files may have been named there
    login = number(files, "login")
    fewer = [*there[:login], redacted.stub(there[login], login), *there[login + 1 :]]
    assert verdict(recounted(with_lines(files, fewer))) is ExitCode.DONE
    failed(with_lines(files, fewer), "REDACTED.txt: is not what a copy says of itself")


def test_an_invented_record_cannot_take_the_place_of_a_withheld_one():
    files, there = copy("Ada"), lines(copy("Ada"))
    shown = next(json.loads(line) for line in there if not withheld(line))
    for seq in [seq for seq, line in enumerate(there) if withheld(line)]:
        before = there[seq - 1] if seq else b""
        prev = hashlib.sha256(before).hexdigest() if seq else "0" * 64
        invented = {
            **shown,
            "seq": seq,
            "prev": prev,
            "kind": "open" if seq == 0 else "error",
            "body": {"message": "", "hint": ""},
        }
        line = canonical.encode(invented) + b"\n"
        changed = recounted(with_lines(files, [*there[:seq], line, *there[seq + 1 :]]))
        assert verdict(changed) is ExitCode.FAILED, seq


def chained(files, change) -> dict[str, bytes]:
    """Return the copy with a record changed, and all heads stated anew over it, as its author could have."""
    there = lines(files)
    there = change(there) or there
    leaves = redacted.leaves(b"".join(there))
    changed = dict(recounted(with_lines(files, there)))
    for path in [path for path in changed if path.startswith("heads/") and path.endswith(".txt")]:
        rows = dict(row.split(": ") for row in changed[path].decode().splitlines()[1:])
        count = min(int(rows["entries"]), len(there))
        old = changed[path]
        last = "" if withheld(there[count - 1]) else hashlib.sha256(there[count - 1]).hexdigest()
        new = old.replace(rows["merkle"].encode(), proof.root(leaves[:count]).encode())
        changed[path] = new.replace(rows["chain"].encode(), (last or rows["chain"]).encode())
    return changed


def edit(kind: str, /, **members):
    """Change the first record of a kind, and withhold the one after it, whose `prev` would tell."""

    def change(there):
        seq = next(s for s, line in enumerate(there) if not withheld(line) and json.loads(line)["kind"] == kind)
        there[seq] = canonical.encode({**json.loads(there[seq]), **members}) + b"\n"
        if not withheld(there[seq + 1]):
            there[seq + 1] = redacted.stub(there[seq + 1], seq + 1)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(edit("login", seq=3), "says that it is record 3", id="another number"),
        pytest.param(edit("login", prev="ab" * 32), "does not name the hash of the line before it", id="another line before"),
        pytest.param(edit("login", mono_ns=0), "is older than the record before it", id="an older clock"),
        pytest.param(edit("login", ceremony="ab" * 16), "belongs to another ceremony", id="another ceremony"),
        pytest.param(edit("login", kind="open"), "does not begin with the record that opens", id="opened in the middle"),
        pytest.param(edit("login", kind="close"), "goes on after its close record", id="closed in the middle"),
        pytest.param(edit("login", kind="end", body={}), "does not say what a record of its kind says", id="an empty body"),
        pytest.param(edit("login", outcome="good"), "outcome is not one of", id="no record"),
        pytest.param(
            lambda there: [redacted.stub(line, s) for s, line in enumerate(there)], "shows no record", id="all withheld"
        ),
    ],
)
def test_what_cannot_be_fails_even_where_the_heads_were_stated_anew(change, said):
    failed(chained(copy("Ada"), change), said)


def test_heads_stated_anew_fail_by_the_signatures_over_the_last():
    files = chained(copy("Ada"), edit("login", outcome="fail"))
    failed(files, "does not verify with")


def test_a_first_record_of_an_unknown_mode_fails():
    files = chained(copy(*EVERYBODY), lambda there: edit("open", body={**json.loads(there[0])["body"], "mode": "drill"})(there))
    failed(files, "record 0: is not of a form and mode that are known")


def test_people_of_a_first_record_that_is_shown_are_the_only_ones():
    files = copy(*EVERYBODY)
    ada, wim = (next(path for path in files if path.endswith(f".{slug(name)}.sig")) for name in ("Ada", "Wim"))
    failed({**files, wim: files[ada]}, "is a signature of nobody in the first record, or by another key than there")
    failed({**files, wim.replace("wim", "eve"): files[ada]}, "is a signature of nobody in the first record")


def test_a_copy_of_an_unfinished_log_is_incomplete():
    files = copy(*EVERYBODY)
    shorter = {path: data for path, data in files.items() if "/0005." not in path}
    cut = recounted(with_lines(shorter, lines(shorter)[:-1]))
    assert "INCOMPLETE ceremony-redacted.jsonl: there is no close record" in texts(judged(cut, signers()))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(b"entries: ", b"entries: 1", "records; the copy has", id="more entries"),
        pytest.param(b"entries: ", b"entries: 00", "is not a ceremony-head/v1 statement", id="zeros before"),
        pytest.param(b"origin: ceremony/c", b"origin: ceremony/d", "is of another ceremony", id="another ceremony"),
        pytest.param(b"chain: ", b"chain:", "is not a ceremony-head/v1 statement", id="another form"),
        pytest.param(b"bytes: ", b"bytes: 1", "does not verify with", id="what only signers know"),
    ],
)
def test_another_head_fails(old, new, said):
    failed({**copy("Ada"), "heads/0005.txt": copy("Ada")["heads/0005.txt"].replace(old, new)}, said)


@pytest.mark.parametrize(
    ("old", "said"),
    [
        pytest.param("bytes", "does not state these bytes", id="bytes"),
        pytest.param("sha256", "does not state these bytes", id="digest"),
        pytest.param("chain", "does not state the last of these lines", id="last line"),
        pytest.param("merkle", "does not state these lines", id="tree"),
    ],
)
def test_a_head_is_judged_wholly_where_everything_is_shown(old, said):
    files = copy(*EVERYBODY)
    rows = dict(row.split(": ") for row in files["heads/0005.txt"].decode().splitlines()[1:])
    new = "7" * len(rows[old])
    failed({**files, "heads/0005.txt": files["heads/0005.txt"].replace(rows[old].encode(), new.encode())}, said)


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        pytest.param("bundle/more", b"x", "is named by no record that is shown", id="a file that nothing names"),
        pytest.param(LOG + ".old", b"x", "is named by no record that is shown", id="another log"),
        pytest.param(README, b"x", "is not the file that was recorded", id="another file"),
        pytest.param("heads/0009.eve-00000000.sig", b"x", "is over no head", id="a signature over nothing"),
        pytest.param("heads/0005.eve-00000000.sig", b"x", "is not an armored SSH signature", id="no signature"),
        pytest.param(redacted.NOTE, b"x", "is not what a copy says of itself", id="another note"),
    ],
)
def test_files_that_do_not_belong_to_the_copy_fail(path, data, said):
    failed({**copy("Ada"), path: data}, said)


def test_a_copy_without_its_note_fails():
    failed({path: data for path, data in copy("Ada").items() if path != redacted.NOTE}, "REDACTED.txt: is not there")


def test_a_file_that_cannot_be_read_fails():
    folder = FakeFolder(files=copy("Ada"))
    folder.fail("read", 2, "is damaged")
    assert audit_copy(folder, signers()).verdict is ExitCode.FAILED


def test_files_may_be_missing_and_are_counted():
    files = {path: data for path, data in copy("Ada").items() if not path.startswith("bundle/")}
    result = judged(files, signers())
    assert result.verdict is ExitCode.DONE
    assert "more that shown records name are left out" in texts(result)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        pytest.param([redacted.LOG], True, id="copy"),
        pytest.param([LOG], False, id="ceremony"),
        pytest.param([LOG, redacted.LOG], False, id="both"),
        pytest.param([], False, id="neither"),
    ],
)
def test_a_copy_is_told_from_a_ceremony(names, told):
    assert is_copy(FakeFolder(files=dict.fromkeys(names, b""))) is told
