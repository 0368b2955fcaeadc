"""How SQLite finds rows: by an index, never by reading all stages, however many have ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.catalogue import Rows
from stageproxy.core.sessions import Holder, HolderKind
from stageproxy.core.stage.stage import LIVE, Status
from stageproxy.store.rows.rows import SqlRows
from stageproxy.store.sqlite.migrations import migrate
from tests.store.builders import FORM, NOW, a_stage, an_artifact

STAGE = a_stage("s1")
HOLDER = Holder(HolderKind.API_TOKEN, "t1")
FIRST_PAGES = {
    "SCAN stage USING INDEX stage_by_opening",
    "SCAN stage USING INDEX live_by_opening",
    "SCAN stage USING INDEX published_by_opening",
    "SCAN stage USING INDEX canceled_by_opening",
}
"""The walks over stages: in the order of the list, and they end with the page."""
SHORT = {
    *FIRST_PAGES,
    "SCAN total",
    "SCAN file_upload USING INDEX upload_in_progress",
    "SCAN file_upload USING COVERING INDEX upload_in_progress",
}
"""Walks that end early, or over what is bounded by a limit."""
_STATEMENTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_TABLES = ("stage", "artifact", "file_upload", "stored_file", "former_file", "total", "session")


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    """Return an empty database."""
    connection = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrated = Tables(connection, execute_plugins=False)
    migrate(migrated)
    yield migrated
    connection.close()


def save_artifact(rows: Rows) -> None:
    """Store a stage with an artifact."""
    rows.stages.save(STAGE)
    rows.artifacts.save("s1", an_artifact(), FORM, b"Name: demo")


def remove_stage(rows: Rows) -> None:
    """Remove a stage."""
    rows.stages.remove("s1")


QUERIES: dict[str, Callable[[Rows], object]] = {
    "the first page of all stages": lambda rows: rows.stages.list(limit=200),
    "the next page of all stages": lambda rows: rows.stages.list(after=(NOW, "s1"), limit=200),
    "a page of a project": lambda rows: rows.stages.list("demo", after=(NOW, "s1"), limit=200),
    "a page of a version": lambda rows: rows.stages.list(version="1.0", limit=200),
    "a page of a release": lambda rows: rows.stages.list("demo", version="1.0", limit=200),
    "a page of live stages": lambda rows: rows.stages.list(statuses=LIVE, limit=200),
    "a page of published stages": lambda rows: rows.stages.list(
        statuses={Status.PUBLISHED}, limit=200
    ),
    "a page of canceled stages": lambda rows: rows.stages.list(
        statuses={Status.CANCELED}, limit=200
    ),
    "a page of a status": lambda rows: rows.stages.list(statuses={Status.ERROR}, limit=200),
    "the live stages of a project, by page": lambda rows: rows.stages.list(
        "demo", statuses=LIVE, after=(NOW, "s1"), limit=200
    ),
    "published stages of a release": lambda rows: rows.stages.list(
        "demo", version="1.0", statuses={Status.PUBLISHED}, limit=200
    ),
    "the sessions of a holder": lambda rows: rows.sessions.list(HOLDER),
    "a session": lambda rows: rows.sessions.find("0" * 64),
    "removing the sessions of a holder": lambda rows: rows.sessions.remove_of(HOLDER),
    "removing expired sessions": lambda rows: rows.sessions.remove_expired(NOW),
    "the latest stage of a project": lambda rows: rows.stages.find_latest("demo", None),
    "the latest stage of a release": lambda rows: rows.stages.find_latest("demo", "1.0"),
    "the live stages of a project": lambda rows: rows.stages.list_live("demo"),
    "the live stage of a release": lambda rows: rows.stages.find_live("demo", "1.0"),
    "a stage by its token": lambda rows: rows.stages.find_by_token("0" * 64),
    "expired stages": lambda rows: rows.stages.list_expired(NOW, 200),
    "ended stages": lambda rows: rows.stages.list_ended(NOW, 200),
    "removing a stage": remove_stage,
    "saving an artifact": save_artifact,
    "expired file uploads": lambda rows: rows.file_uploads.list_expired(NOW, 200),
    "file uploads in progress": lambda rows: rows.file_uploads.list_processing(),
    "unused files": lambda rows: rows.files.remove_unused(NOW, since=NOW, prefix="a1"),
    "some files": lambda rows: rows.files.digests("a1"),
    "totals": lambda rows: rows.totals(),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_no_query_reads_all_rows(tables: Tables, query: Callable[[Rows], object]) -> None:
    """No query of a request or of a cleanup reads a whole table or sorts it."""
    statements: list[str] = []
    tables.conn.set_trace_callback(statements.append)
    query(SqlRows(tables))
    tables.conn.set_trace_callback(None)

    steps = [step for one in statements if _is_ours(one) for step in _plan(tables, one)]
    assert [step for step in steps if not _is_cheap(step)] == []


def test_a_scan_is_found(tables: Tables) -> None:
    """A query without an index would be noticed."""
    (step,) = _plan(tables, "SELECT * FROM stage WHERE reason = 'Why.'")

    assert not _is_cheap(step)


def _is_ours(statement: str) -> bool:
    """Return whether a statement reads or writes our tables, and is no comment or pragma."""
    is_statement = statement.lstrip().upper().startswith(_STATEMENTS)
    return is_statement and any(name in statement for name in _TABLES)


def _plan(tables: Tables, statement: str) -> list[str]:
    plan = tables.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    return [row["detail"] for row in plan]


def _is_cheap(step: str) -> bool:
    is_scan = step.startswith("SCAN") and step not in SHORT
    return not is_scan and "TEMP B-TREE" not in step
