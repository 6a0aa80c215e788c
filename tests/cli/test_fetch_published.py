# SPDX-License-Identifier: Apache-2.0
"""`ceremony fetch` of repositories that are published: what it verifies, what it tells, and a trust folder in place of a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ceremony.cli.fetch import fetch_command
from ceremony.cli.folder import open_folder
from ceremony.cli.practice_request import read_files
from ceremony.core.request import Request, parse_index
from ceremony.core.trust_folder import SERVER
from ceremony.errors import CeremonyError, VerificationError
from tests.core.published.stock import Stock, pinned
from tests.online.faults import FaultServer
from tests.online.test_fetch_histories import Shelf, older
from tests.peers.notary import NotaryServer, notary

APP, WEB = "docker.io/acme/app", "reg.example:5000/acme/web"


def ceremony_fetch(*args: object) -> Result:
    return CliRunner().invoke(fetch_command, [str(arg) for arg in args])


def request_in(folder: Path) -> Request:
    with open_folder(folder) as opened:
        return read_files(opened)[0]


@pytest.fixture
def server(tmp_path):
    with NotaryServer(tmp_path) as running:
        yield running


@pytest.fixture
def key_ids(server, tmp_path) -> str:
    """Publish two repositories, and return the ids of their root keys."""
    for gun in (APP, WEB):
        Stock(server, tmp_path, gun, owner=f"owner-of-{gun[-3:]}").add("1.0", gun)
    (anchor,) = pinned(server, APP, WEB).others
    return "  ".join(sorted(anchor.key_ids))


# --- from a server ---------------------------------------------------------------


def test_verifies_against_key_ids_and_says_what_is_to_be_noted(server, key_ids, tmp_path):
    out = tmp_path / "request"
    done = ceremony_fetch(APP, WEB, "--server", server.url, "--out", out, "--trusted-root", key_ids)
    assert (done.exit_code, done.stdout) == (0, request_in(out).digest + "\n")
    assert done.stderr.splitlines()[1:] == [
        f"{out}: 0 new and 2 known repositories",
        "the known ones were verified against --trusted-root, as the ceremony will do again",
        f"note: {APP}, {WEB}: snapshot: the server does not hold its key: whoever signs it holds it too",
    ]


@pytest.mark.parametrize("what", ["root.json", "folder", "bundle"])
def test_verifies_against_what_is_at_a_path(server, key_ids, tmp_path, what):
    notary("list", APP, server=server.url, trust=tmp_path / "client")
    (tmp_path / "roots").mkdir()
    root = shutil.copy(tmp_path / "client/tuf" / APP / "metadata/root.json", tmp_path / "roots")
    trusted = {"root.json": root, "folder": tmp_path / "roots", "bundle": tmp_path / "client"}[what]
    options = ("--server", server.url, "--trusted-root", trusted)
    assert ceremony_fetch(APP, *options, "--out", tmp_path / "request").exit_code == 0
    done = ceremony_fetch(APP, WEB, *options, "--out", tmp_path / "other")
    assert isinstance(done.exception, CeremonyError)
    assert done.exception.message == "1 of 2 repositories failed"
    assert f"{WEB} root version 1: does not chain to the trusted root" in done.stderr
    assert done.stdout == request_in(tmp_path / "other").digest + "\n"
    assert list(request_in(tmp_path / "other").repositories) == [APP]


def test_says_when_nothing_was_verified(server, key_ids, tmp_path):
    done = ceremony_fetch(APP, "--server", server.url, "--out", tmp_path / "request")
    assert done.exit_code == 0
    assert "nothing was verified yet, the ceremony will do that" in done.stderr


def test_brings_new_server_keys_and_says_nothing_of_those(server, key_ids, tmp_path):
    options = ("--server", server.url, "--trusted-root", key_ids)
    ceremony_fetch(APP, *options, "--out", tmp_path / "before")
    both = ("--fresh-server-keys", "snapshot", "--fresh-server-keys", "timestamp")
    done = ceremony_fetch(APP, *options, *both, "--out", tmp_path / "after")
    assert done.exit_code == 0
    assert "note:" not in done.stderr
    before, after = (request_in(tmp_path / name).repositories[APP].keys for name in ("before", "after"))
    assert {role: before[role].sha256 != after[role].sha256 for role in before} == {"snapshot": True, "timestamp": True}


def test_tells_of_histories_that_the_server_does_not_have_from_their_beginning(tmp_path):
    shelf = Shelf({"root": 3, "targets": 2})
    older(shelf, "root", 2)
    guns = [f"docker.io/acme/app{n:02}" for n in range(12)]
    with FaultServer(shelf.answer) as server:
        done = ceremony_fetch(*guns, "--server", server.url, "--out", tmp_path / "request")
    assert done.exit_code == 0
    assert f"note: {', '.join(guns[:10])} and 2 more: the server's history of root begins at version 2" in done.stderr
    assert "targets" not in done.stderr  # a stock client's first version is 2


# --- from a trust folder ------------------------------------------------------------


@pytest.fixture
def client(server, key_ids, tmp_path) -> Path:
    """The trust folder of a stock client that listed both repositories."""
    for gun in (APP, WEB):
        notary("list", gun, server=server.url, trust=tmp_path / "client")
    return tmp_path / "client"


def test_a_trust_folder_is_a_request_with_the_same_digest_converted_or_not(client, key_ids, tmp_path):
    out = tmp_path / "request"
    done = ceremony_fetch("--trust-folder", client, "--out", out, "--trusted-root", key_ids)
    assert (done.exit_code, done.stdout) == (0, request_in(client).digest + "\n")
    assert "2 known repositories" in done.stderr
    assert "a trust folder has no server keys" in done.stderr
    request = parse_index((out / "index.json").read_bytes())
    assert request == request_in(out) == request_in(client)
    assert (request.server, list(request.repositories)) == (SERVER, [APP, WEB])
    for gun, found in request.repositories.items():
        assert not found.keys
        for role, (file,) in found.metadata.items():
            assert (out / file.path).read_bytes() == (client / f"tuf/{gun}/metadata/{role}.json").read_bytes()
    shutil.copytree(client, tmp_path / "copy")
    assert ceremony_fetch("--trust-folder", tmp_path / "copy", "--out", tmp_path / "again").stdout == done.stdout


def test_an_owners_trust_folder_gives_no_private_key_away(server, key_ids, tmp_path):
    owner = tmp_path / "owner-of-app"
    assert list((owner / "private").iterdir())
    assert ceremony_fetch("--trust-folder", owner, "--out", tmp_path / "request").exit_code == 0
    assert not any(b"PRIVATE" in path.read_bytes() for path in (tmp_path / "request").rglob("*.json"))


def test_takes_the_repositories_that_are_named(client, tmp_path):
    done = ceremony_fetch(WEB, "docker.io/acme/none", "--trust-folder", client, "--out", tmp_path / "request")
    assert isinstance(done.exception, CeremonyError)
    assert done.exception.message == "1 of 2 repositories failed"
    assert f"docker.io/acme/none: {client} holds no root of it" in done.stderr
    assert list(request_in(tmp_path / "request").repositories) == [WEB]
    assert done.stdout == request_in(tmp_path / "request").digest + "\n"


def test_leaves_out_what_is_broken_and_takes_no_broken_folder_for_a_request(client, key_ids, tmp_path):
    (client / "tuf" / APP / "metadata/targets.json").write_text("{}")
    done = ceremony_fetch("--trust-folder", client, "--out", tmp_path / "request")
    assert f"trust folder, {APP}, targets: is not metadata of that role" in done.stderr
    assert list(request_in(tmp_path / "request").repositories) == [WEB]
    with pytest.raises(VerificationError, match=f"^trust folder, {APP}, targets: is not metadata of that role$"):
        request_in(client)


def test_leaves_out_what_does_not_verify(client, key_ids, tmp_path):
    (own,) = [each for each in key_ids.split() if each in (client / "tuf" / WEB / "metadata/root.json").read_text()]
    done = ceremony_fetch("--trust-folder", client, "--out", tmp_path / "request", "--trusted-root", own)
    assert f"{APP} root version 1: does not chain to the trusted root" in done.stderr
    assert list(request_in(tmp_path / "request").repositories) == [WEB]


def test_makes_no_folder_when_every_repository_failed(client, tmp_path):
    done = ceremony_fetch("docker.io/acme/none", "--trust-folder", client, "--out", tmp_path / "request")
    assert (done.stdout, (tmp_path / "request").exists()) == ("", False)
    assert isinstance(done.exception, CeremonyError)


def oversize(client: Path) -> str:
    with (client / "tuf" / APP / "metadata/root.json").open("r+b") as file:
        file.truncate(11 * 1024 * 1024)
    return f"{APP}: tuf/{APP}/metadata/root.json is longer than the 10485760 bytes that are read"


def empty(client: Path) -> str:
    shutil.rmtree(client / "tuf")
    return f"{client} holds no metadata of a repository"


def missing(client: Path) -> str:
    shutil.rmtree(client)
    return f"{client}: cannot be opened (No such file or directory)"


@pytest.mark.parametrize("spoil", [oversize, empty, missing])
def test_says_what_is_wrong_with_a_trust_folder(client, tmp_path, spoil):
    message = spoil(client)
    done = ceremony_fetch("--trust-folder", client, "--out", tmp_path / "request")
    assert isinstance(done.exception, CeremonyError)
    assert message in done.exception.message + done.stderr


def test_no_trust_folder_vouches_for_itself_and_none_makes_server_keys(client, tmp_path):
    options = ("--trust-folder", client, "--out", tmp_path / "request")
    for own in (client, client / "tuf" / APP / "metadata/root.json"):
        done = ceremony_fetch(*options, "--trusted-root", own)
        assert (done.exit_code, "no folder can vouch for itself" in done.stderr) == (2, True)
    done = ceremony_fetch(*options, "--fresh-server-keys", "snapshot")
    assert (done.exit_code, "a trust folder has no server keys" in done.stderr) == (2, True)
