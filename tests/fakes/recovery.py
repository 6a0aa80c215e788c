# SPDX-License-Identifier: Apache-2.0
"""A recovery in memory, after a genesis in memory: its plan, its media with an old volume among them, its people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ceremony.core import backup, bundle
from ceremony.core.bundle import LOG
from ceremony.core.dialects import get
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import BackupPlan, Custody, Mode, Person, Plan, Role, RootPlan
from ceremony.core.plan_reader import read_plan
from ceremony.core.ports import MediumIdentity
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.host import CountingEntropy
from tests.fakes.operator import ScriptedOperator
from tests.fakes.plans import sourced
from tests.fakes.room import CEREMONY, PEOPLE, Ceremony, plan, repository
from tests.fakes.token import fake_rack

APP, CLI = "docker.io/acme/app", "reg.example:5000/tools/cli"
OLD = f"ceremony-{CEREMONY}"
"""The folder on a volume of the ceremony before."""
LATER, LATEST = "c1" * 16, "c2" * 16
"""The ids of a recovery, and of one after it."""
SHARES = BackupPlan("shares", 2, 3)
KEEPERS = tuple(Person(name, Role.CUSTODIAN, "Acme", "") for name in ("Carla", "Cem", "Chen"))


def held(*tokens: str, custody: Custody = Custody.TOKEN_WRAPPED, protect: BackupPlan | None = None, **more: Any) -> Ceremony:
    """Return a genesis that was held: two repositories, a root key on each token."""
    root = RootPlan(more.pop("algorithm", Algorithm.ECDSA_P256), tokens or ("root-a",), 1, custody)
    made = plan(repository(APP), repository(CLI), root=root)
    if protect is not None:
        made = sourced(replace(made, backup=protect, people=(*made.people, *KEEPERS)))
    genesis = Ceremony(plan=made, **more)
    assert genesis.hold() is ExitCode.DONE
    return genesis


def production_media() -> dict[str, FakeVolume]:
    """Return three media that are no folders."""
    return {role: FakeVolume(fake_identity(f"P{role}", folder=False)) for role in ("a", "b", "courier")}


def held_in_production() -> Ceremony:
    """Return a genesis that was held in production."""
    return held(mode=Mode.PRODUCTION, media=FakeMedia(production_media()), rack=fake_rack("root-a", software=False))


def recovery_plan(
    *tokens: str, trusted_root: str = "", backup: BackupPlan | None = None, people: Sequence[Person] = PEOPLE
) -> Plan:
    """Return the plan of a recovery to these tokens, as it is read from its source."""
    protect = backup or BackupPlan("passphrase")
    lines = [
        *("schema = 1", 'name = "acme-recovery"', 'kind = "recovery"', 'dialect = "notary"', 'facility = "vault"'),
        'previous = "first"',
        *([f"trusted-root = {json.dumps(trusted_root)}"] if trusted_root else []),
        *("[root]", f"tokens = {json.dumps(list(tokens or ['new-a']))}"),
        *("[backup]", f"protect = {json.dumps(protect.protect)}"),
        *([f"shares = {{ needed = {protect.needed}, total = {protect.total} }}"] if protect.protect == "shares" else []),
    ]
    for person in (*people, *(KEEPERS if protect.protect == "shares" else ())):
        independent = str(person.independent).lower()
        lines += ["[[people]]", f"name = {json.dumps(person.name)}", f"role = {json.dumps(person.role)}"]
        lines += [f"organisation = {json.dumps(person.organisation)}", f"independent = {independent}", f'key = "{person.key}"']
    lines += ["[close]", "quorum = { security-officer = 1, witness = 1 }", ""]
    return read_plan("\n".join(lines).encode(), {})


def publics(ceremony: Ceremony) -> dict[str, PublicKey]:
    """Return token name → the public half of the one key on it."""
    slots = {
        n: [s.private.public for s in d.card.slots.values()] for n, d in ceremony.rack.devices.items() if d.kind == "yubikey"
    }
    return {n: (*slots.get(n, []), *(key.shown.public for key in d.keys))[0] for n, d in ceremony.rack.devices.items()}


def key_ids(genesis: Ceremony) -> str:
    """Return the key ids of the root keys that a genesis made, as a plan's `trusted-root`."""
    return " ".join(map(get(genesis.plan.dialect).key_id, publics(genesis).values()))


def old_volumes(genesis: Ceremony, *roles: str) -> list[FakeVolume]:
    """Return copies of a genesis's volumes, as they are found years later."""
    found = [genesis.media.volumes[role] for role in roles or ("a",)]
    return [FakeVolume(fake_identity(f"old-{v.identity.serial}"), v.files) for v in found]


