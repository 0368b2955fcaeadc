"""The fields of METADATA or PKG-INFO, each with the number of its line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stageproxy.core.archives.encodings import as_utf_8

MOST_FIELDS = 5000
LONGEST_VALUE = 5000
LONGEST_DESCRIPTION = 2**20
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
_DESCRIPTION = "description"


@dataclass(frozen=True, slots=True)
class MetadataLines:
    """The fields of core metadata without the description, and the description."""

    fields: tuple[tuple[str, str, int], ...] = ()
    description: str = ""


def read_metadata_lines(content: bytes) -> MetadataLines:
    """Return the fields in their order, with the numbers of their lines; long values are cut."""
    lines = as_utf_8(content).decode(errors="replace").splitlines()
    end = next((at for at, line in enumerate(lines) if not line.strip()), len(lines))
    fields = _fields_in(lines[:end])
    in_header = [value for name, value, _ in fields if name.lower() == _DESCRIPTION]
    description = "\n".join(lines[end + 1 :]).strip("\n") or "\n".join(in_header)
    others = [one for one in fields if one[0].lower() != _DESCRIPTION][:MOST_FIELDS]
    return MetadataLines(
        tuple((name, value[:LONGEST_VALUE], number) for name, value, number in others),
        description[:LONGEST_DESCRIPTION],
    )


def _fields_in(lines: Sequence[str]) -> list[tuple[str, str, int]]:
    found: list[tuple[str, list[str], int]] = []
    for number, line in enumerate(lines, start=1):
        if line[0] in " \t" and found:
            found[-1][1].append(line.strip().removeprefix("|"))
        elif match := _FIELD.fullmatch(line):
            found.append((match[1], [match[2]], number))
    return [(name, "\n".join(values), number) for name, values, number in found]
