# SPDX-License-Identifier: Apache-2.0
"""Attacks on signatures and on who signs: stripped, swapped, replayed, in other forms, by others, by too few."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from ceremony.core import bundle
from ceremony.core.keys import Scheme, raw_to_der
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.core.plan import Mode
from ceremony.core.sshwire import string
from ceremony.errors import ExitCode
from tests.attacks.bases import NAMES, NEEDED, Base, base, signers_of
from tests.attacks.cases import FAILED, INCOMPLETE, Attack, attack, changed
from tests.attacks.cases_log import Form
from tests.attacks.forger import ALL, EVERYBODY, Keys, Record, Records, forge, remanifest, sign_last
from tests.fakes.security_key import armor

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group of Ed25519 (RFC 8032)."""


def path_of(base: Base, name: str) -> str:
    return bundle.head_signature(base.last, name)


def said(base: Base) -> bytes:
    return base.files[bundle.head(base.last)]


def sshsig(base: Base, name: str, text: bytes, **fields: Any) -> bytes:
    """Return the blob of a signature that verifies, with these fields otherwise than ssh-keygen writes them."""
    key: ed25519.Ed25519PrivateKey = base.people._keys[name]
    kind = fields.get("format", b"ssh-ed25519")
    public = string(b"ssh-ed25519") + string(key.public_key().public_bytes_raw()) + fields.get("behind_key", b"")
    reserved, algorithm = fields.get("reserved", b""), fields.get("algorithm", b"sha512")
    hashed = hashlib.new(fields.get("hash", "sha512"), text).digest()
    space = string(fields.get("namespace", b"ceremony-head")) + string(reserved) + string(algorithm)
    value = key.sign(b"SSHSIG" + space + string(hashed))
    value = fields.get("value", lambda made: made)(value)
    inner = string(kind) + string(value) + fields.get("behind_value", b"")
    version = fields.get("version", 1).to_bytes(4)
    return b"SSHSIG" + version + string(public) + space + string(inner) + fields.get("behind", b"")


def _malleable(value: bytes) -> bytes:
    """Return the other value that satisfies the same equation: S plus the order of the group."""
    return value[:32] + (int.from_bytes(value[32:], "little") + ORDER).to_bytes(32, "little")


# --- people's signatures over the last head ----------------------------------------------------------


@attack("strip signatures")
def _(base: Base) -> Iterator[Attack]:
    """Those that the quorum asks for: another one that is missing leaves a folder as good as if it had never been made."""
    for count in (1, 2, 3):
        for gone in itertools.combinations(NAMES, count):
            if set(gone) & set(NEEDED):
                files = {path: data for path, data in base.files.items() if path not in {path_of(base, name) for name in gone}}
                yield Attack(f"of {', '.join(gone)}", files, INCOMPLETE)


@attack("strip what states and signs the end")
def _(base: Base) -> Iterator[Attack]:
    signed = [path_of(base, name) for name in NAMES]
    last = bundle.head(base.last)
    for what, gone in {
        "the manifest": [bundle.MANIFEST],
        "the last head and its signatures": [last, *signed],
        "signatures and manifest": [*signed, bundle.MANIFEST],
        "all of them": [last, *signed, bundle.MANIFEST],
    }.items():
        files = {path: data for path, data in base.files.items() if path not in gone}
        yield Attack(what, remanifest(files), INCOMPLETE)
    yield Attack("the last head alone", remanifest({p: d for p, d in base.files.items() if p != last}))


