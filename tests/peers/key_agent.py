# SPDX-License-Identifier: Apache-2.0
"""An SSH agent (draft-miller-ssh-agent) that holds security keys in software: the real ssh-keygen signs with them.

with key_agent(folder, SoftSecurityKey(ED25519)) as socket:
    subprocess.run(["ssh-keygen", "-Y", "sign", ...], env={"SSH_AUTH_SOCK": socket})
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ceremony.core.sshwire import Reader, string
from tests.fakes.security_key import SoftSecurityKey

_FAILURE, _LIST, _LISTED, _SIGN, _SIGNED = 5, 11, 12, 13, 14


@contextmanager
def key_agent(folder: Path, *keys: SoftSecurityKey) -> Iterator[str]:
    """Yield the socket of an agent that holds these keys, each touched whenever it is asked to sign."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while (length := _exactly(self.request, 4)) and (asked := _exactly(self.request, int.from_bytes(length))):
                told = _answer(asked, keys)
                self.request.sendall(len(told).to_bytes(4) + told)

    path = str(folder / "agent")
    with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()


def _exactly(connection: socket.socket, length: int) -> bytes:
    """Return so many bytes; nothing once the other side is gone."""
    data = b""
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            return b""
        data += more
    return data


def _answer(asked: bytes, keys: tuple[SoftSecurityKey, ...]) -> bytes:
    if asked[0] == _LIST:
        held = b"".join(string(key.blob) + string(b"in software") for key in keys)
        return bytes([_LISTED]) + len(keys).to_bytes(4) + held
    if asked[0] == _SIGN:
        reader = Reader(asked[1:])
        blob, data = reader.string(), reader.string()
        for key in keys:
            if key.blob == blob:
                return bytes([_SIGNED]) + string(key.touched(data))
    return bytes([_FAILURE])
