# SPDX-License-Identifier: Apache-2.0
"""The request: read whole and checked against the plan, or made up for a rehearsal that has none."""

from __future__ import annotations

import hashlib

import pytest

from ceremony.cli.practice_request import practice_request, read_request, takes_request
from ceremony.core.request import INDEX, check_file, check_names, parse_index, path_of
from ceremony.core.served import keys_for
from ceremony.errors import CeremonyError, VerificationError
from tests.fakes.plans import REQUEST, read
from tests.peers.request_folders import APP, OTHER, SPOILED, write

NAMES = ("docker.io/acme/app", "docker.io/acme/base", "reg.example:5000/tools/cli")


@pytest.fixture
def folder(tmp_path):
    """A request for every repository of the plan, and one more."""
    write(tmp_path / "request", *NAMES, OTHER)
    return tmp_path / "request"


def plan_for(folder):
    """The plan that names this request."""
    return read((REQUEST, f"sha256:{hashlib.sha256((folder / INDEX).read_bytes()).hexdigest()}"))


UNNAMED = read((f'request = "{REQUEST}"\n', ""))
"""A plan that names no request, as practice may."""


# --- read ------------------------------------------------------------------------


def test_reads_every_file_of_the_request(folder):
    files = read_request(folder, plan_for(folder))
    assert files == {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_reads_a_request_that_the_plan_does_not_name(folder):
    assert INDEX in read_request(folder, UNNAMED)


def test_refuses_another_request_than_the_plans(folder):
    with pytest.raises(
        VerificationError, match=r"^request: has the digest sha256:[0-9a-f]{64}, not the one that the plan names$"
    ):
        read_request(folder, read())


@pytest.mark.parametrize(("spoil", "message"), SPOILED.values(), ids=SPOILED)
def test_refuses_what_fetch_did_not_bring(tmp_path, spoil, message):
    folder = tmp_path / "request"
    write(folder, APP)
    spoil(folder)
    with pytest.raises(CeremonyError, match=message) as refused:
        read_request(folder, UNNAMED)
    assert "fetch" in refused.value.hint or "delete it" in refused.value.hint or "take this one out" in refused.value.hint


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("none", r"none: cannot be opened \(No such file or directory\)$", id="nothing"),
        pytest.param("request/index.json", r"index\.json: is not a whole tar$", id="a file"),
        pytest.param("/dev/null", r"^/dev/null: is neither a folder nor a tar$", id="a device"),
        pytest.param("request/files", r"files holds no index\.json$", id="a folder inside it"),
    ],
)
def test_refuses_what_is_no_request(folder, path, message):
    with pytest.raises(CeremonyError, match=message) as refused:
        read_request(folder.parent / path, UNNAMED)
    assert refused.value.hint == "name the folder that `ceremony fetch` made"


# --- made up -----------------------------------------------------------------------


def test_makes_keys_up_for_every_repository_that_takes_them_from_a_request():
    plan = read()
    files = practice_request(plan)
    request = parse_index(files[INDEX])
    check_names(request, files)
    for digest, file in request.files().items():
        check_file(file, files[path_of(digest)])
    found = keys_for(request, {digest: files[path_of(digest)] for digest in request.files()}, NAMES)
    assert len({key.spki for keys in found.values() for key in (keys.snapshot, keys.timestamp)}) == 6
    assert request.server == "https://practice.invalid"
    assert not any(repository.known for repository in request.repositories.values())


def test_makes_different_keys_up_each_time():
    assert practice_request(read()).keys() != practice_request(read()).keys()


def test_makes_nothing_up_where_nothing_is_wanted():
    brought = '{ source = "file", path = "keys/app.pem" }'
    plan = read(*[(f'{role} = {{ source = "request" }}', f"{role} = {brought}") for role in ("snapshot", "timestamp") * 2])
    assert not takes_request(plan)
    assert practice_request(plan) == {}
    assert takes_request(read())
