# SPDX-License-Identifier: Apache-2.0
"""The report of every kind of ceremony: what it says, that it is the same at any time, and that it loads and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path

import pytest

from ceremony.core import bundle
from ceremony.core.audit.before_close import as_before_close
from ceremony.core.words import words
from ceremony.errors import StorageError
from ceremony.report.page import page
from tests.fakes import room
from tests.fakes.folder import FakeFolder
from tests.fakes.room import Ceremony, plan, repository
from tests.report.folders import KINDS, held
from tests.report.outline import Outline, outline

SECTIONS = ["people", "devices", "keys", "custody", "timeline", "signed", "deviations", "heads", "limits", "verify", "clauses"]


def shown(kind: str) -> Outline:
    return outline(page(FakeFolder(files=held(kind))))


@lru_cache(maxsize=16)
def said(kind: str) -> str:
    return shown(kind).words()


class Snapping(FakeFolder):
    """A folder that remembers what it held just before the log's last line."""

    def append(self, path: str, data: bytes) -> None:
        if b'"kind":"close"' in data:
            self.before = dict(self.files)
        super().append(path, data)


# --- made again -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_folder_gives_the_page_that_was_made_before_its_close(kind, monkeypatch):
    room.quicken(monkeypatch)
    ceremony = KINDS[kind]()
    moment = as_before_close(ceremony.folder)
    assert bundle.REPORT not in moment.names()
    assert page(moment) == page(ceremony.folder)


def test_the_page_of_a_finished_folder_is_that_of_the_moment_before_its_close(monkeypatch):
    room.quicken(monkeypatch)
    folder = Snapping()
    Ceremony(folder=folder).hold()
    assert page(FakeFolder(files=folder.before)) == page(folder)


def test_what_comes_after_the_close_is_not_seen():
    view = as_before_close(FakeFolder(files=held("genesis")))
    assert view.read(bundle.LOG).count(b"\n") == held("genesis")[bundle.LOG].count(b"\n") - 1
    assert bundle.MANIFEST not in view.names()
    assert set(view.names()) < set(held("genesis"))
    assert view.read(bundle.PLAN) == held("genesis")[bundle.PLAN]
    with pytest.raises(StorageError, match=r"MANIFEST\.sha256 was not there before the close"):
        view.read(bundle.MANIFEST)


def test_a_folder_without_its_close_is_seen_up_to_its_last_whole_record():
    files = dict(held("genesis"))
    whole = files[bundle.LOG].splitlines(keepends=True)[:-1]
    files[bundle.LOG] = b"".join(whole) + b'{"torn'
    view = as_before_close(FakeFolder(files=files))
    assert view.read(bundle.LOG) == b"".join(whole)
    assert page(FakeFolder(files=files)) == page(FakeFolder(files=held("genesis")))


def test_a_folder_without_a_log_has_no_page():
    with pytest.raises(StorageError, match=r"ceremony\.jsonl"):
        page(FakeFolder())


MAKE = """
import hashlib, pickle, sys
from ceremony.report.page import page
class Folder:
    def __init__(self, files): self.files = files
    def names(self): return sorted(self.files, key=str.encode)
    def read(self, path): return self.files[path]
for files in pickle.load(open(sys.argv[1], "rb")): print(hashlib.sha256(page(Folder(files))).hexdigest())
"""


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C"}, id="Auckland"),
        pytest.param({"PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"}, id="St Johns"),
        pytest.param({"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "POSIX", "PYTHONUTF8": "0"}, id="no UTF-8"),
    ],
)
def test_the_page_is_the_same_on_any_machine(changed, tmp_path):
    folders = [held(kind) for kind in KINDS]
    (tmp_path / "folders").write_bytes(pickle.dumps(folders))
    done = subprocess.run(
        [sys.executable, "-c", MAKE, tmp_path / "folders"],
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **changed},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [hashlib.sha256(page(FakeFolder(files=files))).hexdigest() for files in folders]


