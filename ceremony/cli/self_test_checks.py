# SPDX-License-Identifier: Apache-2.0
"""Every line of the self-test, and the port by which preflight asks for them (`ports.SelfTest`).

A line never raises: a library that is damaged may raise anything, or panic, and then the line failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from ceremony.cli import self_test_machine, self_test_sample
from ceremony.core.known_answers import HINT, Answer, answers, judge
from ceremony.core.ports import Check
from ceremony.errors import CeremonyError, VerificationError
from ceremony.host import tool
from ceremony.host.clocks import SystemClock
from ceremony.host.entropy import SystemEntropy

_ROOM = f"make room in /tmp, and let it be written; else {HINT}"
_SHOWN = 5
"""Files that differ and are named; more are counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `look` returns what was seen, and raises for what does not hold."""

    name: str
    look: Callable[[], str]

    def check(self) -> Check:
        """Return how it came out; never raises, but for what ends the program."""
        try:
            return Check(self.name, passed=True, saw=self.look(), hint="")
        except CeremonyError as error:
            return Check(self.name, passed=False, saw=error.message, hint=error.hint)
        except OSError as error:
            return Check(self.name, passed=False, saw=f"ended in {type(error).__name__} ({error.strerror})", hint=_ROOM)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a damaged library may raise anything, native panics too; its text may be long
            return Check(self.name, passed=False, saw=f"ended in {type(error).__name__}", hint=HINT)


class ProgramTest:
    """`ports.SelfTest` of this program on this machine."""

    def lines(self) -> Iterator[Line]:
        """Yield every line, in the order of the table; what several need is read once."""
        yield Line("files", files_as_released)
        yield from (Line(answer.name, partial(_known, answer)) for answer in answers())
        yield Line("sample folder", lambda: self_test_sample.verifies(self._sample))
        for twin in self_test_sample.TWINS:
            yield Line(f"sample, {twin.what}", partial(self._refused, twin))
        yield Line("SoftHSM", self_test_machine.softhsm_signs)
        yield Line("ssh-keygen", self_test_machine.ssh_keygen_signs)
        yield Line("clocks", lambda: self_test_machine.clocks_run(SystemClock()))
        yield Line("entropy", lambda: self_test_machine.entropy_flows(SystemEntropy()))
        yield Line("locked memory", self_test_machine.memory_is_locked)

    @cached_property
    def _sample(self) -> self_test_sample.Files:
        return self_test_sample.read()

    def _refused(self, twin: self_test_sample.Twin) -> str:
        return self_test_sample.is_refused(self._sample, twin)

    def run(self) -> Sequence[Check]:
        """Return how every line came out; never raises."""
        return [line.check() for line in self.lines()]


def _known(answer: Answer) -> str:
    refused = judge(answer)
    return f"agrees with {answer.source}; {refused} damaged refused"


def files_as_released(package: Path = tool.PACKAGE) -> str:
    """Hold the program's own files against the list of the release; a checkout lists none, and is told apart by its project file."""
    found, listed = tool.digests(package), tool.released()
    digest = tool.tool(package).sha256
    if not listed:
        if not (package.parent / "pyproject.toml").is_file():
            raise VerificationError("its own files", "the list of the release is missing", hint=HINT)
        return f"NOT COMPARED: this is a checkout, which lists none of its {len(found)} files; sha256 {digest}"
    different = tool.differences(found, listed)
    if different:
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise VerificationError("its own files", f"not as released: {', '.join(different[:_SHOWN])}{more}", hint=HINT)
    return f"{len(found)} files as released; sha256 {digest}"
