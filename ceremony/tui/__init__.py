# SPDX-License-Identifier: Apache-2.0
"""The screens: the only importer of textual; they know ports and messages, no device and no step."""

import os

# Textual draws at most 60 pictures a second unless told otherwise, before it is loaded. What a key does may take
# two pictures to be seen, so that twice as many halve the wait; nothing is drawn while nothing changes.
os.environ.setdefault("TEXTUAL_FPS", "120")