# --- nothing is loaded, nothing is run ----------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_holds_data_and_its_own_style_and_nothing_else(kind):
    found = shown(kind)
    policy = next(a["content"] for tag, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    (style,) = found.styles
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{hashed}'; img-src data:")
    assert "url(" not in style
    assert "@import" not in style
    assert ("meta", {"name": "ceremony-report", "content": "1"}) in found.elements
    assert [a["id"] for tag, a in found.elements if tag == "section" and a["id"] != "impact"] == SECTIONS
    links = [a["href"].removeprefix("#") for tag, a in found.elements if tag == "a"]
    assert links == [a["id"] for tag, a in found.elements if tag == "section"]


# --- what it says ---------------------------------------------------------------------------


def test_the_title_says_which_ceremony_it_is():
    text = said("genesis")
    assert "PRACTICE acme-root ceremony c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0" in text
    assert "genesis, notary" in text
    assert "none: the plan says that this is the first" in text
    assert "proves nothing about real keys. In the place of the real thing: throw-away tokens." in text
    assert "4 repositories signed for" in text


def test_a_production_carries_its_mode_and_no_warning_of_a_practice():
    found = shown("production")
    assert ("body", {"class": "production"}) in found.elements
    assert "PRODUCTION acme-root" in found.words()
    assert "PRACTICE" not in found.words()


def test_people_are_told_with_their_keys_and_what_they_answered():
    text = said("genesis")
    assert "Wim Role witness independent Organisation Notaries Own key ssh-ed25519 SHA256:" in text
    assert "Roll call with that key record" in text
    assert "At the end agrees: present, script followed, a true record record" in text
    assert "signed by 1 security officer and 1 witness, at least one of them independent" in text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param("genesis", "This computer held that key for a moment, and could have read the root key.", id="wrapped"),
        pytest.param("genesis", "the token says EXTRACTABLE false, which is the token's own word", id="locked"),
        pytest.param("on_yubikeys", "shown by an attestation that the YubiKey signed", id="attested"),
        pytest.param("on_yubikeys", "An attestation has no time.", id="no time"),
        pytest.param("imported", "nothing attests where it was made, or that there is no other copy", id="imported"),
        pytest.param("renewal", "It was made before this ceremony, and found on its token by what is published.", id="found"),
        pytest.param(
            "root_rotation", "is the token's own word, by the attributes below; no attestation shows it", id="token-only"
        ),
        pytest.param("recovered", "made in an earlier ceremony, and restored here from its backup", id="restored"),
    ],
)
def test_custody_is_told_with_what_shows_it(kind, text):
    assert text in said(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_is_called_not_extractable_without_saying_by_what(kind):
    assert "not extractable" not in said(kind).lower()
    assert "cannot be extracted" not in said(kind).lower()


def test_a_key_is_named_by_hex_and_words():
    text = said("production").replace(" ", "")
    public = json.loads(held("production")["evidence/inventory.json"])["root_keys"][0]["public_sha256"]
    assert public in text
    assert "".join(words(public)) in text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param("genesis", "It is software, which anybody who has its files can copy: practice only.", id="software"),
        pytest.param(
            "production", "Claimed, not attested: Ada and Wim say that it is hardware. Nothing else shows it.", id="claimed"
        ),
        pytest.param("on_yubikeys", "Attested: its certificates go up to", id="attested"),
        pytest.param("on_yubikeys", "which is not Yubico's: practice only", id="another authority"),
        pytest.param("on_yubikeys", "this key is not kept as these requirements ask of a public CA", id="FIPS"),
        pytest.param("production", "What this token is certified for is not known to this program", id="no FIPS"),
    ],
)
def test_a_device_is_told_with_what_shows_it(kind, text):
    assert text in said(kind)


