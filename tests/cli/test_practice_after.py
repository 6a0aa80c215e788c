# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal goes on with after an earlier one: what that published, its trusted root, tokens, volumes and PINs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ceremony.cli import practice
from ceremony.cli.earlier import Earlier, earlier
from ceremony.cli.plan_files import EXAMPLES, load_plan
from ceremony.cli.practice import Rehearsal
from ceremony.cli.practice_after import Left, after, read_left, trusted_after
from ceremony.cli.practice_fleet import made_up
from ceremony.cli.practice_request import judge_fleet
from ceremony.cli.practice_roots import practice_roots
from ceremony.cli.practice_server import PracticeServer, request_files
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Kind, Site, SiteToken
from ceremony.core.plan_reader import read_site
from ceremony.core.published.changes import Changes, root_key
from ceremony.core.published.reading import usable
from ceremony.core.request import INDEX, parse_index
from ceremony.core.software_key import make
from ceremony.errors import CeremonyError, VerificationError
from ceremony.host.entropy import SystemEntropy
from tests.cli.test_practice_fleet import NOW as EARLY
from tests.cli.test_practice_fleet import PIN, made, rotation
from tests.fakes.recovery import recovery_plan
from tests.fakes.token import fake_rack

NOW = datetime.now(UTC)
RENEWAL, _ = load_plan(EXAMPLES[Kind.RENEWAL])
TO_ROTATE, _ = load_plan(EXAMPLES[Kind.ROTATION])
VENDOR, APP, TOOLS = "docker.io/acme/vendor", "docker.io/acme/app", "practice.invalid/tools"
PUBLISHED = [
    *("docker.io/acme/app", "docker.io/acme/base/alpine", "docker.io/acme/base/debian", "docker.io/acme/base/ubuntu"),
    *("docker.io/acme/web", "reg.example:5000/tools/cli"),
]


@pytest.fixture(scope="module")
def left(rehearsed):
    """What the rehearsal of the example left in public."""
    return read_left(rehearsed.ceremony)


@pytest.fixture
def server(rehearsed):
    return PracticeServer(practice.load(rehearsed.root / practice.SECRETS).servers)


def fleet_of(subject):
    return usable(judge_fleet(subject.plan, subject.request, subject.trusted, NOW))


# --- what is published ------------------------------------------------------------------


def test_after_a_genesis_its_bundle_is_published(left, server):
    subject = after(left, TO_ROTATE, left.trusted(), server, NOW)
    fleet = fleet_of(subject)
    assert sorted(fleet) == PUBLISHED
    for name, published in fleet.items():
        assert published.files["root"] == left.made[name]["root"]
        assert published.files["targets"] == left.made[name]["targets"]
        assert published.server_holds("snapshot")
    assert [words for words in subject.warnings if VENDOR in words] == list(subject.warnings)
    assert subject.warnings[0].endswith(f"signed for {VENDOR} waits for its team, and is not published")


def test_what_a_plan_adds_is_not_known_yet(left, server):
    before = set(server.kept)
    subject = after(left, RENEWAL, left.trusted(), server, NOW)
    added = parse_index(subject.request[INDEX]).repositories["docker.io/acme/new"]
    assert (added.known, sorted(added.keys)) == (False, ["snapshot", "timestamp"])
    assert len(set(server.kept) - before) == 2


def after_fleet(plan, **more):
    """Return a rehearsal that was held on a made-up fleet and left what `more` says, and its server."""
    server = PracticeServer()
    subject, fleet = made(plan, server)
    return replace(Left("earlier", subject.request, {}, subject.trusted), **more), server, fleet


def test_what_was_not_signed_for_is_as_it_was():
    left, server, fleet = after_fleet(rotation())
    subject = after(left, rotation(), left.trusted(), server, EARLY)
    same = usable(judge_fleet(subject.plan, subject.request, subject.trusted, EARLY))
    assert {name: one.files for name, one in same.items()} == {name: one.files for name, one in fleet.items()}
    assert subject.warnings == ()


