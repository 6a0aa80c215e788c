# SPDX-License-Identifier: Apache-2.0
"""A site file becomes a `Site`: which hardware in the room the plan's token names stand for (design, section 5).

A site holds no secret: a PKCS#11 URI (RFC 7512) that carries a PIN is refused, as
is one that names no serial, since a token is never "the first one found". Whether
the hardware is there, and is what it claims to be, is read from the devices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ceremony.core.plan import Site, SiteToken
from ceremony.core.plan_fields import Table, parse_toml, quoted
from ceremony.errors import PlanRefused

MAX_SITE = 1024 * 1024
"""Bytes."""
MAX_SERIAL = 2**32 - 1
"""A YubiKey's serial is an unsigned number of 32 bits."""

_SITE = {
    "yubico-roots": '"yubico/"',
    "tokens": "{ ... }, or a section [tokens.root-a] for each",
    "volumes": '{ a = "4C530001", b = "4C530002" }',
}
_TOKEN = {
    "yubikey": "12345678",
    "slot": '"9c"',
    "pkcs11": '"pkcs11:serial=5f3c21;token=acme-root-b"',
    "module": '"/usr/lib/vendor/libpkcs11.so"',
}
# SP 800-73-4, part 1, table 4b: the slots of keys that sign, and of retired keys.
_SLOT = re.compile("9[acde]|8[2-9a-f]|9[0-5]")
# RFC 7512, section 2.3, without what names objects, slots and libraries: a site names a token.
_ATTRIBUTES = ("token", "manufacturer", "serial", "model")
_VALUE = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=&-]|%[0-9A-Fa-f]{2})+")


def read_site(source: bytes) -> Site:
    """Return the site of a TOML file; raises PlanRefused, whose `field` is the TOML path."""
    site = Table.of(parse_toml(source, "site", MAX_SITE), "", _SITE)
    tokens = site.named("tokens")
    hardware = {name: _token(tokens.table(name, _TOKEN)) for name in tokens.values}
    _once({tokens.at(name): device for name, (_, device) in hardware.items()})
    volumes = site.table("volumes", {"a": '"4C530001"', "b": '"4C530002"'}) if site.has("volumes") else None
    serials = {role: volumes.text(role) for role in volumes.values} if volumes else {}
    _once({f"volumes.{role}": f"the volume {serial}" for role, serial in serials.items()})
    found = {name: token for name, (token, _) in hardware.items()}
    return Site(found, serials, site.text("yubico-roots", "", limit=4096), source)


def _token(token: Table) -> tuple[SiteToken, str]:
    """Return what the site says of a token, and what names its hardware."""
    if token.has("yubikey") == token.has("pkcs11"):
        said = "names two kinds of hardware" if token.has("pkcs11") else "names no hardware"
        raise PlanRefused(token.path, said, hint="write yubikey and slot, or pkcs11 and module")
    other = "module" if token.has("yubikey") else "slot"
    if token.has(other):
        kind = "a YubiKey" if token.has("yubikey") else "a PKCS#11 token"
        raise PlanRefused(token.at(other), f"has no meaning for {kind}", hint="remove it")
    if token.has("yubikey"):
        slot = token.matching("slot", _SLOT, 'a PIV slot, such as slot = "9c"')
        serial = token.integer("yubikey", 1, MAX_SERIAL)
        return SiteToken(yubikey=serial, slot=slot), f"YubiKey {serial}"
    module = token.text("module", limit=4096)
    if not module.startswith("/"):
        hint = "write the whole path, so that no other library can be found in its place"
        raise PlanRefused(token.at("module"), f"{quoted(module)} is not an absolute path", hint=hint)
    uri = token.text("pkcs11", limit=1024)
    return SiteToken(pkcs11=uri, module=module), f"{module} {_serial(uri, token.at('pkcs11'))}"


def _serial(uri: str, field: str) -> str:
    hint = f"write pkcs11 = {_TOKEN['pkcs11']}"
    if not uri.startswith("pkcs11:"):
        raise PlanRefused(field, f"{quoted(uri)} is not a PKCS#11 URI", hint=hint)
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    if query:
        # It may be a PIN, so it is not shown.
        raise PlanRefused(field, "has a part after ?", hint="remove it: PINs are asked for, and the module has its own field")
    seen: dict[str, str] = {}
    for part in path.split(";"):
        name, _, value = part.partition("=")
        if name not in _ATTRIBUTES or not _VALUE.fullmatch(value):
            raise PlanRefused(field, f"{quoted(part)} cannot be used", hint=f"write {', '.join(_ATTRIBUTES)} only")
        if name in seen:
            raise PlanRefused(field, f"names {name} twice", hint="name it once")
        seen[name] = value
    if "serial" not in seen:
        raise PlanRefused(field, "names no serial", hint=hint)
    return seen["serial"]


def _once(hardware: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for field, what in hardware.items():
        first = seen.setdefault(what, field)
        if first != field:
            raise PlanRefused(field, f"is the same hardware as {first}", hint="name each device once")
