# SPDX-License-Identifier: Apache-2.0
"""What a touch policy costs is said before anybody plugs a YubiKey in, and so is a policy that there is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.plan import Mode
from ceremony.core.plan_lint import lint
from ceremony.core.plan_touch import MANY, signatures_by_token, touch_cost
from ceremony.errors import ExitCode, PlanRefused
from tests.fakes.plans import FILES, NOW, ROTATION, RULES, read
from tests.fakes.room import Ceremony, plan, quicken, repository

CUSTODY = 'custody = "token-only"'
ALWAYS = (CUSTODY, f'{CUSTODY}\ntouch-policy = "always"')
PREFIX = ("threshold = 2", 'certificate = "docker.io/acme/*"\nthreshold = 2')
HINT = 'write touch-policy = "cached": a touch then holds for 15 seconds; the policy cannot be changed once the key is made'


def names(count: int) -> dict[str, bytes]:
    """Return the plan's files, so that it names `count` repositories in all."""
    return {**FILES, "guns.txt": "".join(f"docker.io/acme/app-{i}\n" for i in range(count - 1)).encode()}


def warnings(*changes: tuple[str, str], count: int, source: str | None = None, needs_certificate: bool = True):
    plan = read(*changes, files=names(count), **({"source": source} if source else {}))
    rules = replace(RULES, needs_certificate=needs_certificate)
    return [w for w in lint(plan, rules, now=NOW, mode=Mode.PRODUCTION) if w.field.endswith("touch-policy")]


@pytest.mark.parametrize(
    ("changes", "needs_certificate", "count", "signatures"),
    [
        pytest.param((), True, 9, 9 + 9 + 3, id="a certificate for each repository"),
        pytest.param((PREFIX,), True, 9, 1 + 9 + 3, id="one certificate for a prefix"),
        pytest.param((), False, 9, 9 + 3, id="no certificates"),
    ],
)
def test_counts_what_one_token_signs(changes, needs_certificate, count, signatures):
    plan = read(*changes, files=names(count))
    assert signatures_by_token(plan, plan.root, certificates=needs_certificate) == signatures


@pytest.mark.parametrize(
    ("changes", "count", "message"),
    [
        pytest.param((ALWAYS,), 9, 'is "always": 21 touches of each YubiKey, about 2 minutes', id="just too many"),
        pytest.param((ALWAYS,), 1000, 'is "always": 2,003 touches of each YubiKey, about 167 minutes', id="each certified"),
        pytest.param((ALWAYS, PREFIX), 1000, 'is "always": 1,004 touches of each YubiKey, about 84 minutes', id="one folder"),
    ],
)
def test_warns_of_more_touches_than_people_have_patience_for(changes, count, message):
    (warning,) = warnings(*changes, count=count)
    assert (str(warning), warning.hint) == (f"root.touch-policy: {message}", HINT)


def test_the_limit_itself_is_not_too_many():
    plan = read(ALWAYS, PREFIX, files=names(MANY - 4))
    assert signatures_by_token(plan, plan.root, certificates=True) == MANY
    assert touch_cost(plan, plan.root, certificates=True) is None
    assert warnings(ALWAYS, PREFIX, count=MANY - 4) == []
    assert len(warnings(ALWAYS, PREFIX, count=MANY - 3)) == 1


@pytest.mark.parametrize("policy", ["never", "cached"])
def test_a_touch_that_holds_or_none_at_all_is_worth_no_word(policy):
    assert warnings((CUSTODY, f'{CUSTODY}\ntouch-policy = "{policy}"'), count=1000) == []
    assert warnings(count=1000) == []


def test_a_key_that_cannot_be_on_a_yubikey_waits_for_nobody():
    assert warnings((CUSTODY, 'custody = "token-wrapped"\ntouch-policy = "always"'), count=1000) == []


def test_an_imported_key_waits_as_well():
    assert len(warnings((CUSTODY, 'custody = "imported"\ntouch-policy = "always"'), count=1000)) == 1


def test_the_new_root_of_a_rotation_is_judged_by_its_own_policy():
    new = '[root.new]\nalgorithm = "ecdsa-p256"\ntokens = ["new-a", "new-b"]\nthreshold = 1\ncustody = "token-only"\n'
    listed = "".join(
        f'[[repositories]]\nname = "docker.io/acme/app-{i}"\ntargets = {{ source = "request" }}\n'
        'snapshot = { source = "request" }\ntimestamp = { source = "request" }\n'
        for i in range(9)
    )
    days = "[expires]\nroot = 2036-11-19T00:00:00Z\ncertificate = 2036-11-19T00:00:00Z\n"
    source = ROTATION.replace("[compromised]", f'{new}touch-policy = "always"\n{days}{listed}[compromised]')
    (warning,) = warnings(count=1, source=source)
    assert warning.field == "root.new.touch-policy"
    assert "21 touches" in warning.message


@pytest.mark.parametrize(
    ("field", "word", "known"),
    [
        pytest.param("touch-policy", "sometimes", "never, cached, always", id="touch"),
        pytest.param("pin-policy", "never", "once, always", id="pin"),
    ],
)
def test_refuses_a_policy_that_there_is_not_and_one_that_asks_for_no_pin(field, word, known):
    with pytest.raises(PlanRefused, match=f'root.{field}: "{word}" is not one of {known}'):
        read((CUSTODY, f'{CUSTODY}\n{field} = "{word}"'))


def test_a_whole_ceremony_signs_as_often_as_was_counted(monkeypatch):
    quicken(monkeypatch)
    ceremony = Ceremony(plan=plan(*(repository(f"docker.io/acme/app-{i}") for i in range(4))))
    assert ceremony.hold() is ExitCode.DONE
    # The challenge and the certificate in the slot are a YubiKey's.
    assert ceremony.rack.devices["root-a"].signed == signatures_by_token(ceremony.plan, ceremony.plan.root, certificates=True) - 2
