# SPDX-License-Identifier: Apache-2.0
"""One YubiKey, connected: every command goes through here, and every error is looked at here first.

After a card was pulled and put back, the old connection may reach whatever card is
there now. So after any error PIV is selected again and the serial compared, before
another command can follow: another serial, or none, and the token is lost, for good.
What the card remembers (a PIN that was checked, a management key) is forgotten then
on our side, too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeVar

from yubikit.core import CommandError, InvalidPinError
from yubikit.core.smartcard import SW, ApduError, SmartCardConnection
from yubikit.piv import PivSession

from ceremony.core.firmware import Firmware
from ceremony.devices.yubikey_pcsc import FAULTS
from ceremony.errors import TokenError, TokenLost

T = TypeVar("T")

ANSWERS = (CommandError, ValueError, KeyError, IndexError)
"""What yubikit raises when the card said no, or said what makes no sense; its errors derive from ValueError, too."""

_SENTENCES: dict[int, tuple[str, str]] = {
    SW.SECURITY_CONDITION_NOT_SATISFIED: ("refused the command: a PIN, key or touch is missing", "unlock it, and try again"),
    SW.CONDITIONS_NOT_SATISFIED: ("refused the value as too simple", "choose another one"),
    SW.NO_SPACE: ("has no room left", "use an empty token"),
    SW.MEMORY_FAILURE: ("could not write to its memory", "use another token"),
}


class Answer(Exception):
    """The card said no; `status` is its status word (0 for none), `tries` what a wrong PIN or PUK left."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.status = error.sw if isinstance(error, ApduError) else 0
        self.tries = error.attempts_remaining if isinstance(error, InvalidPinError) else None
        self.cause = (
            f"status {self.status:04x}" if self.status else str(error) if isinstance(error, CommandError | ValueError) else ""
        )


class YubiKeyLink:
    """The connection to one YubiKey's PIV application. Not for more than one thread."""

    def __init__(self, connection: SmartCardConnection) -> None:
        """Select PIV; raises ANSWERS and FAULTS as they come, and leaves the connection to the caller then."""
        self.verified = False
        """The card has checked the PIN since PIV was selected."""
        self.authorised = False
        """The card has checked the management key since PIV was selected."""
        self.epoch = 0
        """Counts how often everything that was known of the card had to be forgotten."""
        self._connection = connection
        self._session = PivSession(connection)
        self.serial = self._session.get_serial()
        self._lost: tuple[str, str] | None = None

    @property
    def firmware(self) -> Firmware:
        """Return the version that the PIV application tells."""
        return Firmware(*self._session.version)

    @property
    def who(self) -> str:
        """Return the serial, as errors and records name the token."""
        return str(self.serial)

    def talk(self, act: Callable[[PivSession], T]) -> T:
        """Return what `act` does with the session; raises Answer when the card says no, TokenLost when it is gone or another."""
        if self._lost is not None:
            raise TokenLost(self.who, self._lost[0], hint=self._lost[1])
        try:
            return act(self._session)
        except FAULTS as error:
            self._look_again()
            self.lose("stopped answering", "put it back, then try again", cause=error)
        except ANSWERS as error:
            self._look_again()
            raise Answer(error) from error

    def ask(self, act: Callable[[PivSession], T]) -> T:
        """Do as `talk`, where no refusal is expected; raises TokenError for one."""
        try:
            return self.talk(act)
        except Answer as answer:
            raise self.refusal(answer) from answer

    def refusal(self, answer: Answer) -> TokenError:
        """Return the error for a refusal that means nothing special."""
        said = f" ({answer.cause})" if answer.cause else ""
        other = (f"refused what it was asked{said}", "look at it with ceremony tokens")
        sentence, hint = _SENTENCES.get(answer.status, other)
        return TokenError(self.who, sentence, hint=hint)

    def lose(self, what: str, hint: str, *, cause: Exception | None = None) -> NoReturn:
        """Give the token up for good and let its reader go; raises TokenLost."""
        self._lost = self._lost or (what, hint)
        self.forget()
        with suppress(*FAULTS):
            self._connection.close()
        raise TokenLost(self.who, self._lost[0], hint=self._lost[1]) from cause

    @property
    def is_open(self) -> bool:
        """Whether it was neither closed nor lost."""
        return not self._lost

    def close(self) -> None:
        """Let the reader go; never raises."""
        with suppress(TokenLost):
            self.lose("was closed", "try again, or stop and resume the ceremony")

    def forget(self) -> None:
        """Take nothing for granted that the card knew or held."""
        self.verified = self.authorised = False
        self.epoch += 1

    def _look_again(self) -> None:
        self.forget()
        try:
            session = PivSession(self._connection)
            serial = session.get_serial()
        except (*FAULTS, *ANSWERS) as error:
            self.lose("stopped answering", "put it back, then try again", cause=error)
        if serial != self.serial:
            self.lose(
                f"was taken out; in its place is YubiKey {serial}, to which nothing was done",
                f"put YubiKey {self.serial} back, then try again",
            )
        self._session = session
