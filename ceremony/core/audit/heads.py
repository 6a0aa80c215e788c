# SPDX-License-Identifier: Apache-2.0
"""Heads: every head is a true statement of the log, and the root signed one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from ceremony.core import bundle
from ceremony.core.agenda.roots import Held
from ceremony.core.audit.records import last_head
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import get
from ceremony.core.keys import PublicKey, from_spki, raw_to_der, verify
from ceremony.core.log import Chain, Head, head, lines, parse_head
from ceremony.core.plan import Kind
from ceremony.errors import CeremonyError


def check_heads(a: Audited, roots: Mapping[str, PublicKey]) -> None:
    """Check every head statement against the log, and the root's signatures; `roots` is serial → root key."""
    paths = {bundle.head_number(path): path for path in a.names if bundle.head_number(path)}
    stated: dict[int, Head] = {}
    for number, path in sorted(paths.items()):
        data = a.read(path) or b""
        try:
            stated[number] = parse_head(data, path)
        except CeremonyError as error:
            a.failed(path, error.message)
    total = len(a.found.records)
    heads = heads_at(a, {total, *(head_.entries for head_ in stated.values())})
    _compare(a, stated, heads)
    if a.past.closed and last_head(a) not in a.names:
        a.incomplete(last_head(a), "is not written yet")
    elif a.past.closed and stated.get(bundle.head_number(last_head(a))) != heads[total]:
        a.failed(last_head(a), "is not the head of the whole log")
    _check_root(a, roots, stated)


def _compare(a: Audited, stated: Mapping[int, Head], heads: Mapping[int, Head]) -> None:
    for number, head_ in stated.items():
        if head_.entries > len(a.found.records):
            a.failed(bundle.head(number), f"states {head_.entries} records; the log has {len(a.found.records)}: its tail was cut")
        elif heads[head_.entries] != head_:
            a.failed(bundle.head(number), "does not state this log")
        else:
            a.ok(bundle.head(number), f"states the first {head_.entries} records")


def heads_at(a: Audited, wanted: Iterable[int]) -> Mapping[int, Head]:
    """Return the head of the log after each of these numbers of records that it has."""
    chain, whole = Chain(), hashlib.sha256()
    found = {0: head(chain.tail(), whole.hexdigest())}
    for record, line in zip(a.found.records, lines(a.log), strict=False):  # what is torn is no record
        chain.follow(record, line)
        whole.update(line)
        if chain.entries in wanted:
            found[chain.entries] = head(chain.tail(), whole.hexdigest())
    return found


def _check_root(a: Audited, roots: Mapping[str, PublicKey], heads: Mapping[int, Head]) -> None:
    """Check, in a closed log, that every root key (serial → key) signed the highest head (number → statement) that a record names."""
    if not a.past.closed:
        return
    number = bundle.highest_head(a.past.files)
    statement, stated = bundle.head(number), heads.get(number)
    signed = max((r.seq for r in a.found.records if r.kind == "result" and r.body.get("action") == "sign-root"), default=-1)
    if stated is not None and stated.entries <= signed:
        a.failed(statement, "does not cover every signature that the root made")
    for serial, public in roots.items():
        result = a.past.results.get(("sign-head", serial))
        data = a.read(statement) if statement in a.names else None
        if result is None or data is None:
            a.failed("close", f"the root key on token {serial} did not sign the head")
            continue
        if result.get("head") != a.digests[statement]:
            a.failed(statement, f"is not the head that the log says token {serial} signed")
            continue
        try:
            scheme = get(str(opened_plan(a).get("dialect"))).scheme(public.algorithm)
            value = base64.b64decode(str(result.get("signature")), validate=True)
            verify(public, scheme, data, value, f"head signed by token {serial}")
        except (CeremonyError, ValueError) as error:
            a.failed(statement, f"the signature of token {serial} does not hold: {error}")
        else:
            a.ok(statement, f"the root key on token {serial} signed it")
            _check_evidence(a, serial, public, value)


def _check_evidence(a: Audited, serial: str, public: PublicKey, value: bytes) -> None:
    """Check that what openssl verifies the head's signature with is that key and that signature (wire form)."""
    signature = raw_to_der(value, public.algorithm) if public.algorithm.half else value
    for piece, what, wanted in (("public.pem", "root key", public.pem), ("head.sig", "signature over the head", signature)):
        path = bundle.token_evidence(serial, piece)
        if a.read(path) != wanted:
            a.failed(path, f"is not the {what} that the log names")


def root_keys(a: Audited) -> dict[str, PublicKey]:
    """Return serial → root public key as the log names them; adds a finding for what cannot be read."""
    step = "restore" if opened_plan(a).get("kind") == Kind.RECOVERY else "root-keys"
    keys = a.past.ended.get(step, {}).get("keys")
    found: dict[str, PublicKey] = {}
    for row in keys if isinstance(keys, list) else []:
        try:
            serial, public = _root_key(row)
            found[serial] = public
        except (ValueError, KeyError, TypeError, CeremonyError):
            a.failed(bundle.LOG, "names a root key that cannot be read")
    if a.past.closed and not found and not _rows(a.past.ended.get("tokens", {}).get("signing")):
        a.failed(bundle.LOG, "is closed and names no root key")
    return found


def held(a: Audited, roots: Mapping[str, PublicKey]) -> tuple[Held, ...]:
    """Return the root keys that were in the room: those found on their tokens, then `roots`, those made (serial → key)."""
    found: list[Held] = []
    for row in _rows(a.past.ended.get("tokens", {}).get("signing")):
        try:
            found.append(Held(str(row["token"]), *_root_key(row)))
        except (ValueError, KeyError, TypeError, CeremonyError):
            a.failed(bundle.LOG, "names a root key that cannot be read")
    tokens = {str(row.get("serial")): str(row.get("token")) for row in _rows(a.past.ended.get("root-keys", {}).get("keys"))}
    return (*found, *(Held(tokens.get(serial, ""), serial, public) for serial, public in roots.items()))


def _rows(listed: Json) -> list[JsonObject]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _root_key(row: Json) -> tuple[str, PublicKey]:
    if not isinstance(row, dict):
        raise TypeError
    serial, text = row["serial"], row["spki"]
    if not (isinstance(serial, str) and isinstance(text, str)):
        raise TypeError
    public = from_spki(base64.b64decode(text, validate=True))
    if base64.b64encode(public.spki).decode() != text:
        raise ValueError("base64 of another form")
    return serial, public


def opened_plan(a: Audited) -> dict[str, Json]:
    """Return what the first record says of the plan."""
    said = a.past.opened.get("plan")
    return said if isinstance(said, dict) else {}
