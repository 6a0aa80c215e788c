# SPDX-License-Identifier: Apache-2.0
"""The keys: what each is, on which device, how it is kept, and by what that is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.core.plan import Custody
from ceremony.report.page.changes import Signed
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import INVENTORY, Material
from ceremony.report.page.opening import cited
from ceremony.report.page.parts import both, code, counted, digest, listed, more, note, record, section, spoken, table
from ceremony.report.page.parts import facts as rows_of

_MOST_ROOTS, _MOST, _SPOKEN = 40, 60, 12
_FOUND = (
    "It was made before this ceremony, and found on its token by what is published. Where it was made, and whether there are "
    "copies, is told by the ceremony that made it. "
)
_RESTORED = (
    "It was made in an earlier ceremony, and restored here from its backup. This computer held the private key meanwhile; "
    "nothing attests that there is no other copy. "
)
_ATTRIBUTES = ("local", "sensitive", "always_sensitive", "extractable", "never_extractable")


@dataclass(frozen=True, slots=True)
class _Root:
    serial: str
    token: str
    key: Facts
    settings: Facts


def keys(m: Material, signed: Signed) -> Element:
    """Return the section."""
    roots = _roots(m)
    return section(
        "keys",
        "Keys",
        note("A key is named by the SHA-256 of its DER SubjectPublicKeyInfo, as hex and as PGP words, as people heard them."),
        [_root(m, root, signed) for root in roots[:_MOST_ROOTS]],
        more(_MOST_ROOTS, len(roots), INVENTORY),
        None if roots else note("No root key is recorded yet."),
        _repository_keys(m),
    )


def _roots(m: Material) -> Sequence[_Root]:
    """Return the root keys of the inventory or, before there is one, of the steps that had them made or found."""
    found = [facts(item) for item in m.json(INVENTORY).items("root_keys")]
    if found:
        return [_named(m, key, key.inner("device").text("serial")) for key in found]
    made = [*m.made("root-keys").items("keys"), *m.made("restore").items("keys"), *m.made("tokens").items("signing")]
    return [_named(m, facts(row), facts(row).text("serial")) for row in made]


def _named(m: Material, key: Facts, serial: str) -> _Root:
    return _Root(serial, m.state.names.get(serial, serial), key, key.inner("settings"))


def _root(m: Material, root: _Root, signed: Signed) -> Element:
    public = root.key.text("public_sha256") or root.key.text("sha256")
    known = signed.roots.get(public)
    bits = root.key.number("bits")
    return el(
        "article",
        el("h3", f"Root key on {root.token or 'a token'}"),
        rows_of(
            [
                ("SHA-256", both(public)),
                ("Algorithm", root.key.text("algorithm") + (f", {bits:,} bits" if bits else "")),
                ("Key id", _ids(known.ids, len(known.seen)) if known else ""),
                ("Certificates", f"{len(known.seen):,}, until {', '.join(sorted(known.until))}" if known and known.until else ""),
                ("Token", [root.token, ", serial ", code(root.serial)]),
                ("Kept", _custody(m, root)),
                ("Settings", _settings(root.settings)),
                ("Read back", _attributes(root.settings)),
                ("Public half", code(bundle.token_evidence(root.serial, "public.pem")) if _has_evidence(m, root.serial) else ""),
                ("Told in", _told(m, root.serial)),
            ]
        ),
        class_="card",
    )


def _has_evidence(m: Material, serial: str) -> bool:
    return bundle.token_evidence(serial, "public.pem") in m.names


def _ids(ids: Sequence[str], count: int) -> Node:
    left = count - len(ids)
    shown: list[Node] = [el("div", code(key_id)) for key_id in ids]
    return [
        *shown,
        el("div", f"and {left:,} more, one for each certificate: see bundle/trust-pinning.json") if left > 0 else None,
    ]


def _custody(m: Material, root: _Root) -> Node:
    """Return how the private key is kept, in words that say no more than was shown."""
    settings, serial = root.settings, root.serial
    made = settings.text("made")
    if made.startswith("before"):
        return [
            _FOUND,
            cited(m, "root-found", serial),
        ]
    if made.startswith("in an earlier"):
        return [
            _RESTORED,
            cited(m, "restore-key", serial),
        ]
    tell = {
        Custody.TOKEN_ONLY.value: _token_only,
        Custody.TOKEN_WRAPPED.value: _token_wrapped,
        Custody.IMPORTED.value: _imported,
    }.get(settings.text("custody"))
    return list(tell(m, root)) if tell else "How it is kept is not recorded in the inventory yet."


def _token_only(m: Material, root: _Root) -> Iterator[Node]:
    if root.settings.flag("attested"):
        yield "Custody token-only: made on the token, and never out of it. This is shown by an attestation that the YubiKey signed, and that was verified. "
        yield cited(m, "attested", root.serial)
        yield " An attestation has no time. That the key was made in this ceremony rests on its slot, which was shown empty before, and on a challenge over the log that the key signed. "
        yield cited(m, "challenge", root.serial)
        return
    yield "Custody token-only: made on the token. That it never left, and cannot, is the token's own word, by the attributes below; no attestation shows it."


def _token_wrapped(m: Material, root: _Root) -> Iterator[Node]:
    yield (
        "Custody token-wrapped: made on the token. It left it once, wrapped (AES-KWP) under a key of this ceremony, for the backups. "
        "This computer held that key for a moment, and could have read the root key."
    )
    locked = facts(m.body("lock-key", root.serial).value.get("attributes"))
    if locked.value.get("extractable") is False:
        yield " Then it was locked: since then the token says EXTRACTABLE false, which is the token's own word. "
        yield cited(m, "lock-key", root.serial)
    else:
        yield el("strong", " No record shows that it was locked afterwards.")


def _imported(m: Material, root: _Root) -> Iterator[Node]:
    yield (
        "Custody imported: made in the memory of this computer, written to both volumes under encryption, and put on the token. "
        "This computer held the private key; nothing attests where it was made, or that there is no other copy. "
    )
    yield cited(m, "import-key", root.serial)


def _settings(settings: Facts) -> str:
    named = (("PIN", "pin_policy"), ("touch", "touch_policy"), ("slot", "slot"))
    said = [f"{label} {settings.text(member)}" for label, member in named if settings.text(member)]
    return ", ".join(said)


def _attributes(settings: Facts) -> Node:
    """Return the attributes that a PKCS#11 token told of the key; a YubiKey's key has none that prove anything."""
    made, locked = settings.inner("attributes"), settings.inner("attributes_locked")
    told: list[Node] = []
    for when, found in (("when it came to the token", made), ("once it was locked", locked)):
        said = [f"{name.upper()} {str(found.flag(name)).lower()}" for name in _ATTRIBUTES if name in found.value]
        if said:
            told.append(el("div", f"{when}: {', '.join(said)}"))
    return told


