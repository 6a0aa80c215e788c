# SPDX-License-Identifier: Apache-2.0
"""CA/B Forum Baseline Requirements 2.2.6 on the making and keeping of keys: rows 1 to 5."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ceremony.core.chronicle.facts import Facts, facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met, outside, when_made
from ceremony.core.clauses.seen import MADE, Seen, listed, present, short
from ceremony.core.consent import CONSENTS
from ceremony.core.plan import Custody, Kind
from ceremony.core.record import Record

_BR = "CA/B BR 2.2.6, "
_YUBIKEY = "yubikey"


def _several_people(seen: Seen) -> Found:
    first = min((r.seq for r in seen.intents(*MADE)), default=None)
    here = [r for r in seen.answered.values() if first is None or r.seq < first]
    compared = [r for r in seen.of("compared") if r.body.get("same") is True and len(set(facts(r.body).texts("by"))) > 1]
    consents = seen.under(CONSENTS)
    if len(here) < 2:
        return not_met("Fewer than two people answered the roll call with an own key before a root key was made.", here)
    if not compared:
        return not_met("No digest was compared by two people.", here)
    why = f"{len(here)} people answered the roll call with own keys, and digests were compared by two of them."
    return met(why, [*here, *compared], consents)


def _split(seen: Seen) -> Found:
    root = seen.root_plan
    if root is not None and root.custody is Custody.TOKEN_ONLY and not seen.root_backed_up:
        why = "No backup of a root key exists whose secret could be split; who has which PIN, PUK and management key, the log does not name."
        return outside(why, seen.of("typed-back"))
    return shared.split_secret(seen)


def _in_module(seen: Seen) -> Found:
    keys = seen.new_roots
    if not keys:
        return not_met("No record tells that a root key was made.", seen.intents(*MADE))
    records: list[Record] = [*seen.acts(*MADE)]
    devices, attested, claimed = seen.devices, seen.by_serial("attested"), seen.claimed
    imported = {facts(r.body).text("key") for r in seen.acts("import-key")}
    bad: defaultdict[str, list[str]] = defaultdict(list)
    unproven: list[str] = []
    for key in keys:
        serial = key.text("serial")
        proof = [r for r in attested.get(serial, ()) if facts(r.body).text("public_sha256") == key.text("sha256")]
        device = facts(devices[serial].body if serial in devices else None)
        fault = "made in the computer's memory" if serial in imported else _fault(device, proof)
        records += [*proof, *present([claimed.get(serial)])]
        if fault:
            bad[fault].append(serial)
        elif device.text("kind") != _YUBIKEY:
            unproven.append(serial)
    if bad:
        return not_met(f"Not shown: {'; '.join(f'{listed(serials)} ({fault})' for fault, serials in bad.items())}.", records)
    if unproven:
        why = f"Nothing attests the keys on {listed(unproven)}: that they were made in hardware is the token's and two people's word."
        return outside(why, records)
    paths = [path for path in seen.under("evidence/tokens/") if path.endswith("/attestation.pem")]
    return met(f"The YubiKeys that made them attest all root keys ({len(keys)}), under a root of Yubico's.", records, paths)


def _fault(device: Facts, proof: Sequence[Record]) -> str:
    """Return why a key on a device counts as made outside a module; nothing where it does not, or nothing can tell."""
    if device.value.get("software") is not False:
        return "no hardware, as far as the log tells"
    if device.text("kind") == _YUBIKEY and not any(r.body.get("pinned") is True for r in proof):
        return "not attested under a root of Yubico's"
    return ""


def _certified(seen: Seen) -> Found:
    devices = [facts(record.body) for record in seen.devices.values()]
    records = seen.devices.values()
    if not devices:
        return not_met("No token is recorded.")
    software = [device for device in devices if device.value.get("software") is not False]
    if software:
        return not_met(f"No hardware, as far as the log tells: {listed(device.text('serial') for device in software)}.", records)
    yubikeys = [device for device in devices if device.text("kind") == _YUBIKEY]
    if yubikeys:
        said = listed(
            f"{short(d.text('model'))}, firmware {short(d.text('firmware'))}, FIPS series {'yes' if d.flag('fips') else 'no'}"
            for d in yubikeys
        )
        why = "A YubiKey does not meet it: Yubico puts its FIPS series at Level 2, and others have no such certificate"
        rest = "compare the list of the CMVP; TUF and Docker Content Trust have no such rule."
        return not_met(f"{why} ({said}); {rest}", records)
    models = listed(f"{short(d.text('manufacturer'))} {short(d.text('model'))}" for d in devices)
    return outside(
        f"No record holds a certificate of these modules: {models}; ask for it, and compare model and firmware.", records
    )


def _logged(seen: Seen) -> Found:
    made = seen.acts(*MADE)
    if not made or seen.past.open_intents or not seen.closed:
        return not_met("The log has not ended, an act has no result, or no record tells that a root key was made.", made)
    announced = {(r.body.get("action"), str(r.body.get("key"))) for r in seen.intents(*MADE)}
    if any((r.body.get("action"), str(r.body.get("key"))) not in announced for r in made):
        return not_met("A root key was made that no record announced.", made)
    return met(
        "Each root key was announced before and told of after it was made, and the log ends.", [*seen.intents(*MADE), *made]
    )


def _enclosed(seen: Seen) -> Found:
    paths = [path for path in seen.past.written if path.startswith("private/")]
    acts = seen.acts("write-volumes")
    if not seen.backs_up:
        return not_applicable("No private key left a token or this computer's memory for a backup.")
    if not acts or not paths:
        return not_met("No backup is recorded on both volumes.", acts)
    if not all(path.endswith(".age") for path in paths):
        return not_met("A private file on the volumes is, by its name, not encrypted.", acts)
    why = f"What is private on the volumes ({counted(len(paths), 'file')}) is, by its names, encrypted; this computer could read a wrapped or imported key before."
    return met(why, [*acts, *seen.acts("wrap-key")])


def _recovered(seen: Seen) -> Found:
    if seen.kind != Kind.RECOVERY:
        return not_applicable("No key was recovered from a backup for use; the drill is in row 13.")
    opened, here = seen.of("backup-opened"), list(seen.answered.values())
    if not opened or len(here) < 2:
        return not_met("No backup was opened, or fewer than two people answered the roll call with an own key.", [*opened, *here])
    return met(f"The backup was opened after {len(here)} people answered the roll call with own keys.", [*here, *opened])


ROWS = (
    Row("1a", f"{_BR}6.1.1.1 (1)", "A script for making the keys is prepared", when_made(shared.script)),
    Row("1b", f"{_BR}6.1.1.1 (1)", "The script is followed: its steps, in its order", when_made(shared.procedure_kept)),
    Row(
        "1c", f"{_BR}6.1.1.1 (1)", "Nothing is done besides the script",
        when_made(always_outside("What people did away from the screen is in no log; the answers in row 12 are their word.")),
    ),
    Row("2a", f"{_BR}6.1.1.1 (2)", "An auditor witnesses the making, or it is filmed (2b)", when_made(shared.auditor)),
    Row(
        "2b", f"{_BR}6.1.1.1 (2)", "The whole of it is filmed, or an auditor is there (2a)",
        when_made(always_outside("A film, and that it is complete, is outside the folder; it answers the clause without 2a.")),
    ),
    Row(
        "2c", f"{_BR}6.1.1.1 (2), 8.2", "The auditor is qualified",
        when_made(always_outside("Who an auditor is and what they may judge, a key does not tell.")),
    ),
    Row(
        "3", f"{_BR}6.1.1.1 (3)", "An auditor reports an opinion on the script and the controls that guarded the keys",
        when_made(always_outside("The opinion is the auditor's own; the working paper leaves its place empty.")),
    ),
    Row(
        "4a", f"{_BR}6.1.1.1, in all cases", "Keys are made in a secured environment",
        when_made(always_outside("The plan names the place; that it was secured, no log can show.")),
    ),
    Row(
        "4b", f"{_BR}6.1.1.1, in all cases", "People in trusted roles make them",
        when_made(always_outside("The plan names each person's role; that the organisation trusts them with it, no log can show.")),
    ),
    Row(
        "4c", f"{_BR}6.1.1.1, in all cases", "More than one person has control",
        when_made(_several_people),
    ),
    Row("4d", f"{_BR}6.1.1.1, in all cases", "Knowledge is split", when_made(_split)),
    Row("4e", f"{_BR}6.1.1.1, in all cases", "Keys are made inside a cryptographic module", when_made(_in_module)),
    Row("4f", f"{_BR}6.2.7", "The module meets FIPS 140 Level 3, or Common Criteria EAL 4", _certified),
    Row("4g", f"{_BR}6.1.1.1, in all cases", "The making is logged", when_made(_logged)),
    Row("5a", f"{_BR}5.2.2, 6.2", "Outside a module a key is encrypted", _enclosed),
    Row("5b", f"{_BR}5.2.2, 6.2", "Backups open under dual control only", shared.split_secret),
    Row("5c", f"{_BR}5.2.2, 6.2", "Recovery is done by people in trusted roles under dual control", _recovered),
    Row(
        "5d", f"{_BR}5.2.2, 6.2", "Tokens and backups are kept under dual control afterwards",
        always_outside("Where tokens and volumes went after the log ended, and who can reach them, is in no record."),
    ),
)  # fmt: skip
