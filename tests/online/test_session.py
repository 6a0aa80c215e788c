# SPDX-License-Identifier: Apache-2.0
"""What a session refuses before it sends anything, and which proxies it uses."""

from __future__ import annotations

import pytest

from ceremony.errors import CeremonyError
from ceremony.online.address import server_at
from ceremony.online.session import Session
from tests.online.faults import Answer


@pytest.mark.parametrize(
    "ca", [b"", b"\n", b"rubbish", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_refuses_a_ca_file_that_is_none(ca):
    with pytest.raises(CeremonyError, match=r"^the CA file is not a certificate in PEM$") as refused:
        Session(server_at("https://notary.example"), ca=ca)
    assert "--ca-file" in refused.value.hint


def test_refuses_a_proxy_that_is_none(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy.example")
    with pytest.raises(CeremonyError, match=r"^the proxy that the environment names cannot be used$"):
        Session(server_at("https://notary.example"))


def test_uses_the_environments_proxy_but_never_for_this_machine(monkeypatch, faulty, store, open_to):
    proxy = faulty(lambda _asked: Answer(204))
    server = faulty(store.answer)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    open_to(server.url).check_reachable()
    assert proxy.asked == []
    with Session(server_at("http://notary.example", insecure_http=True)) as session:
        session.check_reachable()
    assert [asked.path for asked in proxy.asked] == ["http://notary.example/v2/"]
