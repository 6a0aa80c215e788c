# SPDX-License-Identifier: Apache-2.0
"""The screens: the only importer of textual; they know ports and messages, no device and no step."""
