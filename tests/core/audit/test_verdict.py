# SPDX-License-Identifier: Apache-2.0
"""Logs that chain and yet say what cannot be: each is a finding with its words, none an exception."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping

import pytest

from ceremony.core import canonical, software_key
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited, Level, by_subject
from ceremony.core.bundle import LOG
from ceremony.core.keys import Algorithm
from ceremony.errors import CeremonyError, ExitCode, StorageError
from tests.core.audit.test_tampering import fast_seal, whole
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]

Records = list[dict]


SPKI = base64.b64encode(software_key.make(Algorithm.ECDSA_P256).public.spki).decode()
BENT_SPKI = f"{SPKI[:-3]}{chr(ord(SPKI[-3]) + 1)}=="
"""The same bytes: the last letter has four bits that say nothing."""


def rechained(
    change: Callable[[Records], Records | None], base: Mapping[str, bytes] | None = None, **files: bytes | None
) -> Audited:
    """Audit the folder after its records were changed and its log was chained anew, as its own author could have."""
    base = base or whole()
    records = [json.loads(line) for line in base[LOG].splitlines()]
    changed = change(records) or records
    log, prev, mono = b"", "0" * 64, 0
    for seq, record in enumerate(changed):
        mono = max(mono, record["mono_ns"])
        line = canonical.encode({**record, "seq": seq, "prev": prev, "mono_ns": mono}) + b"\n"
        log, prev = log + line, hashlib.sha256(line).hexdigest()
    made = {**base, LOG: log, **{name.replace("__", "/"): data for name, data in files.items()}}
    return audit(FakeFolder(files={name: data for name, data in made.items() if data is not None}))


def texts(result: Audited) -> str:
    return "\n".join(f"{finding.level.name} {finding.subject}: {finding.text}" for finding in result.findings)


def of_kind(records: Records, kind: str) -> dict:
    return next(record["body"] for record in records if record["kind"] == kind)


def edit(kind: str, **changes: object) -> Callable[[Records], None]:
    return lambda records: of_kind(records, kind).update(changes)


def step_made(step: str, **made: object) -> Callable[[Records], None]:
    def change(records: Records) -> None:
        next(r["body"] for r in records if r["kind"] == "end" and r["step"] == step)["made"] = made

    return change


def result_of(action: str, **changes: object) -> Callable[[Records], None]:
    return lambda records: next(r["body"] for r in records if r["kind"] == "result" and r["body"]["action"] == action).update(
        changes
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda r: r[1:], "does not begin with the record that opens a ceremony", id="no first record"),
        pytest.param(edit("open", form="ceremony/v2"), "does not begin with the record", id="another form"),
        pytest.param(lambda r: [*r[:5], r[0], *r[5:]], "opens a ceremony twice", id="opened twice"),
        pytest.param(edit("open", mode="rehearsal"), "names the unknown mode 'rehearsal'", id="an unknown mode"),
        pytest.param(lambda r: [*r, r[1]], "goes on after its close record", id="after the close"),
        pytest.param(lambda r: [*r[:-1], r[-1], r[-1]], "goes on after its close record", id="closed twice"),
        pytest.param(
            lambda r: [x for x in r if x["body"].get("action") != "lock-key" or x["kind"] != "result"],
            "was closed with open acts",
            id="an open act",
        ),
        pytest.param(edit("open", people=["Ada"]), "names a person in a way that cannot be read", id="a person that is a text"),
        pytest.param(edit("open", people="Ada"), "is a signature of nobody", id="people that are no list"),
        pytest.param(edit("open", quorum={"king": 1}), "names a quorum of unknown roles", id="an unknown role"),
        pytest.param(edit("open", quorum={}), "lacks signatures that the plan's quorum asks for", id="no quorum"),
        pytest.param(edit("open", quorum="all"), "lacks signatures", id="a quorum that is a text"),
        pytest.param(edit("open", plan="a plan"), "does not say how to check the bundle", id="a plan that is a text"),
        pytest.param(edit("open", site_sha256="0" * 64), "is not the one that the first record binds", id="another site"),
        pytest.param(edit("open", approvals={"x.sig": "0" * 64}), "is recorded, and is not there", id="an approval that is gone"),
        pytest.param(
            step_made("root-keys", keys=[{"serial": 1, "spki": SPKI}]),
            "names a root key that cannot be read",
            id="a serial that is a number",
        ),
        pytest.param(
            step_made("root-keys", keys=[{"serial": "1", "spki": BENT_SPKI}]),
            "names a root key that cannot be read",
            id="base64 in another form",
        ),
        pytest.param(
            step_made("root-keys", keys=["key"]), "names a root key that cannot be read", id="a root key that is a text"
        ),
        pytest.param(
            step_made("root-keys", keys=[{"serial": "1", "spki": "!"}]), "names a root key that cannot be read", id="no base64"
        ),
        pytest.param(step_made("root-keys"), "is closed and names no root key", id="no root key"),
        pytest.param(result_of("sign-head", signature="!"), "does not hold", id="a signature that is no base64"),
        pytest.param(result_of("sign-head", signature="é"), "does not hold", id="a signature that is not ASCII"),
        pytest.param(result_of("sign-head", signature="AAAA"), "does not hold", id="a signature that is too short"),
        pytest.param(
            lambda r: [x for x in r if x["body"].get("action") != "sign-head"],
            "did not sign the head",
            id="a head that the root did not sign",
        ),
        pytest.param(step_made("repository-keys", file="evidence/none.json"), "", id="no list of repositories"),
        pytest.param(lambda r: r[-1].update(body={}), "", id="an empty close"),
    ],
)
def test_a_log_that_was_chained_anew_fails_and_says_where(change, said):
    result = rechained(change)
    assert result.verdict is ExitCode.FAILED
    assert said in texts(result)


@pytest.mark.parametrize("kind", ["intent", "result", "files", "end", "set-aside", "again"])
def test_a_record_without_the_members_of_its_kind_is_a_finding(kind):
    def empty(records: Records) -> None:
        records[2].update(kind=kind, body={})

    result = rechained(empty)
    assert "does not say what a record of its kind says" in texts(result)
    assert result.verdict is ExitCode.FAILED


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, {"x": 1}, [[1]], True, "é", -1])
def test_no_body_of_any_type_is_more_than_a_finding(junk):
    """Every member of every body, in turn, becomes something else."""
    bodies = [json.loads(line)["body"] for line in whole()[LOG].splitlines()]
    for at in (at for at, body in enumerate(bodies) if body):

        def change(records: Records, at: int = at) -> None:
            body = records[at]["body"]
            for name in list(body):
                body[name] = junk

        assert rechained(change).verdict is not ExitCode.DONE


def test_a_repository_of_the_ceremony_whose_metadata_nobody_recorded_is_missed():
    lost = [f"bundle/tuf/docker.io/acme/app/metadata/{role}.json" for role in ("root", "targets")]

    def forget(records: Records) -> None:
        for record in records:
            if record["kind"] == "files":
                for path in lost:
                    record["body"]["files"].pop(path, None)

    result = rechained(forget, **{path.replace("/", "__"): None for path in lost})
    assert "docker.io/acme/app: was part of this ceremony, and has no metadata in the bundle" in texts(result)


def test_a_log_that_is_damaged_in_the_middle_has_no_finding_about_nothing():
    lines = whole()[LOG].splitlines(keepends=True)
    for at in range(1, len(lines)):
        result = audit(FakeFolder(files={**whole(), LOG: b"".join([*lines[:at], b"no record\n", *lines[at + 1 :]])}))
        assert result.verdict is ExitCode.FAILED
        assert all(finding.subject and finding.text for finding in result.findings), f"damaged at {at}"
    ended = next(
        at for at, line in enumerate(lines) if (r := json.loads(line))["kind"] == "end" and r["step"] == "repository-keys"
    )
    result = audit(FakeFolder(files={**whole(), LOG: b"".join([*lines[:ended], b"no record\n", *lines[ended + 1 :]])}))
    assert "no record names the list of the repositories' keys" in texts(result)


def test_a_record_of_a_file_without_a_name_is_said_of_the_log():
    result = rechained(lambda records: of_kind(records, "files")["files"].update({"": "0" * 64}))
    assert f"FAILED {LOG}: names a file without a name" in texts(result)
    assert all(finding.subject for finding in result.findings)


def test_a_file_that_cannot_be_read_is_a_finding():
    folder = FakeFolder(files=whole())

    class Failing(FakeFolder):
        def read(self, path: str) -> bytes:
            if path == "README.txt":
                raise StorageError(self.name, "the medium is gone", hint="put it back")
            return folder.read(path)

    result = audit(Failing(files=whole()))
    assert "README.txt: cannot be read: folder: the medium is gone" in texts(result)


def test_a_folder_without_a_log_is_refused_in_words():
    with pytest.raises(CeremonyError, match=r"there is no ceremony\.jsonl in this folder"):
        audit(FakeFolder(files={"a.txt": b""}))


def test_an_empty_log_is_a_failure():
    assert audit(FakeFolder(files={LOG: b""})).verdict is ExitCode.FAILED


def test_findings_are_told_worst_first():
    result = rechained(edit("open", mode="rehearsal"))
    levels = [finding.level for finding in by_subject(result.findings)]
    assert levels == sorted(levels, key=[Level.FAILED, Level.INCOMPLETE, Level.OK].index)
