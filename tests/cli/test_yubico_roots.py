# SPDX-License-Identifier: Apache-2.0
"""`yubico-roots` of a site file: found beside it, read within limits, kept in the folder, and read from there by `resume`."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from ceremony.cli.plan_files import MAX_AUTHORITIES, MAX_AUTHORITY, load_authorities, load_site
from ceremony.core import approval
from ceremony.core.canonical import encode
from ceremony.core.plan_reader import files_named, read_plan
from ceremony.errors import PlanRefused
from tests.core.attestation.chains import yubico_files
from tests.fakes.plans import FILES, REQUEST, bent

PKCS11 = '[tokens.root-a]\npkcs11 = "pkcs11:serial=1"\nmodule = "/m.so"\n'
PLAN = bent(
    (f'request = "{REQUEST}"\n', ""),
    ('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"'),
)


def a_site(folder: Path, roots: str = "yubico", tokens: str = "") -> Path:
    """Write a site file of three YubiKeys, or of other tokens."""
    yubikeys = [f"[tokens.root-{name}]\nyubikey = {number}\nslot = '9c'\n" for number, name in enumerate("abc", 4711)]
    line = f"yubico-roots = {json.dumps(roots)}\n" if roots else ""
    path = folder / "site.toml"
    path.write_text(line + (tokens or "".join(yubikeys)))
    return path


def loaded(path: Path) -> dict[str, bytes]:
    return load_authorities(path, load_site(path))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with Yubico's files, and a plan."""
    (tmp_path / "yubico").mkdir()
    for name, data in yubico_files().items():
        (tmp_path / "yubico" / name).write_bytes(data)
    for name, data in {"plan.toml": PLAN, **FILES}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("roots", ["yubico", "yubico/", "./yubico"])
def test_a_folder_is_found_beside_the_site_file_wherever_the_program_runs(here, tmp_path, monkeypatch, roots):
    (here / "yubico" / "README.txt").write_text("not a certificate")
    monkeypatch.chdir("/")
    assert loaded(a_site(here, roots)) == yubico_files()


def test_one_file_and_an_absolute_path_serve_too(here):
    assert list(loaded(a_site(here, "yubico/yubico-ca-1.pem"))) == ["yubico-ca-1.pem"]
    assert loaded(a_site(here, str(here / "yubico"))) == yubico_files()


def test_nothing_is_read_where_no_yubikey_is_named_or_nothing_is_brought(here):
    assert loaded(a_site(here, "nowhere", PKCS11)) == {}
    assert loaded(a_site(here, "")) == {}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(shutil.rmtree, "{0}: is not there", id="nothing there"),
        pytest.param(lambda f: [p.unlink() for p in f.iterdir()], "{0} holds no file whose name ends in .pem", id="empty"),
        pytest.param(lambda f: (f / "a.pem").mkdir(), "{0}/a.pem: is not a plain file", id="a folder"),
        pytest.param(
            lambda f: (f / "a.pem").write_bytes(bytes(MAX_AUTHORITY + 1)),
            f"{{0}}/a.pem: is longer than the {MAX_AUTHORITY} bytes that are read",
            id="too long",
        ),
        pytest.param(
            lambda f: [(f / f"{n}.pem").touch() for n in range(MAX_AUTHORITIES)],
            f"{{0}} holds more than {MAX_AUTHORITIES} files",
            id="too many",
        ),
        pytest.param(lambda f: (f / "a b.pem").touch(), "'{0}/a b.pem' is no name for every medium", id="a blank"),
        pytest.param(lambda f: (f / "a:b.pem").touch(), "'{0}/a:b.pem' is no name for every medium", id="a colon"),
        pytest.param(lambda f: (f / "a\x1b.pem").touch(), r"'{0}/a\x1b.pem' is no name for every medium", id="a control character"),
        pytest.param(lambda f: (f / "a.pem").symlink_to("a.pem"), "{0}/a.pem: cannot be read", id="a link to itself"),
    ],
)  # fmt: skip
def test_refuses_what_cannot_serve_naming_the_field(here, spoil, sentence):
    spoil(here / "yubico")
    with pytest.raises(PlanRefused) as refused:
        loaded(a_site(here))
    assert refused.value.field == "yubico-roots"
    assert refused.value.message.startswith("yubico-roots: " + sentence.format(here / "yubico"))
    assert refused.value.hint


