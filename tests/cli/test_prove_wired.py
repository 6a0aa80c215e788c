# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit` on proofs and public copies, as people call it."""

from __future__ import annotations

import json

import pytest

from ceremony.cli.main import main
from ceremony.core.bundle import slug
from ceremony.errors import ExitCode

LOG = "ceremony.jsonl"


@pytest.fixture
def run(capsys):
    """Run the program: return exit code, standard output and standard error."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def seq(rehearsed):
    """Return the number of a record that names nobody but who was at the keyboard: the intent to make a key."""
    records = map(json.loads, (rehearsed.ceremony / LOG).read_text().splitlines())
    return next(record["seq"] for record in records if record["body"].get("action") == "generate-key")


@pytest.fixture
def keys(rehearsed, tmp_path):
    people = json.loads((rehearsed.ceremony / LOG).read_text().splitlines()[0])["body"]["people"]
    path = tmp_path / "signers"
    path.write_text("".join(f"{slug(person['name'])} {person['key']}\n" for person in people))
    return path


def test_a_record_is_proven_and_the_proof_verifies(rehearsed, seq, keys, run, tmp_path):
    code, out, err = run("audit", rehearsed.ceremony, "--prove", seq)
    assert (code, json.loads(out)["seq"]) == (ExitCode.DONE, seq)
    assert err.startswith(f"record {seq} is in the log that head ")
    proof = tmp_path / "proof.json"
    proof.write_text(out)
    code, out, err = run("audit", proof, "--signers", keys)
    assert (code, out.splitlines()[-1], err) == (ExitCode.DONE, "VERIFIED", "")
    assert run("audit", proof)[0] == ExitCode.INCOMPLETE
    proof.write_text(proof.read_text().replace(f'"seq":{seq}', f'"seq":{seq + 1}'))
    code, out, _ = run("audit", proof, "--signers", keys, "--json")
    assert (code, json.loads(out)["verdict"]) == (ExitCode.FAILED, "failed")


def test_a_public_copy_verifies_and_proves_what_it_shows(rehearsed, seq, keys, run, tmp_path):
    assert run("redact", rehearsed.tar, "--out", tmp_path / "public", "--named", "Ada Example")[0] == ExitCode.DONE
    code, out, err = run("audit", tmp_path / "public", "--signers", keys)
    assert (code, out.splitlines()[-1], err) == (ExitCode.DONE, "VERIFIED", "")
    assert run("audit", tmp_path / "public")[0] == ExitCode.INCOMPLETE
    code, out, _ = run("audit", tmp_path / "public", "--prove", seq)
    (tmp_path / "proof.json").write_text(out)
    assert run("audit", tmp_path / "proof.json", "--signers", keys)[0] == ExitCode.DONE
    (tmp_path / "public" / "REDACTED.txt").write_text("all is well")
    assert run("audit", tmp_path / "public", "--signers", keys)[0] == ExitCode.FAILED


def test_what_proves_nothing_is_refused(rehearsed, seq, killed, ceremony_copy, tmp_path, refuse):
    assert "there is no record 99999" in refuse("audit", rehearsed.ceremony, "--prove", 99999).sentence
    (ceremony_copy / "README.txt").write_text("changed")
    assert "so it proves nothing" in refuse("audit", ceremony_copy, "--prove", seq).sentence
    lines = (killed / "ceremony" / LOG).read_text().count("\n")
    assert "no head covers record" in refuse("audit", killed / "ceremony", "--prove", lines - 1, code=3).sentence
    (tmp_path / "proof.json").write_text("{}")
    assert "does not have the members" in refuse("audit", tmp_path / "proof.json").sentence
    assert "is judged by itself" in refuse("audit", tmp_path / "proof.json", "--prove", 0, code=2).sentence
    assert "is judged by itself" in refuse("audit", rehearsed.ceremony, "--prove", 0, "--copy", "x", code=2).sentence
