# SPDX-License-Identifier: Apache-2.0
"""The Debian packages of the kit, fetched by the machine's own apt, and an index from which apt installs them offline.

Everything that they need comes along, the C library included, as if nothing at all were
installed: so they fit onto a bare system, and onto one that is older than the archive.
apt checks the archive's signatures; its own lists and state stay in a folder of ours.
Which archives count, and whose signatures, the machine's own sources say: of these only
those are refused that apt would take unsigned, or without copying.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import quote

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


_TRUSTED = re.compile(r"^[^#\n]*\btrusted\s*[=:]\s*(?:yes|true|with|on|enable|1)\b", re.IGNORECASE | re.MULTILINE)


def fetch(into: Path, work: Path) -> None:
    """Fetch the packages that are wanted, with all that they need, into a folder, and write its `Packages`.

    Raises KitError for sources that apt would take unsigned, and for packages that apt would not install from the folder.
    """
    apt = prepare(work)
    refuse_sources(run([*apt, "indextargets", "--format", "$(SOURCESENTRY) $(REPO_URI)", "Created-By: Packages"]))
    run([*apt, "update"])
    run([*apt, "install", "--download-only", "--no-install-recommends", "--yes", *WANTED])
    found = sorted((work / "cache/archives").glob("*.deb"))
    if not found:
        raise KitError("apt fetched no package; look at what `apt-get update` says on this machine")
    entries = [take(deb, into) for deb in found]
    (into / "Packages").write_text("\n\n".join(sorted(entries)) + "\n", encoding="utf-8")
    prove(into, work / "proof")


def prepare(work: Path) -> list[str]:
    """Return how apt is called so that nothing counts as installed, all that it keeps is in a folder, and nothing unsigned is taken."""
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
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Sandbox::User": "",
        "APT::Keep-Downloaded-Packages": "true",
        "Debug::NoLocking": "true",
    }
    return ["apt-get", "-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def refuse_sources(listed: str) -> None:
    """Refuse sources of the machine that are marked as trusted without a signature, or whose packages apt does not copy.

    `listed` has a line for each index: the file that names the source, `:` and its line, then the address.
    """
    for line in listed.splitlines():
        place, _, address = line.partition(" ")
        file = place.rpartition(":")[0]
        if address.startswith(("file:", "cdrom:")):
            raise KitError(
                f"{file} names {address}, which apt does not copy from; name an archive that it fetches, or write copy: for file:"
            )
        if file and _TRUSTED.search(Path(file).read_text(encoding="utf-8", errors="replace")):
            raise KitError(f"{file} has a source that is trusted without a signature; remove it, and run apt-get update")


def prove(debs: Path, work: Path) -> None:
    """Let apt say that it would install all that is wanted, on an empty machine, from the folder alone and every package in it.

    Raises KitError where it would not.
    """
    apt = prepare(work)
    source = work / "sources.list"
    source.write_text(f"deb [trusted=yes] file:{quote(str(debs))} ./\n")
    for name, value in {
        "sourcelist": source,
        "sourceparts": "/dev/null",
        "preferences": "/dev/null",
        "preferencesparts": "/dev/null",
    }.items():
        apt += ["-o", f"Dir::Etc::{name}={value}"]
    run([*apt, "update"])
    said = run([*apt, "install", "--simulate", "--no-install-recommends", "--yes", *WANTED])
    would = len(re.findall(r"^Inst ", said, re.MULTILINE))
    have = len(list(debs.glob("*.deb")))
    if would != have:
        raise KitError(f"apt fetched {have} packages and would install {would} of them; look at the sources of this machine")


def take(deb: Path, into: Path) -> str:
    """Move a package into the folder, and return its entry of the index."""
    control = run(["dpkg-deb", "-f", str(deb)])
    fields = dict(line.split(": ", 1) for line in control.splitlines() if ": " in line and not line.startswith(" "))
    # Without the epoch, as in the archive: its colon is no name for every medium.
    name = f"{fields['Package']}_{fields['Version'].rpartition(':')[2]}_{fields['Architecture']}.deb"
    data = deb.read_bytes()
    (into / name).write_bytes(data)
    return f"{control}\nFilename: ./{name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}"
