# SPDX-License-Identifier: Apache-2.0
"""The request: what an online machine fetched and carries into the room, as bytes and values.

A request is a folder that survives vfat: `index.json`, canonical JSON, and
`files/<sha256>.json`, each named by the digest of its own bytes, which are a
server's, byte for byte. The index names, for each repository, the server's
public keys and the metadata that it serves, whole histories included:

    {"repositories":{"docker.io/acme/app":{
        "keys":{"snapshot":{"sha256":"...","size":103},"timestamp":{...}},
        "known":true,
        "metadata":{"root":[{"sha256":"...","size":2341,"version":1}],"targets":[...],"targets/releases":[...]}}},
     "schema":1,"server":"https://notary.example"}

The digest of a request is that of its index, so whoever approves the digest
approves every byte. Everything here checks form and digests. Whether a root
chains to a trusted one, and who signed what, is judged elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from ceremony.core import canonical
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.plan_names import check_repository
from ceremony.errors import PlanRefused, VerificationError

SCHEMA = 1
INDEX = "index.json"
MAX_INDEX = 64 * 1024 * 1024
"""Bytes; room for 50,000 repositories with their histories."""
MAX_KEY = 64 * 1024
MAX_METADATA = 10 * 1024 * 1024
MAX_NAME = 255
"""Characters of a role, as in Notary's database, and of a server's address."""

KEY_ROLES = ("snapshot", "timestamp")
AGAIN = "run `ceremony fetch` again on the online machine, and bring the whole folder"

_ROLE = re.compile(r"root|targets|snapshot|timestamp|targets(/[-a-z0-9_]+)+")
_SERVER = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a request, and what it is there for."""

    repository: str
    role: str
    version: int
    """Of metadata; 0 for a server's public key."""
    sha256: str
    size: int
    """Bytes."""

    @property
    def path(self) -> str:
        """The file's path within the request."""
        return path_of(self.sha256)

    @property
    def subject(self) -> str:
        """What the file is, as messages name it."""
        what = f"{self.role} version {self.version}" if self.version else f"{self.role} key"
        return f"request {self.path} ({self.repository}, {what})"


@dataclass(frozen=True, slots=True)
class Repository:
    """What a request holds of one repository."""

    keys: Mapping[str, StoredFile]
    """The server's public keys by role, of `KEY_ROLES`."""
    metadata: Mapping[str, tuple[StoredFile, ...]]
    """By role, versions ascending; a role that the server does not have is absent."""

    @property
    def known(self) -> bool:
        """Whether the server has metadata of this repository."""
        return bool(self.metadata)

    def files(self) -> Iterable[StoredFile]:
        """Return every file that belongs to the repository."""
        yield from self.keys.values()
        for versions in self.metadata.values():
            yield from versions


@dataclass(frozen=True, slots=True)
class Request:
    """An index that was parsed."""

    server: str
    repositories: Mapping[str, Repository]
    digest: str
    """`sha256:` and the SHA-256 of the index, hex: what a plan names."""

    def files(self) -> dict[str, StoredFile]:
        """Return every file that the request needs, by its digest; of equal files, the first."""
        found: dict[str, StoredFile] = {}
        for repository in self.repositories.values():
            for file in repository.files():
                found.setdefault(file.sha256, file)
        return found


def path_of(sha256: str) -> str:
    """Return the path within a request of the file with this digest, hex."""
    return f"files/{sha256}.json"


def digest_of(index: bytes) -> str:
    """Return the digest of a request, given its index."""
    return f"sha256:{hashlib.sha256(index).hexdigest()}"


def store(repository: str, role: str, version: int, data: bytes) -> StoredFile:
    """Return how the index names `data`; `version` is 0 for a server's public key."""
    return StoredFile(repository, role, version, hashlib.sha256(data).hexdigest(), len(data))


def is_server(text: str) -> bool:
    """Tell whether `text` is a server's address as an index writes it: scheme, host, port, plain path; nothing else."""
    return len(text) <= MAX_NAME and _SERVER.fullmatch(text) is not None


def build_index(server: str, repositories: Mapping[str, Repository]) -> bytes:
    """Return the index of a request as canonical JSON; raises VerificationError for what `parse_index` would refuse."""
    index = canonical.encode(
        {
            "schema": SCHEMA,
            "server": server,
            "repositories": {gun: _written(repository) for gun, repository in repositories.items()},
        },
        f"request {INDEX}",
    )
    parse_index(index)
    return index


def _written(repository: Repository) -> Json:
    keys: JsonObject = {role: {"sha256": file.sha256, "size": file.size} for role, file in repository.keys.items()}
    metadata: JsonObject = {
        role: [{"sha256": file.sha256, "size": file.size, "version": file.version} for file in versions]
        for role, versions in repository.metadata.items()
    }
    return {"known": repository.known, "keys": keys, "metadata": metadata}


