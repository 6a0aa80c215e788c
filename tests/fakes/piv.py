# SPDX-License-Identifier: Apache-2.0
"""YubiKeys in memory: working implementations of the `Token` and `Piv` ports over a `tests.fakes.device.Card`.

Refusals are those of the real adapter; but a key is found by label only after a PIN was given, and made only after one,
which is stricter than a YubiKey. What it attests is in `tests.fakes.attesting`.
"""

from __future__ import annotations

from dataclasses import replace

from ceremony.core import software_key
from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.core.ports import Attestation, KeyRequest, PinState, PivStanding, SlotKey, TokenKey, Tries
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import PinLocked, TokenError, WrongPin
from tests.fakes.attesting import built, statement
from tests.fakes.device import FACTORY_KEY, Card, FakeDevice, FakeKey, Guarded, Slotted
from tests.fakes.token import FakeRack, FakeToken

LARGEST_CERTIFICATE = 3052
_KINDS = {
    Algorithm.ECDSA_P256: "ECCP256",
    Algorithm.ECDSA_P384: "ECCP384",
    Algorithm.RSA_3072: "RSA3072",
    Algorithm.RSA_4096: "RSA4096",
    Algorithm.ED25519: "ED25519",
}


class FakeYubiKey(FakeToken):
    """One opening of a YubiKey, and one of its slots."""

    def __init__(self, device: FakeDevice) -> None:
        super().__init__(device)
        self.card = device.card
        self._piv = FakePiv(self)

    @property
    def piv(self) -> FakePiv:
        return self._piv

    def unlock(self, pin: Secret) -> None:
        with self._acting("unlock"):
            self._unlocked = False
            self.check(self.card.pin, "PIN", pin)
            self._unlocked = True

    def forget_pin(self) -> bool:
        with self._acting("forget_pin"):
            self._unlocked = False
            return False

    def find_public(self, public: PublicKey) -> TokenKey | None:
        with self._acting("find_public"):  # a slot's public half is told to anybody
            held = self.card.slots.get(self.card.slot)
            return self._shown() if held is not None and held.private.public == public else None

    def generate(self, request: KeyRequest) -> TokenKey:
        with self._acting("generate"):
            return self._put(request, software_key.make(request.algorithm), "generated")

    def import_key(self, request: KeyRequest, private: SoftwareKey) -> TokenKey:
        with self._acting("import_key"):
            return self._put(request, private, "imported")

    def wrap(self, key: TokenKey, wrapping_key: Secret) -> bytes:
        raise self._stays(key)

    def unwrap(self, request: KeyRequest, public: PublicKey, wrapped: bytes, wrapping_key: Secret) -> TokenKey:
        raise TokenError(self.device.serial, "unwraps no keys", hint="put the key on it in the clear, or take a PKCS#11 token")

    def lock(self, key: TokenKey) -> TokenKey:
        raise self._stays(key)

    def close(self) -> None:
        super().close()
        self.piv.given = False

    def check(self, code: Guarded, what: str, typed: Secret) -> None:
        """Check a PIN or PUK as the card does; raises WrongPin and PinLocked, and TokenError for what was not tried."""
        if not code.left:
            raise PinLocked(self.device.serial, what=what)
        if not typed.reveal():
            raise self._error(f"an empty {what} was not tried", hint=f"type the {what} of this token")
        if not 6 <= len(typed.reveal()) <= 8:
            raise self._error(f"a {what} has 6 to 8 letters, digits or signs, that one has not", hint=f"type the {what}")
        if typed.text() != code.value:
            code.wrong += 1
            raise WrongPin(self.device.serial, retries_left=code.left, what=what)
        code.wrong = 0

    def check_authorised(self) -> None:
        if not self.piv.given:
            raise self._error("was not given its management key", hint="its custodian enters the management key first")

    def check_unlocked(self) -> None:
        self._check_unlocked()

    def error(self, what: str) -> TokenError:
        return self._error(what, hint="look at the token")

    def _put(self, request: KeyRequest, private: SoftwareKey, origin: str) -> TokenKey:
        self._check_unlocked()
        self.check_authorised()
        if self.card.slot in self.card.slots or self.card.slot in self.card.certificates:
            raise self._error(f"slot {self.card.slot} already holds something", hint="nothing was made")
        self.card.slots[self.card.slot] = Slotted(private, origin, request.pin_policy, request.touch_policy)
        return self._shown()

    def _find(self, label: str) -> TokenKey | None:
        self._check_unlocked()
        return self._shown() if self.card.slot in self.card.slots else None

    def _shown(self) -> TokenKey:
        held = self.card.slots[self.card.slot]
        return TokenKey(self.card.slot, b"", held.private.public, None, held.touch_policy)

    def _held(self, key: TokenKey) -> FakeKey:
        self._check_unlocked()
        held = self.card.slots.get(key.label)
        if held is None or held.private.public != key.public:
            raise self._error(f"holds no private key labelled {key.label!r}", hint="check that the right token is plugged in")
        return FakeKey(key, held.private)

    def _signature(self, private: SoftwareKey, scheme: Scheme, message: bytes) -> bytes:
        self.card.touched.append(self.card.slots[self.card.slot].touch_policy)
        return super()._signature(private, scheme, message)

    def _pin_state(self) -> PinState:
        left = self.card.pin.left
        return PinState(left, locked=not left)

    def _stays(self, key: TokenKey) -> TokenError:
        return self._error(f"does not let the key {key.label!r} leave", hint="a YubiKey never does")


