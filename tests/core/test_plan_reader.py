# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core.keys import Algorithm
from ceremony.core.plan import (
    BackupPlan,
    CompromisedPlan,
    Custody,
    ExpiresPlan,
    KeyPlan,
    Kind,
    Person,
    RepositoryPlan,
    Role,
    RootPlan,
    SignerPlan,
    SiteToken,
    Source,
)
from ceremony.core.plan_reader import MAX_PLAN, files_named, read_plan, read_site
from ceremony.core.plan_repositories import MAX_RECIPIENT
from ceremony.errors import PlanRefused
from tests.fakes.plans import FILES, GENESIS, REQUEST, ROTATION, bent, pem, read, ssh

REQUESTED = KeyPlan(Source.REQUEST)


def test_reads_every_field_of_a_genesis():
    plan = read()
    team = KeyPlan(Source.FILE, path="keys/app.pem")
    made = KeyPlan(Source.GENERATE, deliver_to=ssh(1, "team-app"))
    assert (plan.name, plan.kind, plan.dialect, plan.facility) == ("acme-root", Kind.GENESIS, "notary", "Acme, vault")
    assert (plan.previous, plan.request, plan.trusted_root) == ("first", REQUEST, "")
    assert plan.root == RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b", "root-c"), 2, Custody.TOKEN_ONLY)
    assert plan.expires == ExpiresPlan(
        datetime(2036, 11, 19, tzinfo=UTC), datetime(2036, 11, 19, tzinfo=UTC), datetime(2029, 11, 19, tzinfo=UTC)
    )
    assert plan.repositories == (
        RepositoryPlan("docker.io/acme/app", made, REQUESTED, REQUESTED, (SignerPlan("alice", "keys/alice.pem"),), 0),
        RepositoryPlan("docker.io/acme/base", team, REQUESTED, REQUESTED, (), 1),
        RepositoryPlan("reg.example:5000/tools/cli", team, REQUESTED, REQUESTED, (), 1),
    )
    assert plan.backup == BackupPlan("shares", 2, 3)
    assert plan.people[0] == Person("Ada", Role.ADMINISTRATOR, "Acme", ssh(11))
    assert plan.people[4] == Person("Wim", Role.WITNESS, "Notaries", ssh(15), independent=True)
    assert plan.quorum == {Role.SECURITY_OFFICER: 1, Role.WITNESS: 1}
    assert plan.source == GENESIS.encode()
    assert plan.files == {path: FILES[path] for path in ("guns.txt", "keys/alice.pem", "keys/app.pem")}
    assert plan.change is None


def test_reads_the_fields_that_may_be_left_out():
    plan = read(
        (
            'custody = "token-only"',
            'custody = "imported"\ncertificate = "docker.io/*"\npin-policy = "once"\ntouch-policy = "never"',
        ),
        ('previous = "first"', f'previous = "{"0f" * 32}"\ntrusted-root = "{"cd" * 32} {"ef" * 32}"'),
        ('name = "docker.io/acme/app"', 'names = ["docker.io/acme/app", "docker.io/acme/web"]'),
        ('source = "generate",', 'source = "generate", algorithm = "ed25519",'),
        ('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"'),
        (f'request = "{REQUEST}"\n', ""),
        (f'key = "{ssh(11)}"\n', ""),
        (f'key = "{ssh(12)}"\n', 'key = ""\n'),
    )
    assert (plan.root.certificate, plan.root.pin_policy, plan.root.touch_policy) == ("docker.io/*", "once", "never")
    assert (plan.previous, plan.request, plan.trusted_root) == ("0f" * 32, "", f"{'cd' * 32} {'ef' * 32}")
    assert [r.name for r in plan.repositories if r.section == 0] == ["docker.io/acme/app", "docker.io/acme/web"]
    assert plan.repositories[0].targets.algorithm is Algorithm.ED25519
    assert plan.backup == BackupPlan("passphrase")
    assert [person.key for person in plan.people[:2]] == ["", ""]


def test_says_which_files_a_plan_names():
    assert files_named(GENESIS.encode()) == ("guns.txt", "keys/alice.pem", "keys/app.pem")
    assert files_named(ROTATION.encode()) == ("stolen.pem",)


