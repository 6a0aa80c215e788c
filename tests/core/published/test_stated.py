# SPDX-License-Identifier: Apache-2.0
"""What finished files say, their signatures not looked at, and what is new where nothing was published."""

from __future__ import annotations

import pytest

from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.published.differences import differences
from ceremony.errors import VerificationError
from tests.core.published.made import APP, Made, read


def newest() -> dict[str, bytes]:
    published = read(Made())
    return {role: published.files[role] for role in ("root", "targets")}


def test_files_say_what_a_reader_finds_published():
    published, stated = read(Made()), SEQUEL.stated(APP, newest())
    assert stated.root.roles == published.root.roles
    assert stated.targets is not None
    assert [tag.entry for tag in stated.targets.tags] == [tag.entry for tag in published.targets.tags]
    assert differences(APP, stated, stated) == ()


def test_signatures_are_not_looked_at():
    assert SEQUEL.stated(APP, newest()).root.signed_by == ()


def test_of_a_new_repository_all_is_new_and_its_team_may_publish_its_targets():
    stated = SEQUEL.stated(APP, {"root": newest()["root"]})
    assert stated.targets is None
    found = differences(APP, None, stated)
    assert {change.role for change in found} == {"root"}
    assert all(change.before == "" and change.after for change in found)
    assert {change.role for change in differences(APP, None, SEQUEL.stated(APP, newest()))} == {"root", "targets"}


def test_refuses_what_is_no_metadata():
    with pytest.raises(VerificationError, match=f"{APP} root"):
        SEQUEL.stated(APP, {"root": b"[]"})
    with pytest.raises(KeyError, match="root"):
        SEQUEL.stated(APP, {})
