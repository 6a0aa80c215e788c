# SPDX-License-Identifier: Apache-2.0
"""What a renewal or a rotation is to change must go together; each refusal names the field and what to write."""

from __future__ import annotations

import pytest

from ceremony.core.plan import Mode
from ceremony.core.plan_changes import check_changes, recipients
from ceremony.core.plan_lint import lint
from ceremony.errors import PlanRefused
from tests.fakes.fleet import APP, CLI, GENERATE, TEAM, changing_plan
from tests.fakes.plans import NOW, RULES, pem, read
from tests.fakes.recovery import recovery_plan
from tests.fakes.room import plan, repository

ROOT, CERTIFICATE, TARGETS = "2035-06-01T00:00:00Z", "2036-01-01T00:00:00Z", "2029-01-01T00:00:00Z"
STOLEN = {"keys": ["ab" * 32], "reason": "stolen", "deliver-to": TEAM}
NEW = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-x"], "threshold": 1, "custody": "token-only"}
SAME = {**NEW, "tokens": ["root-a"], "custody": "token-wrapped"}
WRAPPED = {**NEW, "custody": "token-wrapped"}
TEAM_KEY = {"source": "file", "path": "team.pem"}
BOTH = {"root": ROOT, "certificate": CERTIFICATE}


def made(kind="renewal", **settings):
    return changing_plan(kind, files={"team.pem": pem(3), "alice.pem": pem(4)}, **settings)


RIGHT = [
    pytest.param(made(expires={"root": ROOT}, backed_up=False), id="another day"),
    pytest.param(made(expires=BOTH, backed_up=False), id="other certificates"),
    pytest.param(made(repositories=[{"name": APP, "targets": GENERATE}], expires={"targets": TARGETS}), id="new targets"),
    pytest.param(made(repositories=[{"name": APP, "targets": TEAM_KEY}], backed_up=False), id="a key that a team brings"),
    pytest.param(made(repositories=[{"name": APP, "targets": GENERATE, "remove-signers": ["bob"]}]), id="a signer goes"),
    pytest.param(made("rotation", compromised=STOLEN), id="a stolen key"),
    pytest.param(made("rotation", compromised=STOLEN, expires={"targets": TARGETS}), id="a stolen key, and a day"),
    pytest.param(
        made("rotation", compromised={"keys": ["ab" * 32], "reason": "x"}, repositories=[{"name": APP, "targets": GENERATE}]),
        id="a stolen key of one repository",
    ),
    pytest.param(
        made("rotation", compromised={"keys": ["ab" * 32], "reason": "x"}, new=NEW, expires=BOTH, backed_up=False),
        id="a stolen root key",
    ),
    pytest.param(made("rotation", new=NEW, expires=BOTH, backed_up=False), id="another root"),
    pytest.param(made("rotation", new=SAME, backed_up=False), id="another threshold"),
    pytest.param(made("rotation", new=WRAPPED, expires=BOTH), id="another root that is backed up"),
]


@pytest.mark.parametrize("one", RIGHT)
def test_what_goes_together_passes(one):
    check_changes(one, certified=True)
    # The whole judgement has nothing against it either.
    lint(one, RULES, now=NOW, mode=Mode.PRACTICE)


@pytest.mark.parametrize(
    ("one", "said", "hint"),
    [
        pytest.param(made(backed_up=False), "kind: the renewal changes nothing", "write expires, repositories", id="nothing"),
        pytest.param(
            made("rotation", backed_up=False),
            "kind: the rotation changes nothing",
            "write expires, repositories, root.new or compromised",
            id="nothing of a rotation",
        ),
        pytest.param(
            made("rotation", new=NEW, expires={"certificate": CERTIFICATE}, backed_up=False),
            "expires.root: is missing, and new root keys are made",
            "until when",
            id="no day for a new root",
        ),
        pytest.param(
            made("rotation", new=NEW, expires={"root": ROOT}, backed_up=False),
            "expires.certificate: is missing, and new root keys are made",
            "until when",
            id="no day for its certificates",
        ),
        pytest.param(
            made(expires={"root": CERTIFICATE, "certificate": ROOT}, backed_up=False),
            "expires.root: is later than expires.certificate",
            "write the day of expires.certificate",
            id="a root that outlives its certificates",
        ),
        pytest.param(
            made(expires={"targets": TARGETS}, backed_up=False),
            "expires.targets: is named, and this ceremony signs no targets",
            "remove it",
            id="a day for what nobody signs",
        ),
        pytest.param(
            made(expires={"targets": TARGETS}, repositories=[{"name": APP, "targets": TEAM_KEY}], backed_up=False),
            "expires.targets: is named, and this ceremony signs no targets",
            "remove it",
            id="a day for what a team signs",
        ),
        pytest.param(
            made("rotation", compromised={"keys": ["ab" * 32], "reason": "x"}, expires={"root": ROOT}),
            "compromised.deliver-to: is missing, and no repository is named",
            "write to whom",
            id="nobody gets a new key",
        ),
        pytest.param(
            made("rotation", compromised=STOLEN, backed_up=False), "backup: is missing, and keys are made", "", id="no backup"
        ),
        pytest.param(
            made("rotation", new=WRAPPED, expires=BOTH, backed_up=False),
            "backup: is missing, and keys are made",
            "passphrase",
            id="no backup of a root key",
        ),
        pytest.param(
            made(repositories=[{"name": APP, "targets": GENERATE}, {"name": CLI, "remove-signers": ["bob"]}]),
            "repositories[1].remove-signers: cannot be removed where this ceremony does not sign the targets",
            "let the team remove them",
            id="a signer goes where nobody signs",
        ),
        pytest.param(
            made(
                repositories=[
                    {
                        "name": APP,
                        "targets": GENERATE,
                        "remove-signers": ["alice"],
                        "signers": [{"name": "alice", "key": "alice.pem"}],
                    }
                ]
            ),
            'repositories[0].remove-signers: "alice" comes and goes',
            "name each signer once",
            id="a signer comes and goes",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(one, said, hint):
    with pytest.raises(PlanRefused) as refused:
        check_changes(one, certified=True)
    assert refused.value.message.startswith(said)
    assert refused.value.field == said.partition(":")[0]
    assert hint in refused.value.hint


def test_a_dialect_without_certificates_asks_for_no_day_of_them():
    check_changes(made("rotation", new=NEW, expires={"root": ROOT}, backed_up=False), certified=False)
    check_changes(made(expires={"root": CERTIFICATE, "certificate": ROOT}, backed_up=False), certified=False)


def test_a_genesis_brings_its_targets_keys():
    asked = repository(APP)
    asked = plan(repository(APP, targets=asked.snapshot))
    with pytest.raises(PlanRefused, match="a request brings no targets key") as refused:
        check_changes(asked, certified=True)
    assert refused.value.field == "repositories[0].targets.source"
    check_changes(plan(repository(APP)), certified=True)


def test_a_recovery_changes_nothing_that_is_published():
    check_changes(recovery_plan("new-a"), certified=True)


def test_a_delivery_after_a_theft_is_to_somebody():
    assert list(recipients(made("rotation", compromised=STOLEN))) == [("compromised.deliver-to", TEAM)]
    assert list(recipients(made(expires={"root": ROOT}))) == []
    assert list(recipients(read())) == []
    nobody = made("rotation", compromised={**STOLEN, "deliver-to": "ssh-ed25519 AAAA"})
    with pytest.raises(PlanRefused, match="the key is not"):
        lint(nobody, RULES, now=NOW, mode=Mode.PRACTICE)
