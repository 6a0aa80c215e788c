# SPDX-License-Identifier: Apache-2.0
"""TOML 1.0 tables, read field by field: total, strict, and every refusal names the field.

A `Table` knows its own path and, for each field that it may have, an example of
what to write. So an unknown, missing or ill-typed field is refused in one place,
with a hint that can be copied. What the values mean is `plan_reader`'s business.

    root = Table.of(plan, "root", {"threshold": "2"})
    root.integer("threshold", 1, 100)      # PlanRefused: root.threshold: is missing
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from ceremony.errors import PlanRefused

MAX_TEXT = 200
"""Characters of a text, where no other limit is given."""

_NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    float: "a number with a fraction",
    list: "a list",
    dict: "a table",
    datetime: "a date and time",
    date: "a date",
    time: "a time of day",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN = 80

T = TypeVar("T")


def parse_toml(source: bytes, name: str, limit: int) -> dict[str, object]:
    """Return the values of a TOML file of at most `limit` bytes; raises PlanRefused, naming the file as `name`."""
    if len(source) > limit:
        raise PlanRefused(
            name,
            f"is {len(source)} bytes, more than the {limit} that are read",
            hint="move long lists of names to a names-from file",
        )
    try:
        return tomllib.loads(source.decode())
    except tomllib.TOMLDecodeError as error:
        raise PlanRefused(name, f"is not TOML: {shown(str(error))}", hint="correct the line that is named") from error
    except UnicodeDecodeError as error:
        raise PlanRefused(name, f"is not UTF-8 text at byte {error.start}", hint="save it as UTF-8") from error
    except ValueError as error:
        raise PlanRefused(name, "holds a number that is too long", hint="shorten it") from error
    except RecursionError as error:
        raise PlanRefused(name, "is nested too deep", hint="write it as `ceremony plan new` does") from error


def shown(text: str) -> str:
    """Return text that came from outside as one short printable line."""
    line = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:_SHOWN])
    return line if len(text) <= _SHOWN else line + "..."


def quoted(text: str) -> str:
    """Return text that came from outside between quotes, short and printable."""
    return f'"{shown(text)}"'


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` may have been meant for; empty when none is near."""
    return next(iter(difflib.get_close_matches(word[:_SHOWN], list(known), 1)), "")


