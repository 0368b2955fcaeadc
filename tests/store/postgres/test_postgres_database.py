"""What the catalogue does when PostgreSQL fails, and when several servers write."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import Connection, errors

from stageproxy import __version__
from stageproxy.catalogue import ConstraintError, Rows
from stageproxy.core.errors import FailedDatabaseError, LockedDatabaseError
from stageproxy.core.stage.stage import Stage
from stageproxy.store.postgres.database import PostgresDatabase
from stageproxy.store.postgres.migrations import LATER_STEPS, steps
from stageproxy.store.postgres.problems import find_database_problem, name_of
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError
from tests.store.builders import given
from tests.support.builders.stages import a_stage
from tests.support.servers.postgres import Postgres

SHORT = timedelta(seconds=0.3)
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'stageproxy' AND datname = current_database()
"""


@pytest.fixture
def database(migrated_url: str) -> Iterator[PostgresDatabase]:
    """Return an empty catalogue."""
    with PostgresDatabase(migrated_url) as opened:
        yield opened


def saves(stage: Stage) -> Callable[[Rows], None]:
    """Return the work that saves a stage."""
    return lambda rows: rows.stages.save(stage)


def end_connections(url: str) -> None:
    """End the connections of all catalogues, as a restart of PostgreSQL does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(END_CONNECTIONS)


async def test_connection_lost_between_transactions(
    database: PostgresDatabase, migrated_url: str
) -> None:
    """A connection that was lost while nobody used it costs no request."""
    await database.write(saves(a_stage()))
    end_connections(migrated_url)

    assert await database.read(lambda rows: rows.stages.find(a_stage().id)) == a_stage()


async def test_connection_lost_in_a_transaction(
    database: PostgresDatabase, migrated_url: str
) -> None:
    """The work is run again, as a whole, and stored once."""
    runs = 0

    def work(rows: Rows) -> None:
        nonlocal runs
        runs += 1
        rows.stages.save(replace(a_stage(), revision=runs))
        if runs == 1:
            end_connections(migrated_url)

    await database.write(work)

    stored = await database.read(lambda rows: rows.stages.find(a_stage().id))
    assert (runs, stored and stored.revision) == (2, 2)


@pytest.mark.parametrize("is_done", [True, False])
async def test_connection_lost_while_committing(
    database: PostgresDatabase,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_done: bool,
) -> None:
    """A commit without an answer is looked up: the work is never stored twice, nor lost."""
    commit = Connection.commit
    runs = lost = 0

    def losing(connection: Connection[object]) -> None:
        nonlocal lost
        lost += 1
        if lost > 1:
            commit(connection)
            return
        if is_done:
            commit(connection)
        end_connections(migrated_url)
        connection.execute("SELECT 1")

    def work(rows: Rows) -> int:
        nonlocal runs
        runs += 1
        stage = rows.stages.find(a_stage().id) or replace(a_stage(), revision=0)
        rows.stages.save(replace(stage, revision=stage.revision + 1))
        return runs

    monkeypatch.setattr(Connection, "commit", losing)
    run = await database.write(work)

    stored = await database.read(lambda rows: rows.stages.find(a_stage().id))
    assert (run, stored and stored.revision) == ((1, 1) if is_done else (2, 1))


async def test_crash_while_committing(
    postgres: Postgres,
    database: PostgresDatabase,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a crash of PostgreSQL has undone is stored again, whatever was committed since.

    After a crash, PostgreSQL gives the number of a transaction that it has lost to another one.
    """
    await database.write(lambda rows: rows.leases.remove("none"))
    commit = Connection.commit
    crashes = 0

    def crashing(connection: Connection[object]) -> None:
        nonlocal crashes
        crashes += 1
        if crashes > 1:
            commit(connection)
            return
        postgres.kill()
        postgres.start()
        with psycopg.connect(migrated_url, autocommit=True) as other:
            other.execute("UPDATE catalogue_state SET number = number + 1")
        connection.execute("SELECT 1")

    monkeypatch.setattr(Connection, "commit", crashing)
    await database.write(saves(a_stage()))

    assert await database.read(lambda rows: rows.stages.find(a_stage().id)) == a_stage()


