# SPDX-License-Identifier: Apache-2.0
"""Two states of a repository → every difference, in words that name each key, tag and day.

A state is what was read of root and targets; so whatever the reader keeps is compared,
and two states that differ in anything that clients see never give nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ceremony.core.port_values import Change
from ceremony.core.published.values import PublishedKey, RoleKeys, RootFacts, TargetsFacts

_MEMBER = "in the metadata"

_Fact = str | bytes | tuple[PublishedKey, ...]
"""In words, an entry of targets, or keys: words are made of what differs alone."""


@dataclass(frozen=True, slots=True)
class State:
    """What is, or would be, published of a repository."""

    root: RootFacts
    targets: TargetsFacts | None
    """None where there are none: a new repository whose team publishes them."""


def differences(
    repository: str, before: State | None, after: State, words: Callable[[PublishedKey], str] | None = None
) -> Sequence[Change]:
    """Return every difference, root before targets, by field; `words` says a key otherwise than in full.

    `before` is None for a new repository: all of `after` is new.
    What differs is told in full: two keys for which `words` are the same are another all the same.
    """
    say = words or key_words
    old, new = dict(_facts(before)) if before else {}, dict(_facts(after))
    fields = [*old, *(field for field in new if field not in old)]
    differing = [field for field in fields if _differ(old.get(field), new.get(field))]
    return tuple(
        Change(repository, *field, _said(old.get(field), say), _said(new.get(field), say))
        for field in sorted(differing, key=lambda field: field[0] != "root")
    )


def _facts(state: State) -> Iterator[tuple[tuple[str, str], _Fact]]:
    root, targets = state.root, state.targets
    yield ("root", "version"), str(root.version)
    yield ("root", "expires"), root.expires
    yield ("root", "consistent snapshot"), "yes" if root.consistent_snapshot else "no"
    for name, role in root.roles.items():
        yield from _role("root", name, role)
    for member in root.dropped:
        yield ("root", member), _MEMBER
    if targets is None:
        return
    yield ("targets", "version"), str(targets.version)
    yield ("targets", "expires"), targets.expires
    for role in targets.delegations:
        yield from _role("targets", role.name, role)
    for tag in targets.tags:
        yield ("targets", f"tag {tag.name}"), tag.entry
    for member in targets.dropped:
        yield ("targets", member), _MEMBER


def _role(file: str, name: str, role: RoleKeys) -> Iterator[tuple[tuple[str, str], _Fact]]:
    yield (file, f"{name} keys"), role.keys
    yield (file, f"{name} threshold"), str(role.threshold)
    if file == "targets":
        yield (file, f"{name} paths"), ", ".join(repr(path) for path in role.paths) or "none"


def _differ(old: _Fact | None, new: _Fact | None) -> bool:
    if isinstance(old, tuple) and isinstance(new, tuple):
        return old != new and {key.key_id for key in old} != {key.key_id for key in new}
    return old != new


def _said(fact: _Fact | None, words: Callable[[PublishedKey], str]) -> str:
    if isinstance(fact, tuple):
        return "; ".join(sorted(words(key) for key in fact)) or "none"
    return entry_words(fact) if isinstance(fact, bytes) else fact or ""


def key_words(key: PublishedKey) -> str:
    """Return a key in words: its id, what it is, and whom its certificate names until when."""
    words = f"key {key.key_id}, {key.kind}"
    certificate = key.certificate
    if certificate is None:
        return words
    return f"{words}, certificate for {certificate.common_name} until {certificate.not_after:%Y-%m-%d %H:%M:%S} UTC"


def entry_words(entry: bytes) -> str:
    """Return an entry of targets (canonical JSON, as it was read) in words, others for every other entry; empty for no entry."""
    if not entry:
        return ""
    members = json.loads(entry)
    length, hashes = members.pop("length"), members.pop("hashes")
    listed = [f"{name} {_hex(value)}" for name, value in sorted(hashes.items())]
    rest = [f"{name} {json.dumps(value, sort_keys=True, ensure_ascii=False)}" for name, value in sorted(members.items())]
    return ", ".join([f"{length} bytes", *listed, *rest])


def _hex(value: str) -> str:
    try:
        data = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return repr(value)
    return data.hex() if base64.b64encode(data).decode() == value else repr(value)
