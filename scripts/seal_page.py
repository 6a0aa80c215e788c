# SPDX-License-Identifier: Apache-2.0
"""Write the hashes of the scripts and the style of a page into its policy: `seal_page.py FILE`, after any change to them."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)')


def policy(page: str) -> str:
    """Return the policy that allows exactly the scripts and styles of a page."""
    allowed = {tag: " ".join(f"'sha256-{_hash(text)}'" for text in _inside(page, tag)) for tag in ("script", "style")}
    return (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']}; form-action 'none'; base-uri 'none'"
    )


def sealed(page: str) -> str:
    """Return the page with that policy."""
    wanted = policy(page)
    return _POLICY.sub(lambda found: found[1] + wanted + found[2], page, count=1)


def _inside(page: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(sealed(file.read_text()))
