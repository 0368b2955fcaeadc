"""Edits of the list of projects while it is streamed: a new name, and links into the stage.

The list has 40 MB and is never in memory as a whole. A new name is added at the
start, as its sorted position is known only after most of the list was sent.
"""

import json
import re
from collections.abc import Iterator
from html import escape

from stageproxy.core.index.negotiation import SimpleType

_HEAD = 2**16
"""The number of bytes in which the names of a list have to start."""

_TAIL = 2**12
"""The number of bytes that may follow the end of an HTML list."""

_JSON_START = re.compile(rb'"projects"\s*+:\s*+\[\s*+(?=([{\]]))')
_HTML_START = re.compile(rb"<a\s|</body>", re.IGNORECASE)


class UnreadableListError(ValueError):
    """The document is not a list of projects."""


class ListEditor:
    """An editor of a list that arrives in chunks.

    Links from the root of the host to the *folder* of project pages lead to that below
    the *prefix* of the stage.
    """

    def __init__(self, kind: SimpleType, *, new_name: str | None, folder: str, prefix: str) -> None:
        self._kind = kind
        self._new_name = new_name
        self._host_absolute = f'href="{folder}'.encode()
        self._link = f'href="{prefix}simple/'.encode()
        self._held = b""
        self._has_started = new_name is None
        self._tail = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Return the edited bytes that can be sent after *chunk* was received."""
        self._tail = (self._tail + chunk)[-_TAIL:]
        text = self._held + chunk
        self._held = b""
        if not self._has_started:
            found = list_start(self._kind).search(text, 0, _HEAD)
            if found is None and len(text) >= _HEAD:
                raise UnreadableListError("it has no project names at its start")
            if found is None:
                self._held = text
                return
            at = found.start() if self._kind is not SimpleType.V1_JSON else found.end()
            text = text[:at] + self._entry(found) + text[at:]
            self._has_started = True
        yield self._relinked(text)

    def close(self, *, has_length: bool) -> Iterator[bytes]:
        """Return the remaining bytes. Raise `UnreadableListError` if the list is incomplete.

        *has_length*: the response had a length, so a truncated list is noticed elsewhere.
        """
        if not self._has_started:
            raise UnreadableListError("it lists no projects")
        if not has_length and not has_ended(self._kind, self._tail):
            raise UnreadableListError("it is truncated")
        yield self._held

    def _entry(self, found: re.Match[bytes]) -> bytes:
        name = self._new_name or ""
        if self._kind is SimpleType.V1_JSON:
            comma = b"," if found[1] == b"{" else b""
            return json.dumps({"name": name}, separators=(",", ":")).encode() + comma
        return f'<a href="{escape(name)}/">{escape(name)}</a>\n'.encode()

    def _relinked(self, text: bytes) -> bytes:
        """Return *text* with links into the stage. Hold back a link that may be incomplete."""
        if self._kind is SimpleType.V1_JSON:
            return text
        text = text.replace(self._host_absolute, self._link)
        half = _length_of_half(text, self._host_absolute)
        text, self._held = text[: len(text) - half], text[len(text) - half :]
        return text


def list_start(kind: SimpleType) -> re.Pattern[bytes]:
    """Return the pattern of the start of the names in a list."""
    return _JSON_START if kind is SimpleType.V1_JSON else _HTML_START


def has_ended(kind: SimpleType, tail: bytes) -> bool:
    """Return whether a list that ends with *tail* is complete."""
    if kind is SimpleType.V1_JSON:
        return tail.rstrip().endswith(b"}")
    return b"</html>" in tail.lower()


def _length_of_half(text: bytes, link: bytes) -> int:
    """Return how many bytes at the end of *text* may be the start of a *link*."""
    lengths = range(min(len(link) - 1, len(text)), 0, -1)
    return next((one for one in lengths if text.endswith(link[:one])), 0)
