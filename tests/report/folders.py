# SPDX-License-Identifier: Apache-2.0
"""Finished ceremony folders of every kind, held in memory: path → bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import pytest

from ceremony.core import software_key
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, KeyPlan, Mode, RootPlan, Source
from ceremony.core.ports import Deviation
from ceremony.errors import ExitCode
from tests.fakes import recovery, room
from tests.fakes.fleet import APP, CLI, GENERATE, TEAM, World, changing_plan
from tests.fakes.folder import FakeMedia
from tests.fakes.operator import ScriptedOperator
from tests.fakes.piv import yubikey
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import FakeRack, fake_rack

Files = Mapping[str, bytes]
VENDOR = software_key.make(Algorithm.ECDSA_P256).public
LATE = "2040-01-01T00:00:00Z"


def genesis() -> Ceremony:
    """Return a practice genesis: two wrapped root keys, four repositories, one of which its team signs."""
    names = [repository(f"docker.io/acme/{name}") for name in ("app", "web", "tools")]
    names.append(repository("docker.io/acme/vendor", targets=KeyPlan(Source.FILE, path="vendor.pem")))
    root = RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b"), 1, Custody.TOKEN_WRAPPED)
    return finished(Ceremony(plan=plan(*names, root=root, files={"vendor.pem": VENDOR.pem})))


def on_yubikeys() -> Ceremony:
    """Return a genesis on two YubiKeys, whose root keys are attested."""
    devices = yubikey("root-a"), yubikey("root-b")
    root = RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b"), 1, Custody.TOKEN_ONLY)
    return finished(Ceremony(plan=plan(repository(APP), root=root), rack=FakeRack(*devices)))


def production() -> Ceremony:
    """Return a genesis in production, on a token that two people claim is hardware."""
    media = FakeMedia(recovery.production_media())
    rack = fake_rack("root-a", software=False)
    return finished(Ceremony(plan=plan(repository(APP), repository(CLI)), mode=Mode.PRODUCTION, media=media, rack=rack))


def imported() -> Ceremony:
    """Return a genesis whose root keys were made on the host."""
    root = RootPlan(Algorithm.ECDSA_P256, ("root-a",), 1, Custody.IMPORTED)
    return finished(Ceremony(plan=plan(repository(APP), root=root)))


def renewal() -> Ceremony:
    """Return a renewal of the root's days."""
    return finished(World().after(changing_plan("renewal", expires={"root": "2035-06-01T00:00:00Z"}, backed_up=False)))


def rotation() -> Ceremony:
    """Return a rotation after a targets key was stolen; a tag that it set is struck out."""
    world = World()
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    world.server.push(APP, {"1.0": "one", "evil": "two"}, world.keys[APP])
    stolen = {"keys": [world.key_id(APP)], "reason": "laptop stolen", "deliver-to": TEAM, "last-good": 2}
    made = changing_plan("rotation", compromised=stolen, repositories=[{"name": APP, "targets": GENERATE}])
    return finished(world.after(made, operator=ScriptedOperator(answers={"strike": "1"})))


def root_rotation() -> Ceremony:
    """Return a rotation of the root to new tokens."""
    new = {"algorithm": "ecdsa-p256", "tokens": ["root-x", "root-y"], "threshold": 1, "custody": "token-only"}
    made = changing_plan("rotation", new=new, expires={"root": LATE, "certificate": LATE}, backed_up=False)
    return finished(World().after(made, "root-x", "root-y"))


def recovered() -> Ceremony:
    """Return a recovery whose secret is split into shares."""
    first = recovery.held()
    made = recovery.recovery_plan(trusted_root=recovery.key_ids(first), backup=recovery.SHARES)
    return finished(recovery.after(first, made))


def deviated() -> Ceremony:
    """Return a genesis in which people noted a deviation."""
    said = Deviation("volume B in the left port", "it was in the right one", "moved it, and went on", "Wim")
    return finished(Ceremony(operator=ScriptedOperator(deviations=[said])))


def finished(ceremony: Ceremony) -> Ceremony:
    """Hold a ceremony to its end."""
    assert ceremony.hold() is ExitCode.DONE
    return ceremony


KINDS: Mapping[str, Callable[[], Ceremony]] = {
    made.__name__: made
    for made in (genesis, on_yubikeys, production, imported, renewal, rotation, root_rotation, recovered, deviated)
}


@lru_cache(maxsize=16)
def held(kind: str) -> Files:
    """Return the files of a finished ceremony."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        return dict(KINDS[kind]().folder.files)
