# SPDX-License-Identifier: Apache-2.0
"""What a rotation or renewal signed, published to a real notary-server whose stock clients hold caches from before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from ceremony.core.bundle import REQUEST
from ceremony.core.dialects import RootKey
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.dialects.notary_standing import MovedOn
from ceremony.core.keys import Algorithm
from ceremony.core.published.changes import Changes
from ceremony.core.request import INDEX, Repository, build_index, parse_index, store
from ceremony.core.software_key import SoftwareKey, make
from ceremony.errors import VerificationError
from ceremony.online.publish import Published, publish
from tests.core.dialects import forged
from tests.core.published.made import TARGETS_DAYS, Made
from tests.core.published.stock import Stock, post, read, signed, signed_root
from tests.online.faults import Answer, Asked, passed_on
from tests.online.renewed import Folder

APP, WEB = "docker.io/acme/app", "reg.example:5000/acme/web"
END = datetime(2036, 11, 19, tzinfo=UTC)


@pytest.fixture
def app(server, tmp_path) -> Stock:
    """A repository with a tag, its snapshot key with the client, as `notary init` leaves it."""
    stock = Stock(server, tmp_path, APP)
    stock.add("1.0", "one")
    return stock


def certificate(key: SoftwareKey, name: str = APP) -> RootKey:
    return RootKey(key.public, forged.certificate(key, name, end=END).decode())


def only_failure(published):
    assert published.done == {}
    [failure] = published.failures
    assert failure.error.hint
    return failure.error


def served(server, gun: str = APP) -> tuple[bytes | None, bytes | None]:
    return server.get(gun, "root.json"), server.get(gun, "targets.json")


# --- what clients and teams see -------------------------------------------------


def test_old_caches_and_fresh_clients_see_the_same_tags_and_the_stolen_key_is_out(app, server, open_to, tmp_path):
    before, stolen, new = app.tags(tmp_path / "old"), app.key("targets"), make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    made = folder.sign(app, Changes(remove=frozenset({stolen.public.sha256}), targets=new.public), new)
    session = open_to(server.url)
    assert folder.publish(session, dry_run=True).done == {APP: Published.READY}
    assert server.get(APP, "2.root.json") is None
    assert folder.publish(session).done == {APP: Published.DONE}
    assert served(server) == (made["root"], made["targets"])
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before
    # The stolen key: the client that holds it, and whoever sends by other means.
    assert "ended 1" in app.add("evil", "x", check=False)
    status, answer = post(server, APP, {"targets": signed(SEQUEL.next_targets(read(server, APP), Changes()), stolen)})
    assert (status, "INVALID_UPDATE" in answer) == (400, True)
    assert set(app.tags(tmp_path / "fresh")) == {"1.0"}
    # The new key, as its team gets it.
    delivered = tmp_path / "targets.key"
    delivered.write_bytes(DIALECT.delivery(APP, new))
    app.notary("key", "import", str(delivered), trust=tmp_path / "team")
    app.add("2.0", "two", trust=tmp_path / "team")
    assert set(app.tags(tmp_path / "old")) == set(app.tags(tmp_path / "fresh")) == {"1.0", "2.0"}
    assert folder.publish(session).done == {APP: Published.BEFORE}


def test_a_second_run_sends_nothing_again(app, server, open_to):
    new = make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    session = open_to(server.url)
    assert folder.publish(session).done == {APP: Published.DONE}
    before = served(server)
    assert folder.publish(session, dry_run=True).done == folder.publish(session).done == {APP: Published.BEFORE}
    assert served(server) == before
    assert server.get(APP, "3.root.json") is None


def test_a_root_goes_alone_while_the_targets_key_stays_and_the_teams_new_tags_stay_too(app, server, open_to, tmp_path):
    one, two = make(Algorithm.ECDSA_P384), make(Algorithm.RSA_3072)
    app.tags(tmp_path / "old")
    folder = Folder(server, [APP])
    changes = Changes(root_keys=(certificate(one), certificate(two)), threshold=2, root_expires=END)
    assert set(folder.sign(app, changes, roots=[one, two])) == {"root"}
    app.add("2.0", "two")  # with the key that stays
    newest = server.get(APP, "targets.json")
    assert folder.publish(open_to(server.url)).done == {APP: Published.DONE}
    assert server.get(APP, "targets.json") == newest
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == {"1.0": "targets", "2.0": "targets"}
    assert read(server, APP).server_holds("snapshot")
    app.add("3.0", "three")
    assert set(app.tags(tmp_path / "old")) == {"1.0", "2.0", "3.0"}


def test_signers_and_their_tags_stay_as_they_are(app, server, open_to, tmp_path):
    app.notary("key", "rotate", APP, "snapshot", "-r")  # a signer can publish only where the server holds it
    _, alices = app.delegate("targets/alice", tmp_path)
    app.add("a", "a", "-r", "targets/alice", "-r", "targets/releases", trust=alices)
    before, new = app.tags(tmp_path / "old"), make(Algorithm.ED25519)
    assert set(before) == {"1.0", "a"}
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    assert folder.publish(open_to(server.url)).done == {APP: Published.DONE}
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before


def test_one_rotation_after_another_is_followed_and_the_first_was_published_before(app, server, open_to, tmp_path):
    root, one, two = make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256)
    before, session = app.tags(tmp_path / "v1"), open_to(server.url)
    first = Folder(server, [APP])
    first.sign(app, Changes(targets=one.public, root_keys=(certificate(root),)), one, roots=[root])
    assert first.publish(session).done == {APP: Published.DONE}
    app.tags(tmp_path / "v2")
    second = Folder(server, [APP])
    published, changes = second.published(APP), Changes(targets=two.public)
    made = {"root": signed_root(published, changes, [root]), "targets": signed(SEQUEL.next_targets(published, changes), two)}
    second.files |= {f"bundle/tuf/{APP}/metadata/{role}.json": data for role, data in made.items()}
    assert second.publish(session).done == {APP: Published.DONE}
    for cache in ("v1", "v2", "fresh"):
        assert app.tags(tmp_path / cache) == before
    assert first.publish(session).done == {APP: Published.BEFORE}


def test_a_new_repository_goes_beside_those_that_change(app, server, open_to, tmp_path):
    from tests.online.metadata import genesis

    new = make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    made = genesis(WEB, server.key(WEB, "snapshot"), server.key(WEB, "timestamp"))
    folder.files |= {f"bundle/tuf/{WEB}/metadata/{role}.json": data for role, data in made.files.items()}
    assert folder.publish(open_to(server.url)).done == {APP: Published.DONE, WEB: Published.DONE}
    assert "No targets present" in app.notary("list", WEB, trust=tmp_path / "fresh")


# --- what moved on -----------------------------------------------------------------


def test_a_repository_whose_targets_moved_on_is_left_alone_and_named_with_the_way_on(app, server, open_to, tmp_path):
    web, new = Stock(server, tmp_path, WEB, owner="web"), make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP, WEB])
    for stock in (app, web):
        folder.sign(stock, Changes(targets=new.public), new)
    app.add("2.0", "two")
    before = served(server)
    for dry_run in (True, False):
        published = folder.publish(open_to(server.url), dry_run=dry_run)
        assert published.done == {WEB: Published.READY if dry_run else Published.DONE}
        [failure] = published.failures
        assert isinstance(failure.error, MovedOn)
        assert failure.error.message == (
            f"{APP}: the server has moved on, its targets (version 4) are newer than those of the ceremony's request (version 3)"
        )
        assert "`ceremony publish DIR --server URL --resign-targets KEYFILE`; or fetch it again" in failure.error.hint
    assert served(server) == before
    assert set(app.tags(tmp_path / "fresh")) == {"1.0", "2.0"}


def test_a_repository_whose_root_moved_on_is_left_alone(app, server, open_to):
    new = make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    app.notary("key", "rotate", APP, "snapshot", "-r")
    before = served(server)
    error = only_failure(folder.publish(open_to(server.url)))
    assert error.message == f"{APP}: the server has moved on, its root (version 2) is not the one of this ceremony"
    assert isinstance(error, MovedOn)
    app.notary("key", "rotate", APP, "timestamp", "-r")
    assert "its root (version 3)" in only_failure(folder.publish(open_to(server.url))).message
    assert served(server) != before
    assert server.get(APP, "root.json") == server.get(APP, "3.root.json")


def test_a_repository_that_was_deleted_at_the_server_is_left_alone(app, server, open_to):
    new = make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    app.notary("delete", APP, "--remote")
    assert only_failure(folder.publish(open_to(server.url))).message == f"{APP}: the server has moved on, its root is missing"
    assert server.get(APP, "root.json") is None


def test_targets_that_were_left_behind_go_after_their_root(app, server, open_to, tmp_path):
    before, new = app.tags(tmp_path / "old"), make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    made = folder.sign(app, Changes(targets=new.public), new)
    assert post(server, APP, {"root": made["root"]}) == (200, "")  # as somebody might
    assert "did not meet threshold" in app.notary("list", APP, trust=tmp_path / "old", check=False)
    assert folder.publish(open_to(server.url)).done == {APP: Published.DONE}
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == before


def test_a_root_that_only_its_new_keys_signed_is_not_sent(app, server, open_to):
    root, new = make(Algorithm.ECDSA_P256), make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    published, changes = folder.published(APP), Changes(targets=new.public, root_keys=(certificate(root),))
    made = {"root": signed_root(published, changes, [root]), "targets": signed(SEQUEL.next_targets(published, changes), new)}
    folder.files |= {f"bundle/tuf/{APP}/metadata/{role}.json": data for role, data in made.items()}
    message = only_failure(folder.publish(open_to(server.url))).message
    assert message == f"{APP} root version 2: has 0 valid signatures of the 1 that it needs by the root keys of version 1"


def test_tells_of_targets_that_are_over_and_that_the_ceremony_did_not_sign(faulty, open_to):
    case = Made()
    for name in ("snapshot", "timestamp"):
        case.online[name] = lambda content: content.update(expires="2036-01-01T00:00:00Z")
    files = {
        f"{role}{infix}": data
        for role, versions in case.served().metadata.items()
        for version, data in versions
        for infix in ("", f".{hashlib.sha256(data).hexdigest()}")
    } | {f"{version}.root": data for version, data in case.served().metadata["root"]}
    session = open_to(faulty(serving(files)).url)
    (_, old), (_, ours) = case.served().metadata["root"]
    newest = files["targets"]
    kept = {role: store(APP, role, version, data) for role, version, data in (("root", 1, old), ("targets", 5, newest))}
    index = build_index("https://notary.example", {APP: Repository({}, {role: (file,) for role, file in kept.items()})})
    folder = {f"bundle/tuf/{APP}/metadata/root.json": ours, REQUEST + INDEX: index}
    folder |= {REQUEST + kept["root"].path: old, REQUEST + kept["targets"].path: newest}
    for now, told in (
        (2026, ()),
        (2030, (f"{APP}: its targets expired at {TARGETS_DAYS}; clients refuse them until its team signs again",)),
    ):
        published = publish(
            list(folder),
            folder.__getitem__,
            session,
            practice=True,
            dry_run=False,
            now=datetime(now, 11, 1, tzinfo=UTC),
            progress=lambda _gun, _done, _total: None,
        )
        assert (published.done, published.failures, published.told) == ({APP: Published.BEFORE}, (), told)


def serving(files: Mapping[str, bytes]) -> Callable[[Asked], Answer]:
    """Answer as a server that has these files and takes none."""

    def answer(asked: Asked) -> Answer:
        found = files.get(asked.path.partition("/_trust/tuf/")[2].removesuffix(".json"))
        return Answer(200, b"{}") if not asked.gun and found is None else Answer(404) if found is None else Answer(200, found)

    return answer


def test_a_push_at_the_last_moment_wins_and_no_client_sees_an_error(app, server, faulty, open_to, tmp_path):
    new, pushed = make(Algorithm.ECDSA_P256), []
    app.tags(tmp_path / "old")
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)

    def racing(asked: Asked) -> Answer:
        if asked.method == "POST" and not pushed:
            pushed.append(app.add("2.0", "two"))
        return passed_on(server.url, asked)

    session = open_to(faulty(racing).url)
    error = only_failure(folder.publish(session))
    assert isinstance(error, MovedOn)
    assert error.message == f"{APP}: somebody published while this was under way"
    assert app.tags(tmp_path / "old") == app.tags(tmp_path / "fresh") == {"1.0": "targets", "2.0": "targets"}
    assert "targets (version 4) are newer" in only_failure(folder.publish(session)).message


# --- the folder ---------------------------------------------------------------------


def test_refuses_a_request_that_was_changed(app, server, open_to):
    new = make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    whole = dict(folder.files)
    for path, data in whole.items():
        if path.startswith(f"{REQUEST}files/"):
            folder.files[path] = data + b" "
    assert re.match(
        r"request files/.*\(.*\): is \d+ bytes and not \d+$", only_failure(folder.publish(open_to(server.url))).message
    )
    folder.files = whole | {REQUEST + INDEX: b"{}"}
    with pytest.raises(VerificationError, match=r"^request index\.json: has schema None"):
        folder.publish(open_to(server.url))
    assert server.get(APP, "2.root.json") is None


def test_refuses_a_request_that_lacks_what_the_server_had(app, server, open_to):
    new = make(Algorithm.ECDSA_P256)
    folder = Folder(server, [APP])
    folder.sign(app, Changes(targets=new.public), new)
    known = parse_index(folder.files[REQUEST + INDEX]).repositories[APP]
    without = Repository(known.keys, {role: files for role, files in known.metadata.items() if role != "targets"})
    folder.files[REQUEST + INDEX] = build_index(server.url, {APP: without})
    error = only_failure(folder.publish(open_to(server.url)))
    assert error.message == f"request: holds no targets of {APP}, which the server knew"
