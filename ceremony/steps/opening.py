# SPDX-License-Identifier: Apache-2.0
"""Opening: everything that a resumed ceremony needs is in the folder before the first record, which binds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ceremony.core import approval, bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.plan import Site
from ceremony.steps.room import Room, sha256

INPUTS = (
    bundle.PLAN,
    bundle.SITE,
    bundle.SCRIPT,
    bundle.PLAN_FILES,
    bundle.APPROVALS,
    bundle.REQUEST,
    bundle.YUBICO_ROOTS,
    bundle.TRUSTED_ROOT,
)
"""Where the inputs are: files, and folders with a slash at their end."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a ceremony begins with, besides the plan."""

    site: Site
    script: str
    approvals: Mapping[str, bytes]
    """File name → armored SSHSIG."""
    request: Mapping[str, bytes]
    """Path in the request folder → bytes; empty when nothing is from a request."""
    modules: Mapping[str, str]
    """Path of each PKCS#11 module → SHA-256, hex."""
    substitutions: tuple[str, ...]
    """What stands in for the real thing, in practice."""
    substituted_request: bool
    authorities: Mapping[str, bytes] = field(default_factory=dict)
    """File name → the certificates that the site brings for its YubiKeys, PEM."""
    trusted_root: Mapping[str, bytes] = field(default_factory=dict)
    """Path → bytes of what the plan's `trusted-root` names; empty where it is key ids, or was not brought."""


def open_ceremony(room: Room, inputs: Inputs) -> None:
    """Write the inputs to the empty folder, then the first record; raises StorageError."""
    files = {
        bundle.PLAN: room.plan.source,
        bundle.SITE: inputs.site.source,
        bundle.SCRIPT: inputs.script.encode(),
        **{bundle.PLAN_FILES + path: data for path, data in room.plan.files.items()},
        **{bundle.APPROVALS + name: data for name, data in inputs.approvals.items()},
        **{bundle.REQUEST + path: data for path, data in inputs.request.items()},
        **{bundle.YUBICO_ROOTS + name: data for name, data in inputs.authorities.items()},
        **{bundle.TRUSTED_ROOT + path: data for path, data in inputs.trusted_root.items()},
    }
    room.folder.write(files)
    room.journal.step = "open"
    digests = {path: sha256(data) for path, data in files.items()}
    room.journal.record("open", {**_body(room, inputs), "inputs_sha256": sha256(bundle.manifest(digests))})
    for what in inputs.substitutions:
        room.journal.record("substitution", {"what": what})
    room.journal.files(digests)


def people_json(room: Room) -> list[Json]:
    """Return the people as the first record names them."""
    return [
        {"name": p.name, "role": p.role, "organisation": p.organisation, "key": p.key, "independent": p.independent}
        for p in room.people
    ]


def _body(room: Room, inputs: Inputs) -> JsonObject:
    tool = room.host.tool()
    quorum: JsonObject = dict(room.plan.quorum.items())
    approvals: JsonObject = {name: sha256(data) for name, data in inputs.approvals.items()}
    authorities: JsonObject = {name: sha256(data) for name, data in inputs.authorities.items()}
    modules: JsonObject = dict(inputs.modules)
    return {
        "form": "ceremony/v1",
        "mode": room.mode,
        "utc": room.clock.utc().isoformat(timespec="seconds"),
        "plan": {
            "name": room.plan.name,
            "kind": room.plan.kind,
            "dialect": room.plan.dialect,
            "facility": room.plan.facility,
            "sha256": room.plan.sha256,
            "statement_sha256": sha256(approval.statement(room.plan, inputs.trusted_root)),
        },
        "approvals": approvals,
        "site_sha256": sha256(inputs.site.source),
        "authorities": authorities,
        "request": room.plan.request,
        "trusted_root_sha256": bundle.digest_of(inputs.trusted_root) if inputs.trusted_root else "",
        "substituted-request": inputs.substituted_request,
        "tool": {"version": tool.version, "sha256": tool.sha256},
        "modules": modules,
        "people": people_json(room),
        "quorum": quorum,
        "previous": room.plan.previous,
    }
