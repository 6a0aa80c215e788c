# SPDX-License-Identifier: Apache-2.0
"""Names in a plan: of repositories, of lists of repositories, and of the files beside the plan.

A repository's name is a GUN: a host, an optional port, and the path components of
Docker's reference grammar. It becomes folders of the bundle, so it must be safe
there, alone and beside the others. A path is relative to the plan, and stays
below its folder. Whether a file exists is the caller's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ceremony.core.plan_fields import check_form, check_text, quoted
from ceremony.errors import PlanRefused

MAX_NAME = 255
"""Characters of a repository's name and of a path, as in Docker's reference grammar and on most media."""

_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_GUN = re.compile(rf"{_HOST}(?:\.{_HOST})*(?::[0-9]{{1,5}})?(?:/{_COMPONENT})+")
# What a ceremony writes into a repository's folders: another repository must not stand there.
_WRITTEN = re.compile(r"metadata|.*\.(?:age|json|key|pem|txt)")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*\*")
_DRIVE = re.compile(r"[A-Za-z]:")


def check_repository(name: str, field: str) -> str:
    """Return the name of a repository when it is a GUN; raises PlanRefused."""
    check_text(name, field, limit=MAX_NAME)
    rule = "a host, a port if need be, and lower-case path components, such as docker.io/acme/app or reg.example:5000/app"
    return check_form(name, _GUN, rule, field)


def check_prefix(prefix: str, field: str) -> None:
    """Check the form of a prefix of repository names that ends in `*`; raises PlanRefused."""
    check_form(prefix, _PREFIX, 'per-repository, or a prefix ending in one *, such as "docker.io/acme/*"', field)


def check_path(path: str, field: str) -> str:
    """Return a path that stays below the plan's folder; raises PlanRefused."""
    hint = "write a path relative to the plan's folder, with forward slashes, such as keys/app.pem"
    check_text(path, field, limit=MAX_NAME)
    if not path:
        raise PlanRefused(field, "is empty", hint=hint)
    if "\\" in path:
        raise PlanRefused(field, f"{quoted(path)} holds a backslash", hint=hint)
    if path.startswith("/") or _DRIVE.match(path):
        raise PlanRefused(field, f"{quoted(path)} is an absolute path", hint=hint)
    if {"", ".", ".."} & set(path.split("/")):
        raise PlanRefused(field, f"{quoted(path)} holds an empty, . or .. component", hint=hint)
    return path


def names_from(data: bytes, path: str, field: str) -> Iterator[tuple[str, str]]:
    """Yield place and name for each line of a names-from file.

    One GUN a line; blank lines and lines that begin with `#` say nothing. Raises
    PlanRefused for what is not UTF-8, or no GUN, and for a file without a name.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PlanRefused(field, f"{path} is not UTF-8 text", hint="write one repository a line") from error
    empty = True
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip()
        if name and not name.startswith("#"):
            empty = False
            place = f"{field} ({path}, line {number})"
            yield place, check_repository(name, place)
    if empty:
        raise PlanRefused(field, f"{path} names no repository", hint="write one repository a line")


def check_apart(places: Mapping[str, str]) -> None:
    """Check that no repository's folder stands where another's files are written.

    `places` maps names to where the plan names them. Raises PlanRefused.
    """
    for name, place in places.items():
        for above, component in _ancestors(name):
            if above in places and _WRITTEN.fullmatch(component):
                raise PlanRefused(
                    place,
                    f"{quoted(name)} would stand among the files of {quoted(above)}",
                    hint="hold a ceremony of its own for one of the two",
                )


def _ancestors(name: str) -> Iterable[tuple[str, str]]:
    parts = name.split("/")
    return (("/".join(parts[:i]), parts[i]) for i in range(1, len(parts)))
