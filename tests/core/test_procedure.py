# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from ceremony.core.plan import Kind, Role
from ceremony.core.procedure import EVERYBODY, ORDERS, procedure
from tests.fakes.fleet import APP, GENERATE, changing_plan
from tests.fakes.plans import ROTATION, read

WRAPPED = ('"token-only"', '"token-wrapped"')


def names(plan, *, needs_certificate=True):
    return [step.name for step in procedure(plan, needs_certificate=needs_certificate)]


def test_a_genesis_has_every_step_in_the_order_of_the_design():
    assert names(read(WRAPPED)) == [
        "preflight",
        "roll-call",
        "volumes",
        "load-request",
        "protector",
        "tokens",
        "prepare",
        "root-keys",
        "repository-keys",
        "back-up",
        "drill",
        "lock",
        "certificates",
        "review",
        "sign",
        "verify",
        "export",
        "close",
    ]


def test_a_genesis_leaves_out_what_its_plan_does_not_need():
    plan = read()
    made = plan.repositories[0].targets
    without = replace(plan, repositories=(replace(plan.repositories[0], snapshot=made, timestamp=made),))
    whole = names(read(WRAPPED))
    assert names(plan) == [name for name in whole if name != "lock"]
    assert names(plan, needs_certificate=False) == [name for name in whole if name not in {"lock", "certificates"}]
    assert names(without) == [name for name in whole if name not in {"lock", "load-request"}]


NEW_ROOT = (
    "[compromised]",
    '[root.new]\nalgorithm = "rsa-3072"\ntokens = ["n"]\nthreshold = 1\ncustody = "token-wrapped"\n[compromised]',
)


def test_the_words_are_of_shares_where_the_secret_is_split():
    def said(*changes):
        return {step.name: step for step in procedure(read(*changes), needs_certificate=True)}

    split, whole = said(), said(('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"'))
    assert list(split) == list(whole)
    assert {name for name in split if split[name] != whole[name]} == {"protector", "drill"}
    assert "share" in split["protector"].do
    assert "shares" in split["drill"].say
    assert "share" not in whole["protector"].do + whole["drill"].say


def test_a_rotation_makes_root_keys_only_when_the_root_rotates():
    assert names(read(source=ROTATION)) == [
        *("preflight", "roll-call", "volumes", "load-request", "impact", "protector", "tokens", "repository-keys", "back-up"),
        *("drill", "review", "sign", "verify", "export", "close"),
    ]
    assert names(read(NEW_ROOT, source=ROTATION)) == list(ORDERS[Kind.ROTATION])
    assert "certificates" not in names(read(NEW_ROOT, source=ROTATION), needs_certificate=False)


def test_a_renewal_makes_keys_only_when_a_repository_needs_them():
    rotation = read(source=ROTATION)
    renewal = replace(rotation, kind=Kind.RENEWAL, change=replace(rotation.change, compromised=None))
    assert names(renewal) == [
        *("preflight", "roll-call", "volumes", "load-request", "tokens"),
        *("review", "sign", "verify", "export", "close"),
    ]
    assert names(replace(renewal, repositories=read().repositories)) == list(ORDERS[Kind.RENEWAL])


DAYS = {"root": "2035-06-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z"}
FIRST = ("preflight", "roll-call", "volumes", "load-request")
LAST = ("review", "sign", "verify", "export", "close")
ROOT = {"algorithm": "ecdsa-p256", "threshold": 1}


@pytest.mark.parametrize(
    ("settings", "between"),
    [
        pytest.param({"expires": DAYS}, ["tokens", "certificates"], id="other certificates"),
        pytest.param(
            {"new": {**ROOT, "tokens": ["root-a"], "custody": "token-wrapped"}},
            ["tokens", "certificates"],
            id="another threshold: nothing is made, backed up or locked",
        ),
        pytest.param(
            {"new": {**ROOT, "tokens": ["root-a", "x"], "custody": "token-only"}, "expires": DAYS},
            ["tokens", "prepare", "root-keys", "certificates"],
            id="a root key that is backed up nowhere",
        ),
        pytest.param(
            {"repositories": [{"name": APP, "targets": {"source": "file", "path": "k.pem"}}], "files": {"k.pem": b""}},
            ["tokens", "repository-keys"],
            id="a key that a team brings",
        ),
        pytest.param(
            {"repositories": [{"name": APP, "targets": GENERATE}]},
            ["protector", "tokens", "repository-keys", "back-up", "drill"],
            id="a key that was lost",
        ),
    ],
)
def test_a_rotation_has_the_steps_of_what_it_makes(settings, between):
    assert names(changing_plan("rotation", **settings)) == [*FIRST, *between, *LAST]


def test_a_recovery_opens_restores_and_proves():
    assert names(replace(read(source=ROTATION), kind=Kind.RECOVERY)) == [
        *("preflight", "roll-call", "volumes", "open-backup", "tokens", "prepare", "restore", "prove"),
        *("protector", "back-up", "drill", "lock", "close"),
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_no_step_of_any_kind_is_without_words(kind):
    plan = replace(read(NEW_ROOT, source=ROTATION), kind=kind, repositories=read().repositories)
    for step in procedure(plan, needs_certificate=True):
        assert step.title
        assert step.who in {EVERYBODY, *Role}
        assert all(text.endswith((".", "?")) for text in (step.say, step.do, step.check))
        assert 1 <= step.minutes <= 60


def test_says_which_steps_cannot_be_undone():
    steps = procedure(read(WRAPPED), needs_certificate=True)
    assert [step.name for step in steps if step.irreversible] == ["prepare", "root-keys", "lock", "sign", "close"]
