# SPDX-License-Identifier: Apache-2.0
"""Fetch and publish: the only importer of a network library."""
