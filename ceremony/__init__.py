# SPDX-License-Identifier: Apache-2.0
"""Offline root key ceremonies: guided, recorded, and verifiable years later.

The map of the package, from what people touch down to what is pure:

- `cli`       the commands; builds the real adapters and hands them over; the one error boundary
- `tui`       the screens; the only importer of textual
- `steps`     the ceremony: one module a step, plain functions over ports
- `devices`   tokens: PKCS#11 modules in a process of their own, throw-away SoftHSM tokens
- `host`      the machine itself: preflight facts, locked memory, clocks, ssh-keygen
- `volumes`   media: write once, sync, read back
- `online`    the only importer of a network library: fetch and publish
- `report`    what auditors read
- `core`      pure: bytes and values in, bytes and values out
- `errors`    what can go wrong, in words

One way only: `cli → tui → (steps | devices | host | volumes | online | report) → core → errors`.
"""
