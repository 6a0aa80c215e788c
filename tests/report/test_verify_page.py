# SPDX-License-Identifier: Apache-2.0
"""verify.html in a real browser without a network: what it says of finished ceremonies, and what it lets nobody do."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceremony.core import signers as brought
from ceremony.core.audit import audit
from ceremony.core.bundle import slug
from ceremony.core.pgp_words import EVEN, ODD
from ceremony.core.plan import Mode
from ceremony.core.words import words
from ceremony.errors import CeremonyError, ExitCode
from tests.core.audit import test_changed, test_imported, test_recovered
from tests.core.audit.test_signed_logs import held
from tests.fakes.folder import FakeFolder
from tests.peers.chromium import VERIFY, Browser, Page
from tests.report.sealed import Files, Records, Sealed, sha

PAGE = VERIFY.read_text()
SEAL = VERIFY.parents[2] / "scripts" / "seal_page.py"
EVIL = "<img src=x onerror='alert(1);window.hacked=1'><script>window.hacked=1;alert(2)</script>"
NFC_EVIL = f"{EVIL}\u202egnp.exe\u200b\u00a0é"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


def written(files: Files, place: Path) -> Path:
    for path, data in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    return place


def signers_of(files: Files) -> bytes:
    people = json.loads(files["ceremony.jsonl"].partition(b"\n")[0])["body"]["people"]
    return "".join(f"{slug(person['name'])} {person['key']}\n" for person in people).encode()


def audited(files: Files, signers: bytes = b"") -> int:
    try:
        return int(audit(FakeFolder(files=files), brought.parse(signers) if signers else None).verdict)
    except CeremonyError as error:
        return int(error.exit_code)


# --- the file itself ---------------------------------------------------------------------


def test_the_policy_allows_exactly_the_scripts_and_the_style_of_the_page() -> None:
    spec = importlib.util.spec_from_file_location("seal_page", SEAL)
    assert spec is not None
    assert spec.loader is not None
    seal = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seal)
    assert seal.sealed(PAGE) == PAGE, "run scripts/seal_page.py ceremony/report/verify.html"
    assert PAGE.count("<style") == 1
    assert PAGE.count("<script") == len(re.findall(r"'sha256-[^']+'", PAGE)) - 1


def test_the_page_names_no_address_and_writes_no_markup() -> None:
    assert not re.search(r"https?:|//[a-z]+\.|src=|href=|\burl\(|@import", PAGE)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|\.on[a-z]+ =| on[a-z]+=", PAGE)
    assert not re.search(r"fetch\(|XMLHttp|WebSocket|sendBeacon|localStorage|cookie", PAGE)


def test_the_page_has_the_words_that_people_hear() -> None:
    even, odd = (re.search(rf"const {name} = `([^`]*)`", PAGE) for name in ("EVEN", "ODD"))
    assert even is not None
    assert odd is not None
    assert (tuple(even[1].split()), tuple(odd[1].split())) == (EVEN, ODD)


# --- ceremonies ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["tar", "folder", "drop of the folder", "drop of the tar"])
def test_a_practice_is_verified_however_it_is_handed_over(page: Page, tmp_path: Path, way: str) -> None:
    files = dict(held())
    place = written(files, tmp_path / "ceremony-1")
    if way == "tar":
        found = page.verdict(files)
    elif way == "folder":
        found = page.of_folder(place)
    else:
        page.bring(b"")
        page.browser.run("scrollTo(0, 0)")
        file = tmp_path / "ceremony.tar"
        with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
            for path in files:
                tar.add(place / path, path)
        page.browser.drop([place if way == "drop of the folder" else file])
        found = page.done()
    assert found == audited(files) == ExitCode.DONE, page.lines()
    assert page.text("#banner .word") == "VERIFIED"
    assert page.text("#banner .mode") == "PRACTICE"
    assert not [line for line in page.lines() if not line.startswith("OK")]


def test_signers_are_dropped_on_their_text_area_or_typed(page: Page, tmp_path: Path) -> None:
    files = dict(held(Mode.PRODUCTION))
    assert page.verdict(files) == ExitCode.INCOMPLETE
    page.expect()
    file = tmp_path / "allowed_signers"
    file.write_bytes(signers_of(files))
    box = page.browser.run("const b = document.getElementById('signers').getBoundingClientRect(); return [b.x + 20, b.y + 20]")
    page.browser.drop([file], *box)
    assert page.done() == ExitCode.DONE
    page.expect()
    page.browser.run("const a = document.getElementById('signers'); a.value = ''; a.dispatchEvent(new Event('input'))")
    assert page.done() == ExitCode.INCOMPLETE
    page.expect()
    script = "const a = document.getElementById('signers'); a.value = arguments[0]; a.dispatchEvent(new Event('input'))"
    page.browser.run(script, signers_of(files).decode())
    assert page.done() == ExitCode.DONE


def test_a_production_needs_keys_from_outside(page: Page) -> None:
    files = dict(held(Mode.PRODUCTION))
    assert page.verdict(files) == audited(files) == ExitCode.INCOMPLETE
    assert [line for line in page.lines() if not line.startswith("OK")] == page.lines(12)
    brought_ = signers_of(files)
    assert page.verdict(files, brought_) == audited(files, brought_) == ExitCode.DONE, page.lines()
    assert (page.text("#banner .word"), page.text("#banner .mode")) == ("VERIFIED", "PRODUCTION")


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(lambda: test_changed.case().files, id="a rotation, signed by old keys and new"),
        pytest.param(lambda: test_recovered.held("wrapped"), id="a recovery"),
        pytest.param(lambda: test_recovered.held("yubikey"), id="a recovery onto a YubiKey"),
        pytest.param(test_imported.held, id="imported keys"),
    ],
)
def test_ceremonies_of_other_kinds_are_verified(page: Page, files: Callable[[], Files]) -> None:
    found = dict(files())
    assert page.verdict(found) == audited(found) == ExitCode.DONE, page.lines()


def test_the_final_head_and_the_root_keys_are_told_in_hexadecimal_and_in_words(page: Page) -> None:
    files = dict(held())
    page.verdict(files)
    final = max(path for path in files if re.fullmatch(r"heads/[0-9]{4}\.txt", path))
    digest = sha(files[final])
    assert page.text("#final .hex").replace(" ", "") == digest
    spoken = "return Array.from(document.querySelectorAll(arguments[0]), (word) => word.textContent)"
    assert page.browser.run(spoken, "#final .spoken span") == words(digest)
    root = page.text("#roots .hex").replace(" ", "")
    assert page.browser.run(spoken, "#roots .spoken span") == words(root)
    assert page.browser.run("return document.querySelectorAll('#timeline tbody tr').length") == files["ceremony.jsonl"].count(
        b"\n"
    )
    assert page.browser.run("return document.querySelectorAll('#files tbody tr').length") == len(files)


# --- tamperings: the same verdict as the audit's -------------------------------------------------


def flip(path: str, at: int = 0) -> Callable[[Files], object]:
    def change(files: Files) -> None:
        data = bytearray(files[path])
        data[at] ^= 1
        files[path] = bytes(data)

    return change


def without(*names: str) -> Callable[[Files], object]:
    return lambda files: [files.pop(name) for name in list(files) if name.startswith(names)]


def lines_of(change: Callable[[list[bytes]], object]) -> Callable[[Files], object]:
    def changed(files: Files) -> None:
        lines = files["ceremony.jsonl"].splitlines(keepends=True)
        change(lines)
        files["ceremony.jsonl"] = b"".join(lines)

    return changed


def open_end(files: Files) -> None:
    """Leave what stood there before the close."""
    lines_of(lambda lines: lines.pop())(files)
    without("heads/0005", "MANIFEST", "report.html", last_head(files))(files)


def last_head(files: Files) -> str:
    return max(path for path in files if re.fullmatch(r"heads/[0-9]{4}\.txt", path)).removesuffix(".txt")


HEAD_SIG = next(path for path in held() if path.endswith("head.sig"))
PEOPLE_SIGS = [path for path in held() if re.fullmatch(r"heads/.*\.sig", path)]
TAMPERED: dict[str, Callable[[Files], object]] = {
    "a byte of a file": flip("README.txt"),
    "a byte of the plan": flip("evidence/plan.toml"),
    "a byte of the report": flip("report.html"),
    "a byte of the manifest": flip("MANIFEST.sha256"),
    "a byte of the last head": lambda files: flip(f"{last_head(files)}.txt", 30)(files),
    "a byte of an earlier head": flip("heads/0001.txt", 90),
    "a byte of a signature": flip(PEOPLE_SIGS[0], 150),
    "a byte of the root's signature": flip(HEAD_SIG, 20),
    "a byte of the log": flip("ceremony.jsonl", 900),
    "the last byte of the log": flip("ceremony.jsonl", -1),
    "no log": without("ceremony.jsonl"),
    "an empty log": lambda files: files.update({"ceremony.jsonl": b""}),
    "no heads": without("heads/"),
    "no last head": lambda files: without(f"{last_head(files)}.txt")(files),
    "no signatures": without(*PEOPLE_SIGS),
    "one signature fewer": without(PEOPLE_SIGS[-1]),
    "no manifest": without("MANIFEST"),
    "no report": without("report.html"),
    "no metadata": without("bundle/tuf"),
    "a file more": lambda files: files.update({"extra.txt": b""}),
    "a file more in a folder": lambda files: files.update({"evidence/tokens/x/y": b""}),
    "a head more": lambda files: files.update({"heads/0009.txt": files["heads/0001.txt"]}),
    "a signature of nobody": lambda files: files.update({"heads/0001.eve-00000000.sig": files[PEOPLE_SIGS[0]]}),
    "a signature over another head": lambda files: files.update(
        {f"heads/0001.{PEOPLE_SIGS[0].split('.', 1)[1]}": files[PEOPLE_SIGS[0]]}
    ),
    "two people's signatures exchanged": lambda files: files.update(
        {PEOPLE_SIGS[0]: files[PEOPLE_SIGS[1]], PEOPLE_SIGS[1]: files[PEOPLE_SIGS[0]]}
    ),
    "a record dropped": lines_of(lambda lines: lines.pop(7)),
    "a record doubled": lines_of(lambda lines: lines.insert(7, lines[7])),
    "two records exchanged": lines_of(lambda lines: lines.insert(7, lines.pop(8))),
    "no close": open_end,
    "a torn last line": lambda files: (open_end(files), files.update({"ceremony.jsonl": files["ceremony.jsonl"][:-9]})),
    "zeros after the log": lambda files: files.update({"ceremony.jsonl": files["ceremony.jsonl"] + b"\0" * 20}),
    "a line after the log": lambda files: files.update({"ceremony.jsonl": files["ceremony.jsonl"] + b"{}\n"}),
    "a carriage return": lambda files: files.update({"ceremony.jsonl": files["ceremony.jsonl"].replace(b"\n", b"\r\n", 1)}),
    "a byte order mark": lambda files: files.update({"ceremony.jsonl": b"\xef\xbb\xbf" + files["ceremony.jsonl"]}),
    "a blank": lambda files: files.update({"ceremony.jsonl": files["ceremony.jsonl"].replace(b'":', b'": ', 1)}),
    "a practice relabelled": lambda files: files.update(
        {"ceremony.jsonl": files["ceremony.jsonl"].replace(b'"mode":"practice"', b'"mode":"production"')}
    ),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_tampered_with_gets_the_verdict_of_the_audit(page: Page, change: Callable[[Files], object]) -> None:
    files = dict(held())
    change(files)
    found = page.verdict(files)
    assert found == audited(files) != ExitCode.DONE, page.lines()


def test_another_ceremony_s_folder_does_not_take_this_one_s_signatures(page: Page) -> None:
    files, other = Sealed().build(), Sealed().build()
    assert page.verdict({**other, **{path: files[path] for path in files if path.endswith(".sig")}}) == ExitCode.FAILED


# --- what comes from a folder is text, and nothing else -------------------------------------------


def plant(records: Records, files: Files) -> None:
    for record in records:
        record |= {"actor": NFC_EVIL, "recorded_by": NFC_EVIL, "boot": NFC_EVIL}
        if record["kind"] != "end":
            record["step"] = NFC_EVIL
    opened = records[0]["body"]
    opened["plan"] |= {"name": NFC_EVIL, "facility": NFC_EVIL}
    opened["previous"] = NFC_EVIL
    opened["people"][2] |= {"name": NFC_EVIL, "organisation": NFC_EVIL, "key": NFC_EVIL}
    for name in ("model", "manufacturer", "firmware"):
        next(record["body"] for record in records if record["kind"] == "token")[name] = NFC_EVIL
    records.append({"kind": "deviation", "body": dict.fromkeys(("expected", "happened", "decided"), NFC_EVIL)})
    records.append({"kind": EVIL, "body": {EVIL: NFC_EVIL, "list": [NFC_EVIL], "__proto__": {"x": NFC_EVIL}}})
    path = "evidence/<img src=x onerror=alert(3)>.txt"
    files[path] = EVIL.encode()
    records.append({"kind": "files", "body": {"files": {path: sha(EVIL.encode())}}})


def test_markup_scripts_and_characters_that_hide_are_shown_and_run_nothing(page: Page) -> None:
    page.browser.complaints()
    files = Sealed().build(before=plant)
    assert page.verdict(files) == ExitCode.DONE, page.lines()
    assert page.browser.dialog() is None
    assert page.browser.run("return [window.hacked, document.images.length, document.scripts.length]")[:2] == [None, 0]
    assert page.browser.run("return document.querySelectorAll('#timeline script, #people script, img, iframe, a').length") == 0
    shown = page.text("#timeline")
    assert EVIL in shown
    assert not re.search("[\u200b\u202e\u00a0]", page.text())
    assert "U+202EgnpU" not in shown
    assert "U+202Egnp.exeU+200BU+00A0é" in shown
    assert EVIL in page.text("#about")
    assert EVIL in page.text("#people")
    assert "onerror=alert(3)" in page.text("#files")
    assert page.browser.complaints() == []


def test_names_of_files_that_are_refused_are_shown_and_run_nothing(page: Page) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo(f"{EVIL}\u202e"))
    assert page.of_tar(data.getvalue()) == ExitCode.FAILED
    assert EVIL in page.text("#banner")
    assert "\u202e" not in page.text("#banner")
    assert page.verdict(Sealed().build(), f"{EVIL}\n".encode()) == ExitCode.FAILED
    assert page.browser.run("return window.hacked ?? null") is None
    assert page.browser.dialog() is None


# --- the browser ----------------------------------------------------------------------------------


def test_nothing_but_the_page_itself_is_asked_for(page: Page) -> None:
    page.browser.requested()
    page.browser.complaints()
    fresh = Page.open(page.browser)
    assert fresh.verdict(dict(held())) == ExitCode.DONE
    assert set(page.browser.requested()) == {VERIFY.as_uri()}
    assert page.browser.complaints() == []


def test_the_policy_forbids_whatever_script_gets_in(page: Page) -> None:
    fresh = Page.open(page.browser)
    script = "const s = document.createElement('script'); s.textContent = 'window.hacked = 1'; document.body.append(s);"
    page.browser.run(script)
    page.browser.run("const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i)")
    assert page.browser.run("return window.hacked ?? null") is None
    assert any("Content Security Policy" in line for line in page.browser.complaints())
    Page.open(fresh.browser)


def test_it_prints_on_paper(page: Page) -> None:
    assert page.verdict(dict(held())) == ExitCode.DONE
    printed = page.browser.pdf()
    assert printed.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page[^s]", printed))
    assert 2 <= pages <= 30
    assert len(printed) > 20_000
    widths = {tuple(float(n) for n in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", printed)}
    assert all(abs(box[2] - 595) < 2 and abs(box[3] - 842) < 2 for box in widths)


def test_everything_is_reached_by_the_keyboard(page: Page) -> None:
    Page.open(page.browser)
    reached = []
    for _ in range(5):
        page.browser.tell("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        page.browser.tell("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(page.browser.run("return document.activeElement.id"))
    assert reached[:4] == ["folder", "tar", "signers", "signers-file"]


@pytest.mark.parametrize("width", [1280, 600])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.browser.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert page.verdict(Sealed().build(before=plant)) == ExitCode.DONE
    assert page.browser.run("return document.documentElement.scrollWidth <= innerWidth")
    page.browser.tell("Emulation.clearDeviceMetricsOverride")
