# SPDX-License-Identifier: Apache-2.0
"""What a log and the names of a folder's files show, as the rows ask for it.

Anybody could have written them: a member that is missing or of another type reads
as nothing, and nothing here raises. A file counts when it is there and a record
names it, or is one of those that follow the log's last line; that it is what was
recorded, and that signatures hold, is what `core.audit` decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ceremony.core import bundle, claims
from ceremony.core.chronicle.facts import Facts, as_text, facts
from ceremony.core.past import Past
from ceremony.core.plan import Kind, Plan, RootPlan
from ceremony.core.procedure import keeps_backups
from ceremony.core.record import Outcome, Record

MADE = ("generate-key", "import-key")
"""The acts by which a new root key comes to a token."""
BY_KEY = "key"
"""How somebody answered the roll call who signed the challenge."""
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """A log, the names of the folder's files, and the plan where there is one."""

    past: Past
    records: Sequence[Record]
    plan: Plan | None
    names: frozenset[str]
    kinds: Mapping[str, Sequence[Record]]
    devices: Mapping[str, Record]
    """Serial → what was last recorded of each token."""
    signed: Mapping[str, str]
    """Name → file, of the people of the first record whose signature over the last head is in the folder; none before the close."""

    @property
    def opened(self) -> Facts:
        """The body of the first record."""
        return facts(self.past.opened)

    @property
    def kind(self) -> str:
        """What the ceremony is for, as its first record says."""
        return self.opened.inner("plan").text("kind")

    @property
    def closed(self) -> bool:
        """Whether the last record ends the log, says what such a record says, and no act is open."""
        return self.past.closed and self.records[-1].kind == "close" and not self.past.open_intents

    def of(self, *kinds: str) -> list[Record]:
        """Return the records of some kinds, in their order."""
        return sorted((record for kind in kinds for record in self.kinds.get(kind, ())), key=lambda record: record.seq)

    def acts(self, *actions: str) -> list[Record]:
        """Return the results of some acts that came out well."""
        return [r for r in self.of("result") if r.outcome is Outcome.OK and facts(r.body).text("action") in actions]

    def intents(self, *actions: str) -> list[Record]:
        """Return the intents of some acts."""
        return [r for r in self.of("intent") if facts(r.body).text("action") in actions]

    def steps(self, *names: str, kind: str = "end") -> list[Record]:
        """Return the records that end some steps."""
        return [record for record in self.of(kind) if record.step in names]

    def made(self, step: str) -> Facts:
        """Return what a step made."""
        return facts(self.past.ended.get(step))

    def check(self, name: str) -> Record | None:
        """Return how a check of the machine last came out; None when it was not made."""
        return next((r for r in reversed(self.of("check")) if facts(r.body).text("name") == name), None)

    def there(self, path: str) -> bool:
        """Whether a file is in the folder, and is one that the log accounts for."""
        follows = path in (bundle.LOG, bundle.MANIFEST, bundle.REPORT) or bundle.head_number(path) or bundle.signed_head(path)[0]
        return path in self.names and (path in self.past.files or bool(follows))

    def under(self, *places: str) -> list[str]:
        """Return the files in some places: paths, or their beginnings."""
        return sorted(path for path in self.names if path.startswith(places) and self.there(path))

    def naming(self, paths: Collection[str]) -> list[Record]:
        """Return the records that name any of these files."""
        return [r for r in self.of("files") if not facts(r.body).inner("files").value.keys().isdisjoint(paths)]

    @property
    def people(self) -> Sequence[Facts]:
        """The people of the first record."""
        return [facts(person) for person in self.opened.items("people")]

    @property
    def answered(self) -> Mapping[str, Record]:
        """Name → record, of the people of the first record who last answered the roll call with their own key."""
        last = {facts(r.body).text("name"): r for r in self.of("roll-call")}
        named = {person.text("name") for person in self.people if person.text("name")}
        return {
            name: record
            for name, record in last.items()
            if name in named and record.outcome is Outcome.OK and facts(record.body).text("how") == BY_KEY
        }

    @property
    def heads(self) -> list[str]:
        """The head statements that records name."""
        return [path for path in self.under("heads/") if bundle.head_number(path) and path in self.past.files]

    def signatures(self) -> Mapping[str, str]:
        """Return what `signed` holds."""
        number = 1 + bundle.highest_head(self.past.files)
        if not self.closed or not self.there(bundle.head(number)):
            return {}
        paths = {p.text("name"): bundle.head_signature(number, p.text("name")) for p in self.people if p.text("name")}
        return {name: path for name, path in paths.items() if self.there(path)}

    @property
    def makes_root(self) -> bool:
        """Whether new root keys come to tokens here, or were to."""
        if self.intents(*MADE):
            return True
        if self.plan is not None:
            return self.plan.kind is not Kind.RECOVERY and bool(self.plan.key_tokens)
        return self.kind not in (Kind.RENEWAL, Kind.RECOVERY)

    @property
    def signs(self) -> bool:
        """Whether root keys sign metadata here, or were to."""
        return self.kind != Kind.RECOVERY or bool(self.intents("sign-root"))

    @property
    def backs_up(self) -> bool:
        """Whether anything is kept on the volumes under a secret, or was to be."""
        if self.intents("write-volumes"):
            return True
        return keeps_backups(self.plan) if self.plan is not None else not self.closed

    @property
    def root_backed_up(self) -> bool:
        """Whether a volume holds a root key, under a secret."""
        return any(path.startswith("private/root") for path in self.past.written)

    @property
    def root_plan(self) -> RootPlan | None:
        """What the plan says of the root keys that the roots name from now on; None where it leaves them as they are."""
        return self.plan.root if self.plan is not None and self.plan.root.threshold else None

    @property
    def new_roots(self) -> Sequence[Facts]:
        """The root keys that came to tokens here, as their step lists them."""
        return [facts(row) for step in ("root-keys", "restore") for row in self.made(step).items("keys")]

    @property
    def roots(self) -> Sequence[Facts]:
        """All root keys of this ceremony: those, and the ones that were on their tokens before."""
        return [*self.new_roots, *(facts(row) for row in self.made("tokens").items("signing"))]

    def by_serial(self, *kinds: str) -> Mapping[str, Sequence[Record]]:
        """Return serial → the records of some kinds about that token."""
        found: defaultdict[str, list[Record]] = defaultdict(list)
        for record in self.of(*kinds):
            body = facts(record.body)
            # An attestation names its token, and says the serial; others name it by its serial.
            found[body.text("serial") or body.text("token")].append(record)
        return found

    @property
    def claimed(self) -> Mapping[str, Record]:
        """Serial → the record by which two people called a token hardware."""
        said = {facts(r.body).text("key"): r for r in self.acts(claims.ACTION)}
        return {serial: r for serial, r in said.items() if claims.claimants(r.body.get("by"))}


def see(past: Past, records: Sequence[Record], plan: Plan | None, names: Iterable[str]) -> Seen:
    """Return what a log and a folder show."""
    kinds: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        kinds[record.kind].append(record)
    devices = {serial: record for record in kinds["token"] if (serial := facts(record.body).text("serial"))}
    seen = Seen(past, records, plan, frozenset(names), kinds, devices, {})
    return replace(seen, signed=seen.signatures())


def passed(record: Record | None) -> bool:
    """Whether a check was made and came out well."""
    return record is not None and record.outcome is Outcome.OK


def short(text: object) -> str:
    """Return text that somebody recorded, cut to what a sentence takes."""
    said = text if isinstance(text, str) else as_text(None)
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def listed(texts: Iterable[str], most: int = 4) -> str:
    """Return texts in one line: the first of them, and how many more there are."""
    every = list(dict.fromkeys(texts))
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(map(short, every[:most])) + more


def present(records: Iterable[Record | None]) -> list[Record]:
    """Return the records that are there."""
    return [record for record in records if record is not None]
