# SPDX-License-Identifier: Apache-2.0
"""Every error message of the program, as a template, read from its source.

A template is the literal text, with `…` for whatever is put into it, without the subject that
the error's class sets before it (`plan field: `, `token 123: `). An error whose message cannot
be told from the source fails with its place: nobody can add one that escapes.

As a script, `python -m tests.messages --missing` prints the templates that have no
section in docs/when-it-says.md, with their places and hints; `--list` prints all.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.source_texts import Reader
from tests.source_tree import Module, Program, Text, Unknown, argument, called, functions_of, letters, tidy

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "when-it-says.md"
BASES = {
    "CeremonyError": (0, "message"),
    "PlanRefused": (1, "message"),
    "VerificationError": (1, "message"),
    "StorageError": (1, "message"),
    "TokenError": (1, "message"),
    "PlanWarning": (1, "message"),  # `plan check` shows them as it shows refusals
    "Finding": (2, "text"),  # what an audit says of a folder
    "ListedModule": (2, "problem"),
    "ListedYubiKeys": (1, "problem"),
    "ListedYubiKey": (6, "problem"),
    "UsageError": (0, "message"),
    "BadParameter": (0, "message"),
    "ClickException": (0, "message"),
}
"""Where each class takes its message; classes derived from them take it there too."""
LISTS = ("ListedModule", "ListedYubiKeys", "ListedYubiKey")
"""Made mostly without a problem."""
_FEW = 8
"""Letters before words that are passed on: no more than `its` or `certificate`."""
REASONS = (
    ("ceremony.core.media_judge", "_why_not_disk"),
    ("ceremony.core.media_judge", "_why_not_node"),
    ("ceremony.core.media_judge", "_why_not_mounts"),
    ("ceremony.core.media_judge", "_why_not_space"),
    ("ceremony.steps.volumes", "why_not"),
)
"""Functions that return why a medium cannot serve: it stands beside the medium on the screen, and at the end of an error."""
ENDINGS = ("_ending", "_unexpected")
"""Functions of `ceremony.cli.main` that return a sentence for whatever else ended a command."""


@dataclass(frozen=True, slots=True)
class Message:
    """A template, where it stands, and the source of its hint."""

    template: str
    place: str
    hint: str


def derived(program: Program) -> dict[str, tuple[int, str]]:
    """Return every class of an error, with the place of its message."""
    found = dict(BASES)
    grown = True
    while grown:
        grown = False
        for name, places in program.classes.items():
            bases = [each.id for _, owner in places for each in owner.bases if isinstance(each, ast.Name) and each.id in found]
            if bases and name not in found:
                found[name] = found[bases[0]]
                grown = True
    return found


def makes_its_own(owner: ast.ClassDef) -> bool:
    """Tell whether a class has a constructor of its own."""
    return any(isinstance(each, ast.FunctionDef) and each.name == "__init__" for each in owner.body)


def made(program: Program) -> Iterator[tuple[Module, ast.Call, tuple[int, str]]]:
    """Yield each call that makes an error, and where its message is."""
    for name, where in derived(program).items():
        own = [(module, each) for module, each in program.classes.get(name, []) if makes_its_own(each)]
        if own and name not in BASES:  # what it hands up is its message
            module, owner = own[0]
            calls = [each for each in ast.walk(owner) if isinstance(each, ast.Call)]
            yield from ((module, each, where) for each in calls if ast.unparse(each.func) == "super().__init__")
            continue
        for module, call in program.calls.get(name, []):
            good_news = bool(call.args) and ast.unparse(call.args[0]) == "Level.OK"
            if not good_news and (name not in LISTS or argument(call, *where) is not None):
                yield module, call, where


def texts_of(reader: Reader, module: Module, call: ast.Call, where: tuple[int, str]) -> list[Text]:
    """Return the messages of one call that makes an error; raises Unknown."""
    given = argument(call, *where)
    if given is None:
        raise Unknown(f"{module.place(call)}: has no message: {ast.unparse(call)}")
    told, found = [], reader.texts(module, *given)
    if not found:
        raise Unknown(f"{module.place(call)}: leads to no text: {ast.unparse(given[0])}")
    for text in found:
        own = letters(text.text)
        if own > (_FEW if text.passed_on else 0):
            told.append(text)
        elif not text.passed_on:
            raise Unknown(f"{module.place(call)}: has no words of its own: {ast.unparse(given[0])}")
    return told


def hint_of(reader: Reader, module: Module, call: ast.Call) -> str:
    """Return what can be told of an error's hint."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "hint"), None)
    if given is None:
        return ""
    try:
        return " | ".join(dict.fromkeys(text.text for text in reader.texts(module, given)[:4]))
    except Unknown:
        return ast.unparse(given)


