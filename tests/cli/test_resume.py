# SPDX-License-Identifier: Apache-2.0
"""`ceremony resume`: from what the folder and the tokens say, or a sentence that says why not."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ceremony.cli.practice import SECRETS, load
from ceremony.core import canonical
from ceremony.core.keys import Algorithm
from ceremony.core.plan_reader import read_site
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices import softhsm
from ceremony.devices.hsm import open_token
from ceremony.errors import ExitCode
from tests.cli.conftest import said
from tests.peers.program import program

MEDIA = ("volumes/a", "volumes/b", "courier")


@pytest.fixture
def copy(killed, tmp_path):
    """A copy of the rehearsal that was killed: good for what is refused before its media are looked at."""
    return Path(shutil.copytree(killed, tmp_path / "copy"))


def records(root: Path, kind: str) -> list[dict]:
    lines = (root / "ceremony" / "ceremony.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def files(root: Path) -> dict[str, tuple[int, str]]:
    """Return every file below a folder, with its inode and digest."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): (p.stat().st_ino, hashlib.sha256(p.read_bytes()).hexdigest()) for p in found}


# --- what is no ceremony, or not the one that was begun --------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda path: None, r"x: is not a folder$", id="nothing"),
        pytest.param(Path.touch, r"x: is not a folder$", id="a file"),
        pytest.param(Path.mkdir, r"x: holds no ceremony that was begun$", id="an empty folder"),
        pytest.param(lambda path: (path / "ceremony").mkdir(parents=True), r"x: holds no ceremony that was begun$", id="empty"),
        pytest.param(
            lambda path: (path.mkdir(), (path / "ceremony.jsonl").touch()), r"x: holds no ceremony that was begun$", id="empty log"
        ),
        pytest.param(
            lambda path: (path.mkdir(), (path / "ceremony.jsonl").write_text("{}\n")),
            r"x: holds no ceremony that was begun$",
            id="a log that is none",
        ),
        pytest.param(lambda path: path.symlink_to(path), r"x: is not a folder$", id="a link to itself"),
        pytest.param(
            lambda path: (path.mkdir(), (path / "ceremony.jsonl").mkdir()), r"x: .*it is a folder, not a file$", id="a folder as log"
        ),
    ],
)  # fmt: skip
def test_refuses_what_holds_no_ceremony(refuse, tmp_path, make, sentence):
    make(tmp_path / "x")
    assert re.search(sentence, refuse("resume", tmp_path / "x", "--auto").sentence)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        pytest.param("plan.toml", "evidence/plan.toml is not the one that the first record binds", id="the plan"),
        pytest.param("site.toml", "evidence/site.toml is not the one that the first record binds", id="the site"),
        pytest.param(
            "plan-files/keys/app.pem",
            "a file in evidence/plan-files/ or evidence/trusted-root/ is not the one that the first record binds",
            id="a key that the plan names",
        ),
    ],
)
def test_refuses_a_folder_whose_inputs_were_changed(refuse, copy, file, sentence):
    path = copy / "ceremony" / "evidence" / file
    other = copy / "ceremony" / "evidence" / "plan-files" / "keys" / "alice.pem"
    path.write_bytes(other.read_bytes() if path.suffix == ".pem" else path.read_bytes() + b"\n")
    before = files(copy)
    told = refuse("resume", copy, "--auto")
    assert told.sentence == f"{copy / 'ceremony'}: {sentence}"
    assert told.hint == "bring the folder back as it was"
    assert files(copy) == before


@pytest.mark.parametrize("file", ["evidence/plan.toml", "evidence/site.toml", "evidence/plan-files/guns.txt"])
def test_refuses_a_folder_whose_inputs_are_gone(refuse, copy, file):
    (copy / "ceremony" / file).unlink()
    assert Path(file).name in refuse("resume", copy, "--auto").sentence


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        pytest.param("production", "nothing answers by itself in a production ceremony", id="production"),
        pytest.param("earnest", "{path}: its first record names no mode that there is", id="unknown"),
        pytest.param(None, "{path}: its first record names no mode that there is", id="none"),
    ],
)
def test_refuses_to_answer_for_people_outside_of_practice(refuse, copy, mode, sentence):
    log = copy / "ceremony" / "ceremony.jsonl"
    first = json.loads(log.read_bytes().splitlines()[0])
    first["body"]["mode"] = mode
    log.write_bytes(canonical.encode(first) + b"\n")
    assert refuse("resume", copy, "--auto").sentence == sentence.format(path=copy / "ceremony")


def test_refuses_to_ask_where_nobody_could_answer(refuse, copy):
    assert refuse("resume", copy).sentence == "there is no terminal to show the ceremony on"


def test_refuses_a_site_that_does_not_fit(refuse, copy, tmp_path):
    (tmp_path / "site.toml").write_text((copy / "ceremony/evidence/site.toml").read_text().replace("root-b", "root-x"))
    told = refuse("resume", copy, "--site", tmp_path / "site.toml")
    assert told.sentence == "tokens.root-b: is missing, and the plan names it"


def test_never_answers_for_tokens_that_are_not_the_rehearsal_s_own(refuse, copy):
    told = refuse("resume", copy, "--auto", "--site", copy / "ceremony/evidence/site.toml")
    assert told.sentence == "--auto cannot answer for the tokens of --site: nobody here knows their PINs"


