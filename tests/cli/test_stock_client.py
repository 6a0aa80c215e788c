# SPDX-License-Identifier: Apache-2.0
"""From a plan to a stock client that trusts the root: the real program, SoftHSM, notary-server, notary, age and ssh-keygen."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from ceremony.core import software_key
from ceremony.core.keys import Algorithm
from tests.peers.notary import NotaryServer, notary
from tests.peers.program import command, environment

GENERATED = "docker.io/acme/app"
ED25519 = "docker.io/acme/tools"
SIGNED_BY_ALICE = "docker.io/acme/signed"
OWN_KEY = "docker.io/acme/own"
WITH_PORT = "reg.example:5000/acme/cli"

PEOPLE = """
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
quorum = { security-officer = 1, witness = 1 }
"""

ONLINE = 'snapshot = { source = "request" }\ntimestamp = { source = "request" }\n'


def program(*arguments: object, ok: int = 0) -> subprocess.CompletedProcess:
    done = subprocess.run(
        command(*arguments, light=True), env=environment(),
        capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == ok, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@dataclass(frozen=True)
class Published:
    """A ceremony that was fetched for, rehearsed, audited and published."""

    folder: Path
    server: str
    team: Path
    """The team's SSH key."""
    own: Path
    """The trust folder of the team that keeps its key: made by `notary init`, published nowhere."""
    told: str


@dataclass(frozen=True)
class Asked:
    """What a plan asks for."""

    certificate: str
    names: tuple[str, ...]
    algorithm: str
    custody: str


UNDER_PREFIX = (GENERATED, ED25519, SIGNED_BY_ALICE, OWN_KEY)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            Asked("per-repository", (*UNDER_PREFIX, WITH_PORT), "ecdsa-p256", "token-wrapped"),
            id="P-256, a certificate for each, wrapped",
        ),
        pytest.param(Asked("docker.io/acme/*", UNDER_PREFIX, "ecdsa-p384", "token-only"), id="P-384, a prefix, token-only"),
        pytest.param(
            Asked("docker.io/*", (GENERATED, SIGNED_BY_ALICE, OWN_KEY), "rsa-3072", "token-wrapped"),
            id="RSA-3072, a prefix, wrapped",
        ),
    ],
)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    asked: Asked = request.param
    folder = tmp_path_factory.mktemp("published")
    team = folder / "team"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(team)], check=True)
    own = folder / "own"
    (folder / "keys").mkdir()
    (folder / "keys" / "alice.pem").write_bytes(software_key.make(Algorithm.ECDSA_P256).public.pem)
    with NotaryServer(folder) as server:
        notary("init", OWN_KEY, server=server.url, trust=own)
        (folder / "keys" / "own.pem").write_bytes(own_public_key(own))
        digest = program("fetch", *asked.names, "--server", server.url, "--out", folder / "request").stdout.strip()
        (folder / "plan.toml").write_text(plan(asked, digest, team.with_suffix(".pub").read_text().strip()))
        program("plan", "check", folder / "plan.toml")
        program("rehearse", folder / "plan.toml", "--auto", "--request", folder / "request", "--out", folder / "r")
        program("audit", folder / "r" / "ceremony")
        told = program("publish", folder / "r" / "ceremony", "--server", server.url)
        yield Published(folder / "r" / "ceremony", server.url, team, own, told.stdout + told.stderr)


def plan(asked: Asked, digest: str, deliver_to: str) -> str:
    targets = {
        GENERATED: f'targets = {{ source = "generate", deliver-to = "{deliver_to}" }}\n',
        ED25519: f'targets = {{ source = "generate", algorithm = "ed25519", deliver-to = "{deliver_to}" }}\n',
        WITH_PORT: f'targets = {{ source = "generate", algorithm = "rsa-3072", deliver-to = "{deliver_to}" }}\n',
        OWN_KEY: 'targets = { source = "file", path = "keys/own.pem" }\n',
    }
    targets[SIGNED_BY_ALICE] = targets[GENERATED] + 'signers = [{ name = "alice", key = "keys/alice.pem" }]\n'
    repositories = "".join(f'[[repositories]]\nname = "{name}"\n{targets[name]}{ONLINE}' for name in asked.names)
    return f"""
schema = 1
name = "acme-root"
kind = "genesis"
dialect = "notary"
facility = "vault"
previous = "first"
request = "{digest}"
[root]
algorithm = "{asked.algorithm}"
tokens = ["root-a", "root-b", "root-c"]
threshold = 2
custody = "{asked.custody}"
certificate = "{asked.certificate}"
[expires]
root = 2046-11-19T00:00:00Z
certificate = 2046-11-19T00:00:00Z
targets = 2043-11-19T00:00:00Z
{repositories}
[backup]
protect = "passphrase"
{PEOPLE}"""


def repositories(published: Published) -> list[str]:
    plan_file = (published.folder / "evidence" / "plan.toml").read_text()
    return [name for name in (GENERATED, ED25519, SIGNED_BY_ALICE, OWN_KEY, WITH_PORT) if f'"{name}"' in plan_file]


