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
from functools import cache
from types import TracebackType

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.filepost import encode_multipart_formdata

from ceremony.core.request import MAX_KEY, MAX_METADATA
from ceremony.errors import CeremonyError
from ceremony.online import proxies
from ceremony.online.address import Server
from ceremony.online.auth import Authenticator, Credentials
from ceremony.online.replies import MAY_PASS, Passing, Reply, broken, refusal
from ceremony.online.wire import Wire

# Caches before a server may show yesterday's metadata, and a compressed answer has no length to trust.
_HEADERS = {"User-Agent": "ceremony", "Accept": "*/*", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}
_PIECE = 64 * 1024
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
        # On loopback no proxy stands between.
        ways = proxies.NONE if server.loopback else proxies.from_environment()
        self._wire = Wire(_trust(ca), ways, connect=patience.connect, read=patience.read)
        self.authenticator = Authenticator(server, credentials, self._ask_for_token)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._wire.close()

    def repository(self, gun: str) -> Remote:
        """Return the server's side of one repository."""
        return Remote(self, gun)

    def check_reachable(self) -> None:
        """Ask for the API's root; raises CeremonyError when nothing answers, or it sends us elsewhere."""
        reply = self.get(self.server.url, f"{self.server.url}/v2/", {}, _MAX_REFUSAL)
        if 300 <= reply.status < 400:
            raise refusal(self.server.url, reply)

    def tries(self) -> Iterator[bool]:
        """Yield before each try whether it is the last, with a pause between two."""
        for pause in self._patience.pauses:
            yield False
            self._sleep(pause)
        yield True

    def get(self, subject: str, url: str, headers: Mapping[str, str], limit: int) -> Reply:
        """GET `url`, again after a pause where that may help; raises CeremonyError naming `subject`."""
        for last in self.tries():
            try:
                reply = self.exchange(subject, "GET", url, headers, limit)
            except Passing:
                if last:
                    raise
                continue
            if last or reply.status not in MAY_PASS:
                return reply
        raise AssertionError("a last try returns or raises")

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
        deadline = self._monotonic() + self._patience.whole
        content, body = _form(files) if files else ({}, None)
        try:
            with self._wire.send(method, url, {**_HEADERS, **headers, **content}, body) as response:
                return Reply(response.status, response.headers, b"".join(self._chunks(subject, response, limit, deadline)))
        except (HTTPError, UnicodeError) as error:
            raise broken(subject, error) from error

    def _chunks(self, subject: str, response: BaseHTTPResponse, limit: int, deadline: float) -> Iterator[bytes]:
        wanted = response.status == 200
        if wanted and response.headers.get("content-encoding", "identity") != "identity":
            raise CeremonyError(f"{subject}: the server's answer is compressed, unasked", hint="tell its administrator")
        room = limit if wanted else _MAX_REFUSAL
        while chunk := response.read1(_PIECE):
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


def _form(files: Mapping[str, bytes]) -> tuple[dict[str, str], bytes]:
    """Return header and body of a form that uploads files by name (RFC 7578)."""
    fields = [("files", (name, data, "application/octet-stream")) for name, data in files.items()]
    body, content_type = encode_multipart_formdata(fields)
    return {"Content-Type": content_type}, body


def _trust(ca: bytes | None) -> Callable[[], ssl.SSLContext]:
    if ca is None:
        return cache(ssl.create_default_context)  # reading the system's certificates takes longer than many a fetch
    # Not create_default_context(cadata=...), which takes the system's certificates where the file is empty.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise CeremonyError(
            "the CA file is not a certificate in PEM", hint="give --ca-file the server's CA certificate"
        ) from error
    return lambda: context


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

    def new_key(self, role: str) -> bytes:
        """Let the server make a new key for a role, and return the public half, as it answers; raises CeremonyError.

        The repository goes on with the old one until a root names the new one.
        """
        name = f"{role}.key"
        reply = self._send("POST", name, MAX_KEY, {})
        if reply.status != 200:
            raise refusal(self._subject(name), reply)
        return reply.body

    def tries(self) -> Iterator[bool]:
        """Yield before each try whether it is the last, with a pause between two."""
        return self._session.tries()

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
        subject = self._subject(name) if name else self.gun
        return self._session.exchange(subject, method, self._base + name, headers, limit, files=files)

    def _subject(self, name: str) -> str:
        return f"{self.gun}, {name}"
