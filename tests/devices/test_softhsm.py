# SPDX-License-Identifier: Apache-2.0
"""Throw-away tokens for rehearsals."""

from __future__ import annotations

import os
import shutil

import pytest

from ceremony.core.keys import Algorithm
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices import softhsm
from ceremony.devices.hsm import open_token
from ceremony.devices.hsm_link import HsmLink
from ceremony.errors import CeremonyError


def pins(*names):
    return {name: (Secret("482916"), Secret("73019265")) for name in names}


def test_makes_a_token_for_each_name(practice):
    assert list(practice.sites) == ["root-a", "root-b"]
    for name, site in practice.sites.items():
        token = practice.open(name)
        assert token.identity.label == name
        assert token.identity.serial in site.pkcs11
        assert token.identity.software
        token.close()


def test_finds_the_tokens_of_a_folder_again(practice):
    assert softhsm.existing(practice.folder) == practice.sites


def test_tokens_survive_a_move_of_their_folder(own, tmp_path):
    token = own.open("root-a")
    key = token.generate(KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=True))
    token.close()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(own.folder, elsewhere)
    shutil.rmtree(own.folder)
    assert softhsm.existing(elsewhere) == own.sites
    assert softhsm.environment(elsewhere) == softhsm.environment(elsewhere)
    again = open_token("root-a", own.sites["root-a"], env=softhsm.environment(elsewhere))
    again.unlock(Secret(own.pin))
    assert again.find("root") == key
    again.close()


def test_holds_no_pin_in_its_files(own):
    for path in own.folder.rglob("*"):
        assert not path.is_file() or own.pin.encode() not in path.read_bytes()


def test_leaves_our_environment_alone(own):
    assert "SOFTHSM2_CONF" not in os.environ
    assert softhsm.environment(own.folder)["SOFTHSM2_CONF"].startswith("/")


def test_refuses_a_folder_that_has_tokens(own):
    with pytest.raises(CeremonyError, match="has practice tokens already"):
        softhsm.make_tokens(own.folder, ["root-z"], pins("root-z"))


def test_never_initialises_a_token_that_is_initialised(own):
    link = HsmLink("practice", own.sites["root-a"].module, env=own.env)
    for number in range(3):
        link.call("initialise", label=f"more-{number}", so_pin=own.so_pin, user_pin=own.pin)
    link.close()
    assert set(softhsm.existing(own.folder)) == {"root-a", "more-0", "more-1", "more-2"}
    own.open("root-a").close()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["a" * 33], id="too long"),
        pytest.param(["ü" * 17], id="too many bytes"),
        pytest.param([""], id="empty"),
        pytest.param(["root-a", "root-a"], id="twice"),
    ],
)
def test_refuses_a_name_that_a_token_cannot_have(tmp_path, names):
    with pytest.raises(CeremonyError, match="cannot name a practice token"):
        softhsm.make_tokens(tmp_path / "tokens", names, pins(*names))
    assert not (tmp_path / "tokens").exists()


def test_refuses_a_pin_that_softhsm_does_not_take(tmp_path):
    with pytest.raises(CeremonyError, match="SoftHSM did not make the token 'root-a'") as refused:
        softhsm.make_tokens(tmp_path / "tokens", ["root-a"], {"root-a": (Secret("1"), Secret("73019265"))})
    assert refused.value.hint == "its PINs have 4 to 255 characters"


def test_refuses_a_folder_whose_path_softhsm_cannot_read(tmp_path):
    with pytest.raises(CeremonyError, match="SoftHSM cannot keep tokens in"):
        softhsm.make_tokens(tmp_path / "a#b", ["root-a"], pins("root-a"))
    assert not (tmp_path / "a#b").exists()


@pytest.mark.parametrize("use", [softhsm.existing, softhsm.environment])
def test_refuses_a_folder_without_tokens(tmp_path, use):
    with pytest.raises(CeremonyError, match="holds no practice tokens"):
        use(tmp_path)


def test_says_how_to_install_it_when_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(softhsm, "MODULES", (str(tmp_path / "missing.so"),))
    with pytest.raises(CeremonyError, match="SoftHSM 2, which makes the tokens of a rehearsal, is not installed") as missing:
        softhsm.find_module()
    assert missing.value.hint == "apt-get install softhsm2"
