# SPDX-License-Identifier: Apache-2.0
"""Ceremonies whose protector is split: who sees which share, who opens the backups, and what is wrong is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.plan import BackupPlan, Person, Plan, Role
from ceremony.core.ports import Prompt
from ceremony.core.shares import ShareSet, make
from ceremony.errors import CeremonyError, ExitCode, Stopped
from ceremony.steps import protector
from tests.fakes.folder import FakeMedia, fake_identity
from tests.fakes.host import CountingEntropy
from tests.fakes.mortal import Fate, Killed, MortalFolder, MortalRack, MortalVolume
from tests.fakes.plans import sourced
from tests.fakes.room import PEOPLE, Ceremony, plan, repository
from tests.fakes.token import fake_rack

CUSTODIANS = tuple(Person(name, Role.CUSTODIAN, "Acme", "") for name in ("Cara", "Cleo", "Cody", "Cyra"))
KEEPERS = ("Cara", "Cleo", "Cody")
BACK = "Shares, for the drill"


def split_plan(needed: int = 2, total: int = 3, people: tuple[Person, ...] = (*PEOPLE, *CUSTODIANS)) -> Plan:
    return sourced(replace(plan(repository("docker.io/acme/app")), backup=BackupPlan("shares", needed, total), people=people))


def held(needed: int = 2, total: int = 3, **answers: object) -> Ceremony:
    ceremony = Ceremony(plan=split_plan(needed, total))
    ceremony.operator.answers |= {key.replace("_", ":"): answer for key, answer in answers.items()}
    assert ceremony.hold() is ExitCode.DONE
    return ceremony


def audits(ceremony: Ceremony) -> bool:
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK] == []


def typed_shares(ceremony: Ceremony) -> list[tuple[int, bool]]:
    return [(body["number"], body["taken"]) for body in ceremony.bodies("share")]


def later(ceremony: Ceremony, number: int, *answers: object) -> None:
    """Have a share typed back rightly, and then typed so, one after the other."""
    key, turns = f"share:{number}", iter(answers)

    def answer(prompt: Prompt) -> object:
        if " of " in prompt.title:
            return True
        if "back" in prompt.title:
            return ceremony.operator.shown[key]
        given = next(turns, None)
        return ceremony.operator.shown[key] if given is None else given(prompt) if callable(given) else given

    ceremony.operator.answers[key] = answer


# --- handing out --------------------------------------------------------------------


@pytest.mark.parametrize(("needed", "total"), [(2, 2), (2, 3), (3, 4)])
def test_a_genesis_with_shares_ends_with_a_folder_that_audits(needed, total):
    ceremony = held(needed, total)
    assert audits(ceremony)
    assert typed_shares(ceremony) == [(number, True) for number in range(1, needed + 1)]


def test_each_share_is_shown_to_its_custodian_alone_and_typed_back_before_the_next():
    ceremony = held()
    asked = [(a.method, a.prompt.key, a.prompt.who) for a in ceremony.operator.asked if a.prompt.key.startswith("share:")]
    assert asked[:6] == [
        (method, f"share:{number}", keeper)
        for number, keeper in enumerate(KEEPERS, start=1)
        for method in ("show_secret", "ask_secret")
    ]
    assert set(ceremony.operator.shown) == {"share:1", "share:2", "share:3"}
    back = [(body["what"], body["same"]) for body in ceremony.bodies("typed-back")]
    assert back == [("share 1", True), ("share 2", True), ("share 3", True)]
    (made,) = [body["made"] for body in ceremony.bodies("end") if "recipient" in body["made"]]
    assert made["shares"]["custodians"] == list(KEEPERS)
    assert made["shares"]["needed"] == 2


def test_every_quorum_is_tried_before_the_first_share_is_shown():
    ceremony = Ceremony(plan=split_plan(), entropy=CountingEntropy())
    ceremony.operator.stop_at = "share:1"
    with pytest.raises(Stopped):
        ceremony.hold()
    assert ceremony.operator.waited[-1] == "every quorum of 2 among 3 shares to be tried"
    assert ceremony.operator.shown == {}


def test_no_share_and_no_passphrase_is_in_anything_that_stays():
    ceremony = held()
    shown = ceremony.operator.shown
    everything = b"".join(ceremony.folder.files.values()) + b"".join(ceremony.operator.lines)
    everything += "\n".join([*ceremony.operator.told, *ceremony.operator.waited, repr(ceremony.operator.asked)]).encode()
    for share in shown.values():
        found = share.split()
        assert not [pair for pair in pairwise(found) if " ".join(pair).encode() in everything]
    sealed = next(data for name, data in ceremony.media.volumes["a"].files.items() if name.endswith("identity.age"))
    passphrase = sealed.split(b"\n")[1]  # as the quickened seal writes it
    assert len(passphrase) == 32
    assert passphrase not in everything
    assert recorded(ceremony).identifier < 2**15


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param("academic", "share 2: has 1 words, not 20; 2 tries are left before a new set", id="too few"),
        pytest.param("  ", "share 2: has 0 words, not 20", id="nothing"),
        pytest.param("my own words", "share 2: word 1 is not in the list of words; 2 tries", id="own words"),
        pytest.param("another's", "share 2: is a share, and not the one that was shown; 2 tries", id="another custodian's"),
    ],
)
def test_what_is_typed_back_wrongly_is_told_and_typed_again(wrong, said):
    ceremony = Ceremony(plan=split_plan())
    shown = ceremony.operator.shown
    ceremony.operator.answers["share:2"] = [
        True,
        lambda _: shown["share:1"] if wrong == "another's" else wrong,
        lambda _: shown["share:2"].upper(),
    ]
    assert ceremony.hold() is ExitCode.DONE
    assert any(text.startswith(said) for text in ceremony.operator.told), ceremony.operator.told
    assert [body["same"] for body in ceremony.bodies("typed-back")] == [True, False, True, True]
    assert audits(ceremony)


def test_a_new_set_is_made_when_somebody_cannot_type_theirs_back():
    ceremony = Ceremony(plan=split_plan())
    first: dict[str, str] = {}
    ceremony.operator.answers["share:3"] = [True, "one", "two", "three"]

    def again(_: Prompt) -> str:
        first.update(ceremony.operator.shown)
        ceremony.operator.answers.pop("share:3")
        return "retry"

    ceremony.operator.answers["error:protector"] = again
    assert ceremony.hold() is ExitCode.DONE
    assert "share:3" in first
    assert all(first[key] != ceremony.operator.shown[key] for key in first)
    told = ceremony.operator.question("error:protector").prompt
    assert told.title == "share 3 was not typed back"
    assert "destroy the papers" in told.detail
    left = [text.partition("; ")[2] for text in ceremony.operator.told if text.startswith("share 3: ")]
    assert [text.partition(" before")[0] for text in left] == ["2 tries are left", "one try is left", "no tries are left"]
    assert not [
        name for name in ceremony.media.volumes["a"].files if "set-aside" in name
    ]  # nothing was written for the first set
    assert audits(ceremony)


def test_without_custodians_the_security_officers_keep_the_shares_and_no_more_of_them_than_there_are_shares():
    officers = tuple(Person(name, Role.SECURITY_OFFICER, "Acme", "") for name in ("Sven", "Sofia"))
    ceremony = Ceremony(plan=split_plan(2, 2, (*PEOPLE, *officers)))
    assert ceremony.hold() is ExitCode.DONE
    assert [a.prompt.who for a in ceremony.operator.asked if a.method == "show_secret"] == ["Sam", "Sven"]


def test_who_is_to_keep_a_share_must_be_here_and_nobody_else_need():
    ceremony = Ceremony(plan=split_plan())
    ceremony.operator.answers |= {"name:Cleo": ["", "Cleo"], "name:Cyra": ""}
    ceremony.cosigner.absent = {"Cleo", "Cyra"}
    assert ceremony.hold() is ExitCode.DONE
    refused = ceremony.operator.question("error:roll-call").prompt
    assert refused.title == "a share is for Cleo alone, who did not answer the roll call"
    assert refused.detail == "call who is missing, or hold the ceremony another day"


def test_who_is_to_keep_the_passphrase_must_be_here_and_no_other_custodian_need():
    ceremony = Ceremony(plan=sourced(replace(plan(repository("docker.io/acme/app")), people=(*PEOPLE, *CUSTODIANS[:2]))))
    ceremony.operator.answers |= {"name:Cara": ["", "Cara"], "name:Cleo": ""}
    ceremony.cosigner.absent = {"Cara", "Cleo"}
    assert ceremony.hold() is ExitCode.DONE
    refused = ceremony.operator.question("error:roll-call").prompt
    assert refused.title == "the passphrase of the backups is for Cara alone, who did not answer the roll call"
    assert ceremony.operator.question("passphrase").prompt.who == "Cara"


@pytest.mark.parametrize(
    ("made", "here", "said"),
    [
        pytest.param(BackupPlan("shares", 2, 3), ["Cara", "Cody"], "a share is for Cleo alone", id="shares"),
        pytest.param(BackupPlan("passphrase"), ["Cleo"], "the passphrase of the backups is for Cara alone", id="passphrase"),
        pytest.param(BackupPlan("passphrase"), "nobody", "the passphrase of the backups is for Cara alone", id="no list"),
    ],
)
def test_nothing_is_made_or_shown_for_somebody_who_did_not_answer_the_roll_call(made, here, said):
    people = (*PEOPLE, *CUSTODIANS)
    ceremony = Ceremony(plan=sourced(replace(plan(repository("docker.io/acme/app")), backup=made, people=people)))
    room = ceremony.begin()
    room.journal.past.ended["roll-call"] = {"present": here}
    with pytest.raises(CeremonyError, match=f"^{said}, who did not answer the roll call$") as refused:
        protector.run(room)
    assert refused.value.hint == "nothing was shown; stop, and begin a new ceremony when everybody is here"
    assert ceremony.operator.asked == ceremony.operator.waited == []


# --- gathering ----------------------------------------------------------------------


@pytest.mark.parametrize("who", [("1", "2"), ("1", "3"), ("3", "2")], ids=" and ".join)
def test_any_quorum_opens_the_drill(who):
    ceremony = held(share=list(who))
    assert typed_shares(ceremony) == [(int(number), True) for number in who]
    asked = [a for a in ceremony.operator.asked if a.prompt.key == "share"]
    assert [option.label for option in asked[0].options] == ["Cara, share 1", "Cleo, share 2", "Cody, share 3"]
    assert len(asked[1].options) == 2
    assert asked[1].prompt.detail == f"{BACK}. This is number 2 of the 2 that are needed."
    assert asked[0].prompt.title == "Who types a share?"
    assert ceremony.operator.question(f"share:{who[0]}").prompt.detail == f"{BACK}. 20 words, one space between them."
    assert ceremony.operator.question(f"share:{who[0]}").prompt.who == KEEPERS[int(who[0]) - 1]


def test_the_last_custodian_is_not_chosen_among_one():
    assert [a.prompt.key for a in held(2, 2).operator.asked].count("share") == 1


class Chance:
    """Another ceremony's, which deals an identifier of ours."""

    def __init__(self, identifier: int) -> None:
        self.identifier, self.others = identifier, CountingEntropy("another")

    def bytes(self, count: int) -> bytes:
        return self.identifier.to_bytes(2) if count == 2 else self.others.bytes(count)


