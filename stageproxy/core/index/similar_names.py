"""Here is which other project of a list has a name that PyPI takes for the same.

PyPI compares new names without `.`, `_` and `-`, with `l` and `i` read as `1`
and `o` as `0`. The list has 40 MB: it is searched while it passes, by one
pattern, and never whole in memory.
"""

import re

from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.project_list import UnreadableListError, has_ended, list_start

_OVERLAP = 2**12
"""How many bytes are looked at again with the next piece: more than any entry has."""

_ALIKE = {"1": "1lLiI", "0": "0oO"}
_READ_AS = str.maketrans("LlIiOo", "111100", "._-")


def read_as(name: str) -> str:
    """Return what PyPI compares a name by when a project is new."""
    return name.translate(_READ_AS).lower()


class SimilarNames:
    """Looks for another project like *project* in a list that comes in pieces."""

    def __init__(self, kind: SimpleType, project: NormalizedName) -> None:
        self._kind = kind
        self._project = project
        self._pattern = _pattern_of(kind, read_as(project))
        self._has_started = False
        self._tail = b""

    def feed(self, chunk: bytes) -> NormalizedName | None:
        """Return the other project, if it is in this piece."""
        text = self._tail + chunk
        self._tail = text[-_OVERLAP:]
        if not self._has_started and list_start(self._kind).search(text):
            self._has_started = True
        for found in self._pattern.finditer(text):
            other = canonicalize_name(found[1].decode())
            if other != self._project:
                return other
        return None

    def close(self, *, has_length: bool) -> None:
        """Raise if it was no list, or was cut off; see `ListEditor`."""
        if not self._has_started:
            raise UnreadableListError("it lists no projects")
        if not has_length and not has_ended(self._kind, self._tail):
            raise UnreadableListError("it is truncated")


def _pattern_of(kind: SimpleType, wanted: str) -> re.Pattern[bytes]:
    """Return what finds every name that is read as *wanted*, where names stand in a list."""
    letters = (f"[{_ALIKE.get(one) or re.escape(one + one.upper())}]" for one in wanted)
    name = f"([._-]*+{'[._-]*+'.join(letters)}[._-]*+)"
    around = rf'"name"\s*+:\s*+"{name}"' if kind is SimpleType.V1_JSON else rf">\s*+{name}\s*+</a"
    return re.compile(around.encode())
