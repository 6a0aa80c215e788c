# SPDX-License-Identifier: Apache-2.0
"""The judgement over a whole plan, before any device is opened (design, section 5).

`lint` refuses what cannot or must not be held on a given day, and returns warnings
for what people should know. What a dialect's clients accept comes in as
`DialectRules`, so nothing here knows a dialect. What this version parses but
cannot hold yet is in `plan_support`, to be refused by whoever starts a ceremony.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pyrage

from ceremony.core import cosign, keys
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import PER_REPOSITORY, Custody, KeyPlan, Kind, Mode, Plan, RepositoryPlan, Role, RootPlan, Source
from ceremony.core.plan_changes import check_changes, recipients
from ceremony.core.plan_fields import quoted
from ceremony.core.plan_names import check_prefix
from ceremony.core.plan_support import check_site, refuse_unsupported, unsupported
from ceremony.core.plan_touch import touch_cost
from ceremony.core.procedure import keeps_backups
from ceremony.core.roca import check_no_roca
from ceremony.errors import PlanRefused, VerificationError

__all__ = ["DialectRules", "PlanWarning", "check_site", "lint", "refuse_unsupported", "unsupported"]

MAX_COMMON_NAME = 64
"""Characters of a certificate's common name (RFC 5280, appendix A.1, ub-common-name)."""
MAX_SHARES = 16
"""SLIP-39: what one group can be split into."""


@dataclass(frozen=True, slots=True)
class DialectRules:
    """What a dialect's clients accept."""

    root_algorithms: frozenset[Algorithm]
    repository_algorithms: frozenset[Algorithm]
    needs_certificate: bool
    """Whether root keys are certificates."""


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """What people should know before they hold a ceremony from this plan."""

    field: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class _Case:
    plan: Plan
    rules: DialectRules
    now: datetime
    mode: Mode

    def wanted_in_production(self, field: str, message: str, hint: str) -> Iterator[PlanWarning]:
        """Warn in practice; raise PlanRefused in production."""
        if self.mode is Mode.PRODUCTION:
            raise PlanRefused(field, message, hint=hint)
        yield PlanWarning(field, f"{message}; production refuses this", hint)


def lint(plan: Plan, rules: DialectRules, *, now: datetime, mode: Mode) -> tuple[PlanWarning, ...]:
    """Return the warnings about a plan at `now` (aware UTC); raises PlanRefused, naming the field."""
    case = _Case(plan, rules, now, mode)
    return tuple(warning for check in _CHECKS for warning in check(case))


def _expires(case: _Case) -> Iterator[PlanWarning]:
    expires = case.plan.expires
    times = {"root": expires.root, "certificate": expires.certificate, "targets": expires.targets}
    for name, time in (case.plan.change.expires if case.plan.change else times).items():
        if time <= case.now:
            raise PlanRefused(f"expires.{name}", f"{_utc(time)} is not in the future", hint=f"it is {_utc(case.now)} now")
    if case.plan.change is None and case.rules.needs_certificate and expires.root > expires.certificate:
        message = "is later than expires.certificate, from when on clients refuse the root"
        raise PlanRefused("expires.root", message, hint=f"write {_utc(expires.certificate)} or earlier")
    if case.plan.change is None and expires.targets > expires.root:
        message = "is later than expires.root, from when on clients refuse the targets"
        raise PlanRefused("expires.targets", message, hint=f"write {_utc(expires.root)} or earlier")
    yield from ()


def _root(case: _Case) -> Iterator[PlanWarning]:
    change = case.plan.change
    if change is None:
        yield from _root_key(case, case.plan.root, "root")
    elif change.new_root is not None:
        yield from _root_key(case, change.new_root, "root.new")


def _root_key(case: _Case, root: RootPlan, field: str) -> Iterator[PlanWarning]:
    tokens = len(root.tokens)
    if not 1 <= root.threshold <= tokens:
        message = f"is {root.threshold}, and {tokens} {'token holds a key' if tokens == 1 else 'tokens hold keys'}"
        raise PlanRefused(f"{field}.threshold", message, hint=f"write a whole number from 1 to {tokens}, or name more tokens")
    if root.custody is Custody.TOKEN_ONLY and tokens == root.threshold:
        message = f"has no token to spare over the threshold of {root.threshold}, and no backup of these keys exists"
        hint = f'name {root.threshold + 1} tokens or more, or write custody = "token-wrapped" or "imported"'
        raise PlanRefused(f"{field}.tokens", message, hint=hint)
    if root.custody is Custody.IMPORTED:
        message = "is imported: these keys are made in this computer's memory, and nothing can attest that no copy was kept"
        yield PlanWarning(f"{field}.custody", message, 'write "token-only" with a token to spare, unless a backup must exist')
    _check_algorithm(root.algorithm, case.rules.root_algorithms, f"{field}.algorithm", case.plan.dialect)
    yield from _certificate(case, root.certificate, f"{field}.certificate")
    cost = touch_cost(case.plan, root, certificates=case.rules.needs_certificate)
    if cost is not None:
        yield PlanWarning(f"{field}.touch-policy", *cost)


