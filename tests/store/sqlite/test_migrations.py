"""Migrations: whole or not at all, and never from a newer schema."""

import json
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database as Tables

from stageproxy import __version__
from stageproxy.catalogue import Rows
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.rules.findings import note
from stageproxy.core.stage.stage import Status
from stageproxy.store.backups.snapshot import read_snapshot
from stageproxy.store.sqlite.database import Database
from stageproxy.store.sqlite.migration_copies import NoCopyError, require_space_for_copy
from stageproxy.store.unusable import NewerSchemaError
from tests.store.builders import NOW, a_stage, an_api_token, an_artifact
from tests.support.database import connection_to, execute
from tests.support.promotion.promotions import a_promotion
from tests.support.servers.processes import own_environment, run

SCHEMAS = sorted((Path(__file__).parents[2] / "data" / "schemas").glob("*.sql"))
"""A catalogue of each released schema, with data."""

# For each database, forks children that kill themselves before its n-th statement, for each n
# until one gets through; prints the schemas that they leave behind, and migrates them again.
KILLED_AT_EACH_STATEMENT = """
import json, os, shutil, signal, sys
from itertools import count
from pathlib import Path
from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3
from stageproxy.store.sqlite.migration_copies import copy_before
from stageproxy.store.sqlite.migrations import (migrate)

def opened(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    return connection

def migrate_and_die(path, last):
    connection, statements = opened(path), count(1)
    def traced(statement):
        if next(statements) >= last:
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(traced)
    tables = Tables(connection, execute_plugins=False)
    migrate(tables, copy=lambda step: copy_before(tables, path, step))
    os._exit(0)

def schema_of(path):
    query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    connection = opened(path)
    found = [sql for (sql,) in connection.execute(query)]
    connection.close()
    return found

def migrated(path):
    tables = Tables(opened(path), execute_plugins=False)
    migrate(tables, copy=lambda step: copy_before(tables, path, step))
    tables.close()
    return schema_of(path)

for start in map(Path, sys.argv[1:]):
    found = []
    for last in count(1):
        folder = start.with_name(f"{start.stem}-{last}")
        folder.mkdir()
        path = folder / "catalogue.db"
        shutil.copyfile(start, path)
        child = os.fork()
        if child == 0:
            migrate_and_die(path, last)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        found.append((schema_of(path), migrated(path)))
    print(json.dumps({"before": schema_of(start), "found": found, "after": schema_of(path)}))
"""


def database_of(schema: Path, path: Path) -> Path:
    """Return a database of a released schema."""
    with connection_to(path) as connection:
        connection.executescript(schema.read_text())
    return path


async def test_killed_while_migrating(tmp_path: Path) -> None:
    """Killed at any statement, a catalogue is as before or migrated; the next start finishes.

    The first released schema has all other migrations before it.
    """
    none = database_of(Path(os.devnull), tmp_path / "none.db")
    first = database_of(SCHEMAS[0], tmp_path / "first.db")
    command = (sys.executable, "-c", KILLED_AT_EACH_STATEMENT, str(none), str(first))

    done = (await run(*command, environment=own_environment())).ok()

    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(result["found"]) > 30 for result in results] == [True, True]
    for result in results:
        left = [before for before, _ in result["found"]]
        assert [one for one in left if one not in (result["before"], result["after"])] == []
        assert [after for _, after in result["found"] if after != result["after"]] == []


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda one: one.stem)
async def test_released_schemas(tmp_path: Path, schema: Path) -> None:
    """The data of every released schema is migrated and read."""
    number = SCHEMAS.index(schema) + 1
    path = database_of(schema, tmp_path / "catalogue.db")

    with Database(path) as database:
        read = await database.read(everything_in)

    assert read["stages"] == {"stage-open": Status.OPEN, "stage-published": Status.PUBLISHED}
    assert read["artifacts"] == {"demo-2.0-py3-none-any.whl": (note("A notice."),)}
    assert read["form"] == (("name", "demo"), ("version", "2.0"))
    assert read["former"] == "withdrawn"
    assert read["found by token"] == ("stage-open", 0)
    assert read["tokens"] == ["token-1", "token-2"]
    assert read["uploads"] == (["demo-2.0.tar.gz"] if number >= 2 else [])
    assert read["actions"] == (["opened", "uploaded"] if number >= 3 else [])
    assert read["journal"] == (
        {"https://files.example/demo-1.0-py3-none-any.whl": True} if number >= 4 else {}
    )
    assert read["promoted"] == (number >= 4)


