# SPDX-License-Identifier: Apache-2.0
"""PEP 458, the TUF specification, Docker Content Trust with Notary, and Sigstore: rows 19 to 22."""

from __future__ import annotations

from datetime import datetime

from ceremony.core import bundle
from ceremony.core.chronicle.facts import facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met, when_made
from ceremony.core.clauses.seen import Seen, listed, passed, present
from ceremony.core.clauses.values import Holds
from ceremony.core.plan import Custody, Kind

_PEP, _TUF, _DOCKER, _SIGSTORE = "PEP 458", "TUF 1.0.34", "Docker content trust, Notary best practices", "Sigstore root-signing"
_SIGSTORE_KEYS, _SIGSTORE_THRESHOLD, _SIGSTORE_DAYS = 5, 3, 197
_EVIDENCE = ("public.pem", bundle.ATTESTATION, bundle.DEVICE)


def _random(seen: Seen) -> Found:
    entropy = seen.check("entropy")
    if not passed(entropy):
        return not_met("This computer's generator of random numbers was not found ready.", present([entropy]))
    return met(
        "This computer's generator was found ready; a key that a token makes rests on the token's own.", present([entropy])
    )


def _in_memory(seen: Seen) -> Found:
    looked = {name: seen.check(name) for name in ("swap", "core dumps", "memory")}
    bad = [name for name, record in looked.items() if not passed(record)]
    if bad:
        return not_met(f"These did not pass, or were not looked at: {listed(bad)}.", present(looked.values()))
    why = "There was no swap, no dump of memory, and this program's memory was locked."
    return met(why, present(looked.values()))


def _digests(seen: Seen) -> Found:
    files = seen.under("bundle/tuf/")
    if not seen.signs:
        return not_applicable("A recovery makes no metadata.")
    if not files or not seen.of("agreed"):
        return not_met("No metadata is recorded, or nobody agreed to it.", files=files)
    why = f"The digests of all metadata ({counted(len(files), 'file')}) are in the log."
    return met(why, [*seen.of("agreed"), *seen.naming(files)], files)


def _threshold(seen: Seen) -> Found:
    root = seen.root_plan
    if root is None:
        why = "The plan leaves the threshold as it is published." if seen.plan else "There is no plan that can be read."
        return not_applicable(why) if seen.plan else not_met(why)
    if root.threshold < 2:
        return not_met(f"One key of {len(root.tokens)} is enough to sign a root.", files=[bundle.PLAN])
    return met(f"{root.threshold} of {len(root.tokens)} keys sign a root.", files=[bundle.PLAN])


def _judged(seen: Seen) -> Found:
    if not seen.signs:
        return not_applicable("A recovery signs no metadata.")
    last = max((r.seq for r in seen.acts("sign-root")), default=None)
    verified = [r for r in seen.of("verified") if passed(r) and last is not None and r.seq > last]
    if not verified:
        return not_met("No record tells that the metadata was judged after it was signed.", seen.acts("sign-root"))
    count = facts(verified[-1].body).count("signatures")
    why = f"All signatures ({count}) were judged again after the last was made."
    return met(why, [*seen.acts("sign-root"), *verified])


def _distinct(seen: Seen) -> Found:
    ids = [key.text("spki") for key in seen.roots]
    if not ids or not all(ids) or len(set(ids)) != len(ids):
        return not_met("No root key is recorded, or one is recorded twice.", seen.steps("root-keys", "restore", "tokens"))
    return met(f"{counted(len(ids), 'root key')}, no two of them the same.", seen.steps("root-keys", "restore", "tokens"))


def _old_and_new(seen: Seen) -> Found:
    if seen.kind in (Kind.GENESIS, Kind.RECOVERY):
        return not_applicable("No root follows another in this ceremony.")
    if seen.kind not in set(Kind):
        return not_met("The first record does not say what the ceremony is for.")
    acts = seen.acts("sign-root")
    used = {facts(r.body).text("key").partition("/")[0] for r in acts}
    idle = [key.text("serial") for key in seen.roots if key.text("serial") not in used]
    if idle or not seen.roots:
        return not_met(f"These keys signed no root: {listed(idle)}." if idle else "No root key is recorded.", acts)
    found = _judged(seen)
    return (
        met(f"Every key ({len(seen.roots)}), those before and those from now on, signed. {found.why}", acts)
        if found.finding is Holds.MET
        else found
    )


