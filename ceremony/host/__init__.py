# SPDX-License-Identifier: Apache-2.0
"""The machine itself: preflight facts, locked memory, clocks, ssh-keygen."""
