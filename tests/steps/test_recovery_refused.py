# SPDX-License-Identifier: Apache-2.0
"""What a recovery is not held from: each has its sentence, and the other old volume is taken."""

from __future__ import annotations

import pytest

from ceremony.core import backup, bundle, software_key
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG
from ceremony.core.dialects import get
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode, StorageError, VerificationError
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.host import CountingEntropy
from tests.fakes.recovery import (
    LATER,
    LATEST,
    OLD,
    SHARES,
    after,
    after_production,
    flip,
    forge,
    held,
    held_in_production,
    known_secrets,
    old_volumes,
    protector,
    publics,
    recovery_plan,
    root_path,
    spoil,
    stops,
    swap,
)
from tests.fakes.room import CEREMONY


def bad(ceremony):
    return [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


# --- secrets -------------------------------------------------------------------------------


def test_a_wrong_passphrase_is_told_and_typed_again():
    genesis = held()
    recovery = after(genesis)
    recovery.operator.answers["old-passphrase"] = ["wrong words", known_secrets(genesis)["old-passphrase"].upper()]
    assert recovery.hold() is ExitCode.DONE
    question = recovery.operator.question("error:old-passphrase").prompt
    assert question.title == "identity.age: does not open with this passphrase"
    assert recovery.bodies("old-secret") == [{"taken": False}]


def test_people_give_a_wrong_passphrase_up():
    recovery = after(held())
    recovery.operator.answers |= {"old-passphrase": "wrong words", "error:old-passphrase": "leave"}
    stops(recovery, VerificationError, "does not open with this passphrase")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        pytest.param(lambda known, _: known["old-share:1"].replace(" ", " x", 1), "word 2 is not in the list", id="no word"),
        pytest.param(lambda known, _: known["old-share:2"], "is share 2, which Cem keeps", id="somebody else's"),
        pytest.param(lambda _, other: other["old-share:1"], "share 1: is of another set", id="of another ceremony"),
    ],
)
def test_a_wrong_share_is_told_and_typed_again(typed, sentence):
    genesis, other = held(protect=SHARES), held(protect=SHARES, entropy=CountingEntropy("other"))
    known = known_secrets(genesis)
    recovery = after(genesis)
    recovery.operator.answers["old-share:1"] = [typed(known, known_secrets(other)), known["old-share:1"]]
    assert recovery.hold() is ExitCode.DONE
    assert sentence in recovery.operator.question("error:old-share:1").prompt.title


# --- damage ---------------------------------------------------------------------------------

DAMAGED = {
    "the protector": ("private/identity.age", flip, r"private/identity\.age: is damaged: it is not the file that its log"),
    "the log, its first line": (LOG, lambda log: b"\0" + log, r"ceremony\.jsonl: is not the log of a ceremony"),
    "the log, early": (LOG, lambda log: log[:200] + b"x" + log[201:], r"ceremony\.jsonl: is damaged at record 1"),
    "the log, its last line": (LOG, lambda log: log[:-99] + b"\0" + log[-99:], r"ceremony\.jsonl: is damaged at record \d\d"),
    "the log, behind its close": (LOG, lambda log: log + b"{", r"ceremony\.jsonl: is damaged at record \d\d"),
    "the log, all of it": (LOG, lambda _: b"", r"ceremony\.jsonl: is not the log of a ceremony"),
    "another file in its place": (LOG, lambda log: log[log.index(b"\n") + 1 :], r"ceremony\.jsonl: is not the log of a ceremony"),
}


