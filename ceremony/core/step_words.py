# SPDX-License-Identifier: Apache-2.0
"""The steps in words: who, what is said aloud, what is done, what is seen; the printed script and the screens show the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ceremony.core.plan import Role

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
    gate: bool = False
    """Once it has ended, a head of the log is stated and compared aloud: it ties what people heard, and a film of the room, to the log."""
    but: str = ""
    """Of an irreversible step: what of it cannot be undone, and what can, as a sentence; empty when all of it cannot."""


STEPS: Mapping[str, StepInfo] = {
    step.name: step
    for step in (
        StepInfo(
            "preflight",
            "Preflight",
            Role.ADMINISTRATOR,
            say="I check that this machine is fit: cut off from every network, its memory locked, its clocks in agreement.",
            do="Press F9 and read each check aloud. Compare the time with a watch.",
            check="Every check passed, or the plan waives it. In a practice, one that failed is a warning.",
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
            gate=True,
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
            do="Put one of the old volumes in. Type the secret, or as many shares as are needed. Nobody else looks at the screen.",
            check="The screen names the ceremony that the backup is of, and how many keys it gave.",
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
            "prepare",
            "Prepare tokens",
            Role.CUSTODIAN,
            say="I look at what is on each token. Where it still has a secret that everybody knows, I give it one of its own.",
            do="Read what the screen shows of each token. Write each new secret on a paper of its own, and type it back.",
            check="Nothing is in the way of the root keys, and no YubiKey has a factory value left. The papers are in their envelopes.",
            minutes=10,
            irreversible=True,
            but="What is done to a YubiKey in this step cannot be undone; a PKCS#11 token is only looked at.",
        ),
        StepInfo(
            "root-keys",
            "Root keys",
            Role.SECURITY_OFFICER,
            say="I enter my PIN, and have the root key of this token made.",
            do="Type the PIN, and a YubiKey's management key, without being seen; type the word on the screen; hear the digest.",
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
            say="I have the restored key sign a challenge and, on a YubiKey, the certificate by which other programs find it.",
            do="Wait for the signatures; type PIN and management key without being seen, and touch the token, if it asks.",
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
            gate=True,
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
            gate=True,
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
            do="Say who takes each token and medium, in which bag. Give your answer; hear the digest of the log; sign it with your own key. Seal volumes and tokens.",
            check="Everybody heard the same words, and the quorum signed them.",
            minutes=15,
            irreversible=True,
        ),
    )
}

WITH_SHARES: Mapping[str, StepInfo] = {
    "protector": replace(
        STEPS["protector"],
        say="Each of us in turn looks at the screen alone, writes a share down, and types it back.",
        do="Write the words on paper, with the ceremony's name and the share's number. Type them back. Seal the paper in its envelope.",
        check="Each share was typed back as it was shown. Every envelope is sealed and signed across its flap.",
        minutes=25,
    ),
    "drill": replace(
        STEPS["drill"],
        say="We open the backups again, from each volume, with the shares on our papers.",
        do="Take both volumes out and plug them in again. As many custodians as are needed type their shares, each unseen by the others.",
        minutes=15,
    ),
}
"""The same steps in the words of a ceremony whose secret is split."""
