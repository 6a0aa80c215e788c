# SPDX-License-Identifier: Apache-2.0
"""`ceremony cosign`: people who could not sign at the close do so later, with keys of every kind, by the real ssh-keygen."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from ceremony.cli.main import main
from ceremony.core import bundle, words
from ceremony.core.log import HEAD_NAMESPACE, parse_head
from ceremony.core.plan import Mode, Person, Role
from ceremony.core.security_key import ECDSA, ED25519
from ceremony.errors import ExitCode
from ceremony.host.ssh_keygen import sign_with_key
from ceremony.report import Report
from ceremony.steps.room import Room
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.plans import sourced
from tests.fakes.room import Ceremony, plan, quicken
from tests.fakes.security_key import TOUCHED, VERIFIED, SoftSecurityKey
from tests.fakes.token import fake_rack
from tests.peers.key_agent import key_agent
from tests.peers.terminal import Terminal

KINDS = {"Ada": ("-t", "ed25519"), "Sam": ("-t", "rsa", "-b", "2048"), "Wim": ("-t", "ecdsa", "-b", "384")}
SECURITY_KEYS = {"Finn": ED25519, "Fay": ECDSA}
PEOPLE = (
    Person("Ada", Role.ADMINISTRATOR, "Acme", ""),
    Person("Sam", Role.SECURITY_OFFICER, "Acme", ""),
    Person("Wim", Role.WITNESS, "Notaries", "", independent=True),
    Person("Finn", Role.OPERATOR, "Acme", ""),
    Person("Fay", Role.AUDITOR, "Notaries", ""),
)
EVERYBODY = tuple(person.name for person in PEOPLE)
Cosign = Callable[..., tuple[int, str, str]]


class OwnKeys:
    """`ports.Cosigner`: people's own keys, in files that ssh-keygen made and on security keys; `late` sign no head in the room."""

    def __init__(self, folder: Path, late: tuple[str, ...]) -> None:
        self.folder, self.late = folder, late
        self.security = {name: SoftSecurityKey(kind) for name, kind in SECURITY_KEYS.items()}
        for name, kind in KINDS.items():
            subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", "-C", name, "-f", folder / name], check=True)
        for name, key in self.security.items():
            (folder / f"{name}.pub").write_text(f"{key.line} {name}\n")

    def line(self, name: str) -> str:
        """Return a person's public key."""
        return (self.folder / f"{name}.pub").read_text().strip()

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        if namespace == HEAD_NAMESPACE and person in self.late:
            return None
        if person in self.security:
            return self.security[person].sign(namespace, message, flags=TOUCHED | VERIFIED)
        return sign_with_key(self.folder / person, namespace, message)

    def elsewhere(self, person: str, namespace: str, message: bytes) -> bytes | None:
        """Return what a person signed before the day."""
        return self.sign(person, namespace, message)


class Sitting(Ceremony):
    """A ceremony of people with keys of their own, with the report that the program makes."""

    def room(self) -> Room:
        room = super().room()
        room.reporter = Report()
        return room

    def bring(self, keys: OwnKeys) -> None:
        """Let people bring these keys."""
        self.cosigner = keys
        self.people = tuple(replace(person, key=keys.line(person.name)) for person in self.plan.people)
        if self.mode is Mode.PRODUCTION:
            self.plan = sourced(replace(self.plan, people=self.people))


class Later:
    """A folder that was closed while some could not sign, and where people's keys are."""

    def __init__(self, files: Mapping[str, bytes], keys: OwnKeys, folder: Path) -> None:
        self.files, self.keys, self.folder = files, keys, folder
        self.lay(files)

    def lay(self, files: Mapping[str, bytes]) -> None:
        """Write files as the ceremony folder."""
        for name, data in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)

    def key(self, name: str) -> Path:
        """Return what a person names as their key."""
        return self.keys.folder / (f"{name}.pub" if name in SECURITY_KEYS else name)

    @property
    def head(self) -> str:
        """The final head."""
        return max(name for name in self.files if bundle.head_number(name))

    def signature(self, name: str) -> str:
        return bundle.head_signature(bundle.head_number(self.head), name)

    def signed(self) -> list[str]:
        """Return everybody whose signature is there."""
        return [name for name in EVERYBODY if (self.folder / self.signature(name)).exists()]

    def others(self) -> dict[str, bytes]:
        """Return every file but people's signatures."""
        found = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return {name: data for name, data in found.items() if not bundle.signed_head(name)[0]}


