# SPDX-License-Identifier: Apache-2.0
"""What is plugged in, without a PIN."""

from __future__ import annotations

import sys

import pytest

from ceremony.core.keys import Algorithm
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices import inventory, softhsm
from ceremony.devices.inventory import list_tokens, list_yubikeys, modules
from ceremony.errors import TokenError, WrongPin
from tests.devices.yubikeys import Desk, card

MODULE = softhsm.find_module()


def test_lists_each_token_with_what_it_shows_without_a_pin(own):
    token = own.open("root-a")
    token.generate(KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=False))
    token.close()
    (module,) = list_tokens([MODULE], own.env)
    assert not module.problem
    (listed,) = module.tokens
    assert listed.identity.label == "root-a"
    assert listed.identity.serial in own.sites["root-a"].pkcs11
    assert listed.identity.module == MODULE
    assert listed.identity.software
    assert listed.initialised
    assert listed.pin.initialised
    assert not listed.pin_count_low
    assert listed.public_objects == 1  # the public half


def test_spends_no_try_and_shows_one_that_was_spent(own):
    token = own.open("root-a", unlocked=False)
    with pytest.raises(WrongPin):
        token.unlock(Secret("000000"))
    token.close()
    for _ in range(2):
        assert list_tokens([MODULE], own.env)[0].tokens[0].pin_count_low
    own.open("root-a").close()
    assert not list_tokens([MODULE], own.env)[0].tokens[0].pin_count_low


def test_a_module_that_is_none_is_a_row_that_says_so(own, tmp_path):
    junk = tmp_path / "junk.so"
    junk.write_text("junk")
    first, second, third = list_tokens([str(junk), str(tmp_path / "missing.so"), MODULE], own.env)
    assert "junk.so is not a PKCS#11 module" in first.problem
    assert "cannot be read" in second.problem
    assert first.hint
    assert len(third.tokens) == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        pytest.param("kill -SEGV $$", "crashed (SIGSEGV)", id="crash"),
        pytest.param("exec sleep 60", "did not answer within 0.3 seconds", id="hang"),
    ],
)
def test_a_module_that_crashes_or_hangs_is_a_row_that_says_so(monkeypatch, tmp_path, body, problem):
    worker = tmp_path / "worker"
    worker.write_text(f"#!/bin/sh\n{body}\n")
    worker.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(worker))
    (module,) = list_tokens([MODULE], deadline_seconds=0.3)
    assert problem in module.problem
    assert not module.tokens


def test_refuses_an_environment_in_which_pins_are_written():
    with pytest.raises(TokenError, match="PKCS11SPY is set"):
        list_tokens([MODULE], {"PKCS11SPY": "x"})


def test_knows_the_modules_that_are_installed_each_once():
    found = modules()
    assert MODULE in found
    assert len(found) == len(set(found))


def test_an_empty_seat_of_softhsm_is_no_token(tmp_path):
    conf = tmp_path / "softhsm2.conf"
    (tmp_path / "store").mkdir()
    conf.write_text(f"directories.tokendir = {tmp_path}/store\n")
    assert inventory.list_tokens([MODULE], {"SOFTHSM2_CONF": str(conf)})[0].tokens == ()


def test_lists_yubikeys_in_the_order_of_their_readers():
    desk = Desk()
    for serial, firmware in ((3, "5.7.4"), (1, "5.2.7"), (2, "5.4.3")):
        desk.put(card(serial, firmware))
    listed = list_yubikeys(desk)
    assert not listed.problem
    assert [one.identity.serial for one in listed.yubikeys] == ["3", "1", "2"]
    assert [one.standing is None for one in listed.yubikeys] == [False, True, False]
    assert "has firmware 5.2.7" in listed.yubikeys[1].problem


def test_a_machine_without_a_smart_card_service_is_no_end():
    def none():
        raise OSError("no service")

    listed = list_yubikeys(none)
    assert listed.yubikeys == ()
    assert listed.problem.startswith("no YubiKey can be reached")
    assert "pcscd" in listed.hint