@attack("swap and replay signatures")
def _(one: Base) -> Iterator[Attack]:
    other = base(one.mode, "theirs")
    for name in NAMES:
        place = path_of(one, name)
        for whose in NAMES:
            if whose != name:
                yield Attack(f"{whose}'s in {name}'s place", changed(one.files, place, one.files[path_of(one, whose)]))
        yield Attack(f"{name}'s of another ceremony", changed(one.files, place, other.files[path_of(other, name)]))
        for number in range(1, one.last):
            signed = one.people.sign(name, HEAD_NAMESPACE, one.files[bundle.head(number)])
            yield Attack(f"{name}'s over head {number} in the place of the last", {**one.files, place: signed})
            moved = {**one.files, bundle.head_signature(number, name): one.files[place]}
            yield Attack(f"{name}'s over the last head as one over head {number}", moved)
        nobody = {**one.files, bundle.head_signature(one.last + 1, name): one.files[place]}
        yield Attack(f"{name}'s over a head that is not there", nobody)
    everybody = {path_of(one, name): other.files[path_of(other, name)] for name in NAMES}
    yield Attack("everybody's of another ceremony", {**one.files, **everybody})
    stranger = {path_of(one, "Mallory"): one.files[path_of(one, "Wim")]}
    yield Attack("Wim's under the name of nobody", {**one.files, **stranger})
    shadow = base(one.mode, "shadow")
    for name in NAMES:
        signed = shadow.people.sign(name, HEAD_NAMESPACE, said(one))
        yield Attack(f"by a stranger's key in {name}'s place", {**one.files, path_of(one, name): signed})


@attack("sign for something else")
def _(base: Base) -> Iterator[Attack]:
    spaces = (
        "ceremony-plan",
        "ceremony-roll-call",
        "ceremony-consent",
        "file",
        "git",
        "",
        "ceremony-heads",
        "ceremony-hea",
        "Ceremony-head",
    )
    for name in NAMES:
        place = path_of(base, name)
        for space in (*spaces, "ceremony-head\0"):
            yield Attack(f"{name}, namespace {space!r}", {**base.files, place: base.people.sign(name, space, said(base))})
        for what, text in {
            "its digest": hashlib.sha256(said(base)).hexdigest().encode(),
            "CR LF": said(base).replace(b"\n", b"\r\n"),
            "without the last newline": said(base)[:-1],
            "nothing": b"",
            "the log": base.files[bundle.LOG],
            "the manifest": base.files[bundle.MANIFEST],
        }.items():
            yield Attack(f"{name}, over {what}", {**base.files, place: base.people.sign(name, HEAD_NAMESPACE, text)})


BLOBS: dict[str, dict[str, Any]] = {
    "reserved": {"reserved": b"x"},
    "version 2": {"version": 2},
    "version 0": {"version": 0},
    "SHA-1": {"hash": "sha1", "algorithm": b"sha1"},
    "MD5": {"hash": "md5", "algorithm": b"md5"},
    "SHA-384": {"hash": "sha384", "algorithm": b"sha384"},
    "SHA512": {"algorithm": b"SHA512"},
    "sha512 that is sha256": {"hash": "sha256"},
    "behind the blob": {"behind": b"\0"},
    "another string behind the blob": {"behind": string(b"")},
    "behind the value": {"behind_value": b"\0"},
    "flags and counter": {"behind_value": b"\x01\0\0\0\1"},
    "behind the key": {"behind_key": b"\0"},
    "another format": {"format": b"sk-ssh-ed25519@openssh.com", "behind_value": b"\x01\0\0\0\1"},
    "format ssh-rsa": {"format": b"ssh-rsa"},
    "no format": {"format": b""},
    "S plus the order": {"value": _malleable},
    "a nought behind S": {"value": lambda value: value + b"\0"},
    "S cut short": {"value": lambda value: value[:63]},
    "no value": {"value": lambda value: b""},
    "noughts": {"value": lambda value: bytes(64)},
    "a point of low order": {"value": lambda value: b"\1" + bytes(63)},
}
ARMORS: dict[str, Form] = {
    "junk behind": lambda made: made + b"junk\n",
    "a newline behind": lambda made: made + b"\n",
    "a NUL behind": lambda made: made + b"\0",
    "itself again": lambda made: made + made,
    "no last newline": lambda made: made[:-1],
    "a blank at the end": lambda made: made[:-1] + b" \n",
    "a newline before": lambda made: b"\n" + made,
    "a BOM": lambda made: b"\xef\xbb\xbf" + made,
    "text before": lambda made: b"hello\n" + made,
    "CR LF": lambda made: made.replace(b"\n", b"\r\n"),
    "CR": lambda made: made.replace(b"\n", b"\r"),
    "an empty line": lambda made: made.replace(b"\n", b"\n\n", 1),
    "blanks in a line": lambda made: made[:60] + b" " + made[60:],
    "a blank before each line": lambda made: made.replace(b"\n", b"\n "),
    "another armor": lambda made: made.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"),
    "small letters": lambda made: made.replace(b"BEGIN SSH SIGNATURE", b"begin ssh signature"),
    "a header": lambda made: made.replace(b"\n", b"\nVersion: 1\n\n", 1),
    "no armor": lambda made: base64.b64decode(b"".join(made.splitlines()[1:-1])),
    "lines of 64": lambda made: armor(base64.b64decode(b"".join(made.splitlines()[1:-1])), 64),
    "lines of 76": lambda made: armor(base64.b64decode(b"".join(made.splitlines()[1:-1])), 76),
    "one line": lambda made: armor(base64.b64decode(b"".join(made.splitlines()[1:-1])), 10000),
    "no padding": lambda made: made.replace(b"=", b""),
    "a letter of base64 that is none": lambda made: made.replace(b"U1NIU0lH", b"U1NIU0lH!"),
    "base64 of URLs": lambda made: made.replace(b"+", b"-").replace(b"/", b"_"),
    "nothing in it": lambda made: b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
}  # fmt: skip


