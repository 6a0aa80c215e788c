# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import replace

import pytest

from ceremony.core.markdown import escape, first
from ceremony.core.plan import Kind, Mode, Role, Waiver
from ceremony.core.plan_lint import lint
from ceremony.core.procedure import procedure
from ceremony.core.script import script
from ceremony.core.script.opening import MAX_LISTED
from ceremony.core.script.sheets import DEVIATION_ROWS
from ceremony.core.script.steps import MAX_WHO
from ceremony.core.words import words
from tests.fakes.fleet import APP, CLI, GENERATE, changing_plan
from tests.fakes.plans import FILES, NOW, REQUEST, ROTATION, RULES, read

PASSPHRASE = ('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"')


def printed(plan):
    return script(plan, procedure(plan, needs_certificate=True), lint(plan, RULES, now=NOW, mode=Mode.PRACTICE))


def test_begins_with_the_digest_of_the_plan_in_hex_and_in_the_groups_that_are_read_aloud():
    plan = read()
    text = printed(plan)
    assert text.startswith("# Script of the ceremony acme-root\n\ngenesis: Acme, vault\n")
    assert f"sha256 {plan.sha256}\n" in text
    for group in range(8):
        spoken = " ".join(words(plan.sha256)[group * 4 : group * 4 + 4])
        assert f"{group + 1}  {plan.sha256[group * 8 : group * 8 + 8]}  {spoken}" in text.splitlines()
    assert "17 steps, about 118 minutes." in text


def test_is_the_same_text_every_time():
    assert printed(read()) == printed(read())


def test_lists_what_is_decided():
    text = printed(read(("first", "0f" * 32)))
    for row in (
        "| Kind | genesis |",
        "| Place | Acme, vault |",
        f"| Ceremony before this one | {'0f' * 32} |",
        f"| Request | {REQUEST} |",
        "| Trusted root | none named |",
        "| Root key | ecdsa-p256, 2 of 3 tokens, custody token-only |",
        "| Root certificate | per-repository |",
        "| Expires: targets | 2029-11-19 00:00:00 UTC |",
        "| Backups protected by | shares, 2 of 3 |",
    ):
        assert row in text


def test_lists_people_hardware_and_repositories():
    text = printed(read())
    for row in (
        "| Wim | witness | Notaries | yes | has a key |  |",
        "| Ada | administrator | Acme | no | has a key |  |",
        "| token root-c | a root key is made on it |  |",
        "| courier | brings the request in, takes the ceremony folder out |  |",
        "| 6 bags with numbered seals | one for each token and each medium |  |",
        "| 12 envelopes | one for each secret on paper |  |",
        "Who signs the log at the end, at least: 1 security-officer, 1 witness; one of them independent.",
        "## Repositories: 3",
        "### 1 repository",
        "### 2 repositories with the same keys",
        "| targets | brought by the team, keys/app.pem |",
        "| snapshot | from the request |",
        "| signers | alice (keys/alice.pem) |",
        "- reg.example:5000/tools/cli",
    ):
        assert row in text.splitlines()
    assert "| targets | made here, ecdsa-p256, delivered to ssh-ed25519 AAAA" in text


def test_a_person_without_a_key_is_shown_as_such():
    plan = read()
    people = (replace(plan.people[0], key=""), *plan.people[1:])
    assert "| Ada | administrator | Acme | no | no key |  |" in printed(replace(plan, people=people))


@pytest.mark.parametrize(
    ("count", "listed"), [(MAX_LISTED, MAX_LISTED), (MAX_LISTED + 1, MAX_LISTED), (MAX_LISTED + 50, MAX_LISTED)]
)
def test_of_very_many_repositories_lists_the_first_and_the_last(count, listed):
    guns = "".join(f"docker.io/many/r{i:04}\n" for i in range(count))
    text = printed(read(files={**FILES, "guns.txt": guns.encode()}))
    assert len(re.findall("^- docker.io/many/", text, re.MULTILINE)) == listed
    assert f"- docker.io/many/r{count - 1:04}\n" in text
    assert (f"- ({count - MAX_LISTED} more between these two, listed in the plan)" in text) is (count > MAX_LISTED)


