# SPDX-License-Identifier: Apache-2.0
"""The process that holds a PKCS#11 module: `python -m ceremony.devices.hsm_worker MODULE`.

The only importer of `pkcs11`, with its part `hsm_put`, and all of it that we use, which
is why it is longer than its neighbours. Vendor modules crash, hang and write to standard output; here
they take nothing with them but this process. One thread, one module, one token at
a time; requests come and answers go as `hsm_wire` says. PINs arrive in requests only.

What it knows is PKCS#11 v2.40 and the traps of python-pkcs11: every mechanism is
named, every search is read to its end, a failed login is followed by a fresh
start. What its answers mean is left to `hsm_token`.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, cast

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
from pkcs11.attributes import AttributeMapper, handle_ulong
from pkcs11.constants import DEFAULT
from pkcs11.exceptions import (
    AttributeSensitive,
    AttributeTypeInvalid,
    FunctionFailed,
    GeneralError,
    TokenNotPresent,
    TokenNotRecognised,
    WrappedKeyInvalid,
)
from pkcs11.mechanisms import MGF
from pkcs11.types import Key, Object, SecretKey, Session, SignMixin, Token, WrapMixin

from ceremony.core.canonical import JsonObject
from ceremony.devices import hsm_put
from ceremony.devices.hsm_serve import Pipe, Refused
from ceremony.devices.hsm_wire import BUSY_SECONDS, OPERATIONS, Fault, clean, fault_of, hexes

# RFC 8017, section 9.2, note 1: DigestInfo of SHA-256.
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_PSS = (Mechanism.SHA256, MGF.SHA256, 32)
_SCHEMES: dict[str, tuple[Mechanism, tuple[Mechanism, MGF, int] | None, bytes]] = {
    "ecdsa-sha256": (Mechanism.ECDSA, None, b""),
    "ecdsa-sha384": (Mechanism.ECDSA, None, b""),
    "rsa-pss-sha256": (Mechanism.RSA_PKCS_PSS, _PSS, b""),
    "rsa-pkcs1-sha256": (Mechanism.RSA_PKCS, None, _DIGEST_INFO),
    "ed25519": (Mechanism.EDDSA, None, b""),
}
"""Mechanism, parameter, and what stands before the digest; never a library's default."""

_KINDS: dict[int, str] = {KeyType.EC: "ec", KeyType.EC_EDWARDS: "edwards", KeyType.RSA: "rsa"}
_GENERATE = {
    "ec": Mechanism.EC_KEY_PAIR_GEN,
    "edwards": Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
    "rsa": Mechanism.RSA_PKCS_KEY_PAIR_GEN,
}
_HELD = {
    "local": Attribute.LOCAL,
    "sensitive": Attribute.SENSITIVE,
    "extractable": Attribute.EXTRACTABLE,
    "always_sensitive": Attribute.ALWAYS_SENSITIVE,
    "never_extractable": Attribute.NEVER_EXTRACTABLE,
}
_SHOWN = {
    "params": Attribute.EC_PARAMS,
    "point": Attribute.EC_POINT,
    "modulus": Attribute.MODULUS,
    "exponent": Attribute.PUBLIC_EXPONENT,
}
# Some tokens refuse capabilities that are spelled out as false, so what is not wanted is left unsaid.
_UNSAID = dict.fromkeys((Attribute.ENCRYPT, Attribute.WRAP, Attribute.DECRYPT, Attribute.UNWRAP, Attribute.DERIVE), DEFAULT)
_WRAPPER: dict[Attribute, Any] = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.WRAP: True,
}


