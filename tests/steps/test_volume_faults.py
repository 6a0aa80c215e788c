# SPDX-License-Identifier: Apache-2.0
"""Each operation on a medium made to fail in turn: two good volumes at the end, or a ceremony that can be resumed, never a bad one.

Every write, sync, read-back and look of a whole ceremony is a number; each is made to
go wrong in every way that it can. People put in another medium, the same one again, or
stop and resume later.
"""

from __future__ import annotations

from functools import cache

import pytest

from ceremony.core import bundle
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.log import read
from ceremony.core.past import Past
from ceremony.core.plan import Custody
from ceremony.core.plan import Mode as PlanMode
from ceremony.core.ports import Deviation, Prompt
from ceremony.errors import CeremonyError, ExitCode, Stopped, StorageError, VerificationError, VolumesLost
from ceremony.steps import close, export, runner
from ceremony.steps.room import BACKUPS, sha256
from tests.fakes.faulty import WRITES, FaultyVolume, Mode, Sockets
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.room import CEREMONY, Ceremony, plan, repository
from tests.fakes.token import fake_rack
from tests.steps.test_genesis import wrapped
from tests.steps.test_order import up_to

HOME = bundle.folder(CEREMONY)


def faulty(role: str, custody: Custody = Custody.TOKEN_WRAPPED) -> tuple[Ceremony, FaultyVolume]:
    volume = FaultyVolume(fake_identity(f"F{role}"))
    made = plan(repository("docker.io/acme/app"), root=wrapped("root-a", custody=custody))
    return Ceremony(plan=made, media=Sockets(**{role: volume})), volume


@cache
def operations(role: str, custody: Custody = Custody.TOKEN_WRAPPED) -> tuple[tuple[str, bool], ...]:
    """Return every operation on a medium in a ceremony in which nothing goes wrong, and whether it writes bytes."""
    ceremony, volume = faulty(role, custody)
    assert ceremony.hold() is ExitCode.DONE
    return tuple(volume.trace)


def people(ceremony: Ceremony, volume: FaultyVolume, role: str, will: str) -> None:
    """Have people do as they will when a medium is out: put in another one, the same again (if it can go on), or stop first."""
    chosen = []

    def decide(_: object) -> str:
        chosen.append(will if not chosen else "another")
        return chosen[-1]

    def put_in(prompt: Prompt) -> bool:
        by_serial = prompt.detail.startswith("The one with serial")
        if by_serial and will == "same":
            volume.plug()
        elif not by_serial:
            ceremony.media.fresh(role)
        return will == "same" or not by_serial

    ceremony.operator.answers |= {f"error:medium:{role}": decide, f"insert:{role}": put_in}


def go(ceremony: Ceremony) -> None:
    try:
        assert ceremony.hold() is ExitCode.DONE
    except Stopped:
        assert ceremony.resume() is ExitCode.DONE


def past_of(ceremony: Ceremony) -> Past:
    past = Past()
    for record in read(ceremony.folder.files[LOG]).records:
        past.note(record)
    return past


def refuse_bad_volumes(ceremony: Ceremony) -> None:
    """Assert that both volumes hold everything, byte for byte, and the courier its copy."""
    past = past_of(ceremony)
    a, b, courier = (ceremony.media.volumes[role].files for role in ("a", "b", "courier"))
    tar = courier[f"{HOME}.tar"]
    assert courier[f"{HOME}.tar.sha256"] == f"{sha256(tar)}  {HOME}.tar\n".encode()
    assert past.written.keys() > {bundle.IDENTITY, bundle.REPOSITORIES, bundle.RECOVER}
    for files in (a, b):
        assert {path: sha256(files[f"{HOME}/{path}"]) for path in past.written} == past.written
        assert files[f"{HOME}/{LOG}"] == ceremony.folder.files[LOG]
        assert files[f"{HOME}/{HOME}.tar"] == tar
    # Of a production nobody but its people's keys, from outside, can say that it was theirs.
    assert [found for found in audit(ceremony.folder).findings if found.level is not Level.OK and found.subject != "mode"] == []


