# SPDX-License-Identifier: Apache-2.0
"""A client's trust folder as a request: the same bytes, always the same digest."""

from __future__ import annotations

import json

import pytest

from ceremony.core.request import INDEX, check_file, check_names, parse_index, path_of
from ceremony.core.trust_folder import SERVER, repositories_in, repository, request_of
from ceremony.errors import VerificationError

APP, PORT = "docker.io/acme/app", "reg.example:5000/acme/metadata/app"


def file(role: str, version: int = 1) -> bytes:
    return json.dumps({"signed": {"_type": role.partition("/")[0].capitalize(), "version": version}}).encode()


NAMES = [
    f"tuf/{APP}/metadata/root.json",
    f"tuf/{APP}/metadata/targets.json",
    f"tuf/{APP}/metadata/targets/a/b.json",
    f"tuf/{APP}/metadata/targets/releases.json",
    f"tuf/{PORT}/metadata/root.json",
    f"tuf/{PORT}/metadata/timestamp.json",
    # Nothing of these is a cached role of a repository that was published.
    f"tuf/{APP}/metadata/targets/A.json",
    f"tuf/{APP}/metadata/other.json",
    f"tuf/{APP}/metadata/root.json.bak",
    f"tuf/{APP}/changelist/x.json",
    "tuf/docker.io/acme/never/metadata/targets.json",
    "tuf/metadata/root.json",
    f"old/tuf/{APP}/metadata/root.json",
    "private/0123.key",
    "root.json",
]


def test_finds_what_was_cached_of_each_repository():
    assert repositories_in(reversed(NAMES)) == {
        APP: {
            "root": NAMES[0],
            "targets": NAMES[1],
            "targets/a/b": NAMES[2],
            "targets/releases": NAMES[3],
        },
        PORT: {"root": NAMES[4], "timestamp": NAMES[5]},
    }
    assert repositories_in([]) == {}


def test_makes_the_same_request_of_the_same_files_in_any_order():
    cached = {"root": file("root", 3), "targets": file("targets", 9), "targets/a": file("targets/a", 2)}
    one = request_of({APP: repository(APP, cached), PORT: repository(PORT, {"root": file("root", 3)})})
    other = request_of({PORT: repository(PORT, {"root": file("root", 3)}), APP: repository(APP, dict(reversed(cached.items())))})
    assert one == other
    request = parse_index(one[INDEX])
    check_names(request, one)
    for digest, found in request.files().items():
        check_file(found, one[path_of(digest)])
    assert request.server == SERVER
    assert {gun: found.known for gun, found in request.repositories.items()} == {APP: True, PORT: True}
    assert not any(found.keys for found in request.repositories.values())
    assert {role: [each.version for each in history] for role, history in request.repositories[APP].metadata.items()} == {
        "root": [3], "targets": [9], "targets/a": [2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gun", "role", "data", "message"),
    [
        pytest.param(APP, "root", b"{", rf"^trust folder, {APP}, root: is not the JSON that was expected", id="no-json"),
        pytest.param(
            APP, "targets/a", file("root"), rf"^trust folder, {APP}, targets/a: is not metadata of that role$", id="role"
        ),
        pytest.param("acme", "root", file("root"), r'^trust folder: GUN: "acme" cannot be used', id="no-gun"),
    ],
)
def test_names_what_cannot_be_taken_over(gun, role, data, message):
    with pytest.raises(VerificationError, match=message) as refused:
        repository(gun, {role: data})
    assert "--trust-folder" in refused.value.hint
