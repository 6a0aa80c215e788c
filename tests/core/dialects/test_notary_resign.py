# SPDX-License-Identifier: Apache-2.0
"""Targets that a team signs anew: what they carry over, what they leave behind, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from ceremony.core import second_opinion
from ceremony.core.dialects import notary_resign
from ceremony.core.dialects.notary_resign import Decided, Newer, resign
from ceremony.core.dialects.notary_standing import MovedOn
from ceremony.core.keys import Algorithm
from ceremony.core.software_key import make
from ceremony.errors import VerificationError
from tests.core.dialects.cases import FETCHED, NEW_KEY, OURS, STRUCK, TAGS, at, case
from tests.core.dialects.forged import key_id, signed
from tests.core.published.made import ALICE, APP, BOB, NEW, NOW, OLD_ROOT, OTHER, TARGETS, bare, delegations, role, root, tag

EVIL = {"2.0": tag("evil"), "3.0": tag("new"), "bad": tag("worse")}
WITH_MALLORY = delegations(alice=ALICE, bob=BOB, mallory=OTHER)


def content(data: bytes):
    return json.loads(data)["signed"]


def names(data: bytes) -> list[str]:
    return [one["name"] for one in content(data)["delegations"]["roles"]]


def go(given, *versions: bytes, newer: Newer = Newer.ASK, key=NEW.key, now=NOW, **decided):
    return resign(given, versions or (FETCHED,), key, Decided(newer, **decided), now)


def test_where_nothing_moved_everything_stays():
    made = go(case())
    assert made.told == ()
    before, after = content(FETCHED), content(made.targets)
    assert after == before | {"version": 4}
    [signature] = json.loads(made.targets)["signatures"]
    assert signature["keyid"] == key_id(NEW.listed)
    assert made.targets == go(case()).targets


def test_a_newer_version_with_the_same_tags_needs_no_decision():
    made = go(case(), at(4), at(5))
    assert (made.told, content(made.targets)["version"], content(made.targets)["targets"]) == ((), 6, TAGS)


@pytest.mark.parametrize("targets", [None, OURS], ids=["waiting", "moved"])
def test_asks_about_tags_that_a_key_changed_which_goes(targets):
    with pytest.raises(MovedOn) as refused:
        go(case(NEW_KEY, targets), at(4, EVIL))
    assert refused.value.message == (
        f"{APP}: since the ceremony's request somebody changed, with a key that is replaced, tags '1.0', '2.0', '3.0', 'bad'"
    )
    assert "--keep-newer-tags" in refused.value.hint


def test_newer_tags_are_kept_or_dropped_as_people_say():
    kept = go(case(), at(4, EVIL, expires="2030-01-01T00:00:00Z"), newer=Newer.KEEP)
    assert (content(kept.targets)["targets"], content(kept.targets)["expires"]) == (EVIL, "2030-01-01T00:00:00Z")
    assert kept.told == (f"{APP}: as they were changed since the request: the tags '1.0', '2.0', '3.0', 'bad'",)
    dropped = go(case(), at(4, EVIL, expires="2030-01-01T00:00:00Z"), newer=Newer.DROP)
    assert content(dropped.targets) == content(FETCHED) | {"version": 5}
    assert dropped.told == (
        f"{APP}: as the request has them, not as somebody changed them since: the tags '1.0', '2.0', '3.0', 'bad'",
    )


def test_what_was_struck_out_goes_and_signers_are_as_the_ceremony_left_them():
    given = case(NEW_KEY, STRUCK)
    with pytest.raises(MovedOn, match=r"tags '1\.0', '2\.0', '3\.0' and signers 'targets/mallory', 'targets/releases'$"):
        go(given, at(4, EVIL, delegated=WITH_MALLORY))
    made = go(given, at(4, EVIL, delegated=WITH_MALLORY), newer=Newer.KEEP)
    assert set(content(made.targets)["targets"]) == {"2.0", "3.0"}
    assert content(made.targets)["delegations"] == content(STRUCK)["delegations"]
    assert made.told == (
        f"{APP}: as they were changed since the request: the tags '1.0', '2.0', '3.0'",
        f"{APP}: struck out, as the ceremony did: the tags 'bad'",
        f"{APP}: as the ceremony left them, not as somebody changed them since: the signers 'targets/mallory', 'targets/releases'",
    )
    dropped = go(given, at(4, EVIL, delegated=WITH_MALLORY), newer=Newer.DROP)
    assert content(dropped.targets)["targets"] == content(STRUCK)["targets"]


def test_signers_that_changed_since_are_asked_about_alone_too():
    with pytest.raises(MovedOn, match=r"with a key that is replaced, signers 'targets/mallory', 'targets/releases'$"):
        go(case(), at(4, delegated=WITH_MALLORY))


def test_tags_by_a_key_that_stays_need_no_decision():
    second = bare(make(Algorithm.ECDSA_P256))
    both = root(1)
    both["roles"]["targets"] = role(TARGETS, second)
    both["keys"][key_id(second.listed)] = second.listed
    stays = root(2)
    stays["roles"]["targets"] = role(second)
    stays["keys"][key_id(second.listed)] = second.listed
    given = case(signed(stays, [OLD_ROOT]))
    given = type(given)(APP, given.ours, {**given.before, "root": signed(both, [OLD_ROOT])})
    made = go(given, at(4, EVIL, second), key=second.key)
    assert content(made.targets)["targets"] == EVIL
    for versions in ([at(5, EVIL, second)], [at(4, EVIL), at(5, EVIL, second)]):  # one is missing, or by the key that goes
        with pytest.raises(MovedOn):
            go(given, *versions, key=second.key)


def test_a_signer_keeps_no_key_that_goes_or_that_was_stolen():
    shared = delegations(alice=TARGETS, bob=BOB)
    given = case()
    given = type(given)(APP, given.ours, {**given.before, "targets": at(3, delegated=shared)})
    made = go(given, at(3, delegated=shared))
    assert names(made.targets) == ["targets/bob", "targets/releases"]
    assert list(content(made.targets)["delegations"]["keys"]) == [key_id(BOB.listed)]
    for stolen in (ALICE.key.public.sha256, key_id(ALICE.listed)):
        assert names(go(case(), stolen=frozenset({stolen})).targets) == ["targets/bob", "targets/releases"]


def test_days_are_those_of_the_ceremony_or_named_now():
    ours = at(4, by=NEW, expires="2031-01-01T00:00:00Z")
    assert content(go(case(NEW_KEY, ours), at(4)).targets)["expires"] == "2031-01-01T00:00:00Z"
    assert content(go(case(), expires=datetime(2032, 2, 3, tzinfo=UTC)).targets)["expires"] == "2032-02-03T00:00:00Z"


@pytest.mark.parametrize(
    ("given", "versions", "message"),
    [
        pytest.param(case(), [at(4, by=OTHER)], "targets version 4: has 0 valid signatures of the 1", id="a stranger's"),
        pytest.param(case(), [at(4, by=NEW)], "targets version 4: has 0 valid signatures of the 1", id="by the new key already"),
        pytest.param(case(), [at(2)], "targets version 2: does not follow version 3", id="rolled back"),
        pytest.param(case(), [at(3, {})], "targets version 3: does not follow version 3", id="exchanged"),
        pytest.param(
            case(NEW_KEY, at(4)), [at(4)], "targets version 4: has 0 valid signatures of the 1", id="ours by another key"
        ),
        pytest.param(case(signed(root(3), [OLD_ROOT])), [at(4)], "root version 3: does not follow version 1", id="root"),
    ],
)
def test_takes_nothing_that_does_not_verify(given, versions, message):
    with pytest.raises(VerificationError, match=f"^{APP} {re.escape(message)}"):
        go(given, *versions, newer=Newer.KEEP)


@pytest.mark.parametrize(
    ("given", "now", "message", "hint"),
    [
        pytest.param(
            case(), datetime(2029, 12, 1, tzinfo=UTC), "targets version 4: expired at", "--targets-expire DATE", id="targets"
        ),
        pytest.param(
            case(signed(root(2, targets=NEW) | {"expires": "2026-01-01T00:00:00Z"}, [OLD_ROOT])),
            NOW,
            "root version 2: expired at",
            "hold a new ceremony",
            id="root",
        ),
        pytest.param(case(), datetime(2037, 1, 1, tzinfo=UTC), "root version 2: has 0 valid signatures", "", id="certificates"),
    ],
)
def test_signs_nothing_that_clients_would_refuse_today(given, now, message, hint):
    with pytest.raises(VerificationError, match=f"^{APP} {message}") as refused:
        go(given, now=now)
    assert hint in refused.value.hint


def test_refuses_a_key_that_the_new_root_does_not_name():
    with pytest.raises(VerificationError, match=f"^{APP} targets version 4: has 0 valid signatures"):
        go(case(), key=OTHER.key)


def test_a_second_library_judges_the_signature(monkeypatch):
    def refusing(*_arguments) -> None:
        raise VerificationError("x", "does not verify with a second library", hint="stop")

    monkeypatch.setattr(second_opinion, "verify", refusing)
    with pytest.raises(VerificationError, match="second library"):
        go(case())


def test_what_was_written_is_read_again(monkeypatch):
    written = notary_resign.targets_after

    def forgetful(repository, facts):
        draft = written(repository, facts)
        return type(draft)(draft.repository, draft.role, draft.path, draft.payload.replace(b'"1.0"', b'"1.1"'))

    monkeypatch.setattr(notary_resign, "targets_after", forgetful)
    with pytest.raises(VerificationError, match=f"^{APP} targets version 4: does not say what it should"):
        go(case())


def test_a_key_that_goes_is_in_no_table_even_where_the_ceremony_left_it():
    ours = at(4, by=NEW, delegated=delegations(alice=TARGETS))
    with pytest.raises(VerificationError, match=f"lists key {key_id(TARGETS.listed)[:16]}, which should be gone"):
        go(case(NEW_KEY, ours), at(4))


def test_no_delegations_at_all_is_a_content_too():
    none = signed({**content(FETCHED), "delegations": None}, [TARGETS])
    given = case()
    given = type(given)(APP, given.ours, {**given.before, "targets": none})
    assert content(go(given, none).targets)["delegations"] == {"keys": {}, "roles": []}
