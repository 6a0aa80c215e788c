# SPDX-License-Identifier: Apache-2.0
"""The request's index: one form, every departure from it named, every file accounted for."""

from __future__ import annotations

import copy
import hashlib
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core import canonical, request
from ceremony.core.request import Repository, build_index, check_file, check_names, check_size, parse_index, store
from ceremony.errors import VerificationError

APP = "docker.io/acme/app"
PORT = "reg.example:5000/app"
SERVER = "https://notary.example"
KEYS = {role: store(APP, role, 0, role.encode()) for role in ("snapshot", "timestamp")}


def history(gun: str, role: str, *versions: int):
    return tuple(store(gun, role, version, f"{gun} {role} {version}".encode()) for version in versions)


def example() -> dict[str, Repository]:
    """A repository that the server does not know, and one with a whole history."""
    metadata = {role: history(PORT, role, 1, 2, 5) for role in ("root", "targets", "targets/releases", "snapshot", "timestamp")}
    return {APP: Repository(KEYS, {}), PORT: Repository({}, metadata)}


def index() -> dict:
    return json.loads(build_index(SERVER, example()))


def test_what_was_built_is_what_is_parsed():
    data = build_index(SERVER, example())
    parsed = parse_index(data)
    assert parsed.server == SERVER
    assert parsed.repositories == example()
    assert parsed.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert {gun: repository.known for gun, repository in parsed.repositories.items()} == {APP: False, PORT: True}
    assert len(parsed.files()) == 2 + 5 * 3
    assert data == canonical.encode(json.loads(data))


def test_the_form_is_this_one():
    data = build_index(
        SERVER, {APP: Repository({"snapshot": store(APP, "snapshot", 0, b"x")}, {"root": history(APP, "root", 3)})}
    )
    x, root = hashlib.sha256(b"x").hexdigest(), hashlib.sha256(f"{APP} root 3".encode()).hexdigest()
    assert data.decode() == (
        '{"repositories":{"docker.io/acme/app":{'
        f'"keys":{{"snapshot":{{"sha256":"{x}","size":1}}}},"known":true,'
        f'"metadata":{{"root":[{{"sha256":"{root}","size":25,"version":3}}]}}}}}},'
        '"schema":1,"server":"https://notary.example"}'
    )


def test_a_file_is_named_by_its_digest_and_says_what_it_is():
    [root] = history(APP, "root", 3)
    assert root.path == f"files/{root.sha256}.json"
    assert root.subject == f"request files/{root.sha256}.json (docker.io/acme/app, root version 3)"
    assert KEYS["snapshot"].subject.endswith("(docker.io/acme/app, snapshot key)")


def at(path: str, value: object):
    """Return a change of the index: set what stands at `path` (parts between blanks)."""

    def change(top: dict) -> None:
        *parents, last = path.split()
        for part in parents:
            top = top[int(part) if isinstance(top, list) else part]
        top[int(last) if isinstance(top, list) else last] = value

    return change


def drop(path: str):
    def change(top: dict) -> None:
        *parents, last = path.split()
        for part in parents:
            top = top[part]
        del top[last]

    return change


