# SPDX-License-Identifier: Apache-2.0
"""Media: find them, write once, sync, read back."""
