# SPDX-License-Identifier: Apache-2.0
"""Where a server is, and whether that is this machine.

TLS is the rule: `http` only reaches a loopback address, unless people insist.
What counts as loopback is read literally: an address that is one, or the name
`localhost` where all that it resolves to is. A name that merely resolves to a
loopback address today is not.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ceremony.core.request import is_server
from ceremony.errors import CeremonyError


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address, checked."""

    url: str
    """Scheme, host in lower case, port, path without a slash at its end; never a user or password."""
    loopback: bool
    insecure_http: bool
    """People insisted on `http`, for this server and where it sends us for a token."""


def server_at(url: str, *, insecure_http: bool = False) -> Server:
    """Return the server at `url`.

    Raises CeremonyError for what is not a plain `https` address, and for `http` to
    another machine unless `insecure_http`.
    """
    parts = _split(url)
    plain = f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    if parts.scheme not in ("https", "http") or parts.query or parts.fragment or not is_server(plain):
        raise CeremonyError(
            f"{_shown(url)} is not the address of a server", hint="write it as https://notary.example, with a port if need be"
        )
    loopback = is_loopback(parts.hostname or "")
    if parts.scheme == "http" and not (loopback or insecure_http):
        raise CeremonyError(
            f"{plain} is not protected: what is read there could be anyone's",
            hint="write https://; only for a server that has no TLS, and on a network that you trust, add --insecure-http",
        )
    return Server(plain, loopback, insecure_http)


def check_realm(server: Server, realm: str) -> str:
    """Return the address that a server sends us to for a token.

    Raises CeremonyError unless a password may go there: `https`, or on loopback if
    the server is, or wherever people insisted.
    """
    parts = _split(realm)
    local = server.loopback and is_loopback(parts.hostname or "")
    allowed = parts.scheme == "https" or (parts.scheme == "http" and (local or server.insecure_http))
    if not allowed or not parts.hostname or parts.username is not None:
        raise CeremonyError(
            f"the server asks to sign in at {_shown(realm)}, where a password would not be protected",
            hint="nothing was sent there; tell the server's administrator",
        )
    return realm


def is_loopback(host: str) -> bool:
    """Tell whether `host`, a literal address or the name `localhost`, is this machine."""
    if host.lower() == "localhost":
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
        except OSError:
            return False
        return all(ipaddress.ip_address(address).is_loopback for address in found)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _shown(url: str) -> str:
    """Return an address fit for a message: short, printable, and without the password that someone may have put in it."""
    return repr(re.sub(r"//.*@", "//", url, count=1, flags=re.DOTALL)[:200])
