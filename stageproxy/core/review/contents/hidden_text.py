"""Source code that looks other than it is: hidden characters, and code far to the right."""

import re
from collections.abc import Iterator, Mapping

BIDIRECTIONAL = "bidirectional characters"
INVISIBLE = "invisible characters"
HIDDEN_DATA = "hidden data"
FAR_CODE = "far code"
ODD_ENCODING = "odd encoding"

_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE_SET = "\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\U000e0000-\U000e01ef\u3164\uffa0"
_INVISIBLE = re.compile(f"[{_INVISIBLE_SET}]")
_HIDDEN_DATA = re.compile(f"[{_INVISIBLE_SET}]{{16}}")
"""Characters without width in a row are no text: they stand for other data."""
_FAR = re.compile(r"(?<![ \t])[ \t]{100,}(?=[^\s#])")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_USUAL_ENCODINGS = re.compile(
    r"utf[-_]?8.*|ascii|us-ascii|latin[-_]?1.*|iso[-_]?8859.*|cp\d+|windows-\d+|euc[-_].*|gbk|"
    r"gb2312|gb18030|big5|shift[-_]?jis|koi8.*|mbcs|utf[-_]?16.*",
    re.IGNORECASE,
)


def hidden_in(source: bytes) -> Mapping[str, int]:
    """Return what hides in source code, each with its first line."""
    if source.isascii() and b" " * 60 not in source and b"\t" * 20 not in source:
        return dict(_odd_encoding(source))
    text = source.decode(errors="replace").removeprefix("\ufeff")
    return {
        kind: text.count("\n", 0, match.start()) + 1
        for kind, match in _matches(text)
        if match is not None
    } | dict(_odd_encoding(source))


def far_lines(source: bytes) -> Iterator[int]:
    """Yield the lines that go on after a wide gap, beyond what a window shows."""
    text = source.decode(errors="replace")
    for match in _FAR.finditer(text):
        yield text.count("\n", 0, match.end()) + 1


def _matches(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    yield BIDIRECTIONAL, _BIDIRECTIONAL.search(text)
    yield INVISIBLE, _INVISIBLE.search(text)
    yield HIDDEN_DATA, _HIDDEN_DATA.search(text)


def _odd_encoding(source: bytes) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(source.split(b"\n", 2)[:2], start=1):
        match = _CODING.match(line)
        if match and not _USUAL_ENCODINGS.fullmatch(match[1].decode("ascii", "replace")):
            yield ODD_ENCODING, number
