# SPDX-License-Identifier: Apache-2.0
"""The `Token` port over one slot of a YubiKey.

A YubiKey's keys have no labels: whatever is asked for by label is the key in the
slot, if there is one. Making a key wants the management key, signing the PIN; to
look, neither. Nothing is overwritten; what was made is read back. Policies, hash and
padding are always said, never left to a default.

A signature is given as the card made it; verifying it is left to the steps. A key
with PIN policy `always` costs two commands a signature, others one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from cryptography.hazmat.primitives import serialization
from yubikit.core.smartcard import SW
from yubikit.piv import INS_AUTHENTICATE, KEY_TYPE, PIN_POLICY, SLOT, TOUCH_POLICY, PivSession, PrivateKey

from ceremony.core.keys import Algorithm, PublicKey, Scheme, der_to_raw, from_crypto
from ceremony.core.ports import KeyRequest, PinState, TokenIdentity, TokenKey
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.devices.hsm_keys import check_scheme
from ceremony.devices.yubikey_access import YubiKeyAccess
from ceremony.devices.yubikey_facts import KEY_TYPES, NEW_KEYS, PIN_POLICIES, TOUCH_POLICIES, SlotFacts, block
from ceremony.devices.yubikey_link import Answer, YubiKeyLink
from ceremony.devices.yubikey_piv import YubiKeyPiv
from ceremony.devices.yubikey_slot import challenge, occupied_by, read_key, response
from ceremony.errors import TokenError, VerificationError, WrongPin

_SALT_BYTES = 32
_FOR_EVERY_SIGNATURE = {"always", "match-always"}
_Kind = tuple[KEY_TYPE, PIN_POLICY, TOUCH_POLICY]


class YubiKeyToken:
    """An open YubiKey and one of its slots; implements `ceremony.core.ports.Token`. Not for more than one thread."""

    def __init__(self, link: YubiKeyLink, identity: TokenIdentity, reader: str = "") -> None:
        self.reader = reader
        """The reader that it was opened in."""
        self._link = link
        self._identity = identity
        self._slot = SLOT(int(identity.slot, 16))
        self._access = YubiKeyAccess(link)
        self._piv = YubiKeyPiv(link, self._access, self._slot)
        self._known: tuple[int, SlotFacts | None] = (-1, None)

    @property
    def identity(self) -> TokenIdentity:
        """Return what names this token; read once, when it was opened."""
        return self._identity

    @property
    def piv(self) -> YubiKeyPiv:
        """What only a YubiKey can do."""
        return self._piv

    def pin_state(self) -> PinState:
        """Read the PIN's state without spending a try."""
        return self._access.pin_state()

    def unlock(self, pin: Secret) -> None:
        """Have the card check the PIN, and hold it for signing. Raises WrongPin (with the tries left) or PinLocked; never tries twice.

        No try is spent on an empty PIN, a blocked one, or one that is too short or too long.
        """
        self._access.unlock(pin)

    def forget_pin(self) -> bool:
        """Drop the PIN that is held; return False, as the token does not stay unlocked."""
        self._access.forget_pin()
        return False

    def find(self, label: str) -> TokenKey | None:  # noqa: ARG002  (keys of a YubiKey have none)
        """Return the key in the slot, whatever it was made for; None for an empty slot. Needs no PIN."""
        facts = self._facts()
        return None if facts is None else self._key(facts)

    def find_public(self, public: PublicKey) -> TokenKey | None:
        """Return the key in the slot, if its public half is this one; None otherwise. Needs no PIN."""
        facts = self._facts()
        return self._key(facts) if facts is not None and facts.spki == public.spki else None

    def generate(self, request: KeyRequest) -> TokenKey:
        """Make a key pair in the slot and read it back; the management key was given before.

        Raises TokenError when the slot is occupied, when the firmware cannot make such a
        key, and when what it then shows is not what was asked for.
        """
        kind = self._kind(request)

        def make(session: PivSession) -> PublicKey:
            self._check_free(session)
            return from_crypto(session.generate_key(self._slot, *kind))

        return self._made(request, make, generated=True)

    def import_key(self, request: KeyRequest, private: SoftwareKey) -> TokenKey:
        """Put a key that was made elsewhere in the slot and read it back; raises as `generate`."""
        _, pin, touch = self._kind(request)
        if private.public.algorithm is not request.algorithm:
            raise self._error(f"was given a key of {private.public.algorithm}, not {request.algorithm}", "give it the right key")

        def put(session: PivSession) -> PublicKey:
            self._check_free(session)
            session.put_key(self._slot, _loaded(private), pin, touch)
            return private.public

        return self._made(request, put, generated=False)

    def sign(self, key: TokenKey, scheme: Scheme, messages: Sequence[bytes]) -> list[bytes]:
        """Return a signature in wire form for each message, in order; raises TokenError."""
        return [signature for batch in self.sign_stream(key, scheme, [messages]) for signature in batch]

    def sign_stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        """Yield the signatures of each batch, in order, with the next one taken already; raises TokenError.

        Nothing is signed before the first batch is asked for, and no batch before it is asked for.
        """
        check_scheme(self._link.who, key.public.algorithm, scheme)
        return self._stream(key, scheme, batches)

    def wrap(self, key: TokenKey, wrapping_key: Secret) -> bytes:  # noqa: ARG002  (of the port)
        """Refuse: a YubiKey lets no key leave."""
        raise self._stays(key)

    def unwrap(self, request: KeyRequest, public: PublicKey, wrapped: bytes, wrapping_key: Secret) -> TokenKey:  # noqa: ARG002  (of the port)
        """Refuse: a YubiKey unwraps no keys."""
        raise self._error("unwraps no keys", "put the key on it in the clear, or take a PKCS#11 token")

    def lock(self, key: TokenKey) -> TokenKey:
        """Refuse: a YubiKey lets no key leave, so there is nothing to lock."""
        raise self._stays(key)

    @property
    def is_open(self) -> bool:
        """Whether it was neither closed nor lost."""
        return self._link.is_open

    def close(self) -> None:
        """Wipe what was held and let the device go; never raises."""
        self._access.forget()
        self._link.close()

    def _stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        ahead: list[bytes] | None = None
        for messages in batches:
            salt = secrets.token_bytes
            before = ahead
            ahead = [block(self._link.who, key.public.algorithm, scheme, message, salt(_SALT_BYTES)) for message in messages]
            if before is not None:
                yield self._signed(key, before)
        if ahead is not None:
            yield self._signed(key, ahead)

    def _signed(self, key: TokenKey, blocks: Sequence[bytes]) -> list[bytes]:
        self._access.check_unlocked()
        epoch, facts = self._known
        if facts is None or epoch != self._link.epoch:
            facts = self._facts()
        if facts is None or key.label != self._identity.slot or facts.spki != key.public.spki:
            raise self._error(f"holds no private key labelled {key.label!r}", "check that the right token is plugged in")
        kind, always = KEY_TYPES[key.public.algorithm], facts.pin_policy in _FOR_EVERY_SIGNATURE

        def act(session: PivSession) -> list[bytes]:
            given = []
            for data in blocks:
                if always or not self._link.verified:
                    self._access.verify(session)
                given.append(response(session.protocol.send_apdu(0, INS_AUTHENTICATE, kind, self._slot, challenge(data))))
            return given

        try:
            given = self._link.talk(act)
        except Answer as answer:
            raise self._unsigned(answer, facts) from answer
        return [self._wire(key.public.algorithm, signature) for signature in given]

    def _unsigned(self, answer: Answer, facts: SlotFacts) -> TokenError:
        if answer.tries is not None:
            return WrongPin(self._link.who, retries_left=answer.tries)
        if answer.status == SW.SECURITY_CONDITION_NOT_SATISFIED and facts.touch_policy != "never":
            # The PIN was taken a moment ago, so it is the finger that is missing.
            return self._error("was not touched in time; nothing was spent", "sign again, and touch it while it blinks")
        return self._link.refusal(answer)

    def _wire(self, algorithm: Algorithm, signature: bytes) -> bytes:
        size = 64 if algorithm is Algorithm.ED25519 else algorithm.bits // 8
        try:
            wire = der_to_raw(signature, algorithm) if algorithm.half else signature
        except VerificationError as error:
            raise self._no_signature(signature, algorithm) from error
        if not algorithm.half and len(wire) != size:
            raise self._no_signature(signature, algorithm)
        return wire

    def _no_signature(self, signature: bytes, algorithm: Algorithm) -> TokenError:
        return self._error(
            f"gave {len(signature)} bytes that are not a signature of {algorithm}", "do not use this token; record a deviation"
        )

    def _kind(self, request: KeyRequest) -> _Kind:
        pin, touch = PIN_POLICIES.get(request.pin_policy), TOUCH_POLICIES.get(request.touch_policy)
        if pin is None or touch is None:
            raise self._error(
                f"makes no key with PIN policy {request.pin_policy!r} and touch policy {request.touch_policy!r}",
                "PIN: once or always; touch: never, cached or always",
            )
        if request.extractable:
            raise self._error("lets no key leave, so it cannot make one that may", "choose custody token-only or imported")
        new = request.algorithm not in {Algorithm.ECDSA_P256, Algorithm.ECDSA_P384}
        if new and self._link.firmware < NEW_KEYS:
            raise self._error(
                f"cannot hold {request.algorithm} with firmware {self._identity.firmware}",
                f"choose ecdsa-p256 or ecdsa-p384, or a YubiKey with firmware {NEW_KEYS} or later",
            )
        return KEY_TYPES[request.algorithm], pin, touch

    def _check_free(self, session: PivSession) -> None:
        self._access.authorise_again(session)
        what = occupied_by(session, self._slot)
        if what:
            raise self._error(
                f"slot {self._identity.slot} already holds {what}",
                "nothing was made; use another slot or token, or resume the ceremony that made it",
            )

    def _made(self, request: KeyRequest, make: Callable[[PivSession], PublicKey], *, generated: bool) -> TokenKey:
        public = self._link.ask(make)
        facts = self._facts()
        if facts is None:
            raise self._error(f"does not show the key in slot {self._identity.slot}", "use another token")
        wrong = {
            f"is {facts.algorithm}": facts.algorithm != KEY_TYPES[request.algorithm].name,
            "is another one than it gave": facts.spki != public.spki,
            "was imported" if generated else "was generated": facts.generated is not generated,
            f"has PIN policy {facts.pin_policy}": facts.pin_policy != request.pin_policy,
            f"has touch policy {facts.touch_policy}": facts.touch_policy != request.touch_policy,
        }
        found = [what for what, is_so in wrong.items() if is_so]
        if found:
            raise self._error(
                f"shows in slot {self._identity.slot} a key that {', '.join(found)}",
                "do not use this token for a root key; record a deviation",
            )
        return self._key(facts)

    def _facts(self) -> SlotFacts | None:
        facts = self._link.ask(lambda session: read_key(session, self._slot))
        self._known = self._link.epoch, facts
        return facts

    def _key(self, facts: SlotFacts) -> TokenKey:
        return TokenKey(facts.slot, b"", facts.public(self._link.who), None, facts.touch_policy)

    def _stays(self, key: TokenKey) -> TokenError:
        return self._error(
            f"does not let the key {key.label!r} leave", "a YubiKey never does; choose custody token-only or imported"
        )

    def _error(self, what: str, hint: str) -> TokenError:
        return TokenError(self._link.who, what, hint=hint)


def _loaded(private: SoftwareKey) -> PrivateKey:
    return cast("PrivateKey", serialization.load_der_private_key(private.pkcs8(), None))
