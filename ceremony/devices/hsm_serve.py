# SPDX-License-Identifier: Apache-2.0
"""The worker's end of the pipe: frames in, frames out, until the other end is gone.

Standard input and output are taken away from the module before it is loaded: it
reads nothing, and what it prints goes to standard error, so that a talkative
module cannot break a frame. Core dumps, which would hold a PIN, are off, and pages
stay out of swap where the program that started us was allowed to lock its own.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO

from ceremony.core.canonical import JsonObject
from ceremony.devices.hsm_wire import Fault, fault_of, pack, read

Operation = Callable[..., JsonObject]
_PR_SET_DUMPABLE = 4
_MCL_CURRENT_FUTURE_ONFAULT = 7


class Refused(Exception):
    """What the worker itself says no to, without asking the module."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Pipe:
    """The worker's private copies of the two pipes that were its standard input and output."""

    def __init__(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # prctl(2): no core is piped to a program either, and no other user's debugger may attach.
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        # Under a finite limit, which is passed on to us, allocations after mlockall(2) would fail.
        if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
            libc.mlockall(_MCL_CURRENT_FUTURE_ONFAULT)
        self._requests: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._answers: BinaryIO = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._current = 0

    def busy(self) -> None:
        """Say that the request in hand is being worked on."""
        self._send({"busy": self._current})

    def answer(self, work: Callable[[], JsonObject]) -> bool:
        """Send what `work` returns, or why it did not; return whether it did."""
        fault: Fault
        try:
            self._send({"id": self._current, "ok": work()})
        except Refused as error:
            fault, cause = error.fault, ""
        except RuntimeError as error:  # the base of the library's exceptions
            fault, cause = fault_of(error), type(error).__name__
        except Exception as error:  # noqa: BLE001 - the process boundary; its text is left out, it could hold a secret
            fault, cause = Fault.BROKEN, type(error).__name__
        else:
            return True
        self._send({"id": self._current, "fault": fault, "cause": cause})
        return False

    def serve(self, operations: Mapping[str, Operation]) -> None:
        """Do what is asked, one request after the other; return when nobody asks any more."""
        while (request := read(self._requests)) is not None:
            self._current = int(str(request.pop("id")))
            self.answer(partial(operations[str(request.pop("op"))], **request))

    def _send(self, value: JsonObject) -> None:
        self._answers.write(pack(value))
        self._answers.flush()
