# SPDX-License-Identifier: Apache-2.0
"""What a ceremony notices by itself: a network that comes up, a token that is put in late, an error that nobody foresaw."""

from __future__ import annotations

import pytest

from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, ExitCode, TokenAbsent
from ceremony.steps import runner
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.room import Ceremony
from tests.fakes.token import fake_rack

OPEN = {"name": "air gap", "saw": "eth0 is up", "hint": "unplug it"}
SHUT = {"name": "air gap", "saw": "cut off from every network", "hint": ""}


def gaps(ceremony: Ceremony) -> list[dict]:
    """Return what the log says of the air gap."""
    return [body for body in ceremony.bodies("check") if body["name"] == "air gap"]


# --- the air gap ---


@pytest.mark.parametrize(
    ("seen", "recorded"),
    [
        pytest.param([True], [], id="it stays shut"),
        pytest.param([False], [], id="it was open at preflight, which says so"),
        pytest.param([True, True, False], [OPEN], id="it opens, and stays open"),
        pytest.param([True, False, True], [OPEN, SHUT], id="it opens, and is shut again"),
    ],
)
def test_a_practice_records_when_the_air_gap_changes(seen, recorded):
    ceremony = Ceremony()
    ceremony.host.gaps = list(seen)
    assert ceremony.hold() is ExitCode.DONE
    assert gaps(ceremony) == recorded
    assert [text for text in ceremony.operator.told if text.startswith("air gap")] == [
        " ".join(part for part in (f"air gap: {body['saw']}.", body["hint"]) if part) for body in recorded
    ]


def production() -> Ceremony:
    media = FakeMedia()
    for role in media.volumes:
        media.volumes[role] = FakeVolume(fake_identity(role, folder=False))
    rack = fake_rack("root-a")
    for device in rack.devices.values():
        device.software = False
    ceremony = Ceremony(mode=Mode.PRODUCTION, media=media, rack=rack)
    ceremony.substituted = False
    return ceremony


def test_production_does_not_go_on_while_the_air_gap_is_open():
    ceremony = production()
    ceremony.host.gaps = [True, False, False, True]
    tries = []
    ceremony.operator.answers["error:roll-call"] = lambda _: tries.append(len(gaps(ceremony))) or runner.RETRY
    ceremony.operator.stop_at = "compare:request"
    with pytest.raises(CeremonyError):
        ceremony.hold()
    assert tries == [1, 2]
    assert gaps(ceremony) == [OPEN, OPEN, SHUT]
    assert {"message": "this machine is no longer cut off: eth0 is up", "hint": "unplug it"} in ceremony.bodies("error")


# --- tokens that are put in ---


def test_a_token_that_is_put_in_late_is_noticed():
    ceremony = Ceremony()
    device = ceremony.rack.devices["root-a"]
    device.absent = True

    def put_in(_prompt: object) -> bool:
        device.absent = False
        return True

    ceremony.operator.answers["insert:root-a"] = put_in
    assert ceremony.hold() is ExitCode.DONE
    asked = ceremony.operator.question("insert:root-a").prompt
    assert (asked.title, asked.detail) == (
        "Put in root-a",
        "token root-a: no token matches its URI; its module shows none at all.",
    )


def test_a_token_that_nobody_puts_in_is_an_error_with_the_choice_to_try_again():
    ceremony = Ceremony()
    ceremony.rack.devices["root-a"].absent = True
    ceremony.operator.answers["error:tokens"] = runner.STOP
    with pytest.raises(TokenAbsent, match="token root-a: no token matches"):
        ceremony.hold()
    assert ceremony.operator.question("error:tokens").prompt.alarm


# --- errors that nobody foresaw ---


def test_an_unforeseen_error_is_recorded_by_its_kind_alone_and_the_ceremony_can_be_resumed(monkeypatch):
    def fail(_room: object) -> dict:
        raise KeyError("a secret, perhaps")

    ceremony = Ceremony()
    with monkeypatch.context() as patched, pytest.raises(KeyError, match="a secret"):
        patched.setitem(runner.STEPS, "tokens", fail)
        ceremony.hold()
    (body,) = ceremony.bodies("error")
    assert body["message"] == "unforeseen: KeyError"
    assert body["at"].rpartition(":")[0] == fail.__module__
    assert "perhaps" not in str(body)
    assert ceremony.resume() is ExitCode.DONE


