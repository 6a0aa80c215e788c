# SPDX-License-Identifier: Apache-2.0
"""A whole ceremony in memory: a plan, fake tokens, media and people; it can be killed at any record and resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from ceremony.core import approval, backup, software_key
from ceremony.core.attestation import Authorities
from ceremony.core.bundle import LOG
from ceremony.core.dialects import get
from ceremony.core.keys import Algorithm
from ceremony.core.plan import (
    BackupPlan,
    Custody,
    ExpiresPlan,
    KeyPlan,
    Kind,
    Mode,
    Person,
    Plan,
    RepositoryPlan,
    Role,
    RootPlan,
    Site,
    Source,
)
from ceremony.core.ports import Volume
from ceremony.core.procedure import StepInfo, procedure
from ceremony.core.request import Repository, build_index, path_of, store
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode, StorageError, VerificationError, VolumesLost
from ceremony.steps import resuming, runner
from ceremony.steps.journal import Journal
from ceremony.steps.opening import Inputs, open_ceremony
from ceremony.steps.room import Room
from tests.fakes.attesting import authority_files
from tests.fakes.cosigner import FakeCosigner
from tests.fakes.folder import FakeFolder, FakeMedia
from tests.fakes.host import CountingEntropy, FakeClock, FakeHost
from tests.fakes.operator import ScriptedOperator
from tests.fakes.plans import sourced
from tests.fakes.reporter import FakeReporter
from tests.fakes.self_test import FakeSelfTest
from tests.fakes.token import FakeRack, fake_rack

CEREMONY = "c0" * 16
REQUEST_KEY = KeyPlan(Source.REQUEST)
TEAM = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


class FolderLog:
    """The log, in the ceremony folder and mirrored."""

    def __init__(self, folder: FakeFolder) -> None:
        self._folder = folder
        self._mirrors: dict[str, tuple[Volume, str]] = {}
        self._failed = False

    def append(self, lines: bytes) -> None:
        if self._failed:
            raise StorageError("log", "is not written to any more", hint="stop; resume goes on with what was synced")
        self._failed = True
        self._folder.append(LOG, lines)
        lost: dict[str, StorageError] = {}
        for serial, (volume, path) in self._mirrors.items():
            try:
                volume.append(path, lines)
            except StorageError as error:
                lost[serial] = error
        for serial in lost:
            del self._mirrors[serial]
        self._failed = False
        if lost:
            raise VolumesLost(lost)

    def fail(self) -> None:
        """Take no record any more."""
        self._failed = True

    def mirror(self, volume: Volume, path: str) -> None:
        whole = self._folder.read(LOG)
        there = volume.read(path) if volume.exists(path) else b""
        if not whole.startswith(there):
            raise StorageError(volume.name, f"{path} is not the beginning of this log", hint="use the volume of this ceremony")
        volume.append(path, whole[len(there) :])
        self._mirrors[volume.identity.serial] = (volume, path)

    def drop(self, volume: Volume) -> None:
        self._mirrors.pop(volume.identity.serial, None)


def repository(name: str, **changes: object) -> RepositoryPlan:
    """Return a repository whose targets key is made in the ceremony and delivered to a team."""
    made = RepositoryPlan(name, KeyPlan(Source.GENERATE, deliver_to=TEAM), REQUEST_KEY, REQUEST_KEY)
    return replace(made, **changes)


PEOPLE = (
    Person("Ada", Role.ADMINISTRATOR, "Acme", ""),
    Person("Sam", Role.SECURITY_OFFICER, "Acme", ""),
    Person("Wim", Role.WITNESS, "Notaries", "", independent=True),
)


def plan(*repositories: RepositoryPlan, root: RootPlan | None = None, files: Mapping[str, bytes] | None = None) -> Plan:
    """Return a genesis plan: one wrapped root on one token, unless told otherwise; its source says the same in TOML."""
    return sourced(
        Plan(
            name="acme-root",
            kind=Kind.GENESIS,
            dialect="notary",
            facility="vault",
            previous="first",
            request="",
            trusted_root="",
            root=root or RootPlan(Algorithm.ECDSA_P256, ("root-a",), 1, Custody.TOKEN_WRAPPED),
            expires=ExpiresPlan(*(datetime(year, 1, 1, tzinfo=UTC) for year in (2036, 2036, 2029))),
            repositories=repositories or (repository("docker.io/acme/app"),),
            backup=BackupPlan("passphrase"),
            people=PEOPLE,
            quorum={Role.SECURITY_OFFICER: 1, Role.WITNESS: 1},
            source=b"",
            files=files or {},
        )
    )


def server_request(names: Sequence[str]) -> Mapping[str, bytes]:
    """Return a request folder with throw-away keys of a server for each name."""
    repositories: dict[str, Repository] = {}
    files: dict[str, bytes] = {}
    for name in names:
        keys = {}
        for role in ("snapshot", "timestamp"):
            raw = software_key.make(Algorithm.ED25519).public.raw_ed25519
            data = _server_key(raw)
            keys[role] = store(name, role, 0, data)
            files[path_of(keys[role].sha256)] = data
        repositories[name] = Repository(keys=keys, metadata={})
    return {"index.json": build_index("https://notary.example", repositories), **files}


def _server_key(raw: bytes) -> bytes:
    import base64

    return json.dumps({"keytype": "ed25519", "keyval": {"public": base64.b64encode(raw).decode(), "private": None}}).encode()


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Replace age's passphrase work, two seconds each time, by a keyed envelope; `tests/core/test_backup.py` has the real one."""

    def seal(identity: Secret, passphrase: Secret) -> bytes:
        return b"sealed\n" + passphrase.reveal() + b"\n" + identity.reveal()

    def unseal(data: bytes, passphrase: Secret) -> Secret:
        _, written, identity = data.split(b"\n", 2)
        if written != passphrase.reveal():
            raise VerificationError("identity.age", "does not open with this passphrase", hint="type the words again")
        return Secret(identity)

    patch.setattr(backup, "seal_identity", seal)
    patch.setattr(backup, "open_identity", unseal)


