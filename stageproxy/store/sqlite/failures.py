"""What failures of SQLite mean for those whose request fails by them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.catalogue import ConstraintError
from stageproxy.core.errors import (
    DamagedDatabaseError,
    FailedDatabaseError,
    LockedDatabaseError,
    NoRoomError,
    StorageError,
)

log = logging.getLogger(__name__)


class DatabaseFullError(NoRoomError):
    """The database found no room on the disk: the reserve may help."""


_PRIMARY = 0xFF
"""The part of SQLite's extended code that names the kind of a failure."""

_READING: Mapping[int, type[StorageError]] = {
    sqlite3.SQLITE_BUSY: LockedDatabaseError,
    sqlite3.SQLITE_LOCKED: LockedDatabaseError,
    sqlite3.SQLITE_CORRUPT: DamagedDatabaseError,
    sqlite3.SQLITE_NOTADB: DamagedDatabaseError,
    sqlite3.SQLITE_IOERR: FailedDatabaseError,
    sqlite3.SQLITE_CANTOPEN: FailedDatabaseError,
    sqlite3.SQLITE_FULL: DatabaseFullError,
}
_WRITING = {
    **_READING,
    # On the connection for reading, this is a bug of ours.
    sqlite3.SQLITE_READONLY: FailedDatabaseError,
    sqlite3.SQLITE_PERM: FailedDatabaseError,
}


def meaning_of(error: BaseException, *, writing: bool) -> Exception | None:
    """Return what a failure means to the services, or `None` for any other error."""
    if isinstance(error, sqlite3.IntegrityError):
        return ConstraintError(str(error))
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    kind = (_WRITING if writing else _READING).get(code)
    return None if kind is None else kind()


@dataclass(slots=True)
class FailureLog:
    """Logs each kind of failure once, and not again until a transaction has been stored."""

    database: Path
    _logged: set[type[Exception]] = field(default_factory=set)

    def add(self, meaning: Exception, cause: BaseException) -> None:
        """Log what a failure means, if it is a new kind."""
        if isinstance(meaning, StorageError) and type(meaning) not in self._logged:
            self._logged.add(type(meaning))
            log.error("%s: %s (%s)", self.database, meaning, cause)

    def clear(self) -> None:
        """Log that changes are stored again. Damage does not go away."""
        gone = self._logged - {DamagedDatabaseError}
        if gone:
            self._logged -= gone
            log.info("%s: changes are stored again", self.database)


_RESTORE = "Restore the data directory from a backup."
_CHECK_ACCESS = (
    "The server has to write to it and to its directory: check their owner and permissions, and "
    "that the disk is not mounted read-only."
)
_FOR_OPERATORS: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: (
        "Another program has locked it: `fuser` shows which. End it, and start the server again."
    ),
    sqlite3.SQLITE_NOTADB: _RESTORE,
    sqlite3.SQLITE_CORRUPT: f"It is damaged. {_RESTORE}",
    sqlite3.SQLITE_READONLY: _CHECK_ACCESS,
    sqlite3.SQLITE_PERM: _CHECK_ACCESS,
    sqlite3.SQLITE_CANTOPEN: _CHECK_ACCESS,
    sqlite3.SQLITE_FULL: "The disk is full. Free some MiB on it.",
    sqlite3.SQLITE_IOERR: "The disk fails, or is full. Check it, and free some MiB on it.",
}


def opening_problem(path: Path, error: Exception) -> str:
    """Return why the database at a path cannot be used, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    advice = f" {_FOR_OPERATORS[code]}" if code in _FOR_OPERATORS else ""
    return f"{path} cannot be used: {error}.{advice}"
