# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, Mode, Site, SiteToken
from ceremony.core.plan_lint import PlanWarning, check_site, lint, refuse_unsupported, unsupported
from ceremony.core.security_key import ED25519
from ceremony.errors import PlanRefused
from tests.fakes.plans import FILES, GENESIS, NOW, REQUEST, ROTATION, RULES, pem, read, ssh, ssh_ecdsa, ssh_rsa
from tests.fakes.security_key import SoftSecurityKey

APP = 'name = "docker.io/acme/app"'
ALL = 'certificate = "docker.io/acme/*"'
ONE_FOLDER = {**FILES, "guns.txt": b"docker.io/acme/base\n"}
SHARES = 'protect = "shares"\nshares = { needed = 2, total = 3 }'
AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SECURITY_KEY = f"{SoftSecurityKey(ED25519).line} ada"


def judged(plan, mode=Mode.PRODUCTION, rules=RULES):
    return lint(plan, rules, now=NOW, mode=mode)


def test_has_nothing_to_say_of_a_plan_that_is_right():
    assert judged(read()) == ()
    assert judged(read((f'request = "{REQUEST}"', f'request = "{REQUEST}"\ntrusted-root = "earlier/root.json"'))) == ()


def test_has_nothing_to_say_of_a_rotation_that_is_right():
    assert judged(read(source=ROTATION)) == ()


def test_takes_every_kind_of_key_that_people_and_deliveries_have():
    plan = read(
        (ssh(11), ssh_ecdsa()),
        (ssh(12), ssh_rsa(2048)),
        (ssh(13), SECURITY_KEY),
        (ssh(1, "team-app"), AGE),
    )
    assert judged(plan) == ()
    assert judged(read((ssh(1, "team-app"), ssh_rsa(2048)))) == ()


REFUSED = [
    # times
    (
        "root = 2036-11-19",
        "root = 2026-11-18",
        "expires.root",
        "2026-11-18T00:00:00Z is not in the future",
        "it is 2026-11-19T12",
    ),
    ("certificate = 2036", "certificate = 2025", "expires.certificate", "2025-11-19T00:00:00Z is not in the", "2026-11-19T12"),
    ("targets = 2029-11-19T00", "targets = 2026-11-19T12", "expires.targets", "2026-11-19T12:00:00Z is not in the", "now"),
    ("root = 2036", "root = 2037", "expires.root", "is later than expires.certificate", "write 2036-11-19T00:00:00Z or earlier"),
    (
        "targets = 2029",
        "targets = 2037",
        "expires.targets",
        "is later than expires.root",
        "write 2036-11-19T00:00:00Z or earlier",
    ),
    # root
    ("threshold = 2", "threshold = 4", "root.threshold", "is 4, and 3 tokens hold keys", "from 1 to 3, or name more tokens"),
    ('"root-a", "root-b", "root-c"', '"root-a"', "root.threshold", "is 2, and 1 token holds a key", "from 1 to 1"),
    (
        "threshold = 2",
        "threshold = 3",
        "root.tokens",
        "has no token to spare over the threshold of 3, and no backup",
        'name 4 tokens or more, or write custody = "token-wrapped"',
    ),
    (
        '"ecdsa-p256"',
        '"ed25519"',
        "root.algorithm",
        "ed25519 is rejected by clients of dialect notary",
        "ecdsa-p256, ecdsa-p384,",
    ),
    # certificates
    (
        "threshold",
        'certificate = "docker.io/acme"\nthreshold',
        "root.certificate",
        '"docker.io/acme" cannot be used',
        "ending in",
    ),
    ("threshold", 'certificate = "*"\nthreshold', "root.certificate", '"*" cannot be used', "such as"),
    ("threshold", 'certificate = "docker.io/**"\nthreshold', "root.certificate", '"docker.io/**" cannot be used', "one *"),
    (
        "threshold",
        f"{ALL}\nthreshold",
        "root.certificate",
        '"docker.io/acme/*" does not cover "reg.example:5000/tools/cli"',
        'every repository\'s name, or "per-repository"',
    ),
    # repositories
    (
        ssh(1, "team-app"),
        ssh_ecdsa(),
        "repositories[0].targets.deliver-to",
        "is no key that age encrypts to",
        "write an ssh-ed25519 or ssh-rsa public key",
    ),
    (
        ssh(1, "team-app"),
        "ssh-ed25519 AAAA",
        "repositories[0].targets.deliver-to",
        "the key is not an OpenSSH pub",
        "ssh-ed25519",
    ),
    (ssh(1, "team-app"), ssh_rsa(1024), "repositories[0].targets.deliver-to", "the key is RSA of 1024 bits", "bring"),
    (ssh(1, "team-app"), AGE[:-1] + "q", "repositories[0].targets.deliver-to", "is not an age recipient", "age1..."),
    (
        'targets = { source = "file", path = "keys/app.pem" }',
        'targets = { source = "file", path = "keys/app.pem" }\nsigners = [{ name = "bob", key = "keys/alice.pem" }]',
        "repositories[1].signers",
        "cannot be named where this ceremony does not sign the targets",
        "let the team add them with its own targets key",
    ),
    (
        'signers = [{ name = "alice", key = "keys/alice.pem" }]',
        'signers = [{ name = "alice", key = "keys/alice.pem" }, { name = "bob", key = "keys/alice.pem" }]',
        "repositories[0].signers[1].key",
        'is the key of "alice" too',
        "each signer brings a key of their own",
    ),
    # the request
    (f'request = "{REQUEST}"\n', "", "request", "is missing, and keys come from a request", "run `ceremony fetch`"),
    # people
    (ssh(12), "", "people[1].key", 'is missing, and without it nobody signs for "Sofia"', "each person's OpenSSH public key"),
    (ssh(12), "ssh-ed25519 AAAA sofia", "people[1].key", "the key is not an OpenSSH public key", "one line of a .pub file"),
    (ssh(12), "ssh-dss AAAA sofia", "people[1].key", "the key is not an OpenSSH public key", "ssh-ed25519"),
    ("independent = true", "independent = false", "people", "names no independent witness", 'role = "witness" and independent'),
    ('role = "witness"', 'role = "auditor"', "people", "names no independent witness", "add a person"),
    # quorum
    ("witness = 1 }", "witness = 2 }", "close.quorum.witness", "is 2, and the plan names 1 of that role", "name more people"),
    ("witness = 1 }", "custodian = 1 }", "close.quorum.custodian", "is 1, and the plan names 0", "a smaller number"),
    (", witness = 1 }", " }", "close.quorum", "nobody of these roles is independent", "such as witness = 1"),
    # backup
    ("needed = 2", "needed = 1", "backup.shares", "1 of 3 cannot be split", "need 2 or more, of 16 at most"),
    ("needed = 2", "needed = 4", "backup.shares", "4 of 3 cannot be split", "need 2 or more"),
    ("total = 3", "total = 17", "backup.shares", "2 of 17 cannot be split", "of 16 at most"),
    ("total = 3", "total = 4", "backup.shares.total", "is 4, and 3 people keep shares", "name a custodian for each share"),
]


