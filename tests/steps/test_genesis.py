# SPDX-License-Identifier: Apache-2.0
"""Whole genesis ceremonies in memory, over what a plan can ask for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ceremony.core import backup, keys, software_key
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, KeyPlan, Mode, RootPlan, SignerPlan, Source
from ceremony.core.ports import Check, Deviation
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.host import FakeHost
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import fake_rack

APP, CLI, WEB = "docker.io/acme/app", "reg.example:5000/tools/cli", "docker.io/acme/web"
FILES = {
    "keys/app.pem": software_key.make(Algorithm.ECDSA_P256).public.pem,
    "keys/alice.pem": software_key.make(Algorithm.ED25519).public.pem,
}
BY_FILE = KeyPlan(Source.FILE, path="keys/app.pem")
ROOTS = ("root-a", "root-b", "root-c")


def wrapped(*tokens: str, threshold: int = 1, **changes: object) -> RootPlan:
    return replace(RootPlan(Algorithm.ECDSA_P256, tokens, threshold, Custody.TOKEN_WRAPPED), **changes)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(plan(repository(APP)), id="one repository, one wrapped root"),
        pytest.param(plan(repository(APP), repository(CLI), root=wrapped(*ROOTS, threshold=2)), id="2 of 3, a port in a name"),
        pytest.param(
            plan(repository(APP), repository(WEB), root=wrapped("root-a", certificate="docker.io/acme/*")), id="a prefix"
        ),
        pytest.param(
            plan(repository(APP), root=wrapped("root-a", "root-b", custody=Custody.TOKEN_ONLY)), id="token-only, one to spare"
        ),
        pytest.param(plan(repository(APP), root=wrapped("root-a", algorithm=Algorithm.ECDSA_P384)), id="P-384"),
        pytest.param(plan(repository(APP), root=wrapped("root-a", algorithm=Algorithm.RSA_3072)), id="RSA-3072"),
        pytest.param(
            plan(repository(APP, targets=BY_FILE), files=FILES), id="only a team's own key: nothing to back up but the root"
        ),
        pytest.param(
            plan(repository(APP, targets=BY_FILE), files=FILES, root=wrapped("root-a", "root-b", custody=Custody.TOKEN_ONLY)),
            id="nothing at all to back up",
        ),
        pytest.param(
            plan(
                repository(APP, signers=(SignerPlan("alice", "keys/alice.pem"),)), repository(CLI, targets=BY_FILE), files=FILES
            ),
            id="a signer, and a team's own key",
        ),
        pytest.param(
            plan(repository(APP, targets=KeyPlan(Source.GENERATE, algorithm=Algorithm.ED25519))),
            id="Ed25519, delivered to nobody",
        ),
        pytest.param(plan(repository(APP, snapshot=BY_FILE, timestamp=BY_FILE), files=FILES), id="online keys from files"),
    ],
)
def test_a_genesis_ends_with_a_folder_that_audits(made):
    ceremony = Ceremony(plan=made)
    assert ceremony.hold() is ExitCode.DONE
    result = audit(ceremony.folder)
    assert [finding for finding in result.findings if finding.level is not Level.OK] == []


def test_production_leaves_no_more_than_practice_and_wants_an_anchor_from_outside():
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    ceremony = Ceremony(mode=Mode.PRODUCTION, media=media, rack=fake_rack("root-a", software=False))
    assert ceremony.hold() is ExitCode.DONE
    assert not [name for name in ceremony.folder.files if "secret" in name]
    result = audit(ceremony.folder)
    assert result.verdict is ExitCode.INCOMPLETE
    assert [f.subject for f in result.findings if f.level is not Level.OK] == ["mode"]
    certificate = ceremony.folder.files[next(n for n in ceremony.folder.files if n.startswith("bundle/keys/"))]
    assert b"CERTIFICATE" in certificate


def test_the_team_opens_its_delivery_and_finds_the_key_that_signed():
    identity, recipient = backup.make_protector()
    ceremony = Ceremony(plan=plan(repository(APP, targets=KeyPlan(Source.GENERATE, deliver_to=recipient))))
    ceremony.hold()
    delivered = ceremony.folder.files[f"deliver/{APP}/targets.key.age"]
    key = ceremony.room().dialect.read_delivery(backup.decrypt(delivered, identity, "delivery"), "delivery")
    root = json.loads(ceremony.folder.files[f"bundle/tuf/{APP}/metadata/root.json"])
    assert root["signed"]["roles"]["targets"]["keyids"] == [ceremony.room().dialect.key_id(key.public)]


def test_the_volumes_carry_the_log_byte_for_byte_and_the_same_tar_as_the_courier():
    ceremony = Ceremony()
    ceremony.hold()
    a, b, courier = (ceremony.media.volumes[role].files for role in ("a", "b", "courier"))
    folder = next(iter(a)).split("/", 1)[0]
    assert a[f"{folder}/{LOG}"] == b[f"{folder}/{LOG}"] == ceremony.folder.files[LOG]
    assert a[f"{folder}/{folder}.tar"] == b[f"{folder}/{folder}.tar"] == courier[f"{folder}.tar"]
    assert sorted(courier) == [f"{folder}.tar", f"{folder}.tar.sha256"]


def test_nothing_secret_is_in_the_folder_the_log_or_what_people_saw_and_the_log_names_no_length():
    ceremony = Ceremony(plan=plan(repository(APP), repository(CLI)))
    ceremony.hold()
    passphrase = ceremony.operator.shown["passphrase"].encode()
    everything = (
        b"".join(ceremony.folder.files.values()) + "\n".join(ceremony.operator.told).encode() + b"".join(ceremony.operator.lines)
    )
    everything += repr(ceremony.operator.asked).encode()
    for secret in (
        passphrase,
        passphrase.split(b" ", 4)[0] + b" " + passphrase.split(b" ", 4)[1],
        b"PRIVATE KEY",
        b"AGE-SECRET-KEY",
        b"123456\n",
    ):
        assert secret not in everything


def test_a_failed_check_is_a_warning_in_practice_and_stands_in_the_log():
    swap = Check("swap", passed=False, saw="/dev/sda2 is in use", hint="swapoff -a")
    ceremony = Ceremony(host=FakeHost([swap]))
    assert ceremony.hold() is ExitCode.DONE
    assert "swap: /dev/sda2 is in use. swapoff -a" in ceremony.operator.told
    assert {"name": "swap", "saw": "/dev/sda2 is in use", "hint": "swapoff -a"} in ceremony.bodies("check")


def test_a_person_without_a_key_here_types_their_name_in_practice():
    ceremony = Ceremony()
    ceremony.cosigner.absent = {"Ada"}
    assert ceremony.hold() is ExitCode.DONE
    assert {"name": "Ada", "role": "administrator", "how": "typed name"} in ceremony.bodies("roll-call")


def test_without_the_quorum_s_signatures_it_ends_incomplete_and_a_resume_completes_it():
    ceremony = Ceremony()
    ceremony.operator.answers["compare:head"] = lambda _: ceremony.cosigner.absent.add("Wim") or True
    assert ceremony.hold() is ExitCode.INCOMPLETE
    assert audit(ceremony.folder).verdict is ExitCode.INCOMPLETE
    ceremony.cosigner.absent.clear()
    ceremony.operator.answers.clear()
    assert ceremony.resume() is ExitCode.DONE
    assert audit(ceremony.folder).verdict is ExitCode.DONE


def test_deviations_and_answers_stand_in_the_log():
    ceremony = Ceremony()
    ceremony.operator.note(Deviation("a fresh stick", "an old one", "went on", "Wim"))
    ceremony.operator.answers["answer:Wim"] = "do-not-agree"
    ceremony.operator.answers["reason:Wim"] = "the door stood open"
    ceremony.hold()
    assert ceremony.bodies("deviation") == [{"expected": "a fresh stick", "happened": "an old one", "decided": "went on"}]
    assert ceremony.bodies("close")[0]["answers"] == {"Ada": "agree", "Sam": "agree", "Wim": "do-not-agree"}
    assert "the door stood open" in [body.get("reason") for body in ceremony.bodies("result")]


def test_a_person_without_any_key_does_not_sign_the_head():
    ceremony = Ceremony()
    ceremony.people = tuple(replace(p, key="") if p.name == "Ada" else p for p in ceremony.people)
    ceremony.cosigner.absent = {"Ada"}
    assert ceremony.hold() is ExitCode.DONE
    assert ("Ada", "ceremony-head") not in ceremony.cosigner.signed


def test_the_root_backup_restores_the_very_key_that_signed():
    ceremony = Ceremony()
    ceremony.hold()
    files = ceremony.media.volumes["b"].files
    identity = files[next(n for n in files if n.endswith("identity.age"))].split(b"\n", 2)[2]
    sealed = files[next(n for n in files if "/root-" in n)]
    _, contents = backup.unpack(backup.decrypt(sealed, Secret(identity), "backup"), "backup")
    wrapping = Secret(bytes.fromhex(contents[backup.WRAPPING_KEY].decode()))
    restored = backup.unwrap(contents[backup.WRAPPED], wrapping, "backup")
    signature = restored.sign(keys.Scheme.ECDSA_SHA256, b"it is I")
    keys.verify(ceremony.rack.devices["root-a"].keys[0].shown.public, keys.Scheme.ECDSA_SHA256, b"it is I", signature)
