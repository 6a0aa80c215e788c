# SPDX-License-Identifier: Apache-2.0
"""What shows that a root key was made on a YubiKey, in this ceremony: every piece counts, and its finding names it."""

from __future__ import annotations

import base64
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ceremony.core import bundle
from ceremony.core.attestation import to_pem
from ceremony.core.audit.attested import PIECES, check_attested, check_statement, read_authorities, yubikeys
from ceremony.core.audit.verdict import Audited, Level, begin
from ceremony.core.plan import Custody, Mode
from tests.core.attestation.chains import NEW, OLD, der, key, real, yubico_files
from tests.core.audit.attested_folder import PLAN, Evidence, virtual
from tests.fakes.folder import FakeFolder
from tests.peers.openssl import openssl

FORMATS = Path(__file__).parents[3] / "docs" / "formats.md"
SERIALS = (13078778, 15938791)
OTHER = virtual(NEW.states(key="p256 another key"))
ANOTHER_DEVICE = virtual(replace(NEW, device=replace(NEW.device, key="p256 another f9")))


def found(audited: Audited) -> tuple[Level, str, str]:
    """Return the one finding."""
    (finding,) = audited.findings
    return finding.level, finding.subject, finding.text


def physical(serial: int, **changes: Any) -> Evidence:
    """Return the evidence of a physical YubiKey; nobody has the challenge that it signed."""
    plan = virtual().plan
    return Evidence(*real(serial), yubico_files(), **{"serial": serial, "signer": None, "plan": plan, **changes})


def imported(**changes: Any) -> Evidence:
    """Return the evidence of a YubiKey that a key was put on."""
    plan = replace(PLAN, root=replace(PLAN.root, custody=Custody.IMPORTED))
    return virtual(**{"plan": plan, "action": "import-key", **changes})


# --- what holds ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "root"), [pytest.param(NEW, "Test Root 1", id="from 5.7.4"), pytest.param(OLD, "Test PIV Root", id="up to 5.7.3")]
)
def test_a_virtual_yubikey_is_attested_in_a_practice_and_the_finding_says_by_whom(chain, root):
    level, subject, text = found(virtual(chain).judged())
    assert (level, subject) == (Level.OK, "token 13078778")
    assert text == (
        f"its root key was made in its slot 9c, firmware 5.7.4, attested under {root}, which is not Yubico's: practice only"
    )


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("serial", SERIALS)
def test_a_physical_yubikey_is_attested_by_yubico_in_every_mode(serial, mode):
    evidence = physical(serial, mode=mode)
    audited = begin(evidence.folder())
    authorities = read_authorities(audited)
    (token,) = yubikeys(audited, {str(serial): evidence.public})
    record = next(record for record in audited.found.records if record.kind == "attested")
    attested = check_statement(audited, evidence.plan, token, authorities, record)
    assert attested == evidence.said
    assert authorities.pinned(attested)
    assert audited.findings == []


@pytest.mark.parametrize("serial", SERIALS)
def test_the_evidence_of_a_physical_yubikey_lacks_nothing_but_the_signature_that_nobody_here_can_make(serial):
    level, subject, text = found(physical(serial).judged())
    assert (level, subject) == (Level.FAILED, f"token {serial}")
    path = f"evidence/tokens/{serial}/challenge.sig"
    assert text == f"its root key is not shown to be made on it: {path}: is no signature as openssl writes it"


@pytest.mark.parametrize("kind", ["pkcs11", "yubikey"])
def test_a_key_that_was_imported_is_said_to_be_attested_by_nobody(kind):
    level, subject, text = found(imported(identity={"kind": kind}).judged())
    assert (level, subject, text) == (Level.OK, "token 13078778", "its root key is not attested: it was made on the host")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"files": {"challenge.sig": None}}, "nothing shows where .*: there is no challenge.sig", id="no signature"),
        pytest.param({"drop": "result import-key"}, "nothing shows where .*: there is no result of import-key", id="no result"),
        pytest.param({"intent": {"slot_empty": None}}, "is not shown to be on it: record 4: slot 9c was not recorded empty", id="slot"),
        pytest.param({"drop": "firmware"}, "is not shown to be on it: root-a: its firmware was not judged", id="no firmware"),
    ],
)  # fmt: skip
def test_a_key_that_was_put_on_a_yubikey_must_be_shown_to_be_there(change, said):
    level, _, text = found(imported(**change).judged())
    assert level is Level.FAILED
    assert re.search(said, text), text


