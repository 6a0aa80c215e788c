# SPDX-License-Identifier: Apache-2.0
"""The pitfalls of PKCS#11 and PIV that others fell into: each has a number, and a test that stands where they fell.

`PITFALLS` is the whole list. Those of PKCS#11 are tested here, on a real SoftHSM where one is needed, those of YubiKeys
in `tests/devices/test_piv_pitfalls.py`; such a test bears its number in its name. A row may name more tests, elsewhere.
What concerns nothing that we do says why.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from pkcs11 import KeyType, Mechanism
from pkcs11.defaults import DEFAULT_SIGN_MECHANISMS

from ceremony.core import dialects, second_opinion, software_key
from ceremony.core.custody import check_made
from ceremony.core.keys import Algorithm, Scheme, der_to_raw, raw_to_der, verify
from ceremony.core.machine_checks import MODULE_SPIES, SPIES
from ceremony.core.plan import Custody, RootPlan
from ceremony.core.ports import KeyAttributes, KeyRequest
from ceremony.core.secret import Secret
from ceremony.core.site_reader import read_site
from ceremony.devices import hsm_keys, hsm_uri
from ceremony.devices.hsm_link import HsmLink, check_environment
from ceremony.devices.hsm_wire import KeyFacts, TokenFacts
from ceremony.devices.inventory import list_tokens
from ceremony.errors import ExitCode, PlanRefused, TokenError, VerificationError, WrongPin
from tests.core.dialects.forged import ANOTHER, GUN, NOW, ROOT, Signer, good_root, signed
from tests.devices.conftest import Practice, make_practice
from tests.fakes.room import Ceremony, fast_seal, plan

__all__ = ["fast_seal"]

FOLDER = Path(__file__).resolve().parent
HERE = "test_pitfalls.py"
PIV = "devices/test_piv_pitfalls.py"
HSM, LINK, KEYS, REFUSALS = (
    "devices/test_hsm.py",
    "devices/test_hsm_link.py",
    "devices/test_hsm_keys.py",
    "steps/test_refusals.py",
)
BORN_LOCKED = KeyAttributes(local=True, sensitive=True, extractable=False, always_sensitive=True, never_extractable=True)
REQUEST = KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=False)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Pitfall:
    """One row: what others fell into, and which tests stand there, as `file under tests::name`; or why none does."""

    number: int
    what: str
    tests: tuple[str, ...] = ()
    not_ours: str = ""


PITFALLS = (
    Pitfall(
        1,
        "attributes that are constants in the module prove nothing",
        (f"{PIV}::*", "devices/test_hsm_open.py::test_refuses_a_token_that_cannot_be_used"),
    ),
    Pitfall(
        2,
        "an imported key looks like one that was made on the token",
        (f"{HERE}::*", f"{HSM}::test_trap_2_tells_a_key_that_was_brought_from_elsewhere"),
    ),
    Pitfall(
        3,
        "a template that lets the key leave",
        (f"{HERE}::*", "core/test_custody.py::test_takes_exactly_the_good_ones_of_all_that_a_token_may_say"),
    ),
    Pitfall(
        4,
        "making a key overwrites the one that is there",
        (f"{PIV}::*", "devices/test_token_port.py::test_refuses_a_place_that_is_occupied"),
    ),
    Pitfall(5, "a PIN that is no PIN logs in", (f"{HERE}::*", f"{PIV}::*")),
    Pitfall(6, "factory values stay", (f"{PIV}::*",)),
    Pitfall(
        7,
        "tries are spent on values that nobody entered",
        (f"{PIV}::*", f"{REFUSALS}::test_the_last_try_is_never_spent_without_being_told_to"),
    ),
    Pitfall(8, "setting the tries sets PIN and PUK to the factory's", (f"{PIV}::*",)),
    Pitfall(9, "a wipe takes every key but the one that attests", (f"{PIV}::*",)),
    Pitfall(10, "a PIN holds for one signature only, and not over other commands", (f"{PIV}::*",)),
    Pitfall(11, "making a key needs the management key, not the PIN", (f"{PIV}::*",)),
    Pitfall(12, "policies depend on the slot unless they are said", (f"{PIV}::*",)),
    Pitfall(13, "waiting for a touch looks like a hang", (f"{PIV}::*",)),
    Pitfall(
        14,
        "signatures are halves, and a half may begin with zero",
        (
            f"{HERE}::*",
            f"{HSM}::test_trap_8_signatures_with_a_leading_zero_verify",
            f"{KEYS}::test_trap_8_pads_halves_of_equal_shorter_length",
            "core/test_keys.py::test_the_two_forms_of_an_ecdsa_signature_say_the_same",
        ),
    ),
    Pitfall(15, "a library's default mechanism", (f"{HERE}::*", f"{HSM}::test_trap_1_names_the_mechanism_and_hashes_itself")),
    Pitfall(
        16,
        "one signature has two forms that both verify",
        (f"{HERE}::*", "core/dialects/test_notary_client_files.py::test_a_signature_that_stands_twice_counts_once"),
    ),
    Pitfall(
        17,
        "a signature is used that nobody verified",
        (
            f"{REFUSALS}::test_a_signature_that_does_not_verify_is_never_accepted",
            "steps/test_order.py::test_verify_refuses_metadata_that_a_root_key_did_not_sign",
        ),
    ),
    Pitfall(
        18,
        "modules number the slots, each in its own way",
        (f"{PIV}::*", "core/attestation/test_statements.py::test_the_subject_names_the_slot"),
    ),
    Pitfall(19, "the module is whatever is found first", (f"{HERE}::*", f"{LINK}::test_refuses_a_relative_path")),
    Pitfall(20, "stock programs find a key by the certificate in its slot", (f"{PIV}::*",)),
    Pitfall(
        21,
        "the first token is taken",
        (
            f"{PIV}::*",
            "devices/test_hsm_open.py::test_refuses_two_tokens_and_names_both",
            f"{REFUSALS}::test_another_token_in_the_place_of_the_one_that_was_read_aloud_is_refused",
        ),
    ),
    Pitfall(22, "a label is not the same in every module", (f"{HERE}::*",)),
    Pitfall(
        23,
        "a module does not survive a fork, a hot plug or a search that is left open",
        (f"{HERE}::*", f"{HSM}::test_trap_6_a_token_that_is_gone_is_lost_until_it_is_opened_again"),
    ),
    Pitfall(
        24,
        "a module crashes and takes the program with it",
        (
            f"{LINK}::test_a_crash_names_the_signal_and_stays",
            f"{HSM}::test_trap_9_a_module_that_crashes_in_the_middle_of_signing_is_a_lost_token",
        ),
    ),
    Pitfall(25, "a key lives for the session only", ("devices/test_token_port.py::test_keeps_its_keys_when_it_is_opened_again",)),
    Pitfall(26, "a point is wrapped, or it is not", (f"{HERE}::*", f"{KEYS}::test_trap_8_reads_a_point_wrapped_or_bare")),
    Pitfall(27, "an object is larger than the device takes", (f"{PIV}::*",)),
    Pitfall(28, "there are 24 slots for keys", (f"{HERE}::*", f"{PIV}::*")),
    Pitfall(
        29,
        "a token of files passes for hardware",
        (
            f"{HERE}::*",
            f"{REFUSALS}::test_production_refuses_a_software_token",
            "devices/test_hsm_identity.py::test_tells_software_tokens",
        ),
    ),
    Pitfall(
        30,
        "a debug variable writes PINs to a file",
        (
            f"{HERE}::*",
            f"{PIV}::*",
            f"{LINK}::test_refuses_an_environment_in_which_pins_are_written",
            "host/test_preflight.py::test_names_a_spy_and_not_its_value",
        ),
    ),
    Pitfall(
        31,
        "a PIN stands in a file, an argument or a variable",
        (
            f"{HERE}::*",
            "cli/test_secrets.py::test_no_pin_is_anywhere",
            "cli/test_run.py::test_no_command_takes_a_secret_as_an_argument",
            f"{HSM}::test_no_pin_is_in_the_workers_arguments_or_environment",
        ),
    ),
    Pitfall(32, "other programs use the card meanwhile", (f"{PIV}::*",)),
    Pitfall(33, "a contactless reader works for everything", (f"{PIV}::*",)),
    Pitfall(
        34,
        "a library beside ykman is loaded on Windows (YSA-2026-01)",
        not_ours="a ceremony is held on Linux, and the lock file pins a later version; the first record names the program's version and hash",
    ),
    Pitfall(
        35,
        "the owner replaced the key that attests",
        (f"{PIV}::*", "core/attestation/test_links.py::test_a_device_certificate_that_its_owner_made_is_refused"),
    ),
    Pitfall(36, "a reset is believed that was only said", (f"{PIV}::*",)),
    Pitfall(
        37,
        "a YubiHSM keeps an audit log of its own, with limits",
        not_ours="a YubiHSM is reached as any PKCS#11 token: its own log is not read, and ours records every command that we send",
    ),
)


# --- the table itself --------------------------------------------------------------


@cache
def _tests_in(path: str) -> dict[str, str]:
    """Return the tests of a file that will be run, and the text of each."""
    source = (FOLDER / path).read_text()
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    texts = {node.name: "\n".join(map(ast.unparse, [*node.decorator_list, node])) for node in found}
    return {name: text for name, text in texts.items() if "skip" not in text and "xfail" not in text}


def _numbered(path: str) -> dict[str, int]:
    """Return the tests of a file that bear a pitfall's number in their names."""
    return {name: int(name.split("_")[2]) for name in _tests_in(path) if name.startswith("test_pitfall_")}


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda row: f"pitfall {row.number}: {row.what}")
def test_a_pitfall_has_a_test_or_a_reason(pitfall: Pitfall) -> None:
    assert bool(pitfall.tests) != bool(pitfall.not_ours)
    for node in pitfall.tests:
        path, name = node.split("::")
        if name == "*":
            assert pitfall.number in _numbered(path).values(), f"{path} has no test_pitfall_{pitfall.number}_..."
        else:
            assert name in _tests_in(path), f"{node} is not there any more"


