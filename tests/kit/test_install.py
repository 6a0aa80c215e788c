# SPDX-License-Identifier: Apache-2.0
"""`install` judges a kit and a machine before it installs anything: made-up kits, and doubles for what only a real machine has.

A whole installation is held by scripts/test-kit, which takes minutes and root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ceremony.core.pgp_words import EVEN, ODD
from ceremony.core.words import words

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "scripts/kit/install"
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"]}
DPKG = """#!/bin/sh
case $1 in
    --print-architecture) echo amd64 ;;
    --audit) cat "$MACHINE/audit" ;;
esac
"""
QUERY = """#!/bin/sh
for package; do :; done
grep -qx "$package" "$MACHINE/installed" && echo installed
"""
APT = """#!/bin/sh
echo "$*" >>"$MACHINE/apt"
case "$*" in
    *--simulate*) [ ! -e "$MACHINE/unfit" ] || { echo "libc6 is too old"; exit 100; }; echo "Inst jq (1.6)" ;;
esac
"""
ID = """#!/bin/sh
cat "$MACHINE/id"
"""


def codename() -> str:
    """Return what the machine that runs the tests calls its release, as the script reads it."""
    done = subprocess.run(
        ["sh", "-c", '. /etc/os-release && echo "${VERSION_CODENAME:-unknown}"'], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def python() -> str:
    """Return the version of the system's own Python; what it says where there is none, nobody asks for."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", 'import sys; print("%d.%d" % sys.version_info[:2])'],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@dataclass
