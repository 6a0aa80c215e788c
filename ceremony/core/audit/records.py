# SPDX-License-Identifier: Apache-2.0
"""Form, chain, files and manifest: the log holds together, and every file is what it says."""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError


def check_log(a: Audited) -> None:
    """Check form and chain, that the log begins with its opening, and ends with its close."""
    records = a.found.records
    torn = a.found.torn
    if torn and b"\n" not in torn:
        a.incomplete(bundle.LOG, f"its last line is torn ({len(torn)} bytes); {len(records)} records before it chain")
    elif torn:
        a.failed(bundle.LOG, a.found.fault.message if a.found.fault else "does not chain")
    if not records or records[0].kind != "open" or a.past.opened.get("form") != "ceremony/v1":
        a.failed(bundle.LOG, "does not begin with the record that opens a ceremony")
        return
    if any(record.kind == "open" for record in records[1:]):
        a.failed(bundle.LOG, "opens a ceremony twice")
    if a.mode not in set(Mode):
        a.failed("record 0", f"names the unknown mode {a.mode!r}")
    closes = [record.seq for record in records if record.kind == "close"]
    if not closes:
        a.incomplete(bundle.LOG, f"{len(records)} records chain; there is no close record")
    elif closes != [len(records) - 1] or torn:
        a.failed(bundle.LOG, "goes on after its close record")
    else:
        a.ok(bundle.LOG, f"{len(records)} records chain, from open to close")
    _check_members(a)
    if closes and a.past.open_intents:
        a.failed(bundle.LOG, f"was closed with open acts: {', '.join(sorted(key for _, key in a.past.open_intents))}")


def _check_members(a: Audited) -> None:
    """Check the types of what other checks rest on: acts are named by texts, files by texts and digests."""
    for record in a.found.records:
        body = record.body
        if record.kind in ("intent", "result"):
            good = isinstance(body.get("action"), str) and isinstance(body.get("key"), str)
        elif record.kind == "files":
            files = body.get("files")
            good = isinstance(files, dict) and all(isinstance(digest, str) for digest in files.values())
        elif record.kind == "set-aside":
            good = all(isinstance(body.get(name), str) for name in ("store", "path", "to", "sha256"))
        else:
            continue
        if not good:
            a.failed(f"record {record.seq}", f"does not say what a record of kind {record.kind} says")


def check_files(a: Audited) -> None:
    """Check that each recorded file is what was recorded, and that every file is named by something."""
    good = 0
    for path, digest in a.past.files.items():
        data = a.read(path)
        if data is not None and a.digests[path] != digest:
            a.failed(path, "is not the file that was recorded")
        good += data is not None and a.digests[path] == digest
    if a.past.closed and good == len(a.past.files):
        a.ok("files", f"{good} of {len(a.past.files)} recorded files are as recorded")
    last = last_head(a)
    for path in sorted(a.names - a.past.files.keys()):
        after_close = a.past.closed and path in {last, bundle.MANIFEST}
        if path != bundle.LOG and not after_close and not bundle.signed_head(path)[0]:
            (a.failed if a.past.closed else a.incomplete)(path, "is named by no record")


def last_head(a: Audited) -> str:
    """Return the path of the final head of a closed log: one after the last that is recorded."""
    return bundle.head(1 + bundle.highest_head(a.past.files))


def check_manifest(a: Audited) -> None:
    """Check that the manifest is in its one form and names every file with its digest."""
    if bundle.MANIFEST not in a.names:
        a.incomplete(bundle.MANIFEST, "is not written yet")
        return
    data = a.read(bundle.MANIFEST) or b""
    try:
        listed = bundle.parse_manifest(data)
    except CeremonyError as error:
        a.failed(bundle.MANIFEST, error.message)
        return
    expected = {path for path in a.names if bundle.in_manifest(path)}
    for path in sorted(expected ^ listed.keys()):
        a.failed(bundle.MANIFEST, f"and the folder do not agree on {path}")
    for path in sorted(expected & listed.keys()):
        if path not in a.digests:
            a.read(path)
        if a.digests.get(path) != listed[path]:
            a.failed(path, "is not the file that the manifest names")
    a.ok(bundle.MANIFEST, f"names {len(listed)} files")