def _bits_behind(made: bytes) -> bytes:
    """Return an armor whose last letter of base64 has bits that say nothing, and are not nought."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = made.index(b"=") - 1
    return made[:at] + letters[letters.index(made[at]) + 1 :][:1] + made[at + 1 :]


@attack("write a signature in another form")
def _(base: Base) -> Iterator[Attack]:
    for name in NAMES:
        place = path_of(base, name)
        made = armor(sshsig(base, name, said(base)))
        assert made == base.files[place]
        for what, fields in BLOBS.items():
            yield Attack(f"{what}, {name}", {**base.files, place: armor(sshsig(base, name, said(base), **fields))})
        for what, form in ARMORS.items():
            if form(made) != made:
                yield Attack(f"{what}, {name}", {**base.files, place: form(made)})
        padded = armor(sshsig(base, name, said(base), hash="sha256", algorithm=b"sha256"))
        for whole in (made, padded):
            if b"=" in whole:
                yield Attack(f"base64 with bits behind, {name}, {len(whole)}", {**base.files, place: _bits_behind(whole)})


# --- who signs ----------------------------------------------------------------------------------------


def _person(records: Records, name: str) -> Record:
    return next(person for person in records[0]["body"]["people"] if person["name"] == name)


@attack("one key under two names")
def _(base: Base) -> Iterator[Attack]:
    for name, whose in itertools.permutations(NAMES, 2):
        for comment in ("", " somebody else"):

            def one(records: Records, name: str = name, whose: str = whose, comment: str = comment) -> None:
                _person(records, name)["key"] = _person(records, whose)["key"] + comment

            for keys in (Keys(people=(whose,)), Keys(people=NAMES, tokens=True)):
                files = forge(base, one, keys)
                last = files[bundle.head(base.last)]
                files[path_of(base, name)] = base.people.sign(whose, HEAD_NAMESPACE, last) or b""
                who = "with the tokens" if keys.tokens else "alone"
                yield Attack(f"{whose} signs for {name} too, {who}{comment and ', with another comment'}", files)
                if base.mode is Mode.PRODUCTION:
                    yield Attack(
                        f"{whose} signs for {name} too, {who}{comment and ', commented'}, no signers", files, signers=b""
                    )


@attack("one person under two names")
def _(base: Base) -> Iterator[Attack]:
    for name in NAMES:

        def twice(records: Records, name: str = name) -> None:
            records[0]["body"]["people"].append({**_person(records, name), "role": "auditor"})

        yield Attack(f"{name} stands there twice", forge(base, twice, ALL))

        def again(records: Records, name: str = name) -> None:
            records[0]["body"]["people"].append({**_person(records, name), "name": f"{name} 2"})

        yield Attack(f"{name} stands there under another name too", forge(base, again, ALL))


@attack("put another key in somebody's place")
def _(one: Base) -> Iterator[Attack]:
    shadow = base(one.mode, "shadow")
    for name in NAMES:

        def replaced(records: Records, name: str = name) -> None:
            _person(records, name)["key"] = shadow.people.line(name)

        # Keys of a practice are thrown away, and its first record says whose they were; an audit sees that the roll call says otherwise.
        alone = FAILED if one.mode is Mode.PRODUCTION else ExitCode.DONE
        for keys, who, rules in ((Keys(), "outsider", FAILED), (ALL, "with the tokens and everybody else", alone)):
            files = forge(one, replaced, keys)
            files[path_of(one, name)] = shadow.people.sign(name, HEAD_NAMESPACE, files[bundle.head(one.last)]) or b""
            yield Attack(f"{name}, {who}", files, rules=rules)
    for name, key in (("Sam", "ssh-ed25519 AAAA"), ("Wim", ""), ("Wim", "hello"), ("Wim", "ssh-dss AAAAB3NzaC1kc3M=")):

        def none(records: Records, name: str = name, key: str = key) -> None:
            _person(records, name)["key"] = key

        yield Attack(f"{name}'s is {key!r}", forge(one, none, ALL))


@attack("hold the whole ceremony under other people's names")
def _(one: Base) -> Iterator[Attack]:
    """Nothing in such a folder is wrong: what tells is the keys that come from outside it."""
    shadow = base(one.mode, "shadow")
    real = signers_of(one.people)
    yield Attack("signers of the real people", shadow.files, FAILED, real)
    for name in NAMES:
        yield Attack(f"signers of the real {name} alone", shadow.files, FAILED, signers_of(one.people, [name]))
    nobody = real.replace(b"ada-", b"eda-").replace(b"sam-", b"sem-").replace(b"wim-", b"wam-")
    yield Attack("signers of none of the names", shadow.files, INCOMPLETE, nobody)
    if one.mode is Mode.PRODUCTION:
        yield Attack("no signers", shadow.files, INCOMPLETE, b"")
    mixed = {path_of(one, name): one.files[path_of(one, name)] for name in NAMES}
    yield Attack("with the real people's signatures", {**shadow.files, **mixed}, FAILED, real)


@attack("bring signers that do not take these people")
def _(base: Base) -> Iterator[Attack]:
    people = base.people
    yield Attack("only Sam", base.files, INCOMPLETE, signers_of(people, ["Sam"]))
    yield Attack("only Wim", base.files, INCOMPLETE, signers_of(people, ["Wim"]))
    yield Attack("only Ada", base.files, INCOMPLETE, signers_of(people, ["Ada"]))
    yield Attack("a comment alone", base.files, INCOMPLETE, b"# nobody\n")
    for what, option in {
        "too late": 'valid-after="20261120Z"',
        "too early": 'valid-before="20261119Z"',
        "a second too late": 'valid-after="20270101000000Z"',
        "too early, and for heads": 'namespaces="ceremony-head",valid-before="20261119000000Z"',
    }.items():
        yield Attack(what, base.files, INCOMPLETE, signers_of(people, options=option))
    swapped = signers_of(people).replace(people.line("Sam").encode(), people.line("Ada").encode())
    yield Attack("Ada's key under Sam's name", base.files, FAILED, swapped)
    listed = signers_of(people)
    for what, data in {
        "another namespace": signers_of(people, options='namespaces="file"'),
        "an authority": signers_of(people, options="cert-authority"),
        "an unknown option": signers_of(people, options='no-touch-required="x"'),
        "CR LF": listed.replace(b"\n", b"\r\n"),
        "a pattern": listed.replace(b"wim-", b"*-"),
        "a negation": listed.replace(b"wim-", b"!wim-"),
        "a tab": listed.replace(b" ", b"\t", 1),
        "two blanks": listed.replace(b" ", b"  ", 1),
        "a BOM": b"\xef\xbb\xbf" + listed,
        "junk": b"hello\n" + listed,
        "a key cut short": listed[:-10] + b"\n",
        "a local time": signers_of(people, options='valid-after="20260101"'),
        "a day that is none": signers_of(people, options='valid-after="20260230Z"'),
    }.items():
        yield Attack(f"a file that is none: {what}", base.files, FAILED, data)


@attack("sign by too few")
def _(base: Base) -> Iterator[Attack]:
    """Some of the people, with all of the program and even the tokens: what they signed is whole, and is not the quorum's."""

    def salted(records: Records) -> None:
        records[2]["salt"] = "1" * 32

    for names in ((), ("Ada",), ("Sam",), ("Wim",), ("Ada", "Sam"), ("Ada", "Wim")):
        files = forge(base, salted, Keys(names, tokens=True))
        unsigned = {path: data for path, data in files.items() if not bundle.signed_head(path)[0]}
        signed = sign_last(base, unsigned, names)
        # Consents of those who did not are stale: an audit sees that, too.
        worse = base.mode is Mode.PRODUCTION and not {"Ada", "Wim"} <= set(names)
        yield Attack(f"{', '.join(names) or 'nobody'}", signed, FAILED if worse else INCOMPLETE, rules=INCOMPLETE)