@pytest.mark.parametrize(("path", "how", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_a_volume_whose_protector_or_log_is_damaged_is_refused(path, how, sentence):
    genesis = held()
    stops(after(genesis, old=[spoil(genesis, path, how)]), VerificationError, sentence)


def test_a_damaged_root_backup_is_named_and_the_other_volume_taken():
    genesis = held()
    worse, better = spoil(genesis, root_path(genesis), flip), old_volumes(genesis, "b")[0]
    recovery = after(genesis, old=[worse, better])
    recovery.operator.answers["medium:old"] = [worse.identity.serial, better.identity.serial]
    assert recovery.hold() is ExitCode.DONE
    assert f"{root_path(genesis)}: is damaged" in recovery.operator.question("error:open-backup").prompt.title


def test_a_root_backup_that_is_not_there_is_named():
    genesis = held()
    (old,) = old_volumes(genesis)
    del old.files[f"{OLD}/{root_path(genesis)}"]
    stops(after(genesis, old=[old]), VerificationError, r"private/root-.*\.age: is not there")


@pytest.mark.parametrize("left", [bundle.REPOSITORIES, "a root key"])
def test_what_is_damaged_beside_a_good_root_can_be_left_behind_and_the_log_says_so(left):
    genesis = held("root-a", "root-b")
    path = root_path(genesis, "root-b") if left == "a root key" else left
    tokens = ["new-a"] if left == "a root key" else ["new-a", "new-b"]
    ids = " ".join(map(get("notary").key_id, publics(genesis).values()))
    recovery = after(genesis, recovery_plan(*tokens, trusted_root=ids), old=[spoil(genesis, path, flip)])
    recovery.operator.answers["damaged"] = "without"
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert recovery.operator.question("damaged").prompt.title == "memory old-Fa: one file of the backup cannot be opened"
    assert list(recovery.bodies("backup-opened")[0]["left_out"]) == [path]


def test_people_take_the_other_volume_rather_than_leave_files_behind():
    genesis = held("root-a", "root-b")
    old = spoil(genesis, bundle.REPOSITORIES, flip)
    del old.files[f"{OLD}/{root_path(genesis, 'root-b')}"]
    recovery = after(genesis, old=[old])
    stops(recovery, VerificationError, "is not there")
    assert recovery.operator.question("damaged").prompt.title == "memory old-Fa: 2 files of the backup cannot be opened"


def test_a_protector_of_another_ceremony_is_told():
    genesis = held()
    identity, _ = backup.make_protector()
    data = backup.seal_identity(identity, Secret(genesis.operator.shown["passphrase"]))
    stops(after(genesis, old=[swap(genesis, bundle.IDENTITY, data)]), VerificationError, "is another protector than its log says")


def other_root() -> bytes:
    return backup.pack({}, {backup.PKCS8: software_key.make(Algorithm.ECDSA_P256).pkcs8()})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(lambda _: b"no age file", "does not open with this ceremony's protector", id="no age file"),
        pytest.param(lambda to: backup.encrypt(b"junk", to), "is not a backup of this kind", id="no tar"),
        pytest.param(lambda to: backup.encrypt(backup.pack({}, {}), to), "holds no root key", id="nothing in it"),
        pytest.param(lambda to: backup.encrypt(other_root(), to), "holds another root key than its log says", id="another key"),
    ],
)
def test_a_root_backup_that_holds_something_else_is_told(make, sentence):
    genesis = held()
    old = swap(genesis, root_path(genesis), make(protector(genesis)[1]))
    stops(after(genesis, old=[old]), VerificationError, sentence)


def repositories(genesis, *, entry: dict | None = None) -> bytes:
    key = software_key.make(Algorithm.ECDSA_P256)
    listed = {"docker.io/acme/app": entry or {"key": "k.key", "public_sha256": "00"}}
    contents = {"k.key": get("notary").delivery("docker.io/acme/app", key)}
    return backup.encrypt(backup.pack({"repositories": listed}, contents), protector(genesis)[1])


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        pytest.param(None, "docker.io/acme/app: holds another key than its manifest says", id="another key"),
        pytest.param({"key": "none.key"}, r"docker\.io/acme/app", id="no key"),
    ],
)
def test_repository_keys_that_are_others_are_told(entry, sentence):
    genesis = held()
    old = swap(genesis, bundle.REPOSITORIES, repositories(genesis, entry=entry))
    stops(after(genesis, old=[old]), VerificationError, sentence)


# --- which ceremony ---------------------------------------------------------------------------