R = "repositories"
FILE = {"sha256": "0" * 64, "size": 1}
REFUSED = [
    pytest.param(at("schema", 2), "has schema 2, and this program reads schema 1", id="another-schema"),
    pytest.param(at("schema", value=True), "has schema True", id="schema-a-bool"),
    pytest.param(at("schema", "1"), "has schema '1'", id="schema-of-another-type"),
    pytest.param(drop("schema"), "has schema None", id="no-schema"),
    pytest.param(at("extra", 1), "has the unknown field extra", id="unknown-field"),
    pytest.param(drop("server"), "lacks the field server", id="no-server"),
    pytest.param(at("server", 7), "the field server is not an address", id="server-of-another-type"),
    pytest.param(at("server", "https://ada:pw@notary.example"), "the field server is not an address", id="server-with-password"),
    pytest.param(at("server", "https://notary.example/../x"), "the field server is not an address", id="server-with-dots"),
    pytest.param(at("server", "https://" + "x" * 255), "the field server is not an address", id="server-too-long"),
    pytest.param(at(R, []), "the field repositories names none", id="repositories-a-list"),
    pytest.param(at(R, {}), "the field repositories names none", id="no-repositories"),
    pytest.param(at(f"{R} docker.io/../app", {}), '"docker.io/../app" cannot be used', id="dots-in-a-name"),
    pytest.param(at(f"{R} /etc/app", {}), '"/etc/app" cannot be used', id="absolute-name"),
    pytest.param(at(f"{R} docker.io/acme/*", {}), "cannot be used", id="wildcard-name"),
    pytest.param(at(f"{R} docker.io/{'x' * 255}", {}), "is 265 characters long", id="long-name"),
    pytest.param(at(f"{R} {APP}", []), f"{APP}: is not an object", id="repository-a-list"),
    pytest.param(drop(f"{R} {APP} keys"), f"{APP}: lacks the field keys", id="no-keys"),
    pytest.param(at(f"{R} {APP} extra", 1), f"{APP}: has the unknown field extra", id="unknown-field-of-a-repository"),
    pytest.param(at(f"{R} {APP} keys", []), f"{APP}: keys is not an object", id="keys-a-list"),
    pytest.param(at(f"{R} {APP} keys root", FILE), f"{APP}: no server holds a root key", id="root-key"),
    pytest.param(at(f"{R} {APP} keys snapshot", "x"), f"{APP}: snapshot is not an object", id="key-a-text"),
    pytest.param(
        at(f"{R} {APP} keys snapshot version", 1), f"{APP}: snapshot has the unknown field version", id="key-with-version"
    ),
    pytest.param(
        at(f"{R} {APP} keys snapshot sha256", "A" * 64), f"{APP}: snapshot has a digest that is not", id="upper-case-digest"
    ),
    pytest.param(
        at(f"{R} {APP} keys snapshot sha256", "../../x"), f"{APP}: snapshot has a digest that is not", id="dots-in-a-digest"
    ),
    pytest.param(at(f"{R} {APP} keys snapshot sha256", 1), f"{APP}: snapshot has a digest that is not", id="digest-a-number"),
    pytest.param(at(f"{R} {APP} keys snapshot size", 0), f"{APP}: snapshot has the size 0", id="empty-key"),
    pytest.param(at(f"{R} {APP} keys snapshot size", 65_537), "between 1 and 65536 bytes are read", id="key-too-long"),
    pytest.param(at(f"{R} {APP} keys snapshot size", value=True), f"{APP}: snapshot has the size True", id="size-a-bool"),
    pytest.param(
        at(f"{R} {APP} known", value=True), f"{APP}: the field known contradicts the metadata", id="known-without-metadata"
    ),
    pytest.param(at(f"{R} {PORT} known", 1), f"{PORT}: the field known contradicts the metadata", id="known-a-number"),
    pytest.param(drop(f"{R} {PORT} metadata root"), f"{PORT}: there is metadata but no root", id="no-root"),
    pytest.param(at(f"{R} {PORT} metadata", []), f"{PORT}: metadata is not an object", id="metadata-a-list"),
    pytest.param(at(f"{R} {PORT} metadata mirror", []), f"{PORT}: 'mirror' is not a role", id="unknown-role"),
    pytest.param(at(f"{R} {PORT} metadata targets/../x", []), f"{PORT}: 'targets/../x' is not a role", id="dots-in-a-role"),
    pytest.param(at(f"{R} {PORT} metadata targets/{'x' * 255}", []), "is not a role", id="long-role"),
    pytest.param(at(f"{R} {PORT} metadata root", {}), f"{PORT}: root is not a list of versions", id="history-an-object"),
    pytest.param(at(f"{R} {PORT} metadata root", []), f"{PORT}: root is not a list of versions", id="empty-history"),
    pytest.param(at(f"{R} {PORT} metadata root 0 version", 2), f"{PORT}: the versions of root do not ascend", id="version-twice"),
    pytest.param(
        at(f"{R} {PORT} metadata root 0 version", 9), f"{PORT}: the versions of root do not ascend", id="versions-descend"
    ),
    pytest.param(at(f"{R} {PORT} metadata root 0 version", 0), f"{PORT}: root has the version 0", id="version-0"),
    pytest.param(at(f"{R} {PORT} metadata root 0 version", "1"), f"{PORT}: root has the version '1'", id="version-a-text"),
    pytest.param(at(f"{R} {PORT} metadata root 0", FILE), f"{PORT}: root lacks the field version", id="no-version"),
    pytest.param(
        at(f"{R} {PORT} metadata root 0 size", 10 * 2**20 + 1), f"{PORT}: root has the size 10485761", id="metadata-too-long"
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_refuses_an_index_that_departs_from_the_form(change, message):
    value = copy.deepcopy(index())
    change(value)
    with pytest.raises(VerificationError) as refused:
        parse_index(canonical.encode(value))
    assert refused.value.subject == "request index.json"
    assert message in refused.value.message
    assert "ceremony fetch" in refused.value.hint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is not the JSON that was expected", id="empty"),
        pytest.param(b"[]", "is not a JSON object", id="a-list"),
        pytest.param(b'{"schema":1,"schema":1}', "a key stands twice", id="a-duplicate"),
        pytest.param(b'{"schema": 1}', "is not in canonical form", id="spaces"),
        pytest.param(b"x" * (request.MAX_INDEX + 1), "is 67108865 bytes, more than the 67108864 that are read", id="huge"),
    ],
)
def test_refuses_an_index_that_is_not_canonical(data, message):
    with pytest.raises(VerificationError, match=rf"^request index\.json: .*{message}"):
        parse_index(data)


