# SPDX-License-Identifier: Apache-2.0
"""A passphrase in shares, each shown to its keeper alone and typed back, and two of them typed at the drill."""

from __future__ import annotations

from tests.terminal.conftest import Audit, Begin, ChangedPlan
from tests.terminal.person import shown

SHARES = 'protect = "shares"\nshares = { needed = 2, total = 3 }'
KEEPERS = '''role = "custodian"
organisation = "Acme"
key = ""

[[people]]
name = "Cato Example"
role = "custodian"
organisation = "Acme"
key = ""

[[people]]
name = "Clio Example"
role = "custodian"'''
CARLA = 'role = "custodian"            # keeps the passphrase; without a custodian, the security officers do'


def test_shares_are_written_down_typed_back_and_open_the_backups(begin: Begin, plan: ChangedPlan, audit: Audit) -> None:
    path = plan('protect = "passphrase"        # one person then holds the whole secret', SHARES)
    path.write_text(path.read_text().replace(CARLA, KEEPERS))
    with begin(path) as person:
        assert "The ceremony is done" in person.walk()
        person.terminal.keys("Tab", "Tab", "Enter")
        assert person.terminal.ended() == 0
        left = person.terminal.history()
    assert audit() == 0

    asked = [title for title in person.titles if "hare" in title]
    handed_out = [title for number in (1, 2, 3) for title in (f"Share {number} of 3", f"Type share {number} back")]
    assert asked[:6] == handed_out
    assert asked[6:] == ["Who types a share?", "Share 1", "Who types a share?", "Share 2"] * (len(asked[6:]) // 4)
    assert len(asked) > 6
    assert not any(title for title in person.titles if "assphrase" in title)
    assert [*person.shares] == ["share:1", "share:2", "share:3"]
    for words in person.shares.values():
        assert len(words) == 20
        assert shown(words, left) == []
