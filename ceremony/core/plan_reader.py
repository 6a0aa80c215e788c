# SPDX-License-Identifier: Apache-2.0
"""A plan file becomes a `Plan` (design, section 5): total, strict, every refusal names the field.

The caller reads the plan, asks `files_named` which files it names, reads those and
gives all of it to `read_plan`. What comes out has every field, expanded and well
formed. Whether it makes sense as a whole, on a given day, is `plan_lint`'s judgement.

    files = {path: read(path) for path in _named(values)}
    plan = read_plan(source, files)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ceremony.core.keys import Algorithm
from ceremony.core.plan import (
    BackupPlan,
    ChangePlan,
    CompromisedPlan,
    Custody,
    ExpiresPlan,
    Kind,
    Person,
    Plan,
    Role,
    RootPlan,
)
from ceremony.core.plan_fields import Table, check_form, parse_toml, quoted
from ceremony.core.plan_names import check_path
from ceremony.core.plan_repositories import MAX_RECIPIENT, brought, read_repositories
from ceremony.core.plan_waivers import read_waivers
from ceremony.core.site_reader import read_site
from ceremony.errors import PlanRefused

__all__ = ["MAX_PLAN", "files_named", "read_plan", "read_site"]

MAX_PLAN = 8 * 1024 * 1024
"""Bytes; room for 20,000 repositories with settings of their own."""
MAX_KEY_LINE = 4096
"""Characters of an OpenSSH public key; an RSA key of 16,384 bits has 2,800."""
MAX_TOKENS = 32

_PLAN = {
    "schema": "1",
    "name": '"acme-root-2026"',
    "kind": '"genesis"',
    "dialect": '"notary"',
    "facility": '"Acme, vault room 2, Zurich"',
    "previous": '"first"',
    "request": '"sha256:..."',
    "trusted-root": '"earlier/bundle"',
    "root": "{ ... }, or a section [root]",
    "expires": "{ ... }, or a section [expires]",
    "repositories": "[...], or a section [[repositories]] for each",
    "backup": "{ ... }, or a section [backup]",
    "compromised": "{ ... }, or a section [compromised]",
    "people": "[...], or a section [[people]] for each",
    "close": "{ ... }, or a section [close]",
    "preflight": "{ ... }, or a section [preflight]",
}
_ROOT = {
    "algorithm": '"ecdsa-p256"',
    "tokens": '["root-a", "root-b", "root-c"]',
    "threshold": "2",
    "custody": '"token-only"',
    "certificate": '"per-repository"',
    "pin-policy": '"always"',
    "touch-policy": '"cached"',
}
_EXPIRES = {"root": "2036-11-19T00:00:00Z", "certificate": "2036-11-19T00:00:00Z", "targets": "2029-11-19T00:00:00Z"}
_PERSON = {
    "name": '"Ada Example"',
    "role": '"administrator"',
    "organisation": '"Acme"',
    "key": '"ssh-ed25519 AAAA..."',
    "independent": "false",
}
_COMPROMISED = {
    "keys": '["stolen.pem"]',
    "reason": '"laptop stolen"',
    "last-good": "41",
    "deliver-to": '"ssh-ed25519 AAAA... team-app"',
}
_NOT_IN = {
    Kind.GENESIS: ("compromised",),
    Kind.RENEWAL: ("compromised",),
    Kind.ROTATION: (),
    Kind.RECOVERY: ("compromised", "expires", "repositories", "request"),
}

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_PREVIOUS = re.compile("first|[0-9a-f]{64}")
_KEY_IDS = re.compile("[0-9a-f]{64}(?: [0-9a-f]{64})*")

_NO_ROOT = RootPlan(Algorithm.ECDSA_P256, (), 0, Custody.TOKEN_ONLY)
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_NO_BACKUP = BackupPlan("", 0, 0)


def files_named(source: bytes) -> tuple[str, ...]:
    """Return the relative paths that a plan names, sorted, so that a caller can read them.

    `trusted-root` is not among them: it belongs to the request. Raises PlanRefused
    for what is not TOML, and for a path that leaves the plan's folder.
    """
    return _named(parse_toml(source, "plan", MAX_PLAN))


def _named(values: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted({check_path(path, field) for field, path in _paths(values)}))


def _paths(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    # What is ill-formed here says no path, and is refused by read_plan, field by field.
    for field, section in _items(values.get("repositories"), "repositories"):
        yield from _text(section, "names-from", field)
        for role in ("targets", "snapshot", "timestamp"):
            yield from _text(_as_table(section).get(role), "path", f"{field}.{role}")
        for place, signer in _items(_as_table(section).get("signers"), f"{field}.signers"):
            yield from _text(signer, "key", place)
    for field, key in _items(_as_table(values.get("compromised")).get("keys"), "compromised.keys"):
        if isinstance(key, str) and not _KEY_IDS.fullmatch(key):
            yield field, key


def _items(value: object, field: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from ((f"{field}[{i}]", item) for i, item in enumerate(value))


def _as_table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object, key: str, field: str) -> Iterator[tuple[str, str]]:
    text = _as_table(value).get(key)
    if isinstance(text, str):
        yield f"{field}.{key}", text


def read_plan(source: bytes, files: Mapping[str, bytes]) -> Plan:
    """Return the plan of a TOML file; `files` holds the bytes of every file that is there of those it names.

    Raises PlanRefused, whose `field` is the TOML path, for unknown, missing,
    ill-typed, duplicate and contradictory fields, and for a file that is not there.
    """
    values = parse_toml(source, "plan", MAX_PLAN)
    kind, plan = _head(values)
    genesis = kind is Kind.GENESIS
    change = None if genesis else _change(plan, kind, files)
    return Plan(
        name=plan.matching("name", _NAME, "letters, digits, dots and dashes, at most 64, such as acme-root-2026"),
        kind=kind,
        dialect=plan.text("dialect"),
        facility=plan.text("facility"),
        previous=plan.matching("previous", _PREVIOUS, "first, or the sha256 line of the last head: 64 hex digits"),
        request=plan.matching("request", _DIGEST, "sha256: and 64 hex digits, as fetch printed it")
        if plan.has("request")
        else "",
        trusted_root=_trusted_root(plan),
        root=_root(plan.table("root", _ROOT)) if change is None else change.new_root or _NO_ROOT,
        expires=_expires(plan) if change is None else _some(change.expires),
        repositories=read_repositories(plan, files, kind) if genesis or plan.has("repositories") else (),
        backup=_backup(plan) if kind in (Kind.GENESIS, Kind.RECOVERY) or plan.has("backup") else _NO_BACKUP,
        people=_people(plan),
        quorum=_quorum(plan),
        source=source,
        files={path: files[path] for path in _named(values)},
        change=change,
        waivers=read_waivers(plan),
    )


def _head(values: Mapping[str, object]) -> tuple[Kind, Table]:
    head = Table("", values, _PLAN)
    if head.integer("schema", 0, 10**6) != 1:
        raise PlanRefused("schema", f"{values['schema']} is not read by this version", hint="write schema = 1")
    kind = Kind(head.choice("kind", tuple(Kind)))
    absent = {key: f"remove it: a {kind} plan has no {key}" for key in _NOT_IN[kind]}
    return kind, Table.of(values, "", {key: like for key, like in _PLAN.items() if key not in absent}, absent)


def _trusted_root(plan: Table) -> str:
    trusted = plan.text("trusted-root", "", limit=MAX_KEY_LINE)
    if trusted and not _KEY_IDS.fullmatch(trusted):
        check_path(trusted, plan.at("trusted-root"))
    return trusted


def _tokens(root: Table) -> tuple[str, ...]:
    names = tuple(
        check_form(text, _TOKEN, "letters, digits, - and _, at most 32, such as root-a", field)
        for field, text in root.texts("tokens")
    )
    if len(names) > MAX_TOKENS:
        raise PlanRefused(root.at("tokens"), f"names {len(names)} tokens", hint=f"name at most {MAX_TOKENS}")
    return names


def _root(root: Table) -> RootPlan:
    return RootPlan(
        algorithm=Algorithm(root.choice("algorithm", tuple(Algorithm))),
        tokens=_tokens(root),
        threshold=root.integer("threshold", 1, MAX_TOKENS),
        custody=Custody(root.choice("custody", tuple(Custody))),
        certificate=root.text("certificate", "per-repository", limit=256),
        pin_policy=root.choice("pin-policy", ("once", "always"), "always"),
        touch_policy=root.choice("touch-policy", ("never", "cached", "always"), "cached"),
    )


def _expires(plan: Table) -> ExpiresPlan:
    expires = plan.table("expires", _EXPIRES)
    return ExpiresPlan(expires.time("root"), expires.time("certificate"), expires.time("targets"))


def _change(plan: Table, kind: Kind, files: Mapping[str, bytes]) -> ChangePlan:
    known = {"tokens": _ROOT["tokens"]} | ({"new": "{ ... }, or a section [root.new]"} if kind is Kind.ROTATION else {})
    root = plan.table("root", known, dict.fromkeys(_ROOT, f"remove it: a {kind} plan names the tokens of the root that there is"))
    expires = plan.table("expires", _EXPIRES) if plan.has("expires") else None
    return ChangePlan(
        tokens=_tokens(root),
        expires={name: expires.time(name) for name in expires.values} if expires else {},
        new_root=_root(root.table("new", _ROOT)) if root.has("new") else None,
        compromised=_compromised(plan.table("compromised", _COMPROMISED), files) if plan.has("compromised") else None,
    )


def _compromised(table: Table, files: Mapping[str, bytes]) -> CompromisedPlan:
    last_good: int | datetime | None = None
    if table.has("last-good"):
        is_time = isinstance(table.values["last-good"], datetime)
        last_good = table.time("last-good") if is_time else table.integer("last-good", 1, 2**31)
    keys = tuple(key if _KEY_IDS.fullmatch(key) else brought(key, field, files) for field, key in table.texts("keys"))
    recipient = table.text("deliver-to", limit=MAX_RECIPIENT) if table.has("deliver-to") else ""
    return CompromisedPlan(keys, table.text("reason"), last_good, recipient)


def _some(expires: Mapping[str, datetime]) -> ExpiresPlan:
    return ExpiresPlan(*(expires.get(name, _NO_TIME) for name in ("root", "certificate", "targets")))


def _backup(plan: Table) -> BackupPlan:
    backup = plan.table("backup", {"protect": '"passphrase"', "shares": "{ needed = 2, total = 3 }"})
    protect = backup.choice("protect", ("passphrase", "shares"))
    if protect == "shares":
        shares = backup.table("shares", {"needed": "2", "total": "3"})
        return BackupPlan(protect, shares.integer("needed", 1, 255), shares.integer("total", 1, 255))
    if backup.has("shares"):
        hint = 'remove it, or write protect = "shares"'
        raise PlanRefused(backup.at("shares"), "has no meaning when a passphrase protects the backup", hint=hint)
    return BackupPlan(protect)


@dataclass(frozen=True, slots=True)
class _Seat:
    """A person, and where the plan names them."""

    field: str
    person: Person


def _people(plan: Table) -> tuple[Person, ...]:
    names: dict[str, _Seat] = {}
    keys: dict[str, _Seat] = {}
    for table in plan.tables("people", _PERSON):
        seat = _Seat(table.path, _person(table))
        _once(seat, names.setdefault(seat.person.name.casefold(), seat), "name")
        if seat.person.key:
            # The comment after a key is nobody's key.
            _once(seat, keys.setdefault(" ".join(seat.person.key.split(" ")[:2]), seat), "key")
    return tuple(seat.person for seat in names.values())


def _person(table: Table) -> Person:
    return Person(
        name=table.text("name", limit=100),
        role=Role(table.choice("role", tuple(Role))),
        organisation=table.text("organisation", limit=100),
        key=table.text("key", "", limit=MAX_KEY_LINE),
        independent=table.flag("independent", default=False),
    )


def _once(seat: _Seat, first: _Seat, what: str) -> None:
    if first is seat:
        return
    roles = f"as {first.person.role} and as {seat.person.role}"
    message = f"is the {what} of {quoted(first.person.name)} ({first.field}) too: one person, {roles}"
    raise PlanRefused(f"{seat.field}.{what}", message, hint=f"give each person one role, and a {what} of their own")


def _quorum(plan: Table) -> dict[Role, int]:
    close = plan.table("close", {"quorum": "{ security-officer = 1, witness = 1 }"})
    quorum = close.table("quorum", dict.fromkeys(Role, "1"))
    if not quorum.values:
        raise PlanRefused(quorum.path, "is empty", hint="write quorum = { security-officer = 1, witness = 1 }")
    return {Role(role): quorum.integer(role, 1, 1000) for role in sorted(quorum.values)}
