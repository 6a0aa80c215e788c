# SPDX-License-Identifier: Apache-2.0
"""Renewals and rotations in rehearsal, as people start them: on a made-up fleet, after one another, on a real request; killed, resumed."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from ceremony.cli import practice
from ceremony.cli.plan_files import EXAMPLES
from ceremony.core.plan import Kind
from ceremony.devices import softhsm
from ceremony.errors import ExitCode
from tests.cli.test_rehearse_recovery import records, tree
from tests.peers.notary import NotaryServer
from tests.peers.program import program

ROTATION, RENEWAL = EXAMPLES[Kind.ROTATION], EXAMPLES[Kind.RENEWAL]
APP, WEB, VENDOR = "docker.io/acme/app", "docker.io/acme/web", "docker.io/acme/vendor"


def held(*arguments: object) -> Path:
    """Hold a rehearsal to its end, audit it, and return its folder."""
    done = program("rehearse", *arguments, "--auto")
    assert done.returncode == ExitCode.DONE, done.stderr
    root = Path(done.stdout.strip()).parent
    verdict = program("audit", root / "ceremony")
    assert verdict.returncode == ExitCode.DONE, verdict.stdout
    return root


def substitutions(root: Path) -> list[str]:
    return [body["what"] for body in records(root, "substitution")]


def bundle(root: Path) -> set[str]:
    """Return the files of the bundle's repositories."""
    place = root / "ceremony" / "bundle" / "tuf"
    return {path.relative_to(place).as_posix() for path in place.rglob("*.json")}


def signed(root: Path, repository: str, role: str) -> dict:
    path = root / "ceremony" / "bundle" / "tuf" / repository / "metadata" / f"{role}.json"
    return dict(json.loads(path.read_bytes())["signed"])


def plan_with(folder: Path, *stolen: str, **changes: str) -> Path:
    """Write the example of a rotation with other stolen keys, and return where it is."""
    source = ROTATION.read_text()
    line = next(line for line in source.splitlines() if line.startswith("keys = "))
    source = source.replace(line, f"keys = {json.dumps(list(stolen))}")
    for old, new in changes.items():
        source = source.replace(old, new)
    (folder / "plan.toml").write_text(source)
    return folder / "plan.toml"


# --- with nothing else ---------------------------------------------------------------------


def test_the_example_of_a_rotation_is_held_with_one_command_killed_and_resumed(tmp_path):
    root = tmp_path / "r"
    for die in (("end", "tokens"), ("begin", "sign")):
        done = program(*(("rehearse", ROTATION) if die[1] == "tokens" else ("resume", root)), "--auto", *(("--out", root) if die[1] == "tokens" else ()), die=die)  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
    done = program("resume", root, "--auto")
    assert done.returncode == ExitCode.DONE, done.stderr
    verdict = program("audit", root / "ceremony")
    assert verdict.returncode == ExitCode.DONE, verdict.stdout
    names = [f"practice.invalid/{name}/metadata/{role}.json" for name in ("app", "web") for role in ("root", "targets")]
    assert bundle(root) == set(names)
    (stands_in,) = [words for words in substitutions(root) if " for the stolen key " in words]
    key_id = stands_in.split()[3]
    plan = (root / "ceremony" / "evidence" / "plan.toml").read_text()
    assert key_id in plan
    assert key_id not in signed(root, "practice.invalid/app", "root")["keys"]
    assert set(signed(root, "practice.invalid/app", "targets")["targets"]) == {"1.0", "1.1"}


def test_the_example_of_a_renewal_is_held_with_one_command(tmp_path):
    root = held(RENEWAL, "--out", tmp_path / "r")
    assert signed(root, "docker.io/acme/new", "root")["version"] == 1
    assert signed(root, "practice.invalid/app", "root")["expires"] == "2048-11-19T00:00:00Z"
    assert practice.load(root / practice.SECRETS).servers


# --- after one another -----------------------------------------------------------------------


def test_tokens_people_and_what_is_published_go_on_from_one_to_the_next(rehearsed, tmp_path):
    before = tree(rehearsed.root)
    first = held(ROTATION, "--after", rehearsed.root, "--out", tmp_path / "first")
    assert tree(rehearsed.root) == before
    assert "copies of the volumes of an earlier rehearsal for the volumes" in substitutions(first)
    assert "the roots of an earlier rehearsal for the trusted root" in substitutions(first)
    touched = {path.partition("/metadata")[0] for path in bundle(first)}
    assert len(touched) == 2
    rotated = min(touched)
    shutil.rmtree(first / "volumes" / "a")
    second = held(RENEWAL, "--after", first, "--out", tmp_path / "second")
    assert signed(second, rotated, "root")["version"] == 3
    assert signed(second, WEB, "root")["version"] == 2 + (WEB in touched)
    assert len(list((second / "volumes" / "b").iterdir())) == 3
    assert len(list((second / "volumes" / "a").iterdir())) == 1
    assert {token.pkcs11 for token in softhsm.existing(second / "tokens").values()} == {
        token.pkcs11 for token in softhsm.existing(shutil.copytree(rehearsed.root / "tokens", tmp_path / "tokens")).values()
    }
    people = practice.load(rehearsed.root / practice.SECRETS).people
    assert {n: p for n, (p, _) in practice.load(second / practice.SECRETS).people.items()} == {
        n: p for n, (p, _) in people.items()
    }


