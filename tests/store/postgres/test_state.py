"""How servers learn that the catalogue has changed."""

import asyncio
from datetime import timedelta
from functools import partial

import psycopg
import pytest

from stageproxy.catalogue import Rows
from stageproxy.core.errors import FailedDatabaseError
from stageproxy.core.stage.stage import Stage
from stageproxy.store.postgres.database import PostgresDatabase
from tests.store.builders import a_stage
from tests.support.servers.postgres import Postgres


async def test_state_after_a_change(migrated_url: str) -> None:
    """A change that one server has acknowledged is seen by the next question of every other."""
    with PostgresDatabase(migrated_url) as one, PostgresDatabase(migrated_url) as other:
        states = [await other.ask_state()]
        for number in range(20):
            stage = a_stage("id", version=str(number))
            await one.write(partial(save, stage=stage))
            states.append(await other.ask_state())

        assert len(set(states)) == 21
        assert await one.ask_state() == states[-1]


async def test_state_stays(migrated_url: str) -> None:
    """Neither a read, nor a change of nothing, nor one aside changes the state."""
    with PostgresDatabase(migrated_url) as database:
        before = await database.ask_state()

        await database.read(lambda rows: rows.stages.list())
        await database.write(lambda rows: rows.stages.remove("id"))
        await database.write_aside(lambda rows: rows.stages.save(a_stage("id")))

        assert await database.ask_state() == before


async def test_question_begins_after_the_call(migrated_url: str) -> None:
    """Whoever asks while a question is on its way gets the answer to the next one."""
    with PostgresDatabase(migrated_url) as database, psycopg.connect(migrated_url) as holder:
        before = await database.ask_state()
        holder.execute("LOCK TABLE catalogue_state")
        early = database.ask_state()
        await until_waiting(migrated_url)
        late = [database.ask_state() for _ in range(3)]
        holder.execute("UPDATE catalogue_state SET number = number + 1")
        holder.commit()

        assert await early in {before, before + 1}
        assert await asyncio.gather(*late) == [before + 1] * 3


async def test_next_questions_are_gathered(migrated_url: str) -> None:
    """Whoever asks again upon an answer shares the question of those who wait already."""
    with PostgresDatabase(migrated_url) as database:
        first = database.ask_state()
        while (waiting := database.ask_state()) is first:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
        await first

        again = database.ask_state()

        assert again is waiting
        assert await again == await first


async def test_restart(migrated_url: str, postgres: Postgres) -> None:
    """A restart of PostgreSQL makes a question slow, not wrong."""
    with PostgresDatabase(migrated_url) as database:
        before = await database.ask_state()
        await postgres.restart_in_thread()

        assert await database.ask_state() == before


async def test_stopped(migrated_url: str, postgres: Postgres) -> None:
    """While PostgreSQL is stopped for longer than the timeout, nobody is told a state."""
    with PostgresDatabase(migrated_url, timeout=timedelta(milliseconds=50)) as database:
        await database.ask_state()
        postgres.stop()
        try:
            with pytest.raises(FailedDatabaseError):
                await database.ask_state()
        finally:
            postgres.start()


def save(rows: Rows, stage: Stage) -> None:
    """Store a stage."""
    rows.stages.save(stage)


async def until_waiting(url: str) -> None:
    """Wait until a connection to a database waits for a lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        waiting = (0,)
        while waiting == (0,):
            await asyncio.sleep(0)
            [waiting] = connection.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchall()
