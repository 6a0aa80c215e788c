# SPDX-License-Identifier: Apache-2.0
"""The folder of a rotation in an audit: what is published, whom stolen keys touch, and what was left out are worked out again."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pytest

from ceremony.core import canonical, certificates
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited
from ceremony.core.bundle import LOG, PINNING, digest_of, root_public, token_evidence
from ceremony.core.dialects import Draft
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm, PublicKey, raw_to_der
from ceremony.core.request import path_of
from ceremony.core.software_key import SoftwareKey, make
from ceremony.core.specs import digest
from ceremony.errors import ExitCode
from tests.core.audit.test_signed_logs import failed, refiled
from tests.core.audit.test_tampering import fast_seal
from tests.core.audit.test_verdict import Records, edit, of_kind, rechained, step_made, texts
from tests.core.dialects.forged import Signer, signed
from tests.fakes import room
from tests.fakes.device import FakeDevice
from tests.fakes.fleet import APP, CLI, TEAM, WEB, World, changing_plan, repository_keys
from tests.fakes.folder import FakeFolder
from tests.fakes.room import Ceremony
from tests.fakes.token import FakeRack
from tests.steps.test_changing_more import in_production

__all__ = ["fast_seal"]

Content = dict[str, Any]
DAYS = {"root": "2035-06-01T00:00:00Z", "certificate": "2036-01-01T00:00:00Z"}
NEW = {"algorithm": "ecdsa-p256", "tokens": ["root-a", "root-x"], "threshold": 1, "custody": "token-only"}
ROOT, TARGETS = (f"bundle/tuf/{APP}/metadata/{role}.json" for role in ("root", "targets"))
IMPACT, STRUCK, LEFT_OUT, KEYS = (f"evidence/{n}.json" for n in ("impact", "struck-1", "left-out", "repositories-1"))
OTHER = make(Algorithm.ECDSA_P256).public


@dataclass
class Case:
    """A rotation that was held: the key of app was stolen, one tag of it struck out, and the server's web is broken."""

    ceremony: Ceremony
    world: World
    keys: Mapping[str, SoftwareKey]

    @property
    def files(self) -> dict[str, bytes]:
        return dict(self.ceremony.folder.files)

    def root(self, token: str) -> SoftwareKey:
        return self.ceremony.rack.devices[token].keys[0].private

    def serial(self, token: str) -> str:
        return str(self.ceremony.rack.devices[token].serial)


@lru_cache(maxsize=1)
def case() -> Case:
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        world = World(APP, CLI, WEB)
        world.server.push(APP, {"good": "1"}, world.keys[APP])
        world.server.push(APP, {"evil": "2", "staying": "3"}, world.keys[APP])
        world.server.hosted[WEB].history["targets"][1] = world.server.hosted[CLI].newest("targets")
        stolen = {"keys": [world.key_id(APP)], "reason": "stolen", "deliver-to": TEAM, "last-good": 2}
        ceremony = world.after(changing_plan("rotation", new=NEW, expires=DAYS, compromised=stolen), "root-x")
        ceremony.operator.answers["strike"] = "1"
        assert ceremony.hold() is ExitCode.FAILED
        return Case(ceremony, world, repository_keys(ceremony))


def whole() -> dict[str, bytes]:
    return case().files


def written(value: object) -> bytes:
    return canonical.encode(value) + b"\n"


def tampered(files: Mapping[str, bytes | None], *changes: Callable[[Records], object]) -> Audited:
    """Audit the folder with other files and records; people agreed to, and tokens signed, what is then in the bundle."""

    def change(records: Records) -> None:
        found = {**whole(), **files}
        drafts = [
            Draft("", "", path, canonical.encode(json.loads(found[path])["signed"])) for path in agreed_order() if found.get(path)
        ]
        of_kind(records, "agreed")["digest"] = digest(drafts)
        for one in changes:
            one(records)

    return refiled(files, change, whole())


def agreed_order() -> list[str]:
    """Return the paths of the bundle in the order in which people agreed to them."""
    paths = sorted(path for path in whole() if path.startswith("bundle/tuf/"))
    names = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return [f"{name}/{role}.json" for name in names for role in ("root", "targets") if f"{name}/{role}.json" in paths]


def test_the_folder_verifies_and_says_what_was_left_out():
    result = audit(FakeFolder(files=whole()))
    assert result.verdict is ExitCode.DONE, texts(result)
    assert f"OK {LEFT_OUT}: 1 repositories were left out" in texts(result)
    assert tampered({}).verdict is ExitCode.DONE


