# SPDX-License-Identifier: Apache-2.0
"""What a step refuses, in which words, and that people can put it right or stop; nothing is lost either way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ceremony.core import software_key
from ceremony.core.bundle import LOG
from ceremony.core.dialects import notary_keys
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, KeyPlan, Mode, RootPlan, Source
from ceremony.core.ports import Check
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, ExitCode, PinLocked, Stopped, StorageError, TokenError, VerificationError, WrongPin
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.host import FakeHost
from tests.fakes.room import PEOPLE, Ceremony, plan, repository, server_request
from tests.fakes.token import FakeDevice, FakeRack, fake_rack

APP = "docker.io/acme/app"
STOP = "stop"


def hold(ceremony: Ceremony, error: type[CeremonyError], match: str, step: str) -> None:
    """Hold the ceremony; it must fail in `step` with these words, and say so in its log."""
    ceremony.operator.answers.setdefault(f"error:{step}", STOP)
    with pytest.raises(error, match=match):
        ceremony.hold()
    assert ceremony.bodies("error"), "the log must tell of it"
    assert ceremony.bodies("stop")


def volumes(**identities: object) -> FakeMedia:
    media = FakeMedia()
    for role, identity in identities.items():
        media.volumes[role] = FakeVolume(identity)
    return media


# --- preflight and roll call ---


def test_production_refuses_a_machine_that_is_not_fit():
    checks = [Check("swap", passed=False, saw="in use", hint="swapoff -a"), Check("network", passed=True, saw="none", hint="")]
    hold(Ceremony(mode=Mode.PRODUCTION, host=FakeHost(checks)), CeremonyError, "not fit: swap", "preflight")


def test_production_does_not_take_a_typed_name_for_a_key():
    ceremony = Ceremony(mode=Mode.PRODUCTION)
    ceremony.cosigner.absent = {"Wim"}
    hold(ceremony, CeremonyError, "cannot meet the quorum", "roll-call")


def test_a_name_that_is_not_the_person_s_is_no_answer():
    ceremony = Ceremony()
    ceremony.cosigner.absent = {"Wim"}
    ceremony.operator.answers["name:Wim"] = "Tim"
    hold(ceremony, CeremonyError, "cannot meet the quorum", "roll-call")
    assert {"name": "Wim", "role": "witness", "how": "absent"} in ceremony.bodies("roll-call")


# --- media ---


@pytest.mark.parametrize(
    ("media", "match"),
    [
        pytest.param(volumes(b=fake_identity("Fa")), "Fa", id="the same stick twice"),
        pytest.param(volumes(b=fake_identity("Fb", device="/media/Fa")), "device", id="two partitions of one device"),
    ],
)
def test_two_volumes_are_two_devices(media, match):
    hold(Ceremony(media=media), StorageError, match, "volumes")


def test_production_refuses_a_folder_in_a_volume_s_place():
    hold(Ceremony(mode=Mode.PRODUCTION), StorageError, "a folder is not a removable volume", "volumes")


def test_a_missing_medium_is_named():
    media = FakeMedia()
    del media.volumes["b"]
    hold(Ceremony(media=media), StorageError, "volume b: no medium that could serve is here", "volumes")


def test_a_medium_that_is_put_in_late_is_noticed():
    media = FakeMedia()
    late = media.volumes.pop("b")
    ceremony = Ceremony(media=media)
    ceremony.operator.answers["insert:b"] = lambda _: media.volumes.setdefault("b", late) is late
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.operator.question("insert:b").prompt.title == "Put in volume b"


@pytest.mark.parametrize(
    ("role", "path"),
    [
        pytest.param("a", "ceremony-{id}/private/identity.age", id="a volume"),
        pytest.param("courier", "ceremony-{id}.tar", id="the courier"),
    ],
)
def test_a_medium_with_files_of_this_ceremony_is_refused(role, path):
    ceremony = Ceremony()
    ceremony.media.volumes[role].files[path.format(id="c0" * 16)] = b"x"
    hold(ceremony, StorageError, "already holds files of ceremony-", "volumes")


def test_among_several_media_people_choose_by_serial():
    class Two(FakeMedia):
        def candidates(self, role):
            found = super().candidates(role)
            return [fake_identity("F-other"), *found] if role == "a" else found

    ceremony = Ceremony(media=Two())
    ceremony.operator.answers["medium:a"] = "Fa"
    assert ceremony.hold() is ExitCode.DONE
    assert [option.key for option in ceremony.operator.question("medium:a").options] == ["F-other", "Fa"]


def test_a_volume_that_fails_stops_the_ceremony_before_the_next_device_command():
    ceremony = Ceremony()
    ceremony.operator.answers["generate:root-a"] = lambda _: ceremony.media.volumes["b"].fail("append") or True
    ceremony.operator.answers["error:medium:b"] = STOP
    with pytest.raises(Stopped, match="volume b is out: memory Fb: is full"):
        ceremony.hold()
    assert "generate" not in ceremony.rack.devices["root-a"].calls
    assert ceremony.rack.devices["root-a"].keys == []


# --- request ---


def test_the_request_is_the_one_that_the_plan_names():
    made = replace(plan(repository(APP)), request="sha256:" + "0" * 64)
    ceremony = Ceremony(plan=made)
    ceremony.substituted = False
    hold(ceremony, VerificationError, "not the one that the plan names", "load-request")


def test_a_request_without_one_of_the_repositories_is_refused():
    ceremony = Ceremony(request=server_request(["docker.io/acme/other"]))
    hold(ceremony, VerificationError, f"holds nothing about {APP}", "load-request")


def test_a_request_that_was_changed_in_the_folder_is_refused():
    ceremony = Ceremony()
    ceremony.operator.answers["medium:a"] = ""
    ceremony.media.candidates = _spoiling(ceremony, "evidence/request/index.json", ceremony.media.candidates)
    hold(ceremony, VerificationError, "is not the file that was recorded", "load-request")


def _spoiling(ceremony: Ceremony, path: str, candidates: Callable) -> Callable:
    def spoil(role: str):
        ceremony.folder.files[path] = b"{}"
        return candidates(role)

    return spoil


# --- protector ---


def test_a_passphrase_that_is_not_typed_back_is_made_anew_by_trying_again():
    ceremony = Ceremony()
    typed = iter(["wrong", "wrong", "wrong"])
    ceremony.operator.answers["passphrase"] = [lambda _: True, *(lambda _, t=t: t for t in typed)]
    ceremony.operator.answers["error:protector"] = lambda _: ceremony.operator.answers.pop("passphrase") and "retry"
    assert ceremony.hold() is ExitCode.DONE
    assert [body["same"] for body in ceremony.bodies("typed-back")] == [False, False, False, True]


# --- tokens and PINs ---


def test_production_refuses_a_software_token():
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    hold(Ceremony(mode=Mode.PRODUCTION, media=media), TokenError, "is a software token", "tokens")


def test_one_device_under_two_names_is_refused():
    root = RootPlan(Algorithm.ECDSA_P256, ("root-a", "root-b"), 1, Custody.TOKEN_ONLY)
    rack = FakeRack(FakeDevice("root-a", serial="77"), FakeDevice("root-b", serial="77"))
    hold(Ceremony(plan=plan(root=root), rack=rack), TokenError, "is named as root-a and as root-b", "tokens")


def test_a_token_that_people_do_not_recognise_is_not_used():
    ceremony = Ceremony()
    ceremony.operator.answers["token:root-a"] = False
    hold(ceremony, TokenError, "did not recognise it as root-a", "tokens")
    assert "unlock" not in ceremony.rack.devices["root-a"].calls


def test_a_wrong_pin_is_asked_for_again_and_stands_in_the_log():
    ceremony = Ceremony()
    ceremony.operator.secrets["pin:root-a"] = ["000000", "123456"]
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.bodies("login")[0]["retries_left"] is None


def test_people_can_give_up_after_a_wrong_pin():
    ceremony = Ceremony()
    ceremony.operator.secrets["pin:root-a"] = "000000"
    ceremony.operator.answers["retry:pin:root-a"] = False
    hold(ceremony, WrongPin, "the PIN is wrong", "prepare")
    assert ceremony.rack.devices["root-a"].wrong == 1


def test_the_last_try_is_never_spent_without_being_told_to():
    ceremony = Ceremony()
    device = ceremony.rack.devices["root-a"]
    device.wrong = 2
    ceremony.operator.answers[f"last-try:{device.serial}"] = False
    hold(ceremony, TokenError, "was left with its last PIN try unspent", "prepare")
    assert device.wrong == 2
    assert ceremony.operator.question(f"last-try:{device.serial}").word == "LAST"


def test_the_last_try_is_spent_when_people_type_the_word():
    ceremony = Ceremony()
    ceremony.rack.devices["root-a"].wrong = 2
    assert ceremony.hold() is ExitCode.DONE


def test_a_blocked_pin_is_not_tried():
    ceremony = Ceremony()
    ceremony.rack.devices["root-a"].wrong = 3
    hold(ceremony, PinLocked, "the PIN is blocked", "prepare")
    assert "unlock" not in ceremony.rack.devices["root-a"].calls


def test_a_token_without_a_pin_is_refused():
    ceremony = Ceremony(rack=FakeRack(FakeDevice("root-a", pin_initialised=False)))
    hold(ceremony, TokenError, "has no user PIN yet", "prepare")


# --- root keys ---


def test_an_occupied_label_is_refused_and_nothing_is_made():
    first = Ceremony()
    first.hold()
    device = first.rack.devices["root-a"]
    device.keys[0].shown = replace(device.keys[0].shown, key_id=b"another ceremony")
    ceremony = Ceremony(rack=FakeRack(device))
    hold(ceremony, TokenError, "already holds a key labelled 'acme-root'", "prepare")
    assert len(device.keys) == 1


def test_a_key_that_was_not_confirmed_is_not_made():
    ceremony = Ceremony()
    ceremony.operator.answers["generate:root-a"] = False
    hold(ceremony, CeremonyError, "the root key on root-a was not confirmed", "root-keys")
    assert ceremony.rack.devices["root-a"].keys == []


@pytest.mark.parametrize(
    ("key", "step", "match"),
    [
        pytest.param("compare:request", "load-request", "the same digest for the request", id="the request"),
        pytest.param("compare:root:root-a", "root-keys", "the same digest for the root key of root-a", id="a root key"),
        pytest.param("review", "review", "did not agree to what would be signed", id="the review"),
        pytest.param("compare:head", "closing", "the same digest for the final head", id="the final head"),
    ],
)
def test_what_people_do_not_agree_to_does_not_pass(key, step, match):
    ceremony = Ceremony()
    ceremony.operator.answers |= {key: False, f"error:{step}": STOP}
    with pytest.raises(CeremonyError, match=match):
        ceremony.hold()


def test_a_refused_comparison_can_be_made_again():
    ceremony = Ceremony()
    ceremony.operator.answers["compare:head"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE


def test_another_token_in_the_place_of_the_one_that_was_read_aloud_is_refused():
    ceremony = Ceremony()
    ceremony.operator.answers["generate:root-a"] = Stopped("people stopped", hint="resume")
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.answers = {"error:root-keys": STOP}
    ceremony.rack = fake_rack("root-a")
    ceremony.rack.devices["root-a"].serial = "another"
    with pytest.raises(TokenError, match="is not root-a of this ceremony"):
        ceremony.resume()


def test_a_token_that_lost_the_key_of_this_ceremony_is_refused():
    ceremony = Ceremony()
    ceremony.operator.answers["review"] = Stopped("people stopped", hint="resume")
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.answers = {"error:sign": STOP}
    ceremony.rack.devices["root-a"].keys.clear()
    with pytest.raises(TokenError, match="does not hold the root key of this ceremony"):
        ceremony.resume()


def test_a_token_pulled_while_signing_is_put_back_and_goes_on():
    ceremony = Ceremony()
    ceremony.rack.devices["root-a"].lose_at(2, "sign")
    ceremony.operator.answers["error:sign"] = "retry"
    assert ceremony.hold() is ExitCode.DONE
    assert any("stopped answering" in body["message"] for body in ceremony.bodies("error"))


def test_a_signature_that_does_not_verify_is_never_accepted():
    ceremony = Ceremony()
    ceremony.rack.devices["root-a"].spoil_signature(2)
    hold(ceremony, VerificationError, "signature 0 of sign-root: does not verify", "sign")
    assert not [name for name in ceremony.folder.files if name.startswith("bundle/tuf")]


def test_a_key_that_was_wrapped_as_another_is_refused(monkeypatch):
    from ceremony.core import backup

    monkeypatch.setattr(backup, "unwrap", lambda *_: software_key.make(Algorithm.ECDSA_P256))
    hold(Ceremony(), VerificationError, "was wrapped as another key", "back-up")


def test_a_team_s_file_without_a_key_is_refused():
    made = plan(repository(APP, targets=KeyPlan(Source.FILE, path="keys/app.pem")), files={"keys/app.pem": b"no key"})
    hold(Ceremony(plan=made), VerificationError, "keys/app.pem: public key: is not a PEM public key", "repository-keys")


# --- drill and lock ---


def on_volume(ceremony: Ceremony, role: str, name: str, data: bytes) -> None:
    ceremony.media.volumes[role].files[f"ceremony-{'c0' * 16}/{name}"] = data


def before_drill(ceremony: Ceremony, act: Callable[[], None]) -> None:
    """Do something to the volumes when the passphrase is asked for the drill."""
    shown = ceremony.operator.shown

    def answer(prompt):
        if "drill" in prompt.title:
            act()
        return shown["passphrase"]

    ceremony.operator.answers["passphrase"] = [lambda _: True, answer]


@pytest.mark.parametrize(
    ("role", "name", "match"),
    [
        pytest.param("a", "private/repositories.age", "is not there as it was written", id="repository keys on a"),
        pytest.param("b", "private/repositories.age", "is not there as it was written", id="repository keys on b"),
        pytest.param("a", "private/identity.age", "is not there as it was written", id="the protector on a"),
    ],
)
def test_a_backup_that_was_damaged_fails_the_drill(role, name, match):
    ceremony = Ceremony()
    before_drill(ceremony, lambda: on_volume(ceremony, role, name, b"damaged"))
    ceremony.operator.answers[f"error:medium:{role}"] = STOP
    with pytest.raises(Stopped, match=match):
        ceremony.hold()
    assert ceremony.bodies("volume-out")
    assert [body["volume"] for body in ceremony.bodies("restored")] == ([] if role == "a" else ["a"])


def test_another_protector_fails_the_drill(monkeypatch):
    from ceremony.core import backup

    ceremony = Ceremony()
    identity, _ = backup.make_protector()
    before_drill(ceremony, lambda: monkeypatch.setattr(backup, "open_identity", lambda *_: Secret(identity.reveal())))
    hold(ceremony, VerificationError, "is not this ceremony's protector", "drill")


def test_a_wrong_passphrase_fails_the_drill_and_can_be_typed_again():
    ceremony = Ceremony()
    shown = ceremony.operator.shown
    ceremony.operator.answers["passphrase"] = [
        lambda _: True,
        lambda _: shown["passphrase"],
        "wrong",
        lambda _: shown["passphrase"],
    ]
    assert ceremony.hold() is ExitCode.DONE
    assert [body["volume"] for body in ceremony.bodies("restored")] == ["a", "b"]


@pytest.mark.parametrize(
    ("function", "match"),
    [
        pytest.param("unwrap", "restores to another key", id="a root key"),
        pytest.param("read", f"restores another key for {APP}", id="a repository key"),
    ],
)
def test_a_backup_that_restores_another_key_fails_the_drill(function, match, monkeypatch):
    from ceremony.core import backup

    ceremony = Ceremony()
    another = software_key.make(Algorithm.ECDSA_P256)
    module = backup if function == "unwrap" else notary_keys
    before_drill(ceremony, lambda: monkeypatch.setattr(module, function, lambda *_: another))
    hold(ceremony, VerificationError, match, "drill")


def test_a_key_that_stays_extractable_is_refused():
    ceremony = Ceremony()
    ceremony.rack.devices["root-a"].keep_extractable()
    hold(ceremony, TokenError, "does not show the key", "lock")


def test_an_exchanged_volume_fails_the_drill():
    ceremony = Ceremony()
    before_drill(ceremony, lambda: ceremony.media.volumes["a"].swap(fake_identity("F-other")))
    ceremony.operator.answers["error:medium:a"] = STOP
    with pytest.raises(Stopped, match="another medium came back"):
        ceremony.hold()
    assert ceremony.bodies("restored") == []


# --- stopping, and what was changed meanwhile ---


def test_people_can_stop_at_any_question_and_go_on_later():
    whole = Ceremony()
    whole.hold()
    for key in dict.fromkeys(whole.operator.keys):
        ceremony = Ceremony()
        ceremony.operator.stop_at = key
        with pytest.raises(Stopped):
            ceremony.hold()
        ceremony.operator.stop_at = ""
        assert ceremony.resume() is ExitCode.DONE, key


def test_stopping_at_the_question_after_an_error_stops():
    ceremony = Ceremony()
    ceremony.operator.answers["generate:root-a"] = False
    ceremony.operator.answers["error:root-keys"] = Stopped("people stopped", hint="resume")
    with pytest.raises(CeremonyError, match="was not confirmed"):
        ceremony.hold()
    assert ceremony.bodies("stop")


def test_metadata_that_is_no_longer_what_people_agreed_to_is_not_signed():
    ceremony = Ceremony()
    ceremony.operator.answers["review"] = Stopped("people stopped", hint="resume")
    with pytest.raises(Stopped):
        ceremony.hold()
    ceremony.operator.answers = {"error:sign": STOP, "review": lambda _: _change(ceremony) or True}
    with pytest.raises(VerificationError, match="is not what people agreed to sign"):
        ceremony.resume()


def _change(ceremony: Ceremony) -> None:
    object.__setattr__(ceremony.plan.expires, "targets", ceremony.plan.expires.targets.replace(year=2030))


def test_a_stray_file_keeps_a_folder_from_being_closed_until_it_is_gone():
    ceremony = Ceremony()
    ceremony.operator.answers["compare:head"] = lambda _: ceremony.folder.files.setdefault("notes.txt", b"hello") and True
    ceremony.operator.answers["error:closing"] = lambda _: _tidy(ceremony) or "retry"
    assert ceremony.hold() is ExitCode.DONE
    assert "notes.txt: is named by no record" not in str(ceremony.operator.told)


def _tidy(ceremony: Ceremony) -> None:
    del ceremony.folder.files["notes.txt"]
    ceremony.operator.answers.pop("compare:head")


def test_production_people_who_cannot_sign_here_are_absent():
    assert [person.name for person in PEOPLE] == ["Ada", "Sam", "Wim"]
    ceremony = Ceremony(mode=Mode.PRODUCTION)
    ceremony.cosigner.absent = {"Ada"}
    ceremony.operator.answers["error:volumes"] = STOP
    with pytest.raises(StorageError):
        ceremony.hold()
    assert {"name": "Ada", "role": "administrator", "how": "absent"} in ceremony.bodies("roll-call")


def test_the_log_ends_where_it_could_not_be_written():
    ceremony = Ceremony()
    ceremony.operator.answers["token:root-a"] = lambda _: ceremony.folder.fail("append") or True
    ceremony.operator.answers["error:tokens"] = STOP
    with pytest.raises(StorageError):
        ceremony.hold()
    assert ceremony.folder.files[LOG].endswith(b"\n")
