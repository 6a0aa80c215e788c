# SPDX-License-Identifier: Apache-2.0
"""What a step may see of tokens: the ports `Token`, `Piv` and `TokenRack`; their values are in `token_values`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from ceremony.core.keys import PublicKey, Scheme
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.core.token_values import Attestation, KeyRequest, PinState, PivStanding, TokenIdentity, TokenKey


class Token(Protocol):
    """One token, opened; everything but `identity` may raise TokenLost."""

    @property
    def identity(self) -> TokenIdentity:
        """Return what names this token; read once, when it was opened."""
        ...

    def pin_state(self) -> PinState:
        """Read the PIN's state without spending a try."""
        ...

    def unlock(self, pin: Secret) -> None:
        """Log in. Raises WrongPin (with the tries left) or PinLocked; never tries twice."""
        ...

    def find(self, label: str) -> TokenKey | None:
        """Return the one private key with this label, None when there is none; raises TokenError for two.

        On a YubiKey, where keys have no labels, it is the key in the token's slot, whatever it was made for.
        """
        ...

    def find_public(self, public: PublicKey) -> TokenKey | None:
        """Return the one private key whose public half this is; None when there is none."""
        ...

    def generate(self, request: KeyRequest) -> TokenKey:
        """Make a key pair on the token and read it back; raises TokenError when the label, or a YubiKey's slot, is occupied."""
        ...

    def sign(self, key: TokenKey, scheme: Scheme, messages: Sequence[bytes]) -> list[bytes]:
        """Return a signature in wire form for each message, in order; raises TokenError."""
        ...

    def sign_stream(self, key: TokenKey, scheme: Scheme, batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
        """Yield the signatures of each batch, in order, preparing the next while the caller works on this one; raises TokenError."""
        ...

    def import_key(self, request: KeyRequest, private: SoftwareKey) -> TokenKey:
        """Put a key that was made elsewhere on the token and read it back; raises TokenError when its place is occupied."""
        ...

    def forget_pin(self) -> bool:
        """Drop the PIN that is held for signing, if one is; return whether the token stays unlocked without it."""
        ...

    @property
    def piv(self) -> Piv | None:
        """What only a YubiKey can do; None for every other token."""
        ...

    def wrap(self, key: TokenKey, wrapping_key: Secret) -> bytes:
        """Return the private key's PKCS#8 under AES-KWP (RFC 5649); raises TokenError when it may not leave."""
        ...

    def unwrap(self, request: KeyRequest, public: PublicKey, wrapped: bytes, wrapping_key: Secret) -> TokenKey:
        """Put a key that `wrap` gave on the token, unwrapped inside it, and read it back.

        `public` is its public half, which a wrapped key does not tell. Raises TokenError when its
        place is occupied, for what does not unwrap, and for a token that unwraps no keys.
        """
        ...

    def lock(self, key: TokenKey) -> TokenKey:
        """Set EXTRACTABLE to false for good; return the key as it reads afterwards."""
        ...

    def close(self) -> None:
        """Log out and let the device go; never raises."""
        ...


class Piv(Protocol):
    """What only a YubiKey can do; everything may raise TokenLost, and TokenError for what the device refuses."""

    def standing(self) -> PivStanding:
        """Read what the device holds and what protects it; spends no try, needs no PIN."""
        ...

    def authorised(self) -> bool:
        """Tell whether the management key was given since the device was opened."""
        ...

    def authorise(self, management_key: Secret) -> None:
        """Authenticate with the management key (its bytes); raises TokenError for a wrong one, which spends nothing."""
        ...

    def attest(self) -> Attestation:
        """Have the key in the token's slot attested; raises TokenError for an empty slot or an imported key."""
        ...

    def wipe(self) -> None:
        """Reset the PIV application: every key and certificate goes, PIN, PUK and management key are the factory's again."""
        ...

    def set_tries(self, pin: int, puk: int) -> None:
        """Set how many tries PIN and PUK have, which sets both to their factory values; needs PIN and management key."""
        ...

    def change_pin(self, old: Secret, new: Secret) -> None:
        """Change the PIN; raises WrongPin and PinLocked; never tries twice."""
        ...

    def change_puk(self, old: Secret, new: Secret) -> None:
        """Change the PUK; raises WrongPin and PinLocked, whose words say that it is the PUK; never tries twice."""
        ...

    def unblock_pin(self, puk: Secret, new_pin: Secret) -> None:
        """Give a blocked PIN a new value; raises WrongPin and PinLocked, as `change_puk` does."""
        ...

    def management_key_bytes(self) -> int:
        """Return how long a new management key is: 24 bytes for AES-192, the strongest that every firmware from 5.4 takes, or TDES."""
        ...

    def set_management_key(self, new: Secret) -> None:
        """Set the management key: AES where the firmware can, else TDES; needs the old one (`authorise`), and stays authorised."""
        ...

    def certificate(self) -> bytes | None:
        """Return the DER certificate in the token's slot; None when there is none."""
        ...

    def store_certificate(self, certificate: bytes) -> None:
        """Put a DER certificate in the token's empty slot and read it back; raises TokenError for one that is too large."""
        ...


class TokenRack(Protocol):
    """The tokens that the site names."""

    def open(self, name: str) -> Token:
        """Open the one token that the plan calls `name`; raises TokenAbsent for none, TokenError for two."""
        ...
