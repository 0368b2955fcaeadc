"""A server with a planted defect: `python -m tests.batteries.planted_server DEFECT serve …`.

A battery that finds nothing in a good build has to find these.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from stageproxy.catalogue import Rows
from stageproxy.cli import main
from stageproxy.store.inspection_pool import Dialogue, InspectionPool, NextLimit
from stageproxy.store.postgres.database import PostgresDatabase
from stageproxy.store.s3.generations import new_key
from stageproxy.store.s3.incoming import SpooledFile
from stageproxy.store.sqlite.database import Database, T

LATE = 0.1
"""How long after its answer the late server commits."""
VERY_LATE = 1
"""How long after its answer another one stores the file."""


def without_flushing() -> None:
    """Leave everything to the kernel, which writes it at its leisure."""
    os.fsync = os.fdatasync = _leave
    sqlite3.connect = partial(sqlite3.connect, factory=_UnflushedConnection)  # type: ignore[assignment] # it has more shapes


def _leave(fd: object) -> None:
    """Flush nothing."""
    del fd


class _UnflushedConnection(sqlite3.Connection):
    """A connection that never flushes."""

    def execute(self, statement: str, *arguments: Any) -> Any:
        """Run a statement, unless it is about flushing."""
        if statement.startswith("PRAGMA synchronous"):
            statement = "PRAGMA synchronous = OFF"
        return super().execute(statement, *arguments)


def answering_before_commit() -> None:
    """Answer when a transaction has done its work, and commit it afterwards."""
    Database.write = _late(Database.write)  # type: ignore[method-assign]
    PostgresDatabase.write = _late(PostgresDatabase.write)  # type: ignore[method-assign]


def _late(write: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Return a way to write that returns the result, and commits later."""

    async def write_late(self: object, work: Callable[[Rows], T]) -> T:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[T] = loop.create_future()

        def early(rows: Rows) -> T:
            result = work(rows)
            loop.call_soon_threadsafe(_answer, answered, result)
            time.sleep(LATE)
            return result

        committing = asyncio.ensure_future(write(self, early))
        await asyncio.wait([answered, committing], return_when=asyncio.FIRST_COMPLETED)
        return await (answered if answered.done() else committing)

    return write_late


def _answer(answered: asyncio.Future[T], result: T) -> None:
    """Answer once: a transaction can be run again."""
    if not answered.done():
        answered.set_result(result)


def reading_in_order_of_arrival() -> None:
    """Read what was uploaded in the order of its arrival, whoever sent it."""
    InspectionPool.ask = _ask_in_order  # type: ignore[method-assign]


_ask_in_turn = InspectionPool.ask


async def _ask_in_order(
    self: InspectionPool, question: Mapping[str, object], asker: str, next_limit: NextLimit
) -> Dialogue:
    del asker
    return await _ask_in_turn(self, question, "everybody", next_limit)


def hearing_of_no_change() -> None:
    """Keep prepared answers whatever changes in the catalogue."""
    Database.state = _no_change  # type: ignore[method-assign]
    PostgresDatabase.ask_state = _no_change_there  # type: ignore[method-assign]


def _no_change(self: Database) -> int:
    del self
    return 0


def _no_change_there(self: PostgresDatabase) -> asyncio.Future[int]:
    del self
    known: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    known.set_result(0)
    return known


def answering_before_the_store() -> None:
    """Take a file for stored as soon as it is on its way to the bucket."""
    SpooledFile.store = _store_later  # type: ignore[method-assign]


_on_their_way: set[asyncio.Future[None]] = set()


async def _store_later(self: SpooledFile) -> None:
    body = self.spooled.path.read_bytes()
    digests = await self.spooled.receiving.hashed()
    self._stored_since = self.files.clock.now()
    key = new_key(digests.sha256, self._stored_since)
    _on_their_way.add(asyncio.ensure_future(_put_late(self.files, key, body)))


async def _put_late(files: Any, key: str, body: bytes) -> None:
    await asyncio.sleep(VERY_LATE)
    await files.bucket.put_new(key, body)


DEFECTS: Mapping[str, Callable[[], None]] = {
    "a catalogue that never changes": hearing_of_no_change,
    "an answer before the store": answering_before_the_store,
    "no turns": reading_in_order_of_arrival,
    "no fsync": without_flushing,
    "an answer before the commit": answering_before_commit,
}

if __name__ == "__main__":
    DEFECTS[sys.argv.pop(1)]()
    main(prog_name="stageproxy")
