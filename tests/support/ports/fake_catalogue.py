"""A catalogue in memory that keeps the promises of the port."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stageproxy.core.errors import NoRoomError
from stageproxy.ports import Catalogue, Rows
from tests.support.ports.fake_rows import FakeRows

T = TypeVar("T")


@dataclass(slots=True)
class FakeCatalogue:
    """Rows in memory, of which nobody sees half a change; see `ports.Catalogue`."""

    committed: FakeRows = field(default_factory=FakeRows)
    is_full: bool = False

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Do *work* in one transaction that nobody else writes in; whole or not at all."""
        if self.is_full:
            raise NoRoomError
        rows = self.committed.copy()
        result = work(rows)
        self.committed = rows
        return result

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Do *work* that changes nothing, on what is committed."""
        return work(self.committed.copy())


def fits_the_port(catalogue: FakeCatalogue) -> Catalogue:
    """Return the fake as what it stands for: mypy proves that it does."""
    return catalogue