def test_each_step_says_who_does_what_and_has_boxes_to_sign():
    plan = read(('"token-only"', '"token-wrapped"'))
    text = printed(plan)
    steps = procedure(plan, needs_certificate=True)
    for number, step in enumerate(steps, 1):
        assert f"### {number}. {step.title} (about {step.minutes} min)" in text
        assert f"- **Do:** {step.do}" in text
        assert f"- **Check:** {step.check}" in text
        assert f"| {number} | {step.title} | {step.who} | {step.minutes} |" in text
    assert text.count("☐ done as written ☐ deviation no. ____") == len(steps)
    assert len(re.findall("^Begun .*: _+ Ended .*: _+ Initials, who acted: _+ who saw it: _+$", text, re.MULTILINE)) == len(steps)
    assert text.count("- **This cannot be undone.**") == 4
    assert "- **Say:** I am \\<name\\>, here as \\<role\\>." in text
    assert "this host held the key that the root key was wrapped under" in text
    assert "this host held the key" not in printed(read())
    assert "this host makes each root key in its memory" not in printed(read())
    assert "this host makes each root key in its memory" in printed(read(('"token-only"', '"imported"')))


def test_a_step_is_done_by_those_of_its_role_or_by_whoever_is_at_the_keyboard():
    text = printed(read())
    assert "- **Who:** administrator: Ada" in text
    assert "- **Who:** everybody" in text
    assert "- **Who:** security-officer: Sofia or Sven or Sam" in text
    assert "- **Who:** custodian: Sofia or Sven or Sam" in text
    assert "- **Who:** operator: Ada" in text


def test_a_step_whose_role_nobody_has_is_done_by_the_first_who_is_named():
    plan = read(PASSPHRASE)
    people = tuple(person for person in plan.people if person.role is not Role.ADMINISTRATOR)
    assert "- **Who:** operator: Sofia" in printed(replace(plan, people=people))


def test_of_very_many_people_a_step_says_only_how_many():
    plan = read()
    officers = [person for person in plan.people if person.role is Role.SECURITY_OFFICER]
    short = MAX_WHO // len(officers) - len(" or ")

    def with_names_of(length):
        return replace(
            plan, people=tuple(replace(p, name=p.name.ljust(length, "x")) if p in officers else p for p in plan.people)
        )

    assert "whose names stand under People" not in printed(with_names_of(short))
    assert "- **Who:** security-officer: one of 3, whose names stand under People\n" in printed(with_names_of(short + 20))


def test_prints_what_was_waived_before_the_day_with_its_reason():
    plan = replace(read(), waivers=(Waiver("boot medium", "the disk is in the safe"), Waiver("swap", "a | b")))
    text = printed(plan)
    assert "## Waived before the day\n" in text
    assert "| boot medium | the disk is in the safe |\n| swap | a \\| b |\n" in text
    assert "- **Know:** the plan waives boot medium, swap: see Waived before the day." in text
    assert "waived before the day" not in printed(read()).lower()
    assert "the plan waives boot" not in printed(read())


def test_a_courier_brings_nothing_where_no_server_is_asked():
    plan = read()
    made = plan.repositories[0].targets
    without = replace(plan, repositories=tuple(replace(one, snapshot=made, timestamp=made) for one in plan.repositories))
    without = replace(without, request="")
    assert "| courier | takes the ceremony folder out |  |" in printed(without)


def test_has_a_sheet_for_deviations_and_three_answers_for_each_person():
    text = printed(read())
    assert "| No. | Step | What was expected | What happened | What was decided | By |" in text
    assert f"| {DEVIATION_ROWS} |  |  |  |  |  |" in text
    answers = "☐ agree ☐ agree with noted exceptions ☐ do not agree, because"
    assert text.splitlines().count(answers) == text.count("Signature: ____") == len(read().people)
    assert "### Wim, witness, Notaries" in text


def test_tells_the_warnings():
    text = printed(read(PASSPHRASE))
    assert "| Backups protected by | a passphrase that one person holds |" in text
    assert "## Know before you begin" in text
    assert '- backup.protect: one person then holds the whole secret (write protect = "shares" to split it' in text
    assert "## Know before you begin" not in printed(read())


def test_prints_a_rotation_as_far_as_it_is_known():
    change = ("[compromised]", "[expires]\ntargets = 2030-01-01T00:00:00Z\n[compromised]")
    text = printed(read(change, source=ROTATION))
    assert "| Kind | rotation |" in text
    assert "| Trusted root | earlier/bundle |" in text
    assert "| Expires: targets | 2030-01-01 00:00:00 UTC |" in text
    assert "1970" not in text
    assert "| Root key" not in text
    assert "| token root-b | signs with the root key that it has |  |" in text
    assert "The plan names none. Those that are signed are shown in the step Review." in text


