# SPDX-License-Identifier: Apache-2.0
"""Tokens in memory: a working implementation of the `Token` and `TokenRack` ports.

A `FakeDevice` is the thing that is plugged in: its keys and PIN stay when it is
closed, lost or opened again. A `FakeToken` is one opening of it. Attributes,
refusals and words are those of SoftHSM behind the real adapter, with two
additions that SoftHSM lacks: a PIN that locks, and faults on demand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ceremony.core import backup, software_key
from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.core.ports import KeyAttributes, KeyRequest, PinState, Piv, TokenIdentity, TokenKey
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import PinLocked, TokenAbsent, TokenError, TokenLost, VerificationError, WrongPin
from tests.fakes.device import FakeDevice, FakeKey

BROUGHT = KeyAttributes(local=False, sensitive=True, extractable=False, always_sensitive=False, never_extractable=False)
"""What a key reads that was made elsewhere."""


class FakeToken:
    """One opening of a device; implements `ceremony.core.ports.Token`."""

    def __init__(self, device: FakeDevice) -> None:
        self.device = device
        self._identity = device.identity()
        self._unlocked = False
        self._lost = ""

    @property
    def identity(self) -> TokenIdentity:
        return self._identity

    def pin_state(self) -> PinState:
        with self._acting("pin_state"):
            return self._pin_state()

    def unlock(self, pin: Secret) -> None:
        with self._acting("unlock"):
            self._unlocked = False
            device = self.device
            if self._pin_state().locked:
                raise PinLocked(device.serial)
            if not device.pin_initialised:
                raise self._error("has no PIN yet", hint="its custodian sets one with the vendor's tool")
            if not pin.reveal():
                raise self._error("an empty PIN was not tried", hint="type the PIN of this token")
            if pin.text() != device.pin:
                device.wrong += 1
                raise WrongPin(device.serial, retries_left=self._pin_state().retries_left)
            device.wrong = 0
            self._unlocked = True

    def find(self, label: str) -> TokenKey | None:
        with self._acting("find"):
            return self._find(label)

    def find_public(self, public: PublicKey) -> TokenKey | None:
        with self._acting("find_public"):
            self._check_unlocked()
            return next((key.shown for key in self.device.keys if key.shown.public == public), None)

    def generate(self, request: KeyRequest) -> TokenKey:
        with self._acting("generate"):
            self._check_unlocked()
            if request.label in [*self.device.certificates, *(key.shown.label for key in self.device.keys)]:
                raise self._error(f"already holds an object labelled {request.label!r}", hint="nothing was made")
            private = software_key.make(request.algorithm)
            attributes = KeyAttributes(
                local=True,
                sensitive=True,
                extractable=request.extractable,
                always_sensitive=True,
                never_extractable=not request.extractable,
            )
            shown = TokenKey(request.label, request.key_id, private.public, attributes)
            self.device.keys.append(FakeKey(shown, private))
            return shown

    def import_key(self, request: KeyRequest, private: SoftwareKey) -> TokenKey:
        with self._acting("import_key"):
            self._check_unlocked()
            if request.label in [*self.device.certificates, *(key.shown.label for key in self.device.keys)]:
                raise self._error(f"already holds an object labelled {request.label!r}", hint="nothing was made")
            shown = TokenKey(request.label, request.key_id, private.public, BROUGHT)
            self.device.keys.append(FakeKey(shown, private))
            return shown

    def forget_pin(self) -> bool:
        return True

    @property
    def piv(self) -> Piv | None:
        return None

    def sign(self, key: TokenKey, scheme: Scheme, messages: Sequence[bytes]) -> list[bytes]:
        return [signature for batch in self.sign_stream(key, scheme, [messages]) for signature in batch]

    def sign_stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        if scheme not in _SCHEMES[key.public.algorithm]:
            raise self._error(f"{scheme} is not a scheme of {key.public.algorithm}", hint="name the key's own scheme")
        return self._stream(key, scheme, batches)

    def wrap(self, key: TokenKey, wrapping_key: Secret) -> bytes:
        with self._acting("wrap"):
            held = self._held(key)
            if len(wrapping_key.reveal()) != 32:
                raise self._error("a wrapping key has 32 bytes, this one has not", hint="make one for this ceremony")
            if not held.shown.attributes.extractable or key.public.algorithm is Algorithm.ED25519:
                raise self._error(
                    f"does not let the key {key.label!r} leave", hint="only a key of custody token-wrapped may leave"
                )
            der = held.private.pkcs8()
            padded = der + bytes(-len(der) % 8)  # as SoftHSM does
            return keywrap.aes_key_wrap_with_padding(wrapping_key.reveal(), padded)

    def unwrap(self, request: KeyRequest, public: PublicKey, wrapped: bytes, wrapping_key: Secret) -> TokenKey:
        with self._acting("unwrap"):
            self._check_unlocked()
            if request.label in [*self.device.certificates, *(key.shown.label for key in self.device.keys)]:
                raise self._error(f"already holds an object labelled {request.label!r}", hint="nothing was made")
            try:
                private = backup.unwrap(wrapped, wrapping_key, request.label)
            except VerificationError as error:
                raise self._error(f"did not unwrap the key {request.label!r}", hint="it is damaged") from error
            shown = TokenKey(request.label, request.key_id, public, replace(BROUGHT, extractable=request.extractable))
            self.device.keys.append(FakeKey(shown, private))
            return shown

    def lock(self, key: TokenKey) -> TokenKey:
        with self._acting("lock"):
            held = self._held(key)
            if self.device.keeps_extractable:
                raise self._error(
                    f"does not show the key {key.label!r} as locked", hint="do not use this token; record a deviation"
                )
            held.shown = replace(held.shown, attributes=replace(held.shown.attributes, extractable=False))
            return held.shown

    def close(self) -> None:
        self._lost = self._lost or "was closed"
        self._unlocked = False

    def _stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        ahead: Sequence[bytes] | None = None
        for messages in batches:  # one ahead, as the real one
            before, ahead = ahead, messages
            if before is not None:
                yield self._batch(key, scheme, before)
        if ahead is not None:
            yield self._batch(key, scheme, ahead)

    def _batch(self, key: TokenKey, scheme: Scheme, messages: Sequence[bytes]) -> list[bytes]:
        with self._acting("sign"):
            private = self._held(key).private
            return [self._signature(private, scheme, message) for message in messages]

    def _signature(self, private: SoftwareKey, scheme: Scheme, message: bytes) -> bytes:
        self.device.signed += 1
        if self.device.signed in self.device.spoiled:
            message += b"spoiled"
        if scheme is Scheme.RSA_PKCS1_SHA256:
            key = serialization.load_der_private_key(private.pkcs8(), None)
            assert isinstance(key, rsa.RSAPrivateKey)
            return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return private.sign(scheme, message)

    def _held(self, key: TokenKey) -> FakeKey:
        self._check_unlocked()
        for held in self.device.keys:
            if (held.shown.label, held.shown.key_id) == (key.label, key.key_id):
                return held
        raise self._error(f"holds no private key labelled {key.label!r}", hint="check that the right token is plugged in")

    def _find(self, label: str) -> TokenKey | None:
        self._check_unlocked()
        found = [key.shown for key in self.device.keys if key.shown.label == label]
        if len(found) > 1:
            raise self._error(
                f"holds more than one private key labelled {label!r}", hint="use a token that only ceremonies write to"
            )
        return found[0] if found else None

    def _pin_state(self) -> PinState:
        left = self.device.tries - self.device.wrong
        tells = left <= 1  # PKCS#11 tells the last try, not a number
        return PinState(max(left, 0) if tells else None, left <= 0, self.device.pin_initialised)

    def _check_unlocked(self) -> None:
        if not self._unlocked:
            raise self._error("is locked", hint="unlock it with its PIN first")

    def _acting(self, method: str) -> _Acting:
        return _Acting(self, method)

    def _error(self, what: str, *, hint: str) -> TokenError:
        return TokenError(self.device.serial, what, hint=hint)


class _Acting:
    """One call: refused when the token is lost, lost when a fault is due."""

    def __init__(self, token: FakeToken, method: str) -> None:
        self._token = token
        self._method = method
        self._after = False

    def __enter__(self) -> None:
        token = self._token
        if not token._lost and not token.device.plugged:
            token._lost = "stopped answering"
        if token._lost:
            self._lose(token._lost)
        fault = token.device.fault(self._method)
        if fault is not None and not fault.after:
            token.device.plugged = False
            self._lose("stopped answering")
        self._after = fault is not None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._after:
            self._token.device.plugged = False
            self._lose("stopped answering")

    def _lose(self, what: str) -> None:
        self._token._lost = what
        raise TokenLost(self._token.device.serial, what, hint="put it in again, and try again; or stop and resume the ceremony")


class FakeRack:
    """Devices by their names; implements `ceremony.core.ports.TokenRack`."""

    def __init__(self, *devices: FakeDevice) -> None:
        self.devices = {device.name: device for device in devices}

    def open(self, name: str) -> FakeToken:
        """Open a device; one that was lost is put back first."""
        if name not in self.devices:
            raise TokenError(name, "is not in the site file", hint=f"add [tokens.{name}] with its pkcs11 URI and module")
        if self.devices[name].absent:
            raise TokenAbsent(
                name, "no token matches its URI; its module shows none at all", hint="plug it in, or correct the site file"
            )
        device = self.devices[name]
        device.replug()
        if device.kind == "yubikey":
            from tests.fakes.piv import FakeYubiKey

            return FakeYubiKey(device)
        return FakeToken(device)


_ECDSA = {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384}
_RSA = {Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256}
_SCHEMES = {
    Algorithm.ECDSA_P256: _ECDSA,
    Algorithm.ECDSA_P384: _ECDSA,
    Algorithm.RSA_3072: _RSA,
    Algorithm.RSA_4096: _RSA,
    Algorithm.ED25519: {Scheme.ED25519},
}


def fake_rack(*names: str, pin: str = "123456", software: bool = True) -> FakeRack:
    """Return a rack with a fresh device for each name."""
    return FakeRack(*(FakeDevice(name, pin=pin, software=software) for name in names))
