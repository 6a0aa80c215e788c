# SPDX-License-Identifier: Apache-2.0
"""`ceremony publish`: the audit first, a line a repository on stdout, from a folder or its tar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ceremony.cli.folder import FolderReader
from ceremony.cli.publish import ResignOptions, publish_command, run
from ceremony.cli.server import ServerOptions
from ceremony.core import bundle
from ceremony.core.bundle import PLAN, PLAN_FILES
from ceremony.core.dialects import notary_key_file
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Mode
from ceremony.core.published.changes import Changes
from ceremony.core.secret import Secret
from ceremony.core.software_key import make
from ceremony.errors import CeremonyError, StorageError, VerificationError
from tests.core.published.stock import Stock
from tests.fakes.plans import FILES, ROTATION, bent
from tests.online.faults import Answer, FaultServer, Store
from tests.online.metadata import genesis
from tests.online.renewed import Folder
from tests.peers.notary import PASSPHRASE, NotaryServer, notary

APP = "docker.io/acme/app"
TEAM = "reg.example:5000/acme/team"
HINT = (
    "hint: they run `ceremony publish DIR --server URL --resign-targets KEYFILE`; "
    "for a repository that the server does not know yet, see the guide"
)


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
            HINT,
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
    assert out.splitlines() == [f"published {other}", f"waiting-for-team {TEAM}", f"failed {APP}"]
    assert f"{APP}: the server has moved on since (409)\nhint: nothing was changed there" in err


@pytest.fixture
def rotated(tmp_path) -> Iterator[tuple[NotaryServer, Path, Path]]:
    """A server, the folder of a rotation whose repository waits for its team, and the team's key as `notary` keeps it, encrypted."""
    with NotaryServer(tmp_path) as server:
        stock = Stock(server, tmp_path, APP)
        stock.notary("key", "rotate", APP, "snapshot", "-r")
        alice, _ = stock.delegate("targets/alice", tmp_path)
        notary("init", TEAM, server=server.url, trust=tmp_path / "team")
        [path] = [p for p in (tmp_path / "team/private").iterdir() if "role: targets" in p.read_text()]
        key = notary_key_file.read(path.read_bytes(), "key", Secret(PASSPHRASE))
        folder = Folder(server, [APP])
        folder.sign(stock, Changes(targets=key.public))
        assert alice is not None
        folder.files[PLAN] = bent(("cd" * 32, "ab" * 32), source=ROTATION)
        folder.files |= {PLAN_FILES + name: data for name, data in {**FILES, "stolen.pem": alice.public.pem}.items()}
        yield server, written(tmp_path / "ceremony", folder.files), path


def test_a_team_signs_with_the_key_that_notary_keeps(rotated, monkeypatch, capsys, tmp_path):
    server, folder, key = rotated
    monkeypatch.setenv("NOTARY_TARGETS_PASSPHRASE", PASSPHRASE)
    for options in (
        {"dry_run": False},
        {"dry_run": True, "resign": ResignOptions((key,))},
        {"dry_run": False, "resign": ResignOptions((key,))},
    ):
        run(folder, ServerOptions(server.url), audit=practice, **options)
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"waiting-for-team {APP}", f"would-resign {APP}", f"published-resigned {APP}"]
    assert err.splitlines()[-1] == "publishing 1 repository"
    # The plan calls alice's key stolen: she goes, although the ceremony signed no targets.
    assert "No delegations present" in notary("delegation", "list", APP, server=server.url, trust=tmp_path / "fresh").stdout


def test_a_wrong_passphrase_is_tried_once_and_named(rotated, monkeypatch):
    server, folder, key = rotated
    monkeypatch.setenv("NOTARY_TARGETS_PASSPHRASE", "wrong")
    with pytest.raises(VerificationError) as refused:
        run(folder, ServerOptions(server.url), dry_run=False, audit=practice, resign=ResignOptions((key,)))
    assert refused.value.message == f"{key}: does not open with the passphrase in NOTARY_TARGETS_PASSPHRASE"
    assert server.get(APP, "3.root.json") is None


