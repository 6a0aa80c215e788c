# SPDX-License-Identifier: Apache-2.0
import os
import resource
import signal
import subprocess
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from ceremony.cli.plan import plan
from ceremony.cli.plan_files import EXAMPLE, EXAMPLES, MAX_APPROVAL, MAX_FILE, create, judge, load_plan, load_site, make_folder
from ceremony.core.approval import NAMESPACE, missing_approvals, statement
from ceremony.core.plan import Kind, Mode
from ceremony.core.plan_lint import refuse_unsupported
from ceremony.errors import CeremonyError, PlanRefused, StorageError, VerificationError
from tests.fakes.plans import FILES, GENESIS, ROTATION, bent, ssh


def run(*arguments):
    """Return stdout and stderr of a command that ends well."""
    result = CliRunner().invoke(plan, [str(argument) for argument in arguments])
    assert result.exception is None, result.output
    return result.stdout, result.stderr


def refusal(*arguments):
    """Return the error that a command ends with; nothing was printed as data."""
    result = CliRunner().invoke(plan, [str(argument) for argument in arguments])
    assert isinstance(result.exception, CeremonyError), result.output
    assert result.stdout == ""
    return result.exception


@pytest.fixture
def folder(tmp_path):
    """A plan and the files it names, on disk."""
    for name, data in {"plan.toml": GENESIS.encode(), **FILES}.items():
        path = tmp_path / "there" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "there"


@pytest.fixture
def key(folder):
    """The key of Wim, the witness, made by ssh-keygen; the plan names it."""
    path = folder.parent / "wim"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "wim", "-f", path], check=True)
    line = path.with_suffix(".pub").read_text().strip()
    (folder / "plan.toml").write_bytes(bent((ssh(15), line)))
    return path


# --- the example ---------------------------------------------------------------


def test_the_example_that_ships_can_be_held_in_practice():
    example, approvals = load_plan(EXAMPLE)
    warnings = judge(example, now=datetime.now(UTC), mode=Mode.PRACTICE)
    refuse_unsupported(example, None, Mode.PRACTICE)
    assert {warning.field for warning in warnings} == {"request", "people[0].key", "backup.protect"}
    assert approvals == {}


def test_the_example_shows_what_a_plan_can_say():
    example, _ = load_plan(EXAMPLE)
    assert [repository.name for repository in example.repositories] == [
        "docker.io/acme/app",
        "docker.io/acme/web",
        "reg.example:5000/tools/cli",
        "docker.io/acme/vendor",
        "docker.io/acme/base/alpine",
        "docker.io/acme/base/debian",
        "docker.io/acme/base/ubuntu",
    ]
    assert (example.root.tokens, example.root.threshold) == (("root-a", "root-b", "root-c"), 2)
    assert {repository.targets.source.value for repository in example.repositories} == {"generate", "file"}
    assert [signer.name for repository in example.repositories for signer in repository.signers] == ["alice"]


def test_the_example_holds_no_private_key():
    for path in EXAMPLE.parent.rglob("*"):
        assert path.is_dir() or b"PRIVATE" not in path.read_bytes()


# --- new -----------------------------------------------------------------------


def test_new_prints_the_example():
    stdout, stderr = run("new", "genesis")
    assert stdout.encode() == EXAMPLE.read_bytes()
    assert stderr == "it names guns.txt, keys/alice.pem, keys/app.pem; with --out FILE, examples of these are written too\n"


def test_new_writes_a_plan_that_check_takes_as_it_is(tmp_path):
    out = tmp_path / "mine.toml"
    stdout, stderr = run("new", "genesis", "--out", out)
    assert stdout == ""
    assert stderr.splitlines()[0] == f"wrote {out}"
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "guns.txt",
        "keys",
        "keys/alice.pem",
        "keys/app.pem",
        "mine.toml",
    ]
    assert run("check", out)[0].startswith("OK            acme-root\n")


@pytest.mark.parametrize("there", ["mine.toml", "guns.txt", "keys/app.pem"])
def test_new_overwrites_nothing_and_writes_nothing_beside_it(tmp_path, there):
    (tmp_path / "keys").mkdir()
    (tmp_path / there).write_text("mine")
    error = refusal("new", "genesis", "--out", tmp_path / "mine.toml")
    assert error.message == f"{tmp_path / there} exists already"
    assert "nothing is overwritten" in error.hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / there]
    assert (tmp_path / there).read_text() == "mine"


