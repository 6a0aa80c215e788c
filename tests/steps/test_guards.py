# SPDX-License-Identifier: Apache-2.0
"""What was changed behind a ceremony's back is noticed before it does harm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core import software_key
from ceremony.core.bundle import LOG
from ceremony.core.keys import Algorithm
from ceremony.core.plan import KeyPlan, Source
from ceremony.core.ports import Deviation
from ceremony.errors import CeremonyError, ExitCode, PinLocked, Stopped, StorageError, TokenError, VerificationError
from ceremony.steps import back_up, sign
from ceremony.steps.room import sha256
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import fake_rack
from tests.steps.test_genesis import wrapped
from tests.steps.test_order import up_to

ID = "c0" * 16
STOPPED = Stopped("people stopped", hint="resume")


def stopped_at(key: str) -> Ceremony:
    """Return a ceremony that people stopped at a question."""
    ceremony = Ceremony()
    ceremony.operator.answers[key] = STOPPED
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.answers.clear()
    return ceremony


def refused(ceremony: Ceremony, error: type[CeremonyError], match: str) -> None:
    errors = [*(info.name for info in ceremony.steps), "closing", "medium:a", "medium:b"]
    ceremony.operator.answers |= {f"error:{name}": "stop" for name in errors}
    with pytest.raises(error, match=match):
        ceremony.resume()


# --- the log ---


def test_a_log_that_was_damaged_before_its_end_is_left_as_it_is():
    ceremony = stopped_at("review")
    log = ceremony.folder.files[LOG]
    lines = log.splitlines(keepends=True)
    damaged = b"".join([*lines[:9], b"x" + lines[9][1:], *lines[10:]])
    ceremony.folder.files[LOG] = damaged
    before = dict(ceremony.folder.files)
    refused(ceremony, StorageError, "its log is damaged at record 9, and goes on behind it")
    assert ceremony.folder.files == before
    ceremony.folder.files[LOG] = log
    ceremony.operator.answers.clear()
    assert ceremony.resume() is ExitCode.DONE


def test_bytes_behind_the_close_record_are_refused():
    ceremony = Ceremony()
    ceremony.hold()
    ceremony.folder.files[LOG] += b"junk"
    refused(ceremony, StorageError, "goes on after its close record")


@pytest.mark.parametrize("tail", [pytest.param(b"\0" * 64, id="zeros"), pytest.param(b'{"zz', id="a piece of a line")])
def test_a_volume_s_torn_log_is_mended_and_what_was_cut_is_kept_on_it(tail):
    ceremony = stopped_at("review")
    volume = ceremony.media.volumes["b"]
    volume.files[f"ceremony-{ID}/{LOG}"] += tail
    assert ceremony.resume() is ExitCode.DONE
    assert volume.files[f"ceremony-{ID}/{LOG}"] == ceremony.folder.files[LOG]
    assert tail in [data for name, data in volume.files.items() if "/set-aside/torn-" in name]
    assert ceremony.bodies("mended")[0]["bytes"] == len(tail)


def test_what_was_cut_from_a_volume_s_log_is_not_written_twice_after_a_second_crash():
    ceremony = stopped_at("review")
    volume = ceremony.media.volumes["b"]
    path, torn = f"ceremony-{ID}/{LOG}", b"junk"
    kept = f"ceremony-{ID}/set-aside/torn-{len(volume.files[path])}-{sha256(torn)[:16]}"
    volume.files |= {path: volume.files[path] + torn, kept: torn}
    assert ceremony.resume() is ExitCode.DONE
    assert volume.files[kept] == torn


def test_a_volume_with_another_log_is_refused():
    ceremony = stopped_at("review")
    other = Ceremony()
    other.hold()
    ceremony.media.volumes["a"].files[f"ceremony-{ID}/{LOG}"] = other.folder.files[LOG]
    refused(ceremony, Stopped, "volume a is out: memory Fa: holds a log that is not the folder's")


def test_files_records_stay_within_a_line_however_long_the_names():
    name = "reg.example/" + "/".join(["a" * 60] * 4)
    names = [f"{name[:240]}{number:05}" for number in range(130)]
    ceremony = Ceremony(plan=plan(*(repository(n) for n in names), root=wrapped("root-a", certificate="reg.example/*")))
    assert ceremony.hold() is ExitCode.DONE


# --- what backs the keys ---


@pytest.mark.parametrize("lost", ["private/repositories.age", "private/identity.age"])
def test_nothing_is_signed_while_a_volume_lacks_a_backup(lost):
    ceremony = stopped_at("review")
    del ceremony.media.volumes["b"].files[f"ceremony-{ID}/{lost}"]
    refused(ceremony, Stopped, f"volume b is out: memory Fb: {lost} is not there as it was written")
    assert not [body for body in ceremony.bodies("intent") if body["action"] == "sign-root"]


def test_nothing_is_signed_before_its_backups_were_restored():
    room = up_to(Ceremony(), "drill")
    with pytest.raises(CeremonyError, match="nothing is signed before its backups were restored"):
        sign.run(room)


def test_keys_that_are_not_in_memory_are_not_backed_up():
    room = up_to(Ceremony(), "back-up")
    room.keyring.drop()
    with pytest.raises(CeremonyError, match="the repository keys are not in memory"):
        back_up.run(room)


def test_repository_keys_come_from_no_volume_that_is_spoiled():
    ceremony = stopped_at("review")
    path = f"ceremony-{ID}/private/repositories.age"
    shown, fresh = ceremony.operator.shown, FakeVolume(fake_identity("F2"))

    def spoil(_: object) -> str:
        ceremony.media.volumes["a"].files[path] = b"spoiled"
        return shown["passphrase"]

    ceremony.operator.answers |= {
        "passphrase": [spoil, lambda _: shown["passphrase"]],
        "insert:a": lambda _: ceremony.media.volumes.update(a=fresh) is None,
    }
    assert ceremony.resume() is ExitCode.DONE
    assert fresh.files[path] == ceremony.media.volumes["b"].files[path]
    assert [body["volume"] for body in ceremony.bodies("reopened")] == ["a"]


# --- tokens ---


def test_another_key_under_our_label_and_id_is_not_taken_for_ours():
    ceremony = stopped_at("compare:root:root-a")
    held = ceremony.rack.devices["root-a"].keys[0]
    held.private = software_key.make(Algorithm.ECDSA_P256)
    held.shown = replace(held.shown, public=held.private.public)
    refused(ceremony, TokenError, "holds another key than the log says")


def test_a_token_that_is_locked_while_its_pin_is_tried_is_in_the_log():
    ceremony = Ceremony()
    device = ceremony.rack.devices["root-a"]

    def lock(_: object) -> str:
        device.wrong = device.tries
        return "123456"

    ceremony.operator.answers |= {"pin:root-a": lock, "error:prepare": "stop"}
    with pytest.raises(PinLocked):
        ceremony.hold()
    assert ceremony.bodies("login")


def test_a_token_that_is_put_right_is_asked_about_anew():
    ceremony = Ceremony()
    wrong, right = ceremony.rack, fake_rack("root-a")
    right.devices["root-a"].serial = "right"
    ceremony.operator.answers["token:root-a"] = [False, True]

    def swap(_: object) -> str:
        wrong.devices["root-a"] = right.devices["root-a"]
        return "retry"

    ceremony.operator.answers["error:tokens"] = swap
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.bodies("token")[-1]["serial"] == "right"


# --- people, site, inputs ---


def test_a_ceremony_is_not_gone_on_with_by_other_people():
    ceremony = stopped_at("review")
    ceremony.people = tuple(replace(p, name=f"{p.name}!") for p in ceremony.people)
    refused(ceremony, StorageError, "was begun with other people or keys")


def test_another_site_file_is_kept_and_named():
    ceremony = stopped_at("review")
    ceremony.site_source = b"# another site\n"
    assert ceremony.resume() is ExitCode.DONE
    assert b"# another site\n" in [data for name, data in ceremony.folder.files.items() if name.startswith("evidence/site-")]


def test_a_file_that_was_planted_among_the_inputs_is_set_aside():
    ceremony = stopped_at("token:root-a")
    ceremony.folder.files["evidence/plan-files/planted.txt"] = b"planted"
    assert ceremony.resume() is ExitCode.DONE
    assert "evidence/plan-files/planted.txt" not in ceremony.folder.files


# --- the end ---


def test_a_folder_that_does_not_audit_is_not_copied():
    ceremony = Ceremony()
    path = "bundle/tuf/docker.io/acme/app/metadata/root.json"
    ceremony.operator.answers["compare:head"] = lambda _: ceremony.folder.files.update({path: b"{}"}) or True
    ceremony.operator.answers["error:closing"] = "stop"
    with pytest.raises(StorageError, match="is not the file that was recorded"):
        ceremony.hold()
    assert not [name for name in ceremony.media.volumes["courier"].files if name.endswith(".tar")]


def test_a_final_head_with_other_bytes_is_not_overwritten():
    ceremony = Ceremony()
    ceremony.operator.answers["compare:head"] = lambda _: ceremony.folder.files.update({"MANIFEST.sha256": b"other"}) or True
    ceremony.operator.answers["error:closing"] = "stop"
    with pytest.raises(StorageError, match=r"MANIFEST\.sha256 holds something else"):
        ceremony.hold()


def test_a_whole_signature_that_does_not_hold_is_not_removed():
    ceremony = Ceremony()
    ceremony.hold()
    paths = [name for name in ceremony.folder.files if name.endswith(".sig") and name.startswith("heads/")]
    ceremony.folder.files[paths[0]] = ceremony.folder.files[paths[1]]
    refused(ceremony, VerificationError, paths[0])


def test_deviations_noted_before_stopping_are_in_the_log_whatever_they_hold():
    ceremony = Ceremony()

    def note(_: object) -> Stopped:
        ceremony.operator.note(Deviation("a\x07 bell", "e\u0301", "went on", "Wim"))
        return STOPPED

    ceremony.operator.answers["review"] = note
    with pytest.raises(Stopped):
        ceremony.hold()
    assert ceremony.bodies("deviation") == [{"expected": "a\\x07 bell", "happened": "\u00e9", "decided": "went on"}]


def test_a_server_key_that_serves_two_repositories_is_called_out_in_the_review():
    same = KeyPlan(Source.FILE, path="server.pem")
    files = {"server.pem": software_key.make(Algorithm.ECDSA_P256).public.pem}
    ceremony = Ceremony(
        plan=plan(repository("docker.io/acme/app", snapshot=same), repository("docker.io/acme/web", snapshot=same), files=files)
    )
    assert ceremony.hold() is ExitCode.DONE
    shown = ceremony.operator.question("review").differences
    said = {group.change.field: group.change.after for group in shown.groups}
    assert said["snapshot key"].endswith(", which serves others too")
    assert said["timestamp key"] == "a key of its own, ed25519, held by the server"
