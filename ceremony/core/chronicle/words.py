# SPDX-License-Identifier: Apache-2.0
"""One record in a sentence, by its kind; acts (intent and result) by their action.

The text of a record is somebody's own: it is repeated as it stands, and what draws
it takes care of characters that cannot be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ceremony.core import self_test
from ceremony.core.canonical import Json
from ceremony.core.chronicle import words_published
from ceremony.core.chronicle.acts import about_to, done, unfinished
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.core.chronicle.phrases import bag, counted, listed, short, token, tries
from ceremony.core.custody_list import called
from ceremony.core.record import Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """A record, taken apart for its sentence."""

    kind: str
    step: str
    actor: str
    outcome: str
    body: Facts
    names: Mapping[str, str]
    """Serial → what the plan calls that token."""

    @property
    def ok(self) -> bool:
        """Whether it came out well."""
        return self.outcome == Outcome.OK

    def token(self, serial: str) -> str:
        """Return how a sentence names a token."""
        return token(serial, self.names)


def sentence(record: Mapping[str, Json], names: Mapping[str, str] | None = None) -> str:
    """Return one plain sentence, without its full stop, for any record; `names` is serial → token name, where it is known."""
    whole = Facts(record)
    told = Told(
        whole.text("kind"), whole.text("step"), whole.text("actor"), whole.text("outcome"), whole.inner("body"), names or {}
    )
    return _WORDS.get(told.kind, _unknown)(told)


def _unknown(told: Told) -> str:
    return f"A record of the kind {told.kind or 'nothing'!r}, which this program does not know"


def _open(told: Told) -> str:
    plan = told.body.inner("plan")
    return f"The {told.body.text('mode')} ceremony {plan.text('name')} began, a {plan.text('kind')}, at {plan.text('facility')}"


def _substitution(told: Told) -> str:
    return f"For practice: {told.body.text('what')}"


def _files(told: Told) -> str:
    paths = list(told.body.inner("files"))
    return f"{counted(len(paths), 'file was', 'files were')} kept: {listed(paths)}"


def _begin(told: Told) -> str:
    return f"Step {told.step} began"


def _end(told: Told) -> str:
    return f"Step {told.step} is done"


def _again(told: Told) -> str:
    return f"Step {told.body.text('step')} is done again: {told.body.text('why')}"


def _error(told: Told) -> str:
    place = told.body.text("at")
    return f"Step {told.step} failed: {told.body.text('message')}" + (f", at {place}" if place else "")


def _stop(told: Told) -> str:
    return f"Stopped: {told.body.text('why')}"


def _resume(told: Told) -> str:
    torn = told.body.count("torn_bytes")
    tail = f"{counted(torn, 'torn byte was', 'torn bytes were')} set aside" if torn else "the log was whole"
    return f"Resumed: {tail}"


def _check(told: Told) -> str:
    return f"Check {'passed' if told.ok else 'failed'}: {told.body.text('name')}, {told.body.text('saw')}"


def _self_test(told: Told) -> str:
    return f"The program tested itself: {self_test.told(told.body.value)}"


def _roll_call(told: Told) -> str:
    name, role, how = (told.body.text(member) for member in ("name", "role", "how"))
    if not told.ok:
        return f"{name}, {role}, did not answer"
    return f"{name}, {role}, answered " + ("with a key" if how == "key" else f"by {how}")


def _role(told: Told) -> str:
    role = told.body.text("role")
    return "The courier" if role == "courier" else f"Volume {role}"


def _medium(told: Told) -> str:
    model, serial, replaced = (told.body.text(member) for member in ("model", "serial", "replaces"))
    place = "a folder in its place" if told.body.flag("folder") else model
    return f"{_role(told)} is {place}, serial {serial}" + (f", in the place of {replaced}" if replaced else "")


def _volume_out(told: Told) -> str:
    return f"{_role(told)}, serial {told.body.text('serial')}, is out: {told.body.text('why')}"


def _volume_whole(told: Told) -> str:
    medium = f"{_role(told)}, serial {told.body.text('serial')},"
    if told.body.text("role") == "courier":
        return f"{medium} is in"
    return f"{medium} is up to date, byte for byte: the log and {counted(told.body.count('files'), 'file')}"


def _mended(told: Told) -> str:
    torn = counted(told.body.count("bytes"), "torn byte", "torn bytes")
    return f"{torn} at the end of the log on volume {told.body.text('volume')} were set aside there"


def _typed_back(told: Told) -> str:
    what = told.body.text("what")
    named = what if what.startswith("share ") else f"the {what}"
    return f"{told.actor} typed {named} back: " + ("the same" if told.body.flag("same") else "not the same")


def _share(told: Told) -> str:
    return f"{told.actor} typed share {told.body.count('number')}: " + ("taken" if told.body.flag("taken") else "not taken")


def _old_secret(_: Told) -> str:
    return "What was typed did not open the old backup"


def _backup_opened(told: Told) -> str:
    body = told.body
    roots, keys = counted(len(body.items("roots")), "root key"), counted(body.count("repository_keys"), "repository key")
    left = len(body.inner("left_out"))
    return (
        f"The backup of {body.text('plan')}, ceremony {short(body.text('ceremony'))}, was opened: {roots}, {keys}"
        + (f"; {counted(left, 'file')} left out" if left else "")
        + ("" if body.flag("trusted") else "; no trusted root was there to compare with")
    )


def _token(told: Told) -> str:
    maker, model, firmware = (told.body.text(member) for member in ("manufacturer", "model", "firmware"))
    device = f"{maker} {model}, firmware {firmware}"
    return f"Token {told.body.text('name')} is the one with serial {told.body.text('serial')}: {device}"


def _firmware(told: Told) -> str:
    name, reasons = told.token(told.body.text("token")), "; ".join(told.body.texts("reasons"))
    decision = {
        "allow": "may be used",
        "deviation": "may be used only as a deviation",
        "refuse": "must not be used",
    }.get(told.body.text("decision"), f"was judged {told.body.text('decision')!r}")
    return f"The firmware of token {name} {decision}: {reasons}"


def _standing(told: Told) -> str:
    name, body = told.token(told.body.text("token")), told.body
    if "pin" not in body.value:
        return f"Token {name} has nothing labelled {body.text('label')}"
    slots = sorted({facts(key).text("slot") for key in body.items("keys")} | set(body.texts("certificates")))
    tries = ", ".join(
        f"{code.upper()} {body.inner(code).count('left')} of {body.inner(code).count('total')}" for code in ("pin", "puk")
    )
    factory = " and ".join(body.texts("factory")) or "nothing"
    return f"Token {name}: tries left {tries}; the factory's: {factory}; occupied slots: {', '.join(slots) or 'none'}"


def _left_alone(told: Told) -> str:
    return f"What is in other slots of token {told.token(told.body.text('token'))} is left alone: {', '.join(told.body.texts('slots'))}"


def _authorised(told: Told) -> str:
    name = told.token(told.body.text("token"))
    return f"Token {name} took its management key" if told.ok else f"A wrong management key for token {name}; it spends no try"


def _attested(told: Told) -> str:
    body = told.body
    root = (body.texts("authorities") or ("nobody",))[-1]
    whose = "" if body.flag("pinned") else ", which is not Yubico's: practice only"
    return (
        f"Token {told.token(body.text('serial'))} attests that its key {short(body.text('public_sha256'))} was made in its slot "
        f"{body.text('slot')}, under {root}{whose}"
    )


def _root_found(told: Told) -> str:
    name, public = told.token(told.body.text("serial")), short(told.body.text("sha256"))
    return f"Token {name} holds root key {public}, which is published"


def _login(told: Told) -> str:
    name, left = told.token(told.body.text("token")), told.body.number("retries_left")
    if told.ok:
        return f"Token {name} was unlocked with its PIN"
    if left is None:
        return f"The PIN for token {name} was not taken; how many tries are left is not known"
    return f"A wrong PIN for token {name}; {tries(left)}"


def _compared(told: Told) -> str:
    people = " and ".join(told.body.texts("by")) or "people"
    return f"{told.body.text('what')}, compared by {people}: " + ("the same" if told.body.flag("same") else "not the same")


def _deviation(told: Told) -> str:
    body = told.body
    return (
        f"{told.actor} noted a deviation: expected {body.text('expected')}; "
        f"happened {body.text('happened')}; decided {body.text('decided')}"
    )


def _set_aside(told: Told) -> str:
    return f"A file that an interruption left, {told.body.text('path')} in {told.body.text('store')}, was set aside"


def _restored(told: Told) -> str:
    files, keys = counted(len(told.body.items("files")), "backup"), counted(told.body.count("repository_keys"), "repository key")
    how = "taken out, put back, and opened again" if told.body.flag("taken_out") else "opened again"
    return f"Volume {told.body.text('volume')} was {how}: {files} restored, {keys} among them"


def _reopened(told: Told) -> str:
    keys = counted(told.body.count("repository_keys"), "repository key was", "repository keys were")
    volume = told.body.text("volume")
    return f"{keys} opened from {'the old volume' if volume == 'old' else f'volume {volume}'}"


def _custody(told: Told) -> str:
    body = told.body
    thing = called(body.text("what"), body.text("name"))
    return f"{body.text('holder')} takes {thing}, serial {body.text('serial')}, {bag(body.text('seal'))}"


def _close(told: Told) -> str:
    deviations = counted(told.body.count("deviations"), "deviation")
    return f"The log was closed with {counted(len(told.body.inner('answers')), 'answer')} and {deviations}"


def _intent(told: Told) -> str:
    return f"About to begin: {about_to(told.body, told.names)}"


def _result(told: Told) -> str:
    if told.body.flag("interrupted"):
        return f"Interrupted, and to be done again: {unfinished(told.body.text('action'), told.body.text('key'), told.names)}"
    if not told.ok:
        return f"Failed: {unfinished(told.body.text('action'), told.body.text('key'), told.names)}"
    return done(told.body, told.names)


_WORDS: Mapping[str, Callable[[Told], str]] = {
    "open": _open,
    "substitution": _substitution,
    "files": _files,
    "begin": _begin,
    "end": _end,
    "again": _again,
    "error": _error,
    "stop": _stop,
    "resume": _resume,
    "check": _check,
    self_test.KIND: _self_test,
    "roll-call": _roll_call,
    "medium": _medium,
    "volume-out": _volume_out,
    "volume-whole": _volume_whole,
    "mended": _mended,
    "request": lambda told: words_published.request(told.body),
    "impact": lambda told: words_published.impact(told.body),
    "typed-back": _typed_back,
    "share": _share,
    "old-secret": _old_secret,
    "backup-opened": _backup_opened,
    "token": _token,
    "root-found": _root_found,
    "firmware": _firmware,
    "standing": _standing,
    "left-alone": _left_alone,
    "authorised": _authorised,
    "attested": _attested,
    "login": _login,
    "compared": _compared,
    "deviation": _deviation,
    "set-aside": _set_aside,
    "restored": _restored,
    "reopened": _reopened,
    "agreed": lambda told: words_published.agreed(told.body),
    "verified": lambda told: words_published.verified(told.body),
    "custody": _custody,
    "close": _close,
    "intent": _intent,
    "result": _result,
}
