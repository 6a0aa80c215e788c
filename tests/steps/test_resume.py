# SPDX-License-Identifier: Apache-2.0
"""Killed at any act, a ceremony is resumed to a folder that audits, and no key is lost.

An act is whatever leaves a trace outside the process, so these are all the places
where a power cut can make a difference.
"""

from __future__ import annotations

import random

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.keys import Algorithm, Scheme
from ceremony.core.log import recover
from ceremony.core.plan import KeyPlan, Source
from ceremony.errors import ExitCode, Stopped, StorageError, VerificationError
from ceremony.steps.access import unlocked
from ceremony.steps.room import sha256
from ceremony.steps.root_keys import own_key
from ceremony.steps.signing import sign_all
from tests.fakes.folder import FakeMedia, fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume, deaths
from tests.fakes.room import TEAM, Ceremony, plan, repository, server_request
from tests.fakes.token import fake_rack

NAMES = ("docker.io/acme/app", "reg.example:5000/tools/cli")


def mortal(fate: Fate) -> Ceremony:
    media = FakeMedia({role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")})
    rack = MortalRack(fate, fake_rack("root-a"))
    return Ceremony(plan=plan(*(repository(name) for name in NAMES)), folder=MortalFolder(fate), media=media, rack=rack)


def acts_of_a_whole_ceremony() -> Fate:
    fate = Fate()
    assert mortal(fate).hold() is ExitCode.DONE
    return fate


def resume_to_the_end(ceremony: Ceremony, place: str) -> None:
    assert ceremony.resume() is ExitCode.DONE, place
    bad = [f for f in audit(ceremony.folder).findings if f.level is not Level.OK]
    assert bad == [], place
    assert len(ceremony.rack.devices["root-a"].keys) == 1, place


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_is_resumed_after_a_kill_at_any_act(when):
    whole = acts_of_a_whole_ceremony()
    for act in deaths(whole.trace.index("append ceremony.jsonl") + 1, whole.acts, when):
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(act, when)
        place = f"killed {when} act {act}: {whole.trace[act]}"
        try:
            ceremony.hold()
        except Killed:
            fate.live()
            resume_to_the_end(ceremony, place)
        else:
            assert when == "within", place  # acts on a token have no middle


@pytest.mark.parametrize(
    ("what", "when"),
    [
        pytest.param("append ceremony.jsonl", "after", id="the inputs are written, and not recorded"),
        pytest.param("write heads/0005.txt", "within", id="the last head is torn"),
        pytest.param("write heads/0005.txt", "after", id="the last head is written, and nobody has signed it"),
        pytest.param("write MANIFEST.sha256", "within", id="the manifest is torn"),
    ],
)
def test_what_was_written_is_kept_or_finished_and_never_lost(what, when):
    """Some of the places of the test above, by their names."""
    fate = Fate()
    ceremony = mortal(fate)
    fate.die_at(acts_of_a_whole_ceremony().trace.index(what), when)
    with pytest.raises(Killed):
        ceremony.hold()
    before = dict(ceremony.folder.files)
    fate.live()
    resume_to_the_end(ceremony, what)
    assert [path for path, data in before.items() if not ceremony.folder.files.get(path, b"").startswith(data)] == []


def test_is_resumed_after_being_killed_again_and_again_while_it_is_resumed():
    """Seven lives: each is killed at an act that a fixed chance picks, until the ceremony ends."""
    chance = random.Random(20261119)
    for _ in range(60):
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(chance.randrange(12, 200), chance.choice(["before", "within", "after"]))
        place = []
        hold = ceremony.hold
        for _ in range(6):
            try:
                hold()
            except Killed as end:
                place.append(f"{fate.when} {end}")
                fate.die_at(fate.acts + chance.randrange(60), chance.choice(["before", "within", "after"]))
                hold = ceremony.resume
            else:
                break
        fate.live()
        resume_to_the_end(ceremony, str(place))


def test_signatures_that_would_come_out_otherwise_are_not_made_again():
    def ceremony(fate: Fate) -> Ceremony:
        made = mortal(fate)
        rsa = KeyPlan(Source.GENERATE, algorithm=Algorithm.RSA_3072, deliver_to=TEAM)
        made.plan = plan(repository(NAMES[0], targets=rsa))
        made.request = server_request([NAMES[0]])
        return made

    whole = Fate()
    assert ceremony(whole).hold() is ExitCode.DONE
    fate = Fate()
    resumed = ceremony(fate)
    fate.die_at(whole.trace.index(f"write bundle/tuf/{NAMES[0]}/metadata/targets.json") + 1, "after")
    with pytest.raises(Killed):
        resumed.hold()
    fate.live()
    resume_to_the_end(resumed, "after the metadata was recorded")


def test_what_was_never_begun_cannot_be_resumed():
    fate = Fate()
    ceremony = mortal(fate)
    fate.die_at(0, "after")
    with pytest.raises(Killed):
        ceremony.hold()
    with pytest.raises(StorageError, match="holds no ceremony that was begun"):
        ceremony.resume()


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(lambda torn: torn, id="set aside already"),
        pytest.param(lambda torn: torn[:5], id="torn while it was set aside"),
    ],
)
def test_a_crash_while_a_torn_tail_was_set_aside_is_survived_too(there):
    ceremony = mortal(Fate())
    ceremony.operator.stop_at = "generate:root-a"
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.stop_at = ""
    torn = b'{"actor":"cere'
    entries = len(ceremony.folder.files[LOG].splitlines())
    ceremony.folder.files[LOG] += torn
    path = f"evidence/set-aside/torn-{entries:05}-{sha256(torn)[:16]}"
    ceremony.folder.files[path] = there(torn)
    resume_to_the_end(ceremony, path)
    assert ceremony.folder.files[path] == torn
    assert "was torn, and was set aside" in "".join(ceremony.operator.told)


def test_a_batch_that_was_recorded_over_other_messages_is_never_taken():
    ceremony = Ceremony()
    ceremony.hold()
    room = ceremony.room()
    log = ceremony.folder.files[LOG]
    room.journal.replay(recover(log), log)
    token = unlocked(room, "root-a")
    with pytest.raises(VerificationError, match=r"sign-root .*: was over other messages"):
        sign_all(
            room, token, own_key(room, token), Scheme.ECDSA_SHA256, action="sign-root", count=1, message=lambda _: b"another"
        )
