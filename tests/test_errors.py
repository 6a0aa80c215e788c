# SPDX-License-Identifier: Apache-2.0
"""Errors say what is and what to do, carry what callers need, and end with the right code."""

from __future__ import annotations

import pytest

from ceremony.errors import (
    CeremonyError,
    ExitCode,
    PinLocked,
    PlanRefused,
    Stopped,
    StorageError,
    TokenError,
    TokenLost,
    VerificationError,
    WrongPin,
)

MESSAGES = [
    pytest.param(CeremonyError("it is so", hint="do this"), "it is so", id="any"),
    pytest.param(PlanRefused("root.threshold", "is 0", hint="do this"), "root.threshold: is 0", id="plan"),
    pytest.param(VerificationError("log", "is torn", hint="do this"), "log: is torn", id="verification"),
    pytest.param(StorageError("volume a", "is full", hint="do this"), "volume a: is full", id="storage"),
    pytest.param(TokenError("5f3c21", "said no", hint="do this"), "token 5f3c21: said no", id="token"),
    pytest.param(TokenLost("5f3c21", "is gone", hint="do this"), "token 5f3c21: is gone", id="token lost"),
    pytest.param(Stopped("people stopped", hint="do this"), "people stopped", id="stopped"),
]


@pytest.mark.parametrize(("error", "message"), MESSAGES)
def test_an_error_says_what_is_and_what_to_do(error: CeremonyError, message: str) -> None:
    assert (error.message, str(error), error.hint) == (message, message, "do this")


TRIES = [
    pytest.param(None, "the token does not tell how many tries are left", id="not told"),
    pytest.param(0, "no tries are left", id="none"),
    pytest.param(1, "one try is left", id="one"),
    pytest.param(3, "3 tries are left", id="three"),
]


@pytest.mark.parametrize(("left", "says"), TRIES)
def test_a_wrong_pin_tells_the_tries_that_are_left(left: int | None, says: str) -> None:
    error = WrongPin("5f3c21", retries_left=left)
    assert str(error) == f"token 5f3c21: the PIN is wrong; {says}"
    assert (error.token, error.retries_left) == ("5f3c21", left)
    assert error.hint


def test_a_locked_pin_names_who_can_help() -> None:
    error = PinLocked("5f3c21")
    assert str(error) == "token 5f3c21: the PIN is blocked"
    assert "custodian" in error.hint


def test_errors_carry_what_they_are_about() -> None:
    assert PlanRefused("f", "m", hint="h").field == "f"
    assert VerificationError("s", "m", hint="h").subject == "s"
    assert StorageError("s", "m", hint="h").store == "s"


def test_only_a_stop_can_be_resumed() -> None:
    assert Stopped.exit_code is ExitCode.INCOMPLETE
    kinds: list[type[CeremonyError]] = [
        CeremonyError,
        PlanRefused,
        VerificationError,
        StorageError,
        TokenError,
        WrongPin,
        PinLocked,
        TokenLost,
    ]
    assert {kind.exit_code for kind in kinds} == {ExitCode.FAILED}
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3]


def test_no_error_is_mistaken_for_one_of_the_language() -> None:
    for kind in (
        CeremonyError,
        PlanRefused,
        VerificationError,
        StorageError,
        TokenError,
        WrongPin,
        PinLocked,
        TokenLost,
        Stopped,
    ):
        assert not issubclass(kind, ValueError | OSError | LookupError)
