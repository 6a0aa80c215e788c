# SPDX-License-Identifier: Apache-2.0
"""What is left to do after a ceremony: for each person by name, by what the plan says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.custody_list import Taken, Thing, What
from ceremony.core.errands import errands
from ceremony.core.plan import BackupPlan, Custody, KeyPlan, Person, Role, Source
from tests.fakes.fleet import APP, TEAM, changing_plan
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
LONGER = changing_plan("renewal", expires={"root": "2046-11-19T00:00:00Z"})
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
        pytest.param(LONGER, EVERYBODY, "Sam", "Keep the paper", id="no secret is made where no key is"),
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


DAYS = {"root": "2035-06-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z"}
RENEWAL = changing_plan("renewal", expires={"root": DAYS["root"]}, backed_up=False)
CERTIFIED = changing_plan("renewal", expires=DAYS, backed_up=False)
NEW = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-x"], "threshold": 1, "custody": "token-only"}
NEW_ROOT = changing_plan("rotation", new=NEW, expires=DAYS, backed_up=False)
STOLEN = changing_plan("rotation", compromised={"keys": ["ab" * 32], "reason": "stolen", "deliver-to": TEAM})
TO_EACH = changing_plan(
    "rotation",
    compromised={"keys": ["ab" * 32], "reason": "stolen"},
    repositories=[{"name": APP, "targets": {"source": "file", "path": "k.pem"}}],
    files={"k.pem": b""},
    backed_up=False,
)
PINS, TEAMS, OWN = "`bundle/trust-pinning.json`", "Give each team its file", "the team of one repository that keeps its own"


@pytest.mark.parametrize(
    ("planned", "said", "unsaid"),
    [
        pytest.param(RENEWAL, ["`ceremony publish`"], [PINS, TEAMS, OWN, "left-out.json"], id="a renewal of the root"),
        pytest.param(CERTIFIED, [PINS], [TEAMS], id="a renewal of certificates"),
        pytest.param(NEW_ROOT, [PINS], [TEAMS], id="a new root"),
        pytest.param(STOLEN, [TEAMS], [PINS, OWN], id="a stolen key"),
        pytest.param(TO_EACH, [OWN], [PINS, TEAMS], id="a team that brings its key"),
    ],
)
def test_says_what_is_to_be_done_with_what_changes(planned, said, unsaid):
    tasks = {errand.person: errand.tasks for errand in errands(planned, signed=EVERYBODY, practice=False)}
    text = " ".join(tasks["Ada"])
    assert [one for one in said if one not in text] == []
    assert [one for one in unsaid if one in text] == []


@pytest.mark.parametrize(
    ("count", "said"),
    [
        pytest.param(1, "Nothing was signed for one repository: `evidence/left-out.json` says why.", id="one"),
        pytest.param(1200, "Nothing was signed for 1,200 repositories:", id="many"),
    ],
)
def test_what_was_left_out_is_fetched_again(count, said):
    tasks = {errand.person: errand.tasks for errand in errands(STOLEN, signed=EVERYBODY, practice=False, left_out=count)}
    assert any(task.startswith(said) and "Fetch again, and hold another ceremony." in task for task in tasks["Ada"])


@pytest.mark.parametrize(
    ("planned", "said"),
    [
        pytest.param(RENEWAL, "Seal the token and bring it to its own safe.", id="the one that signed"),
        pytest.param(NEW_ROOT, "Seal the 2 tokens and bring each to its own safe.", id="the one that signed and the new one"),
    ],
)
def test_every_token_goes_to_its_safe(planned, said):
    tasks = {errand.person: errand.tasks for errand in errands(planned, signed=EVERYBODY, practice=False)}
    assert said in tasks["Sam"]
    assert not [task for task in tasks["Sam"] if "no volume is kept" in task]


def test_whoever_takes_a_thing_is_reminded_of_it():
    taken = [
        Taken(Thing(What.TOKEN, "root-a", "5f3c"), "Wim", "17"),
        Taken(Thing(What.VOLUME, "a", "Fa"), "Ada", "18"),
        Taken(Thing(What.COURIER, "courier", "Fc"), "Wim", ""),
    ]
    tasks = {errand.person: errand.tasks for errand in errands(WRAPPED, signed=EVERYBODY, practice=False, custody=taken)}
    said = "Take what the log says that you take: token root-a (bag or seal 17), the courier (no bag or seal)."
    assert tasks["Wim"][0] == said
    assert tasks["Ada"][0].endswith("volume a (bag or seal 18).")
    assert not [task for task in tasks["Sam"] if "Take what" in task]


BOTH = "Take both volumes out, seal them, and have them brought to two different places."
CARRY = "Carry the courier to an online machine: `ceremony audit`, then `ceremony publish`."


def to(**holders: str) -> list[Taken]:
    """Return a list of custody: who takes which."""
    what = {"a": What.VOLUME, "b": What.VOLUME, "courier": What.COURIER}
    return [
        Taken(Thing(what.get(name, What.TOKEN), name, f"F{name}"), holder, f"bag {number}")
        for number, (name, holder) in enumerate(holders.items())
    ]


def brought(tasks: tuple[str, ...]) -> list[str]:
    """Return those tasks that have something brought away."""
    return [task for task in tasks if task.startswith(("Take both", "Take volume", "Seal the", "Carry the"))]


TWO = replace(
    WRAPPED,
    root=replace(WRAPPED.root, tokens=("x", "y")),
    people=(*PEOPLE, Person("Sue", Role.SECURITY_OFFICER, "Acme", ""), Person("Opa", Role.OPERATOR, "Acme", "")),
)


@pytest.mark.parametrize(
    ("custody", "said"),
    [
        pytest.param(
            to(x="Sam", y="Opa", a="Wim", b="Sue", courier="Opa"),
            {
                "Sam": ["Seal the token and bring it to its own safe."],
                "Wim": ["Take volume a out, seal it, and bring it to another place than the other volume's."],
                "Sue": ["Take volume b out, seal it, and bring it to another place than the other volume's."],
                "Opa": [CARRY, "Seal the token and bring it to its own safe."],
            },
            id="each thing to another",
        ),
        pytest.param(
            to(x="Sue", y="Sue", a="Wim", b="Wim", courier="Ada"),
            {"Sue": ["Seal the 2 tokens and bring each to its own safe."], "Wim": [BOTH], "Ada": [CARRY]},
            id="both volumes to one",
        ),
        pytest.param(
            [],
            {name: ["Seal the 2 tokens and bring each to its own safe."] for name in ("Sam", "Sue")} | {"Ada": [BOTH, CARRY]},
            id="no list",
        ),
    ],
)
def test_whoever_the_log_names_brings_a_thing_away_and_nobody_else(custody, said):
    found = {errand.person: brought(errand.tasks) for errand in errands(TWO, signed=EVERYBODY, practice=False, custody=custody)}
    assert {person: tasks for person, tasks in found.items() if tasks} == said


@pytest.mark.parametrize(
    ("planned", "practice", "said"),
    [
        pytest.param(WRAPPED, True, [], id="a practice"),
        pytest.param(
            recovery_plan("x"),
            False,
            ["Carry the courier to an online machine, and keep it: `ceremony audit`. There is nothing to publish."],
            id="a recovery",
        ),
    ],
)
def test_whoever_has_the_courier_carries_what_there_is_to_carry(planned, practice, said):
    custody = to(courier="Wim")
    found = {errand.person: brought(errand.tasks) for errand in errands(planned, signed=[], practice=practice, custody=custody)}
    assert found["Wim"] == said
    assert [task for tasks in found.values() for task in tasks] == said


def test_nobody_keeps_a_paper_where_nothing_is_backed_up():
    bare = replace(WRAPPED, backup=BackupPlan(""))
    assert not [task for errand in errands(bare, signed=EVERYBODY, practice=False) for task in errand.tasks if "paper" in task]
