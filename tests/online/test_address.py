# SPDX-License-Identifier: Apache-2.0
"""Which addresses are a server's, and which are this machine."""

from __future__ import annotations

import socket

import pytest

from ceremony.errors import CeremonyError
from ceremony.online.address import Server, is_loopback, server_at


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://notary.example", Server("https://notary.example", loopback=False, insecure_http=False)),
        ("https://Notary.Example:4443/", Server("https://notary.example:4443", loopback=False, insecure_http=False)),
        (
            "https://notary.example/Behind/proxy/",
            Server("https://notary.example/Behind/proxy", loopback=False, insecure_http=False),
        ),
        ("HTTPS://127.0.0.1:4443", Server("https://127.0.0.1:4443", loopback=True, insecure_http=False)),
        ("http://localhost:4443", Server("http://localhost:4443", loopback=True, insecure_http=False)),
        ("http://[::1]:4443", Server("http://[::1]:4443", loopback=True, insecure_http=False)),
    ],
)
def test_reads_the_address_of_a_server(url, server):
    assert server_at(url) == server


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("notary.example", id="no-scheme"),
        pytest.param("ftp://notary.example", id="another-scheme"),
        pytest.param("https://", id="no-host"),
        pytest.param("https://ada:secret@notary.example", id="with-a-password"),
        pytest.param("https://notary.example?x=1", id="with-a-query"),
        pytest.param("https://notary.example#x", id="with-a-fragment"),
        pytest.param("https://notary.example/../x", id="with-dots"),
        pytest.param("https://notary.example:99999", id="a-port-too-high"),
        pytest.param("https://[::1", id="half-an-address"),
        pytest.param("https://notary.example/\x1b[2J", id="with-a-control-character"),
        pytest.param("https://" + "x" * 300, id="too-long"),
    ],
)
def test_refuses_what_is_not_the_address_of_a_server(url):
    with pytest.raises(CeremonyError, match=r"is not the address of a server$") as refused:
        server_at(url, insecure_http=True)
    assert refused.value.message.isprintable()
    assert "secret" not in refused.value.message


def test_refuses_http_to_another_machine_unless_told():
    with pytest.raises(CeremonyError, match=r"http://notary\.example is not protected") as refused:
        server_at("http://notary.example")
    assert "--insecure-http" in refused.value.hint
    assert server_at("http://notary.example", insecure_http=True) == Server(
        "http://notary.example", loopback=False, insecure_http=True
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("127.1", False),
        ("2130706433", False),
        ("0x7f.0.0.1", False),
        ("127.0.0.1.nip.example", False),
        ("localhost.", False),
        ("localhost.example", False),
        ("", False),
        ("10.0.0.1", False),
    ],
)
def test_takes_only_literal_loopback_addresses_and_localhost(host, loopback):
    assert is_loopback(host) is loopback


def test_believes_localhost_only_where_it_is_this_machine(monkeypatch):
    def elsewhere(_host, _port):
        return [(socket.AF_INET, 0, 0, "", ("127.0.0.1", 0)), (socket.AF_INET, 0, 0, "", ("10.0.0.1", 0))]

    def nowhere(_host, _port):
        raise socket.gaierror

    for resolver in (elsewhere, nowhere):
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        assert not is_loopback("localhost")
