# SPDX-License-Identifier: Apache-2.0
"""Proof files: a record is proven to strangers, and no other text is taken for a proof."""

from __future__ import annotations

import json
import random
from functools import lru_cache

import pytest

from ceremony.core import canonical, redacted
from ceremony.core.audit import audit
from ceremony.core.audit.proofs import MAX_PROOF, NoHead, audit_proof, parse, prove_record
from ceremony.core.bundle import LOG, MANIFEST, README, slug
from ceremony.core.plan import Mode
from ceremony.core.signers import parse as parse_signers
from ceremony.errors import CeremonyError, ExitCode, StorageError, VerificationError
from tests.core.audit.public_copies import copy, judged, people, signers
from tests.core.audit.test_redacted import texts, withheld
from tests.core.audit.test_signed_logs import held
from tests.core.audit.test_tampering import fast_seal
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]

SEED = 20261119


def whole():
    return held(Mode.PRACTICE)


@lru_cache
def folder():
    return audit(FakeFolder(files=whole()))


def proof_of(seq: int = 7) -> bytes:
    return prove_record(folder(), seq).text()


def changed(**members) -> bytes:
    """Return a proof with other members; None takes one away."""
    value = {**json.loads(proof_of()), **members}
    return canonical.encode({name: member for name, member in value.items() if member is not None}) + b"\n"


def test_every_record_is_proven_and_the_proof_is_one_line_of_canonical_json():
    lines = whole()[LOG].splitlines()
    for seq, line in enumerate(lines):
        data = proof_of(seq)
        assert (data.count(b"\n"), canonical.encode(json.loads(data)) + b"\n") == (1, data)
        value = json.loads(data)
        assert (value["record"].encode(), value["seq"]) == (line, seq)
        assert audit_proof(data, signers()).verdict is ExitCode.DONE


def test_a_proof_holds_the_last_head_and_every_signature_over_it():
    value = json.loads(proof_of())
    number = value["number"]
    assert "".join(f"{line}\n" for line in value["head"]).encode() == whole()[f"heads/{number:04}.txt"]
    assert max(path for path in whole() if path.startswith("heads/") and path.endswith(".txt")) == f"heads/{number:04}.txt"
    made = {
        f"heads/{number:04}.{name}.sig": "".join(f"{line}\n" for line in lines) for name, lines in value["signatures"].items()
    }
    assert made == {path: data.decode() for path, data in whole().items() if path.startswith("heads/") and path.endswith(".sig")}
    assert parse(proof_of()) == prove_record(folder(), 7)


def test_a_proof_cannot_vouch_for_itself():
    result = audit_proof(proof_of())
    assert result.verdict is ExitCode.INCOMPLETE
    assert "OK record 7: is in the log whose first" in texts(result)
    assert "INCOMPLETE signers: it cannot vouch for itself" in texts(result)


def test_not_even_the_proof_of_the_first_record_of_a_practice_vouches_for_itself():
    assert audit_proof(proof_of(0)).verdict is ExitCode.INCOMPLETE
    assert audit_proof(proof_of(0), signers()).verdict is ExitCode.DONE


@pytest.mark.parametrize(
    ("brought", "verdict", "said"),
    [
        pytest.param(["Ada"], ExitCode.DONE, "the signers do not list this person, so it does not count", id="one of three"),
        pytest.param([], ExitCode.INCOMPLETE, "nobody whom they list signed its head", id="nobody"),
    ],
)
def test_signatures_count_by_the_signers(brought, verdict, said):
    result = audit_proof(proof_of(), signers(brought))
    assert result.verdict is verdict
    assert said in texts(result)


def test_a_signer_with_another_key_fails():
    brought = parse_signers(f"{slug('Ada')} {people()['Wim']}\n".encode())
    assert "was made by another key than those that the signers list" in texts(audit_proof(proof_of(), brought))


