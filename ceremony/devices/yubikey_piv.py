# SPDX-License-Identifier: Apache-2.0
"""The `Piv` port: what only a YubiKey can do. Whatever changes something is read back."""

from __future__ import annotations

from yubikit.piv import INS_ATTEST, OBJECT_ID, SLOT, PivSession

from ceremony.core.ports import Attestation, PivStanding
from ceremony.core.secret import Secret
from ceremony.devices.yubikey_access import YubiKeyAccess
from ceremony.devices.yubikey_facts import CERTIFICATE_BYTES, certificate_object
from ceremony.devices.yubikey_link import YubiKeyLink
from ceremony.devices.yubikey_slot import read_certificate, read_key, read_object, standing
from ceremony.errors import TokenError


class YubiKeyPiv:
    """The PIV application of one open YubiKey, and one of its slots; implements `ceremony.core.ports.Piv`."""

    def __init__(self, link: YubiKeyLink, access: YubiKeyAccess, slot: SLOT) -> None:
        self._link = link
        self._access = access
        self._slot = slot

    def standing(self) -> PivStanding:
        """Read what the device holds and what protects it; spends no try, needs no PIN."""
        return self._link.ask(standing)

    def authorised(self) -> bool:
        """Tell whether the management key was given since the device was opened."""
        return self._access.authorised

    def authorise(self, management_key: Secret) -> None:
        """Authenticate with the management key (its bytes); raises TokenError for a wrong one, which spends nothing."""
        self._access.authorise(management_key)

    def attest(self) -> Attestation:
        """Have the key in the slot attested; raises TokenError for an empty slot or an imported key."""

        def act(session: PivSession) -> Attestation:
            key = read_key(session, self._slot)
            if key is None or not key.generated:
                what = "is empty" if key is None else "holds an imported key, which no device attests"
                raise self._error(f"slot {self._slot:02x} {what}", "only a key that was made on the device is attested")
            device = read_certificate(session, SLOT.ATTESTATION)
            if device is None:
                raise self._error("holds no certificate in slot f9, so it attests nothing", "use another token")
            # Byte for byte as it was signed; parsing it is left to who verifies it.
            return Attestation(session.protocol.send_apdu(0, INS_ATTEST, self._slot, 0), device)

        return self._link.ask(act)

    def wipe(self) -> None:
        """Reset the PIV application: every key and certificate goes, PIN, PUK and management key are the factory's again.

        It is read back that it is so. Raises TokenError when it is not.
        """
        self._access.forget()
        self._link.ask(PivSession.reset)
        self._link.forget()
        found = self.standing()
        kept = [f"what was in slot {slot}" for slot in found.occupied]
        kept += [f"the {name}" for name in ("PIN", "PUK", "management key") if name not in found.factory]
        if kept:
            raise self._error(f"was wiped, but kept {', '.join(kept)}", "do not use this token; record a deviation")

    def set_tries(self, pin: int, puk: int) -> None:
        """Set how many tries PIN and PUK have, which sets both to their factory values; needs PIN and management key."""
        self._access.set_tries(pin, puk)

    def change_pin(self, old: Secret, new: Secret) -> None:
        """Change the PIN; raises WrongPin and PinLocked; never tries twice."""
        self._access.change_pin(old, new)

    def change_puk(self, old: Secret, new: Secret) -> None:
        """Change the PUK; raises WrongPin and PinLocked, whose words say that it is the PUK; never tries twice."""
        self._access.change_puk(old, new)

    def unblock_pin(self, puk: Secret, new_pin: Secret) -> None:
        """Give a blocked PIN a new value; raises WrongPin and PinLocked, as `change_puk` does."""
        self._access.unblock_pin(puk, new_pin)

    def management_key_bytes(self) -> int:
        """Return how long a new management key is: 24 bytes for AES-192, the strongest that every firmware from 5.4 takes, or TDES."""
        return self._access.management_key_bytes()

    def set_management_key(self, new: Secret) -> None:
        """Set the management key: AES where the firmware can, else TDES; needs the old one (`authorise`), and stays authorised."""
        self._access.set_management_key(new)

    def certificate(self) -> bytes | None:
        """Return the DER certificate in the slot; None when there is none."""
        return self._link.ask(lambda session: read_certificate(session, self._slot))

    def store_certificate(self, certificate: bytes) -> None:
        """Put a DER certificate in the slot, unless it is there already, and read it back.

        Raises TokenError for one that is too large, and when the slot has another one.
        """
        if len(certificate) > CERTIFICATE_BYTES:
            raise self._error(
                f"takes certificates of {CERTIFICATE_BYTES} bytes at most, this one has {len(certificate)}",
                "use shorter names in it",
            )
        data = certificate_object(certificate)

        def act(session: PivSession) -> bytes | None:
            self._access.authorise_again(session)
            there = read_object(session, self._slot)
            if there == data:
                return there
            if there is not None:
                raise self._error(
                    f"slot {self._slot:02x} already holds another certificate", "nothing was written; use another slot"
                )
            session.put_object(OBJECT_ID.from_slot(self._slot), data)
            return read_object(session, self._slot)

        if self._link.ask(act) != data:
            raise self._error(
                f"does not give back the certificate that was put in slot {self._slot:02x}",
                "do not use this token; record a deviation",
            )

    def _error(self, what: str, hint: str) -> TokenError:
        return TokenError(self._link.who, what, hint=hint)
