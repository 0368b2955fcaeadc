"""The copies of upstream's documents, in bounded memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from stageproxy.caching import LruCache
from stageproxy.core.index.pages import Document

_OVERHEAD = 1024
"""The approximate size of an entry in bytes without its body."""

Key = tuple[str, str]
"""A path, and the Accept header that it was requested with."""


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """How long copies are fresh, how long they are used while upstream fails, and their size."""

    fresh_for: timedelta = timedelta(0)
    stale_for: timedelta = timedelta(0)
    max_size: int = 0


@dataclass(frozen=True, slots=True)
class _Copy:
    """A document, and when it was requested, in seconds of a monotonic clock."""

    document: Document
    requested_at: float

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.document.body)


class Copies:
    """The copies of documents. *now* returns the seconds of a monotonic clock."""

    def __init__(self, limits: CopyLimits, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.changes = 0
        """How often a copy was replaced by another document, or upstream no longer had one."""
        self._limits = limits
        self._entries: LruCache[Key, _Copy] = LruCache(limits.max_size, lambda entry: entry.size)

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._entries.size

    def find(self, key: Key) -> Document | None:
        """Return the copy of a document, however old it is."""
        found = self._entries.find(key)
        return found.document if found else None

    def find_fresh(self, key: Key) -> Document | None:
        """Return a copy that is used without a request."""
        found = self._entries.find(key)
        is_fresh = found is not None and self._age(found) < self._limits.fresh_for.total_seconds()
        return found.document if found and is_fresh else None

    def find_stale(self, key: Key) -> Document | None:
        """Return a copy that is used while upstream fails, with its age."""
        found = self._entries.find(key)
        if found is None or not self._can_be_shown(found):
            return None
        return replace(found.document, stale_seconds=int(self._age(found)), fresh_until=0.0)

    def age_of(self, path: str) -> float | None:
        """Return the age of the oldest copy of a path that is used while upstream fails."""
        copies = [one for key, one in self._entries.items() if key[0] == path]
        return max((self._age(one) for one in copies if self._can_be_shown(one)), default=None)

    def add(self, key: Key, document: Document, requested_at: float) -> Document:
        """Keep a document. Return it with the time until which it is fresh."""
        fresh_until = requested_at + self._limits.fresh_for.total_seconds()
        kept = replace(document, fresh_until=fresh_until)
        known = self.find(key)
        self.changes += known is not None and known != kept
        self._entries.add(key, _Copy(kept, requested_at))
        return kept

    def remove(self, key: Key) -> None:
        """Remove the copy of a document that upstream no longer has."""
        self.changes += self.find(key) is not None
        self._entries.remove(key)

    def _age(self, copy: _Copy) -> float:
        return self.now() - copy.requested_at

    def _can_be_shown(self, copy: _Copy) -> bool:
        return self._age(copy) < self._limits.stale_for.total_seconds()