def test_names_no_file_where_a_plan_is_ill_formed():
    assert files_named(b"repositories = [1, { targets = 2, signers = [3, { key = 4 }] }]\ncompromised = { keys = [5] }") == ()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("", "repositories[0].names-from: is empty", id="empty"),
        pytest.param("/etc/passwd", 'repositories[0].names-from: "/etc/passwd" is an absolute path', id="absolute"),
        pytest.param("a/../../b", 'repositories[0].names-from: "a/../../b" holds an empty, . or .. component', id="parent"),
        pytest.param("a\\\\b", 'repositories[0].names-from: "a\\b" holds a backslash', id="backslash"),
        pytest.param("a\\u0007", 'repositories[0].names-from: "a\\u0007" holds a character that does not print', id="control"),
    ],
)
def test_names_no_file_outside_the_plans_folder(path, message):
    with pytest.raises(PlanRefused) as refused:
        files_named(f'[[repositories]]\nnames-from = "{path}"'.encode())
    assert refused.value.message == message
    assert refused.value.hint


def test_reads_a_rotation():
    plan = read(source=ROTATION)
    assert plan.kind is Kind.ROTATION
    assert plan.change is not None
    assert (plan.change.tokens, plan.change.new_root, plan.change.expires) == (("root-a", "root-b"), None, {})
    assert plan.change.compromised == CompromisedPlan(("stolen.pem", "cd" * 32), "laptop stolen", 41, ssh(1, "team-app"))
    assert (plan.root.threshold, plan.expires.root.year, plan.repositories, plan.files) == (0, 1970, (), {"stolen.pem": pem(3)})


def test_reads_a_rotation_of_the_root_itself():
    new = '[root.new]\nalgorithm = "rsa-3072"\ntokens = ["new-a", "new-b"]\nthreshold = 1\ncustody = "token-only"\n'
    repository = f'[[repositories]]\nname = "docker.io/acme/app"\ntargets = {{ source = "generate", deliver-to = "{ssh(1)}" }}\n'
    plan = read(
        ("[compromised]", f"{new}\n[expires]\ntargets = 2030-01-01T00:00:00Z\n{repository}\n[compromised]"),
        ("last-good = 41", "last-good = 2026-01-01T00:00:00Z"),
        source=ROTATION,
    )
    assert plan.change is not None
    assert plan.change.new_root == RootPlan(Algorithm.RSA_3072, ("new-a", "new-b"), 1, Custody.TOKEN_ONLY)
    assert plan.root == plan.change.new_root
    assert plan.change.expires == {"targets": datetime(2030, 1, 1, tzinfo=UTC)}
    assert plan.change.compromised is not None
    assert plan.change.compromised.last_good == datetime(2026, 1, 1, tzinfo=UTC)
    assert plan.repositories[0].snapshot == plan.repositories[0].timestamp == REQUESTED


def test_reads_a_rotation_that_does_not_know_when_the_theft_was():
    plan = read(("last-good = 41\n", ""), source=ROTATION)
    assert plan.change is not None
    assert plan.change.compromised == CompromisedPlan(("stolen.pem", "cd" * 32), "laptop stolen", None, ssh(1, "team-app"))


def test_reads_a_renewal_that_makes_no_keys_and_a_rotation_that_says_no_more_than_it_must():
    a, b = ROTATION.index("[compromised]"), ROTATION.index("[backup]")
    c = ROTATION.index("[[people]]")
    for kind in ("renewal", "rotation"):
        plan = read(("rotation", kind), source=ROTATION[:a] + ROTATION[c:])
        assert plan.change is not None
        assert plan.change.compromised is None
        assert (plan.backup.protect, plan.backup.total) == ("", 0)
    recovery = read(("rotation", "recovery"), (f'request = "{REQUEST}"\n', ""), source=ROTATION[:a] + ROTATION[b:])
    assert (recovery.kind, recovery.backup) == (Kind.RECOVERY, BackupPlan("shares", 2, 3))


