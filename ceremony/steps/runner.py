# SPDX-License-Identifier: Apache-2.0
"""The runner: walks the procedure, one step after the other, and knows which of them ended.

A step that fails is a record, and a question: try again, or stop. People can stop
at any question; that is a record too, and the ceremony can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ceremony.core.canonical import JsonObject
from ceremony.core.ports import Option, Prompt, Watcher
from ceremony.core.procedure import StepInfo
from ceremony.core.record import Outcome
from ceremony.errors import CeremonyError, ExitCode, Stopped, StorageError, TokenError
from ceremony.steps import (
    back_up,
    certificates,
    close,
    closing,
    drill,
    export,
    factory_values,
    gate,
    impact,
    import_key,
    load_request,
    lock,
    open_backup,
    preflight,
    prepare,
    protector,
    prove,
    replacing,
    repository_keys,
    restore,
    review,
    roll_call,
    root_keys,
    sign,
    slot_certificate,
    tokens,
    unblocking,
    verify,
    volumes,
)
from ceremony.steps.access import forget_pins, release
from ceremony.steps.room import Room, writable

StepFunction = Callable[[Room], JsonObject]

STEPS: Mapping[str, StepFunction] = {
    "preflight": preflight.run,
    "roll-call": roll_call.run,
    "volumes": volumes.run,
    "load-request": load_request.run,
    "impact": impact.run,
    "open-backup": open_backup.run,
    "protector": protector.run,
    "tokens": tokens.run,
    "prepare": prepare.run,
    "root-keys": root_keys.run,
    "restore": restore.run,
    "prove": prove.run,
    "repository-keys": repository_keys.run,
    "back-up": back_up.run,
    "drill": drill.run,
    "lock": lock.run,
    "certificates": certificates.run,
    "review": review.run,
    "sign": sign.run,
    "verify": verify.run,
    "export": export.run,
    "close": close.run,
}
RETRY, STOP = "retry", "stop"

# Acts of which only the device knows how they ended: their own steps find out.
_DEVICE_ACTS = factory_values.ACTIONS | {
    *(root_keys.ACTION, root_keys.RESTORE, import_key.ACTION, lock.ACTION, slot_certificate.ACTION, unblocking.ACTION),
}


def hold(room: Room, procedure: Sequence[StepInfo], watcher: Watcher) -> ExitCode:
    """Walk the procedure from the first step that has not ended, and close.

    Returns DONE, or INCOMPLETE while the quorum has not signed. Raises Stopped when people
    stop, and the error of a step that they do not want to try again.
    """
    replacing.watch(room)
    try:
        for info in procedure:
            if room.journal.past.closed or (info.name in room.journal.past.ended and gate.passed(room, info)):
                watcher.step(info.name, "done")
            else:
                _until_done(room, info, watcher)
        return _closing(room, watcher)
    except CeremonyError:
        raise
    except KeyboardInterrupt:
        if not room.journal.past.closed:
            with suppress(CeremonyError):  # the log may be what was interrupted
                _stop(room, "the program was interrupted")
        raise
    except BaseException as error:
        _unforeseen(room, error)
        raise
    finally:
        release(room)
        room.keyring.drop()


def settle(room: Room) -> None:
    """Record of every open act that left nothing behind that it did not end; it is done again."""
    for action, key in tuple(room.journal.past.open_intents):
        if action not in _DEVICE_ACTS:
            room.journal.finish(action, key, {"interrupted": True}, outcome=Outcome.FAIL)


def _until_done(room: Room, info: StepInfo, watcher: Watcher) -> None:
    past = room.journal.past
    room.journal.step = info.name
    if info.name in past.ended:  # resumed at its gate: people must see where they are
        watcher.step(info.name, "running")
    try:
        # A volume that fails at a step's last record can stop people once the step has ended. What was heard wrongly at
        # its gate is read again; the step is not done again for that.
        while not (past.closed or (info.name in past.ended and gate.passed(room, info))):
            try:
                if info.name in past.ended:
                    _at_gate(room, info)
                else:
                    _once(room, info, watcher)
            except Stopped:
                raise
            except CeremonyError as error:
                if not past.closed:  # after the close nothing is recorded, and it comes up again before the copies are made
                    watcher.step(info.name, "failed")
                    _failed(room, info.name, error)
            finally:
                forget_pins(room)
    except Stopped:
        _stop(room, "people stopped the ceremony")
        raise
    watcher.step(info.name, "done")


def _once(room: Room, info: StepInfo, watcher: Watcher) -> None:
    watcher.step(info.name, "running")
    room.take_deviations()
    settle(room)
    room.journal.record("begin", {})
    if "preflight" in room.journal.past.ended:
        preflight.look_again(room)
    if "volumes" in room.journal.past.ended:
        replacing.ready(room)
    made = STEPS[info.name](room)
    if not room.journal.past.closed:
        _check(room, info)
        room.take_deviations()
        room.journal.record("end", {"made": made})


def _at_gate(room: Room, info: StepInfo) -> None:
    if "volumes" in room.journal.past.ended:
        replacing.ready(room)
    gate.run(room, info)


def _check(room: Room, info: StepInfo) -> None:
    """Wait until people saw with their own eyes what the script wants them to see; raises CeremonyError when they did not."""
    if not room.operator.confirm(Prompt(f"check:{info.name}", f"{info.title}: is it so?", detail=info.check, who=info.who)):
        raise CeremonyError(
            f"people did not see what {info.title} should show: {info.check}",
            hint="record what is different as a deviation (F8), then try again or stop",
        )


def _failed(room: Room, name: str, error: CeremonyError) -> None:
    """Record the failure and ask; raises the error itself when people do not want to try again, or nothing can be recorded."""
    try:
        room.journal.record("error", {"message": writable(error.message), "hint": writable(error.hint)}, outcome=Outcome.FAIL)
    except StorageError:
        raise error from None  # it was the log that failed, or the log is gone too: the first error says what happened
    if isinstance(error, TokenError):
        release(room)
    if not _again(room, name, error):
        _stop(room, f"people stopped after: {writable(error.message)}")
        raise error


def _unforeseen(room: Room, error: BaseException) -> None:
    """Record an error that nobody foresaw, by its kind and place alone: its text could hold anything, a secret too."""
    if room.journal.past.closed:
        return
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_globals.get('__name__', '')}:{frame.tb_lineno}" if frame is not None else ""
    body: JsonObject = {"message": f"unforeseen: {type(error).__name__}", "at": place, "hint": "resume the ceremony"}
    with suppress(CeremonyError):  # the log may be what failed; the error itself is raised again
        room.journal.record("error", body, outcome=Outcome.FAIL)


def _again(room: Room, name: str, error: CeremonyError) -> bool:
    options = (
        Option(RETRY, "Try again", "the step begins once more"),
        Option(STOP, "Stop here", "the ceremony can be resumed later"),
    )
    try:
        return room.operator.choose(Prompt(f"error:{name}", error.message, detail=error.hint, alarm=True), options) == RETRY
    except Stopped:
        return False


def _stop(room: Room, why: str) -> None:
    if room.journal.past.closed:
        return
    replacing.leave(room)
    room.take_deviations()
    room.journal.record("stop", {"why": why})


def _closing(room: Room, watcher: Watcher) -> ExitCode:
    while True:
        try:
            return closing.run(room, watcher)
        except Stopped:
            raise
        except CeremonyError as error:
            if not _again(room, "closing", error):
                raise
