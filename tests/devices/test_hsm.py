# SPDX-License-Identifier: Apache-2.0
"""PKCS#11 tokens: each trap that a library or module was seen to set, on a real SoftHSM."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives import serialization

from ceremony.core import software_key
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyAttributes, KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices import hsm_wire, hsm_worker
from ceremony.devices.hsm_wire import Fault
from ceremony.errors import TokenError, TokenLost, WrongPin

ROOT = KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=False)


def test_trap_1_names_the_mechanism_and_hashes_itself(token):
    key = token.generate(ROOT)
    for scheme in (Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384):
        verify(key.public, scheme, b"metadata", token.sign(key, scheme, [b"metadata"])[0])


def test_trap_2_says_and_reads_back_whether_a_key_may_leave(token):
    made = token.generate(ROOT).attributes
    assert made == KeyAttributes(local=True, sensitive=True, extractable=False, always_sensitive=True, never_extractable=True)


def test_trap_2_tells_a_key_that_was_brought_from_elsewhere(own, tmp_path):
    private = serialization.load_der_private_key(software_key.make(Algorithm.ECDSA_P256).pkcs8(), None)
    form = (serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    (tmp_path / "key.der").write_bytes(private.private_bytes(*form))
    public = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.der").write_bytes(private.public_key().public_bytes(*public))
    for kind, name in (("privkey", "key.der"), ("pubkey", "public.der")):
        own.tool("root-a", "--write-object", str(tmp_path / name), "--type", kind, "--id", "01", "--label", "brought")
    token = own.open("root-a")
    read = token.find("brought").attributes
    token.close()
    assert not any((read.local, read.always_sensitive, read.never_extractable))


def test_trap_3_leaves_unwanted_capabilities_unsaid():
    unwanted = {
        pkcs11.Attribute.ENCRYPT,
        pkcs11.Attribute.WRAP,
        pkcs11.Attribute.DECRYPT,
        pkcs11.Attribute.UNWRAP,
        pkcs11.Attribute.DERIVE,
    }
    assert dict.fromkeys(unwanted, pkcs11.constants.DEFAULT) == hsm_worker._UNSAID


def test_trap_4_a_failed_login_does_not_stand_in_the_way_of_the_next(own):
    token = own.open("root-a", unlocked=False)
    for _ in range(3):
        with pytest.raises(WrongPin):
            token.unlock(Secret("000000"))
    token.unlock(Secret(own.pin))
    token.generate(ROOT)
    token.close()


def test_trap_4_a_second_login_does_not_pass_for_a_check(token, own):
    with pytest.raises(WrongPin):
        token.unlock(Secret("000000"))
    with pytest.raises(TokenError, match="is locked"):
        token.find("root")
    token.unlock(Secret(own.pin))
    assert token.find("root") is None


def test_trap_5_a_module_has_one_thread(token):
    status = Path(f"/proc/{token._link.pid}/status").read_text()
    assert "\nThreads:\t1\n" in status


def test_trap_6_translates_every_exception_by_its_type():
    for name in hsm_wire._FAULT_OF:
        error = getattr(pkcs11.exceptions, name)()
        assert str(error) == ""
        assert hsm_wire.fault_of(error) is hsm_wire._FAULT_OF[name]
    assert hsm_wire.fault_of(pkcs11.exceptions.HostMemory()) is Fault.REFUSED


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda token, _: token.pin_state(), id="pin_state"),
        pytest.param(lambda token, _: token.find("root"), id="find"),
        pytest.param(lambda token, key: token.find_public(key.public), id="find_public"),
        pytest.param(lambda token, key: token.sign(key, Scheme.ECDSA_SHA256, [b"x"]), id="sign"),
        pytest.param(lambda token, key: token.lock(key), id="lock"),
        pytest.param(lambda token, _: token.generate(replace(ROOT, label="other")), id="generate"),
        pytest.param(lambda token, _: token.unlock(Secret("482916")), id="unlock"),
    ],
)
def test_trap_6_a_token_that_is_gone_is_lost_until_it_is_opened_again(token, own, use):
    key = token.generate(ROOT)
    store = own.folder / "store"
    shutil.move(store, own.folder / "pulled")
    with pytest.raises(TokenLost, match="stopped answering"):
        use(token, key)
    shutil.move(own.folder / "pulled", store)
    with pytest.raises(TokenLost, match="stopped answering") as lost:
        use(token, key)
    assert lost.value.hint == "put it in again, and try again; or stop and resume the ceremony"
    again = own.open("root-a")
    assert again.find("root") == key
    again.close()


def test_trap_7_reads_an_ed25519_point(token):
    key = token.generate(replace(ROOT, algorithm=Algorithm.ED25519))
    assert len(key.public.raw_ed25519) == 32
    verify(key.public, Scheme.ED25519, b"metadata", token.sign(key, Scheme.ED25519, [b"metadata"])[0])


def test_trap_8_signatures_with_a_leading_zero_verify(token):
    key = token.generate(ROOT)
    messages = [b"%d" % number for number in range(600)]
    signatures = token.sign(key, Scheme.ECDSA_SHA256, messages)
    for message, signature in zip(messages, signatures, strict=True):
        verify(key.public, Scheme.ECDSA_SHA256, message, signature)
    assert any(signature[0] == 0 or signature[32] == 0 for signature in signatures)


def test_trap_9_a_module_that_crashes_in_the_middle_of_signing_is_a_lost_token(token, own):
    key = token.generate(ROOT)
    stream = token.sign_stream(key, Scheme.ECDSA_SHA256, ([b"%d" % number] * 400 for number in range(1000)))
    assert len(next(stream)) == 400
    os.kill(token._link.pid, signal.SIGSEGV)
    with pytest.raises(TokenLost, match=r"its module crashed \(SIGSEGV\)"):
        list(stream)
    with pytest.raises(TokenLost, match="SIGSEGV"):
        token.find("root")
    again = own.open("root-a")
    assert again.find("root") == key
    again.close()


def test_trap_10_a_batch_is_one_request(token):
    key = token.generate(ROOT)
    before = token._link._sent
    token.sign(key, Scheme.ECDSA_SHA256, [b"x"] * 1000)
    assert token._link._sent == before + 2


def test_a_module_that_hangs_in_the_middle_of_signing_is_a_lost_token(own):
    token = own.open("root-a", deadline_seconds=1.0)
    key = token.generate(ROOT)
    stream = token.sign_stream(key, Scheme.ECDSA_SHA256, ([b"%d" % number] * 400 for number in range(1000)))
    next(stream)
    os.kill(token._link.pid, signal.SIGSTOP)
    with pytest.raises(TokenLost, match="did not answer within 1 seconds"):
        list(stream)
    with pytest.raises(TokenLost, match="did not answer"):
        token.pin_state()
    token.close()


def test_a_slow_batch_is_not_taken_for_a_hang(own):
    token = own.open("root-a", deadline_seconds=1.2)
    key = token.generate(replace(ROOT, algorithm=Algorithm.RSA_3072))
    assert len(token.sign(key, Scheme.RSA_PSS_SHA256, [b"x"] * 500)) == 500
    token.close()


def test_two_private_keys_with_one_label_are_refused(own):
    for key_id in ("01", "02"):
        own.tool("root-a", "--keypairgen", "--key-type", "EC:prime256v1", "--label", "root", "--id", key_id)
    token = own.open("root-a")
    with pytest.raises(TokenError, match="holds more than one private key labelled 'root'"):
        token.find("root")
    token.close()


def test_two_keys_with_one_id_are_told_apart_by_their_labels(own):
    for label in ("one", "two"):
        own.tool("root-a", "--keypairgen", "--key-type", "EC:prime256v1", "--label", label, "--id", "01")
    token = own.open("root-a")
    one, two = token.find("one"), token.find("two")
    assert one.public != two.public
    assert token.find_public(two.public) == two
    token.close()


@pytest.mark.parametrize("kind", ["privkey", "pubkey"])
def test_a_label_is_occupied_by_either_half_of_a_key(own, kind):
    own.tool("root-a", "--keypairgen", "--key-type", "EC:prime256v1", "--label", "root", "--id", "01")
    own.tool("root-a", "--delete-object", "--type", kind, "--label", "root")
    token = own.open("root-a")
    with pytest.raises(TokenError, match="already holds an object labelled 'root'"):
        token.generate(ROOT)
    token.close()


def test_a_private_key_without_its_public_half_is_refused(own):
    own.tool("root-a", "--keypairgen", "--key-type", "EC:prime256v1", "--label", "root", "--id", "01")
    own.tool("root-a", "--delete-object", "--type", "pubkey", "--label", "root")
    token = own.open("root-a")
    with pytest.raises(TokenError, match="has no public key beside the private key labelled 'root'"):
        token.find("root")
    assert token.find_public(software_key.make(Algorithm.ECDSA_P256).public) is None
    token.close()


def test_keys_of_other_kinds_do_not_disturb(own):
    own.tool("root-a", "--keypairgen", "--key-type", "EC:secp256k1", "--label", "coin", "--id", "07")
    own.tool("root-a", "--keypairgen", "--key-type", "rsa:2048", "--label", "mail", "--id", "08")
    token = own.open("root-a")
    key = token.generate(ROOT)
    assert token.find_public(key.public) == key
    with pytest.raises(TokenError, match="'coin' is not one that a dialect takes"):
        token.find("coin")
    token.close()


def test_no_pin_is_in_the_workers_arguments_or_environment(token, own):
    for pid in (token._link.pid, os.getpid()):
        for name in ("cmdline", "environ"):
            seen = Path(f"/proc/{pid}/{name}").read_bytes()
            assert own.pin.encode() not in seen
            assert own.so_pin.encode() not in seen


def test_a_program_that_dies_takes_its_worker_with_it(own):
    script = (
        "import os, sys; from ceremony.devices.hsm_link import HsmLink;"
        "link = HsmLink('t', sys.argv[1], env={}); print(link.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, own.sites["root-a"].module]
    done = subprocess.run(command, env={**os.environ, **own.env}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    try:
        worker = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return  # it was quicker than we
    try:
        assert select.select([worker], [], [], 10)[0]
    finally:
        os.close(worker)
