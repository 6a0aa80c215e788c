# SPDX-License-Identifier: Apache-2.0
"""What a ceremony cannot repair of a stolen key's places, and what to do instead: data with words."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ceremony.core.published.values import Published, signer


class Matter(StrEnum):
    """What an advice is about."""

    ROOT = "root-key"
    TARGETS_ELSEWHERE = "targets-key-elsewhere"
    SIGNER_ELSEWHERE = "signer-and-targets-key-elsewhere"
    NESTED = "delegation-of-a-signer"
    SERVER = "server-key"
    SNAPSHOT = "snapshot-key-with-the-team"
    TAGS = "tags-of-a-signer"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know or to do about a repository."""

    matter: Matter
    role: str
    here: bool
    """Whether the ceremony itself can do it; else somebody else must."""
    words: str


def advice(published: Published, roles: Collection[str], stolen: Collection[str], *, here: bool) -> Iterator[Advice]:
    """Yield what to know of a repository whose `roles` the stolen keys (fingerprints) can sign for.

    `here` tells whether its targets are signed in this ceremony, by a key that is made in it.
    """
    for role in roles:
        if role == "root":
            yield Advice(Matter.ROOT, role, here=True, words=_ROOT)
        elif role == "targets" and not here:
            yield Advice(Matter.TARGETS_ELSEWHERE, role, here=False, words=_TARGETS)
        elif role in ("snapshot", "timestamp"):
            yield from _online(published, role, stolen)
        elif role.count("/") > 1:
            yield Advice(Matter.NESTED, role, here=False, words=_NESTED.format(role=role, parent=role.rpartition("/")[0]))
        elif role.startswith("targets/"):
            yield from _signer(published, role, stolen, here=here)
    known = published.server is not None
    if "targets" in roles and "snapshot" not in roles and known and not published.server_holds("snapshot"):
        yield Advice(Matter.SNAPSHOT, "snapshot", here=True, words=_SNAPSHOT)


def _online(published: Published, role: str, stolen: Collection[str]) -> Iterator[Advice]:
    offered = getattr(published.server, role) if published.server is not None else None
    if offered is None or hashlib.sha256(offered.spki).hexdigest() in stolen:
        yield Advice(Matter.SERVER, role, here=False, words=_SERVER.format(role=role, name=published.repository))


def _signer(published: Published, role: str, stolen: Collection[str], *, here: bool) -> Iterator[Advice]:
    if not here:
        words = _SIGNER.format(name=published.repository, role=role)
        yield Advice(Matter.SIGNER_ELSEWHERE, role, here=False, words=words)
    if _loses_tags(published, role, stolen):
        who = f"the signer {signer(role)}" if signer(role) else "whoever holds it"
        yield Advice(Matter.TAGS, role, here=False, words=_TAGS.format(who=who, role=role))


def _loses_tags(published: Published, name: str, stolen: Collection[str]) -> bool:
    """Tell whether a delegation's tags are no longer vouched for once the stolen keys are gone."""
    if name not in published.delegated or not published.delegated[name].tags:
        return False
    role = {role.name: role for role in published.roles()}[name]
    staying = {key.key_id for key in role.keys if key.fingerprint not in stolen}
    return len(staying & set(published.delegated[name].signed_by)) < role.threshold


_ROOT = (
    "The root key itself: make new root keys in this ceremony. The old ones sign the next root too, so clients that cached it follow. "
    "A client that has not seen the next root yet still trusts whoever holds the stolen key: publish at once, and have the new keys pinned."
)
_TARGETS = (
    "Its team brings its own new key, so its targets are signed elsewhere: the new root waits for them, "
    "and until both are published the stolen key goes on signing."
)
_SIGNER = (
    "Only the targets key can remove a signer, and it is not in the room: have a new one made here, "
    "or let its team run: notary delegation remove {name} {role} KEYID -p"
)
_NESTED = (
    "{role} is named by the metadata of {parent}, whose signer alone can change it: let that signer remove the key, "
    "or remove {parent} here."
)
_SERVER = (
    "Only the server makes a new {role} key, and the request brought none: let its administrator send a POST to "
    "/v2/{name}/_trust/tuf/{role}.key, whose answer is the new key, and bring that in a new request. Until then the key can be replaced by none."
)
_SNAPSHOT = (
    "The server does not hold its snapshot key: whoever signs its tags holds that key too, so it counts as stolen. "
    "Let the next root name the snapshot key that the server offers."
)
_TAGS = (
    "Once its stolen key is gone, clients pass over what {who} signed in {role} with it: these tags are gone until somebody "
    "who still may signs them again."
)
