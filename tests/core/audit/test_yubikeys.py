# SPDX-License-Identifier: Apache-2.0
"""Whole ceremonies on YubiKeys in memory, as they are and with one thing changed: whatever was changed is a finding with its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import pytest

from ceremony.core import bundle
from ceremony.core.audit import audit
from ceremony.core.audit.attested import PIECES
from ceremony.core.audit.verdict import Audited, Level
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, RootPlan
from ceremony.errors import ExitCode
from tests.core.attestation.chains import yubico_files
from tests.core.audit.test_verdict import Records, edit, rechained, texts
from tests.fakes import room
from tests.fakes.folder import FakeFolder
from tests.fakes.piv import yubikey_rack
from tests.fakes.room import Ceremony, fast_seal, plan, repository

__all__ = ["fast_seal"]

TOKENS = ("root-a", "root-b", "root-c")
DEVICES = (
    "set-tries",
    "set-pin",
    "set-puk",
    "set-management-key",
    "generate-key",
    "challenge",
    "certify-slot",
    "store-certificate",
)
CERTIFICATE = "certificate.pem"


@lru_cache(maxsize=3)
def held(custody: Custody = Custody.TOKEN_ONLY, algorithm: Algorithm = Algorithm.ECDSA_P256) -> Mapping[str, bytes]:
    """Return the files of a finished ceremony on three YubiKeys."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        made = plan(repository("docker.io/acme/app"), root=RootPlan(algorithm, TOKENS, 2, custody))
        ceremony = Ceremony(plan=made, rack=yubikey_rack(*TOKENS))
        assert ceremony.hold() is ExitCode.DONE
    return dict(ceremony.folder.files)


def serials() -> list[str]:
    """Return the serials of the YubiKeys, sorted."""
    return sorted({path.split("/")[2] for path in held() if path.startswith("evidence/tokens/")})


def piece(name: str, serial: str = "") -> str:
    return bundle.token_evidence(serial or serials()[0], name)


def faults(result: Audited, serial: str = "") -> list[str]:
    """Return what failed; of one token, what failed about it."""
    assert result.verdict is ExitCode.FAILED, texts(result)
    found = [f"{finding.subject}: {finding.text}" for finding in result.findings if finding.level is Level.FAILED]
    return [text for text in found if text.startswith(f"token {serial}" if serial else "")]


def spoiled(files: Mapping[str, bytes | None], serial: str = "") -> list[str]:
    """Return the faults of a folder with other files, and the same log."""
    changed = {**held(), **files}
    return faults(audit(FakeFolder(files={path: data for path, data in changed.items() if data is not None})), serial)


def bent(change: Callable[[Records], Records | None], serial: str = "") -> list[str]:
    """Return the faults of a folder with other records."""
    return faults(rechained(change, held()), serial)


def about(kind: str, serial: str = "", action: str = "", **changes: object) -> Callable[[Records], None]:
    """Return a change of the records of a kind about the first YubiKey."""

    def change(records: Records) -> None:
        for record in records:
            body = record["body"]
            named = (serial or first()) in (body.get("token"), body.get("serial"), body.get("key"))
            if record["kind"] == kind and named and body.get("action", "") == action:
                body.update(changes)

    return change


# --- as they are ------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072])
def test_a_ceremony_on_yubikeys_verifies_and_each_key_is_said_to_be_attested(algorithm):
    result = audit(FakeFolder(files=dict(held(algorithm=algorithm))))
    assert result.verdict is ExitCode.DONE, texts(result)
    told = {finding.subject: finding.text for finding in result.findings if finding.subject.startswith("token ")}
    assert told == dict.fromkeys(
        [f"token {serial}" for serial in serials()],
        "its root key was made in its slot 9c, firmware 5.7.4, attested under Test Root 1, which is not Yubico's: practice only",
    )


def test_a_ceremony_that_imported_its_keys_verifies_and_says_so():
    result = audit(FakeFolder(files=dict(held(Custody.IMPORTED))))
    assert result.verdict is ExitCode.DONE, texts(result)
    told = [finding.text for finding in result.findings if finding.subject.startswith("token ")]
    assert told == ["its root key is not attested: it was made on the host"] * 3


# --- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_that_is_gone_is_named(name):
    assert spoiled({piece(name): None}, serials()[0]) == [
        f"token {serials()[0]}: nothing shows where its root key was made: there is no {name}"
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("public.pem", "public.pem: is not the root key that the log names", id="public key"),
        pytest.param(bundle.ATTESTATION, "attestation statement: its serial is {1}, not {0}", id="attestation"),
        pytest.param(bundle.CHALLENGE, "challenge.txt: is not the challenge over a head of this log", id="challenge"),
        pytest.param(bundle.CHALLENGE_SIGNATURE, "challenge.sig: does not verify with key", id="signature"),
    ],
)
def test_a_piece_of_another_yubikey_is_named(name, said):
    one, other, *_ = serials()
    (fault,) = spoiled({piece(name): held()[piece(name, other)]}, one)
    assert fault.startswith(f"token {one}: its root key is not shown to be made on it: ")
    assert said.format(one, other) in fault


@pytest.mark.parametrize("name", [bundle.DEVICE, bundle.AUTHORITIES])
def test_yubikeys_of_one_batch_have_the_same_device_certificate_and_authorities(name):
    one, other, *_ = serials()
    assert held()[piece(name, one)] == held()[piece(name, other)]