def by_id(*files: bytes) -> dict[str, SoftwareKey]:
    """Return key id → the private half, of the root keys that these roots list."""
    private = {key.public.sha256: key for key in (case().root("root-a"), case().root("root-x"))}
    found = {}
    for data in files:
        for key_id, listed in json.loads(data)["signed"]["keys"].items():
            if listed["keytype"].endswith("-x509"):
                pem = base64.b64decode(listed["keyval"]["public"])
                found[key_id] = private[SEQUEL.fingerprint(pem, "a key")]
    return found


def resigned(path: str, change: Callable[[Content], object]) -> dict[str, bytes]:
    """Return a file of the bundle, changed and signed as it was by the keys that signed it."""
    data = whole()[path]
    content = json.loads(data)["signed"]
    change(content)
    if path.endswith("/targets.json"):
        return {path: signed(content, [bare(case().keys[APP])])}
    known = by_id(data, case().world.server.hosted[APP].newest("root"))
    listed = [entry["keyid"] for entry in json.loads(data)["signatures"]]
    made = signed(content, [])
    payload = made[len(b'{"signed":') : made.rindex(b',"signatures":')]
    entries = [
        {"keyid": key_id, "method": "ecdsa", "sig": Signer(known[key_id], {}).signature(payload)["sig"]} for key_id in listed
    ]
    return {path: made[: made.rindex(b"[]}")] + json.dumps(entries, separators=(",", ":")).encode() + b"}"}


def bare(key: SoftwareKey) -> Signer:
    text = base64.b64encode(key.public.spki).decode()
    return Signer(key, {"keytype": "ecdsa", "keyval": {"private": None, "public": text}})


def keep_the_stolen_key(content: Content) -> None:
    stolen = bare(case().world.keys[APP])
    key_id = case().world.key_id(APP)
    content["keys"][key_id] = stolen.listed
    content["roles"]["targets"]["keyids"].append(key_id)


def keep_it_in_the_table(content: Content) -> None:
    content["keys"][case().world.key_id(APP)] = bare(case().world.keys[APP]).listed


def keep_the_tag(content: Content) -> None:
    before = json.loads(case().world.server.hosted[APP].newest("targets"))["signed"]["targets"]
    content["targets"]["evil"] = before["evil"]


def strike_another(content: Content) -> None:
    keep_the_tag(content)
    del content["targets"]["staying"]


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        pytest.param(ROOT, keep_the_stolen_key, "still lists key", id="a root that keeps the stolen key"),
        pytest.param(ROOT, keep_it_in_the_table, "still lists key", id="a root that lists it for no role"),
        pytest.param(ROOT, lambda c: c.update(expires="2035-06-02T00:00:00Z"), "changes its days otherwise", id="another day"),
        pytest.param(TARGETS, keep_the_tag, "changes its tag 'evil' otherwise", id="a struck tag that is still there"),
        pytest.param(TARGETS, strike_another, "changes its tag 'evil' otherwise", id="another tag than was struck"),
        pytest.param(TARGETS, lambda c: c["targets"].pop("good"), "changes its tag 'good' otherwise", id="one tag more"),
    ],
)
def test_metadata_that_was_signed_otherwise_fails(path, change, said):
    failed(tampered(resigned(path, change)), said)


def test_metadata_that_is_signed_again_as_it_is_does_not_fail():
    # The forger itself works: what fails above fails for what was changed.
    for path in (ROOT, TARGETS):
        again = resigned(path, lambda _: None)
        assert json.loads(again[path])["signed"] == json.loads(whole()[path])["signed"]
        assert "FAILED docker.io" not in texts(tampered(again))


def test_an_impact_that_another_release_put_otherwise_still_holds():
    listed = json.loads(whole()[IMPACT])
    listed["last_good"] = "said otherwise"
    for one in listed["repositories"]:
        one["advice"] = []
    assert f"FAILED {IMPACT}: is not whom" not in texts(tampered({IMPACT: canonical.encode(listed)}))


def impact_without(member: str) -> dict[str, bytes]:
    listed = json.loads(whole()[IMPACT])
    listed[member].pop()
    return {IMPACT: canonical.encode(listed)}


def exchanged() -> dict[str, bytes]:
    """Return the request with the targets of cli as another file."""
    own = case().world.server.hosted[CLI].newest("targets")
    return {"evidence/request/" + path_of(hashlib.sha256(own).hexdigest()): own.replace(b"2029", b"2028")}


