# SPDX-License-Identifier: Apache-2.0
"""The custody list: what people are asked at the close, what is recorded of it, and what a resumed close asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Level
from ceremony.core.bundle import LOG, REPORT
from ceremony.core.plan import Mode, Person, Role
from ceremony.core.ports import Deviation, Prompt
from ceremony.errors import ExitCode, Stopped
from tests.fakes.faulty import Sockets
from tests.fakes.fleet import World, changing_plan
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.mortal import Fate, Killed, MortalFolder
from tests.fakes.operator import ScriptedOperator
from tests.fakes.piv import yubikey
from tests.fakes.plans import sourced
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import FakeRack, fake_rack
from tests.steps.test_genesis import wrapped

APP = "docker.io/acme/app"


def on(*tokens: str, **answers: object) -> Ceremony:
    return Ceremony(
        plan=plan(repository(APP), root=wrapped(*tokens)), rack=fake_rack(*tokens), operator=ScriptedOperator(answers=answers)
    )


def production(**answers: object) -> Ceremony:
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    rack, people = fake_rack("root-a", software=False), ScriptedOperator(answers=answers)
    return Ceremony(plan=plan(repository(APP)), mode=Mode.PRODUCTION, media=media, rack=rack, operator=people)


def held(ceremony: Ceremony) -> list[tuple[str, str, str]]:
    """Hold a ceremony, have its folder audited, and return who takes what, in which bag."""
    assert ceremony.hold() is ExitCode.DONE
    return handed_out(ceremony)


def handed_out(ceremony: Ceremony) -> list[tuple[str, str, str]]:
    assert not [finding for finding in audit(ceremony.folder).findings if finding.level is Level.FAILED]
    return [(f"{body['what']} {body['name']}", body["holder"], body["seal"]) for body in ceremony.bodies("custody")]


def custody(said: Sequence[str]) -> list[str]:
    return [one for one in said if one.startswith(("custody:", "seal:"))]


def test_everything_is_taken_once_by_those_who_are_to_bring_it_away():
    ceremony = on("root-a", "root-b")
    assert held(ceremony) == [
        ("token root-a", "Sam", "PRACTICE-0001"),
        ("token root-b", "Sam", "PRACTICE-0002"),
        ("volume a", "Ada", "PRACTICE-0003"),
        ("volume b", "Wim", "PRACTICE-0004"),
        ("courier courier", "Ada", "PRACTICE-0005"),
    ]
    devices = ceremony.rack.devices
    serials = [body["serial"] for body in ceremony.bodies("custody")]
    assert serials == [devices["root-a"].serial, devices["root-b"].serial, "Fa", "Fb", "Fcourier"]


def test_it_stands_before_the_answers_and_the_report_tells_it():
    ceremony = on("root-a")
    held(ceremony)
    said = [json.loads(line) for line in ceremony.folder.files[LOG].splitlines()]
    last = max(record["seq"] for record in said if record["kind"] == "custody")
    assert last < min(record["seq"] for record in said if record["body"].get("action") == "answer")
    assert {record["step"] for record in said if record["kind"] == "custody"} == {"close"}
    assert ceremony.folder.exists(REPORT)
    assert ceremony.bodies("close")[0]["counts"]["custody"] == 4


def test_a_question_says_the_serial_and_what_everybody_has_so_far():
    ceremony = on("root-a")
    held(ceremony)
    people = ceremony.operator
    token, volume, courier = (people.question(f"custody:{name}") for name in ("root-a", "b", "courier"))
    assert (token.prompt.title, volume.prompt.title, courier.prompt.title) == (
        "Who takes token root-a?",
        "Who takes volume b?",
        "Who takes the courier?",
    )
    serial = ceremony.rack.devices["root-a"].serial
    assert token.prompt.detail == f"Serial {serial}. The log names whoever takes it."
    assert volume.prompt.detail.endswith("It stays in the computer until the copy is on it.")
    assert [(option.key, option.detail) for option in volume.options] == [
        ("Wim", "witness"),
        ("Sam", "security-officer; takes token root-a"),
        ("Ada", "administrator; takes volume a"),
    ]
    seal = people.question("seal:root-a")
    assert seal.prompt.title == "Bag or seal of token root-a?"
    assert seal.prompt.detail == "Sam takes token root-a. Type the number on its bag or seal; nothing, when it has none."


MANY = (
    Person("Ada", Role.ADMINISTRATOR, "Acme", ""),
    Person("Opa", Role.OPERATOR, "Acme", ""),
    Person("Wim", Role.WITNESS, "Notaries", "", independent=True),
    Person("Cem", Role.CUSTODIAN, "Acme", ""),
    Person("Sam", Role.SECURITY_OFFICER, "Acme", ""),
    Person("Sue", Role.SECURITY_OFFICER, "Acme", ""),
)


def test_two_volumes_go_apart_from_tokens_and_from_what_opens_them():
    tokens = ("root-a", "root-b", "root-c")
    made = sourced(replace(plan(repository(APP), root=wrapped(*tokens)), people=MANY))
    found = held(Ceremony(plan=made, rack=fake_rack(*tokens)))
    assert [holder for _, holder, _ in found] == ["Sam", "Sue", "Sam", "Ada", "Opa", "Ada"]


@pytest.mark.parametrize(
    ("kind", "things"),
    [
        pytest.param("yubikeys", ["root-a", "root-b", "a", "b", "courier"], id="YubiKeys"),
        pytest.param("renewal", ["root-a", "a", "b", "courier"], id="a renewal, which makes no key"),
    ],
)
def test_the_things_are_those_that_were_used(kind, things):
    if kind == "yubikeys":
        tokens = ("root-a", "root-b")
        ceremony = Ceremony(
            plan=plan(repository(APP), root=wrapped(*tokens, custody="token-only")), rack=FakeRack(*map(yubikey, tokens))
        )
    else:
        ceremony = World().after(changing_plan("renewal", expires={"root": "2035-06-01T00:00:00Z"}, backed_up=False))
    assert ceremony.hold() is ExitCode.DONE
    assert [body["name"] for body in ceremony.bodies("custody")] == things


def test_nobody_who_was_absent_can_take_anything():
    ceremony = on("root-a")
    ceremony.cosigner.absent = {"Ada"}
    ceremony.operator.answers["name:Ada"] = ""
    assert ceremony.hold() is ExitCode.DONE
    options = [asked.options for asked in ceremony.operator.asked if asked.prompt.key.startswith("custody:")]
    assert options
    assert all({option.key for option in offered} == {"Sam", "Wim"} for offered in options)


def test_one_person_takes_both_volumes_only_when_people_say_so_again():
    ceremony = on("root-a", **{"custody:a": "Wim", "custody:b": ["Wim", "Wim"], "custody:both": [False, True]})
    assert [holder for what, holder, _ in held(ceremony) if what.startswith("volume")] == ["Wim", "Wim"]
    asked = ceremony.operator.question("custody:both")
    assert asked.prompt.title == "Does Wim take both volumes?"
    assert custody(ceremony.operator.keys).count("custody:b") == 2
    assert ("custody", "Wim takes both volumes") in [
        (finding.subject, finding.text.rpartition("; ")[2]) for finding in audit(ceremony.folder).findings
    ]


def test_whoever_does_not_take_both_volumes_takes_one():
    ceremony = on("root-a", **{"custody:a": "Wim", "custody:b": ["Wim", "Ada"], "custody:both": False})
    assert [holder for what, holder, _ in held(ceremony) if what.startswith("volume")] == ["Wim", "Ada"]


@pytest.mark.parametrize(
    "again",
    [pytest.param("1234567", id="the same"), pytest.param(" 123 4567 ", id="with spaces"), pytest.param("ch-12", id="case")],
)
def test_one_number_on_two_bags_is_a_mistake_and_is_asked_for_again(again):
    first = "CH-12" if again == "ch-12" else "1234567"
    ceremony = on("root-a", **{"seal:root-a": first, "seal:a": [again, "7654321"]})
    assert [seal for _, _, seal in held(ceremony)][:2] == [first, "7654321"]
    asked = [one.prompt.detail for one in ceremony.operator.asked if one.prompt.key == "seal:a"]
    assert asked[1].startswith(
        f"{' '.join(again.split())} is the number of token root-a already; no two are the same. Ada takes volume a."
    )


def test_a_rehearsal_offers_no_number_that_somebody_typed():
    ceremony = on("root-a", **{"seal:root-a": "practice-0002"})
    assert [seal for _, _, seal in held(ceremony)] == ["practice-0002", "PRACTICE-0003", "PRACTICE-0004", "PRACTICE-0005"]


def test_what_cannot_be_shown_in_a_number_is_written_as_an_escape():
    ceremony = on("root-a", **{"seal:root-a": " 12\x0734  e\u0301 "})
    assert held(ceremony)[0] == ("token root-a", "Sam", "12\\x0734 \u00e9")


def test_a_production_offers_no_number_and_says_what_is_in_no_bag():
    ceremony = production(**{"seal:root-a": "7", "seal:b": "8"})
    assert [seal for _, _, seal in held(ceremony)] == ["7", "", "8", ""]
    assert [told for told in ceremony.operator.told if "no bag" in told] == [
        "volume a is in no bag and under no seal, as the log says now.",
        "the courier is in no bag and under no seal, as the log says now.",
    ]
    found = [finding.text for finding in audit(ceremony.folder).findings if finding.subject == "custody"]
    assert found == ["each of 4 tokens and media is taken by somebody who was present; 2 without a bag or a seal"]


@pytest.mark.parametrize("stop_at", ["custody:root-a", "seal:root-a", "custody:b", "seal:courier"])
def test_a_close_that_was_stopped_asks_only_for_what_is_left(stop_at):
    ceremony = on("root-a", **{"seal:root-a": "first"})
    ceremony.operator.stop_at = stop_at
    with pytest.raises(Stopped):
        ceremony.hold()
    done = [body["name"] for body in ceremony.bodies("custody")]
    ceremony.operator.stop_at = ""
    ceremony.operator.asked.clear()
    assert ceremony.resume() is ExitCode.DONE
    assert len(handed_out(ceremony)) == 4
    assert ceremony.bodies("custody")[0]["seal"] == "first"
    names = ["root-a", "a", "b", "courier"]
    left = [f"{key}:{name}" for name in names[len(done) :] for key in ("custody", "seal")]
    assert custody(ceremony.operator.keys) == left


@pytest.mark.parametrize("records", [pytest.param(1, id="the last answer"), pytest.param(2, id="the set-aside of a torn report")])
def test_a_volume_that_fails_after_it_was_taken_is_taken_anew_and_no_deviation_is_lost(records):
    ceremony = Ceremony(media=Sockets())
    people = ceremony.operator

    def fail(_: Prompt) -> str:
        ceremony.folder.write({REPORT: b"torn by a power cut"})
        ceremony.media.volumes["b"].fail("append", records, "the device failed")
        return "agree"

    def put(_: Prompt) -> bool:
        ceremony.media.fresh("b")
        people.answers["custody:b"] = late
        return True

    def late(_: Prompt) -> str:
        people.note(Deviation("one volume b", "two", "went on", "Wim"))
        return "Sam"

    people.answers |= {"answer:Wim": fail, "error:medium:b": "another", "insert:b": put}
    found = held(ceremony)
    assert [(what, holder) for what, holder, _ in found][-3:] == [
        ("volume b", "Wim"),
        ("courier courier", "Ada"),
        ("volume b", "Sam"),
    ]
    assert [body["serial"] for body in ceremony.bodies("custody") if body["name"] == "b"] == ["Fb", "fresh-1"]
    assert "one volume b" in [body["expected"] for body in ceremony.bodies("deviation")]


def yubikeys(*tokens: str) -> Ceremony:
    made = plan(repository(APP), root=wrapped(*tokens, custody="token-only"))
    return Ceremony(plan=made, rack=FakeRack(*map(yubikey, tokens)))


@pytest.mark.parametrize(
    "stop_at",
    [
        pytest.param("seal:root-a", id="the first is in its bag, and its number is not typed"),
        pytest.param("custody:root-b", id="the first was taken"),
        pytest.param("custody:a", id="both were taken"),
        pytest.param("answer:Wim", id="everything was taken"),
    ],
)
@pytest.mark.parametrize("make", [pytest.param(yubikeys, id="YubiKeys"), pytest.param(on, id="PKCS#11 tokens")])
def test_no_bag_is_opened_for_a_close_that_was_interrupted(make, stop_at):
    ceremony = make("root-a", "root-b")
    ceremony.operator.stop_at = stop_at
    with pytest.raises(Stopped):
        ceremony.hold()
    before = ceremony.bodies("custody")
    for device in ceremony.rack.devices.values():
        device.absent = True
    ceremony.operator.stop_at = ""
    ceremony.operator.asked.clear()
    assert ceremony.resume() is ExitCode.DONE
    assert not [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]
    assert ceremony.bodies("custody")[: len(before)] == before
    assert [body["name"] for body in ceremony.bodies("custody")] == ["root-a", "root-b", "a", "b", "courier"]
    assert not [key for key in ceremony.operator.keys if key.startswith("insert:root")]


def test_only_a_token_that_did_not_sign_the_head_is_needed_again():
    ceremony = yubikeys("root-a", "root-b")
    first, second = ceremony.rack.devices.values()

    def pin(prompt: Prompt) -> str:
        if [body for body in ceremony.bodies("result") if body["action"] == "sign-head"] and not first.absent:
            first.absent = True
            raise Stopped("people stopped the ceremony", hint="`ceremony resume` goes on from here")
        return ceremony.operator.shown.get(prompt.key, "")

    ceremony.operator.answers["pin:root-b"] = pin
    with pytest.raises(Stopped):
        ceremony.hold()
    assert first.absent
    read = len(ceremony.bodies("standing"))
    assert ceremony.resume() is ExitCode.DONE
    assert [body["token"] for body in ceremony.bodies("standing")[read:]] == [second.serial]
    assert not [finding for finding in audit(ceremony.folder).findings if finding.level is not Level.OK]


@pytest.mark.parametrize("when", [pytest.param("within", id="torn"), pytest.param("after", id="whole")])
@pytest.mark.parametrize("make", [pytest.param(yubikeys, id="YubiKeys"), pytest.param(on, id="PKCS#11 tokens")])
def test_no_token_is_needed_after_a_crash_at_the_record_of_the_last_one(make, when):
    fate, ceremony = Fate(), make("root-a", "root-b")
    ceremony.folder = MortalFolder(fate)

    def last(_: Prompt) -> str:
        fate.die_at(fate.acts, when)
        return "the last bag"

    ceremony.operator.answers |= {"seal:root-a": "the first bag", "seal:root-b": last}
    with pytest.raises(Killed):
        ceremony.hold()
    fate.live()
    for device in ceremony.rack.devices.values():
        device.absent = True
    ceremony.operator.answers["seal:root-b"] = "the last bag"
    assert ceremony.resume() is ExitCode.DONE
    assert [seal for _, _, seal in handed_out(ceremony)][:2] == ["the first bag", "the last bag"]
    assert ceremony.operator.keys.count("seal:root-b") == (2 if when == "within" else 1)