def test_the_times_of_a_key_are_judged_by_the_record():
    late = signers(options='valid-after="20990101Z" ')
    assert audit_proof(proof_of(), late).verdict is ExitCode.INCOMPLETE
    assert audit_proof(proof_of(), signers(options='valid-after="20260101Z" ')).verdict is ExitCode.DONE


# --- where there is nothing to prove ----------------------------------------------------


def test_a_folder_that_failed_proves_nothing():
    with pytest.raises(CeremonyError, match="the folder does not verify, so it proves nothing") as caught:
        prove_record(audit(FakeFolder(files={**whole(), README: b"changed"})), 7)
    assert caught.value.exit_code is ExitCode.FAILED


def test_a_record_that_is_not_there_is_not_proven():
    count = whole()[LOG].count(b"\n")
    with pytest.raises(CeremonyError, match=f"there is no record {count}") as caught:
        prove_record(folder(), count)
    assert caught.value.hint == f"the log has records 0 to {count - 1}"


def unfinished(heads: int):
    """Return an unfinished ceremony as it was when it had stated so many heads, and gone on for a record."""
    lines = whole()[LOG].splitlines(keepends=True)
    at = [seq for seq, line in enumerate(lines) if heads and f'"heads/{heads:04}.txt"'.encode() in line]
    log = b"".join(lines[: at[0] + 1 if at else 6])
    recorded = {path for line in log.splitlines() for path in json.loads(line)["body"].get("files", {})}
    return audit(FakeFolder(files={LOG: log + b"torn", **{path: whole()[path] for path in recorded if path in whole()}}))


def test_an_unfinished_ceremony_proves_what_its_highest_head_covers():
    a = unfinished(2)
    assert a.verdict is ExitCode.INCOMPLETE
    proof = prove_record(a, 7)
    assert (proof.number, proof.signatures) == (2, {})
    assert audit_proof(proof.text(), signers()).verdict is ExitCode.INCOMPLETE
    with pytest.raises(NoHead, match="no head covers record") as caught:
        prove_record(a, len(a.found.records) - 1)
    assert caught.value.exit_code is ExitCode.INCOMPLETE


def test_a_ceremony_without_a_head_proves_nothing_yet():
    with pytest.raises(NoHead, match="no head covers record 3 yet"):
        prove_record(unfinished(0), 3)


def test_a_folder_without_its_manifest_still_proves():
    a = audit(FakeFolder(files={path: data for path, data in whole().items() if path != MANIFEST}))
    assert (a.verdict, prove_record(a, 7).text()) == (ExitCode.INCOMPLETE, proof_of())


def test_a_public_copy_proves_what_it_shows_as_the_folder_does():
    a = judged(copy("Ada"), signers())
    lines = copy("Ada")[redacted.LOG].splitlines(keepends=True)
    for seq, line in enumerate(lines):
        if withheld(line):
            with pytest.raises(CeremonyError, match=f"record {seq} is withheld in this copy"):
                prove_record(a, seq)
            continue
        proof = prove_record(a, seq)
        assert (proof.path, proof.head) == (prove_record(folder(), seq).path, prove_record(folder(), seq).head)
        assert set(proof.signatures) == {slug("Ada")}
        assert audit_proof(proof.text(), signers()).verdict is ExitCode.DONE


# --- what is no proof --------------------------------------------------------------------


def verdict(data: bytes) -> ExitCode:
    try:
        return audit_proof(data, signers()).verdict
    except VerificationError as error:
        return error.exit_code


def test_no_flipped_bit_is_accepted():
    data, chance = proof_of(), random.Random(SEED)
    number = data.index(b'"number":') + len(b'"number":')  # nobody signs how the folder numbers its heads
    start = data.index(b'"signatures":')
    names = {
        data.index(name.encode(), start) + i for name in json.loads(data)["signatures"] for i in range(len(name))
    }  # see below
    for at in chance.sample(range(len(data)), 400):
        flipped = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        assert at == number or at in names or verdict(flipped) is ExitCode.FAILED, at


