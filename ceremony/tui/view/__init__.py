# SPDX-License-Identifier: Apache-2.0
"""The auditor's view: a ceremony folder to look at, with the verdict of the audit; nothing is ever written.

What is in the folder may have been written by anybody. Every text of it goes through
`ceremony.tui.text` before it is drawn, nothing in it is believed but by the audit,
and what cannot be read is said so in its place.

- `tables`    a table as a value: columns, rows, what to say of a row
- `chronicle` the log as tables: timeline, deviations, devices, summary
- `keys`      the inventory of keys as a table
- `verdict`   the audit, as a table of findings and as the state of each file
- `reading`   what the worker thread does
- `rows`      a table on the screen
- `pager`     a long text on the screen
- `bars`      the header and the tabs
- `app`       puts them together; `run` is the one way in
"""
