# SPDX-License-Identifier: Apache-2.0
"""Whom a stolen key touches: from key ids, certificates or public keys to repositories, roles, signers and tags.

- `impact`  the question and its answer, over a whole fleet, as values
- `advice`  what cannot be repaired in the room, and what to do instead
- `told`    the answer as JSON and as rows of a screen
"""
