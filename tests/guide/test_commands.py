# SPDX-License-Identifier: Apache-2.0
"""The commands of the guide, typed as they stand there, with the real programs: plans, rehearsals, a server, audits, a theft.

Every line of a block of shell in the guide is typed by `walk(...)` in a test here, or stands in
`NOT_TYPED` with the reason; both lists are held to be exact. What the guide leaves open is
put in by tables: a server on loopback, the rehearsal's volumes, its courier's tar.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ceremony.cli import practice
from ceremony.core import software_key
from ceremony.core.bundle import slug
from ceremony.core.keys import Algorithm
from ceremony.devices import softhsm
from tests.cli.production import prepare
from tests.core.attestation import chains
from tests.guide.commands import GUIDE, Walk, lines
from tests.peers.notary import PASSPHRASE, NotaryServer
from tests.peers.program import ROOT, program
from tests.peers.terminal import Terminal

NOT_TYPED = {
    "./scripts/rehearse plan.toml": "sets a checkout up, with pip; the rehearsal that it begins is typed here, and held by tests/terminal",
    "scripts/make-kit --out kit --yubico-roots yubico": "fetches packages from an archive: scripts/test-kit does it",
    "sh install": "installs packages on the machine: scripts/test-kit does it, in a Debian of its own",
}
"""Line → why no test types it."""

APP, CLI, OWN = "docker.io/acme/app", "reg.example:5000/tools/cli", "docker.io/acme/own"
NAMES = (APP, CLI, OWN)
KEPT = 'snapshot = { source = "request" }\ntimestamp = { source = "request" }\n'
VERIFIED = "VERIFIED (PRACTICE)"
PEOPLE = {"walk", "team", "auditor"}
"""What a `Walk` is called here."""


def test_every_command_of_the_guide_is_typed_here_or_says_why_not():
    calls = [node for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Call)]
    walked = [call for call in calls if PEOPLE & set(ast.unparse(call.func).split(".")) and call.args]
    typed = {
        call.args[0].value for call in walked if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }
    told = set(lines(GUIDE.read_text()))
    assert told - typed - set(NOT_TYPED) == set()
    assert (typed | set(NOT_TYPED)) - told == set()
    assert typed & set(NOT_TYPED) == set()


def test_a_block_of_shell_is_read_as_it_is_typed():
    page = "```sh\na b  # why\nc \\\n  d 'x#y'\n```\n1. item\n\n   ```sh\n   e > f\n   ```\n```\nno shell\n```\n"
    assert lines(page) == ["a b", "c d 'x#y'", "e > f"]


# --- one office, one server, one key ---------------------------------------------------------


@dataclass(frozen=True)
class Office:
    """A security officer with a plan, on a machine that reaches a server."""

    walk: Walk
    server: NotaryServer

    @property
    def folder(self) -> Path:
        return self.walk.folder

    def tar(self, rehearsal: str) -> Path:
        """Return what the courier of a rehearsal carries."""
        (found,) = (self.folder / rehearsal / "courier").glob("*.tar")
        return found

    def in_hand(self, rehearsal: str) -> dict[str, str]:
        """Return what people put in who have the courier and the volumes of a rehearsal."""
        volumes = {f"/media/{role}": str(self.folder / rehearsal / "volumes" / role) for role in ("a", "b")}
        return {"ceremony-<id>.tar": str(self.tar(rehearsal)), **volumes}

    def people(self, rehearsal: str) -> dict[str, tuple[str, str]]:
        """Return name → public and private key of the people of a rehearsal."""
        known = json.loads((self.folder / rehearsal / practice.SECRETS).read_text())["people"]
        return {name: (key["public"], key["private"]) for name, key in known.items()}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    home, passphrases = folder / "home", {f"NOTARY_{role}_PASSPHRASE": PASSPHRASE for role in ("ROOT", "TARGETS", "SNAPSHOT")}
    (home / ".ssh").mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / ".ssh" / "id_ed25519"], check=True)
    with NotaryServer(folder) as server:
        puts = {
            "https://notary.example": server.url,
            "http://127.0.0.1:4443": server.url,
            "--user NAME": "--user ada --password-file password",
        }
        (folder / "password").write_text("said to nobody\n")
        yield Office(Walk(folder, home, puts, passphrases), server)


@pytest.fixture(scope="module")
def app_pem(office: Office) -> Path:
    """Return the public key that a team made, which keeps the private one."""
    team = office.walk.into(office.folder / "team", {"GUN": OWN})
    home = team.folder
    team("notary -s https://notary.example -d trust init GUN")
    team("cd trust/tuf/GUN/metadata")
    team(
        "jq -r '.signed.roles.targets.keyids[0] as $id | .signed.keys[$id].keyval.public' root.json"
        " | base64 -d | openssl pkey -pubin -inform DER > app.pem"
    )
    return home / "trust" / "tuf" / OWN / "metadata" / "app.pem"


@pytest.fixture(scope="module")
def planned(office: Office, app_pem: Path) -> Office:
    """Return the office with a plan for three repositories, checked, printed and approved."""
    walk, public = office.walk, (office.walk.home / ".ssh" / "id_ed25519.pub").read_text().strip()
    walk("ceremony plan new genesis --out plan.toml")
    shutil.copy(app_pem, office.folder / "keys" / "own.pem")
    (office.folder / "guns.txt").write_text("".join(f"{name}\n" for name in NAMES))
    generated = f'targets = {{ source = "generate", deliver-to = "{public}" }}\n'
    sections = [f'[[repositories]]\nname = "{name}"\n{generated}{KEPT}' for name in (APP, CLI)]
    sections.append(f'[[repositories]]\nname = "{OWN}"\ntargets = {{ source = "file", path = "keys/own.pem" }}\n{KEPT}')
    plan = office.folder / "plan.toml"
    source = re.sub(r"# Two repositories whose.*?(?=\[backup\])", "\n".join(sections), plan.read_text(), flags=re.DOTALL)
    sofia = 'name = "Sofia Example"\nrole = "security-officer"\norganisation = "Acme"\nkey = "'
    assert source.count(sofia) == 1
    plan.write_text(source.replace(sofia, sofia + public))
    assert "approved by 0 of 2" in walk("ceremony plan check plan.toml")
    walk("ceremony plan approve plan.toml --key ~/.ssh/id_ed25519")
    assert "approved by 1 of 2" in walk("ceremony plan check plan.toml")
    return office


@pytest.fixture(scope="module")
def rehearsed(planned: Office) -> Office:
    """Return the office after a rehearsal of its plan."""
    planned.walk("ceremony rehearse plan.toml --auto --out rehearsal")
    return planned


@pytest.fixture(scope="module")
def published(planned: Office) -> Office:
    """Return the office after a rehearsal that was published, and whose third repository its team published."""
    walk = planned.walk
    digest = walk("ceremony fetch --names-from guns.txt --server http://127.0.0.1:4443 --out practice-request").strip()
    source = (planned.folder / "plan.toml").read_text()
    (planned.folder / "published.toml").write_text(f'request = "{digest}"\n{source}')
    walk("ceremony rehearse plan.toml --request practice-request --auto --out publishing", {"plan.toml": "published.toml"})
    said = walk("ceremony publish publishing/ceremony --server http://127.0.0.1:4443")
    assert set(said.splitlines()) == {f"published {APP}", f"published {CLI}", f"waiting-for-team {OWN}"}
    bundle = planned.folder / "publishing" / "ceremony" / "bundle"
    (planned.folder / "team" / "file").write_text("an image")
    team = walk.into(planned.folder / "team", {"BUNDLE": str(bundle), "GUN": OWN, "TAG FILE": "1.0 file"})
    team("cp BUNDLE/tuf/GUN/metadata/root.json trust/tuf/GUN/metadata/root.json")
    team("rm trust/tuf/GUN/metadata/snapshot.json")
    team("notary -s https://notary.example -d trust add -p GUN TAG FILE")
    made = (bundle / "tuf" / OWN / "metadata" / "root.json").read_bytes()
    assert planned.server.get(OWN, "root.json") == made
    return planned


@pytest.fixture(scope="module")
def auditor(rehearsed: Office) -> Walk:
    """Return an auditor with the courier of the rehearsal, unpacked too, and a line of `signers` for each person."""
    auditor = rehearsed.walk.into(rehearsed.folder / "auditor", rehearsed.in_hand("rehearsal"))
    people = rehearsed.people("rehearsal")
    (auditor.folder / "ada.pub").write_text(people["Ada Example"][0] + "\n")
    assert auditor('printf %s "Ada Example" | sha256sum').startswith("b9f00a22")
    auditor('echo "ada-example-b9f00a22 $(cat ada.pub)" >> signers')
    with (auditor.folder / "signers").open("a") as signers:
        signers.writelines(f"{slug(name)} {public}\n" for name, (public, _) in people.items() if name != "Ada Example")
    auditor("mkdir signed")
    auditor("tar -xf ceremony-<id>.tar -C signed")
    return auditor


# --- before the day ----------------------------------------------------------------------------


def test_a_plan_is_made_checked_approved_and_printed(planned):
    planned.walk("ceremony plan script plan.toml --out script.html")
    assert "Sofia Example" in (planned.folder / "script.html").read_text()


def test_a_server_that_runs_gives_its_public_keys_and_a_digest_for_the_plan(office):
    walk = office.walk
    said = walk(
        "ceremony fetch docker.io/acme/app reg.example:5000/tools/cli --server https://notary.example --out request",
        {"--out request": "--out two"},
    )
    index = (office.folder / "two" / "index.json").read_bytes()
    assert said == f"sha256:{hashlib.sha256(index).hexdigest()}\n"


def test_a_pkcs11_token_is_initialised_and_shows_what_the_site_file_wants(office):
    place = office.folder / "token"
    (place / "store").mkdir(parents=True)
    (place / "softhsm2.conf").write_text(f"directories.tokendir = {place / 'store'}\nobjectstore.backend = file\n")
    puts = {"/usr/lib/vendor/libpkcs11.so": softhsm.find_module()}
    walk = replace(office.walk.into(place, puts), variables={"SOFTHSM2_CONF": str(place / "softhsm2.conf")})

    def answers(*questions: tuple[str, str]):
        def type_at(terminal: Terminal) -> None:
            for question, answer in questions:
                terminal.until(lambda screen, question=question: screen.rstrip().endswith(question))
                terminal.type(answer)
                terminal.keys("Enter")

        return type_at

    walk.at_a_terminal(
        "pkcs11-tool --module /usr/lib/vendor/libpkcs11.so --slot-index 0 --init-token --label acme-root-b",
        answers(("Please enter the new SO PIN:", "73019265"), ("Please enter the new SO PIN (again):", "73019265")),
    )
    walk.at_a_terminal(
        "pkcs11-tool --module /usr/lib/vendor/libpkcs11.so --slot-index 0 --login --login-type so --init-pin",
        answers(
            ("Please enter SO PIN:", "73019265"),
            ("Please enter the new PIN:", "482916"),
            ("Please enter the new PIN again:", "482916"),
        ),
    )
    headings, row = walk("ceremony tokens --module /usr/lib/vendor/libpkcs11.so").splitlines()
    assert headings.split()[:2] == ["SERIAL", "LABEL"]
    assert row.split()[1] == "acme-root-b"
    assert " set " in row


def test_a_rehearsal_is_looked_at(rehearsed):
    walk = rehearsed.walk
    assert VERIFIED in walk("ceremony audit rehearsal/ceremony")

    def look(terminal: Terminal) -> None:
        terminal.until("Verdict: VERIFIED")
        terminal.keys("q")

    walk.at_a_terminal("ceremony view rehearsal/ceremony", look)


def test_a_rehearsal_that_was_switched_off_goes_on_and_is_stopped_again(planned):
    walk = planned.walk
    program(
        "rehearse", planned.folder / "plan.toml", "--auto", "--out", planned.folder / "switched-off", die=("end", "roll-call")
    )

    def stop(terminal: Terminal) -> None:
        terminal.until("PRACTICE")
        terminal.keys("C-q")
        terminal.until("Stop the ceremony?")
        terminal.keys("y")
        terminal.until("The ceremony is not complete")
        terminal.keys("Enter")

    walk.at_a_terminal("ceremony resume rehearsal", stop, {"rehearsal": "switched-off"}, code=3)


def test_the_digest_of_a_kit_leads_to_the_script_that_installs_it(office, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "kit"))
    manifest = importlib.import_module("manifest")
    monkeypatch.delitem(sys.modules, "manifest")
    kit = office.folder / "kit"
    kit.mkdir()
    shutil.copy(ROOT / "scripts" / "kit" / "install", kit)
    digest = manifest.write(kit, dict.fromkeys(manifest.HEADER, "x"))
    walk = office.walk.into(office.folder / "computer", {"<stick>": ".."})
    walk("cp -r <stick>/kit kit")
    walk("cd kit")
    assert walk("sha256sum MANIFEST").split()[0] == digest
    assert walk("sha256sum install").split()[0] == walk("grep ' install$' MANIFEST").split()[0]


def test_the_program_tests_itself(office):
    assert "fit for a production: " in office.walk("ceremony self-test")


# --- the day ------------------------------------------------------------------------------------


def test_a_production_is_begun_as_the_guide_says_and_refuses_tokens_that_are_files(office):
    day = prepare(office.folder / "day")
    walk = replace(office.walk.into(day.folder, {}), variables=day.environment)
    said = walk("ceremony run plan.toml --site site.toml --request request --out ceremony", code=1)
    assert "is a software token" in said
    assert not (day.folder / "ceremony").exists()


# --- afterwards ----------------------------------------------------------------------------------


def test_the_couriers_tar_is_audited_and_published(published):
    walk = published.walk.into(published.folder / "online", published.in_hand("publishing"))
    (walk.folder / "password").write_text("said to nobody\n")
    # The digest names the tar as it lies beside it.
    walk.folder = published.tar("publishing").parent
    walk("sha256sum -c ceremony-<id>.tar.sha256", {str(walk.folder): "."})
    walk.folder = published.folder / "online"
    assert VERIFIED in walk("ceremony audit ceremony-<id>.tar")
    said = walk("ceremony publish ceremony-<id>.tar --server https://notary.example --user NAME")
    assert f"published-before {APP}" in said


def test_who_has_not_signed_signs_later(rehearsed, auditor):
    walk = auditor.into(auditor.folder / "later", {})
    shutil.copytree(auditor.folder / "signed", walk.folder / "signed")
    for name in ("Carla Example", "Aude Example"):
        public, private = rehearsed.people("rehearsal")[name]
        key = walk.folder / slug(name)
        key.write_text(private)
        key.chmod(0o600)
        key.with_suffix(".pub").write_text(public + "\n")
    signatures = {
        name: next((walk.folder / "signed" / "heads").glob(f"*.{slug(name)}.sig")) for name in ("Carla Example", "Aude Example")
    }
    number = signatures["Carla Example"].name.partition(".")[0]
    for path in signatures.values():
        path.unlink()
    walk("ceremony cosign signed --key ~/.ssh/id_ed25519", {"~/.ssh/id_ed25519": slug("Carla Example")})
    walk(
        "ssh-keygen -Y sign -n ceremony-head -f ~/.ssh/id_ed25519 < signed/heads/NNNN.txt > mine.sig",
        {"~/.ssh/id_ed25519": slug("Aude Example"), "NNNN": number},
    )
    walk("ceremony cosign signed --signature mine.sig")
    assert all(path.is_file() for path in signatures.values())


def test_a_team_opens_its_key_and_imports_it(published):
    team = published.walk.into(published.folder / "team-app", {})
    shutil.copy(published.folder / "publishing" / "ceremony" / "deliver" / APP / "targets.key.age", team.folder)
    team("age -d -i ~/.ssh/id_ed25519 targets.key.age > targets.key")
    team("notary key import targets.key")
    team("rm targets.key")
    kept = [path.read_text() for path in (team.home / ".notary" / "private").iterdir()]
    assert any("role: targets" in text and "ENCRYPTED" in text for text in kept)


def test_the_drills_of_a_year_read_dates_keys_and_volumes(rehearsed, auditor):
    walk = auditor
    assert (
        walk("tar -xOf ceremony-<id>.tar --wildcards 'bundle/tuf/*/root.json' | jq -r .signed.expires | sort -u")
        == "2046-11-19T00:00:00Z\n"
    )
    ends = walk(
        "tar -xOf ceremony-<id>.tar --wildcards 'bundle/keys/*.pem' | openssl crl2pkcs7 -nocrl -certfile /dev/stdin"
        " | openssl pkcs7 -print_certs -noout -text | grep 'Not After' | sort -u"
    )
    assert [line.strip() for line in ends.splitlines()] == ["Not After : Nov 19 00:00:00 2046 GMT"]
    inventory = json.loads((walk.folder / "signed" / "evidence" / "inventory.json").read_text())
    for serial in (path.name for path in (walk.folder / "signed" / "evidence" / "tokens").iterdir()):
        digest = walk(
            "openssl pkey -pubin -in signed/evidence/tokens/<serial>/public.pem -outform DER | sha256sum", {"<serial>": serial}
        )
        assert digest.split()[0] in json.dumps(inventory)
    assert VERIFIED in walk("ceremony audit /media/a --signers signers")
    assert "are the same in all" in walk("ceremony audit /media/a --signers signers --copy /media/b")


def test_an_auditor_verifies_the_log_its_copies_single_records_and_a_public_copy(auditor):
    walk = auditor
    assert VERIFIED in walk("ceremony audit ceremony-<id>.tar --signers signers")
    assert VERIFIED in walk("sh verify.sh -s signers signed", {"verify.sh": str(ROOT / "ceremony" / "report" / "verify.sh")})
    assert "are the same in all" in walk("ceremony audit ceremony-<id>.tar --signers signers --copy /media/a --copy /media/b")
    walk("ceremony audit ceremony-<id>.tar --signers signers --paper paper.md")
    assert (walk.folder / "paper.md").read_text().startswith("#")
    walk("ceremony audit ceremony-<id>.tar --prove 31 > record-31.json")
    assert "VERIFIED" in walk("ceremony audit record-31.json --signers signers")
    walk('ceremony redact ceremony-<id>.tar --out public --named "Ada Example" --named "Wim Example"')
    assert (walk.folder / "public" / "ceremony-redacted.jsonl").is_file()


def test_the_history_of_a_key_begins_with_its_genesis_and_names_every_root_that_is_published(published):
    walk = published.walk.into(published.folder / "history", published.in_hand("publishing"))
    people = published.people("publishing")
    (walk.folder / "signers").write_text("".join(f"{slug(name)} {public}\n" for name, (public, _) in people.items()))
    (walk.folder / "ceremonies").mkdir()
    shutil.copy(published.tar("publishing"), walk.folder / "ceremonies")
    (walk.folder / "all-repositories.txt").write_text("\n".join(NAMES))
    walk("ceremony fetch --names-from all-repositories.txt --server https://notary.example --out fetched")
    assert VERIFIED in walk("ceremony audit ceremony-<id>.tar --signers signers --history ceremonies --published fetched")
    head = (published.folder / "publishing" / "ceremony" / "ceremony.jsonl").read_bytes()
    assert walk("tar -xOf ceremony-<id>.tar ceremony.jsonl | sha256sum").split()[0] == hashlib.sha256(head).hexdigest()


def test_openssl_alone_follows_the_evidence_of_a_yubikey(office):
    place = office.folder / "yubikey"
    place.mkdir()
    statement, device, authorities = chains.NEW.built()
    key, message = chains.key(chains.NEW.statement.key), b"a challenge\n"
    above = [
        link.made(over)
        for link, over in zip(chains.NEW.authorities, (*chains.NEW.authorities[1:], chains.NEW.authorities[-1]), strict=True)
    ]
    assert authorities
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    files = {
        "attestation.pem": chains.pem(statement),
        "device.pem": chains.pem(device),
        "authorities.pem": b"".join(map(chains.pem, above)),
        "root.pem": chains.pem(above[-1]),
        "public.pem": public,
        "challenge.txt": message,
        "challenge.sig": key.sign(message, ec.ECDSA(hashes.SHA256())),
    }
    for name, data in files.items():
        (place / name).write_bytes(data)
    walk = office.walk.into(place, {})
    assert "attestation.pem: OK" in walk(
        'openssl verify -no-CApath -no-CAstore -attime "$(date -u -d 2026-11-19T09:14:02Z +%s)"'
        " -CAfile root.pem -untrusted authorities.pem -untrusted device.pem attestation.pem"
    )
    walk("openssl x509 -in attestation.pem -noout -pubkey | cmp - public.pem")
    assert "1.3.6.1.4.1.41482.3.7" in walk("openssl x509 -in attestation.pem -noout -text")
    assert walk("openssl dgst -sha256 -verify public.pem -signature challenge.sig challenge.txt") == "Verified OK\n"


# --- when keys are lost, stolen, or end -----------------------------------------------------------


def test_a_recovery_is_planned_and_rehearsed(rehearsed):
    walk = rehearsed.walk
    walk("ceremony plan new recovery --out recovery.toml")
    walk("ceremony plan check recovery.toml")
    walk("ceremony rehearse recovery.toml --after rehearsal --auto --out recovered")
    assert list((rehearsed.folder / "recovered" / "ceremony" / "evidence" / "tokens").iterdir())


def test_a_renewal_is_planned_and_rehearsed(rehearsed):
    walk = rehearsed.walk
    walk("ceremony plan new renewal --out renewal.toml")
    walk("ceremony plan check renewal.toml")
    walk("ceremony rehearse renewal.toml --after rehearsal --auto --out renewed")
    root = rehearsed.folder / "renewed" / "ceremony" / "bundle" / "tuf" / APP / "metadata" / "root.json"
    assert json.loads(root.read_bytes())["signed"]["expires"] == "2048-11-19T00:00:00Z"


def test_a_stolen_key_is_looked_for_taken_away_and_its_team_signs_with_another(published):
    walk = published.walk.into(published.folder / "theft", published.in_hand("publishing"))
    walk("tar -xf ceremony-<id>.tar bundle")
    walk("tar -tf ceremony-<id>.tar | sed -n 's,^bundle/tuf/\\(.*\\)/metadata/root.json$,\\1,p' > all-repositories.txt")
    assert sorted((walk.folder / "all-repositories.txt").read_text().split()) == sorted(NAMES)
    digest = walk(
        "ceremony fetch --names-from all-repositories.txt --server https://notary.example --trusted-root bundle --out request"
    ).strip()
    walk("ceremony plan new rotation --out rotation.toml")
    new = software_key.make(Algorithm.ECDSA_P256)
    (walk.folder / "keys" / "new.pem").write_bytes(new.public.pem)
    (walk.folder / "targets.key").write_bytes(new.pkcs8_pem())
    (walk.folder / "password").write_text("said to nobody\n")
    stolen = json.loads(published.server.get(APP, "root.json") or b"")["signed"]["roles"]["targets"]["keyids"][0]
    _write_rotation(walk.folder / "rotation.toml", digest, stolen)
    walk("ceremony plan check rotation.toml")
    # The root of the genesis was rehearsed here, so what it signs now can be published.
    walk("ceremony rehearse rotation.toml --request request --auto --out rotated", {"--auto": "--auto --after ../publishing"})
    impact = (walk.folder / "rotated" / "ceremony" / "evidence" / "impact.json").read_text()
    assert (APP in impact, CLI in impact) == (True, False)

    (tar,) = (walk.folder / "rotated" / "courier").glob("*.tar")
    puts = {"ceremony-<id>.tar": str(tar)}
    said = walk("ceremony publish ceremony-<id>.tar --server https://notary.example --user NAME --dry-run", puts)
    assert said == f"waiting-for-team {APP}\n"
    said = walk("ceremony publish ceremony-<id>.tar --server https://notary.example --resign-targets targets.key", puts)
    assert said == f"published-resigned {APP}\n"
    assert stolen not in (published.server.get(APP, "root.json") or b"").decode()


def _write_rotation(plan: Path, digest: str, stolen: str) -> None:
    """Change the example as the guide says: the stolen key, the request's digest, the key that the team brings."""
    source = re.sub(r"(?m)^# request = .*$", f'request = "{digest}"', plan.read_text())
    source = re.sub(r"(?m)^keys = .*$", f'keys = ["{stolen}"]', source)
    source = re.sub(r"(?ms)^# Repositories whose new key.*?(?=^# Wanted|^\[backup\])", "", source)
    own = f'[[repositories]]\nname = "{APP}"\ntargets = {{ source = "file", path = "keys/new.pem" }}\n\n'
    plan.write_text(source.replace("[backup]", own + "[backup]", 1))
