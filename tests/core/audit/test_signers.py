# SPDX-License-Identifier: Apache-2.0
"""Whose word a folder rests on: people's keys that an auditor brought, against those that the first record names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited
from ceremony.core.bundle import LOG, slug
from ceremony.core.plan import Mode
from ceremony.core.signers import Signers, parse
from ceremony.errors import ExitCode
from tests.core.audit.test_signed_logs import held
from tests.core.audit.test_tampering import fast_seal
from tests.core.audit.test_verdict import Records, of_kind, rechained, texts
from tests.fakes.folder import FakeFolder
from tests.fakes.plans import ssh

__all__ = ["fast_seal"]

DONE, FAILED, INCOMPLETE = ExitCode.DONE, ExitCode.FAILED, ExitCode.INCOMPLETE
FROM_OUTSIDE = "OK mode: PRODUCTION: 3 people signed with keys that were brought from outside"
NOBODYS = "INCOMPLETE mode: PRODUCTION: a folder cannot vouch for itself"
LACKS = "INCOMPLETE quorum: the final head lacks signatures of people whom the signers list"


def keys(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return name → key of the people in the first record."""
    return {person["name"]: person["key"] for person in json.loads(files[LOG].splitlines()[0])["body"]["people"]}


def listed(**changes: str) -> Signers:
    """Return the real people of the production folder as signers: with other keys or options, or without those of no text."""
    lines = real() | changes
    return parse("".join(f"{slug(name)} {line}\n" for name, line in lines.items() if line).encode())


def real() -> dict[str, str]:
    return keys(held(mode=Mode.PRODUCTION))


def judged(files: Mapping[str, bytes], signers: Signers | None) -> Audited:
    return audit(FakeFolder(files=dict(files)), signers)


# --- a production -------------------------------------------------------------------


def test_a_production_is_verified_by_its_peoples_keys_alone():
    files = held(mode=Mode.PRODUCTION)
    assert judged(files, None).verdict is INCOMPLETE
    result = judged(files, listed())
    assert (result.verdict, FROM_OUTSIDE in texts(result)) == (DONE, True), texts(result)


def within(key: str, after: str = "20200101Z", before: str = "20300101Z") -> str:
    return f'valid-after="{after}",valid-before="{before}" {key}'


@pytest.mark.parametrize(
    ("signers", "verdict", "said"),
    [
        pytest.param(lambda: listed(Ada=""), DONE, "OK quorum: 2 people signed", id="without somebody whom the quorum does not ask for"),
        pytest.param(lambda: listed(Sam=""), INCOMPLETE, LACKS, id="without the security officer"),
        pytest.param(lambda: listed(Wim=""), INCOMPLETE, LACKS, id="without the witness"),
        pytest.param(lambda: Signers(()), INCOMPLETE, LACKS, id="nobody"),
        pytest.param(lambda: listed(Eve=ssh(99)), DONE, FROM_OUTSIDE, id="somebody who was not there"),
        pytest.param(lambda: listed(Ada=ssh(99)), FAILED, "Ada has another key there than those", id="another key of Ada"),
        pytest.param(lambda: listed(Wim=within(real()["Wim"])), DONE, FROM_OUTSIDE, id="for these years"),
        pytest.param(lambda: listed(Wim=within(real()["Wim"], before="20210101Z")), INCOMPLETE, LACKS, id="a key that was over"),
        pytest.param(lambda: listed(Wim=within(real()["Wim"], after="20290101Z")), INCOMPLETE, LACKS, id="a key that was not yet"),
        pytest.param(lambda: listed(Wim=f"{ssh(99)}\n{slug('Wim')} {real()['Wim']}"), DONE, FROM_OUTSIDE, id="two keys of Wim"),
        pytest.param(lambda: listed(Wim=f"{real()['Wim']} of the notaries"), DONE, FROM_OUTSIDE, id="with another comment"),
    ],
)  # fmt: skip
def test_only_people_whom_the_signers_list_count(signers, verdict, said):
    result = judged(held(mode=Mode.PRODUCTION), signers())
    assert (result.verdict, said in texts(result)) == (verdict, True), texts(result)
    assert (NOBODYS in texts(result)) == (verdict is INCOMPLETE)


def test_invented_people_in_an_otherwise_perfect_production_folder_never_verify():
    files = held.__wrapped__(Mode.PRODUCTION)  # the same plan once more, with keys that somebody made up
    alone = judged(files, None)
    assert alone.verdict is INCOMPLETE
    assert {f.subject for f in alone.findings if f.level.name != "OK"} == {"mode"}  # perfect but for whose word it is
    assert judged(files, listed()).verdict is FAILED  # the same names, other keys
    others = parse("".join(f"{slug(name)}-x {key}\n" for name, key in real().items()).encode())
    assert judged(files, others).verdict is INCOMPLETE  # other names


def test_who_has_no_key_or_none_that_can_be_read_and_is_listed_fails():
    def keyless(key: str) -> Callable[[Records], None]:
        return lambda records: of_kind(records, "open")["people"][0].update(key=key)

    for key in ("", "ssh-ed25519 AAAA"):
        base = rechained(keyless(key), held(mode=Mode.PRODUCTION)).folder
        assert "Ada has another key there than those that the signers list" in texts(audit(base, listed()))


def test_an_unfinished_production_has_no_quorum_yet():
    whole = held(mode=Mode.PRODUCTION)
    cut = b"".join(whole[LOG].splitlines(keepends=True)[:40])
    result = judged({**whole, LOG: cut}, listed())
    assert "quorum" not in texts(result)
    assert NOBODYS in texts(result)


# --- a practice -----------------------------------------------------------------------


def test_a_practice_is_judged_by_its_own_people_or_by_those_who_were_brought():
    files = held()
    assert "PRACTICE: judged by the practice people" in texts(judged(files, None))
    own = parse("".join(f"{slug(name)} {key}\n" for name, key in keys(files).items()).encode())
    result = judged(files, own)
    assert result.verdict is DONE
    assert "OK mode: PRACTICE: 3 people signed with keys that were brought from outside" in texts(result)
    assert judged(files, listed()).verdict is FAILED
    nobody = judged(files, Signers(()))
    assert (nobody.verdict, "PRACTICE: judged by the practice people" in texts(nobody)) == (INCOMPLETE, True)


# --- one key, one name, two people ------------------------------------------------------


def open_people(change: Callable[[list[dict]], object]) -> Callable[[Records], None]:
    return lambda records: change(of_kind(records, "open")["people"]) and None  # what it returns is of no use


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda p: p[1].update(key=p[0]["key"]), "Sam and Ada have one key", id="one key"),
        pytest.param(lambda p: p[2].update(key=f"{p[1]['key']} other"), "Wim and Sam have one key", id="one key with a comment"),
        pytest.param(lambda p: p[1].update(name="Ada"), "Ada and Ada have one name", id="one name"),
    ],
)
def test_two_people_with_one_key_or_name_fail(change, said):
    result = rechained(open_people(change))
    assert (result.verdict, f"FAILED record 0: {said}" in texts(result)) == (FAILED, True), texts(result)


def test_people_without_keys_do_not_have_one_key():
    assert "have one key" not in texts(rechained(open_people(lambda p: [person.update(key="") for person in p])))


@pytest.mark.parametrize("count", ["1", True, None, [1], {}], ids=["text", "true", "null", "list", "object"])
def test_a_quorum_that_is_no_number_fails(count):
    result = rechained(lambda records: of_kind(records, "open").update(quorum={"witness": count}))
    assert "names a quorum of unknown roles or numbers" in texts(result)
