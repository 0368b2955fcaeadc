"""The syntax tree of a module as a list, and the full names of what its code uses."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_MODULE = 0
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BUILTINS = ("builtins.", "__builtins__.", "__builtin__.")
_IMPORTERS = frozenset({"__import__", "importlib.import_module", "importlib.__import__"})
_LOOKUPS = frozenset({"getattr", "operator.attrgetter"})
_DEEPEST_NAME = 20


@dataclass(frozen=True, slots=True)
class Placed:
    """A node of the tree, and the function that it is in: a number, 0 for none.

    `inner` is the number of the function that it is, or that it is in.
    """

    node: ast.AST
    scope: int
    inner: int


@dataclass(frozen=True, slots=True)
class Syntax:
    """The nodes of a module, and what the names in it stand for: `sp` for `subprocess`."""

    nodes: tuple[Placed, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    def name_of(self, node: ast.AST) -> str:
        """Return the full name of an expression, such as `os.system`; empty if it has none.

        The usual detours are followed: other names, `__import__("os")`, `getattr(os, "system")`.
        """
        name = self._name_of(node, _DEEPEST_NAME)
        prefix = next((one for one in _BUILTINS if name.startswith(one)), "")
        return name.removeprefix(prefix)

    def _name_of(self, node: ast.AST, deepest: int) -> str:
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if not deepest:
            return ""
        if isinstance(node, ast.Attribute):
            return self._joined(node.value, node.attr, deepest)
        if isinstance(node, ast.Subscript):
            return self._joined(node.value, constant_text(node.slice), deepest)
        return self._name_of_call(node, deepest) if isinstance(node, ast.Call) else ""

    def _name_of_call(self, call: ast.Call, deepest: int) -> str:
        function = self._name_of(call.func, deepest - 1)
        texts = [constant_text(argument) for argument in call.args]
        if function in _IMPORTERS and texts[:1]:
            return texts[0]
        if function in _LOOKUPS and len(texts) > 1:
            return self._joined(call.args[0], texts[1], deepest)
        return ""

    def _joined(self, value: ast.AST, attribute: str, deepest: int) -> str:
        before = self._name_of(value, deepest - 1)
        return f"{before}.{attribute}" if before and attribute else ""


def read_syntax(tree: ast.Module) -> Syntax:
    """Return the nodes and the names of a module."""
    nodes = tuple(_placed(tree))
    names: dict[str, str] = {}
    for one in nodes:
        names.update(_imported_by(one.node))
    for one in nodes:
        if isinstance(one.node, _DEFINITIONS):
            names.setdefault(one.node.name, f".{one.node.name}")
    syntax = Syntax(nodes, names)
    for one in nodes:
        names.update(_renamed_by(one.node, syntax))
    return syntax


def constant_text(node: ast.AST) -> str:
    """Return a text that is written down, also in a few parts; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = node.left, node.right
        if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
            return constant_text(left) + constant_text(right)
    return ""


def _placed(tree: ast.Module) -> Iterator[Placed]:
    waiting: list[tuple[ast.AST, int]] = [(tree, _MODULE)]
    functions = _MODULE
    while waiting:
        node, scope = waiting.pop()
        functions += isinstance(node, _SCOPES)
        inner = functions if isinstance(node, _SCOPES) else scope
        yield Placed(node, scope, inner)
        children = [(child, inner) for child in ast.iter_child_nodes(node)]
        waiting.extend(reversed(children))


def _imported_by(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for one in node.names:
            yield (one.asname, one.name) if one.asname else (_top(one.name), _top(one.name))
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        for one in node.names:
            yield one.asname or one.name, f"{module}.{one.name}"


def _top(name: str) -> str:
    return name.partition(".")[0]


def _renamed_by(node: ast.AST, syntax: Syntax) -> Iterator[tuple[str, str]]:
    """Yield names that stand for something with a name: `run = os.system`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return
    name = syntax.name_of(node.value)
    if name and name != node.targets[0].id and node.targets[0].id not in syntax.names:
        yield node.targets[0].id, name
