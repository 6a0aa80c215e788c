# SPDX-License-Identifier: Apache-2.0
"""The proxies that the environment names: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY for who needs none.

As the stock client reads them. A proxy is an `http` address; what it passes on for
`https` it cannot read, because TLS goes through it (CONNECT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote
from urllib.request import getproxies_environment, proxy_bypass

from urllib3.exceptions import LocationParseError
from urllib3.util import make_headers, parse_url

from ceremony.errors import CeremonyError

_SCHEMES = ("http", "https", "all")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and how to sign in there."""

    address: str
    headers: Mapping[str, str] = field(repr=False)
    """To be sent to the proxy: `Proxy-Authorization`, where its address holds a user."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy to use for which address."""

    by_scheme: Mapping[str, Proxy]
    no_proxy: str = ""

    def to(self, parts: SplitResult) -> Proxy | None:
        """Return the proxy to an address, None where there is none, or NO_PROXY names the host."""
        host = parts.netloc.rpartition("@")[2]
        if self.no_proxy and proxy_bypass(host, {"no": self.no_proxy}):
            return None
        return self.by_scheme.get(parts.scheme) or self.by_scheme.get("all")


NONE = Proxies({})


def from_environment() -> Proxies:
    """Return what the environment says; raises CeremonyError for a proxy that cannot be used."""
    named = getproxies_environment()
    return Proxies({scheme: _proxy(named[scheme]) for scheme in _SCHEMES if scheme in named}, named.get("no", ""))


def _proxy(address: str) -> Proxy:
    try:
        url = parse_url(address if "://" in address else f"http://{address}")
    except LocationParseError as error:
        raise _unusable() from error
    if url.scheme != "http" or not url.host:
        raise _unusable()
    if url.auth is None:
        return Proxy(f"http://{url.netloc}", {})
    user, _, password = url.auth.partition(":")
    signed_in = f"{unquote(user)}:{unquote(password)}"
    return Proxy(f"http://{url.netloc}", make_headers(proxy_basic_auth=signed_in, proxy_basic_auth_encoding="utf-8"))


def _unusable() -> CeremonyError:
    return CeremonyError(
        "the proxy that the environment names cannot be used",
        hint="write it as http://proxy.example:3128, or unset HTTPS_PROXY, HTTP_PROXY and ALL_PROXY",
    )
