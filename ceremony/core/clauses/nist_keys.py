# SPDX-License-Identifier: Apache-2.0
"""NIST SP 800-57 and SP 800-130/152 on managing keys, and FIPS 140 on entering secrets: rows 29 to 31."""

from __future__ import annotations

from ceremony.core.chronicle.facts import facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met
from ceremony.core.clauses.seen import Seen, listed
from ceremony.core.custody_list import KIND, left, things

_57, _130, _140 = "NIST SP 800-57 pt1, pt2r1", "NIST SP 800-130, 800-152", "FIPS 140-2 4.7.4"
_140_3 = "FIPS 140-3 (ISO 19790 7.9)"


def _keepers(seen: Seen) -> Found:
    made = seen.made("protector")
    names = [name for name in (made.text("custodian"), *made.inner("shares").texts("custodians")) if name]
    if not seen.backs_up:
        return not_applicable("Nothing was backed up in this ceremony.")
    if not names:
        return not_met("No record names who has the secret of the backups.", seen.of("typed-back"))
    return met(f"The secret of the backups is with {listed(names)}.", [*seen.steps("protector"), *seen.of("typed-back")])


def _devices_kept(seen: Seen) -> Found:
    missing = left(seen.past)
    if missing or not seen.closed or not seen.of(KIND):
        who = f" Nobody took {listed(thing.called for thing in missing)}." if missing else ""
        return not_met(f"The log does not end with who takes each token and medium.{who}", seen.of(KIND))
    said = f"Each token and medium ({len(things(seen.past))}) has a record that names who takes it, by its serial; who has it later is written by hand."
    return met(said, seen.of(KIND))


def _uses(seen: Seen) -> Found:
    acts = seen.acts("generate-key", "import-key", "restore-key", "certify", "sign-root", "sign-head")
    what = f"Acts with root keys are told of ({len(acts)}), with time, device and what was signed; none is open."
    return shared.announced(seen, acts, nothing="No root key was used yet.", what=what)


def _bound(seen: Seen) -> Found:
    ends = seen.steps("root-keys", "restore") if seen.new_roots else seen.steps("tokens")
    signed = [r for r in seen.acts("sign-head") if ends and r.seq > ends[-1].seq]
    serials = {facts(r.body).text("key") for r in signed}
    bare = [key.text("serial") for key in seen.roots if key.text("serial") not in serials]
    if bare or not seen.roots:
        return not_met(
            f"These keys did not sign a head that covers what is told of them: {listed(bare)}."
            if bare
            else "No root key is recorded.",
            signed,
        )
    return met(f"Each root key ({len(seen.roots)}) signed a head of the log that tells of it.", [*ends, *signed], seen.heads)


def _entered(seen: Seen) -> bool:
    return bool(seen.of("login", "authorised", "typed-back", "share"))


def _twice(seen: Seen) -> Found:
    typed = seen.of("typed-back")
    last = {(r.step, facts(r.body).text("what")): r for r in typed}
    bad = [what for (_, what), r in last.items() if r.body.get("same") is not True]
    if bad:
        return not_met(f"What was typed back at the end was not the same: {listed(bad)}.", typed)
    if not typed:
        return not_applicable("No new secret was entered.")
    return met(f"What was new ({counted(len(last), 'secret')}) was typed twice, the same.", typed)


def _trusted_path(seen: Seen) -> Found:
    if not _entered(seen):
        return not_applicable("No secret was entered, as far as the log tells.")
    why = (
        "PINs, passphrases and shares are typed on this computer's keyboard and go through its memory, which is no trusted path."
    )
    return not_met(why, seen.of("login", "authorised", "typed-back", "share"))


ROWS = (
    Row("29a", _57, "Who has what opens the backups is named", _keepers, checked=False),
    Row(
        "29b", _57, "Who keeps each device, from then on, is named",
        _devices_kept, checked=False,
    ),
    Row("29c", _57, "When a key is used, and for what, is recorded", _uses, checked=False),
    Row(
        "29d", _57, "A practice statement names roles, dual control and split knowledge",
        always_outside("A practice statement is an organisation's own document; plan and script are what it comes to on one day."),
        checked=False,
    ),
    Row("30a", _130, "There is an inventory of keys that a program can read", shared.inventory, checked=False),
    Row("30b", _130, "A key and what is said of it are bound to each other", _bound, checked=False),
    Row("31a", _140, "What is entered by hand is checked", _twice),
    Row(
        "31b", _140, "Secrets are not shown while they are entered",
        always_outside("This program does not show what is typed, and shows a new secret once to who keeps it; no log shows screens."),
    ),
    Row("31c", _140, "Level 3: secrets enter split, or by a trusted path: split", shared.split_secret),
    Row("31d", _140, "Level 3: secrets enter split, or by a trusted path: trusted path", _trusted_path),
    Row("31e", _140_3, "Entering secrets: the same by the newer standard", _trusted_path, checked=False),
)  # fmt: skip
