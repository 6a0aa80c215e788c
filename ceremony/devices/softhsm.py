# SPDX-License-Identifier: Apache-2.0
"""Throw-away tokens for rehearsals: SoftHSM 2, in a folder of its own.

The folder holds a configuration and the token store; the module is told of it
through the worker's environment, never through ours. Tokens are made through the
module itself: the tool that comes with it takes PINs as arguments, where every
process of the machine can read them. Production refuses what is made here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ceremony.core.plan import SiteToken
from ceremony.core.secret import Secret
from ceremony.devices.hsm import tokens_of
from ceremony.devices.hsm_identity import Flag
from ceremony.devices.hsm_link import HsmLink, Said
from ceremony.devices.hsm_uri import TokenUri
from ceremony.devices.hsm_wire import TokenFacts
from ceremony.errors import CeremonyError

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",  # Debian, Ubuntu, Arch
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",  # Fedora, RHEL
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
_CONFIGURATION = "softhsm2*.conf"
_LABEL_BYTES = 32


def find_module() -> str:
    """Return the path of SoftHSM's module; raises CeremonyError when it is not installed."""
    for path in MODULES:
        if Path(path).is_file():
            return path
    raise CeremonyError("SoftHSM 2, which makes the tokens of a rehearsal, is not installed", hint="apt-get install softhsm2")


def make_tokens(folder: Path, names: Sequence[str], pins: Mapping[str, tuple[Secret, Secret]]) -> dict[str, SiteToken]:
    """Make a token for each of `names` in `folder`, with its user PIN and SO PIN, and return how a site names them.

    Raises CeremonyError when the folder has tokens already, and for a name or PIN that
    SoftHSM does not take.
    """
    _check_names(names)
    configuration = _configuration(folder)
    try:
        _store(folder).mkdir(parents=True, mode=0o700)
    except FileExistsError as error:
        raise CeremonyError(f"{folder} has practice tokens already", hint="go on with them, or name another folder") from error
    _write(folder / "softhsm2.conf", configuration)
    return _made(folder, names, pins)


def add_tokens(folder: Path, names: Sequence[str], pins: Mapping[str, tuple[Secret, Secret]]) -> dict[str, SiteToken]:
    """Make one more token for each of `names` in a folder that has some, and return how a site names them.

    Raises CeremonyError for a name that a token there has already, and as `make_tokens` for names and PINs.
    """
    _check_names([*existing(folder), *names])
    return _made(folder, names, pins)


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not 0 < len(name.encode()) <= _LABEL_BYTES or names.count(name) > 1:
            raise CeremonyError(f"{name!r} cannot name a practice token", hint="names are different, and 1 to 32 bytes long")


def _made(folder: Path, names: Sequence[str], pins: Mapping[str, tuple[Secret, Secret]]) -> dict[str, SiteToken]:
    module = find_module()
    link = HsmLink("practice", module, env=environment(folder))
    try:
        return {name: _site(_initialise(link, name, *pins[name]), module) for name in names}
    finally:
        link.close()
        _sync(folder)


def existing(folder: Path) -> dict[str, SiteToken]:
    """Return how a site names the tokens that `folder` holds, by their names, sorted; raises CeremonyError for another folder."""
    module = find_module()
    link = HsmLink("practice", module, env=environment(folder))
    try:
        found = [facts for facts in tokens_of(link) if facts.flags & Flag.TOKEN_INITIALIZED]
    finally:
        link.close()
    return {facts.label: _site(facts, module) for facts in sorted(found, key=lambda facts: facts.label)}


def environment(folder: Path) -> dict[str, str]:
    """Return the variables that make the module see the tokens of `folder`.

    SoftHSM wants whole paths, so a folder that was moved or copied gets one more
    configuration, for the place where it is now. Raises CeremonyError for a folder without tokens.
    """
    wanted = _configuration(folder)
    written = sorted(folder.glob(_CONFIGURATION))
    if not written or not _store(folder).is_dir():
        raise CeremonyError(f"{folder} holds no practice tokens", hint="name the folder of a rehearsal")
    for path in written:
        if path.read_bytes() == wanted:
            return {"SOFTHSM2_CONF": str(path.resolve())}
    path = folder / f"softhsm2-{len(written) + 1}.conf"
    _write(path, wanted)
    return {"SOFTHSM2_CONF": str(path.resolve())}


def _store(folder: Path) -> Path:
    return folder / "store"


def _configuration(folder: Path) -> bytes:
    store = str(_store(folder).resolve())
    if "#" in store or "\n" in store or store != store.strip():
        raise CeremonyError(f"SoftHSM cannot keep tokens in {store!r}", hint="use a folder without '#' in its path")
    lines = (f"directories.tokendir = {store}", "objectstore.backend = file", "log.level = ERROR", "slots.removable = false")
    return "".join(f"{line}\n" for line in lines).encode()


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)


def _initialise(link: HsmLink, name: str, user: Secret, so: Secret) -> TokenFacts:
    try:
        return TokenFacts.of(link.call("initialise", label=name, so_pin=so.text(), user_pin=user.text()))
    except Said as said:
        raise CeremonyError(
            f"SoftHSM did not make the token {name!r} ({said.cause or said.fault})", hint="its PINs have 4 to 255 characters"
        ) from said


def _site(facts: TokenFacts, module: str) -> SiteToken:
    return SiteToken(pkcs11=str(TokenUri(serial=facts.serial, token=facts.label)), module=module)


def _sync(folder: Path) -> None:
    # A resumed rehearsal needs its tokens, so they are on the medium before its first record.
    for path in (folder, *folder.rglob("*")):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
