# SPDX-License-Identifier: Apache-2.0
"""Property tests say what holds, not how fast: a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ceremony", deadline=None)
settings.load_profile("ceremony")
