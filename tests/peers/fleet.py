# SPDX-License-Identifier: Apache-2.0
"""A fleet on a real notary-server: its ceremonies, held from the command line, its teams and its stock clients.

fleet = Fleet(server, folder)
fleet.fetch("genesis", guns)
fleet.rehearse("genesis", plan("genesis", ...))            # and audit it
became = fleet.publish("genesis")
before = fleet.listed(guns, folder / "old")                # `notary list` of each, with one cache
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event

from ceremony.core import software_key
from ceremony.core.canonical import Json, encode_trusted
from ceremony.core.dialects import Draft
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.keys import Algorithm
from ceremony.core.request import parse_index
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import ExitCode
from tests.core.published.stock import post, signed
from tests.peers.notary import NotaryServer, notary
from tests.peers.program import program

CLIENTS = 2
"""Stock clients at a time: as many as the machine has processors."""
_PAUSE = 0.1
TARGETS_EXPIRE = "2043-11-19T00:00:00Z"
ONLINE = 'snapshot = { source = "request" }\ntimestamp = { source = "request" }\n'
PEOPLE = """
[[people]]
name = "Ada"
role = "administrator"
organisation = "Acme"
key = ""
[[people]]
name = "Sofia"
role = "security-officer"
organisation = "Acme"
key = ""
[[people]]
name = "Sven"
role = "security-officer"
organisation = "Acme"
key = ""
[[people]]
name = "Sam"
role = "security-officer"
organisation = "Acme"
key = ""
[[people]]
name = "Wim"
role = "witness"
organisation = "Notaries"
key = ""
independent = true
[close]
quorum = { security-officer = 1, witness = 1 }
"""


def plan(kind: str, *sections: str, protect: str = 'protect = "passphrase"') -> str:
    """Return a plan of what `sections` say; after a genesis, its trusted root is the `bundle` beside it."""
    head = f'schema = 1\nname = "acme-{kind}"\nkind = "{kind}"\ndialect = "notary"\nfacility = "vault"\nprevious = "first"\n'
    root = 'trusted-root = "bundle"\n' if kind != "genesis" else ""
    return "\n".join((head + root, *sections, f"[backup]\n{protect}", PEOPLE))


def repositories(names: Iterable[str], targets: str, more: str = "") -> str:
    """Return a section of the plan for repositories whose targets key is alike."""
    return f"[[repositories]]\nnames = {json.dumps(list(names))}\ntargets = {targets}\n{more}"


def ceremony(*arguments: object, code: int = ExitCode.DONE) -> subprocess.CompletedProcess[str]:
    """Run the program, which must end as it should."""
    done = program(*arguments)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@dataclass
class Fleet:
    """The repositories of one genesis; `team` is the key to which private keys are delivered."""

    server: NotaryServer
    folder: Path
    team: Path = field(init=False)

    def __post_init__(self) -> None:
        self.team = self.folder / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.team)], check=True)

    # --- ceremonies ---------------------------------------------------------------

    @property
    def recipient(self) -> str:
        """Return the team, as a plan's `deliver-to` names it."""
        return json.dumps(self.team.with_suffix(".pub").read_text().strip())

    @property
    def generated(self) -> str:
        """Return the `targets` of a plan that makes a key and delivers it to the team."""
        return f'{{ source = "generate", deliver-to = {self.recipient} }}'

    def rehearsal(self, name: str) -> Path:
        """Return where a ceremony is held."""
        return self.folder / name / "r"

    def bundle(self, name: str) -> Path:
        """Return where what a ceremony publishes is."""
        return self.rehearsal(name) / "ceremony" / "bundle"

    def know(self, name: str, guns: Iterable[str]) -> None:
        """Bring what people know to be published of repositories: what the genesis made."""
        for gun in guns:
            place = Path("tuf") / gun
            shutil.copytree(self.bundle("genesis") / place, self.folder / name / "bundle" / place)

    def fetch(
        self, name: str, guns: Iterable[str], *, url: str = "", code: int = ExitCode.DONE
    ) -> subprocess.CompletedProcess[str]:
        """Bring the request of a ceremony, verified where something is known."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        (home / "guns.txt").write_text("".join(f"{gun}\n" for gun in guns))
        options = ("--trusted-root", home / "bundle") if (home / "bundle").is_dir() else ()
        return ceremony(
            "fetch", "--names-from", home / "guns.txt", "--server", url or self.server.url, "--out", home / "request", *options, code=code
        )  # fmt: skip

    def rehearse(self, name: str, source: str, *options: object, code: int = ExitCode.DONE) -> subprocess.CompletedProcess[str]:
        """Hold a ceremony on the request that was brought for it, if one was, and audit it."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        index, request = home / "request" / "index.json", ()
        if index.is_file():
            source = f'request = "{parse_index(index.read_bytes()).digest}"\n{source}'
            request = ("--request", index.parent)
        (home / "plan.toml").write_text(source)
        done = ceremony("rehearse", home / "plan.toml", "--auto", *request, *options, "--out", home / "r", code=code)
        ceremony("audit", home / "r" / "ceremony")
        return done

    def publish(self, name: str, *options: object, url: str = "", code: int = ExitCode.DONE) -> Mapping[str, str]:
        """Publish a ceremony; returns repository → what became of it."""
        done = ceremony("publish", self.rehearsal(name) / "ceremony", "--server", url or self.server.url, *options, code=code)
        return {gun: became for became, gun in (line.split() for line in done.stdout.splitlines())}

    def made(self, name: str, gun: str, role: str) -> bytes:
        """Return metadata that a ceremony signed."""
        return (self.bundle(name) / "tuf" / gun / "metadata" / f"{role}.json").read_bytes()

    def signed(self, gun: str, version: int = 0) -> dict:
        """Return what a root at the server says, the newest by default."""
        data = self.server.get(gun, f"{version}.root.json" if version else "root.json")
        return dict(json.loads(data or b"")["signed"])

    def roles(self, gun: str, version: int = 0) -> dict[str, dict]:
        """Return the roles of a root at the server."""
        return dict(self.signed(gun, version)["roles"])

    # --- teams ---------------------------------------------------------------------

    def delivered(self, name: str, gun: str) -> bytes:
        """Return the private key that a ceremony delivered for a repository, as `notary key import` takes it."""
        path = self.rehearsal(name) / "ceremony" / "deliver" / gun / "targets.key.age"
        return subprocess.run(["age", "-d", "-i", str(self.team), str(path)], capture_output=True, check=True).stdout

    def imported(self, gun: str, key: bytes, trust: Path) -> None:
        """Give a team's stock client its key."""
        trust.mkdir(parents=True, exist_ok=True)
        path = trust / "targets.key"
        path.write_bytes(key)
        notary("key", "import", str(path), server=self.server.url, trust=trust)

    def push(self, gun: str, tag: str, trust: Path, *, url: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Publish a tag as a team does: `notary add -p`."""
        path = trust / "image"
        path.write_text(f"{gun} {tag}")
        return notary("add", "-p", gun, tag, str(path), server=url or self.server.url, trust=trust, check=check)

    def tag(self, gun: str, version: int, key: SoftwareKey, tags: Iterable[str], root: bytes | None = None) -> None:
        """Publish targets with these tags, as a build system without the stock client does; beside the root where there is none yet."""
        files = {} if root is None else {"root": root}
        answer = post(self.server, gun, {**files, "targets": _targets(gun, version, key, tags)})
        assert answer == (200, ""), answer

    # --- clients -------------------------------------------------------------------

    def listed(self, guns: Sequence[str], trust: Path) -> dict[str, str]:
        """Return repository → what `notary list` says with the cache in `trust`, which is left as that of a client."""

        def one(gun: str) -> tuple[str, str]:
            return gun, notary("list", gun, server=self.server.url, trust=trust).stdout

        with ThreadPoolExecutor(CLIENTS) as pool:
            return dict(pool.map(one, guns))

    @contextmanager
    def watched(self, guns: Sequence[str], trust: Path) -> Iterator[None]:
        """Let a client list one repository after another, again and again, while the block runs; it may never see an error."""
        ended = Event()

        def watch() -> None:
            for gun in cycle(guns):
                notary("list", gun, server=self.server.url, trust=trust)
                if ended.wait(_PAUSE):
                    return

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                yield
            finally:
                ended.set()
            watching.result()


def brought(key: SoftwareKey, path: Path) -> None:
    """Write the public half that a team brings to a plan."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(key.public.pem)


def team_key() -> SoftwareKey:
    """Make a key that a team keeps itself."""
    return software_key.make(Algorithm.ECDSA_P256)


def _targets(gun: str, version: int, key: SoftwareKey, tags: Iterable[str]) -> bytes:
    listing: dict[str, Json] = {tag: _tag(f"{gun} {tag}") for tag in tags}
    content: dict[str, Json] = {
        "_type": "Targets",
        "delegations": {"keys": {}, "roles": []},
        "expires": TARGETS_EXPIRE,
        "targets": listing,
        "version": version,
    }
    return signed(Draft(gun, "targets", DIALECT.path(gun, "targets"), encode_trusted(content)), key)


def _tag(text: str) -> Json:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"hashes": {"sha256": digest}, "length": len(text)}
