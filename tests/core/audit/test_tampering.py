# SPDX-License-Identifier: Apache-2.0
"""A folder in which anything was changed does not audit: bytes flipped, lines dropped, tails cut, files swapped."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache

import pytest

from ceremony.core.audit import audit, judge
from ceremony.core.bundle import LOG
from ceremony.errors import CeremonyError, ExitCode
from tests.fakes import room
from tests.fakes.folder import FakeFolder
from tests.fakes.room import Ceremony, fast_seal, plan, repository

__all__ = ["fast_seal"]

NAMES = ("docker.io/acme/app", "reg.example:5000/tools/cli")
SEED = 20261119


@lru_cache(maxsize=2)
def whole(which: str = "one") -> dict[str, bytes]:
    """Return the files of a finished ceremony; equal names of ceremonies share their people, not their id."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "CEREMONY", {"one": "c0", "other": "0c"}[which] * 16)
        room.quicken(patch)
        ceremony = Ceremony(plan=plan(*(repository(name) for name in NAMES)))
        assert ceremony.hold() is ExitCode.DONE
    return dict(ceremony.folder.files)


def verdict(files: dict[str, bytes]) -> ExitCode:
    """Return the verdict; a folder without a log is refused with exit code 1."""
    try:
        return judge(FakeFolder(files=files))
    except CeremonyError as error:
        return error.exit_code


def refused(files: dict[str, bytes], what: str) -> None:
    assert verdict(files) is not ExitCode.DONE, what


def test_the_folder_itself_audits():
    assert verdict(whole()) is audit(FakeFolder(files=whole())).verdict is ExitCode.DONE


def positions(data: bytes, count: int, chance: random.Random) -> Iterator[int]:
    """Yield the first and last byte and `count` others."""
    yield from {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(count))}


def test_no_flipped_bit_in_any_file_is_accepted():
    chance = random.Random(SEED)
    cases = 0
    for path, data in whole().items():
        for at in positions(data, 12, chance):
            flipped = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
            refused({**whole(), path: flipped}, f"{path}, byte {at}")
            cases += 1
    assert cases > 300


def test_no_flipped_bit_in_any_line_of_the_log_is_accepted():
    chance = random.Random(SEED)
    log, start = whole()[LOG], 0
    for number, line in enumerate(log.splitlines(keepends=True)):
        for at in positions(line, 4, chance):
            place = start + at
            flipped = log[:place] + bytes([log[place] ^ (1 << chance.randrange(8))]) + log[place + 1 :]
            refused({**whole(), LOG: flipped}, f"line {number}, byte {at}")
        start += len(line)


def test_every_byte_of_the_heads_and_their_signatures_counts():
    for path, data in whole().items():
        if path.startswith("heads/"):
            for at in range(len(data)):
                refused({**whole(), path: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]}, f"{path}, byte {at}")


def test_a_head_that_is_none_is_named_in_its_own_words():
    folder = FakeFolder(files={**whole(), "heads/0001.txt": b"we are all good here"})
    found = [finding.text for finding in audit(folder).findings if finding.subject == "heads/0001.txt"]
    assert "heads/0001.txt: is not a ceremony-head/v1 statement" in found


@pytest.mark.parametrize("change", ["drop", "double", "swap with the next", "cut after"])
def test_no_line_of_the_log_is_dropped_doubled_swapped_or_cut_off(change):
    lines = whole()[LOG].splitlines(keepends=True)
    for at in range(len(lines) - 1):
        changed = {
            "drop": [*lines[:at], *lines[at + 1 :]],
            "double": [*lines[: at + 1], *lines[at:]],
            "swap with the next": [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
            "cut after": lines[: at + 1],
        }[change]
        assert verdict({**whole(), LOG: b"".join(changed)}) is ExitCode.FAILED, f"{change} line {at}"


def test_no_tail_is_cut_off_in_the_middle_of_a_line_while_the_heads_are_there():
    log = whole()[LOG]
    chance = random.Random(SEED)
    for at in sorted({chance.randrange(len(log)) for _ in range(200)}):
        refused({**whole(), LOG: log[:at]}, f"cut at byte {at}")


def test_a_log_cut_together_with_what_states_its_end_is_incomplete_at_best():
    lines = whole()[LOG].splitlines(keepends=True)
    for at in range(1, len(lines)):
        files = {path: data for path, data in whole().items() if not path.startswith(("heads/", "MANIFEST"))}
        refused({**files, LOG: b"".join(lines[:at])}, f"cut to {at} lines")


def test_no_file_can_be_missing_added_or_swapped_for_another_ceremony_s():
    other = whole("other")
    for path in whole():
        without = {name: data for name, data in whole().items() if name != path}
        if not path.endswith(".sig") or "head.sig" in path:
            refused(without, f"without {path}")
        if other.get(path, whole()[path]) != whole()[path]:
            refused({**whole(), path: other[path]}, f"{path} of another ceremony")
    refused({**whole(), "extra.txt": b"hello"}, "a file that nothing names")
    refused({**whole(), "heads/0003.txt": whole()["heads/0002.txt"]}, "one more head")


def test_the_folder_of_another_ceremony_with_these_signatures_is_refused():
    mixed = {path: whole().get(path, data) if path.endswith(".sig") else data for path, data in whole("other").items()}
    assert verdict(mixed) is ExitCode.FAILED


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"{}\n", id="an empty object"),
        pytest.param(b"\xff" * 100, id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_junk_in_the_place_of_any_file_is_a_finding_and_no_crash(junk):
    for path in whole():
        refused({**whole(), path: junk}, path)


def test_a_removed_signature_leaves_a_folder_incomplete_when_the_quorum_needs_it():
    signatures = [path for path in whole() if path.endswith(".sig") and path.startswith("heads/")]
    needed = [path for path in signatures if "ada" not in path]
    assert len(needed) == len(signatures) - 1
    for path in needed:
        assert verdict({name: data for name, data in whole().items() if name != path}) is ExitCode.INCOMPLETE, path
