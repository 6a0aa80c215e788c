# SPDX-License-Identifier: Apache-2.0
"""`ceremony rehearse`: what it refuses before anything is made, where it leaves what, and that it can be interrupted."""

from __future__ import annotations

import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from ceremony.cli import practice, rehearse
from ceremony.cli.main import main
from ceremony.cli.plan_files import EXAMPLE
from ceremony.core import canonical
from ceremony.devices import softhsm
from ceremony.errors import CeremonyError, ExitCode
from ceremony.host import memory
from ceremony.steps import runner
from tests.cli.conftest import said
from tests.fakes.plans import FILES, REQUEST, bent
from tests.peers.program import command, environment, program
from tests.peers.request_folders import APP, SPOILED, write

PLAN = bent(
    (f'request = "{REQUEST}"\n', ""),
    ('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"'),
    ('[[repositories]]\nnames-from = "guns.txt"\n', f'[[repositories]]\nname = "{APP}/two"\n'),
).decode()
"""A plan that can be held in practice, without a request."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that everything happens in, with a plan and the files it names."""
    for name, data in {"plan.toml": PLAN.encode(), **FILES}.items():
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def refused(refuse, here):
    """Refuse as `refuse` does; and nothing was made."""

    def refused(*arguments, code=1):
        before = sorted(here.parent.rglob("*"))
        told = refuse("rehearse", *arguments, code=code)
        assert sorted(here.parent.rglob("*")) == before
        return told

    return refused


def site(*tokens: str, module: str = softhsm.MODULES[0]) -> str:
    tables = [
        f'[tokens.{name}]\npkcs11 = "pkcs11:serial={number:016x}"\nmodule = "{module}"\n' for number, name in enumerate(tokens)
    ]
    return "\n".join(tables)


# --- refused before anything is made --------------------------------------------------


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        pytest.param("keys", r"^keys exists already$", id="a folder that is there"),
        pytest.param("plan.toml", r"^plan\.toml exists already$", id="a file that is there"),
        pytest.param("nowhere", r"^nowhere exists already$", id="a link that leads nowhere"),
        pytest.param("no/such", r"^no/such cannot be made: No such file or directory$", id="its parent is missing"),
        pytest.param("plan.toml/r", r"^plan\.toml/r cannot be made: Not a directory$", id="its parent is a file"),
        pytest.param("/sys/kernel/r", r"^/sys/kernel/r cannot be made: (Operation not permitted|Permission denied)$", id="not writable"),
        pytest.param("x" * 256, r"^x+ cannot be made: File name too long$", id="a name that is too long"),
        pytest.param("r\n1", r"^r 1 cannot be used: its name is not plain text$", id="a name of two lines"),
        pytest.param("r\udcff", r"^r\? cannot be used: its name is not plain text$", id="a name that is no text"),
        pytest.param("r#1", r"^SoftHSM cannot keep tokens in '/.*/r#1/tokens/store'$", id="a name that SoftHSM cannot use"),
    ],
)  # fmt: skip
def test_refuses_a_place_where_it_cannot_make_its_folder(refused, here, out, sentence):
    (here / "nowhere").symlink_to("away")
    assert re.search(sentence, refused("plan.toml", "--auto", "--out", out).sentence)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        pytest.param("none.toml", r"^none\.toml: is not there$", id="missing"),
        pytest.param("keys", r"^keys: is not a plain file$", id="a folder"),
        pytest.param(b"this is prose", r"^plan: is not TOML", id="not TOML"),
        pytest.param(b"\xff", r"^plan: is not ", id="not text"),
        pytest.param(PLAN.replace("threshold", "treshold").encode(), r"^root\.treshold: is not a field", id="unknown field"),
        pytest.param(PLAN.replace('name = "acme-root"\n', "").encode(), r"^name: is missing$", id="missing field"),
        pytest.param(PLAN.replace("threshold = 2", "threshold = 4").encode(), r"^root\.threshold: is 4", id="contradiction"),
        pytest.param(PLAN.replace("keys/app.pem", "keys/no.pem").encode(), r'"keys/no\.pem" is not there', id="a missing key"),
        pytest.param(
            PLAN.replace('snapshot = { source = "request" }', 'snapshot = { source = "file", path = "keys/app.pem" }').encode(),
            r"^repositories\[0\]\.snapshot\.source: snapshot keys are only taken from a request",
            id="not held yet",
        ),
        pytest.param(PLAN.replace('"notary"', '"tuf"').encode(), r"^dialect: 'tuf' is not a dialect", id="dialect"),
        pytest.param(PLAN.replace("root-a", "a" * 33).encode(), r'^root\.tokens\[0\]: "a+" cannot be used$', id="a long name"),
    ],
)
def test_refuses_a_plan_that_cannot_be_held(refused, here, plan, sentence):
    if isinstance(plan, bytes):
        (here / "plan.toml").write_bytes(plan)
        plan = "plan.toml"
    assert re.search(sentence, refused(plan, "--auto", "--out", "r").sentence)


