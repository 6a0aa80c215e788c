# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit` with what an auditor brings beside the folder: people's keys, copies of the log, the history of the key."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ceremony.cli.main import main
from ceremony.core import bundle
from ceremony.core.bundle import LOG, slug
from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.fakes import room
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.plans import ssh
from tests.fakes.reporter import FakeReporter
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import fake_rack
from tests.peers.request_folders import write

APP = "docker.io/acme/app"
DONE, FAILED, INCOMPLETE, USAGE = ExitCode.DONE, ExitCode.FAILED, ExitCode.INCOMPLETE, ExitCode.USAGE
Audit = Callable[..., tuple[int, str]]


def held(ceremony: str, previous: str = "first", mode: Mode = Mode.PRODUCTION) -> Mapping[str, bytes]:
    """Return the files of a finished ceremony that follows another one, with people's keys of its own."""
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        made = room.sourced(replace(plan(repository(APP)), previous=previous))
        rack = fake_rack("root-a", software=mode is Mode.PRACTICE)
        one = Ceremony(plan=made, mode=mode, media=media, rack=rack, ceremony=ceremony)
        assert one.hold() is ExitCode.DONE
    return dict(one.folder.files)


@pytest.fixture(scope="module")
def first() -> Mapping[str, bytes]:
    return held("0a" * 16)


@pytest.fixture(scope="module")
def second(first: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return held("0b" * 16, sha256(first))


@pytest.fixture(autouse=True)
def fake_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program make the reports of these ceremonies again."""
    monkeypatch.setattr("ceremony.cli.audit.Report", FakeReporter)


@pytest.fixture
def verdict(capsys: pytest.CaptureFixture[str]) -> Audit:
    def verdict(*arguments: object) -> tuple[int, str]:
        code = main(["audit", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert err == ""
        return code, out

    return verdict


def sha256(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(files[LOG]).hexdigest()


def lay(files: Mapping[str, bytes], folder: Path) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tarred(files: Mapping[str, bytes], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(bundle.tar((name, files[name]) for name in sorted(files, key=str.encode))))
    return path


def lines(*ceremonies: Mapping[str, bytes]) -> Iterator[str]:
    for files in ceremonies:
        for person in json.loads(files[LOG].splitlines()[0])["body"]["people"]:
            yield f'{slug(person["name"])} namespaces="ceremony-head" {person["key"]}\n'


def signers(path: Path, *ceremonies: Mapping[str, bytes]) -> Path:
    """Write the real people's keys of these ceremonies."""
    path.write_text("# from their web pages\n" + "".join(lines(*ceremonies)))
    return path


# --- signers --------------------------------------------------------------------------


def test_a_production_verifies_with_keys_from_outside_it_alone(first, tmp_path, verdict):
    folder = lay(first, tmp_path / "c")
    code, out = verdict(folder)
    assert (code, out.splitlines()[0][:22]) == (INCOMPLETE, "INCOMPLETE  mode: PROD")
    code, out = verdict(folder, "--signers", signers(tmp_path / "allowed", first))
    assert (code, out.splitlines()[-1]) == (DONE, "VERIFIED (PRODUCTION)"), out
    assert "OK          mode: PRODUCTION: 3 people signed with keys that were brought from outside" in out


def test_invented_people_in_an_otherwise_perfect_production_folder_do_not_verify(first, tmp_path, verdict):
    invented = lay(held("0a" * 16), tmp_path / "c")
    assert verdict(invented)[0] == INCOMPLETE
    code, out = verdict(invented, "--signers", signers(tmp_path / "allowed", first))
    assert code == FAILED
    assert "FAILED      record 0: Wim has another key there than those that the signers list" in out


def test_who_did_not_sign_is_missed(first, tmp_path, verdict):
    alone = {path: data for path, data in first.items() if ".wim-" not in path}
    code, out = verdict(lay(alone, tmp_path / "c"), "--signers", signers(tmp_path / "allowed", first), "--json")
    found = json.loads(out)
    assert (code, found["verdict"]) == (INCOMPLETE, "incomplete")
    assert {f["subject"] for f in found["findings"] if f["level"] == "incomplete"} == {"quorum", "mode"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(f"# x\n* {ssh(11)}\n", "line 2: does not begin with names", id="everybody"),
        pytest.param(f"ada {ssh(11)}\r\n", "line 1: holds something else than printable ASCII", id="CRLF"),
        pytest.param(None, "cannot be read (No such file or directory)", id="nothing"),
        pytest.param("#" * (1024 * 1024 + 1), "is more than 1048576 bytes", id="too long"),
    ],
)
def test_signers_that_are_refused_are_one_sentence(refuse, first, tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "allowed").write_text(text, newline="")
    said = refuse("audit", lay(first, tmp_path / "c"), "--signers", tmp_path / "allowed")
    assert sentence in said.sentence
    assert str(tmp_path / "allowed") in said.sentence


# --- copies -------------------------------------------------------------------------------


