# SPDX-License-Identifier: Apache-2.0
"""A rotation that is killed at any act is resumed to a folder that audits, with one key on each new token."""

from __future__ import annotations

import copy

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.errors import ExitCode
from tests.fakes.fleet import APP, CLI, TEAM, World, changing_plan
from tests.fakes.folder import FakeMedia, fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume
from tests.fakes.room import fast_seal  # noqa: F401 - a fixture for every test here

DAYS = {"root": "2035-06-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z"}
NEW = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-x"], "threshold": 2, "custody": "token-only"}


def mortal(fate: Fate, world: World):
    volumes = {role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")}
    stolen = {"keys": [world.key_id(APP)], "reason": "stolen", "deliver-to": TEAM}
    ceremony = world.after(
        changing_plan("rotation", new=NEW, expires=DAYS, compromised=stolen),
        media=FakeMedia(volumes),
        rack=MortalRack(fate, copy.deepcopy(world.rack("root-x"))),
        folder=MortalFolder(fate),
    )
    ceremony.operator.answers["strike"] = "1"
    return ceremony


@pytest.mark.parametrize(("when", "offset"), [("before", 1), ("within", 2), ("after", 3)])
def test_is_resumed_wherever_it_was_killed(when, offset):
    # Every fifth act of each kind: a genesis (`test_resume`) and a recovery are killed at every one.
    world = World(APP, CLI)
    world.server.push(APP, {"1.0": "one"}, world.keys[APP])
    whole = Fate()
    assert mortal(whole, world).hold() is ExitCode.DONE
    first = next(act for act, what in enumerate(whole.trace) if what.startswith("append"))
    for act in range(first + offset, whole.acts, 5):
        fate = Fate()
        ceremony = mortal(fate, world)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        try:
            ceremony.hold()
        except Killed:
            fate.live()
            assert ceremony.resume() is ExitCode.DONE, place
            assert [f for f in audit(ceremony.folder).findings if f.level is not Level.OK] == [], place
            assert [len(device.keys) for device in ceremony.rack.devices.values()] == [1, 1], place
        else:
            assert when == "within", place  # acts on a token have no middle
