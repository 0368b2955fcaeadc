"""RECORD and entry_points.txt of a wheel."""

import base64
import configparser
import csv
import io
import re
from collections.abc import Iterator, Mapping

from stageproxy.core.archives.contents import some

LONGEST_RECORD = 32 * 2**20
_UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_SHA256 = "sha256="
LONGEST_ENTRY_POINTS = 256 * 2**10
"""How many bytes of entry_points.txt are parsed: four times the largest known."""

_SCRIPTS = ("console_scripts", "gui_scripts")
_SCRIPT_NAME = re.compile(r"[\w.-]+")
_NEITHER_KEY_NOR_SECTION = re.compile(r"^[^\s#;\[=][^=\n]*$", re.MULTILINE)


def parse_record(content: bytes) -> Mapping[str, str]:
    """Return the digest of each path that RECORD lists. Raise `ValueError` if it cannot be read."""
    try:
        rows = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), strict=True)
        return {row[0]: row[1] if len(row) > 1 else "" for row in rows if row}
    except csv.Error as error:
        raise ValueError(str(error)) from error


def record_suspicions(
    record: Mapping[str, str], digests: Mapping[str, bytes], dist_info: str
) -> Iterator[str]:
    """Compare RECORD with the files of the wheel, given by their SHA-256.

    PyPI accepts a wheel that differs, and notifies the owners of the project.
    """
    exempt = {f"{dist_info}/{name}" for name in _UNLISTED}
    if unlisted := digests.keys() - record.keys() - exempt:
        yield f"RECORD does not list these files of the wheel: {some(unlisted)}."
    if missing := record.keys() - digests.keys() - exempt:
        yield f"RECORD lists files that are not in the wheel: {some(missing)}."
    listed = record.keys() & digests.keys()
    if wrong := {path for path in listed - exempt if not _matches(record[path], digests[path])}:
        yield f"The digests in RECORD do not match these files: {some(wrong)}."


def _matches(recorded: str, digest: bytes) -> bool:
    """Compare a recorded digest. One of a stronger algorithm is not verified."""
    if not recorded.startswith(_SHA256):
        return recorded.startswith(("sha384=", "sha512="))
    return recorded == _SHA256 + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def has_valid_entry_points(content: bytes) -> bool:
    """Return whether entry_points.txt can be parsed and its scripts have valid names.

    Installers create a file with the name of each script.
    """
    parser = _parsed(content)
    if parser is None:
        return False
    return all(_SCRIPT_NAME.fullmatch(name) for name in _script_names(parser))


def entry_points_in(content: bytes) -> tuple[str, ...]:
    """Return the entry points, `group: name = object`, none if they cannot be parsed."""
    parser = _parsed(content[:LONGEST_ENTRY_POINTS])
    if parser is None:
        return ()
    return tuple(
        f"{group}: {name} = {' '.join(parser.get(group, name, raw=True).split())}"
        for group in parser.sections()
        for name in parser.options(group)
    )


def _parsed(content: bytes) -> configparser.ConfigParser | None:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # case-sensitive keys
    try:
        text = content.decode()
        if _NEITHER_KEY_NOR_SECTION.search(text):
            return None  # the parser would refuse it too, but slowly: it lists all such lines
        parser.read_string(text)
    except (configparser.Error, UnicodeDecodeError):
        return None
    return parser


def _script_names(parser: configparser.ConfigParser) -> Iterator[str]:
    for section in _SCRIPTS:
        if parser.has_section(section):
            yield from parser.options(section)