def everything_in(rows: Rows) -> dict[str, Any]:
    """Read rows of each kind."""
    stage, filename = rows.stages.find("stage-open"), "demo-2.0-py3-none-any.whl"
    found = rows.stages.find_by_token("a" * 64)
    journal = rows.promotions.find_journal("stage-published")
    assert stage is not None
    assert found is not None
    return {
        "stages": {one.id: one.status for one in rows.stages.list()},
        "artifacts": {one.filename: one.findings for one in stage.artifacts},
        "form": rows.artifacts.find_form("stage-open", filename),
        "former": rows.artifacts.find_former("stage-open", "6" * 64, "demo-2.0.tar.gz"),
        "found by token": (found[0].id, found[1]),
        "tokens": sorted(one.id for one in rows.tokens.list()),
        "uploads": [one.filename for one in stage.uploads],
        "actions": [one.event.action for one in rows.audit.list()],
        "journal": {one.url: one.has_query for one in journal.values()},
        "promoted": rows.promotions.find("stage-published") is not None,
    }


def copies_beside(path: Path) -> list[Path]:
    """Return the copies of a database from before its migrations."""
    return sorted((path.parent / "backups").glob("*"))


def test_copy_before_a_migration(tmp_path: Path) -> None:
    """A database with data is copied before it is migrated, and once."""
    path = database_of(SCHEMAS[3], tmp_path / "catalogue.db")
    before = read_snapshot(path)

    for _ in range(2):
        with Database(path, copy_before_migration=True):
            pass

    (copy,) = copies_beside(path)
    assert copy.name == "catalogue.db.before-m0005_token_names"
    assert (read_snapshot(copy).steps, copy.stat().st_mode & 0o777) == (before.steps, 0o600)


def test_few_copies_stay(tmp_path: Path) -> None:
    """Of the copies from before migrations, the last three stay."""
    for schema in SCHEMAS[:5]:
        (tmp_path / "catalogue.db").unlink(missing_ok=True)
        path = database_of(schema, tmp_path / "catalogue.db")
        with Database(path, copy_before_migration=True):
            pass

    assert [one.name.removeprefix("catalogue.db.before-")[:5] for one in copies_beside(path)] == [
        "m0004",
        "m0005",
        "m0006",
    ]


def test_nothing_to_copy(tmp_path: Path) -> None:
    """A new database is not copied, nor one without anything to migrate."""
    path = tmp_path / "catalogue.db"

    for _ in range(2):
        with Database(path, copy_before_migration=True):
            pass

    assert copies_beside(path) == []


def test_no_space_for_a_copy(tmp_path: Path) -> None:
    """Without space for the copy, nothing is migrated, and the error says what to do."""
    path = database_of(SCHEMAS[3], tmp_path / "catalogue.db")
    with Tables(path, execute_plugins=False) as tables, pytest.raises(NoCopyError) as refused:
        require_space_for_copy(tables, path, free=4096)

    assert "Make room, or make a backup elsewhere" in str(refused.value)


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


async def test_stages_in_older_databases(tmp_path: Path) -> None:
    """Stages of databases without expected files expect none, and new ones keep theirs."""
    path = tmp_path / "catalogue.db"
    declared = replace(a_stage("new"), version="3.0", expects=("sdist", "*.whl"))
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage("old")))
    with Tables(path, execute_plugins=False) as tables:
        tables.execute("ALTER TABLE stage DROP COLUMN expects")
        tables.table("_sqlite_migrations").delete_where("name = ?", ["m0011_expects"])

    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(declared))

        assert await database.read(lambda rows: rows.stages.find("old")) == a_stage("old")
        assert await database.read(lambda rows: rows.stages.find("new")) == declared


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
        f"The data directory was written by a newer stageproxy; this is {__version__} "
        "(unknown migrations: m9999_of_the_future). Install that version or a later one."
    )


def test_way_back(tmp_path: Path) -> None:
    """If there is a copy from before the newer version, the error says how to go back."""
    path = tmp_path / "catalogue.db"
    with Database(path):
        pass
    execute(
        path,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('stageproxy', 'm9999_of_the_future', 'later')",
        "PRAGMA user_version = 2003004",
    )
    copy = tmp_path / "backups" / "catalogue.db.before-m9999_of_the_future"
    copy.parent.mkdir()
    copy.touch()

    with pytest.raises(NewerSchemaError) as refused:
        Database(path)

    assert str(refused.value) == (
        f"The data directory was written by stageproxy 2.3.4; this is {__version__} (unknown "
        "migrations: m9999_of_the_future). Install that version or a later one. To go back to "
        f"{__version__} without what was done since the update: `stageproxy restore {copy} --data "
        f"{tmp_path} --replace`."
    )
