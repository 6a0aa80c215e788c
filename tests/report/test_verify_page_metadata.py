# SPDX-License-Identifier: Apache-2.0
"""verify.html verifies every signature of the metadata in a bundle: of Notary, and of TUF 1.0."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core import software_key
from ceremony.core.dialects import Signature
from ceremony.core.dialects.notary import DIALECT, go_encoding, key_entry
from ceremony.core.keys import Algorithm
from tests.core.audit.test_signed_logs import held
from tests.peers.chromium import Browser, Page
from tests.report.sealed import Change, Files, Records, Sealed, broken, canonical, file_named, sha

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


# --- signed metadata ----------------------------------------------------------------------------------

APP = "bundle/tuf/docker.io/acme/app/metadata"


def bundle_of(change: Callable[[Files], object]) -> Change:
    """Put the metadata of a finished ceremony in, changed, and named in the log as if it had always been so."""

    def put(records: Records, files: Files) -> None:
        taken = {path: data for path, data in held().items() if path.startswith("bundle/tuf/")}
        change(taken)
        files.update(taken)
        records.append({"kind": "files", "body": {"files": {path: sha(data) for path, data in taken.items()}}})

    return put


def in_file(role: str, old: bytes, new: bytes) -> Callable[[Files], object]:
    def change(files: Files) -> None:
        assert old in files[f"{APP}/{role}.json"]
        files[f"{APP}/{role}.json"] = files[f"{APP}/{role}.json"].replace(old, new, 1)

    return change


def unsigned(role: str) -> Callable[[Files], object]:
    def change(files: Files) -> None:
        signed = files[f"{APP}/{role}.json"].partition(b',"signatures":')[0]
        files[f"{APP}/{role}.json"] = signed + b',"signatures":[]}'

    return change


METADATA = {
    "as it is": (VERIFIED, lambda _: None),
    "another expiry": (FAILED, in_file("root", b'"expires":"20', b'"expires":"21')),
    "another version": (FAILED, in_file("targets", b'"version":1', b'"version":2')),
    "another signature": (FAILED, in_file("targets", b'"sig":"', b'"sig":"AA')),
    "another key id": (FAILED, in_file("root", b'"keyid":"', b'"keyid":"0')),
    "no signature over the root": (FAILED, unsigned("root")),
    "no signature over the targets": (FAILED, unsigned("targets")),
    "no JSON": (FAILED, lambda files: files.update({f"{APP}/root.json": b"{"})),
    "a list": (FAILED, lambda files: files.update({f"{APP}/root.json": b"[]"})),
    "targets alone": (FAILED, lambda files: files.pop(f"{APP}/root.json")),
    "the root alone": (VERIFIED, lambda files: files.pop(f"{APP}/targets.json")),
}


@pytest.mark.parametrize(("exit_code", "change"), METADATA.values(), ids=METADATA.keys())
def test_every_signature_of_the_bundle_is_verified(page: Page, exit_code: int, change: Callable[[Files], object]) -> None:
    assert page.verdict(Sealed().build(before=bundle_of(change))) == exit_code, page.lines(13)
    assert page.lines(13)
    assert exit_code == VERIFIED or broken(page, 13) == {13}


def test_targets_without_a_root_are_judged_by_the_published_one(page: Page) -> None:
    def published(files: Files) -> None:
        root = files.pop(f"{APP}/root.json")
        known = {"keys": {}, "known": True, "metadata": {"root": [{"sha256": "0" * 64}, {"sha256": sha(root), "version": 1}]}}
        files["evidence/request/index.json"] = canonical({"repositories": {"docker.io/acme/app": known}})
        files[f"evidence/request/files/{sha(root)}.json"] = root

    assert page.verdict(Sealed().build(before=bundle_of(published))) == VERIFIED, page.lines(13)
    assert "1 signature of 1 repository" in page.lines(13)[0]
    bent = lambda files: (published(files), in_file("targets", b'"version":1', b'"version":2')(files))  # noqa: E731 - as short as it is
    assert page.verdict(Sealed().build(before=bundle_of(bent))) == FAILED
    assert broken(page, 13) == {13}


def test_metadata_of_tuf_1_0_is_verified_as_well(page: Page) -> None:
    made_ = Sealed()
    key_id = "ab" * 32
    public = made_.root.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    listed = {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": public}}
    signed = {"_type": "root", "keys": {key_id: listed}, "roles": {"root": {"keyids": [key_id], "threshold": 1}}, "version": 1}
    # What is signed has line ends as they are (securesystemslib's canonical JSON); the file has them as JSON writes them.
    payload = canonical(signed).replace(b"\\n", b"\n")
    for flip, exit_code in ((0, VERIFIED), (1, FAILED)):
        signature = bytearray(made_.root_signature(payload)[1])
        signature[-1] ^= flip
        data = canonical({"signatures": [{"keyid": key_id, "sig": signature.hex()}], "signed": signed})
        assert page.verdict(made_.build(before=file_named("bundle/tuf/app/root.json", data))) == exit_code, page.lines(13)


def test_every_algorithm_of_roots_and_repositories_is_verified(page: Page) -> None:
    assert {str(a).split("-")[0] for a in DIALECT.repository_algorithms | DIALECT.root_algorithms} == {"ecdsa", "rsa", "ed25519"}
    for algorithm in set(Algorithm) - {Algorithm.RSA_4096}:  # a longer key of the same kind, that takes long to make
        before = file_named("bundle/tuf/app/metadata/root.json", notary_root(algorithm))
        assert page.verdict(Sealed().build(before=before)) == VERIFIED, page.lines(13)
        assert "1 signature of 1 repository" in page.lines(13)[0]


def notary_root(algorithm: Algorithm) -> bytes:
    """Return a root that a repository key of this algorithm signed for itself, as Notary writes it."""
    made_ = software_key.make(algorithm)
    key_id, entry = key_entry(made_.public)
    signed = (
        f'{{"_type":"Root","keys":{{"{key_id}":{entry}}},"roles":{{"root":{{"keyids":["{key_id}"],"threshold":1}}}}}}'.encode()
    )
    return go_encoding(signed, [Signature(key_id, algorithm, made_.sign(DIALECT.scheme(algorithm), signed))])
