# SPDX-License-Identifier: Apache-2.0
"""A rehearsal on SoftHSM with shares, its tokens thrown away, and a recovery from one of its volumes: killed, resumed, audited."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path

import pytest

from ceremony.cli import practice
from ceremony.cli.earlier import Earlier, trusted_in_practice
from ceremony.cli.plan_files import EXAMPLE, EXAMPLES
from ceremony.cli.trusted_files import load_trusted_root
from ceremony.core.keys import PublicKey, Scheme, from_pem, raw_to_der
from ceremony.core.plan import Kind, Mode
from ceremony.core.ports import TokenKey
from ceremony.core.secret import Secret
from ceremony.core.trusted_keys import trusted_keys
from ceremony.devices import softhsm
from ceremony.devices.rack import SiteRack
from ceremony.errors import CeremonyError, ExitCode, PlanRefused
from tests.cli.test_rehearse import PLAN
from tests.fakes.plans import FILES
from tests.fakes.recovery import recovery_plan
from tests.peers import openssl
from tests.peers.program import program

APP = "docker.io/acme/app"
RECOVERY = EXAMPLES[Kind.RECOVERY]
TOKENS = ("root-a", "root-b", "root-c")
SPLIT = PLAN.replace('protect = "passphrase"', 'protect = "shares"\nshares = { needed = 2, total = 3 }').replace(
    'custody = "token-only"', 'custody = "token-wrapped"'
)


def tree(folder: Path) -> dict[str, str]:
    """Return the digest of every file."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished rehearsal, 2 shares of 3, whose tokens are gone, and one of its volumes."""
    home = tmp_path_factory.mktemp("genesis")
    for name, data in {"plan.toml": SPLIT.encode(), **FILES}.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_bytes(data)
    done = program("rehearse", home / "plan.toml", "--auto", "--out", home / "r")
    assert done.returncode == ExitCode.DONE, done.stderr
    shutil.rmtree(home / "r" / "tokens")
    shutil.rmtree(home / "r" / "volumes" / "a")
    return home / "r"


