# SPDX-License-Identifier: Apache-2.0
"""WebTrust for CAs 4.1 and its other criteria on keys, and Mozilla's root store policy: rows 12 to 14."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Mapping

from ceremony.core import bundle, self_test
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met, outside, when_made
from ceremony.core.clauses.seen import MADE, Seen, listed, passed, present
from ceremony.core.custody_list import KIND, taken
from ceremony.core.firmware import Decision
from ceremony.core.plan import Kind

_WT, _REST, _MRSP = "WebTrust for CAs 4.1", "WebTrust for CAs 4.x", "Mozilla MRSP "
_HEX = frozenset("0123456789abcdef")


def _roles(seen: Seen) -> Found:
    bare = [p for p in seen.people if not (p.text("name") and p.text("role"))]
    if bare or not seen.people:
        return not_met("The first record names nobody, or somebody without a role.", seen.of("open"))
    return met(f"The first record names {counted(len(seen.people), 'person', 'people')} and the role of each.", seen.of("open"))


def _materials(seen: Seen) -> Found:
    records = seen.of("token", "medium")
    if not seen.there(bundle.SITE) or not seen.of("token"):
        return not_met("The site file is not in the folder, or no token is recorded.", records)
    return met(
        "The site file names the hardware; each token and medium that was used is recorded with its serial.",
        records,
        [bundle.SITE],
    )


def _tested(seen: Seen) -> Found:
    program, tested = seen.check("program"), seen.of(self_test.KIND)[-1:]
    about = seen.by_serial("standing", "root-found")
    read = {serial: about.get(serial, ()) for serial in seen.devices}
    records = [*present([program]), *tested, *(record for found in read.values() for record in found), *seen.of("firmware")]
    if not passed(program):
        return not_met("The program was not found as it was released.", records)
    if not all(map(passed, tested)):
        return not_met("The program tested itself, and a line of that failed.", records)
    bare = [serial for serial, found in read.items() if not found]
    if bare or not read:
        return not_met(f"How these tokens stood was not read: {listed(bare)}." if bare else "No token is recorded.", records)
    last = {facts(r.body).text("token"): facts(r.body).text("decision") for r in seen.of("firmware")}
    refused = [serial for serial, decision in last.items() if decision == Decision.REFUSE]
    if refused:
        return not_met(f"The firmware of {listed(refused)} was refused.", records)
    itself = ", tested itself" if tested else ""
    return met(
        f"The program was found as it was released{itself}, and how each token stood was read before it was used.", records
    )


def _distributed(seen: Seen) -> Found:
    files = seen.under("bundle/keys/", bundle.PINNING)
    if seen.kind == Kind.RECOVERY:
        return not_applicable("A recovery gives out no keys.")
    if not files:
        return not_met("No public key is in the bundle.")
    return met(f"Those who rely on the public keys are to be given {counted(len(files), 'file')}.", seen.naming(files), files)


def _used(seen: Seen) -> Found:
    acts = seen.acts("certify", "sign-root", "sign-head")
    what = f"Each use of a root key ({len(acts)}) was announced and told of, with what it signed."
    return shared.announced(seen, acts, nothing="No root key was used yet.", what=what)


def _destroyed(seen: Seen) -> Found:
    acts = seen.acts("wipe-token")
    nothing = "No key was destroyed in this ceremony; what is done with keys that go out of use is not in it."
    return shared.announced(
        seen, acts, nothing=nothing, what=f"Wiped before use, with all keys in them: {counted(len(acts), 'token')}."
    )


def _stored(seen: Seen) -> Found:
    found = taken(seen.past)
    sealed = sum(bool(one.seal) for one in found)
    said = (
        f"Of {counted(len(found), 'token or medium', 'tokens and media')} the log names who takes it, and of {sealed} the bag or seal."
        if found
        else "No record names a bag or a seal."
    )
    return outside(f"{said} Vaults and safes are written by hand, on the printed script.", seen.of(KIND))


def _transported(seen: Seen) -> Found:
    why = "How tokens and volumes travel is outside: the log names who sets out with each, and the next ceremony reads what comes back."
    return outside(why, seen.of(KIND))


def _contiguous(seen: Seen) -> Found:
    previous = seen.opened.text("previous")
    if previous == "first":
        if seen.kind != Kind.GENESIS:
            return not_met(
                "The first record calls this the first ceremony, and it is not one that begins a root.", seen.of("open")
            )
        return met("The first record says that no ceremony was before this one.", seen.of("open"))
    if not _digest(previous):
        return not_met("The first record does not name the last head of the ceremony before it.", seen.of("open"))
    return met(
        "The first record names the last head of the ceremony before it; that it is there, a history shows.", seen.of("open")
    )


def _fingerprints(seen: Seen) -> Found:
    wrong = [key.text("serial") for key in seen.roots if not _fits(key)]
    records = seen.steps("root-keys", "restore", "tokens")
    if wrong or not seen.roots:
        return not_met(
            f"These are not named by the SHA-256 of their public keys: {listed(wrong)}." if wrong else "No root key is recorded.",
            records,
        )
    return met(f"Each root key ({len(seen.roots)}) is named by the SHA-256 of its SubjectPublicKeyInfo.", records)


def _fits(key: Facts) -> bool:
    try:
        spki = b64decode(key.text("spki"), validate=True)
    except ValueError:
        return False
    return bool(spki) and hashlib.sha256(spki).hexdigest() == key.text("sha256")


def _born(seen: Seen) -> Found:
    made: Mapping[str, str] = {facts(r.body).text("key"): r.utc for r in seen.acts(*MADE)}
    if not made:
        return not_met("No record tells when a root key was made.")
    return met(f"The times at which root keys were made are recorded; the first is {min(made.values())}.", seen.acts(*MADE))


def _digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= _HEX


ROWS = (
    Row("12a", _WT, "The script defines roles", _roles, checked=False),
    Row("12b", _WT, "The ceremony is approved before it is held", shared.approval, checked=False),
    Row("12c", _WT, "It lists the hardware", _materials, checked=False),
    Row(
        "12d", _WT, "It lists what activates the hardware, and who has it",
        always_outside("Each PIN, PUK and management key is with its custodian; which person that is, no record names."), checked=False,
    ),
    Row("12e", _WT, "It lists the steps", shared.script, checked=False),
    Row(
        "12f", _WT, "It says how the place is secured",
        always_outside("Doors, guards and cameras are the facility's; the script has room to write them down."), checked=False,
    ),
    Row(
        "12g", _WT, "It says how things are stored securely afterwards",
        _stored, checked=False,
    ),
    Row("12h", _WT, "Each person signs off on whether it was held by the script", shared.sign_off, checked=False),
    Row("12i", _WT, "Deviations are noted", shared.deviations, checked=False),
    Row("12j", _WT, "Somebody independent witnesses it", shared.independent, checked=False),
    Row("12k", _WT, "Hardware and software are tested before use", _tested, checked=False),
    Row("13a", _REST, "Backups exist and can be restored", shared.restored, checked=False),
    Row("13b", _REST, "Public keys are made ready to be distributed", _distributed, checked=False),
    Row("13c", _REST, "The use of keys is recorded", _used, checked=False),
    Row("13d", _REST, "Keys are destroyed in a formal way", _destroyed, checked=False),
    Row(
        "13e", _REST, "Keys are transported under control",
        _transported, checked=False,
    ),
    Row("14a", f"{_MRSP}3.1.3", "From a key's birth to its end there is no gap", _contiguous),
    Row("14b", f"{_MRSP}7.1 (5)", "Keys are named by the SHA-256 over their DER SubjectPublicKeyInfo", _fingerprints),
    Row("14c", f"{_MRSP}7.1 (5)", "An auditor witnesses the making", when_made(shared.auditor)),
    Row(
        "14d", f"{_MRSP}7.1 (5)", "An auditor reports on the making",
        when_made(always_outside("The report is the auditor's own; the working paper is what it can rest on.")),
    ),
    Row("14e", f"{_MRSP}7.4", "A key's age can be told: when it was made", when_made(_born)),
)  # fmt: skip
