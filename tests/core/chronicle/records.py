# SPDX-License-Identifier: Apache-2.0
"""Records, as a ceremony and as a stranger writes them."""

from __future__ import annotations

from hypothesis import strategies as st

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.chronicle.acts import _DONE, _ON_TOKENS
from ceremony.core.chronicle.words import _WORDS

KINDS = (*_WORDS, "unheard-of", "")
_MEMBERS = (
    *("action", "key", "files", "plan", "people", "made", "answers", "by", "name", "role", "serial", "token", "count"),
    *("volume", "step", "why", "retries_left", "torn_bytes", "same", "what", "repositories", "interrupted", "found"),
    *("slot", "slots", "pin", "puk", "left", "factory", "keys", "certificates", "reasons", "decision", "authorities", "occupied"),
    *("holder", "seal"),
)
_ACTIONS = st.sampled_from(sorted({*_DONE, *_ON_TOKENS, "dance"}))
_plain = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=9) | _ACTIONS
_names = st.sampled_from(_MEMBERS) | st.text("abc", max_size=3)
jsons: st.SearchStrategy[Json] = st.recursive(
    _plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=6), max_leaves=12
)


def record(
    kind: str, body: JsonObject, *, step: str = "s", outcome: str = "ok", actor: str = "ceremony", seq: int = 0
) -> JsonObject:
    """Return a record's object."""
    return {
        "v": 1, "ceremony": "c0" * 16, "seq": seq, "prev": "0" * 64, "salt": "0" * 32, "utc": "2026-11-19T09:00:01.000000Z",
        "mono_ns": 1, "boot": "b", "kind": kind, "step": step, "actor": actor, "recorded_by": "Ada", "outcome": outcome,
        "body": body,
    }  # fmt: skip
