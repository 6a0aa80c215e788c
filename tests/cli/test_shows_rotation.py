# SPDX-License-Identifier: Apache-2.0
"""What a rotation has to show: a fleet of 200 repositories and more, published for stock clients that cached them.

Everything by the command line and real programs: notary-server, `notary`, SoftHSM, age.
Each story has repositories of its own, so none depends on another.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ceremony.core.dialects.notary import DIALECT
from ceremony.core.request import parse_index
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import ExitCode
from tests.online.faults import Answer, Asked, FaultServer, passed_on
from tests.online.test_publish_killed import Passing
from tests.peers.fleet import ONLINE, Fleet, brought, plan, repositories, team_key
from tests.peers.notary import PASSPHRASE, NotaryServer
from tests.peers.program import command, environment


def names(what: str, count: int) -> list[str]:
    return [f"docker.io/acme/{what}{number:03}" for number in range(count)]


GUNS = names("app", 200)
SHARING = GUNS[:40]
"""Those that one team signs for with one key, which will be stolen."""
ROTATED, PUSHED, BROKEN = names("rotated", 3), names("pushed", 3), names("broken", 4)
OTHERS = [*GUNS[40:], *ROTATED, *PUSHED, *BROKEN]
ROOT = """[root]
algorithm = "ecdsa-p256"
tokens = ["root-a", "root-b", "root-c"]
threshold = 2
custody = "token-only"
certificate = "docker.io/acme/*"
[expires]
root = 2046-11-19T00:00:00Z
certificate = 2046-11-19T00:00:00Z
targets = 2043-11-19T00:00:00Z
"""
LONGER = "[expires]\nroot = 2047-11-19T00:00:00Z\ncertificate = 2047-11-19T00:00:00Z\n"
NEW_ROOT = f"""[root.new]
algorithm = "ecdsa-p384"
tokens = ["root-d", "root-e"]
threshold = 1
custody = "token-only"
certificate = "docker.io/acme/*"
{LONGER}"""
SIGNING = '[root]\ntokens = ["root-a", "root-b"]\n'


@dataclass(frozen=True)
class Acme:
    """The fleet as its genesis left it, each repository with two tags, and the key that forty repositories share."""

    fleet: Fleet
    shared: SoftwareKey

    @property
    def genesis(self) -> Path:
        return self.fleet.rehearsal("genesis")

    def change(self, name: str, guns: Sequence[str], source: str, after: Path | None = None) -> None:
        """Fetch, hold a ceremony on the tokens of an earlier one, audit."""
        self.fleet.know(name, guns)
        self.fleet.fetch(name, guns)
        self.fleet.rehearse(name, source, "--after", after or self.genesis)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acme]:
    folder = tmp_path_factory.mktemp("acme")
    shared = team_key()
    with NotaryServer(folder) as server:
        fleet = Fleet(server, folder)
        fleet.fetch("genesis", [*SHARING, *OTHERS])
        brought(shared, folder / "genesis" / "keys" / "shared.pem")
        kept = repositories(SHARING, '{ source = "file", path = "keys/shared.pem" }', ONLINE)
        made = repositories(OTHERS, fleet.generated, ONLINE)
        fleet.rehearse("genesis", plan("genesis", ROOT, kept, made))
        became = fleet.publish("genesis")
        assert became == dict.fromkeys(SHARING, "waiting-for-team") | dict.fromkeys(OTHERS, "published")
        for gun in SHARING:
            fleet.tag(gun, 1, shared, ("1.0", "1.1"), fleet.made("genesis", gun, "root"))
        for gun in OTHERS:
            fleet.tag(gun, 2, DIALECT.read_delivery(fleet.delivered("genesis", gun), gun), ("1.0", "1.1"))
        yield Acme(fleet, shared)


class Frozen:
    """Shows a client a repository as it was when this was made, and passes on what it sends: what a thief can do who has the network."""

    def __init__(self, server: NotaryServer, gun: str) -> None:
        self._url = server.url
        self._kept = {f"{role}.json": server.get(gun, f"{role}.json") for role in ("root", "timestamp")}
        self.answers: list[Answer] = []
        """What the real server said to what was sent."""

    def answer(self, asked: Asked) -> Answer:
        if asked.method != "POST":
            kept = self._kept.get(asked.name)
            newer = asked.name.endswith(".root.json") and asked.name != "1.root.json"
            return Answer(200, kept) if kept else Answer(404) if newer else passed_on(self._url, asked)
        self.answers.append(passed_on(self._url, asked))
        return self.answers[-1]


# --- a stolen key ------------------------------------------------------------------


@dataclass(frozen=True)
class Theft:
    """What was seen when the key that forty repositories share was stolen, and taken away from them."""

    key_id: str
    before: Mapping[str, str]
    """Repository → what `notary list` said before the request was fetched, with the caches `old`."""
    taken: Sequence[Sequence[str]]
    """Whose metadata the server took in each run: two were killed, one came to its end."""
    became: Mapping[str, str]
    """What the last run said."""
    old: Path
    fresh: Path
    after: tuple[Mapping[str, str], Mapping[str, str]]
    """What the old caches and fresh clients list."""
    thief: Path
    """The trust folder of a stock client that signed with the key as long as it could."""
    frozen: Frozen


def happened(acme: Acme, place: Path) -> Theft:
    """Let the key be stolen; fetch, rotate, publish, killed twice in the middle, and list everything before and after."""
    fleet, key_id = acme.fleet, DIALECT.key_id(acme.shared.public)
    for gun in SHARING[:2]:
        fleet.imported(gun, DIALECT.delivery(gun, acme.shared), place / "thief")
        fleet.push(gun, "2.0", place / "thief")
    before = fleet.listed(GUNS, place / "old")
    frozen = Frozen(fleet.server, SHARING[0])
    stolen = f'[compromised]\nkeys = ["{key_id}"]\nreason = "a runner leaked"\nlast-good = 1\ndeliver-to = {fleet.recipient}\n'
    acme.change("theft", GUNS, plan("rotation", SIGNING, stolen))
    taken = []
    with fleet.watched(SHARING, place / "watching"):
        assert fleet.publish("theft", "--dry-run") == dict.fromkeys(SHARING, "would-publish")
        for dies_after_the_server_took_it in (False, True):
            taken.append(_killed(fleet, "theft", taken=dies_after_the_server_took_it))
            assert fleet.listed(SHARING[:20], place / "between") == {gun: before[gun] for gun in SHARING[:20]}
        passing = Passing(fleet.server.url)
        with FaultServer(passing.answer) as proxy:
            became = fleet.publish("theft", url=proxy.url)
    after = (fleet.listed(GUNS, place / "old"), fleet.listed(GUNS, place / "fresh"))
    return Theft(key_id, before, [*taken, passing.taken], became, place / "old", place / "fresh", after, place / "thief", frozen)


def _killed(fleet: Fleet, name: str, *, taken: bool) -> list[str]:
    """Publish, and kill the program at its tenth repository; returns whose metadata the server took."""
    passing = Passing(fleet.server.url, kill_at=10, taken=taken)
    with FaultServer(passing.answer) as proxy:
        line = command("publish", fleet.rehearsal(name) / "ceremony", "--server", proxy.url)
        with subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            passing.victim = process.pid
            process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    return passing.taken


def test_a_key_that_40_of_200_repositories_share_is_stolen_and_taken_away_and_no_client_notices(acme, tmp_path):
    theft = happened(acme, tmp_path)
    all_clients_list_the_same_tags_with_old_caches_and_fresh(theft)
    the_stolen_key_is_in_no_role_and_what_it_never_signed_for_is_untouched(acme, theft)
    publishing_that_was_killed_twice_published_each_repository_once(acme, theft)
    the_server_refuses_what_the_stolen_key_signs_next(acme, theft)
    the_server_takes_what_the_new_keys_sign(acme, theft, tmp_path / "team")


def all_clients_list_the_same_tags_with_old_caches_and_fresh(theft: Theft) -> None:
    assert len(theft.before) == 200
    assert all("\n1.0 " in said and "\n1.1 " in said for said in theft.before.values())
    assert ["\n2.0 " in theft.before[gun] for gun in SHARING[:3]] == [True, True, False]
    assert theft.after == (theft.before, theft.before)


def the_stolen_key_is_in_no_role_and_what_it_never_signed_for_is_untouched(acme: Acme, theft: Theft) -> None:
    fleet = acme.fleet
    new = {key for gun in SHARING for key in fleet.roles(gun)["targets"]["keyids"]}
    assert len(new) == len(SHARING)
    for gun in GUNS:
        roles = fleet.roles(gun)
        assert not [role for role in roles.values() if theft.key_id in role["keyids"]]
        assert fleet.signed(gun)["version"] == (2 if gun in SHARING else 1)


def publishing_that_was_killed_twice_published_each_repository_once(acme: Acme, theft: Theft) -> None:
    fleet, (first, second, last) = acme.fleet, theft.taken
    assert (len(first), len(second)) == (9, 10)
    assert Counter([*first, *second, *last]) == Counter(SHARING)
    assert theft.became == {gun: "published" if gun in last else "published-before" for gun in SHARING}
    for gun in SHARING:
        for role in ("root", "targets"):
            assert fleet.server.get(gun, f"{role}.json") == fleet.made("theft", gun, role)


def the_server_refuses_what_the_stolen_key_signs_next(acme: Acme, theft: Theft) -> None:
    fleet = acme.fleet
    # A client that follows does not even send; one that is kept from following does.
    assert fleet.push(SHARING[1], "evil", theft.thief, check=False).returncode != 0
    with FaultServer(theft.frozen.answer) as past:
        refused = fleet.push(SHARING[0], "evil", theft.thief, url=past.url, check=False)
    assert refused.returncode != 0, refused.stdout
    (answer,) = theft.frozen.answers
    assert (answer.status, b"INVALID_UPDATE" in answer.body) == (400, True)


def the_server_takes_what_the_new_keys_sign(acme: Acme, theft: Theft, team: Path) -> None:
    fleet = acme.fleet
    for gun in SHARING[:2]:
        fleet.imported(gun, fleet.delivered("theft", gun), team)
        fleet.push(gun, "3.0", team)
        for cache in (theft.old, theft.fresh):
            said = fleet.listed([gun], cache)[gun]
            assert ("\n3.0 " in said, "evil" in said) == (True, False)


# --- a new root ----------------------------------------------------------------------


def test_clients_follow_a_root_to_a_new_token_and_a_new_targets_key_under_it(acme, tmp_path):
    fleet = acme.fleet
    before = fleet.listed(ROTATED, tmp_path / "old")
    theirs = {gun: fleet.server.get(gun, "targets.json") for gun in ROTATED}
    acme.change("new-root", ROTATED, plan("rotation", SIGNING, NEW_ROOT))
    with fleet.watched(ROTATED, tmp_path / "watching"):
        assert fleet.publish("new-root") == dict.fromkeys(ROTATED, "published")
        assert {gun: fleet.server.get(gun, "targets.json") for gun in ROTATED} == theirs
        assert fleet.listed(ROTATED, tmp_path / "middle") == before
        assert fleet.listed(ROTATED[:1], tmp_path / "old")[ROTATED[0]] == before[ROTATED[0]]  # this one sees every version

        key = team_key()
        brought(key, fleet.folder / "under-it" / "keys" / "team.pem")
        own = repositories(ROTATED, '{ source = "file", path = "keys/team.pem" }')
        source = plan("rotation", '[root]\ntokens = ["root-d"]\n', own)
        acme.change("under-it", ROTATED, source, after=fleet.rehearsal("new-root"))
        assert fleet.publish("under-it") == dict.fromkeys(ROTATED, "waiting-for-team")
        (tmp_path / "team.key").write_bytes(key.pkcs8_pem())
        became = fleet.publish("under-it", "--resign-targets", tmp_path / "team.key")
        assert became == dict.fromkeys(ROTATED, "published-resigned")
    for gun in ROTATED:
        one, two, three = (fleet.roles(gun, version) for version in (1, 2, 3))
        assert three["root"]["keyids"] == two["root"]["keyids"] != one["root"]["keyids"]
        assert three["targets"]["keyids"] != two["targets"]["keyids"] == one["targets"]["keyids"]
        assert fleet.signed(gun)["version"] == 3
    for cache in ("old", "middle", "fresh"):
        assert fleet.listed(ROTATED, tmp_path / cache) == before
    fleet.imported(ROTATED[0], DIALECT.delivery(ROTATED[0], key), tmp_path / "team")
    fleet.push(ROTATED[0], "2.0", tmp_path / "team")
    assert "\n2.0 " in fleet.listed(ROTATED[:1], tmp_path / "old")[ROTATED[0]]


# --- while it goes on ------------------------------------------------------------------


def test_a_push_between_fetch_and_publish_is_left_alone_and_named_and_its_team_signs_again(acme, tmp_path, monkeypatch):
    fleet, team = acme.fleet, tmp_path / "team"
    pushed, *quiet = PUSHED
    fleet.imported(pushed, fleet.delivered("genesis", pushed), team)
    before = fleet.listed(PUSHED, tmp_path / "old")
    acme.change("pushed", PUSHED, plan("rotation", SIGNING, repositories(PUSHED, fleet.generated)))
    fleet.push(pushed, "2.0", team)
    theirs = {role: fleet.server.get(pushed, f"{role}.json") for role in ("root", "targets", "snapshot")}
    now = before | fleet.listed([pushed], tmp_path / "old")
    assert "\n2.0 " in now[pushed]

    with fleet.watched(PUSHED, tmp_path / "watching"):
        became = fleet.publish("pushed", code=ExitCode.FAILED)
        assert became == {pushed: "moved-on"} | dict.fromkeys(quiet, "published")
        assert {role: fleet.server.get(pushed, f"{role}.json") for role in theirs} == theirs
        for cache in ("old", "between"):
            assert fleet.listed(PUSHED, tmp_path / cache) == now

        # The team has imported its new key, and signs with the very file that the stock client keeps.
        there = set((team / "private").iterdir())
        fleet.imported(pushed, fleet.delivered("pushed", pushed), team)
        (key,) = set((team / "private").iterdir()) - there
        monkeypatch.setenv("NOTARY_TARGETS_PASSPHRASE", PASSPHRASE)
        # The old key signed the tag, so people have to say what becomes of it.
        assert fleet.publish("pushed", "--resign-targets", key, code=ExitCode.FAILED) == {pushed: "moved-on"}
        assert fleet.publish("pushed", "--resign-targets", key, "--keep-newer-tags") == {pushed: "published-resigned"}
    for cache in ("old", "between", "fresh"):
        assert fleet.listed(PUSHED, tmp_path / cache) == now
    fleet.push(pushed, "3.0", team)
    assert "\n3.0 " in fleet.listed(PUSHED, tmp_path / "old")[pushed]
    assert fleet.publish("pushed") == dict.fromkeys(PUSHED, "published-before")


# --- one of many is broken ------------------------------------------------------------


def test_a_repository_that_the_server_exchanged_for_another_is_named_and_the_rest_go_on(acme, tmp_path):
    fleet = acme.fleet
    bad, other, *_ = BROKEN
    before = fleet.listed(BROKEN, tmp_path / "old")
    why = f"{bad} root version 1: is not the root of that version that is trusted"

    def exchanged(asked: Asked) -> Answer:
        return passed_on(fleet.server.url, replace(asked, path=asked.path.replace(f"/{bad}/", f"/{other}/")))

    fleet.know("verified", BROKEN)
    with FaultServer(exchanged) as proxy:
        done = fleet.fetch("verified", BROKEN, url=proxy.url, code=ExitCode.FAILED)
        fleet.fetch("broken", BROKEN, url=proxy.url)
    fleet.know("broken", BROKEN)
    assert "1 of 4 repositories failed" in done.stderr
    assert why in done.stderr
    request = parse_index((fleet.folder / "verified" / "request" / "index.json").read_bytes())
    assert (done.stdout, list(request.repositories)) == (f"{request.digest}\n", BROKEN[1:])
    fleet.rehearse("verified", plan("renewal", SIGNING, LONGER), "--after", acme.genesis)

    # Where whoever fetched did not verify, the room does.
    done = fleet.rehearse("broken", plan("renewal", SIGNING, LONGER), "--after", acme.genesis, code=ExitCode.FAILED)
    assert f"warning: {why}: nothing is signed for this repository" in done.stderr
    left_out = fleet.rehearsal("broken") / "ceremony" / "evidence" / "left-out.json"
    assert json.loads(left_out.read_bytes()) == {bad: why}
    assert fleet.publish("broken") == dict.fromkeys(BROKEN[1:], "published")
    for cache in ("old", "fresh"):
        assert fleet.listed(BROKEN, tmp_path / cache) == before
    assert {gun: fleet.signed(gun)["version"] for gun in BROKEN} == {bad: 1} | dict.fromkeys(BROKEN[1:], 2)
