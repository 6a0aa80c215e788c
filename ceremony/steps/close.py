# SPDX-License-Identifier: Apache-2.0
"""Close: the head so far is signed by the root, everything is listed and handed out, each person answers, and the log ends.

The `close` record is the log's last line. What follows it (the final head, the
people's signatures, the manifest, the copies) is in `closing`, which can be run
again after a crash because all of it can be made again from the folder.
"""

from __future__ import annotations

import base64

from ceremony.core import bundle
from ceremony.core.agenda.roots import Held
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.custody_list import left
from ceremony.core.keys import raw_to_der, verify
from ceremony.core.ports import Option, Prompt
from ceremony.errors import CeremonyError
from ceremony.steps import standing
from ceremony.steps.access import opened, release
from ceremony.steps.drill import refuse_unrestored
from ceremony.steps.factory_values import refuse_factory
from ceremony.steps.handing_out import hand_out
from ceremony.steps.inventory import INVENTORY, inventory
from ceremony.steps.items import held
from ceremony.steps.readme_text import for_auditors
from ceremony.steps.room import Room, sha256
from ceremony.steps.root_keys import key_of
from ceremony.steps.signing import touched
from ceremony.steps.tokens import yubikeys

ANSWERS = (
    Option("agree", "I agree", "I was present; the script was followed; this is a true record"),
    Option(
        "agree-with-exceptions", "I agree, with the noted exceptions", "what did not go by the script stands in the deviations"
    ),
    Option("do-not-agree", "I do not agree", "the reason is asked next"),
)


def run(room: Room) -> JsonObject:
    """End the log; a token that signed the head is not opened again.

    Raises TokenError while a YubiKey has a factory value, CeremonyError while an act is open and while a volume's backups
    were not restored from it, VerificationError for a signature that does not verify.
    """
    refuse_unrestored(room)
    _read_yubikeys(room)
    path = _head(room)
    for root in held(room):
        _sign_head(room, root, room.recorded(path))
    release(room)
    if room.recovers:  # every other kind exports it
        room.keep(for_auditors(room))
    if INVENTORY not in room.journal.past.files:
        room.keep({INVENTORY: inventory(room)})
    hand_out(room)
    answers: JsonObject = {name: _answer(room, name) for name in _present(room)}
    room.take_deviations()  # up to the last moment: after the close there is no place for them
    if room.journal.past.open_intents:
        names = ", ".join(f"{action} {key}" for action, key in room.journal.past.open_intents)
        raise CeremonyError(f"acts are still open: {names}", hint="resume the ceremony: it looks at the device and finds out")
    refuse_unrestored(room)
    report = room.put_last(bundle.REPORT, lambda: _page(room))
    counts: JsonObject = dict(room.journal.past.counts)
    body: JsonObject = {
        "inventory": room.journal.past.files[INVENTORY],
        "counts": counts,
        "deviations": room.journal.past.counts.get("deviation", 0),
        "open_intents": 0,
        "answers": answers,
        "report": report,
    }
    room.journal.record("close", body)
    return {}


def _read_yubikeys(room: Room) -> None:
    """Read every YubiKey once more, but those that signed the head: all were read before, and theirs may lie in a closed bag by now."""
    signed = {root.token for root in held(room) if room.journal.result(*_act(root)) is not None}
    for name in yubikeys(room):
        if name not in signed:
            token = opened(room, name)
            refuse_factory(token, standing.read(room, token))


def _page(room: Room) -> bytes:
    while left(room.journal.past):  # a volume failed meanwhile, and nobody took yet what is in its place
        hand_out(room)
        room.take_deviations()
    return room.reporter.page(room.folder)


def _head(room: Room) -> str:
    """Return the path of the head that the root signs: the one that a token signed before an interruption, or one of the log as it is now."""
    past = room.journal.past
    signed = {str(body["head"]) for (action, _), body in past.results.items() if action == "sign-head"}
    for path, digest in past.files.items():
        if bundle.head_number(path) and digest in signed:
            return path
    path = bundle.head(1 + bundle.highest_head(past.files))
    room.keep({path: room.journal.head().text()})
    return path


def _act(root: Held) -> tuple[str, str]:
    return "sign-head", root.serial


def _sign_head(room: Room, root: Held, text: bytes) -> None:
    path = bundle.token_evidence(root.serial, "head.sig")
    act = _act(root)
    done = room.journal.result(*act)
    scheme = room.dialect.scheme(root.public.algorithm)
    if done is None:
        token, key = key_of(room, root)
        with room.journal.intent(*act, head=sha256(text), scheme=scheme) as result:
            with touched(room, token, key, f"{root.token} to sign the head"):
                value = token.sign(key, scheme, [text])[0]
            verify(root.public, scheme, text, value, f"head signed by {root.serial}")
            result.update(
                {"head": sha256(text), "public_sha256": root.public.sha256, "signature": base64.b64encode(value).decode()}
            )
        done = room.journal.result(*act) or {}
    value = base64.b64decode(str(done["signature"]))
    # As openssl takes it: an ECDSA signature as DER, the others as they are.
    room.keep({path: raw_to_der(value, root.public.algorithm) if root.public.algorithm.half else value})


def _present(room: Room) -> tuple[str, ...]:
    names = room.result("roll-call")["present"]
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _answer(room: Room, name: str) -> Json:
    known = room.journal.result("answer", name)
    if known is not None:
        return known["answer"]
    answer = room.operator.choose(Prompt(f"answer:{name}", f"{name}: was this ceremony held as recorded?", who=name), ANSWERS)
    reason = (
        room.operator.ask(Prompt(f"reason:{name}", f"{name}: what is it that you do not agree with?", who=name))
        if answer == "do-not-agree"
        else ""
    )
    room.journal.finish("answer", name, {"answer": answer, "reason": reason})
    return answer
