# SPDX-License-Identifier: Apache-2.0
"""The procedure: the ordered steps that a plan's kind expands to (design, section 8).

A step's words are for people: the printed script and the screens show the same
ones. What a step does is in `ceremony.steps`, found by the same name. Steps that a
plan has no need of are left out, so nobody reads aloud what does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ceremony.core.plan import Custody, Kind, Plan, Role, Source

EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A step in words."""

    name: str
    title: str
    who: str
    """A role, or `everybody`."""
    say: str
    """What is said aloud."""
    do: str
    check: str
    """What people see with their own eyes before they go on."""
    minutes: int
    """How long it typically takes."""
    irreversible: bool = False
    """It changes a token, or leaves something that cannot be taken back."""


ORDERS: Mapping[Kind, tuple[str, ...]] = {
    Kind.GENESIS: (
        *("preflight", "roll-call", "volumes", "load-request", "protector", "tokens", "root-keys", "repository-keys"),
        *("back-up", "drill", "lock", "certificates", "review", "sign", "verify", "export", "close"),
    ),
    Kind.RENEWAL: (
        *("preflight", "roll-call", "volumes", "load-request", "tokens", "repository-keys", "back-up"),
        *("drill", "review", "sign", "verify", "export", "close"),
    ),
    Kind.ROTATION: (
        *("preflight", "roll-call", "volumes", "load-request", "impact", "protector", "tokens", "root-keys"),
        *("repository-keys", "back-up", "drill", "lock", "certificates", "review", "sign", "verify", "export", "close"),
    ),
    Kind.RECOVERY: (
        *("preflight", "roll-call", "volumes", "open-backup", "tokens", "restore", "prove", "protector"),
        *("back-up", "drill", "lock", "close"),
    ),
}
"""Every step that a kind may need, in order; what a plan does not need is left out by `procedure`."""


def procedure(plan: Plan, *, needs_certificate: bool) -> tuple[StepInfo, ...]:
    """Return the steps of a plan, in order; `needs_certificate` says whether its dialect's root keys are certificates."""
    return tuple(_STEPS[name] for name in ORDERS[plan.kind] if name not in _NEEDED or _NEEDED[name](plan, needs_certificate))


def _asks_the_server(plan: Plan, _certificates: bool) -> bool:
    return plan.kind is not Kind.GENESIS or any(
        key.source is Source.REQUEST for repository in plan.repositories for key in repository.keys().values()
    )


def _makes_root(plan: Plan, _certificates: bool) -> bool:
    return plan.change is None or plan.change.new_root is not None


def _makes_keys(plan: Plan, _certificates: bool) -> bool:
    """Tell whether anything is made that needs a backup; a rotation makes keys for what was stolen."""
    return plan.kind is not Kind.RENEWAL or any(
        key.source is Source.GENERATE for repository in plan.repositories for key in repository.keys().values()
    )


def _locks(plan: Plan, _certificates: bool) -> bool:
    return plan.kind is Kind.RECOVERY or plan.root.custody is Custody.TOKEN_WRAPPED


def _certifies(plan: Plan, certificates: bool) -> bool:
    return certificates and _makes_root(plan, certificates)


_NEEDED: Mapping[str, Callable[[Plan, bool], bool]] = {
    "load-request": _asks_the_server,
    "root-keys": _makes_root,
    "repository-keys": _makes_keys,
    "back-up": _makes_keys,
    "drill": _makes_keys,
    "lock": _locks,
    "certificates": _certifies,
}