class Worker:
    """One module and the token that was selected; each public method is an operation of the wire."""

    def __init__(self, module: str, busy: Callable[[], None]) -> None:
        self._module = module
        self._library = pkcs11.lib(module)
        self._busy = busy
        self._mapper = _tolerant_mapper()
        self._name: tuple[str, str] | None = None
        self._session: Session | None = None
        self._user = False
        self._keys: dict[tuple[str, str], Object] = {}
        self._carrier: SecretKey | None = None

    def tokens(self) -> JsonObject:
        """Return every token that the module shows."""
        return {"tokens": [_facts(token) for token in self._tokens()]}

    def select(self, slot: int, serial: str, label: str) -> JsonObject:
        """Open a session on the token in `slot`, which must still be the one of this serial and label."""
        found = [token for token in self._tokens() if token.slot.slot_id == slot]
        self._name = (serial, label)
        self._open(_one(token for token in found if _name(token) == self._name), None)
        return {}

    def state(self) -> JsonObject:
        """Return the selected token as it is now."""
        return _facts(self._selected())

    def login(self, pin: str) -> JsonObject:
        """Log in as user, once; a wrong PIN leaves the token selected and logged out."""
        # Logged in twice, a token answers "already logged in" to a wrong PIN too: so it is logged out first.
        self._leave()
        try:
            self._open(self._selected(), pin)
        except pkcs11.PKCS11Error:
            # A failed login leaks its session, which then stands in the way of the next.
            with suppress(pkcs11.PKCS11Error, Refused):
                self._library.reinitialize()
                self._open(self._selected(), None)
            raise
        return {}

    def count(self, slot: int) -> JsonObject:
        """Return how many objects the token in `slot` shows to whoever has no PIN."""
        token = _one(token for token in self._tokens() if token.slot.slot_id == slot)
        with token.open(attribute_mapper=self._mapper) as session:
            return {"objects": len(list(session.get_objects({Attribute.TOKEN: True})))}

    def initialise(self, label: str, so_pin: str, user_pin: str) -> JsonObject:
        """Make a token in the first empty slot; never in one whose token is initialised."""
        tokens = self._tokens()
        before = {_name(token) for token in tokens}
        empty = [token for token in tokens if not token.flags & TokenFlag.TOKEN_INITIALIZED]
        if not empty:
            raise Refused(Fault.FULL)
        # python-pkcs11 has no C_InitToken; the module is loaded already, so this is the same instance.
        call = ctypes.CDLL(self._module).C_InitToken
        call.argtypes = (ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
        call.restype = ctypes.c_ulong
        pin = so_pin.encode()
        if call(empty[0].slot.slot_id, pin, len(pin), label.encode().ljust(32)):
            raise Refused(Fault.REFUSED)
        self._library.reinitialize()
        made = _one(token for token in self._tokens() if _name(token)[1] == label and _name(token) not in before)
        with made.open(rw=True, so_pin=so_pin) as session:
            session.init_pin(user_pin)
        return _facts(made.slot.get_token())

    def close(self) -> None:
        """Log out and let the module go, as far as it lets us."""
        with suppress(pkcs11.PKCS11Error):
            self._leave()
            self._library.finalize()

    def keys(self, label: str | None) -> JsonObject:
        """Return the private keys on the token, with their public halves; those with `label` when it is given."""
        wanted = {} if label is None else {Attribute.LABEL: label}
        return {"keys": [self._key_facts(key) for key in self._find(ObjectClass.PRIVATE_KEY, wanted)]}

    def generate(self, *, label: str, key_id: str, kind: str, params: str, bits: int, extractable: bool) -> JsonObject:
        """Make a key pair with a label that no object has."""
        session = self._logged_in()
        if list(session.get_objects({Attribute.LABEL: label})):
            raise Refused(Fault.OCCUPIED)
        how: dict[str, Any] = {
            "id": bytes.fromhex(key_id),
            "label": label,
            "store": True,
            "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
            "mechanism": _GENERATE[kind],
            "public_template": _UNSAID,
            "private_template": {
                **_UNSAID,
                Attribute.PRIVATE: True,
                Attribute.SENSITIVE: True,
                Attribute.EXTRACTABLE: extractable,
            },
        }
        if kind == "rsa":
            session.generate_keypair(KeyType.RSA, bits, **how)
        else:
            key_type = KeyType.EC if kind == "ec" else KeyType.EC_EDWARDS
            domain = {Attribute.EC_PARAMS: bytes.fromhex(params)}
            session.create_domain_parameters(key_type, domain, local=True).generate_keypair(**how)
        return {}

    def put(self, *, label: str, key_id: str, kind: str, public: Mapping[str, str], private: Mapping[str, str]) -> JsonObject:
        """Put a key on the token that was made elsewhere, its parts in the clear, under a label that no object has."""
        hsm_put.clear(self._logged_in(), hsm_put.named(label, key_id, kind), public, private)
        return {}

    def carrier(self) -> JsonObject:
        """Make a key for the next `put_wrapped`, and return its value."""
        self._carrier, value = hsm_put.carrier(self._logged_in())
        return {"value": value.hex()}

    def put_wrapped(self, *, label: str, key_id: str, kind: str, public: Mapping[str, str], wrapped: str) -> JsonObject:
        """Put a key on the token whose PKCS#8 is wrapped under the carrier, which is gone afterwards."""
        key, self._carrier = self._carrier, None
        if key is None:
            raise Refused(Fault.NO_KEY)
        try:
            hsm_put.unwrapped(self._logged_in(), hsm_put.named(label, key_id, kind), public, key, bytes.fromhex(wrapped))
        finally:
            key.destroy()
        return {}

    def unwrap(
        self, *, label: str, key_id: str, kind: str, public: Mapping[str, str], wrapped: str, wrapping_key: str, extractable: bool
    ) -> JsonObject:
        """Put a key on the token whose PKCS#8 is wrapped, under a wrapping key that lives for this call only."""
        session = self._logged_in()
        key = hsm_put.brought_carrier(session, bytes.fromhex(wrapping_key))
        try:
            named = hsm_put.named(label, key_id, kind)
            hsm_put.unwrapped(session, named, public, key, bytes.fromhex(wrapped), extractable=extractable)
        except (GeneralError, WrappedKeyInvalid) as error:
            self._selected()  # SoftHSM says of a wrong blob what others say when they are gone
            raise Refused(Fault.NOT_UNWRAPPED) from error
        finally:
            key.destroy()
        return {}

    def sign(self, label: str, key_id: str, scheme: str, data: list[str]) -> JsonObject:
        """Sign each digest (or, for Ed25519, message)."""
        key = cast("SignMixin", self._key(label, key_id))
        mechanism, parameter, prefix = _SCHEMES[scheme]
        due = time.monotonic() + BUSY_SECONDS
        signatures: list[bytes] = []
        for item in data:
            signatures.append(key.sign(prefix + bytes.fromhex(item), mechanism=mechanism, mechanism_param=parameter))
            if time.monotonic() >= due:
                self._busy()
                due = time.monotonic() + BUSY_SECONDS
        return {"signatures": [*hexes(signatures)]}

    def wrap(self, label: str, key_id: str, wrapping_key: str) -> JsonObject:
        """Wrap the key with AES-KWP (RFC 5649) under a wrapping key that lives for this call only."""
        return {"wrapped": self._wrapped(self._key(label, key_id), bytes.fromhex(wrapping_key)).hex()}

    def lock(self, label: str, key_id: str) -> JsonObject:
        """Set EXTRACTABLE to false for good, and see that wrapping is refused."""
        key = self._key(label, key_id)
        if key[Attribute.EXTRACTABLE]:
            key[Attribute.EXTRACTABLE] = False
        try:
            self._wrapped(key, os.urandom(32))
        except pkcs11.PKCS11Error as error:
            if fault_of(error) not in {Fault.MAY_NOT_LEAVE, Fault.UNSUPPORTED}:
                raise
            return {}
        raise Refused(Fault.STILL_LEAVES)

    def _tokens(self) -> list[Token]:
        tokens: list[Token] = []
        for slot in self._library.get_slots(token_present=True):
            with suppress(TokenNotPresent, TokenNotRecognised):
                tokens.append(slot.get_token())
        return tokens

    def _selected(self) -> Token:
        return _one(token for token in self._tokens() if _name(token) == self._name)

    def _open(self, token: Token, pin: str | None) -> None:
        self._session = token.open(rw=True, user_pin=pin, attribute_mapper=self._mapper)
        self._user = pin is not None

    def _leave(self) -> None:
        session, self._session, self._user = self._session, None, False
        self._keys.clear()
        if session is not None:
            session.close()

    def _logged_in(self) -> Session:
        if self._session is None or not self._user:
            raise Refused(Fault.LOGGED_OUT)
        return self._session

    def _find(self, kind: ObjectClass, wanted: dict[Attribute, Any]) -> list[Object]:
        # Read to the end: a search left open blocks the next operation of the session.
        found = list(self._logged_in().get_objects({Attribute.CLASS: kind, Attribute.TOKEN: True, **wanted}))
        if not found:
            self._selected()  # a token that is gone shows nothing either, and that is not the same
        return found

    def _key(self, label: str, key_id: str) -> Object:
        if (label, key_id) not in self._keys:
            found = self._find(ObjectClass.PRIVATE_KEY, {Attribute.LABEL: label, Attribute.ID: bytes.fromhex(key_id)})
            if len(found) != 1:
                raise Refused(Fault.SEVERAL_KEYS if found else Fault.NO_KEY)
            self._keys[label, key_id] = found[0]
        return self._keys[label, key_id]

    def _key_facts(self, key: Object) -> JsonObject:
        label, key_id = key[Attribute.LABEL], key[Attribute.ID]
        publics = self._find(ObjectClass.PUBLIC_KEY, {Attribute.ID: key_id})
        if len(publics) != 1:
            publics = [public for public in publics if public[Attribute.LABEL] == label]
        shown = _read(publics[0], _SHOWN) if len(publics) == 1 else dict.fromkeys(_SHOWN)
        return {
            "label": label,
            "key_id": key_id.hex(),
            "kind": _KINDS.get(key[Attribute.KEY_TYPE], ""),
            "publics": len(publics),
            **{name: (value or b"").hex() for name, value in shown.items()},
            **_read(key, _HELD),
        }

    def _wrapped(self, key: Object, wrapping_key: bytes) -> bytes:
        session = self._logged_in()
        # PKCS#11 v3.0 names RFC 5649 apart; before, and in SoftHSM, it is the one called "pad".
        named = Mechanism.AES_KEY_WRAP_KWP in session.token.slot.get_mechanisms()
        mechanism = Mechanism.AES_KEY_WRAP_KWP if named else Mechanism.AES_KEY_WRAP_PAD
        wrapper = session.create_object({**_WRAPPER, Attribute.VALUE: wrapping_key})
        try:
            return cast("WrapMixin", wrapper).wrap_key(cast("Key", key), mechanism=mechanism)
        finally:
            wrapper.destroy()


def _one(tokens: Iterable[Token]) -> Token:
    found = list(tokens)
    if len(found) != 1:
        raise Refused(Fault.LOST)
    return found[0]


def _name(token: Token) -> tuple[str, str]:
    return clean(token.serial.rstrip(b"\0 ").decode(errors="replace")), clean(token.label)


def _facts(token: Token) -> JsonObject:
    serial, label = _name(token)
    return {
        "slot": token.slot.slot_id,
        "label": label,
        "serial": serial,
        "manufacturer": clean(token.manufacturer_id),
        "model": clean(token.model),
        "firmware": "{}.{}".format(*token.firmware_version),
        "flags": int(token.flags),
    }


def _read(thing: Object, attributes: dict[str, Attribute]) -> dict[str, Any]:
    # One by one: some tokens answer for all of a list, or for none.
    values: dict[str, Any] = dict.fromkeys(attributes)
    for name, attribute in attributes.items():
        with suppress(AttributeTypeInvalid, AttributeSensitive, FunctionFailed):
            values[name] = thing[attribute]
    return values


def _tolerant_mapper() -> AttributeMapper:
    # Other people's objects may have classes and key types of their vendor, and labels that are not UTF-8.
    mapper = AttributeMapper()
    mapper.register_handler(Attribute.CLASS, *handle_ulong)
    mapper.register_handler(Attribute.KEY_TYPE, *handle_ulong)
    mapper.register_handler(Attribute.LABEL, str.encode, lambda label: label.decode(errors="replace"))
    return mapper


def main(module: str) -> int:
    """Load `module` and serve until nobody asks any more; return the process's exit code."""
    pipe = Pipe()
    holder: list[Worker] = []

    def load() -> JsonObject:
        try:
            holder.append(Worker(module, pipe.busy))
        except pkcs11.PKCS11Error as error:
            # Only a file that cannot be loaded is told in text, and as the base class.
            raise Refused(Fault.NOT_A_MODULE) if type(error) is pkcs11.PKCS11Error else error from None
        return {}

    if not pipe.answer(load):
        return 1
    worker = holder[0]
    pipe.serve({name: getattr(worker, name) for name in OPERATIONS})
    worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
