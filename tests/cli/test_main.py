# SPDX-License-Identifier: Apache-2.0
"""The one error boundary: exit codes, streams, one sentence and one hint, never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import click
import pytest

from ceremony.cli import main as boundary
from ceremony.cli.main import COMMANDS, main
from ceremony.errors import CeremonyError, ExitCode, Stopped
from tests.peers.program import command, environment, program

SUBCOMMANDS = [("plan", name) for name in ("new", "check", "script", "approve")]


def audit_that_raises(monkeypatch, error):
    def raises(path):
        raise error

    monkeypatch.setattr("ceremony.cli.audit.open_folder", raises)


# --- usage ---------------------------------------------------------------------


def test_without_arguments_it_shows_its_commands_on_standard_error(capsys):
    assert main([]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: ceremony [OPTIONS] COMMAND")
    assert all(name in err for name in COMMANDS)


@pytest.mark.parametrize("path", [(), *((name,) for name in COMMANDS), *SUBCOMMANDS], ids=" ".join)
def test_every_command_has_help_on_standard_output(capsys, path):
    assert main([*path, "--help"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert out.startswith(" ".join(["Usage: ceremony", *path]) + " ")
    assert "--help" in out
    assert err == ""


def test_the_help_lists_every_command_as_its_own_help_begins(capsys):
    main(["--help"])
    listed = capsys.readouterr().out
    for name, (_, _, text) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", listed, re.MULTILINE)


def test_it_knows_its_version(capsys):
    assert main(["--version"]) == ExitCode.DONE
    assert re.fullmatch(r"ceremony, version \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        pytest.param(["bogus"], "no such command 'bogus'", "ceremony --help", id="unknown command"),
        pytest.param(["--bogus"], "no such option '--bogus'", "ceremony --help", id="unknown option of the program"),
        pytest.param(["audit"], "missing argument 'DIR'", "ceremony audit --help", id="missing argument"),
        pytest.param(["audit", "a", "b"], "got unexpected extra argument (b)", "ceremony audit --help", id="one too many"),
        pytest.param(["rehearse", "--sight", "x"], "no such option '--sight'", "ceremony rehearse --help", id="unknown option"),
        pytest.param(["run", "plan.toml"], "missing option '--site'", "ceremony run --help", id="missing option"),
        pytest.param(["run", "p", "--site"], "option '--site' requires an argument", "ceremony --help", id="missing value"),
        pytest.param(["plan", "bogus"], "no such command 'bogus'", "ceremony plan --help", id="unknown subcommand"),
        pytest.param(["plan", "new", "x"], "invalid value for 'KIND'", "ceremony plan new --help", id="wrong choice"),
    ],
)
def test_wrong_usage_is_one_sentence_and_the_help_to_read(refuse, arguments, sentence, hint):
    said = refuse(*arguments, code=ExitCode.USAGE)
    assert said.sentence.lower().replace("{genesis|renewal|rotation|recovery}", "kind").startswith(sentence.lower())
    assert not said.sentence.endswith(".")
    assert said.hint == hint


def test_a_command_group_without_its_command_shows_its_help(capsys):
    assert main(["plan"]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: ceremony plan ")


# --- the boundary ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        pytest.param(CeremonyError("it is so", hint="do this"), ExitCode.FAILED, "it is so", id="refused"),
        pytest.param(Stopped("people stopped", hint="do this"), ExitCode.INCOMPLETE, "people stopped", id="stopped"),
        pytest.param(CeremonyError("a\nb\tc", hint="do this"), ExitCode.FAILED, "a b c", id="a sentence of two lines"),
        pytest.param(CeremonyError("a\x1b[2Jb\x9b", hint="do this"), ExitCode.FAILED, "a?[2Jb?", id="a terminal's commands"),
        pytest.param(CeremonyError("a\udcffb", hint="do this"), ExitCode.FAILED, "a?b", id="a file name that is no text"),
    ],
)
def test_an_error_is_its_sentence_its_hint_and_its_exit_code(monkeypatch, refuse, error, code, sentence):
    audit_that_raises(monkeypatch, error)
    said = refuse("audit", "x", code=code)
    assert (said.sentence, said.hint) == (sentence, "do this")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError("the PIN is 48291673"), id="error"),
        pytest.param(OSError("48291673"), id="system, without its number"),
        pytest.param(ValueError("48291673"), id="value"),
        pytest.param(OSError(5, "48291673"), id="system"),
        pytest.param(KeyError("48291673"), id="key"),
        pytest.param(RecursionError("48291673"), id="recursion"),
        pytest.param(MemoryError("48291673"), id="memory"),
        pytest.param(AssertionError("48291673"), id="assertion"),
        pytest.param(ExceptionGroup("48291673", [ValueError("48291673")]), id="several"),
    ],
)
def test_what_nobody_foresaw_is_told_by_type_and_place_never_by_its_text(monkeypatch, refuse, error):
    audit_that_raises(monkeypatch, error)
    said = refuse("audit", "x")
    name = type(error).__name__ + (" EIO" if getattr(error, "errno", None) else "")
    assert re.fullmatch(rf"something unexpected happened: {name} at ceremony\.cli\.audit:\d+", said.sentence)
    assert "48291673" not in said.sentence + said.hint
    assert "ceremony resume DIR" in said.hint


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), click.Abort(), EOFError()], ids=["Ctrl+C", "abort", "end of input"])
def test_an_interruption_is_one_sentence_and_can_be_resumed(monkeypatch, capsys, interrupt):
    audit_that_raises(monkeypatch, interrupt)
    assert main(["audit", "x"]) == ExitCode.INCOMPLETE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip().splitlines() == [
        "ceremony: it was interrupted",
        "hint: a ceremony that was begun can be resumed: ceremony resume DIR",
    ]


def test_an_error_before_a_command_is_known_has_a_sentence_too(monkeypatch, refuse):
    monkeypatch.setitem(COMMANDS, "audit", ("ceremony.cli.none", "none", "None."))
    found = refuse("audit", "x").sentence
    assert re.fullmatch(r"something unexpected happened: ModuleNotFoundError at ceremony\.cli\.main:\d+", found)


def test_a_librarys_remark_to_its_programmer_is_not_shown(monkeypatch, capsys):
    def remarks(path):
        warnings.warn("use another function", DeprecationWarning, stacklevel=1)
        raise CeremonyError("it is so", hint="do this")

    monkeypatch.setattr("ceremony.cli.audit.open_folder", remarks)
    monkeypatch.setattr(sys, "warnoptions", [])
    with warnings.catch_warnings():
        assert main(["audit", "x"]) == ExitCode.FAILED
    assert "another function" not in capsys.readouterr().err


def test_whoever_asks_for_warnings_sees_them(monkeypatch):
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    monkeypatch.setattr(boundary.warnings, "simplefilter", lambda *_: pytest.fail("they were silenced"))
    assert main(["--version"]) == ExitCode.DONE


# --- the streams -----------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("rehearse", "--help"), ("plan", "new", "genesis")], ids=" ".join)
def test_a_closed_standard_output_is_one_sentence(arguments):
    nobody, theirs = os.pipe()
    os.close(nobody)
    try:
        done = subprocess.run(
            command(*arguments), stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=60, env=environment(), check=False
        )
    finally:
        os.close(theirs)
    assert done.returncode == ExitCode.FAILED
    assert done.stderr.splitlines() == [
        "ceremony: the output was closed before all of it was written",
        "hint: let it be read to its end; a ceremony that was begun can be resumed: ceremony resume DIR",
    ]


def test_a_full_standard_output_is_one_sentence(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("plan", "new", "genesis"), stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert done.returncode == ExitCode.FAILED
    assert re.match(r"ceremony: something unexpected happened: OSError ENOSPC at ceremony\.cli\.plan:\d+\nhint: ", done.stderr)


def test_nobody_reads_at_all():
    nobody, theirs = os.pipe()
    os.close(nobody)
    try:
        done = subprocess.run(command("audit", "none"), stdout=theirs, stderr=theirs, timeout=60, env=environment(), check=False)
    finally:
        os.close(theirs)
    assert done.returncode == ExitCode.FAILED


def test_no_file_ever_takes_the_place_of_a_stream_that_was_closed(tmp_path):
    look = 'import os, runpy, sys; sys.argv = ["ceremony", "--version"]\n'
    look += 'try: runpy.run_module("ceremony", run_name="__main__")\n'
    look += 'except SystemExit: os._exit(os.open("/dev/null", os.O_RDONLY))'
    shell = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, look]
    assert subprocess.run(shell, env=environment(), timeout=60, check=False).returncode > 2
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command("audit", tmp_path / "none")]
    assert subprocess.run(shell, env=environment(), timeout=60, check=False).returncode == ExitCode.FAILED


def test_a_shell_can_ask_for_completions():
    done = program(env={"_CEREMONY_COMPLETE": "bash_source"})
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
    assert "COMPREPLY" in done.stdout


def test_started_as_a_module_or_as_a_program_it_is_the_same():
    beside = Path(sys.executable).with_name("ceremony")
    installed = subprocess.run([beside, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert installed.stdout == program("--version").stdout
