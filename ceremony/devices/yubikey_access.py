# SPDX-License-Identifier: Apache-2.0
"""What opens a YubiKey: PIN, PUK and management key.

Tries are read before a PIN or PUK is tried, and none is spent on an empty one, one
of a length that the card cannot have, or a blocked one. The PIN is held after
`unlock`, because keys with PIN policy `always` want it for every signature; the
management key is given once. Both are wiped when the token is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from yubikit.core import InvalidPinError
from yubikit.core.smartcard import SW
from yubikit.piv import MANAGEMENT_KEY_TYPE, PinMetadata, PivSession

from ceremony.core.ports import PinState
from ceremony.core.secret import Secret
from ceremony.devices.yubikey_facts import AES_MANAGEMENT
from ceremony.devices.yubikey_link import Answer, YubiKeyLink
from ceremony.errors import PinLocked, TokenError, WrongPin

T = TypeVar("T")

_PIN, _PUK = "PIN", "PUK"
_LENGTHS = range(6, 9)
_MANAGEMENT_KEY_BYTES = 24
_MOST_TRIES = 255


class YubiKeyAccess:
    """The secrets of one open YubiKey, and what the card says of them."""

    def __init__(self, link: YubiKeyLink) -> None:
        self._link = link
        self._pin: Secret | None = None
        self._management_key: Secret | None = None

    @property
    def authorised(self) -> bool:
        """Whether the management key was given."""
        return self._management_key is not None

    def pin_state(self) -> PinState:
        """Read the PIN's state (GET METADATA), which spends no try."""
        left = self._link.ask(PivSession.get_pin_metadata).attempts_remaining
        return PinState(retries_left=left, locked=left == 0)

    def unlock(self, pin: Secret) -> None:
        """Have the card check the PIN, once, and hold it. Raises WrongPin, PinLocked, TokenError."""
        self.forget_pin()
        self._check_tries(_PIN)
        text = self._typed(_PIN, pin)
        self._spend(_PIN, lambda session: session.verify_pin(text))
        self._link.verified = True
        self._pin = Secret(text)

    def check_unlocked(self) -> None:
        """Raise TokenError unless a PIN is held."""
        self._held_pin()

    def verify(self, session: PivSession) -> None:
        """Have the card check the PIN that is held; for use within `talk`. Raises TokenError when none is held, WrongPin."""
        pin = self._held_pin()
        try:
            session.verify_pin(pin.text())
        except InvalidPinError:
            self.forget_pin()  # it was right before: whatever happened, it is not tried again
            raise
        self._link.verified = True

    def forget_pin(self) -> None:
        """Wipe the PIN that is held, if one is."""
        if self._pin is not None:
            self._pin.wipe()
        self._pin = None
        self._link.verified = False

    def forget(self) -> None:
        """Wipe everything that is held."""
        self.forget_pin()
        if self._management_key is not None:
            self._management_key.wipe()
        self._management_key = None
        self._link.authorised = False

    def change_pin(self, old: Secret, new: Secret) -> None:
        """Change the PIN; a token that was unlocked stays so, with the new one. Raises WrongPin, PinLocked, TokenError."""
        unlocked = self._pin is not None
        self._change(_PIN, _PIN, old, new, PivSession.change_pin)
        self.forget_pin()
        if unlocked:
            self._pin = Secret(new.reveal())

    def change_puk(self, old: Secret, new: Secret) -> None:
        """Change the PUK. Raises WrongPin and PinLocked, which say that it is the PUK, and TokenError."""
        self._change(_PUK, _PUK, old, new, PivSession.change_puk)

    def unblock_pin(self, puk: Secret, new_pin: Secret) -> None:
        """Give the PIN a new value with the PUK. Raises as `change_puk`."""
        self._change(_PUK, _PIN, puk, new_pin, PivSession.unblock_pin)
        self.forget_pin()

    def set_tries(self, pin: int, puk: int) -> None:
        """Set the tries of PIN and PUK, which makes both the factory's; the token is locked afterwards. Raises TokenError, WrongPin."""
        if not (1 <= pin <= _MOST_TRIES and 1 <= puk <= _MOST_TRIES):
            raise TokenError(self._link.who, f"takes 1 to {_MOST_TRIES} tries", hint="correct the number of tries")
        self.check_unlocked()

        def act(session: PivSession) -> tuple[PinMetadata, PinMetadata]:
            self.authorise_again(session)
            self.verify(session)
            session.set_pin_attempts(pin, puk)
            return session.get_pin_metadata(), session.get_puk_metadata()

        read = self._spend(_PIN, act)
        self.forget_pin()
        wanted = (True, pin, pin), (True, puk, puk)
        if tuple((one.default_value, one.total_attempts, one.attempts_remaining) for one in read) != wanted:
            raise TokenError(
                self._link.who, "does not show the tries that were set", hint="do not use this token; record a deviation"
            )

    def authorise(self, management_key: Secret) -> None:
        """Authenticate with the management key, and hold it; raises TokenError for a wrong one, which spends nothing."""
        link = self._link
        self._drop_management_key()
        self._check_management_key(management_key, link.ask(lambda session: session.management_key_type))
        try:
            link.talk(lambda session: session.authenticate(management_key.reveal()))
        except Answer as answer:
            # Without a status it is the card that could not answer with the same key.
            if answer.status not in {SW.SECURITY_CONDITION_NOT_SATISFIED, SW.INCORRECT_PARAMETERS, 0}:
                raise link.refusal(answer) from answer
            raise TokenError(
                link.who,
                "the management key is wrong; this spends no tries",
                hint="compare the serial on the token with the management key's envelope",
            ) from answer
        link.authorised = True
        self._management_key = Secret(management_key.reveal())

    def authorise_again(self, session: PivSession) -> None:
        """Authenticate with the key that is held, if the card forgot; for use within `talk`. Raises TokenError when none is held."""
        if self._management_key is None:
            raise TokenError(
                self._link.who, "was not given its management key", hint="its custodian enters the management key first"
            )
        if not self._link.authorised:
            session.authenticate(self._management_key.reveal())
            self._link.authorised = True

    def management_key_bytes(self) -> int:
        """Return how long a new management key is: AES-192 and TDES keys both have 24 bytes."""
        return _MANAGEMENT_KEY_BYTES

    def set_management_key(self, new: Secret) -> None:
        """Set the management key, AES where the firmware can, without touch; read it back, and prove it by using it. Raises TokenError."""
        kind = MANAGEMENT_KEY_TYPE.AES192 if self._link.firmware >= AES_MANAGEMENT else MANAGEMENT_KEY_TYPE.TDES
        self._check_management_key(new, kind)

        def act(session: PivSession) -> bool:
            self.authorise_again(session)
            session.set_management_key(kind, new.reveal(), require_touch=False)
            read = session.get_management_key_metadata()
            session.authenticate(new.reveal())
            return read.key_type is kind and not read.default_value

        as_set = self._link.ask(act)
        self._drop_management_key()
        self._link.authorised = True
        self._management_key = Secret(new.reveal())
        if not as_set:
            raise TokenError(
                self._link.who,
                "does not show the management key that was set",
                hint="do not use this token; record a deviation",
            )

    def _held_pin(self) -> Secret:
        if self._pin is None:
            raise TokenError(self._link.who, "is locked", hint="unlock it with its PIN first")
        return self._pin

    def _drop_management_key(self) -> None:
        if self._management_key is not None:
            self._management_key.wipe()
        self._management_key = None

    def _check_management_key(self, key: Secret, kind: MANAGEMENT_KEY_TYPE) -> None:
        if len(key.reveal()) != kind.key_len:
            raise TokenError(
                self._link.who,
                f"its management key has {kind.key_len} bytes, that one has not; it was not tried",
                hint=f"type {2 * kind.key_len} hexadecimal digits",
            )

    def _change(self, tried: str, changed: str, old: Secret, new: Secret, how: Callable[[PivSession, str, str], None]) -> None:
        self._check_tries(tried)
        first, second = self._typed(tried, old), self._typed(changed, new)
        self._spend(tried, lambda session: how(session, first, second))

    def _check_tries(self, what: str) -> None:
        read = PivSession.get_pin_metadata if what == _PIN else PivSession.get_puk_metadata
        if self._link.ask(read).attempts_remaining == 0:
            raise PinLocked(self._link.who, what=what)

    def _typed(self, what: str, secret: Secret) -> str:
        value = secret.reveal()
        if not value:
            raise TokenError(self._link.who, f"an empty {what} was not tried", hint=f"type the {what} of this token")
        if len(value) not in _LENGTHS or not value.isascii():
            raise TokenError(
                self._link.who,
                f"a {what} has 6 to 8 letters, digits or signs, that one has not; it was not tried",
                hint=f"type the {what} of this token",
            )
        return value.decode()

    def _spend(self, what: str, act: Callable[[PivSession], T]) -> T:
        try:
            return self._link.talk(act)
        except Answer as answer:
            if answer.tries is not None:
                raise WrongPin(self._link.who, retries_left=answer.tries, what=what) from answer
            raise self._link.refusal(answer) from answer