def chosen(role: str, mode: Mode, custody: Custody = Custody.TOKEN_WRAPPED) -> list[tuple[int, str]]:
    """Return the operations that are tried: all that can go wrong so, but of the many appends to the log every third."""
    turn = list(Mode).index(mode)
    listed = [(number, what) for number, (what, writes) in enumerate(operations(role, custody)) if writes or mode not in WRITES]
    return [(number, what) for number, what in listed if not what.startswith("append") or (number + turn) % 3 == 0]


def goes_wrong(role: str, number: int, mode: Mode, will: str, custody: Custody = Custody.TOKEN_WRAPPED) -> None:
    ceremony, volume = faulty(role, custody)
    volume.go_wrong_at(number, mode)
    people(ceremony, volume, role, will)
    go(ceremony)
    refuse_bad_volumes(ceremony)


WILLS = ("another", "same", "stop")


@pytest.mark.parametrize("mode", Mode)
def test_ends_with_two_good_volumes_whichever_operation_goes_wrong(mode):
    for turn, (number, what) in enumerate(chosen("a", mode)):
        role, will = BACKUPS[turn % 2], WILLS[turn % 3]
        try:
            goes_wrong(role, number, mode, will)
        except BaseException as error:
            error.add_note(f"volume {role}, {mode}, at operation {number}: {what}; {will}")
            raise


@pytest.mark.parametrize("will", WILLS)
@pytest.mark.parametrize("mode", Mode)
def test_ends_with_a_good_courier_whichever_operation_goes_wrong(mode, will):
    for number, what in chosen("courier", mode):
        try:
            goes_wrong("courier", number, mode, will)
        except BaseException as error:
            error.add_note(f"{mode}, at operation {number}: {what}")
            raise


@pytest.mark.parametrize("mode", Mode)
def test_no_key_is_put_on_a_token_while_a_volume_lacks_its_backup(mode):
    """The key that was made on the host is put on the token once both volumes have it, whatever happened on the way."""
    writes = [number for number, what in chosen("a", mode, Custody.IMPORTED) if what.startswith("write")]
    assert len(writes) >= 5
    for turn, number in enumerate(writes):
        role, will = BACKUPS[turn % 2], WILLS[turn % 3]
        goes_wrong(role, number, mode, will, Custody.IMPORTED)


# --- what people are told, and what the log says ---


def fails_at(ceremony: Ceremony, question: str, *roles: str) -> None:
    """Have the next record fail on these volumes once a question is put."""

    def fail(_: Prompt) -> bool:
        for role in roles:
            ceremony.media.volumes[role].fail("append", message="the device failed")
        ceremony.operator.answers.pop(question)
        return True

    ceremony.operator.answers[question] = fail


def fresh(ceremony: Ceremony, role: str) -> None:
    """Have people put in a fresh medium when they are asked to."""
    ceremony.operator.answers |= {f"error:medium:{role}": "another", f"insert:{role}": lambda _: bool(ceremony.media.fresh(role))}


def held(media: Sockets | None = None) -> Ceremony:
    return Ceremony(media=media or Sockets())


def test_nothing_happens_on_a_token_between_a_failure_and_what_takes_the_place():
    ceremony = held()
    fails_at(ceremony, "generate:root-a", "b")
    fresh(ceremony, "b")
    calls = ceremony.rack.devices["root-a"].calls
    seen = []
    ceremony.operator.answers["error:medium:b"] = lambda _: seen.append(list(calls)) or "another"
    assert ceremony.hold() is ExitCode.DONE
    assert "generate" not in seen[0]
    kinds = [record.kind for record in read(ceremony.folder.files[LOG]).records]
    at = kinds.index("volume-out")
    assert kinds[at - 1 : at + 5] == ["intent", "volume-out", "medium", "volume-whole", "deviation", "result"]
    refuse_bad_volumes(ceremony)


