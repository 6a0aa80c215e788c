# SPDX-License-Identifier: Apache-2.0
"""Make the kit, on an online machine of the release and architecture that the air-gapped one has.

    scripts/make-kit --out DIR [--yubico-roots DIR]

The folder holds wheels, Debian packages, plans, guide, `install` and a MANIFEST of all
of it; the SHA-256 of MANIFEST is the kit's digest. Made twice from the same inputs it is
the same, byte for byte: no time, no path and no order of a file system goes into it. It
is made in `DIR.part` and renamed, so that a folder with the name DIR is always whole.

Only the standard library here: what needs more runs in an environment that is made from
`requirements-build.lock` (`wheels`) or from the kit itself, which so proves that it installs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import debs
import manifest
from said import KitError, run, say

CHECKOUT = Path(__file__).resolve().parent.parent.parent
_TOOLS = {"apt-get": "apt", "dpkg-deb": "dpkg", "tar": "tar", "cc": "gcc libc6-dev"}
_PYTHON = (
    "import os, sysconfig, venv, ensurepip; raise SystemExit(not os.path.exists(sysconfig.get_path('include') + '/Python.h'))"
)
_WORDS = "from ceremony.core.pgp_words import EVEN, ODD; [print(f'{n:02x}', EVEN[n], ODD[n]) for n in range(256)]"
_HEARD = "import sys; from ceremony.core.words import words; print('\\n'.join(words(sys.argv[1])))"
_ROOTS = """
import pathlib, sys
from ceremony.core.attestation.authorities import Authorities
from ceremony.errors import CeremonyError
try:
    Authorities.read({path.name: path.read_bytes() for path in map(pathlib.Path, sys.argv[1:])})
except CeremonyError as error:
    sys.exit(f"{error.message}; {error.hint}")
