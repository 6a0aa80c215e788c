# SPDX-License-Identifier: Apache-2.0
"""A TPM in software (swtpm) as PKCS#11 tokens (tpm2-pkcs11): tokens that really lock.

A test that uses it fails when the programs are missing: `swtpm`, `tpm2-tools`, OpenSC's `pkcs11-tool`, the module.

    with Tpm(tmp_path) as tpm:
        tpm.make_token("root-a", pin="654321")
        rack = HsmRack({"root-a": tpm.site("root-a")}, tpm.env)

After three wrong PINs the whole TPM is locked, every token on it, until `unlock_all`: so a test that locks has a TPM
of its own. There is no resource manager between the module and the TPM, which has room for three loaded objects: one
key of one token at a time, and `flush` after a process that was killed.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from ceremony.core.plan import SiteToken

SO_PIN = "12345678"
NO_SERIAL = "0000000000000000"
"""What every token of every TPM says that its serial is."""
MODULES = (
    "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1",
    "/usr/lib/aarch64-linux-gnu/libtpm2_pkcs11.so.1",
    "/usr/lib64/libtpm2_pkcs11.so.1",
)
WRONG_PINS = 3
"""How many wrong PINs lock the TPM."""
_SECONDS = 30
_TRIES = 400
_PAUSE = 0.025
_PORTS = 20
_LISTEN = "0A"


class Tpm:
    """A TPM with a state and a token store of its own, on free loopback ports, while the block runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tpm"
        self._made: list[str] = []
        self.env: dict[str, str] = {}
        """What the module and the TPM's tools find it by."""

    def __enter__(self) -> Self:
        (self._folder / "state").mkdir(parents=True)
        (self._folder / "store").mkdir()
        self._log = (self._folder / "swtpm.log").open("wb")
        try:
            port = self._start()
            address = f"swtpm:host=127.0.0.1,port={port}"
            store = str(self._folder / "store")
            self.env = {"TPM2_PKCS11_TCTI": address, "TPM2TOOLS_TCTI": address, "TPM2_PKCS11_STORE": store}
            # Not left to what the simulator happens to begin with: a try comes back after 1,000 seconds, not in a test.
            limits = ("--max-tries", str(WRONG_PINS), "--recovery-time", "1000", "--lockout-recovery-time", "1000")
            self._run("tpm2_dictionarylockout", "--setup-parameters", *limits)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    @property
    def module(self) -> str:
        """The path of tpm2-pkcs11's module; fails where it is not installed."""
        found = [path for path in MODULES if Path(path).is_file()]
        assert found, "tpm2-pkcs11 is not installed: apt-get install libtpm2-pkcs11-1"
        return found[0]

    def make_token(self, label: str, *, pin: str) -> None:
        """Initialise one more token of this TPM, as a stranger would."""
        slot = ("--module", self.module, "--slot-index", str(len(self._made)))
        self._run("pkcs11-tool", *slot, "--init-token", "--label", label, "--so-pin", SO_PIN)
        so = ("--login", "--login-type", "so", "--so-pin", SO_PIN)
        self._run("pkcs11-tool", *slot, "--init-pin", *so, "--new-pin", pin)
        self._made.append(label)

    def site(self, label: str) -> SiteToken:
        """Return how a site names a token: by its label too, since every token of a TPM has the same serial."""
        return SiteToken(pkcs11=f"pkcs11:serial={NO_SERIAL};token={label}", module=self.module)

    def wrong_pins(self) -> int:
        """Return how many wrong PINs the TPM counts."""
        return int(self._property("TPM2_PT_LOCKOUT_COUNTER"), 16)

    def locked(self) -> bool:
        """Tell whether the TPM is locked, as it says itself."""
        return self._property("inLockout") == "1"

    def unlock_all(self) -> None:
        """Forget the wrong PINs, as the TPM's owner can."""
        self._run("tpm2_dictionarylockout", "--clear-lockout")

    def so_unblocks(self, label: str, *, pin: str) -> bool:
        """Tell whether the SO PIN, as PKCS#11 has it, sets a token's PIN again."""
        slot = ("--module", self.module, "--slot-index", str(self._made.index(label)))
        so = ("--login", "--login-type", "so", "--so-pin", SO_PIN)
        return self._ended("pkcs11-tool", *slot, "--init-pin", *so, "--new-pin", pin).returncode == 0

    def flush(self) -> None:
        """Take from the TPM what a killed process left loaded."""
        self._run("tpm2_flushcontext", "--transient-object")
        self._run("tpm2_flushcontext", "--loaded-session")

    def _property(self, name: str) -> str:
        found = re.search(rf"^\s*{name}: +(\S+)$", self._run("tpm2_getcap", "properties-variable"), re.MULTILINE)
        assert found, f"the TPM does not tell {name}"
        return found[1]

    def _run(self, *command: str) -> str:
        done = self._ended(*command)
        assert done.returncode == 0, f"{' '.join(command)} ended {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _ended(self, *command: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(self._folder), **self.env}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=_SECONDS, check=False)

    def _start(self) -> int:
        # Its clients look for the control channel on the next port, so a pair is wanted; another test may be faster, so again.
        for _ in range(_PORTS):
            port = _free_pair()
            self._process = subprocess.Popen(
                [
                    *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._folder / 'state'}"),
                    *("--server", f"type=tcp,port={port},bindaddr=127.0.0.1"),
                    *("--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1"),
                    *("--flags", "not-need-init,startup-clear"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
            )
            if self._listens({port, port + 1}):
                return port
        raise AssertionError(f"swtpm does not start:\n{(self._folder / 'swtpm.log').read_text()}")

    def _listens(self, ports: set[int]) -> bool:
        for _ in range(_TRIES):
            if ports <= _listening(self._process.pid):
                return True
            try:
                self._process.wait(_PAUSE)
            except subprocess.TimeoutExpired:
                continue
            return False
        self._process.kill()
        self._process.wait()
        return False


def _free_pair() -> int:
    """Return a loopback port that is free, and whose next one is."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _listening(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on (proc(5), /proc/net/tcp)."""
    try:
        held = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(f[1].rpartition(":")[2], 16) for f in lines if f[3] == _LISTEN and f"socket:[{f[9]}]" in held}
