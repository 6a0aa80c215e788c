# SPDX-License-Identifier: Apache-2.0
"""Which other programs hold the smart-card reader. See `machine` for what each function returns and raises.

A program holds it by itself, as GnuPG's scdaemon does, or through pcscd, to whose socket
it is connected. At preflight this program has opened neither.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ceremony.host.machine import Seen, command, lines, processes

PCSCD = "pcscd"
HOLDERS = (
    "scdaemon",  # GnuPG's; it keeps the card for itself, beside pcscd
    "ykman",
    "ykman-gui",
    "authenticator",  # Yubico's
    "yubico-authenti",
    "pcsc_scan",
    "opensc-tool",
    "opensc-notify",
    "pkcs11-tool",
    "pkcs15-tool",
    "piv-tool",
    "yubico-piv-tool",
    "p11-kit-server",
    "p11-kit-remote",
    "p11tool",
    "ssh-pkcs11-help",  # OpenSSH's helper of the agent, cut to the 15 characters that Linux keeps
    "gnupg-pkcs11-sc",
    "pcscd_proxy",
    "openct",
    "ifdhandler",
)
"""Programs that open a reader or a card, as /proc names them."""
_SOCKET = "/pcscd.comm"
_LISTENS = 0x10000
"""The flag of a socket that waits for clients (__SO_ACCEPTCON)."""


def readers(root: Path) -> Seen:
    """See whether no other program holds the reader, and at most one pcscd runs."""
    running = Counter(command(process) for process in processes(root))
    held = sorted(name for name in HOLDERS if running[name])
    clients = _clients(root)
    if clients:
        held.append(f"{clients} programs connected to pcscd" if clients > 1 else "1 program connected to pcscd")
    if running[PCSCD] > 1:
        held.append(f"{running[PCSCD]} times pcscd")
    if held:
        return False, f"held by {', '.join(held)}"
    return True, "no other program holds it" + (", pcscd runs" if running[PCSCD] else "")


def _clients(root: Path) -> int:
    """Return how many are connected to pcscd: its own end of each connection bears the socket's path."""
    count = 0
    for line in lines(root / "proc/net/unix")[1:]:
        fields = line.split()
        # Num RefCount Protocol Flags Type St Inode Path
        if fields[-1].endswith(_SOCKET) and not int(fields[3], 16) & _LISTENS:
            count += 1
    return count