def listed_key() -> dict[str, bytes]:
    listed = json.loads(whole()[KEYS])
    listed[CLI]["targets"] = {"algorithm": "ecdsa-p256", "spki": base64.b64encode(OTHER.spki).decode()}
    return {KEYS: written(listed)}


def unlisted_key() -> dict[str, bytes]:
    listed = json.loads(whole()[KEYS])
    listed[APP]["targets"] = None
    return {KEYS: written(listed)}


def other_pins() -> dict[str, bytes]:
    pins = json.loads(whole()[PINNING])
    pins["trust_pinning"]["certs"][APP] = ["ab" * 32]
    return {PINNING: canonical.encode(pins) + b"\n"}


def another_day() -> dict[str, bytes]:
    """Return the certificates of the new root key, until another day than the plan says."""
    path, key = root_public(case().serial("root-x")), case().root("root-x")
    opened = of_kind([json.loads(line) for line in whole()[LOG].splitlines()], "open")
    made = []
    for name in (APP, CLI):
        until = datetime(2036, 1, 2, tzinfo=UTC)
        began = datetime.fromisoformat(opened["utc"])
        request = certificates.CertificateRequest(key.public, name, began, until, case().ceremony.ceremony, practice=True)
        body = request.to_be_signed()
        made.append(request.finish(body, key.sign(request.scheme, body)))
    return {path: key.public.pem + "".join(made).encode()}


def other_evidence(piece: str, data: bytes, token: str = "root-a") -> dict[str, bytes]:
    path = token_evidence(case().serial(token), piece)
    assert whole()[path] != data
    return {path: data}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            lambda: impact_without("repositories"), f"FAILED {IMPACT}: is not whom", id="an impact without a repository"
        ),
        pytest.param(lambda: impact_without("keys"), f"FAILED {IMPACT}: is not whom", id="an impact without a key"),
        pytest.param(lambda: {IMPACT: None}, f"FAILED {IMPACT}: is not whom", id="no impact"),
        pytest.param(lambda: {LEFT_OUT: b"{}\n"}, "does not list the repositories that were left out", id="nothing left out"),
        pytest.param(lambda: {LEFT_OUT: written({CLI: "x", WEB: "y"})}, "does not list the repositories", id="one more left out"),
        pytest.param(lambda: {LEFT_OUT: None}, "does not list the repositories that were left out", id="no list"),
        pytest.param(
            lambda: {ROOT: None, TARGETS: None}, "was part of this ceremony, and has no metadata", id="a repository is missing"
        ),
        pytest.param(
            lambda: {ROOT.replace(APP, WEB): whole()[ROOT]}, "is not a repository that the plan signs for", id="one more"
        ),
        pytest.param(
            lambda: {TARGETS.replace(APP, CLI): case().world.server.hosted[CLI].newest("targets")},
            "has metadata of root, targets; the plan makes root",
            id="targets where they stay",
        ),
        pytest.param(exchanged, "is not a repository that the plan signs for", id="one file of the request"),
        pytest.param(exchanged, "FAILED request: its broken is not what", id="one file of the request is counted"),
        pytest.param(lambda: {"evidence/request/files/x.json": b"{}"}, "is not named by its index", id="a file more"),
        pytest.param(
            lambda: {f"evidence/trusted-root/tuf/{APP}/metadata/targets.json": b"{}"},
            "is not what the first record binds",
            id="another trusted root",
        ),
        pytest.param(another_day, "is not what the plan makes", id="a certificate until another day"),
        pytest.param(listed_key, f"{CLI}: its targets key is listed, against the plan", id="a key for a role that stays"),
        pytest.param(unlisted_key, f"{APP}: its targets key is not listed, against the plan", id="no key for one that goes"),
        pytest.param(other_pins, "does not pin the root keys of this ceremony", id="other pins"),
        pytest.param(
            lambda: {STRUCK: written({APP: [base64.b64encode(b"good").decode()]})},
            "tells that the tag 'good' of docker.io/acme/app was struck out, which no stolen key set",
            id="a tag that is not suspect",
        ),
        pytest.param(lambda: {STRUCK: written({APP: ["!"]})}, "is not a list of tags", id="tags that are no base64"),
        pytest.param(lambda: {STRUCK: written({APP: "!"})}, "is not a list of tags", id="tags that are no list"),
        pytest.param(lambda: {STRUCK: written({})}, "its struck is not what", id="no tags"),
        pytest.param(
            lambda: other_evidence("public.pem", OTHER.pem), "is not the root key that the log names", id="evidence of a key"
        ),
        pytest.param(
            lambda: other_evidence("head.sig", raw_to_der(bytes(63) + b"\1", OTHER.algorithm)),
            "is not the signature over the head that the log names",
            id="evidence of a signature",
        ),
    ],
)
def test_a_folder_with_other_files_fails(files, said):
    failed(tampered(files()), said)


