# SPDX-License-Identifier: Apache-2.0
"""Signatures over heads where the first record may be withheld, or is not there at all: whose they are, signers say.

Each signature must hold by the key that is in it. It counts when the signers list that
person with that key for the time of the last record that can be seen; who is on nobody's
list counts for nothing. Where the first record can be seen, it says who the people are.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ceremony.core import bundle, cosign
from ceremony.core.audit.signed import people
from ceremony.core.audit.verdict import Audited
from ceremony.core.cosign import SshPublicKey
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.core.plan import Mode
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError


def check_brought(a: Audited, final: int, signers: Signers | None) -> None:
    """Check every signature, and that somebody who counts signed the head of number `final`."""
    present = {bundle.slug(person.name): _plain(person.key) for person in people(a)}
    counted = 0
    for path in sorted(a.names):
        number, name = bundle.signed_head(path)
        key = _holds(a, path, bundle.head(number)) if number else None
        if key is None:
            continue
        if present and present.get(name) != key.line:
            a.failed(path, "is a signature of nobody in the first record, or by another key than there")
        elif signers is not None:
            counted += _counts(a, path, name, key, signers) and number == final
        else:
            a.ok(path, "holds by the key that is in it")
    _tell(a, counted, signers, present=bool(present))


def _plain(key: str) -> str:
    """Return a key without its comment."""
    return " ".join(key.split()[:2])


def _holds(a: Audited, path: str, statement: str) -> SshPublicKey | None:
    """Return the key that a signature names and holds by; None, with a finding, when it does not."""
    if statement not in a.names:
        a.failed(path, "is over no head")
        return None
    try:
        armored = a.read(path) or b""
        key = cosign.claimed_key(armored, path)
        cosign.verify(armored, a.folder.read(statement), key, HEAD_NAMESPACE, path)
    except CeremonyError as error:
        a.failed(path, error.message)
        return None
    return key


def _counts(a: Audited, path: str, name: str, key: SshPublicKey, signers: Signers) -> bool:
    """Tell whether the signers take a signature that holds; says what they say of it."""
    if not signers.lists(name):
        a.ok(path, "holds by the key that is in it; the signers do not list this person, so it does not count")
    elif not signers.lists_key(name, key):
        a.failed(path, "was made by another key than those that the signers list")
    elif not signers.takes(name, key, _time(a)):
        a.incomplete(path, "was made at a time at which the signers do not take its key")
    else:
        a.ok(path, "was made by somebody whom the signers list")
        return True
    return False


def _time(a: Audited) -> datetime:
    return datetime.fromisoformat(a.found.records[-1].utc).astimezone(UTC)


def _tell(a: Audited, counted: int, signers: Signers | None, *, present: bool) -> None:
    """Say whose word it rests on."""
    if counted:
        a.ok("signers", f"{counted} of those whom they list signed its head")
    elif signers is not None:
        a.incomplete("signers", "nobody whom they list signed its head")
    elif present and a.mode == Mode.PRACTICE:
        a.ok("mode", "PRACTICE: judged by the practice people that its first record names")
    else:
        a.incomplete("signers", "it cannot vouch for itself; the keys of those who signed must come from elsewhere")
