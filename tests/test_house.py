# SPDX-License-Identifier: Apache-2.0
"""The house (design, section 3): who imports whom, how large a module may be, what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ceremony"
MODULES = sorted(PACKAGE.rglob("*.py"))
LOCK = (ROOT / "requirements.lock").read_text()


def _in_a_fresh_interpreter(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


# --- who imports whom -------------------------------------------------------------


def test_imports_go_one_way_only() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# What a pure core has no use for. `socket` and `subprocess` are not in the list: libraries below the core (asn1crypto,
# and cffi below pycryptodome) load them without using them here; that our own modules do not is what the contracts say.
FAR_FROM_THE_CORE = [
    *("textual", "rich", "click"),
    *("pkcs11", "yubikit", "ykman", "smartcard"),
    *("urllib3", "anyio", "http.client", "urllib.request", "ssl", "asyncio"),
    *("multiprocessing", "concurrent.futures", "sqlite3", "tempfile"),
    *("ceremony.cli", "ceremony.tui", "ceremony.steps", "ceremony.devices", "ceremony.host", "ceremony.volumes"),
    *("ceremony.online", "ceremony.report"),
]
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
    importlib.import_module(module.name)
print("\\n".join(sys.modules))
"""


def test_the_whole_core_loads_no_device_screen_or_network() -> None:
    loaded = set(_in_a_fresh_interpreter(IMPORT_ALL, "ceremony.core").split())
    assert {"ceremony.core.ports", "ceremony.core.plan", "ceremony.core.dialects"} <= loaded
    assert loaded.isdisjoint(FAR_FROM_THE_CORE)


def test_the_command_line_starts_without_screen_network_and_tokens() -> None:
    loaded = set(_in_a_fresh_interpreter("import sys, ceremony.cli.main; print(*sys.modules)").split())
    assert "ceremony.cli.main" in loaded
    assert loaded.isdisjoint({"textual", "urllib3", "http.client", "pkcs11"})


def test_no_command_loads_a_screen_before_one_is_needed() -> None:
    loaded = set(_in_a_fresh_interpreter(IMPORT_ALL, "ceremony.cli").split())
    assert {"ceremony.cli.rehearse", "ceremony.cli.view", "ceremony.tui.terminal"} <= loaded
    assert loaded.isdisjoint({"textual", "rich"})


# --- how large, and in whose name ---------------------------------------------------


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_small_licensed_and_says_what_it_is(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= 400
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == []


# --- what is installed ----------------------------------------------------------------


def _locked() -> dict[str, int]:
    """Return how many hashes the lock lists for each package."""
    entries = re.findall(r"^([a-z0-9-]+)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.MULTILINE)
    return {name: hashes.count("--hash") for name, hashes in entries}


def test_the_lock_pins_every_package_by_hash() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) == len(_locked())
    assert all(count >= 1 for count in _locked().values())


def test_the_lock_holds_what_the_project_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["test"],
        *project["build-system"]["requires"],
    ]
    names = {re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-") for requirement in needed}
    assert names - set(_locked()) == set()


def test_the_lock_names_no_index() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^(-|--)(i|f|index-url|extra-index-url|find-links|trusted-host)\b", LOCK, re.MULTILINE)


# --- what no file names -----------------------------------------------------------------

# A place of one machine, or the address of one registry: true for whoever wrote it, and for nobody else.
ELSEWHERE = re.compile(
    r"(?<![\w.>~-])/(?:work|root|home|Users)/\w" + r"|python" + r"hosted\.|\bpypi" + r"\.|index-url[ =]+\w+:|find-links[ =]+[/\w]"
)


def test_no_file_is_a_link_to_a_place_of_one_machine() -> None:
    # Those that are kept here: what is set up beside them (the environment) may be one.
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--stage"], cwd=ROOT, capture_output=True, check=False)
    links = [line for line in listed.stdout.decode().split("\0") if line.startswith("120000")]
    assert links == []


def _files() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        yield from (ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())
    else:  # an unpacked release: no hidden folders, nothing that was built
        yield from (
            path
            for path in ROOT.rglob("*")
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
        )


def test_no_file_names_a_place_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in _files()
        for match in ELSEWHERE.finditer(path.read_bytes().decode(errors="replace"))
    ]
    assert found == []


SCRIPTS = [path for path in sorted((ROOT / "scripts").iterdir()) if not path.suffix and path.is_file()] + [ROOT / ".ci" / "run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run_and_stops_at_its_first_error(script: Path) -> None:
    text = script.read_text()
    assert script.stat().st_mode & 0o111
    assert text.startswith("#!")
    assert "\nset -eu\n" in text
    shell = "bash" if "bash" in text.splitlines()[0] else "sh"
    subprocess.run([shell, "-n", script], check=True)
