"""Code that decodes data and runs it, as nobody does who wants to be understood."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stageproxy.core.review.contents.capabilities import Capability, capability_of_name
from stageproxy.core.review.contents.syntax import Placed, Syntax, constant_text

DECODED_CODE = "decoded code"
DECODED_COMMAND = "decoded command"
FETCHED_CODE = "fetched code"

_DECODERS = frozenset(
    {
        "base64.b64decode", "base64.b32decode", "base64.b16decode", "base64.b85decode",
        "base64.a85decode", "base64.urlsafe_b64decode", "base64.standard_b64decode",
        "base64.decodebytes", "base64.decodestring", "binascii.unhexlify",
        "binascii.a2b_base64", "binascii.a2b_hex", "binascii.a2b_uu", "zlib.decompress",
        "bz2.decompress", "lzma.decompress", "gzip.decompress", "bytes.fromhex",
        "bytearray.fromhex", "marshal.loads",
    }
)  # fmt: skip
_CODECS = frozenset({"rot13", "rot_13", "rot-13", "hex", "base64", "zip", "zlib", "bz2", "uu"})
_LOOKUP = "getattr"
_RUNNERS = frozenset(
    {
        "exec", "eval", "compile", "__import__", "importlib.import_module", _LOOKUP,
        "types.FunctionType", "types.CodeType", "runpy.run_path",
    }
)  # fmt: skip
_COMPREHENSIONS = (ast.GeneratorExp, ast.ListComp, ast.SetComp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ROUNDS = 3
_LONGEST_DECODER = 5
"""How many statements a function has that is made to decode something."""
_MODULE = 0


@dataclass(slots=True)
class _Decoded:
    """What holds decoded data: names in functions, and functions that return it."""

    syntax: Syntax
    names: set[tuple[int, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    def is_in(self, expression: ast.AST, scope: int) -> bool:
        """Return whether an expression in a function has decoded data."""
        return any(self._is(node, scope) for node in ast.walk(expression))

    def _is(self, node: ast.AST, scope: int) -> bool:
        if isinstance(node, ast.Name):
            return bool({(scope, node.id), (_MODULE, node.id)} & self.names)
        if isinstance(node, ast.Call):
            return decodes(node, self.syntax) or self._is_own_decoder(node.func)
        return isinstance(node, _COMPREHENSIONS) and _makes_characters(node.elt, self.syntax)

    def _is_own_decoder(self, function: ast.AST) -> bool:
        return self.syntax.name_of(function).rpartition(".")[2] in self.functions


def decodes(call: ast.Call, syntax: Syntax) -> bool:
    """Return whether a call decodes or unpacks data."""
    name = syntax.name_of(call.func)
    if name in _DECODERS:
        return True
    if name == "map" and call.args:
        return _makes_characters(call.args[0], syntax)
    is_decode = isinstance(call.func, ast.Attribute) and call.func.attr == "decode"
    return is_decode and any(constant_text(one).lower() in _CODECS for one in call.args)


def decoding_threats(syntax: Syntax) -> Mapping[str, int]:
    """Return whether decoded or fetched data is run, as code or as a command, and its line."""
    calls = [one for one in syntax.nodes if isinstance(one.node, ast.Call)]
    runs = [(kind, one) for one in calls for kind in _kinds_of(one.node, syntax)]
    if not runs:
        return {}
    decoded = _find_decoded(syntax)
    found = _fetched([one.node for kind, one in runs if kind == DECODED_CODE], syntax)
    for kind, one in runs:
        if any(decoded.is_in(argument, one.scope) for argument in _arguments(one.node, syntax)):
            line = getattr(one.node, "lineno", 1)
            found[kind] = min(line, found.get(kind, line))
    return found


def _fetched(runs: Sequence[ast.AST], syntax: Syntax) -> dict[str, int]:
    """Return the first line where what comes from the network is run at once."""
    lines = [
        getattr(run, "lineno", 1)
        for run in runs
        for argument in _arguments(run, syntax)
        for node in ast.walk(argument)
        if isinstance(node, ast.Call)
        and capability_of_name(syntax.name_of(node.func)) is Capability.NETWORK
    ]
    return {FETCHED_CODE: min(lines)} if lines else {}


def _kinds_of(call: ast.AST, syntax: Syntax) -> Iterator[str]:
    if not isinstance(call, ast.Call):
        return
    name = syntax.name_of(call.func)
    if name in _RUNNERS:
        yield DECODED_CODE
    elif capability_of_name(name) is Capability.PROCESS:
        yield DECODED_COMMAND


def _arguments(call: ast.AST, syntax: Syntax) -> list[ast.expr]:
    """Return what a call runs, or looks up."""
    if not isinstance(call, ast.Call):
        return []
    first = 1 if syntax.name_of(call.func) == _LOOKUP else 0
    return [*call.args[first:], *(one.value for one in call.keywords)]


def _makes_characters(made: ast.AST, syntax: Syntax) -> bool:
    """Return whether a text is made of numbers, character by character: `chr(n)`, `n ^ key`."""
    if syntax.name_of(made) == "chr":
        return True
    if isinstance(made, ast.Call):
        return syntax.name_of(made.func) == "chr"
    return isinstance(made, ast.BinOp) and isinstance(made.op, ast.BitXor)


def _find_decoded(syntax: Syntax) -> _Decoded:
    """Follow decoded data through names and functions, a few times."""
    decoded = _Decoded(syntax)
    for _ in range(_ROUNDS):
        before = len(decoded.names) + len(decoded.functions)
        for one in syntax.nodes:
            _follow(one, decoded)
        if len(decoded.names) + len(decoded.functions) == before:
            break
    return decoded


def _follow(one: Placed, decoded: _Decoded) -> None:
    node = one.node
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        if node.value is not None and decoded.is_in(node.value, one.scope):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [each.id for each in targets if isinstance(each, ast.Name)]
            decoded.names |= {(one.scope, name) for name in names}
    elif isinstance(node, _FUNCTIONS) and _returns_decoded(node, one.inner, decoded):
        decoded.functions.add(node.name)


def _returns_decoded(
    function: ast.FunctionDef | ast.AsyncFunctionDef, scope: int, decoded: _Decoded
) -> bool:
    """Return whether a short function returns decoded data: one that is made for it."""
    if len(function.body) > _LONGEST_DECODER:
        return False
    returned = [one.value for one in function.body if isinstance(one, ast.Return)]
    return any(decoded.is_in(one, scope) for one in returned if one is not None)
