# SPDX-License-Identifier: Apache-2.0
"""Known answers of the log: records and their chain, heads, and the Merkle tree (RFC 6962, section 2.1)."""

from __future__ import annotations

import hashlib

from ceremony.core import log
from ceremony.core.known_answers.answer import Answer, flipped, same
from ceremony.core.merkle import Frontier, Tree

_LOG = (
    '{"actor":"ceremony","body":{"form":"ceremony/v1","mode":"practice"},"boot":"b1f4","ceremony":"0123456789'
    'abcdef0123456789abcdef","kind":"open","mono_ns":1000,"outcome":"ok","prev":"0000000000000000000000000000'
    '000000000000000000000000000000000000","recorded_by":"Ada Example","salt":"5feceb66ffc86f38d952786c6d696c'
    '79","seq":0,"step":"","utc":"2026-11-19T09:14:00.000000Z","v":1}'
    "\n"
    '{"actor":"ceremony","body":{"hint":"","name":"swap","saw":"no swap"},"boot":"b1f4","ceremony":"012345678'
    '9abcdef0123456789abcdef","kind":"check","mono_ns":1001,"outcome":"ok","prev":"834fd245223ad69a8c0c8e7931'
    '64bc761201e4b1a319df1b310973cdd46f9beb","recorded_by":"Ada Example","salt":"6b86b273ff34fce19d6b804eff5a'
    '3f57","seq":1,"step":"preflight","utc":"2026-11-19T09:14:01.000000Z","v":1}'
    "\n"
    '{"actor":"ceremony","body":{"decided":"Go on","expected":"08:30","happened":"Zürich, 08:45"},"boot":"b1f'
    '4","ceremony":"0123456789abcdef0123456789abcdef","kind":"deviation","mono_ns":1002,"outcome":"ok","prev"'
    ':"34d7c6b7ed164ee6d6563fdf7f189bc459c2cd9ac711f80dd5ece2b6039ce92f","recorded_by":"Ada Example","salt":"'
    'd4735e3a265e16eee03f59718b9b5d03","seq":2,"step":"preflight","utc":"2026-11-19T09:14:02.000000Z","v":1}'
    "\n"
).encode()
_HEAD = (
    b"ceremony-head/v1\n"
    b"origin: ceremony/0123456789abcdef0123456789abcdef\n"
    b"entries: 3\n"
    b"bytes: 1182\n"
    b"sha256: 04c3ff185ef3ced2e6df64d562149e7c16ee8fd3bc63198b4f92bf951fb4570b\n"
    b"chain: 5f9aa8536d8fc298bb8647d6a039a2615f2719c9b7cb4aaed9a0304bef9027d1\n"
    b"merkle: d28edd274f11245a329c704bff66431a61e08bf418f0da19034c33e51edf73e6\n"
)
_LINES = _LOG.splitlines(keepends=True)
_DAMAGED = (
    b"".join([_LINES[0], _LINES[2]]),  # a record cut out
    b"".join([_LINES[0], _LINES[2], _LINES[1]]),
    b"".join(_LINES[1:]),
    b"".join([*_LINES, _LINES[2]]),  # one more
    _LOG[:-1],  # torn
    b"".join([flipped(_LINES[0]), *_LINES[1:]]),
)
_HEAD_DIGEST = b"9a280b2b490ea95a13fde6937af8e2ad8ed01adbe687e4190640bf1e51eda065"
_CUT = b"".join(_LINES[:2])
"""The last record cut off: the chain holds, and only a head tells."""
_LEAVES = tuple(
    map(bytes.fromhex, ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"))
)
_ROOT = b"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def _log(data: bytes) -> None:
    log.read(data)


def _stated(data: bytes, head: bytes) -> None:
    found = log.recover(data)
    same(log.head(found.tail, hashlib.sha256(data).hexdigest()).text(), head)


def _head(head: bytes, digest: bytes) -> None:
    found = log.parse_head(head, "answer")
    same(found.text(), head)
    same(found.digest.encode(), digest)


def _tree(*leaves_and_root: bytes) -> None:
    *leaves, root = leaves_and_root
    grown, frontier = Tree(), Frontier()
    for leaf in leaves:
        grown.add(leaf)
        frontier = frontier.add(leaf)
    same(grown.frontier().root().encode(), root)
    same(frontier.root().encode(), root)


ANSWERS = (
    Answer("log and its chain", "docs/formats.md", _log, (_LOG,), tuple((data,) for data in _DAMAGED)),
    Answer("log and its head", "docs/formats.md", _stated, (_LOG, _HEAD), ((_CUT, _HEAD), (b"", _HEAD))),
    Answer("head of a log", "docs/formats.md", _head, (_HEAD, _HEAD_DIGEST), ((_HEAD + b"\n", _HEAD_DIGEST),)),
    Answer("Merkle tree", "Certificate Transparency", _tree, (*_LEAVES, _ROOT), ((*_LEAVES[:-1], _ROOT),)),
)
