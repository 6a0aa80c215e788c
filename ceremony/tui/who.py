# SPDX-License-Identifier: Apache-2.0
"""Who a question is for, as it stands in a sentence: people by their names, everybody else with an article."""

from __future__ import annotations

from ceremony.core.plan import Role

_KEEPS = "custodian of "


def in_a_sentence(who: str) -> str:
    """Return a role, or a custodian who is told by what they keep, with its article; a name, and `everybody`, as they are."""
    return f"the {who}" if who in set(Role) or who.startswith(_KEEPS) else who


def at_its_beginning(who: str) -> str:
    """Return the same as a sentence begins with it; a name is left as it is written."""
    said = in_a_sentence(who)
    return said if said == who else said[0].upper() + said[1:]
