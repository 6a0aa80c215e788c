# SPDX-License-Identifier: Apache-2.0
"""The drill in production: each volume leaves the computer and comes back, the very same one, before anything on it is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ceremony.core import bundle
from ceremony.core.bundle import LOG
from ceremony.core.log import read
from ceremony.core.plan import Mode
from ceremony.core.ports import Option, Prompt
from ceremony.errors import CeremonyError, ExitCode, Stopped, StorageError
from ceremony.steps.room import BACKUPS
from tests.fakes.faulty import Sockets
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.room import CEREMONY, Ceremony, plan, repository
from tests.fakes.token import fake_rack
from tests.steps.test_genesis import wrapped
from tests.steps.test_volume_faults import fails_at, fresh, refuse_bad_volumes

HOME = bundle.folder(CEREMONY)


def stick(serial: str, files: dict[str, bytes] | None = None) -> FakeVolume:
    return FakeVolume(fake_identity(serial, folder=False), files)


@pytest.fixture
def ceremony() -> Ceremony:
    """Return a production whose people do as the screen says."""
    return Ceremony(
        plan=plan(repository("docker.io/acme/app"), root=wrapped("root-a")),
        mode=Mode.PRODUCTION,
        media=Sockets(**{role: stick(f"F{role}") for role in ("a", "b", "courier")}),
        rack=fake_rack("root-a", software=False),
    )


def log_on(ceremony: Ceremony, role: str) -> bytes:
    return ceremony.media.volumes[role].files[f"{HOME}/{LOG}"]


def pulled(ceremony: Ceremony) -> dict[str, int]:
    """Return how often each volume was taken out after it was let go."""
    return {role: ceremony.media.volumes[role].pulled for role in BACKUPS}


def while_out(ceremony: Ceremony, role: str, act: Callable[[Prompt], object]) -> None:
    """Have something happen while a volume is out; then it is put back, unless that returns False or an error."""

    def put_back(prompt: Prompt) -> object:
        done = act(prompt)
        return done if isinstance(done, Exception) or done is False else ceremony.media.volumes[role].plug()

    ceremony.operator.answers[f"put-back:{role}"] = put_back


def test_each_volume_is_let_go_pulled_and_put_back_before_it_is_opened(ceremony):
    seen = []

    def look(role: str) -> Callable[[Prompt], object]:
        def act(_: Prompt) -> None:
            volume, other = (ceremony.media.volumes[name] for name in (role, "b" if role == "a" else "a"))
            seen.append((role, volume.present(), other.present(), other.released))

        return act

    for role in BACKUPS:
        while_out(ceremony, role, look(role))
    assert ceremony.hold() is ExitCode.DONE
    assert seen == [("a", False, True, False), ("b", False, True, False)]
    assert pulled(ceremony) == {"a": 1, "b": 1}
    assert [(body["volume"], body["taken_out"]) for body in ceremony.bodies("restored")] == [("a", True), ("b", True)]
    keys = ceremony.operator.keys
    drill = keys[keys.index("take-out:a") :]
    assert drill[:5] == ["take-out:a", "put-back:a", "take-out:b", "put-back:b", "passphrase"], "no secret while people plug"
    assert "memory Fa is written out and let go" in ceremony.operator.question("take-out:a").prompt.detail
    assert "The very same one: memory Fb." in ceremony.operator.question("put-back:b").prompt.detail
    refuse_bad_volumes(ceremony)


def test_in_practice_the_volumes_stay_in_and_are_opened_again():
    ceremony = Ceremony(media=Sockets())
    assert ceremony.hold() is ExitCode.DONE
    assert not [key for key in ceremony.operator.keys if key.startswith(("take-out:", "put-back:"))]
    assert pulled(ceremony) == {"a": 0, "b": 0}
    assert all(ceremony.media.volumes[role].reopened for role in BACKUPS)
    assert [body["taken_out"] for body in ceremony.bodies("restored")] == [False, False]


def test_nothing_is_written_to_a_volume_that_is_out_and_it_lacks_nothing_when_it_is_back(ceremony):
    lacks = []
    while_out(ceremony, "a", lambda _: lacks.append(ceremony.folder.files[LOG] == log_on(ceremony, "a")))
    assert ceremony.hold() is ExitCode.DONE
    assert lacks == [True], "nothing is recorded while a volume is out"
    assert log_on(ceremony, "a") == log_on(ceremony, "b") == ceremony.folder.files[LOG]
    assert not ceremony.bodies("volume-out")


# --- another one is put in ---


def test_a_wrong_stick_that_is_put_back_is_refused_with_a_sentence_until_the_right_one_comes(ceremony):
    media = ceremony.media
    shown: list[tuple[Option, ...]] = []

    def wrong_first(_: Prompt) -> bool:
        if not media.others:
            media.others.append(fake_identity("F9", folder=False))
            return True
        shown.append(ceremony.operator.asked[-1].options)
        return media.volumes["a"].plug()

    media.look = lambda role: [*media.candidates(role), *media.others]
    ceremony.operator.answers["put-back:a"] = wrong_first
    assert ceremony.hold() is ExitCode.DONE
    ((option,),) = shown
    assert (option.label, option.trouble) == ("memory, serial F9", "it is not volume a, which has serial Fa")
    assert ceremony.operator.keys.count("put-back:a") == 2
    refuse_bad_volumes(ceremony)


def test_a_stick_with_the_same_serial_and_another_file_system_is_not_taken(ceremony):
    media, first = ceremony.media, ceremony.media.volumes["a"]
    twin = replace(first.identity, uuid="other")

    def put(_: Prompt) -> bool:
        if not media.others:
            media.others.append(twin)
            return True
        media.others.clear()
        return first.plug()

    media.look = lambda role: [*media.candidates(role), *media.others]
    ceremony.operator.answers["put-back:a"] = put
    assert ceremony.hold() is ExitCode.DONE
    (option,) = ceremony.operator.question("put-back:a").options
    assert option.trouble == "it has the serial of volume a, and is not what was taken out"


def test_a_volume_that_is_not_put_back_is_out_and_another_one_takes_its_place_and_is_drilled(ceremony):
    while_out(ceremony, "a", lambda _: False)
    new = stick("F7")

    def put(_: Prompt) -> bool:
        ceremony.media.volumes["a"] = new
        ceremony.operator.answers["put-back:a"] = lambda _: new.plug()
        return True

    ceremony.operator.answers |= {"error:medium:a": "another", "insert:a": put}
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.bodies("volume-out") == [{"role": "a", "serial": "Fa", "why": "memory Fa: it is not plugged in"}]
    assert new.pulled == 1, "what took its place was taken out and put back too"
    assert [body["volume"] for body in ceremony.bodies("restored")] == ["a", "b"]
    refuse_bad_volumes(ceremony)


def test_a_stick_on_which_something_changed_while_it_was_out_is_out(ceremony):
    path = f"{HOME}/private/repositories.age"

    def change(_: Prompt) -> None:
        files = ceremony.media.volumes["a"].files
        files[path] = files[path][:-1] + bytes([files[path][-1] ^ 1])

    while_out(ceremony, "a", change)

    def put(_: Prompt) -> bool:
        new = ceremony.media.volumes["a"] = stick("F7")
        ceremony.operator.answers["put-back:a"] = lambda _: new.plug()
        return True

    ceremony.operator.answers |= {"error:medium:a": "another", "insert:a": put}
    assert ceremony.hold() is ExitCode.DONE
    assert "is not there as it was written" in ceremony.bodies("volume-out")[0]["why"]
    refuse_bad_volumes(ceremony)


def test_another_log_on_what_is_put_back_makes_it_out(ceremony):
    def change(_: Prompt) -> None:
        whole = log_on(ceremony, "a")
        ceremony.media.volumes["a"].files[f"{HOME}/{LOG}"] = b"{" + bytes([whole[1] ^ 1]) + whole[2:]

    while_out(ceremony, "a", change)
    ceremony.operator.answers["error:medium:a"] = "stop"
    with pytest.raises(Stopped, match=r"volume a is out: memory Fa: .* is not the beginning of this log"):
        ceremony.hold()


# --- people do otherwise ---


def test_a_volume_that_is_left_in_is_no_drill(ceremony):
    tried = []

    def leave_in(_: Prompt) -> bool:
        tried.append(1)
        return len(tried) > 1 and ceremony.media.volumes["a"].unplug()

    ceremony.operator.answers["take-out:a"] = leave_in
    assert ceremony.hold() is ExitCode.DONE
    (error,) = ceremony.bodies("error")
    assert error["message"] == "volume a was not taken out"
    assert ceremony.operator.question("error:drill").prompt.detail.startswith("the drill shows that it can leave and come back")
    assert pulled(ceremony) == {"a": 1, "b": 1}
    refuse_bad_volumes(ceremony)


def test_a_volume_that_is_never_taken_out_ends_in_an_error_and_is_as_whole_as_before(ceremony):
    ceremony.operator.answers |= {"take-out:b": False, "error:drill": "stop"}
    with pytest.raises(CeremonyError, match="volume b was not taken out"):
        ceremony.hold()
    assert not ceremony.bodies("restored")
    assert log_on(ceremony, "b") == ceremony.folder.files[LOG]


def test_a_wrong_passphrase_does_not_send_the_volumes_out_again(ceremony):
    ceremony.operator.answers["passphrase"] = [lambda _: True, *_typed(ceremony), "wrong", *_typed(ceremony)]
    assert ceremony.hold() is ExitCode.DONE
    assert len(ceremony.bodies("error")) == 1
    assert pulled(ceremony) == {"a": 1, "b": 1}


def _typed(ceremony: Ceremony) -> list[Callable[[Prompt], str]]:
    return [lambda _: ceremony.operator.shown["passphrase"]]


@pytest.mark.parametrize("question", ["take-out:a", "put-back:a", "take-out:b", "put-back:b"])
def test_people_can_stop_while_a_volume_is_out_and_it_lacks_no_record_once_it_is_resumed(ceremony, question):
    role = question[-1]
    usual = ceremony.operator.answers[question]

    def stop(_: Prompt) -> Exception:
        if question.startswith("take-out"):
            ceremony.media.volumes[role].unplug()
        return Stopped("people stopped the ceremony", hint="resume")

    ceremony.operator.answers[question] = stop
    with pytest.raises(Stopped):
        ceremony.hold()
    assert ceremony.bodies("stop")
    there = log_on(ceremony, role)
    assert len(there) < len(ceremony.folder.files[LOG])
    assert ceremony.folder.files[LOG].startswith(there)
    assert not ceremony.bodies("volume-out"), "it was let go: nothing of it failed"

    ceremony.operator.answers[question] = usual
    ceremony.operator.answers[f"insert:{role}"] = lambda _: ceremony.media.volumes[role].plug()
    before = pulled(ceremony)
    assert ceremony.resume() is ExitCode.DONE
    assert pulled(ceremony) == {name: count + 1 for name, count in before.items()}, "the drill begins again"
    assert ceremony.operator.question(f"insert:{role}").prompt.detail == f"The one with serial F{role}."
    refuse_bad_volumes(ceremony)


# --- a volume that fails in the drill, or after it ---


def test_a_volume_that_cannot_be_let_go_is_out(ceremony):
    volume = ceremony.media.volumes["a"]
    let_go = volume.release

    def busy() -> None:
        volume.release = let_go
        raise StorageError(volume.name, "could not be unmounted: target is busy", hint="leave the folder in every terminal")

    volume.release = busy
    ceremony.operator.answers["error:medium:a"] = "same"
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.bodies("volume-out")[0]["why"].endswith("could not be unmounted: target is busy")
    assert pulled(ceremony) == {"a": 1, "b": 1}
    refuse_bad_volumes(ceremony)


def test_what_takes_a_volume_s_place_after_the_drill_is_taken_out_and_put_back_too(ceremony):
    fails_at(ceremony, "review", "b")
    fresh(ceremony, "b")

    def put(_: Prompt) -> bool:
        ceremony.media.volumes["b"] = stick("F7")
        return True

    ceremony.operator.answers["insert:b"] = put
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.media.volumes["b"].pulled == 1
    assert [(body["volume"], body["taken_out"]) for body in ceremony.bodies("restored")] == [
        ("a", True),
        ("b", True),
        ("b", True),
    ]
    refuse_bad_volumes(ceremony)


def test_the_log_ends_with_its_close_however_the_volumes_went(ceremony):
    assert ceremony.hold() is ExitCode.DONE
    assert read(log_on(ceremony, "a")).records[-1].kind == "close"
