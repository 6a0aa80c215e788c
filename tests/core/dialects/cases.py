# SPDX-License-Identifier: Apache-2.0
"""A repository at publishing, made in memory: what the request held, what the ceremony signed, what the server has since."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ceremony.core.dialects.notary_standing import Case
from tests.core.dialects.forged import Signer, signed
from tests.core.published.made import ALICE, APP, BOB, NEW, OLD_ROOT, TARGETS, delegations, root, tag, targets

TAGS = {"1.0": tag("one"), "2.0": tag("two"), "bad": tag("bad")}
SIGNERS = delegations(alice=ALICE, bob=BOB)
OLD = signed(root(1), [OLD_ROOT])
FETCHED = signed(targets(3, TAGS, SIGNERS), [TARGETS])
SAME_KEY = signed(root(2), [OLD_ROOT])
NEW_KEY = signed(root(2, targets=NEW), [OLD_ROOT])


def at(version: int, tags: Mapping[str, Any] = TAGS, by: Signer = TARGETS, delegated: Any = SIGNERS, **more: Any) -> bytes:
    """Return targets of a version."""
    return signed(copy.deepcopy(targets(version, tags, delegated)) | more, [by])


OURS = at(4, by=NEW)
STRUCK = at(4, {name: TAGS[name] for name in ("1.0", "2.0")}, NEW, delegations(bob=BOB))


def case(root_file: bytes = NEW_KEY, targets_file: bytes | None = None, *, new: bool = False) -> Case:
    """Return a repository with what the ceremony signed."""
    ours = {"root": root_file} | ({} if targets_file is None else {"targets": targets_file})
    return Case(APP, ours, {} if new else {"root": OLD, "targets": FETCHED})


def served(root_file: bytes | None, targets_file: bytes | None = FETCHED, **more: bytes) -> dict[str, bytes]:
    """Return what the server has."""
    found = {"root": root_file, "targets": targets_file} | more
    return {role: data for role, data in found.items() if data is not None}