class OldMedia(FakeMedia):
    """The media of a recovery: its own three, and old volumes."""

    def __init__(self, *old: FakeVolume, volumes: Mapping[str, FakeVolume] | None = None) -> None:
        super().__init__(volumes)
        self.old = list(old)

    def candidates(self, role: str) -> Sequence[MediumIdentity]:
        return [volume.identity for volume in self.old] if role == "old" else super().candidates(role)

    def open(self, role: str, identity: MediumIdentity) -> FakeVolume:
        if role != "old":
            return super().open(role, identity)
        volume = next(volume for volume in self.old if volume.identity.serial == identity.serial)
        volume.opened()
        return volume


def known_secrets(genesis: Ceremony) -> dict[str, str]:
    """Return what the people of a ceremony wrote down, by the questions of a recovery."""
    return {f"old-{key}": text for key, text in genesis.operator.shown.items() if key == "passphrase" or key.startswith("share:")}


def after(genesis: Ceremony, made: Plan | None = None, *, old: Sequence[FakeVolume] | None = None, **more: Any) -> Ceremony:
    """Return a recovery of a ceremony that was held: one old volume, fresh tokens, the papers of its people."""
    made = made or recovery_plan(trusted_root=key_ids(genesis))
    settings: dict[str, Any] = {
        "media": OldMedia(*(old_volumes(genesis) if old is None else old)),
        "entropy": CountingEntropy("later"),
        "operator": ScriptedOperator(secrets=known_secrets(genesis)),
        "ceremony": LATER,
        "request": {},
    }
    return Ceremony(plan=made, **{**settings, **more})


def after_production(genesis: Ceremony, trusted_root: str) -> Ceremony:
    """Return the recovery of a production in a production."""
    media = OldMedia(*old_volumes(genesis), volumes=production_media())
    recovery = after(genesis, recovery_plan("new-a"), media=media, rack=fake_rack("new-a", software=False))
    recovery.mode = Mode.PRODUCTION
    recovery.plan = recovery_plan("new-a", trusted_root=trusted_root, people=recovery.people)
    return recovery


def stops(recovery: Ceremony, kind: type[Exception], match: str, step: str = "open-backup") -> None:
    """Hold a recovery whose people stop at the first error of a step; nothing came to a token."""
    recovery.operator.answers[f"error:{step}"] = "stop"
    with pytest.raises(kind, match=match):
        recovery.hold()
    assert not any(device.keys for device in recovery.rack.devices.values())


# --- old volumes that are not as they were ------------------------------------------------


def root_path(genesis: Ceremony, name: str = "root-a") -> str:
    """Return the path of the backup of a token's root key."""
    return bundle.root_backup(genesis.rack.devices[name].serial)


def flip(data: bytes) -> bytes:
    """Return bytes with their last bit turned."""
    return data[:-1] + bytes([data[-1] ^ 1])


def spoil(genesis: Ceremony, path: str, how: Callable[[bytes], bytes]) -> FakeVolume:
    """Return an old volume with one file changed."""
    (old,) = old_volumes(genesis)
    old.files[f"{OLD}/{path}"] = how(old.files[f"{OLD}/{path}"])
    return old


def swap(genesis: Ceremony, path: str, data: bytes) -> FakeVolume:
    """Return an old volume on which somebody put another file, and wrote its digest into the log."""
    old = spoil(genesis, path, lambda _: data)
    was = genesis.media.volumes["a"].files[f"{OLD}/{path}"]
    log = old.files[f"{OLD}/{LOG}"]
    old.files[f"{OLD}/{LOG}"] = forge(log, hashlib.sha256(was).hexdigest(), hashlib.sha256(data).hexdigest())
    return old


def forge(log: bytes, was: str, is_: str) -> bytes:
    """Return a log with a text replaced, chained anew."""
    lines: list[bytes] = []
    for line in log.splitlines():
        record = json.loads(line.decode().replace(was, is_))
        record["prev"] = hashlib.sha256(lines[-1]).hexdigest() if lines else record["prev"]
        lines.append(json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    return b"".join(lines)


def protector(genesis: Ceremony) -> tuple[Secret, str]:
    """Return the old identity and its recipient."""
    sealed = genesis.media.volumes["a"].files[f"{OLD}/{bundle.IDENTITY}"]
    identity = backup.open_identity(sealed, Secret(genesis.operator.shown["passphrase"]))
    return identity, backup.recipient_of(identity)
