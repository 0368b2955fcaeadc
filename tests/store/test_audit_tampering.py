"""Changes to the audit trail outside of the server: refused by the schema, or found."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from stageproxy.core.audit import chained_record, find_broken_record
from stageproxy.store.rows.rows import SqlRows
from stageproxy.store.sqlite.database import Database
from tests.support.builders.trails import a_chain, an_event
from tests.support.database import connection_to, execute

EVENTS = [an_event(f"action-{number}", filename=f"demo-{number}.whl") for number in range(1, 13)]
LAST = len(EVENTS)
ROUNDS = 1000
SEED = 20261122
TRIGGERS = ("is_never_changed", "is_never_removed", "comes_last")
TEXT_COLUMNS = (
    "at",
    "actor",
    "action",
    "project",
    "version",
    "stage_id",
    "details",
    "previous",
    "digest",
)

Tamper = Callable[[Any, Random], int]
"""Changes records through a connection, and returns the number of the first wrong one."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the database."""
    return tmp_path / "catalogue.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """Return a database with a dozen events."""
    with Database(path) as database:
        await database.write(lambda rows: [rows.audit.add(one) for one in EVENTS])
        yield database


REST = "action, project, version, stage_id, details, previous, digest FROM audit_record"
STATEMENTS = {
    "edit": "UPDATE audit_record SET actor = 'nobody' WHERE number = 3",
    "renumber": "UPDATE audit_record SET number = 99 WHERE number = 12",
    "remove": "DELETE FROM audit_record WHERE number = 12",
    "empty": "DELETE FROM audit_record",
    "leave a gap": f"INSERT INTO audit_record SELECT 99, at, actor, {REST} WHERE number = 3",
    "replace": f"INSERT OR REPLACE INTO audit_record SELECT 3, at, 'nobody', {REST} LIMIT 1",
    "replace the last": "REPLACE INTO audit_record SELECT * FROM audit_record WHERE number = 12",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
async def test_database_refuses(database: Database, path: Path, statement: str) -> None:
    """The schema refuses to change or remove a record, and to add one before the last."""
    with pytest.raises(sqlite3.IntegrityError, match="the audit trail is"):
        execute(path, statement)

    assert await database.read(lambda rows: rows.audit.list()) == a_chain(*EVENTS)


def rows_of(connection: Any) -> SqlRows:
    """Return the rows as a connection sees them."""
    return SqlRows(Tables(connection, execute_plugins=False))


def drop_triggers(connection: Any) -> None:
    """Drop the triggers that protect the records."""
    for name in TRIGGERS:
        connection.execute(f"DROP TRIGGER audit_record_{name}")


def edited(connection: Any, random: Random) -> int:
    """Change one letter of one column of one record."""
    number, column = random.randint(1, LAST), random.choice(TEXT_COLUMNS)
    query = f"SELECT {column} FROM audit_record WHERE number = {number}"
    text = connection.execute(query).fetchone()[0]
    place = random.randrange(len(text))
    other = random.choice([one for one in '0aZ{":- ' if one != text[place]])
    changed = text[:place] + random.choice([other, "", other + text[place]]) + text[place + 1 :]
    update = f"UPDATE audit_record SET {column} = ? WHERE number = {number}"
    connection.execute(update, (changed,))
    return number


def removed(connection: Any, random: Random) -> int:
    """Remove one record."""
    number = random.randint(1, LAST)
    connection.execute(f"DELETE FROM audit_record WHERE number = {number}")
    return number


def swapped(connection: Any, random: Random) -> int:
    """Swap two records."""
    one, other = random.sample(range(1, LAST + 1), 2)
    for before, after in ((one, 0), (other, one), (0, other)):
        connection.execute(f"UPDATE audit_record SET number = {after} WHERE number = {before}")
    return min(one, other)


def cut(connection: Any, random: Random) -> int:
    """Remove the last records, up to all of them."""
    number = random.randint(1, LAST)
    connection.execute(f"DELETE FROM audit_record WHERE number >= {number}")
    return number


def rewritten(connection: Any, random: Random) -> int:
    """Remove the last records, and add others with a valid chain."""
    number = cut(connection, random)
    for _ in range(number, LAST + 1):
        rows_of(connection).audit.add(an_event("never"))
    return LAST + 1


@pytest.mark.parametrize("tamper", [edited, removed, swapped, cut, rewritten])
async def test_random_tampering_is_found(database: Database, path: Path, tamper: Tamper) -> None:
    """Without the triggers, each of 1,000 changes is found, and the number of its record.

    The digest of the last record is known, as from a log.
    """
    random = Random(SEED)
    head = (await database.read(lambda rows: rows.audit.head())).digest
    found: list[tuple[int, int | None]] = []

    with connection_to(path) as connection:
        for _ in range(ROUNDS):
            connection.execute("BEGIN IMMEDIATE")
            drop_triggers(connection)
            expected = tamper(connection, random)
            broken = find_broken_record(rows_of(connection).audit.list(), head)
            found.append((expected, broken.number if broken else None))
            connection.execute("ROLLBACK")

    assert [one for one in found if one[0] != one[1]] == []
    assert await database.read(lambda rows: rows.audit.list()) == a_chain(*EVENTS)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "never"),
        ("at", "2026-11-22T12:00:00.123456+00:00"),
        ("at", "2026-11-22T12:00:00.123456"),
        ("details", "{"),
        ("details", "[]"),
        ("details", '{"filename":"demo-3.whl" }'),
        ("details", '{"filename":"x","filename":"demo-3.whl"}'),
        ("details", "[" * 100_000),
    ],
    ids=[
        "no time",
        "a time in other words",
        "a time without zone",
        "no JSON",
        "no object",
        "a space",
        "a key twice",
        "a deep hole",
    ],
)
async def test_unreadable_record_is_found(
    database: Database, path: Path, column: str, value: str
) -> None:
    """A record that cannot be read, or that is spelled differently, is found like any change."""
    update = f"UPDATE audit_record SET {column} = :value WHERE number = 3"
    execute(path, "DROP TRIGGER audit_record_is_never_changed")
    execute(path, update, value=value)

    records = await database.read(lambda rows: rows.audit.list())

    broken = find_broken_record(records)
    assert broken is not None
    assert broken.number == 3


async def test_events_are_added_after_tampering(database: Database, path: Path) -> None:
    """New records are added after the last one even if the chain is broken before it."""
    execute(
        path,
        "DROP TRIGGER audit_record_is_never_removed",
        "DELETE FROM audit_record WHERE number = 3",
    )

    record = await database.write(lambda rows: rows.audit.add(an_event("opened")))

    assert record == chained_record(a_chain(*EVENTS)[-1].digest, LAST + 1, an_event("opened"))
