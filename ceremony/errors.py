# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, in words a tired person can act on.

Every error that a user may meet is a `CeremonyError`: a sentence that says what
is, and a hint that says what to do. A subclass exists only where a caller acts
differently on it, and carries the data that the caller needs. Nothing here
prints; the one error boundary is in `ceremony.cli`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """What every command ends with (design, section 4)."""

    DONE = 0
    """Done, or verified."""
    FAILED = 1
    """Refused or failed; the reason was said."""
    USAGE = 2
    """Wrong usage of the command line."""
    INCOMPLETE = 3
    """A ceremony that can be resumed, or a folder that lacks its close, quorum or outside anchor."""


class CeremonyError(Exception):
    """One sentence that says what is, one hint that says what to do."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class PlanRefused(CeremonyError):
    """A plan or site file that cannot be used; `field` names the place."""

    def __init__(self, field: str, message: str, *, hint: str) -> None:
        super().__init__(f"{field}: {message}", hint=hint)
        self.field = field


class VerificationError(CeremonyError):
    """Something that was checked does not hold; `subject` names the file, record or key."""

    def __init__(self, subject: str, message: str, *, hint: str) -> None:
        super().__init__(f"{subject}: {message}", hint=hint)
        self.subject = subject


class StorageError(CeremonyError):
    """A folder or volume that did not take or give back its bytes; `store` names it."""

    def __init__(self, store: str, message: str, *, hint: str) -> None:
        super().__init__(f"{store}: {message}", hint=hint)
        self.store = store


class VolumesLost(StorageError):
    """Lines of the log stand in the ceremony's folder, and not on every volume; `errors` says why, by the volume's serial."""

    def __init__(self, errors: Mapping[str, StorageError]) -> None:
        names = " and ".join(error.store for error in errors.values())
        super().__init__(
            names, "did not take the log", hint="put another volume in its place; the ceremony's folder has every line"
        )
        self.errors = dict(errors)


class TokenError(CeremonyError):
    """A token said no; `token` is its serial, or its name in the plan while no serial is known."""

    def __init__(self, token: str, message: str, *, hint: str) -> None:
        super().__init__(f"token {token}: {message}", hint=hint)
        self.token = token


class WrongPin(TokenError):
    """The PIN, or what `what` names (the PUK), was refused; `retries_left` is None where the token does not tell."""

    def __init__(self, token: str, *, retries_left: int | None, what: str = "PIN") -> None:
        left = {
            None: "the token does not tell how many tries are left",
            0: "no tries are left",
            1: "one try is left",
        }.get(retries_left, f"{retries_left} tries are left")
        super().__init__(
            token, f"the {what} is wrong; {left}", hint=f"compare the serial on the token with the {what}'s envelope"
        )
        self.retries_left = retries_left


class PinLocked(TokenError):
    """The PIN, or what `what` names (the PUK), is blocked; only the PUK or SO PIN of its custodian helps, and a PUK nothing."""

    def __init__(self, token: str, *, what: str = "PIN") -> None:
        hint = "its custodian can unblock it with the PUK or SO PIN; nothing was tried here"
        if what == "PUK":
            hint = "only a reset makes this token usable again, and it wipes every key; nothing was tried here"
        super().__init__(token, f"the {what} is blocked", hint=hint)


class TokenAbsent(TokenError):
    """No token is plugged in that the site names so; it can be put in."""


class TokenLost(TokenError):
    """The token or its module stopped answering (pulled, crashed, hung); it may come back."""


class Stopped(CeremonyError):
    """People decided to stop; the ceremony can be resumed."""

    exit_code = ExitCode.INCOMPLETE