def test_goes_on_with_the_rehearsal_s_own_folder_only(refuse, copy):
    shutil.copytree(copy / "ceremony", copy / "snapshot")
    told = refuse("resume", copy / "snapshot", "--auto")
    assert told.sentence.endswith("is a copy: a rehearsal's ceremony folder is called ceremony")


def test_two_runs_never_write_one_log(refuse, copy):
    descriptor = os.open(copy / "ceremony", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        told = refuse("resume", copy, "--auto")
    finally:
        os.close(descriptor)
    assert told.sentence.endswith("is in use by another run of this program")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(Path.unlink, r"practice-secrets\.json cannot be read: No such file or directory$", id="missing"),
        pytest.param(lambda path: path.write_bytes(b"{"), r"practice-secrets\.json is not what a rehearsal left$", id="cut off"),
        pytest.param(
            lambda path: path.write_text(path.read_text().replace("Wim Example", "Wom Example")),
            r"practice-secrets\.json holds no key of Wim Example$",
            id="lacks a person",
        ),
    ],
)
def test_refuses_a_rehearsal_whose_people_know_nothing_any_more(refuse, copy, spoil, sentence):
    spoil(copy / SECRETS)
    assert re.search(sentence, refuse("resume", copy, "--auto").sentence)


def test_refuses_other_media_and_says_which_it_wants(copy):
    wanted = records(copy, "medium")[0]["body"]["serial"]
    done = program("resume", copy, "--auto")
    assert (done.returncode, done.stdout) == (ExitCode.INCOMPLETE, "")
    told = said(done.returncode, "\n".join(done.stderr.splitlines()[-2:]))
    assert told.sentence == f"volume a is out: folder {wanted}: is not here"


# --- tokens that do not answer as they should ---------------------------------------------------


@contextmanager
def restored(*paths: Path) -> Iterator[None]:
    """Bring files and folders back as they were, whatever the block did to them."""
    kept = [path.with_name(f"{path.name}.kept") for path in paths]
    for path, copy in zip(paths, kept, strict=True):
        subprocess.run(["cp", "-a", path, copy], check=True)
    try:
        yield
    finally:
        for path, copy in zip(paths, kept, strict=True):
            subprocess.run(["rm", "-r", path], check=True)
            copy.rename(path)


def resumed_in_vain(root: Path) -> str:
    """Resume, which fails at a token: return the sentence; it is in the log, and the ceremony can be resumed."""
    before = len(records(root, "error"))
    done = program("resume", root, "--auto")
    assert (done.returncode, done.stdout) == (ExitCode.FAILED, "")
    told = said(done.returncode, "\n".join(done.stderr.splitlines()[-2:]))
    assert [record["body"]["message"] for record in records(root, "error")[before:]] == [told.sentence]
    assert program("audit", root / "ceremony").returncode == ExitCode.INCOMPLETE
    return told.sentence


def test_a_wrong_pin_is_tried_once_and_told(killed):
    with restored(killed / SECRETS):
        known = load(killed / SECRETS)
        right = known.answers["pin:root-a"].text()
        known.answers["pin:root-a"] = Secret(f"{(int(right) + 1) % 10**8:08}")
        known.save()
        assert re.fullmatch("token [0-9a-f]{16}: the PIN is wrong; the token does not tell .*", resumed_in_vain(killed))
    assert [record["outcome"] for record in records(killed, "login")] == ["fail"]


def test_an_occupied_label_is_told_and_the_key_stays(killed):
    site = read_site((killed / "ceremony" / "evidence" / "site.toml").read_bytes()).tokens["root-a"]
    with restored(killed / "tokens" / "store"):
        token = open_token("root-a", site, env=softhsm.environment(killed / "tokens"))
        token.unlock(load(killed / SECRETS).answers["pin:root-a"])
        made = token.generate(KeyRequest("acme-root", b"\x01", Algorithm.ECDSA_P256, extractable=False))
        token.close()
        assert re.fullmatch("token [0-9a-f]{16}: already holds a key labelled 'acme-root'", resumed_in_vain(killed))
        token = open_token("root-a", site, env=softhsm.environment(killed / "tokens"))
        token.unlock(load(killed / SECRETS).answers["pin:root-a"])
        assert token.find("acme-root") == made
        token.close()


def test_a_token_that_is_gone_is_told(killed):
    with restored(killed / "tokens" / "store"):
        site = read_site((killed / "ceremony" / "evidence" / "site.toml").read_bytes()).tokens["root-a"]
        serial = site.pkcs11.partition("serial=")[2].partition(";")[0]
        for path in (killed / "tokens" / "store").iterdir():
            if path.name.replace("-", "").endswith(serial):
                shutil.rmtree(path)
        assert re.match(f"token root-a: no token matches pkcs11:serial={serial};token=root-a; ", resumed_in_vain(killed))


# --- what can be resumed ------------------------------------------------------------------------


def test_a_finished_ceremony_is_resumed_to_the_same_bytes_by_either_folder(rehearsed):
    for folder in (rehearsed.root, rehearsed.ceremony):
        before = files(rehearsed.ceremony)
        carried = {place: {name: digest for name, (_, digest) in files(rehearsed.root / place).items()} for place in MEDIA}
        done = program("resume", folder, "--auto")
        assert (done.returncode, done.stdout) == (ExitCode.DONE, f"{rehearsed.ceremony}\n"), done.stderr
        assert files(rehearsed.ceremony) == before
        assert carried == {place: {n: digest for n, (_, digest) in files(rehearsed.root / place).items()} for place in MEDIA}