WHOLE_FILE = [
    pytest.param(b"a = ", "plan", "is not TOML: Invalid value (at end of document)", "line", id="not TOML"),
    pytest.param(b"a = 1\na = 2", "plan", "is not TOML: Cannot overwrite a value", "line", id="a key twice"),
    pytest.param(b"\xff", "plan", "is not UTF-8 text at byte 0", "UTF-8", id="not UTF-8"),
    pytest.param(b"a = " + b"9" * 5000, "plan", "holds a number that is too long", "shorten", id="a huge number"),
    pytest.param(b"a = " + b"[" * 5000, "plan", "is nested too deep", "plan new", id="nested"),
    pytest.param(
        b"#" * (MAX_PLAN + 1), "plan", f"is {MAX_PLAN + 1} bytes, more than the {MAX_PLAN}", "names-from", id="too long"
    ),
    pytest.param(b"", "schema", "is missing", "write schema = 1", id="empty"),
    pytest.param(b'a = "\x01"', "plan", "is not TOML: Illegal character '\\x01'", "line", id="control character"),
]


@pytest.mark.parametrize(("source", "field", "message", "hint"), WHOLE_FILE)
def test_refuses_what_is_no_plan(source, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        read_plan(source, FILES)
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: {message}")
    assert hint in refused.value.hint


APP = 'name = "docker.io/acme/app"'
MADE = f'{{ source = "generate", deliver-to = "{ssh(1, "team-app")}" }}'
REQUESTED_TWICE = 'snapshot = { source = "request" }'
LONG = "x" * 201

REFUSED = [
    # what a field is
    ("schema = 1", "schema = 2", "schema", "2 is not read by this version", "write schema = 1"),
    ("schema = 1", "schema = true", "schema", "is true or false, not a whole number", "write schema = 1"),
    ("schema = 1", "schema = 0x" + "f" * 5000, "schema", "is too large a number", "from 0 to 1000000"),
    ('"genesis"', '"genisis"', "kind", '"genisis" is not one of genesis, renewal', 'write kind = "genesis"'),
    ('"genesis"', '"zzz"', "kind", '"zzz" is not one of', "write one of: genesis, renewal, rotation, recovery"),
    ('"genesis"', '""', "kind", "is empty", 'write kind = "genesis"'),
    ('"acme-root"', '"acme root"', "name", '"acme root" cannot be used', "letters, digits, dots and dashes"),
    ('"acme-root"', '"../x"', "name", '"../x" cannot be used', "letters"),
    ('"acme-root"', "7", "name", "is a whole number, not text", 'write name = "acme-root-2026"'),
    ('"Acme, vault"', f'"{LONG}"', "facility", "is 201 characters long", "write at most 200"),
    ('"Acme, vault"', '"Acme\\u202evault"', "facility", '"Acme\\u202evault" holds a character that does not print', "plain text"),
    ('"Acme, vault"', '"Acme\\nvault"', "facility", '"Acme\\u000avault" holds a character that', "one line"),
    ('"Acme, vault"', '"e\\u0301"', "facility", "is not in Unicode normal form C", "type it again"),
    ('"Acme, vault"', '" Acme"', "facility", '" Acme" begins or ends with a space', 'write "Acme"'),
    ('"first"', '"abc"', "previous", '"abc" cannot be used', "write first, or the sha256 line of the last head"),
    (REQUEST, "sha256:AB", "request", '"sha256:AB" cannot be used', "as fetch printed it"),
    (
        'previous = "first"',
        'previous = "first"\ntrusted-root = "../x"',
        "trusted-root",
        "holds an empty, . or .. comp",
        "relative",
    ),
    # which fields there are
    ("schema = 1", "schema = 1\nfacilty = 1", "facilty", "is not a field that is known", "did you mean facility?"),
    ("schema = 1", 'schema = 1\n"a b" = 1', '"a b"', "is not a field that is known", "remove it; known here: schema, name, kind"),
    ("threshold = 2", "treshold = 2", "root.treshold", "is not a field that is known", "did you mean threshold?"),
    ("threshold = 2\n", "", "root.threshold", "is missing", "write threshold = 2"),
    ("[backup]", "[compromised]\n[backup]", "compromised", "does not belong here", "a genesis plan has no compromised"),
    ('name = "acme-root"\n', "", "name", "is missing", 'write name = "acme-root-2026"'),
    ("[root]", "[[root]]", "root", "is a list, not a table", "or a section [root]"),
    # root
    ('"ecdsa-p256"', '"ecdsa"', "root.algorithm", '"ecdsa" is not one of ecdsa-p256', 'write algorithm = "ecdsa-p'),
    ("threshold = 2", "threshold = 0", "root.threshold", "is 0", "write a whole number from 1 to 32"),
    ("threshold = 2", "threshold = 2.0", "root.threshold", "is a number with a fraction, not a whole number", "threshold = 2"),
    ('["root-a", "root-b", "root-c"]', "[]", "root.tokens", "is empty", 'write tokens = ["root-a"'),
    ('["root-a", "root-b", "root-c"]', "[1]", "root.tokens[0]", "is a whole number, not text", "write tokens"),
    ('["root-a", "root-b", "root-c"]', '["root-a", "root-a"]', "root.tokens[1]", '"root-a" is already root.tokens[0]', "once"),
    ('["root-a", "root-b", "root-c"]', '[""]', "root.tokens[0]", "is empty", "write tokens"),
    ('["root-a", "root-b", "root-c"]', '["root a"]', "root.tokens[0]", '"root a" cannot be used', "at most 32"),
    (
        '["root-a", "root-b", "root-c"]',
        str([f"t{i}" for i in range(33)]),
        "root.tokens",
        "names 33 tokens",
        "name at most 32",
    ),
    ('"token-only"', '"on paper"', "root.custody", '"on paper" is not one of token-only', "write one of"),
    ('"token-only"', '"token-only"\ncertificate = ""', "root.certificate", "is empty", 'certificate = "per-repository"'),
    ('"token-only"', '"token-only"\npin-policy = "never"', "root.pin-policy", '"never" is not one of once, always', "write"),
    # times
    ("root = 2036-11-19T00:00:00Z", "root = 2036-11-19T00:00:00", "expires.root", "is a local time", "2036-11-19T00:00:00Z"),
    ("root = 2036-11-19T00:00:00Z", "root = 2036-11-19", "expires.root", "is a date, not a date and time", "write root = 20"),
    ("root = 2036-11-19T00:00:00Z", "root = 00:00:00", "expires.root", "is a time of day, not a date", "write root = 20"),
    (
        "root = 2036-11-19T00:00:00Z",
        "root = 2036-11-19T00:00:00+01:00",
        "expires.root",
        "is not in UTC",
        "write 2036-11-18T23:00:00Z",
    ),
    ("root = 2036-11-19T00:00:00Z", "root = 0001-01-01T00:00:00+01:00", "expires.root", "is not in UTC", "write 2036-11-19"),
    ("root = 2036-11-19T00:00:00Z", "root = 2036-11-19T00:00:00.5Z", "expires.root", "has a fraction of a second", "whole"),
    # names of repositories
    (APP, "", "repositories[0]", "has no name", "write one of name, names, names-from"),
    (APP, f'{APP}\nnames-from = "guns.txt"', "repositories[0]", "has name and names-from", "write one of"),
    (APP, 'name = "acme/App"', "repositories[0].name", '"acme/App" cannot be used', "lower-case path components"),
    (APP, 'name = "docker.io"', "repositories[0].name", '"docker.io" cannot be used', "docker.io/acme/app"),
    (APP, 'name = "docker.io/acme/../app"', "repositories[0].name", '"docker.io/acme/../app" cannot be used', "a host"),
    (APP, 'name = "docker.io/acme//app"', "repositories[0].name", "cannot be used", "a host"),
    (APP, 'name = "-x.io/app"', "repositories[0].name", "cannot be used", "a host"),
    (APP, f'name = "docker.io/{"a" * 246}"', "repositories[0].name", "is 256 characters long", "write at most 255"),
    (APP, f'name = "{"a" * 70000}"', "repositories[0].name", "is 70000 characters long", "write at most"),
    (APP, "names = []", "repositories[0].names", "is empty", "write names = ["),
    (APP, 'names = ["docker.io/a", "b"]', "repositories[0].names[1]", '"b" cannot be used', "a host"),
    (APP, 'names = ["docker.io/a", "docker.io/a"]', "repositories[0].names[1]", "is already repositories[0].names[0]", "once"),
    (
        APP,
        'name = "docker.io/acme/base"',
        "repositories[1].names-from (guns.txt, line 3)",
        '"docker.io/acme/base" is already named by repositories[0].name',
        "name each repository once",
    ),
    (
        APP,
        'names = ["REG.example/a", "reg.example/a"]',
        "repositories[0].names[1]",
        '"reg.example/a" is already named by repositories[0].names[0]',
        "once",
    ),
    (
        APP,
        'names = ["docker.io/acme/base/metadata/root.json", "docker.io/x"]',
        "repositories[0].names[0]",
        '"docker.io/acme/base/metadata/root.json" would stand among the files of "docker.io/acme/base"',
        "a ceremony of its own",
    ),
    (APP, 'name = "docker.io/acme/base/targets.key.age"', "repositories[0].name", "would stand among the files", "ceremony"),
    # keys of repositories
    (MADE, "5", "repositories[0].targets", "is a whole number, not a table", "write targets = { source"),
    (MADE, '{ source = "generat" }', "repositories[0].targets.source", '"generat" is not one of', 'source = "generate"'),
    (MADE, '{ source = "generate" }', "repositories[0].targets.deliver-to", "is missing", 'write deliver-to = "ssh-ed25519'),
    (MADE, '{ source = "generate", deliver-to = "" }', "repositories[0].targets.deliver-to", "is empty", "write deliver-to"),
    (
        MADE,
        f'{{ source = "generate", deliver-to = "{"a" * (MAX_RECIPIENT + 1)}" }}',
        "repositories[0].targets.deliver-to",
        "is 4097 characters long",
        "write at most 4096",
    ),
    (
        MADE,
        '{ source = "request", path = "keys/app.pem" }',
        "repositories[0].targets.path",
        'has no meaning with source = "request"',
        'remove it, or write source = "file"',
    ),
    (
        MADE,
        '{ source = "file", algorithm = "ed25519", path = "keys/app.pem" }',
        "repositories[0].targets.algorithm",
        'has no meaning with source = "file"',
        'write source = "generate"',
    ),
    (MADE, '{ source = "file" }', "repositories[0].targets.path", "is missing", 'write path = "keys/app.pem"'),
    (
        MADE,
        '{ source = "file", path = "keys/gone.pem" }',
        "repositories[0].targets.path",
        '"keys/gone.pem" is not there',
        "beside",
    ),
    (f"{REQUESTED_TWICE}\n", "", "repositories[0].snapshot", "is missing", 'write snapshot = { source = "request" }'),
    # signers
    ('[{ name = "alice",', '[{ name = "Alice",', "repositories[0].signers[0].name", '"Alice" cannot be used', "lower-case"),
    (
        '[{ name = "alice",',
        '[{ name = "releases",',
        "repositories[0].signers[0].name",
        '"releases" cannot be used',
        "not releases",
    ),
    (
        '[{ name = "alice",',
        '[{ name = "alice", key = "keys/app.pem" }, { name = "alice",',
        "repositories[0].signers[1].name",
        '"alice" is already a signer here',
        "name each signer once",
    ),
    ('[{ name = "alice",', '[3, { name = "alice",', "repositories[0].signers[0]", "is a whole number, not a table", "write"),
    # paths
    ('"keys/app.pem"', '"/keys/app.pem"', "repositories[1].targets.path", '"/keys/app.pem" is an absolute path', "relative"),
    ('"keys/app.pem"', '"C:/app.pem"', "repositories[1].targets.path", '"C:/app.pem" is an absolute path', "relative"),
    ('"keys/app.pem"', '"keys\\\\app.pem"', "repositories[1].targets.path", "holds a backslash", "forward slashes"),
    ('"keys/app.pem"', '"keys/../app.pem"', "repositories[1].targets.path", "holds an empty, . or .. component", "relative"),
    ('"keys/app.pem"', '"./app.pem"', "repositories[1].targets.path", "holds an empty, . or .. component", "relative"),
    ('"keys/app.pem"', '"keys//app.pem"', "repositories[1].targets.path", "holds an empty, . or .. component", "relative"),
    ('"keys/app.pem"', '""', "repositories[1].targets.path", "is empty", "keys/app.pem"),
    ('"keys/app.pem"', '"keys\\u0000"', "repositories[1].targets.path", "holds a character that does not print", "plain"),
    ('"keys/app.pem"', f'"{"a" * 256}"', "repositories[1].targets.path", "is 256 characters long", "write at most 255"),
    ('"keys/alice.pem"', '"../alice.pem"', "repositories[0].signers[0].key", "holds an empty, . or .. component", "relative"),
    ('"guns.txt"', '"/guns.txt"', "repositories[1].names-from", "is an absolute path", "relative"),
    # backup
    ('protect = "shares"', 'protect = "passphrase"', "backup.shares", "has no meaning when a passphrase", 'protect = "shares"'),
    ("shares = { needed = 2, total = 3 }\n", "", "backup.shares", "is missing", "write shares = { needed = 2, total = 3 }"),
    ("needed = 2", "needed = 0", "backup.shares.needed", "is 0", "write a whole number from 1 to 255"),
    # people
    ('"administrator"', '"administrater"', "people[0].role", '"administrater" is not one of', 'write role = "administrator"'),
    ('name = "Ada"', 'name = "Ada"\nindependent = 1', "people[0].independent", "is a whole number, not true or false", "false"),
    (
        'name = "Wim"',
        'name = "ADA"',
        "people[4].name",
        'is the name of "Ada" (people[0]) too: one person, as administrator and as witness',
        "give each person one role, and a name of their own",
    ),
    (
        f'key = "{ssh(15)}"',
        f'key = "{ssh(11, "another comment")}"',
        "people[4].key",
        'is the key of "Ada" (people[0]) too: one person, as administrator and as witness',
        "a key of their own",
    ),
    # close
    ("{ security-officer = 1, witness = 1 }", "{}", "close.quorum", "is empty", "write quorum = { security-officer = 1"),
    ("witness = 1 }", "witnes = 1 }", "close.quorum.witnes", "is not a field that is known", "did you mean witness?"),
    ("witness = 1 }", "witness = 0 }", "close.quorum.witness", "is 0", "write a whole number from 1"),
    ("[close]\n", "[close]\nwhen = 1\n", "close.when", "is not a field that is known", "known here: quorum"),
]


@pytest.mark.parametrize(
    ("old", "new", "field", "message", "hint"), [pytest.param(*row, id=f"{row[2]} {row[3][:40]}") for row in REFUSED]
)
def test_refuses_a_field_and_names_it(old, new, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        read((old, new))
    assert refused.value.field == field
    assert message in refused.value.message
    assert refused.value.message.startswith(f"{field}: ")
    assert hint in refused.value.hint
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("section", ["[expires]", "[backup]", "[close]"])
def test_refuses_a_plan_without_a_section(section):
    start = GENESIS.index(section)
    source = GENESIS[:start] + "".join(GENESIS[start:].partition("\n\n")[2:])
    with pytest.raises(PlanRefused, match=f"{section[1:-1]}: is missing") as refused:
        read_plan(source.encode(), FILES)
    assert refused.value.hint == f"write {section[1:-1]} = {{ ... }}, or a section {section}"


@pytest.mark.parametrize("section", ["repositories", "people"])
def test_refuses_a_plan_that_names_none(section):
    with pytest.raises(PlanRefused, match=f"{section}: is missing"):
        read_plan(_without(section), FILES)


def _without(section):
    blocks = GENESIS.split("\n\n")
    return "\n\n".join(block for block in blocks if not block.startswith(f"[[{section}]]")).encode()


OTHER_KINDS = [
    pytest.param(
        ('tokens = ["root-a", "root-b"]', 'tokens = ["root-a"]\nthreshold = 2'),
        "root.threshold",
        "does not belong here",
        "a rotation plan names the tokens of the root that there is",
        id="threshold of a rotation",
    ),
    pytest.param(
        ('kind = "rotation"', 'kind = "renewal"'), "compromised", "does not belong here", "a renewal plan has no", id="renewal"
    ),
    pytest.param(('"stolen.pem"', '"gone.pem"'), "compromised.keys[0]", '"gone.pem" is not there', "beside the plan", id="file"),
    pytest.param(("last-good = 41", "last-good = 0"), "compromised.last-good", "is 0", "whole number from 1", id="version"),
    pytest.param(("last-good = 41", 'last-good = "x"'), "compromised.last-good", "is text, not a whole", "41", id="neither"),
    pytest.param(("[compromised]", "[root.new]\n[compromised]"), "root.new.algorithm", "is missing", "ecdsa-p256", id="new root"),
    pytest.param(('reason = "laptop stolen"\n', ""), "compromised.reason", "is missing", "laptop stolen", id="reason"),
]


@pytest.mark.parametrize(("change", "field", "message", "hint"), OTHER_KINDS)
def test_refuses_a_field_of_another_kind_of_plan(change, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        read(change, source=ROTATION)
    assert refused.value.field == field
    assert message in refused.value.message
    assert hint in refused.value.hint


FILES_REFUSED = [
    pytest.param(
        "guns.txt", b"\xff", "repositories[1].names-from", "guns.txt is not UTF-8 text", "one repository a line", id="utf"
    ),
    pytest.param("guns.txt", b"# none\n", "repositories[1].names-from", "guns.txt names no repository", "one repo", id="none"),
    pytest.param(
        "guns.txt", b"\nX y\n", "repositories[1].names-from (guns.txt, line 2)", '"X y" cannot be used', "a host", id="gun"
    ),
    pytest.param(
        "guns.txt",
        b"a.io/b\n\na.io/b\n",
        "repositories[1].names-from (guns.txt, line 3)",
        '"a.io/b" is already named by repositories[1].names-from (guns.txt, line 1)',
        "name each repository once",
        id="twice",
    ),
    pytest.param(
        "keys/app.pem",
        b"-----BEGIN EC PRIVATE KEY-----\n",
        "repositories[1].targets.path",
        '"keys/app.pem" holds a private key',
        "bring the public key",
        id="private",
    ),
]


@pytest.mark.parametrize(("path", "data", "field", "message", "hint"), FILES_REFUSED)
def test_refuses_a_file_and_names_its_field(path, data, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        read(files={**FILES, path: data})
    assert refused.value.field == field
    assert message in refused.value.message
    assert hint in refused.value.hint


SITE = """yubico-roots = "yubico/"

[tokens.root-a]
yubikey = 12345678
slot = "9c"

[tokens.root-b]
pkcs11 = "pkcs11:serial=5f3c21;token=acme-root-b"
module = "/usr/lib/vendor/libpkcs11.so"

[volumes]
a = "4C530001"
b = "4C530002"
"""


def test_reads_a_site():
    site = read_site(SITE.encode())
    assert site.tokens == {
        "root-a": SiteToken(yubikey=12345678, slot="9c"),
        "root-b": SiteToken(pkcs11="pkcs11:serial=5f3c21;token=acme-root-b", module="/usr/lib/vendor/libpkcs11.so"),
    }
    assert (site.volumes, site.yubico_roots, site.source) == ({"a": "4C530001", "b": "4C530002"}, "yubico/", SITE.encode())


def test_reads_a_site_that_leaves_the_volumes_to_the_day():
    site = read_site(b'[tokens.root-b]\npkcs11 = "pkcs11:serial=1%2F2"\nmodule = "/m.so"')
    assert (site.volumes, site.yubico_roots) == ({}, "")


SITE_REFUSED = [
    ("[volumes]", "[volume]", "volume", "is not a field that is known", "did you mean volumes?"),
    ("yubikey = 12345678", "yubikey = 0", "tokens.root-a.yubikey", "is 0", "write a whole number from 1"),
    ('slot = "9c"', 'slot = "9b"', "tokens.root-a.slot", '"9b" cannot be used', "write a PIV slot"),
    ('slot = "9c"\n', "", "tokens.root-a.slot", "is missing", 'write slot = "9c"'),
    ('slot = "9c"', 'slot = "9c"\npin = "1"', "tokens.root-a.pin", "is not a field that is known", "remove it; known here"),
    ('slot = "9c"', 'slot = "9c"\nmodule = "/m"', "tokens.root-a.module", "has no meaning for a YubiKey", "remove it"),
    ('slot = "9c"', 'pkcs11 = "x"', "tokens.root-a", "names two kinds of hardware", "write yubikey and slot, or pkcs11"),
    ('yubikey = 12345678\nslot = "9c"', "", "tokens.root-a", "names no hardware", "write yubikey and slot"),
    ('module = "/usr', 'slot = "9c"\nmodule = "/usr', "tokens.root-b.slot", "has no meaning for a PKCS#11 token", "remove it"),
    (
        '"/usr/lib/vendor/libpkcs11.so"',
        '"libpkcs11.so"',
        "tokens.root-b.module",
        '"libpkcs11.so" is not an absolute',
        "whole path",
    ),
    ('"pkcs11:serial', '"serial', "tokens.root-b.pkcs11", "is not a PKCS#11 URI", "write pkcs11 ="),
    ("acme-root-b", "b?pin-value=1234", "tokens.root-b.pkcs11", "has a part after ?", "PINs are asked for"),
    (
        "token=acme-root-b",
        "slot-id=1",
        "tokens.root-b.pkcs11",
        '"slot-id=1" cannot be used',
        "token, manufacturer, serial, model",
    ),
    ("token=acme-root-b", "token=a b", "tokens.root-b.pkcs11", '"token=a b" cannot be used', "write token"),
    ("token=acme-root-b", "serial=2", "tokens.root-b.pkcs11", "names serial twice", "name it once"),
    ("serial=5f3c21;", "", "tokens.root-b.pkcs11", "names no serial", "write pkcs11 ="),
    ("4C530002", "4C530001", "volumes.b", "is the same hardware as volumes.a", "name each device once"),
    (
        "[volumes]",
        "[tokens.c]\nyubikey = 12345678\nslot = '9a'\n[volumes]",
        "tokens.c",
        "is the same hardware as tokens.root-a",
        "once",
    ),
    ('a = "4C530001"', 'c = "4C530001"', "volumes.c", "is not a field that is known", "known here: a, b"),
]


@pytest.mark.parametrize(
    ("old", "new", "field", "message", "hint"), [pytest.param(*row, id=f"{row[2]} {row[3][:40]}") for row in SITE_REFUSED]
)
def test_refuses_a_field_of_a_site_and_names_it(old, new, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        read_site(bent((old, new), source=SITE))
    assert refused.value.field == field
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_a_refused_uri_shows_no_pin():
    with pytest.raises(PlanRefused) as refused:
        read_site(bent(("acme-root-b", "b?pin-value=hunter2"), source=SITE))
    assert "hunter2" not in refused.value.message + refused.value.hint


def test_refuses_a_site_without_tokens():
    with pytest.raises(PlanRefused, match="tokens: is missing"):
        read_site(b"")
    with pytest.raises(PlanRefused, match="tokens: is empty") as refused:
        read_site(b"tokens = {}")
    assert refused.value.field == "tokens"


def _refusal(reader, source):
    try:
        reader(source)
    except PlanRefused as refused:
        return refused
    return None


def _refused_or_read(source):
    for reader in (files_named, read_site, lambda data: read_plan(data, FILES)):
        refused = _refusal(reader, source)
        assert refused is None or (refused.field and refused.hint and refused.message.isprintable())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(source):
    _refused_or_read(source)


PIECES = sorted(
    {piece for text in (GENESIS, ROTATION, SITE) for line in text.splitlines() for piece in (line, *line.split(" = "))}
)
ODD = [
    "[]",
    "{}",
    "''",
    "-1",
    "1e400",
    "nan",
    "true",
    "0001-01-01T00:00:00+23:59",
    '"\\u0000"',
    "[[people]]",
    "\n",
    "0x" + "f" * 5000,
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([GENESIS, ROTATION, SITE]), st.data())
def test_a_plan_that_was_cut_and_pasted_is_read_or_refused(source, data):
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(source)))
        end = min(len(source), at + data.draw(st.integers(0, 40)))
        source = source[:at] + data.draw(st.sampled_from(PIECES + ODD) | st.text(max_size=4)) + source[end:]
    _refused_or_read(source.encode())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([GENESIS, ROTATION]), st.data())
def test_a_plan_whose_values_were_exchanged_is_read_or_refused(source, data):
    lines = source.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.sampled_from([i for i, line in enumerate(lines) if " = " in line]))
        value = data.draw(st.sampled_from([piece for piece in PIECES if " = " not in piece] + ODD))
        lines[i] = f"{lines[i].partition(' = ')[0]} = {value}"
    _refused_or_read("\n".join(lines).encode())
