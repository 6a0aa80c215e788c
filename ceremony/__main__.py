# SPDX-License-Identifier: Apache-2.0
"""`python -m ceremony`, and the program's entry point."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end with its exit code."""
    from ceremony.cli.main import main as run  # noqa: PLC0415 - a bare import of this module loads nothing

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
