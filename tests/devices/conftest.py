# SPDX-License-Identifier: Apache-2.0
"""Real SoftHSM tokens for the tests of this folder, each module its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ceremony.core.plan import SiteToken
from ceremony.core.secret import Secret
from ceremony.devices import softhsm
from ceremony.devices.hsm import open_token
from ceremony.devices.hsm_token import HsmToken
from tests.devices.yubikeys import Desk, card
from tests.fakes.yubikey import VirtualYubiKey

PIN = "482916"
SO_PIN = "73019265"


@dataclass(frozen=True)
class Practice:
    """A folder of throw-away tokens, all with the same PINs."""

    folder: Path
    sites: dict[str, SiteToken]
    pin: str = PIN
    so_pin: str = SO_PIN

    @property
    def env(self) -> dict[str, str]:
        return softhsm.environment(self.folder)

    def open(self, name: str, *, unlocked: bool = True, deadline_seconds: float = 60.0) -> HsmToken:
        token = open_token(name, self.sites[name], env=self.env, deadline_seconds=deadline_seconds)
        if unlocked:
            token.unlock(Secret(self.pin))
        return token

    def tool(self, name: str, *arguments: str) -> None:
        """Let OpenSC's pkcs11-tool do something to a token, as a stranger would."""
        module = self.sites[name].module
        command = ["pkcs11-tool", "--module", module, "--token-label", name, "--login", "--pin", self.pin, *arguments]
        subprocess.run(command, env={"PATH": "/usr/bin:/bin", **self.env}, check=True, capture_output=True, timeout=60)


def make_practice(folder: Path, *names: str) -> Practice:
    pins = {name: (Secret(PIN), Secret(SO_PIN)) for name in names}
    return Practice(folder, softhsm.make_tokens(folder, names, pins))


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """Return the tokens of this test module; no test may spoil them for the others."""
    return make_practice(tmp_path_factory.mktemp("rehearsal") / "tokens", "root-a", "root-b")


@pytest.fixture
def own(tmp_path: Path) -> Practice:
    """Return a token that a test may spoil."""
    return make_practice(tmp_path / "tokens", "root-a")


@pytest.fixture
def token(own: Practice) -> Iterator[HsmToken]:
    """Return a token that a test may spoil, open and unlocked."""
    opened = own.open("root-a")
    yield opened
    opened.close()


@pytest.fixture
def desk() -> Desk:
    """Return a desk with one YubiKey, serial 1."""
    desk = Desk()
    desk.put(card(1))
    return desk


@pytest.fixture
def there(desk: Desk) -> VirtualYubiKey:
    """Return the YubiKey on the desk, to look into."""
    found = desk.plugs[0].reader.card
    assert found is not None
    return found
