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
from ceremony.core.published.values import PublishedKey, RoleKeys, RootFacts, Tag, TargetsFacts

_MEMBER = "in the metadata"


@dataclass(frozen=True, slots=True)
class State:
    """What is, or would be, published of a repository."""

    root: RootFacts
    targets: TargetsFacts


def differences(
    repository: str, before: State, after: State, words: Callable[[PublishedKey], str] | None = None
) -> Sequence[Change]:
    """Return every difference, root before targets, by field; `words` says a key otherwise than in full."""
    say = words or key_words
    old, new = dict(_facts(before, say)), dict(_facts(after, say))
    fields = [*old, *(field for field in new if field not in old)]
    return tuple(
        Change(repository, role, field, old.get((role, field), ""), new.get((role, field), ""))
        for role, field in sorted(fields, key=lambda field: field[0] != "root")
        if old.get((role, field)) != new.get((role, field))
    )


def _facts(state: State, words: Callable[[PublishedKey], str]) -> Iterator[tuple[tuple[str, str], str]]:
    root, targets = state.root, state.targets
    yield ("root", "version"), str(root.version)
    yield ("root", "expires"), root.expires
    yield ("root", "consistent snapshot"), "yes" if root.consistent_snapshot else "no"
    for name, role in root.roles.items():
        yield from _role("root", name, role, words)
    for member in root.dropped:
        yield ("root", member), _MEMBER
    yield ("targets", "version"), str(targets.version)
    yield ("targets", "expires"), targets.expires
    for role in targets.delegations:
        yield from _role("targets", role.name, role, words)
    for tag in targets.tags:
        yield ("targets", f"tag {tag.name}"), tag_words(tag)
    for member in targets.dropped:
        yield ("targets", member), _MEMBER


def _role(file: str, name: str, role: RoleKeys, words: Callable[[PublishedKey], str]) -> Iterator[tuple[tuple[str, str], str]]:
    yield (file, f"{name} keys"), "; ".join(sorted(words(key) for key in role.keys)) or "none"
    yield (file, f"{name} threshold"), str(role.threshold)
    if file == "targets":
        yield (file, f"{name} paths"), ", ".join(repr(path) for path in role.paths) or "none"


def key_words(key: PublishedKey) -> str:
    """Return a key in words: its id, what it is, and whom its certificate names until when."""
    words = f"key {key.key_id}, {key.kind}"
    certificate = key.certificate
    if certificate is None:
        return words
    return f"{words}, certificate for {certificate.common_name} until {certificate.not_after:%Y-%m-%d %H:%M:%S} UTC"


def tag_words(tag: Tag) -> str:
    """Return a tag's value in words that are another for every other value."""
    return entry_words(tag.entry)


def entry_words(entry: bytes) -> str:
    """Return an entry of targets (canonical JSON, as it was read) in words; empty for no entry."""
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
