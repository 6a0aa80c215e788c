# SPDX-License-Identifier: Apache-2.0
"""The auditor's view, as an auditor uses it: what it shows, how it is searched, what it ends with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from textual.geometry import Size

from ceremony.core.bundle import LOG
from ceremony.core.canonical import encode
from ceremony.core.record import Outcome
from ceremony.errors import ExitCode, Stopped, StorageError
from ceremony.tui.view.app import LeaveAsked
from ceremony.tui.view.bars import TabBar
from ceremony.tui.view.rows import Rows
from ceremony.tui.view.run import conclude
from tests.fakes.folder import FakeFolder
from tests.fakes.operator import ScriptedOperator
from tests.fakes.room import Ceremony, fast_seal
from tests.tui.view.stage import PUBLIC, RECORDS, TOKEN, a_folder, log_of, on_view

__all__ = ["fast_seal"]

pytestmark = pytest.mark.anyio


def held(*, stop_at: str = "") -> FakeFolder:
    """Return the folder of a whole ceremony, or of one that was stopped."""
    ceremony = Ceremony(operator=ScriptedOperator(stop_at=stop_at))
    try:
        ceremony.hold()
    except Stopped:
        assert stop_at
    return ceremony.folder


# --- the verdict ------------------------------------------------------------------


async def test_a_whole_ceremony_is_verified_and_leaving_says_so(capsys):
    async with on_view(held()) as show:
        top, bar, title = show.text().splitlines()[:3]
        assert "acme-root: genesis" in top
        assert "*** PRACTICE ***" in top
        assert top.endswith("Verdict: VERIFIED")
        assert bar.startswith("[1 Verdict] 2 Timeline")
        assert "Verdict, VERIFIED, " in title
        assert show.lines("▶ VERIFIED")
        assert not show.lines("!")
        await show.press("q")
    assert show.app.return_value is ExitCode.DONE
    assert conclude(show.app) is ExitCode.DONE
    assert capsys.readouterr().err == "VERIFIED\n"


async def test_a_ceremony_that_was_stopped_is_incomplete():
    async with on_view(held(stop_at="generate:root-a")) as show:
        assert show.lines("Verdict: INCOMPLETE")
        await show.press("5")
        assert show.lines("Stopped: people stopped the ceremony")
        await show.press("3")
        assert show.lines("Keys, 0 told by the log; there is no evidence/inventory.json yet")
        await show.press("ctrl+q")
    assert show.app.return_value is ExitCode.INCOMPLETE


async def test_what_was_changed_is_marked_by_words_and_a_sign():
    folder = held()
    del folder.files["README.txt"]
    folder.files["evidence/script.md"] += b"x"
    folder.files["MANIFEST.sha256"] += b"x"
    folder.files["more.txt"] = b"x"
    async with on_view(folder) as show:
        assert show.lines(" ▶!FAILED     the whole folder")
        assert show.lines("  !FAILED     README.txt")
        await show.press("6")
        assert show.lines("Files, ")[-1].count("4 not as recorded")
        await show.press("end", "pageup")
        await show.press("/")
        for path, state in (
            ("README.txt", "MISSING"),
            ("evidence/script.md", "CHANGED"),
            ("more.txt", "NOT RECORDED"),
            ("MANIFEST.sha256", "FAILED"),
        ):
            await show.press(*["backspace"] * 30)
            await show.type(path)
            (line,) = show.lines(f" ▶!{path}")
            assert line.endswith(state)
        await show.press("enter", "q")
    assert show.app.return_value is ExitCode.FAILED


async def test_every_file_that_needs_no_record_is_called_what_it_is():
    folder = held()
    async with on_view(folder, size=(120, 60)) as show:
        await show.press("6")
        for path, state in (
            ("ceremony.jsonl", "the log"),
            ("MANIFEST.sha256", "the manifest"),
            ("heads/0005.txt", "a head"),
            ("heads/0001.txt", "as recorded"),
            ("heads/0005.ada", "a signature"),
            ("report.html", "as recorded"),
        ):
            assert show.lines(path)[0].endswith(state), path


async def test_a_log_that_is_damaged_or_torn_opens_and_says_where():
    folder = held()
    lines = folder.files[LOG].splitlines(keepends=True)
    folder.files[LOG] = b"".join([*lines[:20], b"\x1b[31m no record \xff\n", *lines[21:], lines[0][:40]])
    async with on_view(folder) as show:
        assert show.lines("Verdict: FAILED")
        await show.press("2")
        assert show.lines(f"Timeline, {len(lines) + 1} lines of the log, 2 DAMAGED")
        await show.press(*["down"] * 20)
        assert show.lines("! ")[-1].endswith("DAMAGED")
        await show.press("enter")
        assert show.lines("A line of 18 bytes that is no whole record")
        assert show.lines(r"\x1b[31m no record \xff\n")
        await show.press("escape", "down")
        assert show.lines("▶!")[-1].endswith("UNCHAINED")
        await show.press("end")
        assert show.lines("▶!")[-1].endswith("DAMAGED")


async def test_a_log_that_cannot_be_read_is_a_verdict():
    @dataclass
    class Broken:
        def names(self) -> Sequence[str]:
            return [LOG]

        def read(self, path: str) -> bytes:
            raise StorageError("/media/courier", f"{path} cannot be read", hint="take another copy")

    async with on_view(Broken()) as show:
        assert show.lines("MODE NOT KNOWN")
        assert show.lines("  !FAILED     ceremony.jsonl")
        await show.press("2", "enter")
        assert show.lines("There is no such row.")
        await show.press("q")
    assert show.app.return_value is ExitCode.FAILED


# --- leaving -----------------------------------------------------------------------


@dataclass
class Slow:
    """A folder that gives a file only when the test says so."""

    folder: FakeFolder
    go: threading.Event = field(default_factory=threading.Event)

    def names(self) -> Sequence[str]:
        return self.folder.names()

    def read(self, path: str) -> bytes:
        self.go.wait()
        return self.folder.read(path)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_before_the_verdict_is_incomplete(key, capsys):
    slow = Slow(a_folder())
    async with on_view(slow, judged=False) as show:
        assert show.lines("Verdict: judging ...")
        await show.press("2")
        assert show.lines("Timeline, reading ...")
        await show.press("6")
        assert show.lines("ceremony.jsonl")[0].endswith("judging")
        leaving = asyncio.ensure_future(show.press(key))
        await show.until(lambda: show.app._folder.left)
        slow.go.set()  # only now: what is read from here on, nobody waits for
        await leaving
    assert show.app.return_value is ExitCode.INCOMPLETE
    assert conclude(show.app) is ExitCode.INCOMPLETE
    assert capsys.readouterr().err == "left before the audit had ended\n"


async def test_a_file_that_nobody_may_read_is_marked():
    class Closed(FakeFolder):
        def read(self, path: str) -> bytes:
            if path == "README.txt":
                raise StorageError("folder", f"{path} cannot be read", hint="take another copy")
            return super().read(path)

    async with on_view(Closed("folder", held().files)) as show:
        await show.press("6", "/")
        await show.type("README")
        assert show.lines("▶!README.txt")[0].endswith("UNREADABLE")
        await show.press("enter", "enter")
        assert show.lines("folder: README.txt cannot be read")


async def test_a_signal_leaves():
    async with on_view(a_folder()) as show:
        show.app.post_message(LeaveAsked())
        await show.pilot.pause()
    assert show.app.return_value is ExitCode.FAILED


async def test_what_nobody_foresaw_is_raised_again():
    class Odd(FakeFolder):
        def read(self, path: str) -> bytes:
            raise KeyError("nowhere")

    async with on_view(Odd("odd", {LOG: b""}), judged=False) as show:
        await show.until(lambda: show.app.crash is not None)
    with pytest.raises(KeyError, match="nowhere"):
        conclude(show.app)


# --- tabs and rows -------------------------------------------------------------------


async def test_the_timeline_tells_each_record_in_a_line():
    async with on_view(a_folder(), size=(120, 40)) as show:
        assert show.lines("*** PRODUCTION ***")
        await show.press("2")
        (line,) = show.lines("A wrong PIN")
        assert line.split()[:5] == ["!", "7", "2026-11-19", "09:00:07", "root-keys"]
        assert "A wrong PIN for token root-a (serial 5f3c21); 2 tries are left" in line
        assert line.endswith("FAIL")


async def test_a_record_opens_in_words_as_json_and_byte_for_byte():
    async with on_view(a_folder(), size=(120, 60)) as show:
        await show.press("2", "pagedown", "end", "up", "up", "enter")
        text = show.text()
        raw = log_of(*RECORDS).splitlines(keepends=True)[9]
        assert "Token root-a (serial 5f3c21) made its root key, public key 91e84908bdf14018" in text
        assert '    "action": "generate-key",' in text
        assert "".join(raw.decode().split()) + r"\n" in "".join(text.split())
        await show.press("pagedown", "pageup", "down", "up", "end", "home", "escape")
        assert show.lines("▶ ")[-1].split()[1] == "9"


async def test_a_small_screen_scrolls_a_long_page():
    async with on_view(a_folder()) as show:
        await show.press("2", "enter")
        assert not show.lines("The line as it stands in the log")
        await show.press("pagedown", "space", "end")
        assert show.lines('"v":1}')
        await show.press("enter")
        assert show.lines("[2 Timeline]")


async def test_keys_name_what_the_inventory_names():
    async with on_view(a_folder(), size=(120, 40)) as show:
        await show.press("3")
        assert show.lines("Keys, 3 in evidence/inventory.json")
        assert show.lines("root-a 5f3c21")[0].split()[4:7] == ["ecdsa-p256", "on", "its"]
        assert show.lines(f"Public key {PUBLIC}")
        assert show.lines("Attested   yes, in slot 9c, firmware 5.7.2")
        await show.press("end", "enter")
        assert show.lines("targets key of docker.io/acme/web")
        assert show.lines('"made_here": false')


@pytest.mark.parametrize(
    ("settings", "made", "attested"),
    [
        pytest.param({"made": "on the host", "custody": "imported"}, "on the host", "no", id="imported"),
        pytest.param({"attributes": {"local": True}}, "on its token", "no", id="a PKCS#11 token"),
        pytest.param({"attributes": {"local": False}}, "elsewhere", "no", id="a PKCS#11 token that was given it"),
        pytest.param(
            {"attested": True, "slot": "9c", "firmware": "5.7.4", "pinned": False},
            "on its token",
            "yes, in slot 9c, firmware 5.7.4, by an authority that is not Yubico's",
            id="a virtual YubiKey",
        ),
    ],
)
async def test_keys_say_where_they_were_made_and_whether_that_is_attested(settings, made, attested):
    root = {"role": "root", "algorithm": "ecdsa-p256", "public_sha256": PUBLIC, "device": TOKEN, "settings": settings}
    async with on_view(a_folder(**{"evidence/inventory.json": encode({"root_keys": [root]})}), size=(120, 40)) as show:
        await show.press("3")
        assert show.lines(f"ecdsa-p256  {made}")
        assert show.lines(f"Attested   {attested}")


async def test_an_inventory_that_is_none_is_said():
    async with on_view(a_folder(**{"evidence/inventory.json": b"no json"})) as show:
        await show.press("3")
        assert show.lines("Keys, 1 told by the log; evidence/inventory.json cannot be read")
        assert show.lines("root-a 5f3c21")


async def test_devices_deviations_and_the_summary():
    async with on_view(a_folder(), size=(120, 40)) as show:
        await show.press("4")
        assert show.lines("YubiKey 5 NFC FIPS")[0].split()[-1] == "yubikey"
        assert show.lines("4C530001")[0].split()[-1] == "medium"
        await show.press("5")
        assert show.lines("Deviations, 1 noted by people; 4 records")
        assert show.lines("Ada Example noted a deviation: expected a red seal; happened a blue seal")
        await show.press("7", "down")
        assert [line.split()[0] for line in show.lines("Acme, vault")] == ["facility"]
        await show.press("enter")
        assert show.lines("genesis, notary")


async def test_tabs_are_reached_by_keys_and_by_the_mouse():
    async with on_view(a_folder()) as show:
        await show.press("tab", "right", "shift+tab")
        assert show.lines("[2 Timeline]")
        await show.press("left", "left")
        assert show.lines("[7 Summary]")
        await show.pilot.click(TabBar, offset=(30, 0))
        assert show.lines("[3 Keys]")
        await show.pilot.click(TabBar, offset=(79, 0))
        assert show.lines("[3 Keys]")


async def test_the_mouse_takes_a_row_and_opens_it():
    async with on_view(a_folder()) as show:
        await show.press("2")
        await show.pilot.click(Rows, offset=(9, 3))
        assert show.lines("▶!")[0].split()[1] == "2"
        await show.pilot.click(Rows, offset=(9, 0))
        assert show.lines("[2 Timeline]")
        await show.pilot.click(Rows, offset=(9, 3))
        assert show.lines("Record 2")


# --- search ---------------------------------------------------------------------------


async def test_a_search_shows_the_rows_that_hold_it_until_it_is_cleared():
    async with on_view(a_folder()) as show:
        await show.press("2", "end", "/")
        await show.type("ROOT-A")
        assert show.lines("Timeline, 4 of 12 rows match 'ROOT-A'")
        assert show.lines("▶")[0].split()[1] == "9"
        await show.press("enter", "home")
        assert show.lines("Filter:"), "what is not shown is not forgotten"
        assert show.lines("▶")[0].split()[1] == "6"
        await show.press("3")
        assert not show.lines("Filter:")
        await show.press("2")
        assert show.lines("4 of 12 rows match 'ROOT-A'"), "each table keeps its search"
        assert show.lines("Filter:")
        assert show.lines("▶")[0].split()[1] == "6", "and its mark"
        await show.press("/")
        await show.type("nothing like it")
        assert show.lines("0 of 12 rows match")
        assert show.lines("There is no such row.")
        await show.press("escape")
        assert not show.lines("match 'ROOT-A")
        assert show.lines("The practice ceremony") or show.lines("The production ceremony")


async def test_a_click_on_the_table_takes_the_keyboard_from_the_search():
    async with on_view(a_folder()) as show:
        await show.press("2", "/")
        await show.pilot.click(Rows, offset=(9, 2))
        await show.press("/", "x")
        assert show.lines("match 'x'")
        await show.pilot.click(Rows, offset=(9, 0))
        await show.press("escape")
        assert not show.lines("Filter:")


async def test_what_is_pasted_into_the_search_is_made_plain():
    from textual.events import Paste

    async with on_view(a_folder()) as show:
        await show.press("2", "/")
        show.app.screen.focused.post_message(Paste("a\x1b[31m\n" + "b" * 1_000_000))
        await show.pilot.pause()
        assert show.app.verdict is not None
        assert "\x1b" not in show.text()


# --- a screen of any size, texts from anybody --------------------------------------------


async def test_texts_of_the_folder_never_steer_the_terminal():
    evil = "\u202e\u2066gnp"
    body = {"expected": evil, "happened": "x" * 3000, "decided": "[bold]no markup[/]"}
    records = (
        ("open", "open", {"mode": evil, "plan": {"name": evil, "kind": "[red]"}}, Outcome.OK),
        ("deviation", evil, body, Outcome.OK),
    )
    folder = a_folder(
        log_of(*records), **{"bundle/x.txt": f"{evil}\x1b[2J\ttab\r\n".encode(), "bundle/y.bin": b"\0\xff", "z": b"\0"}
    )
    async with on_view(folder, size=(120, 40)) as show:
        assert show.lines(r"\u202e\u2066gnp: [red]")
        assert show.lines("MODE NOT KNOWN")
        for tab in "1234567":
            await show.press(tab, "end", "enter")
            assert not {"\u202e", "\u2066", "\x1b"} & set(show.text()), tab
            await show.press("escape")
        await show.press("2", "end", "enter")
        assert show.lines("[bold]no markup[/]")
        await show.press("escape", "6", "/")
        await show.type("x.txt")
        await show.press("enter", "enter")
        assert show.lines(r"\x1b[2J\ttab\r")
        await show.press("escape", "escape", "/")
        await show.type("y.bin")
        await show.press("enter", "enter")
        assert show.lines("2 bytes that are not text.")


async def test_a_file_that_is_gone_or_large_is_said_so():
    folder = a_folder(**{"large.txt": b"x" * 300_000})
    async with on_view(folder) as show:
        await show.press("6", "/")
        await show.type("large")
        await show.press("enter", "enter")
        assert show.lines("The file has 300,000 bytes; only files of at most 262,144 are shown.")
        await show.press("escape", "escape", "home")
        del folder.files["README.txt"]
        await show.press("enter")
        assert show.lines("README.txt")


async def test_a_file_that_is_missing_opens_as_such():
    folder = held()
    del folder.files["README.txt"]
    async with on_view(folder) as show:
        await show.press("6", "/")
        await show.type("README")
        await show.press("enter", "enter")
        assert show.lines("The file is not there.")


async def test_a_terminal_that_is_too_small_says_so_and_comes_back():
    async with on_view(a_folder()) as show:
        await show.press("2", "end", "f1")
        await show.pilot.resize_terminal(60, 20)
        await show.pilot.pause()
        assert show.lines("The terminal is too small.")
        await show.pilot.resize_terminal(200, 60)
        await show.pilot.pause()
        await show.press("enter")
        assert show.app.size == Size(200, 60)
        assert show.lines("▶")[0].split()[1] == "11"


async def test_help_names_the_keys_of_where_people_are():
    async with on_view(a_folder()) as show:
        await show.press("f1", "f1")
        for said in (
            "Go to another row",
            "Show the row in full",
            "Show only rows that hold a text",
            "Leave with the verdict's exit code",
        ):
            assert show.lines(said), said
        await show.press("escape", "enter", "f1")
        assert show.lines("Go back to the table")


async def test_what_a_key_costs_does_not_depend_on_how_long_the_log_is(monkeypatch):
    drawn: list[int] = []
    render_line = Rows.render_line
    monkeypatch.setattr(Rows, "render_line", lambda rows, y: drawn.append(y) or render_line(rows, y))
    async with on_view(a_folder(log_of(*[RECORDS[1]] * 3_000))) as show:
        await show.press("2")
        for key, most in (("down", 2), ("end", 40), ("pageup", 40), ("home", 40)):
            drawn.clear()
            await show.press(key)
            assert 0 < len(drawn) <= most, (key, drawn)
        assert show.lines("▶")[0].split()[1] == "0"
