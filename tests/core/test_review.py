# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed, as differences: nothing is left out, and outliers stand alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.certificates import CertificateRequest
from ceremony.core.dialects import RepositorySpec, RootKey, Signer
from ceremony.core.dialects.notary import Notary
from ceremony.core.keys import Algorithm
from ceremony.core.ports import Change, Document, Group
from ceremony.core.review import SINGLY, NewRepositories, grouped, json_lines
from ceremony.core.software_key import SoftwareKey, make
from tests.vectors.known_keys import known

P256, P384, RSA, ED = (known(a) for a in (Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072, Algorithm.ED25519))
OTHER, SECOND, THIRD, FOURTH = (make(Algorithm.ECDSA_P256) for _ in range(4))
NAME = "docker.io/acme/app"
START, END = datetime(2026, 11, 19, tzinfo=UTC), datetime(2036, 11, 19, tzinfo=UTC)
DAY = timedelta(days=1)


def certificate(
    key: SoftwareKey = P256,
    name: str = NAME,
    start: datetime = START,
    end: datetime = END,
    ceremony: str = "ab",
    practice: bool = False,
) -> str:
    request = CertificateRequest(key.public, name, start, end, ceremony * 16, practice)
    to_be_signed = request.to_be_signed()
    return request.finish(to_be_signed, key.sign(request.scheme, to_be_signed))


SPEC = RepositorySpec(
    name=NAME,
    version=1,
    root_keys=(RootKey(P384.public, certificate(P384)), RootKey(P256.public, certificate(P256))),
    threshold=2,
    targets=OTHER.public,
    snapshot=SECOND.public,
    timestamp=THIRD.public,
    signers=(Signer("alice", ED.public),),
    root_expires=END,
    targets_expires=datetime(2029, 11, 19, tzinfo=UTC),
)


def of(*specs: RepositorySpec, here: bool = True) -> NewRepositories:
    return NewRepositories(Notary(), specs, frozenset(spec.name for spec in specs if here))


def said(changes: tuple[Change, ...] | list[Change]) -> dict[tuple[str, str], str]:
    assert {change.before for change in changes} == {""}
    assert len({(change.role, change.field) for change in changes}) == len(changes)
    return {(change.role, change.field): change.after for change in changes}


def words(spec: RepositorySpec, *, here: bool = True) -> dict[tuple[str, str], str]:
    return said(tuple(of(spec, here=here).of(0)))


def root_key(public: RootKey) -> str:
    return Notary().root_key_id(public)


def test_says_all_that_a_new_repository_is() -> None:
    key_id = Notary().key_id
    roots = ", ".join(sorted([P256.public.sha256, P384.public.sha256]))
    dates = "from 2026-11-19 to 2036-11-19"
    certificates = sorted(f"key {root_key(key)}, for its own name, {dates}" for key in SPEC.root_keys)
    assert words(SPEC) == {
        ("root", "version"): "1",
        ("root", "keys"): f"2 of 2, ecdsa-p256, ecdsa-p384: {roots}",
        ("root", "certificates"): "; ".join(certificates),
        ("root", "expires"): "2036-11-19 00:00:00 UTC",
        ("root", "targets key"): f"key {key_id(OTHER.public)}, ecdsa-p256, its own, made here",
        ("root", "snapshot key"): f"key {key_id(SECOND.public)}, ecdsa-p256, its own, held by the server",
        ("root", "timestamp key"): f"key {key_id(THIRD.public)}, ecdsa-p256, its own, held by the server",
        ("targets", "signed"): "here",
        ("targets", "version"): "1",
        ("targets", "expires"): "2029-11-19 00:00:00 UTC",
        ("targets", "signers"): f"alice: key {key_id(ED.public)}, ed25519",
    }


def test_a_group_says_only_that_a_key_serves_one_repository() -> None:
    shown = said([group.change for group in of(SPEC).groups])
    assert shown["root", "targets key"] == "a key of its own, ecdsa-p256, made here"
    assert shown["root", "snapshot key"] == "a key of its own, ecdsa-p256, held by the server"
    assert shown["root", "certificates"] == "2 times one of its own, for its own name, from 2026-11-19 to 2036-11-19"