def _certificate(case: _Case, certificate: str, field: str) -> Iterator[PlanWarning]:
    if certificate == PER_REPOSITORY:
        longest = max((repository.name for repository in case.plan.repositories), key=len, default="")
        if case.rules.needs_certificate:
            yield from _common_name(longest, field)
        return
    if not case.rules.needs_certificate:
        message = f"{quoted(certificate)} has no meaning: the root keys of dialect {case.plan.dialect} are no certificates"
        raise PlanRefused(field, message, hint="remove it")
    check_prefix(certificate, field)
    for repository in case.plan.repositories:
        if not repository.name.startswith(certificate[:-1]):
            message = f"{quoted(certificate)} does not cover {quoted(repository.name)}"
            raise PlanRefused(field, message, hint=f'write a prefix of every repository\'s name, or "{PER_REPOSITORY}"')
    if not certificate.endswith("/*"):
        message = f"{quoted(certificate)} covers every name that begins so, not one folder of names"
        yield PlanWarning(field, message, "end it in /* unless this is meant")
    yield from _common_name(certificate, field)


def _common_name(name: str, field: str) -> Iterator[PlanWarning]:
    if len(name) > MAX_COMMON_NAME:
        message = f"{quoted(name)} is {len(name)} characters, more than the {MAX_COMMON_NAME} that X.509 allows in a common name"
        yield PlanWarning(field, message, "try it with every client that you have, or use a certificate for a shorter prefix")


def _repositories(case: _Case) -> Iterator[PlanWarning]:
    # Repositories of one section share their keys; thousands of names may.
    for repository in {repository.section: repository for repository in case.plan.repositories}.values():
        field = f"repositories[{repository.section}]"
        for role, key in repository.keys().items():
            _check_key(case, key, f"{field}.{role}")
        _check_signers(case, repository, field)
    yield from ()


def _check_key(case: _Case, key: KeyPlan, field: str) -> None:
    if key.source is Source.FILE:
        public = _public_key(case, key.path, f"{field}.path")
        _check_algorithm(public.algorithm, case.rules.repository_algorithms, f"{field}.path", case.plan.dialect)
    elif key.source is Source.GENERATE:
        _check_algorithm(key.algorithm, case.rules.repository_algorithms, f"{field}.algorithm", case.plan.dialect)
        check_recipient(key.deliver_to, f"{field}.deliver-to")


def _check_signers(case: _Case, repository: RepositoryPlan, field: str) -> None:
    if repository.signers and repository.targets.source is not Source.GENERATE:
        message = "cannot be named where this ceremony does not sign the targets"
        hint = 'let the team add them with its own targets key, or write targets = { source = "generate", ... }'
        raise PlanRefused(f"{field}.signers", message, hint=hint)
    seen: dict[PublicKey, str] = {}
    for i, signer in enumerate(repository.signers):
        place = f"{field}.signers[{i}].key"
        public = _public_key(case, signer.path, place)
        _check_algorithm(public.algorithm, case.rules.repository_algorithms, place, case.plan.dialect)
        first = seen.setdefault(public, signer.name)
        if first != signer.name:
            raise PlanRefused(place, f"is the key of {quoted(first)} too", hint="each signer brings a key of their own")


def _public_key(case: _Case, path: str, field: str) -> PublicKey:
    try:
        public = keys.from_pem(case.plan.files[path])
        check_no_roca(public, "public key")
    except VerificationError as error:
        raise _refusal(field, quoted(path), error) from error
    return public


def _check_algorithm(algorithm: Algorithm, accepted: frozenset[Algorithm], field: str, dialect: str) -> None:
    if algorithm not in accepted:
        hint = f"write one of: {', '.join(sorted(accepted))}"
        raise PlanRefused(field, f"{algorithm} is rejected by clients of dialect {dialect}", hint=hint)


def check_recipient(recipient: str, field: str) -> None:
    """Check that a delivery can be encrypted to `recipient`; raises PlanRefused.

    age takes its own X25519 recipients, and SSH keys of the kinds ssh-ed25519 and ssh-rsa.
    """
    hint = "write an ssh-ed25519 or ssh-rsa public key, or an age recipient (age1...)"
    if recipient.startswith("age1"):
        try:
            pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            raise PlanRefused(field, f"{quoted(recipient)} is not an age recipient", hint=hint) from error
    elif recipient.partition(" ")[0] not in ("ssh-ed25519", "ssh-rsa"):
        raise PlanRefused(field, f"{quoted(recipient)} is no key that age encrypts to", hint=hint)
    else:
        _check_ssh_key(recipient, field)


