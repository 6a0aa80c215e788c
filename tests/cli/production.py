# SPDX-License-Identifier: Apache-2.0
"""A day of production: a plan that its people approved with keys of their own, tokens, a request, three sticks."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ceremony.cli.main import main
from ceremony.cli.rehearse import _site_source
from ceremony.core.request import INDEX
from ceremony.core.secret import Secret
from ceremony.devices import softhsm
from tests.fakes.operator import ScriptedOperator
from tests.fakes.plans import FILES, REQUEST, bent, ssh
from tests.peers.request_folders import write

NAMES = ("docker.io/acme/app", "docker.io/acme/base", "reg.example:5000/tools/cli")
PEOPLE = {"Ada": 11, "Sofia": 12, "Sven": 13, "Sam": 14, "Wim": 15}
"""The people of the plan, and the number of the key that stands for theirs in it."""
KINDS = {"Ada": ("-t", "rsa", "-b", "2048"), "Sofia": ("-t", "ecdsa"), "Sam": ("-t", "rsa", "-b", "2048", "-m", "PEM")}
TOKENS = ("root-a", "root-b", "root-c")
PIN = "482916"
SERIALS = {"a": "4C530001", "b": "4C530002", "courier": "4C530003"}


@dataclass(frozen=True)
class Day:
    """Everything that is brought into the room, in one folder."""

    folder: Path

    def key(self, name: str) -> Path:
        """Return where a person's private key is."""
        return self.folder / name

    @property
    def environment(self) -> dict[str, str]:
        """How the tokens are found."""
        return dict(softhsm.environment(self.folder / "tokens"))

    @property
    def run(self) -> list[str]:
        """The command that begins the ceremony, in the folder."""
        return ["run", "plan.toml", "--site", "site.toml", "--request", "request", "--out", "out"]

    def people(self) -> ScriptedOperator:
        """Return willing people who know their PINs and where their keys are."""
        operator = ScriptedOperator(secrets={f"pin:{name}": PIN for name in TOKENS})
        operator.answers["medium:courier"] = SERIALS["courier"]
        for name in PEOPLE:
            operator.answers[f"key-file:{name}"] = str(self.key(name))
        return operator


def prepare(folder: Path) -> Day:
    """Make the day: keys by ssh-keygen, a plan with them, its approvals, tokens, a site, a request."""
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    write(folder / "request", *NAMES)
    digest = hashlib.sha256((folder / "request" / INDEX).read_bytes()).hexdigest()
    changes = [(REQUEST, f"sha256:{digest}")]
    for name, number in PEOPLE.items():
        kind = KINDS.get(name, ("-t", "ed25519"))
        subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", "-C", name, "-f", folder / name], check=True)
        changes.append((ssh(number), (folder / f"{name}.pub").read_text().strip()))
    (folder / "plan.toml").write_bytes(bent(*changes))
    for name in PEOPLE:
        if name != "Ada":  # no role of the quorum
            assert main(["plan", "approve", str(folder / "plan.toml"), "--key", str(folder / name)]) == 0
    made = softhsm.make_tokens(folder / "tokens", TOKENS, {name: (Secret(PIN), Secret("73019265")) for name in TOKENS})
    volumes = "".join(f'{role} = "{SERIALS[role]}"\n' for role in ("a", "b"))
    (folder / "site.toml").write_bytes(_site_source(made) + f"\n[volumes]\n{volumes}".encode())
    return Day(folder)
