# SPDX-License-Identifier: Apache-2.0
"""What is plugged in: the tokens of each PKCS#11 module, and YubiKeys, without a PIN and without a login.

A module that crashes, hangs or does not load is a row that says so, not an end:
each is asked in a process of its own. So is a YubiKey that a ceremony would refuse,
and a machine on which none can be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ceremony.core.ports import PinState, TokenIdentity
from ceremony.devices import hsm_identity, softhsm
from ceremony.devices.hsm import tokens_of
from ceremony.devices.hsm_identity import Flag
from ceremony.devices.hsm_link import HsmLink, Said, check_environment
from ceremony.devices.hsm_wire import TokenFacts
from ceremony.devices.yubikey import ListedYubiKey, survey
from ceremony.devices.yubikey_pcsc import Readers, pcsc_readers
from ceremony.errors import CeremonyError, TokenError

_DEADLINE_SECONDS = 20.0
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib")
_NAMES = (
    "opensc-pkcs11.so",
    "libykcs11.so.2",
    "libykcs11.so",
    "libsc-hsm-pkcs11.so",
    "libtpm2_pkcs11.so.1",
    "opencryptoki/libopencryptoki.so",
    "pkcs11/yubihsm_pkcs11.so",
    "yubihsm_pkcs11.so",
)
_VENDORS = (
    "/opt/nfast/toolkits/pkcs11/libcknfast.so",
    "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",
    "/opt/utimaco/lib/libcs_pkcs11_R3.so",
)


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as it shows itself to whoever has no PIN."""

    identity: TokenIdentity
    pin: PinState
    initialised: bool
    pin_count_low: bool
    """A wrong PIN was entered since the last right one."""
    public_objects: int | None
    """None where the token does not tell."""


@dataclass(frozen=True, slots=True)
class ListedModule:
    """A module and its tokens, or what is wrong with it."""

    module: str
    tokens: tuple[ListedToken, ...] = ()
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ListedYubiKeys:
    """The YubiKeys over USB, or why none can be reached."""

    yubikeys: tuple[ListedYubiKey, ...] = ()
    problem: str = ""
    hint: str = ""


def modules() -> tuple[str, ...]:
    """Return the PKCS#11 modules that are installed where vendors and distributions put them, each file once."""
    known = (*softhsm.MODULES, *(f"{folder}/{name}" for name in _NAMES for folder in _LIBRARIES), *_VENDORS)
    found: dict[Path, str] = {}
    for path in known:
        if Path(path).is_file():
            found.setdefault(Path(path).resolve(), path)
    return tuple(found.values())


def list_tokens(
    paths: Sequence[str], env: Mapping[str, str] | None = None, *, deadline_seconds: float = _DEADLINE_SECONDS
) -> tuple[ListedModule, ...]:
    """Return what each module shows, in the order of `paths`; raises TokenError when the environment would make one write PINs."""
    check_environment("list", env)
    return tuple(_listed(path, env, deadline_seconds) for path in paths)


def list_yubikeys(readers: Readers = pcsc_readers) -> ListedYubiKeys:
    """Return the YubiKeys that are plugged in, in the order of their readers."""
    try:
        return ListedYubiKeys(survey(readers))
    except CeremonyError as error:
        return ListedYubiKeys(problem=error.message, hint=error.hint)


def _listed(path: str, env: Mapping[str, str] | None, deadline_seconds: float) -> ListedModule:
    try:
        link = HsmLink(Path(path).name, path, env=env, deadline_seconds=deadline_seconds)
        try:
            return ListedModule(path, tuple(_token(link, path, facts) for facts in tokens_of(link) if not _empty_seat(facts)))
        finally:
            link.close()
    except TokenError as error:
        return ListedModule(path, problem=error.message, hint=error.hint)
    except Said as said:
        problem = f"module {Path(path).name}: does not list its tokens ({said.cause or said.fault})"
        return ListedModule(path, problem=problem, hint="check the module's own configuration and service")


def _empty_seat(facts: TokenFacts) -> bool:
    # SoftHSM and its like always show one more slot, where the next token would be made: no token yet.
    blank = not facts.flags & Flag.TOKEN_INITIALIZED and not facts.label
    return blank and hsm_identity.is_software(facts.manufacturer, facts.model)


def _token(link: HsmLink, path: str, facts: TokenFacts) -> ListedToken:
    initialised = bool(facts.flags & Flag.TOKEN_INITIALIZED)
    return ListedToken(
        identity=hsm_identity.identity("", facts, path, link.module_sha256),
        pin=hsm_identity.pin_state(facts.flags),
        initialised=initialised,
        pin_count_low=bool(facts.flags & Flag.USER_PIN_COUNT_LOW),
        public_objects=_count(link, facts) if initialised else None,
    )


def _count(link: HsmLink, facts: TokenFacts) -> int | None:
    try:
        return int(str(link.call("count", slot=facts.slot)["objects"]))
    except Said:
        return None
