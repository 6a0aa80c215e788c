# SPDX-License-Identifier: Apache-2.0
"""A small plan that is right, to be bent by tests: TOML, the files it names, and keys that are always the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.keys import Algorithm
from ceremony.core.plan import Plan
from ceremony.core.plan_lint import DialectRules
from ceremony.core.plan_reader import read_plan

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
    + '"]\nreason = "laptop stolen"\nlast-good = 41\n\n'
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
