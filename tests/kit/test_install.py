# SPDX-License-Identifier: Apache-2.0
"""`install` judges a kit and a machine before it installs anything: made-up kits, and doubles for what only a real machine has.

A whole installation is held by scripts/test-kit, which takes minutes and root.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
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
    *--simulate*) [ ! -e "$MACHINE/unfit" ] || { printf 'libc6 is \033[31mtoo old\n'; exit 100; }; echo "Inst jq (1.6)" ;;
    *install*) echo jq >>"$MACHINE/installed" ;;
esac
"""
DF = """#!/bin/sh
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
echo "disk 99999999 1 {free} 1% /"
"""
MKTEMP = """#!/bin/sh
mkdir "{place}/temporary" && echo "{place}/temporary"
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
    at: Path | None = None
    """Where the kit lies now, if it was moved."""
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
        return self.at or self.place / "kit"

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

    def asked(self) -> list[str]:
        """Return what apt was called with, call by call."""
        note = self.machine / "apt"
        return note.read_text().splitlines() if note.exists() else []

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
        assert "\033" not in done.stderr
        assert self.snapshot() == before
        assert all("update" in line or "--simulate" in line for line in self.asked())
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


def hide_the_others(kit: Kit) -> None:
    """Add a file whose name is the first to be sorted, and nothing to be seen of; and one that it hides."""
    (kit.kit / "\nMANIFEST").touch()
    (kit.kit / "wheels/more.whl").touch()


def other_words(kit: Kit) -> None:
    """Let the kit say by itself which words its digest has, and draw them."""
    words_file = kit.kit / "WORDS"
    words_file.write_text(words_file.read_text().replace("aardvark", "\033[2J"))
    kit.seal()


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


def lines(change: Callable[[list[str]], list[str]]) -> object:
    """Change the lines of the manifest."""

    def write(kit: Kit) -> None:
        file = kit.kit / "MANIFEST"
        file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")

    return write


ZERO = "0" * 64
FORM = "of the MANIFEST has not the form"


@in_each_shell
@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(swap_byte, "wheels/ceremony-0.1.0-py3-none-any.whl is not what the MANIFEST says", id="byte-changed"),
        pytest.param(shorten, "debs/jq_1.6+a~b.deb has 2 bytes, not 3", id="cut-short"),
        pytest.param(remove, "debs/jq_1.6+a~b.deb is missing from the kit", id="missing"),
        pytest.param(add, "debs/more.deb is in the kit, and its MANIFEST does not list it", id="more"),
        pytest.param(add_line_break, "is in the kit, and its MANIFEST does not list it", id="name-with-a-line-break"),
        pytest.param(hide_the_others, "is in the kit, and its MANIFEST does not list it", id="name-that-hides-the-others"),
        pytest.param(other_words, "WORDS is not the list of words that this script knows", id="other-words"),
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
        pytest.param(header("packages", "jq -oDir::Bin::dpkg=./wheels/x"), f"line 7 {FORM}", id="option-as-package"),
        pytest.param(header("packages", "jq -y"), f"line 7 {FORM}", id="short-option-as-package"),
        pytest.param(header("packages", "jq /kit/debs/x.deb"), f"line 7 {FORM}", id="path-as-package"),
        pytest.param(header("packages", "jq  softhsm2"), f"line 7 {FORM}", id="two-spaces-in-packages"),
        pytest.param(header("packages", "jq\v-y"), "the MANIFEST has letters that none has", id="control-character"),
        pytest.param(header("version", "0.1\0"), "the MANIFEST has letters that none has", id="zero-byte"),
        pytest.param(header("room", "1[$(cmd)]"), f"line 8 {FORM}", id="command-as-room"),
        pytest.param(header("room", "x"), f"line 8 {FORM}", id="room-that-is-a-name"),
        pytest.param(header("room", "09"), f"line 8 {FORM}", id="room-that-looks-octal"),
        pytest.param(header("room", "1" * 17), f"line 8 {FORM}", id="room-too-large-to-count"),
        pytest.param(header("version", "`id`"), f"line 2 {FORM}", id="command-as-version"),
        pytest.param(header("release", "-x"), f"line 4 {FORM}", id="release-like-an-option"),
        pytest.param(lines(lambda of: [*of[:2], *of[3:]]), f"line 3 {FORM}", id="header-missing"),
        pytest.param(lines(lambda of: [*of[:7], "packages: jq", *of[7:]]), f"line 8 {FORM}", id="header-twice"),
        pytest.param(lines(lambda of: [*of[:8], "more: x", *of[8:]]), f"line 9 {FORM}", id="header-unknown"),
        pytest.param(lines(lambda of: of[:7]), f"line 8 {FORM}", id="header-cut-off"),
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


def test_the_script_knows_the_words_of_the_program(kit):
    listed = re.findall(r"^list=([0-9a-f]{64})$", INSTALL.read_text(), re.MULTILINE)
    assert listed == [hashlib.sha256((kit.kit / "WORDS").read_bytes()).hexdigest()]


@in_each_shell
def test_nothing_that_a_terminal_obeys_is_printed_from_the_kit(kit):
    (kit.kit / "debs/\033[31m\\033[32m").touch()
    sentence = kit.refuses()
    assert sentence.isprintable()
    assert "\\033[32m is in the kit" in sentence


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


def test_apt_is_asked_for_packages_and_can_take_none_of_them_for_an_option(kit):
    (kit.machine / "installed").write_text("softhsm2\n")
    kit.refuses(answer="no\n")
    assert kit.asked()[-1].endswith(" --simulate --fix-broken install -- jq")


def test_asks_apt_beforehand_as_well_when_it_mends(kit):
    begun(kit)
    (kit.machine / "installed").write_text("softhsm2\n")
    (kit.machine / "unfit").touch()
    assert "apt does not take the packages of the kit" in kit.refuses("--digest", kit.digest)


def test_counts_all_packages_where_dpkg_was_interrupted_and_apt_cannot_say(kit):
    begun(kit)
    (kit.machine / "audit").write_text("jq is only half installed\n")
    (kit.machine / "installed").write_text("softhsm2\n")
    (kit.kit / "debs/Packages").write_text("Package: other\nInstalled-Size: 900000000000\n")
    kit.seal()
    assert "MB free, and" in kit.refuses("--digest", kit.digest)
    assert not (kit.machine / "apt").exists()


@pytest.mark.parametrize(("free", "enough"), [(32767, False), (32768, True)])
def test_asks_for_room_for_what_is_temporary(kit, free, enough):
    kit.program("df", DF.format(free=free))
    sentence = kit.refuses("--digest", ZERO)
    assert ("/tmp has less than 32 MB free" in sentence) is not enough


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
        pytest.param("{place}/more/../kit/x", "has a part that is no name", id="upwards"),
        pytest.param("/", "lies in /, which is emptied first", id="everything"),
        pytest.param("{place}/", "lies in {place}/, which is emptied first", id="around-the-kit"),
        pytest.param("{place}/alias", "alias is a link", id="link"),
        pytest.param("{place}/alias//", "alias is a link", id="link-with-slashes"),
        pytest.param("{place}/dangling", "dangling is a link", id="link-to-nothing"),
        pytest.param("{place}/alias/here", "lies in the kit", id="in-the-kit-by-a-link"),
        pytest.param("{place}/around/place", "lies in {place}, which is emptied first", id="around-the-kit-by-a-link"),
        pytest.param("{place}/spaced/here", "has letters that not every program takes", id="space-by-a-link"),
    ],
)
def test_refuses_a_folder_that_cannot_hold_the_program(kit, into, message):
    (kit.place / "a b").mkdir()
    for name, target in {"alias": "kit", "dangling": "nothing", "around": "..", "spaced": "a b"}.items():
        (kit.place / name).symlink_to(target)
    into, message = (
        text.replace("{place}", str(kit.place)).replace("around/place", f"around/{kit.place.name}") for text in (into, message)
    )
    assert message in kit.refuses("--into", into, "--digest", kit.digest)


def test_refuses_a_folder_that_no_kit_made(kit):
    kit.into.mkdir()
    (kit.into / "thesis.txt").write_text("years of work")
    assert "is not empty, and no kit made it" in kit.refuses("--digest", kit.digest)


@in_each_shell
@pytest.mark.parametrize(
    ("mark", "beside"),
    [
        pytest.param("soon\n", "", id="somebody-elses-mark"),
        pytest.param("", "thesis.txt", id="empty-mark-and-work"),
        pytest.param("", "kit", id="empty-mark-and-a-familiar-name"),
        pytest.param(ZERO, "", id="no-line"),
        pytest.param(f"{ZERO}\n\n", "", id="a-line-more"),
        pytest.param(f"{ZERO[1:]}g\n", "", id="no-hex"),
        pytest.param(f"{ZERO}\n", "thesis.txt", id="work-beside-what-a-kit-made"),
        pytest.param(f"{ZERO}\n", ".hidden", id="hidden-work"),
        pytest.param(f"{ZERO}\n", "kit\nkit", id="name-of-two-lines"),
    ],
)
def test_refuses_an_unfinished_folder_in_which_something_else_lies(kit, mark, beside):
    kit.into.mkdir()
    (kit.into / "UNFINISHED").write_text(mark)
    (kit.into / "lib").mkdir()
    if beside:
        (kit.into / beside).write_text("years of work")
    assert "is not empty, and no kit made it" in kit.refuses("--digest", kit.digest)


def test_refuses_a_mark_that_is_a_link(kit):
    begun(kit)
    (kit.into / "UNFINISHED").rename(kit.place / "mark")
    (kit.into / "UNFINISHED").symlink_to(kit.place / "mark")
    assert "is not empty, and no kit made it" in kit.refuses("--digest", kit.digest)


def test_refuses_a_kit_in_the_folder_that_it_would_empty(kit):
    begun(kit)
    shutil.rmtree(kit.into / "kit")
    kit.kit.rename(kit.into / "kit")
    kit.at = kit.into / "kit"
    assert f"this kit lies in {kit.into}, which is emptied first" in kit.refuses("--digest", ZERO)


def test_refuses_a_folder_that_another_kit_made(kit):
    kit.into.mkdir()
    (kit.into / "INSTALLED").write_text(f"{ZERO}\n")
    assert "holds what another kit installed" in kit.refuses("--digest", kit.digest)


def begun(kit: Kit, mark: str = f"{ZERO}\n") -> None:
    """Make what an interrupted run of a kit leaves."""
    for name in ("kit", "bin", "include", "lib", "share"):
        (kit.into / name).mkdir(parents=True)
    (kit.into / "lib64").symlink_to("lib")
    for name in ("pyvenv.cfg", "FILES", "INSTALLED", "INSTALLED.new"):
        (kit.into / name).touch()
    (kit.into / "UNFINISHED").write_text(mark)


def only_begun(kit: Kit) -> None:
    """Make what is left when the power fails before the mark of a run is on the disk."""
    kit.into.mkdir()
    (kit.into / "UNFINISHED").touch()


@pytest.mark.parametrize("left", [begun, only_begun])
def test_mends_what_was_interrupted_wherever_that_was(kit, left):
    left(kit)
    done = kit.install(answer="no\n")
    assert f"mends what was interrupted in {kit.into}" in done.stderr


def wheel(kit: Kit) -> None:
    """Put a wheel of a program that tests itself into the kit, and what pins it."""
    name = "ceremony-0.1.0"
    files = {
        "tiny.py": "def main():\n    print('self-test: passed')\n",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: ceremony\nVersion: 0.1.0\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}.dist-info/entry_points.txt": "[console_scripts]\nceremony = tiny:main\n",
    }
    file = kit.kit / "wheels" / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{name}.dist-info/RECORD", "".join(f"{path},,\n" for path in [*files, f"{name}.dist-info/RECORD"]))
    pinned = hashlib.sha256(file.read_bytes()).hexdigest()
    (kit.kit / "requirements.txt").write_text(f"ceremony==0.1.0 --hash=sha256:{pinned}\n")
    kit.seal()


SYNC = """#!/bin/sh
[ ! -e "$MACHINE/../temporary/apt" ] || printf 'lists-of-apt ' >>"$MACHINE/synced"
cd "$MACHINE/../into" && for name in UNFINISHED INSTALLED.new INSTALLED FILES; do [ ! -s $name ] || printf '%s ' $name; done >>"$MACHINE/synced"
echo >>"$MACHINE/synced"
"""


def test_installs_links_and_all_and_marks_it_as_whole_only_when_it_is_on_the_disk(kit):
    wheel(kit)
    kit.program("sync", SYNC)
    kit.program("mktemp", MKTEMP.format(place=kit.place))
    (kit.machine / "installed").write_text("softhsm2\n")
    begun(kit)
    done = kit.install("--digest", kit.digest)
    assert done.returncode == 0, done.stderr
    assert "self-test: passed" in done.stdout
    assert kit.asked()[-1].endswith(" --fix-broken install -- jq")
    assert [line.split() for line in (kit.machine / "synced").read_text().splitlines()] == [
        ["lists-of-apt", "UNFINISHED"],
        ["UNFINISHED", "INSTALLED.new", "FILES"],
        ["UNFINISHED", "INSTALLED", "FILES"],
        ["INSTALLED", "FILES"],
    ]
    assert "link  ./lib64 -> lib" in (kit.into / "FILES").read_text().splitlines()
    assert kit.install().stderr == "install: all of it is installed already and unchanged; nothing was done\n"
    (kit.machine / "apt").unlink()
    python3 = kit.into / "bin/python3"
    python3.unlink()
    python3.symlink_to("/bin/true")
    assert "bin/python3 -> /usr/bin/python3 is not as it was installed" in kit.refuses()


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


def link_to_compiled(kit: Kit) -> None:
    (kit.into / "__pycache__").symlink_to("/tmp/__pycache__/a.pyc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda kit: (kit.into / "bin/ceremony").write_text("#"), "bin/ceremony is not as it was", id="changed"),
        pytest.param(lambda kit: (kit.into / "bin/ceremony").unlink(), "bin/ceremony is not as it was", id="removed"),
        pytest.param(lambda kit: (kit.into / "bin/more").touch(), "bin/more is not as it was", id="added"),
        pytest.param(
            lambda kit: (kit.into / "bin/more").symlink_to("/bin/sh"), "bin/more -> /bin/sh is not as it was", id="link"
        ),
        pytest.param(link_to_compiled, "__pycache__ -> /tmp/__pycache__/a.pyc is not as it was", id="link-to-compiled"),
        pytest.param(lambda kit: os.mkfifo(kit.into / "bin/more"), "bin/more is neither file, link nor folder", id="pipe"),
        pytest.param(lambda kit: (kit.into / "FILES").unlink(), "FILES is missing", id="without-list"),
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
    kit.program("mktemp", MKTEMP.format(place=kit.place))
    kit.refuses(answer="no\n")
    assert not (kit.place / "temporary").exists()


@pytest.mark.parametrize("script", ["kit/install", "make-kit", "test-kit"])
def test_the_scripts_are_clean_to_shellcheck(script):
    assert shutil.which("shellcheck"), "shellcheck is not installed; these tests need it"
    done = subprocess.run(["shellcheck", "-s", "sh", str(ROOT / "scripts" / script)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0
