# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.fakes.room import fast_seal

__all__ = ["fast_seal"]
