# SPDX-License-Identifier: Apache-2.0
"""What there is to send to a server, by what it had, what was signed, and what it has now."""

from __future__ import annotations

import pytest

from ceremony.core.dialects.notary_standing import Course, MovedOn, standing, targets_role
from ceremony.errors import VerificationError
from tests.core.dialects.cases import FETCHED, NEW_KEY, OLD, OURS, SAME_KEY, at, case, served
from tests.core.dialects.forged import signed
from tests.core.published.made import APP, NEW, OLD_ROOT, OTHER, certified, root

LATER = signed(root(3, targets=NEW), [OLD_ROOT])
BOTH, ROOT_ALONE = {"root": NEW_KEY, "targets": OURS}, {"root": NEW_KEY}


@pytest.mark.parametrize(
    ("given", "has", "course", "send"),
    [
        pytest.param(case(NEW_KEY, OURS, new=True), {}, Course.SEND, BOTH, id="new"),
        pytest.param(case(NEW_KEY, new=True), {}, Course.WAIT, {}, id="new, its team signs"),
        pytest.param(case(NEW_KEY, OURS), served(OLD), Course.SEND, BOTH, id="targets key changes"),
        pytest.param(case(SAME_KEY), served(OLD), Course.SEND, {"root": SAME_KEY}, id="targets key stays"),
        pytest.param(case(SAME_KEY), served(OLD, at(4)), Course.SEND, {"root": SAME_KEY}, id="its team signed since"),
        pytest.param(
            case(SAME_KEY, at(4)), served(OLD), Course.SEND, {"root": SAME_KEY, "targets": at(4)}, id="same key, new targets"
        ),
        pytest.param(case(NEW_KEY), served(OLD), Course.WAIT, ROOT_ALONE, id="its team signs"),
        pytest.param(case(NEW_KEY), served(OLD, at(4)), Course.WAIT, ROOT_ALONE, id="its team signs, targets moved"),
        pytest.param(case(NEW_KEY, OURS), served(OLD, at(4)), Course.RESIGN, ROOT_ALONE, id="targets moved"),
        pytest.param(case(NEW_KEY, OURS), served(NEW_KEY, OURS), Course.PUBLISHED, {}, id="has both"),
        pytest.param(case(NEW_KEY, OURS), served(NEW_KEY, at(5, by=NEW)), Course.PUBLISHED, {}, id="has both, team signed since"),
        pytest.param(case(NEW_KEY), served(NEW_KEY, at(4, by=NEW)), Course.PUBLISHED, {}, id="team signed and published"),
        pytest.param(case(SAME_KEY), served(SAME_KEY), Course.PUBLISHED, {}, id="has the root"),
        pytest.param(case(NEW_KEY, OURS), served(LATER, ours=NEW_KEY), Course.PUBLISHED, {}, id="another ceremony followed"),
        pytest.param(case(NEW_KEY, OURS), served(NEW_KEY), Course.SEND, {"targets": OURS}, id="root went alone"),
        pytest.param(case(NEW_KEY), served(NEW_KEY), Course.RESIGN, {}, id="root went alone, its team signs"),
        pytest.param(case(NEW_KEY, OURS), served(NEW_KEY, at(4)), Course.RESIGN, {}, id="root went alone, targets moved"),
    ],
)
def test_sends_what_follows(given, has, course, send):
    found = standing(given, has)
    assert (found.course, dict(found.send)) == (course, send)
    assert bool(found.why) == (course is Course.RESIGN)


@pytest.mark.parametrize(
    ("given", "has", "message"),
    [
        pytest.param(case(), {}, "its root is missing", id="deleted"),
        pytest.param(case(), served(SAME_KEY), r"its root \(version 2\) is not the one of this ceremony", id="another root"),
        pytest.param(case(), served(LATER), r"its root \(version 3\) is not", id="newer roots, and no telling of ours"),
        pytest.param(case(), served(LATER, ours=SAME_KEY), r"its root \(version 3\) is not", id="newer roots, without ours"),
        pytest.param(case(new=True), served(OLD), r"its root \(version 1\) is not", id="begun by somebody else"),
        pytest.param(case(), served(OLD, None), "its targets is missing", id="no targets"),
        pytest.param(case(), served(NEW_KEY, None), "its targets is missing", id="our root, no targets"),
        pytest.param(case(), served(OLD, at(2)), r"its targets \(version 2\) is not", id="rolled back"),
        pytest.param(case(), served(OLD, at(3, {})), r"its targets \(version 3\) is not", id="exchanged"),
        pytest.param(case(NEW_KEY, OURS), served(NEW_KEY, at(4, {}, NEW)), r"its targets \(version 4\) is not", id="others"),
        pytest.param(case(NEW_KEY, OURS, new=True), served(NEW_KEY, at(5)), r"its targets \(version 5\) is not", id="strange"),
    ],
)
def test_leaves_alone_what_moved_on(given, has, message):
    with pytest.raises(MovedOn, match=f"^{APP}: the server has moved on, {message}") as refused:
        standing(given, has)
    assert "nothing was sent" in refused.value.hint


@pytest.mark.parametrize(
    ("given", "has", "message"),
    [
        pytest.param(
            case(signed(root(3), [OLD_ROOT])), served(OLD), "root version 3: does not follow version 1", id="a version is skipped"
        ),
        pytest.param(
            case(signed(root(2, [certified(OTHER.key)]), [certified(OTHER.key)])),
            served(OLD),
            "root version 2: has 0 valid signatures of the 1 that it needs by the root keys of version 1",
            id="not signed by the old root",
        ),
        pytest.param(
            case(SAME_KEY), served(OLD, at(4, by=OTHER)), "targets version 4: has 0 valid signatures", id="a stranger's"
        ),
        pytest.param(case(NEW_KEY, at(4)), served(OLD), "targets version 4: has 0 valid signatures", id="ours by the old key"),
    ],
)
def test_sends_nothing_that_clients_would_refuse(given, has, message):
    with pytest.raises(VerificationError, match=f"^{APP} {message}"):
        standing(given, has)


def test_tells_whose_targets_the_new_root_wants():
    assert targets_role(case()).fingerprints() == {NEW.key.public.sha256}
    assert FETCHED != OURS
