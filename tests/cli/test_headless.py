# SPDX-License-Identifier: Apache-2.0
"""The headless operator: it agrees, knows what it was given, prints what passes, and tries no secret twice."""

from __future__ import annotations

import pytest

from ceremony.cli.headless import HeadlessOperator
from ceremony.core.ports import Change, Errand, Listing, Option, Prompt, Summary
from ceremony.core.procedure import StepInfo
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from tests.fakes.differences import GivenDifferences

STEPS = (
    StepInfo("preflight", "Preflight", "operator", "say", "do", "check", 1),
    StepInfo("sign", "Sign", "operator", "say", "do", "check", 1),
)
KNOWN = "48291673"


@pytest.fixture
def people():
    return HeadlessOperator({"pin:root-a": Secret(KNOWN)}, STEPS)


@pytest.fixture
def narrated(capsys):
    """What was said so far: on standard error alone."""

    def narrated() -> str:
        out, err = capsys.readouterr()
        assert out == ""
        return err

    return narrated


def test_tells(people, narrated):
    people.tell("Nothing was found.")
    assert narrated() == "    Nothing was found.\n"


def test_takes_the_default(people, narrated):
    assert people.ask(Prompt("name", "Your name"), "Ada") == "Ada"
    assert people.ask(Prompt("why", "Why?")) == ""
    assert narrated() == "    Your name: Ada\n    Why?: \n"


def test_gives_a_secret_that_it_knows_as_a_copy_of_its_own(people, narrated):
    first = people.ask_secret(Prompt("pin:root-a", "PIN of root-a"), retries_left=2)
    first.wipe()
    assert people.ask_secret(Prompt("pin:root-a", "PIN of root-a")).text() == KNOWN
    assert narrated() == ""


def test_refuses_a_secret_that_it_does_not_know(people, narrated):
    with pytest.raises(CeremonyError, match=r"^this rehearsal cannot answer 'PIN of root-b' by itself$") as refused:
        people.ask_secret(Prompt("pin:root-b", "PIN of root-b"))
    assert refused.value.hint == "leave --auto away: a person must type it"
    assert narrated() == ""


def test_says_that_a_secret_was_shown_and_never_the_secret(people, narrated):
    people.show_secret(Prompt("passphrase", "Passphrase of the backups", who="Carla"), Secret(KNOWN))
    assert narrated() == "    Passphrase of the backups: shown to Carla\n"


@pytest.mark.parametrize(
    ("key", "chosen"), [pytest.param("medium:a", "one", id="a question"), pytest.param("error:sign", "two", id="an error")]
)
def test_takes_the_first_option_and_stops_after_an_error(people, narrated, key, chosen):
    assert people.choose(Prompt(key, "Which?"), (Option("one", "The first"), Option("two", "The second"))) == chosen
    assert narrated() == f"    Which? The {'first' if chosen == 'one' else 'second'}\n"


@pytest.mark.parametrize(
    ("key", "word", "agreed", "told"),
    [
        pytest.param("token:root-a", "", True, "yes", id="agrees"),
        pytest.param("generate:root-a", "GENERATE", True, "GENERATE", id="types the word"),
        pytest.param("retry:pin:root-a", "", False, "no", id="does not try a PIN again"),
        pytest.param("last-try:5f3c21", "LAST", False, "no", id="does not spend the last try"),
        pytest.param("unblock:root-a", "", False, "no", id="does not unblock a PIN"),
        pytest.param("wipe:root-a", "12345678", False, "no", id="does not wipe a token"),
        pytest.param("wipe:root-a:second", "12345678", False, "no", id="does not wipe a token as the second person either"),
    ],
)
def test_agrees_but_never_to_try_a_secret_again(people, narrated, key, word, agreed, told):
    assert people.confirm(Prompt(key, "Go on?"), word=word) is agreed
    assert narrated() == f"    Go on?: {told}\n"


def test_hears_a_digest_as_words(people, narrated):
    assert people.compare(Prompt("compare:head", "The final head"), "000102ff", ("Ada", "Wim")) is True
    assert narrated() == "    The final head: aardvark adviser accrue Yucatan ...\n"


@pytest.mark.parametrize(("count", "rows"), [(0, 0), (20, 20), (21, 21)])
def test_prints_the_first_changes_of_a_review_and_how_many_more_there_are(people, narrated, count, rows):
    changes = [Change("docker.io/acme/app", "root", "version", "", str(number)) for number in range(1, count + 1)]
    assert people.review(Prompt("review", "What will be signed", detail="all of it"), GivenDifferences(changes)) is True
    told = narrated().splitlines()
    assert told[0] == "    What will be signed: all of it"
    assert len(told) == 1 + rows
    assert told[1:2] == ["      docker.io/acme/app  root version: 1"][:rows]
    assert ("and 1 more" in told[-1]) is (count > 20)


