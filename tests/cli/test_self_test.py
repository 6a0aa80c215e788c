# SPDX-License-Identifier: Apache-2.0
"""`ceremony self-test`: each line holds on this machine, and each is made to fail, with its name and what to do."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ceremony.cli import self_test, self_test_checks, self_test_machine, self_test_sample
from ceremony.cli.main import main
from ceremony.cli.self_test_checks import Line, ProgramTest
from ceremony.core import audit, cosign, keys
from ceremony.core.audit import heads
from ceremony.core.dialects import notary_client
from ceremony.core.known_answers import HINT, answers, signatures
from ceremony.core.ports import Check
from ceremony.core.record import parse_line
from ceremony.devices import softhsm
from ceremony.errors import CeremonyError
from ceremony.host import memory, tool
from ceremony.host.entropy import SystemEntropy
from ceremony.host.machine_time import RELEASED
from ceremony.host.memory import Protection
from tests.fakes.host import CountingEntropy, FakeClock

ROOT = Path(__file__).resolve().parents[2]
LOCKED = Protection(locked=True, not_dumpable=True, no_core_files=True)
NAMES = [line.name for line in ProgramTest().lines()]


@pytest.fixture(autouse=True)
def unlocked(monkeypatch):
    """Leave the memory of the tests' own process as it is."""
    monkeypatch.setattr(memory, "protect", lambda: LOCKED)


def line(name: str) -> Check:
    """Return how one line comes out."""
    (found,) = [line for line in ProgramTest().lines() if line.name == name]
    return found.check()


# --- the program itself -------------------------------------------------------------


