# SPDX-License-Identifier: Apache-2.0
"""What a server serves after it was published to, judged as its clients judge it.

As a client that cached the root of the ceremony's request: every root from there to the
newest follows the one before it. As one that cached nothing: the newest root stands by
itself, its certificates and days hold today. For both, targets, snapshot and timestamp
verify under the newest root, and name one another's bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ceremony.core.dialects.notary_chain import countable_on, read_root
from ceremony.core.dialects.notary_published import read
from ceremony.core.dialects.notary_signed import check_signed, read_signed
from ceremony.core.dialects.notary_standing import Case
from ceremony.core.published.trusted import Anchor, TrustedRoot
from ceremony.core.published.values import Published, Served
from ceremony.errors import VerificationError

CHANGED = "look at the server, or a cache before it, and run the command again"


def cached(case: Case) -> tuple[int, bytes]:
    """Return version and bytes of the root that an old client has: the request's, or ours where there was none."""
    root = case.before.get("root", case.ours["root"])
    return read_signed(case.repository, "root", root).version, root


def visit(case: Case, sent: Mapping[str, bytes], served: Served, now: datetime) -> Published:
    """Judge what a server serves, its roots from the cached one to the newest; returns it, as a client sees it.

    `sent` is what was published, by role. Raises VerificationError, naming repository and
    role, for what a client would refuse, and when it is not what was sent or follows it.
    """
    name = case.repository
    _, root = cached(case)
    published = read(served, TrustedRoot({name: Anchor(name, root)}, ()), now)
    ours = read_root(name, case.ours["root"])
    if dict(served.metadata["root"]).get(ours.version) != case.ours["root"]:
        raise VerificationError(f"{name}, root", "the server does not serve what was sent", hint=CHANGED)
    targets = sent.get("targets", published.files["targets"])
    # Whoever holds the key may have signed again in between; then theirs is newer, and verified as ours was.
    if published.files["targets"] != targets and published.targets.version <= read_signed(name, "targets", targets).version:
        raise VerificationError(f"{name}, targets", "the server does not serve what was sent", hint=CHANGED)
    _check_today(case, served, published, now)
    return published


def _check_today(case: Case, served: Served, published: Published, now: datetime) -> None:
    """Check days, as a client without a cache does; targets that the ceremony did not sign are as good as they were."""
    name = case.repository
    newest = read_root(name, published.files["root"])
    check_signed(newest.file, countable_on(newest.roles["root"], name, now), "root keys with certificates that are valid today")
    for role in (*case.ours, "snapshot", "timestamp"):
        file = read_signed(name, role, served.metadata[role][-1][1])
        if file.expires_at <= now:
            raise file.refused(f"expired at {file.expires}")
