"""What two copies of a table have in common: how many rows, and a digest of all of them."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from stageproxy.store.transfer.layout import Row, Value

_MODULUS = 2**256


@dataclass(frozen=True, slots=True)
class RowSum:
    """The number of rows, and the sum of their SHA-256: it is the same in any order."""

    count: int
    digest: str


@dataclass(slots=True)
class Summing:
    """The sum of rows that are read on the way."""

    _count: int = 0
    _total: int = field(default=0, repr=False)

    def summed(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield the rows as they are, and add them up."""
        for row in rows:
            written = json.dumps([_as_json(value) for value in row], separators=(",", ":"))
            digest = hashlib.sha256(written.encode()).digest()
            self._total = (self._total + int.from_bytes(digest)) % _MODULUS
            self._count += 1
            yield row

    def sum(self) -> RowSum:
        """Return the sum of the rows so far."""
        return RowSum(self._count, f"{self._total:064x}")


def sum_of(rows: Iterator[Row]) -> RowSum:
    """Return the sum of rows."""
    summing = Summing()
    for _ in summing.summed(rows):
        pass
    return summing.sum()


def storable(value: Value) -> Value:
    """Return a value as every database can store it: PostgreSQL's texts have no NUL."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _as_json(value: Value) -> object:
    return {"hex": value.hex()} if isinstance(value, bytes) else storable(value)
