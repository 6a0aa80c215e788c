# SPDX-License-Identifier: Apache-2.0
"""Somebody signs on a lent terminal, with a key of their own.

    python -m tests.tui.signing PUBLIC-KEY-LINE SIGNATURE

The signature that is given back is written to SIGNATURE; without one, nothing is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ceremony.core.plan import Mode, Person, Role
from ceremony.core.ports import Operator, Prompt, Watcher
from ceremony.errors import ExitCode
from ceremony.host.own_keys import SystemCosigner
from ceremony.tui.run import run_tui
from tests.tui.demo import STEPS

NAMESPACE, MESSAGE = "ceremony-head", b"ceremony-head/v1\n"


def main(line: str, signature: Path) -> ExitCode:
    """Ask, sign, and ask again, so that the screen is to be seen afterwards."""

    def work(operator: Operator, _: Watcher) -> ExitCode:
        operator.tell("The final head is read.")
        cosigner = SystemCosigner([Person("Ada Example", Role.WITNESS, "Acme", line)], operator)
        armored = cosigner.sign("Ada Example", NAMESPACE, MESSAGE)
        if armored is not None:
            signature.write_bytes(armored)
        operator.confirm(Prompt("after", "Is it signed?"))
        return ExitCode.DONE

    return run_tui(title="acme", mode=Mode.PRODUCTION, steps=STEPS, work=work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
