# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit`: lines or one object on standard output, and the exit code that says which of three it is."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ceremony.cli.audit import audited
from ceremony.cli.folder import open_folder
from ceremony.cli.main import main
from ceremony.core import audit as core
from ceremony.core import canonical
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, ExitCode

LOG = "ceremony.jsonl"


@pytest.fixture
def verdict(capsys):
    """Audit a folder: return exit code and what was printed; standard error stays empty."""

    def verdict(folder, *options):
        code = main(["audit", str(folder), *options])
        out, err = capsys.readouterr()
        assert err == ""
        return code, out

    return verdict


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


# --- what was found --------------------------------------------------------------------


def test_a_finished_ceremony_verifies_line_by_line(rehearsed, verdict):
    code, out = verdict(rehearsed.ceremony)
    lines = out.splitlines()
    assert (code, lines[-1]) == (ExitCode.DONE, "VERIFIED (PRACTICE)")
    assert all(re.match(r"OK          \S", line) for line in lines[:-1])
    assert re.search(r"ceremony\.jsonl: \d+ records chain, from open to close", out)


def test_json_is_one_object(rehearsed, verdict):
    code, out = verdict(rehearsed.ceremony, "--json")
    found = json.loads(out)
    first = json.loads((rehearsed.ceremony / LOG).read_text().splitlines()[0])
    assert code == ExitCode.DONE
    assert out.count("\n") == 1
    assert set(found) == {"verdict", "mode", "ceremony", "records", "findings"}
    assert (found["verdict"], found["mode"], found["ceremony"]) == ("verified", "practice", first["ceremony"])
    assert found["records"] == len((rehearsed.ceremony / LOG).read_text().splitlines())
    assert {finding["level"] for finding in found["findings"]} == {"ok"}
    assert all(set(finding) == {"level", "subject", "text"} for finding in found["findings"])


def test_the_couriers_tar_says_the_same_as_the_folder(rehearsed, verdict):
    assert verdict(rehearsed.tar) == verdict(rehearsed.ceremony)
    assert verdict(rehearsed.tar, "--json") == verdict(rehearsed.ceremony, "--json")


def test_a_ceremony_that_was_killed_is_incomplete(killed, verdict):
    code, out = verdict(killed / "ceremony")
    assert (code, out.splitlines()[-1]) == (ExitCode.INCOMPLETE, "INCOMPLETE (PRACTICE)")
    assert re.search(r"^INCOMPLETE  ceremony\.jsonl: \d+ records chain; there is no close record$", out, re.MULTILINE)
    code, out = verdict(killed / "ceremony", "--json")
    assert (code, json.loads(out)["verdict"]) == (ExitCode.INCOMPLETE, "incomplete")


# --- what was changed --------------------------------------------------------------------


def last_head(folder: Path) -> str:
    return str(max(folder.glob("heads/*.txt")).relative_to(folder))


def some_files(folder: Path) -> list[str]:
    """Return one file of each kind: the log, the first and the last head, a signature, metadata, a key, the manifest..."""
    kinds = [
        LOG, "heads/0001.txt", last_head(folder), "heads/*.sig", "bundle/tuf/*/*/app/metadata/root.json", "bundle/trust-pinning.json",
        "bundle/tuf/*/*/app/metadata/targets.json", "bundle/keys/*.pem", "deliver/*/*/app/targets.key.age", "evidence/plan.toml",
        "evidence/site.toml", "evidence/script.md", "evidence/request/index.json", "evidence/inventory.json",
        "evidence/tokens/*/head.sig", "README.txt", "MANIFEST.sha256",
    ]  # fmt: skip
    return [str(next(iter(sorted(folder.glob(kind)))).relative_to(folder)) for kind in kinds]


def test_one_changed_bit_in_any_kind_of_file_fails_and_says_where(ceremony_copy, verdict):
    chosen = random.Random(7)
    for name in some_files(ceremony_copy):
        path = ceremony_copy / name
        at = chosen.randrange(path.stat().st_size)
        flip(path, at)
        code, out = verdict(ceremony_copy)
        assert (code, out.splitlines()[-1]) == (ExitCode.FAILED, "FAILED (PRACTICE)"), f"{name}, byte {at}: {out}"
        assert out.startswith("FAILED"), f"{name}, byte {at}: {out}"
        flip(path, at)
    assert verdict(ceremony_copy)[0] == ExitCode.DONE


def test_each_missing_file_is_missed(ceremony_copy, verdict):
    incomplete = {last_head(ceremony_copy), "MANIFEST.sha256"}
    for name in some_files(ceremony_copy)[1:]:
        data = (ceremony_copy / name).read_bytes()
        (ceremony_copy / name).unlink()
        code, out = verdict(ceremony_copy)
        assert code != ExitCode.DONE or name.endswith(".sig"), name
        if name in incomplete:
            assert re.search(f"^INCOMPLETE  {name}: is not written yet$", out, re.MULTILINE), out
        (ceremony_copy / name).write_bytes(data)
    assert verdict(ceremony_copy)[0] == ExitCode.DONE


def test_a_file_more_is_not_overlooked(ceremony_copy, verdict):
    (ceremony_copy / "bundle" / "more.json").write_text("{}")
    code, out = verdict(ceremony_copy)
    assert code == ExitCode.FAILED
    assert "FAILED      bundle/more.json: is named by no record" in out


