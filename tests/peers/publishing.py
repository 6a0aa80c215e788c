# SPDX-License-Identifier: Apache-2.0
"""The publishing half of `ceremony publish` in a process of its own, that a test can kill.

    python tests/peers/publishing.py DIR URL

DIR is a practice ceremony's folder; what it holds is the test's business, so it is not audited.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ceremony.cli.publish import run
from ceremony.cli.server import ServerOptions
from ceremony.core.plan import Mode

if __name__ == "__main__":
    run(Path(sys.argv[1]), ServerOptions(sys.argv[2]), dry_run=False, audit=lambda _folder: Mode.PRACTICE)