def test_a_fresh_client_lists_every_repository_that_was_published(published, tmp_path):
    for name in set(repositories(published)) - {OWN_KEY}:
        listed = notary("list", name, server=published.server, trust=tmp_path / name)
        assert "No targets present" in listed.stdout


def test_a_repository_whose_team_keeps_its_key_is_named_as_waiting(published):
    assert any(OWN_KEY in line and "waiting" in line for line in published.told.splitlines()), published.told


def test_the_docker_signer_is_seen_by_the_client(published, tmp_path):
    listed = notary("delegation", "list", SIGNED_BY_ALICE, server=published.server, trust=tmp_path)
    assert "targets/alice" in listed.stdout
    assert "targets/releases" in listed.stdout


def test_a_client_that_pins_what_the_bundle_says_trusts_it(published, tmp_path):
    config = json.loads((published.folder / "bundle" / "trust-pinning.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config))
    notary("list", GENERATED, server=published.server, trust=tmp_path / "trust", config=tmp_path / "config.json")
    config["trust_pinning"]["certs"][GENERATED] = ["0" * 64]
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused = notary(
        "list", GENERATED, server=published.server, trust=tmp_path / "other", config=tmp_path / "config.json", check=False
    )
    assert refused.returncode != 0


@pytest.mark.parametrize("name", [GENERATED, ED25519, WITH_PORT])
def test_a_delivered_key_is_opened_with_age_imported_and_signs(published, tmp_path, name):
    if name not in repositories(published):
        return  # not under this prefix
    delivered = published.folder / "deliver" / name / "targets.key.age"
    opened = subprocess.run(["age", "-d", "-i", str(published.team), str(delivered)], capture_output=True, check=True)
    (tmp_path / "targets.key").write_bytes(opened.stdout)
    trust = tmp_path / "trust"
    notary("key", "import", str(tmp_path / "targets.key"), server=published.server, trust=trust)
    (tmp_path / "image").write_bytes(b"an image")
    notary("add", "-p", name, "v1", str(tmp_path / "image"), server=published.server, trust=trust)
    assert "v1" in notary("list", name, server=published.server, trust=tmp_path / "fresh").stdout
    ours = published.folder / "bundle" / "tuf" / name / "metadata" / "root.json"
    assert root_at_server(published, name) == ours.read_bytes()


def root_at_server(published: Published, name: str) -> bytes:
    with urllib.request.urlopen(f"{published.server}/v2/{name}/_trust/tuf/root.json") as reply:
        return bytes(reply.read())


def own_public_key(trust: Path) -> bytes:
    """Return what the team brings: the public half of the key that its `notary init` made, as the guide extracts it."""
    script = """jq -r '.signed.roles.targets.keyids[0] as $id | .signed.keys[$id].keyval.public' root.json |
        base64 -d | openssl pkey -pubin -inform DER"""
    metadata = trust / "tuf" / OWN_KEY / "metadata"
    return subprocess.run(["sh", "-c", script], cwd=metadata, capture_output=True, check=True).stdout


def test_a_team_that_keeps_its_key_publishes_from_our_root(published, tmp_path):
    metadata = published.own / "tuf" / OWN_KEY / "metadata"
    root = (published.folder / "bundle" / "tuf" / OWN_KEY / "metadata" / "root.json").read_bytes()
    (metadata / "root.json").write_bytes(root)
    (metadata / "snapshot.json").unlink()
    (tmp_path / "image").write_bytes(b"an image")
    notary("add", "-p", OWN_KEY, "v1", str(tmp_path / "image"), server=published.server, trust=published.own)
    assert root_at_server(published, OWN_KEY) == root, "the client made a root of its own"
    assert "v1" in notary("list", OWN_KEY, server=published.server, trust=tmp_path / "fresh").stdout


def test_trap_our_root_alone_makes_the_client_publish_a_root_of_its_own(published, tmp_path):
    """Why the guide has teams keep the targets.json of their `notary init`: without one, the stock client starts over."""
    metadata = tmp_path / "trust" / "tuf" / OWN_KEY / "metadata"
    metadata.mkdir(parents=True)
    ours = (published.folder / "bundle" / "tuf" / OWN_KEY / "metadata" / "root.json").read_bytes()
    (metadata / "root.json").write_bytes(ours)
    (tmp_path / "image").write_bytes(b"an image")
    with NotaryServer(tmp_path) as server:
        notary("add", "-p", OWN_KEY, "v1", str(tmp_path / "image"), server=server.url, trust=tmp_path / "trust")
        assert server.get(OWN_KEY, "root.json") != ours


def test_publishing_again_leaves_alone_what_the_server_has(published):
    again = program("publish", published.folder, "--server", published.server)
    for name in set(repositories(published)) - {OWN_KEY}:
        assert f"published-before {name}" in again.stdout
    assert OWN_KEY in again.stdout