@pytest.fixture
def volume(first: Mapping[str, bytes], tmp_path: Path) -> Path:
    """Return a mounted volume of the first ceremony, which also holds something else."""
    place = tmp_path / "volume" / f"ceremony-{'0a' * 16}"
    tarred(first, place / f"{place.name}.tar")
    (place / LOG).write_bytes(first[LOG])
    (place / "RECOVER.txt").write_text("how to")
    (place / "private").mkdir()
    (tmp_path / "volume" / "lost+found").mkdir()
    return tmp_path / "volume"


def live(volume: Path) -> Path:
    (log,) = volume.glob(f"*/{LOG}")
    return log


def test_a_volume_is_its_tar_and_the_log_beside_it(first, volume, tmp_path, verdict):
    allowed = signers(tmp_path / "allowed", first)
    for path in (volume, live(volume).parent):
        code, out = verdict(path, "--signers", allowed)
        assert code == DONE, out
        assert f"{live(volume).parent}: holds the same" in out
    live(volume).write_bytes(b"".join(first[LOG].splitlines(keepends=True)[:-2]))
    code, out = verdict(volume, "--signers", allowed)
    assert code == INCOMPLETE
    assert f"INCOMPLETE  {live(volume).parent}: lacks the last 2 of" in out


def test_copies_are_compared_record_by_record(first, volume, tmp_path, verdict):
    folder, tar = lay(first, tmp_path / "c"), tarred(first, tmp_path / "copy.tar")
    allowed = ("--signers", signers(tmp_path / "allowed", first))
    code, out = verdict(folder, *allowed, "--copy", volume, "--copy", tar)
    assert code == DONE
    assert f"the first {len(first[LOG].splitlines())} records are the same in all 4 places" in out
    live(volume).write_bytes(first[LOG].replace(b'"kind":"roll-call"', b'"kind":"rolled-up"', 1))
    code, out = verdict(folder, *allowed, "--copy", volume, "--json")
    bad = [f for f in json.loads(out)["findings"] if f["level"] == "failed"]
    assert (code, [f["subject"] for f in bad]) == (FAILED, [str(live(volume).parent)])
    assert "there it is roll-call of roll-call at 2026-" in bad[0]["text"]
    assert "here rolled-up of roll-call at 2026-" in bad[0]["text"]


def test_a_rehearsals_volumes_and_courier_hold_what_its_folder_holds(rehearsed, verdict, monkeypatch):
    monkeypatch.undo()  # its report is a real one
    volumes = rehearsed.root / "volumes"
    code, out = verdict(rehearsed.ceremony, "--copy", volumes / "a", "--copy", volumes / "b", "--copy", rehearsed.tar)
    assert (code, "the same in all 6 places" in out) == (DONE, True), out
    assert verdict(volumes / "a")[0] == DONE


def test_of_a_volume_with_two_ceremonies_the_right_one_is_the_copy(first, volume, tmp_path, verdict, refuse):
    other = volume / f"ceremony-{'0f' * 16}"
    shutil.copytree(live(volume).parent, other)
    (other / LOG).write_bytes(b"")
    folder = lay(first, tmp_path / "c")
    assert "FAILED" not in verdict(folder, "--copy", volume)[1]
    assert refuse("audit", volume).sentence == f"{volume} holds 2 ceremonies"
    shutil.rmtree(volume / f"ceremony-{'0a' * 16}")
    assert refuse("audit", folder, "--copy", volume).sentence.endswith(f"holds nothing of ceremony {'0a' * 16}")


def test_a_volume_without_a_tar_is_a_copy_and_no_more(first, volume, tmp_path, verdict, refuse):
    (tar,) = volume.glob("*/*.tar")
    tar.unlink()
    said = refuse("audit", volume)
    assert said.sentence.endswith("holds no tar of its ceremony, which is written at its end")
    assert refuse("audit", live(volume).parent) == said
    code, out = verdict(lay(first, tmp_path / "c"), "--copy", volume)
    assert (code, "holds the same" in out) == (INCOMPLETE, True)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda path: None, "x: cannot be opened (No such file or directory)", id="nothing"),
        pytest.param(Path.mkdir, "x holds no ceremony.jsonl", id="an empty folder"),
        pytest.param(Path.touch, "x: is not a whole tar", id="an empty file"),
        pytest.param(lambda path: tarred({"a": b""}, path), "x holds no ceremony.jsonl", id="another tar"),
        pytest.param(lambda path: (path.mkdir(), (path / LOG).symlink_to("/etc/passwd")), "is a link or a device", id="a link"),
    ],
)
def test_what_is_no_copy_is_one_sentence(refuse, first, tmp_path, make, sentence):
    make(tmp_path / "x")
    assert sentence in refuse("audit", lay(first, tmp_path / "c"), "--copy", tmp_path / "x").sentence


# --- history ---------------------------------------------------------------------------------


@pytest.fixture
def history(first: Mapping[str, bytes], second: Mapping[str, bytes], tmp_path: Path) -> Path:
    """Return a folder with both ceremonies: one as its folder, one as the courier's tar with its digest."""
    lay(first, tmp_path / "history" / "2026")
    tar = tarred(second, tmp_path / "history" / "2027.tar")
    tar.with_name("2027.tar.sha256").write_text("the digest")
    return tmp_path / "history"


