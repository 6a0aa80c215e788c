# SPDX-License-Identifier: Apache-2.0
"""`ceremony run`: production takes an approved plan on hardware, and no secret on its command line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click
import pytest

from ceremony.cli.main import COMMANDS, ceremony
from ceremony.devices import softhsm
from ceremony.errors import PlanRefused
from tests.cli.production import NAMES, prepare
from tests.fakes.plans import GENESIS, ssh
from tests.peers.program import program
from tests.peers.request_folders import write


@pytest.fixture(scope="module")
def approved(tmp_path_factory):
    """A plan that its people approved, with everything that a production ceremony takes but hardware."""
    return prepare(tmp_path_factory.mktemp("approved") / "day").folder


@pytest.fixture
def day(approved, tmp_path, monkeypatch):
    """A copy of it, to be spoiled; the current folder."""
    shutil.copytree(approved, tmp_path / "day")
    monkeypatch.chdir(tmp_path / "day")
    monkeypatch.setenv("SOFTHSM2_CONF", softhsm.environment(tmp_path / "day" / "tokens")["SOFTHSM2_CONF"])
    return tmp_path / "day"


@pytest.fixture
def refused(refuse, day):
    """Refuse a run with these arguments over those that would do; nothing was made."""

    def refused(**more: str | None):
        given = {"--site": "site.toml", "--request": "request", "--out": "out", **{f"--{name}": v for name, v in more.items()}}
        options = [word for name, value in given.items() if value is not None for word in (name, value)]
        before = sorted(day.parent.rglob("*"))
        told = refuse("run", "plan.toml", *options)
        assert sorted(day.parent.rglob("*")) == before
        return told

    return refused


# --- the plan ----------------------------------------------------------------------


def test_refuses_a_plan_that_somebody_has_not_approved(refused, day):
    (day / "plan.approvals").rename(day / "elsewhere")
    told = refused()
    assert told.sentence == "approvals: the plan as it is now is not approved by Sofia, Sven, Sam, Wim"
    assert told.hint == "they run `ceremony plan approve` on it"


@pytest.mark.parametrize(
    ("file", "change"),
    [
        pytest.param("plan.toml", (b"vault", b"cellar"), id="the plan"),
        pytest.param("guns.txt", (b"acme/base", b"acme/evil"), id="a file that it names"),
    ],
)
def test_refuses_a_plan_that_changed_since_it_was_approved(refused, day, file, change):
    (day / file).write_bytes((day / file).read_bytes().replace(*change))
    told = refused()
    assert re.fullmatch(r"[0-9a-f]{16}\.sig: does not approve this plan as it is now, for (Sofia|Sven|Sam|Wim)", told.sentence)
    assert "changed since" in told.hint


def test_refuses_a_plan_that_only_practice_takes(refused, day):
    (day / "plan.toml").write_text(GENESIS.replace(ssh(11), ""))
    assert refused().sentence == 'people[0].key: is missing, and without it nobody signs for "Ada"'


# --- the site and its tokens ----------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(lambda text: "", r"^tokens: is missing$|^tokens\.root-a: is missing, and the plan names it$", id="empty"),
        pytest.param(lambda text: text.replace("root-c", "root-d"), r"^tokens\.root-c: is missing, and the plan names it$", id="lacks one"),
        pytest.param(lambda text: text + text.replace("root-", "more-").replace("=", "=9"), r"^site: is not TOML|more-a", id="one too many"),
        pytest.param(lambda text: text.replace("/lib", "/none"), r"^the module .* cannot be read", id="no module"),
    ],
)  # fmt: skip
def test_refuses_a_site_that_does_not_fit(refused, day, spoil, sentence):
    (day / "site.toml").write_text(spoil((day / "site.toml").read_text()))
    assert re.search(sentence, refused().sentence)


def test_refuses_tokens_that_are_made_of_files(refused):
    told = refused()
    assert re.fullmatch("token [0-9a-f]{16}: is a software token", told.sentence)
    assert told.hint == "a production ceremony takes hardware only; rehearse with `ceremony rehearse`"


def test_a_token_that_is_not_plugged_in_yet_hides_none_that_is_made_of_files(refused, day):
    (day / "site.toml").write_text((day / "site.toml").read_text().replace("serial=", "serial=00", 1))
    assert re.fullmatch("token [0-9a-f]{16}: is a software token", refused().sentence)


def test_a_token_that_is_not_plugged_in_yet_is_no_reason_to_refuse(refused, day):
    (day / "site.toml").write_text((day / "site.toml").read_text().replace("serial=", "serial=00"))
    assert refused().sentence == "there is no terminal to show the ceremony on"


def test_refuses_to_ask_where_nobody_could_answer(refused, monkeypatch):
    monkeypatch.setattr("ceremony.devices.hsm_identity.is_software", lambda *_: False)
    told = refused()
    assert told.sentence == "there is no terminal to show the ceremony on"
    assert "--auto" not in told.hint


def test_refuses_a_kind_that_this_version_cannot_hold_yet(refused, monkeypatch):
    monkeypatch.setattr("ceremony.cli.run.refuse_unsupported", _unsupported)
    assert refused().sentence == "kind: cannot be held yet"


def _unsupported(*_: object) -> None:
    raise PlanRefused("kind", "cannot be held yet", hint="use a version that can")


# --- the request and the place -----------------------------------------------------------


def test_refuses_to_begin_without_the_request_that_keys_come_from(refused):
    told = refused(request=None)
    assert told.sentence == "request: keys come from a request, and none was given"
    assert told.hint == "name its folder with --request"


def test_refuses_another_request_than_the_plans(refused, day):
    write(day / "other", *NAMES)
    assert re.match(
        "request: has the digest sha256:[0-9a-f]{64}, not the one that the plan names", refused(request="other").sentence
    )


@pytest.mark.parametrize(
    "out",
    [
        pytest.param("keys", id="a folder"),
        pytest.param("site.toml", id="a file"),
        pytest.param("link", id="a link that leads nowhere"),
    ],
)
def test_refuses_a_place_that_is_occupied(refused, day, out):
    (day / "link").symlink_to("nowhere")
    told = refused(out=out)
    assert (told.sentence, told.hint) == (f"{out} exists already", "name a new folder; nothing is overwritten")


# --- secrets --------------------------------------------------------------------------------


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, click.Command]]:
    """Return every command below a group by its path."""
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found.append((" ".join((*path, name)), command))
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else []
    return found


def test_no_command_takes_a_secret_as_an_argument():
    assert isinstance(ceremony, click.Group)
    looked_at = commands(ceremony)
    assert {path.split()[0] for path, _ in looked_at} == set(COMMANDS)
    for path, command in looked_at:
        for parameter in command.params:
            words = " ".join((parameter.name or "", *parameter.opts)).lower()
            if "--password-file" not in parameter.opts:
                assert not re.search("pin|pass|secret|share|token|word", words), f"{path}: {words}"
            assert not parameter.envvar, f"{path}: {words}"
            assert not getattr(parameter, "prompt", None), f"{path}: {words}"
    assert getattr(ceremony, "context_settings", {}).get("auto_envvar_prefix") is None


@pytest.mark.parametrize("option", ["--auto", "--pin=1", "--passphrase=x"])
def test_nothing_answers_by_itself_in_production(day, option):
    done = program("run", "plan.toml", "--site", "site.toml", "--request", "request", "--out", "out", option, cwd=day)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].startswith("ceremony: no such option")
    assert not Path(day, "out").exists()
