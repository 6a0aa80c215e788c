# SPDX-License-Identifier: Apache-2.0
"""A renewal and a rotation told to people: what is published, whom stolen keys touch, what was left out."""

from __future__ import annotations

import json

import pytest

from ceremony.core.chronicle import State, overview, sentence
from ceremony.core.plan import Custody
from ceremony.errors import ExitCode
from tests.core.chronicle.records import record
from tests.fakes.fleet import APP, CLI, TEAM, WEB, World, changing_plan
from tests.fakes.room import fast_seal

__all__ = ["fast_seal"]

D = "ab" * 32


def told(ceremony) -> tuple[list[str], State]:
    state, sentences = State(), []
    for line in ceremony.operator.lines:
        entry = json.loads(line)
        state.note(entry)
        sentences.append(sentence(entry, state.names))
    return sentences, state


def test_tells_a_rotation_that_leaves_one_repository_out():
    world = World(APP, CLI, WEB, tokens=("root-a", "root-b"), custody=Custody.TOKEN_ONLY)
    world.server.push(APP, {"evil": "1"}, world.keys[APP])
    world.server.hosted[WEB].history["targets"][1] = world.server.hosted[CLI].newest("targets")
    stolen = {"keys": [world.key_id(APP), D], "reason": "stolen", "deliver-to": TEAM}
    rotation = world.after(changing_plan("rotation", compromised=stolen))
    rotation.operator.answers["strike"] = "all"
    assert rotation.hold() is ExitCode.FAILED
    sentences, state = told(rotation)
    serial, public = rotation.rack.devices["root-a"].serial, world.public_of("root-a").sha256[:16]
    text = "\n".join(sentences)
    for said in (
        "; 2 repositories verified from the trusted root on, 1 broken and left out",
        "2 stolen keys can sign for 1 role of 1 repository; 1 key among them for none; 1 tag was struck out",
        f"Token root-a (serial {serial}) holds root key {public}, which is published",
        "Everybody agreed to sign 2 files for 1 repository, 1 left out, digest ",
        "2 signatures of 1 repository verified",
    ):
        assert said in text, text
    sections = {section.title: dict(section.lines) for section in overview(state)}
    assert sections["Root keys"] == {"root-a": f"public key {public}, published before"}
    assert (sections["Repositories"]["in all"], sections["Repositories"]["left out"]) == ("1", "1")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        pytest.param("request", {"digest": f"sha256:{D}"}, f"The request was taken, digest {D[:16]}", id="a genesis's"),
        pytest.param(
            "request",
            {"digest": D, "repositories": 2000, "new": 1200, "broken": 0},
            f"The request was taken, digest {D[:16]}; 2,000 repositories verified from the trusted root on, 1,200 new",
            id="new ones",
        ),
        pytest.param(
            "request",
            {"digest": D, "repositories": 0, "new": 0, "broken": 1000},
            f"The request was taken, digest {D[:16]}; 0 repositories verified from the trusted root on, 1,000 broken and left out",
            id="broken ones",
        ),
        pytest.param(
            "impact",
            {"keys": 1, "unknown": 0, "repositories": 40, "roles": 41, "struck": 0},
            "1 stolen key can sign for 41 roles of 40 repositories",
            id="an impact",
        ),
        pytest.param(
            "impact",
            {"keys": 2, "unknown": 2, "repositories": 0, "roles": 0, "struck": 3},
            "2 stolen keys can sign for 0 roles of 0 repositories; 2 keys among them for none; 3 tags were struck out",
            id="an impact on nobody",
        ),
        pytest.param(
            "agreed",
            {"digest": D, "repositories": 1, "files": 1, "left_out": 0},
            f"Everybody agreed to sign 1 file for 1 repository, digest {D[:16]}",
            id="nothing left out",
        ),
        pytest.param(
            "agreed",
            {"digest": D, "repositories": 3, "files": 6, "left_out": 1500},
            f"Everybody agreed to sign 6 files for 3 repositories, 1,500 left out, digest {D[:16]}",
            id="many left out",
        ),
        pytest.param(
            "root-found",
            {"token": "root-a", "serial": "7", "sha256": D},
            f"Token 7 holds root key {D[:16]}, which is published",
            id="a root key",
        ),
        pytest.param(
            "verified", {"repositories": 1, "signatures": 1}, "1 signature of 1 repository verified", id="what was judged"
        ),
    ],
)
def test_a_record_of_what_is_published_is_a_sentence(kind, body, said):
    assert sentence(record(kind, body)) == said
