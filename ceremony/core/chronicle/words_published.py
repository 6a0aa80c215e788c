# SPDX-License-Identifier: Apache-2.0
"""What records say of what is published, in sentences: the request, whom stolen keys touch, and what is signed."""

from __future__ import annotations

from ceremony.core.chronicle.facts import Facts
from ceremony.core.chronicle.phrases import counted, short


def request(body: Facts) -> str:
    """Return what was taken in, and of how much of it people know that it follows the trusted root."""
    words = f"The request was taken, digest {short(body.text('digest').removeprefix('sha256:'))}"
    if body.number("repositories") is None:
        return words
    words += f"; {_repositories(body.count('repositories'))} verified from the trusted root on"
    if body.count("new"):
        words += f", {body.count('new'):,} new"
    return words + (f", {body.count('broken'):,} broken and left out" if body.count("broken") else "")


def impact(body: Facts) -> str:
    """Return whom the stolen keys touch."""
    keys, roles = counted(body.count("keys"), "stolen key"), counted(body.count("roles"), "role")
    words = f"{keys} can sign for {roles} of {_repositories(body.count('repositories'))}"
    unknown, struck = body.count("unknown"), body.count("struck")
    if unknown:
        words += f"; {counted(unknown, 'key')} among them for none"
    return words + (f"; {counted(struck, 'tag was', 'tags were')} struck out" if struck else "")


def agreed(body: Facts) -> str:
    """Return what everybody agreed to."""
    files = counted(body.count("files"), "file")
    words = f"Everybody agreed to sign {files} for {_repositories(body.count('repositories'))}"
    left_out = body.count("left_out")
    without = f", {left_out:,} left out" if left_out else ""
    return f"{words}{without}, digest {short(body.text('digest'))}"


def verified(body: Facts) -> str:
    """Return what was judged again."""
    return f"{counted(body.count('signatures'), 'signature')} of {_repositories(body.count('repositories'))} verified"


def _repositories(number: int) -> str:
    return counted(number, "repository", "repositories")
