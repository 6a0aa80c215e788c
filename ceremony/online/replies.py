# SPDX-License-Identifier: Apache-2.0
"""What a server's answer means, in one sentence that names the repository, and a hint.

Nothing that a server wrote reaches a screen as it came: its text is cut and
stripped of what a terminal would obey.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError, ProxyError, SSLError

from ceremony.errors import CeremonyError

MAY_PASS = {429, 500, 502, 503, 504}
"""Statuses that trying again may mend."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end; the body of a refusal is cut."""

    status: int
    headers: HTTPHeaderDict
    body: bytes


class Passing(CeremonyError):
    """Something that trying again may mend; the caller does, where asking twice does no harm."""


def refusal(subject: str, reply: Reply) -> CeremonyError:
    """Return what to tell people about an answer that is neither 200 nor, where that has a meaning, 404."""
    status = reply.status
    if status in MAY_PASS:
        return Passing(
            f"{subject}: the server failed ({status}{_said(reply)})", hint="try again later, or tell its administrator"
        )
    if 300 <= status < 400:
        to = _plain(urlsplit(reply.headers.get("location", "")).netloc) or "another place of its own"
        return CeremonyError(
            f"{subject}: the server sends us on to {to}, and we do not follow",
            hint="nothing was sent there; if you trust that address, name it with --server",
        )
    what, hint = _REFUSALS.get(status, (f"answered {status}, which is not expected", "check that --server is a Notary server"))
    return CeremonyError(f"{subject}: the server {what}{_said(reply)}", hint=hint)


_REFUSALS = {
    400: (
        "refused what was sent (400)",
        "nothing was changed there; a root must name the snapshot and timestamp keys that were fetched from this very server",
    ),
    401: (
        "wants to know who asks (401)",
        "name yourself with --user; if you did, ask its administrator for the right to this repository",
    ),
    403: ("does not let you (403)", "ask its administrator for the right to push to this repository"),
    404: ("has no such place (404)", "check that --server is the address of a Notary server"),
    409: ("has moved on since (409)", "nothing was changed there; fetch again to see what it has now"),
    413: ("takes no files of this size (413)", "ask its administrator to raise the limit of the proxy before it"),
}


def _said(reply: Reply) -> str:
    """Return what a registry's error body says (Docker Registry API, "errors"), made harmless."""
    try:
        first = json.loads(reply.body)["errors"][0]
        detail = first.get("detail")
        error = detail.get("Error") if isinstance(detail, dict) else None
        text = error.get("Msg") if isinstance(error, dict) else first.get("message")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return f": {_plain(text)}" if isinstance(text, str) and text else ""


def _plain(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", text)[:_SHOWN].strip()


def broken(subject: str, error: HTTPError | UnicodeError) -> CeremonyError:
    """Return what to tell people about a connection that gave no whole answer."""
    why = _below(error)
    if isinstance(why, ssl.SSLCertVerificationError):
        return CeremonyError(
            f"{subject}: the server's certificate is not trusted ({_plain(why.verify_message)})",
            hint="check the address; for a server with its own CA, name the CA's certificate with --ca-file",
        )
    if isinstance(why, TimeoutError):
        return Passing(f"{subject}: the server did not answer in time", hint="check the network, and run the command again")
    if isinstance(error, _UNREACHABLE):
        return Passing(f"{subject}: the server cannot be reached ({_plain(str(why))})", hint="check --server and the network")
    what = "the answer was cut short" if isinstance(why, http.client.IncompleteRead) else _plain(str(why))
    return Passing(f"{subject}: the connection broke in the middle ({what})", hint="run the command again")


_UNREACHABLE = (NewConnectionError, ProxyError, SSLError, LocationValueError, UnicodeError)
"""No connection came to be. TLS fails at its beginning, or hardly ever."""


def _below(error: BaseException) -> BaseException:
    """Return what lies below the library's errors: the system's own, or that of TLS or HTTP, which says more."""
    below = error.__cause__ or error.__context__
    if isinstance(error, HTTPError) and isinstance(below, HTTPError | OSError | http.client.HTTPException | UnicodeError):
        return _below(below)
    return error
