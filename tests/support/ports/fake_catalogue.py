"""A catalogue in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import NoRoomError
from tests.support.ports.fake_rows import FakeRows

T = TypeVar("T")


@dataclass(slots=True)
class FakeCatalogue:
    """Rows in memory, with transactions; see `catalogue.Catalogue`."""

    committed: FakeRows = field(default_factory=FakeRows)
    is_full: bool = False

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Do *work* in a transaction, which is committed as a whole or not at all."""
        if self.is_full:
            raise NoRoomError
        rows = self.committed.copy()
        result = work(rows)
        self.committed = rows
        return result

    async def write_aside(self, work: Callable[[Rows], T]) -> T:
        """Do *work* in a transaction like any other."""
        return await self.write(work)

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Do *work* on the committed rows without changing them."""
        return work(self.committed.copy())


def fits_the_port(catalogue: FakeCatalogue) -> Catalogue:
    """Return the fake as its port, which mypy checks."""
    return catalogue
