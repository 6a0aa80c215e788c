# SPDX-License-Identifier: Apache-2.0
"""Small ceremony folders by the letter of docs/formats.md, made without the program.

Anything can be changed before the root signs, before the people sign, or afterwards; what
follows is then made to fit. So each rule can be broken alone, by people who sign what they
should not, and a verifier that looks at fewer rules than it says is found out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.merkle import Frontier
from tests.fakes.cosigner import FakeCosigner
from tests.peers.chromium import Page

Records = list[dict[str, Any]]
Files = dict[str, bytes]
Change = Callable[[Records, Files], object]
CEREMONY = "5e" * 16
SERIAL = "8fee8ddea89bf9a8"
NAMES = {"Ada": "security-officer", "Wim": "witness", "Carla": "custodian"}
INVENTORY = "evidence/inventory.json"
TOKENS = f"evidence/tokens/{SERIAL}"
REPORT = b"<p>a report</p>\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def slug(name: str) -> str:
    plain = re.sub("[^a-z0-9]+", "-", re.sub("[A-Z]", lambda m: m[0].lower(), name)).strip("-")[:40] or "x"
    return f"{plain}-{sha(name.encode())[:8]}"


def chained(records: Records) -> bytes:
    """Return the log of records; `seq` and `prev` are made, and what a record lacks besides its kind and body."""
    lines: list[bytes] = []
    prev = "0" * 64
    for seq, record in enumerate(records):
        usual = {
            "v": 1, "ceremony": CEREMONY, "seq": seq, "prev": prev, "salt": f"{seq:032x}", "mono_ns": seq, "boot": "b",
            "utc": f"2026-11-19T09:{seq // 60 % 60:02}:{seq % 60:02}.000000Z", "step": "a-step", "actor": "ceremony",
            "recorded_by": "Ada", "outcome": "pending" if record["kind"] == "intent" else "ok", "body": {},
        }  # fmt: skip
        line = canonical({**usual, **record}) + b"\n"
        lines.append(line)
        prev = sha(line)
    return b"".join(lines)


def head(log: bytes) -> bytes:
    """Return the statement of a whole log."""
    lines = log.splitlines(keepends=True)
    tree = Frontier()
    for line in lines:
        tree = tree.add(line)
    return (
        f"ceremony-head/v1\norigin: ceremony/{CEREMONY}\nentries: {len(lines)}\nbytes: {len(log)}\n"
        f"sha256: {sha(log)}\nchain: {sha(lines[-1])}\nmerkle: {tree.root()}\n"
    ).encode()


def manifest(files: Mapping[str, bytes]) -> bytes:
    named = (path for path in sorted(files, key=str.encode) if not re.fullmatch(r"heads/.*\.sig", path))
    return "".join(f"{sha(files[path])}  {path}\n" for path in named if path != "MANIFEST.sha256").encode()


def of_kind(records: Records, kind: str) -> Any:
    return next(record["body"] for record in records if record["kind"] == kind)


def nothing(_: Records, __: Files) -> None:
    return


@dataclass
class Sealed:
    """What a folder is made from; `build` may be called again and again."""

    mode: str = "practice"
    cosigner: FakeCosigner = field(default_factory=lambda: FakeCosigner(NAMES))
    root: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def person(self, name: str) -> dict[str, Any]:
        independent = NAMES[name] == "witness"
        return {
            "name": name, "role": NAMES[name], "organisation": "Acme", "key": self.cosigner.line(name), "independent": independent,
        }  # fmt: skip

    @property
    def spki(self) -> bytes:
        return self.root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def signers(self, *names: str, options: str = "") -> bytes:
        return "".join(f"{slug(name)} {options}{self.cosigner.line(name)}\n" for name in names or NAMES).encode()

    def said(self) -> Records:
        """Return what stands before the head that the root signs."""
        opened = {
            "form": "ceremony/v1", "mode": self.mode, "people": [self.person(name) for name in NAMES], "previous": "first",
            "quorum": {"security-officer": 1, "witness": 1},
            "plan": {"name": "acme-root", "kind": "genesis", "dialect": "notary", "facility": "vault"},
        }  # fmt: skip
        stood_in = [{"kind": "substitution", "body": {"what": "throw-away tokens"}}] if self.mode == "practice" else []
        keys = [{"serial": SERIAL, "spki": base64.b64encode(self.spki).decode()}]
        return [
            {"kind": "open", "step": "open", "body": opened},
            *stood_in,
            {"kind": "token", "body": {"name": "root-a", "serial": SERIAL, "software": self.mode == "practice"}},
            {"kind": "end", "step": "root-keys", "body": {"made": {"keys": keys}}},
            {"kind": "deviation", "body": {"expected": "a bag", "happened": "a box", "decided": "go on"}},
            {"kind": "files", "body": {"files": {INVENTORY: sha(b"[]"), "README.txt": sha(b"read")}}},
            {"kind": "intent", "body": {"action": "sign-root", "key": f"{SERIAL}/0"}},
            {"kind": "result", "body": {"action": "sign-root", "key": f"{SERIAL}/0"}},
        ]

    def build(
        self,
        before: Callable[[Records, Files], object] = nothing,
        close: Callable[[Records, Files], object] = nothing,
        after: Callable[[Files], object] = lambda _: None,
    ) -> Files:
        """Return a folder: `before` changes it before the root signs, `close` before the people do, `after` at the end."""
        records, files = self.said(), {INVENTORY: b"[]", "README.txt": b"read", "report.html": REPORT}
        before(records, files)
        self._sign_head(records, files)
        records.append({"kind": "close", "step": "close", "body": {}})
        self._count(records)
        close(records, files)
        files["ceremony.jsonl"] = chained(records)
        files["heads/0002.txt"] = head(files["ceremony.jsonl"])
        for name in ("Ada", "Wim"):
            files[f"heads/0002.{slug(name)}.sig"] = self.sign(name, files["heads/0002.txt"])
        files["MANIFEST.sha256"] = manifest(files)
        after(files)
        return files

    def sign(self, name: str, statement: bytes, namespace: str = "ceremony-head") -> bytes:
        signature = self.cosigner.sign(name, namespace, statement)
        assert signature is not None
        return signature

    def root_signature(self, message: bytes) -> tuple[bytes, bytes]:
        """Return the root's signature in wire form and in DER."""
        made = self.root.sign(message, ec.ECDSA(hashes.SHA256()))
        return b"".join(number.to_bytes(32) for number in decode_dss_signature(made)), made

    def _sign_head(self, records: Records, files: Files) -> None:
        statement = head(chained(records))
        wire, der = self.root_signature(statement)
        public = self.root.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        files |= {"heads/0001.txt": statement, f"{TOKENS}/public.pem": public, f"{TOKENS}/head.sig": der}
        act = {"action": "sign-head", "key": SERIAL}
        signed = {**act, "head": sha(statement), "signature": base64.b64encode(wire).decode()}
        named = ("heads/0001.txt", f"{TOKENS}/public.pem", f"{TOKENS}/head.sig")
        records += [
            {"kind": "files", "body": {"files": {"heads/0001.txt": sha(statement)}}},
            {"kind": "intent", "body": act},
            {"kind": "result", "body": signed},
            {"kind": "files", "body": {"files": {path: sha(files[path]) for path in named}}},
        ]

    def _count(self, records: Records) -> None:
        kinds = [record["kind"] for record in records if record["kind"] != "close"]
        records[-1]["body"] = {
            "inventory": sha(b"[]"), "report": sha(REPORT), "open_intents": 0, "deviations": kinds.count("deviation"),
            "counts": {kind: kinds.count(kind) for kind in kinds},
        }  # fmt: skip


def broken(page: Page, rule: int) -> set[int]:
    """Return the rules that are said not to hold; `rule` must be among them."""
    found = {number for number in range(1, 14) if any(not line.startswith("OK") for line in page.lines(number))}
    assert rule in found, page.lines()
    return found


def file_named(path: str, data: bytes = b"x", digest: str = "") -> Change:
    def change(records: Records, files: Files) -> None:
        files[path] = data
        records.append({"kind": "files", "body": {"files": {path: digest or sha(data)}}})

    return change


def person(number: int, **changes: object) -> Change:
    return lambda records, _: records[0]["body"]["people"][number].update(changes)


def both(*changes: Change) -> Change:
    return lambda records, files: [change(records, files) for change in changes]
