# SPDX-License-Identifier: Apache-2.0
"""Proofs of single records on the command line, checked by ours and by jq, openssl and ssh-keygen alone."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from ceremony.cli.audit_prove import check_proof, is_proof, print_proof
from ceremony.cli.folder import open_folder
from ceremony.core import signers
from ceremony.core.audit import audit
from ceremony.core.bundle import slug
from ceremony.errors import CeremonyError, ExitCode, StorageError

LOG = "ceremony.jsonl"
SEQ = 62

# RFC 9162, section 2.1.3.2, in shell: no line of it is from the program.
CHECK = r"""
set -eu
jq -r '.head[]' "$1" > head.txt
jq -r .record "$1" > record
fn=$(jq .seq "$1")
entries=$(sed -n 's/^entries: //p' head.txt)
sn=$((entries - 1))
[ "$fn" -le "$sn" ]
hash() { openssl dgst -sha256 -binary | od -An -v -tx1 | tr -d ' \n'; }
bytes() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
r=$({ printf '\0'; cat record; } | hash)
for p in $(jq -r '.path[]' "$1"); do
  [ "$sn" -ne 0 ]
  if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
    r=$({ printf '\1'; bytes "$p"; bytes "$r"; } | hash)
    while [ $((fn & 1)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
  else
    r=$({ printf '\1'; bytes "$r"; bytes "$p"; } | hash)
  fi
  fn=$((fn >> 1)) sn=$((sn >> 1))
done
[ "$sn" -eq 0 ]
[ "$r" = "$(sed -n 's/^merkle: //p' head.txt)" ]
for name in $(jq -r '.signatures | keys[]' "$1"); do
  jq -r --arg name "$name" '.signatures[$name][]' "$1" > sig
  ssh-keygen -Y verify -f "$2" -I "$name" -n ceremony-head -s sig < head.txt
done
"""


@pytest.fixture
def keys(rehearsed, tmp_path):
    """Return a file of the people's keys, as an auditor brings it."""
    people = json.loads((rehearsed.ceremony / LOG).read_text().splitlines()[0])["body"]["people"]
    path = tmp_path / "signers"
    path.write_text("".join(f"{slug(person['name'])} {person['key']}\n" for person in people))
    return path


@pytest.fixture
def proof(rehearsed, tmp_path, capsys):
    """Return the file of a proof."""
    with open_folder(rehearsed.ceremony) as reader:
        print_proof(audit(reader), SEQ)
    out, err = capsys.readouterr()
    assert err.startswith(f"record {SEQ} is in the log that head ")
    assert slug("Ada Example") in err
    path = tmp_path / "proof.json"
    path.write_text(out)
    return path


def by_hand(proof, keys, tmp_path) -> int:
    program = ["bash", "-c", CHECK, "check", str(proof), str(keys)]
    return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False).returncode


def test_a_proof_is_checked_without_its_folder(proof, keys):
    assert is_proof(proof)
    assert check_proof(proof, signers.parse(keys.read_bytes())).verdict is ExitCode.DONE
    assert check_proof(proof, None).verdict is ExitCode.INCOMPLETE


def test_a_proof_is_checked_by_common_programs_alone(proof, keys, tmp_path):
    assert by_hand(proof, keys, tmp_path) == 0
    value = json.loads(proof.read_text())
    for changed in (
        {**value, "record": value["record"].replace('"outcome":"ok"', '"outcome":"fail"')},
        {**value, "seq": SEQ - 1},
        {**value, "path": value["path"][1:]},
        {**value, "head": [line.replace("entries: ", "entries: 1") for line in value["head"]]},
    ):
        assert changed != value
        proof.write_text(json.dumps(changed))
        assert by_hand(proof, keys, tmp_path) != 0


def test_a_folder_and_a_tar_are_no_proofs(rehearsed, tmp_path):
    assert not is_proof(rehearsed.ceremony)
    assert not is_proof(rehearsed.tar)
    assert not is_proof(tmp_path / "nothing")
    (tmp_path / "empty").touch()
    assert not is_proof(tmp_path / "empty")
    os.mkfifo(tmp_path / "pipe")
    assert not is_proof(tmp_path / "pipe")


def test_an_unfinished_ceremony_without_a_head_that_covers_the_record_is_incomplete(killed):
    with open_folder(killed / "ceremony") as reader:
        a = audit(reader)
        with pytest.raises(CeremonyError, match="no head covers record") as caught:
            print_proof(a, len(a.found.records) - 1)
    assert caught.value.exit_code is ExitCode.INCOMPLETE


def test_a_file_that_cannot_be_read_is_refused(proof):
    proof.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        check_proof(proof, None)