# --- signatures that the log names ---------------------------------------------------------------------


def _named(base: Base) -> list[str]:
    return [path for path in base.files if path.endswith(".sig") and not bundle.signed_head(path)[0]]


@attack("strip, swap and replay what is signed during the ceremony")
def _(one: Base) -> Iterator[Attack]:
    """Roll call, approvals, consents, the root's: with the log as it was, and with the log made anew."""
    other = base(one.mode, "theirs")
    for path in _named(one):
        without = {name: data for name, data in one.files.items() if name != path}
        yield Attack(f"no {path}", remanifest(without))
        yield Attack(f"no {path}, all made anew", forge(one, files={path: None}))
        elsewhere = [
            data
            for name, data in other.files.items()
            if name.rpartition("/")[0] == path.rpartition("/")[0] and name.endswith(".sig")
        ]
        others = [one.files[name] for name in _named(one) if name != path]
        for number, data in enumerate([*others, *elsewhere]):
            if data != one.files[path]:
                yield Attack(f"{path}, other {number}", changed(one.files, path, data))
                yield Attack(f"{path}, other {number}, all made anew", forge(one, files={path: data}))


@attack("insiders replay an answer to the roll call")
def _(one: Base) -> Iterator[Attack]:
    """Who was not there, answered once before. The scripts do not read answers."""
    other = base(one.mode, "theirs")
    for path in [name for name in one.files if name.startswith("evidence/roll-call/") and name.endswith(".sig")]:
        text = path.removesuffix(".sig") + ".txt"
        both = {path: other.files[path], text: other.files[text]}
        for what, files in {"the signature": {path: other.files[path]}, "signature and text": both, "none": {path: None}}.items():
            yield Attack(f"{what} of {path}", forge(one, keys=ALL, files=files), FAILED, rules=ExitCode.DONE)


