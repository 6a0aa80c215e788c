# SPDX-License-Identifier: Apache-2.0
"""`ceremony publish`: the audit first, a line a repository on stdout, from a folder or its tar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ceremony.cli.folder import FolderReader
from ceremony.cli.publish import publish_command, run
from ceremony.cli.server import ServerOptions
from ceremony.core import bundle
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, StorageError, VerificationError
from tests.online.faults import Answer, FaultServer, Store
from tests.online.metadata import genesis
from tests.peers.notary import NotaryServer, notary

APP = "docker.io/acme/app"
TEAM = "reg.example:5000/acme/team"


def practice(_folder: FolderReader) -> Mode:
    return Mode.PRACTICE


def production(_folder: FolderReader) -> Mode:
    return Mode.PRODUCTION


def ceremony_of(server) -> dict[str, bytes]:
    """Make the files of a ceremony with one whole repository, and one that waits for its team."""
    files = {"ceremony.jsonl": b"{}\n"}
    for gun, roles in {APP: ("root", "targets"), TEAM: ("root",)}.items():
        signed = genesis(gun, server.key(gun, "snapshot"), server.key(gun, "timestamp"))
        files |= {f"bundle/tuf/{gun}/metadata/{role}.json": signed.files[role] for role in roles}
    return files


def written(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.fixture
def store() -> Iterator[tuple[Store, FaultServer]]:
    store = Store()
    with FaultServer(store.answer) as server:
        yield store, server


@pytest.mark.parametrize("tar", [False, True], ids=["folder", "tar"])
def test_publishes_a_folder_or_its_tar_to_a_real_server(tmp_path, capsys, tar):
    with NotaryServer(tmp_path) as server:
        files = ceremony_of(server)
        path = written(tmp_path / "ceremony", files)
        if tar:
            path = tmp_path / "ceremony.tar"
            path.write_bytes(b"".join(bundle.tar(iter(sorted(files.items())))))
        run(path, ServerOptions(server.url), dry_run=True, audit=practice)
        run(path, ServerOptions(server.url), dry_run=False, audit=practice)
        run(path, ServerOptions(server.url), dry_run=False, audit=practice)
        notary("list", APP, server=server.url, trust=tmp_path / "fresh")
    out, err = capsys.readouterr()
    waiting = f"waiting-for-team {TEAM}"
    assert out.splitlines() == [f"would-publish {APP}", waiting, f"published {APP}", waiting, f"published-before {APP}", waiting]
    assert err.splitlines() == [
        line
        for what in ("asking", "publishing", "publishing")
        for line in (
            f"{what} 2 repositories",
            f"waiting for their teams, who sign the targets with their own keys and publish: {TEAM}",
        )
    ]


def test_sends_nothing_when_the_audit_fails(tmp_path, store):
    def failing(folder: FolderReader) -> Mode:
        assert folder.names()[0] == f"bundle/tuf/{APP}/metadata/root.json"
        raise VerificationError("MANIFEST.sha256", "was changed", hint="compare")

    folder = written(tmp_path / "ceremony", ceremony_of(store[0]))
    with pytest.raises(VerificationError, match=r"^MANIFEST\.sha256: was changed$"):
        run(folder, ServerOptions(store[1].url), dry_run=False, audit=failing)
    assert store[1].asked == []


def test_a_practice_ceremony_goes_only_to_loopback(tmp_path, store):
    folder = written(tmp_path / "ceremony", ceremony_of(store[0]))
    options = ServerOptions("https://notary.example")
    with pytest.raises(CeremonyError, match=r"^a practice ceremony is not published to https://notary\.example$") as refused:
        run(folder, options, dry_run=False, audit=practice)
    assert "notary-server on this machine" in refused.value.hint
    run(folder, ServerOptions(store[1].url), dry_run=False, audit=production)
    assert store[0].posts == [APP]


def test_says_nothing_of_teams_when_nobody_waits(tmp_path, store, capsys):
    files = {path: data for path, data in ceremony_of(store[0]).items() if TEAM not in path}
    run(written(tmp_path / "ceremony", files), ServerOptions(store[1].url), dry_run=False, audit=practice)
    assert tuple(capsys.readouterr()) == (f"published {APP}\n", "publishing 1 repository\n")


def test_tells_what_failed_after_what_was_done(tmp_path, capsys):
    store = Store()
    other = "docker.io/acme/other"
    with FaultServer(lambda asked: Answer(409) if (asked.method, asked.gun) == ("POST", APP) else store.answer(asked)) as server:
        files = ceremony_of(store)
        signed = genesis(other, store.key(other, "snapshot"), store.key(other, "timestamp"))
        files |= {f"bundle/tuf/{other}/metadata/{role}.json": data for role, data in signed.files.items()}
        with pytest.raises(CeremonyError, match=r"^1 of 3 repositories failed$"):
            run(written(tmp_path / "ceremony", files), ServerOptions(server.url), dry_run=False, audit=practice)
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"published {other}", f"waiting-for-team {TEAM}"]
    assert f"{APP}: the server has moved on since (409)\nhint: nothing was changed there" in err


def test_refuses_a_folder_that_is_none(tmp_path):
    done = CliRunner().invoke(publish_command, [str(tmp_path / "none"), "--server", "https://notary.example"])
    assert isinstance(done.exception, StorageError)
    assert done.exception.message == f"{tmp_path / 'none'}: cannot be opened (No such file or directory)"


def test_has_the_options_of_the_design():
    done = CliRunner().invoke(publish_command, ["--help"])
    assert done.exit_code == 0
    assert set(re.findall(r"--[a-z-]+", done.stdout)) == {
        "--server", "--ca-file", "--user", "--password-file", "--insecure-http", "--dry-run", "--help",
    }  # fmt: skip
    assert CliRunner().invoke(publish_command, ["x"]).exit_code == 2
