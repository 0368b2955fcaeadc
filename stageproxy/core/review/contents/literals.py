"""Long literals that are no text: encoded or packed data within source code."""

import ast
import math
import re
from collections import Counter
from collections.abc import Mapping

from stageproxy.core.review.contents.syntax import Syntax

ENCODED_DATA = "encoded data"

_SHORTEST = 400
_LONGEST = 100_000
"""How much of a literal is looked at."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]+")
_HEX = re.compile(r"[0-9a-fA-F\s]+")
_BASE64_BITS, _HEX_BITS, _BYTE_BITS = 5.2, 3.3, 6.0
_SHORTEST_HEX = 1000


def encoded_literals(syntax: Syntax) -> Mapping[str, int]:
    """Return the first line of a long literal that looks encoded, nothing if there is none."""
    found = [
        one.node.lineno
        for one in syntax.nodes
        if isinstance(one.node, ast.Constant) and looks_encoded(one.node.value)
    ]
    return {ENCODED_DATA: min(found)} if found else {}


def looks_encoded(value: object) -> bool:
    """Return whether a literal is base64, hexadecimal or packed data, by its entropy."""
    if not isinstance(value, str | bytes) or len(value) < _SHORTEST:
        return False
    if isinstance(value, str):
        return _is_encoded_text(value[:_LONGEST])
    start = value[:_LONGEST]
    if start.isascii():
        return _is_encoded_text(start.decode("ascii"))
    return entropy_of(start) >= _BYTE_BITS


def entropy_of(value: str | bytes) -> float:
    """Return how many bits of information a character has, by how often each occurs."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _is_encoded_text(text: str) -> bool:
    dense = "".join(text.split())
    if len(dense) < len(text) * 0.95:
        return False
    if _HEX.fullmatch(dense):
        return len(dense) >= _SHORTEST_HEX and entropy_of(dense) >= _HEX_BITS
    return bool(_BASE64.fullmatch(dense)) and entropy_of(dense) >= _BASE64_BITS