def test_people_are_told_which_medium_it_is_and_the_log_says_what_they_decided():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    fresh(ceremony, "b")
    assert ceremony.hold() is ExitCode.DONE
    asked = ceremony.operator.question("error:medium:b").prompt
    assert (asked.title, asked.alarm) == ("Volume b is out: memory Fb: the device failed", True)
    assert asked.detail.startswith("memory Fb, serial Fb.")
    assert ceremony.bodies("volume-out") == [{"role": "b", "serial": "Fb", "why": "memory Fb: the device failed"}]
    assert ceremony.bodies("medium")[-1]["replaces"] == "Fb"
    assert ceremony.bodies("volume-whole") == [{"role": "b", "serial": "fresh-1", "files": 4}]
    assert ceremony.bodies("deviation") == [
        {
            "expected": "volume b, memory Fb, takes every byte and gives it back",
            "happened": "memory Fb: the device failed",
            "decided": "memory fresh-1 took its place",
        }
    ]
    noted = next(record for record in read(ceremony.folder.files[LOG]).records if record.kind == "deviation")
    assert noted.actor == "Ada"


def test_a_volume_that_failed_after_the_drill_has_its_successor_drilled():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    fresh(ceremony, "b")
    assert ceremony.hold() is ExitCode.DONE
    assert [body["volume"] for body in ceremony.bodies("restored")] == ["a", "b", "b"]
    titles = [asked.prompt.title for asked in ceremony.operator.asked if asked.method == "ask_secret"]
    assert "Passphrase, for the drill of the new volume b" in titles


def test_the_same_medium_goes_on_without_another_drill_when_all_of_it_reads_back():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    ceremony.operator.answers["error:medium:b"] = "same"
    assert ceremony.hold() is ExitCode.DONE
    assert [body["volume"] for body in ceremony.bodies("restored")] == ["a", "b"]
    volume = ceremony.media.volumes["b"].files
    assert [path for path in volume if path.endswith("-ceremony.jsonl")], "the log whose write failed is never written to again"
    refuse_bad_volumes(ceremony)


@pytest.mark.parametrize("name", ["private/repositories.age", LOG])
def test_the_same_medium_does_not_go_on_when_something_on_it_changed(name):
    ceremony = held()
    fails_at(ceremony, "review", "b")
    volume = ceremony.media.volumes["b"]

    def same(_: object) -> str:
        whole = volume.files[f"{HOME}/{name}"]
        volume.files[f"{HOME}/{name}"] = b"{" + bytes([whole[1] ^ 1]) + whole[2:]
        ceremony.operator.answers["error:medium:b"] = "another"
        return "same"

    fresh(ceremony, "b")
    ceremony.operator.answers["error:medium:b"] = same
    assert ceremony.hold() is ExitCode.DONE
    assert [body["serial"] for body in ceremony.bodies("volume-out")] == ["Fb", "Fb"]
    refuse_bad_volumes(ceremony)


def test_a_file_that_is_torn_on_the_same_medium_is_set_aside_and_copied_from_the_other():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    volume, path = ceremony.media.volumes["b"], f"{HOME}/private/repositories.age"

    def same(_: object) -> str:
        volume.files[path] = volume.files[path][:30]
        del volume.files[f"{HOME}/RECOVER.txt"]
        return "same"

    ceremony.operator.answers["error:medium:b"] = same
    assert ceremony.hold() is ExitCode.DONE
    assert [len(data) for name, data in volume.files.items() if name.endswith("-repositories.age")] == [30]
    refuse_bad_volumes(ceremony)


# --- both at once ---


def test_two_volumes_that_fail_at_once_are_looked_at_one_after_the_other():
    ceremony = held()
    fails_at(ceremony, "review", "a", "b")
    fresh(ceremony, "b")
    ceremony.operator.answers["error:medium:a"] = "same"
    assert ceremony.hold() is ExitCode.DONE
    assert [option.key for option in ceremony.operator.question("error:medium:a").options] == ["same", "stop"]
    refuse_bad_volumes(ceremony)


def test_the_other_volume_can_fail_while_the_first_failure_is_recorded():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    wait = ceremony.operator.answers["review"]

    def both(prompt: Prompt) -> bool:
        ceremony.media.volumes["a"].fail("append", 2, "is full")
        return wait(prompt)

    ceremony.operator.answers |= {"review": both, "error:medium:a": "same", "error:medium:b": "same"}
    assert ceremony.hold() is ExitCode.DONE
    assert [body["role"] for body in ceremony.bodies("volume-out")] == ["b", "a"]
    assert "stop" in [option.key for option in ceremony.operator.question("error:medium:b").options]
    refuse_bad_volumes(ceremony)


