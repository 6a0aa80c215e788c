# SPDX-License-Identifier: Apache-2.0
"""What backups have to show: the token is gone, and from one volume and two shares a root comes back that old clients follow.

By the command line and real programs alone: notary-server, `notary`, SoftHSM, age.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

from cryptography import x509

from ceremony.cli import practice
from ceremony.core.keys import from_crypto
from ceremony.devices import softhsm
from tests.peers.fleet import ONLINE, Fleet, plan, repositories
from tests.peers.notary import NotaryServer

NAMES = ["docker.io/acme/app", "reg.example:5000/acme/cli"]
SHARES = 'protect = "shares"\nshares = { needed = 2, total = 3 }'
GENESIS = """[root]
algorithm = "ecdsa-p256"
tokens = ["root-a"]
threshold = 1
custody = "token-wrapped"
[expires]
root = 2046-11-19T00:00:00Z
certificate = 2046-11-19T00:00:00Z
targets = 2043-11-19T00:00:00Z
"""
ONTO = '[root]\ntokens = ["fresh"]\n'
LONGER = "[expires]\nroot = 2047-11-19T00:00:00Z\ncertificate = 2047-11-19T00:00:00Z\n"


def lose(rehearsal: Path) -> None:
    """Throw the tokens away, one of the two volumes, and one of the three shares."""
    shutil.rmtree(rehearsal / "tokens")
    shutil.rmtree(rehearsal / "volumes" / "a")
    secrets = rehearsal / practice.SECRETS
    known = json.loads(secrets.read_text())
    del known["answers"]["share:3"]
    assert [key for key in known["answers"] if key.startswith("share:")] == ["share:1", "share:2"]
    secrets.write_text(json.dumps(known))


def test_a_root_comes_back_from_one_volume_and_two_shares_and_old_clients_follow_what_it_signs(tmp_path):
    with NotaryServer(tmp_path) as server:
        fleet = Fleet(server, tmp_path)
        fleet.fetch("genesis", NAMES)
        made = repositories(NAMES, fleet.generated, ONLINE)
        fleet.rehearse("genesis", plan("genesis", GENESIS, made, protect=SHARES))
        assert fleet.publish("genesis") == dict.fromkeys(NAMES, "published")
        for gun in NAMES:
            fleet.imported(gun, fleet.delivered("genesis", gun), tmp_path / "team")
            fleet.push(gun, "1.0", tmp_path / "team")
        before = fleet.listed(NAMES, tmp_path / "old")
        assert all("\n1.0 " in said for said in before.values())

        genesis = fleet.rehearsal("genesis")
        lose(genesis)
        for name in ("recovery", "renewal"):
            fleet.know(name, NAMES)
        fleet.rehearse("recovery", plan("recovery", ONTO, protect=SHARES), "--after", genesis)
        fleet.fetch("renewal", NAMES)
        renewal = plan("renewal", ONTO, LONGER)
        fleet.rehearse("renewal", renewal, "--after", fleet.rehearsal("recovery"))
        with fleet.watched(NAMES, tmp_path / "watching"):
            assert fleet.publish("renewal") == dict.fromkeys(NAMES, "published")

        for cache in ("old", "fresh"):
            assert fleet.listed(NAMES, tmp_path / cache) == before
        the_key_of_the_lost_token_signs_on_another(fleet)
        for gun in NAMES:  # and teams go on with the keys that they have
            fleet.push(gun, "2.0", tmp_path / "team")
            for cache in ("old", "fresh"):
                assert "\n2.0 " in fleet.listed([gun], tmp_path / cache)[gun]


def the_key_of_the_lost_token_signs_on_another(fleet: Fleet) -> None:
    assert list(softhsm.existing(fleet.rehearsal("renewal") / "tokens")) == ["fresh"]
    (lost,), (recovered,) = (
        [path.read_bytes() for path in (fleet.rehearsal(name) / "ceremony" / "evidence" / "tokens").glob("*/public.pem")]
        for name in ("genesis", "recovery")
    )
    assert lost == recovered
    for gun in NAMES:
        one, two = fleet.signed(gun, 1), fleet.signed(gun, 2)
        assert (two["version"], two["expires"]) == (2, "2047-11-19T00:00:00Z")
        assert two["roles"]["targets"] == one["roles"]["targets"]
        assert two["roles"]["root"] != one["roles"]["root"]  # a new certificate is a new key id
        assert {_public(signed) for signed in (one, two)} == {lost}
        assert fleet.server.get(gun, "root.json") == fleet.made("renewal", gun, "root")


def _public(signed: dict) -> bytes:
    """Return the public key, PEM, of the one certificate that is a root's root key."""
    (key_id,) = signed["roles"]["root"]["keyids"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(signed["keys"][key_id]["keyval"]["public"]))
    return from_crypto(certificate.public_key()).pem
