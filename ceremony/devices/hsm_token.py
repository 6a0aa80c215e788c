# SPDX-License-Identifier: Apache-2.0
"""The `Token` port over a PKCS#11 module in a process of its own.

One open token is one worker process (`hsm_worker`), reached through one link; what
it says is turned into the values and errors of the port here. Nothing is guessed:
one key a label, no label is used twice, and every key is read back after it was
made or changed.

A lost token stays lost until it is opened anew. Signatures are given as the token
made them; verifying them is left to the steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.keys import PublicKey, Scheme
from ceremony.core.ports import KeyRequest, PinState, TokenIdentity, TokenKey
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.devices import hsm_identity, hsm_import, hsm_keys
from ceremony.devices.hsm_link import HsmLink, Said
from ceremony.devices.hsm_wire import Fault, KeyFacts, TokenFacts
from ceremony.errors import PinLocked, TokenError, TokenLost, WrongPin

BATCH = 500
"""Signatures a request: enough that the process costs nothing, few enough that a loss costs little."""

_GENERATE_PATIENCE = 10
"""Deadlines that making a key may take: a smart card looks for primes for minutes."""

_WRAPPING_KEY_BYTES = 32

_SENTENCES = {
    Fault.LOGGED_OUT: ("is locked", "unlock it with its PIN first"),
    Fault.OCCUPIED: (
        "already holds an object labelled {label!r}",
        "nothing was made; use another token, or resume the ceremony that made it",
    ),
    Fault.NO_KEY: ("holds no private key labelled {label!r}", "check that the right token is plugged in"),
    Fault.SEVERAL_KEYS: ("holds more than one private key labelled {label!r}", "use a token that only ceremonies write to"),
    Fault.MAY_NOT_LEAVE: (
        "does not let the key {label!r} leave",
        "only a key of custody token-wrapped may leave, before it is locked",
    ),
    Fault.STILL_LEAVES: ("still wraps the key {label!r}, though it was locked", "do not use this token; record a deviation"),
    Fault.NOT_UNWRAPPED: ("did not unwrap the key {label!r}", "it is damaged, or wrapped under another key"),
    Fault.UNSUPPORTED: (
        "does not support what it was asked ({cause})",
        "choose an algorithm and a custody that this token can do",
    ),
    Fault.FULL: ("has no room left", "use an empty token"),
    Fault.READ_ONLY: ("is write-protected", "take off its protection, or use another token"),
    Fault.PIN_UNSET: ("has no PIN yet", "its custodian sets one with the vendor's tool"),
    Fault.PIN_WRONG: ("did not take the PIN ({cause})", "compare the serial on the token with the PIN's envelope"),
    Fault.PIN_LOCKED: ("has a blocked PIN", "its custodian can unblock it with the SO PIN"),
}


class HsmToken:
    """An open PKCS#11 token; implements `ceremony.core.ports.Token`. Not for more than one thread."""

    def __init__(self, link: HsmLink, identity: TokenIdentity) -> None:
        self._link = link
        self._identity = identity
        self._blocked = False

    @property
    def identity(self) -> TokenIdentity:
        """Return what names this token; read once, when it was opened."""
        return self._identity

    def pin_state(self) -> PinState:
        """Read the PIN's state without spending a try."""
        state = hsm_identity.pin_state(TokenFacts.of(self._call("state")).flags)
        # Some tokens tell that a PIN is blocked only to whoever tries it, and not in their flags.
        return replace(state, retries_left=0, locked=True) if self._blocked else state

    def unlock(self, pin: Secret) -> None:
        """Log in. Raises WrongPin (with the tries left) or PinLocked; never tries twice.

        A token that is unlocked already is locked first, so that this PIN, too, is really
        tried. No try is spent on an empty PIN, a blocked one, or one that was never set.
        """
        serial = self._identity.serial
        state = self.pin_state()
        if state.locked:
            raise PinLocked(serial)
        if not state.initialised:
            raise self._error(Fault.PIN_UNSET, "", "")
        if not pin.reveal():
            raise TokenError(serial, "an empty PIN was not tried", hint="type the PIN of this token")
        try:
            self._link.call("login", pin=pin.text())
        except Said as said:
            if said.fault is Fault.PIN_WRONG:
                raise WrongPin(serial, retries_left=self.pin_state().retries_left) from said
            if said.fault is Fault.PIN_LOCKED:
                self._blocked = True
                raise PinLocked(serial) from said
            raise self._error(said.fault, said.cause, "") from said

    def find(self, label: str) -> TokenKey | None:
        """Return the one private key with this label, None when there is none; raises TokenError for two."""
        found = self._keys(label)
        if len(found) > 1:
            raise self._error(Fault.SEVERAL_KEYS, "", label)
        return hsm_keys.token_key(self._identity.serial, found[0]) if found else None

    def find_public(self, public: PublicKey) -> TokenKey | None:
        """Return the one private key whose public half this is; None when there is none."""
        found: list[TokenKey] = []
        for facts in self._keys(None):
            try:
                key = hsm_keys.token_key(self._identity.serial, facts)
            except TokenError:
                continue  # somebody else's key, of a kind that we do not use
            if key.public == public:
                found.append(key)
        if len(found) > 1:
            raise TokenError(
                self._identity.serial,
                f"holds the key {public.sha256[:16]} more than once",
                hint="use a token that only ceremonies write to",
            )
        return found[0] if found else None

    def generate(self, request: KeyRequest) -> TokenKey:
        """Make a key pair on the token and read it back.

        Raises TokenError when the label is occupied, when the token cannot make such a key,
        and when what it then shows is not what was asked for.
        """
        shape = hsm_keys.SHAPES[request.algorithm]
        self._call(
            "generate",
            patience=_GENERATE_PATIENCE,
            label=request.label,
            key_id=request.key_id.hex(),
            kind=shape.kind,
            params=shape.params,
            bits=shape.bits,
            extractable=request.extractable,
        )
        key = self._shown(request, "made")
        hsm_keys.check_made(self._identity.serial, request, key)
        return key

    def import_key(self, request: KeyRequest, private: SoftwareKey) -> TokenKey:
        """Put a key that was made elsewhere on the token, never extractable, and read it back.

        Raises TokenError when the label is occupied, when the token takes no such key, and
        when what it then shows is another key, or one that it calls its own.
        """
        parts: JsonObject = dict(hsm_import.private_parts(private))
        try:
            self._put("put", request, private.public, private=parts)
        except Said as said:
            if said.fault not in hsm_import.NOT_IN_THE_CLEAR:
                raise self._error(said.fault, said.cause, request.label) from said
            self._put_wrapped(request, private, said.cause)
        key = self._shown(request, "was given")
        hsm_keys.check_imported(self._identity.serial, request, private.public, key)
        return key

    def unwrap(self, request: KeyRequest, public: PublicKey, wrapped: bytes, wrapping_key: Secret) -> TokenKey:
        """Put a key that `wrap` gave on the token, unwrapped inside it, and read it back.

        Raises TokenError when the label is occupied, for what does not unwrap, and when what the
        token then shows is another key, or one that it calls its own.
        """
        secret = self._wrapping(wrapping_key).hex()
        try:
            self._put("unwrap", request, public, wrapped=wrapped.hex(), wrapping_key=secret, extractable=request.extractable)
        except Said as said:
            raise self._error(said.fault, said.cause, request.label) from said
        key = self._shown(request, "was given")
        hsm_keys.check_imported(self._identity.serial, request, public, key)
        return key

    def forget_pin(self) -> bool:
        """Return True: a token that was logged in to stays so, and no PIN is held here."""
        return True

    @property
    def piv(self) -> None:
        """Return None: this is no YubiKey."""
        return

    def sign(self, key: TokenKey, scheme: Scheme, messages: Sequence[bytes]) -> list[bytes]:
        """Return a signature in wire form for each message, in order; raises TokenError."""
        batches = (messages[start : start + BATCH] for start in range(0, len(messages), BATCH))
        return [signature for batch in self.sign_stream(key, scheme, batches) for signature in batch]

    def sign_stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        """Yield the signatures of each batch, in order, preparing the next while the caller works on this one; raises TokenError.

        One batch is ahead: the token works on it while the caller has the one before.
        """
        hsm_keys.check_scheme(self._identity.serial, key.public.algorithm, scheme)
        return self._stream(key, scheme, batches)

    def wrap(self, key: TokenKey, wrapping_key: Secret) -> bytes:
        """Return the private key's PKCS#8 under AES-KWP (RFC 5649); raises TokenError when it may not leave.

        The token may have padded the PKCS#8 with zeros: its own DER length is the end of it.
        """
        secret = self._wrapping(wrapping_key)
        answer = self._call("wrap", label=key.label, key_id=key.key_id.hex(), wrapping_key=secret.hex())
        return bytes.fromhex(str(answer["wrapped"]))

    def lock(self, key: TokenKey) -> TokenKey:
        """Set EXTRACTABLE to false for good; return the key as it reads afterwards.

        Raises TokenError when it does not read as false, or when the token then still wraps the key.
        """
        self._call("lock", label=key.label, key_id=key.key_id.hex())
        locked = self.find(key.label)
        if locked is None or locked.public != key.public or hsm_keys.told(locked).extractable:
            raise TokenError(
                self._identity.serial,
                f"does not show the key {key.label!r} as locked",
                hint="do not use this token; record a deviation",
            )
        return locked

    def close(self) -> None:
        """Log out and let the device go; never raises."""
        self._link.close()

    def _stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        ahead: tuple[int, int] | None = None
        try:
            for messages in batches:
                data: list[Json] = [scheme.prehash(message).hex() for message in messages]
                before, number = (
                    ahead,
                    self._link.send("sign", label=key.label, key_id=key.key_id.hex(), scheme=scheme.value, data=data),
                )
                ahead = (number, len(data))
                if before is not None:
                    yield self._signatures(key, *before)
            if ahead is not None:
                last, ahead = ahead, None
                yield self._signatures(key, *last)
        finally:
            if ahead is not None:
                self._link.forget(ahead[0])

    def _signatures(self, key: TokenKey, number: int, count: int) -> list[bytes]:
        try:
            answer = self._link.receive(number)
        except Said as said:
            raise self._error(said.fault, said.cause, key.label) from said
        given = answer["signatures"]
        if not isinstance(given, list) or len(given) != count:
            raise TokenError(
                self._identity.serial,
                "did not give a signature for each message",
                hint="try again, or stop and resume the ceremony",
            )
        return [hsm_keys.wire_signature(self._identity.serial, key.public, bytes.fromhex(str(one))) for one in given]

    def _wrapping(self, key: Secret) -> bytes:
        secret = key.reveal()
        if len(secret) != _WRAPPING_KEY_BYTES:
            raise TokenError(
                self._identity.serial, "a wrapping key has 32 bytes, this one has not", hint="make one for this ceremony"
            )
        return secret

    def _put_wrapped(self, request: KeyRequest, private: SoftwareKey, refused: str) -> None:
        try:
            carrier = Secret(bytes.fromhex(str(self._link.call("carrier")["value"])))
            wrapped = hsm_import.wrapped(private, carrier.reveal())
            carrier.wipe()
            self._put("put_wrapped", request, private.public, wrapped=wrapped.hex())
        except Said as said:
            raise self._error(said.fault, f"{refused}; wrapped: {said.cause}", request.label) from said

    def _put(self, operation: str, request: KeyRequest, public: PublicKey, **private: Json) -> None:
        parts: JsonObject = dict(hsm_import.public_parts(public))
        kind, key_id = hsm_keys.SHAPES[public.algorithm].kind, request.key_id.hex()
        self._link.call(operation, patience=1.0, label=request.label, key_id=key_id, kind=kind, public=parts, **private)

    def _shown(self, request: KeyRequest, how: str) -> TokenKey:
        key = self.find(request.label)
        if key is None:
            raise TokenError(
                self._identity.serial, f"does not show the key {request.label!r} that it {how}", hint="use another token"
            )
        return key

    def _keys(self, label: str | None) -> list[KeyFacts]:
        found = self._call("keys", label=label)["keys"]
        return [KeyFacts.of(facts) for facts in found] if isinstance(found, list) else []

    def _call(self, operation: str, *, patience: float = 1.0, **values: Json) -> JsonObject:
        try:
            return self._link.call(operation, patience=patience, **values)
        except Said as said:
            raise self._error(said.fault, said.cause, str(values.get("label", ""))) from said

    def _error(self, fault: Fault, cause: str, label: str) -> TokenError:
        serial = self._identity.serial
        if fault is Fault.LOST:
            what = "stopped answering" + (f" ({cause})" if cause else "")
            try:
                self._link.lose(what, "put it in again, and try again; or stop and resume the ceremony")
            except TokenLost as lost:
                return lost
        sentence, hint = _SENTENCES.get(
            fault, ("refused what it was asked ({cause})", "look at the token with its vendor's tool")
        )
        return TokenError(serial, sentence.format(label=label, cause=cause), hint=hint)