def test_refuses_a_folder_that_cannot_be_read(here, monkeypatch):
    def denied(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(PlanRefused, match=r"^yubico-roots: .*/yubico cannot be read \(Permission denied\)$"):
        loaded(a_site(here))


@pytest.mark.parametrize(
    ("roots", "sentence"),
    [
        pytest.param("", "yubico-roots: is missing, and the key that is made on root-a must be attested", id="none"),
        pytest.param("nowhere", "yubico-roots: nowhere: is not there", id="missing"),
        pytest.param(
            "yubico/yubico-intermediate.pem",
            "yubico-roots: yubico-intermediate.pem: none of the pinned Yubico roots is there",
            id="no root",
        ),
        pytest.param("plan.toml", "yubico-roots: plan.toml: is not an X.509 certificate that can be read", id="no PEM"),
    ],
)
@pytest.mark.parametrize("auto", [["--auto"], []], ids=["auto", "people"])
def test_rehearse_refuses_it_before_anything_is_made(refuse, here, roots, sentence, auto):
    a_site(here, roots)
    told = refuse("rehearse", "plan.toml", *auto, "--site", "site.toml", "--out", "r")
    assert told.sentence.startswith(sentence)
    assert not (here / "r").exists()


def test_auto_answers_for_yubikeys_alone(refuse, here):
    a_site(here, tokens=PKCS11 + "".join(f"[tokens.root-{n}]\nyubikey = {i}\nslot = '9c'\n" for i, n in enumerate("bc", 1)))
    told = refuse("rehearse", "plan.toml", "--auto", "--site", "site.toml", "--out", "r")
    assert told.sentence == "--auto cannot answer for the tokens of --site: nobody here knows their PINs"


# --- resume -------------------------------------------------------------------------------


@pytest.fixture
def copy(killed, tmp_path):
    """A copy of a rehearsal that was killed, whose first record binds Yubico's files too, as if its tokens were YubiKeys."""
    root = Path(shutil.copytree(killed, tmp_path / "copy"))
    folder = root / "ceremony"
    (folder / "evidence" / "yubico-roots").mkdir()
    for name, data in yubico_files().items():
        (folder / "evidence" / "yubico-roots" / name).write_bytes(data)
    return root


def begin_with(root: Path, **changes: object) -> None:
    """Leave of the log only the first record, with other members in its body."""
    log = root / "ceremony" / "ceremony.jsonl"
    first = json.loads(log.read_bytes().splitlines()[0])
    first["body"].update(changes)
    log.write_bytes(encode(first) + b"\n")


def test_resume_takes_only_the_authorities_that_the_first_record_binds(refuse, copy):
    begin_with(copy, authorities=dict.fromkeys(yubico_files(), "0" * 64))
    told = refuse("resume", copy, "--auto")
    assert told.sentence.endswith("evidence/yubico-roots/yubico-ca-1.pem is not the one that the first record binds")


def test_resume_wants_the_authorities_that_the_first_record_binds(refuse, copy):
    begin_with(copy, authorities={"gone.pem": "0" * 64})
    assert "evidence/yubico-roots/gone.pem: it is not there" in refuse("resume", copy, "--auto").sentence


def test_resume_brings_no_authorities_of_its_own(refuse, copy):
    """Another site file can name other hardware; what attests it was bound when the ceremony began."""
    folder = copy / "ceremony" / "evidence"
    plan = (folder / "plan.toml").read_bytes().replace(b'custody = "token-wrapped"', b'custody = "token-only"')
    (folder / "plan.toml").write_bytes(plan)
    read = read_plan(plan, {name: (folder / "plan-files" / name).read_bytes() for name in files_named(plan)})
    statement = hashlib.sha256(approval.statement(read)).hexdigest()
    begin_with(copy, plan={"sha256": read.sha256, "statement_sha256": statement})
    shutil.copytree(folder / "yubico-roots", copy / "yubico")
    told = refuse("resume", copy, "--auto", "--site", a_site(copy))
    assert told.sentence == "yubico-roots: is missing, and the key that is made on root-a must be attested"
