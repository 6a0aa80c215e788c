# SPDX-License-Identifier: Apache-2.0
"""A rehearsal's folder, and the file of what its people know."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ceremony.cli import practice
from ceremony.cli.practice import SECRETS, PracticeSecrets, Rehearsal, Remembering, load, new_pins
from ceremony.core.ports import Option, Prompt
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from ceremony.host.entropy import SystemEntropy
from tests.fakes.differences import GivenDifferences
from tests.fakes.operator import ScriptedOperator

PROMPT = Prompt("passphrase", "Passphrase of the backups", who="Carla")


def known(path: Path) -> PracticeSecrets:
    answers = {"pin:root-a": Secret("48291673"), "passphrase": Secret("aardvark adviser")}
    return PracticeSecrets(path, answers, {"Ada É": ("ssh-ed25519 AAAA practice", Secret("-----BEGIN\nkey\n-----END\n"))})


def plain(secrets: PracticeSecrets) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    people = {name: (public, private.text()) for name, (public, private) in secrets.people.items()}
    return {key: secret.text() for key, secret in secrets.answers.items()}, people


# --- what its people know ---------------------------------------------------------


def test_what_was_saved_is_loaded(tmp_path):
    saved = known(tmp_path / SECRETS)
    saved.save()
    assert plain(load(tmp_path / SECRETS)) == plain(saved)


def test_the_file_is_its_owners_alone_and_says_what_it_is(tmp_path):
    before = os.umask(0)
    try:
        known(tmp_path / SECRETS).save()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / SECRETS).stat().st_mode) == 0o600
    assert json.loads((tmp_path / SECRETS).read_text())["practice"] == "PRACTICE ONLY: no such file exists in production"


def test_it_is_replaced_whole(tmp_path):
    saved = known(tmp_path / SECRETS)
    saved.save()
    first = (tmp_path / SECRETS).stat().st_ino
    saved.answers["passphrase"] = Secret("other words")
    saved.save()
    assert (tmp_path / SECRETS).stat().st_ino != first
    assert load(tmp_path / SECRETS).answers["passphrase"].text() == "other words"
    assert [path.name for path in tmp_path.iterdir()] == [SECRETS]


def test_a_crash_in_the_middle_leaves_the_old_file_and_the_next_save_is_not_in_its_way(tmp_path, monkeypatch):
    saved = known(tmp_path / SECRETS)
    saved.save()

    def crash(descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(practice.os, "fsync", crash)
        saved.answers["passphrase"] = Secret("other words")
        with pytest.raises(KeyboardInterrupt):
            saved.save()
    assert load(tmp_path / SECRETS).answers["passphrase"].text() == "aardvark adviser"
    left = next(path for path in tmp_path.iterdir() if path.name != SECRETS)
    left.chmod(0o644)
    saved.save()
    assert load(tmp_path / SECRETS).answers["passphrase"].text() == "other words"
    assert stat.S_IMODE((tmp_path / SECRETS).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [SECRETS]


def test_it_is_synced_before_it_takes_its_place_and_its_folder_after(tmp_path, monkeypatch):
    acts: list[str] = []
    replace, fsync = Path.replace, os.fsync
    monkeypatch.setattr(Path, "replace", lambda path, to: (acts.append("replace"), replace(path, to)))
    monkeypatch.setattr(
        practice.os, "fsync", lambda fd: (acts.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"), fsync(fd))
    )
    known(tmp_path / SECRETS).save()
    assert acts == ["file", "replace", "folder"]


def test_a_place_that_takes_nothing_is_told(tmp_path):
    with pytest.raises(CeremonyError, match=r"practice-secrets\.json cannot be written: No such file or directory$"):
        known(tmp_path / "gone" / SECRETS).save()


def test_neither_it_nor_its_repr_shows_a_secret(tmp_path):
    assert "48291673" not in repr(known(tmp_path / SECRETS))
    assert "BEGIN" not in repr(known(tmp_path / SECRETS))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"practice": "PRACTICE ONLY', id="cut off"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"answers": {}}', id="no people"),
        pytest.param(b'{"people": {}}', id="no answers"),
        pytest.param(b'{"answers": [], "people": {}}', id="answers that are a list"),
        pytest.param(b'{"answers": {"pin:root-a": 48291673}, "people": {}}', id="an answer that is a number"),
        pytest.param(b'{"answers": {"pin:root-a": null}, "people": {}}', id="an answer that is null"),
        pytest.param(b'{"answers": {}, "people": {"Ada": "key"}}', id="a person that is a text"),
        pytest.param(b'{"answers": {}, "people": {"Ada": {"public": "p"}}}', id="a person without a private key"),
        pytest.param(b'{"answers": {}, "people": {"Ada": {"public": 1, "private": "p"}}}', id="a key that is a number"),
        pytest.param(b'{"answers": {}, "people": {}, "x": ' + b"[" * 200_000, id="too deep"),
    ],
)
def test_refuses_a_file_that_no_rehearsal_left(tmp_path, data):
    (tmp_path / SECRETS).write_bytes(data)
    with pytest.raises(CeremonyError, match=r"practice-secrets\.json is not what a rehearsal left$") as refused:
        load(tmp_path / SECRETS)
    assert refused.value.hint == "name the folder of a rehearsal, with everything that it left"


def test_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CeremonyError, match=r"practice-secrets\.json cannot be read: No such file or directory$"):
        load(tmp_path / SECRETS)


# --- its folder -------------------------------------------------------------------


def test_makes_the_folder_and_a_place_for_each_medium(tmp_path):
    rehearsal = Rehearsal(tmp_path / "r")
    rehearsal.make()
    assert sorted(str(path.relative_to(rehearsal.root)) for path in rehearsal.root.rglob("*")) == [
        "ceremony", "courier", "volumes", "volumes/a", "volumes/b",
    ]  # fmt: skip
    assert stat.S_IMODE(rehearsal.root.stat().st_mode) == 0o700


def test_leaves_a_folder_that_was_there_as_it_was(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(CeremonyError, match=r" exists already$"):
        Rehearsal(tmp_path).make()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_takes_back_what_it_made_when_it_cannot_make_all_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Rehearsal, "media", lambda self: {"a": self.root / ("x" * 300)})
    with pytest.raises(CeremonyError, match=r" cannot be made: File name too long$"):
        Rehearsal(tmp_path / "r").make()
    assert list(tmp_path.iterdir()) == []


# --- PINs, and what is remembered ---------------------------------------------------


def test_pins_are_eight_digits_and_all_different():
    pins = new_pins(["root-a", "root-b", "root-c"], SystemEntropy())
    drawn = [pin.text() for pair in pins.values() for pin in pair]
    assert list(pins) == ["root-a", "root-b", "root-c"]
    assert all(len(pin) == practice.PIN_DIGITS and pin.isdigit() for pin in drawn)
    assert len(set(drawn)) == 6


def test_keeps_what_is_shown_before_it_is_shown(tmp_path):
    saved = known(tmp_path / SECRETS)
    written: list[str] = []

    class Looking(ScriptedOperator):
        def show_secret(self, prompt, secret):
            written.append(load(tmp_path / SECRETS).answers[prompt.key].text())
            super().show_secret(prompt, secret)

    people = Looking()
    secret = Secret("new words")
    Remembering(people, saved).show_secret(PROMPT, secret)
    secret.wipe()
    assert written == ["new words"]
    assert people.shown == {"passphrase": "new words"}
    assert saved.answers["passphrase"].text() == "new words"


def test_passes_everything_else_on(tmp_path):
    people = ScriptedOperator(secrets={"pin": "1234"}, answers={"name": "Ada"})
    remembering = Remembering(people, known(tmp_path / SECRETS))
    remembering.tell("hello")
    assert remembering.ask(Prompt("name", "Name")) == "Ada"
    assert remembering.ask_secret(Prompt("pin", "PIN")).text() == "1234"
    assert remembering.choose(Prompt("one", "One"), [Option("a", "A")]) == "a"
    assert remembering.confirm(Prompt("yes", "Yes")) is True
    assert remembering.compare(Prompt("same", "Same"), "00", ("Ada", "Wim")) is True
    assert remembering.review(Prompt("review", "Review"), GivenDifferences([])) is True
    assert remembering.until(Prompt("in", "In"), lambda: "a stick") == "a stick"
    with remembering.waiting("a touch"):
        remembering.progress("work", 1, 1)
    assert remembering.deviations() == []
    assert people.keys == ["name", "pin", "one", "yes", "same", "review"]
    assert (people.told, people.waited, people.progressed) == (["hello"], ["a touch"], [("work", 1, 1)])
    assert not (tmp_path / SECRETS).exists()
