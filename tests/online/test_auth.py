# SPDX-License-Identifier: Apache-2.0
"""Signing in: basic, bearer, and how a password is kept from being tried too often or sent astray."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from ceremony.core.secret import Secret
from ceremony.online.address import server_at
from ceremony.online.auth import Challenge, Credentials, challenges
from ceremony.online.fetch import fetch
from ceremony.online.session import Session
from tests.online.faults import QUICK, Answer
from tests.peers.notary import NotaryServer, notary
from tests.peers.tls import make_tls
from tests.peers.tokens import SERVICE, TokenIssuer

APP = "docker.io/acme/app"
ADA = Credentials("ada", Secret("s3cret:pass"))
BASIC = "Basic " + base64.b64encode(b"ada:s3cret:pass").decode()
MANY = [f"docker.io/acme/app{n}" for n in range(20)]


def quiet(gun: str, done: int, total: int) -> None:
    """Show nothing."""


def wants_basic(store):
    """Answer those who give Ada's password."""
    challenge = Answer(401, headers={"WWW-Authenticate": 'Basic realm="notary"'})
    return lambda asked: store.answer(asked) if asked.headers.get("authorization") == BASIC or not asked.gun else challenge


def wants_token(store, realm, token="good"):
    """Answer those who bring a token from `realm`."""
    challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="{SERVICE}",scope="repository:other/gun:*"'}
    good = {f"Bearer {token}"}
    return lambda asked: store.answer(asked) if asked.headers.get("authorization") in good else Answer(401, headers=challenge)


def issues(body: bytes, *, wants=BASIC):
    return lambda asked: Answer(200, body) if asked.headers.get("authorization") == wants else Answer(401)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["Basic"], [Challenge("basic", {})], id="bare"),
        pytest.param(['BASIC Realm="a, b"'], [Challenge("basic", {"realm": "a, b"})], id="quoted-comma"),
        pytest.param(['Basic realm="a \\"b\\""'], [Challenge("basic", {"realm": 'a "b"'})], id="quoted-quote"),
        pytest.param(
            ['Bearer realm="https://a/t?x=1",service=reg, scope="repository:g:pull,push"'],
            [Challenge("bearer", {"realm": "https://a/t?x=1", "service": "reg", "scope": "repository:g:pull,push"})],
            id="bearer",
        ),
        pytest.param(
            ['Negotiate, Basic realm="a", Bearer realm="b"'],
            [Challenge("negotiate", {}), Challenge("basic", {"realm": "a"}), Challenge("bearer", {"realm": "b"})],
            id="several-in-one",
        ),
        pytest.param(
            ['Basic realm="a"', "Bearer realm=b"],
            [Challenge("basic", {"realm": "a"}), Challenge("bearer", {"realm": "b"})],
            id="two",
        ),
        pytest.param(['Basic realm="open', ", ,=", "==="], [Challenge("basic", {})], id="rubbish"),
    ],
)
def test_reads_what_a_server_offers(headers, expected):
    assert challenges(headers) == expected


def test_signs_in_with_a_password(store, faulty, open_to, tmp_path):
    server = faulty(wants_basic(store))
    session = open_to(server.url, credentials=ADA)
    assert fetch([APP], session, tmp_path / "request", progress=quiet).failures == ()
    # Asked once, then unasked: no further 401.
    assert [asked.headers.get("authorization") for asked in server.asked if asked.gun][:2] == [None, BASIC]
    assert sum("authorization" not in asked.headers for asked in server.asked if asked.gun) == 1


def test_tries_a_wrong_password_once_for_a_whole_fleet(store, faulty, open_to, tmp_path):
    server = faulty(wants_basic(store))
    session = open_to(server.url, credentials=Credentials("ada", Secret("wrong")))
    fetched = fetch(MANY, session, tmp_path / "request", progress=quiet)
    assert len(fetched.failures) == 20
    messages = sorted(failure.error.message.partition(": ")[2] for failure in fetched.failures)
    assert messages == ["not tried, because the password was refused before"] * 19 + [
        "the user name or password was refused (401)"
    ]
    assert sum("authorization" in asked.headers for asked in server.asked) == 1


def test_asks_for_a_user_where_a_password_is_wanted(store, faulty, open_to, tmp_path):
    [failure] = fetch([APP], open_to(faulty(wants_basic(store)).url), tmp_path / "request", progress=quiet).failures
    assert failure.error.message == f"{APP}: the server wants to know who asks (401)"
    assert "--user" in failure.error.hint


