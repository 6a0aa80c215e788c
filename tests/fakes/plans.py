# SPDX-License-Identifier: Apache-2.0
"""A small plan that is right, to be bent by tests: TOML, the files it names, and keys that are always the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.keys import Algorithm
from ceremony.core.plan import KeyPlan, Person, Plan, RepositoryPlan, Source
from ceremony.core.plan_lint import DialectRules
from ceremony.core.plan_reader import files_named, read_plan

NOW = datetime(2026, 11, 19, 12, 0, 0, tzinfo=UTC)
RULES = DialectRules(frozenset(Algorithm) - {Algorithm.ED25519}, frozenset(Algorithm), needs_certificate=True)
REQUEST = "sha256:" + "ab" * 32


def pem(number: int, curve: ec.EllipticCurve | None = None) -> bytes:
    """Return the PEM public key of the private number `number`."""
    key = ec.derive_private_key(number, curve or ec.SECP256R1())
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def ssh(number: int, comment: str = "someone") -> str:
    """Return the ssh-ed25519 line of the private bytes `number`, repeated."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return f"{key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"


@cache
def ssh_rsa(bits: int) -> str:
    """Return an ssh-rsa line of a fresh key."""
    key = rsa.generate_private_key(65537, bits)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def ssh_ecdsa() -> str:
    """Return an ecdsa-sha2-nistp256 line."""
    key = ec.derive_private_key(7, ec.SECP256R1())
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


GENESIS = f"""schema = 1
name = "acme-root"
kind = "genesis"
dialect = "notary"
facility = "Acme, vault"
previous = "first"
request = "{REQUEST}"

[root]
algorithm = "ecdsa-p256"
tokens = ["root-a", "root-b", "root-c"]
threshold = 2
custody = "token-only"

[expires]
root = 2036-11-19T00:00:00Z
certificate = 2036-11-19T00:00:00Z
targets = 2029-11-19T00:00:00Z

[[repositories]]
name = "docker.io/acme/app"
targets = {{ source = "generate", deliver-to = "{ssh(1, "team-app")}" }}
snapshot = {{ source = "request" }}
timestamp = {{ source = "request" }}
signers = [{{ name = "alice", key = "keys/alice.pem" }}]

[[repositories]]
names-from = "guns.txt"
targets = {{ source = "file", path = "keys/app.pem" }}
snapshot = {{ source = "request" }}
timestamp = {{ source = "request" }}

[backup]
protect = "shares"
shares = {{ needed = 2, total = 3 }}

[[people]]
name = "Ada"
role = "administrator"
organisation = "Acme"
key = "{ssh(11)}"

[[people]]
name = "Sofia"
role = "security-officer"
organisation = "Acme"
key = "{ssh(12)}"

[[people]]
name = "Sven"
role = "security-officer"
organisation = "Acme"
key = "{ssh(13)}"

[[people]]
name = "Sam"
role = "security-officer"
organisation = "Acme"
key = "{ssh(14)}"

[[people]]
name = "Wim"
role = "witness"
organisation = "Notaries"
key = "{ssh(15)}"
independent = true

[close]
quorum = {{ security-officer = 1, witness = 1 }}
"""

ROTATION = (
    GENESIS[: GENESIS.index("[root]")].replace("genesis", "rotation")
    + 'trusted-root = "earlier/bundle"\n\n[root]\ntokens = ["root-a", "root-b"]\n\n'
    + '[compromised]\nkeys = ["stolen.pem", "'
    + "cd" * 32
    + '"]\nreason = "laptop stolen"\nlast-good = 41\ndeliver-to = "'
    + ssh(1, "team-app")
    + '"\n\n'
    + GENESIS[GENESIS.index("[backup]") :]
)

FILES: Mapping[str, bytes] = {
    "keys/alice.pem": pem(1),
    "keys/app.pem": pem(2),
    "guns.txt": b"# more\n\ndocker.io/acme/base\r\nreg.example:5000/tools/cli\n",
    "stolen.pem": pem(3),
}


def bent(*changes: tuple[str, str], source: str = GENESIS) -> bytes:
    """Return a plan's TOML with each change made once; a change that finds nothing is a mistake in the test."""
    for old, new in changes:
        assert old in source, f"{old!r} is not in the plan"
        source = source.replace(old, new, 1)
    return source.encode()


def read(*changes: tuple[str, str], source: str = GENESIS, files: Mapping[str, bytes] = FILES) -> Plan:
    """Return the plan of `bent`."""
    return read_plan(bent(*changes, source=source), files)


def sourced(plan: Plan) -> Plan:
    """Return a plan of a genesis with the source that it would be read from, and only the files that it names."""
    source = toml(plan)
    named = files_named(source)
    sections = tuple(replace(r, section=i) for i, r in enumerate(plan.repositories))
    files = {path: data for path, data in plan.files.items() if path in named}
    return replace(plan, source=source, files=files, repositories=sections)


def toml(plan: Plan) -> bytes:
    """Return the TOML that `read_plan` reads as this plan of a genesis, one section for each repository."""
    root, quorum = plan.root, {str(role): count for role, count in plan.quorum.items()}
    lines = [
        "schema = 1",
        *(f"{key} = {_value(getattr(plan, key))}" for key in ("name", "kind", "dialect", "facility", "previous")),
        *([f"request = {_value(plan.request)}"] if plan.request else []),
        *("[root]", f"algorithm = {_value(root.algorithm)}", f"tokens = {_value(list(root.tokens))}"),
        *(f"threshold = {root.threshold}", f"custody = {_value(root.custody)}", f"certificate = {_value(root.certificate)}"),
        *(f"pin-policy = {_value(root.pin_policy)}", f"touch-policy = {_value(root.touch_policy)}", "[expires]"),
        *(f"{key} = {getattr(plan.expires, key):%Y-%m-%dT%H:%M:%SZ}" for key in ("root", "certificate", "targets")),
        *(line for repository in plan.repositories for line in _repository(repository)),
        *("[backup]", f"protect = {_value(plan.backup.protect)}", *_shares(plan)),
        *(line for person in plan.people for line in ("[[people]]", *_fields(person))),
        *("[close]", f"quorum = {_value(quorum)}"),
        *([f"[preflight]\nwaive = {_value([asdict(waiver) for waiver in plan.waivers])}"] if plan.waivers else []),
    ]
    return "\n".join([*lines, ""]).encode()


def _shares(plan: Plan) -> list[str]:
    split = {"needed": plan.backup.needed, "total": plan.backup.total}
    return [f"shares = {_value(split)}"] if plan.backup.protect == "shares" else []


def _repository(repository: RepositoryPlan) -> list[str]:
    signers = [{"name": signer.name, "key": signer.path} for signer in repository.signers]
    return [
        "[[repositories]]",
        f"name = {_value(repository.name)}",
        *(f"{role} = {_value(_key(key))}" for role, key in repository.keys().items()),
        *([f"signers = {_value(signers)}"] if signers else []),
    ]


def _key(key: KeyPlan) -> dict[str, object]:
    if key.source is Source.GENERATE:
        # No plan can ask for a delivery to nobody; a test that does has a recipient in its source.
        return {"source": key.source, "algorithm": key.algorithm, "deliver-to": key.deliver_to or "nobody"}
    return {"source": key.source} | ({"path": key.path} if key.path else {})


def _fields(person: Person) -> list[str]:
    return [f"{key} = {_value(getattr(person, key))}" for key in ("name", "role", "organisation", "key", "independent")]


def _value(value: object) -> str:
    """Return a value as TOML; its texts and lists are written as JSON's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return f"[{', '.join(map(_value, value))}]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
