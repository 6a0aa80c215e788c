# SPDX-License-Identifier: Apache-2.0
"""What the self-test tries of this machine: SoftHSM, ssh-keygen, clocks, chance, locked memory.

Each returns what it saw, and raises CeremonyError for what does not hold. Whether the machine
is fit for a ceremony is for preflight.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from ceremony.core import cosign, keys
from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.core.known_answers import HINT, flipped
from ceremony.core.known_answers.key_values import MESSAGE
from ceremony.core.known_answers.people_values import SSH_ED25519, SSH_ED25519_KEY
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.core.ports import Clock, Entropy, Token
from ceremony.core.secret import Secret
from ceremony.core.token_values import KeyRequest
from ceremony.devices import softhsm
from ceremony.devices.rack import SiteRack
from ceremony.errors import CeremonyError, VerificationError
from ceremony.host import memory
from ceremony.host.machine_time import RELEASED
from ceremony.host.ssh_keygen import PROGRAM, PracticeCosigner, environment, make_practice_keys

_NAME = "self-test"
_SECONDS = 10
_READS = 1000


def softhsm_signs() -> str:
    """Make a throw-away token and a key on it, have it sign, and verify that in software; a damaged signature is refused.

    A machine without SoftHSM is none for rehearsals, and no worse for a production.
    """
    try:
        softhsm.find_module()
    except CeremonyError as missing:
        return f"NOT INSTALLED: rehearsals cannot be held here (to hold them: {missing.hint})"
    pin, so_pin = Secret(os.urandom(8).hex()), Secret(os.urandom(8).hex())
    with tempfile.TemporaryDirectory(prefix="ceremony-") as folder:
        place = Path(folder)
        tokens = softhsm.make_tokens(place, [_NAME], {_NAME: (pin, so_pin)})
        token = SiteRack(tokens, softhsm.environment(place)).open(_NAME)
        try:
            _signs(token, pin)
        finally:
            token.close()
    return f"made a P-256 key and signed; verified in software; {tokens[_NAME].module}"


def _signs(token: Token, pin: Secret) -> None:
    token.unlock(pin)
    key = token.generate(KeyRequest(_NAME, b"self", Algorithm.ECDSA_P256, extractable=False))
    (signature,) = token.sign(key, Scheme.ECDSA_SHA256, [MESSAGE])
    _verify(key.public, signature)
    try:
        _verify(key.public, flipped(signature))
    except VerificationError:
        return
    raise VerificationError("SoftHSM", "its damaged signature was taken for right", hint=HINT)


def _verify(public: PublicKey, signature: bytes) -> None:
    keys.verify(public, Scheme.ECDSA_SHA256, MESSAGE, signature, "SoftHSM's signature")


def ssh_keygen_signs() -> str:
    """Have ssh-keygen make a key and sign, which is verified here; have it judge a known signature, and a damaged one."""
    made = make_practice_keys([_NAME])
    armored = PracticeCosigner(made).sign(_NAME, HEAD_NAMESPACE, MESSAGE)
    key = cosign.parse_public_key(made[_NAME].public, "ssh-keygen's key")
    cosign.verify(armored or b"", MESSAGE, key, HEAD_NAMESPACE, "ssh-keygen's signature")
    if not _judged(SSH_ED25519, MESSAGE):
        raise CeremonyError(f"{PROGRAM} refused a known signature", hint="install the package openssh-client again")
    if _judged(SSH_ED25519, flipped(MESSAGE)):
        raise CeremonyError(f"{PROGRAM} took a damaged message for right", hint="install the package openssh-client again")
    return "made a key and signed; verified here; judged a known signature, and a damaged message"


def _judged(armored: bytes, message: bytes) -> bool:
    """Return what ssh-keygen says of a signature of the known key."""
    with tempfile.TemporaryDirectory(prefix="ceremony-") as folder:
        allowed, signature = Path(folder) / "allowed", Path(folder) / "signature"
        allowed.write_bytes(b"ada " + SSH_ED25519_KEY + b"\n")
        signature.write_bytes(armored)
        command = [PROGRAM, "-Y", "verify", "-n", HEAD_NAMESPACE, "-I", "ada", "-f", str(allowed), "-s", str(signature)]
        try:
            done = subprocess.run(command, input=message, capture_output=True, timeout=_SECONDS, check=False, env=environment())
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise CeremonyError(f"{PROGRAM} did not judge a signature", hint="install the package openssh-client") from error
    return done.returncode == 0


def clocks_run(clock: Clock) -> str:
    """See that the monotonic clock runs, and that the wall clock is not before the release of this program."""
    first = clock.mono_ns()
    if not any(clock.mono_ns() > first for _ in range(_READS)):
        raise CeremonyError("the monotonic clock stands still", hint="use another machine, or another kernel")
    now = clock.utc()
    if now < RELEASED:
        raise CeremonyError(
            f"the wall clock says {now:%Y-%m-%d %H:%M} UTC, before this program was released ({RELEASED:%Y-%m})",
            hint="set the clock by a watch that two people trust",
        )
    return f"{now:%Y-%m-%d %H:%M:%S} UTC, after this program was released; the monotonic clock runs"


def entropy_flows(entropy: Entropy) -> str:
    """See that the kernel's generator is seeded, and gives something else each time."""
    try:
        os.getrandom(1, os.GRND_NONBLOCK)
    except BlockingIOError as error:
        raise CeremonyError("the kernel's generator is not seeded yet", hint="wait a minute, then begin again") from error
    first, second = entropy.bytes(32), entropy.bytes(32)
    if first == second or bytes(32) in (first, second):
        raise CeremonyError("the kernel's generator gave the same bytes twice, or none", hint="use another machine")
    return "seeded; two reads of 32 bytes differ"


def memory_is_locked() -> str:
    """Lock this process's memory and forbid core dumps; where locking is not allowed, say so: preflight judges that."""
    found = memory.protect()
    if not (found.not_dumpable and found.no_core_files):
        raise CeremonyError("core dumps of this program cannot be forbidden", hint="run on Linux, as root")
    if not found.locked:
        return "core dumps forbidden; NOT LOCKED: this user may not lock memory (preflight refuses that in production)"
    return "locked; core dumps forbidden"
