# SPDX-License-Identifier: Apache-2.0
"""RECOVER.txt: how to open the backups on a volume without this program."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import backup
from ceremony.steps.room import Room

_TEXT = """\
RECOVER: how to open the backups on this volume with public tools alone
=======================================================================

Ceremony {ceremony}
Plan     {plan}

You need this volume, its passphrase (sixteen words, one space between them), and
the programs age, tar and openssl. Work on a computer that is on no network and has
no other users (openssl takes a wrapping key as an argument, which they could see).
Begin with `umask 077`, and work on a copy of this folder in /dev/shm, which is gone
when the computer is switched off.

1. Open the protector; age asks for the passphrase:

     age -d -o identity.txt private/identity.age

2. Open a backup and unpack it:

{opens}
{wrapped}3. Repository keys: manifest.json says which <key id>.key belongs to which
   repository. Each is what `notary key import` takes:

     notary key import <key id>.key

4. Remove identity.txt and what you unpacked, and treat every key that was in
   the clear on that computer as one that its user could have kept.
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
    has_root = any(path.startswith("private/root-") for path in files)
    wrapped = _WRAPPED.format(key=backup.WRAPPING_KEY, blob=backup.WRAPPED) if has_root else ""
    return _TEXT.format(ceremony=room.journal.ceremony, plan=room.plan.name, opens=opens, wrapped=wrapped)
