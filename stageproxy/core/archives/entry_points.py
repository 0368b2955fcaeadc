"""Here is which entry points of a wheel PyPI takes."""

import configparser
import re
from collections.abc import Iterator

LONGEST_ENTRY_POINTS = 256 * 2**10
"""How many bytes of entry_points.txt are parsed; the largest that are known have a quarter."""

_SCRIPTS = ("console_scripts", "gui_scripts")
_SCRIPT_NAME = re.compile(r"[\w.-]+")
_NEITHER_KEY_NOR_SECTION = re.compile(r"^[^\s#;\[=][^=\n]*$", re.MULTILINE)


def has_valid_entry_points(content: bytes) -> bool:
    """Say whether the contents of entry_points.txt can be read, and name scripts properly.

    Installers make a file of each script's name.
    """
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keeps capital letters
    try:
        text = content.decode()
        if _NEITHER_KEY_NOR_SECTION.search(text):
            return False  # the parser says the same, slowly: it lists all such lines
        parser.read_string(text)
    except (configparser.Error, UnicodeDecodeError):
        return False
    return all(_SCRIPT_NAME.fullmatch(name) for name in _script_names(parser))


def _script_names(parser: configparser.ConfigParser) -> Iterator[str]:
    for section in _SCRIPTS:
        if parser.has_section(section):
            yield from parser.options(section)
