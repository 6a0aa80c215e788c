# SPDX-License-Identifier: Apache-2.0
"""A whole genesis of a 2-of-3 root on three virtual YubiKeys behind a real pcscd, published; judged by the programs of others."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ceremony.core import bundle
from tests.cli.test_stock_client import GENERATED, SIGNED_BY_ALICE, UNDER_PREFIX, Asked, plan
from tests.fakes.yubikey import Authority, VirtualYubiKey
from tests.peers.notary import NotaryServer, notary
from tests.peers.pcscd import SmartCards
from tests.peers.program import command, environment, program

YKMAN = Path(sys.executable).with_name("ykman")
ROOTS_HEAD = 4
"""The head that the root signs: one at each of three gates comes before it."""
SERIALS = {"root-a": 13078701, "root-b": 13078702, "root-c": 13078703}
SLOTS = {"root-a": "9c", "root-b": "9c", "root-c": "82"}
NAMES = tuple(name for name in UNDER_PREFIX if name in {GENERATED, SIGNED_BY_ALICE})


@dataclass(frozen=True)
class Held:
    """The ceremony, its cards still in their readers, and the server that it was published to."""

    root: Path
    room: SmartCards
    server: str
    told: str

    @property
    def ceremony(self) -> Path:
        return self.root / "ceremony"

    def evidence(self, token: str) -> Path:
        return self.ceremony / "evidence" / "tokens" / str(SERIALS[token])

    def records(self, kind: str) -> list[dict[str, Any]]:
        lines = (self.ceremony / bundle.LOG).read_bytes().splitlines()
        return [record for record in map(json.loads, lines) if record["kind"] == kind]


def site(folder: Path, authority: Authority) -> Path:
    """Write a site file that names the three cards, and their authority's certificates beside it."""
    (folder / "yubico").mkdir()
    (folder / "yubico" / "authorities.pem").write_bytes(authority.pem)
    tokens = "".join(f'[tokens.{name}]\nyubikey = {serial}\nslot = "{SLOTS[name]}"\n' for name, serial in SERIALS.items())
    path = folder / "site.toml"
    path.write_text(f'yubico-roots = "yubico/"\n{tokens}')
    return path


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("yubikeys")
    authority = Authority()
    cards = [VirtualYubiKey(serial, authority=authority) for serial in SERIALS.values()]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "team")], check=True)
    (folder / "keys").mkdir()
    alice = subprocess.run(["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout"], capture_output=True, check=True)
    public = subprocess.run(["openssl", "ec", "-pubout"], input=alice.stdout, capture_output=True, check=True).stdout
    (folder / "keys" / "alice.pem").write_bytes(public)
    with NotaryServer(folder) as server, SmartCards(*cards) as room:
        fetched = program("fetch", *NAMES, "--server", server.url, "--out", folder / "request")
        asked = Asked("docker.io/acme/*", NAMES, "ecdsa-p256", "token-only")
        (folder / "plan.toml").write_text(plan(asked, fetched.stdout.strip(), (folder / "team.pub").read_text().strip()))
        held = room.run(
            *command("rehearse", folder / "plan.toml", "--auto", "--site", site(folder, authority),
                     "--request", folder / "request", "--out", folder / "r"),
            env={"PYTHONPATH": environment()["PYTHONPATH"]},
        )  # fmt: skip
        assert held.returncode == 0, held.stderr
        assert program("audit", folder / "r" / "ceremony").returncode == 0
        told = program("publish", folder / "r" / "ceremony", "--server", server.url)
        assert told.returncode == 0, told.stderr
        yield Held(folder / "r", room, server.url, held.stderr)


def test_a_stock_client_lists_what_was_published(held, tmp_path):
    for name in NAMES:
        assert "No targets present" in notary("list", name, server=held.server, trust=tmp_path / name).stdout


@pytest.mark.parametrize("token", SERIALS)
def test_openssl_accepts_the_chain_that_is_exported(held, token):
    evidence = held.evidence(token)
    judged = subprocess.run(
        ["openssl", "verify", "-CAfile", bundle.AUTHORITIES, "-untrusted", bundle.DEVICE, bundle.ATTESTATION],
        cwd=evidence, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout == f"{bundle.ATTESTATION}: OK\n"


@pytest.mark.parametrize("token", SERIALS)
def test_openssl_accepts_the_challenge_and_the_head_by_the_attested_key(held, token):
    evidence = held.evidence(token)
    attested = subprocess.run(
        ["openssl", "x509", "-in", bundle.ATTESTATION, "-noout", "-pubkey"], cwd=evidence, capture_output=True, check=True
    )
    assert attested.stdout == (evidence / "public.pem").read_bytes()
    for signature, message in (
        (bundle.CHALLENGE_SIGNATURE, bundle.CHALLENGE),
        ("head.sig", held.ceremony / bundle.head(ROOTS_HEAD)),
    ):
        judged = subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", signature, str(message)],
            cwd=evidence, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert judged.stdout == "Verified OK\n", judged.stderr


@pytest.mark.parametrize("token", SERIALS)
def test_ykman_shows_what_the_ceremony_says_is_there(held, token):
    shown = held.room.run(YKMAN, "--reader", held.room.reader(SERIALS[token]), "piv", "info")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"PIN tries remaining: +5/5", shown.stdout)
    assert re.search(r"PUK tries remaining: +5/5", shown.stdout)
    assert "WARNING" not in shown.stdout  # of default values
    assert f"Slot {SLOTS[token].upper()}" in shown.stdout
    assert "CN=root" in shown.stdout
    assert "ECCP256" in shown.stdout


