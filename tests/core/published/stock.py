# SPDX-License-Identifier: Apache-2.0
"""Repositories that the stock client made on a real server, fetched as a request would bring them.

repository = Stock(server, tmp_path, "docker.io/acme/app")   # notary init -p
repository.add("1.0", "one")                                 # notary add -p
request, files = fetched(server, [repository.gun])
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ceremony.core.canonical import parse_loose
from ceremony.core.dialects import Draft, Signature
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm, from_crypto, from_spki
from ceremony.core.published import reading
from ceremony.core.published.changes import Changes
from ceremony.core.published.trusted import TrustedRoot, from_key_ids
from ceremony.core.published.values import Published
from ceremony.core.request import KEY_ROLES, Repository, Request, StoredFile, build_index, parse_index, store
from ceremony.core.software_key import PrivateKey, SoftwareKey
from tests.peers.notary import PASSPHRASE, NotaryServer, notary

VERSIONS = range(1, 30)


class Stock:
    """A repository that the stock client made, and the folder of its owner."""

    def __init__(self, server: NotaryServer, folder: Path, gun: str, *, owner: str = "owner") -> None:
        self.server, self.gun = server, gun
        self.trust = folder / owner
        self._file = folder / "content"
        self.notary("init", "-p", gun)

    def notary(self, *args: str, trust: Path | None = None, check: bool = True) -> str:
        done = notary(*args, server=self.server.url, trust=trust or self.trust, check=check)
        return done.stdout + done.stderr + ("" if done.returncode == 0 else f"\nended {done.returncode}")

    def add(self, tag: str, content: str, *options: str, trust: Path | None = None, check: bool = True) -> str:
        self._file.write_text(content)
        return self.notary("add", "-p", self.gun, tag, str(self._file), *options, trust=trust, check=check)

    def tags(self, trust: Path) -> dict[str, str]:
        """Return tag → role, as the stock client lists them with the cache in `trust`."""
        lines = self.notary("list", self.gun, trust=trust).splitlines()
        rows = [line.split() for line in lines if re.search(r"[0-9a-f]{64}", line)]
        return {row[0]: row[3] for row in rows}

    def key(self, role: str) -> SoftwareKey:
        """Return the private key of `root` or `targets`, out of the owner's folder."""
        key_ids = _roles(self.server, self.gun)[role]
        for path in (self.trust / "private").iterdir():
            text = path.read_text()
            if f"role: {role}\n" in text and (role == "root" or path.stem in key_ids):
                return _opened(text)
        raise AssertionError(f"no {role} key of {self.gun}")

    def delegate(self, role: str, folder: Path, *, bits: int = 0) -> tuple[SoftwareKey | None, Path]:
        """Delegate to a new key with a certificate as openssl makes it; returns the key and its owner's folder."""
        private: PrivateKey = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        certificate, trust = folder / f"{role.replace('/', '-')}.pem", folder / f"trust-{role.replace('/', '-')}"
        certificate.write_bytes(_certificate(private))
        for name in (role, "targets/releases"):
            self.notary("delegation", "add", "-p", self.gun, name, str(certificate), "--all-paths")
        key = certificate.with_suffix(".key")
        key.write_bytes(_pkcs8(private))
        self.notary("key", "import", str(key), "--role", role.removeprefix("targets/"), trust=trust)
        return None if bits else SoftwareKey(from_crypto(private.public_key()), private), trust


def _roles(server: NotaryServer, gun: str) -> dict[str, list[str]]:
    roles = json.loads(server.get(gun, "root.json") or b"")["signed"]["roles"]
    return {name: role["keyids"] for name, role in roles.items()}


def _opened(text: str) -> SoftwareKey:
    begin, rest = text.split("\n", 1)
    pem = begin + "\n" + rest.split("\n\n", 1)[1]
    # openssl, and not the library, which does not read what Go encrypted.
    command = ["openssl", "pkcs8", "-in", "/dev/stdin", "-passin", f"pass:{PASSPHRASE}"]
    plain = subprocess.run(command, input=pem.encode(), capture_output=True, check=True).stdout
    private = serialization.load_pem_private_key(plain, None)
    assert isinstance(private, PrivateKey)
    return SoftwareKey(from_crypto(private.public_key()), private)


