# SPDX-License-Identifier: Apache-2.0
"""Signing in at a server: HTTP Basic (RFC 7617) and a registry's bearer tokens.

As the stock client: a server that answers 401 names a scheme, and for `Bearer` a
realm where a token for `repository:<GUN>:push,pull` is to be had (Docker Registry
v2 authentication, "token"). Unlike it, a password that was refused once is not
sent again: a fleet of a thousand repositories must not lock an account. Without
a user, an anonymous token is asked for.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from ceremony.online.address import Server, check_realm
from ceremony.online.replies import Reply, refusal

Ask = Callable[[str, str, Mapping[str, str]], Reply]
"""Subject, address and headers of a GET in; its answer out."""

_PARAMETER = re.compile(r'\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][\w-]*)(?:\s+|\s*,|$)(?!\s*=)")
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """Who asks; the password shows nowhere."""

    user: str
    password: Secret

    def basic(self) -> str:
        """Return the value of an Authorization header."""
        return "Basic " + base64.b64encode(self.user.encode() + b":" + self.password.reveal()).decode()


@dataclass(frozen=True, slots=True)
class Challenge:
    """How a server wants to be answered (RFC 9110, section 11.6.1)."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str]


def challenges(headers: Sequence[str]) -> list[Challenge]:
    """Return what the values of WWW-Authenticate headers offer; what cannot be read is left out."""
    found: list[Challenge] = []
    for text in headers:
        at = 0
        while scheme := _SCHEME.match(text, at):
            at = scheme.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(text, at):
                at = parameter.end()
                quoted = parameter[2]
                parameters[parameter[1].lower()] = parameter[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found.append(Challenge(scheme[1].lower(), parameters))
    return found


class Authenticator:
    """What one session knows about signing in; safe to use from several threads."""

    def __init__(self, server: Server, credentials: Credentials | None, ask: Ask) -> None:
        self._server = server
        self._credentials = credentials
        self._ask = ask
        self._challenge: Challenge | None = None
        self._trying: Challenge | None = None
        self._refused: CeremonyError | None = None
        self.turn = threading.RLock()
        """Held from a 401 to the answer's fate, so that a password is tried once, not once a thread."""

    def unasked(self, gun: str) -> str | None:
        """Return the Authorization to send before being asked; None while nothing is known."""
        return None if self._challenge is None else self._answer(gun, self._challenge)

    def answer(self, gun: str, reply: Reply) -> str:
        """Return the Authorization that answers a 401; raises CeremonyError when there is none to give."""
        offered = challenges(reply.headers.getlist("www-authenticate"))
        for scheme in ("bearer", "basic"):
            for challenge in offered:
                if challenge.scheme == scheme and (scheme == "bearer" or self._credentials):
                    self._trying = challenge
                    return self._answer(gun, challenge)
        raise refusal(gun, reply)

    def judge(self, gun: str, reply: Reply) -> None:
        """Note what became of the answer; raises CeremonyError when it was a 401 again."""
        if reply.status != 401:
            self._challenge = self._trying
            return
        if self._trying is not None and self._trying.scheme == "basic":
            self._refused = _wrong_password(gun)
            raise self._refused
        raise refusal(gun, reply)

    def _answer(self, gun: str, challenge: Challenge) -> str:
        if self._refused is not None:
            raise CeremonyError(f"{gun}: not tried, because the password was refused before", hint=self._refused.hint)
        if challenge.scheme == "basic" and self._credentials is not None:
            return self._credentials.basic()
        return "Bearer " + self._token(gun, challenge.parameters)

    def _token(self, gun: str, parameters: Mapping[str, str]) -> str:
        realm = check_realm(self._server, parameters.get("realm", ""))
        query = {"service": parameters.get("service", ""), "scope": f"repository:{gun}:push,pull"}
        headers = {}
        if self._credentials is not None:
            query["account"] = self._credentials.user
            headers["Authorization"] = self._credentials.basic()
        address = f"{realm}{'&' if '?' in realm else '?'}{urlencode({k: v for k, v in query.items() if v})}"
        reply = self._ask(gun, address, headers)
        if reply.status == 401 and self._credentials is not None:
            self._refused = _wrong_password(gun)
            raise self._refused
        if reply.status != 200:
            raise refusal(f"{gun}: asking for a token", reply)
        return _token_of(gun, reply.body)


def _token_of(gun: str, body: bytes) -> str:
    try:
        answer = json.loads(body)
        token = answer.get("access_token") or answer.get("token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise CeremonyError(
            f"{gun}: where the server sent us for a token, there was none", hint="tell the server's administrator"
        )
    return token


def _wrong_password(gun: str) -> CeremonyError:
    return CeremonyError(
        f"{gun}: the user name or password was refused (401)",
        hint="it was tried once and no more; check --user and the password, and run the command again",
    )
