# SPDX-License-Identifier: Apache-2.0
"""A fleet that is made up for a rehearsal: what stands in it, whom it is trusted from, and the stolen keys of the plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ceremony.cli.plan_files import EXAMPLES, load_plan
from ceremony.cli.practice_fleet import made_up, published_names
from ceremony.cli.practice_request import judge_fleet
from ceremony.cli.practice_roots import LABEL, practice_roots
from ceremony.cli.practice_server import PracticeServer
from ceremony.cli.practice_stolen import stood_in, unknown
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm, from_pem
from ceremony.core.plan import Kind
from ceremony.core.plan_reader import read_plan
from ceremony.core.published.reading import usable
from ceremony.core.request import INDEX, parse_index
from ceremony.core.rotation.impact import compromised, impact
from ceremony.core.secret import Secret
from ceremony.core.software_key import make
from ceremony.errors import CeremonyError
from ceremony.host.entropy import SystemEntropy
from tests.core.dialects.forged import certificate
from tests.fakes.plans import FILES, ROTATION, bent, pem
from tests.fakes.token import fake_rack

NOW = datetime(2026, 11, 19, 9, 0, 0, tzinfo=UTC)
PIN = {f"pin:root-{letter}": Secret("123456") for letter in "abcdef"}
RENEWAL, _ = load_plan(EXAMPLES[Kind.RENEWAL])
TO_ROTATE, _ = load_plan(EXAMPLES[Kind.ROTATION])
NEW_ROOT = (
    '[root]\ntokens = ["root-a", "root-b"]\n\n[root.new]\nalgorithm = "ecdsa-p256"\ntokens = ["root-d", "root-e"]\n'
    'threshold = 1\ncustody = "token-only"\ncertificate = "docker.io/acme/*"\n'
)
NAMED = '[[repositories]]\nname = "docker.io/acme/app"\n'


def rotation(*changes, files=FILES):
    """Return a rotation, whose stolen keys are a file's and one that is known by its id alone."""
    return read_plan(bent(*changes, source=ROTATION), files)


def made(plan, server=None):
    """Return the fleet that is made up for a plan, and what is published of it."""
    rack = fake_rack(*plan.signing_tokens)
    with practice_roots(rack, plan.signing_tokens, PIN, DIALECT, SystemEntropy()) as roots:
        subject = made_up(plan, roots, server or PracticeServer(), NOW)
        publics = {public.sha256 for public in roots.publics()}
    fleet = usable(judge_fleet(plan, subject.request, subject.trusted, NOW))
    assert all(published.root.roles["root"].fingerprints() == publics for published in fleet.values())
    return subject, fleet


def test_three_repositories_are_published_under_a_practice_name_and_two_of_them_have_the_stolen_key():
    subject, fleet = made(rotation())
    stolen = from_pem(FILES["stolen.pem"]).sha256
    assert list(fleet) == ["practice.invalid/app", "practice.invalid/tools", "practice.invalid/web"]
    has = [name for name, published in fleet.items() if stolen in published.root.roles["targets"].fingerprints()]
    assert has == ["practice.invalid/app", "practice.invalid/web"]
    assert all(len(fleet[name].root.roles["targets"].keys) == 2 for name in has)
    assert all(published.root.roles["root"].threshold == 2 and not published.notes for published in fleet.values())
    assert all(published.server_holds("snapshot") and published.server_holds("timestamp") for published in fleet.values())
    assert subject.made_up
    assert [words.partition(" for ")[2] for words in subject.substitutions] == [
        "the request, signed by throw-away root keys on the tokens of the root",
        "the trusted root",
    ]


def test_the_last_good_version_is_there_and_one_after_it_with_a_tag_more():
    _, fleet = made(rotation())
    history = fleet["practice.invalid/app"].targets.history
    assert [release.version for release in history] == [41, 42]
    assert [[change.name for change in release.changes] for release in history] == [["1.0"], ["1.1"]]
    _, fleet = made(rotation(("last-good = 41", "last-good = 2026-11-01T00:00:00Z")))
    assert fleet["practice.invalid/app"].targets.version == 2


def test_what_is_made_up_is_what_a_fresh_client_takes():
    subject, fleet = made(TO_ROTATE)
    for name in fleet:
        files = {role: subject.trusted[f"tuf/{name}/metadata/{role}.json"] for role in ("root", "targets")}
        assert len(DIALECT.check(name, files, NOW)) == 3
        assert json.loads(files["root"])["signed"]["version"] == 1


def test_repositories_of_a_rotation_are_published_and_all_have_the_stolen_key():
    plan = rotation(("[compromised]", f"{NAMED}[compromised]"))
    _, fleet = made(plan)
    (published,) = fleet.values()
    assert published.repository == "docker.io/acme/app"
    assert from_pem(FILES["stolen.pem"]).sha256 in published.root.roles["targets"].fingerprints()


def test_what_a_renewal_adds_is_not_published_yet_and_what_it_changes_ends_soon():
    subject, fleet = made(RENEWAL)
    request = parse_index(subject.request[INDEX])
    assert [name for name, repository in request.repositories.items() if not repository.known] == ["docker.io/acme/new"]
    published = fleet["practice.invalid/app"]
    certificates = [key.certificate for key in published.root.roles["root"].keys]
    assert {certificate.not_after for certificate in certificates} == {NOW + timedelta(days=90)}
    assert published.root.expires_at == published.targets.expires_at == NOW + timedelta(days=90)