def test_says_of_a_change_that_something_goes(people, narrated):
    people.review(Prompt("review", "What"), GivenDifferences([Change("docker.io/acme/app", "targets", "signer", "alice", "")]))
    assert narrated().splitlines()[1] == "      docker.io/acme/app  targets signer: removed"


def test_says_how_many_repositories_share_a_change(people, narrated):
    people.review(Prompt("review", "What"), GivenDifferences(Change(name, "root", "version", "", "1") for name in "abc"))
    assert narrated().splitlines()[1] == "      3 repositories  root version: 1"


@pytest.mark.parametrize(
    ("count", "said", "lines"),
    [
        pytest.param(0, "0 rows", 1, id="none"),
        pytest.param(1, "1 row", 2, id="one"),
        pytest.param(20, "20 rows", 21, id="as many as are printed"),
        pytest.param(1_021, "1,021 rows", 22, id="more"),
    ],
)
def test_prints_how_many_rows_a_table_has_and_the_first_of_them(people, narrated, count, said, lines):
    rows = [(f"docker.io/acme/app-{number}", "targets", "", "3 signed, 1 suspect") for number in range(count)]
    listing = Listing(("Repository", "Role", "Signer", "Tags"), rows)
    assert people.study(Prompt("impact", "What the stolen keys can sign", detail="all of it"), listing) is True
    told = narrated().splitlines()
    assert told[0] == f"    What the stolen keys can sign: {said}"
    assert told[1:2] == ["      docker.io/acme/app-0  targets  3 signed, 1 suspect"][:count]
    assert len(told) == lines
    assert (told[-1] == "      and 1,001 more") is (count > 20)


def test_prints_no_control_characters_of_a_table(people, narrated):
    people.study(Prompt("impact", "What"), Listing(("Tag",), [("evil\x1b[2J\n\u202e",)]))
    assert narrated().splitlines()[1:] == ["      evil\\x1b[2J\\n\\u202e"]


@pytest.mark.parametrize("seen", ["a stick", None])
def test_looks_once_for_what_should_be_put_in(people, narrated, seen):
    assert people.until(Prompt("insert:a", "Put in volume a"), iter([seen, "later"]).__next__) == seen
    assert narrated() == ""


def test_says_who_signed_and_what_is_left_to_do(people, narrated):
    errands = (Errand("Ada", ("Seal the volumes.", "Switch it off.")),)
    people.closed(Summary("dir", "heads/0002.txt", "00", ("Wim", "Sofia"), quorum_met=True, copies=("courier",), errands=errands))
    people.closed(Summary("dir", "heads/0002.txt", "00", (), quorum_met=False, copies=(), errands=()))
    assert narrated().splitlines() == [
        "    signed by Wim, Sofia",
        "    Ada: Seal the volumes.",
        "    Ada: Switch it off.",
        "    signed by nobody",
    ]


def test_waits_and_says_nothing(people, narrated):
    with people.waiting("both volumes"):
        pass
    assert narrated() == ""


def test_says_which_token_may_wait_for_a_finger(people, narrated):
    with people.waiting("root-a, serial 20461001", seconds=15):
        pass
    assert narrated() == "    touch root-a, serial 20461001, if it blinks\n"


def test_an_error_while_it_waits_is_passed_on(people):
    with pytest.raises(CeremonyError, match=r"^gone$"), people.waiting("both volumes"):
        raise CeremonyError("gone", hint="bring it back")


def test_prints_the_end_of_long_work_only(people, narrated):
    for done in range(4):
        people.progress("repositories", done, 3)
    assert narrated() == "    repositories: 3\n"


def test_notes_no_deviation(people):
    assert people.deviations() == ()


@pytest.mark.parametrize(
    ("name", "state", "told"),
    [
        pytest.param("preflight", "running", "[ 1/2] Preflight\n", id="running"),
        pytest.param("sign", "failed", "    sign failed\n", id="failed"),
        pytest.param("sign", "done", "", id="done"),
        pytest.param("sign", "skipped", "", id="skipped"),
    ],
)
def test_prints_the_steps_as_they_pass(people, narrated, name, state, told):
    people.step(name, state)
    assert narrated() == told


def test_leaves_the_log_to_itself(people, narrated):
    people.recorded(b"{}\n")
    assert narrated() == ""


def test_lends_no_terminal():
    with pytest.raises(CeremonyError, match=r"^nobody is there: ssh-keygen asks$") as caught:
        HeadlessOperator({}, ()).lend("ssh-keygen asks")
    assert "leave --auto away" in caught.value.hint
