# SPDX-License-Identifier: Apache-2.0
"""The pure core: no files, clocks, devices or screens; bytes and values in, bytes and values out."""
