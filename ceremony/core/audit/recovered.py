# SPDX-License-Identifier: Apache-2.0
"""A recovery: the restored keys are those of an earlier ceremony's backup, published, proven, and kept as their custody says.

There is no metadata to judge. What must hold instead: the backup was opened, and the
log says of which ceremony; each root key that came to a token was in it, is one that the
trusted root names, came there by an act that was announced, and signed a challenge over
this log afterwards. That the backups were restored and the steps held in order, `order` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ceremony.core import bundle
from ceremony.core.audit.attested import CHALLENGE, PUBLIC, check_challenge, check_empty_before
from ceremony.core.audit.made import check_slot_certificate
from ceremony.core.audit.order import reads_locked
from ceremony.core.audit.verdict import Audited
from ceremony.core.audit.yubikeys import YUBIKEY, Token, check_device
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import get
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Custody, Kind, Mode, Plan
from ceremony.core.trusted_keys import TrustedKeys, trusted_keys
from ceremony.errors import CeremonyError, VerificationError

RESTORE = "restore-key"
_HINT = "the log is not that of a recovery as this program holds it"


def check_recovered(a: Audited, plan: Plan | None, roots: Mapping[str, PublicKey]) -> None:
    """Check a recovery's folder, once its keys were restored; `roots` is serial → root key."""
    if plan is None or plan.kind is not Kind.RECOVERY or not (a.past.closed or "restore" in a.past.ended):
        return
    opened = a.past.ended.get("open-backup", {})
    _check_opened(a, opened)
    _check_tokens(a, plan, roots)
    trusted, certificates = _trusted(a, plan), _certificates(a)
    there = {str(row.get("sha256")) for row in rows(opened.get("roots"))}
    listed = {str(row.get("serial")): str(row.get("custody")) for row in rows(a.past.ended.get("restore", {}).get("keys"))}
    for serial, public in roots.items():
        try:
            token = _check_key(a, plan, serial, public, listed[serial], there)
            if trusted is not None:
                trusted.check(public, certificates)
        except CeremonyError as error:
            a.failed(f"token {serial}", f"its root key is not shown to be the one that was restored: {error.message}")
        else:
            named = "" if trusted is None else ", and the trusted root names it"
            a.ok(f"token {serial}", f"its root key was restored from a backup and signed a challenge{named}")
            if token.slot and "prove" in a.past.ended and get(plan.dialect).needs_certificate:
                check_slot_certificate(a, plan, serial, public)


def _check_opened(a: Audited, opened: JsonObject) -> None:
    records = [record.body for record in a.found.records if record.kind == "backup-opened"]
    said = records[-1] if records else {}
    roots = [row.get("sha256") for row in rows(opened.get("roots"))]
    if not roots or (said.get("ceremony"), said.get("head"), said.get("roots")) != (
        opened.get("ceremony"),
        opened.get("head"),
        roots,
    ):
        a.failed(bundle.LOG, "does not say whose backup was opened, or says two things")
        return
    a.ok("backup", f"is that of ceremony {said.get('ceremony')}, whose log has the SHA-256 {said.get('head')}")


def _check_tokens(a: Audited, plan: Plan, roots: Mapping[str, PublicKey]) -> None:
    named = [row.get("token") for row in rows(a.past.ended.get("restore", {}).get("keys"))]
    if named != list(plan.key_tokens) or len(roots) != len(named):
        a.failed(bundle.LOG, "its root keys are not on the tokens of the plan, one each")


def _trusted(a: Audited, plan: Plan) -> TrustedKeys | None:
    """Return the keys that the plan trusts; None, with a finding, when there are none."""
    paths = sorted(path for path in a.names if path.startswith(bundle.TRUSTED_ROOT))
    files = {path.removeprefix(bundle.TRUSTED_ROOT): a.read(path) or b"" for path in paths}
    try:
        trusted = trusted_keys(plan, files)
    except CeremonyError as error:
        a.failed(bundle.TRUSTED_ROOT, f"does not hold what the plan trusts: {error.message}")
        return None
    if trusted is None and a.mode == Mode.PRODUCTION:
        a.failed(
            "trusted-root", "is not in the folder: nothing outside the backup says that its root keys are the published ones"
        )
    elif trusted is None:
        a.ok("trusted-root", "was not brought: nothing outside the backup says that its root keys are the published ones")
    return trusted


def _certificates(a: Audited) -> Sequence[str]:
    """Return the certificates by whose key ids a trusted root names root keys: each id is a digest over what is read here."""
    paths = sorted(path for path in a.names if path.startswith(bundle.ROOT_CERTIFICATES))
    return [(a.read(path) or b"").decode("ascii", "replace") for path in paths]


def _check_key(a: Audited, plan: Plan, serial: str, public: PublicKey, custody: str, there: set[str]) -> Token:
    """Return the token of a restored key, both checked; raises VerificationError."""
    token = _token(a, serial, public)
    if public.sha256 not in there:
        raise _fault(bundle.LOG, "it was not in the backup that was opened")
    for action in (RESTORE, CHALLENGE):
        if (action, serial) not in a.past.results:
            raise _fault(bundle.LOG, f"there is no result of {action}")
    if a.past.results[RESTORE, serial].get("public_sha256") != public.sha256:
        raise _fault(bundle.LOG, "another key came to the token")
    if (a.read(token.path(PUBLIC)) or b"") != public.pem:
        raise _fault(token.path(PUBLIC), "is not the root key that the log names")
    check_challenge(a, plan, token, RESTORE)
    if token.slot:
        check_device(a, token)
        check_empty_before(a, token, RESTORE)
    locked = a.past.results.get(("lock-key", serial))
    if a.past.closed and custody == Custody.TOKEN_WRAPPED and (locked is None or not reads_locked(locked)):
        raise _fault(bundle.LOG, "it was not locked, or did not read so afterwards")
    return token


def _token(a: Audited, serial: str, public: PublicKey) -> Token:
    recorded = a.past.ended.get("tokens", {}).get("tokens")
    for name, row in recorded.items() if isinstance(recorded, dict) else ():
        if isinstance(row, dict) and row.get("serial") == serial:
            slot = str(row.get("slot")) if row.get("kind") == YUBIKEY else ""
            firmware, form = str(row.get("firmware")), str(row.get("form_factor"))
            return Token(name, serial, slot, firmware, form, row.get("fips") is True, public)
    raise _fault(bundle.LOG, "its token is not among those that were put in")


def rows(listed: Json) -> Sequence[JsonObject]:
    """Return the objects of a list in a record."""
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _fault(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint=_HINT)
