# SPDX-License-Identifier: Apache-2.0
"""A folder with one root key on a YubiKey and nothing else: what the audit reads of it, made by hand, to be bent piece by piece.

Chains of our own come from `tests.core.attestation.chains`; the evidence of physical YubiKeys has no challenge, for
nobody here has their keys.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ceremony.core import bundle
from ceremony.core.attestation import Attested, Authorities, attested_json, to_pem, verify_attestation
from ceremony.core.audit.attested import check_attested
from ceremony.core.audit.verdict import Audited, begin
from ceremony.core.canonical import JsonObject
from ceremony.core.challenge import challenge
from ceremony.core.keys import PublicKey, der_to_raw, from_crypto
from ceremony.core.log import Head, Tail, head
from ceremony.core.plan import Mode, Plan
from ceremony.core.record import Outcome, Record
from tests.core.attestation.chains import AT, NEW, Chain, key, pem, yubico_files
from tests.fakes.folder import FakeFolder
from tests.fakes.plans import read

Records = list[tuple[str, JsonObject]]
"""Kind and body."""
CEREMONY = "c0" * 16
PLAN = read()


@dataclass
class Evidence:
    """What a ceremony leaves of one YubiKey; each part is right until a test changes it."""

    statement: bytes
    device: bytes
    authorities: dict[str, bytes]
    """File name → PEM, as the site brings them."""
    mode: Mode = Mode.PRACTICE
    plan: Plan = PLAN
    serial: int = 13078778
    identity: JsonObject = field(default_factory=dict)
    """What the step `tokens` says otherwise of the device."""
    attested: JsonObject = field(default_factory=dict)
    """What the `attested` record says otherwise."""
    action: str = "generate-key"
    """The act by which the key came to the device."""
    intent: JsonObject = field(default_factory=dict)
    """What the intent to make the key says otherwise."""
    challenged: JsonObject = field(default_factory=dict)
    """What the result of the challenge says otherwise."""
    firmware: JsonObject = field(default_factory=lambda: {"decision": "allow"})
    """What the firmware was judged to be used for."""
    standing: JsonObject = field(default_factory=dict)
    """What the device was read to hold, otherwise."""
    accepted: JsonObject | None = None
    """The result of `accept-firmware`, if there is one."""
    drop: str = ""
    """The kind, or kind and action, of a record that is not there."""
    files: dict[str, bytes | None] = field(default_factory=dict)
    """Piece of the evidence → other bytes; None for none."""
    later: int = 0
    """How many records after the right one the head of the challenge is; less than nothing for before."""
    closed: bool = True
    signer: ec.EllipticCurvePrivateKey | None = field(default_factory=lambda: key("p256 root key"))
    at: str = f"{AT:%Y-%m-%dT%H:%M:%S}.000000Z"

    @property
    def said(self) -> Attested:
        """What the unchanged statement says, whoever attests."""
        return verify_attestation(self.statement, self.device, self.read_authorities(), at=AT)

    def read_authorities(self) -> Authorities:
        return Authorities.of_site(self.authorities, Mode.PRACTICE)

    @property
    def public(self) -> PublicKey:
        return from_crypto(x509.load_der_x509_certificate(self.statement).public_key())

    def folder(self) -> FakeFolder:
        """Return the folder."""
        log = Lines(self.at)
        for kind, body in self._kept(self._before()):
            log.add(kind, body)
        text = self._challenge(log, min(self.later, 0))
        signature = self.signer.sign(text, ec.ECDSA(hashes.SHA256())) if self.signer else b""
        for kind, body in self._kept(self._after(text, signature)):
            log.add(kind, body)
        if self.later > 0:
            text = self._challenge(log, 0)
        pieces: dict[str, bytes | None] = {
            "public.pem": self.public.pem,
            bundle.ATTESTATION: to_pem(self.statement, "s"),
            bundle.DEVICE: to_pem(self.device, "d"),
            bundle.AUTHORITIES: self.read_authorities().chain_pem(self.said),
            bundle.CHALLENGE: text,
            bundle.CHALLENGE_SIGNATURE: signature,
            **self.files,
        }
        path = bundle.token_evidence(str(self.serial), "")
        roots = {bundle.YUBICO_ROOTS + name: data for name, data in self.authorities.items()}
        written = {path + name: data for name, data in pieces.items() if data is not None}
        return FakeFolder(files={bundle.LOG: log.data, **roots, **written})

    def judged(self) -> Audited:
        """Return what the audit of the YubiKey's key finds."""
        audited = begin(self.folder())
        check_attested(audited, self.plan, {str(self.serial): self.public})
        return audited

    def _kept(self, records: Records) -> Records:
        return [(kind, body) for kind, body in records if self.drop not in (kind, f"{kind} {body.get('action')}")]

    def _challenge(self, log: Lines, later: int) -> bytes:
        return challenge(log.head(log.entries + later), serial=str(self.serial), slot=self.said.slot, public=self.public)

    def _before(self) -> Records:
        said, serial = self.said, str(self.serial)
        row: JsonObject = {
            "kind": "yubikey", "serial": serial, "slot": said.slot, "firmware": str(said.firmware),
            "form_factor": said.form_factor or "", "fips": said.fips_series, **self.identity,
        }  # fmt: skip
        act: JsonObject = {"action": self.action, "key": serial}
        body = attested_json(said, token="root-a", pinned=self.read_authorities().pinned(said))
        accepted: Records = [("result", {"action": "accept-firmware", "key": serial, **self.accepted})] if self.accepted else []
        return [
            ("open", {"form": "ceremony/v1", "mode": self.mode}),
            ("end tokens", {"made": {"tokens": {"root-a": row}}}),
            ("firmware", {"token": serial, **self.firmware}),
            *accepted,
            ("standing", {"token": serial, "factory": [], "keys": [], "certificates": [], **self.standing}),
            ("intent", {**act, "slot": said.slot, "slot_empty": True, **self.intent}),
            ("result", {**act, "public_sha256": self.public.sha256}),
            ("attested", {**body, **self.attested}),
        ]

    def _after(self, text: bytes, signature: bytes) -> Records:
        act: JsonObject = {"action": "challenge", "key": str(self.serial)}
        wire = base64.b64encode(der_to_raw(signature, self.public.algorithm) if signature else b"").decode()
        said: JsonObject = {"challenge": hashlib.sha256(text).hexdigest(), "signature": wire}
        close: Records = [("close", {"report": ""})] if self.closed else []
        return [("intent", act), ("result", {**act, **said, **self.challenged}), *close]