def recorded(ceremony: Ceremony) -> ShareSet:
    return ShareSet.of_record(next(b["made"]["shares"] for b in ceremony.bodies("end") if "shares" in b["made"]))


def from_another(ceremony: Ceremony, *, same_identifier: bool) -> str:
    """Return share 1 of another ceremony; by chance, it may have the same identifier."""
    of = recorded(ceremony)
    entropy = Chance(of.identifier) if same_identifier else CountingEntropy("another")
    return make(2, of.keepers, entropy).shares[0].text()


BAD: dict[str, tuple[Callable[[Ceremony], str], str]] = {
    "a slip": (lambda c: c.operator.shown["share:1"] + "x", "share 1: word 20 is not in the list of words"),
    "a word left out": (lambda c: c.operator.shown["share:1"].rpartition(" ")[0], "share 1: has 19 words, not 20"),
    "damaged": (
        lambda c: " ".join(reversed(c.operator.shown["share:1"].split())),
        "share 1: does not add up: every word is in the list, and its checksum does not hold",
    ),
    "of another ceremony": (lambda c: from_another(c, same_identifier=False), "share 1: is of another set"),
    "another custodian's": (lambda c: c.operator.shown["share:3"], "share 1: is share 3, which Cody keeps"),
}


@pytest.mark.parametrize(("typed", "said"), BAD.values(), ids=BAD)
def test_a_wrong_share_is_told_and_typed_again(typed, said):
    ceremony = Ceremony(plan=split_plan())
    later(ceremony, 1, lambda _: typed(ceremony))
    assert ceremony.hold() is ExitCode.DONE
    asked = ceremony.operator.question("error:share:1")
    assert asked.prompt.title == said
    assert asked.prompt.alarm
    assert [option.key for option in asked.options] == ["retry", "other", "leave"]
    assert typed_shares(ceremony) == [(1, False), (1, True), (2, True)]
    assert "error:drill" not in ceremony.operator.keys
    assert audits(ceremony)


