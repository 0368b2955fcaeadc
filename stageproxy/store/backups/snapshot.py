"""A copy of the catalogue at one moment, made while a server may be writing it."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.store.backups.manifest import CATALOGUE, BackedUpFile, BackupError, Part
from stageproxy.store.directory import is_in_use
from stageproxy.store.sqlite.database import Connection, connect, has_wal_bug, open_read_only
from stageproxy.store.sqlite.migrations import applied_steps

_COUNTED = ("stage", "artifact", "api_token", "audit_record", "stored_file")
_CHUNK = 2**20
_MODE_IN_HEADER = slice(18, 20)
_WAL = b"\x02\x02"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the catalogue in a file, and what it names."""

    path: Path
    part: Part
    steps: tuple[str, ...]
    counts: Mapping[str, int]
    files: tuple[BackedUpFile, ...]


class SnapshotSource(Protocol):
    """A catalogue of which snapshots are taken: SQLite files, whatever database it is."""

    def copy(self, path: Path) -> None:
        """Copy the catalogue to a new SQLite file at *path*, as it is at one moment."""

    def writers_held(self) -> AbstractContextManager[None]:
        """Hold up whoever begins to change it, after those that have begun have ended.

        A sweep deletes files before its transaction is committed.
        """


@dataclass(frozen=True, slots=True)
class SqliteSource:
    """The catalogue in the SQLite file of a data directory; see `SnapshotSource`."""

    root: Path
    sqlite_version: tuple[int, ...] | None = None

    def copy(self, path: Path) -> None:
        """Copy the catalogue, which may be in use."""
        require_safe_connection(self.root, self.sqlite_version)
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with _readable(self.root / CATALOGUE) as connection:
            connection.execute("VACUUM INTO ?", (str(path),))
        with path.open("rb") as file:
            os.fsync(file.fileno())

    @contextmanager
    def writers_held(self) -> Iterator[None]:
        """Hold up whoever begins to write the file."""
        with closing(connect((self.root / CATALOGUE).absolute().as_uri())) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


def take_snapshot(source: SnapshotSource, path: Path) -> Snapshot:
    """Copy a catalogue to *path*, and return what the copy names."""
    source.copy(path)
    return read_snapshot(path)


def read_snapshot(path: Path) -> Snapshot:
    """Return what a copy of the catalogue names. Raise if it is damaged."""
    with _readable(path) as connection:
        problem = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        tables = Tables(connection, execute_plugins=False)
        present = set(tables.table_names())
        rows = connection.execute("SELECT sha256, size FROM stored_file ORDER BY sha256")
        files = tuple(BackedUpFile(sha256=row["sha256"], size=row["size"]) for row in rows)
        return Snapshot(
            path,
            part_of(path, CATALOGUE),
            applied_steps(tables),
            {name: tables.table(name).count for name in _COUNTED if name in present},
            files,
        )


def part_of(path: Path, name: str) -> Part:
    """Return the size and the digest of a file as a part of a backup."""
    with path.open("rb") as file:
        return Part.model_validate(
            {"name": name, "size": path.stat().st_size, "sha256": digest_of(file)}
        )


def digest_of(file: BinaryIO) -> str:
    """Return the SHA-256 of the rest of an open file."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _readable(path: Path) -> Iterator[Connection]:
    """Open a catalogue for reading, and explain why it cannot be read."""
    try:
        with closing(open_read_only(path)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        msg = f"{path} cannot be copied: {error}."
        raise BackupError(msg) from error
    except sqlite3.DatabaseError as error:
        msg = (
            f"{path} is damaged: {error}. Restore the last good backup; docs/how-to/recovery.md "
            "shows how."
        )
        raise BackupError(msg) from error


def require_safe_connection(root: Path, sqlite_version: tuple[int, ...] | None = None) -> None:
    """Raise where a second connection could corrupt the catalogue of a running server."""
    version = sqlite_version or sqlite3.sqlite_version_info
    if not has_wal_bug(version) or not is_in_use(root):
        return
    with (root / CATALOGUE).open("rb") as file:
        header = file.read(_MODE_IN_HEADER.stop)
    if header[_MODE_IN_HEADER] == _WAL:
        numbers = ".".join(map(str, version))
        msg = (
            f"SQLite {numbers} has a bug that could damage the database of the running server. "
            "Stop the server, or install pysqlite3 or a newer SQLite, and run this again."
        )
        raise BackupError(msg)
