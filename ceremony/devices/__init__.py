# SPDX-License-Identifier: Apache-2.0
"""Tokens: the adapters of the `Token` port, and what is plugged in."""