def test_refuses_to_ask_where_nobody_could_answer(refused):
    told = refused("plan.toml", "--out", "r")
    assert told.sentence == "there is no terminal to show the ceremony on"
    assert told.hint == "start it in a terminal, without redirection, or let it answer itself with --auto"


def test_a_genesis_goes_on_after_nothing(refused):
    told = refused("plan.toml", "--auto", "--after", "keys", "--out", "r")
    assert told.sentence == "--after is not for a genesis: it makes its own beginning"
    assert told.hint == "leave --after away"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(None, r"^site\.toml: is not there$", id="missing"),
        pytest.param("tokens", r"^site: is not TOML", id="not TOML"),
        pytest.param(site("root-a", "root-b"), r"^tokens\.root-c: is missing, and the plan names it$", id="a token is missing"),
        pytest.param(
            site("root-a", "root-b", "root-c", "root-d"), r"^tokens\.root-d: is no token of the plan$", id="one too many"
        ),
        pytest.param(site("root-a", "root-b", "root-x"), r"^tokens\.root-c: is missing", id="another name"),
        pytest.param(
            site("root-a", "root-b", "root-c", module="/opt/none.so"),
            r"^the module /opt/none\.so cannot be read: No such file or directory$",
            id="a missing module",
        ),
        pytest.param(
            site("root-a", "root-b") + "[tokens.root-c]\nyubikey = 1\nslot = '9c'\n",
            r"^yubico-roots: is missing, and the key that is made on root-c must be attested$",
            id="a YubiKey without its authorities",
        ),
    ],
)
def test_refuses_a_site_that_does_not_fit(refused, here, text, sentence):
    if text is not None:
        (here / "site.toml").write_text(text)
    assert re.search(sentence, refused("plan.toml", "--site", "site.toml", "--out", "r").sentence)


def test_refuses_to_answer_for_tokens_whose_pins_nobody_knows(refused, here):
    (here / "site.toml").write_text(site("root-a", "root-b", "root-c"))
    told = refused("plan.toml", "--auto", "--site", "site.toml", "--out", "r")
    assert told.sentence == "--auto cannot answer for the tokens of --site: nobody here knows their PINs"
    assert told.hint == "leave --auto away, so that people type them; or leave --site away, for throw-away tokens"


@pytest.mark.parametrize(("spoil", "sentence"), SPOILED.values(), ids=SPOILED)
def test_refuses_a_request_that_cannot_serve(refused, here, spoil, sentence):
    two = bent(('name = "docker.io/acme/app/two"', f'name = "{APP}"'), source=PLAN)
    single = two[: two.rindex(b"[[repositories]]")] + two[two.index(b"[backup]") :]
    (here / "plan.toml").write_bytes(single)
    write(here / "request", APP)
    spoil(here / "request")
    assert re.search(sentence, refused("plan.toml", "--auto", "--request", "request", "--out", "r").sentence)


def test_refuses_another_request_than_the_plans(refused, here):
    (here / "plan.toml").write_bytes(bent(("[root]", f'request = "{REQUEST}"\n[root]'), source=PLAN))
    write(here / "request", APP, f"{APP}/two")
    told = refused("plan.toml", "--auto", "--request", "request", "--out", "r")
    assert re.search("^request: has the digest sha256:[0-9a-f]{64}, not the one that the plan names$", told.sentence)


def test_refuses_where_softhsm_is_not_installed(refused, monkeypatch):
    monkeypatch.setattr(softhsm, "MODULES", ("/opt/none.so",))
    told = refused("plan.toml", "--auto", "--out", "r")
    assert told.sentence == "SoftHSM 2, which makes the tokens of a rehearsal, is not installed"
    assert told.hint == "apt-get install softhsm2"


@pytest.mark.parametrize(
    "error",
    [CeremonyError("SoftHSM did not", hint="look"), RuntimeError("unforeseen"), KeyboardInterrupt()],
    ids=["refused", "unforeseen", "Ctrl+C"],
)
def test_what_ends_it_while_it_is_made_leaves_nothing(here, capsys, monkeypatch, error):
    def fails(*_):
        assert (here / "r" / "ceremony").is_dir()
        raise error

    monkeypatch.setattr(softhsm, "make_tokens", fails)
    assert main(["rehearse", "plan.toml", "--auto", "--out", "r"]) != ExitCode.DONE
    assert not (here / "r").exists()
    assert capsys.readouterr().out == ""


