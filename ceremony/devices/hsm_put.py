# SPDX-License-Identifier: Apache-2.0
"""Putting a key that was made elsewhere on a token: the part of `hsm_worker` that writes objects (PKCS#11 v2.40, section 4).

The public half comes first, so that a private key is never there without it; a
public half without its private key, under the label and the id of the key that is
to come, is what an interrupted import of the same ceremony left, and makes room.
Everything else that has the label is somebody's, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, cast

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.constants import DEFAULT
from pkcs11.types import Object, SecretKey, Session, UnwrapMixin

from ceremony.devices.hsm_serve import Refused
from ceremony.devices.hsm_wire import Fault

_TYPES = {"ec": KeyType.EC, "edwards": KeyType.EC_EDWARDS, "rsa": KeyType.RSA}
_PARTS = {
    "params": Attribute.EC_PARAMS,
    "point": Attribute.EC_POINT,
    "value": Attribute.VALUE,
    "modulus": Attribute.MODULUS,
    "exponent": Attribute.PUBLIC_EXPONENT,
    "private_exponent": Attribute.PRIVATE_EXPONENT,
    "prime_1": Attribute.PRIME_1,
    "prime_2": Attribute.PRIME_2,
    "exponent_1": Attribute.EXPONENT_1,
    "exponent_2": Attribute.EXPONENT_2,
    "coefficient": Attribute.COEFFICIENT,
}
_USED: dict[Attribute, Any] = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: True,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
"""What a private key may be used for: to sign, and nothing else."""
_SHOWN: dict[Attribute, Any] = {
    Attribute.CLASS: ObjectClass.PUBLIC_KEY,
    Attribute.TOKEN: True,
    Attribute.PRIVATE: False,
    Attribute.VERIFY: True,
    Attribute.ENCRYPT: False,
    Attribute.WRAP: False,
}
# Of a secret key's capabilities, and of those that the library adds to every unwrapping: no token takes them here.
_UNSAID = dict.fromkeys((Attribute.ENCRYPT, Attribute.WRAP, Attribute.VERIFY), DEFAULT)
_CARRIER: dict[Attribute, Any] = {
    **_UNSAID,
    Attribute.DECRYPT: DEFAULT,
    Attribute.SIGN: DEFAULT,
    Attribute.DERIVE: DEFAULT,
    Attribute.UNWRAP: True,
    # It is read at once, so that the key can be wrapped under it: it protects nothing from this computer, which made the key.
    Attribute.SENSITIVE: False,
    Attribute.EXTRACTABLE: True,
}
_CARRIER_BITS = 256
_BROUGHT: dict[Attribute, Any] = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.UNWRAP: True,
}


def named(label: str, key_id: str, kind: str) -> dict[Attribute, Any]:
    """Return the part of a template that names a key; `key_id` is hex."""
    return {Attribute.LABEL: label, Attribute.ID: bytes.fromhex(key_id), Attribute.KEY_TYPE: _TYPES[kind]}


def clear(session: Session, name: Mapping[Attribute, Any], public: Mapping[str, str], private: Mapping[str, str]) -> None:
    """Put a key on the token as it is, its parts in hex; raises Refused for an occupied label."""
    template = {**_USED, **name, Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.TOKEN: True, **_values(private)}
    _put(session, name, public, lambda: session.create_object(template))


def carrier(session: Session) -> tuple[SecretKey, bytes]:
    """Make an AES key for one unwrapping, gone with the session; return it and its value."""
    key = session.generate_key(
        KeyType.AES, _CARRIER_BITS, mechanism=Mechanism.AES_KEY_GEN, store=False, capabilities=MechanismFlag(0), template=_CARRIER
    )
    return key, bytes(key[Attribute.VALUE])


def brought_carrier(session: Session, value: bytes) -> SecretKey:
    """Return an AES key of this value for one unwrapping, gone with the session."""
    return cast("SecretKey", session.create_object({**_BROUGHT, Attribute.VALUE: value}))


def unwrapped(
    session: Session,
    name: Mapping[Attribute, Any],
    public: Mapping[str, str],
    key: SecretKey,
    wrapped: bytes,
    *,
    extractable: bool = False,
) -> None:
    """Put a key on the token from its PKCS#8 under AES-KWP (RFC 5649), which `key` opens; raises Refused for an occupied label."""
    modern = Mechanism.AES_KEY_WRAP_KWP in session.token.slot.get_mechanisms()
    how: dict[str, Any] = {
        "id": name[Attribute.ID],
        "label": name[Attribute.LABEL],
        "mechanism": Mechanism.AES_KEY_WRAP_KWP if modern else Mechanism.AES_KEY_WRAP_PAD,
        "store": True,
        "capabilities": MechanismFlag.SIGN,
        "template": {**_USED, **_UNSAID, Attribute.EXTRACTABLE: extractable},
    }
    _put(
        session,
        name,
        public,
        lambda: cast("UnwrapMixin", key).unwrap_key(ObjectClass.PRIVATE_KEY, name[Attribute.KEY_TYPE], wrapped, **how),
    )


def _put(session: Session, name: Mapping[Attribute, Any], public: Mapping[str, str], private: Callable[[], object]) -> None:
    _make_room(session, name)
    shown = session.create_object({**_SHOWN, **name, **_values(public)})
    with ExitStack() as undo:
        undo.callback(_destroy, shown)  # a public half alone would be in the way
        private()
        undo.pop_all()


def _destroy(thing: Object) -> None:
    with suppress(pkcs11.PKCS11Error):
        thing.destroy()


def _make_room(session: Session, name: Mapping[Attribute, Any]) -> None:
    there = list(session.get_objects({Attribute.LABEL: name[Attribute.LABEL]}))
    if not all(_left_behind(thing, name) for thing in there):
        raise Refused(Fault.OCCUPIED)
    for thing in there:
        thing.destroy()


def _left_behind(thing: Object, name: Mapping[Attribute, Any]) -> bool:
    return bool(thing[Attribute.CLASS] == ObjectClass.PUBLIC_KEY and thing[Attribute.ID] == name[Attribute.ID])


def _values(parts: Mapping[str, str]) -> dict[Attribute, bytes]:
    return {_PARTS[part]: bytes.fromhex(value) for part, value in parts.items()}
