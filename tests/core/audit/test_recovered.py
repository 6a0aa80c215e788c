# SPDX-License-Identifier: Apache-2.0
"""A recovery's folder in an audit: whose backup it was, that its keys are the published ones, proven and locked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

import pytest

from ceremony.core import bundle
from ceremony.core.audit import audit
from ceremony.core.audit.heads import root_keys
from ceremony.core.audit.made import check_slot_certificate, read_made_plan
from ceremony.core.audit.verdict import Level, begin
from ceremony.core.bundle import LOG
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody
from ceremony.errors import ExitCode, Stopped
from tests.core.audit.test_signed_logs import failed, refiled
from tests.core.audit.test_verdict import Records, edit, rechained, result_of, step_made, texts
from tests.fakes import recovery, room
from tests.fakes.device import FakeDevice
from tests.fakes.folder import FakeFolder
from tests.fakes.recovery import after, after_production, key_ids, recovery_plan
from tests.fakes.token import FakeRack
from tests.vectors.known_keys import known


@lru_cache(maxsize=4)
def held(kind: str = "wrapped") -> Mapping[str, bytes]:
    """Return the files of a finished recovery."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        genesis = recovery.held()
        rack = FakeRack(FakeDevice("new-a", kind="yubikey")) if kind == "yubikey" else None
        pins = json.loads(genesis.folder.files[bundle.PINNING])["trust_pinning"]["certs"][recovery.APP]
        trusted = {"untrusted": recovery_plan("new-a"), "pinned": recovery_plan("new-a", trusted_root=" ".join(pins))}
        made = after(genesis, trusted.get(kind), rack=rack)
        assert made.hold() is ExitCode.DONE
    return dict(made.folder.files)


def row(**changes: object):
    """Change what the log says of the restored key."""

    def change(records: Records) -> None:
        made = next(r["body"]["made"] for r in records if r["kind"] == "end" and r["step"] == "restore")
        made["keys"][0].update(changes)

    return change


def without(kind: str, action: str = ""):
    return lambda records: [r for r in records if r["kind"] != kind or (action and r["body"].get("action") != action)]


def serial() -> str:
    return next(path.split("/")[2] for path in held() if path.endswith("challenge.txt"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        pytest.param("wrapped", "signed a challenge, and the trusted root names it", id="wrapped"),
        pytest.param("yubikey", "signed a challenge, and the trusted root names it", id="on a YubiKey"),
        pytest.param("pinned", "signed a challenge, and the trusted root names it", id="by the key id of a certificate"),
        pytest.param("untrusted", "nothing outside the backup says that its root keys are the published ones", id="no trusted root"),
    ],
)  # fmt: skip
def test_a_recovery_verifies_and_says_what_it_rests_on(kind, said):
    result = audit(FakeFolder(files=dict(held(kind))))
    assert result.verdict is ExitCode.DONE
    assert said in texts(result)
    assert f"is that of ceremony {room.CEREMONY}, whose log has the SHA-256" in texts(result)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(without("backup-opened"), "does not say whose backup was opened", id="no backup was opened"),
        pytest.param(edit("backup-opened", ceremony="dd" * 16), "or says two things", id="another ceremony's"),
        pytest.param(edit("backup-opened", roots=[]), "or says two things", id="other keys"),
        pytest.param(step_made("open-backup"), "does not say whose backup was opened", id="nothing was opened"),
        pytest.param(row(token="new-b"), "are not on the tokens of the plan, one each", id="another token of the plan"),
        pytest.param(row(serial="0"), "its token is not among those that were put in", id="another device"),
        pytest.param(step_made("restore"), "is closed and names no root key", id="nothing was restored"),
        pytest.param(without("result", "restore-key"), "there is no result of restore-key", id="never restored"),
        pytest.param(without("result", "challenge"), "there is no result of challenge", id="never proven"),
        pytest.param(without("intent", "restore-key"), "is the result of restore-key", id="restored unannounced"),
        pytest.param(result_of("restore-key", public_sha256="00"), "another key came to the token", id="another key"),
        pytest.param(result_of("challenge", signature="AAAA"), "is not the signature, or not over the challenge", id="another proof"),
        pytest.param(without("result", "lock-key"), "it was not locked", id="never locked"),
        pytest.param(result_of("lock-key", attributes={"extractable": True}), "it was not locked", id="locked in vain"),
        pytest.param(without("restored"), "volume b was not restored before the restored keys were kept", id="no drill"),
        pytest.param(without("end", ""), "step restore never ended", id="no step ended"),
    ],
)  # fmt: skip
def test_a_log_that_tells_of_another_recovery_fails(change, said):
    failed(rechained(change, held()), said)


def test_a_key_that_was_not_in_the_backup_fails():
    def change(records: Records) -> None:
        other = known(Algorithm.ECDSA_P256).public.sha256
        body = next(r["body"] for r in records if r["kind"] == "backup-opened")
        made = next(r["body"]["made"] for r in records if r["kind"] == "end" and r["step"] == "open-backup")
        made["roots"][0]["sha256"], body["roots"] = other, [other]

    failed(rechained(change, held()), "it was not in the backup that was opened")


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        pytest.param("public.pem", known(Algorithm.ECDSA_P256).public.pem, "is not the root key that the log names", id="public half"),
        pytest.param("challenge.txt", b"x\n", "is not the challenge over a head of this log", id="challenge"),
        pytest.param("challenge.sig", b"x", "is no signature as openssl writes it", id="signature"),
    ],
)  # fmt: skip
def test_evidence_that_is_not_that_of_the_restored_key_fails(path, data, said):
    failed(refiled({bundle.token_evidence(serial(), path): data}, base=held()), said)


