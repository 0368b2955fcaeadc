"""Copies of the catalogue from before a migration: the way back to the version before."""

import os
from pathlib import Path

from sqlite_utils import Database as Tables

from stageproxy.store.disk import Disk
from stageproxy.store.files import flush_folder

_MOST = 3


class NoCopyError(Exception):
    """There is no space for the copy that is made before a migration."""


def copies_folder(database: Path) -> Path:
    """Return the folder of the copies of a catalogue."""
    return database.parent / "backups"


def copy_before(tables: Tables, database: Path, step: str) -> None:
    """Copy a catalogue that is about to be migrated by *step*, and remove the oldest copies."""
    folder = copies_folder(database)
    require_space_for_copy(tables, database, free=Disk(database.parent).space.free)
    folder.mkdir(mode=0o700, exist_ok=True)
    copy, draft = copy_of(database, step), folder / "incomplete"
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600))
    tables.execute("VACUUM INTO ?", (str(draft),))
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(copy)
    flush_folder(folder)
    for path in sorted(folder.glob(f"{database.name}.before-*"))[:-_MOST]:
        path.unlink()


def copy_of(database: Path, step: str) -> Path:
    """Return the path of the copy of a catalogue from before a migration."""
    return copies_folder(database) / f"{database.name}.before-{step}"


def require_space_for_copy(tables: Tables, database: Path, *, free: int) -> None:
    """Raise unless *free* bytes suffice for the copy, and for the migration as much again."""
    pages = tables.execute("PRAGMA page_count").fetchone()[0]
    needed = 2 * pages * tables.execute("PRAGMA page_size").fetchone()[0]
    if free < needed:
        msg = (
            f"The database {database} is from an older stageproxy, and is copied before it is "
            f"changed: this needs {needed / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB are free. "
            "Nothing was changed. Make room, or make a backup elsewhere with the older version "
            "and set storage.copy_before_migration = false."
        )
        raise NoCopyError(msg)
