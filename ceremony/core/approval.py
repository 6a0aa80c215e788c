# SPDX-License-Identifier: Apache-2.0
"""Approval of a plan: the text that people sign before the day, and whose signatures there are.

Each signs, with `ssh-keygen -Y` and the namespace `ceremony-plan`, the same text:

    ceremony-plan/v1
    plan: <sha256 of the TOML file, hex>
    file: <sha256, hex>  keys/app.pem

with a line for each file that the plan names, sorted by path bytewise, and a newline
after each line. Where `trusted-root` names files, the last line is `trusted-root:` and the
digest over them: what a root must follow is decided before the day, not by whoever
brings a bundle. So an approval ends with any change to the plan or its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ceremony.core import bundle, cosign
from ceremony.core.plan import Person, Plan
from ceremony.errors import VerificationError

NAMESPACE = "ceremony-plan"
SUFFIX = ".sig"


def statement(plan: Plan, trusted: Mapping[str, bytes] | None = None) -> bytes:
    """Return the text that approves a plan, UTF-8; `trusted` are the files (path → bytes) of its trusted root, if it names any."""
    root = f"trusted-root: {bundle.digest_of(trusted)}\n" if trusted else ""
    files = (f"file: {hashlib.sha256(plan.files[path]).hexdigest()}  {path}\n" for path in sorted(plan.files, key=str.encode))
    return f"{NAMESPACE}/v1\nplan: {plan.sha256}\n{''.join(files)}{root}".encode()


def signs_for(plan: Plan) -> tuple[Person, ...]:
    """Return who must approve: the people whose role is in the quorum."""
    return tuple(person for person in plan.people if person.role in plan.quorum)


def approval_name(line: str) -> str:
    """Return the file name of an approval by an OpenSSH public key: 16 hex digits of its blob's SHA-256, and `.sig`.

    Raises VerificationError for what is no such key.
    """
    return hashlib.sha256(cosign.parse_public_key(line).blob).hexdigest()[:16] + SUFFIX


def approver(plan: Plan, armored: bytes, subject: str = "approval", trusted: Mapping[str, bytes] | None = None) -> Person:
    """Return whose armored SSHSIG over this plan's statement it is.

    Raises VerificationError, naming `subject`, when it is nobody's of the plan.
    """
    said = statement(plan, trusted)
    for person in _signers(plan).values():
        try:
            cosign.verify(armored, said, cosign.parse_public_key(person.key), NAMESPACE, subject)
        except VerificationError:
            continue
        return person
    names = ", ".join(person.name for person in _signers(plan).values()) or "none"
    raise VerificationError(
        subject, "was made by the key of nobody in the plan", hint=f"people whose keys the plan holds: {names}"
    )


def missing_approvals(
    plan: Plan, approvals: Mapping[str, bytes], trusted: Mapping[str, bytes] | None = None
) -> tuple[Person, ...]:
    """Return who must approve a plan and has not; `approvals` are armored SSHSIGs by file name.

    Raises VerificationError, naming the file, for one that is nobody's of the plan, and
    for one that approves something else: another plan, or this one before it changed.
    """
    signers = _signers(plan)
    for name, armored in sorted(approvals.items()):
        if name not in signers:
            raise VerificationError(name, "is named after the key of nobody in the plan", hint="set it aside")
        try:
            cosign.verify(armored, statement(plan, trusted), cosign.parse_public_key(signers[name].key), NAMESPACE, name)
        except VerificationError as error:
            message = f"does not approve this plan as it is now, for {signers[name].name}"
            hint = "the plan, or a file or trusted root that it names, has changed since: set the file aside, read the plan, approve it again"
            raise VerificationError(name, message, hint=hint) from error
    approved = [signers[name] for name in approvals]
    return tuple(person for person in signs_for(plan) if person not in approved)


def _signers(plan: Plan) -> dict[str, Person]:
    """Return the people whose keys can sign, by the name of their approval."""
    found: dict[str, Person] = {}
    for person in plan.people:
        try:
            found[approval_name(person.key)] = person
        except VerificationError:
            continue  # a key that is missing approves nothing
    return found
