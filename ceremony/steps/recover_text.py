# SPDX-License-Identifier: Apache-2.0
"""RECOVER.txt: how to open the backups on a volume without this program.

Every line that is indented by five is typed as it stands, one after the other, in
one terminal; what stands between < and > is filled in. A test does just that.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ceremony.core import backup, bundle
from ceremony.core.plan import Custody
from ceremony.steps.room import Room

_WIDTH = 88
_TEXT = """\
RECOVER: how to open the backups on this volume with public tools alone
=======================================================================

Ceremony {ceremony}
Plan     {plan}

{need}

{where}

"""
_COPY = """\
Begin in the folder of this file, and go on in a copy of it in /dev/shm: that is
   memory, and gone when the computer is switched off.

     umask 077
     cp -r . /dev/shm/recover
     cd /dev/shm/recover
     chmod -R u+rwX .
"""
_OPEN_WORDS = """\
Open the protector; age asks for the passphrase:

     age -d -o identity.txt private/identity.age
"""
_OPEN_SHARES = """\
Open the protector. shamir asks for the shares, one by one; behind `Your master
   secret is:` stands the passphrase (32 digits and letters) that age then asks for:

     shamir recover
     age -d -o identity.txt private/identity.age
"""
_UNPACK = """\
Open the backups and unpack them:

{opens}"""
_ROOTS = """\
Root keys. Go through the folders root-<serial>, one after the other:

     cd root-<serial>

{form}{published}
     openssl pkey -inform DER -in {key} -pubout
{bundle}     cd ..
"""
_PLAIN = """\
   The key is {key}, in the clear (PKCS#8): it was made on the computer of the
   ceremony, and put on its token from there.

"""
_WRAPPED = """\
   The key is wrapped (AES-KWP, RFC 5649){where}. This unwraps it to {key}
   (PKCS#8, perhaps with NUL bytes behind it):

     openssl enc -d -id-aes256-wrap-pad -K "$(cat {wrapping})" -iv A65959A6 \\
       -in {blob} -out {key}

"""
_IN_THE_BUNDLE = """\
   This prints the public half of {key}, then that of the key that was published,
   with its certificates. Both must be the same:
"""
_IN_THE_ROOT = """\
   This prints the public half of {key}. It must be that of a root key that is
   published:
"""
_REPOSITORIES = """\
Repository keys. repositories/manifest.json says which <key id> belongs to which
   repository. notary asks for a new passphrase, and encrypts what it imports under it:

     notary -d trust key import repositories/<key id>.key

   Who is to sign copies what is in trust/private then to their own trust folder
   (~/.notary/private, or ~/.docker/trust/private).
"""
_REMOVE = """\
Remove the copy, and treat every key that was in the clear on that computer as one
   that its user could have kept:

     cd /
     rm -rf /dev/shm/recover
"""
_WHERE = (
    "Work on a Linux computer that is on no network, has no swap (`swapoff -a`) and no other users{why}. "
    "Type the indented lines, one after the other, in one terminal; what stands between < and > is for you to fill in."
)
_WHY = " (openssl takes a wrapping key as an argument, which they could see)"


def recover_text(room: Room, files: Sequence[str]) -> str:
    """Return the recipe for the backups named (paths on the volume)."""
    sections = "\n".join(f"{number}. {section}" for number, section in enumerate(_sections(room, files), start=1))
    where = _filled(_WHERE.format(why=_WHY if Custody.TOKEN_WRAPPED in _kept(room, files) else ""))
    return _TEXT.format(ceremony=room.journal.ceremony, plan=room.plan.name, need=_need(room, files), where=where) + sections


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False)


def _sections(room: Room, files: Sequence[str]) -> Iterator[str]:
    yield _COPY
    yield _OPEN_SHARES if _is_split(room) else _OPEN_WORDS
    names = [(path, path.removeprefix("private/").removesuffix(".age")) for path in files]
    yield _UNPACK.format(
        opens="".join(f"     mkdir {name} && age -d -i identity.txt {path} | tar -x -C {name}\n" for path, name in names)
    )
    kept = _kept(room, files)
    if kept:
        yield _root_keys(room, kept)
    if bundle.REPOSITORIES in files:
        yield _REPOSITORIES
    yield _REMOVE


def _root_keys(room: Room, kept: set[Custody]) -> str:
    where = f" where {backup.WRAPPED} lies" if len(kept) > 1 else ""
    wrapped = _WRAPPED.format(where=where, key=backup.PKCS8, wrapping=backup.WRAPPING_KEY, blob=backup.WRAPPED)
    form = wrapped if Custody.TOKEN_WRAPPED in kept else _PLAIN.format(key=backup.PKCS8)
    if room.recovers:  # it publishes nothing, so there is nothing in its tar to compare with
        published, shown = _IN_THE_ROOT, ""
    else:
        tar = f"../{bundle.folder(room.journal.ceremony)}.tar"
        published, shown = _IN_THE_BUNDLE, f"     tar -x -O -f {tar} bundle/keys/root-<serial>.pem\n"
    return _ROOTS.format(key=backup.PKCS8, form=form, published=published.format(key=backup.PKCS8), bundle=shown)


def _kept(room: Room, files: Sequence[str]) -> set[Custody]:
    """Return how the root keys in the backups are kept; nothing when they hold none."""
    if not any(path != bundle.REPOSITORIES for path in files):
        return set()
    if not room.recovers:
        return {room.plan.root.custody}
    return {root.custody for root in room.keyring.roots.values()}


def _is_split(room: Room) -> bool:
    return room.plan.backup.protect == "shares"


def _need(room: Room, files: Sequence[str]) -> str:
    """Return what is needed: the secret, the programs, and who has the shares."""
    keepers = [person.name for person in room.plan.keepers()]
    secret = (
        f"{room.plan.backup.needed} of the {len(keepers)} shares of its secret (twenty words each, which all begin with the same two)"
        if _is_split(room)
        else "its passphrase (sixteen words in small letters, one space between them)"
    )
    programs = ["age", "tar"]
    programs += ["openssl (3.0 or later)"] if _kept(room, files) else []
    programs += ["notary"] if bundle.REPOSITORIES in files else []
    programs += ["shamir (of the Python package shamir-mnemonic[cli], 0.3.0 or later)"] if _is_split(room) else []
    need = f"You need this volume, {secret}, and the programs {', '.join(programs[:-1])} and {programs[-1]}."
    if not _is_split(room):
        return _filled(need)
    listed = "\n".join(f"  {number:>2}  {name}" for number, name in enumerate(keepers, start=1))
    return f"{_filled(f'{need} The shares were given to')}\n\n{listed}"