def test_every_pitfall_is_in_the_table_once_and_every_numbered_test_in_its_row() -> None:
    assert [pitfall.number for pitfall in PITFALLS] == list(range(1, 38))
    for path in (HERE, PIV):
        named = {pitfall.number for pitfall in PITFALLS if f"{path}::*" in pitfall.tests}
        assert set(_numbered(path).values()) == named


# --- on a real SoftHSM -------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Practice:
    return make_practice(tmp_path / "tokens", "root-a")


@pytest.fixture
def token(own: Practice) -> Iterator[object]:
    opened = own.open("root-a")
    yield opened
    opened.close()


# A stranger who has the PIN: brings a key as the arguments say, and reads its value back where the token gives it.
BRING = """
import sys, pkcs11
from pkcs11 import Attribute, KeyType, ObjectClass
module, pin, sensitive, extractable = sys.argv[1], sys.argv[2], sys.argv[3] == "1", sys.argv[4] == "1"
P256 = bytes.fromhex("06082a8648ce3d030107")
public, value = bytes.fromhex(sys.argv[5]), bytes.fromhex(sys.argv[6])
base = {Attribute.KEY_TYPE: KeyType.EC, Attribute.EC_PARAMS: P256, Attribute.ID: b"\\x01", Attribute.LABEL: "root",
        Attribute.TOKEN: True}
with pkcs11.lib(module).get_token(token_label="root-a").open(rw=True, user_pin=pin) as session:
    session.create_object({**base, Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.EC_POINT: public})
    made = session.create_object({**base, Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.VALUE: value,
        Attribute.SENSITIVE: sensitive, Attribute.EXTRACTABLE: extractable, Attribute.PRIVATE: True, Attribute.SIGN: True})
    try:
        print(made[Attribute.VALUE].hex())
    except pkcs11.exceptions.AttributeSensitive:
        print("no")
"""


