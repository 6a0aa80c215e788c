# SPDX-License-Identifier: Apache-2.0
"""A real browser without a network, over WebDriver: headless Chromium, driven by chromedriver on a free port.

with Browser.start(tmp_path) as browser:
    page = Page.open(browser)                    # verify.html, from its file
    page.verdict({"ceremony.jsonl": b"..."})     # 0, 1 or 3, as the page says

Both programs must be there: a test that needs them fails without them.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ceremony.core import bundle

VERIFY = Path(__file__).resolve().parents[2] / "ceremony" / "report" / "verify.html"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name under which WebDriver (W3C, section 12) hands elements over."""
SECONDS = 60
_PAUSE = 0.01
_ARGUMENTS = (
    *("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1280,900", "--force-color-profile=srgb", "--lang=en"),
)


class BrowserError(Exception):
    """What the browser answered instead of a value."""


@dataclass(frozen=True)
class Browser:
    """A session with a browser of its own."""

    _driver: http.client.HTTPConnection
    _session: str
    folder: Path
    """Its own, for the files that are handed to pages."""

    @classmethod
    @contextmanager
    def start(cls, folder: Path, *arguments: str) -> Iterator[Browser]:
        """Start a browser whose profile is in `folder`, and end both programs afterwards."""
        with _driver(folder) as driver:
            home = Path(tempfile.mkdtemp(dir=folder))
            options = {
                "args": [*_ARGUMENTS, f"--user-data-dir={home / 'profile'}", *arguments, *_as_root()],
                "binary": _program("chromium"),
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
            wanted["unhandledPromptBehavior"] = "ignore"  # a dialog is for the test to see
            made = _ask(driver, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            browser = cls(driver, f"/session/{made['sessionId']}", home)
            try:
                yield browser
            finally:
                _ask(driver, "DELETE", browser._session)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what the session answers to a WebDriver command; raises BrowserError."""
        return _ask(self._driver, method, self._session + path, body)

    def tell(self, command: str, **parameters: object) -> Any:
        """Return what the browser answers to a command of the DevTools protocol."""
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def go(self, file: Path) -> None:
        """Open a file from its place on the disk."""
        self.ask("POST", "/url", {"url": file.as_uri()})

    def run(self, script: str, *arguments: object) -> Any:
        """Return what the body of a function returns, called in the page."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script: str, *arguments: object) -> Any:
        """Return what the body of a function gives to its last argument."""
        return self.ask("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file, or a folder, as people do in the dialog of a file input."""
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        self.ask("POST", f"/element/{found[ELEMENT]}/value", {"text": str(path)})

    def drop(self, paths: Sequence[Path], x: int = 640, y: int = 400) -> None:
        """Drop files or folders from the desktop at a place of the window."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.tell("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def dialog(self) -> str | None:
        """Return the text of the dialog that is open; None when there is none."""
        try:
            return str(self.ask("GET", "/alert/text"))
        except BrowserError as error:
            if "no such alert" in str(error):
                return None
            raise

    def screenshot(self) -> bytes:
        """Return the window as it looks, PNG."""
        return base64.b64decode(self.ask("GET", "/screenshot"))

    def pdf(self) -> bytes:
        """Return the page as it prints on A4."""
        size = {"width": 21.0, "height": 29.7}
        return base64.b64decode(self.ask("POST", "/print", {"page": size, "background": True}))

    def requested(self) -> list[str]:
        """Return the addresses that pages asked for since this was asked last, files of the disk included."""
        found = (json.loads(entry["message"])["message"] for entry in self.ask("POST", "/se/log", {"type": "performance"}))
        return [m["params"]["request"]["url"] for m in found if m["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return what the browser noted since this was asked last: errors of scripts, and what the policy forbade."""
        return [str(entry["message"]) for entry in self.ask("POST", "/se/log", {"type": "browser"})]


@dataclass
class Page:
    """The page that verifies, open in a browser."""

    browser: Browser
    file: Path = VERIFY
    _given: int = field(default=0, init=False)

    @classmethod
    def open(cls, browser: Browser, file: Path = VERIFY) -> Page:
        """Open the page."""
        browser.go(file)
        return cls(browser, file)

    def verdict(self, files: Mapping[str, bytes], signers: bytes = b"") -> int:
        """Return the exit code that the page gives a folder's files, handed to it as the tar that the courier carries."""
        ordered = sorted(files.items(), key=lambda item: item[0].encode())
        return self.of_tar(b"".join(bundle.tar(iter(ordered))), signers)

    def of_tar(self, tar: bytes, signers: bytes = b"") -> int:
        """Return the exit code that the page gives a tar."""
        self.bring(signers)
        self.browser.choose("#tar", self._keep(tar, "ceremony.tar"))
        return self.done()

    def of_folder(self, folder: Path, signers: bytes = b"") -> int:
        """Return the exit code that the page gives a folder on the disk, chosen by its button."""
        self.bring(signers)
        self.browser.choose("#folder", folder)
        return self.done()

    def bring(self, signers: bytes) -> None:
        """Begin anew, with these signers from a file; none when they are empty."""
        self.browser.run(_FORGET)
        if signers:
            self.browser.choose("#signers-file", self._keep(signers, "signers"))

    def done(self) -> int:
        """Wait for the verdict, and return its exit code."""
        return int(self.browser.run_async(_WHEN_DONE))

    def expect(self) -> None:
        """Forget the last verdict, so that `done` waits for the next."""
        self.browser.run("document.documentElement.dataset.state = 'idle'")

    def lines(self, rule: int = 0) -> list[str]:
        """Return the lines of the verdict, `FAILED subject: text`; those of one rule, or all."""
        return [str(line) for line in self.browser.run(_LINES, rule)]

    def text(self, selector: str = "body") -> str:
        """Return the text of an element, as it stands in the document."""
        return str(self.browser.run("return document.querySelector(arguments[0]).textContent", selector))

    def _keep(self, data: bytes, name: str) -> Path:
        self._given += 1
        path = self.browser.folder / f"{self._given % 8}-{name}"
        path.write_bytes(data)
        return path


_FORGET = """
const area = document.getElementById("signers");
signers = undefined;
source = undefined;
area.value = "";
document.documentElement.dataset.state = "idle";
"""
_WHEN_DONE = """
const [answer] = Array.from(arguments).slice(-1);
const state = document.documentElement.dataset;
const look = () => { if (state.state === "done") answer(state.exit); else setTimeout(look, 2); };
look();
"""
_LINES = """
const names = { 0: "OK", 1: "FAILED", 3: "INCOMPLETE" };
const lines = document.querySelectorAll(arguments[0] ? `.line[data-rule="${arguments[0]}"]` : ".line");
return Array.from(lines, (line) => `${names[line.dataset.level]} ${line.textContent}`);
"""


@contextmanager
def _driver(folder: Path) -> Iterator[http.client.HTTPConnection]:
    """Start chromedriver on a free port, which it chooses itself and says."""
    log = folder / "chromedriver.log"
    with log.open("wb") as output:
        process = subprocess.Popen([_program("chromedriver"), "--port=0"], stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", _port(log, process), timeout=SECONDS)
        try:
            yield connection
        finally:
            connection.close()
    finally:
        process.terminate()
        process.wait(SECONDS)


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        started = re.search(r"started successfully on port ([0-9]+)\.", log.read_text())
        if started:
            return int(started[1])
        time.sleep(_PAUSE)
    raise BrowserError(f"chromedriver did not start: {log.read_text()}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BrowserError(f"there is no {name} on this machine; this test needs it")
    return found


def _as_root() -> Sequence[str]:
    # Chromium's own sandbox refuses to run as root; the pages here are ours.
    return ("--no-sandbox",) if os.getuid() == 0 else ()


def _ask(driver: http.client.HTTPConnection, method: str, path: str, body: object = None) -> Any:
    data = json.dumps(body if body is not None else {}) if method == "POST" else None
    driver.request(method, path, data, {"Content-Type": "application/json"})
    value = json.loads(driver.getresponse().read())["value"]
    if isinstance(value, dict) and "error" in value:
        raise BrowserError(f"{value['error']}: {value.get('message')}")
    return value
