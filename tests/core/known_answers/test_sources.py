# SPDX-License-Identifier: Apache-2.0
"""The known answers are those of standards and of other programs: both are asked again here, none of this program's own code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from securesystemslib.formats import encode_canonical

from ceremony.core.known_answers import answers
from ceremony.core.known_answers import backup_values as backups
from ceremony.core.known_answers import key_values as keys
from ceremony.core.known_answers import metadata_values as metadata
from ceremony.core.known_answers import people_values as people
from tests.core.test_roca import faulty
from tests.peers.openssl import openssl

VECTORS = Path(__file__).parents[2] / "vectors"
GOOD = {answer.name: answer.good for answer in answers()}
PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
PRIVATE = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def published(algorithm: str, scheme: str) -> dict[str, str]:
    """Return the answer of RFC 6979, for the message `sample`."""
    cases = json.loads((VECTORS / "ecdsa/rfc6979.json").read_text())
    return next(c for c in cases if (c["algorithm"], c["scheme"], c["message"]) == (algorithm, scheme, "sample"))


@pytest.mark.parametrize(
    ("name", "algorithm", "scheme"),
    [
        pytest.param("ECDSA P-256, SHA-256", "ecdsa-p256", "ecdsa-sha256", id="P-256"),
        pytest.param("ECDSA P-384, SHA-384", "ecdsa-p384", "ecdsa-sha384", id="P-384"),
        pytest.param("ECDSA P-384, SHA-256", "ecdsa-p384", "ecdsa-sha256", id="P-384 over SHA-256"),
    ],
)
def test_ecdsa_is_as_rfc_6979_has_it(name, algorithm, scheme):
    known = published(algorithm, scheme)
    private = ec.derive_private_key(int(known["private"], 16), ec.SECP384R1() if "384" in algorithm else ec.SECP256R1())
    assert GOOD[name] == (private.public_key().public_bytes(*PUBLIC), b"sample", bytes.fromhex(known["r"] + known["s"]))
    if algorithm == "ecdsa-p256":
        assert private.private_bytes(*PRIVATE) == keys.P256_PKCS8


def test_ed25519_is_as_rfc_8032_has_it():
    private = ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    assert GOOD["Ed25519"] == (private.public_key().public_bytes(*PUBLIC), b"\x72", private.sign(b"\x72"))


@pytest.mark.parametrize(
    ("signature", "options"),
    [
        pytest.param(keys.RSA_PSS, ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"), id="PSS"),
        pytest.param(keys.RSA_PKCS1, (), id="PKCS #1"),
    ],
)
def test_openssl_verifies_the_rsa_signatures(signature, options, tmp_path):
    (tmp_path / "key").write_bytes(
        serialization.load_der_public_key(keys.RSA_SPKI).public_bytes(serialization.Encoding.PEM, PUBLIC[1])
    )
    (tmp_path / "message").write_bytes(keys.MESSAGE)
    (tmp_path / "signature").write_bytes(signature)
    files = ("-verify", tmp_path / "key", "-signature", tmp_path / "signature", tmp_path / "message")
    assert b"Verified OK" in openssl("dgst", "-sha256", *options, *files)


def test_the_faulty_key_is_made_as_the_paper_says():
    assert int.from_bytes(keys.ROCA_MODULUS) == faulty(3072)


@pytest.mark.parametrize("kind", ["ED25519", "ECDSA", "RSA", "FIDO"])
def test_ssh_keygen_verifies_the_signatures_of_people(kind, tmp_path):
    (tmp_path / "allowed").write_bytes(b"ada " + getattr(people, f"SSH_{kind}_KEY") + b"\n")
    (tmp_path / "signature").write_bytes(getattr(people, f"SSH_{kind}"))
    options = ["-n", "ceremony-head", "-I", "ada", "-f", tmp_path / "allowed", "-s", tmp_path / "signature"]
    subprocess.run(["ssh-keygen", "-Y", "verify", *options], input=keys.MESSAGE, capture_output=True, check=True)


def test_age_opens_the_age_file(tmp_path):
    (tmp_path / "identity").write_text(f"{backups.IDENTITY}\n")
    command = ["age", "-d", "-i", tmp_path / "identity"]
    assert subprocess.run(command, input=backups.AGE_FILE, capture_output=True, check=True).stdout == keys.MESSAGE
    told = subprocess.run(["age-keygen", "-y", tmp_path / "identity"], capture_output=True, text=True, check=True).stdout
    assert told.strip() == backups.RECIPIENT


def test_the_file_under_a_passphrase_is_made_as_the_specification_of_age_says():
    salt, file_key, nonce = (hashlib.sha256(what).digest()[:16] for what in (b"salt", b"file key", b"nonce"))
    wrapping = hashlib.scrypt(backups.WORDS.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=1 << 10, r=8, p=1, dklen=32)
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {unpadded(salt)} 10\n{unpadded(body)}\n---".encode()
    mac = unpadded(hmac.digest(derived(file_key, None, b"header"), header, "sha256"))
    payload = ChaCha20Poly1305(derived(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\x01", backups.IDENTITY.encode(), None)
    assert header + f" {mac}\n".encode() + nonce + payload == backups.AGE_PASSPHRASE_FILE


def unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def derived(key: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(key)


def test_the_wrapped_key_is_that_of_rfc_6979():
    assert aes_key_wrap_with_padding(bytes(range(32)), keys.P256_PKCS8) == backups.WRAPPED


def test_the_shares_are_those_of_the_specification():
    (known, *_) = json.loads((VECTORS / "slip39/sets.json").read_text())
    assert GOOD["shares put together"] == (*(share.encode() for share in known["shares"]), known["secret"].encode())


def test_the_tree_is_that_of_certificate_transparency():
    known = json.loads((VECTORS / "merkle/trees.json").read_text())
    assert GOOD["Merkle tree"] == (*map(bytes.fromhex, known["leaves"]), known["roots"][-1].encode())


def test_the_log_and_its_head_are_as_their_format_says():
    log, head = GOOD["log and its head"]
    assert GOOD["log and its chain"] == (log,)
    first, second, third = lines = log.splitlines(keepends=True)
    for line, before in ((second, first), (third, second)):
        assert json.loads(line)["prev"] == hashlib.sha256(before).hexdigest()
    leaves = [hashlib.sha256(b"\0" + line).digest() for line in lines]
    root = hashlib.sha256(b"\1" + hashlib.sha256(b"\1" + leaves[0] + leaves[1]).digest() + leaves[2]).hexdigest()
    assert head.decode().splitlines()[2:] == [
        "entries: 3", f"bytes: {len(log)}", f"sha256: {hashlib.sha256(log).hexdigest()}",
        f"chain: {hashlib.sha256(third).hexdigest()}", f"merkle: {root}",
    ]  # fmt: skip
    assert GOOD["head of a log"] == (head, hashlib.sha256(head).hexdigest().encode())


@pytest.mark.parametrize(
    ("name", "key_type"), [("ECDSA", "ecdsa"), ("Ed25519", "ed25519"), ("RSA", "rsa"), ("certificate", "ecdsa-x509")]
)
def test_key_ids_are_over_what_securesystemslib_writes(name, key_type):
    public, key_id = GOOD[f"Notary key id, {name}"]
    raw = public[-32:] if key_type == "ed25519" else public
    entry = {"keytype": key_type, "keyval": {"private": None, "public": base64.b64encode(raw).decode()}}
    assert hashlib.sha256(str(encode_canonical(entry)).encode()).hexdigest() == key_id.decode()


def test_the_metadata_is_what_other_libraries_wrote():
    assert GOOD["Notary client's rules"] == tuple((VECTORS / f"notary/{role}.json").read_bytes() for role in ("root", "targets"))


def test_openssl_verifies_the_certificate_and_reads_what_it_must_say(tmp_path):
    path = tmp_path / "certificate"
    path.write_bytes(metadata.CERTIFICATE)
    assert b": OK" in openssl("verify", "-CAfile", path, "-check_ss_sig", path)
    read = openssl("x509", "-in", path, "-noout", "-subject", "-enddate", "-ext", "extendedKeyUsage").decode()
    assert "CN = docker.io/acme/*" in read.replace("CN=", "CN = ")
    assert "Nov 19 00:00:00 2046 GMT" in read
    assert "Code Signing" in read


def test_openssl_verifies_the_chain_of_the_attestation(tmp_path: Path):
    for name in ("STATEMENT", "DEVICE", "AUTHORITY"):
        der = tmp_path / f"{name}.der"
        der.write_bytes(getattr(metadata, name))
        openssl("x509", "-inform", "DER", "-in", der, "-out", tmp_path / name)
    chain = ("-CAfile", tmp_path / "AUTHORITY", "-untrusted", tmp_path / "DEVICE")
    assert b": OK" in openssl("verify", *chain, tmp_path / "STATEMENT")


def test_the_hashes_are_those_of_coreutils():
    for bits in (256, 384, 512):
        data, digest = GOOD[f"SHA-{bits}"]
        told = subprocess.run([f"sha{bits}sum"], input=data, capture_output=True, check=True).stdout
        assert told.split()[0] == digest
