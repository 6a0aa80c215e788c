# SPDX-License-Identifier: Apache-2.0
"""Open the backup: from one old volume and the secret that its custodians kept, every key comes back into memory.

Which ceremony it was, its own log says; each file is compared with the digest in it, so
that what is damaged is told from a wrong secret. A root key counts only when the
plan's `trusted-root` names it, or the key id of a certificate of it, which is looked for in
the copy of the old ceremony's folder. Nothing secret is recorded; what is opened stays in the
keyring until the ceremony ends, and is opened again, by the same secret, after an interruption.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ceremony.core import backup, bundle, words
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.old_ceremony import OldRoot, copied_certificates
from ceremony.core.ports import Option, Prompt
from ceremony.core.record import Outcome
from ceremony.core.root_backup import RootBackup, open_repositories, open_root
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.core.trusted_keys import TrustedKeys, trusted_keys
from ceremony.errors import VerificationError
from ceremony.steps import old_volume, shares
from ceremony.steps.old_volume import OldVolume
from ceremony.steps.repository_keys import targets_file
from ceremony.steps.room import Room, writable
from ceremony.steps.root_keys import public_json, rows

PREFIX = "old-"
"""What stands before the keys of questions about the old secret: it is another one than this ceremony's."""
PASSPHRASE = f"{PREFIX}passphrase"
RETRY, LEAVE = "retry", "leave"
OTHER, WITHOUT = "other", "without"
_WRONG = (Option(RETRY, "Type it again"), Option(LEAVE, "Give up", "the step can be begun once more, with the other old volume"))
_DAMAGED = (
    Option(OTHER, "Take the other old volume", "the step ends here, and can be begun once more"),
    Option(WITHOUT, "Go on without them", "the log says what was left behind"),
)


@dataclass(slots=True)
class _Opened:
    """What a backup gave."""

    roots: dict[OldRoot, RootBackup] = field(default_factory=dict)
    repositories: Mapping[str, SoftwareKey] = field(default_factory=dict)
    bad: dict[str, VerificationError] = field(default_factory=dict)
    """Path → why its file gave nothing."""


def run(room: Room) -> JsonObject:
    """Open every backup of an earlier ceremony.

    Raises StorageError and VerificationError, naming what is missing, damaged, wrong or of another ceremony.
    """
    room.keyring.drop()
    with old_volume.opened(room) as found:
        opened = _open(room, found)
        _decide(room, found, opened)
        trusted = _check_trusted(room, found, opened)
    _fill(room, opened)
    left: JsonObject = {path: writable(error.message) for path, error in opened.bad.items()}
    old = found.old
    roots: list[Json] = [{"serial": root.serial, **public_json(root.public), "file": root.path} for root in opened.roots]
    body: JsonObject = {
        "ceremony": old.ceremony,
        "plan": writable(old.name),
        "head": old.sha256,
        "entries": old.entries,
        "closed": old.closed,
        "volume": found.volume.identity.serial,
        "roots": [root.public.sha256 for root in opened.roots],
        "repository_keys": len(opened.repositories),
        "left_out": left,
        "trusted": trusted,
    }
    room.journal.record("backup-opened", body)
    path = f"evidence/carried-over-{len([p for p in room.journal.past.files if p.startswith('evidence/carried-over-')]) + 1}.json"
    room.keep({path: targets_file(opened.repositories)})
    return {"ceremony": old.ceremony, "head": old.sha256, "roots": roots, "file": path, "made": len(opened.repositories)}


def refill(room: Room) -> None:
    """Open the backup again when its keys are not in memory: after an interruption.

    Raises as `run` does, and VerificationError when it does not give the keys that it gave before.
    """
    if room.keyring.complete:
        return
    made = room.result("open-backup")
    with old_volume.opened(room, str(made["ceremony"])) as found:
        opened = _open(room, found)
    there = {backup.public.sha256 for backup in opened.roots.values()}
    if not {str(row["sha256"]) for row in rows(made["roots"])} <= there or len(opened.repositories) != made["made"]:
        bad = next(iter(opened.bad.values()), None)
        why = bad.message if bad else "its keys are others"
        raise VerificationError("the old backup", f"does not give what it gave before: {why}", hint="take the other old volume")
    _fill(room, opened)
    room.journal.record("reopened", {"volume": old_volume.ROLE, "repository_keys": len(opened.repositories)})


def _fill(room: Room, opened: _Opened) -> None:
    room.keyring.roots = {root.public.sha256: root for root in opened.roots.values()}
    room.keyring.keys = dict(opened.repositories)
    room.keyring.complete = True


def _open(room: Room, found: OldVolume) -> _Opened:
    """Return all that opens with the old secret, and what does not."""
    opened = _Opened()
    identity = _identity(room, found)
    try:
        with room.operator.waiting("every backup on the old volume to be opened"):
            for root in found.old.roots:
                _root(found, root, identity, opened)
            if bundle.REPOSITORIES in found.old.files:
                _repositories(room, found, identity, opened)
    finally:
        identity.wipe()
    return opened


def _root(found: OldVolume, root: OldRoot, identity: Secret, opened: _Opened) -> None:
    try:
        opened.roots[root] = open_root(found.read(root.path), identity, root.public, found.subject(root.path))
    except VerificationError as error:
        opened.bad[root.path] = error


