# SPDX-License-Identifier: Apache-2.0
"""The verdict over a whole ceremony folder, from its bytes alone.

Every check adds findings; none stops the others. What was recorded and is not so
any more is FAILED; what an unfinished ceremony has not written yet is INCOMPLETE;
FAILED wins. A folder cannot vouch for itself: a production folder is never better
than INCOMPLETE without keys from outside it. A practice folder is judged by the
practice people that its first record names.

- `verdict`   what was read, and the findings
- `records`   form and chain of the log, files, manifest
- `heads`     head statements, people's and the root's signatures over them
- `origin`    that the inputs are those that the first record binds, and say what it says
- `made`      plan, certificates and keys, read again
- `published` which repositories are signed for, worked out again from plan and request, and what the log tells of them
- `agenda`    what should have been signed for them, and what was left out
- `metadata`  the bundle: made again from those, and its signatures
- `attested`  that root keys on YubiKeys were made there, in this ceremony
- `claimed`   whose word it is that a token is hardware, in production
- `yubikeys`  what the log tells of YubiKeys: firmware, factory values
- `recovered` that restored keys are those of an earlier ceremony's backup, proven and published
- `order`     that what had to happen happened, one after the other
- `volumes`   that nothing was begun while a volume was out, and that what took its place was restored from
- `closing`   what the close record says
"""

from __future__ import annotations

from ceremony.core.audit.attested import check_attested
from ceremony.core.audit.claimed import check_claimed
from ceremony.core.audit.closing import check_close
from ceremony.core.audit.heads import check_heads, held, root_keys
from ceremony.core.audit.made import read_made_plan
from ceremony.core.audit.metadata import check_metadata
from ceremony.core.audit.order import check_order
from ceremony.core.audit.origin import check_origin
from ceremony.core.audit.records import check_files, check_log, check_manifest
from ceremony.core.audit.recovered import check_recovered
from ceremony.core.audit.verdict import Audited, begin
from ceremony.core.audit.volumes import check_volumes
from ceremony.core.ports import Readable


def audit(folder: Readable) -> Audited:
    """Return everything that was found; raises CeremonyError when the folder holds no log at all."""
    audited = begin(folder)
    check_log(audited)
    check_files(audited)
    plan, roots = read_made_plan(audited), root_keys(audited)
    there = held(audited, roots)
    check_heads(audited, {root.serial: root.public for root in there})
    check_origin(audited, plan)
    check_order(audited, plan, roots)
    check_volumes(audited)
    check_attested(audited, plan, roots)
    check_claimed(audited, plan)
    check_recovered(audited, plan, roots)
    check_metadata(audited, plan, there)
    check_close(audited)
    check_manifest(audited)
    return audited