def test_without_the_variable_the_passphrase_is_asked_for_unseen(rotated, monkeypatch):
    server, folder, key = rotated
    monkeypatch.delenv("NOTARY_TARGETS_PASSPHRASE", raising=False)
    monkeypatch.setattr("ceremony.cli.audit.audited", practice)
    command = [str(folder), "--server", server.url, "--resign-targets", str(key), "--targets-expire", "2033-04-05"]
    done = CliRunner().invoke(publish_command, command, input=f"{PASSPHRASE}\n")
    assert (done.exit_code, done.stdout) == (0, f"published-resigned {APP}\n"), done.exception
    assert f"Passphrase of {key}" in done.stderr
    assert PASSPHRASE not in done.output
    assert b'"expires":"2033-04-05T00:00:00Z"' in (server.get(APP, "targets.json") or b"")


def test_what_moved_on_is_said_on_stdout_too_and_other_teams_are_counted(tmp_path, monkeypatch, capsys):
    with NotaryServer(tmp_path) as server:
        fleet = [Stock(server, tmp_path, gun) for gun in (APP, TEAM)]
        folder, keys = Folder(server, [APP, TEAM]), [make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256)]
        for stock, key in zip(fleet, keys, strict=True):
            folder.sign(stock, Changes(targets=key.public), key)
        fleet[0].add("1.0", "one")
        path = written(tmp_path / "ceremony", folder.files)
        key_file = tmp_path / "app.key"
        key_file.write_bytes(keys[0].pkcs8_pem())
        with pytest.raises(CeremonyError, match=r"^1 of 2 repositories failed$"):
            run(path, ServerOptions(server.url), dry_run=False, audit=practice)
        assert capsys.readouterr().out.splitlines() == [f"published {TEAM}", f"moved-on {APP}"]
        asking = ResignOptions((key_file,))
        with pytest.raises(CeremonyError, match=r"^1 of 1 repositories failed$"):
            run(path, ServerOptions(server.url), dry_run=False, audit=practice, resign=asking)
        out, err = capsys.readouterr()
        assert out == f"moved-on {APP}\n"
        assert "tags '1.0'\n" in err
        for drop in (True, False):  # the second finds it published
            run(
                path,
                ServerOptions(server.url),
                dry_run=False,
                audit=practice,
                resign=ResignOptions((key_file,), drop=drop, keep=not drop),
            )
        out, err = capsys.readouterr()
        assert out.splitlines() == [f"published-resigned {APP}", f"published-before {APP}"]
        assert f"{APP}: as the request has them, not as somebody changed them since: the tags '1.0'" in err
        assert "not looked at, because another key signs their targets: 1" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep-newer-tags"], "need --resign-targets"),
        (["--targets-expire", "2030-01-01"], "need --resign-targets"),
        (["--resign-targets", "k", "--keep-newer-tags", "--drop-newer-tags"], "exclude each other"),
        (["--resign-targets", "k", "--targets-expire", "soon"], "soon"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(tmp_path, options, message):
    done = CliRunner().invoke(publish_command, [str(tmp_path), "--server", "https://notary.example", *options])
    assert done.exit_code == 2
    assert message in done.stderr


def test_refuses_a_folder_that_is_none(tmp_path):
    done = CliRunner().invoke(publish_command, [str(tmp_path / "none"), "--server", "https://notary.example"])
    assert isinstance(done.exception, StorageError)
    assert done.exception.message == f"{tmp_path / 'none'}: cannot be opened (No such file or directory)"


def test_has_the_options_of_the_design():
    done = CliRunner().invoke(publish_command, ["--help"])
    assert done.exit_code == 0
    assert set(re.findall(r"--[a-z-]+", done.stdout)) == {
        "--server", "--ca-file", "--user", "--password-file", "--insecure-http", "--dry-run", "--help",
        "--resign-targets", "--keep-newer-tags", "--drop-newer-tags", "--targets-expire",
    }  # fmt: skip
    assert CliRunner().invoke(publish_command, ["x"]).exit_code == 2
