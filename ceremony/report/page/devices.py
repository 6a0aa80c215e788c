# SPDX-License-Identifier: Apache-2.0
"""The devices: each token as it named itself, what shows that it is one, and what is not shown; the media and the machine."""

from __future__ import annotations

from collections.abc import Iterator

from ceremony.core import claims
from ceremony.core.chronicle.facts import Facts
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import Material
from ceremony.report.page.opening import cited
from ceremony.report.page.parts import code, digest, facts, more, note, record, section, table

_MOST = 100
_FIPS = (
    "The CA/Browser Forum's Baseline Requirements (6.2.7) ask for a module at FIPS 140 level 3 or Common Criteria EAL 4. "
    "YubiKeys of the FIPS series are documented at FIPS 140 level 2 overall, the others at none: this key is not kept as these "
    "requirements ask of a public CA. Notary and TUF have no such rule."
)
_KINDS = {"yubikey": "YubiKey (PIV)", "pkcs11": "PKCS#11 token"}
_NO_FIPS = "What this token is certified for is not known to this program: see its maker's certificate."


def devices(m: Material) -> Element:
    """Return the section."""
    tokens = [record.body for (kind, _), record in m.latest.items() if kind == "token"]
    return section(
        "devices",
        "Devices",
        [_token(m, Facts(body)) for body in tokens[:_MOST]],
        more(_MOST, len(tokens), "ceremony.jsonl"),
        None if tokens else note("No token was used yet."),
        el("h3", "Media"),
        table(("Place", "Model", "Serial", "In the place of", "Record"), list(_media(m))),
        _machine(m),
    )


def _token(m: Material, body: Facts) -> Element:
    serial = body.text("serial")
    yubikey = body.text("kind") == "yubikey"
    rows: list[tuple[str, Node]] = [
        ("Serial", code(serial)),
        ("Kind", _KINDS.get(body.text("kind"), body.text("kind"))),
        ("Model", f"{body.text('manufacturer')} {body.text('model')}".strip()),
        ("Firmware", body.text("firmware")),
        ("Form factor", body.text("form_factor")),
        ("Slot", body.text("slot")),
        ("Label", body.text("label")),
        ("Module", [code(body.text("module")), ", SHA-256 ", digest(body.text("module_sha256"))] if body.text("module") else ""),
        ("Firmware judged", _judged(m, serial)),
        ("What shows it", _shown(m, serial, software=body.flag("software"))),
        (
            "FIPS",
            ["The device says that it is of the FIPS series. " if body.flag("fips") else "", _FIPS if yubikey else _NO_FIPS],
        ),
        ("Told in", cited(m, "token", serial)),
    ]
    return el("article", el("h3", body.text("name") or serial), facts(rows), class_="card")


def _judged(m: Material, serial: str) -> Node:
    body = m.body("firmware", serial)
    words = {"allow": "may be used", "deviation": "may be used only as a deviation", "refuse": "must not be used"}
    if not body.text("decision"):
        return ""
    by = m.body("accept-firmware", serial).texts("by")
    accepted = f"; taken as a deviation by {' and '.join(by)}" if by else ""
    return [
        f"{words.get(body.text('decision'), body.text('decision'))}: {'; '.join(body.texts('reasons'))}{accepted} ",
        cited(m, "firmware", serial),
    ]


def _shown(m: Material, serial: str, *, software: bool) -> Node:
    attested, claim = m.body("attested", serial), claims.claimants(m.body(claims.ACTION, serial).value.get("by"))
    if software:
        return el("strong", "It is software, which anybody who has its files can copy: practice only.")
    if m.seq("attested", serial) is not None:
        authorities = attested.texts("authorities")
        whose = "which is Yubico's" if attested.flag("pinned") else "which is not Yubico's: practice only"
        return [
            f"Attested: its certificates go up to {(authorities or ('nobody',))[-1]}, {whose}. ",
            cited(m, "attested", serial),
        ]
    if claim:
        return [
            f"Claimed, not attested: {' and '.join(claim)} say that it is hardware. Nothing else shows it. ",
            cited(m, claims.ACTION, serial),
        ]
    return "Nothing: no attestation and no claim is recorded."


def _media(m: Material) -> Iterator[tuple[Node, ...]]:
    for role, medium in list(m.state.media.items())[:_MOST]:
        body, seq = m.body("medium", role), m.seq("medium", role)
        place = "Courier" if role == "courier" else f"Volume {role.upper() if len(role) == 1 else role}"
        model = "a folder in its place: practice only" if medium.folder else medium.model
        yield place, model, code(medium.serial), body.text("replaces") or "none", record(seq) if seq is not None else None


def _machine(m: Material) -> Node:
    checks = list(m.state.checks.items())
    if not checks:
        return None
    rows: list[tuple[Node, ...]] = [
        (name, "passed" if checked.passed else el("strong", "did not pass"), checked.saw) for name, checked in checks[:_MOST]
    ]
    return [
        el("h3", "The machine"),
        table(("Check", "Came out", "What was seen"), rows),
        note(
            "As each came out last. The machine is judged by a program that runs on it: a machine that lies is not found out so."
        ),
    ]