@pytest.fixture(scope="module")
def plan(genesis: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recovery plan beside the bundle that it trusts."""
    home = tmp_path_factory.mktemp("plan")
    shutil.copytree(genesis / "ceremony" / "bundle", home / "bundle")
    shutil.copy(RECOVERY, home / "plan.toml")
    return home / "plan.toml"


@pytest.fixture(scope="module")
def recovered(genesis: Path, plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished recovery, killed twice on its way."""
    out = tmp_path_factory.mktemp("recovered") / "r"
    before = tree(genesis)
    command: tuple[object, ...] = ("rehearse", plan, "--auto", "--after", genesis, "--out", out)
    for die in (("intent", "restore"), ("end", "prove")):
        done = program(*command, die=die)
        assert done.returncode == -signal.SIGKILL, done.stderr
        unfinished = program("audit", out / "ceremony")
        assert unfinished.returncode == ExitCode.INCOMPLETE, unfinished.stdout
        command = ("resume", out, "--auto")
    done = program(*command)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert tree(genesis) == before
    return out


def records(folder: Path, kind: str) -> list[dict]:
    lines = (folder / "ceremony" / "ceremony.jsonl").read_text().splitlines()
    return [record["body"] for record in map(json.loads, lines) if record["kind"] == kind]


def first_key(path: Path) -> PublicKey:
    """Return the public key that a file of the bundle begins with."""
    return from_pem(path.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[0])


def test_it_audits_and_names_the_ceremony_that_it_came_from(genesis, recovered):
    verdict = program("audit", recovered / "ceremony")
    assert verdict.returncode == ExitCode.DONE, verdict.stdout
    assert (
        verdict.stdout.count("its root key was restored from a backup and signed a challenge, and the trusted root names it") == 3
    )
    (opened,) = records(recovered, "backup-opened")
    log = (genesis / "ceremony" / "ceremony.jsonl").read_bytes()
    assert opened["head"] == hashlib.sha256(log).hexdigest()
    assert [body["what"] for body in records(recovered, "substitution")] == [
        "throw-away keys for all people",
        "folders for the volumes and the courier",
        "throw-away SoftHSM tokens for the tokens of the root",
        "copies of the volumes of an earlier rehearsal for the old volumes",
    ]


def test_what_a_recovered_token_signs_verifies_with_the_root_that_the_genesis_published(genesis, recovered, tmp_path):
    published = sorted((genesis / "ceremony" / "bundle" / "keys").glob("root-*.pem"))
    publics = {public.sha256: public for public in map(first_key, published)}
    known = practice.load(recovered / practice.SECRETS)
    rack = SiteRack(softhsm.existing(recovered / "tokens"), softhsm.environment(recovered / "tokens"))
    found: set[str] = set()
    for name in TOKENS:
        token = rack.open(name)
        token.unlock(Secret(known.answers[f"pin:{name}"].reveal()))
        key = token.find("acme-root-recovery")
        assert isinstance(key, TokenKey)
        (signature,) = token.sign(key, Scheme.ECDSA_SHA256, [b"metadata"])
        with pytest.raises(CeremonyError, match="does not let the key 'acme-root-recovery' leave"):
            token.wrap(key, Secret(bytes(32)))
        token.close()
        public = publics[key.public.sha256]
        der = raw_to_der(signature, public.algorithm)
        assert openssl.verifies(tmp_path, public.pem, Scheme.ECDSA_SHA256, b"metadata", der)
        found.add(public.sha256)
    assert found == publics.keys()


def test_openssl_verifies_what_each_restored_key_signed_in_the_ceremony(recovered):
    places = sorted((recovered / "ceremony" / "evidence" / "tokens").iterdir())
    assert len(places) == 3
    for place in places:
        said = openssl.openssl(
            "dgst", "-sha256", "-verify", place / "public.pem", "-signature", place / "challenge.sig", place / "challenge.txt"
        )
        assert b"OK" in said


def test_a_recovery_is_recovered_in_its_turn(recovered, plan, tmp_path):
    done = program("rehearse", plan, "--auto", "--after", recovered, "--out", tmp_path / "again")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert program("audit", tmp_path / "again" / "ceremony").returncode == ExitCode.DONE


def test_the_plan_of_a_production_is_rehearsed_with_the_roots_of_the_rehearsal(genesis, tmp_path):
    """Its trusted root is another one than the rehearsal's, and its bundle is not there."""
    shutil.copy(RECOVERY, tmp_path / "plan.toml")
    source = RECOVERY.read_text().replace('tokens = ["root-a", "root-b", "root-c"]', 'tokens = ["root-b"]')
    (tmp_path / "plan.toml").write_text(source)
    done = program("rehearse", tmp_path / "plan.toml", "--auto", "--after", genesis, "--out", tmp_path / "r")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "the root keys of the earlier rehearsal for the trusted root" in [
        body["what"] for body in records(tmp_path / "r", "substitution")
    ]
    verdict = program("audit", tmp_path / "r" / "ceremony")
    assert (verdict.returncode, "the trusted root names it" in verdict.stdout) == (ExitCode.DONE, True)


def test_what_people_pinned_names_the_root_keys(genesis, tmp_path):
    """The key ids that stand in trust-pinning.json, and in root.json, are those of certificates."""
    pinning = json.loads((genesis / "ceremony" / "bundle" / "trust-pinning.json").read_text())
    key_ids = pinning["trust_pinning"]["certs"][APP]
    assert len(key_ids) == 3
    (tmp_path / "plan.toml").write_text(
        RECOVERY.read_text().replace('trusted-root = "bundle"', f'trusted-root = "{" ".join(key_ids)}"')
    )
    done = program("rehearse", tmp_path / "plan.toml", "--auto", "--after", genesis, "--out", tmp_path / "r")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "the root keys of the earlier rehearsal for the trusted root" not in [
        body["what"] for body in records(tmp_path / "r", "substitution")
    ]
    kept = sorted((tmp_path / "r" / "ceremony" / "evidence" / "root-certificates").iterdir())
    assert [path.stem for path in kept] == sorted(key_ids)
    for path in kept:
        openssl.openssl("x509", "-in", path, "-noout", "-subject")
    verdict = program("audit", tmp_path / "r" / "ceremony")
    assert verdict.returncode == ExitCode.DONE, verdict.stdout
    assert verdict.stdout.count("signed a challenge, and the trusted root names it") == 3


def test_a_damaged_volume_is_told_and_the_rehearsal_can_be_resumed_with_a_good_one(genesis, plan, tmp_path):
    spoiled = Path(shutil.copytree(genesis, tmp_path / "spoiled"))
    (path,) = (spoiled / "volumes" / "b").glob("ceremony-*/private/identity.age")
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    done = program("rehearse", plan, "--auto", "--after", spoiled, "--out", tmp_path / "r")
    assert done.returncode == ExitCode.FAILED
    assert "private/identity.age: is damaged: it is not the file that its log says was written" in done.stderr
    next((tmp_path / "r" / "old" / "b").glob("ceremony-*/private/identity.age")).write_bytes(good)
    resumed = program("resume", tmp_path / "r", "--auto")
    assert resumed.returncode == ExitCode.DONE, resumed.stderr


# --- refused before anything is made ------------------------------------------------------


@pytest.fixture
def refused(refuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(RECOVERY, tmp_path / "plan.toml")

    def refused(*arguments):
        before = sorted(tmp_path.rglob("*"))
        told = refuse("rehearse", "plan.toml", "--auto", "--out", "r", *arguments)
        assert sorted(tmp_path.rglob("*")) == before
        return told

    return refused


def test_refuses_a_recovery_after_nothing(refused):
    told = refused()
    assert told.sentence == "a recovery is rehearsed after a rehearsal whose volumes it opens, and none was named"
    assert told.hint == "hold `ceremony rehearse` first, then name its folder with --after"


def test_refuses_what_is_no_rehearsal(refused, tmp_path):
    (tmp_path / "folder").mkdir()
    assert refused("--after", "folder").sentence.endswith("practice-secrets.json cannot be read: No such file or directory")


def test_refuses_a_rehearsal_without_a_volume(refused, genesis, tmp_path):
    shutil.copytree(genesis, tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "volumes" / "b")
    assert refused("--after", "bare").sentence == "bare has no volume left"


def test_refuses_a_rehearsal_whose_volumes_cannot_be_copied(refused, genesis, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    shutil.copytree(genesis, tmp_path / "earlier")
    monkeypatch.setattr(shutil, "copytree", full)
    assert refused("--after", "earlier").sentence == "the volumes of earlier cannot be copied: No space left on device"


# --- the trusted root, from disk ------------------------------------------------------------


def loaded(folder: Path, trusted: str, mode: Mode = Mode.PRODUCTION) -> dict[str, bytes]:
    return load_trusted_root(folder / "plan.toml", recovery_plan("root-a", trusted_root=trusted), mode)


def test_a_trusted_root_is_read_from_a_bundle_a_root_or_public_keys(genesis, tmp_path):
    bundle = genesis / "ceremony" / "bundle"
    shutil.copytree(bundle, tmp_path / "bundle")
    shutil.copy(bundle / "tuf" / APP / "metadata" / "root.json", tmp_path)
    (tmp_path / "keys").mkdir()
    for path in (bundle / "keys").iterdir():
        shutil.copy(path, tmp_path / "keys")
    wanted = {first_key(path).sha256 for path in (bundle / "keys").iterdir()}
    for trusted in ("bundle", "root.json", "keys"):
        files = loaded(tmp_path, trusted)
        found = trusted_keys(recovery_plan("root-a", trusted_root=trusted), files)
        assert found is not None
        assert found.fingerprints == wanted, trusted
    assert set(loaded(tmp_path, "root.json")) == {"root.json"}
    assert all(path.startswith("tuf/") for path in loaded(tmp_path, "bundle"))
    assert loaded(tmp_path, "ab" * 32) == loaded(tmp_path, "") == {}


def test_a_trusted_root_that_cannot_be_read_is_refused_and_in_practice_only_missed(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "large.json").write_bytes(b"x" * (8 * 1024 * 1024 + 1))
    for trusted, said in (
        ("none", "is not there"),
        ("empty", "holds no root"),
        ("large.json", "is longer than the 8388608 bytes that are read"),
    ):
        with pytest.raises(PlanRefused, match=f"^trusted-root: .*{said}"):
            loaded(tmp_path, trusted)
    assert loaded(tmp_path, "none", Mode.PRACTICE) == {}
    (tmp_path / "two").mkdir()
    for name in ("a.pem", "b.pem"):
        (tmp_path / "two" / name).write_bytes(b"")
    monkeypatch.setattr("ceremony.cli.trusted_files.MAX_FILES", 1)
    with pytest.raises(PlanRefused, match="holds more than 1 files"):
        loaded(tmp_path, "two")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "x.pem").mkdir()
    with pytest.raises(PlanRefused, match=r"x\.pem is not a plain file"):
        loaded(tmp_path, "odd")


def test_a_trusted_root_without_an_earlier_rehearsal_is_that_of_the_plan():
    plan = recovery_plan("root-a", trusted_root="ab" * 32)
    assert trusted_in_practice({"x": b""}, plan, None) == ({"x": b""}, ())


def test_an_earlier_rehearsal_without_a_root_stands_in_for_nothing(tmp_path):
    earlier = Earlier(practice.Rehearsal(tmp_path), practice.PracticeSecrets(tmp_path / practice.SECRETS))
    assert trusted_in_practice({}, recovery_plan("root-a", trusted_root="ab" * 32), earlier) == ({}, ())
    assert EXAMPLE != RECOVERY
