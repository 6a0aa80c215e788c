# SPDX-License-Identifier: Apache-2.0
"""ETSI EN 319 411-1 and EN 319 401: rows 9 to 11. Told from a transcription, and from memory."""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.chronicle.facts import facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met, when_made
from ceremony.core.clauses.seen import Seen, listed, passed, present
from ceremony.core.plan import Role

_EN = "ETSI EN 319 411-1 V1.5.1 GEN-6.5.1-"
_DAY = 10
"""Characters of a time that are its date."""


def _documented(seen: Seen) -> Found:
    missing = [path for path in (bundle.SCRIPT, bundle.PLAN) if not seen.there(path)]
    if missing or not seen.people:
        return not_met("Plan or script is not in the folder, or the first record names nobody.")
    why = f"Plan and script name {counted(len(seen.people), 'person', 'people')}, the role of each, and who does what in every step."
    return met(why, seen.of("open"), [bundle.PLAN, bundle.SCRIPT])


def _roles(seen: Seen) -> Found:
    called = seen.of("roll-call")
    names = {facts(r.body).text("name") for r in called}
    missing = [p.text("name") for p in seen.people if p.text("name") not in names]
    if missing or not called:
        return not_met(f"Not everybody of the plan was called: {listed(missing)}." if missing else "No roll was called.", called)
    return met(f"{counted(len(called), 'answer')} to the roll call, with each person's role.", called)


def _functions(seen: Seen) -> Found:
    ends = seen.of("end")
    if not ends or not seen.there(bundle.SCRIPT):
        return not_met("No step has ended, or there is no script.", ends)
    return met(
        f"The script says who does each step; when it was done, the log tells ({counted(len(ends), 'step')}).",
        ends,
        [bundle.SCRIPT],
    )


def _evidence(seen: Seen) -> Found:
    files = seen.under("evidence/")
    if not seen.closed or not seen.there(bundle.MANIFEST):
        return not_met("The log has not ended, or there is no manifest.", files=files)
    why = f"The manifest lists {counted(len(files), 'file')} of evidence with their digests; the log ended on {seen.records[-1].utc[:_DAY]}."
    return met(why, seen.of("close"), [bundle.MANIFEST, *files])


def _identified(seen: Seen) -> Found:
    bare = [serial for serial, r in seen.devices.items() if not facts(r.body).text("model")]
    records = list(seen.devices.values())
    if bare or not records:
        return not_met(f"No model is recorded of {listed(bare)}." if bare else "No token is recorded.", records)
    return met(f"{counted(len(records), 'token')}, each with its serial, manufacturer, model and firmware.", records)


def _settings(seen: Seen) -> Found:
    made = seen.intents("generate-key", "import-key")
    bare = [r for r in made if not facts(r.body).text("algorithm")]
    entropy = seen.check("entropy")
    records = [*made, *present([entropy])]
    if bare or not made:
        return not_met("No algorithm is recorded for a key, or no key was made yet.", records)
    if not passed(entropy):
        return not_met("This computer's generator of random numbers was not found ready.", records)
    return met("Algorithm and settings of each key are recorded; random numbers came from the token, or this computer.", records)


def _report_signed(seen: Seen) -> Found:
    officers = {p.text("name") for p in seen.people if p.text("role") == Role.SECURITY_OFFICER}
    others = {p.text("name") for p in seen.people if p.flag("independent")}
    signed = seen.signed
    wanted = {"a security officer": officers, "an independent person": others}
    missing = [what for what, names in wanted.items() if not names & signed.keys()]
    if missing:
        return not_met(f"The last head is not signed by {listed(missing)}.", files=signed.values())
    why = "A security officer and an independent person signed the last head, and with it all that the log names."
    return met(why, seen.of("close"), [path for name, path in signed.items() if name in officers | others])


def _parked(seen: Seen) -> Found:
    used = {facts(r.body).text("key").partition("/")[0] for r in seen.acts("sign-root")}
    idle = [key.text("serial") for key in seen.new_roots if key.text("serial") not in used] if seen.makes_root else []
    if idle:
        return not_met(f"Root keys came to {listed(idle)} and have signed no root; nothing marks them as made for later.")
    return not_applicable(
        "No root key was made to be put to use later: each that came to a token signed a root, or none was made."
    )


def _confidential(seen: Seen) -> Found:
    private = [path for path in seen.names if path.startswith("private/")]
    if private:
        return not_met(f"By their names, private files are in the folder: {len(private)}.", files=private)
    return met(
        "No file of the folder is, by its name, private, and keys for teams are encrypted to them.", files=seen.under("deliver/")
    )


def _whole(seen: Seen) -> Found:
    if not seen.closed or not seen.signed:
        return not_met("The log has not ended, or nobody's signature over the last head is there.")
    return met(f"The log is a chain whose last head people signed: {len(seen.signed)}.", seen.of("close"), seen.signed.values())


def _time(seen: Seen) -> Found:
    clocks = seen.check("clocks")
    if not passed(clocks):
        return not_met("The computer's two clocks did not agree, or were not looked at.", present([clocks]))
    return met("The computer's two clocks agreed before the first step; each record has its time in UTC.", present([clocks]))


ROWS = (
    Row("9a", f"{_EN}11, 12", "A procedure is documented: roles, what each does in each phase, duties", _documented, checked=False),
    Row(
        "9b", f"{_EN}12", "Duties after the ceremony are documented",
        always_outside("What people are to do afterwards is told by this program at the end; whether it was done is in no record."),
        checked=False,
    ),
    Row("9c", f"{_EN}13, 13A", "The report names the roles, and who had them", _roles, checked=False),
    Row("9d", f"{_EN}13, 13A", "The report names what each role did, by phase", _functions, checked=False),
    Row("9e", f"{_EN}13, 13A", "The report names the evidence that was collected, and the date", _evidence, checked=False),
    Row("9f", f"{_EN}13A", "The report lists the keys: id, algorithm, size, fingerprint by SHA-256", shared.inventory, checked=False),
    Row("9g", f"{_EN}13A", "The report names each device's id and model", _identified, checked=False),
    Row("9h", f"{_EN}13A", "The report names algorithm and settings of the making of keys", when_made(_settings), checked=False),
    Row(
        "9i", f"{_EN}14", "The report on a root is signed by the security role and somebody independent of the management",
        _report_signed, checked=False,
    ),
    Row("10", f"{_EN}13B", "Keys made for later are marked, and judged again when they are put to use", _parked, checked=False),
    Row("11a", "ETSI EN 319 401 7.10", "Records keep their integrity", _whole, checked=False),
    Row("11b", "ETSI EN 319 401 7.10", "Records hold nothing that is secret", _confidential, checked=False),
    Row("11c", "ETSI EN 319 401 7.10", "The time of events is recorded precisely", _time, checked=False),
    Row(
        "11d", "ETSI EN 319 401 7.10", "That time is the true one",
        always_outside("A computer does not know whether its clock is right; people compared it, or a public time stamp follows."),
        checked=False,
    ),
    Row("11e", "ETSI EN 319 401 7.10", "Records are there for legal proceedings", shared.lasting, checked=False),
)  # fmt: skip
