# SPDX-License-Identifier: Apache-2.0
"""Which token a site file means: PKCS#11 URIs (RFC 7512), read strictly.

Of the path attributes, those that name a token are taken (`serial`, `token`,
`manufacturer`, `model`), and at least a serial or a label is wanted. Everything
else is refused by name: slots move, objects are named by the plan, the module is
named beside the URI, and a PIN never stands in a file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from ceremony.devices.hsm_wire import TokenFacts
from ceremony.errors import TokenError

_NAMES = ("serial", "token", "manufacturer", "model")
# RFC 7512, section 2.3: pk11-pchar, at least one of them, since a token is never named by nothing.
_VALUE = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})+")
_HINT = 'write it like "pkcs11:serial=5f3c21;token=acme-root-b" (RFC 7512)'


@dataclass(frozen=True, slots=True)
class TokenUri:
    """What a URI says of its token; an empty field says nothing."""

    serial: str = ""
    token: str = ""
    """The token's label."""
    manufacturer: str = ""
    model: str = ""

    def matches(self, facts: TokenFacts) -> bool:
        """Tell whether everything that the URI says is so of this token."""
        seen = (facts.serial, facts.label, facts.manufacturer, facts.model)
        wanted = (self.serial, self.token, self.manufacturer, self.model)
        return all(want in {"", have} for want, have in zip(wanted, seen, strict=True))

    def __str__(self) -> str:
        said = ((name, getattr(self, name)) for name in _NAMES)
        return "pkcs11:" + ";".join(f"{name}={quote(value, safe='')}" for name, value in said if value)


def parse(name: str, uri: str) -> TokenUri:
    """Return what `uri` says of the token that the plan calls `name`; raises TokenError for any other form."""
    scheme, _, rest = uri.partition(":")
    path, question, query = rest.partition("?")
    if scheme != "pkcs11":
        raise TokenError(name, f"{uri!r} is not a PKCS#11 URI", hint=_HINT)
    if question:
        raise _refused(name, query.partition("=")[0])
    said: dict[str, str] = {}
    for attribute in path.split(";"):
        key, equals, value = attribute.partition("=")
        if not equals or key not in _NAMES:
            raise _refused(name, key)
        if key in said:
            raise TokenError(name, f"its PKCS#11 URI says {key!r} twice", hint="say it once")
        said[key] = _decoded(name, key, value)
    if not {"serial", "token"} & said.keys():
        raise TokenError(name, "its PKCS#11 URI has neither a serial nor a token label", hint=_HINT)
    return TokenUri(**said)


def _decoded(name: str, key: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise TokenError(name, f"the {key!r} of its PKCS#11 URI is empty or not percent-encoded", hint="write a space as %20")
    try:
        text = unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise TokenError(name, f"the {key!r} of its PKCS#11 URI is not UTF-8", hint="encode the bytes of its UTF-8") from error
    if not text.isprintable():
        raise TokenError(
            name, f"the {key!r} of its PKCS#11 URI holds a control character", hint="copy what `ceremony tokens` prints"
        )
    return unicodedata.normalize("NFC", text)


def _refused(name: str, key: str) -> TokenError:
    if key.startswith("pin-"):
        return TokenError(
            name, "its PKCS#11 URI carries a PIN", hint="take it out, and change that PIN: it is asked for on the screen"
        )
    if key.startswith("slot-"):
        return TokenError(name, f"its PKCS#11 URI names a slot ({key})", hint="slots move: name the token by its serial")
    if key.startswith("module-"):
        return TokenError(name, f"its PKCS#11 URI names a module ({key})", hint="write the path as `module` in the site file")
    return TokenError(name, f"its PKCS#11 URI holds {key!r}, which does not name a token", hint=_HINT)