def test_days_that_a_plan_does_not_change_outlast_those_that_it_does():
    kept = RENEWAL.source.replace(b"certificate = 2048-11-19T00:00:00Z", b"# certificate").replace(
        b"targets = 2045", b"# targets = 2045"
    )
    _, fleet = made(read_plan(kept, RENEWAL.files))
    published = fleet["practice.invalid/app"]
    assert published.root.roles["root"].keys[0].certificate.not_after.year == 2048
    assert published.root.expires_at == published.targets.expires_at == NOW + timedelta(days=90)
    _, fleet = made(rotation())
    assert fleet["practice.invalid/app"].root.expires_at == NOW + timedelta(days=3650)


def test_made_up_names_are_those_that_a_certificate_for_a_prefix_covers():
    plan = rotation(('[root]\ntokens = ["root-a", "root-b"]\n', NEW_ROOT))
    assert published_names(plan) == ["docker.io/acme/app", "docker.io/acme/web", "docker.io/acme/tools"]
    taken = read_plan(RENEWAL.source.replace(b"docker.io/acme/new", b"practice.invalid/web"), RENEWAL.files)
    assert published_names(taken) == ["practice.invalid/app", "practice.invalid/tools"]


@pytest.mark.parametrize(
    ("stolen", "there"),
    [
        pytest.param(certificate(make(Algorithm.ECDSA_P256)), True, id="a certificate"),
        pytest.param(make(Algorithm.ED25519).public.pem, True, id="an Ed25519 key"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", False, id="what is none"),
    ],
)
def test_a_stolen_public_half_may_sign_targets_where_a_ceremony_could_have_made_the_key(stolen, there):
    _, fleet = made(rotation(files={**FILES, "stolen.pem": stolen}))
    assert (len(fleet["practice.invalid/app"].root.roles["targets"].keys) == 2) is there


# --- keys that nobody can make ---------------------------------------------------------


def test_a_targets_key_of_the_fleet_stands_in_for_one_that_is_known_by_its_id_alone():
    plan = rotation()
    subject, fleet = made(plan)
    assert [one.name for one in unknown(plan, fleet)] == ["cd" * 32]
    held = stood_in(subject, fleet)
    first, second = held.plan.change.compromised.keys
    assert first == "stolen.pem"
    own = fleet["practice.invalid/app"].targets.signed_by
    assert second in own
    assert held.plan.source == plan.source.replace(b"cd" * 32, second.encode())
    assert held.substitutions[-1] == f"the targets key {second} of practice.invalid/app for the stolen key {'cd' * 32}"
    assert unknown(held.plan, fleet) == []


def test_what_stands_in_signed_tags_that_are_not_known_to_be_good():
    subject, fleet = made(rotation())
    plan = stood_in(subject, fleet).plan
    named = compromised(plan.change.compromised.keys, plan.files, SEQUEL)
    (app,) = [one for one in impact(fleet, named, last_good=41).repositories if one.repository == "practice.invalid/app"]
    assert [(tag.tag, tag.suspect) for tag in app.tags()] == [("1.0", False), ("1.1", True)]


def test_a_file_that_gives_a_key_nobody_has_holds_the_key_that_stands_in():
    plan = rotation()
    _, fleet = made(plan)
    strange = rotation(files={**FILES, "stolen.pem": pem(99)})
    subject, _ = made(plan)
    held = stood_in(type(subject)(strange, subject.request, subject.trusted), fleet)
    first, second = (from_pem(held.plan.files["stolen.pem"]).sha256, held.plan.change.compromised.keys[1])
    keys = {key.fingerprint: key.key_id for published in fleet.values() for key in published.root.roles["targets"].keys}
    assert first in keys
    assert second in keys.values()
    assert keys[first] != second
    assert [words.rpartition(" ")[2] for words in held.substitutions] == ["stolen.pem", "cd" * 32]


def test_each_key_stands_in_once_and_what_is_left_signs_for_nothing():
    ids = [f"{number:064x}" for number in range(5)]
    plan = rotation((f'"stolen.pem", "{"cd" * 32}"', ", ".join(f'"{key_id}"' for key_id in ids)))
    subject, fleet = made(plan)
    held = stood_in(subject, fleet)
    assert len(held.substitutions) == len(subject.substitutions) + 3
    assert [one.name for one in unknown(held.plan, fleet)] == ids[3:]


def test_a_plan_whose_keys_are_all_known_stays_as_it_is():
    plan = rotation((f', "{"cd" * 32}"', ""))
    subject, fleet = made(plan)
    assert stood_in(subject, fleet) is subject
    subject, fleet = made(RENEWAL)
    assert stood_in(subject, fleet) is subject


# --- the root keys, and the server ---------------------------------------------------------


def test_root_keys_are_made_on_the_tokens_and_stay_there():
    rack = fake_rack("root-a")
    with practice_roots(rack, ("root-a",), PIN, DIALECT, SystemEntropy()) as roots:
        assert roots.certified([], NOW, NOW + timedelta(days=1)) == {}
        (public,) = roots.publics()
    token = rack.open("root-a")
    token.unlock(Secret("123456"))
    assert token.find(LABEL).public == public


def test_a_server_signs_with_no_keys_but_its_own():
    subject, fleet = made(TO_ROTATE)
    root = subject.trusted["tuf/practice.invalid/app/metadata/root.json"]
    with pytest.raises(CeremonyError, match=r"^practice\.invalid/app: its snapshot key is not a practice server's") as refused:
        PracticeServer().published("practice.invalid/app", {"root": [(1, root)]}, NOW)
    assert refused.value.hint.startswith("publish the earlier rehearsal to its server")
    assert len(fleet) == 3
