# SPDX-License-Identifier: Apache-2.0
"""What back-up and drill cost that grows: the work factor once a volume, and each file read once when it came back."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from ceremony.core import backup, bundle
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode
from tests.fakes.faulty import FaultyVolume, Sockets
from tests.fakes.folder import fake_identity
from tests.fakes.room import CEREMONY, Ceremony, plan, repository

HOME = bundle.folder(CEREMONY)


def many() -> tuple[Ceremony, dict[str, FaultyVolume]]:
    volumes = {role: FaultyVolume(fake_identity(f"F{role}")) for role in ("a", "b")}
    repositories = [repository(f"docker.io/acme/app-{number}") for number in range(20)]
    return Ceremony(plan=plan(*repositories), media=Sockets(**volumes)), volumes


def test_the_work_factor_is_paid_once_a_volume_however_many_keys_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    paid: Counter[str] = Counter()
    seal, unseal = backup.seal_identity, backup.open_identity

    def sealing(identity: Secret, passphrase: Secret) -> bytes:
        paid["seal"] += 1
        return seal(identity, passphrase)

    def opening(data: bytes, passphrase: Secret) -> Secret:
        paid["open"] += 1
        return unseal(data, passphrase)

    monkeypatch.setattr(backup, "seal_identity", sealing)
    monkeypatch.setattr(backup, "open_identity", opening)
    ceremony, _ = many()
    assert ceremony.hold() is ExitCode.DONE
    assert paid == {"seal": 1, "open": 2}


@pytest.mark.parametrize("role", ["a", "b"])
def test_the_drill_reads_each_file_of_a_volume_once(role: str) -> None:
    ceremony, volumes = many()
    assert ceremony.hold() is ExitCode.DONE
    trace = "\n".join(what for what, _ in volumes[role].trace)
    drills = [since.partition("\nappend ")[0] for since in trace.split("\nreopen\n")[1:] if "\nappend " in since]
    read = [Counter(re.findall("^read (.*)$", since, re.MULTILINE)) for since in drills]
    files = {f"{HOME}/{path}" for path in (bundle.IDENTITY, bundle.REPOSITORIES, bundle.RECOVER, bundle.LOG)}
    assert [set(counts.values()) for counts in read if counts.keys() > files] == [{1}]