def test_root_keys_that_the_trusted_root_does_not_name_are_refused():
    plan = recovery_plan("new-a", trusted_root="ab" * 32)
    stops(after(held(), plan), VerificationError, "is not one that the trusted root names")


def test_a_root_key_that_is_published_no_more_is_left_out():
    genesis = held("root-a", "root-b")
    named = get("notary").key_id(publics(genesis)["root-b"])
    recovery = after(genesis, recovery_plan("new-a", trusted_root=named))
    assert recovery.hold() is ExitCode.DONE
    assert bad(recovery) == []
    assert publics(recovery) == {"new-a": publics(genesis)["root-b"]}
    assert list(recovery.bodies("backup-opened")[0]["left_out"]) == [root_path(genesis)]


def test_a_production_wants_a_trusted_root():
    recovery = after_production(held_in_production(), "")
    stops(recovery, VerificationError, "trusted-root: is not there, and nothing else says which root is published")


def test_a_practice_never_opens_the_backup_of_a_production():
    recovery = after(held_in_production())
    stops(recovery, VerificationError, "is of a production, and this is a practice")
    assert "old-passphrase" not in recovery.operator.keys


def test_the_backup_of_another_dialect_is_refused():
    genesis = held()
    old = spoil(genesis, LOG, lambda log: forge(log, '"dialect":"notary"', '"dialect":"tuf"'))
    stops(after(genesis, old=[old]), VerificationError, "is of dialect tuf")


def test_a_ceremony_whose_roots_are_on_their_tokens_alone_has_nothing_to_restore():
    genesis = held("root-a", "root-b", custody=Custody.TOKEN_ONLY)
    stops(after(genesis), VerificationError, "names no root key that was backed up: its custody was token-only")


@pytest.mark.parametrize("agreed", [True, False], ids=["opened all the same", "left alone"])
def test_people_decide_on_a_ceremony_that_was_never_closed(agreed):
    genesis = held()
    old = spoil(genesis, LOG, lambda log: log[: log.rindex(b"\n", 0, -1) + 20])
    recovery = after(genesis, old=[old])
    recovery.operator.answers[f"unclosed:{CEREMONY}"] = agreed
    if agreed:
        assert recovery.hold() is ExitCode.DONE
        assert recovery.bodies("backup-opened")[0]["closed"] is False
    else:
        stops(recovery, VerificationError, "was never closed, and people did not want its backup")


def test_an_old_volume_is_waited_for():
    genesis = held()
    (old,) = old_volumes(genesis)
    recovery = after(genesis, old=[])

    def put_in(_):
        recovery.media.old.append(old)
        return True

    recovery.operator.answers["insert:old"] = put_in
    assert recovery.hold() is ExitCode.DONE


def test_without_an_old_volume_or_a_backup_on_it_nothing_is_opened():
    genesis = held()
    stops(after(genesis, old=[]), StorageError, "the old volume: is not here")
    stops(after(genesis, old=[FakeVolume(fake_identity("empty"))]), StorageError, "holds no backup of another ceremony")


def test_of_two_ceremonies_on_one_volume_people_choose_one():
    genesis = held()
    first = after(genesis)
    first.hold()
    both = FakeVolume(fake_identity("both"), {**genesis.media.volumes["a"].files, **first.media.volumes["a"].files})
    recovery = after(genesis, old=[both], ceremony=LATEST)
    recovery.operator.answers["old-ceremony"] = OLD
    assert recovery.hold() is ExitCode.DONE
    options = recovery.operator.question("old-ceremony").options
    wanted = [(OLD, "acme-root"), (f"ceremony-{LATER}", "acme-recovery")]
    assert [(option.key, option.label.split(",")[0]) for option in options] == wanted


def test_a_folder_that_has_the_log_of_another_ceremony_is_refused():
    (old,) = old_volumes(held())
    files = {path.replace(OLD, f"ceremony-{'dd' * 16}"): data for path, data in old.files.items()}
    recovery = after(held(), old=[FakeVolume(fake_identity("x"), files)])
    stops(recovery, VerificationError, f"is the log of ceremony {CEREMONY}")
