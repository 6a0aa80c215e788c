# SPDX-License-Identifier: Apache-2.0
"""The impact of stolen keys as canonical JSON, and as rows of a screen or a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ceremony.core.canonical import Json, JsonObject, encode, parse_object
from ceremony.core.published.differences import entry_words
from ceremony.core.rotation.impact import Affected, Impact, KeyImpact, SignedTag
from ceremony.errors import VerificationError

_NOTHING = "signs for nothing that is published"
_WORDS = frozenset({"advice", "why", "last_good"})
"""Members of the JSON that say to people what follows from the others."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a repository's role, or what is said of the whole."""

    repository: str
    """Empty for what is said of a key."""
    role: str
    keys: str
    """Short key ids; in full in the JSON."""
    signer: str
    tags: str
    """How many tags the key signed, how many of them are suspect."""
    words: str
    """What must be known or done."""


def impact_json(impact: Impact) -> bytes:
    """Return the whole answer as canonical JSON; text that has no canonical form is written with escapes."""
    value: JsonObject = {
        "schema": 1,
        "asked": impact.asked,
        "broken": [{"repository": name, "why": plain(why)} for name, why in sorted(impact.broken.items())],
        "keys": [_key(key) for key in impact.keys],
        "last_good": impact.last_good,
        "repositories": [_repository(affected) for affected in impact.repositories],
    }
    return encode(value, "impact")


def _key(key: KeyImpact) -> Json:
    return {
        "name": key.compromised.name,
        "fingerprint": key.compromised.fingerprint,
        "key_ids": list(key.key_ids),
        "repositories": len({place.repository for place in key.places}),
        "roles": list[Json](sorted({place.role for place in key.places})),
        "signs": bool(key.places),
        "signed_before": [{"repository": p.repository, "role": p.role, "versions": list(p.versions)} for p in key.past],
    }


def _repository(affected: Affected) -> Json:
    return {
        "repository": affected.repository,
        "places": [{"role": p.role, "key_id": p.key_id, "only_key": p.alone, "signer": p.signer} for p in affected.places],
        "tags": [_tag(tag) for tag in affected.tags()],
        "advice": [{"matter": str(a.matter), "role": a.role, "here": a.here, "words": a.words} for a in affected.advice()],
    }


def _tag(tag: SignedTag) -> Json:
    return {
        "role": tag.role,
        "tag": plain(tag.tag),
        "version": tag.version,
        "or_before": tag.first,
        "before": plain(entry_words(tag.before)),
        "after": plain(entry_words(tag.after)),
        "stands": tag.stands,
        "suspect": tag.suspect,
    }


def facts(written: bytes, subject: str) -> Json:
    """Return what `impact_json` wrote without its words, which another release may put otherwise.

    Raises VerificationError, naming `subject`, for what is no canonical JSON.
    """
    return _without_words(parse_object(written, subject))


def _without_words(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_words(member) for name, member in value.items() if name not in _WORDS}
    return [_without_words(item) for item in value] if isinstance(value, list) else value


def plain(text: str) -> str:
    """Return text as canonical JSON takes it: as it is, or else in ASCII with Python's escapes."""
    try:
        encode(text)
    except VerificationError:
        return ascii(text)
    return text


def rows(impact: Impact) -> Iterator[Row]:
    """Yield the answer line by line: keys that sign nothing, repositories that could not be read, then each role."""
    for key in impact.keys:
        if not key.places:
            before = f"; it signed {len(key.past)} earlier metadata files" if key.past else ""
            yield Row("", "", key.compromised.name, "", "", f"{_NOTHING}{before}")
    for name, why in impact.broken.items():
        yield Row(name, "", "", "", "", f"could not be read: {why}")
    for affected in impact.repositories:
        yield from _rows(affected)


def _rows(affected: Affected) -> Iterator[Row]:
    said: dict[str, list[str]] = {}
    for one in affected.advice():
        said.setdefault(one.role, []).append(one.words)
    roles: dict[str, list[str]] = {}
    signed = affected.tags()
    alone = {place.role for place in affected.places if place.alone}
    signers = {place.role: place.signer for place in affected.places}
    for place in affected.places:
        roles.setdefault(place.role, []).append(place.key_id[:16])
    for role in (*roles, *(role for role in said if role not in roles)):
        tags = [tag for tag in signed if tag.role == role]
        counted = f"{len(tags)} signed, {sum(tag.suspect for tag in tags)} suspect" if tags else ""
        words = (["The only key of this role."] if role in alone else []) + said.get(role, [])
        yield Row(affected.repository, role, ", ".join(roles.get(role, [])), signers.get(role, ""), counted, " ".join(words))