@pytest.mark.parametrize(
    ("operation", "key"), [pytest.param("read", "insert:b", id="caught up"), pytest.param("append", "passphrase", id="drilled")]
)
def test_the_ceremony_s_own_folder_is_not_replaced(operation, key):
    ceremony = held()
    fails_at(ceremony, "review", "b")
    fresh(ceremony, "b")
    shown, put = ceremony.operator.shown, ceremony.operator.answers["insert:b"]

    def spoil(prompt: Prompt) -> object:
        if ceremony.bodies("volume-out"):
            ceremony.folder.fail(operation, message="the device failed")
        return put(prompt) if key == "insert:b" else shown["passphrase"]

    ceremony.operator.answers |= {key: spoil if key == "insert:b" else [lambda _: True, spoil], "error:review": "stop"}
    with pytest.raises(StorageError, match="folder: the device failed"):
        ceremony.hold()
    ceremony.operator.answers.pop("passphrase", None)
    ceremony.operator.answers |= {"error:review": "retry", "insert:b": put}
    ceremony.folder.opened()
    assert ceremony.resume() is ExitCode.DONE
    refuse_bad_volumes(ceremony)


def test_a_medium_that_does_not_take_the_record_of_its_own_coming_is_out_too():
    ceremony = held()
    fails_at(ceremony, "review", "b")

    def put(_: object) -> bool:
        new = ceremony.media.fresh("b")
        if new.identity.serial == "fresh-1":
            new.fail("append", 2, "is full")
        return True

    ceremony.operator.answers |= {"error:medium:b": "another", "insert:b": put}
    assert ceremony.hold() is ExitCode.DONE
    assert [body["serial"] for body in ceremony.bodies("volume-out")] == ["Fb", "fresh-1"]
    assert len(ceremony.bodies("deviation")) == 1
    refuse_bad_volumes(ceremony)


def test_a_file_that_no_good_volume_holds_any_more_comes_from_nowhere():
    ceremony = held()
    fails_at(ceremony, "review", "a", "b")
    path = f"{HOME}/private/repositories.age"
    kept = ceremony.media.volumes["b"].files

    def same(_: object) -> str:
        ceremony.media.volumes["a"].files.pop(path)
        ceremony.operator.answers["error:medium:a"] = "stop"
        return "same"

    ceremony.operator.answers["error:medium:a"] = same
    with pytest.raises(
        Stopped, match=r"volume a is out: memory Fa: lacks private/repositories\.age, and the other volume is out"
    ):
        ceremony.hold()
    ceremony.operator.answers |= {"error:medium:a": "same", "error:medium:b": "same"}
    ceremony.media.volumes["a"].files[path] = kept[path]
    assert ceremony.resume() is ExitCode.DONE
    refuse_bad_volumes(ceremony)


def test_the_volume_that_is_copied_from_can_be_the_next_one_that_is_out():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    path = f"{HOME}/private/repositories.age"
    a = ceremony.media.volumes["a"]
    good = a.files

    def another(_: object) -> str:
        a.fail("read", 2, "the device failed")
        ceremony.operator.answers["error:medium:b"] = "same"
        return "another"

    fresh(ceremony, "b")
    ceremony.operator.answers |= {"error:medium:b": another, "error:medium:a": "same"}
    ceremony.operator.answers["insert:b"] = lambda _: bool(ceremony.media.fresh("b"))
    assert ceremony.hold() is ExitCode.DONE
    assert [body["role"] for body in ceremony.bodies("volume-out")] == ["b", "a"]
    assert good[path]
    refuse_bad_volumes(ceremony)


# --- what may take the place ---


def offered(ceremony: Ceremony, *media: FakeVolume) -> None:
    """Have people put in these media, one after the other, each time they are asked."""
    left = list(media)

    def put(_: object) -> bool:
        ceremony.media.volumes["b"] = left.pop(0)
        return True

    ceremony.operator.answers |= {"error:medium:b": "another", "insert:b": put}


