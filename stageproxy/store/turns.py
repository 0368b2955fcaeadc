"""Who is next: the fair order of questions that wait for a place."""

from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """The questions that wait, by whose they are, and the places that are taken.

    Everybody has one place at a time, and who has not had one for longest is next:
    a thousand questions of one asker hold up those of another as much as one does.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._served: set[str] = set()
        self._waiting: dict[str, deque[T]] = {}

    def __len__(self) -> int:
        """Return how many questions wait."""
        return sum(map(len, self._waiting.values()))

    def wait(self, asker: str, question: T) -> None:
        """Add a question behind all others of its asker."""
        self._waiting.setdefault(asker, deque()).append(question)

    def next(self) -> tuple[str, T] | None:
        """Give a place to the question whose turn it is, `None` if none can have one."""
        asker = next((one for one in self._waiting if one not in self._served), None)
        if asker is None or not self._free:
            return None
        question = self._waiting[asker].popleft()
        self._drop_if_empty(asker)
        self._served.add(asker)
        self._free -= 1
        return asker, question

    def end(self, asker: str) -> None:
        """Free the place of an asker, who is behind all others now."""
        self._served.remove(asker)
        self._free += 1
        if asker in self._waiting:
            self._waiting[asker] = self._waiting.pop(asker)

    def withdraw(self, asker: str, question: T) -> None:
        """Remove a question that waits no longer, unless it has a place."""
        with suppress(KeyError, ValueError):
            self._waiting[asker].remove(question)
            self._drop_if_empty(asker)

    def _drop_if_empty(self, asker: str) -> None:
        if not self._waiting[asker]:
            del self._waiting[asker]
