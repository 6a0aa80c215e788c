# SPDX-License-Identifier: Apache-2.0
"""The sheets of the script that are filled in: custody and heads, for each kind and custody of a plan."""

import re
from dataclasses import replace

import pytest

from ceremony.cli.plan_files import EXAMPLES, load_plan
from ceremony.core.plan import BackupPlan, Custody, Kind, Role
from ceremony.core.procedure import ORDERS, keeps_backups, procedure
from ceremony.core.script import script
from ceremony.core.script.custody import OLD_PAPERS, SPARE, bags, envelopes
from tests.fakes.fleet import changing_plan
from tests.fakes.plans import ROTATION, read

NEW_ROOT = '[root.new]\nalgorithm = "rsa-3072"\ntokens = ["new-a", "root-b"]\nthreshold = 1\ncustody = "{}"\n[compromised]'
TOKENS = ["token root-a", "token root-b", "token root-c"]
MEDIA = ["volume A", "volume B", "courier"]
REST = ["this script, filled in", "head sheet", "film of the room", *[""] * SPARE]


def printed(plan, *, certificates=True):
    return script(plan, procedure(plan, needs_certificate=certificates), ())


def sheet(plan):
    """Return title → rows, cell by cell, of the custody sheet; its rules under an empty title."""
    text = printed(plan).partition("## Custody sheet")[2].partition("\n## ")[0]
    parts = re.split("^### (.*)$", text, flags=re.MULTILINE)
    rows = {
        title: [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("|")][2:]
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {"": [line[2:] for line in parts[0].splitlines() if line.startswith("- ")], **rows}


def things(plan):
    """Return title → what each row is for."""
    return {title: [row[0] for row in rows] for title, rows in sheet(plan).items() if title}


def secrets(*names):
    return [f"{what} of {name}" for name in names for what in ("PIN", "PUK", "management key")]


def recovery(**more):
    """Return a recovery of three tokens that splits its new secret in three."""
    return replace(load_plan(EXAMPLES[Kind.RECOVERY])[0], **more)


def genesis(custody, *changes):
    return read(('"token-only"', f'"{custody}"'), *changes)


SHARES = ["share 1 of 3", "share 2 of 3", "share 3 of 3"]
PASSPHRASE = ('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"')
ALL = secrets("root-a", "root-b", "root-c")
PINS = ["PIN of root-a", "PIN of root-b", "PIN of root-c"]
OLD = ["old volume that was opened", "other old volume", *["old passphrase, or share no."] * OLD_PAPERS]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(lambda: genesis("token-only"), (TOKENS, ALL, SHARES, None), id="genesis, token-only, shares"),
        pytest.param(
            lambda: genesis("token-only", PASSPHRASE), (TOKENS, ALL, ["passphrase"], None), id="genesis, token-only, passphrase"
        ),
        pytest.param(lambda: genesis("token-wrapped"), (TOKENS, PINS, SHARES, None), id="genesis, token-wrapped: no YubiKey can"),
        pytest.param(lambda: genesis("imported"), (TOKENS, ALL, SHARES, None), id="genesis, imported"),
        pytest.param(
            lambda: changing_plan("renewal", backed_up=False, expires={"root": "2036-01-01T00:00:00Z"}),
            (TOKENS[:1], ALL[:3], None, None),
            id="renewal that makes no key",
        ),
        pytest.param(lambda: read(source=ROTATION), (TOKENS[:2], ALL[:6], SHARES, None), id="rotation of stolen keys"),
        pytest.param(
            lambda: read(("[compromised]", NEW_ROOT.format("token-wrapped")), source=ROTATION),
            ([*TOKENS[:2], "token new-a"], [*ALL[:6], "PIN of new-a"], SHARES, None),
            id="rotation of the root, wrapped: one token stays and signs",
        ),
        pytest.param(
            lambda: read(("[compromised]", NEW_ROOT.format("imported")), source=ROTATION),
            ([*TOKENS[:2], "token new-a"], [*ALL[:6], *secrets("new-a")], SHARES, None),
            id="rotation of the root, imported",
        ),
        pytest.param(recovery, (TOKENS, ALL, SHARES, OLD), id="recovery, shares"),
        pytest.param(
            lambda: recovery(backup=BackupPlan("passphrase")), (TOKENS, ALL, ["passphrase"], OLD), id="recovery, passphrase"
        ),
    ],
)
def test_the_custody_sheet_has_a_row_for_each_thing_that_there_is_to_keep(make, expected):
    tokens, envelopes_of, papers, old = expected
    plan = make()
    assert things(plan) == {
        "Tokens": tokens,
        "Media": MEDIA,
        "Envelopes of tokens": envelopes_of,
        **({"Papers that open the backups": papers} if papers else {}),
        **({"Of the earlier ceremony": old} if old else {}),
        "What else there is to keep": REST,
    }
    assert envelopes(plan) == len(envelopes_of) + len(papers or ())
    assert bags(plan) == len(tokens) + len(MEDIA) + bool(old)


