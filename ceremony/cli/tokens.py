# SPDX-License-Identifier: Apache-2.0
"""`ceremony tokens`: what is plugged in, without a PIN and without a login.

Standard output is a table of the PKCS#11 tokens and a paragraph for each YubiKey, or
one JSON object; what is being asked, and what is wrong, goes to standard error.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from ceremony.core.ports import PinState, PivStanding, TokenIdentity, Tries
from ceremony.devices import inventory
from ceremony.devices.inventory import ListedModule, ListedToken, ListedYubiKeys
from ceremony.devices.yubikey import ListedYubiKey
from ceremony.errors import CeremonyError

_HEADINGS = ("SERIAL", "LABEL", "MANUFACTURER", "MODEL", "FIRMWARE", "MADE OF", "PIN", "OBJECTS", "MODULE")
_WIDTH = 96
_TERM = 18
_YUBIKEY_FIELDS = ("kind", "serial", "manufacturer", "model", "firmware", "label", "form_factor", "fips")
_PKCS11_LEAVES_OUT = ("name", "form_factor", "fips", "slot")


@click.command()
@click.option(
    "modules",
    "--module",
    multiple=True,
    metavar="PATH",
    help="A PKCS#11 module to ask, and nothing else; by default those that are installed, and YubiKeys.",
)
@click.option("as_json", "--json", is_flag=True, help="Print one JSON object.")
def tokens(modules: Sequence[str], as_json: bool) -> None:
    """List the tokens that are plugged in; no PIN is asked for or tried."""
    paths = tuple(modules) or inventory.modules()
    for path in paths:
        click.echo(f"asking {path}", err=True)
    listed = inventory.list_tokens(paths)
    yubikeys = ListedYubiKeys()
    if not modules:
        click.echo("asking for YubiKeys", err=True)
        yubikeys = inventory.list_yubikeys()
    there = any(module.tokens for module in listed) or any(one.identity for one in yubikeys.yubikeys)
    if as_json:
        click.echo(json.dumps(_whole(listed, yubikeys), indent=2))
    elif there:
        click.echo("\n\n".join(_paragraphs(listed, yubikeys)))
    said = [(one.problem, one.hint) for one in listed] + [(yubikeys.problem, yubikeys.hint)]
    for problem, hint in (*said, *((one.problem, one.hint) for one in yubikeys.yubikeys)):
        if problem:
            click.echo(f"{problem}; {hint}", err=True)
    if not there:
        raise CeremonyError("no token was found", hint="plug one in, or name its module with --module PATH")


def _paragraphs(listed: Sequence[ListedModule], yubikeys: ListedYubiKeys) -> Iterator[str]:
    if any(module.tokens for module in listed):
        yield _table(listed)
    for one in yubikeys.yubikeys:
        if one.identity is not None:
            yield "\n".join(_yubikey(one, one.identity))


def _table(listed: Sequence[ListedModule]) -> str:
    rows = [_HEADINGS, *(_row(token) for module in listed for token in module.tokens)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _row(token: ListedToken) -> tuple[str, ...]:
    one = token.identity
    return (
        one.serial or "-",
        one.label or "-",
        one.manufacturer or "-",
        one.model or "-",
        one.firmware,
        "files" if one.software else "hardware",
        _pin(token.pin, low=token.pin_count_low) if token.initialised else "token not initialised",
        "?" if token.public_objects is None else str(token.public_objects),
        one.module,
    )


def _pin(pin: PinState, *, low: bool) -> str:
    if not pin.initialised:
        return "not set"
    if pin.locked:
        return "blocked"
    if pin.retries_left == 1:
        return "set, last try"
    return "set, a try was wrong" if low else "set"


def _yubikey(one: ListedYubiKey, identity: TokenIdentity) -> Iterator[str]:
    series = ", FIPS series" if identity.fips else ""
    yield f"{identity.model}, serial {identity.serial}, firmware {identity.firmware}, {identity.form_factor or 'form unknown'}{series}"
    if one.standing is not None:
        yield _line("PIN", _tries(one.standing.pin))
        yield _line("PUK", _tries(one.standing.puk))
        factory = ", still the factory's" if one.standing.management_key_factory else ""
        yield _line("management key", f"{one.standing.management_key}{factory}")
        yield from _slots(one.standing)
    else:
        yield _line("refused", "a ceremony does not use it; why is said below")
    if one.verdict is not None:
        yield _line("firmware policy", f"{one.verdict.decision} (an ecdsa-p256 root key made in production)")
        for reason in one.verdict.reasons:
            yield _line("", reason)


def _slots(standing: PivStanding) -> Iterator[str]:
    keys = {key.slot: key for key in standing.keys}
    if not standing.occupied:
        yield _line("slots", "all empty")
    for slot in standing.occupied:
        if slot in keys:
            key = keys[slot]
            beside = ", certificate" if slot in standing.certificates else ""
            yield _line(f"slot {slot}", f"{key.algorithm} {key.origin}, PIN {key.pin_policy}, touch {key.touch_policy}{beside}")
            yield _line("", f"sha256 {key.public_sha256 or 'not known'}")
        else:
            yield _line(f"slot {slot}", "certificate, no key")


def _tries(tries: Tries) -> str:
    left = f"{tries.left} of {tries.total} tries left" if tries.left else f"blocked, 0 of {tries.total} tries left"
    return f"{left}, still the factory's" if tries.factory else left


def _line(term: str, text: str) -> str:
    first = f"  {term}".ljust(_TERM)
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=" " * _TERM)


def _whole(listed: Sequence[ListedModule], yubikeys: ListedYubiKeys) -> dict[str, object]:
    return {
        "modules": [_object(module) for module in listed],
        "yubikeys": [_yubikey_object(one) for one in yubikeys.yubikeys],
        "pcsc": {"problem": yubikeys.problem, "hint": yubikeys.hint},
    }


def _yubikey_object(one: ListedYubiKey) -> dict[str, object]:
    identity = None if one.identity is None else asdict(one.identity)
    verdict = None if one.verdict is None else {"decision": one.verdict.decision.value, "reasons": list(one.verdict.reasons)}
    standing = None if one.standing is None else {**asdict(one.standing), "factory": one.standing.factory}
    return {
        "reader": one.reader,
        "problem": one.problem,
        "hint": one.hint,
        **{name: identity[name] if identity else None for name in _YUBIKEY_FIELDS},
        "standing": standing,
        "firmware_policy": verdict,
    }


def _object(module: ListedModule) -> dict[str, object]:
    return {
        "module": module.module,
        "problem": module.problem,
        "hint": module.hint,
        "tokens": [
            {
                **{key: value for key, value in asdict(token.identity).items() if key not in _PKCS11_LEAVES_OUT},
                "initialised": token.initialised,
                "pin_initialised": token.pin.initialised,
                "pin_locked": token.pin.locked,
                "pin_count_low": token.pin_count_low,
                "retries_left": token.pin.retries_left,
                "public_objects": token.public_objects,
            }
            for token in module.tokens
        ],
    }