@pytest.mark.parametrize(
    ("old", "new", "field", "message", "hint"), [pytest.param(*row, id=f"{row[2]} {row[3][:40]}") for row in REFUSED]
)
def test_refuses_a_plan_and_names_the_field(old, new, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        judged(read((old, new)))
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: ")
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("path", "data", "field", "message"),
    [
        pytest.param(
            "keys/app.pem", b"?", "repositories[1].targets.path", '"keys/app.pem" is not a PEM public key', id="targets"
        ),
        pytest.param("keys/alice.pem", b"", "repositories[0].signers[0].key", '"keys/alice.pem" is not a PEM', id="signer"),
        pytest.param(
            "keys/app.pem",
            pem(5, ec.SECP521R1()),
            "repositories[1].targets.path",
            '"keys/app.pem" is secp521r1, which is not one of ecdsa-p256',
            id="curve",
        ),
    ],
)
def test_refuses_a_file_that_holds_no_key_for_it(path, data, field, message):
    with pytest.raises(PlanRefused) as refused:
        judged(read(files={**FILES, path: data}))
    assert refused.value.field == field
    assert message in refused.value.message
    assert "SubjectPublicKeyInfo" in refused.value.hint


AS_ED25519 = ('source = "generate",', 'source = "generate", algorithm = "ed25519",')
NO_SIGNERS = ('signers = [{ name = "alice", key = "keys/alice.pem" }]\n', "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param([], "repositories[0].targets.algorithm", id="made here"),
        pytest.param([AS_ED25519], "repositories[0].signers[0].key", id="of a signer"),
        pytest.param([AS_ED25519, NO_SIGNERS], "repositories[1].targets.path", id="brought by the team"),
    ],
)
def test_refuses_a_repository_key_that_clients_reject(changes, field):
    rules = replace(RULES, repository_algorithms=frozenset({Algorithm.ED25519}))
    with pytest.raises(PlanRefused, match="ecdsa-p256 is rejected by clients of dialect notary") as refused:
        judged(read(*changes), rules=rules)
    assert refused.value.field == field
    assert refused.value.hint == "write one of: ed25519"


def test_refuses_a_request_from_which_nothing_comes():
    plan = read()
    made = plan.repositories[0].targets
    plan = replace(plan, repositories=(replace(plan.repositories[0], snapshot=made, timestamp=made),))
    with pytest.raises(PlanRefused, match="request: is named, and nothing comes from a request") as refused:
        judged(plan)
    assert refused.value.hint == "remove it"
    assert judged(replace(plan, request="")) == ()