def _backed_up(seen: Seen) -> Found:
    root = seen.root_plan
    if root is not None and root.custody is Custody.TOKEN_ONLY and not seen.root_backed_up:
        return not_met("No backup of a root key exists by the plan; other tokens sign while as many as the threshold are left.")
    if not seen.makes_root and not seen.root_backed_up:
        return not_applicable("No root key was made in this ceremony, and none was backed up.")
    if not seen.root_backed_up:
        return not_met("No backup of a root key is recorded on both volumes.")
    return shared.restored(seen)


def _keyholders(seen: Seen) -> Found:
    root = seen.root_plan
    if root is None:
        return not_applicable("The plan leaves the root keys as they are published, or there is none that can be read.")
    said = f"The plan has {root.threshold} of {len(root.tokens)}; it is Sigstore's choice, and no rule."
    enough = len(root.tokens) >= _SIGSTORE_KEYS and root.threshold >= _SIGSTORE_THRESHOLD
    return met(said, files=[bundle.PLAN]) if enough else not_met(said, files=[bundle.PLAN])


def _per_serial(seen: Seen) -> Found:
    wanted = [bundle.token_evidence(key.text("serial"), name) for key in seen.new_roots for name in _EVIDENCE]
    missing = [path for path in wanted if not seen.there(path)]
    if missing or not wanted:
        return not_met(
            f"Of the files that attest each root key ({len(wanted)}) some are not there: {len(missing)}.",
            files=filter(seen.there, wanted),
        )
    return met(
        f"Public key, attestation and device certificate are there of {counted(len(seen.new_roots), 'token')}.",
        seen.naming(wanted),
        wanted,
    )


def _short_lived(seen: Seen) -> Found:
    plan, begun = seen.plan, _time(seen.opened.text("utc"))
    if plan is None or begun is None:
        return not_met("There is no plan that can be read, or no time of the first record.")
    if plan.change is not None and "root" not in plan.change.expires:
        return not_applicable("The plan leaves it as it is published when a root expires.")
    until = plan.change.expires["root"] if plan.change is not None else plan.expires.root
    days = (until - begun).days
    said = f"The root runs for {days} days, as the plan says; it is Sigstore's choice, and no rule."
    return met(said, files=[bundle.PLAN]) if days <= _SIGSTORE_DAYS else not_met(said, files=[bundle.PLAN])


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


ROWS = (
    Row("19a", _PEP, "The ceremony is held offline, on a computer that is cut off", shared.cut_off),
    Row("19b", _PEP, "The generator of random numbers is ready", _random),
    Row(
        "19c", _PEP, "Random numbers are true ones",
        always_outside("Where a generator has its noise from, no log can show; secrets and shares come from this computer's."),
    ),
    Row("19d", _PEP, "Memory goes to no disk", _in_memory),
    Row(
        "19e", _PEP, "Nothing stays on the computer",
        always_outside("What a disk held, and that it was destroyed or never there, no log can show."),
    ),
    Row("19f", _PEP, "Digests of new metadata are kept", _digests),
    Row("19g", _PEP, "They are printed", always_outside("Paper is outside the folder.")),
    Row("19h", _PEP, "More than one key signs a root", _threshold),
    Row("20a", _TUF, "Root keys are used offline", shared.cut_off),
    Row(
        "20b", _TUF, "Root keys are kept offline",
        always_outside("Where tokens and volumes are between ceremonies, no log can show."),
    ),
    Row("20c", _TUF, "Metadata verifies against its threshold", _judged),
    Row("20d", _TUF, "Each signature counts for one key", _distinct),
    Row("20e", _TUF, "A new root is signed by the keys before it and by its own", _old_and_new),
    Row("21a", _DOCKER, "The root key is backed up", _backed_up),
    Row(
        "21b", _DOCKER, "A copy on paper is in a vault",
        always_outside("What is on paper, and where it is kept, is outside the folder."),
    ),
    Row(
        "21c", _DOCKER, "No copy of the key is left by Notary",
        always_outside("Notary leaves an encrypted copy of each root key that it makes or imports; look in ~/.docker/trust and ~/.notary."),
    ),
    Row("22a", _SIGSTORE, "Five people hold keys, of which three sign", _keyholders),
    Row("22b", _SIGSTORE, "Attestation is kept by the serial of each device", when_made(_per_serial)),
    Row("22c", _SIGSTORE, "A root runs for about half a year", _short_lived),
)  # fmt: skip
