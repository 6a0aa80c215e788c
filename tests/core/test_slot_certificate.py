# SPDX-License-Identifier: Apache-2.0
"""The certificate in a YubiKey's slot: for Notary's role, as long as the plan says, or, where it says nothing, ten years."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ceremony.core.keys import Algorithm
from ceremony.core.slot_certificate import request
from tests.fakes.recovery import recovery_plan
from tests.fakes.room import CEREMONY, plan
from tests.vectors.known_keys import known

PUBLIC = known(Algorithm.ECDSA_P256).public
LEAP_DAY = datetime(2028, 2, 29, 10, 30, tzinfo=UTC)


def test_runs_as_long_as_the_plan_lets_certificates_run():
    made = request(plan(), PUBLIC, LEAP_DAY, CEREMONY, practice=True)
    assert (made.common_name, made.public, made.ceremony, made.practice) == ("root", PUBLIC, CEREMONY, True)
    assert (made.not_before, made.not_after) == (LEAP_DAY, plan().expires.certificate)


def test_runs_to_the_end_of_the_tenth_year_after_a_recovery_whose_plan_says_nothing():
    made = request(recovery_plan(), PUBLIC, LEAP_DAY, CEREMONY, practice=False)
    assert (made.not_before, made.not_after) == (LEAP_DAY, datetime(2038, 12, 31, 23, 59, 59, tzinfo=UTC))


def test_no_certificate_outlives_the_calendar():
    with pytest.raises(ValueError, match="year 10009 is out of range"):
        request(recovery_plan(), PUBLIC, LEAP_DAY.replace(year=9999, day=28), CEREMONY, practice=False)