def test_refuses_a_plan_that_nobody_keeps_the_secret_of():
    sofia = f'[[people]]\nname = "Sofia"\nrole = "security-officer"\norganisation = "Acme"\nkey = "{ssh(12)}"\n'
    plan = read(
        (sofia, sofia.replace("security-officer", "auditor")),
        ('"Sven"\nrole = "security-officer"', '"Sven"\nrole = "auditor"'),
        ('"Sam"\nrole = "security-officer"', '"Sam"\nrole = "auditor"'),
        ("security-officer = 1", "auditor = 1"),
    )
    with pytest.raises(PlanRefused, match="people: names nobody to keep the backup's secret") as refused:
        judged(plan)
    assert refused.value.hint == 'add a person with role = "custodian" or "security-officer"'


def test_takes_a_wrapped_root_without_a_token_to_spare():
    assert judged(read(("threshold = 2", "threshold = 3"), ('"token-only"', '"token-wrapped"'))) == ()


def test_takes_a_certificate_for_a_folder_of_names_without_a_word():
    assert judged(read(("threshold", f"{ALL}\nthreshold"), files=ONE_FOLDER)) == ()


def test_warns_of_a_prefix_that_covers_more_than_a_folder():
    plan = read(("threshold", 'certificate = "docker.io/ac*"\nthreshold'), files=ONE_FOLDER)
    message = '"docker.io/ac*" covers every name that begins so, not one folder of names'
    assert judged(plan) == (PlanWarning("root.certificate", message, "end it in /* unless this is meant"),)


def test_warns_of_a_name_too_long_for_a_certificate():
    long = f"docker.io/acme/{'a' * 60}"
    (warning,) = judged(read((APP, f'name = "{long}"')))
    assert warning.field == "root.certificate"
    assert warning.message == f'"{long}" is 75 characters, more than the 64 that X.509 allows in a common name'
    assert "shorter prefix" in warning.hint
    assert judged(read((APP, f'name = "{long}"'), ("threshold", f"{ALL}\nthreshold"), files=ONE_FOLDER)) == ()


def test_a_dialect_without_certificates_takes_no_prefix_and_minds_no_long_name_or_certificate_date():
    rules = replace(RULES, needs_certificate=False)
    long = f"docker.io/acme/{'a' * 60}"
    assert judged(read((APP, f'name = "{long}"'), ("root = 2036", "root = 2037")), rules=rules) == ()
    with pytest.raises(PlanRefused, match="the root keys of dialect notary are no certificates") as refused:
        judged(read(("threshold", f"{ALL}\nthreshold")), rules=rules)
    assert refused.value.field == "root.certificate"
    assert refused.value.hint == "remove it"


def test_warns_that_one_person_holds_a_passphrase():
    (warning,) = judged(read((SHARES, 'protect = "passphrase"')))
    assert str(warning) == "backup.protect: one person then holds the whole secret"
    assert "shares" in warning.hint


def test_warns_that_no_share_can_be_spared():
    (warning,) = judged(read(("needed = 2", "needed = 3")))
    assert str(warning) == "backup.shares: needs all 3 shares: when one is lost, every backup is"
    assert "one custodian more" in warning.hint


def test_imported_keys_need_no_token_to_spare_and_are_warned_of():
    plan = read(("token-only", "imported"), ("threshold = 2", "threshold = 3"))
    (warning,) = judged(plan)
    assert str(warning) == (
        "root.custody: is imported: these keys are made in this computer's memory, and nothing can attest that no copy was kept"
    )
    assert 'write "token-only" with a token to spare' in warning.hint


def test_in_practice_warns_of_what_production_wants():
    plan = read((f'request = "{REQUEST}"\n', ""), (ssh(11), ""), (ssh(15), ""))
    assert [str(warning) for warning in judged(plan, Mode.PRACTICE)] == [
        "request: is missing, and keys come from a request; production refuses this",
        'people[0].key: is missing, and without it nobody signs for "Ada", "Wim"; production refuses this',
    ]


def test_a_change_of_what_is_published_wants_request_and_trusted_root():
    plan = read((f'request = "{REQUEST}"\n', ""), ('trusted-root = "earlier/bundle"\n', ""), source=ROTATION)
    assert [warning.field for warning in judged(plan, Mode.PRACTICE)] == ["request", "trusted-root"]
    with pytest.raises(PlanRefused, match="trusted-root: is missing, and a rotation changes what is published"):
        judged(replace(plan, request=REQUEST))