def test_the_example_of_a_recovery_can_be_checked_and_names_no_file(tmp_path):
    stdout, stderr = run("new", "recovery")
    assert (stdout.encode(), stderr) == (EXAMPLES[Kind.RECOVERY].read_bytes(), "")
    run("new", "recovery", "--out", tmp_path / "plan.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]
    stdout, _ = run("check", tmp_path / "plan.toml")
    assert "kind          recovery, dialect notary\n" in stdout
    assert "steps         13, " in stdout
    stdout, _ = run("script", tmp_path / "plan.toml")
    assert "this host has each restored root key in its memory" in stdout


def test_new_wants_a_folder_that_is_there(tmp_path):
    error = refusal("new", "genesis", "--out", tmp_path / "none" / "plan.toml")
    assert isinstance(error, StorageError)
    assert error.message == f"{tmp_path / 'none' / 'plan.toml'}: its folder is not there"
    assert error.hint == "make the folder first"


@pytest.mark.parametrize(
    ("kind", "files", "steps"),
    [
        pytest.param("renewal", ["plan.toml"], "steps         15, ", id="renewal"),
        pytest.param("rotation", ["keys", "keys/stolen.pem", "plan.toml"], "steps         15, ", id="rotation"),
    ],
)
def test_the_examples_of_what_follows_a_genesis_can_be_checked(tmp_path, kind, files, steps):
    run("new", kind, "--out", tmp_path / "plan.toml")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == files
    stdout, stderr = run("check", tmp_path / "plan.toml")
    assert f"kind          {kind}, dialect notary\n" in stdout
    assert steps in stdout
    assert "cannot be held" not in stderr


def test_new_knows_the_kinds():
    result = CliRunner().invoke(plan, ["new", "christening"])
    assert result.exit_code == 2
    assert "'christening' is not one of" in result.stderr


# --- check ---------------------------------------------------------------------


def test_check_sums_a_plan_up(folder):
    stdout, stderr = run("check", folder / "plan.toml")
    read, _ = load_plan(folder / "plan.toml")
    assert stdout.splitlines() == [
        "OK            acme-root",
        f"sha256        {read.sha256}",
        "kind          genesis, dialect notary",
        "root          ecdsa-p256, 2 of 3 tokens, custody token-only",
        "repositories  3",
        "people        5, approved by 0 of 4",
        "steps         17, about 118 minutes",
    ]
    assert stderr == ""


def test_check_tells_warnings_on_standard_error(folder):
    (folder / "plan.toml").write_bytes(bent((ssh(11), "")))
    stdout, stderr = run("check", folder / "plan.toml")
    assert stdout.startswith("OK ")
    assert 'warning: people[0].key: is missing, and without it nobody signs for "Ada"; production refuses this\n' in stderr


def test_check_reads_a_rotation(folder):
    (folder / "plan.toml").write_text(ROTATION)
    stdout, stderr = run("check", folder / "plan.toml")
    assert "kind          rotation, dialect notary" in stdout
    assert "root " not in stdout
    assert "cannot be held" not in stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("threshold = 2", "treshold = 2", "root.treshold: is not a field that is known", id="form"),
        pytest.param("threshold = 2", "threshold = 4", "root.threshold: is 4, and 3 tokens hold keys", id="sense"),
        pytest.param("root = 2036", "root = 2020", "expires.root: 2020-11-19T00:00:00Z is not in the future", id="past"),
        pytest.param('"notary"', '"tuf"', "dialect: 'tuf' is not a dialect", id="dialect"),
        pytest.param("keys/app.pem", "keys/gone.pem", 'repositories[1].targets.path: "keys/gone.pem" is not there', id="gone"),
        pytest.param("keys/app.pem", "../x", 'repositories[1].targets.path: "../x" holds an empty, . or .. component', id="up"),
        pytest.param("keys/app.pem", "guns.txt/x", 'repositories[1].targets.path: "guns.txt/x" is not there', id="below a file"),
        pytest.param("keys/app.pem", "keys", "keys: is not a plain file", id="folder"),
    ],
)
@pytest.mark.parametrize("command", ["check", "script"])
def test_refuses_a_plan_and_prints_nothing(folder, command, old, new, message):
    (folder / "plan.toml").write_bytes(bent((old, new)))
    error = refusal(command, folder / "plan.toml")
    assert isinstance(error, PlanRefused)
    assert error.message == message
    assert error.hint


def test_refuses_a_plan_that_is_not_there(tmp_path):
    assert refusal("check", tmp_path / "none.toml").message == f"{tmp_path / 'none.toml'}: is not there"


def test_refuses_a_plan_that_cannot_be_read(tmp_path):
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    assert "cannot be read" in refusal("check", tmp_path / "loop.toml").message


def test_refuses_a_pipe_without_waiting_for_it(folder):
    os.mkfifo(folder / "pipe.toml")
    assert refusal("check", folder / "pipe.toml").message == f"{folder / 'pipe.toml'}: is not a plain file"


def test_takes_a_link_within_the_folder_and_refuses_one_that_leads_out(folder):
    (folder / "keys" / "app.pem").rename(folder / "real.pem")
    (folder / "keys" / "app.pem").symlink_to("../real.pem")
    run("check", folder / "plan.toml")
    (folder / "real.pem").rename(folder.parent / "real.pem")
    (folder / "keys" / "app.pem").unlink()
    (folder / "keys" / "app.pem").symlink_to("../../real.pem")
    error = refusal("check", folder / "plan.toml")
    assert error.message == "keys/app.pem: is a link that leads out of the plan's folder"
    (folder / "keys" / "app.pem").unlink()
    (folder / "keys" / "app.pem").symlink_to("app.pem")
    assert refusal("check", folder / "plan.toml").message == "keys/app.pem: cannot be found: its links lead nowhere"