def test_tokens_of_a_new_root_are_fresh_and_stay_for_the_next(rehearsed, tmp_path):
    new = '[root.new]\nalgorithm = "ecdsa-p256"\ntokens = ["root-b", "root-d"]\nthreshold = 1\ncustody = "token-only"\n\n[compromised]'
    source = (
        plan_with(tmp_path, "ab" * 32)
        .read_text()
        .replace("\n[compromised]", f"\n[expires]\nroot = 2048-11-19T00:00:00Z\ncertificate = 2048-11-19T00:00:00Z\n\n{new}")
    )
    (tmp_path / "plan.toml").write_text(source)
    first = held(tmp_path / "plan.toml", "--after", rehearsed.root, "--out", tmp_path / "first")
    assert set(softhsm.existing(shutil.copytree(first / "tokens", tmp_path / "tokens"))) == {
        "root-a",
        "root-b",
        "root-c",
        "root-d",
    }
    again = plan_with(tmp_path, "ab" * 32).read_text().replace('tokens = ["root-a", "root-b"]', 'tokens = ["root-d"]')
    (tmp_path / "plan.toml").write_text(again)
    second = held(tmp_path / "plan.toml", "--after", first, "--out", tmp_path / "second")
    assert signed(second, APP, "root")["version"] == 3


# --- on what a real server published ------------------------------------------------------------


def test_what_was_published_on_a_real_server_is_fetched_and_rotated_with_and_without_its_tokens(tmp_path):
    with NotaryServer(tmp_path) as server:

        def online(command: str, *arguments: object) -> None:
            done = program(command, *arguments, "--server", server.url)
            assert done.returncode == ExitCode.DONE, done.stderr

        guns = sorted(path.partition("/metadata")[0] for path in bundle(held("--out", tmp_path / "names")))
        online("fetch", *guns, "--out", tmp_path / "new")
        genesis = held("--request", tmp_path / "new", "--out", tmp_path / "genesis")
        online("publish", genesis / "ceremony")
        online("fetch", *guns, "--out", tmp_path / "request")
        stolen = signed(genesis, APP, "root")["roles"]["targets"]["keyids"][0]
        plan = plan_with(tmp_path, stolen)
        mirrored = held(plan, "--request", tmp_path / "request", "--out", tmp_path / "mirrored")
        assert {path.partition("/metadata")[0] for path in bundle(mirrored)} == {APP}
        rotated = held(plan, "--request", tmp_path / "request", "--after", genesis, "--out", tmp_path / "rotated")
        assert stolen not in signed(rotated, APP, "root")["keys"]
        online("publish", rotated / "ceremony")
        refused = program("rehearse", plan, "--auto", "--after", genesis, "--out", tmp_path / "refused")
    assert refused.returncode == ExitCode.FAILED
    assert "its snapshot key is not a practice server's" in refused.stderr
    assert not (tmp_path / "refused").exists()


# --- refused before anything is made ---------------------------------------------------------------


@pytest.fixture
def refused(refuse, tmp_path):
    def refused(*arguments):
        before = sorted(tmp_path.rglob("*"))
        told = refuse("rehearse", *arguments, "--auto", "--out", tmp_path / "r")
        assert sorted(tmp_path.rglob("*")) == before
        return told

    return refused


def test_refuses_a_token_that_the_earlier_rehearsal_does_not_have(refused, rehearsed, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(RENEWAL.read_text().replace('"root-c"', '"root-x"'))
    assert refused(plan, "--after", rehearsed.root).sentence.endswith("has no token root-x, and the plan signs with it")


def test_refuses_an_earlier_rehearsal_that_is_not_finished(refused, killed):
    assert refused(RENEWAL, "--after", killed).sentence == f"{killed} is not finished"


def test_refuses_a_request_that_does_not_follow_what_the_earlier_rehearsal_published(refused, rehearsed, tmp_path):
    other = held(ROTATION, "--out", tmp_path / "other")
    request = other / "ceremony" / "evidence" / "request"
    told = refused(RENEWAL, "--request", request, "--after", rehearsed.root)
    assert told.sentence.startswith("request: all 3 repositories of it cannot be relied on; practice.invalid/app root version 1")


def test_hardware_needs_a_request(refuse, tmp_path):
    tokens = "\n".join(
        f'[tokens.root-{name}]\npkcs11 = "pkcs11:serial={name}"\nmodule = "{softhsm.MODULES[0]}"\n' for name in "ab"
    )
    (tmp_path / "site.toml").write_text(tokens)
    told = refuse("rehearse", ROTATION, "--site", tmp_path / "site.toml", "--out", tmp_path / "r")
    assert told.sentence == "a rotation on hardware needs a request: what is published under the root keys that it holds"


def test_answers_for_no_yubikey_whose_pin_it_did_not_set(refuse, tmp_path):
    tokens = "\n".join(f'[tokens.root-{name}]\nyubikey = {number}\nslot = "9c"\n' for number, name in enumerate("ab", 1))
    (tmp_path / "site.toml").write_text(tokens)
    told = refuse("rehearse", ROTATION, "--auto", "--site", tmp_path / "site.toml", "--out", tmp_path / "r")
    assert told.sentence == "--auto cannot answer for root-a: it holds a root key already, and nobody here knows its PIN"
