# SPDX-License-Identifier: Apache-2.0
"""What other people's ceremonies do well: ICANN/IANA, Juicebox, PyPI and the PSF: rows 16 to 18. No rule asks for it."""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.chronicle.facts import facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met, outside, when_made
from ceremony.core.clauses.seen import Seen, listed
from ceremony.core.custody_list import KIND
from ceremony.core.plan import Custody, Mode, Role

_IANA, _JUICEBOX, _PSF = "ICANN/IANA root KSK ceremony", "Juicebox HSM ceremony", "PyPI/PSF TUF runbook 2020"
_IMAGE = "The log has the digest of this program; what system it ran on, and that system's image, nothing records."


def _witness(seen: Seen) -> Found:
    names = {p.text("name") for p in seen.people if p.text("role") == Role.WITNESS}
    here = [record for name, record in seen.answered.items() if name in names]
    noted = seen.of("deviation")
    if not here:
        return not_met("No witness answered the roll call with an own key.", noted)
    return met(
        f"{counted(len(here), 'witness', 'witnesses')} answered the roll call; {counted(len(noted), 'deviation')} noted, with who noted it.",
        [*here, *noted],
    )


def _annotated(seen: Seen) -> Found:
    files = [path for path in (bundle.SCRIPT, bundle.REPORT) if seen.there(path)]
    if not seen.closed or bundle.SCRIPT not in files:
        return not_met("The log has not ended, or there is no script.", files=files)
    return met(
        "The script is in the folder, and the log gives the time of the begin and end of each step.",
        seen.of("begin", "end"),
        files,
    )


def _image(seen: Seen) -> Found:
    return not_met(_IMAGE, seen.of("open"))


def _read_aloud(seen: Seen) -> Found:
    compared = seen.of("compared")
    last = {facts(r.body).text("what"): r for r in compared}
    bad = [what for what, r in last.items() if r.body.get("same") is not True or len(set(facts(r.body).texts("by"))) < 2]
    if bad or not compared:
        return not_met(f"Two people did not hear the same for {listed(bad)}." if bad else "No digest was read aloud.", compared)
    return met(f"Shown as hex and words, read aloud, and heard the same by two people: {counted(len(last), 'digest')}.", compared)


def _marked(seen: Seen) -> Found:
    mode = seen.opened.text("mode")
    if mode not in set(Mode):
        return not_met("The first record does not say whether this is a practice.", seen.of("open"))
    stood_in = seen.of("substitution")
    if mode == Mode.PRODUCTION and stood_in:
        return not_met(
            "The first record says production, and something stood in for the real thing.", [*seen.of("open"), *stood_in]
        )
    return met(
        f"The first record says {mode}; it tells of {counted(len(stood_in), 'substitution')}.", [*seen.of("open"), *stood_in]
    )


def _one_record(seen: Seen) -> Found:
    if not seen.closed or not seen.there(bundle.MANIFEST):
        return not_met("The log has not ended, or there is no manifest.")
    return met(
        "There is one log, which has ended, and one manifest of all files.", seen.of("close"), [bundle.LOG, bundle.MANIFEST]
    )


def _attested(seen: Seen) -> Found:
    root = seen.root_plan
    yubikeys = {serial: r for serial, r in seen.devices.items() if facts(r.body).text("kind") == "yubikey"}
    keys = [key.text("serial") for key in seen.new_roots if key.text("serial") in yubikeys]
    if not keys or (root is not None and root.custody is Custody.IMPORTED):
        return not_applicable("No root key was made on a YubiKey in this ceremony, and nothing else attests its keys.")
    about = seen.by_serial("attested")
    bare = [serial for serial in keys if serial not in about]
    records = [record for serial in dict.fromkeys(keys) for record in about.get(serial, ())]
    if bare:
        return not_met(f"No record tells that the attestation of {listed(bare)} was verified.", records)
    paths = [bundle.token_evidence(serial, bundle.ATTESTATION) for serial in keys]
    return met(
        f"Attestations were verified, and are in the folder, of {counted(len(keys), 'YubiKey')}.",
        records,
        filter(seen.there, paths),
    )


def _filmed(seen: Seen) -> Found:
    return outside(
        "Photos and streams are outside the folder; the log has the numbers of bags as people told them.", seen.of(KIND)
    )


ROWS = (
    Row("16a", _IANA, "A witness is there, and what deviates is recorded", _witness),
    Row("16b", _IANA, "The script is published with notes of what was done when", _annotated),
    Row("16c", _IANA, "Films of the ceremony are published", always_outside("Films are outside the folder.")),
    Row("16d", _IANA, "The image of the system that was used is published, with its digest", _image),
    Row("16e", _IANA, "Digests are shown as hex and words, and read aloud", _read_aloud),
    Row("17a", _JUICEBOX, "Practice and production are marked apart", _marked),
    Row("17b", _JUICEBOX, "There is one official record", _one_record),
    Row("17c", _JUICEBOX, "A deviation says what was expected, what happened, and what was decided", shared.deviations),
    Row("17d", _JUICEBOX, "Each person signs off, or says why not", shared.sign_off),
    Row(
        "17e", _JUICEBOX, "Everybody sees the clock",
        always_outside("This program shows the time on each screen; who could see it, no log can show."),
    ),
    Row("18a", _PSF, "Steps are done in their order, and tedious ones by a program", shared.procedure_kept),
    Row("18b", _PSF, "Attestations are verified", when_made(_attested)),
    Row(
        "18c", _PSF, "Photos, a live stream, and bags that show tampering",
        _filmed,
    ),
    Row("18d", _PSF, "Somebody independent signs what they saw", shared.independent),
)  # fmt: skip