def test_refuses_a_file_that_is_too_long(folder):
    with (folder / "guns.txt").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    assert refusal("check", folder / "plan.toml").message == f"guns.txt: is longer than the {MAX_FILE} bytes that are read"


def test_reads_a_site(tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[tokens.root-a]\npkcs11 = "pkcs11:serial=1"\nmodule = "/m.so"\n')
    assert load_site(site).tokens["root-a"].module == "/m.so"


# --- script --------------------------------------------------------------------


def test_script_prints_or_writes_the_same_text(folder):
    stdout, _ = run("script", folder / "plan.toml")
    assert stdout.startswith("# Script of the ceremony acme-root\n")
    out = folder / "script.md"
    assert run("script", folder / "plan.toml", "--out", out) == ("", f"wrote {out}\n")
    assert out.read_text() == stdout
    assert refusal("script", folder / "plan.toml", "--out", out).message == f"{out} exists already"


# --- approve -------------------------------------------------------------------


def test_approve_writes_a_signature_that_ssh_keygen_verifies(folder, key, tmp_path):
    stdout, stderr = run("approve", folder / "plan.toml", "--key", key)
    (file,) = (folder / "plan.approvals").iterdir()
    assert stdout == f"{file}\n"
    assert stderr.endswith("Wim approves acme-root\n")
    read, approvals = load_plan(folder / "plan.toml")
    assert f"plan {read.sha256}\n" in stderr
    assert list(approvals) == [file.name]
    assert [person.name for person in missing_approvals(read, approvals)] == ["Sofia", "Sven", "Sam"]
    allowed = tmp_path / "allowed"
    allowed.write_text(f"wim {key.with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "wim", "-n", NAMESPACE, "-s", file]
    subprocess.run(command, input=statement(read), capture_output=True, check=True)
    assert "approved by 1 of 4" in run("check", folder / "plan.toml")[0]


def test_approve_never_overwrites(folder, key):
    run("approve", folder / "plan.toml", "--key", key)
    (file,) = (folder / "plan.approvals").iterdir()
    before = file.read_bytes()
    error = refusal("approve", folder / "plan.toml", "--key", key)
    assert error.message == f"{file} exists already: Wim has approved before"
    assert "set that file aside" in error.hint
    assert file.read_bytes() == before


def test_an_approval_ends_with_a_change_of_the_plan(folder, key):
    run("approve", folder / "plan.toml", "--key", key)
    with (folder / "guns.txt").open("ab") as file:
        file.write(b"docker.io/acme/evil\n")
    stdout, stderr = run("check", folder / "plan.toml")
    assert "approved by 0 of 4" in stdout
    assert "does not approve this plan as it is now, for Wim" in stderr
    with pytest.raises(VerificationError, match="does not approve this plan as it is now"):
        missing_approvals(*load_plan(folder / "plan.toml"))


def test_approve_refuses_a_strangers_key_and_writes_nothing(folder, tmp_path):
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    error = refusal("approve", folder / "plan.toml", "--key", stranger)
    assert error.message == f"{stranger}: was made by the key of nobody in the plan"
    assert error.hint == "people whose keys the plan holds: Ada, Sofia, Sven, Sam, Wim"
    assert not (folder / "plan.approvals").exists()


def test_approve_refuses_a_plan_that_check_refuses(folder, key):
    (folder / "plan.toml").write_bytes(bent(("threshold = 2", "threshold = 4")))
    assert refusal("approve", folder / "plan.toml", "--key", key).message.startswith("root.threshold: is 4")


def test_approve_wants_a_key_that_is_there(folder):
    error = refusal("approve", folder / "plan.toml", "--key", folder / "none")
    assert error.message == f"there is no key at {folder / 'none'}"


def test_refuses_approvals_that_are_too_long_or_no_files(folder):
    approvals = folder / "plan.approvals"
    approvals.mkdir()
    (approvals / "a.sig").mkdir()
    assert refusal("check", folder / "plan.toml").message == f"{approvals / 'a.sig'}: is not a plain file"
    (approvals / "a.sig").rmdir()
    (approvals / "a.sig").write_bytes(b"x" * (MAX_APPROVAL + 1))
    assert "is longer than the 65536 bytes" in refusal("check", folder / "plan.toml").message


# --- writing -------------------------------------------------------------------


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(StorageError, match="cannot be written"):
            create(path, b"data")
    with pytest.raises(StorageError, match="cannot be written"):
        make_folder(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_grows_too_large_is_not_left_half_written(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            create(tmp_path / "out", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []
