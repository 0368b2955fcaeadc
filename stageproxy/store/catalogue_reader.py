"""Reading a whole catalogue for fsck: row by row, so that an unreadable one hides no other."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.audit import AuditRecord
from stageproxy.core.care.snapshot import (
    Snapshot,
    StageTokenRow,
    UnreadableCatalogueError,
    UnreadableRow,
)
from stageproxy.core.promotion.journal import Entry
from stageproxy.core.stage.file_uploads import UNFINISHED, FileUpload
from stageproxy.store.backups.snapshot import SnapshotSource
from stageproxy.store.rows.audit import SqlAuditRows
from stageproxy.store.rows.columns import (
    Row,
    Statements,
    api_token_in,
    artifact_in,
    entry_in,
    file_upload_in,
    promotion_in,
    stage_in,
)
from stageproxy.store.sqlite.database import open_read_only
from stageproxy.store.sqlite.migrations import check_schema, is_migrated, migrate
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError

T = TypeVar("T")

_PAGE = 1000
_BLANKS = re.compile(r"\s+")


class CatalogueReader:
    """Reads a database without changing it, beside a server that may use it.

    No transaction is long: where SQLite has one lock for readers and writers, the server
    would wait for it.
    """

    def __init__(self, path: Path) -> None:
        with _readable(path):
            self._connection = open_read_only(path)
        # An unreadable character must not hide the other rows.
        self._connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
        self._session = Tables(self._connection, execute_plugins=False)
        self._path = path

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self._connection.close()

    def damage(self) -> Sequence[str]:
        """Return what SQLite finds wrong with the file, and with references between rows."""
        with _readable(self._path):
            found = self._connection.execute("PRAGMA integrity_check").fetchall()
            strays = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        sentences = [str(row[0]) for row in found if row[0] != "ok"]
        sentences += [
            f"row {row['rowid']} of {row['table']} refers to a missing {row['parent']}"
            for row in strays
        ]
        return sentences

    def missing_from_schema(self) -> Sequence[str]:
        """Return which tables, indexes and triggers are missing or other than they should be.

        Nothing if migrations are pending: the next start of the server applies them.
        """
        with _readable(self._path):
            check_schema(self._session)
            if not is_migrated(self._session):
                return []
            present = _schema_of(self._session)
        with Tables(memory=True) as empty:
            migrate(empty)
            wanted = _schema_of(empty)
        return sorted(
            f"{kind} {name}"
            for (kind, name), sql in wanted.items()
            if present.get((kind, name)) != sql
        )

    def snapshot(self) -> Snapshot:
        """Return all rows as they are now, in one transaction."""
        with _readable(self._path), self._transaction():
            return _SnapshotRows(self._session).read()

    def audit_pages(self) -> Iterator[Sequence[AuditRecord]]:
        """Return the records of the audit trail, some at a time."""
        rows = SqlAuditRows(self._session)
        after = 0
        with _readable(self._path):
            while page := rows.list(after=after, limit=_PAGE):
                yield page
                after = page[-1].number

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")


@dataclass(frozen=True, slots=True)
class CopiedCatalogue:
    """A catalogue in another database, of which a new snapshot in a *folder* is read each time."""

    source: SnapshotSource
    folder: Path

    def damage(self) -> Sequence[str]:
        """Return nothing: the database looks after its files and its references."""
        return ()

    def missing_from_schema(self) -> Sequence[str]:
        """Return nothing: a snapshot is taken only of what has the tables of this version."""
        return ()

    def snapshot(self) -> Snapshot:
        """Return all rows as they are now."""
        with self._copied() as reader:
            return reader.snapshot()

    def audit_pages(self) -> Iterator[Sequence[AuditRecord]]:
        """Return the records of the audit trail, some at a time."""
        with self._copied() as reader:
            yield from reader.audit_pages()

    @contextmanager
    def _copied(self) -> Iterator[CatalogueReader]:
        path = self.folder / "catalogue.db"
        try:
            self.source.copy(path)
        except UnusableDatabaseError as error:
            raise UnreadableCatalogueError(str(error)) from error
        with CatalogueReader(path) as reader:
            yield reader


class _SnapshotRows(Statements):
    """Reads the rows of a snapshot, and gathers those that cannot be read."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self._unreadable: list[UnreadableRow] = []

    def read(self) -> Snapshot:
        """Return the snapshot."""
        artifacts, uploads = self._of_stages("artifact", artifact_in), self._uploads()
        journals: dict[str, dict[str, Entry]] = defaultdict(dict)
        for stage_id, entries in self._of_stages("journal_entry", entry_in).items():
            journals[stage_id] = {entry.filename: entry for entry in entries}
        stages = self._each(
            "SELECT * FROM stage ORDER BY id",
            "stage",
            lambda row: stage_in(row, (), ()),
        )
        stored = self._all("SELECT sha256, size FROM stored_file")
        promotions = self._each("SELECT * FROM promotion", "promotion", promotion_in)
        return Snapshot(
            stages=[
                replace(
                    stage,
                    artifacts=tuple(artifacts.get(stage.id, ())),
                    uploads=tuple(uploads.get(stage.id, ())),
                )
                for stage in stages
            ],
            stored={row["sha256"]: row["size"] for row in stored},
            core_metadata=self._core_metadata(),
            tokens=self._each("SELECT * FROM api_token", "api_token", api_token_in),
            stage_tokens=[StageTokenRow(**row) for row in self._all("SELECT * FROM stage_token")],
            promotions={one.stage_id: one for one in promotions},
            journals=journals,
            unreadable=self._unreadable,
        )

    def _uploads(self) -> Mapping[str, Sequence[FileUpload]]:
        found = self._of_stages("file_upload", file_upload_in)
        return {
            stage_id: [one for one in uploads if one.status in UNFINISHED]
            for stage_id, uploads in found.items()
        }

    def _core_metadata(self) -> Mapping[tuple[str, str], str | None]:
        rows = self._all("SELECT stage_id, filename, core_metadata FROM artifact_source")
        return {
            (row["stage_id"], row["filename"]): _sha256_of(row["core_metadata"]) for row in rows
        }

    def _of_stages(self, table: str, convert: Callable[[Row], T]) -> Mapping[str, Sequence[T]]:
        """Return the values of a table by the stages that they belong to."""
        found: dict[str, list[T]] = defaultdict(list)
        sql = f"SELECT * FROM {table} ORDER BY stage_id, filename"  # noqa: S608 - a name of ours
        for stage_id, one in self._each(
            sql, table, lambda row: (str(row["stage_id"]), convert(row))
        ):
            found[stage_id].append(one)
        return found

    def _each(self, sql: str, table: str, convert: Callable[[Row], T]) -> list[T]:
        """Return the values of the rows that can be read."""
        values = []
        for row in self._all(sql):
            try:
                values.append(convert(row))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                self._unreadable.append(UnreadableRow(table, _key_of(row), str(error)))
        return values


def _schema_of(tables: Tables) -> dict[tuple[str, str], str]:
    rows = tables.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(row[0], row[1]): _BLANKS.sub(" ", row[2]) for row in rows}


def _key_of(row: Any) -> str:  # noqa: ANN401 - sqlite3's row, or pysqlite3's
    """Return what identifies a row for people: its id, or its stage and filename."""
    names = [name for name in ("id", "stage_id", "filename") if name in row.keys()]  # noqa: SIM118
    return " ".join(str(row[name]) for name in names)


def _sha256_of(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise `UnreadableCatalogueError` where SQLite or this version cannot read the database."""
    try:
        yield
    except NewerSchemaError as error:
        raise UnreadableCatalogueError(str(error)) from error
    except sqlite3.Error as error:
        msg = f"{path} cannot be read: {error}."
        raise UnreadableCatalogueError(msg) from error
