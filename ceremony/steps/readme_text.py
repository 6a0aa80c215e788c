# SPDX-License-Identifier: Apache-2.0
"""README.txt of a ceremony folder: the same bytes for every ceremony of a release."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core.bundle import README, VERIFIER
from ceremony.steps.room import Room

README_TEXT = """\
This folder is what one key ceremony left. Nothing in it is secret in the clear.

  report.html         what was done, by whom, when, on which devices: read this first
  ceremony.jsonl      the log: one JSON object a line, each naming the hash of the line before
  heads/              statements of the log's length and hashes, and people's signatures over them
  bundle/             what is published: metadata, public keys, what consumers pin
  deliver/            private repository keys, each encrypted to its team alone (age)
  evidence/           the plan, its approvals, the request, and what the tokens proved
  verify.sh           a verifier that needs sha256sum, awk, jq, openssl and ssh-keygen alone
  MANIFEST.sha256     sha256sum -c MANIFEST.sha256

A folder cannot vouch for itself. Whoever made it could have made all of it, and the
verify.sh in it, which shows only what was used. What makes it evidence are the people's
signatures in heads/, checked against keys that you have from those people, by a verifier
that you did not get from this folder. verify.sh is the same for every ceremony of a
release of the program `ceremony`: take it from the release that the first record of the
log names (`tool`), and compare its SHA-256 with the one in that release's notes and README.
On a computer of your own, with this folder copied to DIR:

  apt-get install jq openssl openssh-client
  sha256sum verify.sh
  sh verify.sh -s SIGNERS DIR
  echo $?

SIGNERS has a line for each person, `NAME TYPE BASE64`: the name as in heads/NNNN.NAME.sig,
then their public key. Leave out `-s SIGNERS` for a practice. 0 is verified, 1 failed, 3 not
complete: the log has no close record as its last line, its last head lacks signatures that
the plan's quorum asks for, or it is a production and nobody's keys were brought.

`ceremony audit --signers SIGNERS DIR` says the same, and reads what the log says; the
release's verify.html says the same in a browser, without a network.
"""


def for_auditors(room: Room) -> Mapping[str, bytes]:
    """Return what an auditor reads and runs first: path → bytes, the same for every ceremony of a release."""
    return {README: README_TEXT.encode(), VERIFIER: room.reporter.verifier()}
