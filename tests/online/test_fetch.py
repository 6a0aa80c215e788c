# SPDX-License-Identifier: Apache-2.0
"""Fetch, against a real notary-server and against servers that misbehave."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from ceremony.core.keys import from_raw_ed25519
from ceremony.core.request import INDEX, Request, check_file, check_names, parse_index
from ceremony.core.served import keys_for
from ceremony.errors import CeremonyError, PlanRefused, StorageError
from ceremony.online.fetch import fetch
from ceremony.online.session import Patience
from tests.online.faults import Answer
from tests.peers.notary import NotaryServer, notary
from tests.peers.tls import make_tls

APP = "docker.io/acme/app"
PORT = "reg.example:5000/app"


def quiet(gun: str, done: int, total: int) -> None:
    """Show nothing."""


def folder(out: Path) -> tuple[Request, dict[str, bytes]]:
    """Read a request folder as the room does: every file accounted for, every digest checked."""
    request = parse_index((out / INDEX).read_bytes())
    check_names(request, [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()])
    files = {sha256: (out / file.path).read_bytes() for sha256, file in request.files().items()}
    for sha256, file in request.files().items():
        check_file(file, files[sha256])
    return request, files


# --- the real server ---------------------------------------------------------


def test_brings_the_keys_of_repositories_that_the_server_does_not_know(server, open_to, tmp_path):
    fetched = fetch([APP, PORT], open_to(server.url), tmp_path / "request", progress=quiet)
    request, files = folder(tmp_path / "request")
    assert (fetched.digest, fetched.new, fetched.known, fetched.failures) == (request.digest, 2, 0, ())
    assert request.server == server.url
    assert {gun: repository.known for gun, repository in request.repositories.items()} == {APP: False, PORT: False}
    keys = keys_for(request, files, [APP, PORT])
    assert len({key.sha256 for pair in keys.values() for key in (pair.snapshot, pair.timestamp)}) == 4


def test_brings_the_metadata_of_a_repository_that_the_server_knows(server, open_to, tmp_path):
    notary("init", "-p", APP, server=server.url, trust=tmp_path / "team")
    fetched = fetch([APP], open_to(server.url), tmp_path / "request", progress=quiet)
    request, files = folder(tmp_path / "request")
    assert (fetched.new, fetched.known) == (0, 1)
    metadata = request.repositories[APP].metadata
    assert {role: [(file.version, files[file.sha256]) for file in versions] for role, versions in metadata.items()} == {
        role: [(version, server.get(APP, f"{role}.json"))]
        for role, version in {"root": 1, "targets": 2, "snapshot": 2, "timestamp": 1}.items()
    }
    served = json.loads(server.get(APP, "timestamp.key"))
    assert keys_for(request, files, [APP])[APP].timestamp == from_raw_ed25519(_raw(served))


def _raw(key: dict) -> bytes:
    return base64.b64decode(key["keyval"]["public"])


def test_brings_many_at_once_and_counts_them(server, open_to, tmp_path):
    guns = [f"docker.io/acme/app{n}" for n in range(60)]
    seen: list[tuple[int, int]] = []
    fetched = fetch(guns, open_to(server.url), tmp_path / "r", progress=lambda _gun, done, total: seen.append((done, total)))
    assert fetched.failures == ()
    assert seen == [(n, 60) for n in range(1, 61)]
    assert list(folder(tmp_path / "r")[0].repositories) == sorted(guns)


def test_trusts_a_server_by_its_own_ca_only(open_to, tmp_path):
    tls = make_tls(tmp_path / "tls")
    with NotaryServer(tmp_path, tls=(tls.certificate, tls.key)) as server:
        session = open_to(server.url, ca=tls.ca.read_bytes())
        assert fetch([APP], session, tmp_path / "request", progress=quiet).new == 1
        with pytest.raises(CeremonyError, match=r"certificate is not trusted \(.*\)$") as refused:
            fetch([APP], open_to(server.url), tmp_path / "other", progress=quiet)
    assert "--ca-file" in refused.value.hint
    assert not (tmp_path / "other").exists()


def test_brings_what_there_is_of_a_repository_without_targets(store, faulty, open_to, tmp_path):
    store.files[APP] = {"root": b'{"signed":{"_type":"Root","version":7}}'}
    assert fetch([APP], open_to(faulty(store.answer).url), tmp_path / "request", progress=quiet).known == 1
    [root] = folder(tmp_path / "request")[0].repositories[APP].metadata["root"]
    assert root.version == 7


# --- servers that misbehave --------------------------------------------------


def only(store, name: str, answer: Answer):
    """Answer as a Notary server, but for one file."""
    return lambda asked: answer if asked.name == name else store.answer(asked)


KEY = Answer(200, b"x" * 103)
REFUSED = [
    pytest.param("root.json", Answer(401), "wants to know who asks (401)", "--user", 1, id="401"),
    pytest.param("root.json", Answer(403), f"{APP}, root.json: the server does not let you (403)", "right", 1, id="403"),
    pytest.param("root.json", Answer(409), "has moved on since (409)", "fetch again", 1, id="409"),
    pytest.param("root.json", Answer(418), "answered 418, which is not expected", "--server", 1, id="a-teapot"),
    pytest.param("root.json", Answer(500), "the server failed (500)", "try again later", 3, id="500-three-times"),
    pytest.param("root.json", Answer(503, b"\xff{"), "the server failed (503)", "try again later", 3, id="503-with-rubbish"),
    pytest.param(
        "root.json",
        Answer(200, b"{}", declared=100),
        "the connection broke in the middle",
        "run the command again",
        3,
        id="half-a-body",
    ),
    pytest.param(
        "root.json",
        Answer(302, headers={"Location": "https://evil.example/x"}),
        "sends us on to evil.example, and we do not follow",
        "name it with --server",
        1,
        id="redirect-to-another-host",
    ),
    pytest.param("root.json", Answer(301, headers={"Location": "/x"}), "another place of its own", "name it", 1, id="redirect"),
    pytest.param(
        "snapshot.key",
        Answer(200, b"x" * 65_537),
        "snapshot.key: the server's answer is longer than 65536",
        "kept",
        1,
        id="oversize",
    ),
    pytest.param(
        "root.json",
        Answer(200, b"x" * 1000, headers={"Content-Encoding": "gzip"}),
        "is compressed, unasked",
        "administrator",
        1,
        id="compressed",
    ),
    pytest.param("snapshot.key", Answer(404), "has no snapshot key (404)", "Notary server", 1, id="no-key"),
    pytest.param(
        "snapshot.key", KEY, "snapshot key of the server: is not the JSON that was expected", "administrator", 1, id="rubbish"
    ),
    pytest.param(
        "root.json", Answer(200, b"{}"), "root of the server: is not metadata of that role", "fetch", 1, id="no-metadata"
    ),
    pytest.param("root.json", Answer(403, b"x" * 100_000), "does not let you (403)", "right", 1, id="a-long-refusal"),
    pytest.param(
        "root.json",
        Answer(403, json.dumps({"errors": [{"message": "go\x1b[2Jaway " + "x" * 500}]}).encode()),
        "(403): go [2Jaway xxx",
        "right",
        1,
        id="text-that-a-terminal-would-obey",
    ),
]


@pytest.mark.parametrize(("name", "answer", "message", "hint", "times"), REFUSED)
def test_tells_what_is_wrong_and_leaves_no_folder(store, faulty, open_to, tmp_path, name, answer, message, hint, times):
    server = faulty(only(store, name, answer))
    fetched = fetch([APP], open_to(server.url), tmp_path / "request", progress=quiet)
    [failure] = fetched.failures
    assert failure.gun == APP
    assert failure.error.message.startswith(APP)
    assert message in failure.error.message
    assert failure.error.message.isprintable()
    assert len(failure.error.message) < 400
    assert hint in failure.error.hint
    assert fetched.digest == ""
    assert list(tmp_path.glob("request*")) == []
    assert sum(asked.name == name for asked in server.asked) == times


def test_one_failure_does_not_stop_the_others(store, faulty, open_to, tmp_path):
    guns = [f"docker.io/acme/app{n}" for n in range(20)]
    server = faulty(lambda asked: Answer(403) if asked.gun == guns[7] else store.answer(asked))
    fetched = fetch(guns, open_to(server.url), tmp_path / "request", progress=quiet)
    assert [failure.gun for failure in fetched.failures] == [guns[7]]
    assert fetched.new == 19
    assert guns[7] not in folder(tmp_path / "request")[0].repositories


def test_asks_again_what_broke_off(store, faulty, open_to, tmp_path):
    pauses: list[float] = []
    broken = [Answer(200, b"{}", declared=99), Answer(502)]
    server = faulty(lambda asked: broken.pop() if asked.name == "snapshot.key" and broken else store.answer(asked))
    session = open_to(server.url, sleep=pauses.append)
    assert fetch([APP], session, tmp_path / "request", progress=quiet).failures == ()
    assert pauses == [0.5, 2.0]


@pytest.mark.parametrize(
    ("answer", "patience", "message"),
    [
        pytest.param(Answer(200, b"{ }", stall=True), Patience(read=0.1, pauses=()), "did not answer in time", id="stalls"),
        pytest.param(Answer(200, b"{}" * 500, drip=True), Patience(whole=0.1, pauses=()), "answer takes too long", id="drips"),
    ],
)
def test_does_not_wait_for_ever(store, faulty, open_to, tmp_path, answer, patience, message):
    server = faulty(only(store, "root.json", answer))
    [failure] = fetch([APP], open_to(server.url, patience=patience), tmp_path / "request", progress=quiet).failures
    assert message in failure.error.message


def test_gives_up_on_a_server_that_stopped_answering(store, faulty, open_to, tmp_path):
    server = faulty(lambda asked: Answer(500) if asked.gun else store.answer(asked))
    guns = [f"docker.io/acme/app{n}" for n in range(200)]
    fetched = fetch(guns, open_to(server.url), tmp_path / "request", progress=quiet, workers=2)
    assert len(fetched.failures) == 200
    assert fetched.failures[-1].error.message == f"{guns[-1]}: not tried, because the server stopped answering"
    assert len({asked.gun for asked in server.asked}) < 20


def test_says_so_when_there_is_no_server(open_to, tmp_path, faulty, store):
    with pytest.raises(CeremonyError, match="cannot be reached") as refused:
        fetch([APP], open_to("http://127.0.0.1:1"), tmp_path / "request", progress=quiet)
    assert refused.value.hint == "check --server and the network"
    elsewhere = faulty(lambda _asked: Answer(307, headers={"Location": "https://evil.example/v2/"}))
    with pytest.raises(CeremonyError, match=r"sends us on to evil\.example"):
        fetch([APP], open_to(elsewhere.url), tmp_path / "request", progress=quiet)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "gun", ["docker.io/acme/../app", "docker.io//app", "/etc/passwd", "docker.io/acme/*", "docker.io/a\nb", ""]
)
def test_refuses_a_name_that_is_not_safe_before_it_asks(faulty, store, open_to, tmp_path, gun):
    server = faulty(store.answer)
    with pytest.raises(PlanRefused, match=r"^GUN: "):
        fetch([APP, gun], open_to(server.url), tmp_path / "request", progress=quiet)
    assert server.asked == []


def test_keeps_equal_files_once(store, faulty, open_to, tmp_path):
    key = json.dumps(store.key("the", "same")).encode()
    server = faulty(lambda asked: Answer(200, key) if asked.name.endswith(".key") else store.answer(asked))
    assert fetch([APP, PORT], open_to(server.url), tmp_path / "request", progress=quiet).failures == ()
    assert len(list((tmp_path / "request" / "files").iterdir())) == 1
    folder(tmp_path / "request")


# --- the folder --------------------------------------------------------------


def test_overwrites_nothing(store, faulty, open_to, tmp_path):
    session = open_to(faulty(store.answer).url)
    (tmp_path / "request").mkdir()
    with pytest.raises(StorageError, match=r"request: exists already$"):
        fetch([APP], session, tmp_path / "request", progress=quiet)
    (tmp_path / "other.part").mkdir()
    with pytest.raises(StorageError, match=r"other\.part: exists already$") as refused:
        fetch([APP], session, tmp_path / "other", progress=quiet)
    assert "delete it" in refused.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.part", "request"]


def test_leaves_nothing_half_written_where_it_cannot_write(store, faulty, open_to, tmp_path):
    session = open_to(faulty(store.answer).url)
    with pytest.raises(StorageError, match=r"cannot be written \(No such file or directory\)"):
        fetch([APP], session, tmp_path / "missing" / "request", progress=quiet)

    def pulled(asked):
        if asked.name == "timestamp.key":
            (tmp_path / "stick" / "request.part").rename(tmp_path / "pulled")
        return store.answer(asked)

    (tmp_path / "stick").mkdir()
    with pytest.raises(StorageError, match=r"cannot be written \(No such file or directory\)"):
        fetch([APP], open_to(faulty(pulled).url), tmp_path / "stick" / "request", progress=quiet)
    assert list((tmp_path / "stick").iterdir()) == []


def test_does_not_replace_a_folder_that_appeared_meanwhile(store, faulty, open_to, tmp_path):
    out = tmp_path / "request"

    def meanwhile(asked):
        if asked.name == "timestamp.key":
            out.mkdir()
            (out / "mine").write_text("kept")
        return store.answer(asked)

    with pytest.raises(StorageError, match="cannot be written"):
        fetch([APP], open_to(faulty(meanwhile).url), out, progress=quiet)
    assert [path.name for path in tmp_path.rglob("*")] == ["request", "mine"]


def test_removes_what_it_had_when_people_interrupt_it(store, faulty, open_to, tmp_path):
    def interrupted(gun: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([APP, PORT], open_to(faulty(store.answer).url), tmp_path / "request", progress=interrupted)
    assert list(tmp_path.iterdir()) == []
