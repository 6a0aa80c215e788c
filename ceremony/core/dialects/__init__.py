# SPDX-License-Identifier: Apache-2.0
"""What a dialect must do."""