def test_the_log_says_where_each_key_was_made_and_that_the_slot_was_empty(held):
    made = {
        record["body"]["key"]: record["body"] for record in held.records("intent") if record["body"]["action"] == "generate-key"
    }
    assert {serial: (body["slot"], body["slot_empty"]) for serial, body in made.items()} == {
        str(serial): (SLOTS[token], True) for token, serial in SERIALS.items()
    }
    assert [record["body"]["pinned"] for record in held.records("attested")] == [False] * 3


def test_no_secret_of_a_token_is_told(held):
    secrets = json.loads((held.root / "practice-secrets.json").read_text())["answers"]
    ours = [value for key, value in secrets.items() if key.startswith(("pin:", "puk:", "management-key:"))]
    assert len(ours) == 9
    everything = held.told.encode() + b"".join(path.read_bytes() for path in held.ceremony.rglob("*") if path.is_file())
    assert not [value for value in ours if value.encode() in everything]


@pytest.mark.parametrize("token", SERIALS)
def test_the_card_holds_the_key_and_none_of_its_factory_values(held, token):
    info = held.room.run(*command("tokens", "--json"), env={"PYTHONPATH": environment()["PYTHONPATH"]})
    assert info.returncode == 0, info.stderr
    assert str(SERIALS[token]) in info.stdout


RENEWAL = """schema = 1
name = "acme-renewal"
kind = "renewal"
dialect = "notary"
facility = "Acme"
previous = "first"
request = "{request}"
trusted-root = "bundle"

[root]
tokens = ["root-a", "root-c"]

[expires]
root = 2035-01-01T00:00:00Z

[[people]]
name = "Ada"
role = "administrator"
organisation = "Acme"
key = ""

[[people]]
name = "Sofia"
role = "security-officer"
organisation = "Acme"
key = ""

[[people]]
name = "Wim"
role = "witness"
organisation = "Notaries"
key = ""
independent = true

[close]
quorum = {{ security-officer = 1, witness = 1 }}
"""


def test_two_of_them_sign_what_follows_and_clients_follow(held, tmp_path):
    caches = {name: tmp_path / f"old-{n}" for n, name in enumerate(NAMES)}
    for name, cache in caches.items():
        notary("list", name, server=held.server, trust=cache)
    shutil.copytree(held.ceremony / "bundle", tmp_path / "bundle")
    fetched = program(
        "fetch", *NAMES, "--server", held.server, "--trusted-root", tmp_path / "bundle", "--out", tmp_path / "request"
    )
    assert fetched.returncode == 0, fetched.stderr
    (tmp_path / "renewal.toml").write_text(RENEWAL.format(request=fetched.stdout.strip()))
    shutil.copytree(held.root.parent / "yubico", tmp_path / "yubico")
    lines = [f'[tokens.{name}]\nyubikey = {SERIALS[name]}\nslot = "{SLOTS[name]}"\n' for name in ("root-a", "root-c")]
    (tmp_path / "site.toml").write_text('yubico-roots = "yubico/"\n' + "".join(lines))
    renewed = held.room.run(
        *command("rehearse", tmp_path / "renewal.toml", "--auto", "--site", tmp_path / "site.toml", "--after", held.root,
                 "--request", tmp_path / "request", "--out", tmp_path / "r"),
        env={"PYTHONPATH": environment()["PYTHONPATH"]},
    )  # fmt: skip
    assert renewed.returncode == 0, renewed.stderr
    told = program("publish", tmp_path / "r" / "ceremony", "--server", held.server)
    assert told.returncode == 0, told.stderr
    for n, (name, cache) in enumerate(caches.items()):
        for trust in (cache, tmp_path / f"fresh-{n}"):
            assert "No targets present" in notary("list", name, server=held.server, trust=trust).stdout
            root = json.loads((trust / "tuf" / name / "metadata" / "root.json").read_bytes())["signed"]
            assert (root["version"], root["expires"]) == (2, "2035-01-01T00:00:00Z")
