# SPDX-License-Identifier: Apache-2.0
"""The real Notary: `notary-server` on loopback, and the stock client (Debian package `notary`).

A test that uses these fails when the programs are missing: they are the judge.

    with NotaryServer(tmp_path) as server:
        listed = notary("list", gun, server=server.url, trust=tmp_path / "fresh")
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PASSPHRASE = "correct-horse-battery"
_TRIES = 400
_PAUSE = 0.025
_LISTEN = "0A"


class NotaryServer:
    """A notary-server with storage in memory, on a free loopback port, while the block runs.

    `tls` is certificate and key, PEM; `auth` is the server's own `auth` setting.
    """

    def __init__(self, folder: Path, *, tls: tuple[Path, Path] | None = None, auth: Mapping[str, object] | None = None) -> None:
        self._folder = folder / "notary-server"
        self._folder.mkdir(parents=True)
        self._tls = tls
        self._auth = auth
        self.url = ""

    def __enter__(self) -> Self:
        # Port 0, and then the one that the process listens on: no other test can take it in between.
        listen: dict[str, object] = {"http_addr": "127.0.0.1:0"}
        if self._tls:
            listen |= {"tls_cert_file": str(self._tls[0]), "tls_key_file": str(self._tls[1])}
        config: dict[str, object] = {
            "server": listen,
            "trust_service": {"type": "local", "hostname": "", "port": "", "key_algorithm": "ecdsa"},
            "logging": {"level": "info"},
            "storage": {"backend": "memory"},
        }
        if self._auth:
            config["auth"] = self._auth
        path = self._folder / "server.json"
        path.write_text(json.dumps(config))
        self._log = (self._folder / "server.log").open("wb")
        self._process = subprocess.Popen(["notary-server", "-config", str(path)], stdout=self._log, stderr=self._log)
        try:
            self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port()}"
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    @property
    def log(self) -> str:
        """What the server logged so far."""
        return (self._folder / "server.log").read_text()

    def key(self, gun: str, role: str) -> dict[str, object]:
        """Return the server's public key as it serves it."""
        key = json.loads(self.get(gun, f"{role}.key") or b"null")
        assert isinstance(key, dict)
        return key

    def get(self, gun: str, name: str) -> bytes | None:
        """Return a file of a repository, None when there is none."""
        try:
            with urllib.request.urlopen(f"{self.url}/v2/{gun}/_trust/tuf/{name}") as reply:
                return bytes(reply.read())
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 404:
                raise
            return None

    def _port(self) -> int:
        for _ in range(_TRIES):
            port = _listening(self._process.pid)
            if port:
                return port
            try:
                self._process.wait(_PAUSE)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError(f"notary-server does not listen:\n{self.log}")


def _listening(pid: int) -> int:
    """Return the TCP port that a process listens on, 0 while there is none (proc(5), /proc/net/tcp)."""
    try:
        held = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and f"socket:[{fields[9]}]" in held:
            return int(fields[1].rpartition(":")[2], 16)
    return 0


def notary(
    *args: str,
    server: str,
    trust: Path,
    ca: Path | None = None,
    auth: str = "",
    passphrases: Mapping[str, str] | None = None,
    config: Path | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run the stock client with the trust folder `trust`; `passphrases` by role, `auth` is `user:password` in base64."""
    trust.mkdir(parents=True, exist_ok=True)
    given = dict.fromkeys(("root", "targets", "snapshot", "delegation"), PASSPHRASE) | dict(passphrases or {})
    env = {"PATH": os.environ["PATH"], "HOME": str(trust)}
    env |= {f"NOTARY_{role.upper()}_PASSPHRASE": word for role, word in given.items()}
    if auth:
        env["NOTARY_AUTH"] = auth
    options = ["-s", server, "-d", str(trust)]
    if ca:
        options += ["--tlscacert", str(ca)]
    if config:
        options += ["-c", str(config)]
    done = subprocess.run(
        ["notary", *options, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert not check or done.returncode == 0, f"notary {' '.join(args)} ended {done.returncode}:\n{done.stdout}{done.stderr}"
    return done