def test_the_same_share_twice_is_told_and_the_first_stays_taken():
    ceremony = Ceremony(plan=split_plan())
    later(ceremony, 2, lambda _: ceremony.operator.shown["share:1"])
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.operator.question("error:share:2").prompt.title == "share 2: is share 1, which was typed already"
    assert typed_shares(ceremony) == [(1, True), (2, False), (2, True)]


def test_somebody_else_can_go_first_and_nothing_that_was_typed_is_lost():
    ceremony = Ceremony(plan=split_plan())
    ceremony.operator.answers |= {"share": ["1", "2", "3"], "error:share:2": "other"}
    later(ceremony, 2, "lost the paper")
    assert ceremony.hold() is ExitCode.DONE
    assert typed_shares(ceremony) == [(1, True), (2, False), (3, True)]


def test_people_can_give_up_and_begin_the_step_once_more():
    ceremony = Ceremony(plan=split_plan())
    later(ceremony, 1, "not these", None)
    ceremony.operator.answers["error:share:1"] = "leave"
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.operator.question("error:drill").prompt.title == "share 1: word 1 is not in the list of words"
    assert typed_shares(ceremony) == [(1, False), (1, True), (2, True)]
    assert audits(ceremony)


def test_a_share_of_another_ceremony_that_looks_like_ours_is_found_out_by_one_more():
    ceremony = Ceremony(plan=split_plan())
    later(ceremony, 1, lambda _: from_another(ceremony, same_identifier=True))
    assert ceremony.hold() is ExitCode.DONE
    assert any(
        text.startswith("shares: those of number 1, 2 do not fit together: one of them is") for text in ceremony.operator.told
    )
    assert "Share 1, as it was typed, is of another set: look for its right paper." in ceremony.operator.told
    assert typed_shares(ceremony) == [(1, True), (2, True), (3, True), (1, False)]
    assert audits(ceremony)