@pytest.mark.parametrize("identity", [{"kind": "pkcs11"}, {"serial": "5f3c21"}], ids=["another kind", "no root key on it"])
def test_other_tokens_are_left_alone(identity):
    assert virtual(identity=identity).judged().findings == []


@pytest.mark.parametrize("tokens", [None, ["root-a"], {"root-a": "yubikey"}], ids=["none", "a list", "a text"])
def test_tokens_that_were_recorded_otherwise_are_no_yubikeys(tokens):
    audited = begin(virtual().folder())
    audited.past.ended["tokens"] = {"tokens": tokens}
    check_attested(audited, PLAN, {"13078778": THIS.public})
    assert audited.findings == []


def test_a_wrapped_key_and_a_folder_without_a_plan_are_left_alone():
    plan = replace(PLAN, root=replace(PLAN.root, custody=Custody.TOKEN_WRAPPED))
    assert virtual(plan=plan).judged().findings == []
    audited = begin(virtual().folder())
    check_attested(audited, None, {})
    assert audited.findings == []


SITE = "[tokens.root-a]\nyubikey = 13078778\nslot = '9c'\n"
PKCS11 = "[tokens.root-a]\npkcs11 = 'pkcs11:serial=13078778'\nmodule = '/m.so'\n"


@pytest.mark.parametrize(
    ("site", "identity", "same"),
    [
        pytest.param(SITE, {}, True, id="the YubiKey"),
        pytest.param(SITE, {"kind": "pkcs11"}, False, id="not recorded as one"),
        pytest.param(SITE.replace("9c", "9a"), {}, False, id="another slot"),
        pytest.param(SITE.replace("13078778", "1"), {}, False, id="another serial"),
        pytest.param(SITE.replace("root-a", "root-b"), {}, True, id="another name"),
        pytest.param(PKCS11, {}, False, id="no YubiKey"),
        pytest.param(PKCS11, {"kind": "pkcs11", "slot": None}, True, id="a PKCS#11 token"),
        pytest.param("# none", {"kind": "pkcs11"}, True, id="no site"),
    ],
)
def test_a_token_is_recorded_as_what_the_site_names(site, identity, same):
    folder = virtual(identity=identity).folder()
    folder.files[bundle.SITE] = site.encode()
    assert ("token 13078778: was recorded as root-a, and is not what the site names so" not in _failed(folder)) is same
    folder.files["evidence/site-0123456789abcdef.toml"] = (SITE if identity == {} else PKCS11).encode()
    assert "token 13078778: was recorded as root-a, and is not what the site names so" not in _failed(folder)


def _failed(folder: FakeFolder) -> list[str]:
    audited = begin(folder)
    check_attested(audited, THIS.plan, {"13078778": THIS.public})
    return [f"{finding.subject}: {finding.text}" for finding in audited.findings if finding.level is Level.FAILED]


# --- what is not there -------------------------------------------------------------------------


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_a_piece_that_is_not_there_fails_a_closed_folder(piece, closed):
    level, subject, text = found(virtual(files={piece: None}, closed=closed).judged())
    assert (level, subject) == (Level.FAILED if closed else Level.INCOMPLETE, "token 13078778")
    assert text == f"nothing shows where its root key was made: there is no {piece}"


@pytest.mark.parametrize(
    ("drop", "what"),
    [
        pytest.param("attested", "record that it was attested", id="attested"),
        pytest.param("result generate-key", "result of generate-key", id="made"),
        pytest.param("result challenge", "result of challenge", id="challenge"),
    ],
)
def test_a_record_that_is_not_there_fails_a_closed_folder(drop, what):
    assert found(virtual(drop=drop).judged())[::2] == (
        Level.FAILED,
        f"nothing shows where its root key was made: there is no {what}",
    )