def _repositories(room: Room, found: OldVolume, identity: Secret, opened: _Opened) -> None:
    path = bundle.REPOSITORIES
    try:
        opened.repositories = open_repositories(found.read(path), identity, room.dialect, found.subject(path))
    except VerificationError as error:
        opened.bad[path] = error


def _identity(room: Room, found: OldVolume) -> Secret:
    """Return the old protector, opened with the passphrase or shares that its custodians type."""
    sealed = found.read(bundle.IDENTITY)
    while True:
        secret = _secret(room, found)
        try:
            with room.operator.waiting("the old protector to be opened"):
                identity = backup.open_identity(sealed, secret)
        except VerificationError as error:
            _again(room, found, error)
            continue
        finally:
            secret.wipe()
        if backup.recipient_of(identity) == found.old.recipient:
            return identity
        identity.wipe()
        raise VerificationError(
            found.subject(bundle.IDENTITY), "is another protector than its log says", hint="take the other old volume"
        )


def _again(room: Room, found: OldVolume, error: VerificationError) -> None:
    """Record a secret that did not open the protector; raises the error when people give up."""
    keeper = found.old.custodian
    room.journal.record("old-secret", {"taken": False}, outcome=Outcome.REFUSED)
    prompt = Prompt(f"error:{PASSPHRASE}", error.message, detail=error.hint, who=keeper, alarm=True)
    if room.operator.choose(prompt, _WRONG) != RETRY:
        raise error


def _secret(room: Room, found: OldVolume) -> Secret:
    old = found.old
    title = f"The secret of the old backup, {old.name}"
    if old.shares is not None:
        return shares.gather(room, title, old.shares, prefix=PREFIX)
    detail = "Sixteen words, one space between them, as they were written down in the earlier ceremony."
    typed = room.operator.ask_secret(
        Prompt(PASSPHRASE, f"Passphrase of the old backup, {old.name}", detail=detail, who=old.custodian)
    )
    try:
        return Secret(words.normalise_passphrase(typed.text()))
    finally:
        typed.wipe()


def _decide(room: Room, found: OldVolume, opened: _Opened) -> None:
    """Have people decide on files that gave nothing; raises the first error when they want the other volume, or no root key came."""
    if not opened.bad:
        return
    for error in opened.bad.values():
        room.operator.tell(f"{error.message}.")
    first = next(iter(opened.bad.values()))
    if not opened.roots:
        raise first
    count = len(opened.bad)
    files = "one file" if count == 1 else f"{count} files"
    prompt = Prompt(
        "damaged", f"{found.volume.name}: {files} of the backup cannot be opened", detail=f"{first.message}.", alarm=True
    )
    if room.operator.choose(prompt, _DAMAGED) != WITHOUT:
        raise first


def _check_trusted(room: Room, found: OldVolume, opened: _Opened) -> bool:
    """Keep the root keys that the trusted root names; return whether there is one. Raises VerificationError when it names none."""
    paths = [path for path in room.journal.past.files if path.startswith(bundle.TRUSTED_ROOT)]
    trusted = trusted_keys(room.plan, {path.removeprefix(bundle.TRUSTED_ROOT): room.recorded(path) for path in paths})
    if trusted is None:
        if not room.practice:
            raise VerificationError(
                "trusted-root", "is not there, and nothing else says which root is published", hint="bring what the plan names"
            )
        room.operator.tell(
            "No trusted root was brought: nothing outside the volume says that these root keys are the published ones."
        )
        return False
    strangers = _strangers(room, found, opened, trusted)
    for root, error in strangers.items():
        opened.bad[root.path] = error
        opened.roots.pop(root).wipe()
        room.operator.tell(f"{error.message}: it is left out.")
    if strangers and not opened.roots:
        raise next(iter(strangers.values()))
    return True


def _strangers(room: Room, found: OldVolume, opened: _Opened, trusted: TrustedKeys) -> Mapping[OldRoot, VerificationError]:
    """Return the root keys that a trusted root does not name, and why; keep the certificates by which it names others."""
    strangers = _unnamed(trusted, opened.roots)
    certificates = _certificates(room, found) if strangers and trusted.key_ids else ()
    kept: dict[str, str] = {}
    for root in strangers:
        kept |= trusted.certified(root.public, certificates)
    room.keep({f"{bundle.ROOT_CERTIFICATES}{key_id}.pem": pem.encode() for key_id, pem in kept.items()})
    return _unnamed(trusted, strangers, certificates)


def _unnamed(
    trusted: TrustedKeys, roots: Iterable[OldRoot], certificates: Sequence[str] = ()
) -> Mapping[OldRoot, VerificationError]:
    unnamed: dict[OldRoot, VerificationError] = {}
    for root in roots:
        try:
            trusted.check(root.public, certificates)
        except VerificationError as error:
            unnamed[root] = error
    return unnamed


def _certificates(room: Room, found: OldVolume) -> Sequence[str]:
    """Return the root certificates of the old ceremony, as the copy of its folder beside the backup has them; none without it."""
    name = f"{found.folder}.tar"
    path = f"{found.folder}/{name}"
    if not found.volume.exists(path):
        return ()
    try:
        with room.operator.waiting("the certificates of the earlier ceremony to be looked up"):
            return copied_certificates(found.volume.read(path), found.subject(name))
    except VerificationError as error:
        room.operator.tell(f"{error.message}: no certificate is taken from it.")
        return ()
