# SPDX-License-Identifier: Apache-2.0
"""A trusted root of key ids as Notary publishes them, those of certificates: they are found in the copy on the old volume."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from ceremony.core import bundle
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.errors import ExitCode, VerificationError
from tests.fakes.folder import FakeVolume
from tests.fakes.recovery import APP, LATEST, OLD, after, held, key_ids, old_volumes, publics, recovery_plan, root_path, stops
from tests.fakes.room import Ceremony

COPY = f"{OLD}/{OLD}.tar"
LOOKED_UP = "the certificates of the earlier ceremony to be looked up"


def bad(ceremony: Ceremony) -> list[str]:
    return [f"{f.subject}: {f.text}" for f in audit(ceremony.folder).findings if f.level is not Level.OK]


def pinned(genesis: Ceremony, name: str = APP) -> list[str]:
    """Return the key ids that a genesis gave people to pin for a repository, one for each root key, in their order."""
    return json.loads(genesis.folder.files[bundle.PINNING])["trust_pinning"]["certs"][name]


def trusting(genesis: Ceremony, key_ids: str, *tokens: str, old: list[FakeVolume] | None = None) -> Ceremony:
    return after(genesis, recovery_plan(*tokens, trusted_root=key_ids), old=old)


def kept(recovery: Ceremony) -> dict[str, bytes]:
    files = recovery.folder.files
    return {p.removeprefix(bundle.ROOT_CERTIFICATES): files[p] for p in files if p.startswith(bundle.ROOT_CERTIFICATES)}


def recopied(genesis: Ceremony, tar: bytes | None) -> list[FakeVolume]:
    """Return an old volume with another copy of the folder on it, or none."""
    (old,) = old_volumes(genesis)
    del old.files[COPY]
    if tar is not None:
        old.files[COPY] = tar
    return [old]


def test_what_people_pinned_names_the_root_keys_of_a_recovery():
    genesis = held("root-a", "root-b")
    ids = pinned(genesis)
    recovery = trusting(genesis, " ".join(ids), "new-a", "new-b")
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert list(publics(recovery).values()) == list(publics(genesis).values())
    assert recovery.bodies("backup-opened")[0]["left_out"] == {}
    certificates = kept(recovery)
    assert sorted(certificates) == sorted(f"{key_id}.pem" for key_id in ids)
    published = b"".join(data for path, data in genesis.folder.files.items() if path.startswith("bundle/keys/root-"))
    assert all(pem in published for pem in certificates.values())
    assert "the trusted root names it" in "".join(finding.text for finding in audit(recovery.folder).findings)


def test_a_key_that_is_named_by_its_own_id_needs_no_certificate():
    genesis = held()
    recovery = trusting(genesis, key_ids(genesis), old=recopied(genesis, None))
    assert recovery.hold() is ExitCode.DONE
    assert (kept(recovery), LOOKED_UP in recovery.operator.waited) == ({}, False)


def test_both_kinds_of_key_ids_may_stand_beside_each_other():
    genesis = held("root-a", "root-b")
    own = key_ids(genesis).split()[0]
    recovery = trusting(genesis, f"{own} {pinned(genesis)[1]}", "new-a", "new-b")
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert list(kept(recovery)) == [f"{pinned(genesis)[1]}.pem"]


def test_the_certificate_of_one_root_key_does_not_name_another():
    genesis = held("root-a", "root-b")
    recovery = trusting(genesis, pinned(genesis)[1], "new-a")
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert publics(recovery) == {"new-a": publics(genesis)["root-b"]}
    assert list(recovery.bodies("backup-opened")[0]["left_out"]) == [root_path(genesis)]


def test_a_recovery_hands_them_on_to_the_next_one():
    genesis = held()
    ids = " ".join(pinned(genesis))
    first = trusting(genesis, ids)
    assert first.hold() is ExitCode.DONE
    again = after(first, recovery_plan("newer-a", trusted_root=ids), ceremony=LATEST)
    assert again.hold() is ExitCode.DONE
    assert bad(again) == []
    assert kept(again) == kept(first)


def nested(count: int) -> bytes:
    """Return a tar of headers that each say something of the next header."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 0
    return info.tobuf(tarfile.USTAR_FORMAT) * count


@pytest.mark.parametrize(
    "tar",
    [
        pytest.param(b"no tar", id="no tar"),
        pytest.param(b"", id="nothing"),
        pytest.param(nested(2000), id="headers without end"),
    ],
)
def test_a_copy_that_cannot_be_read_is_told_and_names_nothing(tar):
    genesis = held()
    recovery = trusting(genesis, pinned(genesis)[0], old=recopied(genesis, tar))
    stops(recovery, VerificationError, "is not one that the trusted root names")
    told = f"{OLD}.tar: cannot be read: no certificate is taken from it."
    assert any(text.endswith(told) for text in recovery.operator.told), recovery.operator.told
    assert "where the old volume has the copy of its folder" in recovery.operator.question("error:open-backup").prompt.detail


def test_without_a_copy_no_certificate_names_anything():
    genesis = held()
    stops(
        trusting(genesis, pinned(genesis)[0], old=recopied(genesis, None)), VerificationError, "is not one that the trusted root"
    )


def copy_of(files: dict[str, bytes]) -> bytes:
    return b"".join(bundle.tar(iter(files.items())))


def test_a_copy_that_somebody_changed_names_nothing_more_than_the_key_ids_do():
    """A certificate that is not the one of that key id, though of the same key, and the right one under another name."""
    genesis = held()
    (path,) = (path for path in genesis.folder.files if path.startswith("bundle/keys/root-"))
    text = genesis.folder.files[path]
    first = text.index(b"-----BEGIN CERTIFICATE-----")
    bent = text[:first] + text[first:].replace(b"\n", b"\n\n", 1)
    old = recopied(genesis, copy_of({path: bent, "bundle/keys/other.txt": text}))
    stops(trusting(genesis, pinned(genesis)[0], old=old), VerificationError, "is not one that the trusted root names")


def test_only_plain_files_of_the_copy_are_read():
    genesis = held()
    (path,) = (path for path in genesis.folder.files if path.startswith("bundle/keys/root-"))
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        link = tarfile.TarInfo("bundle/keys/root-0.pem")
        link.type, link.linkname = tarfile.LNKTYPE, "bundle/keys/root-1.pem"
        archive.addfile(link)
        info = tarfile.TarInfo(path)
        info.size = len(genesis.folder.files[path])
        archive.addfile(info, io.BytesIO(genesis.folder.files[path]))
    recovery = trusting(genesis, pinned(genesis)[0], old=recopied(genesis, made.getvalue()))
    assert recovery.hold() is ExitCode.DONE
