# SPDX-License-Identifier: Apache-2.0
"""A recovery told to people: whose backup was opened, what was restored, what was left out."""

from __future__ import annotations

import json

import pytest

from ceremony.core.chronicle import State, overview, sentence
from ceremony.errors import ExitCode, Stopped
from tests.core.chronicle.records import record
from tests.fakes.recovery import SHARES, after, held
from tests.fakes.room import CEREMONY, fast_seal

__all__ = ["fast_seal"]


def told(ceremony) -> tuple[list[str], State]:
    state, sentences = State(), []
    for line in ceremony.operator.lines:
        entry = json.loads(line)
        state.note(entry)
        sentences.append(sentence(entry, state.names))
    return sentences, state


def test_tells_a_recovery_from_its_beginning_to_its_end():
    recovery = after(held(protect=SHARES))
    assert recovery.hold() is ExitCode.DONE
    sentences, state = told(recovery)
    serial = recovery.rack.devices["new-a"].serial
    for said in (
        "The practice ceremony acme-recovery began, a recovery, at vault",
        "Carla typed share 1: taken",
        f"The backup of acme-root, ceremony {CEREMONY[:16]}, was opened: 1 root key, 2 repository keys",
        f"Token new-a (serial {serial}) signed a challenge over the log with its root key",
        f"Token new-a (serial {serial}) locked its root key: it leaves the token no more",
    ):
        assert said in sentences, "\n".join(sentences)
    assert any(
        s.startswith(f"About to begin: restoring a root key to token new-a (serial {serial}), ecdsa-p256") for s in sentences
    )
    assert any(s.startswith(f"The root key was restored to token new-a (serial {serial}), public key") for s in sentences)
    sections = {section.title: dict(section.lines) for section in overview(state)}
    assert sections["Backups"]["opened"] == f"acme-root, ceremony {CEREMONY}"
    assert sections["Root keys"]["new-a"].endswith(", restored, locked")


def test_tells_a_wrong_secret_a_file_left_out_and_an_interruption():
    recovery = after(held())
    recovery.operator.answers |= {"old-passphrase": "wrong", "error:old-passphrase": "leave", "error:open-backup": "stop"}
    with pytest.raises(Exception, match="does not open"):
        recovery.hold()
    assert "What was typed did not open the old backup" in told(recovery)[0]
    body = {"plan": "x", "ceremony": "ab" * 16, "roots": ["1"], "repository_keys": 0, "left_out": {"a": "b"}, "trusted": False}
    said = sentence(record("backup-opened", body))
    assert said.endswith("1 root key, 0 repository keys; 1 file left out; no trusted root was there to compare with")
    found = {"action": "restore-key", "key": "1", "public_sha256": "ab" * 32, "found": True}
    assert "restored to token 1 before the interruption" in sentence(record("result", found))
    assert (
        sentence(record("reopened", {"volume": "old", "repository_keys": 1})) == "1 repository key was opened from the old volume"
    )


def test_a_stop_before_anything_was_restored_leaves_the_old_backup_named():
    recovery = after(held())
    recovery.operator.stop_at = "restore:new-a"
    with pytest.raises(Stopped):
        recovery.hold()
    assert told(recovery)[1].source == f"acme-root, ceremony {CEREMONY}"