def parse_index(data: bytes) -> Request:
    """Return the request whose index `data` is.

    Raises VerificationError, naming the file and the repository, for anything that
    `build_index` would not have written: unknown or missing fields, names that are
    not safe, histories out of order, sizes beyond the limits.
    """
    if len(data) > MAX_INDEX:
        _refuse(f"is {len(data)} bytes, more than the {MAX_INDEX} that are read")
    try:
        value = canonical.parse_object(data, INDEX)
    except VerificationError as error:
        raise VerificationError(f"request {INDEX}", error.message.removeprefix(f"{INDEX}: "), hint=AGAIN) from error
    schema = value.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        _refuse(f"has schema {schema!r}, and this program reads schema {SCHEMA}")
    fields = _fields(value, {"repositories", "schema", "server"}, "")
    server = fields["server"]
    if not isinstance(server, str) or not is_server(server):
        _refuse("the field server is not an address like https://notary.example")
    repositories = fields["repositories"]
    if not isinstance(repositories, dict) or not repositories:
        _refuse("the field repositories names none")
    parsed = {gun: _repository(gun, repository) for gun, repository in repositories.items()}
    return Request(server, parsed, digest_of(data))


def _repository(gun: str, value: Json) -> Repository:
    try:
        check_repository(gun, "repositories")
    except PlanRefused as error:
        _refuse(error.message)
    fields = _fields(value, {"keys", "known", "metadata"}, f"{gun}: ")
    keys = _object(fields["keys"], f"{gun}: keys ")
    for role in keys:
        if role not in KEY_ROLES:
            _refuse(f"{gun}: no server holds a {role} key")
    metadata = _object(fields["metadata"], f"{gun}: metadata ")
    repository = Repository(
        {role: _file(gun, role, key) for role, key in keys.items()},
        {role: _history(gun, role, versions) for role, versions in metadata.items()},
    )
    if fields["known"] is not repository.known:
        _refuse(f"{gun}: the field known contradicts the metadata")
    if repository.known and "root" not in metadata:
        _refuse(f"{gun}: there is metadata but no root")
    return repository


def _history(gun: str, role: str, value: Json) -> tuple[StoredFile, ...]:
    if len(role) > MAX_NAME or not _ROLE.fullmatch(role):
        _refuse(f"{gun}: {role[:MAX_NAME]!r} is not a role")
    if not isinstance(value, list) or not value:
        _refuse(f"{gun}: {role} is not a list of versions")
    history = tuple(_file(gun, role, version, versioned=True) for version in value)
    if any(later.version <= earlier.version for earlier, later in pairwise(history)):
        _refuse(f"{gun}: the versions of {role} do not ascend")
    return history


def _file(gun: str, role: str, value: Json, *, versioned: bool = False) -> StoredFile:
    what = f"{gun}: {role} "
    fields = _fields(value, {"sha256", "size", "version"} if versioned else {"sha256", "size"}, what)
    sha256, size, version = fields["sha256"], fields["size"], fields.get("version", 0)
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        _refuse(f"{what}has a digest that is not SHA-256 in hex")
    limit = MAX_METADATA if versioned else MAX_KEY
    if type(size) is not int or not 0 < size <= limit:
        _refuse(f"{what}has the size {size!r}, and between 1 and {limit} bytes are read")
    if type(version) is not int or (versioned and version < 1):
        _refuse(f"{what}has the version {version!r}, and versions count from 1")
    return StoredFile(gun, role, version, sha256, size)


def _object(value: Json, what: str) -> JsonObject:
    if not isinstance(value, dict):
        _refuse(f"{what}is not an object")
    return value


def _fields(value: Json, names: set[str], what: str) -> JsonObject:
    fields = _object(value, what)
    for name in sorted(names ^ fields.keys()):
        _refuse(f"{what}{'lacks the field' if name in names else 'has the unknown field'} {name[:MAX_NAME]}")
    return fields


def _refuse(what: str) -> NoReturn:
    raise VerificationError(f"request {INDEX}", what, hint=AGAIN)


def check_names(request: Request, names: Iterable[str]) -> None:
    """Check that a folder holds the request's files and no others.

    `names` are paths relative to the request. Raises VerificationError, naming the
    first file that is missing or that nothing names.
    """
    present, wanted = set(names), {file.path: file for file in request.files().values()}
    for path in sorted(wanted.keys() - present):
        raise VerificationError(wanted[path].subject, "is missing", hint=AGAIN)
    for path in sorted(present - wanted.keys() - {INDEX}):
        raise VerificationError(
            f"request {path}", "is not named by its index", hint="delete it; it is not part of what was fetched"
        )


def check_size(file: StoredFile, size: int) -> None:
    """Check a file's length in bytes, before it is read; raises VerificationError."""
    if size != file.size:
        raise VerificationError(file.subject, f"is {size} bytes and not {file.size}", hint=f"it was cut or changed; {AGAIN}")


def check_file(file: StoredFile, data: bytes) -> None:
    """Check the bytes of a file against the index; raises VerificationError, naming file and repository."""
    check_size(file, len(data))
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise VerificationError(file.subject, "is not the file that was fetched", hint=f"it was changed; {AGAIN}")