def test_brings_a_token_for_this_repository_and_no_other(store, faulty, open_to, tmp_path):
    realm = faulty(issues(b'{"token":"good","expires_in":60}'))
    server = faulty(wants_token(store, realm.url + "/token?x=1"))
    session = open_to(server.url, credentials=ADA)
    assert fetch(["docker.io/acme/app", "reg.example:5000/app"], session, tmp_path / "request", progress=quiet).failures == ()
    asked = [parse_qs(urlsplit(each.path).query) for each in realm.asked]
    assert sorted(query["scope"][0] for query in asked) == [
        "repository:docker.io/acme/app:push,pull",
        "repository:reg.example:5000/app:push,pull",
    ]
    assert {(query["service"][0], query["account"][0], query["x"][0]) for query in asked} == {(SERVICE, "ada", "1")}
    assert not any(each.headers.get("authorization") == BASIC for each in server.asked)


def test_asks_for_a_token_without_a_name_when_it_has_none(store, faulty, open_to, tmp_path):
    realm = faulty(issues(b'{"access_token":"good"}', wants=None))
    session = open_to(faulty(wants_token(store, realm.url)).url)
    assert fetch([APP], session, tmp_path / "request", progress=quiet).failures == ()
    assert "account" not in realm.asked[0].path


def test_tries_a_wrong_password_once_where_tokens_are_had(store, faulty, open_to, tmp_path):
    realm = faulty(issues(b""))
    session = open_to(faulty(wants_token(store, realm.url)).url, credentials=Credentials("ada", Secret("wrong")))
    assert len(fetch(MANY, session, tmp_path / "request", progress=quiet).failures) == 20
    assert len(realm.asked) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(Answer(200, b'{"token":"bad"}'), "wants to know who asks (401)", id="a-token-that-is-refused"),
        pytest.param(Answer(200, b'{"token":"a b"}'), "sent us for a token, there was none", id="a-token-that-is-none"),
        pytest.param(Answer(200, b'{"token":7}'), "sent us for a token, there was none", id="a-number"),
        pytest.param(Answer(200, b"[]"), "sent us for a token, there was none", id="a-list"),
        pytest.param(Answer(200, b"<html>"), "sent us for a token, there was none", id="a-page"),
        pytest.param(Answer(403), "asking for a token: the server does not let you (403)", id="403"),
        pytest.param(Answer(500), "asking for a token: the server failed (500)", id="500"),
        pytest.param(Answer(200, b"x" * 200_000), "asking for a token: the server's answer is longer", id="oversize"),
    ],
)
def test_says_what_is_wrong_with_a_token(store, faulty, open_to, tmp_path, answer, message):
    realm = faulty(lambda _asked: answer)
    session = open_to(faulty(wants_token(store, realm.url)).url, credentials=ADA)
    [failure] = fetch([APP], session, tmp_path / "request", progress=quiet).failures
    assert failure.error.message.startswith(APP)
    assert message in failure.error.message


def test_sends_no_password_where_it_would_be_seen(store, faulty, tmp_path):
    tls = make_tls(tmp_path / "tls")
    realms = [
        "http://auth.example/token",
        "ftp://auth.example",
        "//auth.example",
        "",
        "https://",
        "https://[",
        "https://u:p@auth.example/",
    ]
    for realm in realms:
        server = faulty(wants_token(store, realm), tls=tls)
        url = server.url.replace("127.0.0.1", "localhost")
        with Session(server_at(url), ca=tls.ca.read_bytes(), credentials=ADA, patience=QUICK) as session:
            [failure] = fetch([APP], session, tmp_path / "request", progress=quiet).failures
        assert "where a password would not be protected" in failure.error.message
        assert not any("authorization" in asked.headers for asked in server.asked)


def test_shows_no_password(store, faulty, open_to):
    session = open_to(faulty(store.answer).url, credentials=ADA)
    assert "s3cret" not in repr(ADA) + repr(session) + repr(vars(session)) + repr(vars(session.authenticator))


def test_the_real_server_takes_our_tokens_as_it_takes_the_stock_clients(faulty, open_to, tmp_path):
    issuer = TokenIssuer.make()

    def token(asked):
        return Answer(200, json.dumps({"token": issuer.token(asked.path)}).encode())

    realm = faulty(token)
    with NotaryServer(tmp_path, auth=issuer.settings(realm.url + "/token", tmp_path)) as server:
        fetched = fetch([APP, "reg.example:5000/a"], open_to(server.url, credentials=ADA), tmp_path / "request", progress=quiet)
        assert (fetched.failures, fetched.new) == ((), 2)
        ours = [urlsplit(asked.path).query for asked in realm.asked]
        notary("init", "-p", APP, server=server.url, trust=tmp_path / "team", auth=base64.b64encode(b"ada:x").decode())
        theirs = [urlsplit(asked.path).query for asked in realm.asked][len(ours) :]
    assert sorted(parse_qs(ours[0])) == sorted(parse_qs(theirs[0]))
    assert "repository:docker.io/acme/app:push,pull" in {parse_qs(query)["scope"][0] for query in ours}
    assert {parse_qs(query)["scope"][0] for query in theirs} == {"repository:docker.io/acme/app:push,pull"}