_STEPS: Mapping[str, StepInfo] = {
    step.name: step
    for step in (
        StepInfo(
            "preflight",
            "Preflight",
            Role.ADMINISTRATOR,
            say="I check that this machine is fit: cut off from every network, its memory locked, its clocks in agreement.",
            do="Press F9 and read each check aloud. Compare the time with a watch.",
            check="Every check passed. In a practice, one that failed is a warning.",
            minutes=3,
        ),
        StepInfo(
            "roll-call",
            "Roll call",
            EVERYBODY,
            say="I am <name>, here as <role>.",
            do="Each person in turn answers the challenge with their own key.",
            check="Everybody named in the plan was called, and those here can meet its quorum.",
            minutes=5,
        ),
        StepInfo(
            "volumes",
            "Volumes",
            Role.OPERATOR,
            say="I plug in volume A, volume B and the courier, and read their serials aloud.",
            do="Choose each medium by the serial that is printed on it.",
            check="Three devices, three serials. From now on both volumes hold the log.",
            minutes=5,
        ),
        StepInfo(
            "load-request",
            "Load the request",
            Role.OPERATOR,
            say="I read the digest of the request. It is the one that stands in the plan.",
            do="Compare the digest on the screen with the plan, word for word.",
            check="The witness heard the same words, and every repository of the plan is in the request.",
            minutes=3,
        ),
        StepInfo(
            "impact",
            "Impact",
            Role.SECURITY_OFFICER,
            say="These are the repositories that the stolen keys touch, and these are not touched.",
            do="Read the list on the screen; compare it with what you expected.",
            check="Every repository that names a stolen key is on the list.",
            minutes=10,
        ),
        StepInfo(
            "open-backup",
            "Open the backup",
            Role.CUSTODIAN,
            say="I open the backup with the secret that I kept.",
            do="Type the secret. Nobody else looks at the screen.",
            check="The backup opened from both volumes and holds the same keys.",
            minutes=10,
        ),
        StepInfo(
            "protector",
            "Protector",
            Role.CUSTODIAN,
            say="I alone look at the screen, write the words down, and type them back.",
            do="Write the words on paper, with the ceremony's name. Type them back. Seal the paper in its envelope.",
            check="The words typed were the words shown. The envelope is sealed and signed across its flap.",
            minutes=10,
        ),
        StepInfo(
            "tokens",
            "Tokens",
            Role.OPERATOR,
            say="I plug in the tokens and read the serial on each of them aloud.",
            do="For each name of the plan, compare the serial on the token with the serial on the screen.",
            check="One token for each name, and no serial twice.",
            minutes=5,
        ),
        StepInfo(
            "root-keys",
            "Root keys",
            Role.SECURITY_OFFICER,
            say="I enter my PIN, and have the root key made on this token.",
            do="Type the PIN without being seen; type the word on the screen; hear the digest of the public key.",
            check="Everybody heard the same words for each key. The key was read back from the token.",
            minutes=5,
            irreversible=True,
        ),
        StepInfo(
            "repository-keys",
            "Repository keys",
            Role.OPERATOR,
            say="I have the repository keys made, and take those that teams and the server brought.",
            do="Wait while the keys are made in memory.",
            check="The number of repositories on the screen is that of the plan.",
            minutes=2,
        ),
        StepInfo(
            "restore",
            "Restore",
            Role.SECURITY_OFFICER,
            say="I enter my PIN, and have the root key put on this token.",
            do="Type the PIN without being seen; type the word on the screen.",
            check="The digest of the public key on the token is that of the backup.",
            minutes=5,
            irreversible=True,
        ),
        StepInfo(
            "prove",
            "Prove",
            Role.OPERATOR,
            say="I have the restored key sign a challenge.",
            do="Wait for the signature; touch the token if it asks.",
            check="The signature verifies with the root key that is published.",
            minutes=2,
        ),
        StepInfo(
            "back-up",
            "Back up",
            Role.OPERATOR,
            say="I write the backups to both volumes.",
            do="Leave both volumes plugged in until the screen says that they were read back.",
            check="Both volumes gave back what was written.",
            minutes=3,
        ),
        StepInfo(
            "drill",
            "Drill",
            Role.CUSTODIAN,
            say="I open the backups again, from each volume, with the words on my paper.",
            do="Take both volumes out and plug them in again. Read the words from the paper and type them.",
            check="Every key was restored from volume A and from volume B, and is the key that was made.",
            minutes=10,
        ),
        StepInfo(
            "lock",
            "Lock",
            Role.SECURITY_OFFICER,
            say="I enter my PIN, and have the root key locked: it never leaves this token again.",
            do="Type the PIN without being seen.",
            check="The token says that the key cannot be extracted.",
            minutes=3,
            irreversible=True,
        ),
        StepInfo(
            "certificates",
            "Certificates",
            Role.SECURITY_OFFICER,
            say="I have each root key certify itself, for the names in the plan.",
            do="Wait while the tokens sign; touch them if they ask.",
            check="Names and dates on the screen are those of the plan.",
            minutes=2,
        ),
        StepInfo(
            "review",
            "Review",
            EVERYBODY,
            say="This is what we are about to sign. Does anybody disagree?",
            do="Read everything on the screen, the exceptions first. Read the digest aloud.",
            check="What is on the screen is what the plan says, and everybody said yes.",
            minutes=10,
        ),
        StepInfo(
            "sign",
            "Sign",
            Role.SECURITY_OFFICER,
            say="I enter my PIN, and have the metadata signed.",
            do="Type the PIN without being seen; touch the token if it asks.",
            check="Every signature was verified in software as it was made.",
            minutes=5,
            irreversible=True,
        ),
        StepInfo(
            "verify",
            "Verify",
            Role.OPERATOR,
            say="I have everything checked again, as clients would check it.",
            do="Wait for the verdict.",
            check="Every repository verifies; none is missing.",
            minutes=2,
        ),
        StepInfo(
            "export",
            "Export",
            Role.OPERATOR,
            say="I write what leaves the room to the courier.",
            do="Leave the courier plugged in until the screen says that it was read back.",
            check="The list on the screen holds nothing secret in the clear.",
            minutes=3,
        ),
        StepInfo(
            "close",
            "Close",
            EVERYBODY,
            say="I agree that this was held as written, or I say what was not.",
            do="Give your answer; hear the digest of the log; sign it with your own key. Seal volumes and tokens.",
            check="Everybody heard the same words, and the quorum signed them.",
            minutes=15,
            irreversible=True,
        ),
    )
}
