# SPDX-License-Identifier: Apache-2.0
"""Known answer of plans: one is read and judged, and those that nobody may hold are refused (design, section 5)."""

from __future__ import annotations

from datetime import UTC, datetime

from ceremony.core import plan_lint, plan_reader
from ceremony.core.dialects import notary
from ceremony.core.known_answers.answer import Answer, same
from ceremony.core.plan import Mode

_NOW = datetime(2026, 11, 19, tzinfo=UTC)
_FILE = "guns.txt"
_NAMES = b"docker.io/acme/app\ndocker.io/acme/web\n"
_PLAN = b"""\
schema = 1
name = "acme-root"
kind = "genesis"
dialect = "notary"
facility = "Acme, vault room 2, Zurich"
previous = "first"
root = { algorithm = "ecdsa-p256", tokens = ["root-a", "root-b", "root-c"], threshold = 2, custody = "token-only" }
expires = { root = 2046-11-19T00:00:00Z, certificate = 2046-11-19T00:00:00Z, targets = 2043-11-19T00:00:00Z }
backup = { protect = "passphrase" }
close = { quorum = { security-officer = 1, witness = 1 } }

[[repositories]]
names-from = "guns.txt"
targets = { source = "generate", deliver-to = "age1w2mg8s6u7l6d8f6y3gx0x5ryawryrhl9ar62h5dsqkhu47znhvmqv7vd25" }
snapshot = { source = "request" }
timestamp = { source = "request" }

[[people]]
name = "Ada Example"
role = "administrator"
organisation = "Acme"
key = ""

[[people]]
name = "Oskar Example"
role = "operator"
organisation = "Acme"
key = ""

[[people]]
name = "Sofia Example"
role = "security-officer"
organisation = "Acme"
key = ""

[[people]]
name = "Wim Example"
role = "witness"
organisation = "Example Notaries"
key = ""
independent = true
"""
_REFUSED = (
    (b"schema = 1\n", b'schema = 1\npin = "123456"\n'),  # an unknown field
    (b'name = "acme-root"\n', b'name = "acme-root"\nname = "acme-root"\n'),
    (b"threshold = 2", b"threshold = 4"),
    (b"threshold = 2", b'threshold = "2"'),
    (b'"root-b", "root-c"]', b'"root-b"]'),  # no token to spare
    (b"targets = 2043", b"targets = 2023"),  # past
    (b'"ecdsa-p256"', b'"ed25519"'),  # which Notary's clients reject for a root
    (b"independent = true", b"independent = false"),
    (b"guns.txt", b"../guns.txt"),
)


def _plan(source: bytes, names: bytes) -> None:
    plan = plan_reader.read_plan(source, {_FILE: names})
    dialect = notary.DIALECT
    rules = plan_lint.DialectRules(dialect.root_algorithms, dialect.repository_algorithms, dialect.needs_certificate)
    plan_lint.lint(plan, rules, now=_NOW, mode=Mode.PRACTICE)
    repositories = "\n".join(repository.name for repository in plan.repositories)
    same((plan.name, plan.root.threshold, f"{repositories}\n"), ("acme-root", 2, _NAMES.decode()))


ANSWERS = (
    Answer(
        "plan, read and judged", "docs/formats.md", _plan, (_PLAN, _NAMES),
        ((_PLAN, b""), *((_PLAN.replace(*change), _NAMES) for change in _REFUSED)), flips=False,
    ),
)  # fmt: skip
