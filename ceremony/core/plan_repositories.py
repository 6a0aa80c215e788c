# SPDX-License-Identifier: Apache-2.0
"""The `[[repositories]]` of a plan: names expanded, and where each key comes from.

Reads form only: whether a file holds a usable key, and whom a delivery can be
encrypted to, is judged by `plan_lint`. A file that holds a private key is refused
here, before anything keeps its bytes: that half never enters the room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ceremony.core.keys import Algorithm
from ceremony.core.plan import KeyPlan, Kind, RepositoryPlan, SignerPlan, Source
from ceremony.core.plan_fields import Table, check_form, quoted
from ceremony.core.plan_names import MAX_NAME, check_apart, check_path, check_repository, names_from
from ceremony.errors import PlanRefused

MAX_RECIPIENT = 4096
"""Characters of `deliver-to`."""

_KEY = {
    "source": '"request"',
    "algorithm": '"ecdsa-p256"',
    "deliver-to": '"ssh-ed25519 AAAA... team-app"',
    "path": '"keys/app.pem"',
}
_KEY_OF = {"algorithm": Source.GENERATE, "deliver-to": Source.GENERATE, "path": Source.FILE}
_REPOSITORY = {
    "name": '"docker.io/acme/app"',
    "names": '["docker.io/acme/app", "docker.io/acme/web"]',
    "names-from": '"guns.txt"',
    "targets": '{ source = "generate", deliver-to = "ssh-ed25519 AAAA... team-app" }',
    "snapshot": '{ source = "request" }',
    "timestamp": '{ source = "request" }',
    "signers": '[{ name = "alice", key = "keys/alice.pem" }]',
    "remove-signers": '["bob"]',
}
_WAYS = ("name", "names", "names-from")
# As Notary names delegations; docker keeps `releases` for itself.
_SIGNER = re.compile(r"(?!releases$)[a-z0-9][a-z0-9_-]{0,63}")


def read_repositories(plan: Table, files: Mapping[str, bytes], kind: Kind) -> tuple[RepositoryPlan, ...]:
    """Return the repositories that a plan names, in its order; raises PlanRefused."""
    places: dict[str, str] = {}
    folders: dict[str, str] = {}
    found: list[RepositoryPlan] = []
    known = (
        _REPOSITORY if kind is not Kind.GENESIS else {key: like for key, like in _REPOSITORY.items() if key != "remove-signers"}
    )
    for section, table in enumerate(plan.tables("repositories", known)):
        shared = _shared(table, files, kind, section)
        for place, name in _names(table, files):
            # Media without upper and lower case would mix the folders of two such names.
            first = folders.setdefault(name.lower(), place)
            if first != place:
                raise PlanRefused(place, f"{quoted(name)} is already named by {first}", hint="name each repository once")
            places[name] = place
            found.append(replace(shared, name=name))
    check_apart(places)
    return tuple(found)


def _shared(table: Table, files: Mapping[str, bytes], kind: Kind, section: int) -> RepositoryPlan:
    return RepositoryPlan(
        name="",
        targets=_published_key(table, "targets", files, kind),
        snapshot=_published_key(table, "snapshot", files, kind),
        timestamp=_published_key(table, "timestamp", files, kind),
        signers=_signers(table, files) if table.has("signers") else (),
        remove_signers=_removed(table) if table.has("remove-signers") else (),
        section=section,
    )


def _names(table: Table, files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    ways = [way for way in _WAYS if table.has(way)]
    if len(ways) != 1:
        said = f"has {' and '.join(ways)}" if ways else "has no name"
        raise PlanRefused(table.path, said, hint="write one of name, names, names-from")
    if ways == ["name"]:
        field = table.at("name")
        yield field, check_repository(table.text("name", limit=2**16), field)
    elif ways == ["names"]:
        yield from ((field, check_repository(name, field)) for field, name in table.texts("names", limit=2**16))
    else:
        path = _file(table, "names-from", files)
        yield from names_from(files[path], path, table.at("names-from"))


def _key(table: Table, role: str, files: Mapping[str, bytes]) -> KeyPlan:
    key = table.table(role, _KEY)
    source = Source(key.choice("source", tuple(Source)))
    for field, wanted in _KEY_OF.items():
        if key.has(field) and source is not wanted:
            hint = f'remove it, or write source = "{wanted}"'
            raise PlanRefused(key.at(field), f'has no meaning with source = "{source}"', hint=hint)
    if source is Source.GENERATE:
        algorithm = Algorithm(key.choice("algorithm", tuple(Algorithm), Algorithm.ECDSA_P256))
        return KeyPlan(source, algorithm, deliver_to=key.text("deliver-to", limit=MAX_RECIPIENT))
    return KeyPlan(source, path=_file(key, "path", files) if source is Source.FILE else "")


def _published_key(table: Table, role: str, files: Mapping[str, bytes], kind: Kind) -> KeyPlan:
    # After the genesis, what a plan does not name stays as it is published, or is what the server offers.
    if kind is Kind.GENESIS or table.has(role):
        return _key(table, role, files)
    return KeyPlan(Source.REQUEST)


def _signers(table: Table, files: Mapping[str, bytes]) -> tuple[SignerPlan, ...]:
    signers: dict[str, SignerPlan] = {}
    for signer in table.tables("signers", {"name": '"alice"', "key": '"keys/alice.pem"'}):
        rule = "lower-case letters, digits, - and _, at most 64, and not releases, such as alice"
        name = signer.matching("name", _SIGNER, rule)
        if name in signers:
            raise PlanRefused(signer.at("name"), f"{quoted(name)} is already a signer here", hint="name each signer once")
        signers[name] = SignerPlan(name, _file(signer, "key", files))
    return tuple(signers.values())


def _removed(table: Table) -> tuple[str, ...]:
    rule = "the name of a signer, such as bob"
    return tuple(check_form(name, _SIGNER, rule, field) for field, name in table.texts("remove-signers"))


def _file(table: Table, key: str, files: Mapping[str, bytes]) -> str:
    return brought(table.text(key, limit=MAX_NAME), table.at(key), files)


def brought(path: str, field: str, files: Mapping[str, bytes]) -> str:
    """Return the path of a file that is there and holds no private key; raises PlanRefused."""
    check_path(path, field)
    if path not in files:
        raise PlanRefused(field, f"{quoted(path)} is not there", hint="put the file beside the plan, or correct the path")
    if b"PRIVATE KEY" in files[path]:
        hint = "bring the public key; whoever could read this file may have the private one"
        raise PlanRefused(field, f"{quoted(path)} holds a private key", hint=hint)
    return path
