# SPDX-License-Identifier: Apache-2.0
"""The program's end of the pipe to the process that holds a PKCS#11 module.

Starts the worker, sends requests, waits for answers no longer than a deadline of
silence, and ends the worker. A crash, a hang or an end of the worker is TokenLost,
with what is known of why; a lost link stays lost. Requests may be sent ahead of
answers: both directions are served at once, so neither side can block the other.

The worker is in a session of its own: what the terminal sends to the program
(Ctrl+C) does not reach it, and the module cannot ask anything on the terminal.
"""

from __future__ import annotations

import hashlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.machine_checks import MODULE_SPIES
from ceremony.devices.hsm_wire import Fault, pack, unpack
from ceremony.errors import TokenError, TokenLost

DEADLINE_SECONDS = 60.0
_GOODBYE_SECONDS = 2.0
_READ_BYTES = 1 << 16
_HELLO = 0
_AGAIN = "try again, or stop and resume the ceremony"
"""What people can do about a link that is lost: both begin with a new one."""

_SPY_MODULES = ("pkcs11-spy", "pkcs11-logger")


class Said(Exception):
    """The worker answered with a fault; the caller knows what it means."""

    def __init__(self, fault: Fault, cause: str) -> None:
        super().__init__(fault, cause)
        self.fault = fault
        self.cause = cause


def check_environment(who: str, env: Mapping[str, str] | None) -> dict[str, str]:
    """Return the worker's environment: ours, and `env` over it; raises TokenError when it would make a module write PINs."""
    merged = {**os.environ, **(env or {})}
    spies = [name for name in MODULE_SPIES if name in merged]
    if spies:
        raise TokenError(
            who, f"{', '.join(spies)} is set, which can write PINs to a file", hint=f"start again after: unset {' '.join(spies)}"
        )
    return merged


def check_module(who: str, module: str) -> str:
    """Return the SHA-256 of a module's file, hex; raises TokenError for none, and for those that write PINs."""
    path = Path(module)
    if path.name.startswith(_SPY_MODULES):
        raise TokenError(who, f"{module} writes every PIN that passes to a file", hint="name the vendor's own module")
    if not path.is_absolute():
        raise TokenError(who, f"the module {module!r} is not an absolute path", hint="write its whole path")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TokenError(
            who,
            f"the module {module} cannot be read ({error.strerror})",
            hint="install the vendor's PKCS#11 module, or correct its path",
        ) from error


class HsmLink:
    """A worker process and the pipes to it; not for more than one thread."""

    def __init__(
        self, who: str, module: str, *, env: Mapping[str, str] | None, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        """Start the worker on `module` and wait until the module is loaded.

        `who` names the token in errors; `env` is set over our own environment. Raises
        TokenError when the module is missing, is none, or may write PINs; TokenLost
        when it crashed or hung.
        """
        environment = check_environment(who, env)
        self.who = who
        self.module_sha256 = check_module(who, module)
        self._deadline = deadline_seconds
        self._lost: tuple[str, str] | None = None
        self._sent = _HELLO
        self._out = bytearray()
        self._in = bytearray()
        self._answers: dict[int, JsonObject] = {}
        self._forgotten: set[int] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ceremony.devices.hsm_worker", module],
            cwd=Path(__file__).parents[2],  # where the package is found, wherever the program was started
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        os.set_blocking(self._to.fileno(), False)
        os.set_blocking(self._from.fileno(), False)
        self._hello(module)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def call(self, operation: str, *, patience: float = 1.0, **values: Json) -> JsonObject:
        """Do one operation and return its values; raises Said, and TokenLost after `patience` deadlines of silence."""
        return self.receive(self.send(operation, **values), patience=patience)

    def send(self, operation: str, **values: Json) -> int:
        """Send a request and return its number; raises TokenLost."""
        self._refuse_lost()
        self._sent += 1
        self._out += pack({"id": self._sent, "op": operation, **values})
        self._pump(None, self._deadline)
        return self._sent

    def receive(self, number: int, *, patience: float = 1.0) -> JsonObject:
        """Return what the request of this number gave; raises Said and TokenLost."""
        if number not in self._answers:
            self._refuse_lost()
            self._pump(number, self._deadline * patience)
        answer = self._answers.pop(number)
        if "fault" in answer:
            raise Said(Fault(str(answer["fault"])), str(answer["cause"]))
        values = answer["ok"]
        assert isinstance(values, dict)
        return values

    def forget(self, number: int) -> None:
        """Say that nobody will receive this answer."""
        if self._answers.pop(number, None) is None:
            self._forgotten.add(number)

    def lose(self, what: str, hint: str) -> NoReturn:
        """End the worker, and raise TokenLost now and at every later call."""
        self._lost = self._lost or (what, hint)
        self.close(seconds=0.0)
        raise TokenLost(self.who, what, hint=hint)

    def close(self, *, seconds: float = _GOODBYE_SECONDS) -> None:
        """End the worker: politely for so many seconds, then by force; never raises."""
        self._lost = self._lost or ("was closed", _AGAIN)
        self._to.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._from.close()

    def _hello(self, module: str) -> None:
        try:
            self.receive(_HELLO)
        except Said as said:
            self.close()
            if said.fault is Fault.NOT_A_MODULE:
                raise TokenError(
                    self.who, f"{module} is not a PKCS#11 module", hint="name the vendor's PKCS#11 library for this machine"
                ) from said
            raise TokenError(
                self.who, f"the module {module} does not start ({said.cause})", hint="check the module's own configuration"
            ) from said

    def _refuse_lost(self) -> None:
        if self._lost is not None:
            raise TokenLost(self.who, self._lost[0], hint=self._lost[1])

    def _pump(self, number: int | None, deadline: float) -> None:
        # Until everything is written and, with `number`, that answer is here; anything that passes restarts the deadline.
        limit = time.monotonic() + deadline
        while self._out or (number is not None and number not in self._answers):
            poll = select.poll()
            poll.register(self._from, select.POLLIN)
            if self._out:
                poll.register(self._to, select.POLLOUT)
            ready = {fd for fd, _ in poll.poll(max(0.0, limit - time.monotonic()) * 1000)}
            if not ready:
                self.lose(
                    f"its module did not answer within {deadline:g} seconds", f"take the token out, put it back, and {_AGAIN}"
                )
            if self._from.fileno() in ready:
                self._take()
            elif self._to.fileno() in ready:
                self._give()
            limit = time.monotonic() + deadline

    def _give(self) -> None:
        try:
            written = os.write(self._to.fileno(), self._out)
        except BrokenPipeError:
            self._ended()
        self._out[:written] = bytes(written)  # it may hold a secret, and cutting it off only moves a pointer
        del self._out[:written]

    def _take(self) -> None:
        data = os.read(self._from.fileno(), _READ_BYTES)
        if not data:
            self._ended()
        self._in += data
        try:
            while (frame := unpack(self._in)) is not None:
                self._sort(frame)
        except ValueError:
            self.lose(
                "its module's process sent what is no answer", f"{_AGAIN}; if it comes back, name another module in the site file"
            )

    def _sort(self, frame: JsonObject) -> None:
        if "busy" in frame:
            return
        number = int(str(frame.pop("id")))
        if number in self._forgotten:
            self._forgotten.discard(number)
        else:
            self._answers[number] = frame

    def _ended(self) -> NoReturn:
        try:
            code = self._process.wait(_GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            self.lose("its module closed the connection", _AGAIN)
        why = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended by itself (exit code {code})"
        self.lose(f"its module {why}", f"{_AGAIN}; what the token did is read from the token")
