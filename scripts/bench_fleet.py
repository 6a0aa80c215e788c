# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of a fleet on a real notary-server, each beside the stock client in a loop over the same repositories, in turns.

    python scripts/bench_fleet.py [REPOSITORIES] [PART...]      default 1,000, every part

- fetch: `ceremony fetch` of repositories that the server knows, with all that a rotation needs (histories, keys), and the
  same verified against a trusted root while fetching, beside `notary list` by a client that has nothing cached.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ceremony.online.fetch import Judge
    from tests.peers.notary import NotaryServer

ROUNDS = 2
"""Both sides take turns so often: what else the machine does meanwhile, falls on both."""
TO_REACH = 5


@dataclass(frozen=True)
class Fleet:
    """Repositories that the stock client published on a running server; `owner` is its trust folder."""

    server: NotaryServer
    names: Sequence[str]
    folder: Path

    @property
    def owner(self) -> Path:
        return self.folder / "owner"

    def slices(self) -> Sequence[Sequence[str]]:
        return [self.names[n::ROUNDS] for n in range(ROUNDS)]


def stock(fleet: Fleet, *words: str, trust: Path) -> None:
    """Run the stock client."""
    from tests.peers.notary import notary

    notary(*words, server=fleet.server.url, trust=trust)


def seconds(work: Callable[[], object]) -> float:
    """Return how long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def told(what: str, ours: float, peer: str, theirs: float, number: int) -> None:
    """Print a figure beside its peer's."""
    print(
        f"{what:18} {number / ours:8,.0f} repositories/s   {peer} {number / theirs:8,.0f}/s   ratio {theirs / ours:5.1f}   (to reach: {TO_REACH})"
    )


def fetch(fleet: Fleet) -> None:
    """Fetch the fleet, plain and verified, in turns with `notary list`."""
    judge = judge_of(fleet)
    spent = dict.fromkeys(("list", "fetch", "verified"), 0.0)
    for turn, names in enumerate(fleet.slices()):
        spent["list"] += seconds(partial(listed, fleet, names, fleet.folder / f"cache{turn}"))
        spent["fetch"] += seconds(partial(fetched, fleet, names, fleet.folder / f"plain{turn}", None))
        spent["verified"] += seconds(partial(fetched, fleet, names, fleet.folder / f"verified{turn}", judge))
    told("fetch", spent["fetch"], "notary list", spent["list"], len(fleet.names))
    told("fetch and verify", spent["verified"], "notary list", spent["list"], len(fleet.names))


def listed(fleet: Fleet, names: Sequence[str], trust: Path) -> None:
    """List repositories with the stock client, one after the other, as a loop in a shell does."""
    for name in names:
        stock(fleet, "list", name, trust=trust)


def fetched(fleet: Fleet, names: Sequence[str], out: Path, judge: Judge | None) -> None:
    """Fetch repositories into a request folder, as the command does."""
    from ceremony.online.address import server_at
    from ceremony.online.fetch import fetch as bring
    from ceremony.online.session import Session

    with Session(server_at(fleet.server.url)) as session:
        done = bring(names, session, out, progress=lambda _gun, _done, _total: None, judge=judge)
    if done.failures:
        raise SystemExit(done.failures[0].error.message)


def judge_of(fleet: Fleet) -> Judge:
    """Return what verifies the fleet: the owner's trust folder, as it was when the repositories were made."""
    from ceremony.cli.trusted_files import trusted_root_of
    from ceremony.core.dialects import sequel
    from ceremony.online.fetch import Judge

    return Judge(trusted_root_of(str(fleet.owner), "notary"), sequel.get("notary"), datetime.now(UTC))


PARTS: dict[str, Callable[[Fleet], None]] = {"fetch": fetch}


def fleet(number: int = 1000, parts: Sequence[str] = tuple(PARTS)) -> None:
    """Publish so many repositories with the stock client, and measure the parts on them."""
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from tests.peers.notary import NotaryServer

    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name, NotaryServer(Path(name)) as server:
        made = Fleet(server, [f"docker.io/acme/app-{n:05}" for n in range(number)], Path(name))
        took = seconds(lambda: [stock(made, "init", "-p", gun, trust=made.owner) for gun in made.names])
        print(f"{number:,} repositories on a notary-server; `notary init -p` made {number / took:,.0f}/s")
        for part in parts:
            PARTS[part](made)


if __name__ == "__main__":
    given = sys.argv[1:]
    fleet(int(given[0]) if given[:1] and given[0].isdigit() else 1000, [word for word in given if word in PARTS] or tuple(PARTS))
