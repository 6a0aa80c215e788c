# SPDX-License-Identifier: Apache-2.0
"""Against the real server and the stock client: what they publish is read, what we make of it they follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceremony.core.dialects import RootKey, Signer
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.published import reading
from ceremony.core.published.changes import Changes, needs_snapshot, root_key
from ceremony.core.published.values import Published
from ceremony.core.rotation.impact import compromised, impact
from ceremony.core.served import server_key
from ceremony.core.software_key import SoftwareKey, make
from ceremony.errors import VerificationError
from tests.core.dialects import forged
from tests.core.published.stock import Stock, fetched, new_server_key, pinned, post, read, signed, signed_root
from tests.peers.notary import NotaryServer

APP, WEB = "docker.io/acme/app", "docker.io/acme/web"
END = datetime(2036, 11, 19, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NotaryServer]:
    with NotaryServer(tmp_path) as running:
        yield running


@pytest.fixture
def app(server: NotaryServer, tmp_path: Path) -> Stock:
    """A repository with two tags whose snapshot key the server holds."""
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    stock.notary("key", "rotate", APP, "snapshot", "-r")
    stock.add("é<2>", "two")
    return stock


def certificate(key: SoftwareKey, name: str = APP) -> RootKey:
    return RootKey(key.public, forged.certificate(key, name, end=END).decode())


def judged(published: Published, files: dict[str, bytes], changes: Changes) -> set[tuple[str, str]]:
    return {(c.role, c.field) for c in SEQUEL.check_next(published, files, changes, datetime.now(UTC))}


def test_reads_what_the_stock_client_published(app: Stock, server: NotaryServer) -> None:
    published = read(server, APP)
    assert (published.root.version, published.root.trusted_since, published.root.dropped) == (2, 1, ())
    assert [(tag.name, tag.since) for tag in published.targets.tags] == [("1.0", 3), ("é<2>", 4)]
    assert [release.version for release in published.targets.history] == [2, 3, 4]
    assert published.targets.signed_by == (DIALECT.key_id(app.key("targets").public),)
    assert published.notes == ()
    assert published.server_holds("snapshot")
    assert published.server_holds("timestamp")


def test_notes_a_snapshot_key_that_the_client_kept(server: NotaryServer, tmp_path: Path) -> None:
    Stock(server, tmp_path, APP)
    published = read(server, APP)
    assert [note.role for note in published.notes] == ["snapshot"]
    assert needs_snapshot(published, Changes())


def test_a_new_targets_key_is_followed_by_old_caches_and_fresh_ones(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    before = app.tags(tmp_path / "old")
    assert set(before) == {"1.0", "é<2>"}
    published, stolen, new = read(server, APP), app.key("targets"), make(Algorithm.ECDSA_P256)
    told = impact({APP: published}, compromised([DIALECT.key_id(stolen.public)], {}, SEQUEL))
    changes = Changes(remove=told.fingerprints(), targets=new.public)
    files = {
        "root": signed_root(published, changes, [app.key("root")]),
        "targets": signed(SEQUEL.next_targets(published, changes), new),
    }
    assert judged(published, files, changes) == {("root", "version"), ("root", "targets keys"), ("targets", "version")}
    assert post(server, APP, files) == (200, "")
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before
    # The stolen key: refused by the client that holds it, and by the server when something else sends what it signed.
    assert "could not find necessary signing keys" in app.add("evil", "x", check=False)
    after = read(server, APP)
    status, answer = post(server, APP, {"targets": signed(SEQUEL.next_targets(after, Changes()), stolen)})
    assert (status, "INVALID_UPDATE" in answer) == (400, True)
    # The new key, as its team gets it: accepted.
    delivered = tmp_path / "targets.key"
    delivered.write_bytes(DIALECT.delivery(APP, new))
    app.notary("key", "import", str(delivered), trust=tmp_path / "team")
    app.add("3.0", "three", trust=tmp_path / "team")
    assert set(app.tags(tmp_path / "old")) == {*before, "3.0"}


def test_tags_and_signers_can_go_and_come(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    alice, alices = app.delegate("targets/alice", tmp_path)
    _, bobs = app.delegate("targets/bob", tmp_path, bits=2048)
    app.add("a", "a", "-r", "targets/alice", "-r", "targets/releases", trust=alices)
    app.add("b", "b", "-r", "targets/bob", trust=bobs)
    published, new, carol = read(server, APP), make(Algorithm.ED25519), make(Algorithm.ECDSA_P256)
    assert {key.kind for role in published.targets.delegations for key in role.keys} == {"ecdsa-p256", "rsa-2048"}
    assert set(published.delegated) == {"targets/alice", "targets/bob", "targets/releases"}
    app.tags(tmp_path / "old")
    assert alice is not None
    changes = Changes(
        remove=frozenset({alice.public.sha256}),
        targets=new.public,
        remove_signers=frozenset({"bob"}),
        signers=(Signer("carol", carol.public),),
        strike=frozenset({"1.0"}),
        targets_expires=END,
    )
    files = {
        "root": signed_root(published, changes, [app.key("root")]),
        "targets": signed(SEQUEL.next_targets(published, changes), new),
    }
    found = judged(published, files, changes)
    assert {("targets", "targets/alice keys"), ("targets", "targets/bob keys"), ("targets", "targets/carol keys")} <= found
    assert {("targets", "targets/releases keys"), ("targets", "tag 1.0"), ("targets", "expires")} <= found
    assert post(server, APP, files) == (200, "")
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == {"é<2>": "targets"}
    roles = {role.name: [key.fingerprint for key in role.keys] for role in read(server, APP).targets.delegations}
    assert roles == {"targets/releases": [carol.public.sha256], "targets/carol": [carol.public.sha256]}


def test_a_removed_signers_metadata_that_stays_is_a_note(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    alice, alices = app.delegate("targets/alice", tmp_path)
    app.add("a", "a", "-r", "targets/alice", "-r", "targets/releases", trust=alices)
    published, carol = read(server, APP), make(Algorithm.ECDSA_P256)
    assert alice is not None
    changes = Changes(remove=frozenset({alice.public.sha256}), signers=(Signer("alice", carol.public),))
    assert post(server, APP, {"targets": signed(SEQUEL.next_targets(published, changes), app.key("targets"))}) == (200, "")
    assert [note.role for note in read(server, APP).notes] == ["targets/alice", "targets/releases"]
    assert "a" not in app.tags(tmp_path / "fresh")


def test_root_keys_are_replaced_then_targets_and_clients_follow_both(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    before = app.tags(tmp_path / "v2")
    trusted, old = pinned(server, APP), app.key("root")
    one, two = make(Algorithm.ECDSA_P384), make(Algorithm.RSA_3072)
    published = read(server, APP)
    changes = Changes(root_keys=(certificate(one), certificate(two)), threshold=2, root_expires=END)
    signers = SEQUEL.root_signers(published, changes)
    assert signers.missing({old.public.sha256, one.public.sha256}) == (0, 1)
    assert signers.missing({one.public.sha256, two.public.sha256}) == (1, 0)
    # A root goes alone while the targets key stays; without the old key no server takes it.
    assert post(server, APP, {"root": signed_root(published, changes, [one, two])})[0] == 400
    files = {"root": signed_root(published, changes, [old, one, two])}
    assert ("root", "root threshold") in judged(published, files, changes)
    assert post(server, APP, files) == (200, "")
    assert app.tags(tmp_path / "v2") == app.tags(tmp_path / "fresh") == before
    app.tags(tmp_path / "v3")
    published, new = read(server, APP, trusted), make(Algorithm.ECDSA_P256)
    assert (published.root.version, published.root.trusted_since) == (3, 1)
    changes = Changes(targets=new.public)
    files = {"root": signed_root(published, changes, [one, two]), "targets": signed(SEQUEL.next_targets(published, changes), new)}
    assert post(server, APP, files) == (200, "")
    for cache in ("v2", "v3", "fresh", "new"):
        assert app.tags(tmp_path / cache) == before


def test_a_new_certificate_of_the_same_key_is_signed_under_both_ids(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    before, root = app.tags(tmp_path / "old"), app.key("root")
    published = read(server, APP)
    changes = Changes(root_keys=(certificate(root),))
    (signer,) = SEQUEL.root_signers(published, changes).keys
    assert len(signer.key_ids) == 2
    files = {"root": signed_root(published, changes, [root])}
    assert judged(published, files, changes) == {("root", "version"), ("root", "root keys")}
    assert post(server, APP, files) == (200, "")
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before


def test_a_clients_snapshot_key_goes_to_the_server(server: NotaryServer, tmp_path: Path) -> None:
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    before, published, new = stock.tags(tmp_path / "old"), read(server, APP), make(Algorithm.ECDSA_P256)
    assert published.server is not None
    changes = Changes(targets=new.public, snapshot=published.server.snapshot)
    files = {
        "root": signed_root(published, changes, [stock.key("root")]),
        "targets": signed(SEQUEL.next_targets(published, changes), new),
    }
    assert ("root", "snapshot keys") in judged(published, files, changes)
    assert post(server, APP, files) == (200, "")
    assert read(server, APP).server_holds("snapshot")
    assert stock.tags(tmp_path / "old") == stock.tags(tmp_path / "fresh") == before


def test_a_snapshot_key_that_stays_with_the_team_wants_a_signed_snapshot(server: NotaryServer, tmp_path: Path) -> None:
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    before, published = stock.tags(tmp_path / "old"), read(server, APP)
    new, snapshot = make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256)
    changes = Changes(targets=new.public, snapshot=snapshot.public)
    files = {
        "root": signed_root(published, changes, [stock.key("root")]),
        "targets": signed(SEQUEL.next_targets(published, changes), new),
    }
    status, answer = post(server, APP, files)
    assert (status, "no snapshot was included" in answer) == (400, True)
    files["snapshot"] = signed(SEQUEL.next_snapshot(published, files, END), snapshot)
    judged(published, files, changes)
    assert post(server, APP, files) == (200, "")
    assert stock.tags(tmp_path / "old") == stock.tags(tmp_path / "fresh") == before


def test_only_the_servers_answer_brings_a_new_timestamp_key(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    before = app.tags(tmp_path / "old")
    new = server_key(new_server_key(server, APP, "timestamp"), APP, "timestamp")
    published = read(server, APP)
    assert published.server is not None
    assert published.server.timestamp != new  # asked for its key, it goes on naming the one of the root
    old = published.root.roles["timestamp"].fingerprints()
    changes = Changes(remove=old, timestamp=new)
    assert post(server, APP, {"root": signed_root(published, changes, [app.key("root")])}) == (200, "")
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before
    assert not read(server, APP).root.roles["timestamp"].fingerprints() & old


def test_one_broken_repository_is_named_and_the_others_are_read(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    Stock(server, tmp_path, WEB, owner="other")
    request, files = fetched(server, [APP, WEB])
    found = reading.read(request, files, pinned(server, APP), SEQUEL, datetime.now(UTC))
    assert isinstance(found[APP], Published)
    assert set(reading.usable(found)) == {APP}
    error = reading.broken(found)[WEB]
    assert isinstance(error, VerificationError)
    assert error.message.startswith(f"{WEB} root version 1: does not chain to the trusted root")


def test_a_root_without_its_targets_would_break_the_repository(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    """What the check of the next files is for: the server takes it."""
    app.tags(tmp_path / "old")
    published, new = read(server, APP), make(Algorithm.ECDSA_P256)
    changes = Changes(targets=new.public)
    files = {"root": signed_root(published, changes, [app.key("root")])}
    with pytest.raises(VerificationError, match="has the files root, and the changes make root, targets"):
        judged(published, files, changes)
    assert post(server, APP, files) == (200, "")
    assert "did not meet threshold" in app.notary("list", APP, trust=tmp_path / "old", check=False)
    with pytest.raises(VerificationError, match=f"^{APP} targets version 4: has 0 valid signatures of the 1"):
        read(server, APP)


def test_the_published_root_keys_can_stay_beside_a_new_one(app: Stock, server: NotaryServer, tmp_path: Path) -> None:
    published, second = read(server, APP), make(Algorithm.ECDSA_P256)
    keys = tuple(root_key(key) for key in published.root.roles["root"].keys)
    changes = Changes(root_keys=(*keys, certificate(second)))
    files = {"root": signed_root(published, changes, [app.key("root")])}
    assert judged(published, files, changes) == {("root", "version"), ("root", "root keys")}
    assert post(server, APP, files) == (200, "")
    assert set(app.tags(tmp_path / "fresh")) == {"1.0", "é<2>"}
