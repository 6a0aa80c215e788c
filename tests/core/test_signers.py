# SPDX-License-Identifier: Apache-2.0
"""Signers: which lines are taken, and that ssh-keygen takes whatever we take."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceremony.core.bundle import slug
from ceremony.core.cosign import parse_public_key
from ceremony.core.signers import MAX_SIGNERS, Signers, parse
from ceremony.errors import VerificationError
from tests.fakes.plans import ssh

ADA = slug("Ada Example")
AT = datetime(2026, 11, 19, 9, 14, 2, 120331, tzinfo=UTC)
MESSAGE = b"ceremony-head/v1\norigin: test\n"


@dataclass(frozen=True)
class Signed:
    """A key of the real program, another one, and what the first signed."""

    folder: Path
    line: str
    other: str

    def taken_by_ssh_keygen(self, data: bytes, at: datetime = AT) -> bool:
        """Tell whether the real program takes the signature of ADA, by a file with these bytes, in UTC."""
        (self.folder / "allowed").write_bytes(data)
        command = [
            "ssh-keygen", "-Y", "verify", "-n", "ceremony-head", "-I", ADA, "-f", str(self.folder / "allowed"),
            "-s", str(self.folder / "sig"), f"-Overify-time={at:%Y%m%d%H%M%S}",
        ]  # fmt: skip
        done = subprocess.run(command, input=MESSAGE, capture_output=True, check=False, env={**os.environ, "TZ": "UTC"})
        return done.returncode == 0

    def fill(self, line: str) -> bytes:
        return line.replace("ADA", ADA).replace("KEY", self.line).replace("OTHER", self.other).encode("utf-8", "surrogateescape")

    def taken(self, data: bytes, at: datetime = AT) -> bool:
        return parse(data).takes(ADA, parse_public_key(self.line), at)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("signers")
    for name in ("ada", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-q", "-n", "ceremony-head", "-f", folder / "ada"],
        input=MESSAGE,
        capture_output=True,
        check=True,
    )
    (folder / "sig").write_bytes(done.stdout)
    return Signed(folder, *((folder / f"{name}.pub").read_text().strip() for name in ("ada", "other")))


# --- what is taken ------------------------------------------------------------

TAKEN = [
    pytest.param("ADA KEY", id="no option, no newline"),
    pytest.param("ADA KEY\n", id="no option"),
    pytest.param("ADA KEY Ada Example, of Acme\n", id="a comment"),
    pytest.param("ADA KEY \n", id="an empty comment"),
    pytest.param("# keys of 2026\n\nADA KEY\n\n", id="lines that say nothing"),
    pytest.param("#\n#ADA KEY\nADA KEY\n", id="a line that was commented out"),
    pytest.param("sofia,ADA,wim@example.com KEY\n", id="several names"),
    pytest.param("ADA OTHER\nADA KEY\n", id="a second line takes it"),
    pytest.param("ADA KEY\nADA OTHER\n", id="the first line takes it"),
    pytest.param('ADA namespaces="ceremony-head" KEY\n', id="its namespace"),
    pytest.param('ADA namespaces="git,ceremony-head,file" KEY\n', id="its namespace among others"),
    pytest.param('ADA valid-after="20261119Z" KEY\n', id="from that day on"),
    pytest.param('ADA valid-after="202611190914Z" KEY\n', id="from that minute on"),
    pytest.param('ADA valid-after="20261119091402Z" KEY\n', id="from that second on"),
    pytest.param('ADA valid-before="20261119091402Z" KEY\n', id="to that second"),
    pytest.param('ADA valid-before="202611190915Z" KEY\n', id="to the next minute"),
    pytest.param('ADA valid-before="99991231235959Z" KEY\n', id="for ever"),
    pytest.param('ADA valid-after="19700102Z",valid-before="20270101Z" KEY\n', id="between"),
    pytest.param('ADA valid-before="20270101Z",namespaces="ceremony-head",valid-after="20260101Z" KEY c\n', id="in any order"),
    pytest.param('ADA valid-before="20260101Z" KEY\nADA KEY\n', id="one line is over, another is not"),
]


@pytest.mark.parametrize("line", TAKEN)
def test_takes_a_line_that_ssh_keygen_takes(signed, line):
    data = signed.fill(line)
    assert signed.taken(data)
    assert signed.taken_by_ssh_keygen(data)


# --- what is read, and does not list the person with the key now -----------------

NOT_LISTED = [
    pytest.param("", id="nothing"),
    pytest.param("\n# ADA KEY\n", id="only a remark"),
    pytest.param("sofia KEY\n", id="somebody else"),
    pytest.param("ADA OTHER\n", id="another key"),
    pytest.param(f"{ADA.upper()} KEY\n", id="in capitals"),
    pytest.param("sofia KEY\nADA OTHER\n", id="name and key on two lines"),
    pytest.param('ADA valid-after="20261119091403Z" KEY\n', id="a second too early"),
    pytest.param('ADA valid-before="20261119091401Z" KEY\n', id="a second too late"),
    pytest.param('ADA valid-before="20261119Z" KEY\n', id="to the day before"),
    pytest.param('ADA valid-after="20261120Z",valid-before="20261121Z" KEY\n', id="not yet"),
]


@pytest.mark.parametrize("line", NOT_LISTED)
def test_does_not_take_who_is_not_listed_with_the_key_at_that_time(signed, line):
    data = signed.fill(line)
    assert not signed.taken(data)
    assert not signed.taken_by_ssh_keygen(data)


def test_the_fraction_of_a_second_does_not_count(signed):
    for bound in ("after", "before"):
        data = signed.fill(f'ADA valid-{bound}="20261119091402Z" KEY\n')
        assert all(signed.taken(data, AT.replace(microsecond=fraction)) for fraction in (0, 1, 999_999))


def test_tells_who_is_listed_and_with_which_keys(signed):
    key, other = parse_public_key(signed.line), parse_public_key(signed.other)
    found = parse(signed.fill('# x\nADA,sofia valid-before="20200101Z" KEY\nwim OTHER\n'))
    assert [(line.number, sorted(line.names)) for line in found.lines] == [(2, [ADA, "sofia"]), (3, ["wim"])]
    assert [found.lists(name) for name in (ADA, "sofia", "wim", "ada")] == [True, True, True, False]
    assert found.lists_key(ADA, key)
    assert not found.lists_key(ADA, other)
    assert not found.lists_key("wim", key)
    assert not found.takes(ADA, key, AT)
    assert found.takes(ADA, key, datetime(2019, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("kind", [11, 12, 13])
def test_a_comment_does_not_tell_keys_apart(kind):
    assert parse(f"ada {ssh(kind)} one\n".encode()).lists_key("ada", parse_public_key(f"{ssh(kind)} two"))


# --- what is refused ------------------------------------------------------------

CHARACTERS = "holds something else than printable ASCII"
NAMES = "does not begin with names of signature files"
OPTION = "is neither a type of key nor an option of namespaces, valid-after, valid-before"
TIME = "is not a time such as 20261119Z or 202611190914Z, in UTC"
REFUSED = [
    pytest.param("ADA KEY\r\n", CHARACTERS, id="CRLF"),
    pytest.param("# x\r\nADA KEY\n", CHARACTERS, id="CRLF in a remark"),
    pytest.param("\ufeffADA KEY\n", CHARACTERS, id="a byte order mark"),
    pytest.param("ADA\tKEY\n", CHARACTERS, id="a tab"),
    pytest.param("ADA KEY Zo\u00eb\n", CHARACTERS, id="a comment that is not ASCII"),
    pytest.param("# Zo\u00eb\nADA KEY\n", CHARACTERS, id="a remark that is not ASCII"),
    pytest.param("ADA KEY \udcff\n", CHARACTERS, id="not UTF-8"),
    pytest.param("ADA KEY\x00\n", CHARACTERS, id="NUL"),
    pytest.param("ADA KEY \x1b[2J\n", CHARACTERS, id="an escape"),
    pytest.param("ADA KEY \x7f\n", CHARACTERS, id="DEL"),
    pytest.param("\u212aDA KEY\n", CHARACTERS, id="the Kelvin sign"),
    pytest.param(" ADA KEY\n", NAMES, id="a blank first"),
    pytest.param(" \n", NAMES, id="only a blank"),
    pytest.param(" # x\n", NAMES, id="a remark after a blank"),
    pytest.param("* KEY\n", NAMES, id="everybody"),
    pytest.param("ada-* KEY\n", NAMES, id="a pattern"),
    pytest.param("ada-? KEY\n", NAMES, id="another pattern"),
    pytest.param("*,!wim KEY\n", NAMES, id="everybody but one"),
    pytest.param('"ADA" KEY\n', NAMES, id="a name in quotes"),
    pytest.param("ADA,,wim KEY\n", NAMES, id="an empty name"),
    pytest.param("ADA, KEY\n", NAMES, id="a comma last"),
    pytest.param(f"ADA,{'a' * 256} KEY\n", NAMES, id="a name that is too long"),
    pytest.param("ADA\n", OPTION, id="only a name"),
    pytest.param("KEY\n", OPTION, id="only a key"),
    pytest.param("ADA  KEY\n", OPTION, id="two blanks after the name"),
    pytest.param('ADA namespaces="ceremony-head"  KEY\n', "more than one blank", id="two blanks after the options"),
    pytest.param("ADA cert-authority KEY\n", OPTION, id="an authority"),
    pytest.param('ADA namespaces="ceremony-head",cert-authority KEY\n', OPTION, id="an authority, second"),
    pytest.param("ADA verify-required KEY\n", OPTION, id="an unknown flag"),
    pytest.param('ADA principals="x" KEY\n', OPTION, id="an unknown option"),
    pytest.param('ADA Namespaces="ceremony-head" KEY\n', OPTION, id="an option in capitals"),
    pytest.param("ADA namespaces KEY\n", OPTION, id="an option without a value"),
    pytest.param("ADA namespaces=ceremony-head KEY\n", OPTION, id="a value without quotes"),
    pytest.param('ADA namespaces="ceremony-head KEY\n', OPTION, id="quotes that stay open"),
    pytest.param('ADA namespaces="ceremony-head", KEY\n', OPTION, id="options that end in a comma"),
    pytest.param('ADA namespaces="ceremony-head"valid-after="20260101Z" KEY\n', OPTION, id="no comma between"),
    pytest.param('ADA namespaces="ceremony-head", valid-after="20260101Z" KEY\n', OPTION, id="a blank between options"),
    pytest.param('ADA namespaces="ceremony-head",namespaces="ceremony-head" KEY\n', "names namespaces twice", id="namespaces twice"),
    pytest.param('ADA valid-after="20260101Z",valid-after="20260101Z" KEY\n', "names valid-after twice", id="valid-after twice"),
    pytest.param('ADA namespaces="git" KEY\n', "do not name ceremony-head", id="another namespace"),
    pytest.param('ADA namespaces="" KEY\n', "not plain names", id="no namespace"),
    pytest.param('ADA namespaces="*" KEY\n', "not plain names", id="any namespace"),
    pytest.param('ADA namespaces="ceremony-*" KEY\n', "not plain names", id="a pattern of namespaces"),
    pytest.param('ADA namespaces="!git,ceremony-head" KEY\n', "not plain names", id="a namespace but"),
    pytest.param('ADA namespaces="ceremony-head\\"" KEY\n', OPTION, id="an escaped quote"),
    pytest.param('ADA valid-after="20261119" KEY\n', TIME, id="a day in local time"),
    pytest.param('ADA valid-after="202611190914" KEY\n', TIME, id="a minute in local time"),
    pytest.param('ADA valid-after="20261119UTC" KEY\n', TIME, id="UTC in letters"),
    pytest.param('ADA valid-after="20261119z" KEY\n', TIME, id="a small z"),
    pytest.param('ADA valid-after="2026-11-19Z" KEY\n', TIME, id="dashes"),
    pytest.param('ADA valid-after="" KEY\n', TIME, id="no time"),
    pytest.param('ADA valid-after="2026111909Z" KEY\n', TIME, id="hours alone"),
    pytest.param('ADA valid-after="20260631Z" KEY\n', TIME, id="the 31st of June"),
    pytest.param('ADA valid-after="00000101Z" KEY\n', TIME, id="the year 0"),
    pytest.param('ADA valid-after="19691231Z" KEY\n', TIME, id="before all seconds"),
    pytest.param('ADA valid-after="19700101Z" KEY\n', TIME, id="no seconds"),
    pytest.param('ADA valid-before="202611192400Z" KEY\n', TIME, id="24 o'clock"),
    pytest.param('ADA valid-before="20261119091460Z" KEY\n', TIME, id="a leap second"),
    pytest.param('ADA valid-after="20270101Z",valid-before="20260101Z" KEY\n', "not later than", id="the wrong way round"),
    pytest.param('ADA valid-after="20260101Z",valid-before="20260101Z" KEY\n', "not later than", id="no time between"),
    pytest.param("ADA ssh-ed25519\n", "is not an OpenSSH public key", id="no base64"),
    pytest.param("ADA ssh-ed25519 AAAA\n", "its fields do not make one", id="no key"),
    pytest.param("ADA ssh-ed25519 !!!!\n", "its base64 is damaged", id="no base64 at all"),
    pytest.param("ADA ssh-dss AAAA\n", OPTION, id="DSA"),
    pytest.param("ADA ssh-ed25519-cert-v01@openssh.com AAAA\n", OPTION, id="a certificate"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), REFUSED)
def test_refuses_any_other_line_and_says_which(signed, line, said):
    with pytest.raises(VerificationError, match=r"^my keys, line [0-9]+: ") as refused:
        parse(signed.fill(line), "my keys")
    assert said in refused.value.message


def test_names_the_line_and_what_to_write(signed):
    with pytest.raises(VerificationError, match=r"^signers, line 3: ") as refused:
        parse(signed.fill("# x\nADA KEY\n* KEY\n"))
    assert "NAME [OPTIONS] TYPE BASE64 [COMMENT]" in refused.value.hint


def test_refuses_a_file_that_is_too_long():
    assert parse(b"#" * MAX_SIGNERS) == Signers(())
    with pytest.raises(VerificationError, match="is longer than the 1048576 bytes that are read"):
        parse(b"#" * (MAX_SIGNERS + 1))


# --- narrower, never wider --------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("ADA", "KEY", "OTHER", "wim", ",", " ", "\n", "#", "*", "!", '"', "\\", "\t", "\r", "=", "Z", "x"),
        *('namespaces="ceremony-head"', 'namespaces="git"', "cert-authority", "valid-after=", "valid-before="),
        *('"20260101Z"', '"20261119091402Z"', '"20270101Z"', '"19700101Z"', '"20261119"', "ssh-ed25519"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    options=st.lists(st.sampled_from(["", "*", ",", '"', "Z", "\\", "\t"]) | PIECES, max_size=3),
    where=st.sampled_from(["{} ADA KEY\n", "ADA{} KEY\n", "ADA {} KEY\n", 'ADA valid-after="20260101Z"{} KEY\n', "ADA KEY{}\n", "ADA KEY\n{}"]),
)  # fmt: skip
def test_ssh_keygen_takes_whatever_is_taken(signed, options, where):
    data = signed.fill(where.replace("{}", "".join(options)))
    try:
        taken = signed.taken(data)
    except VerificationError:
        return
    assert signed.taken_by_ssh_keygen(data) == taken
