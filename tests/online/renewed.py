# SPDX-License-Identifier: Apache-2.0
"""Ceremony folders of a rotation, made from the pure parts with software keys, over what a real server serves.

app = Stock(server, tmp_path, APP)
folder = Folder(server, [APP])
folder.sign(app, Changes(targets=new.public), new)
publish(list(folder.files), folder.files.__getitem__, ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ceremony.core.bundle import REQUEST
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.published import reading
from ceremony.core.published.changes import Changes, needs_root, needs_targets
from ceremony.core.published.values import Published
from ceremony.core.request import INDEX, build_index
from ceremony.core.software_key import SoftwareKey
from ceremony.online.publish import Publication, publish
from ceremony.online.session import Session
from tests.core.published.stock import Stock, fetched, pinned, signed, signed_root
from tests.peers.notary import NotaryServer


class Folder:
    """A ceremony folder: the request, fetched now, and what is signed afterwards."""

    def __init__(self, server: NotaryServer, guns: Sequence[str]) -> None:
        request, files = fetched(server, guns)
        self.fleet = reading.read(request, files, pinned(server, *guns), SEQUEL, datetime.now(UTC))
        index = build_index(server.url, request.repositories)
        self.files = {REQUEST + INDEX: index, "ceremony.jsonl": b"{}\n"}
        self.files |= {f"{REQUEST}files/{digest}.json": data for digest, data in files.items()}

    def published(self, gun: str) -> Published:
        """Return what was published of a repository when this was fetched."""
        found = self.fleet[gun]
        assert isinstance(found, Published), found
        return found

    def sign(
        self, stock: Stock, changes: Changes, key: SoftwareKey | None = None, *, roots: Sequence[SoftwareKey] = ()
    ) -> dict[str, bytes]:
        """Sign what the changes make; targets by `key`, by nobody here when there is none. A snapshot key of the client goes to the server."""
        published = self.published(stock.gun)
        assert published.server is not None
        if not published.server_holds("snapshot"):
            changes = replace(changes, snapshot=published.server.snapshot)
        made = {}
        if needs_root(published, changes):
            made["root"] = signed_root(published, changes, [stock.key("root"), *roots])
        if key is not None and needs_targets(published, changes):
            made["targets"] = signed(SEQUEL.next_targets(published, changes), key)
        SEQUEL.check_next(published, made, replace(changes, elsewhere=key is None), datetime.now(UTC))
        self.files |= {f"bundle/tuf/{stock.gun}/metadata/{role}.json": data for role, data in made.items()}
        return made

    def publish(self, session: Session, **options) -> Publication:
        """Publish it all, quietly."""
        given = {"practice": True, "dry_run": False, "now": datetime.now(UTC), "progress": lambda _gun, _done, _total: None}
        return publish(list(self.files), self.files.__getitem__, session, **given | options)
