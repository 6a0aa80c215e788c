# SPDX-License-Identifier: Apache-2.0
"""The wire: HTTP/1.1 over connections that urllib3 keeps, with a limit on every wait.

What is left to it is little: it asks once, follows no redirect, decompresses nothing
and adds no cookie. A body is to be read in pieces (`read1`), so that whoever reads can
stop. What an answer or an error means is for `session` and `replies`.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, ProxyManager, Timeout

from ceremony.online.proxies import Proxies

_KEPT = 64
"""Idle connections kept to each address."""


class Wire:
    """Connections to servers; safe to use from several threads.

    `trust` is called for each address with TLS, and not before there is one. `connect`
    and `read` are seconds: for a connection to stand, and for the next bytes.
    """

    def __init__(self, trust: Callable[[], ssl.SSLContext], proxies: Proxies, *, connect: float, read: float) -> None:
        self._trust = trust
        self._proxies = proxies
        self._timeout = Timeout(connect=connect, read=read)
        self._ways: dict[str, HTTPConnectionPool | ProxyManager] = {}

    def close(self) -> None:
        """Close every idle connection."""
        for way in self._ways.values():
            if isinstance(way, ProxyManager):
                way.clear()
            else:
                way.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> BaseHTTPResponse:
        """Send a request, and return its answer, to be read and closed by the caller.

        The connection is kept when the whole body was read. Raises urllib3's HTTPError,
        or UnicodeError for a host that is none.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        way = self._ways.get(origin)
        if way is None:
            way = self._ways.setdefault(origin, self._way(parts))
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        content = None
        if body is not None:
            # As a file it is sent in pieces, and the time to connect is for each of them.
            content, headers = io.BytesIO(body), {**headers, "Content-Length": str(len(body))}
        return way.urlopen(
            method,
            origin + path if isinstance(way, ProxyManager) else path,
            body=content,
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def _way(self, parts: SplitResult) -> HTTPConnectionPool | ProxyManager:
        """Return what leads to an address: a pool of its own, which asks for less at each request than a manager, or the proxy."""
        proxy = self._proxies.to(parts)
        context = self._trust() if parts.scheme == "https" else None
        if proxy is not None:
            return ProxyManager(
                proxy.address, proxy_headers=proxy.headers, timeout=self._timeout, maxsize=_KEPT, ssl_context=context
            )
        host = parts.hostname or ""
        if context is not None:
            return HTTPSConnectionPool(host, parts.port, timeout=self._timeout, maxsize=_KEPT, ssl_context=context)
        return HTTPConnectionPool(host, parts.port, timeout=self._timeout, maxsize=_KEPT)
