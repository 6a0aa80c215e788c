# SPDX-License-Identifier: Apache-2.0
"""A reporter without a page's looks: what it says depends on every byte of the log before its close, and on nothing else."""

from __future__ import annotations

import hashlib

from ceremony.core.audit.before_close import as_before_close
from ceremony.core.bundle import LOG
from ceremony.core.log import lines
from ceremony.core.ports import Readable


class FakeReporter:
    """`ports.Reporter`: the page is a count and a digest."""

    def page(self, folder: Readable) -> bytes:
        before = as_before_close(folder).read(LOG)
        return f"<p>{len(list(lines(before)))} records, {hashlib.sha256(before).hexdigest()}</p>\n".encode()

    def verifier(self) -> bytes:
        return b"#!/bin/sh\nexit 3\n"
