# SPDX-License-Identifier: Apache-2.0
"""The seam: a dialect is a module with a constant, and a plan names it."""

from __future__ import annotations

import inspect

import pytest

from ceremony.core import dialects
from ceremony.core.dialects import Dialect
from ceremony.errors import PlanRefused


def test_dialects_are_found_by_their_modules() -> None:
    names = dialects.names()
    assert names == tuple(sorted(names))
    assert "notary" in names
    for name in names:
        found = dialects.get(name)
        assert isinstance(found, Dialect)
        assert found.name == name
        assert found.root_algorithms
        assert found.repository_algorithms
        assert isinstance(found.needs_certificate, bool)


NO_DIALECTS = ["", "Notary", "notary ", "notary_client", "notary_certificates", "__init__", "../notary", "notary.notary", "os"]


@pytest.mark.parametrize("name", NO_DIALECTS)
def test_refuses_a_dialect_that_does_not_exist(name: str) -> None:
    with pytest.raises(PlanRefused, match=r"^dialect: '.*' is not a dialect$") as caught:
        dialects.get(name)
    assert caught.value.field == "dialect"
    assert caught.value.hint == f"write one of: {', '.join(dialects.names())}"


def test_a_dialect_must_do_all_of_it() -> None:
    assert inspect.isabstract(Dialect)
    assert Dialect.__abstractmethods__ == {
        "scheme", "key_id", "root_key_id", "path", "root", "targets", "assemble", "check", "pinning", "delivery",
        "read_delivery",
    }  # fmt: skip