def test_a_signature_under_another_name_counts_for_nobody():
    value = json.loads(proof_of())
    renamed = {name.replace("ada", "adam"): lines for name, lines in value["signatures"].items()}
    result = audit_proof(changed(signatures=renamed), signers(["Ada"]))
    assert result.verdict is ExitCode.INCOMPLETE
    swapped = dict(zip(value["signatures"], reversed(value["signatures"].values()), strict=True))
    assert audit_proof(changed(signatures=swapped), signers()).verdict is ExitCode.FAILED


@pytest.mark.parametrize(
    ("members", "said"),
    [
        pytest.param({"proof": "ceremony-proof/v2"}, "does not have the members of a ceremony-proof/v1", id="another form"),
        pytest.param({"path": None}, "does not have the members", id="no path"),
        pytest.param({"more": 1}, "does not have the members", id="more"),
        pytest.param({"record": 7}, "has a member of the wrong type", id="a record that is a number"),
        pytest.param({"signatures": []}, "has a member of the wrong type", id="signatures that are a list"),
        pytest.param({"signatures": {"x": "y"}}, "a text where a list of texts should be", id="a signature that is a text"),
        pytest.param({"signatures": {"../x": []}}, "under a name that no person can have", id="a name that leads elsewhere"),
        pytest.param({"seq": -1}, "its seq is not a number from 0", id="before the first record"),
        pytest.param({"seq": True}, "its seq is not a number", id="a seq that is true"),
        pytest.param({"seq": "7"}, "its seq is not a number", id="a seq that is a text"),
        pytest.param({"number": 10000}, "its number is not a number from 0 to 9999", id="a head that no folder has"),
        pytest.param({"head": "x"}, "a text where a list of texts should be", id="a head that is a text"),
        pytest.param({"path": [7]}, "a list with something else than text", id="a path of numbers"),
        pytest.param({"head": ["x"]}, "is not a ceremony-head/v1 statement", id="no head"),
        pytest.param({"record": "{}"}, "does not have the members of a version 1 record", id="no record"),
    ],
)
def test_what_is_no_proof_is_refused(members, said):
    with pytest.raises(VerificationError, match=said):
        audit_proof(changed(**members))


def test_what_is_too_long_or_no_json_is_refused():
    with pytest.raises(VerificationError, match="longer than the 1048576 bytes"):
        parse(b"{" * (MAX_PROOF + 1))
    with pytest.raises(VerificationError, match="is not the JSON that was expected"):
        parse(b"{\n")


def test_a_record_of_another_number_or_ceremony_fails():
    assert "says that it is record 7" in texts(audit_proof(changed(seq=8)))
    head = [line.replace("ceremony/c0", "ceremony/0c") for line in json.loads(proof_of())["head"]]
    assert "is of another ceremony than the head" in texts(audit_proof(changed(head=head)))


def test_a_path_of_another_record_fails():
    result = audit_proof(changed(path=json.loads(proof_of(8))["path"]), signers())
    assert result.verdict is ExitCode.FAILED
    assert "its path does not lead to the root" in texts(result)


def test_a_last_record_that_the_head_does_not_name_last_fails():
    last = whole()[LOG].count(b"\n") - 1
    value = json.loads(proof_of(last))
    value["head"] = [line if not line.startswith("chain") else f"chain: {'7' * 64}" for line in value["head"]]
    assert "is not the line that the head names last" in texts(audit_proof(canonical.encode(value)))


def test_a_signature_that_was_taken_from_another_head_fails():
    other = json.loads(prove_record(audit(FakeFolder(files=held(Mode.PRODUCTION))), 7).text())
    result = audit_proof(changed(signatures=other["signatures"]))
    assert result.verdict is ExitCode.FAILED
    assert "does not verify with" in texts(result)


def test_a_proof_holds_no_other_files():
    a = audit_proof(proof_of())
    assert {path.partition("/")[0] for path in a.folder.names()} == {"heads"}
    with pytest.raises(StorageError, match=r"proof: holds no ceremony\.jsonl"):
        a.folder.read(LOG)
