# SPDX-License-Identifier: Apache-2.0
import hashlib
import subprocess
from dataclasses import replace

import pytest

from ceremony.core.approval import NAMESPACE, approval_name, approver, missing_approvals, signs_for, statement
from ceremony.errors import VerificationError
from tests.fakes.plans import FILES, pem, read, ssh


def test_the_statement_is_the_plan_and_every_file_that_it_names():
    plan = read()
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in plan.files.items()}
    assert statement(plan).decode() == (
        "ceremony-plan/v1\n"
        f"plan: {hashlib.sha256(plan.source).hexdigest()}\n"
        f"file: {digests['guns.txt']}  guns.txt\n"
        f"file: {digests['keys/alice.pem']}  keys/alice.pem\n"
        f"file: {digests['keys/app.pem']}  keys/app.pem\n"
    )


def test_the_statement_changes_with_the_plan_and_with_each_file():
    plan = read()
    assert statement(read(("acme-root", "acme-r00t"))) != statement(plan)
    for path in plan.files:
        assert statement(read(files={**FILES, path: plan.files[path] + b"\n"})) != statement(plan)


def test_those_of_the_quorum_must_approve():
    assert [person.name for person in signs_for(read())] == ["Sofia", "Sven", "Sam", "Wim"]


def test_an_approval_is_named_after_the_key_whatever_its_comment():
    assert approval_name(ssh(11, "one")) == approval_name(ssh(11, "two")) != approval_name(ssh(12))
    assert len(approval_name(ssh(11))) == len("0123456789abcdef.sig")
    with pytest.raises(VerificationError, match="is not an OpenSSH public key"):
        approval_name("")


@pytest.fixture
def people(tmp_path):
    """Two of the plan's people with keys that ssh-keygen made, and a stranger."""
    keys = {}
    for name in ("Sofia", "Wim", "Stranger"):
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        keys[name] = path
    return keys


@pytest.fixture
def plan(people):
    lines = {name: people[name].with_suffix(".pub").read_text().strip() for name in ("Sofia", "Wim")}
    return read((ssh(12), lines["Sofia"]), (ssh(15), lines["Wim"]))


def signed(path, message, namespace=NAMESPACE):
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", path]
    return subprocess.run(command, input=message, capture_output=True, check=True).stdout


def named(plan, people, name, message):
    line = next(person.key for person in plan.people if person.name == name)
    return {approval_name(line): signed(people[name], message)}


def test_says_who_approved(plan, people):
    assert approver(plan, signed(people["Wim"], statement(plan))).name == "Wim"


@pytest.mark.parametrize(
    ("name", "said", "namespace"),
    [
        pytest.param("Stranger", None, NAMESPACE, id="a stranger"),
        pytest.param("Wim", b"another plan", NAMESPACE, id="another plan"),
        pytest.param("Wim", None, "ceremony-head", id="another namespace"),
    ],
)
def test_refuses_what_nobody_of_the_plan_approved(plan, people, name, said, namespace):
    with pytest.raises(VerificationError, match="key: was made by the key of nobody in the plan") as refused:
        approver(plan, signed(people[name], said or statement(plan), namespace), "key")
    assert refused.value.hint == "people whose keys the plan holds: Ada, Sofia, Sven, Sam, Wim"


def test_refuses_an_approval_of_a_plan_without_keys(plan, people):
    nobody = replace(plan, people=tuple(replace(person, key="") for person in plan.people))
    with pytest.raises(VerificationError, match="nobody in the plan") as refused:
        approver(nobody, signed(people["Wim"], statement(nobody)))
    assert refused.value.hint == "people whose keys the plan holds: none"


def test_says_who_has_not_approved_yet(plan, people):
    approvals = named(plan, people, "Sofia", statement(plan))
    assert [person.name for person in missing_approvals(plan, {})] == ["Sofia", "Sven", "Sam", "Wim"]
    assert [person.name for person in missing_approvals(plan, approvals)] == ["Sven", "Sam", "Wim"]
    approvals |= named(plan, people, "Wim", statement(plan))
    assert [person.name for person in missing_approvals(plan, approvals)] == ["Sven", "Sam"]


def test_refuses_an_approval_from_before_the_plan_or_a_file_changed(plan, people):
    approvals = named(plan, people, "Sofia", statement(plan))
    for changed in (replace(plan, source=plan.source + b"\n"), replace(plan, files={**plan.files, "keys/app.pem": pem(9)})):
        with pytest.raises(VerificationError, match="does not approve this plan as it is now, for Sofia") as refused:
            missing_approvals(changed, approvals)
        assert "has changed since" in refused.value.hint
        assert refused.value.subject in approvals


def test_refuses_an_approval_that_is_named_after_no_key_of_the_plan(plan, people):
    with pytest.raises(VerificationError, match=r"x\.sig: is named after the key of nobody in the plan") as refused:
        missing_approvals(plan, {"x.sig": signed(people["Sofia"], statement(plan))})
    assert refused.value.hint == "set it aside"


ROOTS = {"root.json": b"{}", "keys/a.pem": b"a"}


def test_the_statement_ends_with_what_is_trusted():
    plan = read()
    said = statement(plan, ROOTS)
    digest = hashlib.sha256(
        b"".join(f"{hashlib.sha256(ROOTS[path]).hexdigest()}  {path}\n".encode() for path in ("keys/a.pem", "root.json"))
    ).hexdigest()
    assert said == statement(plan) + f"trusted-root: {digest}\n".encode()
    assert statement(plan, {}) == statement(plan)


@pytest.mark.parametrize(
    "brought",
    [
        pytest.param({**ROOTS, "root.json": b"{ }"}, id="another root"),
        pytest.param({**ROOTS, "more": b""}, id="a file more"),
        pytest.param({"root.json": b"{}"}, id="a file less"),
        pytest.param({}, id="none"),
    ],
)
def test_another_trusted_root_ends_an_approval(plan, people, brought):
    armored = signed(people["Wim"], statement(plan, ROOTS))
    assert approver(plan, armored, trusted=ROOTS).name == "Wim"
    approvals = {approval_name(next(person.key for person in plan.people if person.name == "Wim")): armored}
    assert "Wim" not in [person.name for person in missing_approvals(plan, approvals, ROOTS)]
    with pytest.raises(VerificationError, match="does not approve this plan as it is now, for Wim") as refused:
        missing_approvals(plan, approvals, brought)
    assert "trusted root" in refused.value.hint