def check_text(text: str, field: str, *, limit: int = MAX_TEXT) -> str:
    """Return `text` when it can be printed, read aloud and logged as it is; raises PlanRefused."""
    if len(text) > limit:
        raise PlanRefused(field, f"is {len(text)} characters long", hint=f"write at most {limit}")
    if not text.isprintable():
        raise PlanRefused(field, f"{quoted(text)} holds a character that does not print", hint="write one line of plain text")
    if not unicodedata.is_normalized("NFC", text):
        raise PlanRefused(field, f"{quoted(text)} is not in Unicode normal form C", hint="type it again, or save it in that form")
    if text != text.strip():
        raise PlanRefused(field, f"{quoted(text)} begins or ends with a space", hint=f"write {quoted(text.strip())}")
    return text


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a TOML file, none of whose fields is unknown."""

    path: str
    """Where it stands, such as `repositories[2].targets`; empty for the file itself."""
    values: Mapping[str, object]
    examples: Mapping[str, str]
    """The fields that it may have, each with an example of what to write."""

    @classmethod
    def of(
        cls, values: Mapping[str, object], path: str, examples: Mapping[str, str], elsewhere: Mapping[str, str] | None = None
    ) -> Table:
        """Return the table; raises PlanRefused for a field without an example.

        `elsewhere` holds, for fields that are known but out of place here, what to do.
        """
        table = cls(path, values, examples)
        for key in values:
            if key not in examples:
                raise table._unknown(key, elsewhere or {})
        return table

    def _unknown(self, key: str, elsewhere: Mapping[str, str]) -> PlanRefused:
        if key in elsewhere:
            return PlanRefused(self.at(key), "does not belong here", hint=elsewhere[key])
        near = nearest(key, self.examples)
        hint = f"did you mean {near}?" if near else f"remove it; known here: {', '.join(self.examples)}"
        return PlanRefused(self.at(key), "is not a field that is known", hint=hint)

    def at(self, key: str) -> str:
        """Return the path of one of the table's fields."""
        name = key if _BARE_KEY.fullmatch(key) else json.dumps(key[:_SHOWN])
        return f"{self.path}.{name}" if self.path else name

    def has(self, key: str) -> bool:
        """Tell whether the field is there."""
        return key in self.values

    def _write(self, key: str) -> str:
        return f"write {key} = {self.examples[key]}"

    def _required(self, key: str, kind: type[T]) -> T:
        if key not in self.values:
            raise PlanRefused(self.at(key), "is missing", hint=self._write(key))
        return _typed(self.values[key], kind, self.at(key), self._write(key))

    def text(self, key: str, default: str | None = None, *, limit: int = MAX_TEXT) -> str:
        """Return a text of one printable line; raises PlanRefused for an empty one unless the default is empty."""
        if default is not None and key not in self.values:
            return default
        text = check_text(self._required(key, str), self.at(key), limit=limit)
        if not text and default != "":
            raise PlanRefused(self.at(key), "is empty", hint=self._write(key))
        return text

    def matching(self, key: str, pattern: re.Pattern[str], rule: str) -> str:
        """Return a text of the form `pattern`, which `rule` puts in words; raises PlanRefused."""
        return check_form(self.text(key), pattern, rule, self.at(key))

    def choice(self, key: str, words: Sequence[str], default: str | None = None) -> str:
        """Return one of `words`; raises PlanRefused."""
        word = self.text(key, default)
        if word in words:
            return word
        near = nearest(word, words)
        hint = f'write {key} = "{near}"' if near else f"write one of: {', '.join(words)}"
        raise PlanRefused(self.at(key), f"{quoted(word)} is not one of {', '.join(words)}", hint=hint)

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`; raises PlanRefused."""
        number = self._required(key, int)
        if not low <= number <= high:
            # A number of the plan may be too long to be printed.
            size = str(number) if abs(number) < 10**9 else "too large a number"
            raise PlanRefused(self.at(key), f"is {size}", hint=f"write a whole number from {low} to {high}")
        return number

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false; raises PlanRefused."""
        return self._required(key, bool) if self.has(key) else default

    def time(self, key: str) -> datetime:
        """Return an absolute time in UTC, in whole seconds; raises PlanRefused."""
        return check_time(self._required(key, datetime), self.at(key), self.examples[key])

    def items(self, key: str, kind: type[T]) -> list[tuple[str, T]]:
        """Return path and value of each item of a list that is not empty; raises PlanRefused."""
        field, items = self.at(key), self._required(key, list)
        if not items:
            raise PlanRefused(field, "is empty", hint=self._write(key))
        return [(f"{field}[{i}]", _typed(item, kind, f"{field}[{i}]", self._write(key))) for i, item in enumerate(items)]

    def texts(self, key: str, *, limit: int = MAX_TEXT) -> list[tuple[str, str]]:
        """Return path and text of each item of a list that is not empty and names nothing twice; raises PlanRefused."""
        seen: dict[str, str] = {}
        for field, item in self.items(key, str):
            text = check_text(item, field, limit=limit)
            if not text:
                raise PlanRefused(field, "is empty", hint=self._write(key))
            if text in seen:
                raise PlanRefused(field, f"{quoted(text)} is already {seen[text]}", hint="name it once")
            seen[text] = field
        return [(field, text) for text, field in seen.items()]

    def table(self, key: str, examples: Mapping[str, str], elsewhere: Mapping[str, str] | None = None) -> Table:
        """Return a table within this one; raises PlanRefused."""
        return Table.of(self._required(key, dict), self.at(key), examples, elsewhere)

    def named(self, key: str) -> Table:
        """Return a table within this one whose fields bear names that people gave; raises PlanRefused for an empty one."""
        values = self._required(key, dict)
        if not values:
            raise PlanRefused(self.at(key), "is empty", hint=self._write(key))
        return Table(self.at(key), values, dict.fromkeys(values, "{ ... }"))

    def tables(self, key: str, examples: Mapping[str, str]) -> list[Table]:
        """Return each table of a list of tables that is not empty; raises PlanRefused."""
        return [Table.of(value, field, examples) for field, value in self.items(key, dict)]


def check_form(text: str, pattern: re.Pattern[str], rule: str, field: str) -> str:
    """Return `text` when the whole of it has the form `pattern`, which `rule` puts in words; raises PlanRefused."""
    if not pattern.fullmatch(text):
        raise PlanRefused(field, f"{quoted(text)} cannot be used", hint=f"write {rule}")
    return text


def check_time(value: datetime, field: str, example: str) -> datetime:
    """Return `value` when it is a UTC time in whole seconds; raises PlanRefused."""
    if value.tzinfo is None:
        raise PlanRefused(field, "is a local time", hint=f"write an absolute time in UTC, such as {example}")
    if value.utcoffset() != timedelta():
        try:
            same = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except OverflowError:
            same = example
        raise PlanRefused(field, "is not in UTC", hint=f"write {same}")
    if value.microsecond:
        raise PlanRefused(field, "has a fraction of a second", hint=f"write whole seconds, such as {example}")
    return value.astimezone(UTC)


def _typed(value: object, kind: type[T], field: str, hint: str) -> T:
    # In Python true and false are numbers too; in a plan they are not.
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise PlanRefused(field, f"is {_NAMES[type(value)]}, not {_NAMES[kind]}", hint=hint)
