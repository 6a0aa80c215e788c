# SPDX-License-Identifier: Apache-2.0
"""`ceremony rehearse --site`: practice on the tokens that the site names, whose PINs people type.

SoftHSM tokens stand here as somebody's own: made before, with PINs that no rehearsal knows. The people are a
scripted operator in the screens' place.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ceremony.cli import practice, rehearse, stage
from ceremony.cli.main import main
from ceremony.core.keys import Algorithm
from ceremony.core.plan import SiteToken
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices import softhsm
from ceremony.devices.hsm import HsmRack, open_token
from ceremony.errors import ExitCode
from ceremony.host import memory
from tests.fakes.device import FakeDevice
from tests.fakes.operator import ScriptedOperator
from tests.fakes.plans import FILES, REQUEST, bent
from tests.fakes.token import FakeRack

PIN = "73019265"
STOP = {f"error:{step}": "stop" for step in ("tokens", "prepare", "root-keys")}
PLAN = bent(
    (f'request = "{REQUEST}"\n', ""),
    ('tokens = ["root-a", "root-b", "root-c"]\nthreshold = 2', 'tokens = ["root-a", "root-b"]\nthreshold = 1'),
    ('protect = "shares"\nshares = { needed = 2, total = 3 }', 'protect = "passphrase"'),
)


@dataclass
class Vault:
    """Tokens of somebody's own, and what came of a rehearsal on them."""

    folder: Path
    tokens: dict[str, SiteToken]
    people: ScriptedOperator = field(default_factory=ScriptedOperator)

    @property
    def root(self) -> Path:
        return self.folder / "r"

    def store(self, name: str) -> Path:
        """Return where a token's files are."""
        serial = self.tokens[name].pkcs11.partition("serial=")[2].partition(";")[0]
        folders = (self.folder / "vault" / "store").iterdir()
        return next(path for path in folders if path.name.replace("-", "").endswith(serial))

    def records(self, kind: str) -> list[dict]:
        """Return the records of a kind."""
        lines = (self.root / "ceremony" / "ceremony.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["kind"] == kind]


@pytest.fixture
def vault(tmp_path, monkeypatch):
    names = ("root-a", "root-b")
    pins = {name: (Secret(PIN), Secret("64820193")) for name in names}
    vault = Vault(tmp_path, softhsm.make_tokens(tmp_path / "vault", names, pins))
    vault.people.secrets = {f"pin:{name}": PIN for name in names}
    (tmp_path / "site.toml").write_bytes(rehearse._site_source(vault.tokens))
    for name, data in {"plan.toml": PLAN, **FILES}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    monkeypatch.setenv("SOFTHSM2_CONF", softhsm.environment(tmp_path / "vault")["SOFTHSM2_CONF"])
    monkeypatch.setattr(memory, "protect", lambda: memory.UNPROTECTED)  # the tests' own process lives on
    monkeypatch.setattr(stage, "check_answers", lambda *_, **__: None)
    monkeypatch.setattr("ceremony.tui.run.run_tui", lambda work, **_: work(vault.people, vault.people))
    return vault


@pytest.fixture
def fails(vault, capsys):
    """Hold the rehearsal, which must fail; return its sentence. It can be resumed."""

    def fails() -> str:
        vault.people.answers |= STOP
        arguments = ["rehearse", vault.folder / "plan.toml", "--site", vault.folder / "site.toml", "--out", vault.root]
        assert main([str(argument) for argument in arguments]) == ExitCode.FAILED
        out, err = capsys.readouterr()
        assert out == ""
        lines = [line for line in err.splitlines() if not line.startswith("warning: ")]
        assert [line.partition(": ")[0] for line in lines] == ["ceremony", "hint"], err
        assert len(vault.records("error")) == len(vault.records("stop")) == 1
        return lines[0].removeprefix("ceremony: ")

    return fails


def test_people_mend_what_is_wrong_try_again_and_reach_the_end(vault, capsys, monkeypatch):
    by_label = {name: replace(token, pkcs11=f"pkcs11:token={name}") for name, token in vault.tokens.items()}
    monkeypatch.setattr(rehearse, "SiteRack", lambda _, env: HsmRack(by_label, env))
    away, twin = vault.folder / "away", vault.store("root-a").with_name("twin")
    shutil.move(store := vault.store("root-b"), away)

    def mend(prompt):
        if "no token matches" in prompt.title:
            shutil.move(away, store)
            shutil.move(another_labelled(vault.folder, "root-a"), twin)
        else:
            shutil.rmtree(twin)
        return "retry"

    vault.people.answers["error:tokens"] = mend
    vault.people.secrets["pin:root-b"] = ["11111111", PIN]
    arguments = [vault.folder / "plan.toml", "--site", vault.folder / "site.toml", "--out", vault.root]
    assert main(["rehearse", *map(str, arguments)]) == ExitCode.DONE
    assert capsys.readouterr().out == f"{vault.root / 'ceremony'}\n"
    said = [record["body"]["message"] for record in vault.records("error")]
    assert [re.sub("[0-9a-f]{16}", "N", message) for message in said] == [
        "token root-b: no token matches pkcs11:token=root-b; its module shows N (root-a)",
        "token root-a: 2 tokens match pkcs11:token=root-a: N (root-a), N (root-a)",
    ]
    assert [record["outcome"] for record in vault.records("login")][:3] == ["ok", "fail", "ok"]
    assert main(["audit", str(vault.root / "ceremony")]) == ExitCode.DONE
    knows_no_pin(vault)


def another_labelled(folder: Path, name: str) -> Path:
    """Return the files of one more token with the same label."""
    softhsm.make_tokens(folder / "more", [name], {name: (Secret(PIN), Secret(PIN))})
    (made,) = (folder / "more" / "store").iterdir()
    return made


def knows_no_pin(vault: Vault) -> None:
    """Check that the rehearsal's own file holds no PIN, and that nothing says that throw-away tokens were used."""
    assert set(practice.load(vault.root / practice.SECRETS).answers) == {"passphrase"}
    assert PIN not in (vault.root / practice.SECRETS).read_text()
    assert not (vault.root / "tokens").exists()
    assert (vault.root / "ceremony" / "evidence" / "site.toml").read_bytes() == (vault.folder / "site.toml").read_bytes()
    assert [record["body"]["what"] for record in vault.records("substitution")] == [
        "throw-away keys for all people",
        "folders for the volumes and the courier",
        "throw-away keys for the keys of the request",
    ]


def test_an_occupied_label_is_one_sentence_and_the_key_stays(vault, fails):
    token = open_token("root-a", vault.tokens["root-a"])
    token.unlock(Secret(PIN))
    before = token.generate(KeyRequest("acme-root", b"\x01", Algorithm.ECDSA_P256, extractable=False))
    token.close()
    assert re.search(r"^token [0-9a-f]{16}: already holds a key labelled 'acme-root'$", fails())
    token = open_token("root-a", vault.tokens["root-a"])
    token.unlock(Secret(PIN))
    assert token.find("acme-root") == before
    token.close()


def test_a_wrong_pin_is_one_sentence_and_no_more_are_tried_than_people_say(vault, fails, monkeypatch):
    device = FakeDevice("root-a", pin=PIN)
    monkeypatch.setattr(rehearse, "SiteRack", lambda *_: FakeRack(device, FakeDevice("root-b")))
    vault.people.secrets["pin:root-a"] = ["11111111", "22222222", PIN]
    vault.people.answers["retry:pin:root-a"] = [True, False]
    assert fails() == f"token {device.serial}: the PIN is wrong; one try is left"
    assert [(record["outcome"], record["body"]["retries_left"]) for record in vault.records("login")] == [
        ("fail", None),
        ("fail", 1),
    ]


def test_a_locked_pin_is_one_sentence_and_nothing_is_tried(vault, fails, monkeypatch):
    devices = [FakeDevice(name, pin=PIN, wrong=3) for name in ("root-a", "root-b")]
    monkeypatch.setattr(rehearse, "SiteRack", lambda *_: FakeRack(*devices))
    assert fails() == f"token {devices[0].serial}: the PIN is blocked"
    assert not any("unlock" in device.calls for device in devices)
    assert not vault.records("login")