def test_prints_what_was_stolen_and_who_gets_the_new_keys():
    text = printed(read(source=ROTATION))
    for row in (
        "### Stolen keys: 2\n\n- stolen.pem\n",
        f"- {'cd' * 32}\n",
        "| Why | laptop stolen |",
        "| Last good | version 41 of targets |",
        "| New keys go to | ssh-ed25519 AAAA",
    ):
        assert row in text
    time = printed(read(("last-good = 41", "last-good = 2026-11-01T08:00:00Z"), source=ROTATION))
    assert "| Last good | 2026-11-01 08:00:00 UTC |" in time
    assert "| Last good | not known |" in printed(read(("last-good = 41\n", ""), source=ROTATION))


def test_prints_what_changes_in_a_repository_and_who_goes():
    repositories = [{"name": APP, "targets": GENERATE, "remove-signers": ["bob", "eve"]}, {"name": CLI}]
    plan = changing_plan("rotation", compromised={"keys": ["ab" * 32], "reason": "stolen"}, repositories=repositories)
    lines = printed(plan).splitlines()
    assert "| signers | none; those that go: bob, eve |" in lines
    assert "| signers | none |" in lines
    assert "| targets | as it is published |" in lines
    assert lines.count("| timestamp | from the request |") == 2
    assert "| New keys go to | whom each repository names |" in lines


def test_a_plan_without_a_backup_says_nothing_of_one():
    plan = read(source=ROTATION)
    change = replace(plan.change, compromised=None, expires={"root": NOW.replace(year=2036)})
    without = replace(plan, kind=Kind.RENEWAL, change=change, backup=replace(plan.backup, protect=""))
    assert "Backups protected by" not in printed(without)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("plain text, 100% (yes)!", "plain text, 100% (yes)!", id="plain"),
        pytest.param("*bold* _it_ `code`", "\\*bold\\* \\_it\\_ \\`code\\`", id="marks"),
        pytest.param(
            "[a](b) <i> a|b ~~x~~ &amp; # \\", "\\[a\\](b) \\<i\\> a\\|b \\~\\~x\\~\\~ \\&amp; \\# \\\\", id="structure"
        ),
        pytest.param("a\nb\x1b[0m\u202e", "a(U+000A)b(U+001B)\\[0m(U+202E)", id="control"),
        pytest.param("$x$ a^b^ {.x}", "\\$x\\$ a\\^b\\^ \\{.x\\}", id="formulas and attributes"),
        pytest.param("a\u115f\u1160\u3164\uffa0b", "a(U+115F)(U+1160)(U+3164)(U+FFA0)b", id="letters that are not drawn"),
        pytest.param("a\u2800\u034f\ufe0f\U000e0100b", "a(U+2800)(U+034F)(U+FE0F)(U+E0100)b", id="blanks and variations"),
        pytest.param("- a 1. b", "- a 1. b", id="within a line"),
        pytest.param("Zürich 東京", "Zürich 東京", id="letters of the world"),
    ],
)
def test_shows_exactly_the_characters_of_the_plan(text, escaped):
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("- a", "\\- a", id="minus"),
        pytest.param("---", "\\---", id="rule"),
        pytest.param("+", "\\+", id="plus"),
        pytest.param("# a", "\\# a", id="title"),
        pytest.param("1. a", "1\\. a", id="number"),
        pytest.param("123456789) *a*", "123456789\\) \\*a\\*", id="another number"),
        pytest.param("7.", "7\\.", id="a number alone"),
        pytest.param("5.3.0 to 5.6", "5.3.0 to 5.6", id="a version"),
        pytest.param("2 of 3", "2 of 3", id="a count"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_paragraph_begins_no_list_that_the_plan_put_there(text, escaped):
    assert first(text) == escaped


def test_nothing_in_a_plan_can_add_a_line_or_a_cell_to_the_page():
    plan = read()
    evil = "x | zz\n## Sign-off\n"
    bad = replace(plan, facility=evil, people=tuple(replace(person, organisation=evil) for person in plan.people))
    assert len(printed(bad).splitlines()) == len(printed(plan).splitlines())
    assert printed(bad).count("\n## Sign-off\n") == 1
    assert re.search(r"(?<!\\)\| zz", printed(bad)) is None