def slot_certificate() -> str:
    """Return the path of the certificate in the slot of the recovery's YubiKey."""
    return next(path for path in held("yubikey") if path.endswith("/certificate.pem"))


@pytest.mark.parametrize(
    ("files", "change", "said"),
    [
        pytest.param({}, without("result", "store-certificate"), "no certificate for root was kept in its slot", id="never kept"),
        pytest.param({slot_certificate: None}, None, "no certificate for root was kept in its slot", id="not in the evidence"),
        pytest.param({slot_certificate: b"x"}, None, "certificate.pem: does not hold", id="none at all"),
        pytest.param({}, result_of("store-certificate", sha256="00"), "or not the one that was kept in the slot", id="another one"),
    ],
)  # fmt: skip
def test_a_certificate_in_the_slot_that_is_not_that_of_this_recovery_fails(files, change, said):
    changed = {path(): data for path, data in files.items()}
    failed(refiled(changed, change or (lambda _: None), base=held("yubikey")), said)


@pytest.mark.parametrize(
    "utc",
    [
        pytest.param("2031-01-01T00:00:00+00:00", id="another day"),
        pytest.param("9999-01-01T00:00:00+00:00", id="no year is ten years later"),
        pytest.param("0001-01-01T00:00:00+14:00", id="before all time"),
        pytest.param("noon", id="no time"),
    ],
)
def test_a_certificate_in_the_slot_must_be_of_the_day_that_the_log_names(utc):
    audited = begin(FakeFolder(files=dict(held("yubikey"))))
    ((serial, public),) = root_keys(audited).items()
    plan = read_made_plan(audited)
    check_slot_certificate(audited, plan, serial, public)
    assert audited.findings == []
    audited.past.opened["utc"] = utc
    check_slot_certificate(audited, plan, serial, public)
    (finding,) = audited.findings
    assert (finding.level, finding.subject) == (Level.FAILED, slot_certificate())
    assert finding.text.startswith("does not hold: ")


def test_a_key_that_was_not_proven_yet_needs_no_certificate_in_its_slot():
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        made = after(recovery.held(), rack=FakeRack(FakeDevice("new-a", kind="yubikey")))
        made.operator.stop_at = "check:prove"
        with pytest.raises(Stopped):
            made.hold()
    result = audit(made.folder)
    assert result.verdict is ExitCode.INCOMPLETE
    assert "FAILED" not in texts(result)


def test_metadata_has_no_place_in_a_recovery():
    failed(
        refiled({"bundle/tuf/docker.io/acme/app/metadata/root.json": b"{}"}, base=held()),
        "has metadata in the bundle, and a recovery signs none",
    )


def test_a_trusted_root_that_the_first_record_does_not_bind_fails():
    failed(refiled({f"{bundle.TRUSTED_ROOT}root.json": b"{}"}, base=held()), "is not what the first record binds")
    failed(refiled({f"{bundle.TRUSTED_ROOT}root.json": b"{}"}, base=held()), "does not hold what the plan trusts")


def test_a_root_that_the_trusted_root_does_not_name_fails():
    other = known(Algorithm.ECDSA_P256).public.pem
    failed(refiled({f"{bundle.TRUSTED_ROOT}other.pem": other}, base=held()), "is not one that the trusted root names")


@pytest.mark.parametrize("data", [None, b"", b"\xff", b"-----BEGIN CERTIFICATE-----\n"], ids=["none", "empty", "no text", "half"])
def test_a_key_id_of_a_certificate_that_is_not_in_the_evidence_names_nothing(data):
    (path,) = (path for path in held("pinned") if path.startswith(bundle.ROOT_CERTIFICATES))
    files = {name: found for name, found in {**held("pinned"), path: data}.items() if found is not None}
    failed(audit(FakeFolder(files=files)), "is not one that the trusted root names")


def test_a_production_without_a_trusted_root_fails():
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        genesis = recovery.held_in_production()
        made = after_production(genesis, key_ids(genesis))
        assert made.hold() is ExitCode.DONE
        bare = after_production(genesis, "")
    files = {**made.folder.files, bundle.PLAN: bare.plan.source}
    failed(audit(FakeFolder(files=files)), "is not in the folder: nothing outside the backup says")


def test_a_recovery_that_has_not_come_to_its_keys_is_incomplete_and_nothing_else():
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        made = after(recovery.held(custody=Custody.IMPORTED))
        made.operator.stop_at = "restore:new-a"
        with pytest.raises(Stopped):
            made.hold()
    result = audit(made.folder)
    assert result.verdict is ExitCode.INCOMPLETE
    assert "FAILED" not in texts(result)


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, {"x": 1}, [[1]], True])
def test_no_body_of_any_type_is_more_than_a_finding(junk):
    bodies = [json.loads(line)["body"] for line in held()[LOG].splitlines()]
    for at in (at for at, body in enumerate(bodies) if body):

        def change(records: Records, at: int = at) -> None:
            body = records[at]["body"]
            for name in list(body):
                body[name] = junk

        assert rechained(change, held()).verdict is not ExitCode.DONE