# --- the root -------------------------------------------------------------------------------------------


def _act(records: Records, kind: str, action: str) -> Record:
    return next(record for record in records if record["kind"] == kind and record["body"].get("action") == action)


@attack("insiders without the token forge the root's signature")
def _(one: Base) -> Iterator[Attack]:
    other = base(one.mode, "theirs")
    serial, key = next(iter(one.roots.items()))
    stranger = next(iter(other.roots.values()))
    sig, public = (bundle.token_evidence(serial, piece) for piece in ("head.sig", "public.pem"))
    text = one.files[bundle.head(one.last - 1)]

    def signed(value: bytes) -> dict[str, Any]:
        wire = base64.b64encode(value).decode()

        def touch(record: Record) -> None:
            if record["kind"] == "result" and record["body"].get("action") == "sign-head":
                record["body"]["signature"] = wire

        return {"touch": touch, "files": {sig: raw_to_der(value, key.public.algorithm)}}

    values = {
        "by another key": stranger.sign(Scheme.ECDSA_SHA256, text),
        "over another head": key.sign(Scheme.ECDSA_SHA256, one.files[bundle.head(1)]),
        "over the last head": key.sign(Scheme.ECDSA_SHA256, said(one)),
        "over another ceremony's": key.sign(Scheme.ECDSA_SHA256, other.files[bundle.head(other.last - 1)]),
        "noughts": bytes(63) + b"\1",
        "half of it": key.sign(Scheme.ECDSA_SHA256, text)[:32] + bytes(31) + b"\1",
    }
    for what, value in values.items():
        yield Attack(what, forge(one, keys=EVERYBODY, **signed(value)))

    def put(spki: str) -> Any:
        def touch(record: Record) -> None:
            if record["kind"] == "end" and record["step"] == "root-keys":
                record["body"]["made"]["keys"][0]["spki"] = spki

        return touch

    theirs = base64.b64encode(stranger.public.spki).decode()
    yield Attack("another key in the log", forge(one, keys=EVERYBODY, touch=put(theirs)))
    yield Attack(
        "another key in the log and beside it", forge(one, keys=EVERYBODY, touch=put(theirs), files={public: stranger.public.pem})
    )
    yield Attack("another key beside the log", forge(one, keys=ALL, files={public: stranger.public.pem}))
    yield Attack("no key beside the log", forge(one, keys=ALL, files={public: None}))
    yield Attack("the key as DER", forge(one, keys=ALL, files={public: one.files[public].replace(b"\n", b"\r\n")}))
    for spki in ("", "AAAA", "!", theirs[:-4], theirs + "AAAA", theirs + "\u00e9"):
        yield Attack(f"a key that is none: {spki[-6:]!r}", forge(one, keys=ALL, touch=put(spki)))