@pytest.fixture(autouse=True)
def fast_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quicken every test of a module that imports this."""
    quicken(monkeypatch)


@dataclass
class Ceremony:
    """Everything that survives a crash, and the people."""

    plan: Plan = field(default_factory=plan)
    mode: Mode = Mode.PRACTICE
    folder: FakeFolder = field(default_factory=FakeFolder)
    media: FakeMedia = field(default_factory=FakeMedia)
    clock: FakeClock = field(default_factory=FakeClock)
    entropy: CountingEntropy = field(default_factory=CountingEntropy)
    host: FakeHost = field(default_factory=FakeHost)
    self_test: FakeSelfTest = field(default_factory=FakeSelfTest)
    operator: ScriptedOperator = field(default_factory=ScriptedOperator)
    rack: FakeRack | None = None
    request: Mapping[str, bytes] | None = None
    site_source: bytes = b"# the site\n"
    substituted: bool = True
    """Whether the request stands in for a real one."""
    ceremony: str = CEREMONY
    trusted_root: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rack = self.rack or fake_rack(*self.plan.key_tokens)
        self.cosigner = FakeCosigner(person.name for person in self.plan.people)
        self.people = tuple(replace(p, key=self.cosigner.line(p.name)) for p in self.plan.people)
        if self.mode is Mode.PRODUCTION:
            self.plan = sourced(replace(self.plan, people=self.people))  # nothing stands in for anybody's key
        # Nobody knows the PIN of a YubiKey before it was set; those that were prepared before the day, a test knows.
        plain = [name for name, device in self.rack.devices.items() if device.kind == "pkcs11"]
        self.operator.secrets |= {f"pin:{name}": "123456" for name in plain}
        for role in ("a", "b"):  # the drill of a production
            self.operator.answers.setdefault(f"take-out:{role}", lambda _, role=role: self.media.volumes[role].unplug())
            self.operator.answers.setdefault(f"put-back:{role}", lambda _, role=role: self.media.volumes[role].plug())
        self.authority_files = authority_files(self.rack)
        if self.request is None:
            self.request = server_request([r.name for r in self.plan.repositories])

    @property
    def steps(self) -> tuple[StepInfo, ...]:
        """The procedure of the plan."""
        return procedure(self.plan, needs_certificate=True)

    def room(self) -> Room:
        """Return a room as a new process has it."""
        self.host.whole = self.mode is Mode.PRODUCTION  # whose audit wants every check
        self.log = FolderLog(self.folder)
        journal = Journal(
            self.log,
            self.clock,
            self.entropy,
            ceremony=self.ceremony,
            recorded_by=self.plan.recorder(),
            watch=self.operator.recorded,
        )
        return Room(
            plan=self.plan, mode=self.mode, dialect=get(self.plan.dialect), people=self.people, journal=journal,
            operator=self.operator, clock=self.clock, entropy=self.entropy, host=self.host, self_test=self.self_test, cosigner=self.cosigner,
            rack=self.rack, media=self.media, site_volumes={}, folder=self.folder, reporter=FakeReporter(), site_source=self.site_source,
            authorities=Authorities.of_site(self.authority_files, Mode.PRACTICE) if self.authority_files else None,
        )  # fmt: skip

    def inputs(self) -> Inputs:
        """Return what a ceremony begins with."""
        site = Site(tokens={}, volumes={}, yubico_roots="", source=b"# the site\n")
        return Inputs(
            site,
            "# the script\n",
            self.approvals() if self.mode is Mode.PRODUCTION else {},
            self.request or {},
            {},
            ("throw-away tokens",) if self.mode is Mode.PRACTICE else (),
            substituted_request=self.substituted,
            authorities=self.authority_files,
            trusted_root=self.trusted_root,
        )

    def approvals(self) -> dict[str, bytes]:
        """Return the plan's approval by everybody whose role is in its quorum."""
        said = approval.statement(self.plan, self.trusted_root)
        return {
            approval.approval_name(person.key): self.cosigner.elsewhere(person.name, approval.NAMESPACE, said)
            for person in approval.signs_for(self.plan)
        }

    def begin(self) -> Room:
        """Return a room whose ceremony was opened."""
        room = self.room()
        open_ceremony(room, self.inputs())
        return room

    def hold(self) -> ExitCode:
        """Hold the whole ceremony."""
        return runner.hold(self.begin(), self.steps, self.operator)

    def resume(self) -> ExitCode:
        """Go on with it, as a new process after a reboot."""
        self.clock.reboot(f"{self.clock.boot_id}+")
        room = self.room()
        resuming.take_up(room, resuming.read_log(self.folder))
        return runner.hold(room, self.steps, self.operator)

    def bodies(self, kind: str) -> list[dict]:
        """Return the bodies of all records of a kind."""
        records = [json.loads(line) for line in self.folder.files[LOG].splitlines()]
        return [record["body"] for record in records if record["kind"] == kind]
