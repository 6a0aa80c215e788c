# SPDX-License-Identifier: Apache-2.0
"""A step called out of its order, or over a folder that was changed, refuses: the runner's order is not its only guard."""

from __future__ import annotations

import json

import pytest

from ceremony.core import software_key
from ceremony.core.keys import Algorithm
from ceremony.core.plan import KeyPlan, Source
from ceremony.errors import CeremonyError, ExitCode, Stopped, StorageError, VerificationError
from ceremony.steps import close, export, lock, repository_keys, verify
from ceremony.steps import runner as steps_runner
from ceremony.steps.room import Room, sha256
from tests.fakes.room import Ceremony, plan, repository
from tests.steps.test_genesis import wrapped

APP = "docker.io/acme/app"


def up_to(ceremony: Ceremony, step: str) -> Room:
    """Return a room in which every step before `step` has ended."""
    room = ceremony.begin()
    for info in ceremony.steps:
        if info.name == step:
            return room
        room.journal.step = info.name
        room.journal.record("end", {"made": steps_runner.STEPS[info.name](room)})
    raise AssertionError(step)


@pytest.mark.parametrize(
    ("run", "match"),
    [
        pytest.param(lock.run, "only after its backups were restored", id="lock before the drill"),
        pytest.param(export.run, "nothing leaves before it was verified", id="export before verify"),
        pytest.param(verify.run, "step repository-keys has not ended", id="verify before there is anything"),
        pytest.param(repository_keys.repository_keys, "step repository-keys has not ended", id="keys before they were made"),
        pytest.param(lambda room: room.on_volumes({"x": b"y"}), "volume a is not in", id="a backup before the volumes"),
    ],
)
def test_a_step_before_its_time_is_refused(run, match):
    room = Ceremony().begin()
    with pytest.raises(CeremonyError, match=match):
        run(room)


def test_a_recorded_file_is_never_written_with_other_contents():
    room = Ceremony().begin()
    room.keep({"a.txt": b"one"})
    room.keep({"a.txt": b"one"})
    with pytest.raises(StorageError, match=r"a\.txt is recorded with other contents"):
        room.keep({"a.txt": b"two"})


def test_a_log_is_not_closed_over_an_open_act():
    room = up_to(Ceremony(), "close")
    room.journal.begin("sign-root", "x/00000", {})
    with pytest.raises(CeremonyError, match="acts are still open: sign-root x/00000"):
        close.run(room)


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param([APP], id="no object"),
        pytest.param({APP: {"signers": []}}, id="no list of signers"),
        pytest.param({APP: {"signers": {}, "targets": "key", "snapshot": "key", "timestamp": "key"}}, id="a text for a key"),
    ],
)
def test_a_list_of_keys_that_is_none_is_refused(listed):
    ceremony = Ceremony()
    room = up_to(ceremony, "back-up")
    data = json.dumps(listed, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    path = "evidence/repositories-1.json"
    ceremony.folder.files[path] = data
    room.journal.past.files[path] = sha256(data)
    with pytest.raises(VerificationError, match=r"is not a list of keys|hold an entry that is not a key"):
        repository_keys.repository_keys(room)


def _exchange(ceremony: Ceremony, room: Room, role: str, files: dict[str, bytes]) -> None:
    path = f"bundle/tuf/{APP}/metadata/{role}.json"
    ceremony.folder.files[path] = files[path]
    room.journal.past.files[path] = sha256(files[path])


def test_verify_refuses_metadata_that_nobody_agreed_to_though_every_signature_holds():
    ceremony = Ceremony()
    room = up_to(ceremony, "verify")
    other = Ceremony(plan=plan(repository(APP)), rack=ceremony.rack)
    other.rack.devices["root-a"].keys.clear()
    other.hold()
    for role in ("root", "targets"):
        _exchange(ceremony, room, role, other.folder.files)
    with pytest.raises(VerificationError, match="was signed over something else than was agreed"):
        verify.run(room)


def test_verify_refuses_metadata_that_a_root_key_did_not_sign():
    ceremony = Ceremony(plan=plan(root=wrapped("root-a", "root-b", threshold=1)))
    room = up_to(ceremony, "verify")
    path = f"bundle/tuf/{APP}/metadata/root.json"
    whole = json.loads(ceremony.folder.files[path])
    whole["signatures"].pop()
    _exchange(ceremony, room, "root", {path: json.dumps(whole, separators=(",", ":")).encode()})
    with pytest.raises(VerificationError, match="is not signed by every key that it should be"):
        verify.run(room)


def test_a_resumed_ceremony_without_keys_of_its_own_asks_for_no_passphrase():
    made = plan(
        repository(APP, targets=KeyPlan(Source.FILE, path="a.pem")),
        files={"a.pem": software_key.make(Algorithm.ED25519).public.pem},
    )
    ceremony = Ceremony(plan=made)
    ceremony.operator.answers["review"] = Stopped("people stopped", hint="resume")
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.answers.clear()
    asked = len(ceremony.operator.asked)
    assert ceremony.resume() is ExitCode.DONE
    assert "passphrase" not in [question.prompt.key for question in ceremony.operator.asked[asked:]]


def test_a_torn_signature_of_a_person_is_made_again():
    ceremony = Ceremony()
    ceremony.hold()
    path = next(name for name in ceremony.folder.files if name.endswith(".sig") and "heads/" in name)
    good = ceremony.folder.files[path]
    ceremony.folder.files[path] = good[:40]
    assert ceremony.resume() is ExitCode.DONE
    assert ceremony.folder.files[path] == good


def test_a_copy_that_differs_from_the_folder_is_refused():
    ceremony = Ceremony()
    courier = ceremony.media.volumes["courier"]
    courier.write_stream = lambda path, chunks: courier.write({path: b"".join(chunks)}) or "0" * 64
    ceremony.operator.answers["error:closing"] = "stop"
    with pytest.raises(StorageError, match="is not a copy of the folder"):
        ceremony.hold()


def test_copies_that_are_good_are_left_alone():
    ceremony = Ceremony()
    ceremony.hold()
    before = {role: dict(volume.files) for role, volume in ceremony.media.volumes.items()}
    for volume in ceremony.media.volumes.values():
        volume.fail("remove")
    assert ceremony.resume() is ExitCode.DONE
    assert {role: volume.files for role, volume in ceremony.media.volumes.items()} == before


def test_a_torn_copy_is_made_again():
    ceremony = Ceremony()
    ceremony.hold()
    courier = ceremony.media.volumes["courier"]
    path = next(name for name in courier.files if name.endswith(".tar"))
    good = courier.files[path]
    courier.files[path] = good[:100]
    assert ceremony.resume() is ExitCode.DONE
    assert courier.files[path] == good
