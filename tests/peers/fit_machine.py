# SPDX-License-Identifier: Apache-2.0
"""The program on a machine that is fit for production, as no machine that runs tests is.

    python tests/peers/fit_machine.py HUB COMMAND ...     # HUB: the folder of a `usb.Hub`, whose sticks it sees

Its checks pass; SoftHSM's tokens say that a vendor made them; the media are the hub's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ceremony.cli.main import main
from tests.fakes.host import FakeHost
from tests.peers import usb


def pretend(patch: pytest.MonkeyPatch, hub: Path) -> None:
    """Make this process run on such a machine."""
    patch.setattr("ceremony.devices.hsm_identity.is_software", lambda *_: False)
    patch.setattr("ceremony.cli.stage.host_of", lambda _: FakeHost(whole=True))
    patch.setattr("ceremony.cli.run.UsbMedia", lambda: usb.media(hub))


if __name__ == "__main__":
    pretend(pytest.MonkeyPatch(), Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
