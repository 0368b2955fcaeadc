"""The search in the list of projects for a name that PyPI considers too similar.

PyPI compares the names of new projects without `.`, `_` and `-`, with `l` and `i`
replaced by `1` and `o` by `0`. The list has 40 MB: it is searched as a stream,
with one pattern, and never in memory as a whole.
"""

import re

from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.project_list import UnreadableListError, has_ended, list_start

_OVERLAP = 2**12
"""How many bytes are searched again with the next chunk: more than any entry has."""

_CONFUSABLE = {"1": "1lLiI", "0": "0oO"}
_COMPARED_AS = str.maketrans("LlIiOo", "111100", "._-")


def comparison_key(name: str) -> str:
    """Return the key by which PyPI compares the names of new projects."""
    return name.translate(_COMPARED_AS).lower()


class SimilarNames:
    """A search for a name similar to *project* in a list that arrives in chunks."""

    def __init__(self, kind: SimpleType, project: NormalizedName) -> None:
        self._kind = kind
        self._project = project
        self._pattern = _pattern_of(kind, comparison_key(project))
        self._has_started = False
        self._tail = b""

    def feed(self, chunk: bytes) -> NormalizedName | None:
        """Return the similar project, `None` if it is not in this chunk."""
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
        """Raise `UnreadableListError` if the list is incomplete; see `ListEditor`."""
        if not self._has_started:
            raise UnreadableListError("it lists no projects")
        if not has_length and not has_ended(self._kind, self._tail):
            raise UnreadableListError("it is truncated")


def _pattern_of(kind: SimpleType, key: str) -> re.Pattern[bytes]:
    """Return the pattern of the entries whose names have a comparison key."""
    letters = (f"[{_CONFUSABLE.get(one) or re.escape(one + one.upper())}]" for one in key)
    name = f"([._-]*+{'[._-]*+'.join(letters)}[._-]*+)"
    entry = rf'"name"\s*+:\s*+"{name}"' if kind is SimpleType.V1_JSON else rf">\s*+{name}\s*+</a"
    return re.compile(entry.encode())
