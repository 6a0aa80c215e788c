# SPDX-License-Identifier: Apache-2.0
"""Throw-away root keys on throw-away tokens: what stands in for a root that is not in the room.

One key on each token that the plan has sign, all of them needed, each certified by
itself with `O=PRACTICE` as a ceremony does. They are made before the ceremony begins,
as the root of an earlier one would have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from ceremony.core.certificates import CertificateRequest
from ceremony.core.dialects import Dialect, Draft, RootKey, Signature
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.ports import Entropy, KeyRequest, Token, TokenKey, TokenRack
from ceremony.core.secret import Secret

LABEL = "practice-published-root"
"""Of the keys on their tokens: no label that a ceremony gives, which is the name of its plan."""
_BEFORE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PracticeRoots:
    """The tokens, unlocked, and the key on each; `ceremony` is a made-up id, hex, that makes serial numbers differ."""

    dialect: Dialect
    tokens: Sequence[tuple[Token, TokenKey]]
    ceremony: str

    @property
    def threshold(self) -> int:
        """How many of the keys must sign: all, as the plan names those that sign."""
        return len(self.tokens)

    def publics(self) -> list[PublicKey]:
        """Return the public halves."""
        return [key.public for _, key in self.tokens]

    def certified(self, names: Sequence[str], now: datetime, until: datetime) -> Mapping[str, tuple[RootKey, ...]]:
        """Return the root keys of each repository of `names`, with certificates where the dialect wants them; raises TokenError."""
        found: dict[str, list[RootKey]] = {name: [] for name in names}
        for token, key in self.tokens:
            for name, certificate in zip(names, self._certificates(token, key, names, now, until), strict=True):
                found[name].append(RootKey(key.public, certificate))
        return {name: tuple(listed) for name, listed in found.items()}

    def _certificates(self, token: Token, key: TokenKey, names: Sequence[str], now: datetime, until: datetime) -> list[str]:
        if not self.dialect.needs_certificate:
            return [""] * len(names)
        start = now - _BEFORE
        requests = [CertificateRequest(key.public, name, start, until, self.ceremony, practice=True) for name in names]
        bodies = [request.to_be_signed() for request in requests]
        signatures = token.sign(key, requests[0].scheme, bodies) if requests else []
        return [request.finish(body, value) for request, body, value in zip(requests, bodies, signatures, strict=True)]

    def finished(self, drafts: Sequence[tuple[Draft, Sequence[RootKey]]]) -> list[bytes]:
        """Return the finished files of roots, each with the root keys that it names, in their order; raises TokenError."""
        signed: list[list[Signature]] = [[] for _ in drafts]
        for number, (token, key) in enumerate(self.tokens):
            scheme = self.dialect.scheme(key.public.algorithm)
            values = token.sign(key, scheme, [draft.payload for draft, _ in drafts])
            for signatures, (_, roots), value in zip(signed, drafts, values, strict=True):
                signatures.append(Signature(self.dialect.root_key_id(roots[number]), key.public.algorithm, value))
        return [self.dialect.assemble(draft, signatures) for (draft, _), signatures in zip(drafts, signed, strict=True)]


@contextmanager
def practice_roots(
    rack: TokenRack, names: Sequence[str], answers: Mapping[str, Secret], dialect: Dialect, entropy: Entropy
) -> Iterator[PracticeRoots]:
    """Make a root key on each token of `names`, whose PINs are among `answers`, and let the tokens go in the end; raises TokenError."""
    with ExitStack() as closing:
        made: list[tuple[Token, TokenKey]] = []
        for name in names:
            token = rack.open(name)
            closing.callback(token.close)
            token.unlock(Secret(answers[f"pin:{name}"].reveal()))
            request = KeyRequest(LABEL, entropy.bytes(16), Algorithm.ECDSA_P256, extractable=False)
            made.append((token, token.generate(request)))
        yield PracticeRoots(dialect, made, entropy.bytes(16).hex())