@attack("insiders let the root sign nothing, or too early")
def _(one: Base) -> Iterator[Attack]:
    def of(action: str, kind: str) -> Any:
        return lambda records: [r for r in records if r["kind"] != kind or r["body"].get("action") != action]

    yield Attack("no result of sign-head", forge(one, of("sign-head", "result"), EVERYBODY))
    both = lambda records: of("sign-head", "intent")(of("sign-head", "result")(records))  # noqa: E731
    yield Attack("no sign-head at all", forge(one, both, ALL))

    def touch(**members: Any) -> Any:
        def touched(record: Record) -> None:
            if record["kind"] == "result" and record["body"].get("action") == "sign-head":
                record.update({k: v for k, v in members.items() if k == "outcome"})
                record["body"].update({k: v for k, v in members.items() if k != "outcome"})

        return touched

    yield Attack("sign-head that failed", forge(one, keys=ALL, touch=touch(outcome="fail")))
    yield Attack("sign-head of another token", forge(one, keys=ALL, touch=touch(key="1234")))
    yield Attack("sign-head of another digest", forge(one, keys=ALL, touch=touch(head="0" * 64)))
    yield Attack("sign-head of no digest", forge(one, keys=ALL, touch=touch(head=None)))
    yield Attack("a signature that is no text", forge(one, keys=ALL, touch=touch(signature=1)))

    def late(records: Records) -> None:
        found = _act(records, "result", "sign-root")
        records.insert(-1, {**found, "step": "close"})

    yield Attack("the root signs metadata after the head", forge(one, late, ALL))

    def empty(records: Records) -> None:
        next(r for r in records if r["kind"] == "end" and r["step"] == "root-keys")["body"]["made"]["keys"] = []

    yield Attack("no root key", forge(one, empty, ALL))

    def forgotten(records: Records) -> None:
        records.insert(-1, {**records[-2], "kind": "again", "outcome": "ok", "body": {"step": "root-keys", "why": "x"}})

    yield Attack("a root key that is forgotten", forge(one, forgotten, ALL))
