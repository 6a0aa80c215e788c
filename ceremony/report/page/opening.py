# SPDX-License-Identifier: Apache-2.0
"""The beginning of the page: which ceremony this is, and what came of it, in numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ceremony.core.chronicle.facts import Facts
from ceremony.report.page.changes import Signed
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import LEFT_OUT, Material
from ceremony.report.page.parts import alarm, both, code, counted, digest, facts, record, time

_SUBSTITUTIONS = 20
_KINDS = {
    "genesis": "Genesis: the root keys were made, and the first metadata signed with them.",
    "renewal": "Renewal: metadata was signed that follows what is published.",
    "rotation": "Rotation: keys were replaced, and the metadata signed that follows what is published.",
    "recovery": "Recovery: root keys were restored from an earlier ceremony's backup. Nothing was signed with them but their proof.",
}


def running(m: Material) -> Element:
    """Return the line that stands above every page, on paper too."""
    return el(
        "div",
        el("div", el("strong", m.mode, class_="mode"), " ", m.state.name, class_="left"),
        el("div", "ceremony ", el("code", m.state.ceremony), class_="right"),
        class_="running",
    )


def title(m: Material) -> Element:
    """Return the title block."""
    body = m.opened
    plan = body.inner("plan")
    kind = plan.text("kind")
    return el(
        "header",
        el("p", "Report of a key ceremony", class_="over"),
        el("h1", plan.text("name") or "A ceremony without a name"),
        el("p", _KINDS.get(kind, f"A ceremony of the kind {kind or 'unknown'}."), class_="lead"),
        _practice(m) if m.practice else None,
        facts(_facts(m, body)),
        class_="title",
    )


def _practice(m: Material) -> Element:
    """Return that nothing may be relied on, and what stood in for the real thing."""
    stood_in = [event.text.removeprefix("For practice: ") for event in m.state.substitutions]
    told = f" In the place of the real thing: {'; '.join(stood_in[:_SUBSTITUTIONS])}." if stood_in else ""
    return alarm(el("strong", f"{m.mode}. "), f"This shows how a ceremony is held, and proves nothing about real keys.{told}")


def _facts(m: Material, body: Facts) -> Iterator[tuple[str, Node]]:
    plan, tool = body.inner("plan"), body.inner("tool")
    yield "Ceremony", code(m.state.ceremony)
    yield "Mode", body.text("mode")
    yield "Kind", ", ".join(word for word in (plan.text("kind"), plan.text("dialect")) if word)
    yield "Facility", plan.text("facility")
    last = m.records[-1].utc if m.records else ""
    yield "Held", f"{time(m.state.began)} to {time(last)}"
    yield "Ceremony before", _previous(body.text("previous"))
    yield "Program", ["ceremony ", tool.text("version"), ", SHA-256 over its files ", digest(tool.text("sha256"))]
    yield "Plan", ["evidence/plan.toml, SHA-256 ", digest(plan.text("sha256"))]
    yield "Request", _request(m, body)


def _previous(said: str) -> Node:
    if said == "first":
        return "none: the plan says that this is the first"
    return ["its last head has the SHA-256 ", both(said)] if said else "the first record does not say"


def _request(m: Material, body: Facts) -> Node:
    taken = m.body("request").text("digest").removeprefix("sha256:") or body.text("request").removeprefix("sha256:")
    if not taken:
        return ""
    stands_in = " (it stands in for the real one)" if body.flag("substituted-request") else ""
    return ["SHA-256 of its index ", digest(taken), stands_in]


def in_short(m: Material, signed: Signed) -> Element:
    """Return what came of it, in numbers; what each of them rests on is told further down."""
    return el("ul", [el("li", el("strong", number), " ", words) for number, words in _numbers(m, signed)], class_="numbers")


def _numbers(m: Material, signed: Signed) -> Iterator[tuple[str, str]]:
    state = m.state
    called = [called for called in state.people.values() if called.how and called.how != "absent"]
    yield f"{len(called):,}", f"of {counted(len(state.people), 'person', 'people')} answered the roll call"
    yield (
        f"{len(state.roots):,}",
        f"root {'key' if len(state.roots) == 1 else 'keys'} on {'a token' if len(state.roots) == 1 else 'tokens'}",
    )
    if signed.names:
        yield f"{len(signed.names):,}", f"{'repository' if len(signed.names) == 1 else 'repositories'} signed for"
    if left_out := len(m.json(LEFT_OUT)):
        yield f"{left_out:,}", "left out, with the reason"
    yield f"{len(state.deviations):,}", "deviation noted" if len(state.deviations) == 1 else "deviations noted"
    faults = len(state.errors) + len(state.wrong_pins) + len(state.stops)
    yield f"{faults:,}", "error, wrong PIN or stop" if faults == 1 else "errors, wrong PINs and stops"


def cited(m: Material, kind: str, about: str = "") -> Element | None:
    """Return the number of the last record of a kind about something; None when there is none."""
    seq = m.seq(kind, about)
    return record(seq) if seq is not None else None
