"""Here is how a list of projects changes while it passes: one name more, links that stay inside.

The list has 40 MB: it is never whole in memory. A new name comes first, as its
proper place would show only once most of the list has passed.
"""

import json
import re
from collections.abc import Iterator
from html import escape

from stageproxy.core.index.negotiation import SimpleType

_HEAD = 2**16
"""How many bytes the beginning of a list may take, in which the names have to start."""

_TAIL = 2**12
"""How many bytes may follow behind the end of an HTML list."""

_JSON_START = re.compile(rb'"projects"\s*+:\s*+\[\s*+(?=([{\]]))')
_HTML_START = re.compile(rb"<a\s|</body>", re.IGNORECASE)
_HOST_ABSOLUTE = b'href="/simple/'


class UnreadableListError(ValueError):
    """The document is not a list of projects."""


class ListEditor:
    """Edits a list that comes in pieces."""

    def __init__(self, kind: SimpleType, *, new_name: str | None, prefix: str) -> None:
        self._kind = kind
        self._new_name = new_name
        self._link = b'href="' + prefix.encode() + b"simple/"
        self._held = b""
        self._has_started = new_name is None
        self._tail = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Return what can be passed on, now that *chunk* has come in."""
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
        """Return the rest; raise if the list never started, or if it never ended.

        *has_length*: upstream said how long it is, so that nothing can be missing.
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
        """Return *text* with links that stay inside; what may be half of one is held back."""
        if self._kind is SimpleType.V1_JSON:
            return text
        text = text.replace(_HOST_ABSOLUTE, self._link)
        half = _length_of_half(text)
        text, self._held = text[: len(text) - half], text[len(text) - half :]
        return text


def list_start(kind: SimpleType) -> re.Pattern[bytes]:
    """Return what a list's names start with."""
    return _JSON_START if kind is SimpleType.V1_JSON else _HTML_START


def has_ended(kind: SimpleType, tail: bytes) -> bool:
    """Say whether a list is whole that ends with *tail*."""
    if kind is SimpleType.V1_JSON:
        return tail.rstrip().endswith(b"}")
    return b"</html>" in tail.lower()


def _length_of_half(text: bytes) -> int:
    """Return how many bytes at the end of *text* may be the beginning of a link."""
    lengths = range(min(len(_HOST_ABSOLUTE) - 1, len(text)), 0, -1)
    return next((one for one in lengths if text.endswith(_HOST_ABSOLUTE[:one])), 0)
