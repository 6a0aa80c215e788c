# SPDX-License-Identifier: Apache-2.0
"""What a Notary client refuses of a whole file: its signatures, its form, and any changed byte."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ceremony.core.dialects import notary_client
from ceremony.errors import VerificationError
from tests.core.dialects.forged import (
    ANOTHER,
    GOOD,
    GUN,
    NOW,
    ROOT,
    SERVER,
    Change,
    assert_refused,
    check,
    good_root,
    key_id,
    member,
    signed,
    tampered,
    write,
)

# --- signatures ---------------------------------------------------------------


def _signature(name: str, to: object) -> Change:
    return member("signatures", 0, name, to=to)


def _flip(whole: Any) -> None:
    value = bytearray(base64.b64decode(whole["signatures"][0]["sig"]))
    value[-1] ^= 1
    whole["signatures"][0]["sig"] = base64.b64encode(value).decode()


def _left_over(whole: Any) -> None:
    whole["signatures"][0]["sig"] = whole["signatures"][0]["sig"][:-3] + "B=="


MADE = "is not made as signed metadata is"
FORM = "is not in the form that a server stores"
NONE = "has 0 valid signatures of the 1 that it needs"
OTHER_SIGNATURE = ANOTHER.signature(b"{}")["sig"]
SIGNATURE_DAMAGES = [
    pytest.param(member("signatures", to=[]), NONE, id="none"),
    pytest.param(member("signatures", to=None), MADE, id="null"),
    pytest.param(member("signatures", to={}), MADE, id="an object"),
    pytest.param(member("signatures", to=["x"]), MADE, id="text"),
    pytest.param(member("signatures", to=[{}]), MADE, id="empty"),
    pytest.param(_signature("keyid", 1), MADE, id="key id a number"),
    pytest.param(_signature("sig", None), MADE, id="null as a signature"),
    pytest.param(_signature("method", []), MADE, id="a list as a method"),
    pytest.param(_signature("keyid", "0" * 64), NONE, id="of an unknown key"),
    pytest.param(_signature("keyid", key_id(SERVER)), NONE, id="of a key of another role"),
    pytest.param(_signature("keyid", "\ud800"), FORM, id="half a character"),
    pytest.param(_signature("method", "rsapss"), "names method 'rsapss' with a key for (ecdsa|eddsa)", id="another method"),
    pytest.param(_signature("method", ""), "names method '' with a key for", id="no method"),
    pytest.param(_signature("method", "x" * 500), "names method 'x{60}' with a key for", id="a long method"),
    pytest.param(_signature("sig", ""), "is 0 bytes, which no|does not verify with key", id="empty signature"),
    pytest.param(_signature("sig", "AAAA"), "is 3 bytes, which no|does not verify with key", id="short signature"),
    pytest.param(_signature("sig", OTHER_SIGNATURE), "is 96 bytes, which no|does not verify with key", id="by another key"),
    pytest.param(_signature("sig", "*"), "holds what is not base64", id="not base64"),
    pytest.param(_signature("sig", "é"), "holds what is not base64", id="not ASCII"),
    pytest.param(_flip, "does not verify with key", id="a flipped bit"),
    pytest.param(_left_over, "holds base64 in another form than a server stores|does not verify", id="bits left over"),
    pytest.param(_signature("more", 1), FORM, id="a member more"),
    pytest.param(member("more", to=1), FORM, id="a member of the file more"),
    pytest.param(member("signed", to=None), MADE, id="nothing signed"),
    pytest.param(member("signed", "version", to=2), "does not verify with key", id="another version than was signed"),
    pytest.param(member("signed", to={}), "is not of type", id="something else signed"),
]


@pytest.mark.parametrize("role", ["root", "targets"])
@pytest.mark.parametrize(("change", "says"), SIGNATURE_DAMAGES)
def test_refuses_a_file_whose_signatures_are_wrong(role: str, change: Change, says: str) -> None:
    assert_refused(tampered(role, change), role, f"{says}")


@pytest.mark.parametrize("role", ["root", "targets"])
def test_a_signature_that_stands_twice_counts_once(role: str) -> None:
    def twice(whole: Any) -> None:
        whole["signatures"] *= 2

    assert check(tampered(role, twice)) == {"ecdsa-p256", "ed25519"}
    files = {"root": signed(good_root(ROOT, ANOTHER, threshold=2), [ROOT, ROOT])}
    assert_refused(files, "root", "has 1 valid signatures of the 2 that it needs$")


# --- the file -----------------------------------------------------------------


def _pretty(data: bytes) -> bytes:
    return json.dumps(json.loads(data), indent=1).encode()


def _turned(data: bytes) -> bytes:
    whole = json.loads(data)
    return write({"signatures": whole["signatures"], "signed": whole["signed"]})


def _unsorted(data: bytes) -> bytes:
    whole = json.loads(data)
    whole["signed"] = dict(reversed(whole["signed"].items()))
    return write(whole)


JSON = "is not the JSON that was expected"
FILE_DAMAGES = [
    pytest.param(lambda _: b"", JSON, id="nothing"),
    pytest.param(lambda _: b"null", MADE, id="null"),
    pytest.param(lambda _: b"[]", MADE, id="a list"),
    pytest.param(lambda _: b"{}", MADE, id="an empty object"),
    pytest.param(lambda data: data[:-1], JSON, id="cut off"),
    pytest.param(lambda data: b"\xef\xbb\xbf" + data, JSON, id="byte order mark"),
    pytest.param(lambda data: data.replace(b'"version":1', b'"version":1,"version":1'), JSON, id="a key twice"),
    pytest.param(lambda data: data.replace(b'"version":1', b'"version":1.0'), JSON, id="a float"),
    pytest.param(lambda data: data.replace(b'"version":1', b'"version":' + b"[" * 100_000), JSON, id="brackets without end"),
    pytest.param(lambda data: data.replace(b'"version":1', b'"x":' + b"[" * 99 + b"]" * 99), "is nested deeper", id="too deep"),
    pytest.param(lambda data: data.replace(b'"_type"', b'"_\\u0074ype"'), FORM, id="an escape"),
    pytest.param(lambda data: data + b"\n", FORM, id="a newline at the end"),
    pytest.param(lambda data: data + data, JSON, id="twice"),
    pytest.param(_pretty, FORM, id="indented"),
    pytest.param(_turned, FORM, id="signatures first"),
    pytest.param(_unsorted, FORM, id="in another order"),
]


@pytest.mark.parametrize("role", ["root", "targets"])
@pytest.mark.parametrize(("change", "says"), FILE_DAMAGES)
def test_refuses_a_file_in_another_form(role: str, change: Change, says: str) -> None:
    data = change(GOOD[role])
    assert isinstance(data, bytes)
    assert_refused(GOOD | {role: data}, role, says)


def test_refuses_targets_without_a_root() -> None:
    assert_refused({"targets": GOOD["targets"]}, "root", JSON)


@pytest.mark.parametrize("role", ["root", "targets"])
def test_refuses_a_file_that_is_cut_anywhere(role: str) -> None:
    for cut in range(0, len(GOOD[role]), 13):
        assert_refused(GOOD | {role: GOOD[role][:cut]}, role, JSON)


def test_refuses_the_files_of_another_repository() -> None:
    with pytest.raises(VerificationError, match=f"^docker.io/acme/other root: has a root certificate for '{GUN}'$"):
        notary_client.check("docker.io/acme/other", GOOD, NOW)


# --- anything -----------------------------------------------------------------

EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=3)


@settings(max_examples=400)
@given(st.sampled_from(["root", "targets"]), EDITS)
@example("root", [(0.0, 0, b"")])
def test_a_changed_file_is_refused_or_says_the_same(role: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = GOOD[role]
    for place, cut, put in edits:
        at = int(place * len(data))
        data = data[:at] + put + data[at + cut :]
    try:
        notary_client.check(GUN, GOOD | {role: data}, NOW)
    except VerificationError:
        return
    assert json.loads(data)["signed"] == json.loads(GOOD[role])["signed"]


@given(st.binary() | st.text().map(json.dumps).map(str.encode))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    for role in ("root", "targets"):
        with pytest.raises(VerificationError):
            notary_client.check(GUN, GOOD | {role: data}, NOW)
