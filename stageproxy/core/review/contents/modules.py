"""What is to be known of one file: what its code can do, and what shows in its text."""

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from stageproxy.core.review.contents.build_scripts import build_commands_in, build_system_in
from stageproxy.core.review.contents.capabilities import capabilities_in
from stageproxy.core.review.contents.decoding import decodes, decoding_threats
from stageproxy.core.review.contents.hidden_text import FAR_CODE, far_lines, hidden_in
from stageproxy.core.review.contents.literals import encoded_literals
from stageproxy.core.review.contents.secrets import secrets_in
from stageproxy.core.review.contents.syntax import Syntax, read_syntax

LONGEST_MODULE = 512 * 2**10
"""How many bytes a module may have to be parsed: its tree takes a hundred times as much."""

DECODES = "decodes data"
IMPORT_LINE = "import line"
_IMPORT_STARTS = ("import ", "import\t")
_FAR_COLUMN = 100
_TOO_LONG = f"it is longer than {LONGEST_MODULE // 2**10} KiB"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of the contents of a file, each with the first line of it.

    `capabilities` and `threats` are of a module; `signs` show in any text. `not_read` is why a
    module has no syntax tree.
    """

    capabilities: tuple[tuple[str, int], ...] = ()
    threats: tuple[tuple[str, int], ...] = ()
    signs: tuple[tuple[str, int], ...] = ()
    not_read: str = ""


def read_text(path: str, content: bytes) -> FileFacts:
    """Return what shows in a file that is no module."""
    signs = dict(secrets_in(content))
    if path.endswith(".pth"):
        signs |= _import_line_in(content)
    if path == "pyproject.toml":
        signs |= build_system_in(content)
    return FileFacts(signs=_sorted(signs))


def _import_line_in(content: bytes) -> dict[str, int]:
    """Return the first line of a `.pth` file that Python runs, by the lines that Python sees."""
    lines = content.decode("utf-8-sig", "replace").splitlines()
    found = [number for number, line in enumerate(lines, 1) if line.startswith(_IMPORT_STARTS)]
    return {IMPORT_LINE: found[0]} if found else {}


def read_module(path: str, content: bytes) -> FileFacts:
    """Return what a module can do."""
    hidden, signs = hidden_in(content), _sorted(secrets_in(content))
    try:
        syntax = _parsed(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return FileFacts(threats=_sorted(hidden), signs=signs, not_read=_why(error, content))
    capabilities = dict(capabilities_in(syntax))
    if path == "setup.py":
        capabilities |= build_commands_in(syntax)
    threats = {**hidden, **decoding_threats(syntax), **encoded_literals(syntax)}
    threats |= _far_code(content, syntax) | _decoding_in(syntax)
    return FileFacts(_sorted(capabilities), _sorted(threats), signs)


def _parsed(content: bytes) -> Syntax:
    if len(content) > LONGEST_MODULE:
        raise ValueError(_TOO_LONG)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_syntax(ast.parse(content))


def _why(error: Exception, content: bytes) -> str:
    if len(content) > LONGEST_MODULE:
        return _TOO_LONG
    return (
        "it is no Python that this server knows"
        if isinstance(error, SyntaxError)
        else ("it is nested too deeply, or has what Python does not read")
    )


def _far_code(content: bytes, syntax: Syntax) -> dict[str, int]:
    """Return the first line with code after a wide gap. Texts and data may have gaps."""
    lines = set(far_lines(content))
    if not lines:
        return {}
    found = [
        one.node.lineno
        for one in syntax.nodes
        if isinstance(one.node, ast.Call | ast.Import | ast.ImportFrom)
        and one.node.lineno in lines
        and one.node.col_offset >= _FAR_COLUMN
    ]
    return {FAR_CODE: min(found)} if found else {}


def _decoding_in(syntax: Syntax) -> dict[str, int]:
    found = [
        one.node.lineno
        for one in syntax.nodes
        if isinstance(one.node, ast.Call) and decodes(one.node, syntax)
    ]
    return {DECODES: min(found)} if found else {}


def _sorted(found: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(found.items()))
