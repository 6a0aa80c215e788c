# SPDX-License-Identifier: Apache-2.0
"""What plan and log make, read again: the plan itself, the certificates of the root keys, the repositories' keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from asn1crypto import pem as armor
from asn1crypto import x509

from ceremony.core import bundle, keys, request, served, slot_certificate
from ceremony.core import specs as core
from ceremony.core.agenda.entries import Agenda, Entry
from ceremony.core.attestation import from_pem
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import parse_object
from ceremony.core.certificates import PRACTICE_ORGANISATION, CertificateRequest
from ceremony.core.keys import PublicKey
from ceremony.core.plan import KeyPlan, Mode, Plan, Source
from ceremony.core.plan_reader import read_plan
from ceremony.core.specs import RepositoryKeys
from ceremony.errors import CeremonyError, VerificationError


def read_made_plan(a: Audited) -> Plan | None:
    """Return the plan of the folder; None, with a finding, when it is none."""
    source = a.read(bundle.PLAN)
    files = {path.removeprefix(bundle.PLAN_FILES): a.read(path) for path in sorted(a.names) if path.startswith(bundle.PLAN_FILES)}
    if source is None:
        return None
    try:
        plan = read_plan(source, {path: data for path, data in files.items() if data is not None})
    except CeremonyError as error:
        a.failed(bundle.PLAN, f"is not a plan: {error.message}")
        return None
    return plan


def check_certificates(a: Audited, plan: Plan, public: PublicKey, certificates: Mapping[str, str], path: str) -> None:
    """Check certificates (common name → PEM) of a root key; adds a finding for one that says something else than the plan.

    Raises ValueError or TypeError for one that is none.
    """
    for name, pem in certificates.items():
        _check_certificate(a, plan, public, name, pem, path)


def _check_certificate(a: Audited, plan: Plan, public: PublicKey, name: str, pem: str, path: str) -> None:
    certificate = x509.Certificate.load(armor.unarmor(pem.encode())[2], strict=True)
    fields = [field for group in certificate.subject.chosen for field in group]
    organisations = [field["value"].native for field in fields if field["type"].native == "organization_name"]
    practice = a.mode == Mode.PRACTICE
    if (PRACTICE_ORGANISATION in organisations) != practice:
        said = "is" if not practice else "is not"
        a.failed(path, f"holds a certificate for {name} that {said} marked as practice, in a ceremony of mode {a.mode}")
    opened_at = datetime.fromisoformat(str(a.past.opened.get("utc")))
    wanted = CertificateRequest(public, name, opened_at, plan.expires.certificate, a.found.records[0].ceremony, practice)
    if certificate["tbs_certificate"].dump() != wanted.to_be_signed():
        a.failed(path, f"holds a certificate for {name} that is not what the plan makes")


def check_slot_certificate(a: Audited, plan: Plan, serial: str, public: PublicKey) -> None:
    """Check the certificate for `root` in a YubiKey's slot; adds a finding for another one than the plan makes."""
    path, stored = bundle.token_evidence(serial, slot_certificate.FILE), a.past.results.get((slot_certificate.STORE, serial))
    if path not in a.names or stored is None:
        a.failed(
            f"token {serial}",
            f"no certificate for {slot_certificate.COMMON_NAME} was kept in its slot, or it is not in the evidence",
        )
        return
    practice, ceremony, text = a.mode == Mode.PRACTICE, a.found.records[0].ceremony, a.read(path) or b""
    try:
        opened_at = datetime.fromisoformat(str(a.past.opened.get("utc")))
        wanted = slot_certificate.request(plan, public, opened_at, ceremony, practice=practice)
        der = from_pem(text, path)
        value = x509.Certificate.load(der, strict=True)["signature_value"].native
        signature = keys.der_to_raw(value, public.algorithm) if public.algorithm.half else value
        same = wanted.finish(wanted.to_be_signed(), signature).encode() == text
    except (VerificationError, ValueError, TypeError, OverflowError) as error:
        a.failed(path, f"does not hold: {error}")
        return
    if not same or hashlib.sha256(der).hexdigest() != stored.get("sha256"):
        a.failed(
            path,
            f"is not the certificate for {slot_certificate.COMMON_NAME} that the plan makes, or not the one that was kept in the slot",
        )


def read_keys(a: Audited, plan: Plan, agenda: Agenda) -> Mapping[str, RepositoryKeys]:
    """Return the keys of every repository as the log lists them; adds a finding for one that is not the one brought.

    Raises CeremonyError for a list or a request that cannot be read.
    """
    path = str(a.past.ended.get("repository-keys", {}).get("file", ""))
    if (
        not path
        and plan.change is not None
        and not any(entry.plan.targets.source is Source.GENERATE for entry in agenda.entries.values())
    ):
        return {}
    if not path:
        raise VerificationError(
            bundle.LOG, "no record names the list of the repositories' keys", hint="see what is said of the log"
        )
    listed = core.read_repository_keys(parse_object((a.read(path) or b"").removesuffix(b"\n"), path), path)
    if listed.keys() != agenda.entries.keys():
        a.failed(path, "does not list the repositories of the plan")
    server = _server_keys(a, agenda)
    for name, entry in agenda.entries.items():
        own = listed.get(name)
        for role, key in entry.plan.keys().items() if own else ():
            _check_key(a, plan, entry, role, key, getattr(own, role), server.get((name, role)), path)
        brought = [(signer.name, keys.from_pem(plan.files[signer.path])) for signer in entry.plan.signers]
        if own and sorted((s.name, s.public.spki) for s in own.signers) != sorted((n, key.spki) for n, key in brought):
            a.failed(path, f"{name}: its signers are not those of the plan")
    return listed


def _check_key(
    a: Audited,
    plan: Plan,
    entry: Entry,
    role: str,
    key: KeyPlan,
    listed: PublicKey | None,
    server: PublicKey | None,
    path: str,
) -> None:
    """Add a finding for a listed key that is not the one brought, or that the plan leaves as it is published."""
    stays = entry.published is not None and (role != "targets" or key.source is Source.REQUEST)
    if stays != (listed is None):
        a.failed(path, f"{entry.name}: its {role} key is {'listed' if stays else 'not listed'}, against the plan")
    wanted = keys.from_pem(plan.files[key.path]) if key.source is Source.FILE else server
    if wanted is not None and listed is not None and wanted != listed:
        a.failed(path, f"{entry.name}: its {role} key is not the one that was brought")


def _server_keys(a: Audited, agenda: Agenda) -> Mapping[tuple[str, str], PublicKey]:
    """Return (repository, role) → the server's key, for those of new repositories that the plan takes from the request."""
    new = [entry for entry in agenda.entries.values() if entry.published is None]
    wanted = [(e.name, role) for e in new for role, key in e.plan.keys().items() if key.source is Source.REQUEST]
    if not wanted:
        return {}
    index = request.parse_index(a.read(bundle.REQUEST + request.INDEX) or b"")
    files = {digest: a.read(bundle.REQUEST + request.path_of(digest)) or b"" for digest in index.files()}
    found = served.keys_for(index, files, sorted({name for name, _ in wanted}))
    return {(n, role): found[n].snapshot if role == "snapshot" else found[n].timestamp for n, role in wanted}
