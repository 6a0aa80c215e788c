# SPDX-License-Identifier: Apache-2.0
"""The commands: they build the real adapters, hand them over, and are the one error boundary."""
