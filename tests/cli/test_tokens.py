# SPDX-License-Identifier: Apache-2.0
"""`ceremony tokens`, with a real SoftHSM."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ceremony.cli.tokens import _pin, tokens
from ceremony.core.ports import PinState
from ceremony.core.secret import Secret
from ceremony.devices import softhsm
from ceremony.errors import CeremonyError, TokenError

MODULE = softhsm.find_module()


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rehearsal") / "tokens"
    softhsm.make_tokens(
        folder, ["root-a", "root-b"], {name: (Secret("482916"), Secret("73019265")) for name in ("root-a", "root-b")}
    )
    return softhsm.environment(folder)


def run(env, *arguments):
    return CliRunner().invoke(tokens, [*arguments], env=env)


def test_prints_a_table_of_what_is_plugged_in(env):
    done = run(env, "--module", MODULE)
    assert done.exit_code == 0
    heading, *rows = done.stdout.splitlines()
    assert heading.split()[:3] == ["SERIAL", "LABEL", "MANUFACTURER"]
    assert sorted(row.split()[1] for row in rows) == ["root-a", "root-b"]
    assert all("files" in row and MODULE in row for row in rows)
    assert done.stderr == f"asking {MODULE}\n"


def test_prints_one_json_object(env, tmp_path):
    missing = str(tmp_path / "missing.so")
    done = run(env, "--json", "--module", MODULE, "--module", missing)
    assert done.exit_code == 0
    first, second = json.loads(done.stdout)["modules"]
    assert first["module"] == MODULE
    assert {token["label"] for token in first["tokens"]} == {"root-a", "root-b"}
    assert all(token["software"] and token["pin_initialised"] and not token["pin_locked"] for token in first["tokens"])
    assert "cannot be read" in second["problem"]
    assert second["tokens"] == []
    assert "cannot be read" in done.stderr


def test_asks_the_modules_that_are_installed_by_default(env):
    done = run(env)
    assert f"asking {MODULE}\n" in done.stderr
    assert "root-a" in done.stdout


@pytest.mark.parametrize("arguments", [pytest.param([], id="table"), pytest.param(["--json"], id="json")])
def test_finding_no_token_is_a_failure_with_a_hint(env, tmp_path, arguments):
    done = run(env, "--module", str(tmp_path / "missing.so"), *arguments)
    assert isinstance(done.exception, CeremonyError)
    assert done.exception.message == "no token was found"
    assert done.exception.hint == "plug one in, or name its module with --module PATH"
    assert "cannot be read" in done.stderr
    assert done.stdout == "" or json.loads(done.stdout)["modules"][0]["tokens"] == []


def test_refuses_an_environment_in_which_pins_are_written(env):
    done = run({**env, "PKCS11SPY": "/usr/lib/x.so"}, "--module", MODULE)
    assert isinstance(done.exception, TokenError)
    assert "PKCS11SPY is set" in done.exception.message


@pytest.mark.parametrize(
    ("state", "low", "words"),
    [
        pytest.param(PinState(None, locked=False), False, "set", id="set"),
        pytest.param(PinState(None, locked=False), True, "set, a try was wrong", id="low"),
        pytest.param(PinState(1, locked=False), True, "set, last try", id="last"),
        pytest.param(PinState(0, locked=True), True, "blocked", id="blocked"),
        pytest.param(PinState(None, locked=False, initialised=False), False, "not set", id="not set"),
    ],
)
def test_says_in_words_how_the_pin_is(state, low, words):
    assert _pin(state, low=low) == words