@pytest.mark.parametrize("name", PIECES)
def test_no_byte_of_a_piece_is_changed_without_a_finding_about_its_token(name):
    data = held()[piece(name)]
    for at in range(0, len(data), max(1, len(data) // 12)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert len(spoiled({piece(name): changed}, serials()[0])) == 1, at


def test_the_pieces_of_two_yubikeys_swapped_are_findings_for_both():
    one, other, third = serials()
    files = {piece(name, a): held()[piece(name, b)] for name in PIECES for a, b in ((one, other), (other, one))}
    assert len(spoiled(files, one)) == len(spoiled(files, other)) == 1
    assert spoiled(files, third) == []


def test_other_authorities_than_the_first_record_binds_are_findings():
    (path,) = [path for path in held() if path.startswith(bundle.YUBICO_ROOTS)]
    found = spoiled({path: b"".join(yubico_files().values())})
    assert f"{path}: is not the one that the first record binds" in found
    assert len([text for text in found if "which is no pinned authority for PIV devices" in text]) == 3


def test_one_more_file_of_authorities_is_a_finding():
    path = f"{bundle.YUBICO_ROOTS}more.pem"
    assert f"{path}: is not among those that the first record binds" in spoiled({path: yubico_files()["yubico-ca-1.pem"]})


def test_authorities_that_are_gone_are_a_finding():
    (path,) = [path for path in held() if path.startswith(bundle.YUBICO_ROOTS)]
    assert (
        "evidence/yubico-roots/: does not hold what the attestations are verified with: "
        "yubico-roots: none of the pinned Yubico roots is there"
    ) in spoiled({path: None})


# --- records -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(edit("attested", slot="9a"), "its slot is 9a, and the attestation says 9c", id="slot"),
        pytest.param(edit("attested", pinned=True), "its pinned is True, and the attestation says False", id="pinned"),
        pytest.param(edit("attested", serial="1"), "there is no record that it was attested", id="another serial"),
        pytest.param(about("intent", action="generate-key", slot_empty=False), "slot 9c was not recorded empty", id="occupied"),
        pytest.param(about("standing", certificates=["9c"]), "slot 9c was not recorded empty before", id="a certificate in it"),
        pytest.param(about("standing", factory=["PUK"]), "did not keep the factory's PUK", id="a factory PUK"),
        pytest.param(about("firmware", decision="refuse"), "its firmware was refused", id="firmware"),
        pytest.param(about("firmware", decision="deviation"), "no two people took it as a deviation", id="deviation"),
        pytest.param(about("result", action="challenge", signature="AA=="), "not over the challenge, that the log", id="signature"),
    ],
)  # fmt: skip
def test_a_record_that_says_something_else_is_named(change, said):
    (fault,) = bent(change, first())
    assert said in fault


def test_every_record_before_the_challenge_is_bound_by_what_the_key_signed():
    for serial in serials():
        (fault,) = bent(lambda records: records[3]["body"].update(more=1), serial)
        assert fault.endswith("challenge.txt: is not the challenge over a head of this log, this token and its key")


@pytest.mark.parametrize("action", DEVICES)
def test_an_act_on_a_device_that_was_not_announced_is_named(action):
    def change(records: Records) -> Records:
        return [r for r in records if not (r["kind"] == "intent" and r["body"]["action"] == action)]

    found = [text for text in bent(change) if "which was not announced" in text]
    assert len(found) == 3
    assert all(f"is the result of {action} " in text for text in found)


def test_a_production_takes_no_authority_but_yubicos():
    found = bent(edit("open", mode="production"))
    assert any("evidence/yubico-roots/: does not hold what the attestations are verified with" in text for text in found)


def test_a_key_of_custody_imported_is_the_one_that_was_put_on_its_token():
    def change(records: Records) -> None:
        next(r["body"] for r in records if r["kind"] == "result" and r["body"]["action"] == "import-key")["public_sha256"] = (
            "0" * 64
        )

    found = faults(rechained(change, held(Custody.IMPORTED)))
    assert any(text.endswith("its root key is not the one that was put on it") for text in found)


# --- the certificate in the slot --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(lambda: None, "no certificate for root was kept in its slot, or it is not in the evidence", id="gone"),
        pytest.param(lambda: b"none", "certificate.pem: does not hold: ", id="no certificate"),
        pytest.param(lambda: held()[piece(CERTIFICATE, serials()[1])], "certificate.pem: does not hold: ", id="another token's"),
        pytest.param(lambda: held()[piece(bundle.DEVICE)], "certificate.pem: does not hold: ", id="another kind"),
    ],
)
def test_another_certificate_in_the_evidence_is_named(data, said):
    assert any(said in text for text in spoiled({piece(CERTIFICATE): data()}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(about("result", action="store-certificate", sha256="0" * 64), "is not the certificate for root", id="another"),
        pytest.param(edit("open", utc="yesterday"), "does not hold: Invalid isoformat string", id="no time"),
        pytest.param(lambda r: [x for x in r if x["body"].get("action") != "store-certificate"], "no certificate for root", id="none"),
        pytest.param(edit("open", mode="production"), "certificate.pem: does not hold: ", id="marked as practice"),
    ],
)  # fmt: skip
def test_a_record_of_another_certificate_is_named(change, said):
    assert any(said in text for text in bent(change))


def test_the_certificate_of_an_rsa_key_is_checked_too():
    found = faults(
        audit(FakeFolder(files={**held(algorithm=Algorithm.RSA_3072), piece(CERTIFICATE): held()[piece(CERTIFICATE)]}))
    )
    assert any("certificate.pem: does not hold" in text for text in found)


@lru_cache(maxsize=1)
def first() -> str:
    """Return the serial of the token that the plan names first."""
    recorded = audit(FakeFolder(files=dict(held()))).past.ended["tokens"]["tokens"]
    return str(recorded[TOKENS[0]]["serial"])