async def test_commit_that_is_never_known(
    postgres: Postgres, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If PostgreSQL stays away after a commit without an answer, the change fails in time."""
    commit = Connection.commit

    def stopping(connection: Connection[object]) -> None:
        commit(connection)
        postgres.stop()
        connection.execute("SELECT 1")

    with PostgresDatabase(migrated_url, timeout=SHORT) as database:
        monkeypatch.setattr(Connection, "commit", stopping)
        try:
            with pytest.raises(FailedDatabaseError):
                await database.write(saves(a_stage()))
        finally:
            postgres.start()


async def test_restart(postgres: Postgres, database: PostgresDatabase) -> None:
    """A restart of PostgreSQL is not seen by those who write meanwhile."""
    writing = [
        database.write(saves(replace(a_stage(), id=f"s{n}", version=f"{n}"))) for n in (1, 2)
    ]
    await asyncio.gather(postgres.restart_in_thread(), *writing)

    found = await database.read(lambda rows: [one.id for one in rows.stages.list()])
    assert sorted(found) == ["s1", "s2"]


async def test_no_database(postgres: Postgres, migrated_url: str) -> None:
    """Without PostgreSQL, a request fails in the time that is set, until it is back."""
    with PostgresDatabase(migrated_url, timeout=SHORT) as database:
        postgres.stop()
        try:
            with pytest.raises(FailedDatabaseError):
                await database.write(saves(a_stage()))
            with pytest.raises(FailedDatabaseError):
                await database.read(lambda rows: rows.stages.list())
            assert await database.check() == FailedDatabaseError().sentence
        finally:
            postgres.start()
        while await database.check() is not None:
            pass


async def test_another_program_holds_the_lock(migrated_url: str) -> None:
    """Who waits for the lock in vain gets the error of a locked database, and readers go on."""
    with (
        PostgresDatabase(migrated_url, timeout=SHORT) as database,
        closing(psycopg.connect(migrated_url)) as other,
    ):
        other.execute("LOCK TABLE catalogue_lock IN EXCLUSIVE MODE")

        with pytest.raises(LockedDatabaseError):
            await database.write(saves(a_stage()))
        assert await database.read(lambda rows: rows.stages.list()) == []


async def test_one_of_many_wins(migrated_url: str) -> None:
    """Of twenty who compare and set at the same time, from two servers, one wins."""

    def claim(rows: Rows) -> bool:
        stage = rows.stages.find(a_stage().id)
        assert stage is not None
        if stage.revision != a_stage().revision:
            return False
        rows.stages.save(replace(stage, revision=stage.revision + 1))
        return True

    with PostgresDatabase(migrated_url) as one, PostgresDatabase(migrated_url) as other:
        await one.write(saves(a_stage()))
        won = await asyncio.gather(*(each.write(claim) for each in [one, other] * 10))

    assert won.count(True) == 1


async def test_serialization_failure(database: PostgresDatabase) -> None:
    """Work that PostgreSQL cannot serialize is run again."""
    failures = [
        errors.SerializationFailure("once"),
        errors.DeadlockDetected("twice"),
    ]

    def work(rows: Rows) -> None:
        rows.stages.save(a_stage())
        if failures:
            raise failures.pop()

    await database.write(work)

    assert await database.read(lambda rows: rows.stages.find(a_stage().id)) == a_stage()


async def test_the_audit_trail_is_only_added_to(
    database: PostgresDatabase, migrated_url: str
) -> None:
    """Neither a program with the database's password nor a bug of ours changes a record."""
    del database
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        for statement in (
            "INSERT INTO audit_record VALUES (2, '', '', '', '', '', '', '{}', '', '')",
            "TRUNCATE audit_record",
        ):
            with pytest.raises(psycopg.IntegrityError, match="the audit trail is"):
                connection.execute(statement.encode())


async def test_broken_promise_of_the_schema(database: PostgresDatabase) -> None:
    """A second live stage of a release is refused by the database, and nothing is stored."""
    await database.write(saves(a_stage()))

    with pytest.raises(ConstraintError):
        await database.write(saves(replace(a_stage(), id="another")))
    assert await database.read(lambda rows: len(rows.stages.list())) == 1


async def test_text_with_nul(database: PostgresDatabase) -> None:
    """A NUL, which PostgreSQL cannot store, becomes the replacement character."""
    await database.write(saves(replace(a_stage(), reason="a\x00b")))

    stored = await database.read(lambda rows: rows.stages.find(a_stage().id))
    assert stored is not None
    assert stored.reason == "a\ufffdb"


def test_unusable_database(postgres: Postgres) -> None:
    """The reason is named, and what to do; the password is not."""
    url = postgres.url("missing").replace("stageproxy@", "stageproxy:hidden@")

    with pytest.raises(UnusableDatabaseError) as refused:
        PostgresDatabase(url)

    sentence = str(refused.value)
    assert "hidden" not in sentence
    assert sentence.startswith(f"The database missing on 127.0.0.1 port {postgres.port} cannot be")
    assert sentence.endswith('database "missing" does not exist. Check storage.database.')


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hid/den@db.example/stages",
        "postgresql://me:hid%zzden@db.example/stages",
        "postgresql://me:hid@den@db.example/stages",
        "postgresql://me:hid:den@db.example/stages",
    ],
)
def test_password_that_is_not_spelled_as_in_a_url(url: str) -> None:
    """No part of it is in the sentence, which says how to write it."""
    with pytest.raises(UnusableDatabaseError) as refused:
        PostgresDatabase(url, timeout=SHORT)

    assert not any(part in str(refused.value) for part in ("hid", "den"))


