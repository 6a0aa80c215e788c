# SPDX-License-Identifier: Apache-2.0
"""A ceremony of nothing, for looking at the screens: every question once, a log, progress, a wait.

    python -m tests.tui.demo [practice|production]

It touches no token and no file; the tests press its keys, a person may too.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from ceremony.core import canonical
from ceremony.core.plan import Mode
from ceremony.core.ports import Change, Errand, Gauge, Listing, Operator, Option, Prompt, Summary, Watcher
from ceremony.core.procedure import StepInfo
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui.run import run_tui
from tests.fakes.differences import GivenDifferences

START = datetime(2026, 11, 19, 9, 30, tzinfo=UTC)
TITLES = (
    "Preflight", "Roll call", "Volumes", "Load request", "Protector", "Tokens", "Root keys", "Repository keys", "Back up",
    "Drill", "Lock", "Certificates", "Review", "Sign", "Verify", "Export", "Close",
)  # fmt: skip
DIGEST = hashlib.sha256(b"a head").hexdigest()
WORDS = "abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid"
CHANGES = tuple(
    Change(f"docker.io/acme/app-{number:02}", role, field, before, after)
    for number in range(1, 13)
    for role, field, before, after in (
        ("root", "version", "", "1"),
        ("targets", "keys", "", hashlib.sha256(b"%d" % number).hexdigest()),
    )
)

STOLEN = tuple(hashlib.sha256(name).hexdigest()[:16] for name in (b"a runner's key", b"alice's key"))


def impact(count: int) -> Listing:
    """Return what stolen keys can sign for in a fleet of `count` repositories, in which half are touched."""
    rows = [("", "", "", "", STOLEN[1][::-1], "signs for nothing that is published; it signed 3 earlier metadata files")]
    rows += [
        ("docker.io/acme/legacy/billing-export", "", "", "", "", "could not be read: targets.json: version 7 follows version 9")
    ]
    for number in range(1, count + 1):
        name, tags = f"docker.io/acme/{('app', 'base', 'tool')[number % 3]}-{number:04}", 3 + number * 7 % 40
        if number % 3 == 1:
            rows.append(
                (name, "targets", f"{tags} signed, {number % 5} suspect", "", STOLEN[0], ALONE + (MOVES if number % 2 else ""))
            )
        elif number % 12 == 2:
            rows.append((name, "targets/alice", f"{tags} signed, {tags} suspect", "alice", STOLEN[1], GONE))
        elif number % 12 == 5:
            rows.append((name, "targets/releases", f"{tags} signed, 0 suspect", "", ", ".join(STOLEN), ""))
    return Listing(("Repository", "Role", "Tags", "Signer", "Key", "To know"), rows)


ALONE = "The only key of this role."
MOVES = (
    " The server does not hold its snapshot key: whoever signs its tags holds that key too, so it counts as stolen. "
    "Let the next root name the snapshot key that the server offers."
)
GONE = (
    "Once its stolen key is gone, clients pass over what the signer alice signed in targets/alice with it: these tags are gone "
    "until somebody who still may signs them again."
)
IMPACT = Prompt(
    "impact",
    "Whom the stolen keys touch",
    "1,000 of 2,000 repositories, 1,000 roles. No version is known to be good: everything that a stolen key signed is suspect.",
    "everybody",
)
PEOPLE = ("Ada Example", "Wim Witness")
SUMMARY = Summary(
    folder="ceremony",
    head="heads/0002.txt",
    digest=DIGEST,
    signed=("Sofia Officer", "Wim Witness"),
    quorum_met=True,
    copies=("Kingston 4C530001: ceremony-00.tar", "Kingston 4C530002: ceremony-00.tar"),
    errands=(
        Errand("Ada Example", ("Take both volumes out.", "Switch this computer off.")),
        Errand("Wim Witness", ("Keep the words.",)),
    ),
)


class Room:
    """A room in which all is well, but for the courier."""

    def look(self) -> Sequence[Gauge]:
        """Return the same each time."""
        return (
            Gauge("air gap", good=True, saw="shut"),
            Gauge("volume a", good=True, saw="in"),
            Gauge("volume b", good=True, saw="in"),
            Gauge("courier", good=False, saw="GONE"),
        )


STICKS = (
    Option("1", "Kingston DataTraveler 4C530001", "32 GB, empty"),
    Option("2", "Kingston DataTraveler 4C530002", "32 GB, empty"),
)


def step_info(title: str) -> StepInfo:
    """Return a step with a script of a usual length."""
    return StepInfo(
        name=title.lower().replace(" ", "-"),
        title=title,
        who="Ada Example (administrator), everybody",
        say=f"We begin with {title.lower()}. Is anybody against it?",
        do="Read the serial on the device aloud, and compare it with the plan.",
        check="The serial on the screen is the one on the device.",
        minutes=5,
        irreversible=title == "Root keys",
    )


STEPS = tuple(step_info(title) for title in TITLES)


def record(seq: int, step: str, kind: str = "result", outcome: str = "ok") -> bytes:
    """Return a line as the log has it, as far as the screen reads it."""
    utc = (START + timedelta(seconds=7 * seq)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    value: canonical.JsonObject = {"seq": seq, "utc": utc, "kind": kind, "step": step, "actor": "Ada Example", "outcome": outcome}
    return canonical.encode(value) + b"\n"


def everything(operator: Operator, watcher: Watcher, pause: Callable[[float], None] = lambda _seconds: None) -> ExitCode:
    """Walk through all steps, with one question of each kind on the way."""
    seq = 0
    for info in STEPS:
        watcher.step(info.name, "running")
        operator.tell(f"{info.title} begins.")
        watcher.recorded(record(seq, info.name, "step"))
        question(operator, info.name, pause)
        with operator.waiting(f"the next step after {info.title.lower()}"):
            pause(0.2)
        watcher.recorded(record(seq + 1, info.name))
        seq += 2
        watcher.step(info.name, "done")
        for deviation in operator.deviations():
            watcher.recorded(record(seq, info.name, "deviation", "refused"))
            operator.tell(f"Recorded: {deviation.decided}")
            seq += 1
    watcher.closed(SUMMARY)
    return ExitCode.DONE


def question(operator: Operator, step: str, pause: Callable[[float], None]) -> None:  # noqa: C901, PLR0912 - one case a step
    """Put the question of a step, if it has one."""
    match step:
        case "preflight":
            operator.confirm(Prompt("begin", "Begin the ceremony?", "Everybody is here.\nThe room is locked.", "everybody"))
        case "roll-call":
            operator.ask(Prompt("name", "Who is at the keyboard?", "The name, as the plan has it."), "Ada Example")
        case "volumes":
            operator.choose(Prompt("volume:a", "Which medium is volume a?"), STICKS)
        case "load-request":
            operator.study(IMPACT, impact(2_000))
        case "protector":
            operator.show_secret(Prompt("passphrase", "The protector's passphrase", who="Carol Custodian"), Secret(WORDS))
        case "tokens":
            operator.ask_secret(Prompt("pin:root-a", "PIN of root-a", "Token root-a, serial 5f3c21", "Ada Example"), 3)
        case "root-keys":
            operator.confirm(Prompt("make:root-a", "Make the root key on root-a", "It cannot be taken back."), "GENERATE")
        case "back-up":
            for done in range(41):
                operator.progress("Writing", done, 40)
                pause(0.05)
        case "drill":
            operator.ask_secret(Prompt("passphrase", "The passphrase, from the paper", who="Carol Custodian"), 1)
        case "review":
            operator.review(
                Prompt("review", "All that is about to be signed", "New repositories: 12."), GivenDifferences(CHANGES)
            )
        case "sign":
            with operator.waiting("root-a, serial 5f3c21", seconds=15):
                pause(2)
        case "close":
            operator.compare(Prompt("head", "The head of the log", "Everybody reads along.", "everybody"), DIGEST, PEOPLE)


def main() -> int:
    """Show the demo on this terminal."""
    mode = Mode(sys.argv[1] if len(sys.argv) > 1 else "practice")
    try:
        return run_tui(
            title="acme-root-2026 genesis", mode=mode, steps=STEPS, work=partial(everything, pause=time.sleep), monitor=Room()
        )
    except CeremonyError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