def test_custody_lists_who_keeps_what():
    assert "The passphrase of the backups, whole: one person opens them, with a volume" in said("genesis")
    taken = {"Token root-a, serial": "Sam, bag or seal PRACTICE-0001", "Volume B, serial Fb": "Wim, bag or seal PRACTICE-0004"}
    for what, who in taken.items():
        line = said("genesis").partition(f"What {what}")[2].partition("Later, by hand")[0]
        assert f"Who, by the log {who} record " in line
    assert "Who, by the log Sam, no bag or seal record " in said("production")
    text = said("recovered")
    assert "Share 1 of the backups' secret; 2 of 3 open it Who, by the log Carla" in text
    assert "Share 3 of the backups' secret; 2 of 3 open it Who, by the log Chen" in text


def test_equal_changes_are_told_once_and_outliers_by_themselves():
    text = said("genesis")
    assert "Signed 7 files for 4 repositories, of which nothing was published before" in text
    assert "all 4 What root targets keys Is now a key of its own, ecdsa-p256" in text
    assert "certificate for its own name until" in text
    assert "3 of 4 docker.io/acme/app, docker.io/acme/tools, docker.io/acme/web What targets version Is now 1" in text
    text = said("renewal")
    assert "all 2 What root version Was as published Is now the next one" in text
    assert "all 2 What root expires Was in 2036 Is now 2035-06-01T00:00:00Z" in text


def test_what_changes_in_one_repository_is_told_in_full():
    text = said("rotation")
    assert "root version Was 1 Is now 2" in text
    assert "root targets keys Was key " in text
    assert "targets tag evil Was 3 bytes" in text
    assert "Is now nothing: it goes" in text


def test_a_rotation_says_whom_the_stolen_keys_touch():
    text = said("rotation")
    assert "The plan says why: laptop stolen. The last good version or time is given as 2." in text
    assert "Can sign for targets of 1 repository" in text
    assert "of them suspect: evil" in text
    assert "Tags that were struck out Repository Tags Repository docker.io/acme/app Tags evil" in text


def test_only_a_rotation_with_stolen_keys_tells_of_them():
    assert "Stolen keys" not in said("root_rotation")
    assert "Stolen keys" not in said("genesis")


def test_a_deviation_answers_the_three_questions():
    text = said("deviated")
    assert "Expected volume B in the left port Happened it was in the right one Decided moved it, and went on" in text
    assert "Nobody noted one." in said("genesis")


def test_heads_are_told_with_their_words_and_who_signed():
    text = said("production")
    path = max(path for path in as_before_close(FakeFolder(files=held("production"))).names() if bundle.head_number(path))
    digest = hashlib.sha256(held("production")[path]).hexdigest()
    assert path in text
    assert "".join(words(digest)) in text.replace(" ", "")
    assert "the root key on token root-a record" in text


def test_the_page_states_no_verdict_and_says_how_to_get_one():
    text = said("production")
    assert "sh verify.sh DIR" in text
    assert "ceremony audit DIR --signers FILE" in text
    assert "VERIFIED" not in text


def test_rows_that_the_close_answers_are_open():
    text = said("production")
    assert "open until the close" in text
    assert "The close, the last head or people's signatures answer it, which follow this page." in text


def test_every_step_is_told_with_its_times():
    text = said("genesis")
    assert "Root keys Began 2026-11-19" in text
    assert "Close Began 2026-11-19" in text
    assert "with the log, after this page" in text


# --- a large fleet --------------------------------------------------------------------------


def test_a_large_fleet_makes_a_page_of_the_same_size(monkeypatch, capsys):
    room.quicken(monkeypatch)
    sizes = {}
    for count in (64, 90):
        ceremony = Ceremony(plan=plan(*(repository(f"docker.io/acme/app-{number:02}") for number in range(count))))
        ceremony.hold()
        began = time.process_time()
        made = page(ceremony.folder)
        sizes[count] = len(made)
        with capsys.disabled():
            sys.stdout.write(f"\n{count} repositories: {len(made):,} bytes, {time.process_time() - began:.2f} s\n")
    text = outline(made).words()
    assert "all 90 What root targets keys" in text
    assert "and 30 more, see evidence/inventory.json" in text
    assert sizes[90] - sizes[64] < 2_000