def test_a_history_is_a_timeline(first, second, history, tmp_path, verdict):
    allowed = ("--signers", signers(tmp_path / "allowed", first, second))
    code, out = verdict(history / "2027.tar", *allowed, "--history", history)
    assert code == DONE, out
    told = [line for line in out.splitlines() if "ceremony 0" in line]
    assert [("0a" * 16 in line, "0b" * 16 in line) for line in told] == [(True, False), (False, True)]
    assert "genesis, production, began 2026-11-19T09:00:0" in told[0]
    assert told[0].endswith(f"its log ends as {sha256(first)}")
    code, out = verdict(history / "2027.tar", *allowed, "--history", history, "--json")
    rows = json.loads(out)["history"]
    assert [(row["ceremony"], row["previous"], row["sha256"]) for row in rows] == [
        ("0a" * 16, "first", sha256(first)), ("0b" * 16, sha256(first), sha256(second)),
    ]  # fmt: skip
    assert set(rows[0]) == {"ceremony", "place", "kind", "mode", "utc", "previous", "sha256", "closed", "verdict"}


def test_each_ceremony_of_a_history_is_judged_by_the_same_signers(first, second, history, tmp_path, verdict):
    code, out = verdict(history / "2027.tar", "--history", history)
    assert (code, out.count("does not verify: mode: PRODUCTION")) == (INCOMPLETE, 2)
    code, out = verdict(history / "2027.tar", "--signers", signers(tmp_path / "allowed", second), "--history", history)
    assert (code, "FAILED      history: " in out) == (FAILED, True)
    assert f"{history / '2026'} does not verify: record 0: Ada has another key" in out


def test_a_history_that_lacks_one_fails(second, history, verdict):
    shutil.rmtree(history / "2026")
    code, out = verdict(history / "2027.tar", "--history", history)
    assert code == FAILED
    assert "FAILED      history: none of its ceremonies is the first" in out
    assert f"FAILED      history: {'0b' * 16} follows a ceremony that is not there" in out


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda path: (path / "x.txt").write_text("x"), "x.txt: is not a whole tar", id="a text"),
        pytest.param(lambda path: (path / "x").mkdir(), "x is neither a ceremony folder nor the tar of one", id="a folder"),
        pytest.param(lambda path: tarred({"a": b""}, path / "x.tar"), "x.tar is neither a ceremony", id="another tar"),
        pytest.param(lambda path: (path / "x.tar.sha256").write_text("x"), "x.tar.sha256: is not a whole tar", id="a digest of nothing"),
        pytest.param(lambda path: (path / "x").symlink_to("/nowhere"), "x: cannot be opened", id="a link to nothing"),
    ],
)  # fmt: skip
def test_what_is_no_ceremony_in_a_history_is_one_sentence(refuse, history, make, sentence):
    make(history)
    assert sentence in refuse("audit", history / "2026", "--history", history).sentence


def test_a_history_that_is_none_is_one_sentence(refuse, first, tmp_path):
    folder = lay(first, tmp_path / "c")
    (tmp_path / "empty").mkdir()
    assert refuse("audit", folder, "--history", tmp_path / "empty").sentence.endswith("empty holds no ceremony")
    assert refuse("audit", folder, "--history", tmp_path / "x").sentence.endswith("x: cannot be read (No such file or directory)")


# --- what is published -------------------------------------------------------------------------


def test_published_roots_belong_to_the_history_or_were_made_elsewhere(first, second, history, tmp_path, verdict):
    given = (history / "2027.tar", "--signers", signers(tmp_path / "allowed", first, second), "--history", history, "--published")
    root = first[f"bundle/tuf/{APP}/metadata/root.json"]
    write(tmp_path / "fetched", APP, metadata={"root": root})
    code, out = verdict(*given, tmp_path / "fetched")
    assert (code, "1 root versions of 1 repositories were made in the history" in out) == (DONE, True), out
    write(tmp_path / "other", APP, metadata={"root": root + b"\n"})
    code, out = verdict(*given, tmp_path / "other")
    assert code == FAILED
    assert f"FAILED      published: root version 1 of {APP} belongs to no ceremony of the history: it was made elsewhere" in out


def test_a_trust_folder_is_what_is_published_too(first, second, history, tmp_path, verdict):
    cached = lay({f"tuf/{APP}/metadata/root.json": second[f"bundle/tuf/{APP}/metadata/root.json"]}, tmp_path / "trust")
    _, out = verdict(history / "2027.tar", "--history", history, "--published", cached)
    assert "OK          published: 1 root versions" in out


def test_published_without_a_history_and_what_is_no_request_are_one_sentence(refuse, history, tmp_path):
    said = refuse("audit", history / "2026", "--published", tmp_path, code=USAGE)
    assert said.sentence.startswith("--published needs --history")
    (tmp_path / "empty").mkdir()
    assert (
        "holds no index.json"
        in refuse("audit", history / "2026", "--history", history, "--published", tmp_path / "empty").sentence
    )
