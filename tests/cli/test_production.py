# SPDX-License-Identifier: Apache-2.0
"""A whole ceremony in production: `run` to its end, `resume`, and what `audit` says of it to a stranger."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ceremony.cli.main import main
from ceremony.core import cosign
from ceremony.core.ports import Check, Operator, Watcher
from ceremony.devices import softhsm
from ceremony.errors import CeremonyError, ExitCode
from tests.cli.production import PEOPLE, SERIALS, TOKENS, Day, prepare
from tests.fakes.host import FakeHost
from tests.fakes.operator import ScriptedOperator
from tests.peers.fit_machine import pretend
from tests.peers.program import ROOT
from tests.peers.terminal import Terminal
from tests.peers.usb import Hub, mounts

FIT = ROOT / "tests" / "peers" / "fit_machine.py"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return prepare(tmp_path_factory.mktemp("prepared") / "day")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with Hub(folder) as hub:
        for serial in SERIALS.values():
            hub.stick(serial=serial)
        yield hub


@pytest.fixture
def day(prepared: Day, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Day:
    """Return the room, in the current folder."""
    day = Day(Path(shutil.copytree(prepared.folder, tmp_path / "day")))
    monkeypatch.chdir(day.folder)
    for name, value in softhsm.environment(day.folder / "tokens").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    pretend(monkeypatch, hub.run.parent)
    monkeypatch.setattr("ceremony.cli.stage.check_answers", lambda *_, **__: None)
    return day


@pytest.fixture
def held(day: Day, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that holds the ceremony, or goes on with it, with these people."""

    def held(people: ScriptedOperator, *command: str) -> int:
        for role in ("a", "b"):  # the drill
            people.answers.setdefault(f"take-out:{role}", lambda _, serial=SERIALS[role]: hub.pull(serial))
            people.answers.setdefault(f"put-back:{role}", lambda _, serial=SERIALS[role]: hub.push(serial))

        def run_tui(*, work: Callable[[Operator, Watcher], ExitCode], **_: object) -> ExitCode:
            return work(people, people)

        monkeypatch.setattr("ceremony.tui.run.run_tui", run_tui)
        return main(list(command or day.run))

    return held


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the records of one kind."""
    return [record for record in map(json.loads, (folder / "ceremony.jsonl").read_text().splitlines()) if record["kind"] == kind]


def verdict(folder: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[str]]]:
    """Return how `audit` ends, and what it says, by level."""
    capsys.readouterr()
    code = main(["audit", str(folder), "--json"])
    said: dict[str, list[str]] = {}
    for finding in json.loads(capsys.readouterr().out)["findings"]:
        said.setdefault(finding["level"], []).append(f"{finding['subject']}: {finding['text']}")
    return code, said


def test_a_production_ceremony_leaves_what_a_stranger_can_verify(day, held, hub, capsys):
    people = day.people()
    assert held(people) == ExitCode.DONE
    assert capsys.readouterr().out == "out\n"
    out = day.folder / "out"

    (opened,) = records(out, "open")
    assert opened["body"]["mode"] == "production"
    assert records(out, "substitution") == []
    assert not list(day.folder.rglob("practice-secrets*"))
    assert [(r["body"]["name"], r["body"]["how"]) for r in records(out, "roll-call")] == [(name, "key") for name in PEOPLE]
    assert {r["body"]["role"]: r["body"]["serial"] for r in records(out, "medium")} == SERIALS
    assert not any(r["body"]["folder"] for r in records(out, "medium"))

    serials = [record["body"]["serial"] for record in records(out, "token")]
    claims = [r["body"] for r in records(out, "result") if r["body"]["action"] == "claim-hardware"]
    assert [(claim["key"], claim["by"]) for claim in claims] == [(serial, ["Ada", "Wim"]) for serial in serials]
    assert [people.question(f"claim:{name}").word for name in TOKENS] == ["HARDWARE"] * 3
    inventory = json.loads((out / "evidence" / "inventory.json").read_bytes())
    assert [key["settings"]["claimed_by"] for key in inventory["root_keys"]] == [["Ada", "Wim"]] * 3

    assert mounts(hub.run) == []
    code, said = verdict(out, capsys)
    assert (code, said.get("failed")) == (ExitCode.INCOMPLETE, None), said
    assert said["incomplete"] == [
        "mode: PRODUCTION: a folder cannot vouch for itself; its people's keys must come from outside it"
    ]
    assert [f"token {serial}: is hardware as Ada and Wim claim; nothing attests it" in said["ok"] for serial in serials] == [
        True
    ] * 3
    assert "quorum: 5 people signed the final head" in said["ok"]
    for name in PEOPLE:
        assert people.keys.count(f"key-file:{name}") == 1
        key = cosign.parse_public_key(day.key(name).with_suffix(".pub").read_text())
        (line,) = [p["key"] for p in opened["body"]["people"] if p["name"] == name]
        assert cosign.parse_public_key(line) == key


def test_a_copy_on_the_courier_is_the_same_and_no_medium_holds_a_secret_in_the_clear(day, held, hub, capsys, tmp_path):
    assert held(day.people()) == ExitCode.DONE
    with hub.media() as media:
        seen = {medium.serial: medium for medium in media.look("a")}
        volumes = {role: media.open(role, seen[serial]) for role, serial in SERIALS.items()}
        (name,) = [path for path in volumes["courier"].names() if path.endswith(".tar")]
        (tmp_path / name).write_bytes(volumes["courier"].read(name))
        assert {path.partition("/")[2] for path in volumes["a"].names()} >= {"private/identity.age", "RECOVER.txt"}
        everything = b"".join(volume.read(path) for volume in volumes.values() for path in volume.names())
    assert b"PRIVATE KEY" not in everything
    assert verdict(tmp_path / name, capsys) == verdict(day.folder / "out", capsys)
    with tarfile.open(tmp_path / name) as tar:
        assert sorted(tar.getnames()) == sorted(
            str(path.relative_to(day.folder / "out")) for path in (day.folder / "out").rglob("*") if path.is_file()
        )


def test_both_volumes_leave_the_computer_and_come_back_and_nothing_else_is_taken_for_them(day, held, hub):
    people = day.people()
    places, seen = [], []

    def elsewhere(_: object) -> bool:
        first = next(stick for stick in hub.plugged if stick.says["serial"] == SERIALS["a"])
        hub.unplug(first)
        stranger = hub.stick(serial="stranger")

        def put_back(_: object) -> bool:
            seen.append(people.asked[-1].options)
            if len(seen) == 1:
                return True  # only the stranger is there: people look at the screen
            hub.unplug(stranger)
            places.append(first.device)
            hub.plug(first)
            places.append(first.device)
            return True

        people.answers["put-back:a"] = put_back
        return True

    people.answers["take-out:a"] = elsewhere
    assert held(people) == ExitCode.DONE
    wrong = [option for option in seen[0] if option.key.startswith("stranger")]
    assert [(option.label, option.trouble) for option in wrong] == [
        ("SanDisk Ultra, serial stranger", f"it is not volume a, which has serial {SERIALS['a']}")
    ]
    out = day.folder / "out"
    assert [(r["body"]["volume"], r["body"]["taken_out"]) for r in records(out, "restored")] == [("a", True), ("b", True)]
    assert not records(out, "volume-out")
    whole = (out / "ceremony.jsonl").read_bytes()
    with hub.media() as media:
        for role in ("a", "b"):
            (there,) = [one for one in media.candidates(role) if one.serial == SERIALS[role]]
            volume = media.open(role, there)
            (log,) = [path for path in volume.names() if path.endswith("ceremony.jsonl") and "set-aside" not in path]
            assert volume.read(log) == whole


def test_a_ceremony_that_is_interrupted_while_a_volume_is_out_is_resumed(day, held, hub):
    people = day.people()
    people.stop_at = "put-back:b"
    assert held(people) == ExitCode.INCOMPLETE
    out = day.folder / "out"
    assert mounts(hub.run) == []
    assert records(out, "stop")
    people.stop_at = ""
    people.answers["insert:b"] = lambda _: hub.push(SERIALS["b"])
    assert held(people, "resume", "out") == ExitCode.DONE
    assert people.keys.count("take-out:a") == people.keys.count("take-out:b") == 2, "the drill begins again"
    assert not records(out, "volume-out")


def test_the_roll_is_called_on_the_screen_and_the_ceremony_goes_on_another_day(day, held, hub, capsys):
    wim = day.key("Wim")
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "correct horse", "-f", wim], check=True)
    run = [sys.executable, str(FIT), str(hub.run.parent), *day.run]
    with Terminal(run=["env", "-C", str(day.folder), *run], env=day.environment) as terminal:
        terminal.until("Preflight: is it so?")
        terminal.keys("Enter")
        terminal.until("Ada: answer the roll call")
        terminal.keys("Down", "Enter")  # not here and now
        for name in ("Sofia", "Sven", "Sam", "Wim"):
            terminal.until(f"{name}: answer the roll call")
            terminal.keys("Enter")
            terminal.until(f"{name}: where is your key?")
            terminal.type(str(day.key(name)))
            terminal.keys("Enter")
        terminal.until("Enter passphrase")
        terminal.type("correct horse")
        terminal.keys("Enter")
        terminal.until("Roll call: is it so?")
        terminal.keys("Enter")
        assert " 1  Sofia " in terminal.until("The head after Roll call")  # Ada is not here, so she compares nothing
        terminal.keys(*["1", "2"] * 8, "y")
        assert "PRODUCTION" in terminal.until("Volumes: is it so?")  # the courier is the one that is left
        terminal.keys("C-q")
        terminal.until("Stop the ceremony?")
        terminal.keys("y")
        terminal.until("The ceremony is not complete")
        terminal.keys("Enter")
        assert terminal.ended() == ExitCode.INCOMPLETE
        assert not any(said in terminal.history() for said in ("correct horse", "Enter passphrase", "signs with"))
    out = day.folder / "out"
    called = [(record["body"]["name"], record["body"]["how"], record["outcome"]) for record in records(out, "roll-call")]
    assert called == [("Ada", "absent", "fail"), *((name, "key", "ok") for name in ("Sofia", "Sven", "Sam", "Wim"))]
    assert mounts(hub.run) == []

    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "correct horse", "-N", "", "-f", wim], check=True)
    people = day.people()
    people.answers["sign:Ada"] = "none"
    assert held(people, "resume", "out") == ExitCode.DONE
    code, said = verdict(out, capsys)
    assert (code, said.get("failed")) == (ExitCode.INCOMPLETE, None), said
    assert "quorum: 4 people signed the final head" in said["ok"]


def test_a_ceremony_without_its_quorum_is_not_complete_until_who_was_missing_signs(day, held, capsys):
    people = day.people()
    people.answers["sign:Wim"] = [
        "file",
        *["same"] * len(TOKENS),
        "none",
    ]  # roll call, each token that is claimed, the final head
    assert held(people) == ExitCode.INCOMPLETE
    _, said = verdict("out", capsys)
    assert "quorum: the final head lacks signatures that the plan's quorum asks for" in said["incomplete"]
    assert held(day.people(), "resume", "out") == ExitCode.DONE
    _, said = verdict("out", capsys)
    assert "quorum: 5 people signed the final head" in said["ok"]


def test_a_machine_that_is_not_fit_holds_no_ceremony(day, held, monkeypatch, capsys):
    gap = Check("network", passed=False, saw="eth0 is up", hint="unplug it")
    monkeypatch.setattr("ceremony.cli.stage.host_of", lambda _: FakeHost([gap]))
    people = day.people()
    people.answers["error:preflight"] = "stop"
    assert held(people) == ExitCode.FAILED
    assert capsys.readouterr().err == "ceremony: this machine is not fit: network\nhint: unplug it\n"
    assert not any(key.startswith("sign:") for key in people.keys)


def test_nothing_answers_by_itself_in_production(day, held, refuse):
    people = day.people()
    people.stop_at = "sign:Ada"
    assert held(people) == ExitCode.INCOMPLETE
    told = refuse("resume", "out", "--auto")
    assert (told.sentence, told.hint) == ("nothing answers by itself in a production ceremony", "leave --auto away")


def test_a_place_that_cannot_be_written_is_refused_and_nothing_is_left_there(day, refuse, monkeypatch):
    told = refuse(*day.run[:-1], "none/out")
    assert told.sentence == "none/out: it is not there"
    assert refuse(*day.run[:-1], "o\x1but").sentence == "o?ut cannot be used: its name is not plain text"

    def broken(*_: object, **__: object) -> None:
        raise CeremonyError("the screen is gone", hint="try again")

    monkeypatch.setattr("ceremony.cli.stage.begin", broken)
    assert refuse(*day.run).sentence == "the screen is gone"
    assert not (day.folder / "out").exists()
