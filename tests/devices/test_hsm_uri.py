# SPDX-License-Identifier: Apache-2.0
"""RFC 7512 URIs, read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.devices.hsm_uri import TokenUri, parse
from ceremony.devices.hsm_wire import TokenFacts
from ceremony.errors import TokenError

TEXT = st.text(st.characters(blacklist_categories=("C", "Z", "M", "L"), max_codepoint=0x2FF), max_size=16)


@pytest.mark.parametrize(
    ("uri", "meant"),
    [
        pytest.param(
            "pkcs11:serial=5f3c21;token=acme-root-b", TokenUri(serial="5f3c21", token="acme-root-b"), id="serial and label"
        ),
        pytest.param("pkcs11:token=The%20Software%20PKCS%2311", TokenUri(token="The Software PKCS#11"), id="percent-encoded"),
        pytest.param("pkcs11:serial=1;model=M&N=2;manufacturer=x+y", TokenUri("1", "", "x+y", "M&N=2"), id="reserved characters"),
        pytest.param("pkcs11:token=Z%C3%BCrich", TokenUri(token="Zürich"), id="UTF-8"),
        pytest.param("pkcs11:token=Zu%CC%88rich", TokenUri(token="Zürich"), id="UTF-8 in another normal form"),
    ],
)
def test_reads_what_names_a_token(uri, meant):
    assert parse("root-a", uri) == meant


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("serial=1", "is not a PKCS#11 URI", id="no scheme"),
        pytest.param("PKCS11:serial=1", "is not a PKCS#11 URI", id="scheme in capitals"),
        pytest.param("pkcs11:", "holds '', which does not name a token", id="empty"),
        pytest.param("pkcs11:manufacturer=SoftHSM", "neither a serial nor a token label", id="no name"),
        pytest.param("pkcs11:serial=1;serial=1", "says 'serial' twice", id="twice"),
        pytest.param("pkcs11:serial", "holds 'serial'", id="no value"),
        pytest.param("pkcs11:serial=", "'serial' of its PKCS#11 URI is empty", id="empty value"),
        pytest.param("pkcs11:token=a b", "not percent-encoded", id="bare space"),
        pytest.param("pkcs11:token=a%2", "not percent-encoded", id="half an escape"),
        pytest.param("pkcs11:token=a%zz", "not percent-encoded", id="no hex"),
        pytest.param("pkcs11:token=%ff", "is not UTF-8", id="not UTF-8"),
        pytest.param("pkcs11:token=a%0ab", "holds a control character", id="control character"),
        pytest.param("pkcs11:serial=1;", "holds '', which", id="semicolon at the end"),
        pytest.param("pkcs11:serial=1;object=root", "holds 'object'", id="an object"),
        pytest.param("pkcs11:serial=1;x-vendor=1", "holds 'x-vendor'", id="a vendor's attribute"),
        pytest.param("pkcs11:serial=1;slot-id=3", "names a slot", id="a slot"),
        pytest.param("pkcs11:serial=1?pin-value=1234", "carries a PIN", id="a PIN"),
        pytest.param("pkcs11:serial=1?pin-source=file:/x", "carries a PIN", id="a file with a PIN"),
        pytest.param("pkcs11:serial=1;pin-value=1234", "carries a PIN", id="a PIN in the path"),
        pytest.param("pkcs11:serial=1?module-path=/x.so", "names a module", id="a module"),
        pytest.param("pkcs11:serial=1?", "holds '', which", id="empty query"),
    ],
)
def test_refuses_everything_else(uri, message):
    with pytest.raises(TokenError, match=message) as refused:
        parse("root-a", uri)
    assert refused.value.token == "root-a"
    assert "1234" not in refused.value.message + refused.value.hint


@given(st.text(max_size=40))
def test_never_fails_in_another_way(text):
    for uri in (text, f"pkcs11:{text}", f"pkcs11:serial={text}"):
        try:
            parse("root-a", uri)
        except TokenError:
            continue


@given(TEXT, TEXT, TEXT)
def test_reads_what_it_writes(serial, token, model):
    uri = TokenUri(serial=serial, token=token, model=model)
    if serial or token:
        assert parse("root-a", str(uri)) == uri


def test_matches_only_when_all_that_it_says_is_so():
    facts = TokenFacts(slot=0, label="root", serial="1", manufacturer="m", model="n", firmware="1.0", flags=0)
    assert TokenUri(serial="1").matches(facts)
    assert TokenUri(serial="1", token="root", manufacturer="m", model="n").matches(facts)
    assert not TokenUri(serial="1", token="other").matches(facts)
    assert not TokenUri(serial="1", model="other").matches(facts)
