# SPDX-License-Identifier: Apache-2.0
"""Asking a server as its clients ask, where the server's files do not hang together."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

import pytest

from ceremony.core.dialects.notary_standing import Case
from ceremony.errors import VerificationError
from ceremony.online.publish_client import look, newer_targets, served_to_clients
from tests.core.dialects.cases import FETCHED, NEW_KEY, OLD, at
from tests.core.dialects.forged import signed
from tests.core.published.made import APP, NEW, OLD_ROOT, root
from tests.online.faults import Answer, Asked

CASE = Case(APP, {"root": NEW_KEY}, {"root": OLD, "targets": FETCHED})


def answering(files: dict[str, bytes]) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        found = files.get(asked.path.partition("/_trust/tuf/")[2])
        return Answer(200 if found is not None else 404, found or b"")

    return answer


def listing(kind: str, files: dict[str, bytes]) -> bytes:
    hashes = {role: base64.b64encode(hashlib.sha256(data).digest()).decode() for role, data in files.items()}
    meta = {role: {"hashes": {"sha256": digest}} for role, digest in hashes.items()}
    return json.dumps({"signed": {"_type": kind, "version": 1, "meta": meta}, "signatures": []}).encode()


def server_of(newest: bytes, targets: bytes, **more: bytes) -> dict[str, bytes]:
    """Return the files of a server by name, each that a client asks for by its digest too."""
    roles = {"root": newest, "targets": targets, **more}
    snapshot = listing("Snapshot", roles)
    files = {f"{role}.{hashlib.sha256(data).hexdigest()}.json": data for role, data in {**roles, "snapshot": snapshot}.items()}
    return {**files, "timestamp.json": listing("Timestamp", {"snapshot": snapshot}), "root.json": newest, "targets.json": targets}


@pytest.fixture
def remote(faulty, open_to):
    return lambda files: open_to(faulty(answering(files)).url).repository(APP)


def newer(version: int) -> bytes:
    return signed(root(version, targets=NEW), [OLD_ROOT])


def test_looks_for_our_version_only_where_there_are_later_ones(remote):
    files = {"root.json": newer(3), "targets.json": FETCHED, "2.root.json": NEW_KEY}
    assert look(remote(files), CASE) == {"root": newer(3), "targets": FETCHED, "ours": NEW_KEY}
    del files["2.root.json"], files["targets.json"]
    assert look(remote(files), CASE) == {"root": newer(3)}
    assert look(remote({"root.json": OLD}), CASE) == {"root": OLD}
    assert look(remote({}), CASE) == {}


def test_brings_the_targets_since_those_of_the_request(remote):
    files = {"4.targets.json": at(4), "6.targets.json": at(6)}
    assert newer_targets(remote(files), CASE, at(7)) == [at(4), at(6), at(7)]
    assert newer_targets(remote(files), CASE, FETCHED) == [FETCHED]


def test_brings_what_old_clients_need_and_delegations(remote):
    alice = signed({"_type": "Targets", "version": 1}, [NEW])
    odd = signed({"_type": "Targets", "version": 1, "odd": 1}, [NEW])
    files = server_of(newer(4), FETCHED, **{"targets/alice": alice, "targets/../odd": odd})
    files |= {"2.root.json": NEW_KEY, "3.root.json": newer(3)}
    found = served_to_clients(remote(files), CASE).metadata
    assert found["root"] == [(1, OLD), (2, NEW_KEY), (3, newer(3)), (4, newer(4))]
    assert (found["targets"], found["targets/alice"]) == ([(3, FETCHED)], [(1, alice)])
    assert "targets/../odd" not in found
    new = Case(APP, {"root": NEW_KEY})
    assert served_to_clients(remote(server_of(NEW_KEY, FETCHED)), new).metadata["root"] == [(2, NEW_KEY)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda files: files.pop("timestamp.json"), "timestamp: the server made none", id="timestamp"),
        pytest.param(lambda files: files.pop("2.root.json"), "root version 2: the server does not have it", id="old-root"),
        pytest.param(
            lambda files: files.pop(f"root.{hashlib.sha256(newer(3)).hexdigest()}.json"),
            "root: the server's own metadata names other bytes than those that it serves",
            id="other-bytes",
        ),
        pytest.param(
            lambda files: files.update(server_of(newer(9999), FETCHED)), "root: states version 9999, and 1 was known", id="far"
        ),
        pytest.param(
            lambda files: files.update({"timestamp.json": listing("Timestamp", {})}),
            "snapshot: the server's own metadata names other bytes",
            id="no-snapshot",
        ),
    ],
)
def test_refuses_a_server_whose_files_do_not_hang_together(remote, change, message):
    files = server_of(newer(3), FETCHED) | {"2.root.json": NEW_KEY}
    change(files)
    with pytest.raises(VerificationError, match=f"^{APP}, {message}") as refused:
        served_to_clients(remote(files), CASE)
    assert "administrator" in refused.value.hint