def signing(**changes: object) -> Callable[[Records], None]:
    """Change what the log says of the root key that was found."""

    def change(records: Records) -> None:
        made = next(r["body"]["made"] for r in records if r["kind"] == "end" and r["step"] == "tokens")
        made["signing"][0].update(changes)
        of_kind(records, "root-found").update(changes)

    return change


def public(key: PublicKey) -> dict[str, str]:
    return {"spki": base64.b64encode(key.spki).decode(), "sha256": key.sha256}


def twice(records: Records) -> None:
    made = next(r["body"]["made"] for r in records if r["kind"] == "end" and r["step"] == "tokens")
    made["signing"].append(made["signing"][0])


def nobody(records: Records) -> None:
    made = next(r["body"]["made"] for r in records if r["kind"] == "end" and r["step"] == "tokens")
    made["signing"] = ["root-a"]


def unreadable(records: Records) -> None:
    signing(spki="!")(records)


def counted(step: str, **changes: object) -> Callable[[Records], None]:
    return lambda records: next(r["body"]["made"] for r in records if r["kind"] == "end" and r["step"] == step).update(changes)


def without(kind: str) -> Callable[[Records], Records]:
    return lambda records: [record for record in records if record["kind"] != kind]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(signing(**public(OTHER)), "its root key is none that is published", id="a root key that is not published"),
        pytest.param(signing(**public(OTHER)), "the signature of token", id="a root key that did not sign the head"),
        pytest.param(signing(token="root-b"), "are not on the tokens of the plan, one each", id="another token of the plan"),
        pytest.param(edit("root-found", sha256="ab" * 32), "no record tells that its root key was found on it", id="not told"),
        pytest.param(without("root-found"), "no record tells that its root key was found on it", id="never told"),
        pytest.param(twice, "names one root key on two tokens", id="one key twice"),
        pytest.param(nobody, "are not on the tokens of the plan, one each", id="nobody"),
        pytest.param(unreadable, "names a root key that cannot be read", id="a key that is none"),
        *(
            pytest.param(edit("request", **{name: 9}), f"FAILED request: its {name} is not what", id=f"request, {name}")
            for name in ("digest", "repositories", "new", "broken")
        ),
        pytest.param(edit("request", broken=True), "FAILED request: its broken is not what", id="true is not 1"),
        *(
            pytest.param(edit("request", named=named), "does not name the repositories that are broken", id=f"request, {what}")
            for what, named in (("nobody named", []), ("another named", [{"repository": CLI}]), ("no list", 1), ("a text", [WEB]))
        ),
        *(
            pytest.param(edit("impact", **{name: 9}), f"FAILED impact: its {name} is not what", id=f"impact, {name}")
            for name in ("keys", "unknown", "repositories", "roles", "struck")
        ),
        *(
            pytest.param(
                edit("agreed", **{name: 9}), f"FAILED agreed: its {name.replace('_', ' ')} is not what", id=f"agreed, {name}"
            )
            for name in ("repositories", "files", "left_out")
        ),
        *(
            pytest.param(edit("verified", **{name: 9}), f"FAILED verified: its {name} is not what", id=f"verified, {name}")
            for name in ("repositories", "signatures")
        ),
        pytest.param(counted("review", left_out=0), "does not count the repositories that were left out", id="review"),
        pytest.param(without("request"), "FAILED request: no record tells it", id="no request"),
        pytest.param(without("impact"), "FAILED impact: no record tells it", id="no impact"),
        pytest.param(without("verified"), "FAILED verified: no record tells it", id="nothing was verified"),
        pytest.param(step_made("repository-keys"), "no record names the list", id="no list of keys"),
    ],
)
def test_a_log_that_tells_of_another_rotation_fails(change, said):
    failed(rechained(change, whole()), said)


def test_a_list_of_what_was_left_out_where_nothing_was_fails():
    world = World(APP)
    ceremony = world.after(changing_plan("renewal", expires={"root": DAYS["root"]}, backed_up=False))
    assert ceremony.hold() is ExitCode.DONE
    files = dict(ceremony.folder.files)
    failed(refiled({LEFT_OUT: written({APP: "lost"})}, base=files), "does not list the repositories that were left out")


