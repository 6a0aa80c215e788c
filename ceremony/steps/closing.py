# SPDX-License-Identifier: Apache-2.0
"""After the log's last line: the final head, the people's signatures, the manifest, and the copies.

Nothing here writes to the log, and all of it can be run again: a file that is
there with the right bytes stays, one that a power cut tore is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from ceremony.core import bundle, cosign, courier, custody_list
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.errands import errands
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.core.plan import Person
from ceremony.core.ports import Folder, Prompt, Summary, Volume, Watcher
from ceremony.errors import CeremonyError, ExitCode, StorageError, VerificationError
from ceremony.steps import replacing
from ceremony.steps.putting_in import called
from ceremony.steps.room import COURIER, ROLES, Room, sha256
from ceremony.steps.volumes import check_whole

_ARMOR_END = b"-----END SSH SIGNATURE-----\n"


def run(room: Room, watcher: Watcher) -> ExitCode:
    """Write what follows the close, and say what it left.

    Returns DONE, INCOMPLETE while the quorum has not signed, or FAILED where repositories were left out: the others are done.
    """
    replacing.ready(room, ROLES)
    number = 1 + bundle.highest_head(room.journal.past.files)
    head = room.journal.head()
    statement = bundle.head(number)
    _settle(room.folder, statement, head.text())
    prompt = Prompt("compare:head", "The final head", who="everybody", code=f"ceremony-head:sha256:{head.digest}")
    if not room.operator.compare(prompt, head.digest, room.readers()):
        raise CeremonyError("people did not hear the same digest for the final head", hint="read it again; nothing was signed")
    signed = [person for person in room.people if _signed(room, person, number, head.text())]
    digests = dict(room.journal.past.files)
    digests[bundle.LOG] = head.sha256
    digests[statement] = sha256(head.text())
    _settle(room.folder, bundle.MANIFEST, bundle.manifest(digests))
    _refuse_strays(room, digests)
    _audit(room)
    copies = _copy(room)
    quorum = cosign.quorum(room.people, room.plan.quorum, signed)
    room.operator.tell(
        f"{len(signed)} people signed head {number}. " + ("The quorum is met." if quorum.met else "The quorum is not met yet.")
    )
    left_out = room.journal.past.ended.get("review", {}).get("left_out", 0)
    if left_out:
        room.operator.tell(f"Nothing was signed for {left_out} of the repositories; evidence/left-out.json names them.")
    names = tuple(person.name for person in signed)
    watcher.closed(
        Summary(
            folder=room.folder.name,
            head=statement,
            digest=head.digest,
            signed=names,
            quorum_met=quorum.met,
            copies=copies,
            errands=errands(
                room.plan,
                signed=names,
                practice=room.practice,
                left_out=left_out if isinstance(left_out, int) else 0,
                custody=custody_list.taken(room.journal.past),
            ),
        )
    )
    if not quorum.met:
        return ExitCode.INCOMPLETE
    return ExitCode.FAILED if left_out else ExitCode.DONE


def _signed(room: Room, person: Person, number: int, text: bytes) -> bool:
    path = bundle.head_signature(number, person.name)
    key = cosign.parse_public_key(person.key) if person.key else None
    if key is None:
        return False
    if room.folder.exists(path):
        try:
            cosign.verify(room.folder.read(path), text, key, HEAD_NAMESPACE, path)
        except VerificationError:
            if room.folder.read(path).endswith(_ARMOR_END):
                raise  # a whole signature that does not hold is somebody's doing, and is not removed
            room.folder.remove(path)  # torn by a crash
        else:
            return True
    armored = room.cosigner.sign(person.name, HEAD_NAMESPACE, text)
    if armored is None:
        return False
    cosign.verify(armored, text, key, HEAD_NAMESPACE, path)
    room.folder.write({path: armored})
    return True


def _settle(folder: Folder, path: str, data: bytes) -> None:
    if folder.exists(path):
        found = folder.read(path)
        if found == data:
            return
        if not data.startswith(found):
            raise StorageError(
                folder.name, f"{path} holds something else", hint="nothing is overwritten; move it out of the folder, then resume"
            )
        folder.remove(path)  # its own beginning: torn by a crash
    folder.write({path: data})


def _audit(room: Room) -> None:
    """Judge the folder as a stranger will, before it is copied; raises StorageError for anything that does not hold."""
    for finding in audit(room.folder, reporter=room.reporter).findings:
        if finding.level is Level.FAILED:
            raise StorageError(
                room.folder.name, f"{finding.subject}: {finding.text}", hint="put it right, then resume; nothing was copied"
            )


def _refuse_strays(room: Room, digests: dict[str, str]) -> None:
    for path in room.folder.names():
        if bundle.in_manifest(path) and path not in digests:
            raise StorageError(room.folder.name, f"{path} is named by no record", hint="move it out of the folder, then resume")


def _copy(room: Room) -> tuple[str, ...]:
    """Copy the folder to both volumes and the courier, see that each holds all that it should, and return the places.

    Raises StorageError when the folder changed meanwhile, VerificationError when anything private would go out.
    """
    for sentence in courier.refuse_private(_files(room), room.folder.name):
        room.operator.tell(f"{sentence}.")
    wanted = hashlib.sha256()
    for block in bundle.tar(_files(room)):
        wanted.update(block)
    before = -1
    while room.replaced != before:  # what took a medium's place meanwhile has no copy yet
        before = room.replaced
        for role in ROLES:
            with room.operator.waiting(f"{called(role)} to take the copy"):
                room.with_volume(role, partial(_copy_to, room, role, wanted.hexdigest()))
        for role in ROLES:
            with room.operator.waiting(f"{called(role)} to give the copy back"):
                room.with_volume(role, partial(_look_again, room, role, wanted.hexdigest(), before))
    return tuple(f"{room.volume(role).name}: {_place(room, role)}" for role in ROLES)


def _place(room: Room, role: str) -> str:
    name = f"{bundle.folder(room.journal.ceremony)}.tar"
    return name if role == COURIER else room.on_volume(name)


def _copy_to(room: Room, role: str, wanted: str, volume: Volume) -> None:
    path = _place(room, role)
    if not volume.exists(path) or sha256(volume.read(path)) != wanted:
        if volume.exists(path):
            volume.remove(path)  # torn by a crash, or made before somebody signed
        if volume.write_stream(path, bundle.tar(_files(room))) != wanted:
            raise StorageError(
                room.folder.name,
                f"{path} on {volume.name} is not a copy of the folder",
                hint="the folder changed while it was copied; try again",
            )
    if role == COURIER:
        _digest_beside(volume, path, wanted)


def _digest_beside(volume: Volume, path: str, digest: str) -> None:
    beside, line = f"{path}.sha256", _line(digest, path)
    if volume.exists(beside) and volume.read(beside) != line:
        volume.remove(beside)  # torn by a crash, or of an earlier copy: somebody signed since
    if not volume.exists(beside):
        volume.write({beside: line})


def _line(digest: str, path: str) -> bytes:
    return f"{digest}  {path}\n".encode()


def _look_again(room: Room, role: str, wanted: str, replaced: int, volume: Volume) -> None:
    """Let a medium go and come back, and read all that it should hold; raises StorageError, VerificationError for a private file.

    Leaves it for the next round when something was replaced since `replaced`.
    """
    if room.replaced != replaced:
        return
    volume.reopen()
    path = _place(room, role)
    tar = volume.read(path)
    if sha256(tar) != wanted or (role == COURIER and volume.read(f"{path}.sha256") != _line(wanted, path)):
        raise StorageError(volume.name, "does not give back the copy that it took", hint="put another medium in its place")
    if role == COURIER:
        _refuse_private(room, volume, path, tar)
    else:
        check_whole(room, volume)


def _refuse_private(room: Room, volume: Volume, path: str, tar: bytes) -> None:
    others = courier.besides(volume.names(), [path, f"{path}.sha256"])
    courier.refuse_private(courier.members(tar, f"{volume.name}, {path}"), volume.name)
    also = f" It holds {len(others)} files that were on it before." if others else ""
    room.operator.tell(f"The courier holds {path} and its digest; nothing in it is private.{also}")


def _files(room: Room) -> Iterator[tuple[str, bytes]]:
    for path in room.folder.names():
        yield path, room.folder.read(path)
