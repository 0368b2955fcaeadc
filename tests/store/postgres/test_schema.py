"""The schemas of both databases mean the same."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from stageproxy.store.sqlite.database import Database

_OWN_TABLES = {"catalogue_lock", "catalogue_state", "last_change", "migration"}
_TYPES = {"text": "TEXT", "bigint": "INTEGER", "bytea": "BLOB", "double precision": "REAL"}


def sqlite_columns(connection: sqlite3.Connection) -> set[tuple[str, str, str, bool]]:
    """Return table, name, type of each column, and whether it may be NULL."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    )
    return {
        (table, name, kind, not (required or key))
        for (table,) in tables.fetchall()
        for _, name, kind, required, _, key in connection.execute(f"PRAGMA table_info({table})")
    }


def postgres_columns(connection: psycopg.Connection) -> set[tuple[str, str, str, bool]]:
    """Return the same of PostgreSQL, and the types in SQLite's words."""
    found = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable, collation_name "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    ).fetchall()
    ours = [one for one in found if one[0] not in _OWN_TABLES]
    assert {one[4] for one in ours if one[2] == "text"} == {"C"}
    return {(one[0], one[1], _TYPES[one[2]], one[3] == "YES") for one in ours}


def sqlite_indexes(connection: sqlite3.Connection) -> dict[str, tuple[bool, str]]:
    """Return the indexes by name: whether each is unique, and whatever follows its table."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
        "AND name NOT LIKE 'idx\\_%' ESCAPE '\\'"
    )
    return {name: in_short(sql) for name, sql in found}


def postgres_indexes(connection: psycopg.Connection) -> dict[str, tuple[bool, str]]:
    """Return the same of PostgreSQL, without those of its keys and own tables."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname "
        "NOT IN (SELECT conname FROM pg_constraint)"
    ).fetchall()
    return {name: in_short(sql) for name, sql in found}


def in_short(sql: str) -> tuple[bool, str]:
    """Return whether an index is unique, and its columns and condition in one spelling."""
    text = re.sub(r"::\w+(\[\])?|USING btree|public\.|\bARRAY\b", "", sql)
    text = re.sub(r"= ANY", "IN", text).partition(" ON ")[2]
    return "UNIQUE" in sql, re.sub(r"[\s()\[\]]", "", text)


def test_schemas_are_equal(migrated_url: str, tmp_path: Path) -> None:
    """Both databases have the same tables, columns and indexes: a step for one needs its pair."""
    path = tmp_path / "catalogue.db"
    with Database(path):
        pass

    with psycopg.connect(migrated_url) as postgres, closing(sqlite3.connect(path)) as sqlite:
        assert postgres_columns(postgres) == sqlite_columns(sqlite)
        assert postgres_indexes(postgres) == sqlite_indexes(sqlite)