def test_says_nothing_of_targets_that_are_not_signed_here_but_whom_they_must_name() -> None:
    shown = words(SPEC, here=False)
    assert shown["root", "targets key"].endswith("its own, not made here")
    assert {field: after for (role, field), after in shown.items() if role == "targets"} == {
        "signed": "by its team, not here",
        "signers": f"alice: key {Notary().key_id(ED.public)}, ed25519",
    }
    assert [document.path for document in of(SPEC, here=False).documents(0)] == [f"bundle/tuf/{NAME}/metadata/root.json"]


def test_says_that_there_are_no_signers_and_leaves_certificates_out_where_no_root_key_has_one() -> None:
    shown = words(replace(SPEC, signers=(), root_keys=(RootKey(P256.public), RootKey(P384.public))))
    assert shown["targets", "signers"] == "none"
    assert ("root", "certificates") not in shown


def test_a_certificate_says_its_name_its_practice_and_that_it_is_for_another_key() -> None:
    spec = replace(
        SPEC,
        root_keys=(
            RootKey(P256.public, certificate(P384, practice=True)),
            RootKey(P384.public, certificate(P384, "docker.io/acme/*")),
            RootKey(RSA.public),
        ),
    )
    shown = words(spec)["root", "certificates"].split("; ")
    dates = "from 2026-11-19 to 2036-11-19"
    assert sorted(shown) == sorted(
        [
            f"key {root_key(spec.root_keys[0])}, for its own name, O=PRACTICE, {dates}, OF ANOTHER KEY",
            f"key {root_key(spec.root_keys[1])}, for docker.io/acme/*, {dates}",
            "none",
        ]
    )


def test_the_order_of_root_keys_makes_no_difference() -> None:
    turned = replace(SPEC, root_keys=SPEC.root_keys[::-1])
    assert words(turned) == words(SPEC)
    assert of(turned).documents(0) == of(SPEC).documents(0)


def test_a_key_or_certificate_that_serves_others_is_named_in_its_group() -> None:
    prefix = RootKey(P256.public, certificate(name="docker.io/acme/*"))
    specs = [
        replace(SPEC, name=f"docker.io/acme/{number}", root_keys=(prefix,), snapshot=RSA.public, timestamp=RSA.public)
        for number in range(2)
    ]
    shown = said([group.change for group in of(*specs).groups])
    serves = f"key {Notary().key_id(RSA.public)}, rsa-3072, held by the server, which serves others too"
    assert shown["root", "snapshot key"] == shown["root", "timestamp key"] == serves
    assert shown["root", "certificates"].startswith(f"key {root_key(prefix)}, for docker.io/acme/*, ")


# --- nothing that changes is invisible ------------------------------------------

MUTATIONS = {
    "name": replace(SPEC, name="docker.io/acme/web"),
    "version": replace(SPEC, version=2),
    "root_keys: another key": replace(SPEC, root_keys=(SPEC.root_keys[0], RootKey(FOURTH.public, certificate(FOURTH)))),
    "root_keys: the same key, called another algorithm": replace(
        SPEC, root_keys=(SPEC.root_keys[0], replace(SPEC.root_keys[1], public=replace(P256.public, algorithm=Algorithm.RSA_3072)))
    ),
    "root_keys: one less": replace(SPEC, root_keys=SPEC.root_keys[:1]),
    "root_keys: one more": replace(SPEC, root_keys=(*SPEC.root_keys, RootKey(FOURTH.public, certificate(FOURTH)))),
    "root_keys: a certificate for another name": replace(
        SPEC, root_keys=(SPEC.root_keys[0], RootKey(P256.public, certificate(name="docker.io/acme/*")))
    ),
    "root_keys: a certificate from another day": replace(
        SPEC, root_keys=(SPEC.root_keys[0], RootKey(P256.public, certificate(start=START - DAY)))
    ),
    "root_keys: a certificate until another day": replace(
        SPEC, root_keys=(SPEC.root_keys[0], RootKey(P256.public, certificate(end=END - DAY)))
    ),
    "root_keys: a certificate for practice": replace(
        SPEC, root_keys=(SPEC.root_keys[0], RootKey(P256.public, certificate(practice=True)))
    ),
    "root_keys: a certificate with another serial number": replace(
        SPEC, root_keys=(SPEC.root_keys[0], RootKey(P256.public, certificate(ceremony="cd")))
    ),
    "root_keys: no certificate": replace(SPEC, root_keys=(SPEC.root_keys[0], RootKey(P256.public))),
    "threshold": replace(SPEC, threshold=1),
    "targets": replace(SPEC, targets=FOURTH.public),
    "targets: another algorithm": replace(SPEC, targets=P384.public),
    "snapshot": replace(SPEC, snapshot=FOURTH.public),
    "timestamp": replace(SPEC, timestamp=FOURTH.public),
    "timestamp: the snapshot key": replace(SPEC, timestamp=SPEC.snapshot),
    "signers: another key": replace(SPEC, signers=(Signer("alice", FOURTH.public),)),
    "signers: another name": replace(SPEC, signers=(Signer("bob", ED.public),)),
    "signers: none": replace(SPEC, signers=()),
    "signers: one more": replace(SPEC, signers=(*SPEC.signers, Signer("bob", P256.public))),
    "root_expires": replace(SPEC, root_expires=END - timedelta(seconds=1)),
    "targets_expires": replace(SPEC, targets_expires=SPEC.targets_expires - timedelta(seconds=1)),
}
SPELLED_OUT_ELSEWHERE = {"targets_expires"}
"""What a team that holds the targets key decides itself."""
OF_ITS_OWN = {"targets", "snapshot", "timestamp", "root_keys: a certificate with another serial number"}
"""What a group of repositories does not tell apart, where each has its own."""


