# SPDX-License-Identifier: Apache-2.0
"""`ceremony redact`: a public copy on the disk, of a folder or its tar; refused where it could tell too much or not be made."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from ceremony.cli.folder import open_folder
from ceremony.cli.main import main
from ceremony.cli.redact import CopiedFiles
from ceremony.core import signers
from ceremony.core.audit.redacted import audit_copy, is_copy
from ceremony.core.bundle import slug
from ceremony.errors import ExitCode, StorageError

LOG = "ceremony.jsonl"


@pytest.fixture
def people(rehearsed) -> dict[str, str]:
    """Return name → key of the people of the rehearsal."""
    opened = json.loads((rehearsed.ceremony / LOG).read_text().splitlines()[0])
    return {person["name"]: person["key"] for person in opened["body"]["people"]}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def redact(capsys, folder: Path, out: Path, *named: str) -> str:
    options = [word for name in named for word in ("--named", name)]
    code = main(["redact", str(folder), "--out", str(out), *options])
    printed, told = capsys.readouterr()
    assert (code, printed) == (ExitCode.DONE, ""), told
    return told


def test_a_copy_verifies_and_nobody_else_is_in_any_byte_of_it(rehearsed, people, tmp_path, capsys):
    told = redact(capsys, rehearsed.ceremony, tmp_path / "public", "Ada Example", "Wim Example")
    made = files(tmp_path / "public")
    shown = sum(not line.startswith(b'{"leaf"') for line in made["ceremony-redacted.jsonl"].splitlines())
    entries = made["ceremony-redacted.jsonl"].count(b"\n")
    assert f"{shown} of {entries} records are shown, {entries - shown} withheld; {len(made) - 2} files are copied" in told
    assert shown > entries / 2
    everything = b"\n".join(path.encode() + b"\n" + data for path, data in made.items())
    for name, key in people.items():
        blob = base64.b64decode(key.split()[1])
        found = [
            needle in everything
            for needle in (
                name.encode(),
                slug(name).encode(),
                key.split()[1].encode(),
                blob.hex().encode(),
                hashlib.sha256(blob).hexdigest()[:16].encode(),
                base64.b64encode(hashlib.sha256(blob).digest())[:42],
            )
        ]
        assert any(found) is (name in {"Ada Example", "Wim Example"}), name
    brought = signers.parse("".join(f"{slug(name)} {key.rpartition(' ')[0]}\n" for name, key in people.items()).encode())
    with open_folder(tmp_path / "public") as reader:
        assert is_copy(reader)
        assert audit_copy(reader, brought).verdict is ExitCode.DONE
        assert audit_copy(reader).verdict is ExitCode.INCOMPLETE


def test_the_tar_and_the_folder_make_the_same_copy(rehearsed, tmp_path, capsys):
    for source, out in ((rehearsed.ceremony, "one"), (rehearsed.tar, "two")):
        redact(capsys, source, tmp_path / out, "Ada Example")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_an_unfinished_ceremony_can_be_copied(killed, tmp_path, capsys):
    redact(capsys, killed / "ceremony", tmp_path / "public", "Ada Example")
    with open_folder(tmp_path / "public") as reader:
        assert audit_copy(reader).verdict is ExitCode.INCOMPLETE


@pytest.mark.parametrize(
    ("named", "sentence", "hint"),
    [
        pytest.param([], "every record would be withheld", '--named "Ada Example"', id="nobody"),
        pytest.param(["Wim Example"], "at the keyboard, Ada Example", '--named "Ada Example"', id="not the recorder"),
        pytest.param(["Ada"], "nobody in this ceremony is called Ada", "its people are Ada Example, ", id="half a name"),
    ],
)
def test_names_that_make_no_copy_are_refused(rehearsed, tmp_path, refuse, named, sentence, hint):
    options = [word for name in named for word in ("--named", name)]
    refused = refuse("redact", rehearsed.ceremony, "--out", tmp_path / "public", *options)
    assert sentence in refused.sentence
    assert hint in refused.hint
    assert not (tmp_path / "public").exists()


def test_a_folder_that_failed_is_not_copied(ceremony_copy, tmp_path, refuse):
    (ceremony_copy / "README.txt").write_text("changed")
    refused = refuse("redact", ceremony_copy, "--out", tmp_path / "public", "--named", "Ada Example")
    assert refused.sentence == "the folder does not verify"
    assert not (tmp_path / "public").exists()


def test_nothing_is_overwritten(rehearsed, tmp_path, refuse):
    (tmp_path / "public").mkdir()
    refused = refuse("redact", rehearsed.ceremony, "--out", tmp_path / "public", "--named", "Ada Example")
    assert "exists already" in refused.sentence
    assert list((tmp_path / "public").iterdir()) == []


def test_a_place_where_nothing_can_be_made_is_refused(rehearsed, tmp_path, refuse):
    refused = refuse("redact", rehearsed.ceremony, "--out", tmp_path / "no" / "public", "--named", "Ada Example")
    assert str(tmp_path / "no") in refused.sentence


def test_a_copy_is_not_copied_again(rehearsed, tmp_path, capsys, refuse):
    redact(capsys, rehearsed.ceremony, tmp_path / "public", "Ada Example")
    refused = refuse("redact", tmp_path / "public", "--out", tmp_path / "more", "--named", "Ada Example")
    assert "there is no ceremony.jsonl in this folder" in refused.sentence


def test_a_file_that_changes_while_it_is_copied_is_not_taken(ceremony_copy):
    path = "README.txt"
    with open_folder(ceremony_copy) as reader:
        was = hashlib.sha256(reader.read(path)).hexdigest()
        copied = CopiedFiles({"made": b"here"}, reader, {path: was})
        assert dict(copied) == {"made": b"here", path: reader.read(path)}
        assert len(copied) == 2
        same_size = bytes(reader.sizes[path])
        (ceremony_copy / path).write_bytes(same_size)
        with pytest.raises(StorageError, match=r"README\.txt changed while it was copied"):
            copied[path]
