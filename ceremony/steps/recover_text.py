# SPDX-License-Identifier: Apache-2.0
"""RECOVER.txt: how to open the backups on a volume without this program."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import backup
from ceremony.core.plan import Custody
from ceremony.steps.room import Room

_TEXT = """\
RECOVER: how to open the backups on this volume with public tools alone
=======================================================================

Ceremony {ceremony}
Plan     {plan}

{need}Work on a computer that is on no network and has
no other users{why}.
Begin with `umask 077`, and work on a copy of this folder in /dev/shm, which is gone
when the computer is switched off.

1. {protector}
     age -d -o identity.txt private/identity.age

2. Open a backup and unpack it:

{opens}
{root}3. Repository keys: manifest.json says which <key id>.key belongs to which
   repository. Each is what `notary key import` takes:

     notary key import <key id>.key

4. Remove identity.txt and what you unpacked, and treat every key that was in
   the clear on that computer as one that its user could have kept.
"""

_NEED_WORDS = """\
You need this volume, its passphrase (sixteen words, one space between them), and
the programs age, tar and openssl. """
_NEED_SHARES = """\
You need this volume, {needed} of the {total} shares of its secret (twenty words each, which all
begin with the same two), and the programs age, tar, openssl and shamir; the last is
of the Python package shamir-mnemonic[cli], 0.3.0 or later. The shares were given to

{keepers}
"""
_OPEN_WORDS = "Open the protector; age asks for the passphrase:\n"
_OPEN_SHARES = """\
Open the protector. shamir asks for the shares, one by one; behind `Your master
   secret is:` stands the passphrase (32 digits and letters) that age then asks for:

     shamir recover"""
_WHY = " (openssl takes a wrapping key as an argument, which they could see)"
_PLAIN = """   A root key is in the clear (PKCS#8): it was made on the computer of the ceremony,
   and put on its token from there. In its folder:

     openssl pkey -inform DER -in {key} -pubout

"""
_WRAPPED = """   A root key is wrapped (AES-KWP, RFC 5649). In its folder:

     openssl enc -d -id-aes256-wrap-pad -K "$(cat {key})" -iv A65959A6 \\
       -in {blob} -out root-key.der
     openssl pkey -inform DER -in root-key.der -pubout

"""


def recover_text(room: Room, files: Sequence[str]) -> str:
    """Return the recipe for the backups named (paths on the volume)."""
    opens = "".join(
        f"     mkdir {name} && age -d -i identity.txt {path} | tar -x -C {name}\n"
        for path, name in ((path, path.removeprefix("private/").removesuffix(".age")) for path in files)
    )
    kept = _kept(room)
    wrapped = _WRAPPED.format(key=backup.WRAPPING_KEY, blob=backup.WRAPPED) if Custody.TOKEN_WRAPPED in kept else ""
    plain = _PLAIN.format(key=backup.PKCS8) if Custody.IMPORTED in kept else ""
    root, why = wrapped + plain, _WHY if wrapped else ""
    need, protector = (_shares(room), _OPEN_SHARES) if room.plan.backup.protect == "shares" else (_NEED_WORDS, _OPEN_WORDS)
    return _TEXT.format(
        ceremony=room.journal.ceremony, plan=room.plan.name, need=need, protector=protector, why=why, opens=opens, root=root
    )


def _kept(room: Room) -> set[Custody]:
    """Return how the root keys in the backups are kept."""
    if not room.recovers:
        return {room.plan.root.custody}
    return {root.custody for root in room.keyring.roots.values()}


def _shares(room: Room) -> str:
    keepers = [person.name for person in room.plan.keepers()]
    listed = "".join(f"  {number:>2}  {name}\n" for number, name in enumerate(keepers, start=1))
    return _NEED_SHARES.format(needed=room.plan.backup.needed, total=len(keepers), keepers=listed)