@pytest.mark.parametrize(
    ("authorities", "what"),
    [
        pytest.param({}, "yubico-roots: none of the pinned Yubico roots is there", id="none"),
        pytest.param({"a.pem": b""}, "evidence/yubico-roots/a.pem: is not an X.509 certificate", id="not PEM"),
    ],
)
def test_authorities_that_cannot_serve_are_one_finding(authorities, what):
    evidence = virtual()
    folder = evidence.folder()
    folder.files = {path: data for path, data in folder.files.items() if not path.startswith(bundle.YUBICO_ROOTS)}
    folder.files |= {bundle.YUBICO_ROOTS + name: data for name, data in authorities.items()}
    audited = begin(folder)
    check_attested(audited, evidence.plan, {"13078778": evidence.public})
    level, subject, text = found(audited)
    assert (level, subject) == (Level.FAILED, "evidence/yubico-roots/")
    assert text.startswith(f"does not hold what the attestations are verified with: {what}")


# --- what was changed ----------------------------------------------------------------------------


def pieces(**files: bytes | None) -> dict[str, dict[str, bytes | None]]:
    return {"files": {name.replace("_", ".", 1): data for name, data in files.items()}}


THIS, CHANGED = virtual(), {
    "the public key": (pieces(public_pem=OTHER.public.pem), r"public\.pem: is not the root key that the log names"),
    "another key attested": (
        pieces(attestation_pem=to_pem(OTHER.statement, "s")),
        r"attestation statement: its public key is [0-9a-f]{64}, not",
    ),
    "text after the statement": (
        pieces(attestation_pem=to_pem(virtual().statement, "s") + b"more\n"),
        r"attestation\.pem: is not one certificate in the one form",
    ),
    "a statement that is none": (pieces(attestation_pem=b"no PEM"), r"attestation\.pem: is not an X\.509 certificate"),
    "another device": (
        pieces(device_pem=to_pem(ANOTHER_DEVICE.device, "d")),
        r"attestation statement: its signature does not verify with the key of the device certificate",
    ),
    "the device and its statement swapped": (
        pieces(device_pem=to_pem(virtual().statement, "s"), attestation_pem=to_pem(virtual().device, "d")),
        r"device certificate .*: was issued by 'CN=Yubico PIV Attestation', which is no pinned authority",
    ),
    "a chain in another order": (
        pieces(authorities_pem=b"".join(reversed([to_pem(der(yubico_files()["yubico-ca-1.pem"]), "x"), b""]))),
        r"authorities\.pem: is not the chain above the device certificate, its issuer first",
    ),
    "a later day": ({"at": "2052-04-17T00:00:01.000000Z"}, r"has expired on 2052-04-17"),
    "another serial": ({"serial": 15938791, "attested": {"serial": "15938791"}}, r"attestation statement: its serial is 13078778, not 15938791"),
    "another slot": ({"identity": {"slot": "9a"}}, r"attestation statement: its slot is 9c, not 9a"),
    "another firmware": ({"identity": {"firmware": "5.7.5"}}, r"attestation statement: its firmware is 5\.7\.4, not 5\.7\.5"),
    "a firmware that is none": ({"identity": {"firmware": "new"}}, r"firmware: is 'new', which is no version"),
    "another form factor": (
        {"identity": {"form_factor": "USB-A nano"}},
        r"root-a as the step tokens recorded it: its form_factor is USB-A nano, and the attestation says USB-C keychain",
    ),
    "another series": ({"identity": {"fips": True}}, r"root-a as the step tokens recorded it: its fips is True"),
    "another PIN policy": (
        {"plan": replace(PLAN, root=replace(PLAN.root, pin_policy="once", touch_policy="always"))},
        r"attestation statement: its PIN policy is always, not once",
    ),
    "another touch policy": (
        {"plan": replace(PLAN, root=replace(PLAN.root, touch_policy="cached"))},
        r"attestation statement: its touch policy is always, not cached",
    ),
    "a slot that was not said to be empty": ({"intent": {"slot_empty": False}}, r"record 4: slot 9c was not recorded empty"),
    "a slot that was said to be empty otherwise": ({"intent": {"slot_empty": 1}}, r"record 4: slot 9c was not recorded empty"),
    "a key that was in the slot": ({"standing": {"keys": [{"slot": "9c"}]}}, r"record 4: slot 9c was not recorded empty"),
    "a certificate that was in the slot": ({"standing": {"certificates": ["9c"]}}, r"record 4: slot 9c was not recorded empty"),
    "another slot that was empty": ({"intent": {"slot": "9a"}}, r"record 4: slot 9c was not recorded empty"),
    "a challenge over an earlier head": ({"later": -2}, r"challenge\.txt: is over the first 5 records: not those from when"),
    "a challenge over a later head": ({"later": 1}, r"challenge\.txt: is over the first 10 records: not those from when"),
    "a challenge over nothing": (pieces(challenge_txt=b""), r"challenge\.txt: is not the challenge over a head of this log"),
    "a challenge over a longer log": (
        pieces(challenge_txt=b"entries: 4711\n"),
        r"challenge\.txt: is not the challenge over a head of this log",
    ),
    "a signature of another key": ({"signer": key("p256 another key")}, r"challenge\.sig: does not verify with key"),
    "another signature than the log's": ({"challenged": {"signature": ""}}, r"challenge\.sig: is not the signature, or not over"),
    "another challenge than the log's": ({"challenged": {"challenge": ""}}, r"challenge\.sig: is not the signature, or not over"),
    "a firmware that nobody judged": ({"drop": "firmware"}, r"root-a: its firmware was not judged"),
    "a firmware that was judged to be something": ({"firmware": {"decision": "good"}}, r"root-a: its firmware was not judged"),
    "a firmware that was refused": ({"firmware": {"decision": "refuse"}}, r"root-a: its firmware was refused"),
    "a firmware that nobody took": ({"firmware": {"decision": "deviation"}}, r"root-a: its firmware is not sound, and no two"),
    "a firmware that one person took": (
        {"firmware": {"decision": "deviation"}, "accepted": {"by": ["Ada", "Ada"]}},
        r"root-a: its firmware is not sound, and no two people took it",
    ),
    "a factory PIN": ({"standing": {"factory": ["PIN"]}}, r"root-a: nothing shows that it did not keep the factory's PIN"),
    "a device that nobody read": ({"drop": "standing"}, r"root-a: nothing shows that it did not keep the factory's anything"),
    "a signature that is none": (pieces(challenge_sig=b"\x30\x00"), r"challenge\.sig: is no signature as openssl writes it"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), CHANGED.values(), ids=CHANGED)
