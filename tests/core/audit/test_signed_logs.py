# SPDX-License-Identifier: Apache-2.0
"""A log that people signed is read, not only counted: what it says must be what plan, keys and files make."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache

import pytest

from ceremony.core import software_key
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited
from ceremony.core.bundle import APPROVALS, LOG, PINNING, PLAN, PLAN_FILES
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, Mode, RootPlan
from ceremony.core.plan_reader import read_plan
from ceremony.errors import ExitCode
from tests.core.audit.test_tampering import fast_seal, whole
from tests.core.audit.test_verdict import Records, edit, of_kind, rechained, result_of, step_made, texts
from tests.fakes import plans, room
from tests.fakes.folder import FakeFolder, FakeMedia, FakeVolume, fake_identity
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import fake_rack

__all__ = ["fast_seal"]

APP = "docker.io/acme/app"
ROOT, TARGETS = (f"bundle/tuf/{APP}/metadata/{role}.json" for role in ("root", "targets"))
KEYS = "evidence/repositories-1.json"
OTHER = software_key.make(Algorithm.ECDSA_P256).public
Change = Callable[[Records], Records | None]


@lru_cache(maxsize=4)
def held(mode: Mode = Mode.PRACTICE, tokens: tuple[str, ...] = ("root-a",)) -> Mapping[str, bytes]:
    """Return the files of a finished ceremony."""
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        root = RootPlan(Algorithm.ECDSA_P256, tokens, 1, Custody.TOKEN_WRAPPED)
        made = plan(repository(APP), root=root)
        ceremony = Ceremony(plan=made, mode=mode, media=media, rack=fake_rack(*tokens, software=mode is Mode.PRACTICE))
        assert ceremony.hold() is ExitCode.DONE
    return dict(ceremony.folder.files)


def refiled(
    files: Mapping[str, bytes | None], change: Change = lambda _: None, base: Mapping[str, bytes] | None = None
) -> Audited:
    """Audit the folder with other files that its log names as if they had always been there."""

    def record(records: Records) -> Records | None:
        for path, data in files.items():
            listed = [r["body"]["files"] for r in records if r["kind"] == "files"]
            place = next((names for names in listed if path in names), listed[-1])
            place.pop(path, None)
            if data is not None:
                place[path] = hashlib.sha256(data).hexdigest()
        return change(records)

    return rechained(record, base, **{path.replace("/", "__"): data for path, data in files.items()})


def failed(result: Audited, said: str) -> None:
    lines = [line for line in texts(result).splitlines() if line.startswith("FAILED") and said in line]
    assert lines, f"{said!r} is not among\n{texts(result)}"
    assert result.verdict is ExitCode.FAILED


def bent(path: str, old: bytes, new: bytes) -> dict[str, bytes | None]:
    data = whole()[path]
    assert old in data
    return {path: data.replace(old, new)}


def root_pem() -> str:
    return next(path for path in whole() if path.startswith("bundle/keys/root-"))


# --- the bundle, made again ---


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(b"root = 2036", b"root = 2037", "root: was signed over something else", id="root expiry"),
        pytest.param(b"targets = 2029", b"targets = 2028", "targets: was signed over something else", id="targets expiry"),
        pytest.param(b"targets = 2029", b"targets = 2028", "people agreed to something else", id="what was agreed"),
        pytest.param(b"certificate = 2036", b"certificate = 2035", "not what the plan makes", id="certificate expiry"),
        pytest.param(b"schema = 1", b"schema = 2", "is not a plan", id="no plan"),
        pytest.param(b'name = "docker.io/acme/app"', b'name = "docker.io/acme/web"', "cannot be made again", id="other names"),
        pytest.param(
            b'name = "docker.io/acme/app"', b'name = "docker.io/acme/web"', "does not list the repositories", id="another list"
        ),
        pytest.param(b'"per-repository"', b'"docker.io/*"', "public key and 1 certificates", id="another certificate"),
        pytest.param(b'name = "acme-root"', b'name = "acme-toor"', "plan.name is not what the plan says", id="another name"),
        pytest.param(b'name = "acme-root"', b'name = "acme-toor"', "plan.statement_sha256 is not", id="not what was approved"),
        pytest.param(b"witness = 1", b"witness = 2", "quorum is not what the plan says", id="another quorum"),
        pytest.param(b'name = "Ada"', b'name = "Eve"', "its people are not those of the plan", id="other people"),
        pytest.param(b'"ecdsa-p256"\ntokens', b'"rsa-3072"\ntokens', "the plan asks for rsa-3072", id="another algorithm"),
        pytest.param(b'["root-a"]', b'["root-b"]', "not on the tokens of the plan", id="other tokens"),
        pytest.param(b'"notary"', b'"scroll"', "'scroll' is not a dialect", id="another dialect"),
    ],
)
def test_a_folder_that_another_plan_was_put_into_fails(old, new, said):
    failed(refiled(bent(PLAN, old, new)), said)


def test_the_plan_of_these_ceremonies_is_what_its_source_says():
    made = plan(repository(APP), repository("reg.example:5000/tools/cli"))
    assert read_plan(made.source, made.files) == made


def test_a_plan_of_another_kind_fails():
    files = {PLAN: plans.ROTATION.encode(), **{PLAN_FILES + path: data for path, data in plans.FILES.items()}}
    failed(refiled(files), "plan.kind is not what the plan says")


def test_a_plan_that_is_gone_and_a_file_of_it_that_cannot_be_read_fail():
    failed(refiled({PLAN: None}), "is recorded, and is not there")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            {ROOT.replace("app", "web"): b"{}"}, "is not a repository that the plan signs for", id="one more repository"
        ),
        pytest.param({TARGETS: None}, "has metadata of root; the plan makes root, targets", id="no targets"),
        pytest.param({ROOT: None}, "has metadata of targets; the plan makes", id="no root"),
        pytest.param({ROOT.replace("root", "snapshot"): b"{}"}, "has metadata of root, snapshot, targets", id="one more role"),
        pytest.param({PINNING: b"{}"}, "does not pin the root keys", id="another pinning"),
        pytest.param({PINNING: None}, "is not in the bundle", id="no pinning"),
        pytest.param({KEYS: b'{"a":1}\n'}, "is not a list of keys", id="a list of something else"),
        pytest.param({KEYS: b"[]\n"}, "cannot be made again", id="no list"),
        pytest.param({"evidence/request/index.json": b"{}"}, "cannot be made again", id="no request"),
    ],
)
def test_a_bundle_that_was_made_from_something_else_fails(files, said):
    failed(refiled(files), said)


@pytest.mark.parametrize(
    ("role", "said"),
    [
        pytest.param("targets", "root: was signed over something else", id="targets"),
        pytest.param("snapshot", "its snapshot key is not the one that was brought", id="snapshot"),
        pytest.param("timestamp", "its timestamp key is not the one that was brought", id="timestamp"),
        pytest.param("signers", "its signers are not those of the plan", id="signers"),
    ],
)
def test_a_key_that_was_put_in_the_place_of_another_fails(role, said):
    listed = json.loads(whole()[KEYS])
    key = {"algorithm": "ecdsa-p256", "spki": base64.b64encode(OTHER.spki).decode()}
    listed[APP][role] = {"mallory": key} if role == "signers" else key
    changed = {KEYS: json.dumps(listed, sort_keys=True, separators=(",", ":")).encode() + b"\n"}
    failed(refiled(changed), said)


def test_a_list_of_keys_without_one_of_the_repositories_fails():
    listed = json.loads(whole()[KEYS])
    del listed[APP]
    changed = {KEYS: json.dumps(listed, sort_keys=True, separators=(",", ":")).encode() + b"\n"}
    failed(refiled(changed), f"cannot be made again from the plan and the keys: {APP}: is new, and its keys are not listed")


def certificate_files() -> dict[str, bytes]:
    data = whole()[root_pem()]
    _, second, *_ = data.split(b"-----BEGIN CERTIFICATE-----\n")[1:]
    return {
        "too few": data[: -len(second)].removesuffix(b"-----BEGIN CERTIFICATE-----\n"),
        "something after": data + b"hello\n",
        "another key": OTHER.pem + data.split(b"-----END PUBLIC KEY-----\n")[1],
        "not ASCII": data.replace(b"BEGIN PUBLIC", b"BEGIN PUBLI\xc3"),
    }


@pytest.mark.parametrize("what", ["too few", "something after", "another key", "not ASCII"])
def test_certificates_that_are_not_those_of_the_root_fail(what):
    failed(refiled({root_pem(): certificate_files()[what]}), "does not hold the root's public key and 2 certificates")


def test_a_certificate_that_is_none_fails():
    data = whole()[root_pem()]
    at = data.index(b"-----BEGIN CERTIFICATE-----\n") + 28
    failed(refiled({root_pem(): data[:at] + b"AAAA" + data[at + 4 :]}), "cannot be made again")


def test_a_root_without_one_of_its_signatures_fails_though_the_threshold_is_met():
    files = held(tokens=("root-a", "root-b"))
    signed = files[ROOT]
    listed = json.loads(signed)["signatures"]
    cut = signed[: signed.rindex(b',"signatures":')] + f',"signatures":{json.dumps(listed[:1], separators=(",", ":"))}}}'.encode()
    failed(refiled({ROOT: cut}, base=files), "root: is not signed by every key")


def without(kind: str) -> Change:
    return lambda records: [record for record in records if record["kind"] != kind]


def at(records: Records, kind: str, step: str) -> int:
    return next(i for i, record in enumerate(records) if (record["kind"], record["step"]) == (kind, step))


def swap(kind: str, one: str, other: str) -> Change:
    def change(records: Records) -> None:
        i, j = at(records, kind, one), at(records, kind, other)
        records[i], records[j] = records[j], records[i]

    return change


def drop(kind: str, step: str) -> Change:
    return lambda records: [r for r in records if (r["kind"], r["step"]) != (kind, step)]


def unannounced(action: str) -> Change:
    return lambda records: [r for r in records if r["kind"] != "intent" or r["body"]["action"] != action]


def late(kind: str) -> Change:
    def change(records: Records) -> Records:
        moved = [r for r in records if r["kind"] == kind]
        return [*(r for r in records[:-1] if r["kind"] != kind), *moved, records[-1]]

    return change


def unlocked(records: Records) -> None:
    result = next(r["body"] for r in records if r["kind"] == "result" and r["body"]["action"] == "lock-key")
    result["attributes"]["extractable"] = True


def answer_of(records: Records) -> None:
    of_kind(records, "close")["answers"]["Wim"] = "do-not-agree"


def no_answer(records: Records) -> None:
    of_kind(records, "close")["answers"]["Wim"] = "maybe"
    next(r["body"] for r in records if r["body"].get("action") == "answer" and r["body"]["key"] == "Wim")["answer"] = "maybe"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(without("agreed"), "nobody agreed to what is in the bundle", id="nothing was agreed"),
        pytest.param(edit("agreed", digest="0" * 64), "people agreed to something else", id="something else was agreed"),
        pytest.param(drop("end", "review"), "step review never ended", id="no review"),
        pytest.param(drop("end", "drill"), "step drill never ended", id="no drill"),
        pytest.param(swap("end", "drill", "sign"), "did not end in the order", id="another order"),
        pytest.param(
            lambda r: [*r[:-1], r[at(r, "end", "drill")], r[-1]], "did not end in the order", id="a step that ended twice"
        ),
        pytest.param(without("restored"), "volume a was not restored before the root signed", id="nothing was restored"),
        pytest.param(late("restored"), "volume b was not restored before the root signed", id="restored too late"),
        *(
            pytest.param(unannounced(action), f"is the result of {action}", id=f"{action} unannounced")
            for action in ("generate-key", "lock-key", "wrap-key", "certify", "sign-root", "sign-head", "write-volumes")
        ),
        pytest.param(unlocked, "was not locked, or did not read so", id="not locked"),
        pytest.param(result_of("lock-key", attributes="locked"), "was not locked, or did not read so", id="no attributes"),
        pytest.param(
            lambda r: [x for x in r if x["body"].get("action") != "lock-key"], "was not locked, or did not", id="never locked"
        ),
        pytest.param(result_of("generate-key", public_sha256="0" * 64), "is not the one that was made on it", id="another key"),
        pytest.param(step_made("root-keys", keys={}), "not on the tokens of the plan", id="keys that are no list"),
        pytest.param(edit("close", deviations=1), "its deviations is not what the log holds", id="deviations"),
        pytest.param(edit("close", inventory="0" * 64), "its inventory is not what the log holds", id="inventory"),
        pytest.param(edit("close", open_intents=False), "its open intents is not what the log holds", id="open intents"),
        pytest.param(edit("close", counts={}), "its counts is not what the log holds", id="counts"),
        pytest.param(answer_of, "its answers are not those", id="another answer"),
        pytest.param(no_answer, "holds an answer that is none", id="no answer"),
        pytest.param(step_made("roll-call", present="all"), "its answers are not those", id="nobody was there"),
        pytest.param(edit("open", utc="noon"), "cannot be made again", id="no time"),
        pytest.param(edit("open", utc="0001-01-01T00:00:00+14:00"), "cannot be made again", id="a time before all times"),
    ],
)
def test_a_log_that_tells_of_another_procedure_fails(change, said):
    failed(rechained(change), said)


def test_a_step_that_was_made_again_counts_once_and_in_its_place():
    def again(records: Records) -> Records:
        i = at(records, "end", "repository-keys")
        repeated = {**records[i], "kind": "again", "body": {"step": "repository-keys", "why": "it was in memory"}}
        return [*records[: i + 1], repeated, records[i], *records[i + 1 :]]

    assert "did not end in the order" not in texts(rechained(again))


def test_a_head_that_the_root_signed_before_it_signed_metadata_fails():
    def longer(records: Records) -> Records:
        i = next(i for i, r in enumerate(records) if r["body"].get("action") == "sign-root" and r["kind"] == "result")
        return [*records[:-1], records[i], records[-1]]

    failed(rechained(longer), "does not cover every signature that the root made")


# --- practice and production ---


@pytest.mark.parametrize(
    "said", ["says that something stands in for the real thing", "names a software token", "that is marked as practice"]
)
def test_a_practice_that_calls_itself_production_fails(said):
    failed(rechained(edit("open", mode="production")), said)


def test_a_production_that_calls_itself_practice_fails():
    files = held(mode=Mode.PRODUCTION)
    assert audit(FakeFolder(files=dict(files))).verdict is ExitCode.INCOMPLETE
    failed(rechained(edit("open", mode="practice"), files), "that is not marked as practice")


def test_a_production_whose_people_have_other_keys_than_the_plan_names_fails():
    def stranger(records: Records) -> None:
        of_kind(records, "open")["people"][0]["key"] = plans.ssh(99)

    failed(rechained(stranger, held(mode=Mode.PRODUCTION)), "its people are not those of the plan")


def approvals() -> dict[str, bytes]:
    return {path: data for path, data in held(mode=Mode.PRODUCTION).items() if path.startswith(APPROVALS)}


def test_a_production_is_approved_by_everybody_whose_role_is_in_its_quorum():
    result = audit(FakeFolder(files=dict(held(mode=Mode.PRODUCTION))))
    assert f"OK {APPROVALS}: {len(approvals())} people approved the plan as it is" in texts(result)
    assert len(approvals()) == 2


def unapproved(path: str, data: bytes | None) -> Audited:
    """Audit a production whose author recorded another approval, or none, at that path."""

    def opened(records: Records) -> None:
        bound = of_kind(records, "open")["approvals"]
        bound.pop(path.removeprefix(APPROVALS))
        if data is not None:
            bound[path.removeprefix(APPROVALS)] = hashlib.sha256(data).hexdigest()

    return refiled({path: data}, opened, held(mode=Mode.PRODUCTION))


def test_a_production_that_somebody_did_not_approve_fails():
    failed(unapproved(next(iter(approvals())), None), f"{APPROVALS}: does not hold the approval of S")


def test_a_production_with_the_approval_of_somebody_else_in_a_name_fails():
    first, second = approvals()
    failed(unapproved(first, approvals()[second]), "does not approve this plan as it is now")


# --- what is said of a folder that verifies ---


def test_the_answers_of_people_are_told():
    assert "OK answers: 3 agree" in texts(audit(FakeFolder(files=whole())))


def test_an_answer_that_does_not_agree_is_told_and_is_no_failure():
    def disagree(records: Records) -> None:
        answer_of(records)
        body = next(r["body"] for r in records if r["body"].get("action") == "answer" and r["body"]["key"] == "Wim")
        body["answer"] = "do-not-agree"

    assert "OK answers: 2 agree, 1 does not agree" in texts(rechained(disagree))


def test_a_file_that_is_not_as_recorded_leaves_no_word_that_files_are():
    result = audit(FakeFolder(files={**whole(), "README.txt": b"hello"}))
    assert "recorded files are as recorded" not in texts(result)
    assert "recorded files are as recorded" in texts(audit(FakeFolder(files=whole())))


def test_what_cannot_be_read_is_told_once():
    lines = texts(rechained(step_made("root-keys", keys=["key"]))).splitlines()
    assert len([line for line in lines if "names a root key that cannot be read" in line]) == 1


@pytest.mark.parametrize("kind", ["begin", "end", "intent", "result", "agreed", "verified", "restored"])
def test_a_log_that_ends_early_is_no_worse_than_incomplete(kind):
    """Cut a log after each record of a kind, with what it names by then: nothing is held against what is not written yet."""
    lines = whole()[LOG].splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    for number, record in enumerate(records[:-1]):
        if record["kind"] != kind:
            continue
        named = {path for r in records[: number + 1] if r["kind"] == "files" for path in r["body"]["files"]}
        files = {path: data for path, data in whole().items() if path in named}
        result = audit(FakeFolder(files={**files, LOG: b"".join(lines[: number + 1])}))
        assert result.verdict is ExitCode.INCOMPLETE, texts(result)
