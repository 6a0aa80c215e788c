# SPDX-License-Identifier: Apache-2.0
"""verify.sh and `ceremony audit` over the same folders of whole ceremonies: one exit code."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest

from ceremony.core import signers as outside
from ceremony.core.audit import audit
from ceremony.core.bundle import LOG, MANIFEST
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError
from tests.core.audit.test_signed_logs import held
from tests.fakes.folder import FakeFolder
from tests.peers.verify_sh import Verdict, verdict
from tests.report.sealed import Files, manifest

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3
SEED = 20261119


def both(files: Mapping[str, bytes], signers: bytes | None = None) -> Verdict:
    """Judge a folder by both; fails unless they agree."""
    try:
        lines = None if signers is None else outside.parse(signers)
        code = int(audit(FakeFolder(files=dict(files)), lines).verdict)
    except CeremonyError as error:
        code = int(error.exit_code)
    found = verdict(files, signers)
    assert found.code == code, found.out
    return found


def people(files: Mapping[str, bytes], *but: str) -> bytes:
    """Return signers with the people of the first record."""
    import json

    from ceremony.core.bundle import slug

    listed = json.loads(files[LOG].splitlines()[0])["body"]["people"]
    return "".join(f"{slug(one['name'])} {one['key']}\n" for one in listed if one["name"] not in but).encode()


def test_whole_ceremonies_are_verified_by_both():
    assert both(held(Mode.PRACTICE)).code == VERIFIED
    made = held(Mode.PRODUCTION)
    assert both(made).code == INCOMPLETE
    assert both(made, people(made)).code == VERIFIED
    assert both(made, people(made, "Wim")).code == INCOMPLETE
    assert both(made, people(held(Mode.PRACTICE))).code == FAILED


def test_two_root_keys_are_verified_by_both():
    assert both(held(tokens=("root-a", "root-b"))).code == VERIFIED


def flipped(seed: int) -> Files:
    chance = random.Random(seed)
    files = dict(held())
    path = chance.choice(sorted(files))
    at = chance.randrange(len(files[path]))
    files[path] = files[path][:at] + bytes([files[path][at] ^ (1 << chance.randrange(8))]) + files[path][at + 1 :]
    return files


@pytest.mark.parametrize("seed", range(SEED, SEED + 12))
def test_a_flipped_bit_anywhere_is_refused_by_both(seed):
    assert both(flipped(seed)).code == FAILED


def bare_log(files: Mapping[str, bytes]) -> Files:
    """Return what there is before the close."""
    return {
        path: data for path, data in files.items() if not path.startswith("heads/0005") and path not in (MANIFEST, "report.html")
    }


@pytest.mark.parametrize("count", [1, 2, 20, 60, 80, 93])
@pytest.mark.parametrize("more", [b"", b"{", b"\n"])
def test_a_log_cut_anywhere_is_judged_alike(count, more):
    rows = held()[LOG].splitlines(keepends=True)
    found = both({**bare_log(held()), LOG: b"".join(rows[:count]) + more})
    assert found.code in (FAILED, INCOMPLETE)


@pytest.mark.parametrize("change", ["drop", "double", "swap"])
@pytest.mark.parametrize("at", [0, 40, 92])
def test_a_line_that_was_dropped_doubled_or_swapped_is_refused_by_both(change, at):
    rows = held()[LOG].splitlines(keepends=True)
    changed = {
        "drop": [*rows[:at], *rows[at + 1 :]],
        "double": [*rows[: at + 1], *rows[at:]],
        "swap": [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]],
    }[change]
    assert both({**held(), LOG: b"".join(changed)}).code == FAILED


CHANGES: dict[str, tuple[int, Callable[[Files], object]]] = {
    "a file more": (FAILED, lambda f: f.update({"a.txt": b"x"})),
    "a file less": (FAILED, lambda f: f.pop("README.txt")),
    "a manifest less": (INCOMPLETE, lambda f: f.pop(MANIFEST)),
    "another manifest": (FAILED, lambda f: f.update({MANIFEST: f[MANIFEST] + b"\n"})),
    "a head less": (FAILED, lambda f: f.pop("heads/0001.txt")),
    "a head more": (FAILED, lambda f: f.update({"heads/0006.txt": f["heads/0005.txt"]})),
    "the report of another": (FAILED, lambda f: f.update({"report.html": b"x", MANIFEST: manifest({**f, "report.html": b"x"})})),
    "no signatures": (INCOMPLETE, lambda f: [f.pop(p) for p in list(f) if p.startswith("heads/0005.") and p.endswith(".sig")]),
    "swapped signatures": (FAILED, lambda f: f.update(swapped(f))),
    "a torn line after the close": (FAILED, lambda f: f.update({LOG: f[LOG] + b"{"})),
    "carriage returns": (FAILED, lambda f: f.update({LOG: f[LOG].replace(b"\n", b"\r\n")})),
    "a byte order mark": (FAILED, lambda f: f.update({LOG: b"\xef\xbb\xbf" + f[LOG]})),
    "practice as production": (FAILED, lambda f: f.update({LOG: f[LOG].replace(b'"practice"', b'"production"', 1)})),
}


def swapped(files: Files) -> Files:
    one, other = (
        path for path in sorted(files) if path.startswith("heads/0005.") and "ada" not in path and path.endswith(".sig")
    )
    return {one: files[other], other: files[one]}


@pytest.mark.parametrize(("code", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_is_judged_alike(code, change):
    files = dict(held())
    change(files)
    assert both(files).code == code
