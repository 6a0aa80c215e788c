# SPDX-License-Identifier: Apache-2.0
"""README.txt of a ceremony folder: the same bytes for every ceremony of a release."""

from __future__ import annotations

README_TEXT = """\
This folder is what one key ceremony left. Nothing in it is secret in the clear.

  ceremony.jsonl      the log: one JSON object a line, each naming the hash of the line before
  heads/              statements of the log's length and hashes, and people's signatures over them
  bundle/             what is published: metadata, public keys, what consumers pin
  deliver/            private repository keys, each encrypted to its team alone (age)
  evidence/           the plan, its approvals, the request, and what the tokens proved
  MANIFEST.sha256     sha256sum -c MANIFEST.sha256

A folder cannot vouch for itself. Whoever made it could have made all of it. What
makes it evidence are the people's signatures in heads/, checked against keys that
you know from elsewhere, by a verifier that you did not get from this folder:

  ceremony audit DIR
  ssh-keygen -Y verify -f SIGNERS -I NAME -n ceremony-head -s heads/NNNN.NAME.sig < heads/NNNN.txt

A folder whose log has no close record as its last line, or whose last head lacks
the signatures that the plan's quorum asks for, is incomplete.
"""