Make = Callable[..., Later]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that holds a ceremony in which some cannot sign at the close, and lays its folder out anew each time."""

    @lru_cache(maxsize=4)
    def held(late: tuple[str, ...], mode: Mode) -> tuple[Mapping[str, bytes], OwnKeys]:
        keys = OwnKeys(tmp_path_factory.mktemp("keys"), late)
        media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
        rack = fake_rack("root-a", software=mode is Mode.PRACTICE)
        with pytest.MonkeyPatch.context() as patch:
            quicken(patch)
            ceremony = Sitting(plan=sourced(replace(plan(), people=PEOPLE)), mode=mode, media=media, rack=rack)
            ceremony.bring(keys)
            assert ceremony.hold() is (ExitCode.INCOMPLETE if {"Sam", "Wim"} & set(late) else ExitCode.DONE)
        return dict(ceremony.folder.files), keys

    def make(*late: str, mode: Mode = Mode.PRACTICE) -> Later:
        return Later(*held(late, mode), tmp_path_factory.mktemp("later") / "folder")

    return make


@pytest.fixture
def cosign(capsys: pytest.CaptureFixture[str]) -> Cosign:
    """Return a function that runs the command: exit code, standard output, standard error."""

    def cosign(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["cosign", *map(str, arguments)])
        return code, *capsys.readouterr()

    return cosign


@pytest.fixture
def agent(make: Make, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Plug in the security keys of those who could not sign."""
    with key_agent(tmp_path_factory.mktemp("a"), *make(*EVERYBODY).keys.security.values()) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        yield


def verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["audit", str(folder)])
    return code, capsys.readouterr().out


def ssh_keygen_takes(later: Later, name: str, tmp_path: Path) -> bool:
    """Return whether the real ssh-keygen verifies a person's signature."""
    (tmp_path / "allowed").write_text(f"{name} {later.keys.line(name)}\n")
    command = ["ssh-keygen", "-Y", "verify", "-n", HEAD_NAMESPACE, "-I", name, "-f", str(tmp_path / "allowed"), "-s"]
    head = (later.folder / later.head).read_bytes()
    return (
        subprocess.run([*command, later.folder / later.signature(name)], input=head, capture_output=True, check=False).returncode
        == 0
    )


# --- later -----------------------------------------------------------------------------


def test_who_was_not_there_at_the_close_makes_the_ceremony_complete(make, cosign, capsys):
    later = make("Wim")
    code, out = verdict(later.folder, capsys)
    assert (code, out.splitlines()[-1]) == (ExitCode.INCOMPLETE, "INCOMPLETE (PRACTICE)")
    before = later.others()
    code, out, err = cosign(later.folder, "--key", later.key("Wim"))
    assert (code, out) == (ExitCode.DONE, f"{later.signature('Wim')}\n")
    assert f"Wim (witness) signed {later.head}\nsigned by Ada, Sam, Wim, Finn, Fay\nthe quorum is met\n" in err
    assert later.others() == before
    code, out = verdict(later.folder, capsys)
    assert (code, out.splitlines()[-1]) == (ExitCode.DONE, "VERIFIED (PRACTICE)"), out


@pytest.mark.usefixtures("agent")
def test_everybody_can_sign_later_with_a_key_of_any_kind(make, cosign, capsys, tmp_path):
    later = make(*EVERYBODY)
    assert later.signed() == []
    for count, name in enumerate(EVERYBODY, start=1):
        code, out, err = cosign(later.folder, "--key", later.key(name))
        assert (code, out) == (ExitCode.DONE, f"{later.signature(name)}\n"), err
        assert ssh_keygen_takes(later, name, tmp_path)
        assert later.signed() == list(EVERYBODY[:count])
        assert ("the quorum is met\n" in err) == (count >= 3), name
    assert verdict(later.folder, capsys)[0] == ExitCode.DONE


def test_what_is_signed_is_shown_first(make, cosign):
    later = make("Wim")
    head = parse_head(later.files[later.head], later.head)
    _, _, err = cosign(later.folder, "--key", later.key("Wim"))
    spoken = words.words(head.digest)
    assert err.startswith("PRACTICE: acme-root, genesis, notary\nat vault, from 2026-")
    assert f"\n{later.head} states all {head.entries} records of the log:\nsha256:{head.digest}\n{' '.join(spoken[:8])}\n" in err
    assert " ".join(err.split()).count(" ".join(spoken)) == 1


def test_a_production_is_signed_later_too(make, cosign, capsys):
    later = make("Wim", mode=Mode.PRODUCTION)
    assert "the final head lacks signatures" in verdict(later.folder, capsys)[1]
    code, _, err = cosign(later.folder, "--key", later.key("Wim"))
    assert code == ExitCode.DONE
    assert err.startswith("PRODUCTION: acme-root, genesis, notary\n")
    code, out = verdict(later.folder, capsys)
    assert code == ExitCode.INCOMPLETE  # until somebody brings these people's keys from outside
    assert [line for line in out.splitlines() if line.startswith("INCOMPLETE  ")] == [
        line for line in out.splitlines() if line.startswith("INCOMPLETE  mode: PRODUCTION")
    ]


