# SPDX-License-Identifier: Apache-2.0
"""The log told to people: each record in a sentence, and what all of them together say.

A record here is the JSON object of one line, from anybody: nothing in it is
trusted to be there or to have the type that it should. Whatever it says, it gets
words, and nothing raises. What a resumed ceremony relies on is `core.past`; what
an auditor relies on is `core.audit`; this is for reading along.

- `facts`     the members of a record, read without trust
- `words`     one record in a sentence
- `values`    what the state is made of
- `state`     what the records so far say, built one by one
- `overview`  that state as lines for a screen

Texts are returned as they were recorded: a screen makes them fit to be shown.
"""

from __future__ import annotations

from ceremony.core.chronicle.overview import Section, overview
from ceremony.core.chronicle.state import State
from ceremony.core.chronicle.words import sentence

__all__ = ["Section", "State", "overview", "sentence"]
