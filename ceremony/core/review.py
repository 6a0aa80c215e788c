# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed, as differences from what is published.

`NewRepositories` implements `ports.Differences` for repositories of which nothing is
published. Its differences are in words, made when they are asked for: ten thousand
repositories make a hundred thousand, and people look at a few. Each repository has
exactly one value of each field, so what differs in one of them, or is missing there,
is another value. Equal values of several repositories are one group with their
number; what holds for half of them or fewer is an exception, listed first and by
itself. A group says of keys that serve one repository alone only that they do ("a key
of its own"); `of` names each, and `documents` gives the exact bytes.

`json_lines` shows two versions of a document as lines that go, come and stay.
"""

from __future__ import annotations

import binascii
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from functools import lru_cache

from cryptography import x509

from ceremony.core import canonical
from ceremony.core.dialects import Dialect, RepositorySpec, RootKey
from ceremony.core.keys import PublicKey
from ceremony.core.ports import Change, Document, Group
from ceremony.errors import VerificationError

SINGLY = 20
"""Repositories that share an exception and are still listed one by one."""
NONE = "none"

Fact = tuple[str, str, str]
"""Role, field, and what is so, in words."""


class NewRepositories:
    """The differences that new repositories make; `made_here` names those whose targets key is made in this ceremony."""

    def __init__(self, dialect: Dialect, specs: Sequence[RepositorySpec], made_here: frozenset[str]) -> None:
        self._dialect, self._specs, self._made_here = dialect, specs, made_here
        self._shared = _repeated(key.spki for spec in specs for key in (spec.targets, spec.snapshot, spec.timestamp))
        self._shared_certificates = _repeated(key.certificate for spec in specs for key in spec.root_keys)
        self._certified = any(key.certificate for spec in specs for key in spec.root_keys)
        self.names: Sequence[str] = tuple(spec.name for spec in specs)
        self.groups: Sequence[Group] = grouped((self._changes(spec, named=False) for spec in specs), len(specs))

    def of(self, number: int) -> Sequence[Change]:
        """Return the differences of one repository, in words that name each of its keys."""
        return self._changes(self._specs[number], named=True)

    def documents(self, number: int) -> Sequence[Document]:
        """Return the bytes that are to be signed for one repository: its root, and its targets when they are signed here."""
        spec = self._specs[number]
        drafts = [self._dialect.root(spec)]
        if spec.name in self._made_here:
            drafts.append(self._dialect.targets(spec))
        return tuple(Document(draft.path, b"", draft.payload) for draft in drafts)

    def _changes(self, spec: RepositorySpec, *, named: bool) -> Sequence[Change]:
        facts = (*self._root(spec, named), *self._targets(spec))
        return tuple([Change(spec.name, role, field, before="", after=words) for role, field, words in facts])

    def _root(self, spec: RepositorySpec, named: bool) -> Iterator[Fact]:
        made = "made here" if spec.name in self._made_here else "not made here"
        yield "root", "version", str(spec.version)
        yield "root", "keys", _root_keys(spec.threshold, tuple([key.public for key in spec.root_keys]))
        if self._certified:
            yield "root", "certificates", self._certificates(spec, named)
        yield "root", "expires", _time(spec.root_expires)
        yield "root", "targets key", self._key(spec.targets, made, named)
        yield "root", "snapshot key", self._key(spec.snapshot, "held by the server", named)
        yield "root", "timestamp key", self._key(spec.timestamp, "held by the server", named)

    def _targets(self, spec: RepositorySpec) -> Iterator[Fact]:
        if spec.name in self._made_here:
            yield "targets", "signed", "here"
            yield "targets", "version", str(spec.version)
            yield "targets", "expires", _time(spec.targets_expires)
        else:
            yield "targets", "signed", "by its team, not here"
        # Who holds the targets key publishes them: a team's own targets are not signed here, and yet they must name these.
        signers = (f"{s.name}: key {self._dialect.key_id(s.public)}, {s.public.algorithm}" for s in spec.signers)
        yield "targets", "signers", "; ".join(signers) or NONE

    def _key(self, public: PublicKey, holder: str, named: bool) -> str:
        if public.spki in self._shared:
            return f"key {self._dialect.key_id(public)}, {public.algorithm}, {holder}, which serves others too"
        if named:
            return f"key {self._dialect.key_id(public)}, {public.algorithm}, its own, {holder}"
        return f"a key of its own, {public.algorithm}, {holder}"

    def _certificates(self, spec: RepositorySpec, named: bool) -> str:
        words = []
        for key in spec.root_keys:
            if not key.certificate:
                words.append(NONE)
            elif named or key.certificate in self._shared_certificates:
                words.append(f"key {self._dialect.root_key_id(key)}, {_certificate(key, spec.name)}")
            else:
                words.append(f"one of its own, {_certificate(key, spec.name)}")
        counts = Counter(sorted(words))
        return "; ".join(f"{count} times {word}" if count > 1 else word for word, count in counts.items())


def grouped(repositories: Iterable[Sequence[Change]], total: int) -> Sequence[Group]:
    """Return the changes of each repository with equal ones together: exceptions first, by repository; then the rules.

    `repositories` are the changes of one repository after the other, `total` is how many there are.
    """
    groups: dict[tuple[str, str, str, str], tuple[Change, array[int]]] = {}
    for number, changes in enumerate(repositories):
        for change in changes:
            key = (change.role, change.field, change.before, change.after)
            known = groups.get(key)
            if known is None:
                known = groups[key] = (change, array("L"))
            known[1].append(number)
    rules: list[Group] = []
    exceptions: list[Group] = []
    for change, members in groups.values():
        if 2 * len(members) > total or total == 1:
            rules.append(Group(change, members, exception=False))
        elif len(members) > SINGLY:
            exceptions.append(Group(change, members, exception=True))
        else:
            exceptions += [Group(change, (number,), exception=True) for number in members]
    exceptions.sort(key=lambda group: group.members[0])
    return (*exceptions, *rules)


def json_lines(document: Document) -> Sequence[tuple[str, str]]:
    """Return a document's lines, each with its mark: `-` goes, `+` comes, a space stays.

    JSON is laid out one member a line, sorted; what is not JSON, or differs only in
    how it is laid out, is shown as the text that it is, bytes that are no UTF-8 as half
    a surrogate pair each. Two documents that differ never look the same.
    """
    before, after = _laid_out(document.before), _laid_out(document.after)
    if before == after and document.before != document.after:
        before, after = _text(document.before), _text(document.after)
    return tuple(_marked(before, after))


def _marked(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    for tag, start, end, new_start, new_end in SequenceMatcher(None, before, after).get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in before[start:end])
        else:
            yield from (("-", line) for line in before[start:end])
            yield from (("+", line) for line in after[new_start:new_end])


def _laid_out(data: bytes) -> Sequence[str]:
    try:
        return json.dumps(canonical.parse_loose(data), indent=2, sort_keys=True, ensure_ascii=False).split("\n")
    except (VerificationError, RecursionError):  # what can be read can still be nested too deep to be laid out
        return _text(data)


def _text(data: bytes) -> Sequence[str]:
    return data.decode(errors="surrogateescape").split("\n") if data else ()


def _repeated(values: Iterable[object]) -> frozenset[object]:
    """Return the values that stand more than once: keys and certificates that serve more than one repository or role."""
    return frozenset(value for value, count in Counter(values).items() if count > 1)


@lru_cache(maxsize=64)
def _root_keys(threshold: int, keys: tuple[PublicKey, ...]) -> str:
    algorithms = ", ".join(sorted({key.algorithm for key in keys}))
    return f"{threshold} of {len(keys)}, {algorithms}: {', '.join(sorted(key.sha256 for key in keys))}"


@lru_cache(maxsize=64)
def _read(pem: str) -> tuple[bytes, tuple[str, ...], str]:
    """Return a certificate's DER, its common names, and what else it says that people can judge."""
    der = binascii.a2b_base64(pem.split("-----")[2])
    certificate = x509.load_der_x509_certificate(der)
    names, others = [], []
    for attribute in certificate.subject:
        if attribute.oid == x509.NameOID.COMMON_NAME:
            names.append(str(attribute.value))
        else:
            others.append(f", {attribute.rfc4514_attribute_name}={attribute.value!s}")
    dates = f", from {certificate.not_valid_before_utc.date()} to {certificate.not_valid_after_utc.date()}"
    return der, tuple(names), "".join(others) + dates


def _certificate(key: RootKey, repository: str) -> str:
    """Return for which name a root key's certificate is, from when to when, and whether it is for another key."""
    der, names, rest = _read(key.certificate)
    name = "its own name" if names == (repository,) else ", ".join(names)
    return f"for {name}{rest}{'' if key.public.spki in der else ', OF ANOTHER KEY'}"


@lru_cache(maxsize=16)
def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
