# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a ceremony, each through the screens and each in the log; the ceremony is finished all the same."""

from __future__ import annotations

from pathlib import Path

from tests.peers.program import program
from tests.terminal.conftest import Audit, Begin, ChangedPlan, Records
from tests.terminal.person import not_on_a_console, title

DEVIATION = ("Two witnesses", "One witness came", "We go on with one", "Ada Example")
CARLA = "Carla [red]Example[/] {1} $x %s"


def test_a_deviation_a_refusal_a_wrong_pin_a_stop_and_a_resume_are_records(
    begin: Begin, resume: Begin, plan: ChangedPlan, records: Records, audit: Audit
) -> None:
    with begin(plan("Carla Example", CARLA), term="linux") as person:
        person.walk("Digest of the request")
        person.records_deviation(*DEVIATION)
        assert title(person.terminal.screen()) == "Digest of the request"
        person.instead("Digest of the request", person.refuses)
        person.instead("PIN of root-a", person.mistypes)
        person.walk("Make the root key on root-b")
        person.stops()
        person.terminal.keys("Enter")
        assert person.terminal.ended() == 3
        assert "resume" in person.terminal.screen()
    failed = person.titles.index("Error")
    assert person.titles[failed - 1 :][:3:2] == ["Digest of the request"] * 2
    assert any("people did not hear the same digest" in screen for screen in person.terminal.screens)
    wrong = person.titles.index("Try the PIN of root-a again?")
    assert person.titles[wrong - 1 :][:3:2] == ["PIN of root-a"] * 2
    assert any(f"For {CARLA}" in screen for screen in person.terminal.screens)
    assert audit() == 3
    screens = person.terminal.screens

    with resume() as person:
        assert "The ceremony is done" in person.walk()
        person.terminal.keys("Enter")
        assert person.terminal.ended() == 0
    assert person.titles[0] == "PIN of root-a"
    assert "Make the root key on root-a" not in person.titles

    (deviation,) = records("deviation")
    expected, happened, decided, by = DEVIATION
    assert deviation["body"] == {"expected": expected, "happened": happened, "decided": decided}
    assert deviation["actor"] == by
    requests = [record for record in records("compared") if record["body"]["what"] == "Digest of the request"]
    assert [(record["outcome"], record["body"]["same"]) for record in requests] == [("refused", False), ("ok", True)]
    assert [record["body"]["message"] for record in records("error")] == ["people did not hear the same digest for the request"]
    assert [record["outcome"] for record in records("login")].count("fail") == 1
    assert [record["body"]["why"] for record in records("stop")] == ["people stopped the ceremony"]
    assert len(records("resume")) == 1
    assert audit() == 0
    assert not_on_a_console(screens) == set()


def test_a_power_cut_and_a_closed_window_lose_nothing_and_the_ceremony_is_finished(
    begin: Begin, resume: Begin, records: Records, audit: Audit, root: Path
) -> None:
    with begin() as person:
        person.walk("Type the passphrase back")
        before = records("begin")
        person.terminal.kill()
        assert person.terminal.ended() == -9
    assert records("begin") == before
    with resume() as person:
        person.walk("Is root-a the token")
        person.terminal.close()
    assert person.titles[:2] == ["Passphrase of the backups", "Type the passphrase back"]
    assert "Digest of the request" not in person.titles
    finished = program("resume", root, "--auto")
    assert finished.returncode == 0, finished.stderr
    assert [record["step"] for record in records("resume")] == ["resume", "resume"]
    assert audit() == 0
