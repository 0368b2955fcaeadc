"""Text files of distributions that are not UTF-8, which their specifications demand."""

import codecs
from collections.abc import Mapping

_MARKS: Mapping[bytes, str] = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks, and what they stand for. That of UTF-32 starts like that of UTF-16."""

_ANY_BYTES = "latin-1"
"""An encoding in which every byte is a character, and which most such files are in."""


def encoding_problem(filename: str, content: bytes) -> str | None:
    """Return a sentence on a text file that is not plain UTF-8, `None` if it is."""
    encoding = _find_evident_encoding(content)
    if encoding == "utf-8-sig":
        return (
            f"{filename} starts with a byte order mark, which installers take for a part of its "
            "first line. Save it as UTF-8 without one."
        )
    fault = f"it is {encoding.upper()}" if encoding else _find_fault(content)
    if fault is None:
        return None
    return (
        f"{filename} is not UTF-8: {fault}. pip fails on it with UnicodeDecodeError, and other "
        "tools may guess. Save it as UTF-8."
    )


def as_utf_8(content: bytes) -> bytes:
    """Return a text in UTF-8 without a byte order mark, whatever encoding it is in."""
    encoding = _find_evident_encoding(content)
    if encoding is None and _find_fault(content) is None:
        return content
    return content.decode(encoding or _ANY_BYTES, "replace").encode()


def _find_evident_encoding(content: bytes) -> str | None:
    """Return an encoding that shows at the start, by its mark or as UTF-16 without one.

    UTF-16 has a NUL beside each ASCII character.
    """
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if marked is not None or b"\0" not in content[:2]:
        return marked
    return "utf-16-be" if content.startswith(b"\0") else "utf-16-le"


def _find_fault(content: bytes) -> str | None:
    """Return where a text stops being UTF-8, `None` if it does not."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} has the byte {content[error.start]:#04x}"
    return None
