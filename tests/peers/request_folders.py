# SPDX-License-Identifier: Apache-2.0
"""Request folders as `ceremony fetch` makes them, and what can be wrong with one.

write(folder, [APP], OTHER)     # a server's throw-away keys for two repositories
SPOILED["a key that is none"]   # (spoil the folder, what is said of it)
"""

from __future__ import annotations

import base64
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ceremony.core import canonical, software_key
from ceremony.core.keys import Algorithm
from ceremony.core.request import INDEX, KEY_ROLES, Repository, StoredFile, build_index, store

SERVER = "https://notary.example"
APP = "docker.io/acme/app"
OTHER = "docker.io/acme/other"
Spoil = Callable[[Path], None]


def server_key() -> bytes:
    """Return a new public key as a server serves it."""
    raw = software_key.make(Algorithm.ED25519).public.raw_ed25519
    return json.dumps({"keytype": "ed25519", "keyval": {"public": base64.b64encode(raw).decode(), "private": None}}).encode()


def write(folder: Path, *names: str, key: Callable[[], bytes] = server_key, metadata: Mapping[str, bytes] | None = None) -> None:
    """Write a request for the repositories `names`; with `metadata` (role → bytes), the server knows them already."""
    repositories: dict[str, Repository] = {}
    files: dict[str, bytes] = {}

    def stored(name: str, role: str, version: int, data: bytes) -> StoredFile:
        file = store(name, role, version, data)
        files[file.path] = data
        return file

    for name in names:
        keys = {role: stored(name, role, 0, key()) for role in KEY_ROLES}
        served = {role: (stored(name, role, 1, data),) for role, data in (metadata or {}).items()}
        repositories[name] = Repository(keys=keys, metadata=served)
    (folder / "files").mkdir(parents=True)
    for path, data in {INDEX: build_index(SERVER, repositories), **files}.items():
        (folder / path).write_bytes(data)


def key_file(folder: Path) -> Path:
    """Return one of the request's files."""
    return min((folder / "files").iterdir())


def _again(*names: str, **options: object) -> Spoil:
    def spoil(folder: Path) -> None:
        for path in [*(folder / "files").iterdir(), folder / "files", folder / INDEX]:
            (path.rmdir if path.is_dir() else path.unlink)()
        write(folder, *names, **options)

    return spoil


def _index(change: Callable[[dict], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        index = json.loads((folder / INDEX).read_bytes())
        change(index)
        (folder / INDEX).write_bytes(canonical.encode(index))

    return spoil


def _linked(folder: Path) -> None:
    away = folder.parent / "away"
    key_file(folder).rename(away)
    (folder / "files" / "link.json").symlink_to(away)


def _flipped(folder: Path) -> None:
    data = bytearray(key_file(folder).read_bytes())
    data[-1] ^= 1
    key_file(folder).write_bytes(data)


def _as_tar(folder: Path) -> None:
    # The folder's own files, and one whose name leads out of it.
    with tarfile.open(folder.parent / "request.tar", "w") as archive:
        archive.add(folder / INDEX, INDEX)
        archive.add(folder / INDEX, "../evil.json")
    for path in sorted(folder.rglob("*"), reverse=True):
        (path.rmdir if path.is_dir() else path.unlink)()
    folder.rmdir()
    (folder.parent / "request.tar").rename(folder)


SPOILED: Mapping[str, tuple[Spoil, str]] = {
    "another repository": (_again(OTHER), rf"^request: holds nothing about {APP}$"),
    "a repository that the server knows": (
        _again(APP, metadata={"root": b"{}"}),
        rf"^request: the server has metadata of {APP} already$",
    ),
    "a key that is none": (_again(APP, key=lambda: b"{}"), rf"^{APP}, snapshot key of the server: does not have the members"),
    "a key that is no JSON": (
        _again(APP, key=lambda: b"\x00key"),
        rf"^{APP}, snapshot key of the server: is not the JSON that was expected",
    ),
    "no timestamp key": (
        _index(lambda index: index["repositories"][APP]["keys"].pop("timestamp")),
        r"^request files/[0-9a-f]{64}\.json: is not named by its index$",
    ),
    "a key cut short": (lambda f: os.truncate(key_file(f), 20), r": is 20 bytes and not \d+$"),
    "a key of 100 MB": (lambda f: os.truncate(key_file(f), 100_000_000), r": is 100000000 bytes and not \d+$"),
    "a key with a flipped bit": (_flipped, r": is not the file that was fetched$"),
    "a key that is missing": (lambda f: key_file(f).unlink(), r": is missing$"),
    "a file that nothing names": (
        lambda f: (f / "files" / "more.json").write_bytes(b"{}"),
        r"^request files/more\.json: is not named by its index$",
    ),
    "no index": (lambda f: (f / INDEX).unlink(), r"holds no index\.json$"),
    "an index cut short": (lambda f: os.truncate(f / INDEX, 100), r"^request index\.json: "),
    "an empty index": (lambda f: os.truncate(f / INDEX, 0), r"^request index\.json: "),
    "an index of 100 MB": (lambda f: os.truncate(f / INDEX, 100_000_000), r"index\.json is longer than the \d+ bytes"),
    "an index with .. in a repository's name": (
        _index(lambda index: index["repositories"].update({"docker.io/../app": index["repositories"].pop(APP)})),
        r'^request index\.json: .*"docker\.io/\.\./app"',
    ),
    "an index with .. in a file's name": (
        _index(lambda index: index["repositories"][APP]["keys"]["snapshot"].update(sha256="../../etc/passwd")),
        r"has a digest that is not SHA-256 in hex$",
    ),
    "an index with an unknown field": (_index(lambda index: index.update(more=1)), r"has the unknown field more$"),
    "a link": (_linked, r"'files/link\.json' is a link or a device, and only plain files are read$"),
    "a tar with .. in a name": (_as_tar, r"the name '\.\./evil\.json' is not a plain path$"),
}
"""What is wrong → how to make it so, and what is said of it."""