def test_what_nobody_foresaw_in_a_step_is_told_and_leaves_a_ceremony_that_can_be_resumed(here, capsys, monkeypatch):
    def fails(_):
        raise RuntimeError("the PIN is 48291673")

    monkeypatch.setitem(runner.STEPS, "roll-call", fails)
    monkeypatch.setattr(memory, "protect", lambda: memory.UNPROTECTED)  # the tests' own process lives on
    assert main(["rehearse", "plan.toml", "--auto", "--out", "r"]) == ExitCode.FAILED
    out, err = capsys.readouterr()
    told = said(ExitCode.FAILED, "\n".join(err.splitlines()[-2:]))
    assert re.fullmatch(r"something unexpected happened: RuntimeError at ceremony\.steps\.runner:\d+", told.sentence)
    assert (out, "48291673" in err) == ("", False)
    assert main(["audit", "r/ceremony"]) == ExitCode.INCOMPLETE


# --- what it leaves where ---------------------------------------------------------------


def test_says_where_the_ceremony_is_and_nothing_else_on_standard_output(rehearsed):
    assert rehearsed.run.stdout == f"{rehearsed.ceremony}\n"


def test_prints_the_steps_as_they_pass(rehearsed):
    steps = re.findall(r"^\[ ?(\d+)/18\] (.+)$", rehearsed.run.stderr, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, 19))
    assert (steps[0][1], steps[-1][1]) == ("Preflight", "Close")


def test_only_its_owner_reads_what_its_people_know(rehearsed):
    assert stat.S_IMODE((rehearsed.root / practice.SECRETS).stat().st_mode) == 0o600
    assert stat.S_IMODE(rehearsed.root.stat().st_mode) == 0o700
    known = practice.load(rehearsed.root / practice.SECRETS)
    tokens = ("root-a", "root-b", "root-c")
    assert set(known.answers) == {"passphrase", *(f"pin:{name}" for name in tokens), *(f"so-pin:{name}" for name in tokens)}
    assert len(known.people) == 6


def test_its_folder_has_these_places(rehearsed):
    (name,) = [path.name for path in (rehearsed.root / "volumes" / "a").iterdir()]
    assert re.fullmatch("ceremony-[0-9a-f]{32}", name)
    assert sorted(path.name for path in rehearsed.root.iterdir()) == [
        "ceremony", "courier", practice.SECRETS, "tokens", "volumes",
    ]  # fmt: skip
    assert sorted(path.name for path in (rehearsed.root / "courier").iterdir()) == [f"{name}.tar", f"{name}.tar.sha256"]
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", f"{name}.tar.sha256"], cwd=rehearsed.root / "courier", check=True)


def test_the_plans_people_and_the_example_are_not_changed(rehearsed):
    assert (rehearsed.ceremony / "evidence" / "plan.toml").read_bytes() == EXAMPLE.read_bytes()


def test_without_a_name_the_folder_is_named_after_the_time(refused, monkeypatch):
    def named(rehearsal, *_):
        raise CeremonyError(str(rehearsal.root), hint="look")

    monkeypatch.setattr(rehearse, "set_stage", named)
    assert re.fullmatch(r"rehearsal-\d{8}-\d{6}", refused("--auto").sentence)


# --- interrupted ----------------------------------------------------------------------


def test_ctrl_c_is_one_sentence_and_the_rehearsal_can_be_resumed(tmp_path):
    root = tmp_path / "r"
    with subprocess.Popen(
        command("rehearse", "--auto", "--out", root),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[ 8/18]"):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (ExitCode.INCOMPLETE, "")
    told = said(process.returncode, "\n".join(err.splitlines()[-2:]))
    assert told.sentence == "it was interrupted"
    assert "Traceback" not in err
    assert program("audit", root / "ceremony").returncode == ExitCode.INCOMPLETE
    moved = Path(shutil.move(root, tmp_path / "moved"))
    resumed = program("resume", moved, "--auto")
    assert (resumed.returncode, resumed.stdout) == (ExitCode.DONE, f"{moved / 'ceremony'}\n"), resumed.stderr
    assert program("audit", moved / "ceremony").returncode == ExitCode.DONE


# --- what it leaves ------------------------------------------------------------


def test_ssh_keygen_confirms_who_answered_the_roll_call(rehearsed, tmp_path):
    answers = sorted((rehearsed.ceremony / "evidence/roll-call").glob("*.sig"))
    lines = map(canonical.parse_loose, (rehearsed.ceremony / "ceremony.jsonl").read_bytes().splitlines())
    keys = {person["name"]: person["key"] for person in next(lines)["body"]["people"]}
    assert len(answers) == len(keys)
    for answer in answers:
        challenge = answer.with_suffix(".txt").read_bytes()
        (person,) = re.findall(rb"^person: (.*)$", challenge, re.MULTILINE)
        allowed = tmp_path / "allowed"
        allowed.write_text(f"somebody {keys.pop(person.decode())}\n")
        verify = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "somebody", "-n", "ceremony-roll-call", "-s", answer]
        subprocess.run(verify, input=challenge, capture_output=True, check=True)
