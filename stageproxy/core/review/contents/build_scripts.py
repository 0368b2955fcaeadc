"""What building an sdist runs besides its backend: commands of setup.py, backends of its own."""

import ast
import tomllib
from collections.abc import Iterator, Mapping

from stageproxy.core.review.contents.syntax import Syntax, constant_text

COMMAND = "build command "
BACKEND = "build backend "
BACKEND_PATH = "build backend in "
DIRECT_REQUIREMENT = "direct build requirement "
_COMMANDS = ("setuptools.command.", "distutils.command.", "wheel.bdist_wheel.")
_SETUP = frozenset({"setuptools.setup", "distutils.core.setup", "setup"})
_LONGEST_NAME = 100


def build_commands_in(syntax: Syntax) -> Mapping[str, int]:
    """Return the commands of setuptools that a setup.py replaces, each with its line."""
    found: dict[str, int] = {}
    for one in syntax.nodes:
        for name, line in _commands_of(one.node, syntax):
            found.setdefault(f"{COMMAND}{name}"[:_LONGEST_NAME], line)
    return found


def build_system_in(content: bytes) -> Mapping[str, int]:
    """Return what pyproject.toml says of how the sdist is built, if that can be read."""
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        return {}
    system = document.get("build-system")
    if not isinstance(system, dict):
        return {}
    return {name[:_LONGEST_NAME]: 1 for name in _facts_of(system)}


def _facts_of(system: Mapping[str, object]) -> Iterator[str]:
    backend, paths, requires = (
        system.get(key, "") for key in ("build-backend", "backend-path", "requires")
    )
    if backend:
        yield f"{BACKEND}{backend}"
    if isinstance(paths, list):
        yield from (f"{BACKEND_PATH}{path}" for path in paths)
    if isinstance(requires, list):
        yield from (
            f"{DIRECT_REQUIREMENT}{str(one).partition('@')[0].strip()}"
            for one in requires
            if "://" in str(one)
        )


def _commands_of(node: ast.AST, syntax: Syntax) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.ClassDef):
        for base in node.bases:
            name = syntax.name_of(base)
            if name.startswith(_COMMANDS):
                yield name.rpartition(".")[2], node.lineno
    if isinstance(node, ast.Call) and syntax.name_of(node.func) in _SETUP:
        for keyword in node.keywords:
            if keyword.arg == "cmdclass" and isinstance(keyword.value, ast.Dict):
                keys = [key for key in keyword.value.keys if key is not None]
                yield from ((constant_text(key) or "(computed)", key.lineno) for key in keys)
