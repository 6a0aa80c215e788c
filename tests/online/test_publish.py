# SPDX-License-Identifier: Apache-2.0
"""Publish, judged by the stock client at a real notary-server, and against servers that misbehave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, PlanRefused, StorageError, VerificationError
from ceremony.online.auth import Credentials
from ceremony.online.publish import Published, publish
from ceremony.online.session import Patience, Session
from tests.online.faults import Answer, Store
from tests.online.metadata import Signed, genesis, sign, targets, targets_entry
from tests.peers.notary import NotaryServer, notary
from tests.peers.tokens import TokenIssuer

APP = "docker.io/acme/app"
OTHER = "reg.example:5000/acme/other"


def quiet(gun: str, done: int, total: int) -> None:
    """Show nothing."""


def made(server, gun: str, **how) -> Signed:
    """Make root and targets of a repository with the keys that `server` gives."""
    return genesis(gun, server.key(gun, "snapshot"), server.key(gun, "timestamp"), **how)


def bundle(signed: Mapping[str, Signed], roles: tuple[str, ...] = ("root", "targets")) -> dict[str, bytes]:
    """Return the files of a ceremony folder: these repositories, and some that are not for publishing."""
    files = {f"bundle/tuf/{gun}/metadata/{role}.json": one.files[role] for gun, one in signed.items() for role in roles}
    return {**files, "ceremony.jsonl": b"{}\n", "bundle/trust-pinning.json": b"{}"}


def go(files: Mapping[str, bytes], session: Session, **options):
    options = {"practice": True, "dry_run": False, "progress": quiet, "now": datetime.now(UTC)} | options
    return publish(list(files), files.__getitem__, session, **options)


def only_failure(outcome) -> str:
    assert outcome.done == {}
    [failure] = outcome.failures
    assert failure.error.hint
    return failure.error.message


# --- the real server ---------------------------------------------------------


def test_stock_clients_trust_what_was_published(server, open_to, tmp_path):
    files = bundle({gun: made(server, gun) for gun in (APP, OTHER)})
    outcome = go(files, open_to(server.url))
    assert (outcome.done, outcome.failures) == ({APP: Published.DONE, OTHER: Published.DONE}, ())
    for gun in (APP, OTHER):
        assert "No targets present" in notary("list", gun, server=server.url, trust=tmp_path / "fresh").stdout


def test_publishes_many_at_once(server, open_to, tmp_path):
    guns = [f"docker.io/acme/app{n}" for n in range(40)]
    seen: list[int] = []
    outcome = go(
        bundle({gun: made(server, gun) for gun in guns}),
        open_to(server.url),
        progress=lambda _gun, done, _total: seen.append(done),
    )
    assert outcome.done == dict.fromkeys(sorted(guns), Published.DONE)
    assert seen == list(range(1, 41))


def test_a_second_run_finds_everything_published(server, open_to):
    files = bundle({gun: made(server, gun) for gun in (APP, OTHER)})
    session = open_to(server.url)
    go({path: data for path, data in files.items() if APP in path}, session)
    assert go(files, session).done == {APP: Published.BEFORE, OTHER: Published.DONE}


def test_leaves_a_repository_alone_that_its_team_has_signed_since(server, open_to, tmp_path):
    signed = made(server, APP)
    go(bundle({APP: signed}), open_to(server.url))
    newer = sign(targets(2, {}), signed.targets_key, targets_entry(signed))
    session = open_to(server.url)
    session.repository(APP).post({"targets": newer})
    assert go(bundle({APP: signed}), session).done == {APP: Published.BEFORE}
    assert server.get(APP, "targets.json") == newer


def test_a_dry_run_sends_nothing(server, open_to):
    files = bundle({APP: made(server, APP)})
    assert go(files, open_to(server.url), dry_run=True).done == {APP: Published.READY}
    assert server.get(APP, "root.json") is None
    go(files, open_to(server.url))
    assert go(files, open_to(server.url), dry_run=True).done == {APP: Published.BEFORE}


def test_touches_no_repository_that_the_server_knows(server, open_to, tmp_path):
    files = bundle({gun: made(server, gun) for gun in (APP, OTHER)})
    notary("init", "-p", APP, server=server.url, trust=tmp_path / "team")
    before = server.get(APP, "root.json")
    outcome = go(files, open_to(server.url))
    assert outcome.done == {OTHER: Published.DONE}
    [failure] = outcome.failures
    assert failure.error.message == f"{APP}: the server has moved on, its root (version 1) is not the one of this ceremony"
    assert "nothing was sent" in failure.error.hint
    assert server.get(APP, "root.json") == before


def test_a_root_alone_waits_for_its_team(server, open_to, tmp_path):
    signed = made(server, APP)
    files = bundle({APP: signed}, roles=("root",))
    assert go(files, open_to(server.url)).done == {APP: Published.WAITING}
    assert server.get(APP, "root.json") is None
    session = open_to(server.url)
    session.repository(APP).post(signed.files)  # as the team does
    assert go(files, session).done == {APP: Published.BEFORE}


def test_says_what_the_real_server_said(server, open_to):
    stranger = Store()
    files = bundle({APP: genesis(APP, stranger.key(APP, "snapshot"), server.key(APP, "timestamp"))})
    message = only_failure(go(files, open_to(server.url)))
    assert message == (
        f"{APP}: the server refused what was sent (400): "
        "no snapshot was included in update and server does not hold current snapshot key for repository"
    )


def test_does_not_send_what_the_server_would_encode_otherwise(server, open_to, tmp_path):
    files = bundle({APP: made(server, APP, spaces=True)})
    assert "is not encoded as a Notary server encodes" in only_failure(go(files, open_to(server.url)))
    assert server.get(APP, "root.json") is None


def test_finds_out_when_the_server_accepted_what_clients_refuse(server, open_to, tmp_path):
    signed = made(server, APP, spaces=True)
    session = open_to(server.url)
    session.repository(APP).post(signed.files)
    compact = {role: json.dumps(json.loads(data), separators=(",", ":")).encode() for role, data in signed.files.items()}
    assert "server has moved on" in only_failure(go(bundle({APP: Signed(**compact, targets_key=signed.targets_key)}), session))
    assert notary("list", APP, server=server.url, trust=tmp_path / "fresh", check=False).returncode == 1


# --- servers that misbehave --------------------------------------------------


def posting(store: Store, answer: Answer, *, takes: bool = False):
    """Answer as a Notary server, but to a POST with `answer`, having taken it or not."""

    def reply(asked):
        if asked.method != "POST":
            return store.answer(asked)
        if takes:
            store.answer(asked)
        return answer

    return reply


def test_sends_root_and_targets_in_one_request(store, faulty, open_to):
    signed = made(store, APP)
    server = faulty(store.answer)
    go(bundle({APP: signed}), open_to(server.url))
    [post] = [asked for asked in server.asked if asked.method == "POST"]
    assert post.path == f"/v2/{APP}/_trust/tuf/"
    assert post.files() == signed.files


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, f"{APP}: the server wants to know who asks (401)"),
        (403, f"{APP}: the server does not let you (403)"),
        (404, f"{APP}: the server has no such place (404)"),
        (409, f"{APP}: the server has moved on since (409)"),
        (413, f"{APP}: the server takes no files of this size (413)"),
        (500, f"{APP}: the server failed (500)"),
    ],
)
def test_tells_why_the_server_did_not_take_it_and_asks_once(store, faulty, open_to, status, message):
    server = faulty(posting(store, Answer(status)))
    assert only_failure(go(bundle({APP: made(store, APP)}), open_to(server.url))) == message
    assert sum(asked.method == "POST" for asked in server.asked) == 1


@pytest.mark.parametrize(
    "answer", [Answer(200, b"x", declared=9), Answer(500), Answer(200, b"xx", stall=True)], ids=["cut", "500", "late"]
)
def test_looks_again_when_it_cannot_know_whether_the_server_took_it(store, faulty, open_to, answer):
    patience = Patience(read=0.2, pauses=())
    taken = faulty(posting(store, answer, takes=True))
    assert go(bundle({APP: made(store, APP)}), open_to(taken.url, patience=patience)).done == {APP: Published.DONE}
    fresh = Store()
    lost = faulty(posting(fresh, answer))
    only_failure(go(bundle({APP: made(fresh, APP)}), open_to(lost.url, patience=patience)))
    assert fresh.files == {}


def test_tells_the_first_reason_when_it_cannot_look_again_either(store, faulty, open_to):
    down: list[bool] = []

    def dying(asked):
        if asked.method == "POST" or down:
            down.append(True)
            return Answer(409 if asked.method == "POST" else 403)
        return store.answer(asked)

    assert "(409)" in only_failure(go(bundle({APP: made(store, APP)}), open_to(faulty(dying).url)))


@pytest.mark.parametrize(
    ("served", "message"),
    [
        pytest.param({"root": b"{}"}, f"{APP}, root: the server's own metadata names other bytes", id="another-root"),
        pytest.param({"targets": None}, f"{APP}, targets: the server's own metadata names other bytes", id="no-targets"),
        pytest.param({"snapshot": None}, f"{APP}, snapshot: the server's own metadata names other bytes", id="no-snapshot"),
        pytest.param({"timestamp": None}, f"{APP}, timestamp: the server made none", id="no-timestamp"),
        pytest.param({"timestamp": b"{}"}, f"{APP}, timestamp of the server: is not metadata of that role", id="no-metadata"),
    ],
)
def test_reads_back_what_it_published(store, faulty, open_to, served, message):
    def lying(asked):
        reply = store.answer(asked)
        for role, data in served.items():
            store.files.get(asked.gun, {})[role] = data
        return reply

    assert message in only_failure(go(bundle({APP: made(store, APP)}), open_to(faulty(lying).url)))


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        pytest.param(None, "its targets is missing", id="missing"),
        pytest.param(1, "its targets (version 1) is not the one of this ceremony", id="the-same-version"),
    ],
)
def test_leaves_alone_what_does_not_follow_from_ours(store, faulty, open_to, theirs, message):
    signed = made(store, APP)
    store.files[APP] = {"root": signed.root}
    if theirs:
        store.files[APP]["targets"] = sign(targets(theirs, {"x": 1}), signed.targets_key, targets_entry(signed))
    assert message in only_failure(go(bundle({APP: signed}), open_to(faulty(store.answer).url)))
    assert store.posts == []


def test_one_failure_does_not_stop_the_others(store, faulty, open_to):
    guns = [f"docker.io/acme/app{n}" for n in range(20)]
    server = faulty(lambda asked: Answer(403) if asked.gun == guns[7] else store.answer(asked))
    outcome = go(bundle({gun: made(store, gun) for gun in guns}), open_to(server.url))
    assert len(outcome.done) == 19
    assert [failure.gun for failure in outcome.failures] == [guns[7]]


# --- the bundle --------------------------------------------------------------


def test_a_practice_ceremony_goes_only_to_loopback(store, open_to):
    files = bundle({APP: made(store, APP)})
    for url in ("https://notary.example", "https://10.0.0.1", "https://127.0.0.1.example"):
        with pytest.raises(CeremonyError, match=f"a practice ceremony is not published to {url}"):
            go(files, open_to(url))
    with pytest.raises(CeremonyError, match="cannot be reached"):
        go(files, open_to("https://localhost:1"))


def test_a_production_ceremony_goes_anywhere(store, faulty, open_to):
    files = bundle({APP: made(store, APP)})
    assert go(files, open_to(faulty(store.answer).url), practice=False).done == {APP: Published.DONE}


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        pytest.param({"ceremony.jsonl": b""}, CeremonyError, "the bundle holds no repository to publish", id="nothing"),
        pytest.param(
            {"bundle/tuf/x": b""}, VerificationError, "bundle/tuf/x: is not metadata of a repository", id="strange-file"
        ),
        pytest.param({"bundle/tuf/docker.io/../x/metadata/root.json": b""}, PlanRefused, "cannot be used", id="unsafe-name"),
    ],
)
def test_refuses_a_bundle_that_is_none(store, faulty, open_to, files, error, message):
    server = faulty(store.answer)
    with pytest.raises(error, match=message):
        go(files, open_to(server.url))
    assert server.asked == []


@pytest.mark.parametrize("roles", [{"targets"}, {"root", "targets", "timestamp"}, {"root", "snapshot"}])
def test_refuses_metadata_that_this_version_cannot_publish(store, faulty, open_to, roles):
    files = {f"bundle/tuf/{APP}/metadata/{role}.json": b"{}" for role in roles}
    message = only_failure(go(files, open_to(faulty(store.answer).url)))
    assert message.startswith(f"{APP}: the bundle holds {', '.join(sorted(roles))}")


def test_stops_when_the_folder_cannot_be_read(store, faulty, open_to):
    def unreadable(path: str) -> bytes:
        raise StorageError("stick", "was pulled", hint="put it back")

    files = bundle({gun: made(store, gun) for gun in (APP, OTHER)})
    with pytest.raises(StorageError, match="stick: was pulled"):
        publish(
            list(files),
            unreadable,
            open_to(faulty(store.answer).url),
            practice=True,
            dry_run=False,
            progress=quiet,
            now=datetime.now(UTC),
        )


def test_the_real_server_takes_a_publish_with_a_token(faulty, open_to, tmp_path: Path):
    issuer = TokenIssuer.make()
    realm = faulty(lambda asked: Answer(200, json.dumps({"token": issuer.token(asked.path)}).encode()))
    with NotaryServer(tmp_path, auth=issuer.settings(realm.url, tmp_path)) as server:
        session = open_to(server.url, credentials=Credentials("ada", Secret("x")))
        remote = session.repository(APP)
        keys = {role: json.loads(remote.get(f"{role}.key") or b"") for role in ("snapshot", "timestamp")}
        files = bundle({APP: genesis(APP, keys["snapshot"], keys["timestamp"])})
        assert go(files, session).done == {APP: Published.DONE}
