# SPDX-License-Identifier: Apache-2.0
"""Known answers for every algorithm, format and verifier, so that a program which was damaged, or stands on a damaged library, is told.

`answers` lists them, `judge` holds one against the program. Each is asked both ways: what is
right is taken, and what is wrong is refused. The answers are not this program's own: they
stand in standards, or other programs gave them; the tests ask those again.

- `answer`      what a known answer is, and how it is judged
- `texts`       hashes, canonical JSON, words
- `logs`        records, their chain, heads, the Merkle tree
- `signatures`  keys and signatures, by both libraries; ROCA
- `people`      SSH signatures
- `backups`     age files, shares, wrapped keys
- `metadata`    Notary: key ids, files, the client's rules, certificates
- `devices`     attestations of YubiKeys
- `plans`       plans, read and judged

The modules that end in `_values` hold what is long. The ceremony's own files, devices and the
sample folder are not for here: they need a machine.
"""

from __future__ import annotations

from ceremony.core.known_answers import backups, devices, logs, metadata, people, plans, signatures, texts
from ceremony.core.known_answers.answer import HINT, Answer, flipped, judge

__all__ = ["HINT", "Answer", "answers", "flipped", "judge"]


def answers() -> tuple[Answer, ...]:
    """Return every known answer, in the order in which a table shows them."""
    modules = (texts, logs, signatures, people, backups, metadata, devices, plans)
    return tuple(answer for module in modules for answer in module.ANSWERS)