@pytest.mark.parametrize(
    ("sensitive", "extractable", "readable"),
    [
        pytest.param(True, False, False, id="as safe as it can be"),
        pytest.param(True, True, False, id="extractable"),
        pytest.param(False, True, True, id="readable"),
    ],
)
def test_pitfall_2_a_key_that_was_brought_is_told_by_what_is_read_back(own, sensitive, extractable, readable):
    private = software_key.make(Algorithm.ECDSA_P256)
    value = private._private.private_numbers().private_value.to_bytes(32)
    point = bytes((4, 65)) + private.public.spki[-65:]
    arguments = [own.sites["root-a"].module, own.pin, str(int(sensitive)), str(int(extractable)), point.hex(), value.hex()]
    done = subprocess.run(
        [sys.executable, "-c", BRING, *arguments], env={**os.environ, **own.env}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (value.hex() if readable else "no")
    opened = own.open("root-a")
    key = opened.find("root")
    opened.close()
    assert key.public == private.public
    assert key.attributes == KeyAttributes(
        local=False, sensitive=sensitive, extractable=extractable, always_sensitive=False, never_extractable=False
    )
    for custody in (Custody.TOKEN_ONLY, Custody.TOKEN_WRAPPED):
        with pytest.raises(VerificationError, match=r"was not made on the token \(LOCAL is false\)"):
            check_made(key, Algorithm.ECDSA_P256, custody, locked=True)


def test_pitfall_2_a_key_that_was_made_there_shows_all_five(token):
    key = token.generate(REQUEST)
    assert key.attributes == BORN_LOCKED
    check_made(key, Algorithm.ECDSA_P256, Custody.TOKEN_ONLY, locked=False)


def test_pitfall_3_a_root_key_that_stays_is_never_asked_for_as_one_that_may_leave():
    stays = RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b"), 1, Custody.TOKEN_ONLY)
    ceremony = Ceremony(plan=plan(root=stays))
    assert ceremony.hold() is ExitCode.DONE
    for device in ceremony.rack.devices.values():
        assert [key.shown.attributes for key in device.keys] == [BORN_LOCKED]


def test_pitfall_3_a_key_that_leaves_for_its_backup_is_locked_before_anything_is_signed(token):
    key = token.generate(replace(REQUEST, extractable=True))
    with pytest.raises(VerificationError, match=r"can leave the token \(EXTRACTABLE is true\)"):
        check_made(key, Algorithm.ECDSA_P256, Custody.TOKEN_WRAPPED, locked=True)
    check_made(token.lock(key), Algorithm.ECDSA_P256, Custody.TOKEN_WRAPPED, locked=True)


@pytest.mark.parametrize("pin", ["VERIFY_NONE", "VERIFY_BIO", "", "123456"])
def test_pitfall_5_words_that_are_no_pin_open_nothing(own, pin):
    opened = own.open("root-a", unlocked=False)
    error, match = (WrongPin, "the PIN is wrong") if pin else (TokenError, "an empty PIN was not tried")
    with pytest.raises(error, match=match):
        opened.unlock(Secret(pin))
    with pytest.raises(TokenError, match="is locked"):
        opened.find("root")
    opened.close()


def test_pitfall_5_a_yubikey_is_not_reached_through_a_module_that_takes_them():
    # ykcs11 logs in without a check for VERIFY_NONE; whatever module shows a YubiKey, it is refused (see also pitfall 1).
    facts = TokenFacts(1, "YubiKey PIV #12345678", "12345678", "Yubico (www.yubico.com)", "YubiKey YK5", "5.7", 0x40D)
    from ceremony.devices import hsm, hsm_identity

    assert hsm_identity.is_yubikey(facts)
    with pytest.raises(TokenError, match="whose PKCS#11 attributes prove nothing"):
        hsm._choose("root-a", hsm_uri.parse("root-a", "pkcs11:serial=12345678"), [facts])


# --- signatures --------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384])
def test_pitfall_14_a_half_that_begins_with_zero_keeps_its_length_in_both_forms(algorithm):
    private, half = software_key.make(algorithm), algorithm.half
    scheme = Scheme.ECDSA_SHA256
    seen: dict[str, bytes] = {}
    number = 0
    while len(seen) < 2:
        number += 1
        signature = private.sign(scheme, b"%d" % number)
        assert len(signature) == 2 * half
        for name, begins in (("r", signature[0]), ("s", signature[half])):
            if begins == 0:
                seen.setdefault(name, b"%d" % number)
    for message in seen.values():
        signature = private.sign(scheme, message)
        der = raw_to_der(signature, algorithm)
        assert decode_dss_signature(der) == (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        assert der_to_raw(der, algorithm) == signature
        verify(private.public, scheme, message, signature)
        second_opinion.verify(private.public, scheme, message, signature, "signature")
        # A token may give both halves as short as the longer one is (PKCS#11 v2.40, section 2.3.1).
        longer = max(len(signature[i : i + half].lstrip(b"\0")) for i in (0, half))
        short = signature[half - longer : half] + signature[2 * half - longer :]
        assert hsm_keys.wire_signature("root-a", private.public, short) == signature


def test_pitfall_15_every_mechanism_is_named_where_the_library_s_default_is_wrong():
    assert DEFAULT_SIGN_MECHANISMS[KeyType.EC] is Mechanism.ECDSA_SHA512
    calls = [
        node
        for node in ast.walk(ast.parse(Path(sys.modules["ceremony"].__path__[0], "devices", "hsm_worker.py").read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    wanting = ("sign", "verify", "wrap_key", "unwrap_key", "encrypt", "decrypt", "derive_key")
    named = {str(call.func.attr): {word.arg for word in call.keywords} for call in calls if call.func.attr in wanting}
    assert {"sign", "wrap_key"} <= set(named)
    assert all("mechanism" in words for words in named.values()), named
    from ceremony.devices.hsm_worker import _GENERATE, _SCHEMES

    assert set(_SCHEMES) == {scheme.value for scheme in Scheme}
    assert {mechanism for mechanism, _, _ in _SCHEMES.values()} == {
        *(Mechanism.ECDSA, Mechanism.RSA_PKCS_PSS, Mechanism.RSA_PKCS, Mechanism.EDDSA),
    }
    assert _SCHEMES["rsa-pss-sha256"][1] == (Mechanism.SHA256, pkcs11.MGF.SHA256, 32)
    assert set(_GENERATE) == {shape.kind for shape in hsm_keys.SHAPES.values()}


def malleated(signature: bytes) -> bytes:
    """Return the other signature over the same message: (r, n - s)."""
    return signature[:32] + (P256_ORDER - int.from_bytes(signature[32:])).to_bytes(32)


def test_pitfall_16_both_forms_of_a_signature_verify_and_neither_is_put_right():
    private = software_key.make(Algorithm.ECDSA_P256)
    first = private.sign(Scheme.ECDSA_SHA256, b"root")
    for signature in (first, malleated(first)):
        verify(private.public, Scheme.ECDSA_SHA256, b"root", signature)
        second_opinion.verify(private.public, Scheme.ECDSA_SHA256, b"root", signature, "signature")
        assert hsm_keys.wire_signature("root-a", private.public, signature) == signature


def test_pitfall_16_two_forms_of_one_signature_count_once_for_a_threshold():
    @dataclass(frozen=True)
    class Malleating(Signer):
        """Signs with a key and gives the other form."""

        def signature(self, payload: bytes) -> dict[str, str]:
            import base64

            made = super().signature(payload)
            return {**made, "sig": base64.b64encode(malleated(base64.b64decode(made["sig"]))).decode()}

    again = Malleating(ROOT.key, ROOT.listed)
    content = good_root(ROOT, ANOTHER, threshold=2)
    with pytest.raises(VerificationError, match="has 1 valid signatures of the 2 that it needs"):
        dialects.get("notary").check(GUN, {"root": signed(content, [ROOT, again])}, NOW)
    assert dialects.get("notary").check(GUN, {"root": signed(good_root(ROOT), [again])}, NOW)


# --- which module, which token -----------------------------------------------------


def test_pitfall_19_the_module_is_the_one_that_the_site_names_and_its_hash_is_known(own, token):
    site = own.sites["root-a"]
    assert token.identity.module == site.module
    assert token.identity.module_sha256 == hashlib.sha256(Path(site.module).read_bytes()).hexdigest()
    assert site.module.startswith("/")
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    assert all("module" in body and "module_sha256" in body for body in ceremony.bodies("token"))


def test_pitfall_19_a_site_names_a_module_by_its_whole_path_only():
    with pytest.raises(PlanRefused, match="is not an absolute path"):
        read_site(b'[tokens.root-a]\npkcs11 = "pkcs11:serial=5f3c21"\nmodule = "libykcs11.so"\n')


@pytest.mark.parametrize("label", ["ceremony", "ceremony (UserPIN)", "", "ceremony (UserPIN)\ufffd"])
def test_pitfall_22_a_token_is_found_by_its_serial_whatever_its_label_is_made_of(label):
    facts = TokenFacts(0, label, "5f3c21", "maker", "model", "1.0", 0x40D)
    assert hsm_uri.parse("root-a", "pkcs11:serial=5f3c21").matches(facts)
    assert not hsm_uri.parse("root-a", "pkcs11:serial=5f3c22").matches(facts)


def test_pitfall_23_a_module_lives_in_a_process_of_its_own_for_each_opening(own):
    # Never forked after it was loaded: a fresh interpreter each time, and nothing of the module in ours.
    pids = set()
    for _ in range(2):
        opened = own.open("root-a")
        maps = Path(f"/proc/{opened._link.pid}/maps").read_text()
        assert "softhsm" in maps
        assert (opened._link.pid, opened.identity.serial) not in pids
        pids.add((opened._link.pid, opened.identity.serial))
        # Searches are read to their end: another may follow at once, with what is there by then.
        assert opened.find("root") is None
        assert opened.find_public(software_key.make(Algorithm.ECDSA_P256).public) is None
        opened.close()
    assert len(pids) == 2
    assert "softhsm" not in Path("/proc/self/maps").read_text()


def test_pitfall_23_a_token_that_is_put_in_later_is_seen(own):
    link = HsmLink("root-a", own.sites["root-a"].module, env=own.env)
    before = len(list_tokens([own.sites["root-a"].module], own.env)[0].tokens)
    link.call("initialise", label="root-b", so_pin=own.so_pin, user_pin=own.pin)
    link.close()
    assert len(list_tokens([own.sites["root-a"].module], own.env)[0].tokens) == before + 1


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.ED25519])
def test_pitfall_26_a_point_is_the_same_key_wrapped_or_bare(algorithm):
    public = software_key.make(algorithm).public
    size = 1 + 2 * algorithm.half if algorithm.half else 32
    bare = public.spki[-size:]
    shape = hsm_keys.SHAPES[algorithm]
    held = dict.fromkeys(("local", "sensitive", "always_sensitive", "never_extractable"), True) | {"extractable": False}
    facts = KeyFacts("root", "01", shape.kind, shape.params, bare.hex(), "", "", publics=1, **held)
    for point in (bare, bytes((4, size)) + bare):
        assert hsm_keys.token_key("root-a", replace(facts, point=point.hex())).public == public
    # What is sliced out by position, as Notary does, would be another key here.
    with pytest.raises(TokenError, match="is not one that a dialect takes"):
        hsm_keys.token_key("root-a", replace(facts, point=(bytes((4, size)) + bare)[:-1].hex()))


SLOTS = [*("9a", "9c", "9d", "9e"), *(f"{slot:02x}" for slot in range(0x82, 0x96))]


def test_pitfall_28_a_site_names_any_of_the_24_slots_and_none_beside_them():
    assert len(SLOTS) == 24
    for slot in (f"{number:02x}" for number in range(0x100)):
        source = f'[tokens.root-a]\nyubikey = 12345678\nslot = "{slot}"\n'.encode()
        if slot in SLOTS:
            assert read_site(source).tokens["root-a"].slot == slot
        else:
            with pytest.raises(PlanRefused, match=r"tokens\.root-a\.slot") as refused:
                read_site(source)
            assert refused.value.hint


# --- what writes secrets, and what is none -----------------------------------------


def test_pitfall_29_a_token_of_files_says_so_and_whoever_has_the_files_has_the_key(own, token, tmp_path):
    key = token.generate(REQUEST)
    assert token.identity.software
    (listed,) = list_tokens([own.sites["root-a"].module], own.env)
    assert all(one.identity.software for one in listed.tokens)
    shutil.copytree(own.folder, tmp_path / "copied")
    copied = replace(own, folder=tmp_path / "copied").open("root-a")
    (signature,) = copied.sign(key, Scheme.ECDSA_SHA256, [b"root"])
    copied.close()
    verify(key.public, Scheme.ECDSA_SHA256, b"root", signature)


@pytest.mark.parametrize("name", MODULE_SPIES)
def test_pitfall_30_what_preflight_calls_a_spy_no_module_is_started_with(name):
    assert name in SPIES
    with pytest.raises(TokenError, match=f"{name} is set, which can write PINs to a file"):
        check_environment("root-a", {name: "1"})


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("pkcs11:serial=5f3c21?pin-value=123456", id="the PIN itself"),
        pytest.param("pkcs11:serial=5f3c21?pin-source=/etc/pin", id="where it stands"),
        pytest.param("pkcs11:serial=5f3c21;pin-value=123456", id="in the path"),
    ],
)
def test_pitfall_31_a_pin_in_a_site_file_is_refused_and_not_shown(uri):
    with pytest.raises(PlanRefused) as refused:
        read_site(f'[tokens.root-a]\npkcs11 = "{uri}"\nmodule = "/m.so"\n'.encode())
    if "?" in uri:
        assert "123456" not in str(refused.value)
    with pytest.raises(TokenError):
        hsm_uri.parse("root-a", uri)
    with pytest.raises(PlanRefused, match=r"tokens\.root-a\.pin"):
        read_site(b'[tokens.root-a]\npkcs11 = "pkcs11:serial=1"\nmodule = "/m.so"\npin = "123456"\n')
