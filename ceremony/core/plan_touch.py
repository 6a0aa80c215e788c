# SPDX-License-Identifier: Apache-2.0
"""What a touch policy costs the people in the room: how often a YubiKey waits for a finger (design, section 5).

Under `always` a YubiKey waits for a touch before each signature, under `cached` a
touch holds for 15 seconds, and neither can be changed once the key is made. So the
plan is where it is decided. What is counted is what one token signs in one
ceremony; a PKCS#11 token waits for nobody.
"""

from __future__ import annotations

from ceremony.core.plan import PER_REPOSITORY, Custody, Plan, RootPlan

MANY = 20
"""Signatures by one token that people may well touch it for, one by one."""
SECONDS_A_TOUCH = 5
"""How long one takes, as people do it: to see the light, to touch, to look up."""
_ONCE_EACH = 3
"""The challenge, the certificate that is kept in the slot, and the head at the close."""


def signatures_by_token(plan: Plan, root: RootPlan, *, certificates: bool) -> int:
    """Return how often each token of `root` signs in this ceremony, at least.

    `certificates` is whether root keys are certificates in the plan's dialect: each token then certifies its own key once
    for each common name. A root is signed for each repository that the plan names; a rotation may add others.
    """
    repositories = len(plan.repositories)
    names = (repositories if root.certificate == PER_REPOSITORY else 1) if certificates else 0
    return names + repositories + _ONCE_EACH


def touch_cost(plan: Plan, root: RootPlan, *, certificates: bool) -> tuple[str, str] | None:
    """Return, as a message and a hint, what the touch policy of `root` costs; None when that is worth no word."""
    count = signatures_by_token(plan, root, certificates=certificates)
    if root.touch_policy != "always" or root.custody is Custody.TOKEN_WRAPPED or count <= MANY:
        return None
    minutes = -(-count * SECONDS_A_TOUCH // 60)
    touches = f'is "always": {count:,} touches of each YubiKey, about {minutes:,} minutes'
    hint = 'write touch-policy = "cached": a touch then holds for 15 seconds; the policy cannot be changed once the key is made'
    return touches, hint