def test_a_medium_with_other_bytes_under_this_ceremony_s_name_does_not_take_the_place():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    occupied = FakeVolume(fake_identity("F2"), {f"{HOME}/private/identity.age": b"another"})
    offered(ceremony, occupied, FakeVolume(fake_identity("F3")))
    ceremony.operator.answers["error:medium:b"] = [
        "another",
        lambda _: ceremony.media.volumes.update(b=FakeVolume(fake_identity("F3"))) or "another",
    ]
    assert ceremony.hold() is ExitCode.DONE
    assert occupied.files == {f"{HOME}/private/identity.age": b"another"}
    assert any("F2: already holds files of ceremony-" in told for told in ceremony.operator.told)
    assert ceremony.media.volumes["b"].identity.serial == "F3"


def test_what_this_ceremony_left_on_a_medium_before_may_be_there():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    path = f"{HOME}/private/identity.age"
    again = FakeVolume(fake_identity("F2"))

    def put(_: object) -> bool:
        again.files |= {path: ceremony.media.volumes["a"].files[path], f"{HOME}/set-aside/x": b"x", "photos/1.jpg": b"y"}
        ceremony.media.volumes["b"] = again
        return True

    ceremony.operator.answers |= {"error:medium:b": "another", "insert:b": put}
    assert ceremony.hold() is ExitCode.DONE
    assert again.files["photos/1.jpg"] == b"y"
    refuse_bad_volumes(ceremony)


def test_neither_the_other_volume_s_device_nor_one_that_failed_takes_the_place():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    shared = FakeVolume(fake_identity("F2", device="/media/Fa"))
    offered(ceremony, shared, ceremony.media.volumes["b"], FakeVolume(fake_identity("F3")))
    assert ceremony.hold() is ExitCode.DONE
    assert [asked.prompt.key for asked in ceremony.operator.asked].count("insert:b") == 3
    assert ceremony.media.volumes["b"].identity.serial == "F3"


def test_people_who_put_nothing_in_are_asked_again():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    ceremony.operator.answers |= {"error:medium:b": ["another", "same", "stop"], "insert:b": False}
    candidates = ceremony.media.candidates

    def unseen(role: str) -> list[object]:
        if ceremony.bodies("volume-out"):
            raise StorageError("lsblk", "does not answer", hint="look at it")
        return candidates(role)

    ceremony.media.candidates = unseen
    with pytest.raises(Stopped, match="volume b is out"):
        ceremony.hold()
    assert ceremony.operator.keys.count("error:medium:b") == 3
    ceremony.media.candidates = candidates
    fresh(ceremony, "b")
    assert ceremony.resume() is ExitCode.DONE
    refuse_bad_volumes(ceremony)


def test_a_medium_that_cannot_be_opened_does_not_take_the_place():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    opened = ceremony.media.open

    def refuse(role: str, identity: object) -> object:
        if ceremony.bodies("volume-out") and identity.serial == "fresh-1":
            ceremony.media.fresh("b")
            raise StorageError("memory fresh-1", "is read-only", hint="unlock it")
        return opened(role, identity)

    fresh(ceremony, "b")
    ceremony.media.open = refuse
    assert ceremony.hold() is ExitCode.DONE
    assert "memory fresh-1: is read-only. unlock it." in ceremony.operator.told
    assert ceremony.media.volumes["b"].identity.serial == "fresh-2"


