# SPDX-License-Identifier: Apache-2.0
"""What `make-kit` decides by itself: what it refuses to begin, what it takes of the lock, and the form of its manifest.

Whole kits are made by scripts/test-kit.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
FACTS = {
    "format": "ceremony-kit/v1",
    "version": "0.1.0",
    "commit": "0" * 40,
    "release": "bookworm",
    "architecture": "amd64",
    "python": "3.11",
    "packages": "jq",
    "room": "1000",
}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Give what imports a module of scripts/kit, which is no package, and forgets it afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT / "scripts/kit"))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


# --- what it refuses to begin ------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a committed checkout that has the scripts of the kit."""
    place = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts/kit", place / "scripts/kit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "scripts/make-kit", place / "scripts/make-kit")
    git = ["git", "-C", str(place), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "kit"]):
        subprocess.run([*git, *words], check=True)
    return place


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = checkout / "scripts/make-kit"
    return subprocess.run([str(script), *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["kit", "kit.part"])
def test_refuses_a_folder_that_is_there(checkout, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "file").touch()
    done = make(checkout, "--out", str(tmp_path / "kit"))
    assert done.returncode == 1
    assert done.stderr == (f"make-kit: {tmp_path / name} is there; nothing is overwritten, so remove it or name another folder\n")
    assert [path.name for path in (tmp_path / name).iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["scripts/kit/install", "new.txt"])
def test_refuses_a_checkout_that_is_not_as_committed(checkout, tmp_path, name):
    (checkout / name).write_text("changed\n")
    done = make(checkout, "--out", str(tmp_path / "kit"))
    assert done.returncode == 1
    assert done.stderr == f"make-kit: the checkout is not as committed ({name}); commit or remove what is new\n"
    assert not (tmp_path / "kit.part").exists()


def test_refuses_a_folder_without_certificates(checkout, tmp_path):
    done = make(checkout, "--out", str(tmp_path / "kit"), "--yubico-roots", str(tmp_path))
    assert done.returncode == 1
    assert "holds no file whose name ends in .pem" in done.stderr


def test_ends_with_2_when_it_is_called_wrongly(checkout):
    assert make(checkout).returncode == 2


# --- what it takes of the lock -----------------------------------------------------


def wheel(folder: Path, name: str, *needs: str) -> Path:
    """Write a wheel that needs this."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {one}" for one in needs)]
        archive.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines) + "\n")
    return file


class Shelf:
    """Stands for pip: what is to be fetched lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []

    def run(self, command: list[str]) -> str:
        for name in re.findall(r"^(\S+)==", Path(command[-1]).read_text(), re.MULTILINE):
            self.asked.append(name)
            (file,) = self.folder.glob(f"{name}-*.whl")
            shutil.copy(file, command[command.index("-d") + 1])
        return ""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "shelf"
    folder.mkdir()
    wheel(folder, "screen", "markdown[links]", 'tests; extra == "test"', "colour")
    wheel(folder, "markdown", 'links; extra == "links"', 'windows; sys_platform == "win32"')
    wheel(folder, "links", "screen")
    wheel(folder, "colour")
    for name in ("tests", "windows"):
        wheel(folder, name)
    return Shelf(folder)


def lock(*names: str) -> str:
    return "# made\n" + "".join(
        f"{name}==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n    # via x\n" for name in names
    )


def collect(module, monkeypatch, tmp_path, shelf, text) -> list[str]:
    wheels: ModuleType = module("wheels")
    monkeypatch.setattr(wheels, "run", shelf.run)
    into = tmp_path / "kit" / "wheels"
    into.mkdir(parents=True)
    wheels.Collection(wheels.read_lock(text), into).add([Requirement("screen")])
    assert [path.name for path in into.parent.iterdir()] == ["wheels"]
    return sorted(path.name.partition("-")[0] for path in into.iterdir())


def test_takes_what_is_needed_with_extras_and_nothing_of_tests_or_other_systems(module, monkeypatch, tmp_path, shelf):
    text = lock("colour", "links", "markdown", "screen", "tests", "windows")
    assert collect(module, monkeypatch, tmp_path, shelf, text) == ["colour", "links", "markdown", "screen"]
    assert sorted(shelf.asked) == ["colour", "links", "markdown", "screen"]


def test_refuses_a_lock_that_lacks_something(module, monkeypatch, tmp_path, shelf):
    with pytest.raises(Exception, match=r"requirements\.lock lacks links; make it again"):
        collect(module, monkeypatch, tmp_path, shelf, lock("colour", "markdown", "screen"))


def test_the_lock_is_read_whole_with_all_its_hashes(module):
    text = (ROOT / "requirements.lock").read_text()
    found = module("wheels").read_lock(text)
    assert len(found) == len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE))
    assert sum(entry.count("--hash=sha256:") for entry in found.values()) == text.count("--hash=sha256:")
    direct = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {Requirement(one).name for one in direct} <= found.keys()


def test_a_line_pins_the_very_file(module, tmp_path):
    file = wheel(tmp_path, "screen_of_ours")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert module("wheels").line(file) == f"screen-of-ours==1.0 --hash=sha256:{digest}\n"


# --- the manifest -------------------------------------------------------------------