@pytest.mark.parametrize("substituted", [False, True])
def test_another_request_than_the_plan_names_fails(substituted):
    world = World(APP, rack=FakeRack(FakeDevice("root-a", software=False)))
    index = world.server.request()["index.json"]
    ceremony = in_production(world, request="sha256:" + hashlib.sha256(index).hexdigest())
    assert ceremony.hold() is ExitCode.DONE
    files = dict(ceremony.folder.files)
    assert "FAILED" not in texts(audit(FakeFolder(files=files)))
    other = canonical.encode({**json.loads(index), "server": "https://other.example"})
    # Nothing stands in for the request of a production, whatever its log says.
    told = refiled({"evidence/request/index.json": other}, edit("open", **{"substituted-request": substituted}), files)
    failed(told, "is not the request that the plan names")


def test_without_the_trusted_root_nothing_can_be_made_again():
    gone = {path: None for path in whole() if path.startswith("evidence/trusted-root/")}
    assert gone
    failed(refiled(gone, base=whole()), "nothing published can be verified")


def test_nothing_stands_in_for_the_key_ids_that_a_production_trusts():
    world = World(APP, rack=FakeRack(FakeDevice("root-a", software=False)))
    ids = json.loads(world.genesis.folder.files[ROOT])["signed"]["roles"]["root"]["keyids"]
    ceremony = in_production(world, trusted_root=" ".join(ids))
    ceremony.trusted_root = {}
    assert ceremony.hold() is ExitCode.DONE
    files = dict(ceremony.folder.files)
    assert "FAILED" not in texts(audit(FakeFolder(files=files)))
    brought = {"tuf/a/metadata/root.json": world.genesis.folder.files[ROOT]}
    added = {f"evidence/trusted-root/{path}": data for path, data in brought.items()}
    told = refiled(added, edit("open", trusted_root_sha256=digest_of(brought)), files)
    failed(told, "stands in for the key ids that the plan trusts, in a production")


def test_the_request_of_a_genesis_is_the_one_that_its_plan_names_and_people_heard():
    files = dict(case().world.genesis.folder.files)
    failed(rechained(edit("request", digest="sha256:" + "ab" * 32), files), "FAILED request: its digest is not what")
    index = canonical.encode({**json.loads(files["evidence/request/index.json"]), "server": "https://other.example"})
    failed(refiled({"evidence/request/index.json": index}, base=files), "FAILED request: its digest is not what")


@pytest.mark.parametrize("kind", ["end", "intent", "result", "agreed", "verified", "impact", "request", "root-found", "restored"])
def test_a_rotation_that_is_not_finished_is_incomplete(kind):
    lines = whole()[LOG].splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    for number, record in enumerate(records[:-1]):
        if record["kind"] != kind:
            continue
        named = {path for r in records[: number + 1] if r["kind"] == "files" for path in r["body"]["files"]}
        files = {path: data for path, data in whole().items() if path in named}
        result = audit(FakeFolder(files={**files, LOG: b"".join(lines[: number + 1])}))
        assert result.verdict is ExitCode.INCOMPLETE, f"{record['step']} {kind}\n{texts(result)}"


def test_a_bundle_of_which_one_file_is_not_written_yet_is_incomplete():
    lines = whole()[LOG].splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    last = next(i for i, r in enumerate(records) if r["kind"] == "begin" and r["step"] == "sign")
    named = {path for r in records[: last + 1] if r["kind"] == "files" for path in r["body"]["files"]} | {ROOT}
    files = {path: data for path, data in whole().items() if path in named}
    result = audit(FakeFolder(files={**files, LOG: b"".join(lines[: last + 1])}))
    assert result.verdict is ExitCode.INCOMPLETE
    assert f"INCOMPLETE {APP}: has no targets metadata yet" in texts(result)


def test_a_file_that_an_unfinished_rotation_recorded_otherwise_fails():
    lines = whole()[LOG].splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    last = next(i for i, r in enumerate(records) if r["kind"] == "end" and r["step"] == "sign")
    named = {path for r in records[: last + 1] if r["kind"] == "files" for path in r["body"]["files"]}
    base = {path: data for path, data in whole().items() if path in named} | {LOG: b"".join(lines[: last + 1])}
    failed(refiled(impact_without("repositories"), base=base), "is not whom the stolen keys touch")