class FakePiv:
    """What only a YubiKey can do; implements `ceremony.core.ports.Piv`."""

    def __init__(self, token: FakeYubiKey) -> None:
        self.token = token
        self.card = token.card
        self.given = False

    def standing(self) -> PivStanding:
        with self.token._acting("standing"):
            card = self.card
            keys = [
                SlotKey(
                    slot,
                    _KINDS[held.private.public.algorithm],
                    held.origin,
                    held.pin_policy,
                    held.touch_policy,
                    held.private.public.sha256,
                )
                for slot, held in sorted(card.slots.items())
            ]
            return PivStanding(
                pin=_tries(card.pin),
                puk=_tries(card.puk),
                management_key=card.management_type,
                management_key_factory=card.management_key == FACTORY_KEY,
                keys=tuple(keys),
                certificates=tuple(sorted(card.certificates)),
            )

    def authorised(self) -> bool:
        return self.given

    def authorise(self, management_key: Secret) -> None:
        with self.token._acting("authorise"):
            self.given = False
            if management_key.reveal() != self.card.management_key:
                raise self.token.error("the management key is wrong; this spends no tries")
            self.given = True

    def attest(self) -> Attestation:
        with self.token._acting("attest"):
            held = self.card.slots.get(self.card.slot)
            if held is None or held.origin != "generated":
                what = "is empty" if held is None else "holds an imported key, which no device attests"
                raise self.token.error(f"slot {self.card.slot} {what}")
            return Attestation(statement(self.token.device), built(self.card.firmware)[0])

    def wipe(self) -> None:
        with self.token._acting("wipe"):
            self.given = self.token._unlocked = False
            if "wipe" not in self.card.keeps:
                self.card.slots.clear()
                self.card.certificates.clear()
                self.card.pin.reset()
                self.card.puk.reset()
                self.card.management_key = FACTORY_KEY

    def set_tries(self, pin: int, puk: int) -> None:
        with self.token._acting("set_tries"):
            self.token.check_unlocked()
            self.token.check_authorised()
            self.token._unlocked = False
            if "set_tries" not in self.card.keeps:
                self.card.pin.reset(pin)
                self.card.puk.reset(puk)

    def change_pin(self, old: Secret, new: Secret) -> None:
        with self.token._acting("change_pin"):
            self.token.check(self.card.pin, "PIN", old)
            self._set(self.card.pin, "change_pin", new)

    def change_puk(self, old: Secret, new: Secret) -> None:
        with self.token._acting("change_puk"):
            self.token.check(self.card.puk, "PUK", old)
            self._set(self.card.puk, "change_puk", new)

    def unblock_pin(self, puk: Secret, new_pin: Secret) -> None:
        with self.token._acting("unblock_pin"):
            self.token.check(self.card.puk, "PUK", puk)
            self.token._unlocked = False
            self.card.pin.wrong = 0
            self._set(self.card.pin, "unblock_pin", new_pin)

    def management_key_bytes(self) -> int:
        return 24

    def set_management_key(self, new: Secret) -> None:
        with self.token._acting("set_management_key"):
            self.token.check_authorised()
            if len(new.reveal()) != 24:
                raise self.token.error("its management key has 24 bytes, that one has not; it was not tried")
            if "set_management_key" not in self.card.keeps:
                self.card.management_key = new.reveal()

    def certificate(self) -> bytes | None:
        with self.token._acting("certificate"):
            return self.card.certificates.get(self.card.slot)

    def store_certificate(self, certificate: bytes) -> None:
        with self.token._acting("store_certificate"):
            self.token.check_authorised()
            if len(certificate) > LARGEST_CERTIFICATE:
                raise self.token.error("takes no certificate of that size")
            if self.card.certificates.get(self.card.slot, certificate) != certificate:
                raise self.token.error(f"slot {self.card.slot} already holds another certificate")
            self.card.certificates[self.card.slot] = certificate

    def _set(self, code: Guarded, method: str, new: Secret) -> None:
        if method not in self.card.keeps:
            code.value = new.text()


def _tries(code: Guarded) -> Tries:
    return Tries(factory=code.value == code.factory, left=code.left, total=code.total)


def yubikey(name: str, **card: object) -> FakeDevice:
    """Return a YubiKey as it leaves the factory, or with another card: `slot="9d"`, `firmware="5.4.3"`, ..."""
    return FakeDevice(name, kind="yubikey", card=replace(Card(), **card))


def prepared(
    name: str, *, pin: str = "314159", puk: str = "27182818", key: bytes = bytes(range(50, 74)), **card: object
) -> FakeDevice:
    """Return a YubiKey that was given secrets of its own before the day."""
    return yubikey(name, pin=Guarded("123456", pin, total=5), puk=Guarded("12345678", puk, total=5), management_key=key, **card)


def yubikey_rack(*names: str) -> FakeRack:
    """Return a rack with a fresh YubiKey for each name."""
    return FakeRack(*(yubikey(name) for name in names))