def test_name_of_a_database() -> None:
    """A database is named without the credentials of its URL."""
    assert name_of("postgresql://me:hidden@db.example:5433/stages") == (
        "stages on db.example port 5433"
    )
    assert name_of("postgresql://db.example/stages?password=hidden") == "stages on db.example"
    assert name_of("postgresql://") == "by default on this machine"


@pytest.fixture
def set_read_only(migrated_url: str) -> Iterator[Callable[[bool], None]]:
    """Return what makes new connections to the database read only, or not."""
    name = migrated_url.rpartition("/")[2]

    def set_it(is_read_only: bool) -> None:  # noqa: FBT001 - the state
        value = "on" if is_read_only else "off"
        statement = f"ALTER DATABASE {name} SET default_transaction_read_only = {value}"
        with psycopg.connect(
            migrated_url, autocommit=True, options="-c default_transaction_read_only=off"
        ) as connection:
            connection.execute(statement.encode())
            connection.execute(END_CONNECTIONS)

    yield set_it
    set_it(False)


async def test_database_that_can_only_be_read(
    migrated_url: str, set_read_only: Callable[[bool], None]
) -> None:
    """A database that cannot be written is not ready."""
    with PostgresDatabase(migrated_url, timeout=SHORT) as database:
        assert await database.check() is None

        set_read_only(True)

        assert await database.check() == FailedDatabaseError().sentence


async def test_standby_takes_over(
    database: PostgresDatabase, migrated_url: str, set_read_only: Callable[[bool], None]
) -> None:
    """A change waits for a primary: connections to a server that only reads are given up."""
    set_read_only(True)
    attempts = 0

    def work(rows: Rows) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            # Only new connections can write, as after a change of the primary.
            name = migrated_url.rpartition("/")[2]
            with psycopg.connect(
                migrated_url, autocommit=True, options="-c default_transaction_read_only=off"
            ) as other:
                other.execute(
                    f"ALTER DATABASE {name} SET default_transaction_read_only = off".encode()
                )
        rows.stages.save(a_stage())

    await database.write(work)

    assert await database.read(lambda rows: rows.stages.find(a_stage().id)) == a_stage()


def test_database_in_another_encoding(postgres: Postgres) -> None:
    """A database that is not in UTF-8 is refused, with what to do."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE of_bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        )
    url = postgres.url("of_bytes")

    with pytest.raises(UnusableDatabaseError, match="has the encoding SQL_ASCII") as refused:
        PostgresDatabase(url)

    assert find_database_problem(url) == str(refused.value)
    postgres.drop_database(url)


def test_every_migration_is_there_for_postgresql() -> None:
    """A database with the first schema in PostgreSQL gets each later migration of SQLite."""
    names = steps()

    assert {*names[names.index("m0013_evidence") + 1 :]} == {*LATER_STEPS}


def test_servers_that_start_together(postgres_url: str) -> None:
    """One of them migrates the database, the others wait for it."""

    async def start_all() -> None:
        opening = (asyncio.to_thread(PostgresDatabase, postgres_url) for _ in range(4))
        for database in await asyncio.gather(*opening):
            database.close()

    asyncio.run(start_all())

    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT name FROM migration ORDER BY name").fetchall()
    assert [name for (name,) in found] == [*steps()]


def migrated_further(url: str, works_with: str) -> None:
    """Migrate a database as a newer version does, whose migration works with an older one."""
    PostgresDatabase(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO migration VALUES ('m9999_new', '9.0', %s)", [works_with])


def test_database_of_a_newer_version(postgres_url: str) -> None:
    """A database with a migration that does not work with this version is not touched."""
    migrated_further(postgres_url, "8.5")

    with pytest.raises(
        NewerSchemaError, match=r"m9999_new\)\. Install version 8\.5 or a later one"
    ):
        PostgresDatabase(postgres_url)


async def test_beside_a_newer_version(postgres_url: str) -> None:
    """A server can start, and work, though a newer one has added what it does not know."""
    migrated_further(postgres_url, __version__)

    with PostgresDatabase(postgres_url) as database:
        await given(database, a_stage("id"))
        assert await database.read(lambda rows: rows.stages.list()) == [a_stage("id")]


async def test_time(migrated_url: str) -> None:
    """The time comes from the database server, so that servers with wrong clocks agree on it."""
    with PostgresDatabase(migrated_url) as database:
        before = await database.read(lambda rows: rows.now())
        after = await database.write(lambda rows: rows.now())

    assert before is not None
    assert after is not None
    assert before <= after
    assert before.tzinfo is not None
