# SPDX-License-Identifier: Apache-2.0
"""The firmware policy, row by row: where each row begins and ends, and what it decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.firmware import NEWEST_KNOWN, POLICY, Decision, Firmware, Purpose, Series, verdict
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Mode
from ceremony.errors import VerificationError

ALLOW, DEVIATION, REFUSE = Decision.ALLOW, Decision.DEVIATION, Decision.REFUSE
STANDARD, FIPS, BIO = Series
MAKE, IMPORT, USE = Purpose
P256, P384, RSA3, RSA4, ED = Algorithm
PRACTICE, PRODUCTION = Mode

# place in POLICY, source, a use to which the row applies, the first and last firmware, the row's decision, then uses to which it does not.
ROWS = [
    (0, "no attestation", (STANDARD, P256, MAKE, PRACTICE), "0.0.0", "4.2.255", REFUSE, []),
    (1, "YSA-2017-01", (STANDARD, RSA3, MAKE, PRODUCTION), "4.2.0", "4.3.4", REFUSE,
     [(STANDARD, P256, MAKE, PRODUCTION), (STANDARD, RSA4, IMPORT, PRODUCTION), (STANDARD, ED, MAKE, PRODUCTION)]),
    (2, "YSA-2019-02", (FIPS, P384, USE, PRACTICE), "4.4.2", "4.4.2", REFUSE, []),
    (3, "YSA-2019-02", (FIPS, RSA4, IMPORT, PRACTICE), "4.4.4", "4.4.4", REFUSE, []),
    (4, "no metadata", (STANDARD, P256, USE, PRODUCTION), "0.0.0", "5.2.255", REFUSE, [(STANDARD, P256, USE, PRACTICE)]),
    (5, "no metadata", (STANDARD, P256, USE, PRACTICE), "0.0.0", "5.2.255", ALLOW, [(STANDARD, P256, USE, PRODUCTION)]),
    (6, "YSA-2024-03", (STANDARD, P256, MAKE, PRODUCTION), "0.0.0", "5.6.255", DEVIATION,
     [(FIPS, P256, MAKE, PRODUCTION), (STANDARD, RSA3, MAKE, PRODUCTION), (STANDARD, ED, IMPORT, PRACTICE), (STANDARD, P256, USE, PRODUCTION)]),
    (7, "YSA-2024-03", (FIPS, P384, IMPORT, PRODUCTION), "0.0.0", "5.7.1", DEVIATION,
     [(STANDARD, P384, IMPORT, PRODUCTION), (BIO, ED, MAKE, PRODUCTION), (BIO, P256, USE, PRODUCTION)]),
    (8, "YSA-2024-03", (STANDARD, P384, USE, PRODUCTION), "0.0.0", "5.6.255", ALLOW,
     [(STANDARD, P384, MAKE, PRODUCTION), (BIO, P384, USE, PRODUCTION), (STANDARD, RSA4, USE, PRODUCTION)]),
    (9, "YSA-2024-03", (BIO, P256, USE, PRACTICE), "0.0.0", "5.7.1", ALLOW,
     [(BIO, P256, MAKE, PRACTICE), (STANDARD, P256, USE, PRACTICE), (BIO, ED, USE, PRACTICE)]),
    (10, "no such key", (BIO, ED, MAKE, PRACTICE), "0.0.0", "5.6.255", REFUSE, [(STANDARD, P256, MAKE, PRACTICE), (FIPS, P384, USE, PRODUCTION)]),
    (11, "old root", (STANDARD, ED, MAKE, PRODUCTION), "5.7.0", "5.7.3", ALLOW, []),
    (12, "new root", (FIPS, ED, MAKE, PRODUCTION), "5.7.4", "255.255.255", ALLOW, []),
    (13, "newer", (STANDARD, P256, MAKE, PRODUCTION), "5.7.5", "255.255.255", ALLOW, []),
]  # fmt: skip
IDS = [f"{number} {source}" for number, source, *_ in ROWS]


def test_every_row_of_the_policy_has_a_row_here() -> None:
    assert [number for number, *_ in ROWS] == list(range(len(POLICY)))
    assert [source for _, source, *_ in ROWS] == [row.source for row in POLICY]


@pytest.mark.parametrize(("number", "source", "use", "first", "last", "decision", "others"), ROWS, ids=IDS)
def test_a_row_applies_from_its_first_firmware_to_its_last(
    number: int,
    source: str,
    use: tuple[Series, Algorithm, Purpose, Mode],
    first: str,
    last: str,
    decision: Decision,
    others: list[tuple[Series, Algorithm, Purpose, Mode]],
) -> None:
    row = POLICY[number]
    series, algorithm, purpose, mode = use
    for version in (first, last):
        said = verdict(series, Firmware.parse(version), algorithm, purpose, mode=mode)
        assert row in said.rows
        assert f"{source}: {row.reason}" in said.reasons
        assert said.decision is said.rows[0].decision
    assert row.decision is decision
    for version in (_step(first, -1), _step(last, 1)):
        if version is not None:
            assert row not in verdict(series, version, algorithm, purpose, mode=mode).rows
    for series, algorithm, purpose, mode in others:
        assert row not in verdict(series, Firmware.parse(last), algorithm, purpose, mode=mode).rows


def _step(text: str, by: int) -> Firmware | None:
    """Return the version after or before, each part a byte; None past the end."""
    version = Firmware.parse(text)
    number = int.from_bytes(bytes([version.major, version.minor, version.patch])) + by
    return Firmware(*number.to_bytes(3)) if 0 <= number < 1 << 24 else None


@pytest.mark.parametrize(
    ("series", "firmware", "algorithm", "purpose", "mode", "decision", "sources"),
    [
        pytest.param(STANDARD, "4.2.8", P256, MAKE, PRODUCTION, REFUSE, "no attestation,no metadata,YSA-2024-03", id="YubiKey 4, early"),
        pytest.param(STANDARD, "4.3.4", RSA4, MAKE, PRODUCTION, REFUSE, "YSA-2017-01,no metadata,no such key", id="ROCA"),
        pytest.param(STANDARD, "4.3.5", P256, MAKE, PRACTICE, DEVIATION, "YSA-2024-03,no metadata", id="YubiKey 4, rehearsed"),
        pytest.param(FIPS, "4.4.2", P256, USE, PRACTICE, REFUSE, "YSA-2019-02,no metadata,YSA-2024-03", id="YubiKey FIPS"),
        pytest.param(STANDARD, "5.2.7", P256, MAKE, PRODUCTION, REFUSE, "no metadata,YSA-2024-03", id="5.2 in production"),
        pytest.param(STANDARD, "5.2.7", P256, USE, PRACTICE, ALLOW, "no metadata,YSA-2024-03", id="5.2 in practice"),
        pytest.param(STANDARD, "5.4.3", P384, MAKE, PRODUCTION, DEVIATION, "YSA-2024-03", id="EUCLEAK"),
        pytest.param(STANDARD, "5.4.3", P256, IMPORT, PRODUCTION, DEVIATION, "YSA-2024-03", id="EUCLEAK, imported"),
        pytest.param(STANDARD, "5.4.3", P256, USE, PRODUCTION, ALLOW, "YSA-2024-03", id="EUCLEAK, a root key that signs its successor"),
        pytest.param(STANDARD, "5.4.3", RSA3, IMPORT, PRODUCTION, REFUSE, "no such key", id="RSA-3072 before 5.7"),
        pytest.param(STANDARD, "5.7.0", P256, MAKE, PRODUCTION, ALLOW, "old root", id="5.7.0"),
        pytest.param(FIPS, "5.7.1", P256, MAKE, PRODUCTION, DEVIATION, "YSA-2024-03,old root", id="FIPS 5.7.1"),
        pytest.param(BIO, "5.7.1", P256, MAKE, PRODUCTION, DEVIATION, "YSA-2024-03,old root", id="Bio 5.7.1"),
        pytest.param(BIO, "5.7.1", ED, MAKE, PRODUCTION, ALLOW, "old root", id="Bio 5.7.1, Ed25519"),
        pytest.param(BIO, "5.7.2", P256, MAKE, PRODUCTION, ALLOW, "old root", id="Bio 5.7.2"),
        pytest.param(FIPS, "5.7.4", P384, MAKE, PRODUCTION, ALLOW, "new root", id="FIPS 5.7.4"),
        pytest.param(STANDARD, "6.0.0", ED, MAKE, PRODUCTION, ALLOW, "new root,newer", id="newer than the policy"),
    ],
)  # fmt: skip
def test_what_a_device_may_be_used_for(
    series: Series, firmware: str, algorithm: Algorithm, purpose: Purpose, mode: Mode, decision: Decision, sources: str
) -> None:
    said = verdict(series, Firmware.parse(firmware), algorithm, purpose, mode=mode)
    assert said.decision is decision
    assert [row.source for row in said.rows] == sources.split(",")


@given(
    st.sampled_from(Series), st.builds(Firmware, *[st.integers(0, 255)] * 3) | st.builds(Firmware, st.integers(4, 5), st.integers(0, 8), st.integers(0, 9)),
    st.sampled_from(Algorithm), st.sampled_from(Purpose),
)  # fmt: skip
def test_every_use_has_a_verdict_with_a_reason_and_practice_is_never_stricter(
    series: Series, firmware: Firmware, algorithm: Algorithm, purpose: Purpose
) -> None:
    order = list(Decision)
    real, rehearsed = (verdict(series, firmware, algorithm, purpose, mode=mode) for mode in (PRODUCTION, PRACTICE))
    assert real.reasons
    assert [order.index(row.decision) for row in real.rows] == sorted(
        (order.index(row.decision) for row in real.rows), reverse=True
    )
    assert order.index(rehearsed.decision) <= order.index(real.decision)


def test_no_ecdsa_root_key_is_made_below_the_fix_without_two_people() -> None:
    for series, fixed in ((STANDARD, (5, 7, 0)), (FIPS, (5, 7, 2)), (BIO, (5, 7, 2))):
        for number in range(0x040000, 0x050800, 43):
            firmware = Firmware(*number.to_bytes(3))
            decision = verdict(series, firmware, P256, MAKE, mode=PRODUCTION).decision
            assert (decision is ALLOW) == (firmware >= Firmware(*fixed))


def test_a_version_is_three_numbers() -> None:
    assert Firmware.parse("5.7.4") == Firmware(5, 7, 4) == NEWEST_KNOWN
    assert str(Firmware(5, 10, 0)) == "5.10.0"
    assert Firmware(5, 10, 0) > Firmware(5, 9, 9) > Firmware(4, 255, 255)
    for text in ("", "5.7", "5.7.4.1", "5.7.x", "5.7.4\n", " 5.7.4", "5.7.4444", "٥.7.4", "05.7.4", "5.7.256", "999.0.0"):
        with pytest.raises(VerificationError, match=r"^firmware: is '.*', which is no version"):
            Firmware.parse(text)
