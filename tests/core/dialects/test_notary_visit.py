# SPDX-License-Identifier: Apache-2.0
"""What a server serves after it was published to, as an old client and a fresh one see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from ceremony.core.dialects.notary_standing import Case
from ceremony.core.dialects.notary_visit import cached, visit
from ceremony.core.published.values import Served
from ceremony.errors import VerificationError
from tests.core.published.made import APP, NOW, OTHER, Made, bare, certified, root, tag, targets
from tests.core.published.made import TARGETS as KEY

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def lasting(made: Made) -> Made:
    """Let snapshot and timestamp be good for long."""
    for name in ("snapshot", "timestamp"):
        made.online[name] = lambda content: content.update(expires="2036-01-01T00:00:00Z")
    return made


def published(made: Made, *, ours: tuple[str, ...] = ("root", "targets"), version: int = 2) -> tuple[Case, Served]:
    """Return a case whose newest files are what is served: root 2 after root 1, targets 5 after targets 3."""
    served = made.served()
    roots, newest = dict(served.metadata["root"]), dict(served.metadata["targets"])
    files = {"root": roots[version], "targets": newest[5]}
    return Case(APP, {role: files[role] for role in ours}, {"root": roots[1], "targets": newest[3]}), served


def seen(given: tuple[Case, Served], sent: Mapping[str, bytes] | None = None, now: datetime = NOW):
    case, served = given
    return visit(case, case.ours if sent is None else sent, served, now)


def test_old_clients_begin_at_the_requests_root_and_those_of_a_new_repository_at_ours():
    case, _ = published(Made())
    assert cached(case) == (1, case.before["root"])
    assert cached(Case(APP, case.ours)) == (2, case.ours["root"])


def test_returns_what_clients_see():
    assert [entry.name for entry in seen(published(Made())).targets.tags] == ["1.0", "2.0", "é<>"]
    case, served = published(Made(), version=1, ours=("root",))
    assert visit(Case(APP, case.ours), case.ours, served, NOW).root.version == 2  # another ceremony followed


def test_newer_targets_of_the_team_are_none_of_our_business():
    made = Made()
    given = published(made)
    made.targets[6], made.targets_by[6] = targets(6, {"new": tag("new")}), [KEY]
    assert seen((given[0], made.served())).targets.version == 6


def other_root(made: Made) -> None:
    made.root[2] = root(2) | {"expires": "2035-01-01T00:00:00Z"}


def other_targets(made: Made) -> None:
    made.targets[5] = targets(5, {})


def another_chain(made: Made) -> None:
    stranger = certified(OTHER.key)
    made.root[2], made.root_by[2] = root(2, [stranger]), [stranger]


def old_root(made: Made) -> None:
    made.root[2]["expires"] = "2026-11-01T00:00:00Z"


def old_targets(made: Made) -> None:
    made.targets[5]["expires"] = "2026-11-01T00:00:00Z"


def old_snapshot(made: Made) -> None:
    made.online["snapshot"] = lambda content: content.update(expires="2026-11-01T00:00:00Z")


def stranger(role: str):
    def change(made: Made) -> None:
        made.online_by[role] = [bare(OTHER.key)]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(other_root, "APP, root: the server does not serve what was sent", id="another root"),
        pytest.param(other_targets, "APP, targets: the server does not serve what was sent", id="other targets"),
        pytest.param(another_chain, "APP root version 2: has 0 valid signatures", id="a root that does not follow"),
        pytest.param(stranger("snapshot"), "APP snapshot version 7: has 0 valid signatures", id="snapshot by a stranger"),
        pytest.param(stranger("timestamp"), "APP timestamp version 9: has 0 valid signatures", id="timestamp by a stranger"),
        pytest.param(old_snapshot, "APP snapshot version 7: expired at 2026-11-01", id="snapshot is over"),
    ],
)
def test_refuses_what_clients_refuse_or_nobody_sent(change, message):
    case, _ = published(Made())
    made = Made()
    change(made)
    with pytest.raises(VerificationError, match=f"^{message.replace('APP', APP)}") as refused:
        seen((case, made.served()))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("change", "message"), [(old_root, "root version 2: expired at"), (old_targets, "targets version 5: expired at")]
)
def test_refuses_what_was_sent_and_is_over(change, message):
    made = Made()
    change(made)
    with pytest.raises(VerificationError, match=f"^{APP} {message}"):
        seen(published(made))


def test_targets_that_the_ceremony_did_not_sign_are_as_good_as_they_were():
    made = lasting(Made())
    given = published(made, ours=("root",))
    assert seen(given, now=LATER).targets.expires_at < LATER
    with pytest.raises(VerificationError, match=f"^{APP} targets version 5: expired at"):
        seen(published(made), now=LATER)


def test_refuses_a_root_whose_certificates_are_over():
    made = lasting(Made())
    with pytest.raises(VerificationError, match=r"by root keys with certificates that are valid today$"):
        seen(published(made, ours=("root",)), now=datetime(2036, 5, 1, tzinfo=UTC))
