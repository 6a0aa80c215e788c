# SPDX-License-Identifier: Apache-2.0
"""Reads what a text in the program's source can be, without running it.

`Reader.texts` follows an expression to the literals that it can be: through names, parameters
(to each call), tables, loops, fields of dataclasses and what functions return. Whatever is only
known when the program runs is `…`. Raises `Unknown` for an expression that it cannot follow:
nothing is left out in silence.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import replace

from tests.source_tree import (
    FOREIGN,
    HOLE,
    NOT_KNOWN,
    At,
    Function,
    Module,
    Program,
    Step,
    Text,
    Unknown,
    argument,
    bindings,
    called,
    called_as,
    default,
    fields,
    in_class,
    is_message,
    is_static,
    joined,
    letters,
    may_be_empty,
    own_nodes,
    parameters,
    target,
)

_SHORT = 14
"""Letters below which a text says too little by itself: what is put into it is followed too."""
_DEEP = 24
_NEAR = 7
_MOST = 16
_METHODS = ("format", "get", "items", "values", "removeprefix", "removesuffix", "strip", "rstrip")
_BUILT_IN = ("next", "dict", "tuple", "sorted", "list")


class Reader:
    """Follows the texts of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._under_way: set[tuple[ast.expr, At]] = set()

    def texts(self, module: Module, node: ast.expr, at: At = (), depth: int = 0) -> list[Text]:
        """Return each text that an expression can be, or what it holds `at` a place; raises Unknown."""
        follow = getattr(self, "_at_" + type(node).__name__.lower(), None)
        if follow is None or depth > _DEEP:
            raise Unknown(f"{module.place(node)}: cannot be followed: {ast.unparse(node)}")
        if isinstance(node, ast.Call | ast.Attribute) and ast.unparse(node) in FOREIGN:
            return [Text(HOLE, module.place(node), passed_on=True)]
        key = (node, at)
        if key in self._under_way:
            return []  # what it is besides itself is found by whoever asked first
        self._under_way.add(key)
        try:
            found: list[Text] = follow(module, node, at, depth + 1)
        finally:
            self._under_way.discard(key)
        return list(dict.fromkeys(found))

    def _any(self, module: Module, nodes: list[ast.expr], at: At, depth: int) -> list[Text]:
        return [text for node in nodes for text in self.texts(module, node, at, depth)]

    def _at_constant(self, module: Module, node: ast.Constant, at: At, depth: int) -> list[Text]:
        if node.value is None or node.value == "":  # "no message" is none
            return []
        if at or not isinstance(node.value, str):
            raise Unknown(f"{module.place(node)}: is no text: {ast.unparse(node)}")
        return [Text(node.value, module.place(node))]

    def _at_joinedstr(self, module: Module, node: ast.JoinedStr, at: At, depth: int) -> list[Text]:
        own = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        parts: list[list[Text]] = []
        for i, part in enumerate(node.values):
            said = parts[-1][0].text if parts else ""
            why = i == len(node.values) - 1 and said.endswith(": ")  # a reason is what people search for
            if isinstance(part, ast.Constant):
                parts.append([Text(str(part.value), "")])
            elif isinstance(part, ast.FormattedValue) and (why or letters(own) < _SHORT):
                parts.append(self._inside(module, part.value, depth))
            else:
                parts.append([NOT_KNOWN])
        # Every kind of value against every other one says nothing more.
        while sum(len(part) > 1 for part in parts) > 1 and math.prod(map(len, parts)) > _MOST:
            longest = max(parts, key=len)
            parts[parts.index(longest)] = [NOT_KNOWN]
        return [joined(each, module.place(node)) for each in itertools.product(*parts)]

    def _inside(self, module: Module, node: ast.expr, depth: int) -> list[Text]:
        """Return what is put into a text that says too little without it; a hole where that is only known later."""
        try:
            found = self.texts(module, node, (), max(depth, _DEEP - _NEAR))
        except Unknown:
            return [NOT_KNOWN]
        empty = [Text("", "")] if may_be_empty(node) else []
        said = any(" " in text.text for text in found)
        if any(text.passed_on for text in found) and not said:
            return [Text(HOLE, "", passed_on=True)]
        return found + empty if said else [NOT_KNOWN]

    def _at_binop(self, module: Module, node: ast.BinOp, at: At, depth: int) -> list[Text]:
        if not isinstance(node.op, ast.Add):
            raise Unknown(f"{module.place(node)}: cannot be followed: {ast.unparse(node)}")
        if at:
            return self._any(module, [node.left, node.right], at, depth)
        left = self.texts(module, node.left, at, depth)
        right = self._inside(module, node.right, depth)
        return [joined((one, other), one.place) for one in left for other in right]

    def _at_ifexp(self, module: Module, node: ast.IfExp, at: At, depth: int) -> list[Text]:
        return self._any(module, [node.body, node.orelse], at, depth)

    def _at_boolop(self, module: Module, node: ast.BoolOp, at: At, depth: int) -> list[Text]:
        return self._any(module, list(node.values), at, depth)

    def _at_namedexpr(self, module: Module, node: ast.NamedExpr, at: At, depth: int) -> list[Text]:
        return self.texts(module, node.value, at, depth)

    def _at_starred(self, module: Module, node: ast.Starred, at: At, depth: int) -> list[Text]:
        return self.texts(module, node.value, ("*", *at), depth)

    def _at_tuple(self, module: Module, node: ast.Tuple | ast.List | ast.Set, at: At, depth: int) -> list[Text]:
        if not at:
            raise Unknown(f"{module.place(node)}: is no text: {ast.unparse(node)}")
        first, rest = at[0], at[1:]
        if isinstance(first, int):
            return self.texts(module, node.elts[first], rest, depth)
        found = []
        for element in node.elts:
            inner = at if isinstance(element, ast.Starred) else rest
            found += self.texts(module, element.value if isinstance(element, ast.Starred) else element, inner, depth)
        return found

    _at_list = _at_set = _at_tuple

    def _at_dict(self, module: Module, node: ast.Dict, at: At, depth: int) -> list[Text]:
        whole = at[:2] == ("items", 1)
        if not whole and (not at or not (at[0] == "values" or isinstance(at[0], int))):
            raise Unknown(f"{module.place(node)}: is no text: {ast.unparse(node)}")
        found = []
        for key, value in zip(node.keys, node.values, strict=True):
            found += self.texts(module, value, at if key is None else at[2 if whole else 1 :], depth)
        return found

    def _at_generatorexp(self, module: Module, node: ast.GeneratorExp | ast.ListComp, at: At, depth: int) -> list[Text]:
        if not at or at[0] != "*":
            raise Unknown(f"{module.place(node)}: is no text: {ast.unparse(node)}")
        return self.texts(module, node.elt, at[1:], depth)

    _at_listcomp = _at_generatorexp

    def _at_subscript(self, module: Module, node: ast.Subscript, at: At, depth: int) -> list[Text]:
        index = node.slice
        if isinstance(index, ast.Slice):
            return self.texts(module, node.value, at, depth)
        step: Step = index.value if isinstance(index, ast.Constant) and isinstance(index.value, int) else "values"
        return self.texts(module, node.value, (step, *at), depth)

    def _at_attribute(self, module: Module, node: ast.Attribute, at: At, depth: int) -> list[Text]:
        if is_message(module, node):
            return [Text(HOLE, module.place(node), passed_on=True)]
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            owner = next(up for up in module.up(node) if isinstance(up, ast.ClassDef))
            if node.attr in fields(owner):
                return self._of_field(module, owner, node.attr, at, depth)
            kept = [
                up.value
                for up in ast.walk(owner)
                if isinstance(up, ast.Assign) and any(ast.unparse(target) == f"self.{node.attr}" for target in up.targets)
            ]
            if kept:
                return self._any(module, kept, at, depth)
        appended = self._appended(module, f".{node.attr}.append", ast.walk(module.tree), at, depth)
        return appended or self.texts(module, node.value, (f".{node.attr}", *at), depth)

    def _appended(self, module: Module, ending: str, nodes: Iterable[ast.AST], at: At, depth: int) -> list[Text]:
        """Return what is put into a list later; nothing when it is not looked into."""
        calls = [node for node in (nodes if at else ()) if isinstance(node, ast.Call) and called(node) == "append"]
        given = [call.args[0] for call in calls if ast.unparse(call.func).endswith(ending)]
        return self._any(module, given, at[1:], depth)

    def _of_field(self, module: Module, owner: ast.ClassDef, name: str, at: At, depth: int) -> list[Text]:
        """Return what a field of a dataclass is given, wherever one is made."""
        found = []
        for where, call in self.program.calls.get(owner.name, []):
            given = argument(call, fields(owner).index(name), name)
            if given is not None:
                found += self.texts(where, given[0], (*given[1], *at), depth)
        return found

    def _at_call(self, module: Module, node: ast.Call, at: At, depth: int) -> list[Text]:
        if isinstance(node.func, ast.Attribute) and called(node) in _METHODS:
            return self._of_method(module, node, node.func.value, at, depth)
        if isinstance(node.func, ast.Name) and node.func.id in _BUILT_IN and node.args:
            return self._any(module, node.args, ("*", *at) if node.func.id == "next" else at, depth)
        if called(node) in self.program.classes and at and str(at[0]).startswith("."):
            return self._of_instance(module, node, at, depth)
        functions = self.program.functions(module, node)
        if not functions:
            raise Unknown(f"{module.place(node)}: cannot be followed: {ast.unparse(node)}")
        return [text for where, function in functions for text in self.returned(where, function, at, depth)]

    def _of_method(self, module: Module, node: ast.Call, of: ast.expr, at: At, depth: int) -> list[Text]:
        """Return what a method of a text or table gives."""
        name = called(node)
        if name == "format":
            return [replace(text, text=re.sub(r"\{[^}]*\}", HOLE, text.text)) for text in self.texts(module, of, at, depth)]
        if name == "get":
            return self.texts(module, of, ("values", *at), depth) + self._any(module, node.args[1:], at, depth)
        if name in ("items", "values"):
            return self.texts(module, of, (name, *at[1:]), depth)
        return self.texts(module, of, at, depth)

    def _of_instance(self, module: Module, node: ast.Call, at: At, depth: int) -> list[Text]:
        """Return what a dataclass is given for a field, where it is made."""
        known, name = fields(self.program.classes[called(node)][0][1]), str(at[0])[1:]
        if name not in known:
            raise Unknown(f"{module.place(node)}: cannot be followed: {ast.unparse(node)}.{name}")
        given = argument(node, known.index(name), name)
        return self.texts(module, given[0], (*given[1], *at[1:]), depth) if given else []

    def returned(self, module: Module, function: Function, at: At, depth: int) -> list[Text]:
        """Return each text that a function returns, or what it holds `at` a place; raises Unknown."""
        found: list[Text] = []
        for node in own_nodes(function):
            if isinstance(node, ast.Return) and node.value is not None:
                found += self.texts(module, node.value, at, depth)
            elif isinstance(node, ast.Yield) and node.value is not None and at[:1] == ("*",):
                found += self.texts(module, node.value, at[1:], depth)
            elif isinstance(node, ast.YieldFrom) and at[:1] == ("*",):
                found += self.texts(module, node.value, at, depth)
        return found

    def _at_name(self, module: Module, node: ast.Name, at: At, depth: int) -> list[Text]:
        for scope in module.up(node):
            if isinstance(scope, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
                for generator in scope.generators:
                    path = target(generator.target, node.id)
                    if path is not None:
                        return self.texts(module, generator.iter, ("*", *path, *at), depth)
            if isinstance(scope, Function | ast.Module) and self._knows(module, scope, node.id):
                return self._of_scope(module, scope, node.id, at, depth)
        origin, name = module.imports.get(node.id, ("", ""))
        there = self.program.modules.get(origin)
        if there is not None and self._knows(there, there.tree, name):
            return self._of_scope(there, there.tree, name, at, depth)
        raise Unknown(f"{module.place(node)}: is known only when the program runs: {node.id}")

    def _knows(self, module: Module, scope: Function | ast.Module, name: str) -> bool:
        is_parameter = isinstance(scope, Function) and name in parameters(scope)
        return is_parameter or next(bindings(module, scope, name), None) is not None

    def _of_scope(self, module: Module, scope: Function | ast.Module, name: str, at: At, depth: int) -> list[Text]:
        """Return what a name of a function or module can be there."""
        found = self._appended(module, f"{name}.append", own_nodes(scope), at, depth)
        for value, path in bindings(module, scope, name):
            found += self.texts(module, value, (*path, *at), depth)
        if isinstance(scope, Function) and name in parameters(scope):
            found += self._given(module, scope, name, at, depth)
        return found

    def _given(self, module: Module, function: Function, name: str, at: At, depth: int) -> list[Text]:
        """Return what a parameter is given, wherever the function is called."""
        names = parameters(function)
        method = in_class(module, function) and not is_static(function)
        index = names.index(name) - (1 if method else 0)
        wanted = called_as(module, function)
        found: list[Text] = []
        calls = 0
        for where, call in self.program.calls.get(wanted, []):
            if not self.program.means(where, call, module, function):
                continue
            calls += 1
            given = argument(call, index, name) or default(function, name)
            if given is None:
                raise Unknown(f"{where.place(call)}: does not say what {name} is")
            owner = where if given[0] in where.parents else module
            found += self.texts(owner, given[0], (*given[1], *at), depth)
        if not calls or function.name in module.handed_on:
            raise Unknown(f"{module.place(function)}: is called where it cannot be followed: {function.name}")
        return found