def with_next_root(changes):
    """Return what a rehearsal left that signed the root alone of one repository of a made-up fleet, and its server."""
    server, plan = PracticeServer(), rotation()
    with practice_roots(fake_rack(*plan.signing_tokens), plan.signing_tokens, PIN, DIALECT, SystemEntropy()) as roots:
        subject = made_up(plan, roots, server, EARLY)
        published = usable(judge_fleet(plan, subject.request, subject.trusted, EARLY))[TOOLS]
        keys = {key.fingerprint: root_key(key) for key in published.root.roles["root"].keys}
        draft = SEQUEL.next_root(published, changes)
        (root,) = roots.finished([(draft, [keys[public.sha256] for public in roots.publics()])])
    return Left("earlier", subject.request, {TOOLS: {"root": root}}, subject.trusted), server, published


def test_a_root_that_needs_no_new_targets_is_published_alone():
    left, server, before = with_next_root(Changes(root_expires=EARLY + timedelta(days=30)))
    subject = after(left, rotation(), left.trusted(), server, EARLY)
    published = usable(judge_fleet(subject.plan, subject.request, subject.trusted, EARLY))[TOOLS]
    assert (published.root.version, published.targets.version) == (2, before.targets.version)
    assert (published.snapshot_version, published.timestamp_version) == (2, 2)
    assert subject.warnings == ()


def test_a_root_that_waits_for_its_team_is_not_published_and_not_trusted_yet():
    left, server, before = with_next_root(Changes(targets=make(Algorithm.ECDSA_P256).public, elsewhere=True))
    subject = after(left, rotation(), left.trusted(), server, EARLY)
    published = usable(judge_fleet(subject.plan, subject.request, subject.trusted, EARLY))[TOOLS]
    assert published.files == before.files
    assert subject.warnings == (f"what earlier signed for {TOOLS} waits for its team, and is not published",)
    assert left.trusted()[f"tuf/{TOOLS}/metadata/root.json"] == before.files["root"]


def test_where_everything_waits_for_its_team_nothing_can_be_gone_on_with(left, server):
    alone = replace(left, made={VENDOR: left.made[VENDOR]})
    with pytest.raises(
        CeremonyError, match=r"^nothing that .* signed can be published: all of it waits for its teams$"
    ) as refused:
        after(alone, TO_ROTATE, alone.trusted(), server, NOW)
    assert "--after" in refused.value.hint


def test_what_a_real_server_published_must_be_fetched(left):
    with pytest.raises(CeremonyError, match="its snapshot key is not a practice server's") as refused:
        after(left, TO_ROTATE, left.trusted(), PracticeServer(), NOW)
    assert "ceremony fetch" in refused.value.hint


def test_after_a_recovery_the_request_must_be_brought(left):
    recovered = replace(left, request={}, made={})
    with pytest.raises(CeremonyError, match=r"holds no request, so what is published after it is not known$"):
        after(recovered, TO_ROTATE, {}, PracticeServer(), NOW)
    assert recovered.histories() == {}


# --- from what it is trusted ----------------------------------------------------------------


def test_the_bundle_of_the_earlier_rehearsal_is_trusted(left):
    files, words = trusted_after(TO_ROTATE, {}, left)
    assert files == left.trusted()
    assert words == ("the roots of an earlier rehearsal for the trusted root",)
    assert files[f"tuf/{APP}/metadata/targets.json"] == left.made[APP]["targets"]
    assert f"tuf/{VENDOR}/metadata/root.json" in files


def test_a_trusted_root_of_the_plan_that_names_its_keys_stays(left):
    one = {"root.json": left.made[APP]["root"]}
    assert trusted_after(TO_ROTATE, one, left) == (one, ())


def test_a_trusted_root_of_the_plan_that_names_others_gives_way(left):
    other, _ = made(rotation())
    assert trusted_after(TO_ROTATE, other.trusted, left)[0] == left.trusted()


def test_after_a_recovery_what_it_trusted_is_trusted(left):
    keys = {"root.json": left.made[APP]["root"]}
    assert replace(left, request={}, made={}, before=keys).trusted() == keys
    assert trusted_after(TO_ROTATE, {"x": b""}, replace(left, request={}, made={}, before={})) == ({"x": b""}, ())


# --- its folder -------------------------------------------------------------------------------


def test_refuses_a_rehearsal_that_is_not_finished(killed):
    with pytest.raises(CeremonyError, match=r"is not finished$") as refused:
        read_left(killed / "ceremony")
    assert "ceremony resume" in refused.value.hint


def test_refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CeremonyError, match="cannot be opened"):
        read_left(tmp_path / "none")


