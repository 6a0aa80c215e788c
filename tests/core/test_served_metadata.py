# SPDX-License-Identifier: Apache-2.0
"""What a server serves right now: what it names, and whether it belongs together."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

import pytest

from ceremony.core.request import MAX_METADATA
from ceremony.core.served_metadata import ServedFile, Torn, check_together, read_served
from ceremony.errors import VerificationError

APP = "docker.io/acme/app"


def file(role: str, *, version: object = 1, kind: str = "", **members: object) -> bytes:
    signed = {"_type": kind or role.partition("/")[0].capitalize(), "version": version, **members}
    return json.dumps({"signed": signed, "signatures": []}).encode()


def listing(**files: ServedFile) -> dict[str, object]:
    return {
        role: {"hashes": {"sha256": base64.b64encode(hashlib.sha256(found.data).digest()).decode()}}
        for role, found in files.items()
    }


def read(role: str, **members: object) -> ServedFile:
    return read_served(file(role, **members), APP, role)


def together() -> dict[str, ServedFile]:
    """Return a repository whose files belong together."""
    files = {"root": read("root", version=3), "targets": read("targets"), "targets/a": read("targets/a")}
    files["snapshot"] = read("snapshot", meta=listing(**files))
    files["timestamp"] = read("timestamp", meta=listing(snapshot=files["snapshot"]))
    return files


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"{", "is not the JSON that was expected", id="no-json"),
        pytest.param(b"[]", "is not metadata of that role", id="a-list"),
        pytest.param(b"{}", "is not metadata of that role", id="nothing-signed"),
        pytest.param(file("targets"), "is not metadata of that role", id="another-role"),
        pytest.param(file("root", version="1"), "does not state a version", id="version-is-text"),
        pytest.param(file("root", version=True), "does not state a version", id="version-is-true"),
        pytest.param(file("root", version=0), "does not state a version", id="version-0"),
        pytest.param(file("root", version=4), "states version 4 where version 3 was asked for", id="another-version"),
        pytest.param(b" " * (MAX_METADATA + 1), f"more than the {MAX_METADATA} that are read", id="oversize"),
    ],
)
def test_refuses_what_is_no_metadata_of_that_role_and_version(data, message):
    with pytest.raises(VerificationError, match=message) as refused:
        read_served(data, APP, "root", 3)
    assert refused.value.message.startswith(f"{APP}, root of the server: ")
    assert "ceremony fetch" in refused.value.hint


def test_reads_any_version_when_none_is_asked_for():
    assert (read("root", version=7).version, read("targets/a/b", version=2).role) == (7, "targets/a/b")


@pytest.mark.parametrize(
    ("role", "delegations", "expected"),
    [
        pytest.param("targets", None, (), id="none"),
        pytest.param("targets", {"roles": None}, (), id="null-as-go-writes-it"),
        pytest.param("targets", {"roles": "x"}, (), id="text"),
        pytest.param("targets", {"roles": [{"name": "targets/a"}, {"name": "targets/releases"}]},
                     ("targets/a", "targets/releases"), id="docker-signers"),
        pytest.param("targets/a", {"roles": [{"name": "targets/a/b"}]}, ("targets/a/b",), id="of-a-delegation"),
        pytest.param(
            "targets",
            {"roles": [7, {}, {"name": 7}, *({"name": name} for name in (
                "root", "targets", "targets/", "targets/..", "targets/a/b", "targets/A", "/a", "targets/" + "a" * 250))]},
            (),
            id="names-that-cannot-be-asked-for",
        ),
    ],
)  # fmt: skip
def test_names_the_delegations_that_can_be_asked_for(role, delegations, expected):
    assert read(role, delegations=delegations).delegations() == expected


def test_tells_whether_a_snapshot_says_anything_of_a_role():
    snapshot = together()["snapshot"]
    assert snapshot.names("targets/a")
    assert not snapshot.names("targets/b")
    assert not read("snapshot").names("root")


def test_takes_files_that_belong_together():
    files = together()
    check_together(APP, files)
    check_together(APP, {})
    check_together(APP, {"root": files["root"]})
    check_together(APP, {role: files[role] for role in ("root", "targets", "snapshot")})


@pytest.mark.parametrize(
    ("change", "role", "lists"),
    [
        pytest.param({"root": read("root", version=4)}, "root", "snapshot", id="another-root"),
        pytest.param({"targets": None}, "targets", "snapshot", id="no-targets"),
        pytest.param({"targets/b": read("targets/b")}, "targets/b", "snapshot", id="a-role-that-it-does-not-list"),
        pytest.param({"snapshot": read("snapshot")}, "snapshot", "timestamp", id="another-snapshot"),
        pytest.param({"snapshot": None}, "snapshot", "timestamp", id="no-snapshot"),
        pytest.param({"snapshot": read("snapshot", meta="x"), "timestamp": None}, "root", "snapshot", id="a-snapshot-of-nothing"),
    ],
)
def test_refuses_files_that_do_not(change: Mapping[str, ServedFile | None], role, lists):
    files = {name: found for name, found in (together() | change).items() if found is not None}
    with pytest.raises(Torn, match=rf"^{APP}, {role}: the server's {lists} names other bytes than those that it serves"):
        check_together(APP, files)
