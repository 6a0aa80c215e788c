# SPDX-License-Identifier: Apache-2.0
"""Root keys on YubiKeys: made there, shown so by an attestation that is verified again, and in this ceremony.

The statement is verified as it was on the day, against Yubico's pinned authorities;
in a practice those that the folder brings count too, and the finding says so. It
must be of the key, the device, the slot and the policies that log and plan name. It
has no time of its own: the slot was recorded empty before the key was made, and
afterwards the key signed a challenge over the log's head.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from ceremony.core import bundle
from ceremony.core.attestation import Attested, Authorities, attested_json, check_binding, from_pem, verify_attestation
from ceremony.core.audit.heads import heads_at
from ceremony.core.audit.made import check_slot_certificate
from ceremony.core.audit.verdict import Audited
from ceremony.core.audit.yubikeys import Token, about, check_device, check_site, yubikeys
from ceremony.core.canonical import Json, JsonObject, encode
from ceremony.core.challenge import challenge
from ceremony.core.dialects import get
from ceremony.core.firmware import Firmware
from ceremony.core.keys import PublicKey, der_to_raw, verify
from ceremony.core.plan import Custody, Kind, Mode, Plan
from ceremony.core.record import Outcome, Record
from ceremony.errors import CeremonyError, VerificationError

PUBLIC = "public.pem"
PIECES = (PUBLIC, bundle.ATTESTATION, bundle.DEVICE, bundle.AUTHORITIES, bundle.CHALLENGE, bundle.CHALLENGE_SIGNATURE)
"""The evidence of a YubiKey whose root key is attested, in `evidence/tokens/<serial>/`."""
MAKE, PUT, CHALLENGE = "generate-key", "import-key", "challenge"
"""The acts by which a root key comes to a YubiKey, and shows that it is there."""

_ENTRIES = re.compile(rb"^entries: ([1-9][0-9]{0,15})$", re.MULTILINE)


def check_attested(a: Audited, plan: Plan | None, roots: Mapping[str, PublicKey]) -> None:
    """Check what shows where the root keys of a plan were made, and say which are not attested; `roots` is serial → root key."""
    check_site(a)
    if plan is None or plan.root.custody is Custody.TOKEN_WRAPPED or plan.kind is Kind.RECOVERY:
        return
    tokens = {token.serial: token for token in yubikeys(a, roots)}
    if "certificates" in a.past.ended:
        for token in tokens.values():
            check_slot_certificate(a, plan, token.serial, token.public)
    if plan.root.custody is Custody.TOKEN_ONLY:
        authorities = read_authorities(a) if tokens else None
        for token in tokens.values():
            _check_made_there(a, plan, token, authorities)
        return
    for serial in roots:
        if serial not in tokens or _check_put_there(a, plan, tokens[serial]):
            a.ok(f"token {serial}", "its root key is not attested: it was made on the host")


def read_authorities(a: Audited) -> Authorities | None:
    """Return the authorities that the folder brings; None, with a finding, when they cannot serve."""
    files = {path: a.read(path) for path in sorted(a.names) if path.startswith(bundle.YUBICO_ROOTS)}
    mode = Mode.PRACTICE if a.mode == Mode.PRACTICE else Mode.PRODUCTION
    try:
        return Authorities.of_site({path: data for path, data in files.items() if data is not None}, mode)
    except VerificationError as error:
        a.failed(bundle.YUBICO_ROOTS, f"does not hold what the attestations are verified with: {error.message}")
        return None


def _check_made_there(a: Audited, plan: Plan, token: Token, authorities: Authorities | None) -> None:
    """Add one finding about a YubiKey: that its key was made there and then, or the first thing that is wrong."""
    record = next((r for r in reversed(a.found.records) if r.kind == "attested" and r.body.get("serial") == token.serial), None)
    if _is_missing(a, token, PIECES, MAKE, "there is no record that it was attested" if record is None else ""):
        return
    if record is not None and authorities is not None:
        try:
            check_device(a, token)
            attested = check_statement(a, plan, token, authorities, record)
            check_empty_before(a, token, MAKE)
            check_challenge(a, plan, token, MAKE)
        except CeremonyError as error:
            a.failed(f"token {token.serial}", f"its root key is not shown to be made on it: {error.message}")
        else:
            a.ok(f"token {token.serial}", _told(attested, pinned=authorities.pinned(attested)))


def _check_put_there(a: Audited, plan: Plan, token: Token) -> bool:
    """Return whether a YubiKey has the key that was made elsewhere; adds a finding when that is not shown."""
    if _is_missing(a, token, (PUBLIC, bundle.CHALLENGE, bundle.CHALLENGE_SIGNATURE), PUT, ""):
        return False
    try:
        check_device(a, token)
        check_empty_before(a, token, PUT)
        check_challenge(a, plan, token, PUT)
    except CeremonyError as error:
        a.failed(f"token {token.serial}", f"its root key is not shown to be on it: {error.message}")
        return False
    return True


def _is_missing(a: Audited, token: Token, pieces: Sequence[str], action: str, more: str) -> bool:
    """Return whether evidence about a token is not there, and then add a finding: a failure once the log is closed."""
    missing = [piece for piece in pieces if token.path(piece) not in a.names]
    missing += [f"result of {act}" for act in (action, CHALLENGE) if (act, token.serial) not in a.past.results]
    if missing or more:
        say = a.failed if a.past.closed else a.incomplete
        what = f"there is no {', '.join(missing)}" if missing else more
        say(f"token {token.serial}", f"nothing shows where its root key was made: {what}")
    return bool(missing or more)


def check_statement(a: Audited, plan: Plan, token: Token, authorities: Authorities, record: Record) -> Attested:
    """Return what the evidence of a token attests, verified for the day of `record`, and bound to log and plan.

    Raises VerificationError, naming the file, the certificate or the record.
    """
    public, statement, f9, chain = (a.read(token.path(piece)) or b"" for piece in PIECES[:4])
    if public != token.public.pem:
        raise _fault(token.path(PUBLIC), "is not the root key that the log names")
    attested = verify_attestation(
        from_pem(statement, token.path(bundle.ATTESTATION)),
        from_pem(f9, token.path(bundle.DEVICE)),
        authorities,
        at=datetime.strptime(record.utc, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
    )
    check_binding(
        attested,
        public=token.public,
        serial=int(token.serial) if token.serial.isdecimal() else 0,
        slot=token.slot,
        firmware=Firmware.parse(token.firmware),
        pin_policy=plan.root.pin_policy,
        touch_policy=plan.root.touch_policy,
    )
    said = attested_json(attested, token=token.name, pinned=authorities.pinned(attested))
    _compare(record.body, said, f"record {record.seq}")
    device: JsonObject = {"form_factor": said["form_factor"], "fips": said["fips"]}
    _compare({"form_factor": token.form_factor, "fips": token.fips}, device, f"{token.name} as the step tokens recorded it")
    if chain != authorities.chain_pem(attested):
        raise _fault(token.path(bundle.AUTHORITIES), "is not the chain above the device certificate, its issuer first")
    return attested


def _compare(told: JsonObject, said: JsonObject, subject: str) -> None:
    """Check that what is told of a key is what its attestation says; raises VerificationError that names the first difference."""
    for member, value in said.items():
        if encode(told.get(member)) != encode(value):
            raise _fault(subject, f"its {member} is {told.get(member)}, and the attestation says {value}")


def check_empty_before(a: Audited, token: Token, action: str) -> None:
    """Check that the slot was recorded empty each time before a key was to come there; raises VerificationError."""
    occupied = True
    for record in a.found.records:
        body = record.body
        if about(record, "standing", token):
            occupied = token.slot in _slots(body)
        wanted = record.kind == "intent" and (body.get("action"), body.get("key")) == (action, token.serial)
        if wanted and (occupied or body.get("slot_empty") is not True or body.get("slot") != token.slot):
            raise _fault(f"record {record.seq}", f"slot {token.slot} was not recorded empty before the key came there")


def _slots(standing: JsonObject) -> set[Json]:
    """Return the slots that a device held something in, as it was read."""
    keys, certificates = standing.get("keys"), standing.get("certificates")
    held = [key.get("slot") for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    return {str(slot) for slot in (*held, *(certificates if isinstance(certificates, list) else []))}


def check_challenge(a: Audited, plan: Plan, token: Token, action: str) -> None:
    """Check that the key signed the head of this log after it came there; raises VerificationError."""
    path = token.path(bundle.CHALLENGE)
    text, signature = (a.read(token.path(piece)) or b"" for piece in (bundle.CHALLENGE, bundle.CHALLENGE_SIGNATURE))
    found = _ENTRIES.search(text)
    entries = int(found[1]) if found else 0
    head = heads_at(a, {entries}).get(entries)
    if head is None or text != challenge(head, serial=token.serial, slot=token.slot, public=token.public):
        raise _fault(path, "is not the challenge over a head of this log, this token and its key")
    if not _ended(a, action, token) < entries <= _ended(a, CHALLENGE, token):
        raise _fault(path, f"is over the first {entries} records: not those from when the key came there")
    _check_signature(a, plan, token, text, signature)


def _check_signature(a: Audited, plan: Plan, token: Token, text: bytes, signature: bytes) -> None:
    path, algorithm = token.path(bundle.CHALLENGE_SIGNATURE), token.public.algorithm
    try:
        raw = der_to_raw(signature, algorithm) if algorithm.half else signature
    except VerificationError as error:
        raise _fault(path, "is no signature as openssl writes it") from error
    verify(token.public, get(plan.dialect).scheme(algorithm), text, raw, path)
    result = a.past.results[CHALLENGE, token.serial]
    if (result.get("challenge"), result.get("signature")) != (sha256(text).hexdigest(), b64encode(raw).decode()):
        raise _fault(path, "is not the signature, or not over the challenge, that the log tells of")


def _ended(a: Audited, action: str, token: Token) -> int:
    """Return the number of the record that tells the result of an act."""
    act = (action, token.serial)
    results = [r for r in a.found.records if r.kind == "result" and r.outcome is Outcome.OK]
    return max(r.seq for r in results if (r.body["action"], r.body["key"]) == act)


def _told(attested: Attested, *, pinned: bool) -> str:
    root = attested.authorities[-1]
    whose = f"attested under {root}" if pinned else f"attested under {root}, which is not Yubico's: practice only"
    return f"its root key was made in its slot {attested.slot}, firmware {attested.firmware}, {whose}"


def _fault(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint="the folder does not show that the key was made on the YubiKey")
