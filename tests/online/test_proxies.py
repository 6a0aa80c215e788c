# SPDX-License-Identifier: Apache-2.0
"""The proxies that the environment names, and what is sent through them."""

from __future__ import annotations

import base64
import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

import pytest

from ceremony.errors import CeremonyError
from ceremony.online import proxies
from ceremony.online.address import server_at
from ceremony.online.session import Session
from tests.online.faults import QUICK, Answer, FaultServer
from tests.peers.tls import make_tls

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Start without any proxy."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def to(url: str) -> str:
    found = proxies.from_environment().to(urlsplit(url))
    return "" if found is None else found.address


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        pytest.param({}, "https://notary.example", "", id="none"),
        pytest.param({"HTTPS_PROXY": "http://p:3128"}, "https://notary.example", "http://p:3128", id="https"),
        pytest.param({"HTTPS_PROXY": "http://p:3128"}, "http://notary.example", "", id="only-https"),
        pytest.param({"ALL_PROXY": "p.example"}, "https://notary.example", "http://p.example", id="all-and-no-scheme"),
        pytest.param({"ALL_PROXY": "http://a", "https_proxy": "http://b"}, "https://n.example", "http://b", id="the-closer-one"),
        pytest.param({"HTTPS_PROXY": "http://p", "NO_PROXY": "x, .example"}, "https://notary.example:4443", "", id="no-proxy"),
        pytest.param(
            {"HTTPS_PROXY": "http://p", "NO_PROXY": "other"}, "https://notary.example", "http://p", id="no-proxy-for-another"
        ),
        pytest.param({"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, "https://notary.example", "", id="no-proxy-at-all"),
    ],
)
def test_finds_the_proxy_to_an_address(monkeypatch, environment, url, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert to(url) == expected


@pytest.mark.parametrize("address", ["gopher://p", "https://p", "http://", "http://p:x", "http://[", "socks5://p"])
def test_refuses_a_proxy_that_cannot_be_used(monkeypatch, address):
    monkeypatch.setenv("ALL_PROXY", address)
    with pytest.raises(CeremonyError, match=r"^the proxy that the environment names cannot be used$") as refused:
        proxies.from_environment()
    assert "http://proxy.example" in refused.value.hint


def test_signs_in_at_a_proxy_and_shows_no_password(monkeypatch, faulty):
    proxy = faulty(lambda _asked: Answer(204))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//ada:s%40cret@"))
    assert "s@cret" not in repr(proxies.from_environment())
    with Session(server_at("http://notary.example", insecure_http=True), patience=QUICK) as session:
        session.check_reachable()
    assert proxy.asked[0].path == "http://notary.example/v2/"
    assert proxy.asked[0].headers["proxy-authorization"] == "Basic " + base64.b64encode(b"ada:s@cret").decode()
    assert proxy.asked[0].headers["host"] == "notary.example"


class Tunnel:
    """A proxy that passes bytes on after CONNECT, whatever host is asked for, to one port of this machine."""

    def __init__(self, port: int, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self.asked: list[bytes] = []
        self._port, self._answer = port, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with near:
                asked = b""
                while not asked.endswith(b"\r\n\r\n"):
                    asked += near.recv(4096)
                self.asked.append(asked)
                near.sendall(self._answer)
                if b" 200 " in self._answer:
                    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", self._port)) as far:
                        _pass_on(near, far)


def _pass_on(near: socket.socket, far: socket.socket) -> None:
    other = {near: far, far: near}
    while True:
        for ready in select.select([near, far], [], [], 20)[0]:
            data = ready.recv(65536)
            if not data:
                return
            other[ready].sendall(data)


@pytest.fixture
def tls_server(tmp_path, store) -> Iterator[tuple[FaultServer, bytes]]:
    tls = make_tls(tmp_path / "tls")
    with FaultServer(store.answer, tls=tls) as server:
        yield server, tls.ca.read_bytes()


def test_tls_goes_through_a_proxy_that_cannot_read_it(monkeypatch, tls_server):
    server, ca = tls_server
    with Tunnel(server.port) as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url.replace("//", "//ada:s3cret@"))
        wire = proxies.from_environment()
        assert wire.to(urlsplit("https://localhost")) is not None
        with Session(server_at("https://127.0.0.1.example"), ca=ca, patience=QUICK) as session:
            with pytest.raises(CeremonyError, match="certificate is not trusted") as refused:
                session.check_reachable()
            assert "--ca-file" in refused.value.hint
    assert tunnel.asked[0].startswith(b"CONNECT 127.0.0.1.example:443 HTTP/1.")
    signed_in = b"Basic " + base64.b64encode(b"ada:s3cret")
    assert re.search(rb"(?i)\r\nproxy-authorization: " + re.escape(signed_in) + rb"\r\n", tunnel.asked[0])
    assert server.asked == []


def test_says_so_when_a_proxy_lets_nobody_through(monkeypatch):
    with Tunnel(0, b"HTTP/1.1 407 Sign in\x1b[2J\r\n\r\n") as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
        with (
            Session(server_at("https://notary.example"), patience=QUICK, sleep=lambda _seconds: None) as session,
            pytest.raises(CeremonyError, match=r"cannot be reached \(Tunnel connection failed: 407 Sign in \[2J\)$"),
        ):
            session.check_reachable()
