# SPDX-License-Identifier: Apache-2.0
"""The checks of the machine at preflight, in their order: why each matters, how to put it right, and which a plan may waive.

How a machine is looked at is `host`'s business; a plan names a check by these names, and so
does every record. A name that was released never means anything else. An audit wants all of
them in each log of a production, so a name that comes later needs a rule for older logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MODULE_SPIES = (
    "PKCS11SPY",  # OpenSC's spy module, which logs PINs
    "PKCS11SPY_OUTPUT",
    "PKCS11_LOGGER_LIBRARY_PATH",  # pkcs11-logger
    "PKCS11_LOGGER_LOG_FILE_PATH",
    "P11_KIT_DEBUG",
    "OPENSC_DEBUG",
    "YKCS11_DBG",
    "YKPIV_DBG",
    "YUBIHSM_PKCS11_DBG",
    "CKNFAST_DEBUG",
    "CKNFAST_DEBUGFILE",
    "TPM2_PKCS11_LOG_LEVEL",
)
"""Variables that make a token's module, or a layer over it, write what passes, PINs included: no module is started with one."""

SPIES = (
    *MODULE_SPIES,
    "PKCS11_LOGGER_FLAGS",
    "PKCS11_PROXY_SOCKET",
    "OPENSC_CONF",  # another configuration, which can log
    "LIBCCID_ifdLogLevel",  # the card reader's driver logs every command
    "LIBPCSCLITE_DELEGATE",  # another library takes the place of pcscd's, as libpcscspy
    "PCSCLITE_CSOCK_NAME",  # another program takes the place of pcscd
    "LD_PRELOAD",  # any library may be put between
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",  # any module of this program's own may be another one
    "PYTHONHOME",
    "PYTHONUSERBASE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",  # leaves this program open to whoever sits there, with all that it knows
)
"""Variables that let anything beside or below this program see or log PINs: none is set in a production."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What people must know of one check."""

    why: str
    """Why it matters: a sentence, without its full stop."""
    hint: str
    """How to put it right: a sentence or a command, without a full stop."""
    never: str = ""
    """Why no plan may waive it: a sentence, without its full stop; empty for what may be waived."""


_CUT_OFF = "a ceremony computer is on no network: everything else rests on that"
_SECRETS = "whoever reads this program reads every key and PIN of the ceremony"

MATTERS: Mapping[str, Matter] = {
    "network": Matter(
        "An interface that is up can carry keys out and commands in",
        "unplug every cable and switch every interface off: ip link set <name> down",
        _CUT_OFF,
    ),
    "routes": Matter(
        "A route is a way out of this machine, whatever the interfaces say", "switch off what made the route", _CUT_OFF
    ),
    "radios": Matter(
        "A radio reaches through the walls of the room", "switch every radio off: rfkill block all, or take it out", _CUT_OFF
    ),
    "bluetooth": Matter(
        "Bluetooth brings in keyboards that nobody sees, and a network beside the cables",
        "switch Bluetooth off: rfkill block bluetooth, or switch it off in the firmware's settings",
        _CUT_OFF,
    ),
    "swap": Matter("What is swapped out stays on a disk after the ceremony", "switch swap off: swapoff -a"),
    "hibernation": Matter(
        "A machine that hibernates writes all of its memory to a disk, keys included",
        "switch swap off: swapoff -a, and begin this machine with nohibernate on its kernel command line",
    ),
    "sleep": Matter(
        "A machine that sleeps keeps every secret in its memory while nobody watches, and loses its tokens in the middle of an act",
        "forbid it: systemctl mask sleep.target suspend.target hibernate.target hybrid-sleep.target",
    ),
    "core dumps": Matter(
        "A core dump is a copy of the memory of a program that crashed",
        "write core dumps to no program: sysctl kernel.core_pattern=core",
    ),
    "ptrace": Matter(
        "Any program of the same user can otherwise read the memory of another one",
        "let nobody attach to a running program: sysctl kernel.yama.ptrace_scope=2",
    ),
    "debugger": Matter(
        "A debugger on this program sees every PIN and key", "end the debugger, then begin again without it", _SECRETS
    ),
    "memory": Matter(
        "Memory that is not locked can be written to a disk",
        "run as root, or allow this user to lock memory: ulimit -l unlimited",
    ),
    "entropy": Matter(
        "Keys from a generator that is not seeded can be guessed",
        "wait a minute, then begin again",
        "keys that can be guessed are no keys",
    ),
    "clocks": Matter(
        "Times in the log and in certificates are this clock's; two clocks that differ are both in doubt",
        "set both clocks by a watch that two people trust: date --utc --set '2026-11-19 09:00:00', then hwclock --systohc --utc",
    ),
    "time": Matter(
        "Certificates and expiry dates that are made at a wrong time are wrong for years",
        "set the clock by a watch that two people trust: date --utc --set '2026-11-19 09:00:00', then hwclock --systohc --utc",
        "it can always be set right, and what is signed at a wrong time stays wrong",
    ),
    "time zone": Matter(
        "People compare the clock with a watch, and must know which zone it shows",
        "set the zone of the room: ln -sf /usr/share/zoneinfo/Europe/Zurich /etc/localtime, and leave TZ unset",
    ),
    "sessions": Matter(
        "Whoever else is logged in can watch this ceremony, or change it",
        "end every other session: loginctl terminate-session <number>, or log out there",
    ),
    "readers": Matter(
        "A program that holds the smart-card reader can use an unlocked token, or take it away in the middle of an act",
        "end it: gpgconf --kill scdaemon, close every program that uses smart cards, and run one pcscd",
    ),
    "program": Matter(
        "A program that is not as it was released can do anything that it likes",
        "install the release, from its kit or its wheel, and begin it from there",
        "a program that nobody released proves nothing",
    ),
    "spies": Matter(
        "These variables, or options of pcscd, let something beside this program or a token's module see PINs, or log them",
        "unset these variables, then begin again; of pcscd, take them out of its unit and start it anew: systemctl restart pcscd",
        _SECRETS,
    ),
    "kernel": Matter(
        "Who reads the log in years must be able to tell which kernel ran, when a fault of it becomes known",
        "mount /proc: mount -t proc proc /proc",
    ),
    "firmware": Matter(
        "The firmware runs below everything else; who reads the log in years must be able to tell which it was",
        "write maker, model and firmware version of this computer into the plan as the reason of a waiver",
    ),
    "boot medium": Matter(
        "What this system writes, by itself or by a mistake, stays on a disk that can be written",
        "begin from a live system on a medium that cannot be written, or say in a waiver what becomes of this disk",
    ),
    "work folder": Matter(
        "What is written to another machine has left the room; what is in memory is gone when the power is",
        "name a folder in memory, or on a disk of this machine, with --out",
    ),
    "room": Matter("A full disk stops the ceremony in the middle of an act", "make room, or use a larger disk"),
}
"""By the name of the check, in the order in which they are made."""


def may_be_waived(name: str) -> bool:
    """Tell whether a plan may waive a check."""
    matter = MATTERS.get(name)
    return matter is not None and not matter.never