class Kit:
    """A small kit in a folder, and the machine that it is brought to."""

    place: Path
    shell: list[str]
    header: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.header = {
            "format": "ceremony-kit/v1",
            "version": "0.1.0",
            "commit": "0" * 40,
            "release": codename(),
            "architecture": "amd64",
            "python": python(),
            "packages": "jq softhsm2",
            "room": "1000",
        }
        for name, text in {
            "WORDS": "".join(f"{n:02x} {EVEN[n]} {ODD[n]}\n" for n in range(256)),
            "install": INSTALL.read_text(),
            "debs/Packages": "Package: jq\nInstalled-Size: 10\n",
            "debs/jq_1.6+a~b.deb": "deb",
            "wheels/ceremony-0.1.0-py3-none-any.whl": "wheel",
        }.items():
            file = self.kit / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.machine.mkdir()
        (self.machine / "installed").write_text("jq\nsofthsm2\n")
        (self.machine / "audit").touch()
        (self.machine / "id").write_text("0\n")
        programs = {"dpkg": DPKG, "dpkg-query": QUERY, "apt-get": APT, "id": ID}
        for name, text in programs.items():
            self.program(name, text)
        self.seal()

    @property
    def kit(self) -> Path:
        return self.place / "kit"

    @property
    def machine(self) -> Path:
        return self.place / "machine"

    @property
    def into(self) -> Path:
        return self.place / "into"

    @property
    def digest(self) -> str:
        return hashlib.sha256((self.kit / "MANIFEST").read_bytes()).hexdigest()

    def program(self, name: str, text: str) -> None:
        """Put a program before those of the machine."""
        file = self.place / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def seal(self, extra: str = "") -> None:
        """Write the manifest of what is there now."""
        lines = [f"{name}: {value}" for name, value in self.header.items()]
        for file in sorted(path for path in self.kit.rglob("*") if path.is_file() and path.name != "MANIFEST"):
            data = file.read_bytes()
            lines.append(f"{hashlib.sha256(data).hexdigest()}  {len(data)}  {file.relative_to(self.kit).as_posix()}")
        (self.kit / "MANIFEST").write_text("\n".join(lines) + "\n" + extra)

    def install(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run the script of the kit, as somebody would who answers so."""
        path = f"{self.place / 'bin'}:{os.environ['PATH']}"
        command = [*self.shell, str(self.kit / "install"), "--into", str(self.into), *arguments]
        given = {"PATH": path, "MACHINE": str(self.machine)}
        return subprocess.run(command, cwd="/", env=given, input=answer, capture_output=True, text=True, timeout=60, check=False)

    def snapshot(self) -> dict[str, str]:
        """Return every file but the note of what apt was asked, with what stands in it."""
        files = (path for path in self.place.rglob("*") if path.is_file() and path != self.machine / "apt")
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def refuses(self, *arguments: str, answer: str = "yes\n") -> str:
        """Run it; it must end with 1, a sentence and a hint, and leave everything as it was. Return the sentence."""
        before = self.snapshot()
        done = self.install(*arguments, answer=answer)
        assert done.returncode == 1, done.stderr
        *_, sentence, hint = done.stderr.splitlines()
        assert sentence.startswith("install: ") or "Type yes" in sentence
        assert hint.startswith("hint: ")
        assert self.snapshot() == before
        asked = self.machine / "apt"
        assert not asked.exists() or all("update" in line or "--simulate" in line for line in asked.read_text().splitlines())
        return sentence


@pytest.fixture
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Kit:
    """Give a good kit, run by dash where the test asks for no other shell."""
    command = SHELLS[getattr(request, "param", "dash")]
    assert shutil.which(command[0]), f"{command[0]} is not installed; these tests need it"
    return Kit(tmp_path, command)


in_each_shell = pytest.mark.parametrize("kit", SHELLS, indirect=True)


def swap_byte(kit: Kit) -> None:
    (kit.kit / "wheels/ceremony-0.1.0-py3-none-any.whl").write_text("Wheel")


def shorten(kit: Kit) -> None:
    (kit.kit / "debs/jq_1.6+a~b.deb").write_text("de")


def remove(kit: Kit) -> None:
    (kit.kit / "debs/jq_1.6+a~b.deb").unlink()


def add(kit: Kit) -> None:
    (kit.kit / "debs/more.deb").touch()


def add_line_break(kit: Kit) -> None:
    (kit.kit / "debs/jq\nWORDS").touch()


def link(kit: Kit) -> None:
    (kit.kit / "WORDS").rename(kit.place / "elsewhere")
    (kit.kit / "WORDS").symlink_to(kit.place / "elsewhere")


def no_manifest(kit: Kit) -> None:
    (kit.kit / "MANIFEST").unlink()


def manifest_line(line: str) -> object:
    return lambda kit: kit.seal(f"{line}\n")


def header(name: str, value: str) -> object:
    def change(kit: Kit) -> None:
        kit.header[name] = value
        kit.seal()

    return change


ZERO = "0" * 64


@in_each_shell
@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(swap_byte, "wheels/ceremony-0.1.0-py3-none-any.whl is not what the MANIFEST says", id="byte-changed"),
        pytest.param(shorten, "debs/jq_1.6+a~b.deb has 2 bytes, not 3", id="cut-short"),
        pytest.param(remove, "debs/jq_1.6+a~b.deb is missing from the kit", id="missing"),
        pytest.param(add, "debs/more.deb is in the kit, and its MANIFEST does not list it", id="more"),
        pytest.param(add_line_break, "is in the kit, and its MANIFEST does not list it", id="name-with-a-line-break"),
        pytest.param(link, "WORDS in the kit is no plain file", id="link"),
        pytest.param(no_manifest, "there is no MANIFEST beside this script", id="no-manifest"),
        pytest.param(manifest_line("release: late"), "of the MANIFEST has not the form", id="header-after-files"),
        pytest.param(manifest_line(f"{ZERO}  0  ../out"), "of the MANIFEST has not the form", id="path-upwards"),
        pytest.param(manifest_line(f"{ZERO}  0  a/../out"), "of the MANIFEST has not the form", id="path-upwards-inside"),
        pytest.param(manifest_line(f"{ZERO}  0  /etc/passwd"), "of the MANIFEST has not the form", id="absolute"),
        pytest.param(manifest_line(f"{ZERO}  0  -rf"), "of the MANIFEST has not the form", id="like-an-option"),
        pytest.param(manifest_line(f"{ZERO}  0  a b"), "of the MANIFEST has not the form", id="space"),
        pytest.param(manifest_line(f"{ZERO}  0  $(id)"), "of the MANIFEST has not the form", id="shell"),
        pytest.param(manifest_line(f"{ZERO}  1e3  x"), "of the MANIFEST has not the form", id="no-size"),
        pytest.param(manifest_line(f"{ZERO[1:]}  0  x"), "of the MANIFEST has not the form", id="short-digest"),
        pytest.param(manifest_line(f"{ZERO}  5  WORDS"), "of the MANIFEST has not the form", id="twice"),
        pytest.param(manifest_line(""), "of the MANIFEST has not the form", id="empty-line"),
        pytest.param(header("format", "ceremony-kit/v2"), "this is no kit that this script knows", id="newer-format"),
        pytest.param(header("architecture", "arm64"), "the kit is for arm64, and this machine is amd64", id="architecture"),
        pytest.param(header("release", "potato"), "the kit is for the release potato, and this machine runs", id="release"),
        pytest.param(header("python", "3.99"), "the kit is for Python 3.99, and /usr/bin/python3 is", id="python"),
        pytest.param(header("room", "9000000000000000"), "MB free, and", id="no-room"),
    ],
)
def test_refuses_a_kit_that_is_damaged_or_for_another_machine(kit, change, message):
    change(kit)
    assert message in kit.refuses()


def test_refuses_another_digest_than_the_one_that_was_given(kit):
    assert "this is not the digest that was given" in kit.refuses("--digest", ZERO)


@pytest.mark.parametrize("answer", ["", "no\n", "y\n", "YES\n"])
def test_installs_nothing_unless_somebody_says_that_the_digest_is_the_right_one(kit, answer):
    assert "nothing was installed" in kit.refuses(answer=answer)


@in_each_shell
def test_shows_the_digest_with_its_words(kit):
    done = kit.install(answer="no\n")
    shown = done.stdout.partition("Is it the digest")[0].split()
    assert shown == ["digest", kit.digest, "words", *words(kit.digest)]


def test_refuses_a_machine_whose_packages_are_half_installed(kit):
    (kit.machine / "audit").write_text("jq is only half installed\n")
    assert "dpkg was interrupted on this machine" in kit.refuses("--digest", kit.digest)


def test_refuses_to_install_packages_without_root(kit):
    (kit.machine / "installed").write_text("softhsm2\n")
    (kit.machine / "id").write_text("1000\n")
    assert "only root installs them: jq" in kit.refuses("--digest", kit.digest)


def test_refuses_packages_that_apt_says_do_not_fit(kit):
    (kit.machine / "installed").write_text("softhsm2\n")
    (kit.machine / "unfit").touch()
    assert "apt does not take the packages of the kit" in kit.refuses("--digest", kit.digest)


def test_refuses_packages_for_which_there_is_no_room(kit):
    (kit.machine / "installed").write_text("softhsm2\n")
    (kit.kit / "debs/Packages").write_text("Package: other\nInstalled-Size: 1\n\nPackage: jq\nInstalled-Size: 900000000000\n")
    kit.seal()
    assert "MB free, and" in kit.refuses("--digest", kit.digest)


@pytest.mark.parametrize(
    ("into", "message"),
    [
        pytest.param("{place}/with space", "has letters that not every program takes", id="space"),
        pytest.param("{place}/kit/here", "lies in the kit", id="in-the-kit"),
        pytest.param("{place}/kit/WORDS/here", "lies in the kit", id="below-a-file-of-the-kit"),
        pytest.param("/etc/os-release/here", "is no folder that you may write into", id="below-a-file"),
    ],
)
def test_refuses_a_folder_that_cannot_hold_the_program(kit, into, message):
    assert message in kit.refuses("--into", into.format(place=kit.place), "--digest", kit.digest)


def test_refuses_a_folder_that_no_kit_made(kit):
    kit.into.mkdir()
    (kit.into / "thesis.txt").write_text("years of work")
    assert "is not empty, and no kit made it" in kit.refuses("--digest", kit.digest)


def test_refuses_a_folder_that_another_kit_made(kit):
    kit.into.mkdir()
    (kit.into / "INSTALLED").write_text(f"{ZERO}\n")
    assert "holds what another kit installed" in kit.refuses("--digest", kit.digest)


def installed(kit: Kit) -> None:
    """Make what an installation of the kit leaves, as far as the script looks at it again."""
    (kit.into / "bin").mkdir(parents=True)
    program = kit.into / "bin/ceremony"
    program.write_text('#!/bin/sh\necho "self-test: $*"\n')
    program.chmod(0o755)
    (kit.into / "FILES").write_text(f"{hashlib.sha256(program.read_bytes()).hexdigest()}  ./bin/ceremony\n")
    (kit.into / "INSTALLED").write_text(f"{kit.digest}\n")


@in_each_shell
def test_run_again_it_changes_nothing_and_says_so(kit):
    installed(kit)
    compiled = kit.into / "lib/__pycache__/module.cpython-311.pyc"
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    before = kit.snapshot()
    done = kit.install()
    assert done.returncode == 0, done.stderr
    assert "all of it is installed already and unchanged; nothing was done" in done.stderr
    assert "self-test: self-test" in done.stdout
    assert kit.snapshot() == before
    assert not (kit.machine / "apt").exists()


def test_run_again_it_tells_when_the_self_test_fails(kit):
    installed(kit)
    program = kit.into / "bin/ceremony"
    program.write_text("#!/bin/sh\nexit 1\n")
    (kit.into / "FILES").write_text(f"{hashlib.sha256(program.read_bytes()).hexdigest()}  ./bin/ceremony\n")
    assert "the self-test failed" in kit.refuses()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda kit: (kit.into / "bin/ceremony").write_text("#"), "bin/ceremony is not as it was", id="changed"),
        pytest.param(lambda kit: (kit.into / "bin/ceremony").unlink(), "bin/ceremony is not as it was", id="removed"),
        pytest.param(lambda kit: (kit.into / "bin/more").touch(), "bin/more is not as it was", id="added"),
        pytest.param(lambda kit: (kit.machine / "installed").write_text("jq\n"), "removed since: softhsm2", id="package-removed"),
    ],
)
def test_run_again_it_refuses_an_installation_that_was_changed(kit, change, message):
    installed(kit)
    change(kit)
    assert message in kit.refuses()


@pytest.mark.parametrize("arguments", [["--digest"], ["--into"], ["--help"], ["here"]])
def test_ends_with_2_when_it_is_called_wrongly(kit, arguments):
    done = kit.install(*arguments)
    assert done.returncode == 2
    assert done.stderr == "usage: sh install [--digest HEX] [--into DIR]\n"


def test_leaves_nothing_in_the_folder_for_what_is_temporary(kit):
    kit.program("mktemp", f'#!/bin/sh\nmkdir "{kit.place}/temporary" && echo "{kit.place}/temporary"\n')
    kit.refuses(answer="no\n")
    assert not (kit.place / "temporary").exists()


@pytest.mark.parametrize("script", ["kit/install", "make-kit", "test-kit"])
def test_the_scripts_are_clean_to_shellcheck(script):
    assert shutil.which("shellcheck"), "shellcheck is not installed; these tests need it"
    done = subprocess.run(["shellcheck", "-s", "sh", str(ROOT / "scripts" / script)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0
