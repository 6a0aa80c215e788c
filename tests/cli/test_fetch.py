# SPDX-License-Identifier: Apache-2.0
"""`ceremony fetch`: the digest on stdout, everything else on stderr, no secret in an option."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ceremony.cli.fetch import fetch_command
from ceremony.core.request import parse_index
from ceremony.errors import CeremonyError, StorageError
from tests.online.faults import Answer, FaultServer, Store
from tests.peers.notary import NotaryServer

APP = "docker.io/acme/app"
BASIC = "Basic YWRhOnMzY3JldA=="  # ada:s3cret


def ceremony_fetch(*args: object, **options) -> Result:
    return CliRunner().invoke(fetch_command, [str(arg) for arg in args], **options)


@pytest.fixture
def wants_password() -> Iterator[FaultServer]:
    store = Store()
    challenge = Answer(401, headers={"WWW-Authenticate": 'Basic realm="notary"'})

    def answer(asked):
        return store.answer(asked) if asked.headers.get("authorization") == BASIC or not asked.gun else challenge

    with FaultServer(answer) as server:
        yield server


def test_prints_the_digest_and_nothing_else_on_stdout(tmp_path):
    (tmp_path / "guns.txt").write_text(f"# ours\n{APP}\n\nreg.example:5000/app\n")
    out = tmp_path / "request"
    with NotaryServer(tmp_path) as server:
        done = ceremony_fetch(
            APP, "docker.io/acme/b", "--server", server.url + "/", "--out", out, "--names-from", tmp_path / "guns.txt"
        )
    request = parse_index((out / "index.json").read_bytes())
    assert (done.exit_code, done.stdout) == (0, request.digest + "\n")
    assert done.stderr == f"fetching 3 repositories\n{out}: 3 new and 0 known repositories\n"
    assert sorted(request.repositories) == [APP, "docker.io/acme/b", "reg.example:5000/app"]


def test_tells_each_failure_and_a_shared_hint_once(tmp_path):
    store, bad = Store(), ("docker.io/acme/b", "docker.io/acme/c")
    with FaultServer(lambda asked: Answer(403) if asked.gun in bad else store.answer(asked)) as server:
        done = ceremony_fetch(APP, *bad, "--server", server.url, "--out", tmp_path / "request")
    assert isinstance(done.exception, CeremonyError)
    assert done.exception.message == "2 of 3 repositories failed"
    assert done.stdout.startswith("sha256:")
    assert done.stderr.splitlines()[2:] == [
        "docker.io/acme/b, root.json: the server does not let you (403)",
        "docker.io/acme/c, root.json: the server does not let you (403)",
        "hint: ask its administrator for the right to push to this repository",
    ]


def test_prints_no_digest_when_all_failed(tmp_path):
    with FaultServer(lambda _asked: Answer(403)) as server:
        done = ceremony_fetch(APP, "--server", server.url, "--out", tmp_path / "request")
    assert isinstance(done.exception, CeremonyError)
    assert done.exception.message == "1 of 1 repositories failed"
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


def test_asks_for_the_password_without_echo(tmp_path, wants_password):
    done = ceremony_fetch(APP, "--server", wants_password.url, "--user", "ada", "--out", tmp_path / "request", input="s3cret\n")
    assert done.exit_code == 0
    assert "Password of ada" in done.stderr
    assert "s3cret" not in done.output


@pytest.mark.parametrize("text", ["s3cret", "s3cret\n", "s3cret\r\nnot this\n"])
def test_reads_the_password_from_a_file(tmp_path, wants_password, text):
    (tmp_path / "password").write_bytes(text.encode())
    options = ("--server", wants_password.url, "--user", "ada", "--password-file", tmp_path / "password")
    assert ceremony_fetch(APP, *options, "--out", tmp_path / "request").exit_code == 0


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        pytest.param("missing", None, r"cannot be read \(No such file or directory\)$", id="missing"),
        pytest.param("empty", b"\nx", "has an empty first line$", id="empty"),
        pytest.param("huge", b"x" * 5000, "is more than 4096 bytes$", id="huge"),
    ],
)
def test_refuses_a_password_file_that_holds_none(tmp_path, name, data, message):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    options = ("--server", "https://notary.example", "--user", "ada", "--password-file", tmp_path / name)
    done = ceremony_fetch(APP, *options, "--out", tmp_path / "request")
    assert isinstance(done.exception, StorageError)
    with pytest.raises(StorageError, match=message):
        raise done.exception


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param([], "name a repository (GUN)", id="no-repository"),
        pytest.param([APP, "--password-file", "x"], "--password-file needs --user", id="password-without-user"),
        pytest.param([APP, "--password", "x"], "No such option", id="no-option-takes-a-password"),
        pytest.param([APP, "--trust-folder", "x"], "name one place to fetch from", id="two-places"),
        pytest.param([APP, "--fresh-server-keys", "root"], "'root' is not one of 'snapshot', 'timestamp'", id="no-server-key"),
    ],
)
def test_ends_2_for_wrong_usage(tmp_path, args, message):
    done = ceremony_fetch(*args, "--server", "https://notary.example", "--out", tmp_path / "request")
    assert done.exit_code == 2
    assert message in done.stderr
    assert ceremony_fetch(APP).exit_code == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(["--trusted-root", "bundle"], "trusted-root: bundle is not there", id="trusted-root"),
        pytest.param(["--trusted-root", __file__], "test_fetch.py", id="trusted-root-that-is-none"),
        pytest.param(
            ["--names-from", "missing.txt"], "missing.txt: cannot be read (No such file or directory)", id="no-such-file"
        ),
        pytest.param(["--server", "http://notary.example"], "http://notary.example is not protected", id="http"),
        pytest.param(["--ca-file", __file__], "the CA file is not a certificate in PEM", id="ca-file"),
        pytest.param(
            ["docker.io/../app", "--server", "https://127.0.0.1:1"], 'GUN: "docker.io/../app" cannot be used', id="dots"
        ),
    ],
)
def test_refuses_in_one_sentence_and_leaves_nothing(tmp_path, args, message):
    done = ceremony_fetch(APP, "--server", "https://notary.example", "--out", tmp_path / "request", *args)
    assert isinstance(done.exception, CeremonyError)
    assert message in done.exception.message
    assert done.exception.hint
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


def test_speaks_http_to_another_machine_only_when_told(tmp_path, monkeypatch):
    with FaultServer(lambda _asked: Answer(403)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        ceremony_fetch(APP, "--server", "http://notary.example", "--insecure-http", "--out", tmp_path / "request")
        assert proxy.asked[0].path == "http://notary.example/v2/"


def test_loads_the_network_library_only_when_it_is_needed():
    code = "import sys, ceremony.cli.fetch, ceremony.cli.publish; print({'urllib3', 'http.client', 'ssl', 'urllib.request'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "set()\n"