def _check_ssh_key(line: str, field: str) -> None:
    try:
        cosign.parse_public_key(line)
    except VerificationError as error:
        raise _refusal(field, "the key", error) from error


def _refusal(field: str, what: str, error: VerificationError) -> PlanRefused:
    return PlanRefused(field, f"{what} {error.message.removeprefix(f'{error.subject}: ')}", hint=error.hint)


def _request(case: _Case) -> Iterator[PlanWarning]:
    plan = case.plan
    wants = plan.kind in (Kind.RENEWAL, Kind.ROTATION) or any(
        key.source is Source.REQUEST for repository in plan.repositories for key in repository.keys().values()
    )
    if wants and not plan.request:
        hint = 'run `ceremony fetch`, and write request = "sha256:..." as it prints it'
        yield from case.wanted_in_production("request", "is missing, and keys come from a request", hint)
    if plan.request and not wants:
        raise PlanRefused("request", "is named, and nothing comes from a request", hint="remove it")
    if plan.kind is not Kind.GENESIS and not plan.trusted_root:
        hint = "write trusted-root: a bundle, a root.json, or key ids that you trust already"
        why = "restores what is published" if plan.kind is Kind.RECOVERY else "changes what is published"
        yield from case.wanted_in_production("trusted-root", f"is missing, and a {plan.kind} {why}", hint)


def _people(case: _Case) -> Iterator[PlanWarning]:
    people = case.plan.people
    for i, person in enumerate(people):
        if person.key:
            _check_ssh_key(person.key, f"people[{i}].key")
    without = [i for i, person in enumerate(people) if not person.key]
    if without:
        message = f"is missing, and without it nobody signs for {', '.join(quoted(people[i].name) for i in without)}"
        yield from case.wanted_in_production(f"people[{without[0]}].key", message, "write each person's OpenSSH public key")
    if not any(person.role is Role.WITNESS and person.independent for person in people):
        hint = 'add a person with role = "witness" and independent = true'
        raise PlanRefused("people", "names no independent witness", hint=hint)


def _quorum(case: _Case) -> Iterator[PlanWarning]:
    people, quorum = case.plan.people, case.plan.quorum
    for role, needed in quorum.items():
        there = sum(person.role is role for person in people)
        if not 1 <= needed <= there:
            message = f"is {needed}, and the plan names {there} of that role"
            raise PlanRefused(f"close.quorum.{role}", message, hint="name more people, or write a smaller number")
    if not any(person.independent for person in people if person.role in quorum):
        hint = "add the role of an independent person, such as witness = 1"
        raise PlanRefused("close.quorum", "nobody of these roles is independent", hint=hint)
    yield from ()


def _backup(case: _Case) -> Iterator[PlanWarning]:
    backup, custodians = case.plan.backup, len(case.plan.custodians())
    if backup.protect and not custodians:
        hint = 'add a person with role = "custodian" or "security-officer"'
        raise PlanRefused("people", "names nobody to keep the backup's secret", hint=hint)
    if backup.protect == "passphrase" and keeps_backups(case.plan):
        message = "one person then holds the whole secret"
        yield PlanWarning("backup.protect", message, 'write protect = "shares" to split it among custodians')
    if backup.protect == "shares":
        if not 1 < backup.needed <= backup.total <= MAX_SHARES:
            message = f"{backup.needed} of {backup.total} cannot be split"
            raise PlanRefused("backup.shares", message, hint=f"need 2 or more, of {MAX_SHARES} at most")
        if custodians < backup.total:
            message = f"is {backup.total}, and {custodians} people keep shares"
            raise PlanRefused("backup.shares.total", message, hint="name a custodian for each share")
        if backup.needed == backup.total:
            message = f"needs all {backup.total} shares: when one is lost, every backup is"
            yield PlanWarning("backup.shares", message, "split it among one custodian more than are needed")


def _changes(case: _Case) -> Iterator[PlanWarning]:
    check_changes(case.plan, certified=case.rules.needs_certificate)
    for field, recipient in recipients(case.plan):
        check_recipient(recipient, field)
    yield from ()


def _waivers(case: _Case) -> Iterator[PlanWarning]:
    for i, waiver in enumerate(case.plan.waivers):
        message = f"{quoted(waiver.check)} need not pass: {waiver.reason}"
        yield PlanWarning(f"preflight.waive[{i}]", message, "each waiver that is needed on the day becomes a deviation")


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


_CHECKS: tuple[Callable[[_Case], Iterator[PlanWarning]], ...] = (
    _expires,
    _root,
    _repositories,
    _request,
    _people,
    _quorum,
    _backup,
    _changes,
    _waivers,
)