def test_every_field_is_mutated() -> None:
    assert {title.split(":")[0] for title in MUTATIONS} == {field.name for field in fields(RepositorySpec)}


@pytest.mark.parametrize("here", [True, False], ids=["signed here", "signed by its team"])
@pytest.mark.parametrize("title", MUTATIONS)
def test_nothing_that_changes_is_invisible(title: str, here: bool) -> None:
    mutant = MUTATIONS[title]
    before, after = of(SPEC, here=here), of(mutant, here=here)
    if title in SPELLED_OUT_ELSEWHERE and not here:
        assert (before.of(0), before.documents(0)) == (after.of(0), after.documents(0))
        return
    assert before.of(0) != after.of(0)
    changed = before.documents(0) != after.documents(0)
    assert changed or not here, "what a team signs itself is in no document of this ceremony"
    kinds = [[replace(group.change, repository="") for group in shown.groups] for shown in (before, after)]
    assert (kinds[0] == kinds[1]) == (title in OF_ITS_OWN)


@pytest.mark.parametrize("title", sorted(set(MUTATIONS) - {"name"} - OF_ITS_OWN))
def test_a_repository_that_differs_from_the_others_is_an_exception(title: str) -> None:
    specs = [replace(SPEC, name=f"docker.io/acme/{number}") for number in range(5)]
    specs[3] = replace(MUTATIONS[title], name=specs[3].name)
    groups = of(*specs).groups
    exceptions = [group for group in groups if group.exception]
    assert exceptions
    assert {tuple(group.members) for group in exceptions} == {(3,)}
    assert list(groups[: len(exceptions)]) == exceptions


# --- groups ----------------------------------------------------------------------


def test_equal_changes_are_one_group_and_an_outlier_stands_alone() -> None:
    specs = [replace(SPEC, name=f"docker.io/acme/{number}") for number in range(5)]
    specs[3] = replace(specs[3], version=7)
    shown = of(*specs)
    assert [(g.change.role, g.change.field, g.change.after, tuple(g.members)) for g in shown.groups if g.exception] == [
        ("root", "version", "7", (3,)),
        ("targets", "version", "7", (3,)),
    ]
    assert {tuple(group.members) for group in shown.groups if not group.exception} == {(0, 1, 2, 4), (0, 1, 2, 3, 4)}
    assert shown.names == tuple(spec.name for spec in specs)


def test_exceptions_come_by_repository() -> None:
    odd = [Change(str(number), "root", field, "", "odd") for number in range(6) for field in ("a", "b") if number in {1, 4}]
    even = [Change(str(number), "root", field, "", "even") for number in range(6) for field in ("a", "b") if number not in {1, 4}]
    listed = [[c for c in (*even, *odd) if c.repository == str(number)] for number in range(6)]
    assert [(g.members[0], g.change.field) for g in grouped(listed, 6) if g.exception] == [(1, "a"), (1, "b"), (4, "a"), (4, "b")]


