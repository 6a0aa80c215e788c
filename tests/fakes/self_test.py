# SPDX-License-Identifier: Apache-2.0
"""A self-test whose lines a test decides on."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core.ports import Check


class FakeSelfTest:
    """`ports.SelfTest` with the lines that a test gives it; by default two that hold. `runs` counts how often it ran."""

    def __init__(self, checks: Sequence[Check] | None = None) -> None:
        good = [Check("files", passed=True, saw="as released", hint=""), Check("SHA-256", passed=True, saw="agrees", hint="")]
        self.checks = list(checks) if checks is not None else good
        self.runs = 0

    def run(self) -> Sequence[Check]:
        self.runs += 1
        return self.checks
