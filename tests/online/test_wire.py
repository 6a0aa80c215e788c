# SPDX-License-Identifier: Apache-2.0
"""Connections: kept while they last, and every end of one told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ceremony.errors import CeremonyError
from ceremony.online.address import server_at
from ceremony.online.replies import Passing
from ceremony.online.session import Session
from tests.online.faults import QUICK, Answer

APP = "docker.io/acme/app"


@contextmanager
def says(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Serve these bytes, one for each connection, and close it after; yields the address, and what was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def test_one_connection_serves_one_question_after_the_other(store, faulty, open_to):
    server = faulty(store.answer)
    remote = open_to(server.url).repository(APP)
    for _ in range(20):
        assert remote.get("root.json") is None
        assert remote.get("snapshot.key") is not None
    assert len(server.connections) == 1


def test_a_connection_whose_answer_was_not_read_to_its_end_is_not_used_again(store, faulty, open_to):
    server = faulty(lambda asked: Answer(403, b"x" * 100_000) if asked.name == "root.json" else store.answer(asked))
    remote = open_to(server.url).repository(APP)
    for _ in range(2):
        with pytest.raises(CeremonyError, match=r"does not let you \(403\)$"):
            remote.get("root.json")
        assert remote.get("snapshot.key") is not None
    assert len(server.connections) == 3


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(faulty, open_to):
    server = faulty(lambda _asked: Answer(200, b"{}"))
    remote = open_to(server.url).repository(APP)
    remote.get("snapshot.key")
    server.connections[0].shutdown(socket.SHUT_RDWR)
    remote.new_key("snapshot")  # a POST, which is not sent twice
    assert len(server.connections) == 2


def test_a_large_form_arrives_whole_and_with_its_length(faulty, open_to):
    server = faulty(lambda _asked: Answer())
    files = {"root": b"{}", "targets": b"x" * 2_000_000}
    open_to(server.url).repository(APP).post(files)
    (asked,) = server.asked
    assert asked.files() == files
    assert asked.headers["content-length"] == str(len(asked.body))
    assert "transfer-encoding" not in asked.headers


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(b"", r"broke in the middle \(Remote end closed connection without response\)$", id="nothing"),
        pytest.param(b"SSH-2.0-x\x1b[2J\r\n\r\n", r"broke in the middle \(SSH-2\.0-x \[2J\)$", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", r"\(the answer was cut short\)$", id="cut-short"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", r"\(the answer was cut short\)$", id="cut-chunk"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", r"broke in the middle \(.*\)$", id="no-chunk"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200, r"broke in the middle \(.*\)$", id="headers-without-end"),
    ],
)
def test_every_end_of_a_connection_is_told(open_to, answer, message):
    with says(*[answer] * 3) as (url, asked):
        with pytest.raises(Passing, match=message) as broken:
            open_to(url).check_reachable()
        assert broken.value.message.isprintable()
        assert len(asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n{}", id="until-it-is-closed"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", id="chunks"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", id="after-a-100"),
    ],
)
def test_reads_every_form_of_an_answer(open_to, answer):
    with says(answer) as (url, asked):
        assert open_to(url).repository(APP).get("root.json") == b"{}"
    assert asked[0].startswith(f"GET /v2/{APP}/_trust/tuf/root.json HTTP/1.1\r\n".encode())
    assert b"\r\nAccept-Encoding: identity\r\n" in asked[0]


def test_a_host_that_is_none_cannot_be_reached():
    with (
        Session(server_at(f"https://{'a' * 70}.example"), patience=QUICK, sleep=lambda _seconds: None) as session,
        pytest.raises(Passing, match=r"the server cannot be reached \(.*\)$"),
    ):
        session.check_reachable()