def test_judges_the_new_root_and_the_times_of_a_rotation():
    new = '[root.new]\nalgorithm = "ed25519"\ntokens = ["new-a", "new-b"]\nthreshold = 1\ncustody = "token-only"\n'
    with pytest.raises(PlanRefused) as refused:
        judged(read(("[compromised]", f"{new}\n[compromised]"), source=ROTATION))
    assert refused.value.field == "root.new.algorithm"
    with pytest.raises(PlanRefused) as refused:
        judged(read(("[compromised]", "[expires]\nroot = 2020-01-01T00:00:00Z\n[compromised]"), source=ROTATION))
    assert refused.value.field == "expires.root"
    days = "[expires]\nroot = 2036-11-19T00:00:00Z\ncertificate = 2036-11-19T00:00:00Z\n"
    assert judged(read(("[compromised]", f"{new.replace('ed25519', 'rsa-3072')}\n{days}[compromised]"), source=ROTATION)) == ()


def test_a_change_that_makes_no_key_needs_nobody_to_keep_a_secret():
    backup = GENESIS[GENESIS.index("[backup]") : GENESIS.index("[[people]]")]
    compromised = ROTATION[ROTATION.index("[compromised]") : ROTATION.index("[backup]")]
    days = "[expires]\nroot = 2036-11-19T00:00:00Z\n"
    assert judged(read((backup, ""), (compromised, days), ("rotation", "renewal"), source=ROTATION)) == ()


WITH_YUBIKEY = Site({"root-a": SiteToken(pkcs11="pkcs11:serial=1", module="/m"), "root-b": SiteToken(yubikey=7)}, {}, "", b"")
WITHOUT = Site({"root-a": SiteToken(pkcs11="pkcs11:serial=1", module="/m")}, {}, "", b"")
SNAPSHOT = 'snapshot = { source = "request" }'
TIMESTAMP = 'timestamp = { source = "request" }'
HELD_BY_FILE = '{ source = "file", path = "keys/app.pem" }'

NOT_YET = [
    pytest.param(
        (SNAPSHOT, f"snapshot = {HELD_BY_FILE}"),
        None,
        Mode.PRACTICE,
        "repositories[0].snapshot.source",
        "snapshot keys are only taken from a request by this version",
        id="snapshot",
    ),
    pytest.param(
        (TIMESTAMP, f"timestamp = {HELD_BY_FILE}"),
        None,
        Mode.PRACTICE,
        "repositories[0].timestamp.source",
        "timestamp keys are only taken from a request by this version",
        id="timestamp",
    ),
]


@pytest.mark.parametrize(("change", "site", "mode", "field", "message"), NOT_YET)
def test_refuses_what_this_version_cannot_hold_yet(change, site, mode, field, message):
    plan = read(change)
    with pytest.raises(PlanRefused) as refused:
        refuse_unsupported(plan, site, mode)
    assert refused.value.field == field
    assert refused.value.message == f"{field}: {message}"
    assert refused.value.hint
    assert [refusal.field for refusal in unsupported(plan, site, mode)] == [field]


def test_refuses_a_dialect_that_there_is_not():
    with pytest.raises(PlanRefused, match="dialect: 'tuff' is not a dialect") as refused:
        refuse_unsupported(read(('dialect = "notary"', 'dialect = "tuff"')), None, Mode.PRACTICE)
    assert "notary" in refused.value.hint


def test_has_nothing_against_a_plan_that_can_be_held():
    refuse_unsupported(read(), WITHOUT, Mode.PRACTICE)
    refuse_unsupported(read(), WITH_YUBIKEY, Mode.PRACTICE)
    refuse_unsupported(read((SHARES, 'protect = "passphrase"')), WITHOUT, Mode.PRACTICE)
    assert read().root.custody is Custody.TOKEN_ONLY


def test_wants_hardware_for_each_token_of_the_plan_and_no_other():
    token = SiteToken(pkcs11="pkcs11:serial=1", module="/m")
    plan = read()
    check_site(plan, Site(dict.fromkeys(plan.root.tokens, token), {}, "", b""))
    with pytest.raises(PlanRefused, match=r"tokens\.root-c: is missing, and the plan names it") as refused:
        check_site(plan, Site(dict.fromkeys(("root-a", "root-b"), token), {}, "", b""))
    assert refused.value.hint == "write a section [tokens.root-c]"
    with pytest.raises(PlanRefused, match=r"tokens\.root-x: is no token of the plan") as refused:
        check_site(plan, Site(dict.fromkeys((*plan.root.tokens, "root-x"), token), {}, "", b""))
    assert refused.value.hint == "remove it, or write one of: root-a, root-b, root-c"
    check_site(read(source=ROTATION), Site(dict.fromkeys(("root-a", "root-b"), token), {}, "", b""))


def test_warnings_do_not_depend_on_the_day():
    plan = read((f'request = "{REQUEST}"\n', ""))
    other = lint(plan, RULES, now=datetime(2028, 1, 1, tzinfo=UTC), mode=Mode.PRACTICE)
    assert other == judged(plan, Mode.PRACTICE)