def test_when_all_shares_were_typed_and_none_fit_the_step_begins_once_more():
    ceremony = Ceremony(plan=split_plan(2, 2))
    later(ceremony, 1, lambda _: from_another(ceremony, same_identifier=True))
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.operator.question("error:drill").prompt.title == "shares: those of number 1, 2 do not fit together"
    assert typed_shares(ceremony) == [(1, True), (2, True), (1, True), (2, True)]


def test_nothing_that_was_typed_is_recorded_or_told():
    ceremony = Ceremony(plan=split_plan())
    later(ceremony, 1, "zebra crossing", lambda _: from_another(ceremony, same_identifier=False))
    assert ceremony.hold() is ExitCode.DONE
    said = b"".join(ceremony.operator.lines) + repr((ceremony.operator.told, ceremony.operator.asked)).encode()
    assert b"zebra" not in said
    assert b"crossing" not in said


# --- after an interruption ------------------------------------------------------------


def mortal(fate: Fate) -> Ceremony:
    media = FakeMedia({role: MortalVolume(fate, fake_identity(f"F{role}")) for role in ("a", "b", "courier")})
    return Ceremony(plan=split_plan(), folder=MortalFolder(fate), media=media, rack=MortalRack(fate, fake_rack("root-a")))


def resume_to_the_end(ceremony: Ceremony, place: str) -> None:
    assert ceremony.resume() is ExitCode.DONE, place
    assert audits(ceremony), place


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_is_resumed_after_a_kill_at_any_record(when):
    """After each record of the ceremony; before it, and in its middle, in the steps that have to do with shares."""
    whole = Fate()
    ceremony = mortal(whole)
    assert ceremony.hold() is ExitCode.DONE
    steps = [json.loads(line)["step"] for line in ceremony.folder.files[LOG].splitlines()]
    records = [act for act, what in enumerate(whole.trace) if what == f"append {LOG}"]
    wanted = [act for act, step in zip(records, steps, strict=True) if when == "after" or step in {"protector", "drill"}]
    for act in wanted:
        fate = Fate()
        ceremony = mortal(fate)
        fate.die_at(act, when)
        with pytest.raises(Killed):
            ceremony.hold()
        fate.live()
        resume_to_the_end(ceremony, f"killed {when} act {act}: {whole.trace[act]}")


def test_after_a_resume_any_quorum_gives_the_repository_keys_back():
    ceremony = Ceremony(plan=split_plan())
    ceremony.operator.stop_at = "review"
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.stop_at = ""
    before = len(ceremony.bodies("share"))
    ceremony.operator.answers["share"] = ["3", "2"]
    resume_to_the_end(ceremony, "review")
    assert typed_shares(ceremony)[before:] == [(3, True), (2, True)]
    assert len(ceremony.bodies("reopened")) == 1


def test_shares_of_a_set_that_was_shown_before_a_crash_open_nothing_afterwards():
    ceremony = Ceremony(plan=split_plan())
    ceremony.operator.stop_at = "share:3"
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.stop_at = ""
    old = dict(ceremony.operator.shown)
    later(ceremony, 1, old["share:1"])
    resume_to_the_end(ceremony, "share:3")
    assert ceremony.operator.question("error:share:1").prompt.title == "share 1: is of another set"
