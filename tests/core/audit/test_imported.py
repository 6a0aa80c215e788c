# SPDX-License-Identifier: Apache-2.0
"""Custody `imported` in an audit: no key on a token before its backup, none signs before it was restored, none called attested."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pytest

from ceremony.core.audit import audit
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, KeyPlan, RootPlan, Source
from ceremony.errors import ExitCode
from tests.core.audit.test_signed_logs import failed
from tests.core.audit.test_verdict import Records, rechained, result_of, texts
from tests.fakes import room
from tests.fakes.folder import FakeFolder
from tests.fakes.room import Ceremony, plan, repository
from tests.vectors.known_keys import known


@lru_cache(maxsize=1)
def held() -> Mapping[str, bytes]:
    """Return the files of a finished ceremony whose only secret is its root key."""
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        brought = repository("docker.io/acme/app", targets=KeyPlan(Source.FILE, path="keys/app.pem"))
        files = {"keys/app.pem": known(Algorithm.ECDSA_P256).public.pem}
        ceremony = Ceremony(
            plan=plan(brought, root=RootPlan(Algorithm.ECDSA_P256, ("root-a",), 1, Custody.IMPORTED), files=files)
        )
        assert ceremony.hold() is ExitCode.DONE
    return dict(ceremony.folder.files)


def without(kind: str, action: str = ""):
    def change(records: Records) -> Records:
        return [r for r in records if r["kind"] != kind or (action and r["body"].get("action") != action)]

    return change


def unwritten(records: Records) -> None:
    for record in records:
        if record["kind"] == "result" and record["body"]["action"] == "write-volumes":
            record["body"]["files"] = []


def failed_write(records: Records) -> None:
    for record in records:
        if record["kind"] == "result" and record["body"]["action"] == "write-volumes":
            record["outcome"] = "fail"


def written_after(records: Records) -> Records:
    late = [r for r in records if "/root-" in str(r["body"].get("key"))]
    assert len(late) == 2
    rest = [r for r in records if r not in late]
    after = next(i for i, r in enumerate(rest) if r["kind"] == "result" and r["body"]["action"] == "import-key") + 1
    return [*rest[:after], *late, *rest[after:]]


def test_a_folder_with_imported_keys_verifies_and_says_that_nobody_attests_them():
    result = audit(FakeFolder(files=dict(held())))
    assert result.verdict is ExitCode.DONE
    assert "its root key is not attested: it was made on the host" in texts(result)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(written_after, "whose backup was not on both volumes", id="a backup that came later"),
        pytest.param(unwritten, "whose backup was not on both volumes", id="a backup that is named nowhere"),
        pytest.param(failed_write, "whose backup was not on both volumes", id="a backup that was not taken"),
        pytest.param(without("restored"), "volume a was not restored before the root signed", id="never restored"),
        pytest.param(without("intent", "import-key"), "is the result of import-key", id="put there unannounced"),
        pytest.param(result_of("import-key", public_sha256="0" * 64), "is not the one that was put on it", id="another key"),
    ],
)
def test_a_log_that_tells_of_a_key_put_there_otherwise_fails(change, said):
    failed(rechained(change, held()), said)
