# SPDX-License-Identifier: Apache-2.0
"""What a log tells of its media must fit together: nothing begun while one was out, none kept that was not restored from."""

from __future__ import annotations

from copy import deepcopy

import pytest

from ceremony.errors import ExitCode
from tests.core.audit.test_tampering import fast_seal
from tests.core.audit.test_verdict import Records, rechained, texts

__all__ = ["fast_seal"]


def at(records: Records, kind: str, action: str = "") -> int:
    return next(n for n, r in enumerate(records) if r["kind"] == kind and (not action or r["body"]["action"] == action))


def like(record: dict, kind: str, **body: object) -> dict:
    return deepcopy(record) | {"kind": kind, "outcome": "ok", "body": body}


def put(before: int, *added: tuple[str, dict]) -> object:
    def change(records: Records) -> Records:
        place = before if before >= 0 else len(records) + before
        records[-1]["body"]["counts"] |= {kind: sum(k == kind for k, _ in added) for kind, _ in added}
        new = [like(records[place], kind, **body) for kind, body in added]
        return [*records[:place], *new, *records[place:]]

    return change


OUT = ("volume-out", {"role": "b", "serial": "Fb", "why": "the device failed"})
WHOLE = ("volume-whole", {"role": "b", "serial": "Fb", "files": 3})
MEDIUM = ("medium", {"role": "b", "serial": "F2", "model": "memory", "folder": True, "replaces": "Fb"})


def test_a_medium_that_went_on_is_nothing_to_object_to():
    assert "out" not in texts(rechained(put(-1, OUT, WHOLE)))


def test_a_log_that_was_closed_while_a_volume_was_out_fails():
    result = rechained(put(-1, OUT))
    assert result.verdict is ExitCode.FAILED
    assert "closes the log while a medium was out: b (record " in texts(result)


@pytest.mark.parametrize("action", ["generate-key", "sign-root", "write-volumes"])
def test_an_act_that_was_begun_while_a_volume_was_out_fails(action):
    result = rechained(lambda records: put(at(records, "intent", action), OUT)(records))
    assert f"begins {action} while a medium was out: b (record " in texts(result)


def test_a_medium_that_took_a_place_before_the_root_signed_must_have_been_restored_from():
    result = rechained(lambda records: put(at(records, "intent", "sign-root"), OUT, MEDIUM, WHOLE)(records))
    assert "volume b was not restored before the root signed" in texts(result)


def test_a_medium_that_took_a_place_afterwards_must_have_been_restored_from():
    said = "the backups were not restored from the medium that is volume b in the end"
    assert said in texts(rechained(put(-1, OUT, MEDIUM, WHOLE)))
    drilled = ("restored", {"volume": "b", "files": [], "repository_keys": 0})
    assert said not in texts(rechained(put(-1, OUT, MEDIUM, WHOLE, drilled)))


def test_a_log_without_a_medium_for_a_volume_fails():
    result = rechained(lambda records: [r for r in records if r["kind"] != "medium"])
    assert "that is volume a in the end" in texts(result)
