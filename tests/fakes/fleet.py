# SPDX-License-Identifier: Apache-2.0
"""Renewals and rotations in memory, after a genesis in memory that was published on a server in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ceremony.core import backup, bundle
from ceremony.core.dialects import get
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import Custody, Person, Plan, RootPlan
from ceremony.core.plan_reader import read_plan
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import ExitCode
from tests.fakes.device import FakeDevice
from tests.fakes.folder import FakeMedia
from tests.fakes.host import CountingEntropy
from tests.fakes.operator import ScriptedOperator
from tests.fakes.plans import ssh
from tests.fakes.room import PEOPLE, Ceremony, plan, repository
from tests.fakes.server import FakeServer
from tests.fakes.token import FakeRack

APP, CLI, WEB = "docker.io/acme/app", "reg.example:5000/tools/cli", "docker.io/acme/web"
LATER = "c1" * 16
TEAM = ssh(1, "team")
GENERATE = {"source": "generate", "deliver-to": TEAM}


class World:
    """A genesis that was held and published: its tokens, the server, and each team's key."""

    def __init__(self, *names: str, tokens: Sequence[str] = ("root-a",), threshold: int = 1, **more: Any) -> None:
        root = RootPlan(
            more.pop("algorithm", Algorithm.ECDSA_P256),
            tuple(tokens),
            threshold,
            more.pop("custody", Custody.TOKEN_WRAPPED),
            **({"certificate": more.pop("certificate")} if "certificate" in more else {}),
        )
        self.server = FakeServer()
        repositories = [repository(name) for name in names or (APP, CLI)]
        made = plan(*repositories, root=root)
        self.genesis = Ceremony(plan=made, request=self.server.request([r.name for r in repositories]), **more)
        assert self.genesis.hold() is ExitCode.DONE
        self.server.publish(self.genesis.folder.files)
        self.keys: dict[str, SoftwareKey] = {}
        self.take_keys(self.genesis)

    def take_keys(self, ceremony: Ceremony) -> None:
        """Open the repository keys of a ceremony from a volume, as its teams got them."""
        self.keys |= repository_keys(ceremony)

    def public_of(self, token: str) -> PublicKey:
        """Return the public half of the first root key on a token."""
        return self.genesis.rack.devices[token].keys[0].shown.public

    def key_id(self, name: str) -> str:
        """Return the key id of a repository's targets key."""
        return get("notary").key_id(self.keys[name].public)

    def rack(self, *fresh: str) -> FakeRack:
        """Return a rack with the tokens of the genesis, and fresh ones."""
        return FakeRack(*self.genesis.rack.devices.values(), *(FakeDevice(name) for name in fresh))

    def after(self, made: Plan, *fresh: str, **more: Any) -> Ceremony:
        """Return a ceremony about what is published now, held with the tokens that there are."""
        settings: dict[str, Any] = {
            "rack": self.rack(*fresh),
            "media": FakeMedia(),
            "entropy": CountingEntropy("later"),
            "operator": ScriptedOperator(),
            "ceremony": LATER,
            "request": self.server.request(),
            "trusted_root": trusted(self.genesis),
        }
        return Ceremony(plan=made, **{**settings, **more})


def trusted(ceremony: Ceremony) -> dict[str, bytes]:
    """Return a ceremony's bundle as a trusted root: path → bytes."""
    return {path.removeprefix("bundle/"): data for path, data in ceremony.folder.files.items() if path.startswith("bundle/tuf/")}


def repository_keys(ceremony: Ceremony) -> dict[str, SoftwareKey]:
    """Return repository → the private key that a ceremony made, from volume a."""
    passphrase = Secret(ceremony.operator.shown["passphrase"])
    files = ceremony.media.volumes["a"].files
    home = f"ceremony-{ceremony.ceremony}/"
    identity = backup.open_identity(files[home + bundle.IDENTITY], passphrase)
    manifest, contents = backup.unpack(backup.decrypt(files[home + bundle.REPOSITORIES], identity, "volume"), "volume")
    return {
        name: get("notary").read_delivery(contents[entry["key"]], name) for name, entry in dict(manifest["repositories"]).items()
    }


def changing_plan(
    kind: str,
    *,
    tokens: Sequence[str] = ("root-a",),
    new: Mapping[str, Any] | None = None,
    expires: Mapping[str, str] | None = None,
    compromised: Mapping[str, Any] | None = None,
    repositories: Sequence[Mapping[str, Any]] = (),
    backed_up: bool = True,
    files: Mapping[str, bytes] | None = None,
    people: Sequence[Person] = PEOPLE,
    **more: str,
) -> Plan:
    """Return the plan of a renewal or a rotation, as it is read from its source."""
    lines = [
        *("schema = 1", f'name = "acme-{kind}"', f'kind = "{kind}"', 'dialect = "notary"', 'facility = "vault"'),
        'previous = "first"',
        *(f"{key.replace('_', '-')} = {value(text)}" for key, text in more.items()),
        *("[root]", f"tokens = {value(list(tokens))}"),
        *(["[root.new]", *_members(new)] if new else []),
        *(["[expires]", *(f"{key} = {day}" for key, day in expires.items())] if expires else []),
        *(["[compromised]", *_members(compromised)] if compromised else []),
        *(line for one in repositories for line in ("[[repositories]]", *_members(one))),
        *(["[backup]", 'protect = "passphrase"'] if backed_up else []),
    ]
    for person in people:
        said = {"name": person.name, "role": str(person.role), "organisation": person.organisation, "key": person.key}
        lines += ["[[people]]", *_members({**said, "independent": person.independent})]
    lines += ["[close]", "quorum = { security-officer = 1, witness = 1 }", ""]
    return read_plan("\n".join(lines).encode(), files or {})


def value(given: object) -> str:
    """Return a value as TOML."""
    if isinstance(given, Mapping):
        return "{ " + ", ".join(f"{key} = {value(item)}" for key, item in given.items()) + " }"
    return f"[{', '.join(map(value, given))}]" if isinstance(given, list | tuple) else json.dumps(given)


def _members(given: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {value(item)}" for key, item in given.items()]
