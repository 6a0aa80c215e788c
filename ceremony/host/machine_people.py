# SPDX-License-Identifier: Apache-2.0
"""Who else is logged in. See `machine` for what each function returns and raises.

Three places are asked, for each alone is missing somewhere: utmp, the sessions of
systemd-logind, and the processes at terminals. Somebody is another one who logged in under
another name than whoever runs this program, or from another machine under any name, and
a shell that no login began. Another terminal of the same person is no other session.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ceremony.host.machine import Seen, command, lines, processes, text

_ENTRY = struct.Struct("=hxxi32s4x32s256s")
"""What utmp(5) says first: kind, process, terminal, (id), user, host."""
_ENTRY_SIZES = (384, 400)
"""Bytes of an entry: where times in it have 32 bits, and where they have 64."""
_USER = 7
"""The kind of an entry that says that a user is logged in (USER_PROCESS)."""
_LOCAL = (":", "tmux(", "screen", "login screen", "tty")
"""How a host begins that is this machine: a display, a window of a terminal."""
_NOBODY = 0xFFFFFFFF
"""The login of a process that no login began (/proc/PID/loginuid)."""
_WAITING = ("agetty", "getty", "mingetty", "fgetty", "login", "Xorg", "X")
"""Programs at a terminal at which nobody is logged in, or beside who is."""
_SSHD = re.compile(rb"sshd(?:-session)?: ([^@\s]+)@(\S+)")
_VT, _SERIAL, _PTS, _PTS_LAST = 4, 64, 136, 143


@dataclass(frozen=True, slots=True, order=True)
class _Login:
    user: str
    where: str
    other: bool = False
    """Whether it is somebody else's, whatever the name: from another machine, or of nobody who logged in."""


def sessions(root: Path, uid: int) -> Seen:
    """See whether nobody is logged in but whoever runs this program, with user id `uid`, and nobody from another machine."""
    names = _names(root)
    login = _logged_in(root / "proc/self")
    me = _name(names, uid if login is None else login)
    found = {*_utmp(root), *_logind(root), *_at_terminals(root, names, by_login=login is not None), *_through_ssh(root)}
    others = sorted(one for one in found if one.other or one.user != me)
    if others:
        return False, "also logged in: " + ", ".join(f"{one.user} {one.where}" for one in others)
    return True, f"nobody but {me}"


def _utmp(root: Path) -> Iterator[_Login]:
    file = root / "run/utmp"
    data = file.read_bytes() if file.is_file() else b""
    size = next((size for size in _ENTRY_SIZES if len(data) % size == 0), 0)
    if not size:
        raise ValueError("utmp is in no form that is known")
    for start in range(0, len(data), size):
        kind, process, *texts = _ENTRY.unpack_from(data, start)
        line, user, host = (part.split(b"\0", 1)[0].decode("utf-8", "replace") for part in texts)
        # An entry stays when its program was killed.
        if kind == _USER and (root / "proc" / str(process)).is_dir():
            remote = bool(host) and not host.startswith(_LOCAL)
            yield _Login(user, f"on {line}" + (f" from {host}" if remote else ""), remote)


def _logind(root: Path) -> Iterator[_Login]:
    folder = root / "run/systemd/sessions"
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not file.is_file():  # a pipe that keeps the session open stands beside it
            continue
        said = dict(line.split("=", 1) for line in lines(file) if "=" in line)
        if said.get("CLASS", "user").startswith("user"):
            remote = said.get("REMOTE") == "1"
            where = f"on {said.get('TTY') or said.get('DISPLAY') or 'no terminal'}"
            host = said.get("REMOTE_HOST")
            yield _Login(said.get("USER", "somebody"), where + (f" from {host}" if remote and host else ""), remote)


def _at_terminals(root: Path, names: Mapping[int, str], *, by_login: bool) -> Iterator[_Login]:
    """Yield who has a process at a terminal: by the login that began it where the kernel knows, else by its user.

    Where it knows, a shell that no login began asked nobody for a password, as systemd's debug shell.
    """
    for process in processes(root):
        try:
            terminal = int(text(process / "stat").rpartition(")")[2].split()[4])
            login = _logged_in(process) if by_login else None
            user = _user(process) if login is None else login
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if terminal and command(process) not in _WAITING:
            nobody = by_login and login is None
            yield _Login(_name(names, user), f"on {_terminal(terminal)}" + (" without a login" if nobody else ""), nobody)


def _through_ssh(root: Path) -> Iterator[_Login]:
    for process in processes(root):
        try:
            found = _SSHD.match((process / "cmdline").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue
        if found:
            user, where = (part.rstrip(b"\0").decode("utf-8", "replace") for part in found.groups())
            yield _Login(user, f"on {where} through ssh", other=True)


def _logged_in(process: Path) -> int | None:
    """Return the user whose login began a process; None where no login did, or the kernel does not know."""
    file = process / "loginuid"
    login = int(text(file)) if file.is_file() else _NOBODY
    return None if login == _NOBODY else login


def _user(process: Path) -> int:
    for line in lines(process / "status"):
        if line.startswith("Uid:"):
            return int(line.split()[1])
    raise ValueError("no line Uid")


def _names(root: Path) -> Mapping[int, str]:
    file = root / "etc/passwd"
    rows = [line.split(":") for line in lines(file)] if file.is_file() else []
    return {int(row[2]): row[0] for row in reversed(rows) if len(row) > 2 and row[2].isdecimal()}


def _name(names: Mapping[int, str], uid: int) -> str:
    return names.get(uid, f"user {uid}")


def _terminal(number: int) -> str:
    """Return the name of a terminal by its device number, as proc(5) packs it."""
    major, minor = number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00
    if major == _VT:
        return f"tty{minor}" if minor < _SERIAL else f"ttyS{minor - _SERIAL}"
    if _PTS <= major <= _PTS_LAST:
        return f"pts/{(major - _PTS) * 256 + minor}"
    return f"terminal {major}:{minor}"
