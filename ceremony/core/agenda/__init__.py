# SPDX-License-Identifier: Apache-2.0
"""The agenda: which repositories a ceremony signs for, what changes in each, and what is signed for it, in bytes and values.

- `entries`      plan, what is published and whom stolen keys touch → the repositories that are signed for, and those left out
- `suspects`     the tags that an officer may strike out
- `roots`        the root keys of each, and the certificates that have to be made for them
- `items`        what is signed for one repository, new or changed: drafts, whose signatures they need, and the judgement after
- `filling`      entries and what the ceremony made → items, and what was left out after all
- `differences`  items as people review them

A ceremony builds it from its room, and an audit from a folder's bytes: from the same inputs it is the same.
"""
