# SPDX-License-Identifier: Apache-2.0
"""YubiKeys as the log tells of them: the site names them, their firmware was judged, nothing on them kept its factory value.

What a device says of itself is unsigned; what it attests is in `attested`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import JsonObject
from ceremony.core.firmware import Decision
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Site
from ceremony.core.record import Record
from ceremony.core.site_reader import read_site
from ceremony.errors import PlanRefused, VerificationError

YUBIKEY = "yubikey"
"""The kind of a token that is one, as the log states it."""
ACCEPTED = "accept-firmware"
"""The act by which two people take a firmware that is not sound."""

_HINT = "the log is not that of a ceremony as this program holds it"


@dataclass(frozen=True, slots=True)
class Token:
    """A YubiKey as the log names it, and its root key."""

    name: str
    serial: str
    slot: str
    firmware: str
    form_factor: str
    fips: bool
    public: PublicKey

    def path(self, piece: str) -> str:
        """Return the path of a piece of its evidence."""
        return bundle.token_evidence(self.serial, piece)


def yubikeys(a: Audited, roots: Mapping[str, PublicKey]) -> Iterator[Token]:
    """Yield the YubiKeys that hold root keys, as the step `tokens` recorded them; `roots` is serial → root key."""
    recorded = a.past.ended.get("tokens", {}).get("tokens")
    for name, row in recorded.items() if isinstance(recorded, dict) else ():
        serial = str(row.get("serial")) if isinstance(row, dict) else ""
        if isinstance(row, dict) and row.get("kind") == YUBIKEY and serial in roots:
            slot, firmware, form = (str(row.get(member)) for member in ("slot", "firmware", "form_factor"))
            yield Token(name, serial, slot, firmware, form, row.get("fips") is True, roots[serial])


def check_site(a: Audited) -> None:
    """Check that the tokens are those that the site names: a YubiKey that was recorded as another token would not be attested."""
    named = {name: set[tuple[str, str, str]]() for site in _sites(a) for name in site.tokens}
    for site in _sites(a):
        for name, token in site.tokens.items():
            named[name].add((YUBIKEY, str(token.yubikey), token.slot) if token.yubikey else ("pkcs11", "", ""))
    recorded = a.past.ended.get("tokens", {}).get("tokens")
    for name, row in recorded.items() if isinstance(recorded, dict) else ():
        body = row if isinstance(row, dict) else {}
        kind, serial, slot = (str(body.get(member, "")) for member in ("kind", "serial", "slot"))
        if name in named and ((kind, serial, slot) if kind == YUBIKEY else (kind, "", "")) not in named[name]:
            a.failed(f"token {serial}", f"was recorded as {name}, and is not what the site names so")


def _sites(a: Audited) -> Iterator[Site]:
    """Yield the site files, that of the beginning and those of later hardware; one that is none is judged by its digest."""
    for path in sorted(a.names):
        if path == bundle.SITE or (path.startswith("evidence/site-") and path.endswith(".toml")):
            with suppress(PlanRefused):
                yield read_site(a.read(path) or b"")


def check_device(a: Audited, token: Token) -> None:
    """Check what was recorded of a YubiKey before its key was used; raises VerificationError."""
    judged = [body for body in _told(a, "firmware", token) if body.get("decision") in set(Decision)]
    decision = judged[-1]["decision"] if judged else None
    if decision is None or decision == Decision.REFUSE:
        raise _fault(token, "its firmware was not judged" if decision is None else "its firmware was refused")
    by = a.past.results.get((ACCEPTED, token.serial), {}).get("by")
    if decision == Decision.DEVIATION and not (isinstance(by, list) and len({str(person) for person in by}) > 1):
        raise _fault(token, "its firmware is not sound, and no two people took it as a deviation")
    standing = list(_told(a, "standing", token))
    left = standing[-1].get("factory") if standing else None
    if left != []:
        named = ", ".join(map(str, left)) if isinstance(left, list) else "anything"
        raise _fault(token, f"nothing shows that it did not keep the factory's {named}")


def about(record: Record, kind: str, token: Token) -> bool:
    """Return whether a record is of that kind, and about that token."""
    return record.kind == kind and record.body.get("token") == token.serial


def _told(a: Audited, kind: str, token: Token) -> Iterator[JsonObject]:
    return (record.body for record in a.found.records if about(record, kind, token))


def _fault(token: Token, what: str) -> VerificationError:
    return VerificationError(token.name, what, hint=_HINT)
