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
    "sign-root": ("root file", "root files"),
    "sign-head": ("head of the log", "heads of the log"),
}
"""Action → what one signature of it is over, and several."""
_ANSWERS = {"agree": "agrees that this is a true record", "agree-with-exceptions": "agrees, with the noted exceptions"}


def unfinished(action: str, key: str, names: Names) -> str:
    """Return what an act does, as a noun: for one that is open, failed or was interrupted."""
    serial = _serial(key)
    return {
        "generate-key": f"making the root key on token {token(serial, names)}",
        "lock-key": f"locking the root key on token {token(serial, names)}",
        "wrap-key": f"wrapping the root key on token {token(serial, names)} for the backups",
        "write-volumes": f"writing {listed(key.split(','))} to both volumes",
        "certify": f"signing certificates with token {token(serial, names)}",
        "sign-root": f"signing root files with token {token(serial, names)}",
        "sign-head": f"signing the head of the log with token {token(serial, names)}",
        "answer": f"the answer of {key}",
    }.get(action, f"the act {action!r} on {key!r}, which this program does not know")


def about_to(body: Facts, names: Names) -> str:
    """Return what an intent announces."""
    action = body.text("action")
    detail = ""
    if action == "generate-key":
        detail = f", {body.text('algorithm')}, labelled {body.text('label')}"
    elif action in SIGNED and action != "sign-head":
        detail = f", {body.count('count'):,} of them"
    return unfinished(action, body.text("key"), names) + detail


def done(body: Facts, names: Names) -> str:
    """Return what a result that came out well tells."""
    act = _DONE.get(body.text("action"))
    if act is not None:
        return act(body, token(_serial(body.text("key")), names))
    return f"Done: {unfinished(body.text('action'), body.text('key'), names)}"


def _generate_key(body: Facts, name: str) -> str:
    public = short(body.text("public_sha256"))
    if body.flag("found"):
        return f"Token {name} held its root key, made before the interruption, public key {public}"
    return f"Token {name} made its root key, public key {public}"


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