def _certificate(private: PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")])
    start = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 7, start, start + timedelta(days=3650))
    signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(private, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def _pkcs8(private: PrivateKey) -> bytes:
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def fetched(server: NotaryServer, guns: Iterable[str], *, extra: Sequence[str] = ()) -> tuple[Request, dict[str, bytes]]:
    """Return a request and its files (digest → bytes), whole histories of root, targets and delegations included."""
    repositories: dict[str, Repository] = {}
    files: dict[str, bytes] = {}

    def kept(gun: str, role: str, version: int, data: bytes) -> StoredFile:
        file = store(gun, role, version, data)
        files[file.sha256] = data
        return file

    for gun in guns:
        keys = {role: kept(gun, role, 0, server.get(gun, f"{role}.key") or b"") for role in KEY_ROLES}
        histories = {role: history(server, gun, role) for role in ("root", "targets", *delegated(server, gun), *extra)}
        histories |= {role: history(server, gun, role)[-1:] for role in ("snapshot", "timestamp")}
        metadata = {
            role: tuple(kept(gun, role, version, data) for version, data in versions)
            for role, versions in histories.items()
            if versions
        }
        repositories[gun] = Repository(keys, metadata)
    return parse_index(build_index(server.url, repositories)), files


def history(server: NotaryServer, gun: str, role: str) -> list[tuple[int, bytes]]:
    """Return the versions that a server has of a role."""
    found = [(version, server.get(gun, f"{version}.{role}.json")) for version in VERSIONS]
    return [(version, data) for version, data in found if data is not None]


def delegated(server: NotaryServer, gun: str) -> list[str]:
    """Return the delegations of a repository's targets."""
    targets = json.loads(server.get(gun, "targets.json") or b"{}")
    return [role["name"] for role in targets["signed"]["delegations"]["roles"]]


def pinned(server: NotaryServer, *guns: str) -> TrustedRoot:
    """Return the trusted root that is the root key ids of these repositories today."""
    return from_key_ids(" ".join(key_id for gun in guns for key_id in _roles(server, gun)["root"]))


def read(server: NotaryServer, gun: str, trusted: TrustedRoot | None = None, now: datetime | None = None) -> Published:
    """Return what is published of a repository, which must be readable."""
    request, files = fetched(server, [gun])
    found = reading.read(request, files, trusted or pinned(server, gun), SEQUEL, now or datetime.now(UTC))[gun]
    if not isinstance(found, Published):
        raise found
    return found


def signed_root(published: Published, changes: Changes, keys: Sequence[SoftwareKey]) -> bytes:
    """Return the next root, signed by those of its signers that are among `keys`."""
    draft = SEQUEL.next_root(published, changes)
    by = {key.public.sha256: key for key in keys}
    signatures = []
    for signer in SEQUEL.root_signers(published, changes).keys:
        if signer.fingerprint in by:
            key = by[signer.fingerprint]
            algorithm = from_spki(signer.spki).algorithm
            value = key.sign(DIALECT.scheme(algorithm), draft.payload)
            signatures += [Signature(key_id, algorithm, value) for key_id in signer.key_ids]
    return DIALECT.assemble(draft, signatures)


def signed(draft: Draft, key: SoftwareKey) -> bytes:
    """Return a draft signed by one bare key."""
    algorithm = key.public.algorithm
    return DIALECT.assemble(
        draft, [Signature(DIALECT.key_id(key.public), algorithm, key.sign(DIALECT.scheme(algorithm), draft.payload))]
    )


def post(server: NotaryServer, gun: str, files: Mapping[str, bytes]) -> tuple[int, str]:
    """Send metadata in one request; returns status and answer."""
    boundary = "frontier"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{role}"\r\n\r\n'.encode() + data + b"\r\n"
        for role, data in files.items()
    ]
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(f"{server.url}/v2/{gun}/_trust/tuf/", body, headers, method="POST")
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def new_server_key(server: NotaryServer, gun: str, role: str) -> bytes:
    """Let the server make a new key for a role; returns it as the server answers."""
    request = urllib.request.Request(f"{server.url}/v2/{gun}/_trust/tuf/{role}.key", b"", method="POST")
    with urllib.request.urlopen(request) as reply:
        return bytes(reply.read())


def content(data: bytes) -> dict[str, object]:
    """Return the signed part of a file."""
    whole = parse_loose(data)
    assert isinstance(whole, dict)
    signed_part = whole["signed"]
    assert isinstance(signed_part, dict)
    return dict(signed_part)


def raw(key: SoftwareKey) -> str:
    """Return a public key as metadata lists it, base64."""
    ed = key.public.algorithm is Algorithm.ED25519
    return base64.b64encode(key.public.raw_ed25519 if ed else key.public.spki).decode()
