"""Who edits the audit trail behind the server's back: kept from it, or found out (76, 77)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.audit import AuditRecord, chained_record, find_broken_record
from stageproxy.ports import Rows
from stageproxy.store.database import Database
from stageproxy.store.rows import SqliteRows
from tests.support.builders.trails import a_chain, an_event

EVENTS = [an_event(f"deed-{number}", filename=f"demo-{number}.whl") for number in range(1, 13)]
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

Tamper = Callable[[SqliteRows, Random], int]


class UndoError(Exception):
    """What was done is to be undone."""


@pytest.fixture
async def database(tmp_path: Path) -> Database:
    """Return a database with a dozen events."""
    database = Database(tmp_path / "catalogue.db")
    await database.write(lambda rows: [rows.audit.add(one) for one in EVENTS])
    return database


@pytest.fixture(autouse=True)
def closed(database: Database) -> Iterator[None]:
    """Let go of the database in the end."""
    yield
    database.close()


def run(rows: Rows, sql: str, **values: object) -> None:
    """Run a statement as somebody with a shell would."""
    assert isinstance(rows, SqliteRows)
    rows._tables.execute(sql, values)  # noqa: SLF001 - nobody of ours may do that


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
async def test_database_refuses(database: Database, statement: str) -> None:
    """The schema itself lets nothing happen to a record, and none come but at the end (76)."""
    with pytest.raises(sqlite3.IntegrityError, match="the audit trail is"):
        await database.write(lambda rows: run(rows, statement))

    assert await database.read(lambda rows: rows.audit.list()) == a_chain(*EVENTS)


def edited(rows: SqliteRows, random: Random) -> int:
    """Change one letter of one column of one record."""
    number, column = random.randint(1, LAST), random.choice(TEXT_COLUMNS)
    row = rows._one(f"SELECT {column} AS text FROM audit_record WHERE number = {number}")  # noqa: SLF001
    assert row is not None
    text = row["text"]
    place = random.randrange(len(text))
    other = random.choice([one for one in '0aZ{":- ' if one != text[place]])
    changed = text[:place] + random.choice([other, "", other + text[place]]) + text[place + 1 :]
    run(rows, f"UPDATE audit_record SET {column} = :text WHERE number = {number}", text=changed)
    return number


def removed(rows: SqliteRows, random: Random) -> int:
    """Remove one record."""
    number = random.randint(1, LAST)
    run(rows, f"DELETE FROM audit_record WHERE number = {number}")
    return number


def swapped(rows: SqliteRows, random: Random) -> int:
    """Let two records change places."""
    one, other = random.sample(range(1, LAST + 1), 2)
    for before, after in ((one, 0), (other, one), (0, other)):
        run(rows, f"UPDATE audit_record SET number = {after} WHERE number = {before}")
    return min(one, other)


def cut(rows: SqliteRows, random: Random) -> int:
    """Remove the last records, all of them perhaps."""
    number = random.randint(1, LAST)
    run(rows, f"DELETE FROM audit_record WHERE number >= {number}")
    return number


def written_anew(rows: SqliteRows, random: Random) -> int:
    """Remove the last records, and write others that fit."""
    number = cut(rows, random)
    for _ in range(number, LAST + 1):
        rows.audit.add(an_event("never"))
    return LAST + 1


@pytest.mark.parametrize("tamper", [edited, removed, swapped, cut, written_anew])
async def test_random_tampering_is_found(database: Database, tamper: Tamper) -> None:
    """With the triggers gone and the head known, 1,000 of 1,000 are found, and where (77)."""
    random = Random(SEED)
    head = (await database.read(lambda rows: rows.audit.head())).digest
    found: list[tuple[int, int | None]] = []

    def work(rows: Rows) -> None:
        assert isinstance(rows, SqliteRows)
        for trigger in TRIGGERS:
            run(rows, f"DROP TRIGGER audit_record_{trigger}")
        expected = tamper(rows, random)
        broken = find_broken_record(rows.audit.list(), head)
        found.append((expected, broken.number if broken else None))
        raise UndoError

    for _ in range(ROUNDS):
        with pytest.raises(UndoError):
            await database.write(work)

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
async def test_unreadable_record_is_found(database: Database, column: str, value: str) -> None:
    """A record that nobody can read, or that was only spelled otherwise, is no fault of ours."""

    def tamper(rows: Rows) -> None:
        run(rows, "DROP TRIGGER audit_record_is_never_changed")
        run(rows, f"UPDATE audit_record SET {column} = :value WHERE number = 3", value=value)

    await database.write(tamper)
    records = await database.read(lambda rows: rows.audit.list())

    broken = find_broken_record(records)
    assert broken is not None
    assert broken.number == 3


async def test_events_go_on_after_tampering(database: Database) -> None:
    """A chain that is broken somewhere gets new records all the same, after its last one."""

    def tamper(rows: Rows) -> AuditRecord:
        run(rows, "DROP TRIGGER audit_record_is_never_removed")
        run(rows, "DELETE FROM audit_record WHERE number = 3")
        return rows.audit.add(an_event("opened"))

    record = await database.write(tamper)

    assert record == chained_record(a_chain(*EVENTS)[-1].digest, LAST + 1, an_event("opened"))