def test_the_manifest_lists_every_file_sorted_whatever_the_order_in_which_they_came(module, tmp_path):
    digests = set()
    for turn, names in enumerate([("b/x", "a", "b.d", "B"), ("B", "b.d", "b/x", "a")]):
        kit = tmp_path / str(turn)
        for name in names:
            if name != "B":
                (kit / name).parent.mkdir(parents=True, exist_ok=True)
                (kit / name).write_text(name)
        digests.add(module("manifest").write(kit, FACTS))
    assert digests == {hashlib.sha256((kit / "MANIFEST").read_bytes()).hexdigest()}
    lines = (kit / "MANIFEST").read_text().splitlines()
    assert lines[:8] == [f"{name}: {value}" for name, value in FACTS.items()]
    assert lines[8:] == [f"{hashlib.sha256(name.encode()).hexdigest()}  {len(name)}  {name}" for name in ("a", "b.d", "b/x")]


@pytest.mark.parametrize("name", ["a b", "-rf", "a/.hidden", "Zürich", "a\nb", "a:b"])
def test_refuses_a_name_that_not_every_medium_takes(module, tmp_path, name):
    file = tmp_path / "kit" / name
    file.parent.mkdir(parents=True)
    file.touch()
    with pytest.raises(Exception, match="is no name for every medium"):
        module("manifest").write(tmp_path / "kit", FACTS)


def test_refuses_two_names_that_a_stick_would_take_for_one(module, tmp_path):
    for name in ("Guide", "guide"):
        (tmp_path / name).touch()
    with pytest.raises(Exception, match="differ in nothing but capital letters"):
        module("manifest").write(tmp_path, FACTS)


# --- the Debian packages ------------------------------------------------------------


def test_a_package_is_listed_under_a_name_without_its_epoch(module, tmp_path):
    assert shutil.which("dpkg-deb"), "dpkg is not installed; these tests need it"
    control = "Package: jq\nVersion: 1:1.6+x~1\nArchitecture: all\nInstalled-Size: 3\nMaintainer: A <a@localhost>\nDescription: one\n more: lines\n"
    (tmp_path / "deb/DEBIAN").mkdir(parents=True)
    (tmp_path / "deb/DEBIAN/control").write_text(control)
    deb = tmp_path / "jq_1%3a1.6.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(tmp_path / "deb"), str(deb)], check=True, capture_output=True)
    into = tmp_path / "debs"
    into.mkdir()
    entry = module("debs").take(deb, into)
    data = (into / "jq_1.6+x~1_all.deb").read_bytes()
    assert entry == (f"{control}Filename: ./jq_1.6+x~1_all.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}")


def deb(place: Path, into: Path, *fields: str) -> None:
    """Build a package into the folder of a kit, as `fetch` leaves it there."""
    control = "\n".join(["Architecture: all", "Maintainer: A <a@localhost>", "Description: one", *fields, ""])
    (place / "DEBIAN").mkdir(parents=True)
    (place / "DEBIAN/control").write_text(control)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(place), str(into)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(["Depends: libjq1"], None, id="whole"),
        pytest.param(["Depends: libjq1, libc6"], "apt-get failed with 100", id="something-missing"),
        pytest.param([], "apt fetched 2 packages and would install 1 of them", id="something-more"),
    ],
)
def test_apt_would_install_everything_from_the_finished_folder_alone(module, monkeypatch, tmp_path, fields, message):
    assert shutil.which("apt-get"), "apt is not installed; these tests need it"
    debs = module("debs")
    monkeypatch.setattr(debs, "WANTED", ("jq",))
    built, into = tmp_path / "built", tmp_path / "the debs"
    for folder in (built, into):
        folder.mkdir()
    deb(tmp_path / "jq", built, "Package: jq", "Version: 1", *fields)
    deb(tmp_path / "libjq1", built, "Package: libjq1", "Version: 1")
    entries = [debs.take(file, into) for file in sorted(built.iterdir())]
    (into / "Packages").write_text("\n\n".join(entries) + "\n")
    if message is None:
        debs.prove(into, tmp_path / "proof")
    else:
        with pytest.raises(Exception, match=message):
            debs.prove(into, tmp_path / "proof")


@pytest.mark.parametrize(
    ("source", "address", "message"),
    [
        pytest.param("deb https://deb.example x main", "https://deb.example/", None, id="signed"),
        pytest.param("# deb [trusted=yes] https://deb.example x main", "https://deb.example/", None, id="remark"),
        pytest.param(
            "deb [arch=amd64 trusted=yes] https://deb.example x main", "https://deb.example/", "without a signature", id="list"
        ),
        pytest.param("Types: deb\nTrusted: yes", "https://deb.example/", "without a signature", id="deb822"),
        pytest.param("deb file:/srv/mirror x main", "file:/srv/mirror/", "which apt does not copy from", id="file"),
        pytest.param("deb cdrom:[Debian]/ x main", "cdrom://[Debian]/", "which apt does not copy from", id="disc"),
    ],
)
def test_refuses_sources_that_nobody_signed_or_that_are_not_copied(module, monkeypatch, tmp_path, source, address, message):
    debs = module("debs")
    file = tmp_path / "machine.list"
    file.write_text(f"{source}\n")
    calls: list[list[str]] = []

    def apt(command: list[str]) -> str:
        calls.append(command)
        return f"{file}:1 {address}" if "indextargets" in command else ""

    monkeypatch.setattr(debs, "run", apt)
    with pytest.raises(Exception, match=message or "apt fetched no package"):
        debs.fetch(tmp_path / "debs", tmp_path / "work")
    assert len(calls) == (1 if message else 3)
    for refused in ("APT::Get::AllowUnauthenticated", "Acquire::AllowInsecureRepositories"):
        assert all(f"{refused}=false" in call for call in calls)
