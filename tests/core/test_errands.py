# SPDX-License-Identifier: Apache-2.0
"""What is left to do after a ceremony: for each person by name, by what the plan says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.errands import errands
from ceremony.core.plan import BackupPlan, Custody, KeyPlan, Person, Role, Source
from tests.fakes.recovery import recovery_plan
from tests.fakes.room import PEOPLE, plan, repository

EVERYBODY = [person.name for person in PEOPLE]
WRAPPED = plan()
ALONE = replace(WRAPPED, root=replace(WRAPPED.root, custody=Custody.TOKEN_ONLY, tokens=("root-a",)))
THREE = replace(WRAPPED, root=replace(WRAPPED.root, tokens=("a", "b", "c")))
BROUGHT = plan(
    *[repository(f"docker.io/acme/{n}", targets=KeyPlan(Source.FILE, path="k.pem")) for n in "ab"], files={"k.pem": b""}
)
ONE_BROUGHT = plan(repository("docker.io/acme/a", targets=KeyPlan(Source.FILE, path="k.pem")), files={"k.pem": b""})
AUDITED = replace(
    WRAPPED, people=(*PEOPLE, Person("Aud", Role.AUDITOR, "Auditors", ""), Person("Opa", Role.OPERATOR, "Acme", ""))
)

SPLIT = replace(
    WRAPPED,
    backup=BackupPlan("shares", 3, 4),
    people=(*PEOPLE, *(Person(name, Role.CUSTODIAN, "Acme", "") for name in ("Cara", "Cleo", "Cody", "Cyra", "Cuno"))),
)


@pytest.mark.parametrize(
    ("planned", "signed", "practice", "person", "said"),
    [
        pytest.param(WRAPPED, EVERYBODY, False, "Ada", "ceremony publish", id="the courier is carried out"),
        pytest.param(WRAPPED, EVERYBODY, True, "Ada", "a practice goes to no other", id="a practice is not published"),
        pytest.param(WRAPPED, EVERYBODY, False, "Ada", "Switch this computer off", id="memory is emptied"),
        pytest.param(WRAPPED, EVERYBODY, False, "Ada", "Give each team its file", id="keys are delivered"),
        pytest.param(BROUGHT, EVERYBODY, False, "Ada", "the teams of 2 repositories", id="teams with keys of their own are told"),
        pytest.param(ONE_BROUGHT, EVERYBODY, False, "Ada", "the team of one repository that keeps its own", id="one such team"),
        pytest.param(WRAPPED, EVERYBODY, False, "Sam", "Seal the token and bring it", id="one token"),
        pytest.param(THREE, EVERYBODY, False, "Sam", "Seal the 3 tokens and bring each", id="several tokens"),
        pytest.param(WRAPPED, EVERYBODY, False, "Sam", "no volume is kept where a token is", id="wrapped custody"),
        pytest.param(WRAPPED, EVERYBODY, False, "Sam", "Keep the paper", id="security officers are custodians"),
        pytest.param(SPLIT, EVERYBODY, False, "Cara", "Keep the paper with share 1 apart", id="who keeps the first share"),
        pytest.param(SPLIT, EVERYBODY, False, "Cyra", "Keep the paper with share 4 apart", id="who keeps the last share"),
        pytest.param(SPLIT, EVERYBODY, False, "Cleo", "once a year with 2 of the others", id="as many as are needed try it"),
        pytest.param(SPLIT, EVERYBODY, False, "Sam", "with 3 shares it gives the root key", id="wrapped custody, shares"),
        pytest.param(WRAPPED, EVERYBODY, False, "Wim", "Keep the words of the final head", id="the witness"),
        pytest.param(recovery_plan("x", "y"), EVERYBODY, False, "Sam", "Seal the 2 tokens", id="a recovery's tokens"),
        pytest.param(
            recovery_plan("x"), EVERYBODY, False, "Sam", "no volume is kept where a token is", id="a recovery's volumes"
        ),
        pytest.param(recovery_plan("x"), EVERYBODY, False, "Ada", "Keep the old volumes", id="the old volumes"),
        pytest.param(recovery_plan("x"), EVERYBODY, True, "Ada", "There is nothing to publish", id="nothing to publish"),
        pytest.param(
            WRAPPED, ["Ada", "Sam"], False, "Wim", "Sign the final head", id="an independent witness who has not signed"
        ),
        pytest.param(AUDITED, EVERYBODY, False, "Aud", "ceremony audit", id="the auditor"),
    ],
)
def test_says_what_a_person_does(planned, signed, practice, person, said):
    tasks = {errand.person: errand.tasks for errand in errands(planned, signed=signed, practice=practice)}
    assert any(said in task for task in tasks[person]), tasks[person]


@pytest.mark.parametrize(
    ("planned", "signed", "person", "unsaid"),
    [
        pytest.param(ALONE, EVERYBODY, "Sam", "no volume is kept", id="a token-only root is on no volume"),
        pytest.param(BROUGHT, EVERYBODY, "Ada", "Give each team", id="nothing is delivered when nothing is made"),
        pytest.param(WRAPPED, EVERYBODY, "Wim", "Sign the final head", id="who signed need not sign again"),
        pytest.param(WRAPPED, [], "Ada", "Sign the final head", id="whom the quorum does not count need not sign"),
    ],
)
def test_says_nothing_that_is_not_to_be_done(planned, signed, person, unsaid):
    tasks = {errand.person: errand.tasks for errand in errands(planned, signed=signed, practice=False)}
    assert not [task for task in tasks[person] if unsaid in task]


@pytest.mark.parametrize(
    ("planned", "person"),
    [pytest.param(AUDITED, "Opa", id="an operator"), pytest.param(SPLIT, "Cuno", id="a custodian without a share")],
)
def test_who_has_nothing_to_do_is_not_named(planned, person):
    assert person not in {errand.person for errand in errands(planned, signed=EVERYBODY, practice=False)}


def test_nobody_keeps_a_paper_where_nothing_is_backed_up():
    bare = replace(WRAPPED, backup=BackupPlan(""))
    assert not [task for errand in errands(bare, signed=EVERYBODY, practice=False) for task in errand.tasks if "paper" in task]