def test_refuses_a_request_that_was_changed(ceremony_copy):
    path = min((ceremony_copy / "evidence" / "request" / "files").iterdir())
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(VerificationError, match="is not the file that was fetched"):
        read_left(ceremony_copy)


def test_an_empty_request_is_no_request():
    assert request_files({}) == {}


# --- tokens, volumes, PINs --------------------------------------------------------------------


@pytest.fixture
def copy(rehearsed, tmp_path):
    """A copy of the finished rehearsal, to be spoiled, and the rehearsal that goes on after it."""
    root = tmp_path / "earlier"
    shutil.copytree(rehearsed.root, root)
    to = Rehearsal(tmp_path / "r")
    to.make()
    return Earlier(Rehearsal(root), practice.load(root / practice.SECRETS)), to


def test_tokens_are_found_again_by_their_names(copy):
    before, to = copy
    found = before.copy_tokens(to, ("root-b", "root-a"))
    assert set(found) == {"root-a", "root-b", "root-c"}
    answers = before.answers(TO_ROTATE, None)
    assert {f"{what}:{name}" for what in ("pin", "so-pin") for name in found} == set(answers)


def test_refuses_a_token_that_the_earlier_rehearsal_does_not_have(copy):
    before, to = copy
    with pytest.raises(CeremonyError, match=r"has no token root-x, and the plan signs with it$") as refused:
        before.copy_tokens(to, ("root-a", "root-x"))
    assert "root-a, root-b, root-c" in refused.value.hint


def test_refuses_a_rehearsal_whose_tokens_are_gone(copy):
    before, to = copy
    shutil.rmtree(before.rehearsal.tokens)
    with pytest.raises(CeremonyError, match=r"has no throw-away tokens, and the plan signs with root-a$"):
        before.copy_tokens(to, ("root-a",))


def test_a_volume_that_is_gone_is_an_empty_one(copy):
    before, to = copy
    shutil.rmtree(before.rehearsal.media()["b"])
    before.copy_volumes(to, TO_ROTATE)
    assert [path.name for path in to.media()["a"].iterdir()] == [path.name for path in before.rehearsal.media()["a"].iterdir()]
    assert list(to.media()["b"].iterdir()) == []
    assert to.old() == []
    assert before.substitutions(TO_ROTATE) == ("copies of the volumes of an earlier rehearsal for the volumes",)


def test_a_recovery_opens_the_backup_whose_secret_its_people_know(copy):
    before, to = copy
    volume = before.rehearsal.media()["a"]
    (own,) = [path.name for path in volume.iterdir()]
    older = volume / f"ceremony-{'0' * 32}" / "private"
    older.mkdir(parents=True)
    (older / "root-1.age").write_bytes(b"")
    assert list((volume / own / "private").glob("root-*.age"))
    before.copy_volumes(to, recovery_plan("root-a"))
    assert [path.name for path in (to.root / "old" / "a").iterdir()] == [own]


def test_a_pin_is_never_known_for_another_token_of_the_same_name(rehearsed):
    before = Earlier(Rehearsal(rehearsed.root), practice.load(rehearsed.root / practice.SECRETS))
    text = (rehearsed.ceremony / "evidence" / "site.toml").read_bytes()
    other = SiteToken(pkcs11="pkcs11:serial=1", module="/m.so")
    same = read_site(text).tokens["root-a"]
    site = Site({"root-a": same, "root-b": other}, {}, "", b"")
    assert set(before.answers(TO_ROTATE, site)) == {"pin:root-a", "so-pin:root-a"}
    gone = Earlier(Rehearsal(rehearsed.root / "none"), before.known)
    with pytest.raises(CeremonyError, match="cannot be read"):
        gone.answers(TO_ROTATE, site)


def test_a_recovery_knows_what_people_wrote_down_alone(rehearsed):
    before = Earlier(Rehearsal(rehearsed.root), practice.load(rehearsed.root / practice.SECRETS))
    assert set(before.answers(recovery_plan("root-a"), None)) == {"old-passphrase"}


def test_a_renewal_and_a_rotation_may_go_on_after_a_rehearsal(rehearsed):
    for plan in (TO_ROTATE, RENEWAL):
        assert earlier(rehearsed.root, plan).rehearsal.root == rehearsed.root
        assert earlier(None, plan) is None
