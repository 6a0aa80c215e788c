# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: property tests are judged by their answers, not by how busy the machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ceremony", deadline=None)
settings.load_profile("ceremony")
