# SPDX-License-Identifier: Apache-2.0
"""A request under a practice root, and what is judged of a request before anything is made."""

from __future__ import annotations

import pytest

from ceremony.cli import practice_request, run
from ceremony.cli.practice_mirror import in_its_place
from ceremony.cli.practice_request import judge_fleet, warnings_of
from ceremony.cli.practice_server import PracticeServer
from ceremony.cli.practice_subject import Given, judged, subject
from ceremony.core.plan_reader import read_plan
from ceremony.core.published.reading import usable
from ceremony.core.request import INDEX, parse_index
from ceremony.core.rotation.impact import Compromised
from ceremony.errors import CeremonyError, VerificationError
from ceremony.host.entropy import SystemEntropy
from tests.cli.test_practice_fleet import NOW, PIN, RENEWAL, made, rotation
from tests.fakes.plans import FILES, read
from tests.fakes.token import fake_rack

APP = "practice.invalid/app"
GENESIS = read()


def real(plan):
    """Return a fleet that is made up, taken for one that was fetched, and its request."""
    found, fleet = made(plan)
    return fleet, found


def mirror(plan, found):
    """Return the mirror of a request, and what is published of it."""
    given = judged(Given(plan, found.request, found.trusted), NOW)
    held = subject(given, fake_rack(*plan.signing_tokens), PIN, PracticeServer(), SystemEntropy(), NOW)
    return held, usable(judge_fleet(held.plan, held.request, held.trusted, NOW))


def named(plan, *key_ids):
    """Return the plan with other stolen keys."""
    source = plan.source.replace(b'["stolen.pem", "' + b"cd" * 32 + b'"]', str(list(key_ids)).replace("'", '"').encode())
    return read_plan(source, FILES)


def test_everything_but_root_and_online_keys_is_as_it_was_fetched():
    fleet, found = real(rotation())
    held, mirrored = mirror(rotation(), found)
    assert list(mirrored) == list(fleet)
    for name, published in fleet.items():
        other = mirrored[name]
        assert other.files["targets"] == published.files["targets"]
        assert other.targets.history == published.targets.history
        assert other.root.version == published.root.version + 1
        assert other.root.roles["targets"] == published.root.roles["targets"]
        assert not other.root.roles["root"].fingerprints() & published.root.roles["root"].fingerprints()
        assert other.server_holds("snapshot")
    assert held.made_up
    assert len(held.substitutions) == 3


def test_what_the_server_does_not_know_yet_is_there_with_keys_of_a_practice_server():
    _, found = real(RENEWAL)
    held, mirrored = mirror(RENEWAL, found)
    request = parse_index(held.request[INDEX])
    assert set(request.repositories) == {*mirrored, "docker.io/acme/new"}
    assert not request.repositories["docker.io/acme/new"].known


@pytest.mark.parametrize("role", ["root", "snapshot", "timestamp"])
def test_the_key_in_its_place_stands_in_for_a_stolen_key_that_the_mirror_replaced(role):
    fleet, found = real(rotation())
    stolen = fleet[APP].root.roles[role].keys[0].key_id
    plan = named(rotation(), stolen)
    held, mirrored = mirror(plan, found)
    (own,) = held.plan.change.compromised.keys
    assert own in {key.key_id for key in mirrored[APP].root.roles[role].keys}
    assert held.substitutions[-1] == f"the {role} key {own} of {APP} for the stolen key {stolen}"


def test_a_key_that_signs_nothing_anywhere_stays_named():
    _, found = real(rotation())
    plan = named(rotation(), "ab" * 32)
    held, _ = mirror(plan, found)
    assert held.plan is plan
    assert in_its_place({}, {})(Compromised("x", key_id="ab" * 32)) is None


# --- judged before anything is made ----------------------------------------------------------


def spoiled(found, *names):
    """Return a trusted root in which the roots of these repositories are another's."""
    other = found.trusted["tuf/practice.invalid/web/metadata/root.json"]
    return found.trusted | {f"tuf/{name}/metadata/root.json": other for name in names}


def test_a_request_of_which_nothing_can_be_relied_on_is_refused():
    plan = rotation()
    _, found = real(plan)
    other, _ = made(plan)
    with pytest.raises(VerificationError, match=r"^request: all 3 repositories of it cannot be relied on; practice") as refused:
        judged(Given(plan, found.request, other.trusted), NOW)
    assert refused.value.hint


def test_a_single_repository_that_cannot_be_relied_on_is_told_and_left_out_of_the_mirror():
    plan = rotation()
    _, found = real(plan)
    given = judged(Given(plan, found.request, spoiled(found, APP)), NOW)
    assert [words for words in given.warnings if words.startswith(APP)]
    assert given.warnings[0].endswith(": nothing is signed for this repository")
    held = subject(given, fake_rack(*plan.signing_tokens), PIN, PracticeServer(), SystemEntropy(), NOW)
    assert list(parse_index(held.request[INDEX]).repositories) == ["practice.invalid/tools", "practice.invalid/web"]


def test_a_stolen_key_that_signs_for_nothing_is_told():
    plan = rotation()
    fleet, found = real(plan)
    assert warnings_of(plan, fleet) == (f"the stolen key {'cd' * 32} signs for nothing that is published",)
    assert judged(Given(plan, found.request, found.trusted), NOW).warnings == warnings_of(plan, fleet)


def test_where_nothing_is_trusted_the_oldest_roots_of_the_request_stand_in():
    plan = read_plan(rotation().source.replace(b'trusted-root = "earlier/bundle"\n', b""), FILES)
    _, found = real(plan)
    with pytest.raises(VerificationError, match=r"^trusted-root: is missing"):
        judge_fleet(plan, found.request, {}, NOW)
    given = judged(Given(plan, found.request, {}, hardware=True), NOW)
    assert given.trusted == {path: data for path, data in found.trusted.items() if path.endswith("root.json")}
    assert given.substitutions == ("the oldest roots of the request for the trusted root",)
    held = subject(given, fake_rack(), PIN, PracticeServer(), SystemEntropy(), NOW)
    assert (held.request, held.made_up, held.substitutions) == (found.request, False, given.substitutions)


def test_hardware_gets_no_practice_root():
    with pytest.raises(CeremonyError, match=r"^a rotation on hardware needs a request") as refused:
        judged(Given(rotation(), None, {}, hardware=True), NOW)
    assert "--request" in refused.value.hint


def test_a_production_judges_its_request_too(monkeypatch, capsys):
    plan = rotation()
    _, found = real(plan)
    monkeypatch.setattr(practice_request, "MANY", 3)
    assert run._judged(plan, found.request, found.trusted) == (f"the stolen key {'cd' * 32} signs for nothing that is published",)
    assert "verifying 3 repositories\n" in capsys.readouterr().err
    assert run._judged(GENESIS, {}, {}) == ()


def test_key_ids_of_the_plan_are_trusted():
    fleet, found = real(rotation())
    ids = " ".join(key.key_id for published in fleet.values() for key in published.root.roles["root"].keys)
    plan = read_plan(rotation().source.replace(b"earlier/bundle", ids.encode()), FILES)
    assert not judged(Given(plan, found.request, {}), NOW).substitutions
