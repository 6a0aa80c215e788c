# SPDX-License-Identifier: Apache-2.0
"""What auditors read and run: the report of a ceremony, and the verifiers that share no code with the program."""

from __future__ import annotations

from importlib import resources

from ceremony.core.bundle import VERIFIER
from ceremony.core.ports import Readable
from ceremony.report.page import page


class Report:
    """`ports.Reporter`: the page and the shell script that a ceremony folder holds."""

    def page(self, folder: Readable) -> bytes:
        """Return `report.html` of a ceremony folder, UTF-8."""
        return page(folder)

    def verifier(self) -> bytes:
        """Return `verify.sh`."""
        return (resources.files(__package__) / VERIFIER).read_bytes()