def endings(reader: Reader) -> Iterator[Message]:
    """Yield what the command line says of what is no error of ours."""
    module = reader.program.modules["ceremony.cli.main"]
    for function in (each for name in ENDINGS for each in functions_of(module, name)):
        for node in ast.walk(function):
            said = node.value.elts[0] if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) else None
            if isinstance(said, ast.Constant | ast.JoinedStr):
                yield from (Message(tidy(text.text), text.place, "") for text in reader.texts(module, said))


def renamed(program: Program) -> Iterator[str]:
    """Yield each place where a class of errors gets another name or is handed on: whoever makes one there could not be seen."""
    classes = derived(program)
    for module in program.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom):
                names = [each.name for each in node.names if each.name in classes and each.asname not in (None, each.name)]
                yield from (f"{module.place(node)}: gives {name} another name" for name in names)
            elif isinstance(node, ast.Name) and node.id in classes and isinstance(node.ctx, ast.Load):
                up = module.parents[node]
                asks = isinstance(up, ast.Call) and (up.func is node or called(up) in ("isinstance", "issubclass", "suppress"))
                if isinstance(up, ast.Call | ast.Assign | ast.keyword | ast.IfExp | ast.Return | ast.Lambda) and not asks:
                    yield f"{module.place(node)}: hands {node.id} on"


def reasons(reader: Reader) -> Iterator[Message]:
    """Yield why a medium cannot serve."""
    for name, function in REASONS:
        module = reader.program.modules[name]
        for each in functions_of(module, function):
            for text in reader.returned(module, each, (), 0):
                yield Message(tidy(text.text), text.place, "")


def collect(program: Program) -> tuple[list[Message], list[str]]:
    """Return the message of every error that a program makes, once for each place, and what could not be followed."""
    reader = Reader(program)
    found: list[Message] = []
    unknown = list(renamed(program))
    for module, call, where in made(program):
        try:
            texts = texts_of(reader, module, call, where)
        except Unknown as error:
            unknown.append(f"{module.place(call)}: its message cannot be told: {error}")
            continue
        hint = hint_of(reader, module, call) if texts else ""
        found += [Message(tidy(text.text), text.place, hint) for text in texts]
    return found, unknown


def everything(program: Program) -> tuple[list[Message], list[str]]:
    """Return all that the program says when something is wrong, by place, and what could not be followed."""
    found, unknown = collect(program)
    reader = Reader(program)
    found += [*endings(reader), *reasons(reader)]
    return list(dict.fromkeys(sorted(found, key=by_place))), unknown


def by_place(message: Message) -> tuple[str, int, str]:
    """Return what sorts messages by file and line."""
    path, _, line = message.place.rpartition(":")
    return path, int(line), message.template


def listed(page: str) -> list[tuple[str, list[str], str]]:
    """Return the sections of the page: heading, the messages that stand in its code block, and its own text."""
    found = []
    for part in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        heading, _, rest = part.partition("\n")
        section = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
        blocks = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        text = re.sub(r"^```.*?^```$", "", section, flags=re.MULTILINE | re.DOTALL).strip()
        found.append((heading.strip(), [line for block in blocks for line in block.splitlines()], text))
    return found


def main() -> None:
    """Print the messages without a section (`--missing`), or all (`--list`), and what stands on the page and is none any more."""
    found, unknown = everything(Program(ROOT, "ceremony"))
    page = {line for _, lines, _ in listed(PAGE.read_text()) for line in lines}
    shown = [message for message in found if "--list" in sys.argv or message.template not in page]
    said = [f"{message.place}\n    {message.template}\n    hint: {message.hint}" for message in shown]
    gone = sorted(page - {message.template for message in found})
    said += [f"{PAGE.name}: no error says this any more\n    {line}" for line in gone]
    sys.stdout.write("".join(f"{line}\n" for line in (*said, *unknown)))


if __name__ == "__main__":
    main()
