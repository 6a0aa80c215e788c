# SPDX-License-Identifier: Apache-2.0
"""The close record: what it counts is what the log holds, and what people answered is told."""

from __future__ import annotations

from collections import Counter

from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json, JsonObject, encode_trusted

INVENTORY = "evidence/inventory.json"
_SAID = {
    "agree": ("agrees", "agree"),
    "agree-with-exceptions": ("agrees with exceptions", "agree with exceptions"),
    "do-not-agree": ("does not agree", "do not agree"),
}


def check_close(a: Audited) -> None:
    """Check the close record of a closed log, and say what people answered."""
    if not a.past.closed:
        return
    body = next(record.body for record in reversed(a.found.records) if record.kind == "close")
    wanted: JsonObject = {
        "inventory": a.past.files.get(INVENTORY, ""),
        "deviations": a.past.counts.get("deviation", 0),
        "counts": {kind: count for kind, count in a.past.counts.items() if kind != "close"},
        "open_intents": 0,
    }
    for name, value in wanted.items():
        # As bytes: in Python true is 1.
        if encode_trusted(body.get(name)) != encode_trusted(value):
            a.failed("close", f"its {name.replace('_', ' ')} is not what the log holds")
    _tell_answers(a, body.get("answers"))


def _tell_answers(a: Audited, answers: Json) -> None:
    present = a.past.ended.get("roll-call", {}).get("present")
    given = {key: body.get("answer") for (action, key), body in a.past.results.items() if action == "answer"}
    here = {str(name) for name in present} if isinstance(present, list) else set()
    if not isinstance(answers, dict) or answers != given or answers.keys() != here:
        a.failed("close", "its answers are not those that people who were present gave")
        return
    counted = Counter(str(answer) for answer in answers.values())
    if not counted.keys() <= _SAID.keys():
        a.failed("close", "holds an answer that is none")
        return
    a.ok("answers", ", ".join(f"{counted[key]} {said[counted[key] != 1]}" for key, said in _SAID.items() if counted[key]))