class Lines:
    """A log that chains."""

    def __init__(self, utc: str) -> None:
        self._utc = utc
        self.data = b""
        self._tails = [(Tail(), b"")]

    def add(self, kind: str, body: JsonObject) -> None:
        """Write one record; `end tokens` is the end of the step tokens."""
        tail, _ = self._tails[-1]
        name, _, step = kind.partition(" ")
        outcome = Outcome.PENDING if name == "intent" else Outcome.OK
        record = Record(
            ceremony=CEREMONY, seq=tail.entries, prev=tail.last, salt="5a" * 16, utc=self._utc, mono_ns=tail.entries,
            boot="b", kind=name, step=step, actor="Ada", recorded_by="Ada", outcome=outcome, body=body,
        )  # fmt: skip
        self.data += record.line()
        self._tails.append((tail.follow(record, record.line()), self.data))

    @property
    def entries(self) -> int:
        return len(self._tails) - 1

    def head(self, entries: int) -> Head:
        """Return the head of the first records."""
        tail, data = self._tails[entries]
        return head(tail, hashlib.sha256(data).hexdigest())


def virtual(chain: Chain = NEW, **changes: Any) -> Evidence:
    """Return the evidence of a YubiKey under authorities of its own, as only a practice takes it."""
    statement, device, made = chain.built()
    brought = b"".join(pem(made.certificate(pin).der) for pin in made.pins)
    plan = replace(PLAN, root=replace(PLAN.root, pin_policy="always", touch_policy="always"))
    return Evidence(statement, device, {"test.pem": brought, **yubico_files()}, **{"plan": plan, **changes})
