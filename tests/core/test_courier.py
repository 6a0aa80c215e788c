# SPDX-License-Identifier: Apache-2.0
"""What a courier may carry out, and what not."""

from __future__ import annotations

import io
import tarfile

import pytest

from ceremony.core import bundle, courier
from ceremony.errors import VerificationError

GOOD = [
    ("bundle/keys/root-1.pem", b"-----BEGIN PUBLIC KEY-----\n"),
    ("deliver/docker.io/acme/app/targets.key.age", b"age-encryption.org/v1\n"),
    ("evidence/set-aside/0001-targets.key.age", b"age-enc"),
    ("README.txt", b"age and openssl"),
]


def test_what_is_public_and_the_deliveries_go_out():
    assert courier.refuse_private(GOOD, "courier") == []


@pytest.mark.parametrize(
    ("path", "data", "match"),
    [
        pytest.param("private/identity.age", b"", "stick, private/identity.age: is a backup", id="the protector"),
        pytest.param("private/x", b"", "is a backup", id="anything private"),
        pytest.param("evidence/set-aside/0001-identity.age", b"", "is a backup", id="a backup that was set aside"),
        pytest.param("repositories.age", b"", "is a backup", id="a backup at another place"),
        pytest.param("a.pem", b"-----BEGIN EC PRIVATE KEY-----", "holds a private key in the clear", id="SEC 1"),
        pytest.param("a.pem", b"x\n-----BEGIN PRIVATE KEY-----", "holds a private key in the clear", id="PKCS#8"),
        pytest.param("id", b"-----BEGIN OPENSSH PRIVATE KEY-----", "holds a private key in the clear", id="OpenSSH"),
        pytest.param("id.txt", b"AGE-SECRET-KEY-1ABC", "holds a private key in the clear", id="age"),
        pytest.param("id.txt", b"age-secret-key-1abc", "holds a private key in the clear", id="age in small letters"),
    ],
)
def test_what_is_private_is_refused_by_name(path, data, match):
    with pytest.raises(VerificationError, match=match):
        courier.refuse_private([*GOOD, (path, data)], "stick")


def test_what_was_typed_into_the_log_is_said():
    (said,) = courier.refuse_private([(bundle.LOG, b'{"happened":"AGE-SECRET-KEY-1ABC was read"}')], "folder")
    assert said.startswith("folder, ceremony.jsonl: something that was typed looks like a private key")


def test_the_files_of_a_tar_are_read():
    tar = b"".join(bundle.tar(iter(GOOD)))
    assert list(courier.members(tar, "stick")) == GOOD


def test_a_tar_that_is_none_is_refused():
    with pytest.raises(VerificationError, match="stick: is not a tar"):
        list(courier.members(b"x" * 2000, "stick"))


def test_a_tar_with_a_link_is_refused():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    with pytest.raises(VerificationError, match="stick, folder: is no plain file"):
        list(courier.members(made.getvalue(), "stick"))


def test_what_else_is_on_a_courier_is_named():
    assert courier.besides(["a.tar", "a.tar.sha256", "request/index.json", "x.age"], ["a.tar", "a.tar.sha256"]) == [
        "request/index.json",
        "x.age",
    ]


def test_a_backup_of_any_ceremony_on_a_courier_is_refused():
    with pytest.raises(VerificationError, match=r"ceremony-1/private/root-1\.age: is a backup on the courier"):
        courier.besides(["ceremony-1/private/root-1.age"], [])
