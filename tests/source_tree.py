# SPDX-License-Identifier: Apache-2.0
"""The program's source as syntax trees: its modules, classes, functions and calls, and small questions about them.

`tests.source_texts` asks them to follow a text to where it is written; nothing here runs the program.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HOLE = "…"
FOREIGN = {
    "shown(line, _LONGEST)": "what another program of the system said, in its own words",
    "room.journal.past.out.get(role)": "the message of an error that the log recorded",
    "a.found.fault.message": "what broke the chain is listed where the log is read",
    "finding.text": "what the audit found is listed where the audit says it",
}
"""Expressions whose words are not made there, each with the reason."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Step = int | str
At = tuple[Step, ...]
"""Where to look inside a value: an index of a tuple, `*` for each element, `values`, `items`, or `.field`."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text that an expression can be, and where it stands."""

    text: str
    place: str
    passed_on: bool = False
    """Whether words are in it that were listed where they are made, or are not the program's."""


NOT_KNOWN = Text(HOLE, "")


def joined(parts: Sequence[Text], place: str) -> Text:
    """Return one text of several."""
    return Text("".join(part.text for part in parts), place, any(part.passed_on for part in parts))


def letters(text: str) -> int:
    """Return how many letters a text has of its own."""
    return sum(char.isalpha() for char in text)


def tidy(text: str) -> str:
    """Return a template as it is listed: holes that touch are one, and a subject in front is no part of it."""
    text = re.sub(f"{HOLE}+", HOLE, " ".join(text.split()))
    return re.sub(f"^(?:{HOLE}: )+", "", text)


class Unknown(Exception):
    """An expression whose text cannot be told from the source."""


@dataclass(slots=True)
class Module:
    """A file, its tree, and what it takes from elsewhere: name → (module, name there)."""

    name: str
    path: str
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    functions: dict[str, list[Function]] = field(default_factory=dict)
    handed_on: set[str] = field(default_factory=set)
    """Names of what is used as a value, not called."""

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside outwards."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def place(self, node: ast.AST) -> str:
        """Return file and line of a node."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


class Program:
    """All modules below a folder."""

    def __init__(self, root: Path, package: str) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            module = Module(name, str(path.relative_to(root)), ast.parse(path.read_text(), str(path)))
            for node in ast.walk(module.tree):
                module.parents.update((child, node) for child in ast.iter_child_nodes(node))
                if isinstance(node, Function):
                    module.functions.setdefault(node.name, []).append(node)
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        module.imports[alias.asname or alias.name] = (node.module or "", alias.name)
            module.handed_on = {found for node in ast.walk(module.tree) if (found := handed_on(module, node))}
            self.modules[name] = module
        self.calls: dict[str, list[tuple[Module, ast.Call]]] = {}
        self.classes: dict[str, list[tuple[Module, ast.ClassDef]]] = {}
        for module in self.modules.values():
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    self.calls.setdefault(called(node), []).append((module, node))
                elif isinstance(node, ast.ClassDef):
                    self.classes.setdefault(node.name, []).append((module, node))

    def functions(self, module: Module, node: ast.Call) -> list[tuple[Module, Function]]:
        """Return the functions of the program that a call can mean."""
        name = called(node)
        where = module
        if isinstance(node.func, ast.Name) and name in module.imports:
            origin, name = module.imports[name]
            if origin not in self.modules:
                return []
            where = self.modules[origin]
        elif isinstance(node.func, ast.Attribute):
            base = node.func.value
            if isinstance(base, ast.Name) and base.id in module.imports:
                full = ".".join(module.imports[base.id])
                if full in self.modules:
                    return [(self.modules[full], each) for each in functions_of(self.modules[full], name)]
            if not is_self(base):
                return [(each, one) for each in self.modules.values() for one in functions_of(each, name) if in_class(each, one)]
            owners = [up for up in module.up(node) if isinstance(up, ast.ClassDef)]
            return [(where, each) for each in functions_of(where, name) if module.parents[each] in owners]
        return [(where, each) for each in functions_of(where, name) if not in_class(where, each)]

    def means(self, where: Module, call: ast.Call, module: Module, function: Function) -> bool:
        if function.name == "__init__":
            return True
        if in_class(module, function):
            if not isinstance(call.func, ast.Attribute):
                return False
            owners = [up for up in where.up(call) if isinstance(up, ast.ClassDef)]
            if is_self(call.func.value):
                return module.parents[function] in owners
            return fits(call, function)
        return any(one is function for _, one in self.functions(where, call))


def called(node: ast.Call) -> str:
    """Return the last name of what is called."""
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def called_as(module: Module, function: Function) -> str:
    """Return the name under which a function is called: a constructor's is its class's."""
    owner = module.parents[function]
    return owner.name if function.name == "__init__" and isinstance(owner, ast.ClassDef) else function.name


def in_class(module: Module, function: Function) -> bool:
    """Tell whether a function is a method."""
    return isinstance(module.parents[function], ast.ClassDef)


def is_static(function: Function) -> bool:
    """Tell whether a method takes no instance."""
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list)


def functions_of(module: Module, name: str) -> list[Function]:
    """Return the functions of a module with that name."""
    return module.functions.get(name, [])


def handed_on(module: Module, node: ast.AST) -> str:
    """Return the name that is used here as a value, if any: then not every call of a function of that name is seen."""
    if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        return ""
    up = module.parents.get(node)
    return "" if isinstance(up, ast.Call) and up.func is node else node.id


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or module, without those of the functions in it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            yield from own_nodes(child)


def parameters(function: Function) -> list[str]:
    """Return the names of the parameters, in order."""
    known = function.args
    return [each.arg for each in (*known.posonlyargs, *known.args, *known.kwonlyargs)]


def default(function: Function, name: str) -> tuple[ast.expr, At] | None:
    """Return what a parameter is when nobody gives it."""
    known = function.args
    positional = [*known.posonlyargs, *known.args]
    for each, value in zip(reversed(positional), reversed(known.defaults), strict=False):
        if each.arg == name:
            return value, ()
    for each, given in zip(known.kwonlyargs, known.kw_defaults, strict=True):
        if each.arg == name and given is not None:
            return given, ()
    return None


def argument(call: ast.Call, index: int, name: str) -> tuple[ast.expr, At] | None:
    """Return an argument of a call, by its place or name, and where in it to look; None where it is not given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value, ()
    for i, each in enumerate(call.args):
        if isinstance(each, ast.Starred):
            return each.value, (index - i,)
        if i == index:
            return each, ()
    return None