def test_whatever_was_changed_is_named(change, said):
    level, _, text = found(replace(THIS, **change).judged())
    assert level is Level.FAILED
    assert re.match(f"its root key is not shown to be made on it: (evidence/tokens/[0-9]+/)?.*{said}", text), text


@pytest.mark.parametrize(
    ("member", "value"),
    [
        pytest.param(member, value, id=f"{member}-{value}")
        for member, value in {
            "token": "root-b", "slot": "9a", "public_sha256": "0" * 64, "firmware": "5.7.5", "pin_policy": "once",
            "touch_policy": "never", "form_factor": "USB-A nano", "fips": True, "authorities": [], "pinned": True,
        }.items()
    ] + [pytest.param("pinned", 0, id="pinned-0"), pytest.param("fips", None, id="fips-None")],
)  # fmt: skip
def test_a_record_that_says_something_else_is_named(member, value):
    level, _, text = found(virtual(attested={member: value}).judged())
    assert level is Level.FAILED
    assert f": record 6: its {member} is {value}, and the attestation says" in text


def test_a_firmware_that_two_people_took_is_good_enough():
    evidence = virtual(firmware={"decision": "deviation"}, accepted={"by": ["Ada", "Wim"]})
    assert found(evidence.judged())[0] is Level.OK


def test_a_record_of_another_device_is_none_of_this_one():
    assert found(virtual(attested={"serial": "1"}).judged())[2].endswith("there is no record that it was attested")


