# SPDX-License-Identifier: Apache-2.0
"""The ceremony: one module a step, plain functions over ports; `runner` walks the procedure."""
