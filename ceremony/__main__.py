# SPDX-License-Identifier: Apache-2.0
"""`python -m ceremony`, and the program's entry point."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line and end with its exit code."""
    _keep_standard_descriptors()
    # An interrupt while the program still loads ends it at once, without a traceback.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from ceremony.cli.main import main as run  # noqa: PLC0415 - a bare import of this module loads nothing

    signal.signal(signal.SIGINT, interrupted)
    sys.exit(run(sys.argv[1:]))


def _keep_standard_descriptors() -> None:
    # One that was closed would be given to the next file that is opened, and what is said would be written into that.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


if __name__ == "__main__":
    main()
