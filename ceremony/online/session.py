# SPDX-License-Identifier: Apache-2.0
"""Talk to a Notary server: few verbs, bounded in time and size, every failure a sentence.

A session is one server, one way to trust it, one set of credentials; it may be
used from several threads. Redirects are never followed, answers are read up to a
limit, and only what can be asked twice without harm (GET) is asked again. On
loopback no proxy is used; elsewhere the environment's is, as the stock client
does. What the answers mean is for `fetch` and `publish`.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

import httpx

from ceremony.core.request import MAX_METADATA
from ceremony.errors import CeremonyError
from ceremony.online.address import Server
from ceremony.online.auth import Authenticator, Credentials
from ceremony.online.replies import MAY_PASS, Passing, Reply, broken, refusal

_MAX_REFUSAL = 8 * 1024
"""Bytes read of an answer that is not 200: enough for its reason."""
_MAX_TOKEN = 128 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a session waits, in seconds, and how often it asks again."""

    connect: float = 10
    read: float = 30
    """For the next bytes."""
    whole: float = 300
    """For one whole answer."""
    pauses: tuple[float, ...] = (0.5, 2.0)
    """Before each further try of a GET."""


class Session(AbstractContextManager["Session"]):
    """A connection to one server, with as many requests under way as there are callers.

    `ca` is PEM: the only certificates that are trusted then, instead of the
    system's. `sleep` and `monotonic` are the clock's.
    """

    def __init__(
        self,
        server: Server,
        *,
        ca: bytes | None = None,
        credentials: Credentials | None = None,
        patience: Patience = Patience(),
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._patience = patience
        self._sleep = sleep
        self._monotonic = monotonic
        self._client = _client(server, ca, patience)
        self.authenticator = Authenticator(server, credentials, self._ask_for_token)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def repository(self, gun: str) -> Remote:
        """Return the server's side of one repository."""
        return Remote(self, gun)

    def check_reachable(self) -> None:
        """Ask for the API's root; raises CeremonyError when nothing answers, or it sends us elsewhere."""
        reply = self.get(self.server.url, f"{self.server.url}/v2/", {}, _MAX_REFUSAL)
        if 300 <= reply.status < 400:
            raise refusal(self.server.url, reply)

    def get(self, subject: str, url: str, headers: Mapping[str, str], limit: int) -> Reply:
        """GET `url`, again after a pause where that may help; raises CeremonyError naming `subject`."""
        for pause in self._patience.pauses:
            try:
                reply = self.exchange(subject, "GET", url, headers, limit)
            except Passing:
                self._sleep(pause)
                continue
            if reply.status not in MAY_PASS:
                return reply
            self._sleep(pause)
        return self.exchange(subject, "GET", url, headers, limit)

    def exchange(
        self,
        subject: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        limit: int,
        *,
        files: Mapping[str, bytes] | None = None,
    ) -> Reply:
        """Send one request and read its answer, `limit` bytes of it at most.

        `files` go as a multipart form. Raises Passing or another CeremonyError, naming
        `subject`, when there is no whole answer.
        """
        parts = [("files", (name, data, "application/octet-stream")) for name, data in files.items()] if files else None
        deadline = self._monotonic() + self._patience.whole
        try:
            request = self._client.build_request(method, url, headers=dict(headers), files=parts)
            response = self._client.send(request, stream=True)
            try:
                body = b"".join(self._chunks(subject, response, limit, deadline))
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise broken(subject, error) from error
        return Reply(response.status_code, response.headers, body)

    def _chunks(self, subject: str, response: httpx.Response, limit: int, deadline: float) -> Iterator[bytes]:
        wanted = response.status_code == 200
        if wanted and response.headers.get("content-encoding", "identity") != "identity":
            raise CeremonyError(f"{subject}: the server's answer is compressed, unasked", hint="tell its administrator")
        room = limit if wanted else _MAX_REFUSAL
        for chunk in response.iter_raw():
            if self._monotonic() > deadline:
                raise Passing(
                    f"{subject}: the server's answer takes too long", hint="check the network, and run the command again"
                )
            if len(chunk) > room:
                if wanted:
                    raise CeremonyError(
                        f"{subject}: the server's answer is longer than {limit} bytes",
                        hint="nothing of it was kept; tell the server's administrator",
                    )
                yield chunk[:room]
                return
            room -= len(chunk)
            yield chunk

    def _ask_for_token(self, subject: str, url: str, headers: Mapping[str, str]) -> Reply:
        return self.get(f"{subject}: asking for a token", url, headers, _MAX_TOKEN)


def _client(server: Server, ca: bytes | None, patience: Patience) -> httpx.Client:
    trust = _trust(ca)
    try:
        return httpx.Client(
            verify=trust,
            timeout=httpx.Timeout(patience.read, connect=patience.connect),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
            trust_env=not server.loopback,
            follow_redirects=False,
            # Caches before a server may show yesterday's metadata, and a compressed answer has no length to trust.
            headers={"User-Agent": "ceremony", "Accept-Encoding": "identity", "Cache-Control": "no-cache"},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise CeremonyError(
            "the proxy that the environment names cannot be used", hint="correct or unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        ) from error


def _trust(ca: bytes | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    # Not create_default_context(cadata=...), which takes the system's certificates where the file is empty.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise CeremonyError(
            "the CA file is not a certificate in PEM", hint="give --ca-file the server's CA certificate"
        ) from error
    return context


class Remote:
    """One repository on a server; drops its token with itself. For one thread at a time."""

    def __init__(self, session: Session, gun: str) -> None:
        self.gun = gun
        self._session = session
        self._base = f"{session.server.url}/v2/{gun}/_trust/tuf/"
        self._authorization: str | None = None

    def get(self, name: str, limit: int = MAX_METADATA) -> bytes | None:
        """Return the file `name` (`root.json`, `snapshot.key`), None when the server has none; raises CeremonyError."""
        reply = self._send("GET", name, limit, None)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise refusal(self._subject(name), reply)
        return reply.body

    def post(self, files: Mapping[str, bytes]) -> None:
        """Send metadata, bytes by role, all in one request; raises CeremonyError unless the server took it."""
        reply = self._send("POST", "", _MAX_REFUSAL, files)
        if reply.status != 200:
            raise refusal(self.gun, reply)

    def _send(self, method: str, name: str, limit: int, files: Mapping[str, bytes] | None) -> Reply:
        authenticator = self._session.authenticator
        if self._authorization is None:
            self._authorization = authenticator.unasked(self.gun)
        reply = self._once(method, name, limit, files)
        if reply.status != 401:
            return reply
        with authenticator.turn:
            self._authorization = authenticator.answer(self.gun, reply)
            reply = self._once(method, name, limit, files)
            authenticator.judge(self.gun, reply)
        return reply

    def _once(self, method: str, name: str, limit: int, files: Mapping[str, bytes] | None) -> Reply:
        headers = {} if self._authorization is None else {"Authorization": self._authorization}
        if method == "GET":
            return self._session.get(self._subject(name), self._base + name, headers, limit)
        return self._session.exchange(self.gun, method, self._base, headers, limit, files=files)

    def _subject(self, name: str) -> str:
        return f"{self.gun}, {name}"
