# SPDX-License-Identifier: Apache-2.0
"""PKCS#11 tokens: from the site file to an open `Token`.

Exactly one token matches what the site file says, or none is opened. Each open
token has a worker process of its own (`hsm_worker`); what it does is in `hsm_token`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from ceremony.core.plan import SiteToken
from ceremony.devices import hsm_identity, hsm_uri
from ceremony.devices.hsm_link import DEADLINE_SECONDS, HsmLink, Said
from ceremony.devices.hsm_token import HsmToken
from ceremony.devices.hsm_wire import TokenFacts
from ceremony.errors import TokenAbsent, TokenError


class HsmRack:
    """The PKCS#11 tokens that the site names; implements `ceremony.core.ports.TokenRack`."""

    def __init__(
        self, tokens: Mapping[str, SiteToken], env: Mapping[str, str] | None = None, *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self._tokens = tokens
        self._env = env
        self._deadline = deadline_seconds

    def open(self, name: str) -> HsmToken:
        """Open the one token that the plan calls `name`, in a worker of its own; raises TokenAbsent for none, TokenError for two."""
        site = self._tokens.get(name)
        if site is None:
            raise TokenError(name, "is not in the site file", hint=f"add [tokens.{name}] with its pkcs11 URI and module")
        return open_token(name, site, env=self._env, deadline_seconds=self._deadline)


def open_token(
    name: str, site: SiteToken, *, env: Mapping[str, str] | None = None, deadline_seconds: float = DEADLINE_SECONDS
) -> HsmToken:
    """Open the token that the plan calls `name` and the site file describes.

    `env` is set over our environment for the worker; after `deadline_seconds` of silence
    the module is taken for hung. Raises TokenError when not exactly one token is meant,
    when it is not initialised, and for a module that cannot be used.
    """
    if not site.pkcs11:
        raise TokenError(name, "has no pkcs11 URI in the site file", hint=f"write pkcs11 and module under [tokens.{name}]")
    uri = hsm_uri.parse(name, site.pkcs11)
    with ExitStack() as undo:
        link = HsmLink(name, site.module, env=env, deadline_seconds=deadline_seconds)
        undo.callback(link.close)
        try:
            facts = _choose(name, uri, tokens_of(link))
            link.call("select", slot=facts.slot, serial=facts.serial, label=facts.label)
        except Said as said:
            raise TokenError(
                name, f"cannot be opened ({said.cause or said.fault})", hint="take it out, put it back, and try again"
            ) from said
        link.who = facts.serial or name
        undo.pop_all()
        return HsmToken(link, hsm_identity.identity(name, facts, site.module, link.module_sha256))


def tokens_of(link: HsmLink) -> list[TokenFacts]:
    """Return every token that a module shows; raises Said and TokenLost."""
    found = link.call("tokens")["tokens"]
    return [TokenFacts.of(facts) for facts in found] if isinstance(found, list) else []


def _choose(name: str, uri: hsm_uri.TokenUri, tokens: Sequence[TokenFacts]) -> TokenFacts:
    found = [facts for facts in tokens if uri.matches(facts)]
    if not found:
        seen = ", ".join(f"{facts.serial} ({facts.label})" for facts in tokens if facts.serial) or "none at all"
        raise TokenAbsent(name, f"no token matches {uri}; its module shows {seen}", hint="plug it in, or correct the site file")
    if len(found) > 1:
        seen = ", ".join(f"{facts.serial} ({facts.label})" for facts in found)
        raise TokenError(
            name,
            f"{len(found)} tokens match {uri}: {seen}",
            hint="name it by its serial; where serials are the same, by its label (token=) too",
        )
    facts = found[0]
    if not facts.flags & hsm_identity.Flag.TOKEN_INITIALIZED:
        raise TokenError(name, f"{facts.serial} is not initialised", hint="its custodian initialises it with the vendor's tool")
    if hsm_identity.is_yubikey(facts):
        raise TokenError(
            name,
            f"{facts.serial} is a YubiKey, whose PKCS#11 attributes prove nothing",
            hint=f"write yubikey = SERIAL under [tokens.{name}]",
        )
    return facts