@pytest.mark.parametrize(("share", "groups"), [(SINGLY, SINGLY), (SINGLY + 1, 1)], ids=["listed singly", "one group"])
def test_an_exception_of_many_is_one_group(share: int, groups: int) -> None:
    total = 3 * SINGLY
    listed = [[Change(str(number), "root", "version", "", "2" if number < share else "1")] for number in range(total)]
    exceptions = [group for group in grouped(listed, total) if group.exception]
    assert len(exceptions) == groups
    assert [number for group in exceptions for number in group.members] == list(range(share))


def test_one_repository_alone_has_no_exceptions_and_none_has_nothing() -> None:
    assert not [group for group in of(SPEC).groups if group.exception]
    assert grouped([], 0) == ()


CHANGES = st.lists(st.lists(st.builds(Change, st.just("name"), *[st.sampled_from(["a", "b"])] * 4), max_size=4), max_size=6)


@given(CHANGES)
def test_no_change_is_left_out_of_the_groups(repositories: list[list[Change]]) -> None:
    groups = grouped(repositories, len(repositories))
    expected = Counter((number, change) for number, changes in enumerate(repositories) for change in changes)
    assert Counter((number, group.change) for group in groups for number in group.members) == expected
    assert [group.exception for group in groups] == sorted((group.exception for group in groups), reverse=True)

    def rule(group: Group) -> bool:
        return len(repositories) == 1 or 2 * sum(len(g.members) for g in groups if g.change == group.change) > len(repositories)

    assert all(group.exception != rule(group) for group in groups)


# --- documents as lines ----------------------------------------------------------


def test_a_new_document_is_lines_that_come() -> None:
    lines = json_lines(of(SPEC).documents(0)[1])
    assert {mark for mark, _ in lines} == {"+"}
    assert json.loads("\n".join(line for _, line in lines))["delegations"]["roles"][0]["name"] == "targets/alice"


def test_a_changed_document_is_lines_that_go_come_and_stay() -> None:
    before, after = b'{"b":[1,2],"a":"\\u00e9"}', b'{"b": [1, 3], "a": "\xc3\xa9"}'
    assert json_lines(Document("p", before, after)) == (
        (" ", "{"),
        (" ", '  "a": "\xe9",'),
        (" ", '  "b": ['),
        (" ", "    1,"),
        ("-", "    2"),
        ("+", "    3"),
        (" ", "  ]"),
        (" ", "}"),
    )


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param(b"", b"", (), id="nothing"),
        pytest.param(b"[]", b"[]", ((" ", "[]"),), id="equal"),
        pytest.param(b"[]", b"", (("-", "[]"),), id="it goes"),
        pytest.param(b"[]", b"[ ]", (("-", "[]"), ("+", "[ ]")), id="only the layout differs"),
        pytest.param(
            b'{"a":1}', b'{"a":1,"a":1}', (("-", "{"), ("-", '  "a": 1'), ("-", "}"), ("+", '{"a":1,"a":1}')), id="a key twice"
        ),
        pytest.param(b"no\njson", b"1.5", (("-", "no"), ("-", "json"), ("+", "1.5")), id="no JSON"),
        pytest.param(b"\\xff", b"\xff", (("-", "\\xff"), ("+", "\udcff")), id="no UTF-8"),
    ],
)
def test_a_document_of_any_bytes_has_lines(before: bytes, after: bytes, lines: tuple[tuple[str, str], ...]) -> None:
    assert json_lines(Document("p", before, after)) == lines


@pytest.mark.parametrize("depth", [1, 100, *range(900, 1010, 5), 100_000])
def test_a_document_of_any_depth_has_lines(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert "".join(line.strip() for _, line in json_lines(Document("p", b"", text.encode()))) == text


@given(st.binary() | st.sampled_from([b"{}", b"[1]", b"[1 ]", b"[1]\n"]), st.binary() | st.sampled_from([b"{}", b"[1]", b"[ 1]"]))
def test_documents_that_differ_never_look_the_same(before: bytes, after: bytes) -> None:
    assert (before == after) == all(mark == " " for mark, _ in json_lines(Document("p", before, after)))
