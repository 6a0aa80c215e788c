# SPDX-License-Identifier: Apache-2.0
"""verify.sh over folders that were made to hurt it: names, links, devices, text that a terminal or a shell would obey."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.peers.verify_sh import SHELLS, path_with, snapshot, verdict, verify, written
from tests.report.sealed import Change, Files, Sealed, both, file_named, person, sha, slug
from tests.report.test_verify_page_rules import more

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3
ODD = [
    *("-rf", "--version", "a b", " ", "*", "?", "[a-z]", "~", "$(touch hurt)", "`touch hurt`", "; touch hurt", "&", "|", ">hurt"),
    *(
        "'",
        '"',
        "#",
        "%s%n",
        "a=b",
        ".hidden",
        "..x",
        "...",
        "!",
        "{}",
        "é",
        "日本",
        "😀",
        "<script>alert(1)<",
        "1",
        "0x10",
        "1e5",
        "x;a\tb",
    ),
]
PLAIN = [name for name in ODD if "\t" not in name]
REFUSED = [
    "a\nb",
    "\n",
    "a\tb",
    "a\rb",
    "\x1b[2Jx",
    "\x7f",
    "a\\b",
    "\u0085",
    "a\u00a0b",
    "a\u202eb",
    "a\u200bb",
    "\ue000",
    "a\u2028b",
]


@pytest.mark.parametrize("shell", SHELLS)
def test_files_of_any_plain_name_are_files(tmp_path, shell):
    places = [f"evidence/{name}" for name in PLAIN] + [f"{name}/-n" for name in PLAIN]
    files = Sealed().build(before=both(*(named(path) for path in places)))
    folder = written(files, tmp_path / "ceremony")
    before = snapshot(tmp_path)
    found = verify(folder, shell=SHELLS[shell], path=path_with("busybox" if shell == "busybox" else "mawk"))
    assert (found.code, found.err) == (VERIFIED, ""), found.out
    assert snapshot(tmp_path) == before
    for path in places[::7]:
        (folder / path).write_bytes(b"changed")
        assert verify(folder, shell=SHELLS[shell]).code == FAILED
        (folder / path).write_bytes(path.encode())


def named(path: str) -> Change:
    """Name a file in the log: one whose name is not ASCII can only be named as set aside, as keys of records are ASCII."""
    if path.isascii():
        return file_named(path, path.encode())
    said = more("set-aside", store="folder", path=sha(path.encode()), to=path, sha256=sha(path.encode()))
    return both(said, lambda _, files: files.update({path: path.encode()}))


@pytest.mark.parametrize("name", [*PLAIN, *REFUSED])
def test_a_file_of_any_name_that_nothing_names_fails(tmp_path, name):
    folder = written(Sealed().build(), tmp_path / "ceremony")
    (folder / name).write_bytes(b"x")
    found = verify(folder)
    assert (found.code, found.err) == (FAILED, "")
    why = "is not a plain path" if name in REFUSED else "is named by no record"
    assert any(line.endswith(why) for line in found.having("FAILED")), found.out
    assert name not in REFUSED or len(found.having("FAILED")) == 1


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_folder_of_a_name_that_is_not_plain_fails_with_what_is_in_it(tmp_path, name, shell):
    folder = written(Sealed().build(), tmp_path / "ceremony")
    (folder / name).mkdir()
    (folder / name / "x").write_bytes(b"x")
    found = verify(folder, shell=SHELLS[shell])
    assert (found.code, found.err) == (FAILED, "")
    assert any(line.endswith("is not a plain path") for line in found.having("FAILED")), found.out


def test_names_that_are_no_text_fail(tmp_path):
    folder = written(Sealed().build(), tmp_path / "ceremony")
    Path(os.fsdecode(os.fsencode(folder) + b"/a\xffb")).write_bytes(b"x")
    found = verify(folder)
    assert (found.code, found.having("FAILED")) == (FAILED, ["a?b: is not a plain path"])


@pytest.mark.parametrize("shell", SHELLS)
def test_links_and_devices_fail_and_are_not_followed(tmp_path, shell):
    files = Sealed().build()
    outside = written(files, tmp_path / "outside")
    (outside / "-loop").symlink_to(outside)
    links = {
        "a link to a file": ("README.txt", lambda at: at.symlink_to(outside / "README.txt")),
        "a link to a folder": ("heads", lambda at: at.symlink_to(outside / "heads")),
        "the log": ("ceremony.jsonl", lambda at: at.symlink_to(outside / "ceremony.jsonl")),
        "a link to nowhere": ("nowhere", lambda at: at.symlink_to("/nonexistent")),
        "a link to itself": ("loop", lambda at: at.symlink_to("loop")),
        "a link to here": ("here", lambda at: at.symlink_to(".")),
        "a pipe": ("pipe", os.mkfifo),
        "a socket": ("socket", listen),
    }
    for number, (what, (name, make)) in enumerate(links.items()):
        folder = written({path: data for path, data in files.items() if path.split("/")[0] != name}, tmp_path / str(number))
        make(folder / name)
        found = verify(folder, shell=SHELLS[shell])
        assert found.code == FAILED, what
        assert any(
            line.startswith(f"{name}: is a ") and "only plain files are read" in line for line in found.having("FAILED")
        ), what
        assert found.err == "", what


def listen(at: Path) -> None:
    """Make a socket; its path may be longer than a socket's address can be."""
    here = Path.cwd()
    os.chdir(at.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(at.name)
    finally:
        os.chdir(here)


def test_programs_of_the_folder_are_never_run(tmp_path):
    folder = written(Sealed().build(), tmp_path / "ceremony")
    for program in ("jq", "awk", "sha256sum", "ssh-keygen"):
        (folder / program).write_text(f"#!/bin/sh\n: >{tmp_path}/hurt\n")
        (folder / program).chmod(0o755)
    for path in (f".:{path_with()}", f":{path_with()}", f"{path_with()}:", f"ceremony:{path_with()}"):
        found = verify(".", path=path, cwd=folder)
        assert (found.code, len(found.having("FAILED"))) == (FAILED, 5)  # they, and the manifest
    assert not (tmp_path / "hurt").exists()


TEXTS = [
    "<script>alert(1)</script>",
    "$(touch hurt)",
    "`touch hurt`",
    "%s%n%d",
    "\\033[2J\\n",
    "\u202egnp.exe",
    "é",
    "' \" ;",
    "-n",
    "\u200b",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_records_say_is_printed_as_plain_text_or_not_at_all(text):
    """The text stands wherever the script reads any."""

    def rename(files: Files) -> None:
        files[f"heads/0002.{slug(text)}.sig"] = files.pop(f"heads/0002.{slug('Wim')}.sig")

    said = both(
        person(1, name=text),
        more("intent", action=text, key=text),
        more("result", action=text, key=text),
        more("set-aside", store=text, path=text, to=text, sha256=text),
        more("again", step=text, why=text),
        named(f"evidence/{text}"),
        more("end", step=text, made={"x": text}),
        more("x", a=text),
    )
    found = verdict(Sealed().build(before=said, after=rename))
    odd = any(ord(letter) in (0x202E, 0x200B) for letter in text) or "\\" in text
    assert found.code == (FAILED if odd else VERIFIED), found.out
    open_act = verdict(Sealed().build(before=more("intent", action=text, key=text)))
    assert open_act.code == FAILED
    assert "was closed with an open act" in open_act.having("FAILED")[0]


@pytest.mark.parametrize("byte", [b"\x1b[2J", b"\x07", b"\xc2\x9b2J", b"\0", b"\r"])
def test_bytes_that_a_terminal_obeys_are_never_printed(byte):
    """`verify` decodes what is printed as ASCII, and takes printable lines alone."""
    for path in Sealed().build():
        found = verdict(Sealed().build(after=lambda files, path=path: files.update({path: byte + files[path]})))
        assert found.code == FAILED


def test_a_mode_that_is_none_is_not_repeated():
    found = verdict(Sealed("\u202eVERIFIED").build())
    assert (found.code, found.lines[-1]) == (FAILED, "FAILED")


def test_deep_folders_and_many_files_are_walked():
    deep = "/".join(["d"] * 200)
    files = Sealed().build(before=both(file_named(f"{deep}/x"), *(file_named(f"many/{n}") for n in range(250))))
    assert verdict(files).code == VERIFIED


def test_a_serial_cannot_lead_out_of_the_folder():
    serial = "../../../etc"
    keys = [{"serial": serial, "spki": "AAAA"}]
    found = verdict(Sealed().build(before=more("end", step="x", made={"keys": keys})))
    assert found.code == VERIFIED
    found = verdict(Sealed().build(before=file_named("../outside")), None)
    assert found.code == FAILED
    assert "../outside: is recorded, and is not there" in found.having("FAILED")