@pytest.fixture(scope="module")
def told() -> subprocess.CompletedProcess[str]:
    """The program's test of itself, in a checkout."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "ceremony", "self-test"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert time.monotonic() - begun < 10
    return done


def test_every_line_holds_on_this_machine(told):
    first, second = told.stdout.split("\n\n")
    assert (told.returncode, told.stderr) == (0, "")
    assert [row[:38].strip() for row in first.splitlines()] == NAMES
    assert all(row[40:42] == "ok" for row in first.splitlines())
    assert all(row[48:].split()[1] == "ms" for row in first.splitlines())
    assert "fit for a production: " in second.splitlines()[-1]


def test_a_checkout_says_that_nothing_was_compared(told):
    assert "NOT COMPARED: this is a checkout, which lists none of its" in told.stdout.splitlines()[0]


def test_no_name_is_longer_than_its_column_and_none_stands_twice():
    assert max(map(len, NAMES)) <= 38
    assert len(set(NAMES)) == len(NAMES) == len(answers()) + 7 + len(self_test_sample.TWINS)


def test_the_machine_changes_nothing_about_the_exit_code(monkeypatch, capsys):
    swap = Check("swap", passed=False, saw="on", hint="swapoff -a", why="secrets may stay on a disk")
    monkeypatch.setattr(self_test, "_machine", lambda: [swap] * 2)
    monkeypatch.setattr(ProgramTest, "lines", lambda _: iter([Line("SHA-256", lambda: "agrees")]))
    assert main(["self-test"]) == 0
    *_, why, hint, last = capsys.readouterr().out.splitlines()
    assert (why.split(), hint.split()) == (["why:", "secrets", "may", "stay", "on", "a", "disk"], ["hint:", "swapoff", "-a"])
    assert last == "fit for a production: no: swap, swap"
    monkeypatch.setattr(self_test, "_machine", list)
    assert main(["self-test"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "fit for a production: yes"


def test_prints_one_object(monkeypatch, capsys):
    monkeypatch.setattr(self_test, "_machine", lambda: [Check("swap", passed=False, saw="on", hint="swapoff -a")])
    monkeypatch.setattr(ProgramTest, "lines", lambda _: iter([Line("SHA-256", lambda: "agrees"), Line("SoftHSM", missing)]))
    assert main(["self-test", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["fit_for_production"], len(told["sha256"])) == (False, False, 64)
    assert [(one["name"], one["passed"], one["hint"]) for one in told["checks"]] == [
        ("SHA-256", True, ""), ("SoftHSM", False, "apt-get install softhsm2"),
    ]  # fmt: skip
    assert all(isinstance(one["milliseconds"], int) for one in told["checks"])
    assert told["machine"][0]["hint"] == "swapoff -a"


def missing() -> str:
    raise CeremonyError("SoftHSM 2 is not installed", hint="apt-get install softhsm2")


def crashing() -> str:
    raise ZeroDivisionError("a text that may be long")


@pytest.mark.parametrize(
    ("lines", "says", "hint"),
    [
        pytest.param({"SoftHSM": missing}, "SoftHSM", "apt-get install softhsm2", id="one"),
        pytest.param({"SoftHSM": missing, "files": crashing}, "SoftHSM, files", HINT, id="two with other hints"),
        pytest.param({"SHA-256": crashing}, "SHA-256", HINT, id="a library that raises anything"),
    ],
)
def test_ends_with_one_sentence_and_a_hint(lines, says, hint, monkeypatch, capsys):
    monkeypatch.setattr(ProgramTest, "lines", lambda _: iter([Line(name, look) for name, look in lines.items()]))
    monkeypatch.setattr(self_test, "_machine", list)
    assert main(["self-test"]) == 1
    told = capsys.readouterr()
    assert told.err == f"ceremony: self-test: failed: {says}\nhint: {hint}\n"
    for name, look in lines.items():
        assert f"{name:<38}  FAILED" in told.out
        assert f"hint: {HINT if look is crashing else 'apt-get install softhsm2'}\n" in told.out


def test_a_disk_that_is_full_is_no_fault_of_the_program():
    def full() -> str:
        raise OSError(28, "No space left on device")

    check = Line("SoftHSM", full).check()
    assert (check.passed, check.saw) == (False, "ended in OSError (No space left on device)")
    assert check.hint.startswith("make room in ")


class Panic(BaseException):
    """What a native library raises when it panics; no `Exception`."""


def test_a_library_that_panics_is_a_line_that_failed():
    def panicking() -> str:
        raise Panic("called `Option::unwrap()` on a `None` value")

    assert Line("SHA-256", panicking).check() == Check("SHA-256", passed=False, saw="ended in Panic", hint=HINT)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_ends_a_line_too(end):
    def ending() -> str:
        raise end

    with pytest.raises(end):
        Line("SHA-256", ending).check()


# --- each line, made to fail ----------------------------------------------------------


def test_a_known_answer_that_changed_is_named(monkeypatch):
    first, *rest = signatures.ANSWERS
    changed = type(first)(first.name, first.source, first.take, (*first.good[:2], b"\0" * 64), first.bad)
    monkeypatch.setattr(signatures, "ANSWERS", (changed, *rest))
    check = line(first.name)
    assert (check.passed, check.hint) == (False, HINT)
    assert "what is right was refused" in check.saw
    assert line(rest[0].name).passed


def test_a_verifier_that_takes_everything_is_named(monkeypatch):
    monkeypatch.setattr(keys, "verify", lambda *_: None)
    failed = {check.name: check for check in ProgramTest().run() if not check.passed}
    assert {"ECDSA P-256, SHA-256", "Ed25519", "RSA-PSS, SHA-256", "SoftHSM"} <= failed.keys()
    assert failed["Ed25519"].saw == "Ed25519: what was damaged was taken for right"
    assert failed["SoftHSM"].saw == "SoftHSM: its damaged signature was taken for right"
    assert {check.hint for check in failed.values()} == {HINT}


@pytest.mark.parametrize(
    ("different", "says"),
    [
        pytest.param({"core/keys.py": "0" * 64}, "its own files: not as released: core/keys.py", id="one"),
        pytest.param(
            {f"{n}.py": "0" * 64 for n in range(7)},
            "its own files: not as released: 0.py, 1.py, 2.py, 3.py, 4.py and 2 more",
            id="many",
        ),
    ],
)
def test_files_that_are_not_as_released_are_named(different, says, monkeypatch):
    monkeypatch.setattr(tool, "released", lambda: tool.digests() | different)
    assert line("files") == Check("files", passed=False, saw=says, hint=HINT)


def test_files_as_released_are_counted(monkeypatch):
    found = tool.digests()
    monkeypatch.setattr(tool, "released", lambda: found)
    assert line("files").saw == f"{len(found)} files as released; sha256 {tool.tool().sha256}"


def test_an_installed_program_without_its_list_is_no_checkout(tmp_path):
    (tmp_path / "ceremony").mkdir()
    with pytest.raises(CeremonyError, match="its own files: the list of the release is missing"):
        self_test_checks.files_as_released(tmp_path / "ceremony")


def sample(tmp_path: Path, monkeypatch, **changed: bytes) -> None:
    """Put another sample in the place of the one that ships."""
    files = {**self_test_sample.read(), **{name.replace("__", "."): data for name, data in changed.items()}}
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(self_test_sample.read, "__defaults__", (tmp_path / "s.tar.gz",))


def test_a_sample_that_was_damaged_is_named(tmp_path, monkeypatch):
    sample(tmp_path, monkeypatch, README__txt=b"another")
    check = line("sample folder")
    assert (check.passed, check.hint) == (False, HINT)
    assert check.saw == "the sample folder: was audited with exit code 1, not 0"


@pytest.mark.parametrize("spoil", [lambda data: data[:-100], lambda _: b"", lambda _: gzip.compress(b"no tar")])
def test_a_sample_that_cannot_be_read_fails_every_line_of_it(spoil, tmp_path, monkeypatch):
    path = tmp_path / "ceremony.tar.gz"
    path.write_bytes(spoil(self_test_sample.SAMPLE.read_bytes()))
    monkeypatch.setattr(self_test_sample.read, "__defaults__", (path,))
    failed = [check for check in ProgramTest().run() if not check.passed]
    assert [check.name for check in failed] == [name for name in NAMES if name.startswith("sample")]
    assert all(check.saw.startswith("ceremony.tar.gz: cannot be read") and check.hint == HINT for check in failed)


def not_refused() -> dict[str, str]:
    """Return each twin that was not refused as it must be, and what is said of it."""
    files, found = self_test_sample.read(), {}
    for twin in self_test_sample.TWINS:
        try:
            self_test_sample.is_refused(files, twin)
        except CeremonyError as error:
            found[twin.what] = error.message
    return found


def test_an_audit_that_takes_everything_is_named(monkeypatch):
    monkeypatch.setattr(audit, "_CHECKS", ())
    assert not_refused() == {
        twin.what: "its damaged twin: was audited with exit code 0, not 1" for twin in self_test_sample.TWINS
    }
    what = self_test_sample.TWINS[0].what
    assert (line(f"sample, {what}").passed, line(f"sample, {what}").hint) == (False, HINT)


@pytest.mark.parametrize(
    ("place", "check", "twins"),
    [
        pytest.param(audit, "check_log", {"a bit of its log changed", "a record cut out"}, id="check_log"),
        pytest.param(audit, "check_files", {"a bit of a signed file changed"}, id="check_files"),
        pytest.param(audit, "check_heads", {"a bit of a head changed", "the root's signature changed"}, id="check_heads"),
        pytest.param(audit, "check_signed", {"a signature exchanged", "a person's signature changed"}, id="check_signed"),
        pytest.param(audit, "check_roll_call", {"an answer to the roll changed"}, id="check_roll_call"),
        pytest.param(audit, "check_metadata", {"metadata's signature changed"}, id="check_metadata"),
        pytest.param(heads, "verify", {"the root's signature changed"}, id="signatures of heads"),
        pytest.param(notary_client, "verify", {"metadata's signature changed"}, id="signatures of metadata"),
        pytest.param(
            cosign,
            "verify",
            {"a signature exchanged", "a person's signature changed", "an answer to the roll changed"},
            id="people's signatures",
        ),
        pytest.param(
            cosign, "_verify_value", {"a person's signature changed", "an answer to the roll changed"}, id="their values alone"
        ),
    ],
)
def test_a_check_that_does_nothing_is_told_by_the_twins_that_stand_for_it(place, check, twins, monkeypatch):
    monkeypatch.setattr(place, check, lambda *_, **__: None)
    assert twins <= not_refused().keys()


def test_a_twin_that_another_check_refuses_is_not_refused_as_it_must_be(monkeypatch):
    monkeypatch.setattr(audit, "check_metadata", lambda *_: None)
    assert not_refused() == {
        "metadata's signature changed": (
            "its damaged twin: was refused, and not by the check that must see metadata's signature changed"
        )
    }


def test_a_machine_without_softhsm_is_none_for_rehearsals_and_fit_for_a_production(monkeypatch):
    monkeypatch.setattr(softhsm, "MODULES", ("/nowhere/libsofthsm2.so",))
    says = "NOT INSTALLED: rehearsals cannot be held here (to hold them: apt-get install softhsm2)"
    assert line("SoftHSM") == Check("SoftHSM", passed=True, saw=says, hint="")


def test_a_softhsm_that_is_there_and_does_not_work_is_a_line_that_failed(tmp_path, monkeypatch):
    module = tmp_path / "libsofthsm2.so"
    module.write_bytes(b"no library")
    monkeypatch.setattr(softhsm, "MODULES", (str(module),))
    assert not line("SoftHSM").passed


def test_ssh_keygen_that_is_missing_is_told_how_to_get(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "openssh-client" in line("ssh-keygen").hint
    with pytest.raises(CeremonyError, match="ssh-keygen did not judge a signature"):
        self_test_machine._judged(b"", b"")


@pytest.mark.parametrize(("verdict", "says"), [(False, "refused a known signature"), (True, "took a damaged message for right")])
def test_an_ssh_keygen_that_says_the_same_to_everything_is_told(verdict, says, monkeypatch):
    monkeypatch.setattr(self_test_machine, "_judged", lambda *_: verdict)
    check = line("ssh-keygen")
    assert (check.passed, check.saw) == (False, f"ssh-keygen {says}")
    assert "openssh-client" in check.hint


class StoppedClock(FakeClock):
    def mono_ns(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("clock", "says", "hint"),
    [
        pytest.param(StoppedClock(), "the monotonic clock stands still", "another machine", id="it stands"),
        pytest.param(
            FakeClock(RELEASED - timedelta(minutes=1)),
            r"says 2026-10-31 23:59 UTC, before this program was released \(2026-11\)",
            "two people trust",
            id="early",
        ),
    ],
)
def test_clocks_that_cannot_be_right_are_told(clock, says, hint):
    with pytest.raises(CeremonyError, match=says) as refused:
        self_test_machine.clocks_run(clock)
    assert hint in refused.value.hint


class Stuck(CountingEntropy):
    def bytes(self, count: int) -> bytes:
        return b"7" * count


class Counting(CountingEntropy):
    def bytes(self, count: int) -> bytes:
        return super().bytes(count) if self.taken else self._none(count)

    def _none(self, count: int) -> bytes:
        self.taken += count
        return bytes(count)


@pytest.mark.parametrize("entropy", [Stuck(), Counting()], ids=["the same twice", "nothing but noughts"])
def test_a_generator_that_gives_no_chance_is_told(entropy):
    with pytest.raises(CeremonyError, match="gave the same bytes twice, or none"):
        self_test_machine.entropy_flows(entropy)


def test_a_generator_that_is_not_seeded_is_told(monkeypatch):
    def unseeded(*_: int) -> bytes:
        raise BlockingIOError

    monkeypatch.setattr(os, "getrandom", unseeded)
    with pytest.raises(CeremonyError, match="is not seeded yet") as refused:
        self_test_machine.entropy_flows(SystemEntropy())
    assert refused.value.hint == "wait a minute, then begin again"


@pytest.mark.parametrize(
    ("found", "passed", "says"),
    [
        pytest.param(LOCKED, True, "locked; core dumps forbidden", id="locked"),
        pytest.param(
            Protection(locked=False, not_dumpable=True, no_core_files=True),
            True,
            "NOT LOCKED: this user may not lock memory",
            id="not allowed",
        ),
        pytest.param(
            Protection(locked=True, not_dumpable=False, no_core_files=True),
            False,
            "cannot be forbidden",
            id="a debugger may attach",
        ),
        pytest.param(
            Protection(locked=True, not_dumpable=True, no_core_files=False), False, "cannot be forbidden", id="core files"
        ),
    ],
)
def test_memory_that_is_not_locked_is_said_so_and_only_core_dumps_fail(found, passed, says, monkeypatch):
    monkeypatch.setattr(memory, "protect", lambda: found)
    check = line("locked memory")
    assert check.passed is passed
    assert says in check.saw


# --- the sample -----------------------------------------------------------------------


def test_the_sample_is_small_a_practice_of_one_repository_and_as_this_program_writes_it():
    files = self_test_sample.read()
    assert self_test_sample.SAMPLE.stat().st_size < 300_000
    first = parse_line(files["ceremony.jsonl"].splitlines(keepends=True)[0], "record 0")
    assert first.body["mode"] == "practice"
    assert [path for path in files if path.endswith("/root.json") and path.startswith("bundle/")] == [
        "bundle/tuf/reg.example/app/metadata/root.json"
    ]
    assert b'"kind":"self-test"' in files["ceremony.jsonl"], "make it anew: scripts/make-sample"


def test_the_sample_tells_nothing_of_the_machine_that_made_it():
    log = self_test_sample.read()["ceremony.jsonl"].decode()
    records = [json.loads(line) for line in log.splitlines()]
    seen = {record["body"]["saw"] for record in records if record["kind"] == "check"}
    assert seen == {"as it must be; a sample tells nothing of the machine that made it"}
    assert "/tmp/" not in log


def test_a_sample_from_a_machine_whose_clock_runs_ahead_refuses_no_ceremony():
    assert "after this program was released" in self_test_machine.clocks_run(FakeClock(RELEASED))
