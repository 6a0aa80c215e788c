# SPDX-License-Identifier: Apache-2.0
"""Fetch of repositories that the server knows: histories, delegations, pushes in the middle, keys made anew."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceremony.core.canonical import encode
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.published import reading
from ceremony.core.published.trusted import Anchor, TrustedRoot
from ceremony.core.request import INDEX, Request, check_file, check_names, parse_index
from ceremony.core.served import keys_for, server_key
from ceremony.core.software_key import make
from ceremony.online import repository
from ceremony.online.fetch import Judge, fetch
from tests.core.dialects.forged import Signer, key_id
from tests.core.published.made import TARGETS, Made, bare, certified, root
from tests.core.published.stock import Stock, fetched, new_server_key, pinned
from tests.online.faults import Answer, Asked
from tests.peers.notary import NotaryServer

WIDE, ONE = certified(make(Algorithm.ECDSA_P256), "docker.io/acme/*"), bare(make(Algorithm.ECDSA_P256))
APP, WEB, NEW = "docker.io/acme/app", "reg.example:5000/acme/web", "docker.io/acme/new"
ROLE_FILE = "the server's snapshot names other bytes than those that it serves, so every client will refuse them"


def quiet(gun: str, done: int, total: int) -> None:
    """Show nothing."""


def folder(out: Path) -> tuple[Request, dict[str, bytes]]:
    """Read a request folder as the room does."""
    request = parse_index((out / INDEX).read_bytes())
    check_names(request, [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()])
    files = {sha256: (out / file.path).read_bytes() for sha256, file in request.files().items()}
    for sha256, file in request.files().items():
        check_file(file, files[sha256])
    return request, files


def judge(trusted: TrustedRoot) -> Judge:
    return Judge(trusted, SEQUEL, datetime.now(UTC))


# --- the real server -----------------------------------------------------------


@pytest.fixture
def app(server: NotaryServer, tmp_path: Path) -> Stock:
    """A repository with a past: tags, a signer who signed, one who did not, two new root keys, its snapshot key with the server."""
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    stock.notary("key", "rotate", APP, "snapshot", "--server-managed")
    _, alice = stock.delegate("targets/alice", tmp_path)
    stock.delegate("targets/bob", tmp_path)
    stock.add("2.0", "two", "--roles", "targets/alice", trust=alice)
    stock.add("2.1", "two", "--roles", "targets/alice", trust=alice)
    stock.notary("key", "rotate", APP, "targets")
    return stock


def test_brings_every_version_of_root_targets_and_delegations(app, server, open_to, tmp_path):
    Stock(server, tmp_path, WEB)
    done = fetch([WEB, APP], open_to(server.url), tmp_path / "request", progress=quiet)
    request, files = folder(tmp_path / "request")
    assert (done.digest, done.known, done.new, done.failures, done.short) == (request.digest, 2, 0, (), {})
    there, their_files = fetched(server, [APP])
    ours = request.repositories[APP].metadata
    assert ours == there.repositories[APP].metadata
    assert {file.sha256 for file in request.repositories[APP].files()} <= their_files.keys() & files.keys()
    assert {role: [file.version for file in history] for role, history in ours.items()} == {
        "root": [1, 2, 3],
        "targets": [2, 3, 4, 5, 6, 7, 8],
        "targets/alice": [1, 2],
        "snapshot": [ours["snapshot"][0].version],
        "timestamp": [ours["timestamp"][0].version],
    }


def test_what_it_brings_can_be_read_in_the_room(app, server, open_to, tmp_path):
    trusted = pinned(server, APP)
    done = fetch([APP, NEW], open_to(server.url), tmp_path / "request", progress=quiet, judge=judge(trusted))
    assert (done.failures, done.known, done.new, done.notes) == ((), 1, 1, {})
    request, files = folder(tmp_path / "request")
    fleet = reading.read(request, files, trusted, SEQUEL, datetime.now(UTC))
    assert list(reading.usable(fleet)) == [APP]
    assert set(reading.usable(fleet)[APP].delegated) == {"targets/alice"}


def test_names_and_leaves_out_a_repository_that_does_not_verify(server, open_to, tmp_path):
    for gun in (APP, WEB):
        Stock(server, tmp_path, gun)
    done = fetch([WEB, APP, NEW], open_to(server.url), tmp_path / "request", progress=quiet, judge=judge(pinned(server, APP)))
    [failure] = done.failures
    assert failure.error.message.startswith(f"{WEB} root version 1: ")
    assert "does not chain to the trusted root" in failure.error.message
    assert list(folder(tmp_path / "request")[0].repositories) == [APP, NEW]
    assert [note.role for note in done.notes[APP]] == ["snapshot"]  # the stock client keeps that key


def files_of(made: Made) -> dict[str, bytes]:
    """Return what a repository that was made in memory is served as."""
    served = made.served().metadata
    files = {f"{role}.json": history[-1][1] for role, history in served.items()}
    return files | {f"{version}.{role}.json": data for role, history in served.items() for version, data in history}


def wide(gun: str, targets: Signer) -> Made:
    """Return a repository whose root certificate is for every name: it does not say whose root it is."""
    made = Made(gun)
    made.root, made.root_by = {1: root(1, [WIDE], targets=targets)}, {1: [WIDE]}
    made.targets_by = {version: [targets] for version in made.targets}
    return made


def test_two_repositories_with_one_root_are_both_refused_and_leave_no_file_behind(faulty, open_to, tmp_path):
    web, third = "docker.io/acme/web", "docker.io/acme/third"
    one = files_of(wide(APP, ONE))
    shelves = {APP: one, web: one, third: files_of(wide(third, TARGETS))}
    keys = Shelf({"root": 1})

    def answer(asked: Asked) -> Answer:
        if asked.name.endswith(".key") or not asked.gun:
            return keys.answer(asked)
        data = shelves[asked.gun].get(asked.name)
        return Answer(404) if data is None else Answer(200, data)

    trusted = TrustedRoot({}, (Anchor(key_ids=frozenset({key_id(WIDE.listed)})),))
    done = fetch(list(shelves), open_to(faulty(answer).url), tmp_path / "request", progress=quiet, judge=judge(trusted))
    assert [failure.error.message.split(",")[0] for failure in done.failures] == [
        f"{APP} root version 1: is the root of {web} too",
        f"{web} root version 1: is the root of {APP} too",
    ]
    assert list(folder(tmp_path / "request")[0].repositories) == [third]
    assert done.known == 1
    # Where both are known whole, it is certain whose root each is.
    exact = {gun: Anchor(gun, shelves[gun]["1.root.json"]) for gun in shelves}
    session = open_to(faulty(answer).url)
    assert fetch(list(shelves), session, tmp_path / "known", progress=quiet, judge=judge(TrustedRoot(exact, ()))).failures == ()


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_a_new_key_is_the_one_that_the_server_answers_with(server, faulty, open_to, tmp_path, role):
    stock = Stock(server, tmp_path, APP)
    stock.notary("key", "rotate", APP, "snapshot", "--server-managed")
    old = {role: server_key(server.get(APP, f"{role}.key"), APP, role) for role in ("snapshot", "timestamp")}
    answered: list[bytes] = []

    def between(asked: Asked) -> Answer:
        if asked.method == "POST":
            assert asked.body == b""
            answered.append(new_server_key(server, APP, role))
            return Answer(200, answered[-1])
        data = server.get(asked.gun, asked.name) if asked.gun else b"{}"
        return Answer(200, data) if data else Answer(404)

    proxy = faulty(between)
    done = fetch([APP], open_to(proxy.url), tmp_path / "request", progress=quiet, new_keys=[role])
    assert done.failures == ()
    assert [asked.name for asked in proxy.asked if asked.method == "POST"] == [f"{role}.key"]
    keys = keys_for(*folder(tmp_path / "request"), [APP])[APP]
    other = "timestamp" if role == "snapshot" else "snapshot"
    assert getattr(keys, role) == server_key(answered[0], APP, role) != old[role]
    assert getattr(keys, other) == old[other]
    # Whoever only asks goes on getting the old one, until a root names the new one.
    assert server_key(server.get(APP, f"{role}.key"), APP, role) == old[role]


def test_a_fleet_gets_new_keys_from_the_real_server(server, open_to, tmp_path):
    names = [f"docker.io/acme/app{n}" for n in range(12)]
    for name in names[:4]:
        Stock(server, tmp_path, name)
    old = {server.get(name, "timestamp.key") for name in names[:4]}
    session = open_to(server.url)
    done = fetch(names, session, tmp_path / "request", progress=quiet, new_keys=["snapshot", "timestamp"])
    assert (done.failures, done.known, done.new) == ((), 4, 8)
    _, files = folder(tmp_path / "request")
    assert old.isdisjoint(files.values())
    # The server holds what it answered: a second fetch without new keys still knows the old ones only.
    fetch(names[:4], session, tmp_path / "again", progress=quiet)
    assert old <= set(folder(tmp_path / "again")[1].values())


def test_a_push_in_the_middle_is_noticed_and_the_repository_brought_as_it_is_then(server, faulty, open_to, tmp_path):
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    turn, pushed = threading.Lock(), []

    def between(asked: Asked) -> Answer:
        data = server.get(asked.gun, asked.name) if asked.gun else b"{}"
        with turn:
            if asked.name == "snapshot.json" and not pushed:
                pushed.append(True)
                stock.add("2.0", "two")
        return Answer(200, data) if data else Answer(404)

    proxy = faulty(between)
    done = fetch([APP], open_to(proxy.url), tmp_path / "request", progress=quiet, judge=judge(pinned(server, APP)))
    assert done.failures == ()
    request, files = folder(tmp_path / "request")
    newest = request.repositories[APP].metadata["targets"][-1]
    assert files[newest.sha256] == server.get(APP, "targets.json")
    assert sum(asked.name == "snapshot.json" for asked in proxy.asked) == 2


# --- servers that lack or mix something ------------------------------------------


class Shelf:
    """Unsigned metadata of one repository that belongs together, by the names that a server serves it under."""

    def __init__(self, versions: Mapping[str, int], *, delegates: Mapping[str, list[str]] | None = None) -> None:
        self.files: dict[str, bytes] = {}
        current = {role: self.put(role, version, delegates=(delegates or {}).get(role, [])) for role, version in versions.items()}
        snapshot = self.put("snapshot", 1, meta=current)
        self.put("timestamp", 1, meta={"snapshot": snapshot})

    def put(
        self, role: str, version: int, *, meta: Mapping[str, bytes] | None = None, delegates=(), newest: bool = True
    ) -> bytes:
        signed = {"_type": role.partition("/")[0].capitalize(), "version": version}
        if meta is not None:
            digests = {name: base64.b64encode(hashlib.sha256(data).digest()).decode() for name, data in meta.items()}
            signed["meta"] = {name: {"hashes": {"sha256": digest}} for name, digest in digests.items()}
        if delegates:
            signed["delegations"] = {"keys": {}, "roles": [{"name": name} for name in delegates]}
        data = encode({"signatures": [], "signed": signed})
        if newest:
            self.files[f"{role}.json"] = data
        self.files[f"{version}.{role}.json"] = data
        return data

    def answer(self, asked: Asked) -> Answer:
        if not asked.gun:
            return Answer(200, b"{}")
        if asked.name.endswith(".key"):
            return Answer(200, json.dumps({"keytype": "ed25519", "keyval": {"public": "A" * 43 + "=", "private": None}}).encode())
        found = self.files.get(asked.name)
        return Answer(404) if found is None else Answer(200, found)


def older(shelf: Shelf, role: str, *versions: int) -> None:
    for version in versions:
        shelf.put(role, version, newest=False)


def test_a_history_begins_where_the_server_has_it_and_that_is_told(faulty, open_to, tmp_path):
    shelf = Shelf({"root": 5, "targets": 40})
    older(shelf, "root", 3, 4)
    older(shelf, "targets", 30, 31, 33, 38, 39)
    server = faulty(shelf.answer)
    done = fetch([APP], open_to(server.url), tmp_path / "request", progress=quiet)
    assert done.failures == ()
    metadata = folder(tmp_path / "request")[0].repositories[APP].metadata
    assert [file.version for file in metadata["root"]] == [3, 4, 5]
    assert [file.version for file in metadata["targets"]] == [30, 31, 33, 38, 39, 40]
    assert [str(short) for short in done.short[APP]] == [
        "root begins at version 3",
        "targets begins at version 30, and 5 later ones are missing",
    ]
    assert len(server.asked) < 40  # what is long gone is not asked for, version by version


def test_a_history_that_has_no_end_is_cut(faulty, open_to, tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "_MOST_VERSIONS", 3)
    shelf = Shelf({"root": 1, "targets": 9})
    older(shelf, "targets", *range(1, 9))
    done = fetch([APP], open_to(faulty(shelf.answer).url), tmp_path / "request", progress=quiet)
    assert [str(short) for short in done.short[APP]] == ["targets begins at version 6"]


def test_brings_delegations_of_delegations_that_the_snapshot_lists(faulty, open_to, tmp_path):
    delegates = {"targets": ["targets/a", "targets/idle", "targets/../x", "root"], "targets/a": ["targets/a/b", "targets/c"]}
    shelf = Shelf({"root": 1, "targets": 1, "targets/a": 2, "targets/a/b": 1}, delegates=delegates)
    older(shelf, "targets/a", 1)
    shelf.put("targets/idle", 1)  # served, and not in the snapshot: no client sees it
    server = faulty(shelf.answer)
    fetch([APP], open_to(server.url), tmp_path / "request", progress=quiet)
    metadata = folder(tmp_path / "request")[0].repositories[APP].metadata
    found = {role: [file.version for file in history] for role, history in metadata.items()}
    assert found == {"root": [1], "snapshot": [1], "targets": [1], "targets/a": [1, 2], "targets/a/b": [1], "timestamp": [1]}
    assert not any(".." in asked.path for asked in server.asked)


def test_without_a_snapshot_delegations_are_asked_for_and_may_be_missing(faulty, open_to, tmp_path):
    shelf = Shelf({"root": 1, "targets": 1, "targets/a": 1}, delegates={"targets": ["targets/a", "targets/idle"]})
    del shelf.files["snapshot.json"], shelf.files["timestamp.json"]
    fetch([APP], open_to(faulty(shelf.answer).url), tmp_path / "request", progress=quiet)
    assert set(folder(tmp_path / "request")[0].repositories[APP].metadata) == {"root", "targets", "targets/a"}


def other_root(shelf: Shelf) -> None:
    shelf.put("root", 2)


def no_targets(shelf: Shelf) -> None:
    del shelf.files["targets.json"]


def no_delegation(shelf: Shelf) -> None:
    del shelf.files["targets/a.json"]


def another_snapshot(shelf: Shelf) -> None:
    shelf.put("snapshot", 2, meta={})


def other_delegation(shelf: Shelf) -> None:
    shelf.put("targets/a", 7)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(other_root, f"{APP}, root: {ROLE_FILE}", id="another-root"),
        pytest.param(no_delegation, f"{APP}, targets/a: {ROLE_FILE}", id="no-delegation"),
        pytest.param(other_delegation, f"{APP}, targets/a: {ROLE_FILE}", id="another-delegation"),
        pytest.param(another_snapshot, f"{APP}, snapshot: {ROLE_FILE.replace('snapshot', 'timestamp')}", id="another-snapshot"),
        pytest.param(no_targets, f"{APP}, targets: {ROLE_FILE}", id="no-targets"),
    ],
)
def test_files_that_never_belong_together_are_a_failure_of_that_repository(faulty, open_to, tmp_path, spoil, message):
    shelf = Shelf({"root": 1, "targets": 1, "targets/a": 1}, delegates={"targets": ["targets/a"]})
    spoil(shelf)
    pauses: list[float] = []
    server = faulty(lambda asked: shelf.answer(asked) if asked.gun == APP or not asked.gun else Answer(404))
    done = fetch([APP], open_to(server.url, sleep=pauses.append), tmp_path / "request", progress=quiet)
    assert [failure.error.message for failure in done.failures] == [message]
    assert "fetch it again" in done.failures[0].error.hint
    assert pauses == [0.5, 2.0]
    assert sum(asked.name == "root.json" for asked in server.asked) == 3


def test_another_version_than_was_asked_for_is_refused(faulty, open_to, tmp_path):
    shelf = Shelf({"root": 2, "targets": 1})
    shelf.files["1.root.json"] = shelf.files["2.root.json"]
    [failure] = fetch([APP], open_to(faulty(shelf.answer).url), tmp_path / "request", progress=quiet).failures
    assert failure.error.message == f"{APP}, root of the server: states version 2 where version 1 was asked for"


def test_delegations_without_end_are_refused(faulty, open_to, tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "_MOST_ROLES", 4)
    shelf = Shelf({"root": 1, "targets": 1, "targets/a": 1}, delegates={"targets": ["targets/a"], "targets/a": ["targets/a/b"]})
    [failure] = fetch([APP], open_to(faulty(shelf.answer).url), tmp_path / "request", progress=quiet).failures
    assert failure.error.message == f"{APP}, targets of the server: delegate to more than 4 roles"


def test_what_was_brought_of_a_repository_that_failed_is_not_kept(faulty, open_to, tmp_path):
    shelf = Shelf({"root": 1, "targets": 1})
    server = faulty(lambda asked: Answer(403) if asked.gun == APP and asked.name == "timestamp.key" else shelf.answer(asked))
    done = fetch([APP, WEB], open_to(server.url), tmp_path / "request", progress=quiet)
    assert [failure.gun for failure in done.failures] == [APP]
    assert list(folder(tmp_path / "request")[0].repositories) == [WEB]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(Answer(403), f"{APP}, snapshot.key: the server does not let you (403)", id="no-right-to-push"),
        pytest.param(Answer(404), f"{APP}, snapshot.key: the server has no such place (404)", id="a-server-that-makes-none"),
        pytest.param(Answer(429), f"{APP}, snapshot.key: the server failed (429)", id="too-many"),
        pytest.param(Answer(200, b"{}"), f"{APP}, snapshot key of the server: does not have the members", id="no-key"),
    ],
)
def test_a_new_key_is_asked_for_once(faulty, open_to, tmp_path, answer, message):
    shelf = Shelf({"root": 1, "targets": 1})
    server = faulty(lambda asked: answer if asked.method == "POST" else shelf.answer(asked))
    [failure] = fetch([APP], open_to(server.url), tmp_path / "request", progress=quiet, new_keys=["snapshot"]).failures
    assert failure.error.message.startswith(message)
    assert sum(asked.method == "POST" for asked in server.asked) == 1
