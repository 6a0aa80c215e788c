# SPDX-License-Identifier: Apache-2.0
"""Setting the stage: real adapters for every port, and who answers: the screens, or nobody.

A ceremony is begun or taken up on the same stage; a production one and a
rehearsal differ only in what they put on it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ceremony.cli.headless import HeadlessOperator
from ceremony.cli.monitor import RoomMonitor
from ceremony.cli.practice import PracticeSecrets, Remembering
from ceremony.cli.self_test_checks import ProgramTest
from ceremony.core import dialects
from ceremony.core.attestation import Authorities
from ceremony.core.bundle import LOG
from ceremony.core.plan import Mode, Person, Plan, Site
from ceremony.core.ports import Cosigner, Host, LogWriter, Operator, TokenRack, Watcher
from ceremony.core.procedure import StepInfo, procedure
from ceremony.errors import CeremonyError, ExitCode, StorageError
from ceremony.host import memory
from ceremony.host.clocks import SystemClock
from ceremony.host.entropy import SystemEntropy
from ceremony.host.own_keys import SystemCosigner
from ceremony.host.preflight import SystemHost
from ceremony.report import Report
from ceremony.steps import resuming, runner
from ceremony.steps.journal import Journal
from ceremony.steps.opening import Inputs, open_ceremony
from ceremony.steps.room import Room
from ceremony.tui.terminal import check_terminal, on_terminal
from ceremony.volumes.logfile import LogFiles
from ceremony.volumes.media import FolderMedia
from ceremony.volumes.store import FolderStore
from ceremony.volumes.usb import UsbMedia

Work = Callable[[Operator, Watcher], ExitCode]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a ceremony is held with."""

    plan: Plan
    mode: Mode
    site: Site
    people: tuple[Person, ...]
    folder: Path
    media: FolderMedia | UsbMedia
    rack: TokenRack
    cosigner: Cosigner | None = None
    """The throw-away keys of a rehearsal; None where people sign with their own."""
    authorities: Authorities | None = None
    """Those that keys on YubiKeys are attested under; None when none is."""
    secrets: PracticeSecrets | None = field(default=None, repr=False)
    """In a rehearsal only."""

    @property
    def steps(self) -> tuple[StepInfo, ...]:
        """The procedure."""
        return procedure(self.plan, needs_certificate=dialects.get(self.plan.dialect).needs_certificate)


def begin(stage: Stage, inputs: Inputs, *, auto: bool) -> ExitCode:
    """Begin a ceremony and walk it to its end; raises CeremonyError."""

    def enter(room: Room) -> None:
        open_ceremony(room, inputs)
        if isinstance(inputs.request, dict):
            inputs.request.clear()  # it is read from the ceremony's folder from now on, and a fleet's is large

    with _alone(stage.folder):
        return _on_stage(stage, secrets.token_hex(16), enter, auto=auto)


def take_up(stage: Stage, *, auto: bool) -> ExitCode:
    """Take a ceremony up where its log ends, and walk it to its end; raises CeremonyError."""
    with _alone(stage.folder):
        found = resuming.read_log(FolderStore(stage.folder))
        return _on_stage(stage, found.records[0].ceremony, lambda room: resuming.take_up(room, found), auto=auto)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the ceremony folder for this process; raises CeremonyError while another one does: two would write one log."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CeremonyError(f"{folder} is in use by another run of this program", hint="end the other one first") from error
    try:
        yield
    finally:
        os.close(descriptor)


def check_answers(mode: Mode, *, auto: bool) -> None:
    """Raise CeremonyError when nobody could answer: no terminal, and not headless. Called before anything is made."""
    if not auto:
        check_terminal(mode, os.environ, tty=on_terminal())


def module_digests(modules: Iterable[str]) -> Mapping[str, str]:
    """Return the SHA-256, hex, of each PKCS#11 module, by its path; raises CeremonyError for a missing one.

    The empty path is that of YubiKeys, which are reached without a module.
    """
    digests: dict[str, str] = {}
    for module in sorted(set(modules) - {""}):
        try:
            digests[module] = hashlib.sha256(Path(module).read_bytes()).hexdigest()
        except OSError as error:
            raise CeremonyError(
                f"the module {module} cannot be read: {error.strerror}", hint="correct `module` in the site file"
            ) from error
    return digests


def _on_stage(stage: Stage, ceremony: str, enter: Callable[[Room], None], *, auto: bool) -> ExitCode:
    work, monitor = staged(stage, ceremony, enter)
    if auto:
        people = HeadlessOperator(stage.secrets.answers if stage.secrets else {}, stage.steps)
        return work(people, people)
    from ceremony.tui.run import run_tui  # noqa: PLC0415 - no screen is loaded until one is needed

    return run_tui(title=title(stage), mode=stage.mode, steps=stage.steps, work=work, monitor=monitor)


def title(stage: Stage) -> str:
    """Return what the screens call the ceremony."""
    return f"{stage.plan.name}: {stage.plan.kind}"


def staged(stage: Stage, ceremony: str, enter: Callable[[Room], None]) -> tuple[Work, RoomMonitor]:
    """Return the ceremony as work for whoever answers, and what watches the room meanwhile; `enter` begins it or takes it up."""
    host = host_of(stage)
    monitor = RoomMonitor(host)

    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        with _let_go(stage.media), LogFiles(FolderStore(stage.folder), LOG) as log:
            made = room_of(stage, ceremony, log, operator, watcher, host=host)
            monitor.media = made.volumes
            enter(made)
            return runner.hold(made, stage.steps, watcher)

    return work, monitor


@contextmanager
def _let_go(media: FolderMedia | UsbMedia) -> Iterator[None]:
    """Let all media go at the end, however it ends: in the worker, which also ends when the terminal is gone."""
    try:
        yield
    except BaseException:
        with suppress(StorageError):  # what went wrong before matters more
            media.close()
        raise
    media.close()


def host_of(stage: Stage) -> SystemHost:
    """Return the machine, this process's memory locked."""
    return SystemHost(stage.folder, clock=SystemClock(), protection=memory.protect())


def room_of(stage: Stage, ceremony: str, log: LogWriter, operator: Operator, watcher: Watcher, host: Host | None = None) -> Room:
    """Return the room of a ceremony: every port a real adapter, nothing written yet."""
    clock, entropy = SystemClock(), SystemEntropy()
    journal = Journal(log, clock, entropy, ceremony=ceremony, recorded_by=stage.plan.recorder(), watch=watcher.recorded)
    return Room(
        plan=stage.plan,
        mode=stage.mode,
        dialect=dialects.get(stage.plan.dialect),
        people=stage.people,
        journal=journal,
        operator=Remembering(operator, stage.secrets) if stage.secrets else operator,
        clock=clock,
        entropy=entropy,
        host=host or host_of(stage),
        self_test=ProgramTest(),
        cosigner=stage.cosigner or SystemCosigner(stage.people, operator, agent=os.environ.get("SSH_AUTH_SOCK", "")),
        rack=stage.rack,
        media=stage.media,
        site_volumes=stage.site.volumes,
        site_source=stage.site.source,
        authorities=stage.authorities,
        folder=FolderStore(stage.folder),
        reporter=Report(),
    )
