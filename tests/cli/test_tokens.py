# SPDX-License-Identifier: Apache-2.0
"""`ceremony tokens`, with a real SoftHSM, virtual YubiKeys, and once with these behind a real smart card service."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import pytest
from click.testing import CliRunner

from ceremony.cli.tokens import _pin, tokens
from ceremony.core.keys import Algorithm
from ceremony.core.ports import KeyRequest, PinState
from ceremony.core.secret import Secret
from ceremony.devices import inventory, softhsm
from ceremony.errors import CeremonyError, TokenError
from tests.devices.yubikeys import Desk, card, prepared
from tests.fakes.yubikey import VirtualYubiKey
from tests.peers.pcscd import SmartCards
from tests.peers.program import ROOT

MODULE = softhsm.find_module()


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rehearsal") / "tokens"
    softhsm.make_tokens(
        folder, ["root-a", "root-b"], {name: (Secret("482916"), Secret("73019265")) for name in ("root-a", "root-b")}
    )
    return softhsm.environment(folder)


@pytest.fixture(autouse=True)
def desk(monkeypatch) -> Desk:
    """Return the readers that the command finds; none are plugged in yet."""
    there = Desk()
    monkeypatch.setattr(inventory, "list_yubikeys", partial(inventory.list_yubikeys, there))
    return there


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


def test_asks_the_modules_that_are_installed_and_for_yubikeys_by_default(env):
    done = run(env)
    assert f"asking {MODULE}\n" in done.stderr
    assert "asking for YubiKeys\n" in done.stderr
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


# --- YubiKeys ---------------------------------------------------------------------------------


@pytest.fixture
def only_yubikeys(monkeypatch):
    monkeypatch.setattr(inventory, "modules", tuple)


@pytest.fixture
def plugged(desk):
    """Plug in a prepared YubiKey with keys and a certificate, one from the factory, and one to refuse."""
    for serial, firmware in ((11111111, "5.7.4"), (22222222, "5.4.3"), (33333333, "5.2.7")):
        desk.put(card(serial, firmware, fips=serial == 22222222))
    token = prepared(desk, 11111111)
    token.generate(KeyRequest("", b"", Algorithm.ECDSA_P256, extractable=False))
    token.close()
    state = desk.plugs[0].reader.card.state
    state.objects[0x5FC105] = b"p\1xq\1\0\xfe\0"
    state.puk.left = 0
    return state


def test_shows_what_a_yubikey_holds_and_what_protects_it(only_yubikeys, plugged):
    done = run({})
    assert done.exit_code == 0, done.stderr
    first, second, third = done.stdout.split("\n\n")
    sha256 = first.split("sha256 ")[1].split()[0]
    assert first.splitlines() == [
        "YubiKey 5C, serial 11111111, firmware 5.7.4, USB-C keychain",
        "  PIN             3 of 3 tries left",
        "  PUK             blocked, 0 of 3 tries left",
        "  management key  AES192",
        "  slot 9a         certificate, no key",
        "  slot 9c         ECCP256 generated, PIN always, touch cached",
        f"                  sha256 {sha256}",
        "  firmware policy allow (an ecdsa-p256 root key made in production)",
        "                  new root: attested under Yubico Attestation Root 1",
    ]
    assert second.splitlines() == [
        "YubiKey 5C FIPS, serial 22222222, firmware 5.4.3, USB-C keychain, FIPS series",
        "  PIN             3 of 3 tries left, still the factory's",
        "  PUK             3 of 3 tries left, still the factory's",
        "  management key  TDES, still the factory's",
        "  slots           all empty",
        "  firmware policy deviation (an ecdsa-p256 root key made in production)",
        "                  YSA-2024-03: who holds the token can recover an ECDSA key from it (EUCLEAK,",
        "                  FIPS and Bio firmware below 5.7.2)",
    ]
    assert third.splitlines()[:3] == [
        "YubiKey 5C, serial 33333333, firmware 5.2.7, USB-C keychain",
        "  refused         a ceremony does not use it; why is said below",
        "  firmware policy refuse (an ecdsa-p256 root key made in production)",
    ]
    assert "token 33333333: has firmware 5.2.7, which cannot tell whether a slot is empty" in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_shows_a_key_with_its_certificate_in_one_line(only_yubikeys, desk, plugged):
    plugged.objects[0x5FC10A] = plugged.objects.pop(0x5FC105)
    assert "  slot 9c         ECCP256 generated, PIN always, touch cached, certificate\n" in run({}).stdout


def test_yubikeys_stand_below_the_table_of_other_tokens(env, plugged, monkeypatch):
    monkeypatch.setattr(inventory, "modules", lambda: (MODULE,))
    table, *others = run(env).stdout.split("\n\n")
    assert "root-a" in table
    assert [paragraph.split(",")[0] for paragraph in others] == ["YubiKey 5C", "YubiKey 5C FIPS", "YubiKey 5C"]


def test_json_says_everything(only_yubikeys, plugged, desk):
    desk.put(card(4), "ACS ACR122U 00 00")
    whole = json.loads(run({}, "--json").stdout)
    assert whole["modules"] == []
    assert whole["pcsc"] == {"problem": "", "hint": ""}
    first, second, third, fourth = whole["yubikeys"]
    assert (first["serial"], first["model"], first["firmware"], first["form_factor"]) == (
        "11111111",
        "YubiKey 5C",
        "5.7.4",
        "USB-C keychain",
    )
    standing = first["standing"]
    assert standing["puk"] == {"factory": False, "left": 0, "total": 3}
    assert (standing["management_key"], standing["management_key_factory"], standing["factory"]) == ("AES192", False, [])
    assert standing["certificates"] == ["9a"]
    (key,) = standing["keys"]
    assert (key["slot"], key["origin"], key["pin_policy"], key["touch_policy"]) == ("9c", "generated", "always", "cached")
    assert first["firmware_policy"] == {"decision": "allow", "reasons": ["new root: attested under Yubico Attestation Root 1"]}
    assert (second["fips"], second["standing"]["factory"]) == (True, ["PIN", "PUK", "management key"])
    assert (third["standing"], third["firmware_policy"]["decision"]) == (None, "refuse")
    assert "5.2.7" in third["problem"]
    assert (fourth["serial"], fourth["reader"]) == (None, "ACS ACR122U 00 00")
    assert "is not a YubiKey's own" in fourth["problem"]


def test_a_module_that_is_named_is_all_that_is_asked(env, plugged):
    done = run(env, "--module", MODULE)
    assert "YubiKey" not in done.stdout + done.stderr


def test_a_reader_without_a_yubikey_is_no_token(only_yubikeys, desk):
    desk.put(None)
    done = run({})
    assert isinstance(done.exception, CeremonyError)
    assert done.exception.message == "no token was found"
    assert "was not opened: its card does not answer" in done.stderr


def test_without_a_smart_card_service_other_tokens_are_listed_all_the_same(env):
    done = subprocess.run(
        [sys.executable, "-m", "ceremony", "tokens"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **env, "PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "root-a" in done.stdout
    assert "no YubiKey can be reached, because the smart card service (pcscd) does not answer; install it" in done.stderr


def test_shows_yubikeys_behind_a_real_service():
    with SmartCards(VirtualYubiKey(11111111), VirtualYubiKey(22222222, "5.4.3")) as room:
        done = room.run(sys.executable, "-m", "ceremony", "tokens", "--json", env={"PYTHONPATH": str(ROOT)}, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["yubikeys"]
    assert [one["serial"] for one in found] == ["11111111", "22222222"]
    assert all(one["standing"]["factory"] == ["PIN", "PUK", "management key"] for one in found)