"""


def main(arguments: list[str]) -> int:
    """Make the kit as the command line says, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make-kit", description="Make the kit for a machine without a network.")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder to make; refused when it is there")
    parser.add_argument(
        "--yubico-roots", type=Path, metavar="DIR", help="a folder with Yubico's certificates, *.pem, to take along"
    )
    options = parser.parse_args(arguments)
    os.umask(0o022)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        make(options.out.absolute(), options.yubico_roots)
    except KitError as error:
        print(f"make-kit: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make-kit: {error.strerror}: {error.filename}; nothing was made", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make-kit: stopped; nothing was made", file=sys.stderr)
        return 1
    return 0


def make(out: Path, roots: Path | None) -> None:
    """Make the kit in `out.part` and rename it; whatever fails leaves neither."""
    part = out.with_name(out.name + ".part")
    for folder in (out, part):
        if folder.exists() or folder.is_symlink():
            raise KitError(f"{folder} is there; nothing is overwritten, so remove it or name another folder")
    pem = find_roots(roots)
    if not shutil.which("git"):
        raise KitError("git is missing: apt-get install git")
    commit, epoch = committed()
    check_tools()
    part.mkdir()
    try:
        with tempfile.TemporaryDirectory(prefix="make-kit.") as work:
            facts = fill(part, Path(work), pem, epoch) | {"commit": commit}
            digest = manifest.write(part, facts)
            spoken = run([f"{work}/trial/bin/python", "-I", "-c", _HEARD, digest]).split()
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    report(out, facts, digest, spoken)


def check_tools() -> None:
    """Refuse a machine that lacks what builds the kit, naming all of it in one line."""
    missing = [package for tool, package in _TOOLS.items() if not shutil.which(tool)]
    if subprocess.run([sys.executable, "-c", _PYTHON], capture_output=True, check=False).returncode:
        missing += ["python3-venv", "python3-dev"]
    if not Path("/usr/include/PCSC/winscard.h").exists():
        missing.append("libpcsclite-dev")
    if missing:
        raise KitError(f"these are missing: apt-get install {' '.join(missing)}")


def find_roots(folder: Path | None) -> list[Path]:
    """Return Yubico's PEM files in the folder; nobody judged them yet."""
    if folder is None:
        return []
    found = sorted(folder.glob("*.pem"))
    if not found:
        raise KitError(f"{folder} holds no file whose name ends in .pem; put Yubico's certificates there, as the guide says")
    return found


def committed() -> tuple[str, int]:
    """Return commit and time (seconds since 1970) of the checkout; refuse one that differs from its commit."""
    git = ["git", "-C", str(CHECKOUT)]
    if changed := run([*git, "status", "--porcelain"]):
        raise KitError(f"the checkout is not as committed ({changed.splitlines()[0][3:]}); commit or remove what is new")
    commit, epoch = run([*git, "log", "-1", "--format=%H %ct"]).split()
    return commit, int(epoch)


def fill(part: Path, work: Path, pem: list[Path], epoch: int) -> dict[str, str]:
    """Put everything but MANIFEST into the kit, and return what its header says."""
    source = work / "source"
    source.mkdir()
    # Modes without the group's rights, whatever git is set to: they go into the wheel.
    run(["git", "-C", str(CHECKOUT), "-c", "tar.umask=0022", "archive", "--output", str(work / "source.tar"), "HEAD"])
    run(["tar", "-x", "-f", str(work / "source.tar"), "-C", str(source)])
    say("wheels, as requirements.lock says")
    build = make_wheels(part, work, epoch)
    say("Debian packages, with all that they need")
    (part / "debs").mkdir()
    debs.fetch(part / "debs", work / "apt")
    say("a trial: the kit's own wheels are installed")
    trial = prove(part, work)
    copy_papers(part, source)
    (part / "WORDS").write_text(run([trial, "-I", "-c", _WORDS]) + "\n")
    if pem:
        say("Yubico's certificates, against the fingerprints in the program")
        run([trial, "-I", "-c", _ROOTS, *map(str, pem)])
        copy_all(pem, part / "yubico")
    version = run([trial, "-I", "-c", "from importlib.metadata import version; print(version('ceremony'))"])
    return {
        "format": "ceremony-kit/v1",
        "version": version,
        "release": release(),
        "architecture": run(["dpkg", "--print-architecture"]),
        "python": "{}.{}".format(*sys.version_info[:2]),
        "packages": " ".join(sorted(debs.WANTED)),
        "room": build.strip(),
    }


def make_wheels(part: Path, work: Path, epoch: int) -> str:
    """Fill `wheels/` and `requirements.txt`; return how many bytes an installation of them may take."""
    venv = work / "build"
    run([sys.executable, "-m", "venv", str(venv)])
    lock = work / "source" / "requirements-build.lock"
    run([f"{venv}/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])
    changed = {
        "PATH": f"{venv}/bin:{os.environ['PATH']}",
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONHASHSEED": "0",
        "TMPDIR": str(work),
        "TZ": "UTC",
        # What is compiled must not tell in which folder.
        "CFLAGS": f"-g0 -ffile-prefix-map={work}=.",
    }
    script = str(Path(__file__).with_name("wheels.py"))
    return run([f"{venv}/bin/python", "-B", script, str(work / "source"), str(part)], changed)


def prove(part: Path, work: Path) -> str:
    """Install the kit's wheels as `install` does, and return the Python that has them."""
    run([sys.executable, "-m", "venv", str(work / "trial")])
    python = f"{work}/trial/bin/python"
    pip = [python, "-I", "-m", "pip", "--isolated", "--disable-pip-version-check"]
    wheels = ["--no-index", "--require-hashes", "--find-links", str(part / "wheels"), "-r", str(part / "requirements.txt")]
    run([*pip, "install", "--quiet", "--no-cache-dir", "--no-compile", *wheels], {"PIP_CONFIG_FILE": "/dev/null"})
    run([*pip, "check"])
    return python


def copy_papers(part: Path, source: Path) -> None:
    """Copy `install`, what people read, and the example plans."""
    shutil.copyfile(source / "scripts/kit/install", part / "install")
    copy_all([source / "README.md", *sorted((source / "docs").glob("*.md"))], part / "docs")
    shutil.copytree(source / "ceremony/cli/example", part / "plans", copy_function=shutil.copyfile)


def copy_all(files: list[Path], folder: Path) -> None:
    """Copy files into a new folder, without their modes and times."""
    folder.mkdir()
    for file in files:
        shutil.copyfile(file, folder / file.name)


def release() -> str:
    """Return the codename of the Debian or Ubuntu release that this machine runs."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise KitError("/etc/os-release names no release; make the kit on Debian or Ubuntu")


def report(out: Path, facts: dict[str, str], digest: str, spoken: list[str]) -> None:
    """Print what was made, how large it is, and the digest to write on paper."""
    print(f"{out}: ceremony {facts['version']} for {facts['release']}, {facts['architecture']}, Python {facts['python']}\n")
    for name in sorted(path.name for path in out.iterdir()):
        files = [path for path in [out / name, *(out / name).rglob("*")] if path.is_file()]
        print(
            f"  {name:<17} {len(files):4} {'file ' if len(files) == 1 else 'files'} {sum(map(manifest.size, files)) / 1e6:8.1f} MB"
        )
    every = [path for path in out.rglob("*") if path.is_file()]
    print(f"  {'together':<17} {len(every):4} files {sum(map(manifest.size, every)) / 1e6:8.1f} MB\n\ndigest  {digest}")
    for first in range(0, len(spoken), 8):
        print("words  " if first == 0 else "       ", " ".join(spoken[first : first + 8]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
