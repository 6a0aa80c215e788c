# SPDX-License-Identifier: Apache-2.0
"""Acts in words: what is about to begin (an intent), what was done (its result), what is not known to have ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ceremony.core.chronicle.facts import Facts
from ceremony.core.chronicle.phrases import counted, listed, short, token

Names = Mapping[str, str]
"""Serial → what the plan calls that token."""

SIGNED: Mapping[str, tuple[str, str]] = {
    "certify": ("certificate", "certificates"),
    "certify-slot": ("certificate for its slot", "certificates for its slot"),
    "sign-root": ("root file", "root files"),
    "sign-head": ("head of the log", "heads of the log"),
}
"""Action → what one signature of it is over, and several."""
_ON_TOKENS = {
    "wipe-token": "wiping token {}",
    "set-tries": "setting how many tries the PIN and the PUK of token {} have",
    "set-pin": "setting the PIN of token {}",
    "set-puk": "setting the PUK of token {}",
    "set-management-key": "setting the management key of token {}",
    "unblock-pin": "unblocking the PIN of token {} with its PUK",
    "accept-firmware": "accepting the firmware of token {}",
    "claim-hardware": "claiming that token {} is hardware",
    "generate-key": "making the root key on token {}",
    "import-key": "putting the root key on token {}",
    "restore-key": "restoring a root key to token {}",
    "challenge": "signing a challenge with token {}",
    "store-certificate": "putting a certificate into the slot of token {}",
    "lock-key": "locking the root key on token {}",
    "wrap-key": "wrapping the root key on token {} for the backups",
    "certify": "signing certificates with token {}",
    "certify-slot": "signing a certificate for its slot with token {}",
    "sign-root": "signing root files with token {}",
    "sign-head": "signing the head of the log with token {}",
}
"""Action on a token → what it does, as a noun."""
_ANSWERS = {"agree": "agrees that this is a true record", "agree-with-exceptions": "agrees, with the noted exceptions"}


def unfinished(action: str, key: str, names: Names) -> str:
    """Return what an act does, as a noun: for one that is open, failed or was interrupted."""
    if action in _ON_TOKENS:
        return _ON_TOKENS[action].format(token(_serial(key), names))
    return {
        "write-volumes": f"writing {listed(key.split(','))} to both volumes",
        "answer": f"the answer of {key}",
    }.get(action, f"the act {action!r} on {key!r}, which this program does not know")


def about_to(body: Facts, names: Names) -> str:
    """Return what an intent announces."""
    action = body.text("action")
    about = _ABOUT.get(action)
    return unfinished(action, body.text("key"), names) + (f", {about(body)}" if about is not None else "")


def done(body: Facts, names: Names) -> str:
    """Return what a result that came out well tells."""
    act = _DONE.get(body.text("action"))
    if act is not None:
        return act(body, token(_serial(body.text("key")), names))
    return f"Done: {unfinished(body.text('action'), body.text('key'), names)}"


def _wipe(body: Facts) -> str:
    return f"which holds {', '.join(body.texts('occupied')) or 'nothing'}, as {' and '.join(body.texts('by'))} want"


def _place(body: Facts) -> str:
    slot = body.text("slot")
    where = f"in slot {slot}, which is empty" if slot else f"labelled {body.text('label')}"
    return f"{body.text('algorithm')}, {where}"


_ABOUT: Mapping[str, Callable[[Facts], str]] = {
    "wipe-token": _wipe,
    "set-tries": lambda body: f"{body.count('pin')} and {body.count('puk')}",
    "generate-key": _place,
    "import-key": _place,
    "restore-key": lambda body: f"{_place(body)}, from the backup of token {body.text('from')}",
    "certify": lambda body: f"{body.count('count'):,} of them",
    "sign-root": lambda body: f"{body.count('count'):,} of them",
}
"""Action → what an intent says besides."""


def _generate_key(body: Facts, name: str) -> str:
    public = short(body.text("public_sha256"))
    if body.flag("found"):
        return f"Token {name} held its root key, made before the interruption, public key {public}"
    return f"Token {name} made its root key, public key {public}"


def _import_key(body: Facts, name: str) -> str:
    public = short(body.text("public_sha256"))
    when = " before the interruption" if body.flag("found") else ""
    return f"The root key was put on token {name}{when}, public key {public}; nothing attests where it was made"


def _restore_key(body: Facts, name: str) -> str:
    public = short(body.text("public_sha256"))
    when = " before the interruption" if body.flag("found") else ""
    return f"The root key was restored to token {name}{when}, public key {public}"


def _set(what: str) -> Callable[[Facts, str], str]:
    return lambda body, name: (
        f"{what} of token {name} {'was found set, after the interruption' if body.flag('found') else 'was set'}"
    )


def _wipe_token(body: Facts, name: str) -> str:
    return f"Token {name} was {'found wiped, after the interruption' if body.flag('found') else 'wiped'}"


def _unblock_pin(body: Facts, name: str) -> str:
    found = body.flag("found")
    return f"The PIN of token {name} was {'found unblocked, after the interruption' if found else 'unblocked with its PUK'}"


def _accept_firmware(body: Facts, name: str) -> str:
    return f"{' and '.join(body.texts('by'))} accepted the firmware of token {name}"


def _claim_hardware(body: Facts, name: str) -> str:
    return f"{' and '.join(body.texts('by'))} claim that token {name} is hardware; nothing attests it"


def _challenge(_: Facts, name: str) -> str:
    return f"Token {name} signed a challenge over the log with its root key"


def _store_certificate(body: Facts, name: str) -> str:
    return f"Token {name} {'held' if body.flag('found') else 'took'} the certificate for its slot"


def _lock_key(_: Facts, name: str) -> str:
    return f"Token {name} locked its root key: it leaves the token no more"


def _wrap_key(_: Facts, name: str) -> str:
    return f"Token {name} wrapped its root key for the backups"


def _write_volumes(body: Facts, _: str) -> str:
    paths = list(body.inner("files"))
    return f"{counted(len(paths), 'file was', 'files were')} written to both volumes: {listed(paths)}"


def _sign(body: Facts, name: str) -> str:
    return f"Token {name} signed {counted(body.count('count'), *SIGNED[body.text('action')])}"


def _sign_head(_: Facts, name: str) -> str:
    return f"Token {name} signed the head of the log"


def _answer(body: Facts, _: str) -> str:
    name, answer, reason = (body.text(member) for member in ("key", "answer", "reason"))
    return f"{name} {_ANSWERS.get(answer, f'does not agree: {reason}')}"


_DONE: Mapping[str, Callable[[Facts, str], str]] = {
    "wipe-token": _wipe_token,
    "set-tries": _set("The number of tries for PIN and PUK"),
    "set-pin": _set("The PIN"),
    "set-puk": _set("The PUK"),
    "set-management-key": _set("The management key"),
    "unblock-pin": _unblock_pin,
    "accept-firmware": _accept_firmware,
    "claim-hardware": _claim_hardware,
    "import-key": _import_key,
    "restore-key": _restore_key,
    "challenge": _challenge,
    "store-certificate": _store_certificate,
    "certify-slot": _sign,
    "generate-key": _generate_key,
    "lock-key": _lock_key,
    "wrap-key": _wrap_key,
    "write-volumes": _write_volumes,
    "certify": _sign,
    "sign-root": _sign,
    "sign-head": _sign_head,
    "answer": _answer,
}


def _serial(key: str) -> str:
    return key.partition("/")[0]
