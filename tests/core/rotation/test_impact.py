# SPDX-License-Identifier: Apache-2.0
"""Whom a stolen key touches: each place, each tag, what nobody here can repair, and keys that touch nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from ceremony.core import canonical
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.published.reading import Fleet
from ceremony.core.rotation.advice import Matter
from ceremony.core.rotation.impact import Compromised, Impact, compromised, impact, index
from ceremony.core.rotation.told import Row, impact_json, plain, rows
from ceremony.core.served import ServerKeys
from ceremony.errors import PlanRefused, VerificationError
from tests.core.dialects.forged import Signer, certificate, key_id
from tests.core.published.made import (
    ALICE,
    APP,
    BOB,
    NEW,
    OFFERED,
    OLD_ROOT,
    OTHER,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    WEB,
    Made,
    certified,
    delegations,
    pinned,
    read,
    role,
    root,
    tag,
)

WIDE = certified(ROOT.key, "docker.io/acme/*")
THIRD = "docker.io/acme/third"


def another(gun: str, targets: Signer, version: int = 1) -> Made:
    """Return a repository under the same root key, with another certificate and its own targets key."""
    made = Made(gun)
    made.root, made.root_by = {version: root(version, [WIDE], targets=targets)}, {version: [WIDE]}
    made.targets_by = {key: [targets] for key in made.targets}
    return made


def fleet_of(*fleet: Made) -> Fleet:
    return {made.gun: read(made, pinned(OLD_ROOT, WIDE)) for made in fleet}


def ask(fleet: Fleet, *keys: Signer, **options: Any) -> Impact:
    return impact(fleet, compromised([key_id(key.listed) for key in keys], {}, SEQUEL), **options)


FLEET = fleet_of(Made(), another(WEB, OTHER), another(THIRD, TARGETS))


def places(found: Impact) -> set[tuple[str, str]]:
    return {(place.repository, place.role) for key in found.keys for place in key.places}


# --- where it can sign --------------------------------------------------------


def test_a_targets_key_touches_the_repositories_that_name_it() -> None:
    found = ask(FLEET, TARGETS)
    assert places(found) == {(APP, "targets"), (THIRD, "targets")}
    assert [affected.repository for affected in found.repositories] == [APP, THIRD]
    assert all(place.alone for place in found.keys[0].places)
    assert (found.asked, found.broken) == (3, {})
    assert found.fingerprints() == {TARGETS.key.public.sha256}


def test_a_signers_key_touches_its_delegations() -> None:
    found = ask(FLEET, ALICE)
    assert places(found) == {(gun, role) for gun in FLEET for role in ("targets/alice", "targets/releases")}
    alone = {place.role: (place.alone, place.signer) for place in found.keys[0].places}
    assert alone == {"targets/alice": (True, "alice"), "targets/releases": (False, "")}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("root.pem", certificate(ROOT.key, "another name"), id="another certificate"),
        pytest.param("root.pem", ROOT.key.public.pem, id="public key"),
        pytest.param(key_id(OLD_ROOT.listed), b"", id="one of its ids"),
    ],
)
def test_a_key_is_its_public_half_under_every_id(name: str, data: bytes) -> None:
    found = impact(FLEET, compromised([name], {name: data} if data else {}, SEQUEL))
    assert places(found) == {(gun, "root") for gun in FLEET}
    assert set(found.keys[0].key_ids) == {key_id(OLD_ROOT.listed), key_id(WIDE.listed)}


def test_several_keys_are_told_apart_and_together() -> None:
    found = ask(FLEET, TARGETS, OTHER, ALICE)
    assert [len(key.places) for key in found.keys] == [2, 1, 6]
    assert [affected.repository for affected in found.repositories] == [APP, WEB, THIRD]
    assert {place.role for place in found.repositories[1].places} == {"targets", "targets/alice", "targets/releases"}


def test_a_key_that_signs_nothing_is_told() -> None:
    found = ask(FLEET, NEW)
    assert (found.keys[0].places, found.keys[0].past, found.repositories) == ((), (), ())
    assert found.fingerprints() == frozenset()
    assert [row.words for row in rows(found)] == ["signs for nothing that is published"]
    unknown = impact(FLEET, compromised(["new.pem"], {"new.pem": NEW.key.public.pem}, SEQUEL))
    assert unknown.keys[0].past == ()
    assert unknown.fingerprints() == {NEW.key.public.sha256}


def test_a_key_that_signed_before_is_told() -> None:
    made = Made()
    made.root[1] = root(1, targets=NEW)
    made.targets_by |= {2: [NEW], 3: [NEW]}
    made.targets[3]["delegations"] = delegations(alice=NEW)
    found = ask(fleet_of(made), NEW)
    assert [(past.repository, past.role, past.versions) for past in found.keys[0].past] == [(APP, "targets", (2, 3))]
    assert [row.words for row in rows(found)] == ["signs for nothing that is published; it signed 1 earlier metadata files"]


def test_broken_repositories_are_named() -> None:
    fleet = {**FLEET, "docker.io/acme/bad": VerificationError("here", "is broken", hint="look")}
    found = ask(fleet, OTHER)
    assert found.broken == {"docker.io/acme/bad": "here: is broken"}
    assert Row("docker.io/acme/bad", "", "", "", "", "could not be read: here: is broken") in list(rows(found))


def test_an_index_is_made_once() -> None:
    indexed = index(FLEET)
    assert impact(FLEET, (Compromised("x", key_id=key_id(TARGETS.listed)),), indexed=indexed).repositories


@pytest.mark.parametrize("name", ["keys/none.pem", "AB" * 32, "ab"])
def test_what_is_no_key_is_refused(name: str) -> None:
    with pytest.raises(PlanRefused, match=f"^compromised.keys: '{name}' is no key id, and no file that is there"):
        compromised([name], {}, SEQUEL)


def test_several_ids_in_one_entry_and_one_twice_are_each_one_key() -> None:
    ids = [key_id(TARGETS.listed), key_id(OTHER.listed)]
    assert [key.key_id for key in compromised([" ".join(ids), ids[0]], {}, SEQUEL)] == ids


# --- what it signed -----------------------------------------------------------


def told(found: Impact, repository: str = APP) -> Mapping[tuple[str, str, int], tuple[bool, bool, bool]]:
    (affected,) = (one for one in found.repositories if one.repository == repository)
    return {(t.role, t.tag, t.version): (t.first, t.stands, t.suspect) for t in affected.tags()}


def test_tags_are_told_with_the_version_that_made_them() -> None:
    assert told(ask(FLEET, TARGETS)) == {
        ("targets", "1.0", 2): (True, False, True),
        ("targets", "2.0", 3): (False, True, True),
        ("targets", "gone", 3): (False, False, True),
        ("targets", "1.0", 5): (False, True, True),
        ("targets", "gone", 5): (False, True, True),
        ("targets", "é<>", 5): (False, True, True),
    }


def test_versions_by_another_key_are_not_its_work() -> None:
    made = Made()
    made.root[2] = root(2)
    made.root[2]["roles"]["targets"] = role(TARGETS, NEW)
    made.root[2]["keys"][key_id(NEW.listed)] = NEW.listed
    made.targets_by[5] = [NEW]
    assert {version for _, _, version in told(ask(fleet_of(made), NEW))} == {5}
    assert {version for _, _, version in told(ask(fleet_of(made), TARGETS))} == {2, 3}


def test_what_came_after_the_last_good_version_is_suspect() -> None:
    suspects = {name for name, (_, _, suspect) in told(ask(FLEET, TARGETS, last_good=3)).items() if suspect}
    assert suspects == {("targets", "1.0", 5), ("targets", "gone", 5), ("targets", "é<>", 5)}
    # A signer's versions are others than those of targets.
    assert {suspect for _, _, suspect in told(ask(FLEET, ALICE, last_good=3)).values()} == {True}


@pytest.mark.parametrize(
    ("last_good", "words"),
    [
        pytest.param(None, "No version is known to be good", id="none"),
        pytest.param(3, "Targets up to version 3 are known to be good", id="a version"),
        pytest.param(datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00 UTC is compared with nothing", id="a time"),
    ],
)
def test_what_last_good_means_is_said(last_good: int | datetime | None, words: str) -> None:
    found = ask(FLEET, TARGETS, last_good=last_good)
    assert words in found.last_good
    suspects = sum(suspect for _, _, suspect in told(found).values())
    assert suspects == (3 if last_good == 3 else 6)


# --- advice -------------------------------------------------------------------


def advised(found: Impact, repository: str = APP) -> list[tuple[str, str, bool]]:
    (affected,) = (one for one in found.repositories if one.repository == repository)
    return [(str(one.matter), one.role, one.here) for one in affected.advice()]


def test_a_targets_key_that_is_replaced_here_needs_no_advice() -> None:
    assert advised(ask(FLEET, TARGETS)) == []
    assert advised(ask(FLEET, TARGETS, elsewhere={APP})) == [(Matter.TARGETS_ELSEWHERE, "targets", False)]
    assert advised(ask(FLEET, TARGETS, elsewhere={APP}), THIRD) == []


def test_a_root_key_is_rotated_at_once() -> None:
    assert advised(ask(FLEET, OLD_ROOT)) == [(Matter.ROOT, "root", True)]


def test_a_snapshot_key_that_its_team_holds_went_with_the_targets_key() -> None:
    made = Made()
    made.server = ServerKeys(OFFERED, TIMESTAMP.key.public)
    assert advised(ask(fleet_of(made), TARGETS)) == [(Matter.SNAPSHOT, "snapshot", True)]
    # Named itself, it is replaced by what the server offers.
    assert advised(ask(fleet_of(made), TARGETS, SNAPSHOT)) == []


def test_an_online_key_is_replaced_by_what_the_server_offers_or_by_nothing() -> None:
    assert advised(ask(FLEET, TIMESTAMP)) == [(Matter.SERVER, "timestamp", False)]
    assert advised(ask(FLEET, SNAPSHOT)) == [(Matter.SERVER, "snapshot", False)]
    made = Made()
    made.server = ServerKeys(OFFERED, OFFERED)
    assert advised(ask(fleet_of(made), TIMESTAMP)) == []
    made.server = None
    assert advised(ask(fleet_of(made), TIMESTAMP)) == [(Matter.SERVER, "timestamp", False)]


def test_a_signers_tags_go_with_its_key() -> None:
    assert advised(ask(FLEET, ALICE)) == [(Matter.TAGS, "targets/alice", False), (Matter.TAGS, "targets/releases", False)]
    assert advised(ask(FLEET, ALICE, elsewhere={APP}))[0] == (Matter.SIGNER_ELSEWHERE, "targets/alice", False)
    words = [one.words for one in ask(FLEET, ALICE).repositories[0].advice()]
    assert "what the signer alice signed in targets/alice" in words[0]
    assert "what whoever holds it signed in targets/releases" in words[1]


def test_tags_that_another_key_signed_stay() -> None:
    assert advised(ask(FLEET, BOB)) == []
    made = Made()
    made.delegated["targets/releases"][1]["targets"] = {}
    assert advised(ask(fleet_of(made), ALICE)) == [(Matter.TAGS, "targets/alice", False)]
    made.delegated_by["targets/releases"] = [ALICE, BOB]
    made.delegated["targets/releases"][1]["targets"] = {"a": tag("a")}
    assert advised(ask(fleet_of(made), ALICE)) == [(Matter.TAGS, "targets/alice", False)]


def test_a_delegation_under_a_signers_is_that_signers_matter() -> None:
    made = Made()
    alice = made.delegated["targets/alice"][1]
    alice["delegations"] = {
        "keys": {key_id(NEW.listed): NEW.listed},
        "roles": [{"name": "targets/alice/sub", "paths": [""], **role(NEW)}],
    }
    found = ask(fleet_of(made), NEW)
    assert advised(found) == [(Matter.NESTED, "targets/alice/sub", False)]
    assert "or remove targets/alice here" in found.repositories[0].advice()[0].words


def test_tags_of_a_delegation_that_is_no_dockers_are_told_by_its_name() -> None:
    made = Made()
    made.targets[5]["delegations"] = delegations(**{"releases/x": NEW})
    made.targets[5]["delegations"]["roles"] = [{"name": "targets/qa", "paths": ["qa"], **role(NEW)}]
    made.delegated, made.delegated_by = {"targets/qa": {1: made.delegated["targets/alice"][1]}}, {"targets/qa": [NEW]}
    found = ask(fleet_of(made), NEW)
    assert "what the signer qa signed in targets/qa" in found.repositories[0].advice()[0].words


# --- told ---------------------------------------------------------------------


def test_the_json_is_canonical_and_says_everything() -> None:
    data = impact_json(ask(FLEET, TARGETS, NEW, last_good=3))
    value = canonical.parse_object(data, "impact")
    assert value == json.loads(data)
    assert [key["signs"] for key in json.loads(data)["keys"]] == [True, False]
    (app, third) = json.loads(data)["repositories"]
    assert app["places"] == [{"role": "targets", "key_id": key_id(TARGETS.listed), "only_key": True, "signer": ""}]
    assert {tag["tag"] for tag in app["tags"] if tag["suspect"]} == {"1.0", "gone", "é<>"}
    assert third["repository"] == THIRD


def test_text_that_has_no_canonical_form_is_told_with_escapes() -> None:
    made = Made()
    made.targets[5]["targets"]["e\u0301"] = tag("x")
    assert "'e\\\\u0301'" in impact_json(ask(fleet_of(made), TARGETS)).decode()
    assert plain("plain é") == "plain é"


def test_rows_tell_each_role_once() -> None:
    found = list(rows(ask(FLEET, ALICE, TARGETS, last_good=3)))
    app = [row for row in found if row.repository == APP]
    assert [(row.role, row.signer, row.tags) for row in app] == [
        ("targets/alice", "alice", "1 signed, 1 suspect"),
        ("targets/releases", "", "1 signed, 1 suspect"),
        ("targets", "", "6 signed, 3 suspect"),
    ]
    assert app[2].words == "The only key of this role."
    assert app[2].keys == key_id(TARGETS.listed)[:16]


def test_rows_tell_what_concerns_another_role_too() -> None:
    made = Made()
    made.server = ServerKeys(OFFERED, TIMESTAMP.key.public)
    found = list(rows(ask(fleet_of(made), TARGETS)))
    assert [(row.role, row.keys != "") for row in found] == [("targets", True), ("snapshot", False)]
    assert "counts as stolen" in found[1].words