def test_each_row_has_room_for_serial_seals_holder_and_initials():
    plan = read()
    header = "| What | Serial, or number | Bag, seal before | Bag, seal after | Held by | Initials |"
    assert printed(plan).count(header) == len(things(plan)) == 5
    rows = sheet(plan)
    assert rows["Tokens"] == [[name, *[""] * 5] for name in TOKENS]
    assert rows["What else there is to keep"][-1] == [""] * 6
    assert "Checked, initials: ____" in printed(plan)


def test_who_keeps_a_paper_that_opens_the_backups_is_known_before_the_day():
    shares, alone = read(), read(PASSPHRASE)
    assert [(row[0], row[4]) for row in sheet(shares)["Papers that open the backups"]] == [
        ("share 1 of 3", "Sofia"),
        ("share 2 of 3", "Sven"),
        ("share 3 of 3", "Sam"),
    ]
    assert sheet(alone)["Papers that open the backups"] == [["passphrase", "", "", "", "Sofia", ""]]


def test_where_the_plan_names_too_few_the_holder_stays_empty():
    def holders(plan):
        people = tuple(person for person in plan.people if person.role is not Role.SECURITY_OFFICER or person.name in left)
        return [row[4] for row in sheet(replace(plan, people=people))["Papers that open the backups"]]

    left = ("Sofia",)
    assert holders(read()) == ["Sofia", "", ""]
    left = ()
    assert holders(read(PASSPHRASE)) == [""]


YUBIKEYS = "A YubiKey has three envelopes: PIN, PUK, management key. Of any other token strike out the last two."
APART = "A paper that opens the backups lies apart from both volumes, and from every other such paper."
VOLUMES = "No volume is kept where a token is: it gives the root key, as the token does."
EARLIER = "What is left of the earlier ceremony is kept as safe as before, or destroyed: it holds the same keys."


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda: genesis("token-only"), {YUBIKEYS, APART}, id="no root key on a volume"),
        pytest.param(lambda: genesis("token-wrapped"), {APART, VOLUMES}, id="no token is a YubiKey"),
        pytest.param(lambda: genesis("imported"), {YUBIKEYS, APART, VOLUMES}, id="root keys on volumes"),
        pytest.param(
            lambda: changing_plan("renewal", backed_up=False, expires={"root": "2036-01-01T00:00:00Z"}),
            {YUBIKEYS},
            id="no backup",
        ),
        pytest.param(recovery, {YUBIKEYS, APART, VOLUMES, EARLIER}, id="recovery"),
    ],
)
def test_the_rules_above_the_custody_sheet_are_those_of_its_things(make, said):
    assert {rule for rule in sheet(make())[""] if rule in {YUBIKEYS, APART, VOLUMES, EARLIER}} == said


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize("certificates", [True, False])
def test_every_kind_and_custody_has_a_page_a_step_and_a_head_a_gate(kind, custody, certificates):
    plan = load_plan(EXAMPLES[kind])[0]
    plan = replace(plan, root=replace(plan.root, custody=custody))
    steps = procedure(plan, needs_certificate=certificates)
    text = printed(plan, certificates=certificates)
    titles = re.findall("^### ([0-9]+)\\. (.*) \\(about [0-9]+ min\\)$", text, re.MULTILINE)
    assert titles == [(str(number), step.title) for number, step in enumerate(steps, 1)]
    gates = [f"### After step {number}: {step.title}" for number, step in enumerate(steps, 1) if step.gate]
    heads = text.partition("## Head sheet")[2].partition("\n## ")[0]
    assert [line for line in heads.splitlines() if line.startswith("#")] == [*gates, "### The final head"]
    assert heads.count("| Group | Four words, as heard |") == len(gates) + 1
    assert heads.count("| 8 |  |") == len(gates) + 1
    assert (
        len(re.findall("^Records in the log: _+ Time .*: _+ Heard, initials: _+ and: _+$", heads, re.MULTILINE)) == len(gates) + 1
    )
    assert text.count("- **Head:** At the end of this step the head of the log is read aloud.") == len(gates)
    assert text.count("- **Head:** The final head is read aloud.") == 1
    assert ("Papers that open the backups" in text) is keeps_backups(plan)
    assert ("## Repositories" in text) is (kind is not Kind.RECOVERY)


def test_there_are_gates_in_every_kind():
    assert all({"roll-call", "close"} <= set(order) for order in ORDERS.values())


def test_a_recovery_tells_what_is_brought_to_it():
    text = printed(recovery())
    for row in (
        "| token root-a | a root key is restored to it |  |",
        "| one old volume | holds the backup that is restored |  |",
        "| the secret of the old backup | its passphrase, or as many shares as are needed |  |",
        "| courier | takes the ceremony folder out |  |",
        "| 7 bags with numbered seals | one for each token and each medium |  |",
    ):
        assert row in text.splitlines()


def test_an_imported_root_key_is_made_on_the_computer():
    assert "| token root-a | a root key is made for it on the computer, and put on it |  |" in printed(genesis("imported"))
