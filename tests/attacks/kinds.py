# SPDX-License-Identifier: Apache-2.0
"""All kinds of attacks, by name: importing this lists them."""

from tests.attacks import cases_bytes, cases_files, cases_log, cases_signed
from tests.attacks.cases import BITS, KINDS, MODES

__all__ = ["BITS", "KINDS", "MODES", "cases_bytes", "cases_files", "cases_log", "cases_signed"]
