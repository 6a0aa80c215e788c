# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.errors import ExitCode
from tests.fakes.room import Ceremony, fast_seal  # noqa: F401 - a fixture


def test_a_genesis_ends_with_a_folder_that_audits():
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    result = audit(ceremony.folder)
    assert [f for f in result.findings if f.level is not Level.OK] == []
    assert result.verdict is ExitCode.DONE
