# SPDX-License-Identifier: Apache-2.0
"""verify.sh: every shell and awk, only the programs that it names, how it is called, and that it leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ceremony.core import bundle
from tests.peers.verify_sh import AWKS, PROGRAMS, SCRIPT, SHELLS, path_with, real, snapshot, verdict, verify, written
from tests.report import sealed
from tests.report.sealed import Sealed, head

VERIFIED, FAILED, USAGE, INCOMPLETE = 0, 1, 2, 3


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that verifies, which no test changes."""
    return written(Sealed().build(), tmp_path_factory.mktemp("good") / "ceremony")


def test_the_script_is_clean_to_shellcheck():
    done = subprocess.run([real("shellcheck"), "-s", "sh", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_the_script_names_no_ceremony_and_evaluates_nothing():
    text = SCRIPT.read_text()
    assert text.startswith("#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n")
    assert text.isascii()
    assert "eval " not in text


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("awk", AWKS)
def test_every_shell_and_awk_says_the_same_with_the_named_programs_alone(good, shell, awk):
    found = verify(good, shell=SHELLS[shell], path=path_with(awk))
    assert found.err == ""  # a program that is not among them would be missed here
    assert (found.code, found.lines[-1]) == (VERIFIED, "VERIFIED (PRACTICE)")
    assert found.out == verify(good).out


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_sees_what_failed_and_what_is_missing(tmp_path, shell):
    files = Sealed("production").build()
    folder = written(files, tmp_path / "ceremony")
    assert verify(folder, shell=SHELLS[shell], path=path_with("busybox")).code == INCOMPLETE
    (folder / "README.txt").write_bytes(b"other")
    found = verify(folder, shell=SHELLS[shell], path=path_with("gawk"))
    assert (found.code, found.err) == (FAILED, "")
    assert found.lines[0] == "FAILED      README.txt: is not the file that was recorded"
    assert found.lines[-1] == "FAILED (PRODUCTION)"


def test_what_failed_comes_first_then_what_is_missing(tmp_path):
    files = Sealed("production").build()
    del files["MANIFEST.sha256"]
    found = verdict({**files, "a.txt": b""})
    levels = [line.split()[0] for line in found.lines[:-1]]
    assert levels == sorted(levels, key=["FAILED", "INCOMPLETE", "OK"].index)
    assert set(levels) == {"FAILED", "INCOMPLETE", "OK"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_program_is_named_in_a_line(good, program):
    found = verify(good, path=path_with(missing=program))
    assert (found.code, found.out) == (USAGE, "")
    assert found.err == f"verify.sh: {program} is not installed on this computer; it is needed to verify a folder\n"


def test_an_old_jq_is_refused(good, tmp_path):
    for program in PROGRAMS:
        if program != "jq":
            (tmp_path / program).symlink_to(real(program))
    (tmp_path / "jq").write_text("#!/bin/sh\necho jq-1.5-1-a5b5cbe\n")
    (tmp_path / "jq").chmod(0o755)
    (tmp_path / "sh").symlink_to(real("dash"))
    found = verify(good, path=str(tmp_path))
    assert (found.code, found.err) == (USAGE, "verify.sh: jq 1.6 or later is needed; this one is older\n")


@pytest.mark.parametrize("arguments", [["-x"], ["-s"], ["--json"], ["one"]], ids=" ".join)
def test_wrong_usage_is_told(good, arguments):
    found = verify(good, *arguments)
    assert (found.code, found.out) == (USAGE, "")
    assert found.err.endswith(("usage: sh verify.sh [-s SIGNERS] [DIR]\n", f"verify.sh: {good} is not a file\n"))


def test_a_folder_or_signers_that_are_not_there_are_told(good, tmp_path):
    assert verify(tmp_path / "none").err == f"verify.sh: {tmp_path}/none is not a folder; of a tar, unpack it first\n"
    assert verify(SCRIPT).code == USAGE
    found = verify(good, "-s", tmp_path / "none")
    assert (found.code, found.err) == (USAGE, f"verify.sh: {tmp_path}/none is not a file\n")
    found = verify(good, env={"TMPDIR": str(tmp_path / "none")})
    assert found.code == USAGE
    assert found.err.endswith("verify.sh: there is no place for temporary files\n")


def test_the_folder_is_the_one_you_are_in_unless_you_name_another(good, tmp_path):
    assert verify("", cwd=good).code == USAGE  # an empty name is no folder
    done = subprocess.run(
        [real("dash"), SCRIPT], cwd=good, env={"PATH": path_with()}, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == VERIFIED
    for name in ("-x", "-", "a b", "*"):
        (tmp_path / name).symlink_to(good)
        assert verify(name, "--", cwd=tmp_path).code == VERIFIED, name


def test_signers_are_named_from_where_you_are(tmp_path):
    made = Sealed("production")
    written(made.build(), tmp_path / "ceremony")
    (tmp_path / "-signers").write_bytes(made.signers())
    found = verify("ceremony", "-s", "-signers", cwd=tmp_path)
    assert (found.code, found.lines[-1]) == (VERIFIED, "VERIFIED (PRODUCTION)")


def test_nothing_is_written_but_a_temporary_folder_that_is_gone_afterwards(tmp_path):
    folder = written(Sealed().build(), tmp_path / "ceremony")
    (tmp_path / "temp orary").mkdir()
    before, of_folder = snapshot(tmp_path), snapshot(folder)
    for place in (tmp_path / "temp orary", Path("temp orary")):
        assert verify(folder, cwd=tmp_path, env={"TMPDIR": str(place)}).code == VERIFIED
        assert {name: state[3] for name, state in snapshot(tmp_path).items()} == {
            name: state[3] for name, state in before.items()
        }
        assert snapshot(folder) == of_folder


@pytest.mark.parametrize("when", [0.05, 0.3])
def test_an_interrupted_run_leaves_nothing_and_says_no_verdict(good, tmp_path, when):
    run = subprocess.Popen(
        [real("dash"), SCRIPT, good], env={"PATH": path_with(), "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, process_group=0
    )
    time.sleep(when)
    os.killpg(run.pid, 15)
    out = run.communicate(timeout=60)[0]
    assert run.returncode != VERIFIED
    assert b"VERIFIED" not in out
    assert list(tmp_path.iterdir()) == []


def test_the_surroundings_change_nothing(good):
    env = {
        "LC_ALL": "tr_TR.UTF-8",
        "IFS": "e/",
        "CDPATH": "/",
        "POSIXLY_CORRECT": "1",
        "TZ": "Asia/Tokyo",
        "t": "/etc",
        "closed": "0",
    }
    assert verify(good, env=env).out == verify(good).out


def test_a_full_disk_is_no_verdict(good, tmp_path):
    """A temporary folder that takes nothing more: something is missed, and that is said."""
    limited = [real("bash"), "-c", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "limited", real("dash"), str(SCRIPT)]
    files = Sealed().build(before=lambda r, _: r.extend({"kind": "check", "body": {"saw": "x" * 200}} for _ in range(20)))
    folder = written(files, tmp_path / "ceremony")
    env = {"PATH": path_with(), "TMPDIR": tempfile.gettempdir()}
    done = subprocess.run([*limited, str(folder)], env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode in (FAILED, USAGE)
    assert b"VERIFIED" not in done.stdout


# --- numbers ----------------------------------------------------------------------


def test_the_tree_of_every_number_of_records_is_that_of_rfc_6962():
    files = Sealed().build(
        before=lambda r, _: r.extend({"kind": "check", "body": {"saw": f"é {n}"}} for n in range(21)), close=lambda r, _: r.pop()
    )
    rows = files["ceremony.jsonl"].splitlines(keepends=True)
    for count in range(1, len(rows) + 1):
        files[f"heads/{100 + count:04}.txt"] = head(b"".join(rows[:count]))
    assert len(rows) == 33
    found = verdict(files)
    states = [line for line in found.having("OK") if line.startswith("heads/01")]
    assert states == [f"heads/{100 + count:04}.txt: states the first {count} records" for count in range(1, len(rows) + 1)]


def test_a_long_log_is_verified():
    said = {"name": "a check", "saw": 'ü " \\ x', "hint": ""}
    files = Sealed().build(before=lambda records, _: records.extend({"kind": "check", "body": said} for _ in range(1000)))
    found = verdict(files)
    assert found.code == VERIFIED, found.out


# --- the root -------------------------------------------------------------------------


class OtherRoot(Sealed):
    """A ceremony whose root key is of another algorithm."""

    def root_signature(self, message: bytes) -> tuple[bytes, bytes]:
        if isinstance(self.root, rsa.RSAPrivateKey):
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            return (self.root.sign(message, pss, hashes.SHA256()),) * 2
        if isinstance(self.root, ed25519.Ed25519PrivateKey):
            return (self.root.sign(message),) * 2
        made = self.root.sign(message, ec.ECDSA(hashes.SHA256()))
        size = self.root.key_size // 8
        return b"".join(number.to_bytes(size) for number in decode_dss_signature(made)), made


@pytest.mark.parametrize(
    ("root", "code"),
    [
        pytest.param(ec.generate_private_key(ec.SECP384R1()), VERIFIED, id="ecdsa-p384"),
        pytest.param(rsa.generate_private_key(65537, 3072), VERIFIED, id="rsa-3072"),
        pytest.param(rsa.generate_private_key(65537, 4096), VERIFIED, id="rsa-4096"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), VERIFIED, id="ed25519"),
        pytest.param(rsa.generate_private_key(65537, 2048), FAILED, id="rsa-2048"),
        pytest.param(ec.generate_private_key(ec.SECP256K1()), FAILED, id="another curve"),
    ],
)
def test_root_keys_of_these_algorithms_are_taken_and_no_others(root, code):
    found = verdict(OtherRoot(root=root).build())
    assert found.code == code, found.out
    assert code == VERIFIED or found.having("FAILED") == ["ceremony.jsonl: names a root key that cannot be read"]


def test_a_root_that_signed_with_another_padding_fails():
    class Old(OtherRoot):
        def root_signature(self, message: bytes) -> tuple[bytes, bytes]:
            return (self.root.sign(message, padding.PKCS1v15(), hashes.SHA256()),) * 2

    found = verdict(Old(root=rsa.generate_private_key(65537, 3072)).build())
    assert [line.endswith("does not hold") for line in found.having("FAILED")] == [True]


def test_numbers_of_every_length_are_written_as_openssl_takes_them():
    """Halves of a signature with zeros in front, and with the highest bit set: about one in four has either."""
    assert [verdict(Sealed().build()).code for _ in range(6)] == [VERIFIED] * 6


@pytest.mark.parametrize("serial", ["A serial/1", "-x", "é\\"])
def test_a_serial_that_no_path_takes_has_a_name_like_a_person(monkeypatch, serial):
    monkeypatch.setattr(sealed, "SERIAL", serial)
    monkeypatch.setattr(sealed, "TOKENS", f"evidence/tokens/{bundle.safe(serial)}")
    found = verdict(Sealed().build())
    assert found.code == VERIFIED, found.out