@pytest.mark.parametrize(
    ("cut", "code"),
    [
        pytest.param(lambda lines: lines[:-1], ExitCode.FAILED, id="the tail, at a record's end"),
        pytest.param(lambda lines: [*lines[:20], *lines[21:]], ExitCode.FAILED, id="a line in the middle"),
        pytest.param(lambda lines: lines[1:], ExitCode.FAILED, id="the first line"),
        pytest.param(lambda lines: [*lines, lines[-1]], ExitCode.FAILED, id="a line twice"),
        pytest.param(lambda lines: [*lines[:-1], lines[-1][:-9]], ExitCode.FAILED, id="in the middle of the last line"),
    ],
)
def test_a_log_that_was_cut_fails(ceremony_copy, verdict, cut, code):
    lines = (ceremony_copy / LOG).read_bytes().splitlines(keepends=True)
    (ceremony_copy / LOG).write_bytes(b"".join(cut(lines)))
    assert verdict(ceremony_copy)[0] == code


def test_a_torn_last_line_of_an_unfinished_ceremony_is_incomplete(killed, tmp_path, verdict):
    copy = Path(shutil.copytree(killed / "ceremony", tmp_path / "copy"))
    log = (copy / LOG).read_bytes()
    (copy / LOG).write_bytes(log + log.splitlines()[-1][:40])
    code, out = verdict(copy)
    assert code == ExitCode.INCOMPLETE
    assert "INCOMPLETE  ceremony.jsonl: its last line is torn (40 bytes);" in out


def test_a_change_is_worse_than_something_missing(killed, tmp_path, verdict):
    copy = Path(shutil.copytree(killed / "ceremony", tmp_path / "copy"))
    flip(copy / "evidence" / "script.md", 0)
    code, out = verdict(copy)
    assert (code, out.splitlines()[-1]) == (ExitCode.FAILED, "FAILED (PRACTICE)")
    assert out.startswith("FAILED      evidence/script.md: ")


# --- what cannot be audited ------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda path: None, r"x: cannot be opened \(No such file or directory\)$", id="nothing"),
        pytest.param(Path.mkdir, r"^there is no ceremony\.jsonl in this folder$", id="a folder without a log"),
        pytest.param(Path.touch, r"x: is not a whole tar$|x: ends in the middle$", id="an empty file"),
        pytest.param(os.mkfifo, r"x: is neither a folder nor a tar$", id="a pipe"),
        pytest.param(
            lambda path: (path.mkdir(), (path / LOG).symlink_to("/etc/passwd")), r"'ceremony\.jsonl' is a link", id="a linked log"
        ),
    ],
)
def test_what_cannot_be_audited_is_one_sentence(refuse, tmp_path, make, sentence, options):
    make(tmp_path / "x")
    assert re.search(sentence, refuse("audit", tmp_path / "x", *options).sentence)


@pytest.mark.parametrize("left", [512, 100_000, -1, -1024])
def test_a_tar_that_was_cut_is_one_sentence(refuse, rehearsed, tmp_path, left):
    data = rehearsed.tar.read_bytes()[:left]
    (tmp_path / "cut.tar").write_bytes(data)
    assert re.search(r"cut\.tar: .*(cut off|ends in the middle|not a whole tar)", refuse("audit", tmp_path / "cut.tar").sentence)


def test_a_compressed_tar_is_one_sentence(refuse, rehearsed, tmp_path):
    with (tmp_path / "c.tar.gz").open("wb") as file:
        subprocess.run(["gzip", "-c", rehearsed.tar], stdout=file, check=True)
    assert refuse("audit", tmp_path / "c.tar.gz").sentence.endswith("c.tar.gz: is not a whole tar")


def test_a_log_that_is_none_fails(tmp_path, verdict):
    (tmp_path / LOG).write_text("no log\n")
    code, out = verdict(tmp_path)
    assert (code, out.splitlines()[-1]) == (ExitCode.FAILED, "FAILED")
    code, out = verdict(tmp_path, "--json")
    assert (code, json.loads(out)["mode"], json.loads(out)["ceremony"]) == (ExitCode.FAILED, "", "")


# --- what may be published ---------------------------------------------------------------------


def production(folder: Path) -> None:
    """Make the first record say that the killed ceremony was one of production."""
    first, *_ = (folder / LOG).read_bytes().splitlines()
    record = json.loads(first)
    record["body"]["mode"] = "production"
    (folder / LOG).write_bytes(canonical.encode(record) + b"\n")


def test_what_verifies_may_be_published(rehearsed):
    with open_folder(rehearsed.tar) as reader:
        assert audited(reader) is Mode.PRACTICE


def test_production_may_be_published_by_those_who_hold_its_anchor(rehearsed, monkeypatch):
    with open_folder(rehearsed.ceremony) as reader:
        result = core.audit(reader)
        result.incomplete("mode", "PRODUCTION: a folder cannot vouch for itself")
        monkeypatch.setattr("ceremony.cli.audit.audit", lambda _, **_brought: result)
        assert audited(reader) is Mode.PRACTICE
        result.incomplete("quorum", "the final head lacks signatures")
        with pytest.raises(CeremonyError, match="does not verify"):
            audited(reader)


@pytest.mark.parametrize("spoil", [lambda folder: flip(folder / LOG, 700), production, lambda folder: None])
def test_what_does_not_verify_is_not_published(killed, tmp_path, spoil):
    copy = Path(shutil.copytree(killed / "ceremony", tmp_path / "copy"))
    spoil(copy)
    with open_folder(copy) as reader, pytest.raises(CeremonyError, match=r"copy does not verify: ") as refused:
        audited(reader)
    assert refused.value.hint == "run `ceremony audit` on it; nothing was published"
