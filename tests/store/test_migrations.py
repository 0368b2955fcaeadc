"""Migrations: whole or not at all, and never from a newer schema."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables

from stageproxy.catalogue import Rows
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.rules.findings import note
from stageproxy.store.database import Database
from stageproxy.store.migrations import NewerSchemaError
from tests.store.builders import NOW, a_stage, an_api_token, an_artifact
from tests.support.promotion.promotions import a_promotion
from tests.support.servers.processes import own_environment, run

# Forks a child that kills itself before its n-th statement, for each n until one gets through.
KILLED_AT_EACH_STATEMENT = """
import json, os, signal, sys
from itertools import count
from pathlib import Path
from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3
from stageproxy.store.migrations import migrate

def tables(path):
    with Tables(path, execute_plugins=False) as there:
        return sorted(there.table_names())

def migrate_and_die(path, last):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    statements = count(1)
    def traced(statement):
        if next(statements) >= last:
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(traced)
    migrate(Tables(connection, execute_plugins=False))
    os._exit(0)

found = []
for last in count(1):
    path = Path(sys.argv[1]) / f"{last}.db"
    child = os.fork()
    if child == 0:
        migrate_and_die(path, last)
    _, status = os.waitpid(child, 0)
    found.append(tables(path))
    if not os.WIFSIGNALED(status):
        break
print(json.dumps(found))
"""


async def test_killed_while_migrating(tmp_path: Path) -> None:
    """A migration that is killed at any statement leaves a whole step; the next start finishes."""
    command = (sys.executable, "-c", KILLED_AT_EACH_STATEMENT, str(tmp_path))
    done = await run(*command, environment=own_environment())
    *killed, whole = [
        [name for name in tables if not name.startswith("_")] for tables in json.loads(done.stdout)
    ]

    assert len(killed) > 10
    expected = {(), *map(tuple, killed), tuple(whole)}
    assert sorted(map(len, expected)) == [0, 7, 8, 9, 11, 12, 13]
    for number in range(1, len(killed) + 2):
        with Database(tmp_path / f"{number}.db") as database:
            await database.write(lambda rows: rows.stages.save(a_stage("id")))


async def test_second_start_changes_nothing(tmp_path: Path) -> None:
    """A database with the newest schema is not changed."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))

    with Database(path) as database:
        assert await database.read(lambda rows: rows.stages.list()) == [a_stage("id")]


async def test_promotions_in_older_databases(tmp_path: Path) -> None:
    """Stages of databases without promotions can be promoted."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))
    with Tables(path, execute_plugins=False) as tables:
        tables.table("journal_entry").drop()
        tables.table("promotion").drop()
        steps = ["m0004_promotions", "m0007_ways_out"]
        tables.table("_sqlite_migrations").delete_where("name IN (?, ?)", steps)

    with Database(path) as database:
        await database.write(lambda rows: rows.promotions.save(a_promotion("id")))

        assert await database.read(lambda rows: rows.stages.find("id")) == a_stage("id")
        assert await database.read(lambda rows: rows.promotions.find("id")) == a_promotion("id")


async def test_tokens_in_older_databases(tmp_path: Path) -> None:
    """Tokens of databases without names are valid, and have no name."""
    path = tmp_path / "catalogue.db"
    token = an_api_token("old")
    with Database(path) as database:
        await database.write(lambda rows: rows.tokens.save(token))
    with Tables(path, execute_plugins=False) as tables:
        tables.table("api_token").transform(drop={"name"})
        tables.table("_sqlite_migrations").delete_where("name = ?", ["m0005_token_names"])

    with Database(path) as database:
        assert await database.read(lambda rows: rows.tokens.list()) == [token]
        assert await database.read(lambda rows: rows.tokens.names()) == {}


async def test_queries_in_older_journals(tmp_path: Path) -> None:
    """The URLs in older journals lose their queries, which may be signatures."""
    path = tmp_path / "catalogue.db"
    urls = {
        "a.whl": "https://files.example/a.whl?Signature=b",
        "c.whl": "https://files.example/c.whl",
    }
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))
        for name in urls:
            await database.write(partial(_save_entry, name))
    with Tables(path, execute_plugins=False) as tables:
        for name, url in urls.items():
            tables.table("journal_entry").update(("id", name), {"url": url})
        tables.table("journal_entry").transform(drop={"has_query"})
        tables.table("promotion").transform(drop={"stop_requested_by", "stop_requested_at"})
        tables.table("_sqlite_migrations").delete_where("name = ?", ["m0007_ways_out"])

    with Database(path) as database:
        journal = await database.read(lambda rows: rows.promotions.find_journal("id"))

    assert {name: (one.url, one.has_query) for name, one in journal.items()} == {
        "a.whl": ("https://files.example/a.whl", True),
        "c.whl": ("https://files.example/c.whl", False),
    }


def _save_entry(name: str, rows: Rows) -> None:
    rows.promotions.save_entry("id", Entry(name, Progress.CONFIRMED, NOW))


async def test_findings_in_older_databases(tmp_path: Path) -> None:
    """The findings that a former version stored as messages alone are notes."""
    path = tmp_path / "catalogue.db"
    artifact = an_artifact()
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))
        await database.write(lambda rows: rows.artifacts.save("id", artifact, (), None))
    with Tables(path, execute_plugins=False) as tables:
        tables.execute("UPDATE artifact SET notices = '[\"Odd.\"]'")
        tables.conn.commit()

    with Database(path) as database:
        stage = await database.read(lambda rows: rows.stages.find("id"))

        assert stage is not None
        assert stage.artifacts == (replace(artifact, findings=(note("Odd."),)),)


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    """A database of a newer version is not changed, and the error says what to do."""
    path = tmp_path / "catalogue.db"
    with Database(path):
        pass
    step = {"migration_set": "stageproxy", "name": "m9999_of_the_future", "applied_at": "later"}
    with Tables(path, execute_plugins=False) as tables:
        tables.table("_sqlite_migrations").insert(step)

    with pytest.raises(NewerSchemaError) as refused:
        Database(path)

    assert str(refused.value) == (
        "The data directory was written by a newer stageproxy "
        "(unknown migrations: m9999_of_the_future). Install that version."
    )
