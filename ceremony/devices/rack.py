# SPDX-License-Identifier: Apache-2.0
"""The tokens that a site names, of whatever kind: YubiKeys over yubikit, all others over PKCS#11."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core.plan import SiteToken
from ceremony.core.ports import Token
from ceremony.devices.hsm import HsmRack
from ceremony.devices.yubikey import YubiKeyRack
from ceremony.devices.yubikey_pcsc import Readers, pcsc_readers
from ceremony.errors import TokenError


class SiteRack:
    """Implements `ceremony.core.ports.TokenRack`; `env` is set over our environment for PKCS#11 modules."""

    def __init__(
        self, tokens: Mapping[str, SiteToken], env: Mapping[str, str] | None = None, *, readers: Readers = pcsc_readers
    ) -> None:
        self._tokens = tokens
        self._modules = HsmRack(tokens, env)
        self._yubikeys = YubiKeyRack(tokens, readers)

    def open(self, name: str) -> Token:
        """Open the one token that the plan calls `name`; raises TokenAbsent for none, TokenError for two."""
        if name not in self._tokens:
            raise TokenError(
                name, "is not in the site file", hint=f"add [tokens.{name}] with yubikey and slot, or with pkcs11 and module"
            )
        return self._yubikeys.open(name) if self._tokens[name].yubikey else self._modules.open(name)
