# SPDX-License-Identifier: Apache-2.0
"""The Debian packages of the kit, fetched by the machine's own apt, and an index from which apt installs them offline.

Everything that they need comes along, the C library included, as if nothing at all were
installed: so they fit onto a bare system, and onto one that is older than the archive.
apt checks the archive's signatures; its own lists and state stay in a folder of ours.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from said import KitError, run

WANTED = (
    "age",
    "jq",
    "libccid",
    "opensc",
    "openssh-client",
    "openssl",
    "pcscd",
    "python3",
    "python3-venv",
    "softhsm2",
)
"""What a ceremony, its rehearsal and its verification run: not what only tests do."""


def fetch(into: Path, work: Path) -> None:
    """Fetch the packages that are wanted, with all that they need, into a folder, and write its `Packages`."""
    status, archives = work / "status", work / "cache/archives"
    for folder in (work / "state/lists/partial", archives / "partial"):
        folder.mkdir(parents=True)
    status.touch()
    settings = {
        "Dir::State": work / "state",
        "Dir::State::status": status,  # empty: nothing counts as installed
        "Dir::Cache": work / "cache",
        "Dir::Log": work,
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
        "APT::Keep-Downloaded-Packages": "true",
        "Debug::NoLocking": "true",
    }
    apt = ["apt-get", "-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    run([*apt, "update"])
    run([*apt, "install", "--download-only", "--no-install-recommends", "--yes", *WANTED])
    found = sorted(archives.glob("*.deb"))
    if not found:
        raise KitError("apt fetched no package; look at what `apt-get update` says on this machine")
    entries = [take(deb, into) for deb in found]
    (into / "Packages").write_text("\n\n".join(sorted(entries)) + "\n", encoding="utf-8")


def take(deb: Path, into: Path) -> str:
    """Move a package into the folder, and return its entry of the index."""
    control = run(["dpkg-deb", "-f", str(deb)])
    fields = dict(line.split(": ", 1) for line in control.splitlines() if ": " in line and not line.startswith(" "))
    # Without the epoch, as in the archive: its colon is no name for every medium.
    name = f"{fields['Package']}_{fields['Version'].rpartition(':')[2]}_{fields['Architecture']}.deb"
    data = deb.read_bytes()
    (into / name).write_bytes(data)
    return f"{control}\nFilename: ./{name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}"
