# SPDX-License-Identifier: Apache-2.0
"""What is published, read from a request and verified from a trusted root, in bytes and values.

- `values`   what is published of one repository: keys, thresholds, tags, delegations, history
- `trusted`  the trusted root: what a plan's `trusted-root` means
- `reading`  a whole request → per repository its `Published`, or the error that names what is broken
- `changes`  what a renewal or a rotation changes, and who has to sign it
- `differences` two states of a repository → every difference, in words
- `review`   the differences of a whole fleet, as people review them

How metadata is written is the dialects' part; see `ceremony.core.dialects.sequel`.
"""