def _told(m: Material, serial: str) -> Node:
    kinds = ("generate-key", "import-key", "restore-key", "root-found", "attested", "challenge", "lock-key", "sign-head")
    found = sorted({seq for kind in kinds if (seq := m.seq(kind, serial)) is not None})
    return record(*found) if found else ""


def _repository_keys(m: Material) -> Node:
    listed_keys = m.json(INVENTORY).inner("repository_keys")
    names = list(listed_keys)
    if not names:
        return None
    made = sum(listed_keys.inner(name).flag("made_here") for name in names)
    rows = [_repository(m, name, listed_keys.inner(name), aloud=len(names) <= _SPOKEN) for name in names[:_MOST]]
    kinds = sorted({listed_keys.inner(name).text("algorithm") for name in names})
    return [
        el("h3", "Repository keys"),
        note(
            f"{counted(len(names), 'targets key')} ({listed(kinds, 8)}), {made:,} of them made in this ceremony, in the memory of this computer. "
            "Those are on both volumes under encryption; what was delivered is encrypted to its team alone, under deliver/."
        ),
        table(("Repository", "Its targets key"), rows, class_="keys"),
        more(_MOST, len(names), INVENTORY),
    ]


def _repository(m: Material, name: str, key: Facts, *, aloud: bool) -> tuple[Node, ...]:
    public = key.text("public_sha256")
    made = "made here" if key.flag("made_here") else "not made here"
    delivered = ", delivered to its team" if bundle.delivery(name) in m.names else ""
    return (
        [el("div", name), el("div", f"{key.text('algorithm')}, {made}{delivered}", class_="cite")],
        [
            el("div", el("span", "id ", class_="cite"), code(key.text("id"))),
            el("div", el("span", "SHA-256 ", class_="cite"), digest(public)),
            spoken(public) if aloud else None,
        ],
    )