def test_production_puts_no_folder_in_the_place_of_a_stick():
    sticks = {role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")}
    ceremony = Ceremony(mode=PlanMode.PRODUCTION, media=Sockets(**sticks), rack=fake_rack("root-a", software=False))
    fails_at(ceremony, "review", "b")
    offered(ceremony, FakeVolume(fake_identity("F2")), FakeVolume(fake_identity("F3", folder=False)))
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.media.volumes["b"].identity.serial == "F3"


# --- pulled between two steps, and found out when a ceremony is resumed ---


@pytest.mark.parametrize(("role", "key"), [("a", "generate:root-a"), ("b", "review"), ("courier", "compare:head")])
def test_a_medium_that_is_pulled_is_asked_for_by_name_before_the_next_step(role, key):
    ceremony = held()
    volume = ceremony.media.volumes[role]

    def pull(_: object) -> bool:
        volume.swap(fake_identity("nothing"))
        ceremony.operator.answers[key] = True
        return key != "compare:head"

    def put_back(_: object) -> bool:
        volume.swap(volume.identity)
        return True

    ceremony.operator.answers |= {key: pull, f"error:medium:{role}": "same", f"insert:{role}": put_back}
    assert ceremony.hold() is ExitCode.DONE
    name = "The courier" if role == "courier" else f"Volume {role}"
    asked = ceremony.operator.question(f"error:medium:{role}").prompt
    assert asked.title == f"{name} is out: memory F{role}: is not plugged in any more"
    assert ceremony.operator.question(f"insert:{role}").prompt.detail == f"The one with serial F{role}."
    refuse_bad_volumes(ceremony)


def test_a_ceremony_is_resumed_with_another_medium_in_the_place_of_a_lost_one():
    ceremony = held()
    ceremony.operator.stop_at = "review"
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.stop_at = ""
    lost = ceremony.media.volumes.pop("b")
    ceremony.operator.answers |= {
        "error:medium:b": "another",
        "insert:b": lambda prompt: "another" in prompt.title and bool(ceremony.media.fresh("b")),
    }
    assert ceremony.resume() is ExitCode.DONE
    assert ceremony.bodies("deviation")[0]["happened"] == "memory Fb: is not here"
    assert f"{HOME}/{HOME}.tar" not in lost.files
    assert [body["volume"] for body in ceremony.bodies("restored")] == ["a", "b", "b"]
    refuse_bad_volumes(ceremony)


def test_a_medium_that_cannot_be_opened_when_a_ceremony_is_resumed_is_out():
    ceremony = held()
    ceremony.operator.stop_at = "review"
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.stop_at = ""
    opened = ceremony.media.open

    def refuse(role: str, identity: object) -> object:
        if role == "b" and identity.serial == "Fb":
            raise StorageError("memory Fb", "is read-only", hint="unlock it")
        return opened(role, identity)

    ceremony.media.open = refuse
    fresh(ceremony, "b")
    assert ceremony.resume() is ExitCode.DONE
    assert ceremony.operator.question("error:medium:b").prompt.title == "Volume b is out: memory Fb: is read-only"
    refuse_bad_volumes(ceremony)


def test_people_can_stop_over_a_medium_and_the_log_says_so():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    ceremony.operator.answers["error:medium:b"] = "stop"
    with pytest.raises(Stopped, match="volume b is out: memory Fb: the device failed") as caught:
        ceremony.hold()
    assert "resume" in caught.value.hint
    assert ceremony.bodies("deviation")[0]["decided"] == "the ceremony stops, to be resumed"
    assert ceremony.bodies("stop") == [{"why": "people stopped the ceremony"}]
    ceremony.operator.answers["error:medium:b"] = "same"
    assert ceremony.resume() is ExitCode.DONE
    assert ceremony.operator.question("error:medium:b").prompt.title == "Volume b is out: memory Fb: the device failed"
    refuse_bad_volumes(ceremony)


def test_a_volume_that_fails_while_people_stop_is_only_told_and_is_brought_up_to_date_later():
    ceremony = held()

    def stop(_: object) -> Stopped:
        ceremony.media.volumes["b"].fail("append", message="the device failed")
        return Stopped("people stopped", hint="resume")

    ceremony.operator.answers["review"] = stop
    with pytest.raises(Stopped, match="people stopped"):
        ceremony.hold()
    assert "memory Fb: the device failed. The ceremony's folder has every line." in ceremony.operator.told
    assert "error:medium:b" not in ceremony.operator.keys
    ceremony.operator.answers.clear()
    assert ceremony.resume() is ExitCode.DONE
    refuse_bad_volumes(ceremony)


def test_people_can_stop_over_a_medium_that_fails_while_an_error_is_recorded():
    ceremony = held()

    def no(_: object) -> bool:
        ceremony.media.volumes["b"].fail("append", message="the device failed")
        return False

    ceremony.operator.answers |= {"generate:root-a": no, "error:medium:b": "stop"}
    with pytest.raises(Stopped, match="volume b is out"):
        ceremony.hold()
    assert ceremony.bodies("stop")
    ceremony.operator.answers = {"error:medium:b": "same"}
    assert ceremony.resume() is ExitCode.DONE
    refuse_bad_volumes(ceremony)


# --- the drill, and the close ---


def wrong_once(ceremony: Ceremony) -> None:
    """Have the passphrase typed wrong the third time: in the drill of what took a place."""
    shown = ceremony.operator.shown
    right = lambda _: shown["passphrase"]  # noqa: E731 - one of four answers
    ceremony.operator.answers["passphrase"] = [lambda _: True, right, right, "wrong", right]


def test_a_wrong_passphrase_in_the_drill_of_a_new_volume_is_typed_again_before_anything_else():
    ceremony = held()
    fails_at(ceremony, "review", "b")
    fresh(ceremony, "b")
    wrong_once(ceremony)
    assert ceremony.hold() is ExitCode.DONE
    assert len(ceremony.bodies("error")) == 1
    assert [body["volume"] for body in ceremony.bodies("restored")] == ["a", "b", "b"]
    refuse_bad_volumes(ceremony)


def test_a_volume_that_fails_in_its_own_drill_is_out_again():
    ceremony = held()
    fails_at(ceremony, "review", "b")

    def put(_: object) -> bool:
        new = ceremony.media.fresh("b")
        if new.identity.serial == "fresh-1":
            new.swap(fake_identity("nothing"))
        return True

    ceremony.media.candidates = lambda role: [ceremony.media.volumes[role].identity]
    ceremony.operator.answers |= {"error:medium:b": "another", "insert:b": put}
    assert ceremony.hold() is ExitCode.DONE
    assert [body["serial"] for body in ceremony.bodies("volume-out")] == ["Fb", "fresh-1"]
    refuse_bad_volumes(ceremony)


@pytest.mark.parametrize("wrong", [False, True], ids=["at once", "the passphrase typed wrong first"])
def test_a_volume_that_does_not_take_the_last_record_is_replaced_and_drilled_though_nothing_is_recorded_any_more(wrong):
    ceremony = held()
    last = [person.name for person in ceremony.plan.people][-1]

    def agree(_: object) -> str:
        ceremony.media.volumes["b"].fail("append", 2, "the device failed")  # after the answer itself
        return "agree"

    fresh(ceremony, "b")
    ceremony.operator.answers[f"answer:{last}"] = agree
    if wrong:
        wrong_once(ceremony)
    assert ceremony.hold() is ExitCode.DONE
    records = read(ceremony.folder.files[LOG]).records
    assert records[-1].kind == "close"
    assert not ceremony.bodies("volume-out")
    assert "Volume b is out: memory Fb: the device failed." in ceremony.operator.told
    titles = [asked.prompt.title for asked in ceremony.operator.asked if asked.method == "ask_secret"]
    assert titles.count("Passphrase, for the drill of the new volume b") == 1 + wrong
    refuse_bad_volumes(ceremony)


def test_people_can_stop_over_the_last_record_and_nothing_is_recorded_after_the_close():
    ceremony = held()

    def agree(_: object) -> str:
        ceremony.media.volumes["b"].fail("append", 2, "the device failed")
        return "agree"

    ceremony.operator.answers |= {"answer:Wim": agree, "error:medium:b": "stop"}
    with pytest.raises(Stopped):
        ceremony.hold()
    assert read(ceremony.folder.files[LOG]).records[-1].kind == "close"
    ceremony.operator.answers.clear()
    assert ceremony.resume() is ExitCode.DONE
    refuse_bad_volumes(ceremony)


def test_a_ceremony_whose_drill_did_not_pass_cannot_close():
    room = up_to(Ceremony(), "close")
    room.journal.past.restored["b"] = "another"
    with pytest.raises(CeremonyError, match="the backups were not restored from volume b"):
        close.run(room)
    assert not room.journal.past.closed


def test_a_record_that_a_volume_did_not_take_stands_and_whoever_wrote_it_is_told():
    ceremony = Ceremony()
    room = up_to(ceremony, "tokens")
    ceremony.media.volumes["b"].fail("append")
    with pytest.raises(VolumesLost, match="memory Fb: did not take the log"):
        room.journal.record("begin", {})
    assert room.journal.past.counts["begin"] == 1
    assert read(ceremony.folder.files[LOG]).records[-1].kind == "begin"


def test_the_volumes_can_be_chosen_anew_when_one_fails_at_once():
    ceremony = held()
    first = ceremony.media.volumes["b"]
    first.fail("append", message="is full")
    ceremony.operator.answers["error:volumes"] = lambda _: bool(ceremony.media.fresh("b")) and "retry"
    assert ceremony.hold() is ExitCode.DONE
    assert first.files == {}
    refuse_bad_volumes(ceremony)


def test_a_file_that_changes_on_a_volume_while_files_are_written_is_noticed():
    ceremony = held()
    path = f"{HOME}/RECOVER.txt"
    volume = ceremony.media.volumes["b"]
    whole = ceremony.media.volumes["a"]
    write = volume.write

    def fails(files: object) -> None:
        if path not in files:
            write(files)
            return
        volume.write = write
        whole.files[path] = b"changed"
        raise StorageError(volume.name, "the device failed", hint="another")

    volume.write = fails
    fresh(ceremony, "a")
    fresh(ceremony, "b")
    assert ceremony.hold() is ExitCode.DONE
    assert [body["role"] for body in ceremony.bodies("volume-out")] == ["b", "a"]
    refuse_bad_volumes(ceremony)


def test_a_torn_log_is_mended_on_a_volume_after_the_close_without_a_record():
    ceremony = held()
    ceremony.hold()
    log, volume = ceremony.folder.files[LOG], ceremony.media.volumes["b"]
    volume.files[f"{HOME}/{LOG}"] = log[:-10]
    volume.files[f"{HOME}/{LOG}"] += b"\0\0\0"
    assert ceremony.resume() is ExitCode.DONE
    assert ceremony.folder.files[LOG] == log
    refuse_bad_volumes(ceremony)


# --- what goes out ---


@pytest.mark.parametrize(
    ("path", "holds", "match"),
    [
        pytest.param("evidence/notes.txt", b"-----BEGIN PRIVATE KEY-----\n", "holds a private key in the clear", id="PEM"),
        pytest.param("evidence/notes.txt", b"x AGE-SECRET-KEY-1QQ", "holds a private key in the clear", id="age"),
        pytest.param("evidence/root-1.age", b"age", "is a backup, and those stay on the volumes", id="a backup"),
    ],
)
def test_nothing_private_goes_out(path, holds, match, monkeypatch):
    monkeypatch.setitem(runner.STEPS, "export", lambda room: room.keep({path: holds}) or export.run(room))
    ceremony = held()
    ceremony.operator.answers["error:closing"] = "stop"
    with pytest.raises(VerificationError, match=f"folder, {path}: {match}"):
        ceremony.hold()
    assert ceremony.media.volumes["courier"].files == {}


def test_what_people_typed_is_in_the_log_for_good_and_is_told():
    ceremony = held()
    ceremony.operator.note(Deviation("nothing", "AGE-SECRET-KEY-1QQ was read aloud", "went on", "Wim"))
    assert ceremony.hold() is ExitCode.DONE
    assert any("something that was typed looks like a private key" in told for told in ceremony.operator.told)


def test_what_else_is_on_the_courier_is_told():
    ceremony = held()
    ceremony.media.volumes["courier"].files["request/index.json"] = b"{}"
    assert ceremony.hold() is ExitCode.DONE
    told = f"The courier holds {HOME}.tar and its digest; nothing in it is private. It holds 1 files that were on it before."
    assert told in ceremony.operator.told


def test_a_backup_on_the_courier_is_refused():
    ceremony = held()
    ceremony.media.volumes["courier"].files["ceremony-1/private/identity.age"] = b"x"
    ceremony.operator.answers["error:closing"] = "stop"
    with pytest.raises(VerificationError, match="is a backup on the courier"):
        ceremony.hold()


def test_a_serial_that_the_site_names_is_the_only_one_that_is_taken():
    ceremony = held()
    room = ceremony.begin()
    room.site_volumes = {"a": "F9"}
    ceremony.operator.answers["error:volumes"] = "stop"
    with pytest.raises(StorageError, match="volume a: no medium F9 is here"):
        runner.hold(room, ceremony.steps, ceremony.operator)