def test_an_authority_that_is_not_yubicos_attests_nothing_in_a_production():
    level, _, text = found(virtual(mode=Mode.PRODUCTION).judged())
    assert level is Level.FAILED
    assert "was issued by 'CN=Test PIV Attestation A 1', which is no pinned authority for PIV devices" in text


@pytest.mark.parametrize("serial", SERIALS)
def test_one_byte_of_a_physical_attestation_is_one_finding(serial):
    for place in range(0, len(real(serial)[0]), 40):
        statement = bytearray(real(serial)[0])
        statement[place] ^= 1
        text = _armored(bytes(statement))
        level, _, said = found(physical(serial, files={bundle.ATTESTATION: text}).judged())
        assert level is Level.FAILED
        assert "attestation" in said, place


def test_an_authority_that_only_bears_a_name_of_yubicos_is_refused_in_a_practice_too():
    name = "Yubico PIV Root CA Serial 263751"
    link = replace(OLD.authorities[0], name=name)
    evidence = virtual()
    folder = evidence.folder()
    folder.files[f"{bundle.YUBICO_ROOTS}named.pem"] = to_pem(link.made(link), "x")
    audited = begin(folder)
    check_attested(audited, evidence.plan, {"13078778": evidence.public})
    level, subject, text = found(audited)
    assert (level, subject) == (Level.FAILED, bundle.YUBICO_ROOTS)
    assert re.search(rf"named\.pem: the certificate '{name}' has SHA-256 [0-9a-f]{{64}}, which is not the pinned one$", text)


# --- with openssl alone ----------------------------------------------------------------------------


EXPORTED = {
    "virtual, from 5.7.4": virtual(),
    "virtual, up to 5.7.3": virtual(OLD),
    **{f"physical {serial}": physical(serial) for serial in SERIALS},
}


@pytest.mark.parametrize("evidence", EXPORTED.values(), ids=EXPORTED)
def test_openssl_takes_the_exported_evidence_by_the_commands_of_the_formats(evidence, tmp_path):
    folder = evidence.folder()
    for name in PIECES:
        (tmp_path / name).write_bytes(folder.files[bundle.token_evidence(str(evidence.serial), name)])
    *_, root = x509.load_pem_x509_certificates((tmp_path / bundle.AUTHORITIES).read_bytes())
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    text = FORMATS.read_text()
    commands = re.findall(r"^(openssl (?:verify|x509 -in attestation|dgst .*challenge).*)$", text, re.MULTILINE)
    chain, same, signed = [shlex.split(command) for command in commands]
    assert _in(tmp_path, chain) == b"attestation.pem: OK\n"
    place = same.index("|")
    assert (_in(tmp_path, same[:place]), same[place + 1 :]) == (evidence.public.pem, ["cmp", "-", "public.pem"])
    if evidence.signer is not None:
        assert _in(tmp_path, signed) == b"Verified OK\n"


@pytest.mark.parametrize("evidence", EXPORTED.values(), ids=EXPORTED)
def test_openssl_refuses_the_chain_of_another_root(evidence, tmp_path):
    for name, data in (("s", evidence.statement), ("d", evidence.device)):
        (tmp_path / name).write_bytes(to_pem(data, name))
    (tmp_path / "root").write_bytes(yubico_files()["yubico-ca-1.pem"])
    with pytest.raises(AssertionError, match="unable to get"):
        openssl("verify", "-no-CApath", "-CAfile", tmp_path / "root", "-untrusted", tmp_path / "d", tmp_path / "s")


def _in(folder: Path, words: list[str]) -> bytes:
    """Return what an openssl command prints in a folder."""
    done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    assert (words[0], done.returncode) == ("openssl", 0), done.stderr
    return done.stdout


def _armored(content: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(content) + b"-----END CERTIFICATE-----\n"
