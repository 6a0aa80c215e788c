# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server on loopback that does what a test says: answers, lies, stalls, breaks off.

`Store` answers as a Notary server does, from memory; `FaultServer` asks a
function for each answer, so a test overrides what it needs:

    store = Store()
    with FaultServer(lambda asked: Answer(403) if asked.method == "POST" else store.answer(asked)) as server: ...
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ed25519
from securesystemslib.formats import encode_canonical

from ceremony.online.session import Patience
from tests.peers.tls import TestTls

QUICK = Patience(connect=5, read=5, whole=20)
"""For sessions with servers that answer at once."""
_PATH = re.compile(r"/v2/(.+?)/_trust/tuf/(.*)")


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def gun(self) -> str:
        match = _PATH.fullmatch(self.path)
        return match[1] if match else ""

    @property
    def name(self) -> str:
        match = _PATH.fullmatch(self.path)
        return match[2] if match else ""

    def files(self) -> dict[str, bytes]:
        """Return the parts of a multipart form: file name → bytes; each must be of the field `files`."""
        message = message_from_bytes(b"Content-Type: " + self.headers["content-type"].encode() + b"\r\n\r\n" + self.body)
        files: dict[str, bytes] = {}
        for part in message.walk():
            if part.is_multipart():
                continue
            assert part.get_param("name", header="content-disposition") == "files"
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            files[str(part.get_filename())] = data
        return files


@dataclass(frozen=True)
class Answer:
    """What to answer; `declared` is a Content-Length that lies, `stall` waits before the last byte, `drip` sends byte by byte."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    declared: int | None = None
    stall: bool = False
    drip: bool = False


class FaultServer:
    """A server on a free loopback port while the block runs; `asked` is what came."""

    def __init__(self, answer: Callable[[Asked], Answer], tls: TestTls | None = None) -> None:
        self.asked: list[Asked] = []
        self.stop = threading.Event()
        """Set when the block ends: what stalls goes on."""
        self.connections: list[socket.socket] = []
        self._server = _Server(("127.0.0.1", 0), _HANDLER)
        self._server.faults = self
        self._server.answer = answer
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop.set()
        self._server.shutdown()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    faults: FaultServer
    answer: Callable[[Asked], Answer]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.faults.connections.append(self.connection)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client left in the middle, as some tests want
            super().handle()

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.server.faults.asked.append(asked)
        reply = self.server.answer(asked)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.declared is None else reply.declared))
        self.end_headers()
        self._write(reply)
        self.close_connection = reply.declared is not None or reply.drip or reply.stall

    def _write(self, reply: Answer) -> None:
        stop = self.server.faults.stop
        if reply.drip:
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                if stop.wait(0.02):
                    return
        elif reply.stall:
            self.wfile.write(reply.body[:-1])
            stop.wait(20)
            self.wfile.write(reply.body[-1:])
        else:
            self.wfile.write(reply.body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


# http.server finds its methods by these names.
_HANDLER = type("_Methods", (_Handler,), {"do_GET": _Handler.serve, "do_POST": _Handler.serve})


def passed_on(url: str, asked: Asked) -> Answer:
    """Return what the server at `url` answers to the same request."""
    headers = {"Content-Type": asked.headers.get("content-type", "application/octet-stream")}
    request = urllib.request.Request(url + asked.path, asked.body or None, headers, method=asked.method)
    try:
        with urllib.request.urlopen(request) as reply:
            return Answer(reply.status, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


class Store:
    """A Notary server's behaviour in memory: keys on first ask, one POST a change, its own snapshot and timestamp."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.posts: list[str] = []

    def key(self, gun: str, role: str) -> dict[str, object]:
        public = self._private(gun, role).public_key().public_bytes_raw()
        return {"keytype": "ed25519", "keyval": {"public": base64.b64encode(public).decode(), "private": None}}

    def answer(self, asked: Asked) -> Answer:
        if not asked.gun:
            return Answer(200, b"{}")
        if asked.method == "POST":
            self.posts.append(asked.gun)
            self._take(asked.gun, asked.files())
            return Answer()
        name, _, kind = asked.name.rpartition(".")
        if kind == "key":
            return Answer(200, json.dumps(self.key(asked.gun, name)).encode())
        role, _, digest = name.partition(".")
        found = self.files.get(asked.gun, {}).get(role)
        if found is None or (digest and hashlib.sha256(found).hexdigest() != digest):
            return Answer(404, b'{"errors":[{"code":"METADATA_NOT_FOUND","message":"none"}]}')
        return Answer(200, found)

    def _private(self, gun: str, role: str) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{gun} {role}".encode()).digest())

    def _take(self, gun: str, files: Mapping[str, bytes]) -> None:
        snapshot = self._signed(gun, "snapshot", files)
        self.files[gun] = {**files, "snapshot": snapshot, "timestamp": self._signed(gun, "timestamp", {"snapshot": snapshot})}

    def _signed(self, gun: str, role: str, files: Mapping[str, bytes]) -> bytes:
        meta = {
            name: {"hashes": {"sha256": base64.b64encode(hashlib.sha256(data).digest()).decode()}, "length": len(data)}
            for name, data in files.items()
        }
        signed = {"_type": role.capitalize(), "expires": "2036-01-01T00:00:00Z", "meta": meta, "version": 1}
        key_id = hashlib.sha256(str(encode_canonical(self.key(gun, role))).encode()).hexdigest()
        signature = self._private(gun, role).sign(str(encode_canonical(signed)).encode())
        listed = [{"keyid": key_id, "method": "eddsa", "sig": base64.b64encode(signature).decode()}]
        return json.dumps({"signed": signed, "signatures": listed}).encode()
