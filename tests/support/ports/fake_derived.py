"""Derived results in memory."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import NoRoomError
from stageproxy.core.review.derived import DerivedName
from stageproxy.ports import DerivedResults

T = TypeVar("T")


@dataclass(slots=True)
class FakeDerived:
    """Results by name; see `ports.DerivedResults`.

    `claims` are the keys that another process has claimed. Drafts have at most `room` bytes.
    """

    results: dict[DerivedName, object] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)
    room: int = 2**30

    async def find(self, name: DerivedName, kind: type[T]) -> T | None:
        """Return a result."""
        found = self.results.get(name)
        return found if isinstance(found, kind) else None

    async def add(self, name: DerivedName, value: object) -> None:
        """Store a result."""
        self.results[name] = value

    @contextmanager
    def claimed(self, name: DerivedName) -> Iterator[bool]:
        """Claim the work on a result, unless another process has."""
        yield name.key not in self.claims

    @contextmanager
    def draft(self, size: int) -> Iterator[Path]:
        """Return where a file may be written."""
        if size > self.room:
            raise NoRoomError
        with TemporaryDirectory() as folder:
            yield Path(folder) / "draft"

    def list_unneeded(self, owners: Collection[str], before: datetime) -> Sequence[UnneededFile]:  # noqa: ARG002
        """Return the results whose owners are gone."""
        return [UnneededFile(one.key, 1) for one in self.results if one.owner not in owners]

    def remove(self, unneeded: UnneededFile) -> None:
        """Delete a result."""
        self.results = {
            name: one for name, one in self.results.items() if name.key != unneeded.name
        }


def fits_the_port(derived: FakeDerived) -> DerivedResults:
    """Return the fake as its port, which mypy checks."""
    return derived
