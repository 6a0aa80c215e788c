# SPDX-License-Identifier: Apache-2.0
"""Parts of the screen: each shows the state it is handed, and knows no step and no worker."""
