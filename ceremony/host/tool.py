# SPDX-License-Identifier: Apache-2.0
"""What program runs this ceremony: its version, and a digest over its own files.

The list has one line for each file of the `ceremony` package, `sha256  path` as
`sha256sum` prints it, the path relative to the package, sorted bytewise, so anyone can
make the digest again:

    cd ceremony && find . -type f ! -path '*/__pycache__/*' | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum

An installed wheel lists its files with their digests (RECORD), and `differences` holds
the files against that list. It guards against rot and slips; whoever can change the
program can change its list, so the digest itself is what a release publishes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from ceremony.core.ports import ToolFacts

PACKAGE = Path(__file__).resolve().parent.parent
_NAME = "ceremony"


def tool(package: Path = PACKAGE) -> ToolFacts:
    """Return the version and the digest of the program; a version of `unknown` means that it was not installed."""
    try:
        version = metadata.version(_NAME)
    except metadata.PackageNotFoundError:
        version = "unknown"
    return ToolFacts(version=version, sha256=hashlib.sha256(file_list(package)).hexdigest())


def file_list(package: Path = PACKAGE) -> bytes:
    """Return the list of the program's own files: `sha256  path` and a newline for each, sorted bytewise by path."""
    return b"".join(f"{digest}  {path}\n".encode() for path, digest in sorted(digests(package).items(), key=_bytewise))


def digests(package: Path = PACKAGE) -> dict[str, str]:
    """Return the SHA-256, hex, of every file of the package, by its path in it; compiled caches are left out."""
    return {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def released() -> dict[str, str]:
    """Return what an installed release lists, as `digests` does; empty in a checkout, which lists none of its files."""
    try:
        files = metadata.files(_NAME) or []
    except metadata.PackageNotFoundError:
        return {}
    return {
        file.relative_to(_NAME).as_posix(): base64.urlsafe_b64decode(file.hash.value + "=").hex()
        for file in files
        if file.parts[0] == _NAME and file.hash is not None and file.hash.mode == "sha256"
    }


def differences(found: Mapping[str, str], listed: Mapping[str, str]) -> list[str]:
    """Return the paths that are missing, changed or not listed, sorted."""
    return sorted(path for path in {*found, *listed} if found.get(path) != listed.get(path))


def _bytewise(item: tuple[str, str]) -> bytes:
    return item[0].encode()
