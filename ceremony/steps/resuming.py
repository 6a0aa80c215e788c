# SPDX-License-Identifier: Apache-2.0
"""Resuming: take up a log after a crash, set the torn rest aside, and find out what an open act did.

It never guesses: what only a device knows is left to the step that asks it; what
only memory held is made again, and the log says so.
"""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.canonical import JsonObject
from ceremony.core.log import Recovered, lines, recover
from ceremony.core.past import FOLDER
from ceremony.core.ports import Folder
from ceremony.core.record import parse_line
from ceremony.errors import StorageError, VerificationError
from ceremony.steps import opening, preflight, replacing
from ceremony.steps.room import Room, sha256
from ceremony.steps.runner import settle

_MADE_IN_MEMORY, _SAFE_AFTER = "repository-keys", "back-up"


def read_log(folder: Folder) -> Recovered:
    """Return the folder's log as it was found, and change nothing.

    Raises StorageError when it holds no first record, when it was damaged before its end
    (records follow the damage), or when anything follows the close.
    """
    found = recover(folder.read(bundle.LOG)) if folder.exists(bundle.LOG) else recover(b"")
    place = f"record {len(found.records)}"
    if any(_is_record(line) for line in lines(found.torn)):
        raise StorageError(
            folder.name,
            f"its log is damaged at {place}, and goes on behind it",
            hint="bring the log back from one of the volumes, then resume",
        )
    if not found.records:
        raise StorageError(folder.name, "holds no ceremony that was begun", hint="begin it again, in a new folder")
    if found.torn and found.records[-1].kind == "close":
        raise StorageError(
            folder.name, "its log goes on after its close record", hint="bring the log back from one of the volumes"
        )
    return found


def _is_record(line: bytes) -> bool:
    try:
        parse_line(line, "line")
    except VerificationError:
        return False
    return True


def take_up(room: Room, found: Recovered) -> None:
    """Go on with a ceremony: cut the torn tail, record what was found, put the media back in.

    Raises StorageError for a folder that is not this ceremony's, Stopped when people stop over its media.
    """
    _refuse_other_people(room, found)
    replacing.watch(room)
    torn = _set_torn_aside(room, found)
    data = room.folder.read(bundle.LOG)
    room.journal.replay(found, data)
    if room.journal.past.closed:
        replacing.reopen(room)
        return
    room.journal.step = "resume"
    room.journal.record(
        "resume", {**_tool(room), "torn_bytes": len(found.torn), "torn_sha256": sha256(found.torn), "torn_file": torn}
    )
    if torn:
        room.journal.files({torn: sha256(found.torn)})
    _account_for_strays(room)
    _keep_site(room)
    settle(room)
    if "preflight" in room.journal.past.ended:
        preflight.run(room)
    if "volumes" in room.journal.past.ended:
        replacing.reopen(room)
    _forget_memory(room)
    what = "was torn, and was set aside" if torn else "is whole"
    room.operator.tell(
        f"Resumed after {len(found.records)} records; the log's tail {what}. {len(room.journal.past.ended)} steps had ended."
    )


def _set_torn_aside(room: Room, found: Recovered) -> str:
    """Copy the torn rest to a file of its own, byte for byte, then cut it off; return its path, or nothing."""
    if not found.torn:
        return ""
    path = f"{bundle.SET_ASIDE}torn-{found.tail.entries:05}-{sha256(found.torn)[:16]}"
    if room.folder.exists(path) and room.folder.read(path) != found.torn:
        room.folder.remove(path)  # torn itself, by a crash while it was written
    if not room.folder.exists(path):
        room.folder.write({path: found.torn})
    room.folder.truncate(bundle.LOG, found.tail.size)
    return path


def _tool(room: Room) -> JsonObject:
    tool = room.host.tool()
    return {"tool": {"version": tool.version, "sha256": tool.sha256}, "site_sha256": sha256(room.site_source)}


def _keep_site(room: Room) -> None:
    """Keep another site file than the one that the ceremony began with."""
    digest = sha256(room.site_source)
    if digest != room.journal.past.opened["site_sha256"]:
        room.keep({f"evidence/site-{digest[:16]}.toml": room.site_source})


def _refuse_other_people(room: Room, found: Recovered) -> None:
    if opening.people_json(room) != found.records[0].body["people"]:
        raise StorageError(
            room.folder.name, "was begun with other people or keys", hint="resume it with what its first record names"
        )


def _account_for_strays(room: Room) -> None:
    """Record inputs and set-aside files that were written just before a crash; set the others aside."""
    known = room.journal.past.files
    strays = [path for path in room.folder.names() if path != bundle.LOG and path not in known]
    inputs = room.journal.past.opened["inputs_sha256"]
    ours = [path for path in room.folder.names() if path.startswith(opening.INPUTS)]
    bound = sha256(bundle.manifest({path: sha256(room.folder.read(path)) for path in ours})) == inputs
    kept = [path for path in strays if path.startswith(bundle.SET_ASIDE) or (bound and path in ours)]
    room.journal.files({path: sha256(room.folder.read(path)) for path in kept})
    for path in strays:
        if path not in kept:
            room.set_aside(room.folder, FOLDER, path)


def _forget_memory(room: Room) -> None:
    """Make the repository keys again when they were only in memory: nothing signed names them."""
    ended = room.journal.past.ended
    if _MADE_IN_MEMORY in ended and _SAFE_AFTER not in ended:
        why = "the repository keys were in memory and not yet backed up; nothing signed names them"
        room.journal.record("again", {"step": _MADE_IN_MEMORY, "why": why})