def test_an_unforeseen_error_after_the_close_leaves_the_log_as_it_is(monkeypatch):
    ceremony = Ceremony()
    monkeypatch.setattr(runner.closing, "audit", lambda _folder, **_brought: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ceremony.hold()
    assert not ceremony.bodies("error")


def test_an_unforeseen_error_is_raised_as_it_is_when_the_log_takes_no_record(monkeypatch):
    ceremony = Ceremony()

    def fail(room: object) -> dict:
        ceremony.log.fail()
        raise KeyError("first")

    monkeypatch.setitem(runner.STEPS, "tokens", fail)
    with pytest.raises(KeyError, match="first"):
        ceremony.hold()
    assert not ceremony.bodies("error")


# --- who compares, and what is left to do ---


def test_two_people_compare_of_whom_one_witnesses():
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    assert {tuple(body["by"]) for body in ceremony.bodies("compared")} == {("Ada", "Wim")}


def test_whoever_is_absent_does_not_compare():
    ceremony = Ceremony()
    ceremony.cosigner.absent = {"Ada"}
    ceremony.operator.answers["name:Ada"] = "nobody"
    assert ceremony.hold() is ExitCode.DONE
    compared = {tuple(body["by"]) for body in ceremony.bodies("compared")}
    assert len(compared) == 1
    assert "Ada" not in next(iter(compared))


def test_the_end_says_what_was_left_where():
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    (summary,) = ceremony.operator.summaries
    assert summary.quorum_met
    assert ceremony.folder.files[summary.head]
    assert summary.digest == ceremony.operator.question("compare:head").digest
    assert len(summary.copies) == 3
    assert {"Ada", "Wim"} <= {errand.person for errand in summary.errands}


# --- what people must see before they go on ---


def test_every_step_ends_only_once_people_saw_what_it_should_show():
    ceremony = Ceremony()
    ended = {}

    def saw(prompt: object) -> bool:
        ended[prompt.key] = len(ceremony.bodies("end"))
        return True

    ceremony.operator.answers |= {f"check:{info.name}": saw for info in ceremony.steps}
    assert ceremony.hold() is ExitCode.DONE
    asked = [info for info in ceremony.steps if info.name != "close"]  # after it nothing can be recorded
    assert ended == {f"check:{info.name}": number for number, info in enumerate(asked)}
    assert [ceremony.operator.question(f"check:{info.name}").prompt.detail for info in asked] == [info.check for info in asked]


def test_what_people_do_not_see_is_an_error_and_the_step_can_be_tried_again():
    ceremony = Ceremony()
    ceremony.operator.answers["check:tokens"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE
    (error,) = ceremony.bodies("error")
    assert error["message"] == "people did not see what Tokens should show: One token for each name, and no serial twice."
    assert "F8" in error["hint"]


@pytest.mark.parametrize("broken", [False, True], ids=["recorded", "the log takes no record"])
def test_an_interrupt_is_a_stop(broken, monkeypatch):
    ceremony = Ceremony()

    def interrupted(_room: object) -> dict:
        if broken:
            ceremony.log.fail()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setitem(runner.STEPS, "tokens", interrupted)
        ceremony.hold()
    assert [body["why"] for body in ceremony.bodies("stop")] == ([] if broken else ["the program was interrupted"])
    assert not ceremony.bodies("error")
    assert ceremony.resume() is ExitCode.DONE


def test_an_interrupt_after_the_close_leaves_the_log_as_it_is(monkeypatch):
    def interrupted(_folder: object, **_brought: object) -> None:
        raise KeyboardInterrupt

    ceremony = Ceremony()
    monkeypatch.setattr(runner.closing, "audit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ceremony.hold()
    assert not ceremony.bodies("stop")