# --- brought back ------------------------------------------------------------------------


def elsewhere(later: Later, name: str, tmp_path: Path, *, namespace: str = HEAD_NAMESPACE, text: bytes = b"") -> Path:
    """Return a signature that ssh-keygen made on another machine."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(later.key(name))]
    done = subprocess.run(command, input=text or later.files[later.head], capture_output=True, check=True)
    file = tmp_path / "mine.sig"
    file.write_bytes(done.stdout)
    return file


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("name", EVERYBODY)
def test_a_signature_that_was_made_elsewhere_is_brought_back(make, cosign, tmp_path, name):
    later = make(*EVERYBODY)
    code, out, err = cosign(later.folder, "--signature", elsewhere(later, name, tmp_path))
    assert (code, out) == (ExitCode.DONE, f"{later.signature(name)}\n")
    assert "the quorum is not met yet\n" in err
    assert later.signed() == [name]
    assert (later.folder / out.strip()).read_bytes() == (tmp_path / "mine.sig").read_bytes()


def test_who_has_signed_already_is_told_so_and_nothing_is_overwritten(make, cosign, tmp_path):
    later = make("Wim")
    there = later.folder / later.signature("Sam")
    before = there.read_bytes()
    for option, what in (("--key", later.key("Sam")), ("--signature", elsewhere(later, "Sam", tmp_path))):
        code, out, err = cosign(later.folder, option, what)
        assert (code, out) == (ExitCode.DONE, f"{later.signature('Sam')}\n")
        assert "Sam has signed this head already; nothing was changed\n" in err
        assert "the quorum is not met yet\n" in err
    assert there.read_bytes() == before


def in_pem(later: Later, name: str, folder: Path) -> Path:
    """Return a copy of a private key in the older form, which does not say which key it is."""
    key = folder / "old"
    key.write_bytes(later.key(name).read_bytes())
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", key], check=True, capture_output=True)
    return key


def test_a_key_in_the_older_form_signs_when_its_public_half_lies_beside_it(make, cosign, tmp_path):
    later = make("Wim", "Sam")
    key = in_pem(later, "Sam", tmp_path)
    (tmp_path / "old.pub").write_text(later.keys.line("Sam"))
    code, out, _ = cosign(later.folder, "--key", key)
    assert (code, out) == (ExitCode.DONE, f"{later.signature('Sam')}\n")


# --- refused -----------------------------------------------------------------------------


@pytest.fixture
def refuses(make: Make, cosign: Cosign) -> Callable[..., str]:
    """Return a function that runs the command on a folder, which must refuse; it gives sentence and hint."""

    def refuses(later: Later, *options: object, code: int = ExitCode.FAILED) -> str:
        before = later.signed(), later.others()
        ended, out, err = cosign(later.folder, *options)
        assert (ended, out) == (code, ""), err
        assert (later.signed(), later.others()) == before
        sentence, hint = err.splitlines()[-2:]
        assert sentence.startswith("ceremony: ")
        assert hint.startswith("hint: ")
        return f"{sentence}\n{hint}"

    return refuses


def strangers(folder: Path, *kind: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", *(kind or ("-t", "ed25519")), "-N", "", "-f", folder / "eve"], check=True)
    return folder / "eve"


@pytest.mark.parametrize("public", [True, False], ids=["named by its .pub", "named itself"])
def test_a_key_of_nobody_signs_nothing(make, refuses, tmp_path, public):
    key = strangers(tmp_path)
    said = refuses(make("Wim"), "--key", key.with_suffix(".pub") if public else key)
    assert "is the key of nobody whom the first record names" in said
    assert "sign with the key that the plan names for you" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"namespace": "file"}, "is for another namespace than ceremony-head", id="another namespace"),
        pytest.param({"text": b"something else\n"}, "does not verify with SHA256:", id="something else"),
    ],
)
def test_a_signature_over_something_else_is_not_brought_back(make, refuses, tmp_path, changes, said):
    later = make("Wim")
    assert said in refuses(later, "--signature", elsewhere(later, "Wim", tmp_path, **changes))


def test_a_key_that_does_not_say_whose_it_is_signs_nothing(make, refuses, tmp_path):
    later = make("Wim", "Sam")
    assert "does not say which key it is" in refuses(later, "--key", in_pem(later, "Sam", tmp_path))


def test_a_signature_by_a_security_key_that_nobody_touched_is_not_brought_back(make, refuses, tmp_path):
    later = make(*EVERYBODY)
    file = tmp_path / "mine.sig"
    file.write_bytes(later.keys.security["Finn"].sign(HEAD_NAMESPACE, later.files[later.head], flags=VERIFIED))
    assert "was made by a security key that nobody touched" in refuses(later, "--signature", file)


def test_a_signature_by_nobody_is_not_brought_back(make, refuses, tmp_path):
    later = make("Wim")
    made = sign_with_key(strangers(tmp_path), HEAD_NAMESPACE, later.files[later.head])
    (tmp_path / "mine.sig").write_bytes(made)
    assert "is the key of nobody whom the first record names" in refuses(later, "--signature", tmp_path / "mine.sig")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "is not an armored SSH signature", id="nothing"),
        pytest.param(b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", "is not an SSH signature", id="cut"),
        pytest.param(os.urandom(1_000_000), "is not an armored SSH signature", id="any bytes"),
    ],
)
def test_what_is_no_signature_is_not_brought_back(make, refuses, tmp_path, data, said):
    (tmp_path / "mine.sig").write_bytes(data)
    assert said in refuses(make("Wim"), "--signature", tmp_path / "mine.sig")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        pytest.param("--key", "there is no file at", id="a key"),
        pytest.param("--signature", "cannot be read (No such file or directory)", id="a signature"),
    ],
)
def test_what_is_not_there_is_refused(make, refuses, tmp_path, option, said):
    assert said in refuses(make("Wim"), option, tmp_path / "none")


def test_a_folder_that_does_not_verify_is_not_signed(make, refuses):
    later = make("Wim")
    (later.folder / bundle.README).write_bytes(b"x")
    said = refuses(later, "--key", later.key("Wim"))
    assert "does not verify: README.txt: is not the file that was recorded" in said
    assert "run `ceremony audit` on it; nothing was signed" in said


def test_nor_is_one_with_a_signature_that_does_not_hold(make, refuses):
    later = make("Wim")
    (later.folder / later.signature("Wim")).write_bytes((later.folder / later.signature("Sam")).read_bytes())
    assert "was made by another key than" in refuses(later, "--key", later.key("Wim"))


def test_a_ceremony_that_was_not_closed_is_not_signed(make, refuses):
    later = make("Wim")
    files = {name: data for name, data in later.files.items() if not bundle.signed_head(name)[0]}
    log = b"".join(files[bundle.LOG].splitlines(keepends=True)[:-1])
    for name in (later.head, bundle.MANIFEST, bundle.REPORT, *(later.signature(name) for name in later.signed())):
        (later.folder / name).unlink()
    later.lay({bundle.LOG: log})
    said = refuses(later, "--key", later.key("Wim"), code=ExitCode.INCOMPLETE)
    assert "there is nothing to sign in" in said
    assert "its log has no close record" in said
    assert f"finish it first: ceremony resume {later.folder}" in said


def test_a_ceremony_whose_final_head_is_not_written_yet_is_not_signed(make, refuses):
    later = make(*EVERYBODY)
    (later.folder / later.head).unlink()
    (later.folder / bundle.MANIFEST).unlink()
    said = refuses(later, "--key", later.key("Wim"), code=ExitCode.INCOMPLETE)
    assert "it has no final head yet" in said


def test_a_tar_is_to_be_unpacked_first(make, cosign, tmp_path):
    later = make("Wim")
    file = tmp_path / "ceremony-1.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo("ceremony.jsonl"), io.BytesIO())
    code, out, err = cosign(file, "--key", later.key("Wim"))
    assert (code, out) == (ExitCode.FAILED, "")
    assert f"ceremony: {file} is a file; a signature is added to a folder\n" in err
    assert "hint: unpack it into an empty folder (mkdir signed, tar -xf ceremony-1.tar -C signed), and name that folder" in err


@pytest.mark.parametrize("options", [[], ["--key", "a", "--signature", "b"]], ids=["neither", "both"])
def test_one_of_key_and_signature_is_named(tmp_path, cosign, options):
    code, out, err = cosign(tmp_path, *options)
    assert (code, out) == (ExitCode.USAGE, "")
    assert "name one of --key and --signature" in err


# --- on a terminal -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("sign", ExitCode.DONE, id="who wants to"),
        pytest.param("yes", ExitCode.FAILED, id="who types something else"),
        pytest.param("", ExitCode.FAILED, id="who types nothing"),
    ],
)
def test_on_a_terminal_the_word_is_typed(make, typed, code):
    later = make("Wim")
    with Terminal("cosign", later.folder, "--key", later.key("Wim")) as terminal:
        terminal.until("Type sign to sign it")
        assert later.signed() == ["Ada", "Sam", "Finn", "Fay"]
        terminal.type(typed)
        terminal.keys("Enter")
        assert terminal.ended() == code
        assert ("it was not signed" in terminal.history()) == (code == ExitCode.FAILED)
    assert ("Wim" in later.signed()) == (code == ExitCode.DONE)
