# SPDX-License-Identifier: Apache-2.0
"""A team that signs targets anew, at a real notary-server: where a repository waits for it, and where targets moved on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ceremony.core.dialects import Signer
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.dialects.notary_resign import Decided, Newer
from ceremony.core.dialects.notary_standing import MovedOn
from ceremony.core.keys import Algorithm, from_crypto
from ceremony.core.published.changes import Changes
from ceremony.core.software_key import SoftwareKey, make
from ceremony.errors import CeremonyError, VerificationError
from ceremony.online.publish import Published, Resigning
from tests.core.published.stock import Stock, post, read
from tests.online.metadata import genesis
from tests.online.renewed import Folder

APP, WEB = "docker.io/acme/app", "docker.io/acme/web"


@pytest.fixture
def app(server, tmp_path) -> Stock:
    """A repository with two tags."""
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    stock.add("bad", "bad")
    return stock


def only_failure(published):
    assert published.done == {}
    [failure] = published.failures
    assert failure.error.hint
    return failure.error


def by(key, newer: Newer = Newer.ASK, **options) -> Resigning:
    return Resigning((key,), Decided(newer, **options))


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.RSA_3072, Algorithm.ED25519])
def test_a_repository_waits_for_its_team_which_signs_and_publishes(app, server, open_to, tmp_path, algorithm):
    before, new, session = app.tags(tmp_path / "old"), make(algorithm), open_to(server.url)
    folder = Folder(server, [APP])
    made = folder.sign(app, Changes(remove=frozenset({app.key("targets").public.sha256}), targets=new.public))
    assert set(made) == {"root"}
    assert folder.publish(session).done == {APP: Published.WAITING}
    assert server.get(APP, "2.root.json") is None
    assert folder.publish(session, resigning=by(new), dry_run=True).done == {APP: Published.WOULD_RESIGN}
    assert server.get(APP, "2.root.json") is None
    published = folder.publish(session, resigning=by(new))
    assert (published.done, published.told, published.left) == ({APP: Published.RESIGNED}, (), 0)
    assert server.get(APP, "root.json") == made["root"]
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before
    assert folder.publish(session).done == folder.publish(session, resigning=by(new)).done == {APP: Published.BEFORE}
    delivered = tmp_path / "targets.key"
    delivered.write_bytes(DIALECT.delivery(APP, new))
    app.notary("key", "import", str(delivered), trust=tmp_path / "team")
    app.add("2.0", "two", trust=tmp_path / "team")
    assert set(app.tags(tmp_path / "old")) == {"1.0", "bad", "2.0"}


def test_tags_of_a_key_that_goes_are_carried_over_only_when_people_say_so(app, server, open_to, tmp_path):
    app.tags(tmp_path / "old")
    new, session = make(Algorithm.ECDSA_P256), open_to(server.url)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(remove=frozenset({app.key("targets").public.sha256}), targets=new.public), new)
    app.add("2.0", "two")
    app.notary("remove", "-p", APP, "1.0")
    app.tags(tmp_path / "middle")
    before = server.get(APP, "targets.json")
    error = only_failure(folder.publish(session, resigning=by(new)))
    assert isinstance(error, MovedOn)
    assert error.message == (
        f"{APP}: since the ceremony's request somebody changed, with a key that is replaced, tags '1.0', '2.0'"
    )
    assert "--keep-newer-tags, or with --drop-newer-tags" in error.hint
    assert server.get(APP, "targets.json") == before
    assert folder.publish(session, resigning=by(new, Newer.DROP), dry_run=True).done == {APP: Published.WOULD_RESIGN}
    published = folder.publish(session, resigning=by(new, Newer.KEEP))
    assert published.done == {APP: Published.RESIGNED}
    assert published.told == (f"{APP}: as they were changed since the request: the tags '1.0', '2.0'",)
    for cache in ("old", "middle", "fresh"):
        assert app.tags(tmp_path / cache) == {"bad": "targets", "2.0": "targets"}
    assert folder.publish(session).done == {APP: Published.BEFORE}


def test_newer_tags_can_be_dropped(app, server, open_to, tmp_path):
    before, new, session = app.tags(tmp_path / "old"), make(Algorithm.ECDSA_P256), open_to(server.url)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    app.add("evil", "evil")
    app.add("1.0", "evil")
    app.tags(tmp_path / "middle")
    published = folder.publish(session, resigning=by(new, Newer.DROP))
    assert published.done == {APP: Published.RESIGNED}
    assert published.told == (f"{APP}: as the request has them, not as somebody changed them since: the tags '1.0', 'evil'",)
    for cache in ("old", "middle", "fresh"):
        assert app.tags(tmp_path / cache) == before
    assert [tag.entry for tag in read(server, APP).targets.tags] == [tag.entry for tag in folder.published(APP).targets.tags]
    assert read(server, APP).targets.version == folder.published(APP).targets.version + 3


def test_what_the_ceremony_struck_out_goes_from_newer_targets_too(server, tmp_path, open_to):
    app = Stock(server, tmp_path, APP)
    app.notary("key", "rotate", APP, "snapshot", "-r")
    app.add("1.0", "one")
    app.add("bad", "bad")
    alice, _ = app.delegate("targets/alice", tmp_path)
    app.delegate("targets/bob", tmp_path)
    assert alice is not None
    new, carol, session = make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256), open_to(server.url)
    end = datetime(2034, 1, 1, tzinfo=UTC)
    changes = Changes(
        remove=frozenset({alice.public.sha256}),
        targets=new.public,
        strike=frozenset({"bad"}),
        signers=(Signer("carol", carol.public),),
        targets_expires=end,
    )
    folder = Folder(server, [APP])
    folder.sign(app, changes, new)
    app.add("bad", "worse")
    app.add("2.0", "two")
    (tmp_path / "other").mkdir()
    app.delegate("targets/mallory", tmp_path / "other")
    message = only_failure(folder.publish(session, resigning=by(new))).message
    assert message.endswith("with a key that is replaced, tags '2.0' and signers 'targets/mallory', 'targets/releases'")
    published = folder.publish(session, resigning=by(new, Newer.KEEP))
    assert published.done == {APP: Published.RESIGNED}
    assert published.told == (
        f"{APP}: as they were changed since the request: the tags '2.0'",
        f"{APP}: struck out, as the ceremony did: the tags 'bad'",
        f"{APP}: as the ceremony left them, not as somebody changed them since: the signers 'targets/mallory', 'targets/releases'",
    )
    assert set(app.tags(tmp_path / "fresh")) == {"1.0", "2.0"}
    after = read(server, APP).targets
    assert {role.name for role in after.delegations} == {"targets/bob", "targets/carol", "targets/releases"}
    assert alice.public.sha256 not in {key.fingerprint for role in after.delegations for key in role.keys}
    assert after.expires_at == end


def test_only_the_repositories_of_the_key_are_looked_at(app, server, open_to, tmp_path):
    web, new, other = Stock(server, tmp_path, WEB, owner="web"), make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP, WEB])
    folder.sign(app, Changes(targets=new.public))
    folder.sign(web, Changes(targets=other.public), other)
    session = open_to(server.url)
    published = folder.publish(session, resigning=by(new))
    assert (published.done, published.left) == ({APP: Published.RESIGNED}, 1)
    assert server.get(WEB, "2.root.json") is None
    # Where nothing moved, the ceremony's own targets go.
    assert folder.publish(session, resigning=by(other)).done == {WEB: Published.DONE}
    with pytest.raises(CeremonyError, match=r"^no new root of the bundle names this key for its targets$"):
        folder.publish(session, resigning=by(make(Algorithm.ED25519)))


def test_a_root_that_went_out_alone_gets_its_targets(app, server, open_to, tmp_path):
    before, new, session = app.tags(tmp_path / "old"), make(Algorithm.ECDSA_P256), open_to(server.url)
    folder = Folder(server, [APP])
    made = folder.sign(app, Changes(targets=new.public))
    assert post(server, APP, made) == (200, "")
    error = only_failure(folder.publish(session))
    assert error.message == f"{APP}: the server has the new root, and not the targets that it needs: every client fails"
    assert folder.publish(session, resigning=by(new)).done == {APP: Published.RESIGNED}
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before


def test_a_new_repository_that_waits_is_begun_by_its_team(app, server, open_to):
    signed = genesis(WEB, server.key(WEB, "snapshot"), server.key(WEB, "timestamp"))
    key = SoftwareKey(from_crypto(signed.targets_key.public_key()), signed.targets_key)
    folder = Folder(server, [APP])
    folder.files[f"bundle/tuf/{WEB}/metadata/root.json"] = signed.root
    assert folder.publish(open_to(server.url), resigning=by(key)).done == {WEB: Published.WAITING}
    assert server.get(WEB, "root.json") is None


def test_a_day_that_is_over_is_refused_and_another_can_be_named(app, server, open_to, tmp_path):
    new, session = make(Algorithm.ECDSA_P256), open_to(server.url)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public))
    error = only_failure(folder.publish(session, resigning=by(new, expires=datetime(2020, 1, 1, tzinfo=UTC))))
    assert isinstance(error, VerificationError)
    assert error.message == f"{APP} targets version 5: expired at 2020-01-01T00:00:00Z"
    assert "--targets-expire" in error.hint
    day = datetime(2033, 1, 1, tzinfo=UTC)
    assert folder.publish(session, resigning=by(new, expires=day)).done == {APP: Published.RESIGNED}
    assert read(server, APP).targets.expires_at == day
