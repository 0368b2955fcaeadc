"""The database and the files of a server, where its settings put them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from stageproxy.catalogue import RunningCatalogue
from stageproxy.config import Config
from stageproxy.ports import Inspector
from stageproxy.server.identity import ServerFacts
from stageproxy.store.directory import DataDirectory, usable
from stageproxy.store.disk import Disk
from stageproxy.store.files import FileStore
from stageproxy.store.sqlite.database import Database, open_database
from stageproxy.store.sqlite.writer_lock import WriterLock


class MissingExtraError(Exception):
    """A setting needs packages that are not installed; the message says how to install them."""

    def __init__(self, setting: str, extra: str) -> None:
        super().__init__(
            f"{setting} needs the extra {extra}. Install it: pip install 'stageproxy[{extra}]'"
        )


@contextmanager
def open_catalogue(
    config: Config, directory: DataDirectory, disk: Disk, facts: ServerFacts
) -> Iterator[RunningCatalogue]:
    """Open the database for a server, or for one of its workers."""
    if config.storage.database:
        opened = open_postgres(config)
    elif facts.identity.is_alone:
        opened = open_whole_database(config, directory, disk)
    else:
        with _open_shared_database(directory, disk) as database:
            yield database
        return
    with closing(opened) as database:
        yield database


@contextmanager
def open_first(config: Config, directory: DataDirectory, disk: Disk) -> Iterator[RunningCatalogue]:
    """Open the database for the start of a server with several workers."""
    opened: RunningCatalogue
    if config.storage.database:
        opened = open_postgres(config)
    else:
        opened = open_whole_database(config, directory, disk)
    with closing(opened) as database:
        yield database


def open_whole_database(config: Config, directory: DataDirectory, disk: Disk) -> Database:
    """Return the SQLite database of a server at its start: checked, migrated, with its reserve."""
    database = open_database(
        directory.database, disk, copy_before_migration=config.storage.copy_before_migration
    )
    disk.restore_reserve()
    return database


def open_postgres(config: Config) -> RunningCatalogue:
    """Return the PostgreSQL database that the settings name, migrated."""
    try:
        # An extra: an installation without it does not need the module.
        from stageproxy.store.postgres.database import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("storage.database", "postgres") from error
    settings = config.postgres
    return PostgresDatabase(
        config.storage.database, max_connections=settings.max_connections, timeout=settings.timeout
    )


@contextmanager
def _open_shared_database(directory: DataDirectory, disk: Disk) -> Iterator[Database]:
    """Open the SQLite database for one of several workers, which share a lock to write it."""
    with (
        closing(WriterLock(directory.database)) as lock,
        Database(directory.database, disk=disk) as database,
    ):
        database.share_writing(lock.held)
        yield database


def open_files(directory: DataDirectory, inspector: Inspector, disk: Disk) -> FileStore:
    """Return the store of staged files."""
    root = directory.root / "files"
    with usable(root):
        return FileStore(root, inspector, disk)
