# SPDX-License-Identifier: Apache-2.0
"""RECOVER.txt speaks of what the volume holds, and of nothing else; that its lines work is shown in tests/cli."""

from __future__ import annotations

import pytest

from ceremony.core import bundle, software_key
from ceremony.core.keys import Algorithm
from ceremony.core.root_backup import RootBackup
from ceremony.core.secret import Secret
from ceremony.steps.recover_text import recover_text
from tests.fakes.recovery import recovery_plan
from tests.fakes.room import Ceremony
from tests.peers.recipe import Recipe

ROOT = bundle.root_backup("5f3c21")
RECOVERY = recovery_plan("new-a")


def recipe(*files: str, plan=None, wrapped: tuple[bytes, ...] = ()) -> Recipe:
    """Return the recipe for these backups; in a recovery, of a root key for each of `wrapped` (empty: in the clear)."""
    room = (Ceremony(plan=plan, request={}) if plan else Ceremony()).room()
    for blob in wrapped:
        public = software_key.make(Algorithm.ECDSA_P256).public
        room.keyring.roots[public.sha256] = RootBackup(public, blob, Secret(b"x"))
    return Recipe(recover_text(room, files))


def test_without_repository_keys_it_does_not_speak_of_them():
    without = recipe(ROOT)
    assert without.programs == ["age", "tar", "openssl"]
    assert "5. Remove the copy" in without.text
    assert "epository keys" not in without.text


def test_without_root_keys_it_does_not_speak_of_them():
    without = recipe(bundle.REPOSITORIES)
    assert without.programs == ["age", "tar", "notary"]
    assert without.placeholders == {"<key id>"}
    assert "4. Repository keys" in without.text
    assert "oot key" not in without.text


@pytest.mark.parametrize(
    ("wrapped", "says", "unwraps"),
    [
        pytest.param((b"blob",), "The key is wrapped (AES-KWP, RFC 5649). This", True, id="wrapped"),
        pytest.param((b"",), "in the clear (PKCS#8)", False, id="made on the host"),
        pytest.param(
            (b"", b"blob"), "The key is wrapped (AES-KWP, RFC 5649) where wrapped.bin lies. This", True, id="of both kinds"
        ),
    ],
)
def test_a_recovery_says_how_each_root_key_is_kept_and_compares_with_what_is_published_elsewhere(wrapped, says, unwraps):
    found = recipe(ROOT, plan=RECOVERY, wrapped=wrapped)
    assert says in found.text
    assert any(line.startswith("openssl enc ") for line in found.lines) is unwraps
    assert ("as an argument" in found.text) is unwraps
    assert "It must be that of a root key that is\n   published" in found.text
    assert not any(line.startswith("tar ") for line in found.lines)
