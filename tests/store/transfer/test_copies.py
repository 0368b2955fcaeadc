"""All rows of a catalogue are copied to another one, or none."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables

from stageproxy.core.audit import Event
from stageproxy.store.postgres import tables as postgres
from stageproxy.store.postgres.database import PostgresDatabase
from stageproxy.store.sqlite import tables as sqlite
from stageproxy.store.sqlite.database import Database
from stageproxy.store.transfer.copies import (
    CopyError,
    RowTarget,
    copy_rows,
    find_broken_trail,
    sums_of,
)
from stageproxy.store.transfer.layout import Row, RowReader, Table, tables_by_name
from stageproxy.store.unusable import UnusableDatabaseError
from tests.store.transfer.rows import ROWS, FilledReader, filler
from tests.support.ports.clock import NOON


def ignore(_: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a catalogue is: how to fill it, to read it, and to read its totals."""

    filling: Callable[[], AbstractContextManager[RowTarget]]
    reading: Callable[[], AbstractContextManager[RowReader]]
    opening: Callable[[], AbstractContextManager[Database | PostgresDatabase]]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a place without a catalogue."""
    if request.param == "sqlite":
        path = tmp_path / "catalogue.db"
        return Place(
            partial(sqlite.making, path), partial(sqlite.reading, path), partial(Database, path)
        )
    url = request.getfixturevalue("migrated_url")
    return Place(
        partial(postgres.filling, url),
        partial(postgres.reading, url),
        partial(PostgresDatabase, url),
    )


def test_rows_of_every_table(place: Place) -> None:
    """Every row of every table is copied, as it is."""
    source = FilledReader(filler())

    with place.filling() as target:
        sums = copy_rows(source, target, ignore)

    assert {one.count for one in sums.values()} == {ROWS}
    with place.reading() as copy:
        assert sums_of(copy) == sums
        assert {name: [*copy.rows(table)] for name, table in tables_by_name().items()} == filler()


async def test_totals(place: Place) -> None:
    """What triggers count in a catalogue that is used is right after a copy, too."""
    with place.filling() as target:
        copy_rows(FilledReader(filler()), target, ignore)

    with place.opening() as catalogue:
        totals = await catalogue.read(lambda rows: rows.totals())

    size = 3 * 10**12 + 6
    assert totals.stages == {"open": 1, "published": 1, "canceled": 1}
    assert (totals.files, totals.size, totals.form_size) == (3, size, size)


async def test_rules_hold_for_later_rows(place: Place) -> None:
    """The triggers of a filled catalogue work: the audit trail goes on at its end."""
    with place.filling() as target:
        copy_rows(FilledReader(filler()), target, ignore)

    with place.opening() as catalogue:
        record = await catalogue.write(lambda rows: rows.audit.add(Event(NOON, "server", "swept")))

    assert record.number == ROWS + 1


def test_text_that_not_every_database_can_store(place: Place) -> None:
    """A NUL, which PostgreSQL cannot store, is no difference."""
    rows = filler()
    first = rows["api_token"][0]
    rows["api_token"][0] = tuple("a\0é💡" if value == "project 1" else value for value in first)

    with place.filling() as target:
        copy_rows(FilledReader(rows), target, ignore)

    with place.reading() as copy:
        [stored, *_] = copy.rows(tables_by_name()["api_token"])
        assert "a\0é💡" in stored or "a\ufffdé💡" in stored


class Forgetful:
    """A catalogue that loses a row of one table."""

    def __init__(self, target: RowTarget) -> None:
        self._target = target

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows."""
        return self._target.rows(table)

    def add(self, table: Table, rows: Iterator[Row]) -> None:
        """Store rows, but the last one of the evidence."""
        given = [*rows]
        self._target.add(table, iter(given[:-1] if table.name == "evidence" else given))


def test_lost_row(place: Place) -> None:
    """If the copy has other rows, nothing is stored."""
    with (
        pytest.raises(CopyError, match="differ from those that were read: evidence"),
        place.filling() as target,
    ):
        copy_rows(FilledReader(filler()), Forgetful(target), ignore)

    with place.filling() as target:
        assert {one.count for one in sums_of(target).values()} == {0}


def test_interrupted_copy(place: Place) -> None:
    """A copy that is interrupted can be made again."""

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), place.filling() as target:
        copy_rows(FilledReader(filler()), target, interrupt)

    with place.filling() as target:
        copy_rows(FilledReader(filler()), target, ignore)


def test_progress(place: Place) -> None:
    """Every row is counted once."""
    seen: list[int] = []

    with place.filling() as target:
        copy_rows(FilledReader(filler()), target, seen.append)

    assert sum(seen) == ROWS * len(tables_by_name())


def test_database_that_is_not_empty(migrated_url: str) -> None:
    """A database with rows is refused, and stays as it is."""
    with postgres.filling(migrated_url) as target:
        copy_rows(FilledReader(filler()), target, ignore)

    with pytest.raises(UnusableDatabaseError, match="not empty"), postgres.filling(migrated_url):
        pass

    assert "stage" in postgres.find_filled(migrated_url)
    with postgres.reading(migrated_url) as copy:
        assert {one.count for one in sums_of(copy).values()} == {ROWS}


async def test_one_moment(place: Place) -> None:
    """What is changed while rows are read does not show."""
    with place.filling() as target:
        copy_rows(FilledReader(filler()), target, ignore)

    with place.opening() as catalogue, place.reading() as copy:
        before = sums_of(copy)
        await catalogue.write(lambda rows: rows.audit.add(Event(NOON, "server", "swept")))
        assert sums_of(copy) == before


async def test_trail(place: Place) -> None:
    """The audit trail is intact after a copy if it was before."""
    with place.opening() as catalogue:
        for _ in range(3):
            await catalogue.write(lambda rows: rows.audit.add(Event(NOON, "server", "swept")))

    with place.reading() as source:
        assert find_broken_trail(source) is None
    broken = find_broken_trail(FilledReader(filler()))
    assert broken is not None
    assert broken.number == 1


async def test_servers_of_a_database(migrated_url: str) -> None:
    """It is known whether a server is connected to a database."""
    assert not postgres.is_in_use(migrated_url)

    with PostgresDatabase(migrated_url) as database:
        await database.read(lambda rows: rows.totals())
        assert postgres.is_in_use(migrated_url)


def test_empty_database(postgres_url: str) -> None:
    """A database without tables cannot be read, and nothing is filled in it."""
    assert postgres.find_filled(postgres_url) == ()

    with (
        pytest.raises(UnusableDatabaseError, match="does not have the tables"),
        postgres.reading(postgres_url),
    ):
        pass


def test_older_catalogue(tmp_path: Path) -> None:
    """A catalogue of an older version is to be migrated first."""
    Tables(tmp_path / "catalogue.db").table("anything").create({"id": int})

    with (
        pytest.raises(UnusableDatabaseError, match="an older stageproxy"),
        sqlite.reading(tmp_path / "catalogue.db"),
    ):
        pass