def fields(owner: ast.ClassDef) -> list[str]:
    """Return the fields of a dataclass, in order."""
    return [each.target.id for each in owner.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]


def target(node: ast.expr, name: str) -> At | None:
    """Return where in a value an assignment's name finds its own part; None where it is another name."""
    if isinstance(node, ast.Name):
        return () if node.id == name else None
    if isinstance(node, ast.Tuple | ast.List):
        for i, each in enumerate(node.elts):
            inner = target(each, name)
            if inner is not None:
                return (i, *inner)
    return None


def may_be_empty(node: ast.expr) -> bool:
    """Tell whether a choice has nothing as one of its answers."""
    return isinstance(node, ast.IfExp) and any(
        isinstance(each, ast.Constant) and each.value == "" for each in (node.body, node.orelse)
    )


def is_message(module: Module, node: ast.expr) -> bool:
    """Tell whether this is the message of an error that was made elsewhere, and is only passed on."""
    if not (isinstance(node, ast.Attribute) and node.attr == "message" and isinstance(node.value, ast.Name)):
        return False
    name = node.value.id
    for scope in module.up(node):
        if isinstance(scope, ast.ExceptHandler) and scope.name == name:
            return True
        if isinstance(scope, Function):
            known = scope.args
            for each in (*known.posonlyargs, *known.args, *known.kwonlyargs):
                if each.arg == name and each.annotation is not None:
                    return ast.unparse(each.annotation).removesuffix(" | None").endswith(("Error", "Refused"))
    return False


def is_self(node: ast.expr) -> bool:
    """Tell whether this is the instance or class that a method was called on."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def fits(call: ast.Call, function: Function) -> bool:
    """Tell whether a call of a method gives what this one takes: several classes may have one of that name."""
    names = parameters(function)[0 if is_static(function) else 1 :]
    named = [keyword.arg for keyword in call.keywords if keyword.arg]
    if len(call.args) > len(names) - len(function.args.kwonlyargs) or not set(named) <= set(names):
        return False
    left = set(names[len(call.args) :]) - set(named)
    return all(default(function, name) is not None for name in left)


def bindings(module: Module, scope: Function | ast.Module, name: str) -> Iterator[tuple[ast.expr, At]]:
    """Yield every value that a name of a scope is given, and where in it the name's own part is; raises Unknown."""
    for node in own_nodes(scope):
        pairs: list[tuple[ast.expr, ast.expr, At]] = []
        if isinstance(node, ast.Assign):
            pairs = [(each, node.value, ()) for each in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            pairs = [(node.target, node.value, ())]
        elif isinstance(node, ast.For):
            pairs = [(node.target, node.iter, ("*",))]
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            pairs = [(node.optional_vars, node.context_expr, ("as",))]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs) and node.name == name:
            raise Unknown(f"{module.place(node)}: is known only when the program runs: {name}")
        for each, value, before in pairs:
            path = target(each, name)
            if path is not None:
                yield value, (*before, *path)