def test_refuses_a_truncated_index():
    data = build_index(SERVER, example())
    for end in range(0, len(data), 97):
        with pytest.raises(VerificationError, match=r"^request index\.json: "):
            parse_index(data[:end])


def test_does_not_build_what_it_would_not_parse():
    with pytest.raises(VerificationError, match="cannot be used"):
        build_index(SERVER, {"../app": Repository(KEYS, {})})


_NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)


@given(
    guns=st.lists(st.builds("{}.example/{}".format, _NAMES, _NAMES), min_size=1, max_size=4, unique=True),
    versions=st.sets(st.integers(1, 2**53 - 1), max_size=4),
    data=st.binary(min_size=1, max_size=9),
)
def test_every_request_reads_back_as_it_was_built(guns, versions, data):
    made = {
        gun: Repository(
            {"timestamp": store(gun, "timestamp", 0, data)},
            {"root": tuple(store(gun, "root", version, data) for version in sorted(versions))} if versions else {},
        )
        for gun in guns
    }
    assert parse_index(build_index(SERVER, made)).repositories == made


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=9).map(json.dumps).map(str.encode)
)
def test_nothing_but_our_errors_comes_of_rubbish(data):
    with pytest.raises(VerificationError):
        parse_index(data)


# --- the files ---------------------------------------------------------------


def test_equal_files_are_stored_once_under_the_first_that_needs_them():
    same = {gun: Repository({"snapshot": store(gun, "snapshot", 0, b"same")}, {}) for gun in (APP, PORT)}
    [file] = parse_index(build_index(SERVER, same)).files().values()
    assert file.repository == APP


def test_accounts_for_every_file_of_the_folder():
    parsed = parse_index(build_index(SERVER, {APP: Repository(KEYS, {})}))
    names = ["index.json", *(file.path for file in KEYS.values())]
    check_names(parsed, names)
    with pytest.raises(VerificationError, match=rf"^request files/\w+\.json \({APP}, \w+ key\): is missing$") as refused:
        check_names(parsed, names[:-1])
    assert "ceremony fetch" in refused.value.hint
    with pytest.raises(VerificationError, match=r"^request files/extra\.json: is not named by its index$") as refused:
        check_names(parsed, [*names, "files/extra.json"])
    assert "delete it" in refused.value.hint


def test_refuses_a_file_that_was_cut_or_changed():
    [root] = history(APP, "root", 1)
    data = f"{APP} root 1".encode()
    check_size(root, len(data))
    check_file(root, data)
    with pytest.raises(
        VerificationError, match=rf"^request files/{root.sha256}\.json \({APP}, root version 1\): is 24 bytes and not 25$"
    ):
        check_file(root, data[:-1])
    with pytest.raises(VerificationError, match=rf"\({APP}, root version 1\): is 100000000 bytes and not 25$"):
        check_size(root, 100_000_000)
    with pytest.raises(VerificationError, match=rf"\({APP}, root version 1\): is not the file that was fetched$") as refused:
        check_file(root, data[:-1] + b"2")
    assert "ceremony fetch" in refused.value.hint
